"""How long, how often and how widely it is looked for what became of an order."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["OrderPolicy"]


@dataclass(frozen=True, slots=True)
class OrderPolicy:
    """Seconds, all of them.

    - ``resolve_within``: the bound on resolving an unknown order, counted from the end of its validity;
    - ``query_first``, ``query_most``: pauses between queries, doubling from the one to the other;
    - ``clock_margin``: added to the validity, for what the estimate of the exchange's clock may be off;
    - ``cancel_within``: how long a cancel that was accepted may take to show before the order is returned as it stands;
    - ``overlap``: how far before a loss a backfill begins, for what was under way then;
    - ``backfill_first``, ``backfill_most``: pauses between tries of a backfill that fails;
    - ``settle_within``: how long fills may lag behind the order that speaks of them (some exchanges list them late);
    - ``audit_every``: how often the open orders are compared with the exchange's own list (0: never);
    - ``audit_grace``: how old the last word on an order must be before an audit asks about it;
    - ``rules_every``: how often the list of instruments is read again, for rules change live (0: never). An exchange
      refuses what breaks a new rule, but not contracts that have grown; it halts trading for longer than this for them;
    - ``rules_trusted``: how old the list must be before a refused order has it read again.
    """

    resolve_within: float = 20.0
    query_first: float = 0.25
    query_most: float = 2.0
    clock_margin: float = 1.0
    cancel_within: float = 3.0
    overlap: float = 10.0
    backfill_first: float = 0.5
    backfill_most: float = 10.0
    settle_within: float = 10.0
    audit_every: float = 15.0
    audit_grace: float = 2.0
    rules_every: float = 300.0
    rules_trusted: float = 30.0

    def __post_init__(self) -> None:
        positive = (
            self.resolve_within,
            self.query_first,
            self.query_most,
            self.cancel_within,
            self.backfill_first,
            self.backfill_most,
            self.settle_within,
            self.audit_grace,
        )
        zero_or_more = (self.clock_margin, self.overlap, self.audit_every, self.rules_every, self.rules_trusted)
        if min(positive) <= 0 or min(zero_or_more) < 0:
            raise ValueError(f"an order policy is made of positive seconds, not {self}")
