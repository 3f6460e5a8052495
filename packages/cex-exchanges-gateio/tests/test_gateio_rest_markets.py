"""Both markets by REST, at a small exchange in memory that answers by path and holds candles and funding of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from cex.common.clock import ManualClock
from cex.common.enums import KlineInterval, MarketType
from cex.common.exceptions import ExchangeDataException, ExchangeRejectedException
from cex.exchanges.base.catalogue import UnknownSymbolException
from cex.exchanges.base.offers import NotOfferedException
from cex.exchanges.gateio.rest import GateioRestClient, public_limiter
from cex.exchanges.gateio.rest.connection import PATHS
from cex.networking import HttpAnswer, RetryPolicy, Timeouts

Sample = Callable[[str], bytes]
SPOT, FUTURES = MarketType.SPOT, MarketType.FUTURES
SECOND = 10**9
NOW_S = 1_700_000_000
WIDTHS = {"1s": 1, "10s": 10, "1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14400, "8h": 28800}


class Gate:
    """Answers like Gate.io. A candle's close is its own opening time, so that every one can be told from the others."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: list[Mapping[str, str]] = []
        self.instead: dict[str, tuple[int, bytes]] = {}
        self.funding: list[int] = []

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> HttpAnswer:
        parts = urlsplit(url)
        path, query = parts.path.removeprefix("/api/v4"), dict(parse_qsl(parts.query))
        self.asked.append((path, query))
        self.headers.append(headers)
        if path in self.instead:
            status, said = self.instead[path]
            return HttpAnswer(status, {}, said)
        status, answer = self.answer(path, query)
        return HttpAnswer(status, {}, json.dumps(answer).encode())

    async def aclose(self) -> None:
        return

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, object]:
        match path:
            case "/spot/currency_pairs":
                return 200, [self.pair(base) for base in ("BTC", "ETH", "币安人生")]
            case "/futures/usdt/contracts":
                return 200, [self.contract(base) for base in ("BTC", "币安人生")]
            case "/spot/candlesticks":
                return self.candles(query, 1000, lambda t: [str(t), "7", str(t), "9", "1", "2", "3", "true"])
            case "/futures/usdt/candlesticks":
                return self.candles(
                    query, 2000, lambda t: {"t": t, "v": 30, "c": str(t), "h": "9", "l": "1", "o": "2", "sum": "7"}
                )
            case "/futures/usdt/funding_rate":
                limit, first, last = int(query["limit"]), int(query["from"]), int(query["to"])
                rows = [{"t": t, "r": "0.0001"} for t in sorted(self.funding, reverse=True) if first <= t <= last]
                return 200, rows[:limit]
            case _ if path.startswith("/futures/usdt/contracts/"):
                return 200, self.contract(unquote(path).rpartition("/")[2].removesuffix("_USDT"))
        return 404, {"label": "NOT_FOUND"}

    def pair(self, base: str) -> dict[str, object]:
        return {
            "id": f"{base}_USDT",
            "base": base,
            "quote": "USDT",
            "precision": 1,
            "amount_precision": 4,
            "trade_status": "tradable",
        }

    def contract(self, base: str) -> dict[str, object]:
        return {
            "name": f"{base}_USDT",
            "type": "direct",
            "quanto_multiplier": "0.0001",
            "order_price_round": "0.1",
            "order_size_min": "1",
            "funding_rate": "0.0003",
            "funding_interval": 14400,
            "funding_next_apply": NOW_S + 600,
        }

    def candles(self, query: dict[str, str], most: int, row: Callable[[int], object]) -> tuple[int, object]:
        width = WIDTHS[query["interval"]]
        if "limit" in query:
            if "from" in query or int(query["limit"]) > most:
                return 400, {"label": "INVALID_PARAM_VALUE", "message": "limit"}
            last = NOW_S - NOW_S % width
            return 200, [row(last - width * back) for back in reversed(range(int(query["limit"])))]
        first, last = int(query["from"]), min(int(query["to"]), NOW_S)
        opens = range(first + -first % width, last + 1, width)
        if len(opens) > most:
            return 400, {"label": "INVALID_PARAM_VALUE", "message": "Too many data points"}
        return 200, [row(t) for t in opens]


