"""Orders and fills; amounts are ``Decimal`` in base units, times ``int`` nanoseconds since the epoch, UTC."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cex.common.enums import Liquidity, OrderStatus, OrderType, PositionSide, Side, TimeInForce
from cex.common.types.symbols import Symbol

__all__ = ["Fill", "Order", "OrderRequest"]


class OrderRequest(Struct, frozen=True, kw_only=True):
    """What we want placed. A market buy may give ``quote_quantity`` (quote currency to spend) instead of ``quantity``.

    ``client_order_id`` is always sent; where it is None the exchange's client makes one before the first attempt.
    ``position_side`` names the position that a futures order works on (BOTH in one-way mode). ``close_position`` asks
    to close that position whole, and then takes no quantity: it can only reduce.
    """

    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    client_order_id: str | None = None
    position_side: PositionSide = PositionSide.BOTH
    close_position: bool = False

    def __post_init__(self) -> None:
        if self.close_position:
            if self.quantity is not None or self.quote_quantity is not None:
                raise ValueError("close_position closes the whole position; give no quantity")
        elif (self.quantity is None) == (self.quote_quantity is None):
            raise ValueError("give exactly one of quantity (base) and quote_quantity (quote to spend)")
        if self.quote_quantity is not None and self.order_type is not OrderType.MARKET:
            raise ValueError("quote_quantity is for market orders; give quantity in base units")
        if self.order_type is OrderType.LIMIT and self.price is None:
            raise ValueError("a limit order needs a price")
        if self.order_type in (OrderType.STOP_LOSS, OrderType.TAKE_PROFIT) and self.trigger_price is None:
            raise ValueError(f"a {self.order_type} order needs a trigger_price")
        for name in ("quantity", "quote_quantity", "price", "trigger_price"):
            value = getattr(self, name)
            if value is None:
                continue
            if not isinstance(value, Decimal):
                raise TypeError(f"{name} is a {type(value).__name__}; give a Decimal, for example Decimal('0.1')")
            if not value.is_finite() or value <= 0:
                raise ValueError(f"{name} must be a positive number, not {value}")

    def replaced(self, **changes: Any) -> OrderRequest:
        """A copy in which these fields are different."""
        return replace(self, **changes)


class Order(Struct, frozen=True, kw_only=True):
    """An order as the exchange reports it. ``average_price`` is None until something filled.

    ``quantity`` is None where nobody can say it yet: of a market order by ``quote_quantity`` before it is final.
    ``filled_quote`` is the quote turnover of what filled. ``fees`` are sums by currency, as far as they were reported;
    a negative one was received. ``finish_reason`` is the exchange's own word for why the order ended, "" where it
    gives none. ``order_id`` is "" until the exchange has given one.
    """

    symbol: Symbol
    order_id: str
    client_order_id: str | None
    side: Side
    order_type: OrderType
    status: OrderStatus
    quantity: Decimal | None
    filled: Decimal = Decimal(0)
    price: Decimal | None = None
    average_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    created_ts: int = 0
    updated_ts: int = 0
    quote_quantity: Decimal | None = None
    trigger_price: Decimal | None = None
    filled_quote: Decimal | None = None
    fees: dict[str, Decimal] = {}
    position_side: PositionSide = PositionSide.BOTH
    finish_reason: str = ""

    @property
    def remaining(self) -> Decimal | None:
        """Quantity that has not filled (base units); None where ``quantity`` is."""
        return None if self.quantity is None else self.quantity - self.filled

    def replaced(self, **changes: Any) -> Order:
        """A copy in which these fields are different."""
        return replace(self, **changes)


class Fill(Struct, frozen=True, kw_only=True):
    """One execution of one of our orders. A positive ``fee`` was paid, a negative one received, in ``fee_currency``."""

    symbol: Symbol
    trade_id: str
    order_id: str
    client_order_id: str | None
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity | None
    exchange_ts: int = 0
    received_ts: int = 0

    def replaced(self, **changes: Any) -> Fill:
        """A copy in which these fields are different."""
        return replace(self, **changes)
