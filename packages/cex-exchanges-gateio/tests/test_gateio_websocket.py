from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common.clock import ManualClock
from cex.common.enums import MarketType
from cex.common.exceptions import ConfigurationException, ExchangeDataException
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue, UnknownSymbolException
from cex.exchanges.base.interfaces import BookFacts, Channel, Stream, StreamHandlers
from cex.exchanges.base.offers import NotOfferedException
from cex.exchanges.gateio.constants import PROFILES
from cex.exchanges.gateio.symbols import spot_instrument
from cex.exchanges.gateio.websocket import GateioSpotDialect, GateioWebSocketClient
from cex.networking.websocket.dialect import Acknowledged, Advice, Control, Pong, Refused, Subscription

CLOCK = ManualClock()
BTC, ETH = Symbol("BTC/USDT"), Symbol("ETH/USDT")
Heard = list[BookDelta | Trade | BookTicker | Ticker | Kline | BookSnapshot]

OFFERED = (Channel.BOOK, Channel.TRADES, Channel.BOOK_TICKER)


def dialect(
    *, book_channel: str = "order_book_update", book_interval: str = "100ms", extra: int = 0
) -> tuple[GateioSpotDialect, Heard]:
    heard: Heard = []
    bases = ["BTC", "ETH", *(f"C{number}" for number in range(extra))]
    listed = [
        spot_instrument(
            pair=f"{base}_USDT",
            base=base,
            quote="USDT",
            price_decimals=2,
            amount_decimals=2,
            trade_status="tradable",
            now_ns=CLOCK.time_ns(),
        )
        for base in bases
    ]
    handlers = StreamHandlers(
        heard.append, heard.append, heard.append, heard.append, heard.append, heard.append, lambda event: None
    )
    catalogue = InstrumentCatalogue("gateio", listed)
    url = PROFILES["live"]["ws_spot"]
    spoken = GateioSpotDialect(
        url, catalogue, handlers, book_channel=book_channel, book_interval=book_interval, clock=CLOCK
    )
    return spoken, heard


def frame(**fields: object) -> str:
    return json.dumps(fields)


def test_streams_have_the_exchanges_names() -> None:
    spoken, _ = dialect()
    assert spoken.subscription(Stream(Channel.BOOK, BTC)) == ("spot.order_book_update", ("BTC_USDT", "100ms"))
    assert spoken.subscription(Stream(Channel.TRADES, BTC)) == ("spot.trades", ("BTC_USDT",))
    assert spoken.subscription(Stream(Channel.BOOK_TICKER, BTC)) == ("spot.book_ticker", ("BTC_USDT",))
    faster, _ = dialect(book_interval="20ms")
    assert faster.subscription(Stream(Channel.BOOK, BTC)).params == ("BTC_USDT", "20ms")
    with pytest.raises(UnknownSymbolException):
        spoken.subscription(Stream(Channel.BOOK, Symbol("NOPE/USDT")))


def test_streams_of_more_detail_have_the_exchanges_names_too() -> None:
    spoken, _ = dialect()
    assert spoken.subscription(Stream(Channel.TICKER, BTC)) == ("spot.tickers", ("BTC_USDT",))
    assert spoken.subscription(Stream(Channel.KLINES, BTC, "1m")) == ("spot.candlesticks", ("1m", "BTC_USDT"))
    assert spoken.subscription(Stream(Channel.KLINES, BTC, "1w")) == ("spot.candlesticks", ("7d", "BTC_USDT"))
    assert spoken.subscription(Stream(Channel.LIMITED_BOOK, BTC, "20")) == (
        "spot.order_book",
        ("BTC_USDT", "20", "100ms"),
    )
    deep, _ = dialect(book_channel="obu")
    assert deep.subscription(Stream(Channel.BOOK, BTC)) == ("spot.obu", ("ob.BTC_USDT.400",))
    fast, _ = dialect(book_channel="obu", book_interval="20ms")
    assert fast.subscription(Stream(Channel.BOOK, BTC)) == ("spot.obu", ("ob.BTC_USDT.50",))


@pytest.mark.parametrize(
    ("stream", "instead"),
    [
        (Stream(Channel.KLINES, BTC, "1s"), "it offers 10s, 1m"),
        (Stream(Channel.KLINES, BTC, "1M"), "it offers 10s, 1m"),
        (Stream(Channel.LIMITED_BOOK, BTC, "7"), "it offers 5, 10, 20, 50, 100"),
    ],
)
def test_what_is_not_pushed_is_not_offered(stream: Stream, instead: str) -> None:
    spoken, _ = dialect()
    with pytest.raises(NotOfferedException, match=instead):
        spoken.subscription(stream)


