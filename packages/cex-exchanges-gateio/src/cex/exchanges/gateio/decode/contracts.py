"""Contracts become base units here and nowhere else, so that no decimal digit is made up on the way."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal

from cex.common.types.market import Changes
from cex.exchanges.gateio.wire.futures import Level

__all__ = ["ContractSize"]

_EXACT = Context(prec=60)


class ContractSize:
    """The base quantity of one contract, as numerator and denominator.

    Whole contracts are multiplied and divided as integers, which Python rounds once and correctly: 11364 contracts of
    0.0001 are the very float that the text ``1.1364`` is. Parts of a contract, which few contracts allow, take the way
    through ``Decimal``.

    ``lots`` is how many contracts make a base unit where that is a whole number, and 1.0 otherwise: the lots in which
    :meth:`book_levels` counts, so that a book of such contracts keeps them as they come and divides when it is read.
    """

    __slots__ = ("_bottom", "_top", "lots", "size")

    def __init__(self, size: Decimal) -> None:
        """``size`` is base units per contract, as in ``Instrument.contract_size``."""
        self.size = size
        self._top, self._bottom = size.as_integer_ratio()
        self.lots = float(self._bottom) if self._top == 1 else 1.0

    def quantity(self, contracts: float) -> float:
        """Base units of so many contracts."""
        if type(contracts) is int or contracts.is_integer():
            return int(contracts) * self._top / self._bottom
        return float(_EXACT.multiply(Decimal(repr(contracts)), self.size))

    def base_levels(self, levels: Iterable[Level]) -> list[tuple[float, float]]:
        """``(price, base units)`` of each level."""
        quantity = self.quantity
        return [(level.price, quantity(level.quantity)) for level in levels]

    def book_levels(self, levels: list[Level]) -> Changes:
        """The levels, counted in lots."""
        return levels if self._top == 1 else self.base_levels(levels)

    def book_pairs(self, levels: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """``(price, lots)`` of each ``(price, contracts)``."""
        return levels if self._top == 1 else [(price, self.quantity(size)) for price, size in levels]
