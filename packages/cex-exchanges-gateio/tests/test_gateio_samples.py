"""Every endpoint and channel, as it was on the wire: golden decodes."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from cex.common.clock import ManualClock
from cex.common.enums import InstrumentStatus, KlineInterval, Side
from cex.common.exceptions import ExchangeDataException
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import StreamHandlers
from cex.exchanges.gateio.constants import PROFILES
from cex.exchanges.gateio.decode.spot import book_snapshot, instruments, kline, ticker, trade
from cex.exchanges.gateio.decode.values import parse
from cex.exchanges.gateio.symbols import spot_instrument
from cex.exchanges.gateio.websocket import GateioSpotDialect
from cex.exchanges.gateio.wire.control import ErrorBody, error_decoder
from cex.exchanges.gateio.wire.spot import (
    klines_decoder,
    order_book_decoder,
    server_time_decoder,
    tickers_decoder,
    trades_decoder,
)
from cex.networking.websocket.dialect import Acknowledged, Advice, Control, Pong, Refused, Subscription

Sample = Callable[[str], bytes]
FOLDER = Path(__file__).parent / "samples"
NOW = ManualClock().time_ns()
RECEIVED = 1_700_000_000_123_456_789


class Ear:
    """A dialect and what it hands on."""

    def __init__(self, *pairs: str) -> None:
        self.heard: list[BookDelta | Trade | BookTicker | Ticker | Kline | BookSnapshot] = []
        hear = self.heard.append
        listed = InstrumentCatalogue(
            "gateio",
            [
                spot_instrument(
                    pair=pair,
                    base=pair.split("_")[0],
                    quote=pair.split("_")[1],
                    price_decimals=2,
                    amount_decimals=2,
                    trade_status="tradable",
                    now_ns=NOW,
                )
                for pair in pairs
            ],
        )
        handlers = StreamHandlers(hear, hear, hear, hear, hear, hear, lambda event: None)
        self.dialect = GateioSpotDialect(PROFILES["live"]["ws_spot"], listed, handlers, clock=ManualClock())

    def frame(self, data: bytes | str) -> Control | None:
        return self.dialect.on_frame(data, RECEIVED)


def test_every_sample_tells_its_source_and_date() -> None:
    index = json.loads((FOLDER / "index.json").read_text())
    assert set(index) == {file.name for file in FOLDER.glob("*.json")} - {"index.json"}
    for facts in index.values():
        assert facts["source"]
        assert facts["date"][:2] == "20"


def test_server_time(sample: Sample) -> None:
    assert parse(server_time_decoder, sample("rest_spot_time"), "/spot/time").server_time == 1597026383085


def test_currency_pairs(sample: Sample) -> None:
    found, left_out = instruments(sample("rest_spot_currency_pairs"), NOW)
    assert left_out == []
    assert found == [
        Instrument(
            symbol=Symbol("VLX/USDT"),
            exchange="gateio",
            exchange_symbol="VLX_USDT",
            status=InstrumentStatus.TRADING,
            tick=Decimal("0.000001"),
            step=Decimal("0.1"),
            min_quantity=Decimal("0.1"),
            max_quantity=None,
            min_notional=Decimal(3),
            max_notional=Decimal(5000000),
            maker_fee=Decimal("0.002"),
            taker_fee=Decimal("0.002"),
        )
    ]


def test_currency_pairs_of_2021(sample: Sample) -> None:
    found, left_out = instruments(sample("rest_spot_currency_pairs_2021"), NOW)
    assert left_out == []
    assert [(row.symbol, row.status, row.min_quantity, row.min_notional) for row in found] == [
        ("IHT/ETH", InstrumentStatus.TRADING, None, Decimal("0.001")),
        ("SAL/USDT", InstrumentStatus.HALTED, None, Decimal(1)),
    ]


def test_order_book(sample: Sample) -> None:
    answer = parse(order_book_decoder, sample("rest_spot_order_book"), "/spot/order_book")
    assert book_snapshot(answer, Symbol("BTC/USDT"), limit=100, received_ns=RECEIVED) == BookSnapshot(
        symbol=Symbol("BTC/USDT"),
        last_id=123456,
        bids=[(1.17, 201.863), (1.16, 725.464)],
        asks=[(1.52, 1.151), (1.53, 1.218)],
        limit=100,
        exchange_ts=1623898993123000000,
        received_ts=RECEIVED,
    )


def test_recent_trades(sample: Sample) -> None:
    (row,) = parse(trades_decoder, sample("rest_spot_trades"), "/spot/trades")
    assert trade(row, Symbol("ETH/BTC"), RECEIVED) == Trade(
        Symbol("ETH/BTC"), "1232893232", Side.BUY, 0.03, 0.15, 1548000000123456000, RECEIVED
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("invalid_param", ErrorBody("INVALID_PARAM_VALUE", "Invalid parameter `text` with value: abc")),
        ("detail", ErrorBody("ORDER_POC_IMMEDIATE", "", "order price 1700 while counter price 1793.55")),
        ("label_only", ErrorBody("INSUFFICIENT_AVAILABLE")),
        ("too_many_requests", ErrorBody("TOO_MANY_REQUESTS", "Request Rate limit Exceeded (211)")),
        ("invalid_key", ErrorBody("INVALID_KEY", "Invalid key provided")),
        ("contract_not_found", ErrorBody("CONTRACT_NOT_FOUND")),
        ("too_big", ErrorBody("TOO_BIG", "limit 300")),
    ],
)
def test_error_bodies(sample: Sample, name: str, expected: ErrorBody) -> None:
    assert parse(error_decoder, sample(f"rest_error_{name}"), "error") == expected


def test_order_book_update(sample: Sample) -> None:
    ear = Ear("BTC_USDT")
    assert ear.frame(sample("ws_order_book_update")) is None
    assert ear.heard == [
        BookDelta(
            symbol=Symbol("BTC/USDT"),
            first_id=48776301,
            last_id=48776306,
            bids=[(19137.74, 0.0001), (19088.37, 0.0)],
            asks=[(19137.75, 0.6135)],
            exchange_ts=1606294781123000000,
            received_ts=RECEIVED,
        )
    ]


def test_order_book_update_of_2021_as_text(sample: Sample) -> None:
    ear = Ear("NANO_USDT")
    assert ear.frame(sample("ws_order_book_update_2021").decode()) is None
    assert ear.heard == [
        BookDelta(Symbol("NANO/USDT"), 8008158, 8008158, [(8.6867, 0.0)], [], 1619093558472000000, RECEIVED)
    ]


def test_trades(sample: Sample) -> None:
    ear = Ear("GT_USDT", "NEO_BTC")
    assert ear.frame(sample("ws_trades")) is None
    assert ear.frame(sample("ws_trades_2021")) is None
    assert ear.heard == [
        Trade(Symbol("GT/USDT"), "309143071", Side.SELL, 0.4705, 16.47, 1606292218213457800, RECEIVED),
        Trade(Symbol("NEO/BTC"), "816995970", Side.BUY, 0.0018735, 0.5, 1619093546958116000, RECEIVED),
    ]


def test_book_ticker(sample: Sample) -> None:
    ear = Ear("BTC_USDT")
    assert ear.frame(sample("ws_book_ticker")) is None
    assert ear.heard == [
        BookTicker(
            symbol=Symbol("BTC/USDT"),
            bid_price=19177.79,
            bid_quantity=0.0003341504,
            ask_price=19179.38,
            ask_quantity=0.09,
            sequence=48733182,
            exchange_ts=1606293275123000000,
            received_ts=RECEIVED,
        )
    ]


def test_ticker(sample: Sample) -> None:
    ear = Ear("BTC_USDT")
    assert ear.frame(sample("ws_tickers")) is None
    assert ear.heard == [
        Ticker(
            symbol=Symbol("BTC/USDT"),
            last=15743.4,
            bid=15743.5,
            ask=15744.4,
            high=16280.9,
            low=15468.5,
            base_volume=9110.473081735,
            quote_volume=145082083.2535,
            change=-0.018254,
            exchange_ts=1669107766406000000,
            received_ts=RECEIVED,
        )
    ]


def test_ticker_of_2021(sample: Sample) -> None:
    ear = Ear("NEO_BTC")
    assert ear.frame(sample("ws_tickers_2021")) is None
    assert ear.heard == [
        Ticker(
            symbol=Symbol("NEO/BTC"),
            last=0.0018716,
            bid=0.0018697,
            ask=0.0018734,
            high=0.0018754,
            low=0.0017148,
            base_volume=1138.01640718,
            quote_volume=2.048263365803126,
            change=0.029256,
            received_ts=RECEIVED,
        )
    ]


def test_a_candle_without_its_volume_in_base_is_none(sample: Sample) -> None:
    ear = Ear("DIS_USDT")
    with pytest.raises(ExchangeDataException, match="missing required field `a`") as caught:
        ear.frame(sample("ws_candlesticks_2021"))
    assert caught.value.channel == "spot.candlesticks"


def test_tickers_of_rest(sample: Sample) -> None:
    (row,) = parse(tickers_decoder, sample("rest_spot_tickers"), "/spot/tickers")
    assert ticker(row, Symbol("BTC/USDT"), RECEIVED) == Ticker(
        symbol=Symbol("BTC/USDT"),
        last=26452.6,
        bid=26452.6,
        ask=26452.7,
        high=26937.8,
        low=26250.0,
        base_volume=9822.1,
        quote_volume=261010299.8,
        change=-0.011,
        received_ts=RECEIVED,
    )


def test_candles_of_rest(sample: Sample) -> None:
    (row,) = parse(klines_decoder, sample("rest_spot_candlesticks"), "/spot/candlesticks")
    assert kline(row, Symbol("BTC/USDT"), KlineInterval.M30, RECEIVED) == Kline(
        symbol=Symbol("BTC/USDT"),
        interval=KlineInterval.M30,
        open_ts=1717246800000000000,
        close_ts=1717248600000000000,
        open=67715.1,
        high=67839.9,
        low=67715.0,
        close=67772.5,
        base_volume=17.0779,
        quote_volume=1157762.868212,
        closed=True,
        received_ts=RECEIVED,
    )


def test_pushed_candle(sample: Sample) -> None:
    ear = Ear("BTC_USDT")
    assert ear.frame(sample("ws_candlesticks")) is None
    assert ear.heard == [
        Kline(
            symbol=Symbol("BTC/USDT"),
            interval=KlineInterval.M1,
            open_ts=1606292580000000000,
            close_ts=1606292640000000000,
            open=19128.1,
            high=19128.1,
            low=19128.1,
            close=19128.1,
            base_volume=3.8283,
            quote_volume=2362.32035,
            closed=False,
            received_ts=RECEIVED,
        )
    ]


def test_limited_book(sample: Sample) -> None:
    ear = Ear("BTC_USDT")
    assert ear.frame(sample("ws_order_book")) is None
    assert ear.heard == [
        BookSnapshot(
            symbol=Symbol("BTC/USDT"),
            last_id=48791820,
            bids=[(19079.55, 0.0195)],
            asks=[(19080.24, 0.1638)],
            limit=5,
            exchange_ts=1606295412123000000,
            received_ts=RECEIVED,
        )
    ]


def test_books_that_begin_with_a_snapshot(sample: Sample) -> None:
    ear = Ear("BTC_USDT")
    assert ear.frame(sample("ws_obu_full")) is None
    assert ear.frame(sample("ws_obu")) is None
    btc = Symbol("BTC/USDT")
    first, then = 73777715168, 73777715212
    assert ear.heard == [
        BookDelta(
            btc, first, first, [(104027.1, 509392.0)], [(104027.2, 44617.0)], 1747054612673000000, RECEIVED, True
        ),
        BookDelta(
            btc, first + 1, then, [(104024.9, 0.0), (104017.7, 0.0)], [(104029.6, 0.0)], 1747054612848000000, RECEIVED
        ),
    ]


def test_what_is_no_market_data(sample: Sample) -> None:
    ear = Ear("BTC_USDT")
    book = Subscription("spot.order_book_update", ("BTC_USDT", "100ms"))
    nope = Subscription("spot.order_book_update", ("NOPE_USDT", "100ms"))
    assert ear.frame(sample("ws_ack")) == Acknowledged(None, "spot.order_book_update", (book,))
    assert ear.frame(sample("ws_ack_2021")) == Acknowledged(None, "spot.trades", None)
    assert ear.frame(sample("ws_refusal")) == Refused(
        None, "spot.order_book_update", (nope,), "2", "unknown currency pair NOPE_USDT"
    )
    assert ear.frame(sample("ws_pong")) == Pong()
    assert ear.frame(sample("ws_system_upgrade")) == Advice(
        "The connection will soon be closed for a service upgrade. Please reconnect."
    )
    assert ear.heard == []
