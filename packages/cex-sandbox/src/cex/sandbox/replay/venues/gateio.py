"""Gate.io WebSocket v4, spot and futures. https://www.gate.com/docs/developers/apiv4/ws/en/"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, MutableSet
from typing import Any

import msgspec

from cex.common.enums import MarketType
from cex.sandbox.replay.venues.venue import Offer, Stream, StreamKind, Traded

__all__ = ["GateioVenue"]

_DATA_EVENTS = frozenset({"update", "all"})
_KINDS = {
    "order_book_update": StreamKind.BOOK,
    "obu": StreamKind.BOOK,
    "trades": StreamKind.TRADES,
}
_NAMES = ("n", "currency_pair", "s", "contract")
"""Fields that name the stream within its channel, the most specific first."""
_OBU = re.compile(r"ob\.(?P<symbol>.+)\.(?P<levels>\d+)$")
_CANDLES = re.compile(r"[^_]+_(?P<symbol>.+)")
_FUTURES_SOCKET = re.compile(r"/(usdt|btc)/?$")
_INVALID_BODY, _INVALID_ARGUMENT = 1, 2


class _Frame(msgspec.Struct):
    channel: str
    event: str = ""
    payload: Any = None
    result: Any = None
    id: int | None = None


_decoder = msgspec.json.Decoder(_Frame)


class GateioVenue:
    """Acknowledges requests as the exchange does now, whichever year the recording is of."""

    name = "gateio"
    domains = ("gateio.ws", "gate.io", "gate.com", "gateapi.io")
    paths = ("/api/v4", "/ws/v4", "/v4/ws")

    def endpoints(self, address: str, sockets: Collection[str]) -> dict[str, str]:
        found = {"rest": f"http://{address}/api/v4"}
        futures = {path for path in sockets if _FUTURES_SOCKET.search(path)}
        if futures:
            found["ws_futures_usdt"] = f"ws://{address}/v4/ws/usdt"
        if not futures or len(futures) < len(sockets):
            found["ws_spot"] = f"ws://{address}/ws/v4/"
        return found

    def is_book(self, path: str) -> bool:
        return path.endswith("/order_book")

    def settings(self, offer: Offer, book_queries: Iterable[Mapping[str, str]]) -> dict[str, object]:
        topics, intervals = set(), set()
        for stream, variants in offer.streams.items():
            if stream.kind is StreamKind.BOOK:
                topics.add(stream.name.partition(" ")[0].partition(".")[2])
                intervals |= {variant.partition(" ")[0] for variant in variants}
                if found := _OBU.search(stream.name):
                    intervals.add("20ms" if found["levels"] == "50" else "100ms")
        settings: dict[str, object] = {}
        if len(topics) == 1:
            settings["book_channel"] = topics.pop()
        if len(intervals) == 1:
            settings["book_interval"] = intervals.pop()
        return settings

    def streams(self, data: str | bytes) -> frozenset[Stream] | None:
        try:
            frame = _decoder.decode(data)
        except msgspec.DecodeError:
            return frozenset()
        if frame.event not in _DATA_EVENTS or frame.channel.endswith(".system"):
            return None
        items = frame.result if isinstance(frame.result, list) else [frame.result]
        return frozenset(
            _stream(frame.channel, key)
            for item in items
            if isinstance(item, dict) and isinstance(key := next((item[n] for n in _NAMES if n in item), None), str)
        )

    def asked(self, data: str) -> tuple[tuple[Stream, str], ...]:
        try:
            frame = _decoder.decode(data)
        except msgspec.DecodeError:
            return ()
        return _asked(frame) if frame.event == "subscribe" else ()

    def reply(self, data: str, subscribed: MutableSet[Stream], offer: Offer, now_ns: int) -> tuple[str, ...]:
        try:
            frame = _decoder.decode(data)
        except msgspec.DecodeError:
            return (_answer(_Frame(""), now_ns, (_INVALID_BODY, "request message need json scheme")),)
        if frame.channel.endswith(".ping"):
            return (_answer(_Frame(frame.channel.removesuffix("ping") + "pong"), now_ns, None, result=None),)
        asked = _asked(frame)
        if frame.event == "subscribe":
            for stream, variant in asked:
                if objection := offer.objection(stream, variant):
                    return (_answer(frame, now_ns, (_INVALID_ARGUMENT, objection)),)
            for stream, _ in asked:
                subscribed.add(stream)
        elif frame.event == "unsubscribe":
            for stream, _ in asked:
                subscribed.discard(stream)
        else:
            return (_answer(frame, now_ns, (_INVALID_ARGUMENT, f"a replay answers no {frame.event!r} request")),)
        return (_answer(frame, now_ns, None, result={"status": "success"}),)


def _stream(channel: str, key: str) -> Stream:
    market, _, topic = channel.partition(".")
    pattern = {"obu": _OBU, "candlesticks": _CANDLES}.get(topic)
    found = pattern.fullmatch(key) if pattern else None
    symbol = found["symbol"] if found else key
    traded = Traded(MarketType.SPOT if market == "spot" else MarketType.FUTURES, symbol)
    return Stream(_KINDS.get(topic, StreamKind.OTHER), traded, f"{channel} {key}")


def _asked(frame: _Frame) -> tuple[tuple[Stream, str], ...]:
    payload = [item for item in frame.payload or () if isinstance(item, str)]
    topic = frame.channel.partition(".")[2]
    if topic == "candlesticks" and len(payload) > 1:
        return ((_stream(frame.channel, f"{payload[0]}_{payload[1]}"), ""),)
    if topic in ("order_book_update", "order_book"):
        return ((_stream(frame.channel, payload[0]), " ".join(payload[1:])),) if payload else ()
    return tuple((_stream(frame.channel, key), "") for key in payload)


def _answer(frame: _Frame, now_ns: int, error: tuple[int, str] | None, *, result: object = None) -> str:
    milliseconds = now_ns // 1_000_000
    answer: dict[str, object] = {"time": milliseconds // 1000, "time_ms": milliseconds}
    if frame.id is not None:
        answer["id"] = frame.id
    answer |= {"conn_id": "replay", "channel": frame.channel, "event": frame.event}
    if frame.payload is not None:
        answer["payload"] = frame.payload
    if error is not None:
        answer["error"] = {"code": error[0], "message": error[1]}
        answer["result"] = {"status": "fail"}
    else:
        answer["error"] = None
        answer["result"] = result
    return msgspec.json.encode(answer).decode()
