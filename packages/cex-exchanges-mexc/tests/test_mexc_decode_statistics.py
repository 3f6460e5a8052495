"""Candles, tickers, aggregated trades and limited books: golden values of the samples, and the oddities around them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cex.common import BookSnapshot, Kline, Symbol, Ticker, Trade
from cex.common.enums import KlineInterval, Side
from cex.common.exceptions import ExchangeDataException
from cex.exchanges.mexc import decode
from cex.exchanges.mexc.wire import rest
from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper, parse_push

Reader = Callable[[str], bytes]

BTC, ETH = Symbol("BTC/USDT"), Symbol("ETH/USDT")
NOW = 1_790_000_000_000_000_000
SECOND = 10**9
M1 = KlineInterval.M1


# ---- REST ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("now_s", "closed"), [(1640804939.999, False), (1640804940, True)])
def test_klines(sample: Reader, now_s: float, closed: bool) -> None:
    rows = decode.parse(rest.klines_decoder, sample("rest_klines"), "/api/v3/klines")
    assert decode.klines(rows, BTC, M1, now_ns=int(now_s * 1000) * 1_000_000, received_ns=NOW) == [
        Kline(
            symbol=BTC,
            interval=M1,
            open_ts=1640804880 * SECOND,
            close_ts=1640804940 * SECOND,
            open=47482.36,
            high=47482.36,
            low=47416.57,
            close=47436.1,
            base_volume=3.550717,
            quote_volume=168387.3,
            closed=closed,
            received_ts=NOW,
        )
    ]


@pytest.mark.parametrize(
    "row",
    [
        [1640804880000, "1", "1", "1", "1", "1"],
        [1640804880000, "nan", "1", "1", "1", "1", 1640804940000, "1"],
        [1640804880000, "1", "0", "1", "1", "1", 1640804940000, "1"],
        [1640804880000, "1", "1", "1", "1", "-1", 1640804940000, "1"],
        [-1, "1", "1", "1", "1", "1", 1640804940000, "1"],
        ["1", "1"],
        {},
    ],
)
def test_senseless_klines(row: object) -> None:
    with pytest.raises(ExchangeDataException) as caught:
        decode.parse(rest.klines_decoder, json.dumps([row]), "/api/v3/klines")
    assert caught.value.channel == "/api/v3/klines"


def test_a_candle_may_have_no_quote_volume_and_further_columns() -> None:
    rows = [[0, "1", "1", "1", "1", "0", 60000, None], [60000, "1", "1", "1", "1", "0", 120000, "5", "new"]]
    first, second = decode.klines(
        decode.parse(rest.klines_decoder, json.dumps(rows), "/api/v3/klines"), BTC, M1, now_ns=NOW, received_ns=NOW
    )
    assert (first.quote_volume, second.quote_volume) == (None, 5.0)


def test_aggregated_trades(sample: Reader) -> None:
    rows = decode.parse(rest.aggregated_trades_decoder, sample("rest_agg_trades"), "/api/v3/aggTrades")
    expected = Trade(BTC, "", Side.BUY, 46782.67, 0.0038, 1641380483 * SECOND, NOW)
    assert decode.aggregated_trades(rows, BTC, NOW) == [expected]


@pytest.mark.parametrize("seconds", [(3, 2, 2, 1), (1, 2, 2, 3)])
def test_aggregated_trades_are_told_oldest_first(seconds: tuple[int, ...]) -> None:
    rows = [
        rest.AggregatedTradeRow(price=float(number + 1), quantity=1.0, time=second * 1000, is_buyer_maker=True)
        for number, second in enumerate(seconds)
    ]
    found = decode.aggregated_trades(rows, BTC, NOW)
    assert [trade.exchange_ts // SECOND for trade in found] == [1, 2, 2, 3]
    prices = [trade.price for trade in found]
    assert prices == (sorted(prices, reverse=True) if seconds[0] == 3 else sorted(prices))
    assert {trade.side for trade in found} == {Side.SELL}


def test_average_price(sample: Reader) -> None:
    assert decode.parse(rest.average_price_decoder, sample("rest_avg_price"), "/api/v3/avgPrice").price == 46786.1


def test_ticker(sample: Reader) -> None:
    row = decode.parse(rest.ticker_decoder, sample("rest_ticker"), "/api/v3/ticker/24hr")
    assert decode.ticker(row, BTC, NOW) == Ticker(
        symbol=BTC,
        last=46263.71,
        bid=46260.38,
        ask=46260.41,
        high=47550.01,
        low=45555.5,
        base_volume=1732.461487,
        quote_volume=None,
        change=0.00400048,
        exchange_ts=1641349582808 * 1_000_000,
        received_ts=NOW,
    )


def test_figures_may_be_absent_null_empty_or_0() -> None:
    row = rest.TickerRow(symbol="BTCUSDT", last_price="1.5", bid_price="", ask_price="0", high_price=None, volume="0")
    found = decode.ticker(row, BTC, NOW)
    assert (found.last, found.bid, found.ask, found.high, found.low) == (1.5, None, None, None, None)
    assert (found.base_volume, found.change, found.exchange_ts) == (0.0, None, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"last_price": None},
        {"last_price": ""},
        {"last_price": "0"},
        {"last_price": "nan"},
        {"bid_price": "x"},
        {"volume": "-1"},
        {"price_change_percent": "-1.5"},
        {"high_price": "inf"},
    ],
)
def test_senseless_ticker_rows(changes: dict[str, str | None]) -> None:
    row = rest.TickerRow(**{"symbol": "BTCUSDT", "last_price": "1"} | changes)  # type: ignore[arg-type]
    with pytest.raises(ExchangeDataException) as caught:
        decode.ticker(row, BTC, NOW)
    assert caught.value.channel == "/api/v3/ticker/24hr"


def test_of_all_tickers_a_strange_one_costs_only_itself() -> None:
    rows = [
        {"symbol": "BTCUSDT", "lastPrice": "5"},
        {"symbol": "ETHUSDT", "lastPrice": None},
        {"symbol": "GONEUSDT", "lastPrice": None},
        {"nothing": 1},
    ]
    names = {"BTCUSDT": BTC, "ETHUSDT": ETH}
    found, left_out = decode.tickers(json.dumps(rows), names.get, NOW)
    assert {symbol: ticker.last for symbol, ticker in found.items()} == {BTC: 5.0}
    assert len(left_out) == 2, "what is not listed is not missed"
    assert "ETHUSDT" in left_out[0]


# ---- pushes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "push_kline_2026-09-25",
            (1790356740, 83958.21, 83961.21, 83955.09, 83961.21, 0.35388633, 29711.41),
        ),
        (
            "push_kline_2026-09-24",
            (1790281200, 84300.14, 84300.15, 84270.0, 84270.0, 2.84044203, 239393.69),
        ),
    ],
)
def test_kline_pushes(frame: Reader, name: str, expected: tuple[float, ...]) -> None:
    start, first, high, low, last, base, quote = expected
    assert decode.kline(parse_push(frame(name)), BTC, "Min1", NOW) == Kline(
        symbol=BTC,
        interval=M1,
        open_ts=int(start) * SECOND,
        close_ts=int(start + 60) * SECOND,
        open=first,
        high=high,
        low=low,
        close=last,
        base_volume=base,
        quote_volume=quote,
        closed=False,
        received_ts=NOW,
    )


def test_a_candle_in_which_nothing_was_traded(frame: Reader) -> None:
    push = parse_push(frame("push_kline_2026-09-25"))
    push.publicSpotKline.ClearField("volume")
    push.publicSpotKline.ClearField("amount")
    found = decode.kline(push, BTC, "Min1", NOW)
    assert (found.base_volume, found.quote_volume) == (0.0, 0.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"interval": "Min5"},
        {"interval": ""},
        {"openingPrice": ""},
        {"openingPrice": "83955.08"},
        {"closingPrice": "83961.22"},
        {"lowestPrice": "0"},
        {"highestPrice": "inf"},
        {"volume": "-1"},
        {"amount": "nan"},
        {"windowStart": 0},
        {"windowEnd": 1},
        {"windowStart": 1790356740000, "windowEnd": 1790356800000},
    ],
)
def test_senseless_kline_pushes(frame: Reader, changes: dict[str, str | int]) -> None:
    push = parse_push(frame("push_kline_2026-09-25"))
    for name, value in changes.items():
        setattr(push.publicSpotKline, name, value)
    with pytest.raises(ExchangeDataException) as caught:
        decode.kline(push, BTC, "Min1", NOW)
    assert caught.value.channel == "spot@public.kline.v3.api.pb@BTCUSDT@Min1"


def test_an_interval_that_is_not_known(frame: Reader) -> None:
    push = parse_push(frame("push_kline_2026-09-25"))
    push.publicSpotKline.interval = "Min2"
    with pytest.raises(ExchangeDataException, match="Min2"):
        decode.kline(push, BTC, "Min2", NOW)


def test_mini_ticker(frame: Reader) -> None:
    """Its volumes are named the other way round than those of REST."""
    assert decode.mini_ticker(parse_push(frame("push_mini_ticker_constructed")), BTC, NOW) == Ticker(
        symbol=BTC,
        last=84270.0,
        high=85010.5,
        low=82990.0,
        base_volume=6087.31245,
        quote_volume=512345678.91,
        change=0.0123,
        exchange_ts=1790281251000 * 1_000_000,
        received_ts=NOW,
    )


@pytest.mark.parametrize("changes", [{"price": ""}, {"price": "x"}, {"quantity": "-1"}, {"zonedRate": "-2"}])
def test_senseless_mini_tickers(frame: Reader, changes: dict[str, str]) -> None:
    push = parse_push(frame("push_mini_ticker_constructed"))
    for name, value in changes.items():
        setattr(push.publicMiniTicker, name, value)
    with pytest.raises(ExchangeDataException):
        decode.mini_ticker(push, BTC, NOW)


def test_limited_book(frame: Reader) -> None:
    assert decode.limited_book(parse_push(frame("push_limit_depth_2026-09-24")), BTC, 5, NOW) == BookSnapshot(
        symbol=BTC,
        last_id=82164155643,
        bids=[
            (84270.0, 0.006387),
            (84267.03, 0.002348),
            (84264.15, 0.04789506),
            (84263.45, 0.04789506),
            (84263.4, 2.078531),
        ],
        asks=[
            (84270.01, 5.42169969),
            (84270.02, 0.00117646),
            (84270.03, 0.00124397),
            (84270.05, 0.00122284),
            (84270.26, 0.00108947),
        ],
        limit=5,
        exchange_ts=1790281247251 * 1_000_000,
        received_ts=NOW,
    )


def test_an_empty_side_of_a_limited_book(frame: Reader) -> None:
    push = parse_push(frame("push_limit_depth_2026-09-24"))
    push.publicLimitDepths.ClearField("bids")
    assert decode.limited_book(push, BTC, 5, NOW).bids == []


@pytest.mark.parametrize("version", ["", "x", "-1"])
def test_senseless_limited_books(frame: Reader, version: str) -> None:
    push = parse_push(frame("push_limit_depth_2026-09-24"))
    push.publicLimitDepths.version = version
    with pytest.raises(ExchangeDataException):
        decode.limited_book(push, BTC, 5, NOW)


def test_a_limited_book_without_a_body_is_none() -> None:
    push = PushDataV3ApiWrapper(channel="spot@public.limit.depth.v3.api.pb@BTCUSDT@5")
    with pytest.raises(ExchangeDataException, match="no book"):
        decode.limited_book(push, BTC, 5, NOW)
