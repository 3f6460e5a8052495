from __future__ import annotations

import json
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common.clock import ManualClock
from cex.common.exceptions import ExchangeDataException
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue, UnknownSymbolException
from cex.exchanges.base.interfaces import Channel, Stream, StreamHandlers
from cex.exchanges.base.offers import NotOfferedException
from cex.exchanges.gateio.constants import PROFILES
from cex.exchanges.gateio.symbols import perpetual, spot_instrument
from cex.exchanges.gateio.websocket import GateioFuturesDialect
from cex.exchanges.gateio.wire.futures import Level
from cex.networking.websocket.dialect import Acknowledged, Advice, Control, Pong, Refused, Subscription

CLOCK = ManualClock()
BTC, ETH = Symbol("BTC/USDT:USDT"), Symbol("ETH/USDT:USDT")
Heard = list[BookDelta | Trade | BookTicker | Ticker | Kline | BookSnapshot]
BOOK = "futures.order_book_update"


class Desk:
    """A dialect, what it hands on, and the list it reads: each base is a spot pair and a contract of one name."""

    def __init__(self, *, book_channel: str = "order_book_update", book_interval: str = "100ms") -> None:
        self.heard: Heard = []
        self.catalogue = InstrumentCatalogue("gateio")
        self.list(BTC="0.0001", ETH="0.01")
        hear = self.heard.append
        self.spoken = GateioFuturesDialect(
            PROFILES["live"]["ws_futures_usdt"],
            self.catalogue,
            StreamHandlers(hear, hear, hear, hear, hear, hear, lambda event: None),
            book_channel=book_channel,
            book_interval=book_interval,
            clock=CLOCK,
        )

    def list(self, **sizes: str) -> None:
        now = CLOCK.time_ns()
        contracts = [
            perpetual(contract=f"{base}_USDT", kind="direct", multiplier=Decimal(size), tick=Decimal("0.1"))
            for base, size in sizes.items()
        ]
        pairs = [
            spot_instrument(
                pair=f"{base}_USDT",
                base=base,
                quote="USDT",
                price_decimals=2,
                amount_decimals=2,
                trade_status="tradable",
                now_ns=now,
            )
            for base in sizes
        ]
        self.catalogue.replace([*contracts, *pairs])

    def hears(self, channel: str, result: object, **others: object) -> Control | None:
        return self.spoken.on_frame(update(channel, result, **others), 9)


def update(channel: str, result: object, **others: object) -> str:
    return json.dumps({"time": 1, "time_ms": 1000, "channel": channel, "event": "update", "result": result, **others})


def test_streams_have_the_exchanges_names() -> None:
    named = Desk().spoken.subscription
    assert named(Stream(Channel.BOOK, BTC)) == (BOOK, ("BTC_USDT", "100ms", "100"))
    assert named(Stream(Channel.TRADES, BTC)) == ("futures.trades", ("BTC_USDT",))
    assert named(Stream(Channel.BOOK_TICKER, BTC)) == ("futures.book_ticker", ("BTC_USDT",))
    assert named(Stream(Channel.TICKER, BTC)) == ("futures.tickers", ("BTC_USDT",))
    assert named(Stream(Channel.KLINES, BTC, "8h")) == ("futures.candlesticks", ("8h", "BTC_USDT"))
    fast = Desk(book_interval="20ms").spoken.subscription
    assert fast(Stream(Channel.BOOK, BTC)) == (BOOK, ("BTC_USDT", "20ms", "20"))
    deep = Desk(book_channel="obu").spoken.subscription
    assert deep(Stream(Channel.BOOK, BTC)) == ("futures.obu", ("ob.BTC_USDT.400",))
    with pytest.raises(UnknownSymbolException):
        named(Stream(Channel.BOOK, Symbol("NOPE/USDT:USDT")))


@pytest.mark.parametrize(
    "stream",
    [Stream(Channel.LIMITED_BOOK, BTC, "20"), Stream(Channel.KLINES, BTC, "1w"), Stream(Channel.KLINES, BTC, "1s")],
)
def test_what_is_not_pushed_is_not_offered(stream: Stream) -> None:
    with pytest.raises(NotOfferedException):
        Desk().spoken.subscription(stream)


