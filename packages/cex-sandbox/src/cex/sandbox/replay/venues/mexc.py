"""MEXC spot WebSocket v3: control as JSON text, data as protobuf.

https://www.mexc.com/api-docs/spot-v3/websocket-market-streams
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, MutableSet

import msgspec

from cex.common.enums import MarketType
from cex.sandbox.replay.venues.venue import Offer, Stream, StreamKind, Traded

__all__ = ["MexcVenue"]

_KINDS = {
    "spot@public.aggre.depth.v3.api.pb": StreamKind.BOOK,
    "spot@public.aggre.deals.v3.api.pb": StreamKind.TRADES,
}
_CHANNEL_FIELD = 1
_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5


class _Request(msgspec.Struct):
    method: str
    params: list[str] = []
    id: int = 0


_decoder = msgspec.json.Decoder(_Request)


class MexcVenue:
    """Acknowledges as the exchange does: always ``code`` 0, refusals by their text alone."""

    name = "mexc"
    domains = ("mexc.com", "mexc.co")
    paths = ("/api/v3", "/ws")

    def endpoints(self, address: str, sockets: Collection[str]) -> dict[str, str]:
        return {"rest": f"http://{address}", "ws": f"ws://{address}/ws"}

    def is_book(self, path: str) -> bool:
        return path == "/api/v3/depth"

    def settings(self, offer: Offer, book_queries: Iterable[Mapping[str, str]]) -> dict[str, object]:
        found: dict[str, object] = {}
        intervals = {stream.name.split("@")[2] for stream in offer.streams if stream.kind is StreamKind.BOOK}
        if len(intervals) == 1:
            found["book_interval"] = intervals.pop()
        depths = {query["limit"] for query in book_queries if query.get("limit", "").isdigit()}
        if len(depths) == 1:
            found["book_depth"] = int(depths.pop())
        return found

    def streams(self, data: str | bytes) -> frozenset[Stream] | None:
        if isinstance(data, str):
            return None
        channel = _channel(data)
        return frozenset((_stream(channel),)) if channel is not None and "@" in channel else frozenset()

    def asked(self, data: str) -> tuple[tuple[Stream, str], ...]:
        try:
            request = _decoder.decode(data)
        except msgspec.DecodeError:
            return ()
        return tuple((_stream(channel), "") for channel in request.params) if request.method == "SUBSCRIPTION" else ()

    def reply(self, data: str, subscribed: MutableSet[Stream], offer: Offer, now_ns: int) -> tuple[str, ...]:
        try:
            request = _decoder.decode(data)
        except msgspec.DecodeError:
            return (_answer(0, "msg format invalid"),)
        if request.method == "PING":
            return (_answer(request.id, "PONG"),)
        if request.method == "UNSUBSCRIPTION":
            for channel in request.params:
                subscribed.discard(_stream(channel))
            return (_answer(request.id, ",".join(request.params)),)
        if request.method != "SUBSCRIPTION" or not request.params:
            return (_answer(request.id, "msg format invalid"),)
        refused = [channel for channel in request.params if offer.objection(_stream(channel), "")]
        accepted = [channel for channel in request.params if channel not in refused]
        for channel in accepted:
            subscribed.add(_stream(channel))
        return (_answer(request.id, _outcome(accepted, refused)),)


def _stream(channel: str) -> Stream:
    parts = channel.split("@")
    head, tail = "@".join(parts[:2]), parts[2:]
    kind = _KINDS.get(head, StreamKind.OTHER)
    # The aggre channels put the interval before the symbol, the others their qualifier behind it.
    symbol = tail[-1 if ".aggre." in head else 0] if tail else ""
    return Stream(kind, Traded(MarketType.SPOT, symbol), channel)


def _outcome(accepted: list[str], refused: list[str]) -> str:
    if not refused:
        return ",".join(accepted)
    success = f"Subscribed successful! [{','.join(accepted)}]. " if accepted else ""
    return f"{success}Not Subscribed successfully! [{','.join(refused)}].  Reason： Blocked! "


def _answer(request_id: int, message: str) -> str:
    return msgspec.json.encode({"id": request_id, "code": 0, "msg": message}).decode()


def _channel(data: bytes) -> str | None:
    """Field 1 of ``PushDataV3ApiWrapper``, read without a schema; None when the bytes are no protobuf message."""
    position = 0
    try:
        while position < len(data):
            tag, position = _varint(data, position)
            wire_type = tag & 7
            if wire_type == _DELIMITED:
                length, position = _varint(data, position)
                if position + length > len(data):
                    return None
                if tag >> 3 == _CHANNEL_FIELD:
                    return data[position : position + length].decode()
                position += length
            elif wire_type == _VARINT:
                _, position = _varint(data, position)
            elif wire_type in (_FIXED64, _FIXED32):
                position += 8 if wire_type == _FIXED64 else 4
            else:
                return None
    except (IndexError, UnicodeDecodeError):
        return None
    return None


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
