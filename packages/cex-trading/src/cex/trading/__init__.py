"""Decide across exchanges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.trading.arbitrage.basis import Basis, measure_basis
    from cex.trading.arbitrage.cross_exchange import Opportunity, find_arbitrage, find_arbitrages, price_arbitrage
    from cex.trading.arbitrage.market import Market
    from cex.trading.arbitrage.triangular import Circle, Conversion, find_circles

__all__ = [
    "Basis",
    "Circle",
    "Conversion",
    "Market",
    "Opportunity",
    "find_arbitrage",
    "find_arbitrages",
    "find_circles",
    "measure_basis",
    "price_arbitrage",
]

if not TYPE_CHECKING:
    __getattr__ = lazy_exports(
        __name__,
        {
            "arbitrage.basis": ["Basis", "measure_basis"],
            "arbitrage.cross_exchange": ["Opportunity", "find_arbitrage", "find_arbitrages", "price_arbitrage"],
            "arbitrage.market": ["Market"],
            "arbitrage.triangular": ["Circle", "Conversion", "find_circles"],
        },
    )