def test_requests() -> None:
    spoken = Desk().spoken
    wanted = [
        spoken.subscription(Stream(kind, symbol)) for kind in (Channel.BOOK, Channel.TRADES) for symbol in (BTC, ETH)
    ]
    said = [json.loads(request.data) for request in spoken.subscribe(wanted, count(1))]
    assert [frame["payload"] for frame in said] == [
        ["BTC_USDT", "100ms", "100"],
        ["ETH_USDT", "100ms", "100"],
        ["BTC_USDT", "ETH_USDT"],
    ]
    (ended,) = spoken.unsubscribe(wanted[:1], count(1))
    assert json.loads(ended.data)["event"] == "unsubscribe"
    assert json.loads(spoken.ping()) == {"time": 1_700_000_000, "channel": "futures.ping"}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"channel": "futures.pong", "event": "", "result": None}, Pong()),
        ({"channel": "futures.system", "event": "update", "result": {"type": "upgrade", "msg": "x"}}, Advice("x")),
        ({"channel": "spot.pong", "event": ""}, None),
        ({"id": 3, "channel": BOOK, "event": "subscribe", "result": {}}, Acknowledged(3, BOOK, None)),
        (
            {"channel": "futures.obu", "event": "subscribe", "payload": ["ob.BTC_USDT.50"],
             "error": {"code": 2, "message": "Alert sub ob.BTC_USDT.50"}},
            Refused(None, "futures.obu", (Subscription("futures.obu", ("ob.BTC_USDT.50",)),), "2",
                    "Alert sub ob.BTC_USDT.50"),
        ),
        ({"channel": "futures.contract_stats", "event": "update", "result": [1]}, None),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_market_data(said: dict[str, object], meant: Control | None) -> None:
    desk = Desk()
    assert desk.spoken.on_frame(json.dumps(said), 1) == meant
    assert desk.heard == []


def test_sizes_are_base_units_whether_they_come_as_numbers_or_in_quotes() -> None:
    desk = Desk()
    for size in (37, "37", "37.0"):
        desk.hears(BOOK, {"s": "BTC_USDT", "U": 1, "u": 2, "b": [{"p": "9.5", "s": size}]})
        desk.hears(
            "futures.trades", [{"id": 1, "contract": "BTC_USDT", "size": size, "price": "9", "create_time_ms": 5}]
        )
        desk.hears("futures.book_ticker", {"s": "BTC_USDT", "u": 1, "b": "9", "B": size, "a": "", "A": 0})
    deltas = [item for item in desk.heard if isinstance(item, BookDelta)]
    trades = [item for item in desk.heard if isinstance(item, Trade)]
    tickers = [item for item in desk.heard if isinstance(item, BookTicker)]
    assert [(delta.bids, delta.lots) for delta in deltas] == [([Level(9.5, 37.0)], 10_000.0)] * 3
    assert [trade.quantity for trade in trades] == [0.0037] * 3
    assert [ticker.bid_quantity for ticker in tickers] == [0.0037] * 3


def test_one_name_is_a_contract_here_and_never_the_pair() -> None:
    desk = Desk()
    desk.hears(BOOK, {"s": "BTC_USDT", "U": 1, "u": 2})
    (delta,) = desk.heard
    assert delta.symbol == "BTC/USDT:USDT"
    pair = desk.catalogue["BTC/USDT"].replaced(symbol=Symbol("ONLY/USDT"), exchange_symbol="ONLY_USDT")
    desk.catalogue.replace([*desk.catalogue.values(), pair])
    with pytest.raises(ExchangeDataException, match="not in the exchange's list"):
        desk.hears(BOOK, {"s": "ONLY_USDT", "U": 3, "u": 4})


def test_a_new_list_brings_new_contract_sizes() -> None:
    desk = Desk()
    trade = {"id": 1, "contract": "BTC_USDT", "size": 5, "price": "9", "create_time_ms": 5}
    desk.hears("futures.trades", [trade])
    desk.list(BTC="0.001")
    desk.hears("futures.trades", [trade, {**trade, "size": -5}])
    assert [item.quantity for item in desk.heard if isinstance(item, Trade)] == [0.0005, 0.005, 0.005]


def test_a_ticker_is_told_once_its_last_price_is_known() -> None:
    desk = Desk()
    desk.hears("futures.tickers", [{"contract": "BTC_USDT", "mark_price": "8"}])
    assert desk.heard == []
    desk.hears("futures.tickers", [{"contract": "BTC_USDT", "last": "9"}, {"contract": "ETH_USDT", "last": "2"}])
    desk.hears("futures.tickers", [{"contract": "BTC_USDT", "funding_rate": "0.001", "t": 7}])
    told = [item for item in desk.heard if isinstance(item, Ticker)]
    assert [(item.symbol, item.last, item.mark_price, item.funding_rate) for item in told] == [
        (BTC, 9.0, 8.0, None),
        (ETH, 2.0, None, None),
        (BTC, 9.0, 8.0, 0.001),
    ]
    assert [item.exchange_ts for item in told] == [1_000_000_000, 1_000_000_000, 7_000_000]


def test_what_was_known_before_a_subscription_is_forgotten() -> None:
    desk = Desk()
    desk.hears("futures.tickers", [{"contract": "BTC_USDT", "last": "9", "mark_price": "8"}])
    desk.spoken.subscribe([Subscription("futures.tickers", ("BTC_USDT",))], count(1))
    desk.hears("futures.tickers", [{"contract": "BTC_USDT", "last": "10"}])
    told = [item for item in desk.heard if isinstance(item, Ticker)]
    assert [(item.last, item.mark_price) for item in told] == [(9.0, 8.0), (10.0, None)]


