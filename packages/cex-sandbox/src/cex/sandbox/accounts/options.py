"""How a venue's desk differs from another's: its limits, its memory, and what it refuses outright."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from cex.sandbox.accounts.ledger import EXACT

__all__ = ["DeskOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskOptions:
    """Limits are per account.

    ``unique_client_ids`` refuses a client id that an ``open`` order, or any order still ``known``, of the same symbol
    has. The ``refuse_...`` switches say what becomes of an order that cannot do what it must: True refuses it, False
    accepts and cancels it at once (``post_only`` would take, ``fok`` cannot be filled, ``empty`` is a market order that
    nobody answers). ``fee_places`` None takes fees to the last decimal.
    """

    first_order_id: int = 1_000_000_001
    history: int = 10_000
    fills_kept: int = 10_000
    max_open_orders: int = 500
    max_open_orders_a_symbol: int | None = None
    unique_client_ids: Literal["", "open", "known"] = ""
    refuse_post_only: bool = True
    refuse_fok: bool = True
    refuse_empty: bool = False
    fee_places: int | None = None
    fee_rounding: str = ROUND_HALF_UP

    def fee(self, received: Decimal, rate: Decimal) -> Decimal:
        """The fee on an amount, rounded as this venue does."""
        fee = EXACT.multiply(received, rate)
        if self.fee_places is not None:
            return fee.quantize(Decimal(1).scaleb(-self.fee_places), rounding=self.fee_rounding)
        return fee
