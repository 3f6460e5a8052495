"""The private request budgets: fixed windows by account, some for each endpoint or pair, some for all at once.

https://www.gate.com/docs/developers/apiv4/en/#frequency-limit-rule
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from cex.common.clock import Clock
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.refusals import Refused
from cex.sandbox.venues.limits import Allowance, FixedWindows

__all__ = [
    "FUTURES_CANCEL",
    "FUTURES_OTHER",
    "FUTURES_PLACE",
    "PRIVATE_OTHER",
    "SPOT_CANCEL",
    "SPOT_OTHER",
    "SPOT_PLACE",
    "TRANSFER",
    "UNIFIED_BORROW",
    "WALLET_OTHER",
    "WITHDRAWAL",
    "Pool",
    "Pools",
    "Spent",
    "exceeded",
]


class Pool(NamedTuple):
    """``capacity`` per ``seconds`` and account: shared by all that name it, or apart ``by`` endpoint or currency pair.

    ``name`` is what ``GateioOptions.limits`` calls it; ``reason`` is the number in the refusal.
    """

    name: str
    capacity: int
    seconds: float
    by: Literal["all", "endpoint", "pair"]
    reason: int


SPOT_PLACE = Pool("spot_place", 10, 1.0, "pair", 211)
SPOT_CANCEL = Pool("spot_cancel", 200, 1.0, "all", 211)
SPOT_OTHER = Pool("spot_other", 200, 10.0, "endpoint", 211)
FUTURES_PLACE = Pool("futures_place", 100, 1.0, "all", 311)
FUTURES_CANCEL = Pool("futures_cancel", 200, 1.0, "all", 311)
FUTURES_OTHER = Pool("futures_other", 200, 10.0, "endpoint", 311)
TRANSFER = Pool("transfer", 80, 10.0, "endpoint", 100)
WITHDRAWAL = Pool("withdrawal", 1, 3.0, "all", 100)
WALLET_OTHER = Pool("wallet_other", 200, 10.0, "endpoint", 100)
UNIFIED_BORROW = Pool("unified_borrow", 15, 10.0, "all", 100)
PRIVATE_OTHER = Pool("private_other", 150, 10.0, "endpoint", 100)


class Spent(NamedTuple):
    """What a request left of its budget, for the headers of the answer."""

    allowance: Allowance
    capacity: int


class Pools:
    """The budgets of all accounts. REST and the WebSocket order API spend the same ones."""

    def __init__(self, options: GateioOptions, clock: Clock) -> None:
        self._limits = options.limits
        self._clock = clock
        self._windows: dict[str, FixedWindows] = {}

    def spend(self, pool: Pool, uid: int, part: str = "") -> Spent:
        """Charge one request to the account's budget; ``part`` is its endpoint or pair, where the pool is divided."""
        windows = self._of(pool)
        key = str(uid) if pool.by == "all" else f"{uid} {part}"
        return Spent(windows.spend(key), windows.capacity)

    def peek(self, pool: Pool, uid: int, part: str = "") -> Spent:
        """What is left, without charging anything."""
        windows = self._of(pool)
        key = str(uid) if pool.by == "all" else f"{uid} {part}"
        return Spent(windows.spend(key, 0), windows.capacity)

    def _of(self, pool: Pool) -> FixedWindows:
        windows = self._windows.get(pool.name)
        if windows is None:
            capacity = self._limits.get(pool.name, pool.capacity)
            windows = self._windows[pool.name] = FixedWindows(capacity, pool.seconds, clock=self._clock)
        return windows


def exceeded(pool: Pool) -> Refused:
    """The refusal of what does not fit into a budget."""
    return Refused(429, "TOO_MANY_REQUESTS", f"Request Rate limit Exceeded ({pool.reason})")