def test_streams_with_parameters_are_asked_for_one_by_one() -> None:
    spoken, _ = dialect()
    streams = [(Channel.KLINES, "1m"), (Channel.LIMITED_BOOK, "5"), (Channel.TICKER, "")]
    wanted = [spoken.subscription(Stream(kind, symbol, detail)) for symbol in (BTC, ETH) for kind, detail in streams]
    said = [json.loads(request.data)["payload"] for request in spoken.subscribe(wanted, count(1))]
    assert said == [
        ["1m", "BTC_USDT"],
        ["1m", "ETH_USDT"],
        ["BTC_USDT", "5", "100ms"],
        ["ETH_USDT", "5", "100ms"],
        ["BTC_USDT", "ETH_USDT"],
    ]


def test_books_are_asked_for_one_by_one_and_the_rest_together() -> None:
    spoken, _ = dialect()
    wanted = [spoken.subscription(Stream(channel, symbol)) for symbol in (BTC, ETH) for channel in OFFERED]
    requests = spoken.subscribe(wanted, count(7))
    assert [json.loads(request.data) for request in requests] == [
        {
            "time": 1_700_000_000,
            "id": number,
            "channel": channel,
            "event": "subscribe",
            "payload": payload,
        }
        for number, channel, payload in (
            (7, "spot.order_book_update", ["BTC_USDT", "100ms"]),
            (8, "spot.order_book_update", ["ETH_USDT", "100ms"]),
            (9, "spot.trades", ["BTC_USDT", "ETH_USDT"]),
            (10, "spot.book_ticker", ["BTC_USDT", "ETH_USDT"]),
        )
    ]
    assert [request.request_id for request in requests] == [7, 8, 9, 10]
    assert sorted(part for request in requests for part in request.subscriptions) == sorted(wanted)


def test_unsubscribing_says_the_same_in_reverse() -> None:
    spoken, _ = dialect()
    (request,) = spoken.unsubscribe([spoken.subscription(Stream(Channel.BOOK, BTC))], count(1))
    said = json.loads(request.data)
    assert (said["event"], said["payload"]) == ("unsubscribe", ["BTC_USDT", "100ms"])


def test_a_request_of_many_is_split() -> None:
    spoken, _ = dialect(extra=118)
    wanted = [spoken.subscription(Stream(Channel.TRADES, Symbol(f"C{number}/USDT"))) for number in range(118)]
    requests = spoken.subscribe(wanted, count(1))
    assert [len(request.subscriptions) for request in requests] == [50, 50, 18]


def test_the_heartbeat() -> None:
    spoken, _ = dialect()
    assert json.loads(spoken.ping()) == {"time": 1_700_000_000, "channel": "spot.ping"}
    assert 10 <= spoken.ping_interval <= 15
    assert spoken.silence_timeout == 30


BOOK = "spot.order_book_update"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (
            {"id": 5, "channel": BOOK, "event": "subscribe", "result": {"status": "success"}},
            Acknowledged(5, BOOK, None),
        ),
        (
            {"id": 5, "channel": BOOK, "event": "subscribe", "error": None, "payload": ["BTC_USDT", "100ms"]},
            Acknowledged(5, BOOK, None),
        ),
        (
            {"channel": "spot.trades", "event": "subscribe", "payload": ["A_B", "C_D"], "result": None},
            Acknowledged(None, "spot.trades", (("spot.trades", ("A_B",)), ("spot.trades", ("C_D",)))),  # type: ignore[arg-type]
        ),
        ({"channel": BOOK, "event": "subscribe", "payload": None}, Acknowledged(None, BOOK, None)),
        ({"channel": BOOK, "event": "subscribe", "payload": [1]}, Acknowledged(None, BOOK, None)),
        (
            {"id": "x", "channel": BOOK, "event": "subscribe", "payload": ["A_B", "20ms"]},
            Acknowledged(None, BOOK, (Subscription(BOOK, ("A_B", "20ms")),)),
        ),
        (
            {"id": 5, "channel": BOOK, "event": "subscribe", "error": {"code": 2, "message": "unknown"}},
            Refused(5, BOOK, None, "2", "unknown"),
        ),
        (
            {"channel": "spot.trades", "event": "subscribe", "payload": ["A_B", "C_D"], "error": {"message": "no"}},
            Refused(None, "spot.trades", None, None, "no"),
        ),
        (
            {"channel": "spot.trades", "event": "subscribe", "payload": ["A_B"], "error": {"code": 2}},
            Refused(None, "spot.trades", (Subscription("spot.trades", ("A_B",)),), "2", ""),
        ),
        ({"channel": BOOK, "event": "unsubscribe", "result": {"status": "success"}}, None),
        ({"channel": BOOK, "event": "unsubscribe", "error": {"code": 2, "message": "not subscribed"}}, None),
        ({"channel": "spot.pong", "event": "", "error": None, "result": None}, Pong()),
        ({"channel": "spot.system", "event": "update", "result": {"type": "upgrade", "msg": "soon"}}, Advice("soon")),
        ({"channel": "spot.system", "event": "update", "result": {"type": "party"}}, None),
        ({"channel": "spot.unheard_of", "event": "update", "result": [1]}, None),
        ({"channel": "spot.unheard_of", "event": "subscribe"}, Acknowledged(None, "spot.unheard_of", None)),
        (
            {"channel": "spot.candlesticks", "event": "subscribe", "payload": ["1m", "BTC_USDT"]},
            Acknowledged(None, "spot.candlesticks", (Subscription("spot.candlesticks", ("1m", "BTC_USDT")),)),
        ),
        (
            {"channel": "spot.obu", "event": "subscribe", "payload": ["ob.A_B.50"], "error": {"code": 2}},
            Refused(None, "spot.obu", (Subscription("spot.obu", ("ob.A_B.50",)),), "2", ""),
        ),
        ({"channel": "futures.pong", "event": ""}, None),
        ({}, None),
    ],
    ids=str,
)
def test_what_is_no_market_data(said: dict[str, object], meant: Control | None) -> None:
    spoken, heard = dialect()
    assert spoken.on_frame(frame(**said), 1) == meant
    assert heard == []