@pytest.fixture
async def gate(virtual_clock: ManualClock) -> Gate:
    return Gate(virtual_clock)


async def client(gate: Gate, **options: Any) -> GateioRestClient:
    rest = GateioRestClient(transport=gate, clock=gate.clock, retry=RetryPolicy(attempts=1), **options)
    await rest.load_instruments()
    gate.asked.clear()
    gate.headers.clear()
    return rest


async def test_both_markets_are_listed_and_one_name_is_two_instruments(gate: Gate) -> None:
    rest = await client(gate)
    assert {str(symbol) for symbol in rest.instruments} == {
        "BTC/USDT",
        "ETH/USDT",
        "币安人生/USDT",
        "BTC/USDT:USDT",
        "币安人生/USDT:USDT",
    }
    assert rest.instruments["BTC/USDT"].exchange_symbol == rest.instruments["BTC/USDT:USDT"].exchange_symbol
    assert rest.instruments["BTC/USDT"].contract_size == 1


async def test_what_is_not_served_is_neither_listed_nor_asked(gate: Gate) -> None:
    rest = GateioRestClient(transport=gate, clock=gate.clock, markets=(SPOT,))
    await rest.load_instruments()
    assert [path for path, _ in gate.asked] == ["/spot/currency_pairs"]
    with pytest.raises(UnknownSymbolException, match="did you mean BTC/USDT"):
        await rest.recent_trades("BTC/USDT:USDT")
    with pytest.raises(NotOfferedException, match="it offers spot"):
        await rest.all_tickers(FUTURES)
    assert rest.intervals(FUTURES) == ()


async def test_contracts_are_not_cut_by_a_limit_and_sizes_come_with_decimals(gate: Gate) -> None:
    rest = GateioRestClient(transport=gate, clock=gate.clock)
    await rest.load_instruments()
    assert ("/futures/usdt/contracts", {}) in gate.asked
    of_spot, of_futures = gate.headers
    assert "X-Gate-Size-Decimal" not in of_spot
    assert of_futures["X-Gate-Size-Decimal"] == "1"


async def test_every_endpoint_has_a_budget_of_its_own(gate: Gate, sample: Sample) -> None:
    limiter = public_limiter(gate.clock)
    rest = await client(gate, limiter=limiter)
    gate.instead["/futures/usdt/order_book"] = 200, sample("rest_futures_order_book")
    await rest.order_book_snapshot("BTC/USDT:USDT")
    await rest.funding_rate("BTC/USDT:USDT")
    await rest.funding_rate("币安人生/USDT:USDT")
    spent = {path: 200 - limiter.budget_left(path) for path in PATHS}
    assert {path: weight for path, weight in spent.items() if weight} == {
        "/spot/currency_pairs": 1,
        "/futures/usdt/contracts": 1,
        "/futures/usdt/order_book": 1,
        "/futures/usdt/contracts/{contract}": 2,
    }


async def test_a_book_of_futures(gate: Gate, sample: Sample) -> None:
    rest = await client(gate)
    gate.instead["/futures/usdt/order_book"] = 200, sample("rest_futures_order_book_decimal")
    book = await rest.order_book_snapshot("BTC/USDT:USDT", 300, resync=True)
    assert gate.asked == [("/futures/usdt/order_book", {"contract": "BTC_USDT", "limit": "300", "with_id": "true"})]
    assert (book.symbol, book.last_id, book.limit) == ("BTC/USDT:USDT", 123456, 300)
    assert book.asks == [(1.52, 0.01), (1.53, 0.00123)]
    with pytest.raises(ValueError, match="1 to 300"):
        await rest.order_book_snapshot("BTC/USDT:USDT", 301)


async def test_trades_of_futures_are_oldest_first(gate: Gate, sample: Sample) -> None:
    rest = await client(gate)
    (newest,) = json.loads(sample("rest_futures_trades"))
    gate.instead["/futures/usdt/trades"] = 200, json.dumps([newest, {**newest, "id": 7, "size": "12.5"}]).encode()
    trades = await rest.recent_trades("BTC/USDT:USDT", 2)
    assert [(trade.trade_id, trade.quantity) for trade in trades] == [("7", 0.00125), ("121234231", 0.01)]
    assert gate.asked == [("/futures/usdt/trades", {"contract": "BTC_USDT", "limit": "2"})]


