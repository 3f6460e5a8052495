"""Orders of perpetuals as the desk keeps them: signed sizes in contracts, and everything that can become of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from cex.common.enums import Side, TimeInForce
from cex.sandbox.accounts.futures.arithmetic import ZERO, rounded
from cex.sandbox.accounts.futures.contracts import Contract

__all__ = ["AutoSize", "FuturesFill", "FuturesFinish", "FuturesOrder", "FuturesTicket"]


class AutoSize(StrEnum):
    """Which of the two positions of dual mode an order closes whole."""

    CLOSE_LONG = "close_long"
    CLOSE_SHORT = "close_short"


class FuturesFinish(StrEnum):
    """How an order ended; OPEN is one that has not."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    LIQUIDATED = "liquidated"
    IOC = "ioc"
    FOK = "fok"
    POC = "poc"
    AUTO_DELEVERAGED = "auto_deleveraged"
    REDUCE_ONLY = "reduce_only"
    POSITION_CLOSED = "position_closed"
    STP = "stp"


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesTicket:
    """What is asked for. ``size`` is positive to buy; ``price`` None is the market's. ``text`` is the custom id."""

    symbol: str
    size: Decimal = ZERO
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    close: bool = False
    auto_size: AutoSize | None = None
    text: str = "api"
    iceberg: Decimal = ZERO
    stp_act: str = "-"


@dataclass(slots=True, eq=False)
class FuturesOrder:
    """One order. ``left`` has the sign of ``size``; ``working`` is how much of it (not negative) is in the book.

    ``priced`` is the sum of contracts times price of its fills, ``fee`` what they cost. ``revision`` rises with every
    change.
    """

    id: int
    uid: int
    contract: Contract
    size: Decimal
    price: Decimal | None
    time_in_force: TimeInForce
    text: str
    created_ns: int
    maker_fee: Decimal
    taker_fee: Decimal
    reduce_only: bool = False
    is_close: bool = False
    is_liquidation: bool = False
    iceberg: Decimal = ZERO
    stp_act: str = "-"
    stp_id: int = 0
    left: Decimal = ZERO
    working: Decimal = ZERO
    priced: Decimal = ZERO
    fee: Decimal = ZERO
    finish: FuturesFinish = FuturesFinish.OPEN
    finished_ns: int = 0
    updated_ns: int = 0
    amend_text: str = "-"
    revision: int = 1
    engine_id: int | None = field(default=None, repr=False)

    @property
    def is_open(self) -> bool:
        return self.finish is FuturesFinish.OPEN

    @property
    def side(self) -> Side:
        return Side.BUY if self.size > 0 else Side.SELL

    @property
    def filled(self) -> Decimal:
        """Contracts, not negative."""
        return abs(self.size - self.left)

    @property
    def average_price(self) -> Decimal:
        """Of its fills, 0 without any."""
        return rounded(self.priced / self.filled) if self.filled else ZERO

    def copy(self) -> FuturesOrder:
        """As it is now."""
        return replace(self)


@dataclass(frozen=True, slots=True)
class FuturesFill:
    """One match of an order. ``size`` is signed; ``close_size`` as the venue tells it: how much of it closed, signed.

    ``fee`` is what it cost in quote, negative when it was paid to the account; ``value`` is in quote, not negative;
    ``realised`` is the result of what it closed, without fees.
    """

    trade_id: int
    order_id: int
    uid: int
    contract: Contract
    size: Decimal
    price: Decimal
    value: Decimal
    fee: Decimal
    realised: Decimal
    is_maker: bool
    close_size: Decimal
    text: str
    amend_text: str
    time_ns: int