def update(channel: str, **result: object) -> str:
    return frame(time=1, channel=channel, event="update", result=result)


TRADE: dict[str, Any] = {
    "id": 1,
    "currency_pair": "BTC_USDT",
    "side": "buy",
    "amount": "1",
    "price": "2",
    "create_time_ms": "1606292218213.4",
}


CANDLE: dict[str, Any] = {"t": "60", "n": "1m_BTC_USDT", "o": "1", "h": "2", "l": "1", "c": "2", "v": "3", "a": "2"}


def test_pushes_are_handed_on_whatever_the_order_of_their_fields() -> None:
    spoken, heard = dialect()
    backwards = '{"result":{"u":2,"U":1,"s":"BTC_USDT"},"event":"update","channel":"spot.order_book_update"}'
    assert spoken.on_frame(backwards, 5) is None
    assert spoken.on_frame(update("spot.trades", **TRADE), 6) is None
    assert spoken.on_frame(update("spot.book_ticker", s="ETH_USDT", u=3, b="1", B="2", a="3", A="4"), 7) is None
    assert heard == [
        BookDelta(BTC, 1, 2, [], [], 0, 5),
        Trade(BTC, "1", "buy", 2.0, 1.0, 1606292218213400000, 6),  # type: ignore[arg-type]
        BookTicker(ETH, 1.0, 2.0, 3.0, 4.0, 3, 0, 7),
    ]


@pytest.mark.parametrize(
    ("data", "channel"),
    [
        (update(BOOK, s="BTC_USDT", U=1), BOOK),
        (update(BOOK, s="BTC_USDT", U=1, u=2, b=[["1", "x"]]), BOOK),
        (update("spot.trades", **{**TRADE, "side": "both"}), "spot.trades"),
        (update("spot.trades", **{**TRADE, "price": None}), "spot.trades"),
        (update("spot.book_ticker", s="BTC_USDT", u=3, b="x", B="2", a="3", A="4"), "spot.book_ticker"),
        (update(BOOK, s="NOPE_USDT", U=1, u=2), "websocket"),
        (update("spot.system", type=5), "spot.system"),
        (update("spot.obu", s="ob.BTC_USDT.50", u=5), "spot.obu"),
        (update("spot.obu", s="BTC_USDT", u=5, full=True), "websocket"),
        (update("spot.tickers", currency_pair="BTC_USDT", last="x"), "spot.tickers"),
        (update("spot.order_book", s="BTC_USDT", lastUpdateId=5), "spot.order_book"),
        (update("spot.candlesticks", **{**CANDLE, "n": "3m_BTC_USDT"}), "spot.candlesticks"),
        (update("spot.candlesticks", **{**CANDLE, "n": "1m_NOPE_USDT"}), "websocket"),
        (update("spot.candlesticks", **{**CANDLE, "h": "nan"}), "spot.candlesticks"),
        ("not json", "websocket"),
        ("[]", "websocket"),
        ("", "websocket"),
    ],
)
def test_what_does_not_decode_says_where_and_what(data: str, channel: str) -> None:
    spoken, heard = dialect()
    with pytest.raises(ExchangeDataException) as caught:
        spoken.on_frame(data, 1)
    assert caught.value.exchange == "gateio"
    assert caught.value.channel == channel
    assert caught.value.payload is not None
    assert heard == []


def test_a_complaint_about_what_we_sent_is_no_answer_to_a_request() -> None:
    spoken, _ = dialect()
    said = frame(time=1, channel="", event="", error={"code": 1, "message": "request message need json scheme"})
    with pytest.raises(ExchangeDataException, match="need json scheme") as caught:
        spoken.on_frame(said, 1)
    assert caught.value.exchange_code == "1"


