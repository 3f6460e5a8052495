"""What can be done to a message: books that cross, books without levels, halves, garbage. Both venues' spellings."""

from __future__ import annotations

import random
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
from google.protobuf.message import DecodeError

from cex.sandbox.venues.frames import TEXT, Frame, encoded, header
from cex.sandbox.venues.mexc.schema import push_pb2

__all__ = ["crossed_body", "crossed_push", "emptied_body", "emptied_push", "garbage", "half", "impossible", "padding"]

_FAR_ABOVE = Decimal("1.25")
_BID_KEYS, _ASK_KEYS = ("b", "bids"), ("a", "asks")


def half(frame: Frame) -> Frame:
    """The first half of a message."""
    return frame[: len(frame) // 2]


def garbage(rng: random.Random, frame: Frame) -> Frame:
    """As long as ``frame`` and of its type, and nothing that can be read."""
    if isinstance(frame, bytes):
        return b"\xff" + rng.randbytes(max(1, len(frame) - 1))
    return "{" + "".join(rng.choice("{[\"',:}]x0 ") for _ in range(max(1, len(frame) - 1)))


def impossible(frame: Frame) -> bytes:
    """The bytes of a frame that RFC 6455 forbids: reserved bits and a reserved opcode."""
    data = bytearray(encoded(frame))
    data[0] |= 0x70 | 0x3
    return bytes(data)


def padding(frame: Frame, size: int) -> bytes:
    """The bytes of a frame of ``size`` bytes, of the type of ``frame``."""
    if isinstance(frame, bytes):
        return encoded(bytes(size))
    return header(TEXT, size) + b" " * size


def crossed_push(frame: Frame) -> Frame | None:
    """The same delta with one bid far above everything; None when this is no book or there is no price to go by."""
    if isinstance(frame, str):
        message = _json(frame.encode())
        book = message.get("result") if isinstance(message, dict) else None
        if isinstance(book, dict) and _cross(book):
            return msgspec.json.encode(message).decode()
        return None
    push = _push(frame)
    if push is None:
        return None
    levels = [*push.aggre_depths.bids, *push.aggre_depths.asks]
    if not levels:
        return None
    price = max(Decimal(level.price) for level in levels)
    push.aggre_depths.bids.add(price=_above(str(price)), quantity="1")
    return push.SerializeToString()


def emptied_push(frame: Frame) -> Frame | None:
    """A delta that ends where this one ends and holds nothing; None when this is no book delta."""
    if isinstance(frame, str):
        message = _json(frame.encode())
        book = message.get("result") if isinstance(message, dict) else None
        if not isinstance(book, dict) or "u" not in book or "full" in book:
            return None
        book["U"] = book["u"]
        _empty(book, (*_BID_KEYS, *_ASK_KEYS))
        return msgspec.json.encode(message).decode()
    push = _push(frame)
    if push is None:
        return None
    del push.aggre_depths.bids[:]
    del push.aggre_depths.asks[:]
    push.aggre_depths.from_version = push.aggre_depths.to_version
    return push.SerializeToString()


def crossed_body(body: bytes) -> bytes | None:
    """A REST book with one bid far above everything; None when this is no book or an empty one."""
    book = _json(body)
    if isinstance(book, dict) and _cross(book):
        return msgspec.json.encode(book)
    return None


def emptied_body(body: bytes, side: str) -> bytes | None:
    """A REST book without ``bids``, ``asks`` or ``both``; None when this is no book."""
    book = _json(body)
    if not isinstance(book, dict) or not isinstance(book.get("bids"), list):
        return None
    _empty(book, ("bids", "asks") if side == "both" else (side,))
    return msgspec.json.encode(book)


def _cross(book: dict[str, Any]) -> bool:
    bids = next((book[key] for key in _BID_KEYS if isinstance(book.get(key), list)), None)
    asks = next((book[key] for key in _ASK_KEYS if isinstance(book.get(key), list)), None)
    levels = [*(bids or ()), *(asks or ())]
    if not levels:
        return False
    if bids is None:
        bids = book["b"] = []
    top = max(levels, key=lambda level: Decimal(_price(level)))
    high = _above(_price(top))
    bids.insert(0, {**top, "p": high, "s": top["s"] or 1} if isinstance(top, dict) else [high, "1", *top[2:]])
    return True


def _price(level: Any) -> str:
    return str(level["p"] if isinstance(level, dict) else level[0])


def _above(price: str) -> str:
    """A quarter higher, with as many decimals."""
    exponent = Decimal(price).as_tuple().exponent
    assert isinstance(exponent, int)
    return f"{(Decimal(price) * _FAR_ABOVE).quantize(Decimal(1).scaleb(min(0, exponent))):f}"


def _empty(book: dict[str, Any], keys: Iterable[str]) -> None:
    for key in keys:
        if isinstance(book.get(key), list):
            book[key] = []


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None


def _push(frame: bytes) -> push_pb2.Push | None:
    try:
        push = push_pb2.Push.FromString(frame)
    except DecodeError:
        return None
    return push if push.HasField("aggre_depths") else None
