"""Orders as an account sees them, before any venue's spelling: what is asked, what became of it, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from cex.common.enums import OrderStatus, OrderType, Side, TimeInForce
from cex.sandbox.matching import SelfTrade

__all__ = [
    "AccountFill",
    "AccountOrder",
    "Finish",
    "Reason",
    "Refusal",
    "SelfTrade",
    "Ticket",
    "Trigger",
    "TriggerOrder",
    "TriggerStatus",
]

_ZERO = Decimal(0)


class Finish(StrEnum):
    """Why an order is over, or that it is not."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    IOC = "ioc"
    FOK = "fok"
    POST_ONLY = "post_only"
    STP = "stp"
    DEPTH = "depth"
    SMALL = "small"
    REDUCE_ONLY = "reduce_only"
    REDUCE_OUT = "reduce_out"
    POSITION_CLOSED = "position_closed"
    LIQUIDATED = "liquidated"
    AUTO_DELEVERAGED = "auto_deleveraged"
    EXPIRED = "expired"
    DELISTED = "delisted"


class Reason(StrEnum):
    """Why something was refused; each venue has its own code for it."""

    UNKNOWN_SYMBOL = "unknown_symbol"
    HALTED = "halted"
    NOT_API_TRADABLE = "not_api_tradable"
    SIDE_NOT_ALLOWED = "side_not_allowed"
    MARKET_ORDERS_DISABLED = "market_orders_disabled"
    INVALID_TICKET = "invalid_ticket"
    PRICE_PRECISION = "price_precision"
    QUANTITY_PRECISION = "quantity_precision"
    QUANTITY_TOO_SMALL = "quantity_too_small"
    QUANTITY_TOO_LARGE = "quantity_too_large"
    NOTIONAL_TOO_SMALL = "notional_too_small"
    NOTIONAL_TOO_LARGE = "notional_too_large"
    PRICE_OUT_OF_BAND = "price_out_of_band"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    WOULD_TAKE = "would_take"
    FOK_UNFILLABLE = "fok_unfillable"
    NO_COUNTERPARTY = "no_counterparty"
    TOO_MANY_ORDERS = "too_many_orders"
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    ORDER_NOT_FOUND = "order_not_found"
    ORDER_FINISHED = "order_finished"
    NO_CHANGE = "no_change"
    REDUCE_ONLY_INCREASES = "reduce_only_increases"
    POSITION_EMPTY = "position_empty"
    LEVERAGE = "leverage"
    UNKNOWN_ASSET = "unknown_asset"
    UNKNOWN_NETWORK = "unknown_network"
    NETWORK_SUSPENDED = "network_suspended"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    AMOUNT_TOO_SMALL = "amount_too_small"
    AMOUNT_TOO_LARGE = "amount_too_large"
    AMOUNT_PRECISION = "amount_precision"
    TRANSFER_NOT_ALLOWED = "transfer_not_allowed"
    MOVEMENT_NOT_FOUND = "movement_not_found"
    MOVEMENT_FINISHED = "movement_finished"


class Refusal(Exception):
    """A request that is not carried out, and has changed nothing. ``facts`` are the figures behind the reason."""

    def __init__(self, reason: Reason, message: str = "", **facts: Any) -> None:
        told = "".join(f" {name}={value}" for name, value in facts.items())
        super().__init__(f"{reason}: {message}{told}" if message else f"{reason}{told}")
        self.reason = reason
        self.facts: Mapping[str, Any] = MappingProxyType(facts)


class Trigger(NamedTuple):
    """When a trigger order fires: the price is ``>=`` or ``<=`` this one.

    ``source`` is the price that is watched (``last``, ``mark`` or ``index``), ``expires_after_s`` None is never.
    ``locks`` binds the funds of the order from the beginning.
    """

    price: Decimal
    rule: Literal[">=", "<="]
    expires_after_s: float | None = None
    source: str = "last"
    locks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What an account asks for.

    ``quantity`` is in base units (of a perpetual: in contracts); a market order may give ``quote_quantity`` instead.
    ``slippage`` bounds a market order to this fraction beyond the best price. ``text`` and ``extra`` are only kept.
    """

    symbol: str
    side: Side
    kind: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    price: Decimal | None = None
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    client_id: str = ""
    stp: SelfTrade | None = None
    slippage: Decimal | None = None
    iceberg: Decimal = _ZERO
    reduce_only: bool = False
    close: bool = False
    text: str = ""
    trigger: Trigger | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(eq=False, kw_only=True)
class AccountOrder:
    """One order of an account. Amounts are in the units of its ticket; ``locked`` is what it still binds.

    ``version`` grows with every change, ``engine_id`` is the order in the book (0: none), ``multiplier`` is base units
    a contract for a perpetual.
    """

    id: int
    uid: int
    symbol: str
    side: Side
    kind: OrderType
    time_in_force: TimeInForce
    price: Decimal | None
    quantity: Decimal | None
    quote_quantity: Decimal | None
    client_id: str
    ticket: Ticket
    created_ns: int
    updated_ns: int
    status: OrderStatus = OrderStatus.NEW
    finish: Finish = Finish.OPEN
    filled: Decimal = _ZERO
    filled_quote: Decimal = _ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)
    locked: Decimal = _ZERO
    locked_asset: str = ""
    engine_id: int = 0
    version: int = 0
    multiplier: Decimal = Decimal(1)
    amend_text: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it can still be filled."""
        return self.finish is Finish.OPEN

    @property
    def remaining(self) -> Decimal:
        """What is not filled of ``quantity``; 0 of an order by quote amount."""
        return _ZERO if self.quantity is None else self.quantity - self.filled

    @property
    def left(self) -> Decimal:
        """What is not filled, in the unit of the ticket: quote for an order by quote amount, base otherwise."""
        return self.remaining if self.quote_quantity is None else self.quote_quantity - self.filled_quote

    @property
    def average_price(self) -> Decimal | None:
        """Mean price of the fills, None before the first; rounded to 28 digits."""
        return self.filled_quote / self.filled / self.multiplier if self.filled else None

    def copied(self) -> AccountOrder:
        """The order as it is now, untouched by what comes later."""
        copy = object.__new__(AccountOrder)
        copy.__dict__.update(self.__dict__)
        copy.fees = self.fees.copy()
        return copy


class AccountFill(NamedTuple):
    """One match from the point of view of one of its two orders.

    ``fee`` is positive when paid. ``trade_id`` is the id of the public trade, the same for both sides.
    """

    trade_id: int
    order_id: int
    uid: int
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    is_self_trade: bool
    client_id: str
    time_ns: int


class TriggerStatus(StrEnum):
    """Life cycle of a trigger order."""

    OPEN = "open"
    FIRED = "fired"
    CANCELLED = "cancelled"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(eq=False, kw_only=True)
class TriggerOrder:
    """An order that waits for a price. ``fired_order_id`` is what it became, ``refusal`` why it could not."""

    id: int
    uid: int
    ticket: Ticket
    trigger: Trigger
    created_ns: int
    updated_ns: int
    status: TriggerStatus = TriggerStatus.OPEN
    fired_order_id: int = 0
    refusal: Refusal | None = None
    locked: Decimal = _ZERO
    locked_asset: str = ""

    def copied(self) -> TriggerOrder:
        """The trigger order as it is now, untouched by what comes later."""
        copy = object.__new__(TriggerOrder)
        copy.__dict__.update(self.__dict__)
        return copy