def test_a_ticker_that_does_not_decode_spoils_no_later_one() -> None:
    desk = Desk()
    desk.hears("futures.tickers", [{"contract": "BTC_USDT", "last": "9"}])
    with pytest.raises(ExchangeDataException):
        desk.hears("futures.tickers", [{"contract": "BTC_USDT", "mark_price": "x"}])
    desk.hears("futures.tickers", [{"contract": "BTC_USDT", "last": "10"}])
    assert [item.last for item in desk.heard if isinstance(item, Ticker)] == [9.0, 10.0]


CANDLE: dict[str, Any] = {"t": 60, "n": "1m_BTC_USDT", "o": "1", "h": "2", "l": "1", "c": "2", "v": 30, "w": True}


def test_a_push_may_bring_several_candles() -> None:
    desk = Desk()
    desk.hears("futures.candlesticks", [CANDLE, {**CANDLE, "t": 120, "v": "5", "w": False}])
    told = [(item.open_ts, item.base_volume, item.closed) for item in desk.heard if isinstance(item, Kline)]
    assert told == [(60 * 10**9, 0.003, True), (120 * 10**9, 0.0005, False)]


@pytest.mark.parametrize(
    ("channel", "result", "named"),
    [
        (BOOK, {"s": "BTC_USDT", "U": 1}, BOOK),
        (BOOK, {"s": "BTC_USDT", "U": 1, "u": 2, "b": [{"p": "1", "s": -1}]}, BOOK),
        (BOOK, {"s": "BTC_USDT", "U": 1, "u": 2, "b": [["1", "2"]]}, BOOK),
        (BOOK, {"s": "NOPE_USDT", "U": 1, "u": 2}, "websocket"),
        ("futures.obu", {"s": "ob.BTC_USDT.50", "u": 5}, "futures.obu"),
        ("futures.obu", {"s": "nothing", "u": 5, "full": True}, "websocket"),
        ("futures.trades", {"size": 1}, "futures.trades"),
        ("futures.tickers", [{"contract": "BTC_USDT", "last": "x"}], "futures.tickers"),
        ("futures.candlesticks", [{**CANDLE, "n": "7d_BTC_USDT"}], "futures.candlesticks"),
        ("futures.candlesticks", [{**CANDLE, "n": "1m_NOPE_USDT"}], "websocket"),
        ("futures.book_ticker", {"s": "BTC_USDT", "u": 1, "b": "x", "B": 1, "a": "1", "A": 1}, "futures.book_ticker"),
    ],
)
def test_what_does_not_decode_says_where(channel: str, result: object, named: str) -> None:
    desk = Desk()
    with pytest.raises(ExchangeDataException) as caught:
        desk.hears(channel, result)
    assert (caught.value.exchange, caught.value.channel) == ("gateio", named)
    assert desk.heard == []


SAMPLES = [
    update(BOOK, {"s": "BTC_USDT", "U": 1, "u": 2, "t": 3, "b": [{"p": "1.5", "s": 2}], "a": []}),
    update("futures.obu", {"s": "ob.BTC_USDT.50", "U": 1, "u": 2, "t": 3, "b": [["1.5", "2.5"]]}),
    update("futures.trades", [{"id": 1, "contract": "BTC_USDT", "size": -5, "price": "9", "create_time_ms": 5}]),
    update("futures.book_ticker", {"s": "BTC_USDT", "u": 3, "b": "1", "B": 2, "a": "3", "A": "4.5"}),
    update("futures.tickers", [{"contract": "BTC_USDT", "last": "9", "change_percentage": "1.5", "t": 5}]),
    update("futures.candlesticks", [CANDLE]),
    json.dumps({"id": 5, "channel": BOOK, "event": "subscribe", "error": {"code": 2, "message": "no"}}),
]


def said_or_data_error(data: bytes | str) -> None:
    try:
        Desk().spoken.on_frame(data, 1)
    except ExchangeDataException:
        return


@given(data=st.binary(max_size=80) | st.text(max_size=80))
def test_any_frame_is_understood_or_a_data_error(data: bytes | str) -> None:
    said_or_data_error(data)


@given(
    original=st.sampled_from(SAMPLES),
    start=st.integers(0, 250),
    length=st.integers(0, 30),
    instead=st.sampled_from(
        ["", "null", "1e400", '"', "[[", "{}", "-1", "true", "\x00", "NaN", ",", '"\\ud800"', "9" * 25, '"1e300"']
    ),
)
def test_any_damaged_frame_is_understood_or_a_data_error(original: str, start: int, length: int, instead: str) -> None:
    said_or_data_error(original[:start] + instead + original[start + length :])
