"""Every endpoint and channel, as it was on the wire: golden decodes."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from cex.common.clock import ManualClock
from cex.common.enums import InstrumentStatus, Side
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import StreamHandlers
from cex.exchanges.gateio.constants import PROFILES
from cex.exchanges.gateio.decode import book_snapshot, instruments, parse, trade
from cex.exchanges.gateio.symbols import spot_instrument
from cex.exchanges.gateio.websocket import GateioSpotDialect
from cex.exchanges.gateio.wire import (
    ErrorBody,
    error_decoder,
    order_book_decoder,
    server_time_decoder,
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
        self.heard: list[BookDelta | Trade | BookTicker] = []
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
        handlers = StreamHandlers(hear, hear, hear, lambda event: None)
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
    assert ear.frame(sample("ws_tickers")) is None
    assert ear.heard == []
