"""The REST client against a server on loopback: parameters, budgets, answers and refusals."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from cex.common import Symbol
from cex.common.enums import KlineInterval, MarketType, Side
from cex.common.exceptions import (
    ExchangeConnectionException,
    ExchangeDataException,
    ExchangeException,
    ExchangeRejectedException,
    RateLimitException,
)
from cex.exchanges.base.catalogue import UnknownSymbolException
from cex.exchanges.base.offers import NotOfferedException
from cex.exchanges.mexc.config import MexcConfig
from cex.exchanges.mexc.rest import MexcRestClient, public_limiter
from cex.networking import RateLimiter, RetryPolicy

FakeMexc = Any

BTC = Symbol("BTC/USDT")


@pytest.fixture
def limiter() -> RateLimiter:
    return public_limiter()


@pytest.fixture
async def client(mexc: FakeMexc, limiter: RateLimiter) -> AsyncIterator[MexcRestClient]:
    rest = MexcRestClient(mexc.rest_url, limiter=limiter, retry=RetryPolicy(attempts=1))
    await rest.load_instruments()
    mexc.requests.clear()
    yield rest
    await rest.aclose()


async def test_instruments_load_and_a_strange_row_is_told(mexc: FakeMexc, caplog: pytest.LogCaptureFixture) -> None:
    rest = MexcRestClient(mexc.rest_url)
    with caplog.at_level(logging.WARNING):
        instruments = await rest.load_instruments()
    await rest.aclose()
    assert set(instruments) == {"BTC/USDT", "ETH/USDT", "龙虾/USDT"}
    assert instruments is rest.instruments
    assert "1 of 4 symbols left out" in caplog.text
    assert mexc.requests == [("/api/v3/exchangeInfo", {})]


async def test_a_clean_list_leaves_no_warning(mexc: FakeMexc, caplog: pytest.LogCaptureFixture) -> None:
    mexc.answers.append(web.Response(text='{"symbols":[]}'))
    rest = MexcRestClient(mexc.rest_url)
    assert len(await rest.load_instruments()) == 0
    await rest.aclose()
    assert caplog.records == []


async def test_server_time(client: MexcRestClient) -> None:
    assert await client.server_time() == 1_791_570_241_216_000_000


async def test_order_book_snapshot(mexc: FakeMexc, client: MexcRestClient) -> None:
    snapshot = await client.order_book_snapshot(BTC, 2)
    assert snapshot.symbol is BTC
    assert (snapshot.last_id, snapshot.limit) == (1000, 2)
    assert snapshot.bids == [(99.5, 1.0), (99.0, 2.0)]
    assert snapshot.asks == [(100.5, 1.0), (101.0, 2.0)]
    assert snapshot.exchange_ts == 1_791_570_241_216_000_000
    assert snapshot.received_ts > snapshot.exchange_ts - 10**18
    assert mexc.requests == [("/api/v3/depth", {"symbol": "BTCUSDT", "limit": "2"})]


async def test_the_usual_depth_is_1000(mexc: FakeMexc, client: MexcRestClient) -> None:
    assert (await client.order_book_snapshot("BTC/USDT")).limit == 1000
    assert mexc.requests[0][1]["limit"] == "1000"


@pytest.mark.parametrize("depth", [0, 2001])
async def test_depths_that_the_server_does_not_give(client: MexcRestClient, depth: int) -> None:
    with pytest.raises(ValueError, match="1 to 2000"):
        await client.order_book_snapshot(BTC, depth)


async def test_recent_trades(mexc: FakeMexc, client: MexcRestClient) -> None:
    older, newer = await client.recent_trades(BTC, 50)
    assert (older.side, older.price, older.quantity) == (Side.SELL, 99.5, 0.1)
    assert (newer.side, newer.price, newer.quantity) == (Side.BUY, 100.5, 0.2)
    assert newer.exchange_ts - older.exchange_ts == 1_000_000
    assert mexc.requests == [("/api/v3/trades", {"symbol": "BTCUSDT", "limit": "50"})]


@pytest.mark.parametrize("limit", [0, 1001])
async def test_numbers_of_trades_that_the_server_does_not_give(client: MexcRestClient, limit: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        await client.recent_trades(BTC, limit)


async def test_ticker_and_average_price(mexc: FakeMexc, client: MexcRestClient) -> None:
    ticker = await client.ticker(BTC)
    assert (ticker.symbol, ticker.last, ticker.quote_volume) == (BTC, 100.0, None)
    assert await client.average_price("BTC/USDT") == 46786.1
    assert mexc.requests == [
        ("/api/v3/ticker/24hr", {"symbol": "BTCUSDT"}),
        ("/api/v3/avgPrice", {"symbol": "BTCUSDT"}),
    ]


async def test_all_tickers_weigh_40(mexc: FakeMexc, client: MexcRestClient, limiter: RateLimiter) -> None:
    before = limiter.budget_left("ip")
    assert set(await client.all_tickers()) == {"BTC/USDT", "ETH/USDT", "龙虾/USDT"}
    assert mexc.requests == [("/api/v3/ticker/24hr", {})]
    assert before - limiter.budget_left("ip") == 40
    with pytest.raises(NotOfferedException, match="tickers of futures; it offers spot"):
        await client.all_tickers(MarketType.FUTURES)


async def test_a_ticker_that_is_left_out_is_told(
    mexc: FakeMexc, client: MexcRestClient, caplog: pytest.LogCaptureFixture
) -> None:
    mexc.answers.append(web.Response(text='[{"symbol":"BTCUSDT","lastPrice":""},{"symbol":"ETHUSDT","lastPrice":"2"}]'))
    with caplog.at_level(logging.INFO):
        assert list(await client.all_tickers(MarketType.SPOT)) == ["ETH/USDT"]
    assert "1 tickers left out" in caplog.text


async def test_recent_klines_end_with_the_open_one(mexc: FakeMexc, client: MexcRestClient) -> None:
    klines = await client.recent_klines(BTC, KlineInterval.M1, 3)
    minutes = [kline.open_ts // (60 * 10**9) for kline in klines]
    assert minutes == sorted(minutes)
    assert [kline.closed for kline in klines] == [True, True, False]
    assert mexc.requests == [
        ("/api/v3/time", {}),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "3"}),
    ]
    await client.recent_klines(BTC, KlineInterval.M1, 3)
    assert [path for path, _ in mexc.requests[2:]] == ["/api/v3/klines"], "the clock was asked once"


@pytest.mark.parametrize(
    ("interval", "name"), [(KlineInterval.H1, "60m"), (KlineInterval.W1, "1W"), (KlineInterval.MO1, "1M")]
)
async def test_intervals_have_names_of_their_own(
    mexc: FakeMexc, client: MexcRestClient, interval: KlineInterval, name: str
) -> None:
    mexc.answers.extend([web.Response(text='{"serverTime":1}'), web.Response(text="[]")])
    assert await client.recent_klines(BTC, interval) == []
    assert mexc.requests[-1][1]["interval"] == name


async def test_candles_that_the_server_does_not_give(mexc: FakeMexc, client: MexcRestClient) -> None:
    with pytest.raises(NotOfferedException, match="8h candles of spot by REST; it offers 1m, 5m, 15m, 30m, 1h, 4h, 1d"):
        await client.recent_klines(BTC, KlineInterval.H8)
    for limit in (0, 1001):
        with pytest.raises(ValueError, match="1 to 1000"):
            await client.recent_klines(BTC, KlineInterval.M1, limit)
    assert client.intervals(MarketType.FUTURES) == ()
    assert mexc.requests == []


@pytest.mark.parametrize("cap", [1000, 500])
async def test_klines_of_a_range_are_whole(mexc: FakeMexc, client: MexcRestClient, cap: int) -> None:
    mexc.kline_cap = cap
    minute = 60 * 10**9
    end = 1_791_570_241_216_000_000 // minute - 5
    start = end - 2500
    told: list[tuple[int, int]] = []
    klines = client.klines(
        BTC, KlineInterval.M1, start * minute, end * minute, on_progress=lambda *facts: told.append(facts)
    )
    assert [kline.open_ts // minute async for kline in klines] == [at for at in range(start, end) if at % 7]
    assert told == [(999, 2500), (1998, 2500), (2500, 2500)]
    pages = [asked for path, asked in mexc.requests if path == "/api/v3/klines"]
    assert pages[0] == {
        "symbol": "BTCUSDT",
        "interval": "1m",
        "startTime": str(start * 60_000),
        "endTime": str((start + 999) * 60_000),
        "limit": "1000",
    }
    assert len(pages) >= (3 if cap == 1000 else 6)
    assert len(pages) <= 9, "an end of a page where nothing was traded is asked for once more"


async def test_aggregated_trades_of_hours(mexc: FakeMexc, client: MexcRestClient) -> None:
    base = 1_790_000_000
    mexc.trade_seconds = [base - 1, base, base + 1, base + 3600, base + 7199, base + 7200]
    trades = await client.aggregated_trades(BTC, base * 10**9 - 1, (base + 7200) * 10**9)
    assert [trade.exchange_ts // 10**9 - base for trade in trades] == [0, 1, 3600, 7199]
    assert [asked["startTime"] for _, asked in mexc.requests] == [f"{base}000", f"{base + 3600}000"]
    assert [asked["endTime"] for _, asked in mexc.requests] == [f"{base + 3599}999", f"{base + 7199}999"]


async def test_more_aggregated_trades_than_an_answer_holds(mexc: FakeMexc, client: MexcRestClient) -> None:
    base = 1_790_000_000
    mexc.trade_seconds = [base + number // 2 for number in range(1600)]
    trades = await client.aggregated_trades(BTC, base * 10**9, (base + 1000) * 10**9)
    assert [trade.exchange_ts // 10**9 for trade in trades] == mexc.trade_seconds
    mexc.trade_seconds = [base] * 1001
    with pytest.raises(ExchangeDataException, match="in one second"):
        await client.aggregated_trades(BTC, base * 10**9, (base + 4) * 10**9)


async def test_an_empty_range_of_aggregated_trades_asks_nothing(mexc: FakeMexc, client: MexcRestClient) -> None:
    assert await client.aggregated_trades(BTC, 5, 5) == []
    assert mexc.requests == []


async def test_names_of_another_script_are_encoded_once(mexc: FakeMexc, client: MexcRestClient) -> None:
    await client.recent_trades("龙虾/USDT", 1)
    assert mexc.requests == [("/api/v3/trades", {"symbol": "龙虾USDT", "limit": "1"})]


async def test_an_unlisted_symbol_costs_no_request(mexc: FakeMexc, client: MexcRestClient) -> None:
    with pytest.raises(UnknownSymbolException, match="did you mean BTC/USDT"):
        await client.recent_trades("BTCUSDT")
    assert mexc.requests == []


async def test_requests_cost_their_weight(client: MexcRestClient, limiter: RateLimiter) -> None:
    assert limiter.budget_left("ip") == 290  # the list of instruments weighs 10
    await client.server_time()
    await client.order_book_snapshot(BTC)
    await client.recent_trades(BTC)
    assert limiter.budget_left("ip") == 290 - 1 - 1 - 5
    assert limiter.budget_left("requests") == 15 - 4


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "retryable"),
    [
        (400, '{"code":-1121,"msg":"Invalid symbol."}', ExchangeRejectedException, "-1121", False),
        (400, '{"code":10007,"msg":"symbol not support api"}', ExchangeRejectedException, "10007", False),
        (200, '{"code":30016,"msg":"trading disabled"}', ExchangeRejectedException, "30016", False),
        (429, '{"code":429,"msg":"Too Many Requests"}', RateLimitException, "429", True),
        (503, '{"code":503,"msg":"service not available, please try again"}', ExchangeConnectionException, "503", True),
        (502, "<html>Bad Gateway</html>", ExchangeConnectionException, "502", True),
        (404, "", ExchangeRejectedException, "404", False),
    ],
)
async def test_refusals_are_typed(
    mexc: FakeMexc,
    client: MexcRestClient,
    status: int,
    body: str,
    kind: type[ExchangeException],
    code: str,
    retryable: bool,
) -> None:
    mexc.answers.append(web.Response(status=status, text=body))
    with pytest.raises(ExchangeException) as caught:
        await client.recent_trades(BTC)
    error = caught.value
    assert type(error) is kind
    assert (error.exchange_code, error.retryable) == (code, retryable)
    assert (error.operation, error.endpoint, error.attempt) == ("recent_trades", "GET /api/v3/trades", 1)


async def test_the_firewall_pauses_every_budget(mexc: FakeMexc, client: MexcRestClient, limiter: RateLimiter) -> None:
    mexc.answers.append(web.Response(status=403, text="<html><h1>403 Forbidden</h1></html>", content_type="text/html"))
    with pytest.raises(RateLimitException, match="firewall") as caught:
        await client.server_time()
    assert caught.value.retry_after == 90.0
    assert limiter.budget_left("ip") == limiter.budget_left("requests") == 0
    assert 85 < limiter.paused_for("ip") <= 95


async def test_the_servers_own_wait_is_kept(mexc: FakeMexc, client: MexcRestClient, limiter: RateLimiter) -> None:
    mexc.answers.append(
        web.Response(status=429, text='{"code":429,"msg":"Too Many Requests"}', headers={"Retry-After": "7"})
    )
    with pytest.raises(RateLimitException) as caught:
        await client.server_time()
    assert caught.value.retry_after == 7.0
    assert limiter.budget_left("ip") == 0


async def test_a_read_is_tried_again(mexc: FakeMexc) -> None:
    rest = MexcRestClient(mexc.rest_url, retry=RetryPolicy(attempts=2, first=0.01, most=0.01))
    mexc.answers.append(web.Response(status=503, text="<html>"))
    assert await rest.server_time() == 1_791_570_241_216_000_000
    await rest.aclose()
    assert len(mexc.requests) == 2


@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"lastUpdateId":1,"bids":[["x","1"]],"asks":[]}'])
async def test_answers_that_do_not_decode(mexc: FakeMexc, client: MexcRestClient, body: str) -> None:
    mexc.answers.append(web.Response(text=body))
    with pytest.raises(ExchangeDataException) as caught:
        await client.order_book_snapshot(BTC)
    assert caught.value.channel == "/api/v3/depth"


async def test_success_of_newer_services_is_no_refusal(mexc: FakeMexc, client: MexcRestClient) -> None:
    body = {"code": 0, "msg": "success", "serverTime": 1_791_570_241_216}
    mexc.answers.append(web.Response(text=json.dumps(body)))
    assert await client.server_time() == 1_791_570_241_216_000_000


async def test_from_config(mexc: FakeMexc) -> None:
    config = MexcConfig(endpoints={"rest": mexc.rest_url, "ws": mexc.ws_url})
    rest = MexcRestClient.from_config(config)
    assert await rest.server_time() == 1_791_570_241_216_000_000
    await rest.aclose()
    with pytest.raises(ExchangeException):
        await rest.server_time()
