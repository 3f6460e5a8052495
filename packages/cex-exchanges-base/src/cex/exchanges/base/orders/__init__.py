"""Orders whose outcome is known or declared unknown: tracked, resolved, backfilled, and made to fit before they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.exchanges.base.orders.backfill import Backfill
    from cex.exchanges.base.orders.cancels import Cancels
    from cex.exchanges.base.orders.policy import OrderPolicy
    from cex.exchanges.base.orders.precision import fitted
    from cex.exchanges.base.orders.record import TRANSITIONS, OrderRecord
    from cex.exchanges.base.orders.submission import Submission
    from cex.exchanges.base.orders.tracker import OrderTracker

__all__ = [
    "TRANSITIONS",
    "Backfill",
    "Cancels",
    "OrderPolicy",
    "OrderRecord",
    "OrderTracker",
    "Submission",
    "fitted",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "backfill": ["Backfill"],
        "cancels": ["Cancels"],
        "policy": ["OrderPolicy"],
        "precision": ["fitted"],
        "record": ["TRANSITIONS", "OrderRecord"],
        "submission": ["Submission"],
        "tracker": ["OrderTracker"],
    },
)