async def test_a_refusal_without_a_message(gate: Gate, sample: Sample) -> None:
    rest = await client(gate)
    gate.instead["/futures/usdt/order_book"] = 400, sample("rest_error_contract_not_found")
    with pytest.raises(ExchangeRejectedException) as caught:
        await rest.order_book_snapshot("BTC/USDT:USDT")
    assert caught.value.exchange_code == "CONTRACT_NOT_FOUND"
    assert not caught.value.retryable


# ---- tickers -------------------------------------------------------------------------------------------------------


async def test_a_ticker(gate: Gate, sample: Sample) -> None:
    rest = await client(gate)
    gate.instead = {
        "/spot/tickers": (200, sample("rest_spot_tickers")),
        "/futures/usdt/tickers": (200, sample("rest_futures_tickers")),
    }
    assert (await rest.ticker("BTC/USDT")).last == 26452.6
    perpetual = await rest.ticker("BTC/USDT:USDT")
    assert (perpetual.mark_price, perpetual.index_price, perpetual.funding_rate) == (6534.0, 6531.0, 0.0001)
    assert gate.asked == [
        ("/spot/tickers", {"currency_pair": "BTC_USDT"}),
        ("/futures/usdt/tickers", {"contract": "BTC_USDT"}),
    ]


@pytest.mark.parametrize("symbol", ["ETH/USDT", "币安人生/USDT:USDT"])
async def test_a_ticker_of_something_else_is_an_error(gate: Gate, sample: Sample, symbol: str) -> None:
    rest = await client(gate)
    gate.instead = {
        "/spot/tickers": (200, sample("rest_spot_tickers")),
        "/futures/usdt/tickers": (200, sample("rest_futures_tickers")),
    }
    with pytest.raises(ExchangeDataException, match="says nothing about"):
        await rest.ticker(symbol)


async def test_every_ticker_of_what_is_listed(gate: Gate) -> None:
    rest = await client(gate)
    pairs = [{"currency_pair": f"{base}_USDT", "last": last} for base, last in (("BTC", "2"), ("ETH", ""), ("XX", "1"))]
    contracts = [{"contract": "BTC_USDT", "last": "3", "volume_24h": 50_000}, {"contract": "XX_USDT", "last": "1"}]
    gate.instead = {
        "/spot/tickers": (200, json.dumps(pairs).encode()),
        "/futures/usdt/tickers": (200, json.dumps(contracts).encode()),
    }
    every = await rest.all_tickers()
    assert {str(symbol): ticker.last for symbol, ticker in every.items()} == {
        "BTC/USDT": 2.0,
        "ETH/USDT": 0.0,
        "BTC/USDT:USDT": 3.0,
    }
    assert every[rest.instruments.symbol("BTC/USDT:USDT")].base_volume == 5.0
    gate.asked.clear()
    assert [str(symbol) for symbol in await rest.all_tickers(FUTURES)] == ["BTC/USDT:USDT"]
    assert gate.asked == [("/futures/usdt/tickers", {})]


# ---- candles -------------------------------------------------------------------------------------------------------


async def test_the_widths_of_each_market(gate: Gate) -> None:
    rest = await client(gate)
    assert rest.intervals(SPOT) == tuple(KlineInterval)
    assert rest.intervals(FUTURES) == tuple(width for width in KlineInterval if width is not KlineInterval.S1)
    with pytest.raises(NotOfferedException, match="1s candles of futures"):
        await rest.recent_klines("BTC/USDT:USDT", KlineInterval.S1)
    assert gate.asked == []


