"""An order made to fit its market before it is sent, never at our cost; or refused here, with the rule in words."""

from __future__ import annotations

from decimal import Decimal

from cex.common.enums import InstrumentStatus, OrderType
from cex.common.exceptions import InvalidOrderException
from cex.common.types.instruments import Instrument
from cex.common.types.orders import Order, OrderRequest
from cex.exchanges.base.interfaces import BasePrivateRestClient

__all__ = ["completed", "fitted", "fitted_change"]


def fitted(request: OrderRequest, instrument: Instrument) -> OrderRequest:
    """The request on the instrument's grid: a buy pays no more, a sell gets no less, no quantity is larger than asked.

    Raises:
        InvalidOrderException: no such order may be sent; ``rule`` says which rule it would break.
    """
    side = request.side
    price = None if request.price is None else instrument.round_price(request.price, side)
    trigger = None if request.trigger_price is None else instrument.round_price(request.trigger_price, side)
    if request.quantity is not None:
        quantity = instrument.round_quantity(request.quantity)
        if not quantity:
            raise _refused(instrument, f"quantity {request.quantity} is below one step of {instrument.step}")
        broken = instrument.violations(side=side, quantity=quantity, price=price)
        if request.reduce_only:
            broken = [rule for rule in broken if not rule.startswith(("notional", _status_rule(instrument)))]
    else:
        quantity = None
        broken = [] if request.close_position else _of_amount(request, instrument)
    if price is not None and not price:
        broken.append(f"price {request.price} is below one tick of {instrument.tick}")
    if broken:
        raise _refused(instrument, "; ".join(broken))
    return request.replaced(price=price, trigger_price=trigger, quantity=quantity)


def completed(request: OrderRequest, instrument: Instrument, names: BasePrivateRestClient) -> OrderRequest:
    """The request as it can be sent: fitted, and with a client order id that the exchange accepts.

    Raises:
        InvalidOrderException: a rule of the market, or of client order ids, is broken.
    """
    fits = fitted(request, instrument)
    if fits.client_order_id is None:
        return fits.replaced(client_order_id=names.new_client_order_id())
    try:
        names.check_client_order_id(fits.client_order_id)
    except ValueError as error:
        raise _refused(instrument, str(error)) from error
    return fits


def fitted_change(
    instrument: Instrument, order: Order, *, price: Decimal | None, quantity: Decimal | None
) -> tuple[Decimal | None, Decimal | None]:
    """Price and quantity of a change of ``order``, fitted like those of a new one; what is not changed stays None.

    Raises:
        InvalidOrderException: the order would break a rule, which is named.
    """
    new_price = None if price is None else instrument.round_price(price, order.side)
    new_quantity = None if quantity is None else instrument.round_quantity(quantity)
    whole = order.quantity if new_quantity is None else new_quantity
    if whole is None:
        raise _refused(instrument, "an order by quote amount has no quantity to change")
    at = order.price if new_price is None else new_price
    broken = instrument.violations(side=order.side, quantity=whole, price=at)
    if broken:
        raise _refused(instrument, "; ".join(broken))
    return new_price, new_quantity


def _of_amount(request: OrderRequest, instrument: Instrument) -> list[str]:
    """What can be judged of a market order by quote amount: its notional is the amount."""
    amount = request.quote_quantity
    found: list[str] = []
    status = instrument.status
    if status not in (InstrumentStatus.TRADING, InstrumentStatus.BUY_ONLY, InstrumentStatus.SELL_ONLY):
        found.append(f"{instrument.symbol} is {status} on {instrument.exchange}")
    if amount is not None and instrument.min_notional is not None and amount < instrument.min_notional:
        found.append(f"notional {amount} is below the minimum {instrument.min_notional}")
    if amount is not None and instrument.max_notional is not None and amount > instrument.max_notional:
        found.append(f"notional {amount} is above the maximum {instrument.max_notional}")
    if request.order_type is not OrderType.MARKET:
        found.append("a quote amount is for market orders")
    return found


def _status_rule(instrument: Instrument) -> str:
    """How the rule about the instrument's status begins; a market that is only left still takes what reduces."""
    return f"{instrument.symbol} is {InstrumentStatus.REDUCE_ONLY}"


def _refused(instrument: Instrument, rule: str) -> InvalidOrderException:
    return InvalidOrderException(
        f"not sent: {rule}", instrument.exchange, operation="place_order", rule=rule, safe_to_resubmit=True
    )
