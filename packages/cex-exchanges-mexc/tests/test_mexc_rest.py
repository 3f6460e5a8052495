"""The REST client against a server on loopback: parameters, budgets, answers and refusals."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from cex.common import Symbol
from cex.common.enums import Side
from cex.common.exceptions import (
    ExchangeConnectionException,
    ExchangeDataException,
    ExchangeException,
    ExchangeRejectedException,
    RateLimitException,
)
from cex.exchanges.base.catalogue import UnknownSymbolException
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