@pytest.mark.parametrize(
    ("symbol", "interval", "named"),
    [
        ("BTC/USDT", KlineInterval.W1, "7d"),
        ("BTC/USDT", KlineInterval.MO1, "30d"),
        ("BTC/USDT:USDT", KlineInterval.W1, "1w"),
        ("BTC/USDT:USDT", KlineInterval.MO1, "30d"),
    ],
)
async def test_weeks_and_months_have_other_names(gate: Gate, symbol: str, interval: KlineInterval, named: str) -> None:
    rest = await client(gate)
    gate.instead = {"/spot/candlesticks": (200, b"[]"), "/futures/usdt/candlesticks": (200, b"[]")}
    assert await rest.recent_klines(symbol, interval, 1) == []
    assert gate.asked[0][1]["interval"] == named


@pytest.mark.parametrize(("symbol", "most"), [("BTC/USDT", 1000), ("BTC/USDT:USDT", 2000)])
async def test_recent_candles(gate: Gate, symbol: str, most: int) -> None:
    rest = await client(gate)
    klines = await rest.recent_klines(symbol, KlineInterval.M1, most)
    assert [kline.open_ts for kline in klines] == sorted(kline.open_ts for kline in klines)
    assert len(klines) == most
    assert "from" not in gate.asked[0][1]
    with pytest.raises(ValueError, match=f"1 to {most}"):
        await rest.recent_klines(symbol, KlineInterval.M1, most + 1)


@pytest.mark.parametrize(("symbol", "pages"), [("BTC/USDT", 11), ("BTC/USDT:USDT", 6)])
@pytest.mark.parametrize("interval", [KlineInterval.S10, KlineInterval.M1, KlineInterval.H4])
async def test_ten_thousand_candles_have_no_hole_and_no_overlap(
    gate: Gate, symbol: str, pages: int, interval: KlineInterval
) -> None:
    rest = await client(gate)
    width = WIDTHS[interval]
    first = NOW_S - NOW_S % width - 10_500 * width
    told: list[tuple[int, int]] = []
    klines = [
        kline
        async for kline in rest.klines(
            symbol,
            interval,
            (first - 1) * SECOND + 1,
            (first + 10_500 * width) * SECOND,
            on_progress=lambda done, expected: told.append((done, expected)),
        )
    ]
    assert [kline.open_ts for kline in klines] == [(first + place * width) * SECOND for place in range(10_500)]
    assert all(
        kline.close == kline.open_ts / SECOND and kline.close_ts - kline.open_ts == width * SECOND for kline in klines
    )
    assert len(gate.asked) == pages
    assert told[-1] == (10_500, 10_500)


# ---- funding -------------------------------------------------------------------------------------------------------


async def test_the_rate_to_be_paid_next(gate: Gate) -> None:
    rest = await client(gate)
    rate = await rest.funding_rate("币安人生/USDT:USDT")
    assert (rate.symbol, rate.rate, rate.interval_s) == ("币安人生/USDT:USDT", 0.0003, 14400)
    assert rate.funding_ts == (NOW_S + 600) * SECOND
    assert gate.asked == [("/futures/usdt/contracts/%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F_USDT", {})]


@pytest.mark.parametrize("count", [0, 3, 1000, 1001, 2500])
async def test_every_rate_that_was_paid(gate: Gate, count: int) -> None:
    rest = await client(gate)
    start = NOW_S - NOW_S % 3600 - count * 3600
    gate.funding = [start - 3600, *(start + place * 3600 for place in range(count)), start + count * 3600]
    rates = await rest.funding_history("BTC/USDT:USDT", start * SECOND, (start + count * 3600) * SECOND)
    assert [rate.funding_ts for rate in rates] == [(start + place * 3600) * SECOND for place in range(count)]
    assert len(gate.asked) == -(-count // 1000)


async def test_spot_has_no_funding(gate: Gate) -> None:
    rest = await client(gate)
    with pytest.raises(NotOfferedException, match="no perpetual"):
        await rest.funding_rate("BTC/USDT")
    with pytest.raises(NotOfferedException, match="no perpetual"):
        await rest.funding_history("BTC/USDT", 0, 1)
    for asking in (rest.average_price("BTC/USDT"), rest.aggregated_trades("BTC/USDT", 0, 1)):
        with pytest.raises(NotOfferedException):
            await asking
    assert gate.asked == []
