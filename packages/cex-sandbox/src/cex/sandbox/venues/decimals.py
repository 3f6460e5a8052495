"""Integers on a grid as the decimal text of the wire, padded or trimmed, and changes between two of them."""

from __future__ import annotations

__all__ = ["change", "padded", "signed", "trimmed"]


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


def signed(value: int, decimals: int) -> str:
    """``trimmed`` of a value that may be negative: ``signed(-114, 6) == "-0.000114"``."""
    return f"-{trimmed(-value, decimals)}" if value < 0 else trimmed(value, decimals)


def change(before: int, after: int, decimals: int, *, percent: bool = False) -> str:
    """How far ``after`` is from ``before``, as a fraction or in percent: ``change(100, 99, 4) == "-0.01"``."""
    return signed(round((after - before) / before * (100 if percent else 1) * 10**decimals), decimals)
