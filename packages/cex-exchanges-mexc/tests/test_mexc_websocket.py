"""The dialect without a socket: what is sent, and what every frame means."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common import BookDelta, BookSnapshot, BookTicker, Kline, Symbol, Ticker, Trade
from cex.common.enums import MarketType, Side
from cex.common.exceptions import ConfigurationException, ExchangeDataException
from cex.exchanges.base.catalogue import InstrumentCatalogue, UnknownSymbolException
from cex.exchanges.base.interfaces import Channel, Stream, StreamHandlers
from cex.exchanges.base.offers import NotOfferedException
from cex.exchanges.mexc.symbols import new_catalogue, spot_instrument
from cex.exchanges.mexc.websocket import MexcSpotDialect, MexcWebSocketClient
from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper
from cex.networking.websocket.dialect import Acknowledged, Pong, Refused, Subscription

Reader = Callable[[str], bytes]

BTC = Symbol("BTC/USDT")
NOW = 1_790_000_000_000_000_000
_DEALS = Subscription("spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT")
_DEPTH = Subscription("spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT")


def catalogue(*bases: str) -> InstrumentCatalogue:
    known = new_catalogue()
    known.replace(
        spot_instrument(
            name=f"{base}USDT",
            base=base,
            quote="USDT",
            price_decimals=2,
            quantity_decimals=6,
            status="1",
            api_allowed=True,
            permissions=["SPOT"],
        )
        for base in bases
    )
    return known


class Heard:
    """A dialect, and what it delivered."""

    def __init__(self, book_interval: str = "100ms", bases: tuple[str, ...] = ("BTC", "HYPE", "龙虾")) -> None:
        self.items: list[BookDelta | Trade | BookTicker | Ticker | Kline | BookSnapshot] = []
        handlers = StreamHandlers(
            on_book_delta=self.items.append,
            on_trade=self.items.append,
            on_book_ticker=self.items.append,
            on_ticker=self.items.append,
            on_kline=self.items.append,
            on_limited_book=self.items.append,
            on_event=lambda event: pytest.fail(f"a dialect tells no events: {event}"),
        )
        self.dialect = MexcSpotDialect(
            "wss://wbs-api.mexc.com/ws", catalogue(*bases), handlers, book_interval=book_interval
        )


def test_streams_are_named_exactly() -> None:
    dialect = Heard().dialect
    assert dialect.subscription(Stream(Channel.BOOK, BTC)) == _DEPTH
    assert dialect.subscription(Stream(Channel.TRADES, BTC)) == _DEALS
    assert dialect.subscription(Stream(Channel.BOOK_TICKER, Symbol("龙虾/USDT"))) == Subscription(
        "spot@public.aggre.bookTicker.v3.api.pb@100ms@龙虾USDT"
    )


@pytest.mark.parametrize(
    ("stream", "name"),
    [
        (Stream(Channel.KLINES, BTC, "1m"), "spot@public.kline.v3.api.pb@BTCUSDT@Min1"),
        (Stream(Channel.KLINES, BTC, "1h"), "spot@public.kline.v3.api.pb@BTCUSDT@Min60"),
        (Stream(Channel.KLINES, BTC, "8h"), "spot@public.kline.v3.api.pb@BTCUSDT@Hour8"),
        (Stream(Channel.KLINES, BTC, "1M"), "spot@public.kline.v3.api.pb@BTCUSDT@Month1"),
        (Stream(Channel.TICKER, BTC), "spot@public.miniTicker.v3.api.pb@BTCUSDT@24H"),
        (Stream(Channel.LIMITED_BOOK, BTC, "20"), "spot@public.limit.depth.v3.api.pb@BTCUSDT@20"),
    ],
)
def test_a_detail_stands_behind_the_symbol(stream: Stream, name: str) -> None:
    assert Heard().dialect.subscription(stream) == Subscription(name)


@pytest.mark.parametrize(
    "stream", [Stream(Channel.KLINES, BTC, "10s"), Stream(Channel.KLINES, BTC), Stream(Channel.LIMITED_BOOK, BTC, "7")]
)
def test_a_stream_that_is_not_offered(stream: Stream) -> None:
    with pytest.raises(NotOfferedException, match=f"mexc does not offer streams of {stream.channel}"):
        Heard().dialect.subscription(stream)


def test_the_interval_is_the_books_alone() -> None:
    dialect = Heard(book_interval="10ms").dialect
    assert dialect.subscription(Stream(Channel.BOOK, BTC)).channel == "spot@public.aggre.depth.v3.api.pb@10ms@BTCUSDT"
    assert dialect.subscription(Stream(Channel.TRADES, BTC)) == _DEALS


def test_an_unlisted_symbol_has_no_stream() -> None:
    with pytest.raises(UnknownSymbolException):
        Heard().dialect.subscription(Stream(Channel.BOOK, Symbol("DOGE/USDT")))


def test_the_figures_of_the_connection() -> None:
    dialect = Heard().dialect
    assert dialect.max_subscriptions is not None
    assert dialect.max_subscriptions <= 30
    assert 15 <= dialect.ping_interval <= 20
    assert dialect.silence_timeout < 60
    assert dialect.ping() == '{"method":"PING"}'


def test_requests_hold_every_stream_once_and_stay_small() -> None:
    dialect = Heard().dialect
    wanted = [Subscription(f"spot@public.aggre.depth.v3.api.pb@100ms@龙虾{number}USDT") for number in range(25)]
    ids = count(7)
    for method, requests in (
        ("SUBSCRIPTION", dialect.subscribe(wanted, ids)),
        ("UNSUBSCRIPTION", dialect.unsubscribe(wanted, ids)),
    ):
        assert [subscription for request in requests for subscription in request.subscriptions] == wanted
        assert len(requests) == 2
        for request in requests:
            assert len(request.data.encode()) <= 1024
            message = json.loads(request.data)
            assert message["method"] == method
            assert message["params"] == [subscription.channel for subscription in request.subscriptions]
            assert message["id"] == request.request_id
    assert next(ids) == 11


def test_nothing_wanted_is_nothing_sent() -> None:
    assert Heard().dialect.subscribe([], count(1)) == []


def test_what_control_texts_mean(conversation: list[tuple[str, str]]) -> None:
    dialect = Heard().dialect
    received = [dialect.on_frame(text, NOW) for direction, text in conversation if direction == "<"]
    nope = Subscription("spot@public.aggre.depth.v3.api.pb@100ms@NOPEUSDT")
    assert received == [
        Acknowledged(1, None, (_DEALS,)),
        Acknowledged(2, None, (_DEALS,)),
        Pong(),
        Refused(None, None, (Subscription("spot@public.deals.v3.api.pb@BTCUSDT"),), "0", "Blocked!"),
        (Acknowledged(None, None, (_DEALS, _DEPTH)), Refused(None, None, (nope,), "0", "Blocked!")),
        Refused(None, None, None, "0", "msg format invalid"),
    ]


def test_pushes_are_delivered(frame: Reader) -> None:
    heard = Heard()
    for name in (
        "push_depth_2026-10-09",
        "push_deals_2026-09-24",
        "push_book_ticker_10ms_2026-09-23",
        "push_book_ticker_hype_2026-06-03",
    ):
        assert heard.dialect.on_frame(frame(name), NOW) is None
    delta, first, second, btc, hype = heard.items
    assert isinstance(delta, BookDelta)
    assert (delta.symbol, delta.last_id) == (BTC, 83332997062)
    assert isinstance(first, Trade)
    assert isinstance(second, Trade)
    assert (first.side, second.side) == (Side.SELL, Side.BUY)
    assert isinstance(btc, BookTicker)
    assert isinstance(hype, BookTicker)
    assert (btc.bid_price, hype.symbol, hype.ask_price) == (86503.92, "HYPE/USDT", 72.34)


def test_detailed_pushes_are_delivered(frame: Reader) -> None:
    heard = Heard()
    for name in ("push_kline_2026-09-25", "push_mini_ticker_constructed", "push_limit_depth_2026-09-24"):
        assert heard.dialect.on_frame(frame(name), NOW) is None
    candle, ticker, book = heard.items
    assert isinstance(candle, Kline)
    assert isinstance(ticker, Ticker)
    assert isinstance(book, BookSnapshot)
    assert (candle.interval, candle.close, ticker.last) == ("1m", 83961.21, 84270.0)
    assert (book.limit, len(book.bids), len(book.asks)) == (5, 5, 5)


def test_other_channels_are_of_no_interest(frame: Reader) -> None:
    heard = Heard()
    ticker_of_a_zone = PushDataV3ApiWrapper.FromString(frame("push_mini_ticker_constructed"))
    ticker_of_a_zone.channel = "spot@public.miniTicker.v3.api.pb@BTCUSDT@UTC+4:30"
    for data in (frame("push_private_account"), ticker_of_a_zone.SerializeToString()):
        assert heard.dialect.on_frame(data, NOW) is None
    assert heard.items == []


def test_a_limited_book_of_other_levels_is_reported(frame: Reader) -> None:
    push = PushDataV3ApiWrapper.FromString(frame("push_limit_depth_2026-09-24"))
    push.channel = "spot@public.limit.depth.v3.api.pb@BTCUSDT@50"
    with pytest.raises(ExchangeDataException, match="'50' levels was not asked for"):
        Heard().dialect.on_frame(push.SerializeToString(), NOW)


@pytest.mark.parametrize("name", ["push_kline_2026-09-25", "push_depth_2026-10-09"])
def test_a_name_at_either_place_must_be_listed(frame: Reader, name: str) -> None:
    with pytest.raises(ExchangeDataException, match="'BTCUSDT' is not in the exchange's list"):
        Heard(bases=("ETH",)).dialect.on_frame(frame(name), NOW)


def test_a_symbol_that_is_not_listed_is_reported(frame: Reader) -> None:
    heard = Heard(bases=("ETH",))
    with pytest.raises(ExchangeDataException, match="'BTCUSDT' is not in the exchange's list"):
        heard.dialect.on_frame(frame("push_depth_2026-10-09"), NOW)
    assert heard.items == []


@pytest.mark.parametrize("data", [b"\xff\xff\xff", "{", '{"msg":"?"}'])
def test_frames_that_do_not_decode(data: bytes | str) -> None:
    with pytest.raises(ExchangeDataException):
        Heard().dialect.on_frame(data, NOW)


def test_a_frame_of_several_trades_with_a_bad_one_delivers_none(frame: Reader) -> None:
    heard = Heard()
    push = PushDataV3ApiWrapper.FromString(frame("push_deals_2026-09-24"))
    push.publicAggreDeals.deals[1].tradeType = 3
    with pytest.raises(ExchangeDataException):
        heard.dialect.on_frame(push.SerializeToString(), NOW)
    assert heard.items == []


@given(st.one_of(st.binary(max_size=120), st.text(max_size=60)))
def test_any_frame_is_handled_or_a_data_error(data: bytes | str) -> None:
    try:
        Heard().dialect.on_frame(data, NOW)
    except ExchangeDataException as error:
        channel = error.channel
    else:
        channel = "handled"
    assert channel


_CHANNELS = st.sampled_from(
    [
        _DEPTH.channel,
        _DEALS.channel,
        "spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT",
        "spot@public.kline.v3.api.pb@BTCUSDT@Min1",
        "spot@public.miniTicker.v3.api.pb@BTCUSDT@24H",
        "spot@public.limit.depth.v3.api.pb@BTCUSDT@5",
        "spot@",
        "@@",
        "",
    ]
)


@given(_CHANNELS, st.sampled_from([303, 308, 309, 313, 314, 315]), st.binary(max_size=60))
def test_any_body_under_a_known_channel_is_handled_or_a_data_error(channel: str, number: int, body: bytes) -> None:
    heard = Heard()
    name = channel.encode()
    tag = bytes([(number << 3 | 2) & 0x7F | 0x80, (number << 3 | 2) >> 7])
    data = bytes([0x0A, len(name)]) + name + tag + bytes([len(body)]) + body
    try:
        control = heard.dialect.on_frame(data, NOW)
    except ExchangeDataException:
        return
    assert control is None


@pytest.mark.parametrize(("option", "value"), [("book_interval", "20ms"), ("book_depth", 0), ("book_depth", 2001)])
def test_options_that_the_exchange_does_not_offer(option: str, value: object) -> None:
    with pytest.raises(ConfigurationException, match=str(value)):
        MexcWebSocketClient(**{option: value})  # type: ignore[arg-type]


def test_the_books_facts() -> None:
    facts = MexcWebSocketClient(book_depth=500).book_facts(BTC)
    assert (facts.window, facts.windowed_stream, facts.snapshot_depth) == (None, False, 500)


def test_what_is_pushed_of_which_market() -> None:
    client = MexcWebSocketClient()
    assert [str(interval) for interval in client.intervals(MarketType.SPOT)] == [
        *("1m", "5m", "15m", "30m", "1h", "4h", "8h", "1d", "1w", "1M"),
    ]
    assert client.limited_levels(MarketType.SPOT) == (5, 10, 20)
    assert client.intervals(MarketType.FUTURES) == ()
    assert client.limited_levels(MarketType.FUTURES) == ()
    assert not client.flags_closed_klines
