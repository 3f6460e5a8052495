"""Price-time priority on integers: prices in ticks, quantities in lots, so that nothing is ever rounded.

The engine knows neither venues nor money. Every change of a price level takes the next update id, which is what the
venues' books are numbered by, and is kept for a while, so that the book at a recent id can be told again.
"""

from __future__ import annotations

from cex.sandbox.matching.engine import MatchingEngine
from cex.sandbox.matching.orders import Change, Execution, Fill, FillListener, Order, SelfTrade

__all__ = ["Change", "Execution", "Fill", "FillListener", "MatchingEngine", "Order", "SelfTrade"]
