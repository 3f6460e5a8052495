"""What both markets read alike: bytes into structures, quoted figures, times, and the error where they do not fit."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from cex.common.exceptions import ExchangeDataException
from cex.exchanges.gateio.constants import EXCHANGE
from cex.exchanges.gateio.wire.control import rows_decoder
from cex.exchanges.gateio.wire.numbers import Figure

__all__ = [
    "MILLISECOND",
    "NOT_DECODABLE",
    "SECOND",
    "figure",
    "fraction",
    "moment",
    "parse",
    "parse_rows",
    "undecodable",
]

T = TypeVar("T")
Row = TypeVar("Row")

NOT_DECODABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""Everything that msgspec raises for bytes that are not what they should be."""

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
_LONGEST_TIME = 15
_LARGEST = 1e200


def undecodable(channel: str, payload: bytes | str, cause: object) -> ExchangeDataException:
    """The error for something that ``channel`` sent and that does not decode."""
    return ExchangeDataException(
        f"{channel} sent what is not documented: {cause}", EXCHANGE, channel=channel, payload=payload
    )


def parse(decoder: msgspec.json.Decoder[T], data: bytes | str, channel: str) -> T:
    """``data`` as the decoder's type; ``channel`` is named in the ExchangeDataException where it does not fit."""
    try:
        return decoder.decode(data)
    except NOT_DECODABLE as error:
        raise undecodable(channel, data, error) from error


def parse_rows(
    decoder: msgspec.json.Decoder[Any], data: bytes | str, channel: str, translate: Callable[[Any], Row]
) -> tuple[list[Row], list[str]]:
    """Every row of a list that decodes and translates, and why others had to be left out.

    One unusable row (a name that makes no symbol, a field of the wrong kind) does not cost the others.
    """
    found: list[Row] = []
    left_out: list[str] = []
    for row in parse(rows_decoder, data, channel):
        try:
            found.append(translate(decoder.decode(row)))
        except (*NOT_DECODABLE, ValueError) as error:
            left_out.append(f"{bytes(row)[:80].decode('utf-8', 'backslashreplace')}: {error}")
    return found, left_out


def figure(value: Figure, channel: str) -> float | None:
    """A figure as it stands, in quotes or not; None where there is none (absent or ``""``)."""
    if value is None or value == "":
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError) as error:
        raise undecodable(channel, repr(value)[:64], error) from error
    if not abs(read) <= _LARGEST:
        raise undecodable(channel, repr(value)[:64], "not a figure")
    return read


def fraction(percent: Figure, channel: str) -> float | None:
    """A percentage as a fraction, shifted in decimal so that no digit is lost."""
    read = figure(percent, channel)
    return None if read is None else float(Decimal(repr(read)).scaleb(-2))


def moment(value: str | float, unit: int, channel: str) -> int:
    """Nanoseconds since the epoch of a time in ``unit`` nanoseconds, exactly: a float would lose trailing digits."""
    whole, _, behind = str(value).partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= _LONGEST_TIME and _is_digits_or_none(behind)):
        unit_name = "milliseconds" if unit == MILLISECOND else "seconds"
        raise undecodable(channel, str(value)[:64], f"not a time in {unit_name}")
    places = len(str(unit)) - 1
    return int(whole) * unit + int(behind[:places].ljust(places, "0") or 0)


def _is_digits_or_none(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit())
