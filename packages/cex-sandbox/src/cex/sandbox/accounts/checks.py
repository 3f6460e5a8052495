"""A venue's trading rules, asked of a new order: the first that is broken is the reason why it is refused."""

from __future__ import annotations

from decimal import Decimal

from cex.common.enums import InstrumentStatus, OrderType, Side
from cex.sandbox.accounts.ledger import EXACT
from cex.sandbox.accounts.orders import Reason, Refusal
from cex.sandbox.market.simulation import MarketBook

__all__ = ["check_notional", "check_open_for", "priced", "quantified"]

_SIDE_OF = {InstrumentStatus.BUY_ONLY: Side.BUY, InstrumentStatus.SELL_ONLY: Side.SELL}
_OPEN = frozenset({InstrumentStatus.TRADING, InstrumentStatus.REDUCE_ONLY, *_SIDE_OF})
_MOST = 1 << 50


def check_open_for(book: MarketBook, side: Side, kind: OrderType, *, reduce_only: bool = False) -> None:
    """Refuse what the instrument's status does not allow: HALTED, SIDE_NOT_ALLOWED, NOT_API_TRADABLE, ..."""
    rules = book.rules
    status = rules.status
    if status is not InstrumentStatus.TRADING:
        if status not in _OPEN or (status is InstrumentStatus.REDUCE_ONLY and not reduce_only):
            raise Refusal(Reason.HALTED, symbol=book.listing.symbol, status=status)
        if _SIDE_OF.get(status, side) is not side:
            raise Refusal(Reason.SIDE_NOT_ALLOWED, symbol=book.listing.symbol, status=status, side=side)
    if not rules.api_trading:
        raise Refusal(Reason.NOT_API_TRADABLE, symbol=book.listing.symbol)
    if kind is OrderType.MARKET and not rules.market_orders:
        raise Refusal(Reason.MARKET_ORDERS_DISABLED, symbol=book.listing.symbol)


def priced(book: MarketBook, price: Decimal | None) -> int:
    """The price of a limit order in ticks. Refuses PRICE_PRECISION, PRICE_OUT_OF_BAND, INVALID_TICKET."""
    if price is None or not price.is_finite() or price <= 0:
        raise Refusal(Reason.INVALID_TICKET, "a limit order needs a positive price", price=price)
    rules = book.rules
    ticks = _units(price, rules.price_decimals)
    if ticks is None or (ticks % book.tick_units and ticks <= _MOST):
        raise Refusal(Reason.PRICE_PRECISION, price=price, tick=rules.price_tick, precision=rules.price_precision)
    if ticks > _MOST:
        raise Refusal(Reason.PRICE_OUT_OF_BAND, price=price)
    if rules.price_band is not None:
        last = book.last_price
        if abs(price - last) > rules.price_band * last:
            raise Refusal(Reason.PRICE_OUT_OF_BAND, price=price, last=last, band=rules.price_band)
    return ticks


def quantified(book: MarketBook, quantity: Decimal | None) -> int:
    """A quantity in lots. Refuses QUANTITY_PRECISION, QUANTITY_TOO_SMALL, QUANTITY_TOO_LARGE, INVALID_TICKET."""
    if quantity is None or not quantity.is_finite() or quantity <= 0:
        raise Refusal(Reason.INVALID_TICKET, "a quantity must be positive", quantity=quantity)
    rules = book.rules
    lots = _units(quantity, rules.quantity_decimals)
    if (lots or 0) > _MOST or (rules.max_quantity is not None and quantity > rules.max_quantity):
        raise Refusal(Reason.QUANTITY_TOO_LARGE, quantity=quantity, most=rules.max_quantity)
    if lots is None or lots % book.step_units:
        raise Refusal(
            Reason.QUANTITY_PRECISION,
            quantity=quantity,
            step=rules.quantity_step,
            precision=rules.quantity_precision,
        )
    if quantity < rules.min_quantity:
        raise Refusal(Reason.QUANTITY_TOO_SMALL, quantity=quantity, least=rules.min_quantity)
    return lots


def _units(value: Decimal, decimals: int) -> int | None:
    """The value counted on a grid; None when it is off it, one more than the engine takes when that is too much."""
    try:
        scaled = EXACT.scaleb(value, decimals)
    except ArithmeticError:
        return None if value.adjusted() < decimals else _MOST + 1
    if scaled > _MOST:
        return _MOST + 1
    whole = int(scaled)
    return whole if whole == scaled else None


def check_notional(book: MarketBook, notional: Decimal) -> None:
    """Refuse NOTIONAL_TOO_SMALL and NOTIONAL_TOO_LARGE."""
    rules = book.rules
    if notional < rules.min_notional:
        raise Refusal(Reason.NOTIONAL_TOO_SMALL, notional=notional, least=rules.min_notional)
    if notional > rules.max_notional:
        raise Refusal(Reason.NOTIONAL_TOO_LARGE, notional=notional, most=rules.max_notional)
