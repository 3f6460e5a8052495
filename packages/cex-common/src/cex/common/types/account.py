"""What an account holds. Every amount is ``Decimal``; positions are in base units."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from cex.common.enums import MarginMode, PositionSide
from cex.common.types.symbols import Symbol

__all__ = ["Balance", "Position"]


class Balance(Struct, frozen=True, kw_only=True):
    """One currency of an account: ``free`` can be used, ``locked`` is bound by open orders or as margin."""

    currency: str
    free: Decimal
    locked: Decimal = Decimal(0)
    updated_ts: int = 0

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


class Position(Struct, frozen=True, kw_only=True):
    """An open futures position; ``quantity`` is signed (negative is short), in base units."""

    symbol: Symbol
    side: PositionSide
    quantity: Decimal
    entry_price: Decimal | None
    mark_price: Decimal | None = None
    liquidation_price: Decimal | None = None
    unrealised_pnl: Decimal | None = None
    realised_pnl: Decimal | None = None
    leverage: Decimal | None = None
    margin: Decimal | None = None
    margin_mode: MarginMode = MarginMode.CROSS
    updated_ts: int = 0
