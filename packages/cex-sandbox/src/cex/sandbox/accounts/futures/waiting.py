"""Orders that wait for a price: what is watched, and what is placed then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any

from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.orders import FuturesTicket

__all__ = ["PriceSource", "WaitingFinish", "WaitingOrder", "WaitingStatus"]


class PriceSource(Enum):
    """Which price is watched, by the venue's number."""

    LAST = 0
    MARK = 1
    INDEX = 2

    def of(self, contract: Contract) -> Decimal:
        """The price now."""
        if self is PriceSource.LAST:
            return contract.last
        return contract.mark if self is PriceSource.MARK else contract.index


class WaitingStatus(StrEnum):
    OPEN = "open"
    FINISHED = "finished"
    INACTIVE = "inactive"
    INVALID = "invalid"


class WaitingFinish(StrEnum):
    """How it ended; empty while it has not."""

    NOT = ""
    CANCELLED = "cancelled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(slots=True, eq=False)
class WaitingOrder:
    """``ticket`` is placed when the price of ``source`` is at or ``above`` (or else below) ``price``.

    ``expires_ns`` 0 is never. ``order_type`` and ``extra`` are only kept. ``reason`` is why it could not be placed.
    """

    id: int
    uid: int
    contract: Contract
    ticket: FuturesTicket
    source: PriceSource
    price: Decimal
    above: bool
    created_ns: int
    expires_ns: int = 0
    expiration_s: int = 0
    order_type: str = ""
    status: WaitingStatus = WaitingStatus.OPEN
    finish: WaitingFinish = WaitingFinish.NOT
    finished_ns: int = 0
    fired_order_id: int = 0
    reason: str = ""
    extra: Any = None

    def is_due(self) -> bool:
        """Whether the price has come."""
        seen = self.source.of(self.contract)
        return seen >= self.price if self.above else seen <= self.price

    def copy(self) -> WaitingOrder:
        """As it is now."""
        return replace(self)