SAMPLES = [
    update(BOOK, s="BTC_USDT", U=1, u=2, t=3, b=[["1.5", "2"]], a=[]),
    update("spot.trades", **TRADE),
    update("spot.book_ticker", s="BTC_USDT", u=3, b="1", B="2", a="3", A="4"),
    frame(id=5, channel=BOOK, event="subscribe", payload=["BTC_USDT", "100ms"], error={"code": 2, "message": "no"}),
    frame(channel="spot.system", event="update", result={"type": "upgrade", "msg": "soon"}),
    update("spot.obu", s="ob.BTC_USDT.50", U=1, u=2, t=3, b=[["1.5", "2"]]),
    update("spot.order_book", s="BTC_USDT", l="5", lastUpdateId=2, t=3, bids=[["1.5", "2"]], asks=[]),
    update("spot.tickers", currency_pair="BTC_USDT", last="1", change_percentage="-2.5", base_volume="3"),
    update("spot.candlesticks", **CANDLE),
]


def said_or_data_error(data: bytes | str) -> None:
    spoken, _ = dialect()
    try:
        spoken.on_frame(data, 1)
    except ExchangeDataException:
        return


@given(data=st.binary(max_size=80) | st.text(max_size=80))
def test_any_frame_is_understood_or_a_data_error(data: bytes | str) -> None:
    said_or_data_error(data)


@given(
    original=st.sampled_from(SAMPLES),
    start=st.integers(0, 200),
    length=st.integers(0, 30),
    instead=st.sampled_from(["", "null", "1e400", '"', "[[", "{}", "-1", "true", "\x00", "NaN", ",", '"\\ud800"']),
)
def test_any_damaged_frame_is_understood_or_a_data_error(original: str, start: int, length: int, instead: str) -> None:
    said_or_data_error(original[:start] + instead + original[start + length :])


Sample = Callable[[str], bytes]


def test_a_frame_of_a_megabyte_is_just_a_frame() -> None:
    spoken, heard = dialect()
    levels = [[f"{number}.5", "1"] for number in range(70_000)]
    assert spoken.on_frame(update(BOOK, s="BTC_USDT", U=1, u=2, b=levels), 1) is None
    (delta,) = heard
    assert isinstance(delta, BookDelta)
    assert len(delta.bids) == 70_000


@pytest.mark.parametrize(("interval", "levels"), [("100ms", 100), ("20ms", 20)])
def test_the_snapshot_is_as_deep_as_the_stream(interval: str, levels: int) -> None:
    client = GateioWebSocketClient(book_interval=interval)
    assert client.book_facts(BTC) == BookFacts(window=levels, windowed_stream=True, snapshot_depth=levels)
    assert client.urls == {
        MarketType.SPOT: "wss://api.gateio.ws/ws/v4/",
        MarketType.FUTURES: "wss://fx-ws.gateio.ws/v4/ws/usdt",
    }


@pytest.mark.parametrize(("interval", "levels"), [("100ms", 400), ("20ms", 50)])
def test_a_stream_that_seeds_its_books_says_so(interval: str, levels: int) -> None:
    client = GateioWebSocketClient(book_channel="obu", book_interval=interval)
    for symbol in (BTC, Symbol("BTC/USDT:USDT")):
        assert client.book_facts(symbol) == BookFacts(
            window=levels, windowed_stream=True, snapshot_depth=levels, seeded_by_stream=True
        )


def test_what_each_market_pushes() -> None:
    client = GateioWebSocketClient()
    spot, futures = MarketType.SPOT, MarketType.FUTURES
    upto_a_day = ["10s", "1m", "5m", "15m", "30m", "1h", "4h", "8h", "1d"]
    assert [str(width) for width in client.intervals(spot)] == [*upto_a_day, "1w"]
    assert [str(width) for width in client.intervals(futures)] == upto_a_day
    assert client.limited_levels(spot) == (5, 10, 20, 50, 100)
    assert client.limited_levels(futures) == ()
    assert not client.flags_closed_klines


def test_a_market_that_is_not_served_has_no_streams() -> None:
    client = GateioWebSocketClient({MarketType.SPOT: "wss://example.com/"})
    assert client.intervals(MarketType.FUTURES) == ()
    with pytest.raises(NotOfferedException, match="streams of futures"):
        client.book_facts(Symbol("BTC/USDT:USDT"))


def test_a_book_channel_that_is_not_offered_is_refused() -> None:
    with pytest.raises(ConfigurationException, match="order_book_update or obu, not 'book'"):
        GateioWebSocketClient(book_channel="book")


def test_an_interval_that_is_not_offered_is_refused() -> None:
    with pytest.raises(ConfigurationException, match="100ms or 20ms, not '1000ms'"):
        GateioWebSocketClient(book_interval="1000ms")
