"""Frames of ``aggre.depth``, the busiest by far: their levels are read all at once.

A level is a price and a quantity as decimal text, each after one byte that names the field and one that tells the
length. With those bytes written as blanks and commas, the levels are numbers in JSON. Whatever does not look just like
that (fields of a later schema, another order, text that is no number) is read level by level.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from google.protobuf.message import DecodeError
from msgspec import Meta, Struct

from cex.common.exceptions import ExchangeDataException
from cex.common.types.market import Levels
from cex.exchanges.mexc.constants import EXCHANGE
from cex.exchanges.mexc.wire.levels import read_levels
from cex.exchanges.mexc.wire.schema.push_pb2 import DepthPush, PublicDepthV3ApiItem

__all__ = ["Depth", "parse_depth", "read_together"]

_QUANTITY_TAG = 0x12
_FIRST_TEXT = 0x20
_AS_JSON = bytes(ord(",") if byte == _QUANTITY_TAG else ord(" ") if byte < _FIRST_TEXT else byte for byte in range(256))
_BLANKS_A_LEVEL = 3
_Price = Annotated[float, Meta(gt=0)]
_Quantity = Annotated[float, Meta(ge=0)]
_decode = msgspec.json.Decoder(list[tuple[_Price, _Quantity]]).decode
_parse = DepthPush.FromString


class Depth(Struct, gc=False):
    """Every update from ``first`` to ``last``; ``sent_ms`` is 0 where the frame does not tell."""

    channel: str
    first: int
    last: int
    bids: Levels
    asks: Levels
    sent_ms: int


def parse_depth(data: bytes) -> Depth:
    """Read a frame of ``aggre.depth``.

    Raises:
        ExchangeDataException: ``data`` is no such frame, or a version, price or quantity makes no sense.
    """
    channel = "push"
    try:
        push = _parse(data)
        channel = push.channel
        body = push.publicAggreDepths
        first, last = int(body.fromVersion), int(body.toVersion)
        if not 0 <= first <= last:
            raise ValueError(f"versions from {first} to {last}")
        return Depth(channel, first, last, read_together(body.bids[:]), read_together(body.asks[:]), push.sendTime)
    except (DecodeError, ValueError) as error:
        raise ExchangeDataException(
            f"{channel[:100]} sent what is not documented: {error}", EXCHANGE, channel=channel[:100], payload=data.hex()
        ) from error


def read_together(items: list[bytes]) -> Levels:
    """``(price, quantity)`` of each ``PublicDepthV3ApiItem``; raises ValueError, DecodeError."""
    if not items:
        return []
    text = (b"[[" + b"],[".join(items) + b"]]").translate(_AS_JSON)
    if text.count(b" ") == _BLANKS_A_LEVEL * len(items):
        try:
            levels = _decode(text)
        except (msgspec.MsgspecError, UnicodeError):
            pass  # said better below
        else:
            if len(levels) == len(items):
                return levels
    return read_levels(map(PublicDepthV3ApiItem.FromString, items))
