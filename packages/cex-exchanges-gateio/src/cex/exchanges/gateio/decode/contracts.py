"""Contracts become base units here and nowhere else, so that no decimal digit is made up on the way."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal

from cex.exchanges.gateio.wire.futures import Level

__all__ = ["ContractSize"]

_EXACT = Context(prec=60)


class ContractSize:
    """The base quantity of one contract, as numerator and denominator.

    Whole contracts are multiplied and divided as integers, which Python rounds once and correctly: 11364 contracts of
    0.0001 are the very float that the text ``1.1364`` is. Parts of a contract, which few contracts allow, take the way
    through ``Decimal``.
    """

    __slots__ = ("_bottom", "_top", "size")

    def __init__(self, size: Decimal) -> None:
        """``size`` is base units per contract, as in ``Instrument.contract_size``."""
        self.size = size
        self._top, self._bottom = size.as_integer_ratio()

    def quantity(self, contracts: float) -> float:
        """Base units of so many contracts."""
        if type(contracts) is int:
            return contracts * self._top / self._bottom
        return float(_EXACT.multiply(Decimal(repr(contracts)), self.size))

    def of_levels(self, levels: Iterable[Level]) -> list[tuple[float, float]]:
        """``(price, base units)`` of each level."""
        top, bottom, quantity = self._top, self._bottom, self.quantity
        if top == 1:  # nearly every contract, and books are what there is most of
            return [(level.p, size / bottom if type(size := level.s) is int else quantity(size)) for level in levels]
        return [(level.p, size * top / bottom if type(size := level.s) is int else quantity(size)) for level in levels]

    def of_pairs(self, levels: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        """``(price, base units)`` of each ``(price, contracts)``."""
        quantity = self.quantity
        return [(price, quantity(size)) for price, size in levels]
