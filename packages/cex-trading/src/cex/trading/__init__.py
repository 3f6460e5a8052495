"""Decide across exchanges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.trading.arbitrage.cross_exchange import (
        Market,
        Opportunity,
        find_arbitrage,
        find_arbitrages,
        price_arbitrage,
    )

__all__ = ["Market", "Opportunity", "find_arbitrage", "find_arbitrages", "price_arbitrage"]

if not TYPE_CHECKING:
    __getattr__ = lazy_exports(__name__, {"arbitrage.cross_exchange": __all__})
