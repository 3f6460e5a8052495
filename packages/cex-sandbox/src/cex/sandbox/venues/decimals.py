"""Integers on a grid as the decimal text of the wire, padded to the grid or with trailing zeros trimmed."""

from __future__ import annotations

__all__ = ["padded", "trimmed"]


def padded(value: int, decimals: int) -> str:
    """``padded(8427000, 2) == "84270.00"``; ``value`` is in units of 10 ** -decimals and not negative."""
    if not decimals:
        return str(value)
    digits = str(value).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}"


def trimmed(value: int, decimals: int) -> str:
    """``trimmed(8427000, 2) == "84270"``; ``value`` is in units of 10 ** -decimals and not negative."""
    if not decimals:
        return str(value)
    return padded(value, decimals).rstrip("0").rstrip(".")
