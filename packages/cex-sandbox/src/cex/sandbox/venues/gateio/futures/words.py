"""How Gate.io spells the decimals and times of futures: text by REST, bare numbers in pushes, sizes as clients wish."""

from __future__ import annotations

from decimal import Decimal

import msgspec

__all__ = ["bare", "seconds", "sized", "text"]


def text(value: Decimal) -> str:
    """Every digit, without exponent or trailing zeros."""
    spelled = f"{value:f}"
    if "." in spelled:
        spelled = spelled.rstrip("0").rstrip(".")
    return "0" if spelled == "-0" else spelled


def bare(value: Decimal) -> msgspec.Raw:
    """A JSON number with every digit."""
    return msgspec.Raw(text(value).encode())


def sized(size: Decimal, decimal: bool) -> str | int:
    """Contracts: text for a client that asked for decimals, otherwise a whole number, truncated toward zero."""
    return text(size) if decimal else int(size)


def seconds(at_ns: int) -> float:
    """Seconds since the epoch, to the millisecond."""
    return at_ns // 1_000_000 / 1000
