"""Bytes become wire structures, or an ``ExchangeDataException`` that says whose bytes they were."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from cex.common.exceptions import ExchangeDataException
from cex.exchanges.mexc.constants import EXCHANGE

if TYPE_CHECKING:
    from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper

__all__ = ["MS", "NOT_DECODABLE", "figure", "parse", "senseless", "undecodable"]

T = TypeVar("T")

NOT_DECODABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""Everything that msgspec raises for bytes that are not what they should be."""

MS: Final = 1_000_000
"""Nanoseconds in a millisecond."""


def undecodable(channel: str, payload: bytes | str, cause: object) -> ExchangeDataException:
    """The error for something that ``channel`` sent and that does not decode."""
    return ExchangeDataException(
        f"{channel} sent what is not documented: {cause}", EXCHANGE, channel=channel, payload=payload
    )


def senseless(push: PushDataV3ApiWrapper, cause: object) -> ExchangeDataException:
    """The error for a push whose figures make no sense."""
    return undecodable(push.channel[:100], push.SerializeToString().hex(), cause)


def parse(decoder: msgspec.json.Decoder[T], data: bytes | str, channel: str) -> T:
    """``data`` as the decoder's type; ``channel`` is named in the ExchangeDataException where it does not fit."""
    try:
        return decoder.decode(data)
    except NOT_DECODABLE as error:
        raise undecodable(channel, data, error) from error


def figure(text: str | float | None, least: float = 0.0) -> float | None:
    """The number that ``text`` spells, None for "" and null; ValueError below ``least``, for inf and for no number."""
    if text is None or text == "":
        return None
    number = float(text)
    if not least <= number < inf:
        raise ValueError(f"{text!r} is out of range")
    return number
