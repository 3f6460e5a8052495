"""Money as the exchange writes it, exactly: decimal text becomes ``Decimal``, and what is no amount is a ValueError."""

from __future__ import annotations

from decimal import Context, Decimal, InvalidOperation
from typing import Final

__all__ = ["amount", "average", "given"]

_LARGEST_EXPONENT: Final = 40
_QUOTIENT: Final = Context(prec=28)


def amount(text: str | float | None, name: str, *, signed: bool = False) -> Decimal | None:
    """The amount that ``text`` spells; None for null and "", which stand where there is none.

    Raises:
        ValueError: it is no finite number of a sensible size, or negative where it is not ``signed``; names ``name``.
    """
    if text is None or text == "":
        return None
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        raise ValueError(f"{name} is {text!r}, which is no number") from None
    if not value.is_finite() or abs(value.adjusted()) > _LARGEST_EXPONENT or (value < 0 and not signed):
        raise ValueError(f"{name} is {text!r}, which is no sensible amount")
    return value


def given(text: str | float | None, name: str, *, signed: bool = False) -> Decimal:
    """Like :func:`amount`, for a figure that must be there."""
    value = amount(text, name, signed=signed)
    if value is None:
        raise ValueError(f"{name} is missing")
    return value


def average(quote: Decimal, base: Decimal) -> Decimal | None:
    """The average price of ``base`` for ``quote``, to 28 digits; None where nothing filled."""
    return _QUOTIENT.divide(quote, base) if base else None
