"""What a replay says in each exchange's protocol, and which stream a recorded frame belongs to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cex.common.enums import MarketType
from cex.sandbox.replay.venues import Offer, Stream, StreamKind, Traded, venue_of
from cex.sandbox.replay.venues.gateio import GateioVenue
from cex.sandbox.replay.venues.mexc import MexcVenue

NOW_NS = 1_700_000_000_123_456_789
GATEIO = GateioVenue()
MEXC = MexcVenue()

SPOT, FUTURES = Traded(MarketType.SPOT, "BTC_USDT"), Traded(MarketType.FUTURES, "BTC_USDT")

BOOK = Stream(StreamKind.BOOK, SPOT, "spot.order_book_update BTC_USDT")
TRADES = Stream(StreamKind.TRADES, SPOT, "spot.trades BTC_USDT")
OFFER = Offer({BOOK: frozenset(("100ms",)), TRADES: frozenset()})

DEPTH = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"
DEALS = "spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT"
MEXC_OFFER = Offer({Stream(StreamKind.BOOK, Traded(MarketType.SPOT, "BTCUSDT"), DEPTH): frozenset()})

# protocols: MEXC public.aggre.bookTicker, captured 2026-09-24 (channel, symbol, sendTime, body).
BOOK_TICKER = bytes.fromhex(
    "0a3473706f74407075626c69632e61676772652e626f6f6b5469636b65722e76332e6170692e7062403130306d7340425443555344541a0742"
    "54435553445430bab6cfa88d34da133b0a0538343237301208302e3030363338371a0838343237302e3031220a352e34323136393936392a0b"
    "383231363431353334333630979fcfa88d34"
)


def request(channel: str, event: str = "subscribe", payload: list[str] | None = None, **more: object) -> str:
    return json.dumps({"time": 1, "channel": channel, "event": event, "payload": payload, **more})


def say(venue: GateioVenue | MexcVenue, data: str, subscribed: set[Stream], offer: Offer) -> dict[str, Any]:
    (answer,) = venue.reply(data, subscribed, offer, NOW_NS)
    decoded: dict[str, Any] = json.loads(answer)
    return decoded


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://api.gateio.ws/api/v4/spot/time", "gateio"),
        ("wss://fx-ws.gateio.ws/v4/ws/usdt", "gateio"),
        ("wss://wbs-api.mexc.com/ws", "mexc"),
        ("https://api.mexc.com/api/v3/depth", "mexc"),
        ("ws://127.0.0.1:1/ws/v4/", "gateio"),
        ("ws://127.0.0.1:1/ws", "mexc"),
        ("http://127.0.0.1:1/api/v3/depth", "mexc"),
        ("https://contract.example/edge", None),
        ("https://notmexc.com/", None),
    ],
)
def test_an_exchange_is_known_by_host_or_path(url: str, name: str | None) -> None:
    venue = venue_of(url)
    assert (venue.name if venue else None) == name


def test_gateio_acknowledges_as_it_does_today() -> None:
    subscribed: set[Stream] = set()
    answer = say(GATEIO, request("spot.order_book_update", payload=["BTC_USDT", "100ms"], id=7), subscribed, OFFER)
    assert answer == {
        "time": 1_700_000_000,
        "time_ms": 1_700_000_000_123,
        "id": 7,
        "conn_id": "replay",
        "channel": "spot.order_book_update",
        "event": "subscribe",
        "payload": ["BTC_USDT", "100ms"],
        "error": None,
        "result": {"status": "success"},
    }
    assert subscribed == {BOOK}
    answer = say(GATEIO, request("spot.order_book_update", "unsubscribe", ["BTC_USDT", "100ms"]), subscribed, OFFER)
    assert "id" not in answer
    assert subscribed == set()


def test_gateio_serves_a_stream_in_which_nothing_happened() -> None:
    subscribed: set[Stream] = set()
    answer = say(GATEIO, request("spot.tickers", payload=["BTC_USDT"]), subscribed, OFFER)
    assert answer["error"] is None
    assert {stream.name for stream in subscribed} == {"spot.tickers BTC_USDT"}


@pytest.mark.parametrize(
    ("channel", "payload", "told"),
    [
        ("spot.order_book_update", ["BTC_USDT", "20ms"], "was recorded as 100ms, not as 20ms"),
        ("spot.order_book_update", ["BTC_USDT"], "was recorded as 100ms, not as plain"),
        ("spot.obu", ["ob.BTC_USDT.50"], "the recording holds spot.order_book_update BTC_USDT, not spot.obu"),
        ("futures.trades", ["BTC_USDT"], "the recording holds nothing of BTC_USDT on the futures market"),
        ("spot.trades", ["BTC_USDT", "NOPE_USDT"], "the recording holds nothing of NOPE_USDT on the spot market"),
    ],
)
def test_gateio_refuses_what_is_not_in_the_recording(channel: str, payload: list[str], told: str) -> None:
    subscribed: set[Stream] = set()
    answer = say(GATEIO, request(channel, payload=payload), subscribed, OFFER)
    assert answer["error"]["code"] == 2
    assert told in answer["error"]["message"]
    assert answer["result"] == {"status": "fail"}
    assert subscribed == set(), "one that is refused refuses them all"


def test_gateio_answers_pings_and_rubbish() -> None:
    pong = say(GATEIO, '{"time":1,"channel":"spot.ping"}', set(), OFFER)
    assert (pong["channel"], pong["event"], pong["error"], pong["result"]) == ("spot.pong", "", None, None)
    assert say(GATEIO, "rubbish", set(), OFFER)["error"]["code"] == 1
    assert "'api' request" in say(GATEIO, request("spot.login", "api"), set(), OFFER)["error"]["message"]


@pytest.mark.parametrize(
    ("frame", "names"),
    [
        ({"channel": "spot.trades", "event": "update", "result": {"currency_pair": "A_B"}}, {"spot.trades A_B"}),
        ({"channel": "spot.candlesticks", "event": "update", "result": {"n": "1m_A_B"}}, {"spot.candlesticks 1m_A_B"}),
        ({"channel": "spot.obu", "event": "update", "result": {"s": "ob.A_B.50"}}, {"spot.obu ob.A_B.50"}),
        (
            {"channel": "futures.tickers", "event": "update", "result": [{"contract": "A_B"}, {"contract": "C_B"}]},
            {"futures.tickers A_B", "futures.tickers C_B"},
        ),
        ({"channel": "spot.trades", "event": "subscribe", "result": {"status": "success"}}, None),
        ({"channel": "spot.pong", "event": "", "result": None}, None),
        ({"channel": "spot.system", "event": "update", "result": {"type": "upgrade"}}, None),
        ({"channel": "spot.trades", "event": "update", "result": {"currency_pair": 3}}, set()),
        ({"channel": "spot.news", "event": "update", "result": "?"}, set()),
        ("not an object", set()),
    ],
)
def test_gateio_frames_belong_to_streams(frame: object, names: set[str] | None) -> None:
    streams = GATEIO.streams(json.dumps(frame))
    assert (None if streams is None else {stream.name for stream in streams}) == names


def test_gateio_symbols_and_kinds_are_read_from_frames_and_requests_alike() -> None:
    spot, futures = MarketType.SPOT, MarketType.FUTURES
    for channel, payload, result, kind, market in (
        ("spot.candlesticks", ["1m", "A_B"], {"n": "1m_A_B"}, StreamKind.OTHER, spot),
        ("spot.obu", ["ob.A_B.50"], {"s": "ob.A_B.50"}, StreamKind.BOOK, spot),
        ("spot.order_book_update", ["A_B", "20ms"], {"s": "A_B"}, StreamKind.BOOK, spot),
        ("futures.order_book_update", ["A_B", "100ms", "100"], {"s": "A_B"}, StreamKind.BOOK, futures),
        ("spot.trades", ["A_B"], {"currency_pair": "A_B"}, StreamKind.TRADES, spot),
        ("futures.trades", ["A_B"], [{"contract": "A_B"}], StreamKind.TRADES, futures),
    ):
        ((asked, _),) = GATEIO.asked(request(channel, payload=payload))
        assert GATEIO.streams(json.dumps({"channel": channel, "event": "update", "result": result})) == frozenset(
            (asked,)
        )
        assert (asked.kind, asked.traded) == (kind, Traded(market, "A_B"))
    assert GATEIO.asked("rubbish") == ()
    assert GATEIO.asked(request("spot.trades", "unsubscribe", ["A_B"])) == ()
    assert GATEIO.asked(request("spot.order_book_update", payload=[])) == ()


def test_gateio_settings_only_where_the_recording_is_of_one_mind() -> None:
    assert GATEIO.settings(OFFER, []) == {"book_channel": "order_book_update", "book_interval": "100ms"}
    both = Offer(
        {**OFFER.streams, Stream(StreamKind.BOOK, FUTURES, "futures.order_book_update B"): frozenset(("100ms 50",))}
    )
    assert GATEIO.settings(both, []) == GATEIO.settings(OFFER, [])
    faster = Stream(StreamKind.BOOK, SPOT, "spot.order_book_update ETH_USDT")
    assert GATEIO.settings(Offer({**OFFER.streams, faster: frozenset(("20ms",))}), []) == {
        "book_channel": "order_book_update"
    }
    second = Stream(StreamKind.BOOK, SPOT, "spot.obu ob.ETH_USDT.50")
    assert GATEIO.settings(Offer({second: frozenset()}), []) == {"book_channel": "obu", "book_interval": "20ms"}
    assert GATEIO.settings(Offer({**OFFER.streams, second: frozenset()}), []) == {}


@pytest.mark.parametrize(
    ("sockets", "names"),
    [
        ((), {"rest", "ws_spot"}),
        (("/ws/v4/",), {"rest", "ws_spot"}),
        (("/v4/ws/usdt",), {"rest", "ws_futures_usdt"}),
        (("/v4/ws/spot", "/v4/ws/futures/usdt"), {"rest", "ws_spot", "ws_futures_usdt"}),
    ],
)
def test_gateio_has_addresses_for_the_markets_that_were_recorded(sockets: tuple[str, ...], names: set[str]) -> None:
    assert set(GATEIO.endpoints("127.0.0.1:1", sockets)) == names


def test_mexc_acknowledges_with_code_0_in_any_case() -> None:
    subscribed: set[Stream] = set()
    answer = say(
        MEXC, json.dumps({"method": "SUBSCRIPTION", "params": [DEPTH, DEALS], "id": 4}), subscribed, MEXC_OFFER
    )
    assert answer == {"id": 4, "code": 0, "msg": f"{DEPTH},{DEALS}"}
    assert {stream.kind for stream in subscribed} == {StreamKind.BOOK, StreamKind.TRADES}

    wrong = DEPTH.replace("100ms", "10ms")
    answer = say(MEXC, json.dumps({"method": "SUBSCRIPTION", "params": [wrong], "id": 5}), set(), MEXC_OFFER)
    assert answer == {"id": 5, "code": 0, "msg": f"Not Subscribed successfully! [{wrong}].  Reason： Blocked! "}

    answer = say(MEXC, json.dumps({"method": "SUBSCRIPTION", "params": [DEALS, wrong]}), set(), MEXC_OFFER)
    assert answer == {
        "id": 0,
        "code": 0,
        "msg": f"Subscribed successful! [{DEALS}]. Not Subscribed successfully! [{wrong}].  Reason： Blocked! ",
    }
    answer = say(MEXC, json.dumps({"method": "UNSUBSCRIPTION", "params": [DEPTH], "id": 6}), subscribed, MEXC_OFFER)
    assert answer["msg"] == DEPTH
    assert {stream.name for stream in subscribed} == {DEALS}


def test_mexc_answers_pings_and_rubbish() -> None:
    assert say(MEXC, '{"method":"PING"}', set(), MEXC_OFFER) == {"id": 0, "code": 0, "msg": "PONG"}
    assert say(MEXC, "rubbish", set(), MEXC_OFFER)["msg"] == "msg format invalid"
    assert say(MEXC, '{"method":"SUBSCRIPTION"}', set(), MEXC_OFFER)["msg"] == "msg format invalid"
    assert MEXC.asked("rubbish") == ()
    assert MEXC.asked('{"method":"PING"}') == ()


def test_mexc_frames_name_their_channel_themselves() -> None:
    (stream,) = MEXC.streams(BOOK_TICKER) or [None]
    assert stream == Stream(
        StreamKind.OTHER, Traded(MarketType.SPOT, "BTCUSDT"), "spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT"
    )
    assert MEXC.streams('{"id":0,"code":0,"msg":"PONG"}') is None
    other_fields_first = b"\x30\x80\x01" + b"\x09" + bytes(8) + b"\x15" + bytes(4) + b"\x1a\x01x" + BOOK_TICKER
    assert MEXC.streams(other_fields_first) == frozenset((stream,))
    for rubbish in (b"", b"\x0a\x01x", b"\x0a\x7fabc", b"\x0a", b"\x0b", b"\x0a\x01\xff", b"\x80"):
        assert MEXC.streams(rubbish) == frozenset()


def test_mexc_qualifiers_stand_on_either_side_of_the_symbol() -> None:
    ((limited, _),) = MEXC.asked('{"method":"SUBSCRIPTION","params":["spot@public.limit.depth.v3.api.pb@BTCUSDT@5"]}')
    assert (limited.kind, limited.traded.name) == (StreamKind.OTHER, "BTCUSDT")


def test_mexc_settings_tell_interval_and_depth() -> None:
    assert MEXC.settings(MEXC_OFFER, [{"symbol": "BTCUSDT", "limit": "1000"}]) == {
        "book_interval": "100ms",
        "book_depth": 1000,
    }
    assert MEXC.settings(MEXC_OFFER, [{"limit": "5"}, {"limit": "10"}]) == {"book_interval": "100ms"}
