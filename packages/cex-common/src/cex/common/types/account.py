"""What an account holds. Every amount is ``Decimal``; positions are in base units."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from cex.common.enums import MarginMode, MarketType, PositionSide
from cex.common.types.symbols import Symbol

__all__ = ["Balance", "FundingPayment", "Position", "TradingFees"]


class Balance(Struct, frozen=True, kw_only=True):
    """One currency of one wallet: ``free`` can be used, ``locked`` is bound by open orders or as margin.

    ``market`` tells the wallet; the common pool of a unified account stands as SPOT. ``borrowed`` is owed there.
    """

    currency: str
    free: Decimal
    locked: Decimal = Decimal(0)
    updated_ts: int = 0
    market: MarketType = MarketType.SPOT
    borrowed: Decimal = Decimal(0)

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


class TradingFees(Struct, frozen=True, kw_only=True):
    """What this account pays to trade ``symbol``, as fractions (0.002 = 0.2 %); a negative one is received."""

    symbol: Symbol
    maker: Decimal
    taker: Decimal
    tier: str = ""


class FundingPayment(Struct, frozen=True, kw_only=True):
    """Funding of a position at one moment: a positive ``amount`` was received, a negative one paid, in ``currency``.

    ``payment_id`` is "" where the exchange gives none.
    """

    symbol: Symbol
    amount: Decimal
    currency: str
    paid_ts: int
    payment_id: str = ""
    rate: Decimal | None = None
