"""Numbers as people read them: never in scientific notation, aligned by the instrument's own decimals."""

from __future__ import annotations

from decimal import Decimal

__all__ = ["age_text", "bps_text", "count_text", "decimals_of", "price_text", "quantity_text"]

_NOTHING = "-"
_SIGNIFICANT = 5


def decimals_of(grid: Decimal) -> int:
    """Decimal places of a price grid: 2 for 0.01, 0 for 5."""
    exponent = grid.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def price_text(price: float | None, decimals: int) -> str:
    """A price on its grid; more decimals than that are shown, never cut."""
    if price is None:
        return _NOTHING
    exact = Decimal(repr(price))
    return f"{price:,.{max(decimals, decimals_of(exact))}f}"


def quantity_text(quantity: float | None) -> str:
    """A quantity with five significant digits, whole numbers uncut."""
    if quantity is None:
        return _NOTHING
    if quantity >= 10 ** (_SIGNIFICANT - 1):
        return f"{quantity:,.0f}"
    rounded = Decimal(f"{quantity:.{_SIGNIFICANT}g}")
    return f"{rounded:f}"


def bps_text(bps: float | None, *, signed: bool = False) -> str:
    """Basis points with one decimal."""
    return _NOTHING if bps is None else f"{bps:+,.1f}" if signed else f"{bps:,.1f}"


def age_text(seconds: float | None) -> str:
    """A duration in the unit that fits: ``35 ms``, ``4.2 s``, ``7 min``."""
    if seconds is None:
        return _NOTHING
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"


def count_text(count: int) -> str:
    """A count with separators."""
    return f"{count:,}"
