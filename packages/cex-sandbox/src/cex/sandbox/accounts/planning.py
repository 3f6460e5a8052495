"""What a spot ticket comes to before it is placed: integers for the engine, and the money that it binds."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from math import ceil
from typing import NamedTuple

from cex.common.enums import OrderType, Side, TimeInForce
from cex.sandbox.accounts.checks import check_notional, check_open_for, priced, quantified
from cex.sandbox.accounts.ledger import EXACT, Holding
from cex.sandbox.accounts.options import DeskOptions
from cex.sandbox.accounts.orders import Reason, Refusal, Ticket
from cex.sandbox.market.simulation import MarketBook

__all__ = ["Plan", "planned", "would_take"]

_MOST = 1 << 50
_QUOTE_DECIMALS = 8


class Plan(NamedTuple):
    """A ticket that keeps to the rules.

    ``lots`` and ``limit`` (ticks, None for a market order without a bound) are for the engine, and so is ``budget``
    (ticks times lots). ``amount`` of ``asset`` is what the order binds.
    """

    lots: int
    limit: int | None
    budget: int | None
    asset: str
    amount: Decimal
    time_in_force: TimeInForce


def planned(
    book: MarketBook,
    ticket: Ticket,
    group: str,
    holding: Callable[[str], Holding],
    options: DeskOptions,
) -> Plan:
    """Check a ticket against everything but the number of orders. ``holding`` is what the account has of an asset.

    Raises:
        Refusal: with the first reason.
    """
    check_open_for(book, ticket.side, ticket.kind)
    if ticket.kind is OrderType.LIMIT:
        plan = _limit(book, ticket)
    elif ticket.kind is OrderType.MARKET:
        plan = _market(book, ticket, group, options)
    else:
        raise Refusal(Reason.INVALID_TICKET, "an order is a limit or a market order", kind=ticket.kind)
    free = holding(plan.asset).free
    if plan.amount > free:
        raise Refusal(Reason.INSUFFICIENT_BALANCE, asset=plan.asset, needed=plan.amount, available=free)
    tif, side = ticket.time_in_force, ticket.side
    if tif is TimeInForce.POST_ONLY and options.refuse_post_only:
        if would_take(book, side, plan.limit):
            raise Refusal(Reason.WOULD_TAKE, price=ticket.price)
    elif tif is TimeInForce.FOK and options.refuse_fok and ticket.quote_quantity is None:
        available, _ = book.engine.takeable(
            side, plan.lots, plan.limit, budget=plan.budget, group=group, self_trade=ticket.stp
        )
        if available < plan.lots:
            raise Refusal(Reason.FOK_UNFILLABLE, available=book.quantity_of(available))
    return plan


def would_take(book: MarketBook, side: Side, limit: int | None) -> bool:
    """Whether an order with this limit would match at once."""
    best = book.engine.best(side.opposite)
    return best is not None and (limit is None or (limit >= best if side is Side.BUY else limit <= best))


def _limit(book: MarketBook, ticket: Ticket) -> Plan:
    if ticket.quote_quantity is not None:
        raise Refusal(Reason.INVALID_TICKET, "only a market order goes by quote amount")
    ticks = priced(book, ticket.price)
    lots = quantified(book, ticket.quantity)
    assert ticket.price is not None
    assert ticket.quantity is not None
    notional = EXACT.multiply(ticket.price, ticket.quantity)
    check_notional(book, notional)
    symbol = book.listing.symbol
    if ticket.side is Side.BUY:
        return Plan(lots, ticks, None, symbol.quote, notional, ticket.time_in_force)
    return Plan(lots, ticks, None, symbol.base, ticket.quantity, ticket.time_in_force)


def _market(book: MarketBook, ticket: Ticket, group: str, options: DeskOptions) -> Plan:
    if ticket.time_in_force is TimeInForce.POST_ONLY:
        raise Refusal(Reason.INVALID_TICKET, "a market order cannot be post-only")
    if ticket.price is not None:
        raise Refusal(Reason.INVALID_TICKET, "a market order has no price", price=ticket.price)
    if (ticket.quantity is None) == (ticket.quote_quantity is None):
        raise Refusal(Reason.INVALID_TICKET, "a market order goes by quantity or by quote amount")
    tif = TimeInForce.FOK if ticket.time_in_force is TimeInForce.FOK else TimeInForce.IOC
    engine, symbol = book.engine, book.listing.symbol
    best = engine.best(ticket.side.opposite)
    if best is None and options.refuse_empty:
        raise Refusal(Reason.NO_COUNTERPARTY, symbol=symbol)
    limit = None if ticket.slippage is None else _bound(book, ticket, best)
    if ticket.quote_quantity is not None:
        return _by_quote(book, ticket, ticket.quote_quantity, group, limit, best)
    lots = quantified(book, ticket.quantity)
    assert ticket.quantity is not None
    taken, cost = engine.takeable(ticket.side, lots, limit, group=group, self_trade=ticket.stp)
    if taken == lots:
        check_notional(book, _money(book, cost))
    if ticket.side is Side.SELL:
        return Plan(lots, limit, None, symbol.base, ticket.quantity, tif)
    return Plan(lots, limit, cost or None, symbol.quote, _money(book, cost), tif)


def _by_quote(
    book: MarketBook, ticket: Ticket, quote: Decimal, group: str, limit: int | None, best: int | None
) -> Plan:
    if not quote.is_finite() or quote <= 0:
        raise Refusal(Reason.INVALID_TICKET, "a quote amount must be positive", quote_quantity=quote)
    check_notional(book, quote)
    decimals = book.rules.price_decimals + book.rules.quantity_decimals
    most = max(_QUOTE_DECIMALS, decimals)
    try:
        whole = quote == quote.quantize(Decimal(1).scaleb(-most), rounding=ROUND_DOWN)
    except ArithmeticError:
        whole = False
    if not whole:
        raise Refusal(Reason.QUANTITY_PRECISION, quote_quantity=quote, precision=most)
    budget = int(EXACT.scaleb(quote, decimals))
    if best is not None and budget < best:
        raise Refusal(Reason.QUANTITY_TOO_SMALL, quote_quantity=quote, least=_money(book, best))
    if ticket.time_in_force is TimeInForce.FOK:
        _, most_cost = book.engine.takeable(ticket.side, _MOST, limit, group=group, self_trade=ticket.stp)
        if most_cost < budget:
            raise Refusal(Reason.FOK_UNFILLABLE, available=_money(book, most_cost))
    symbol = book.listing.symbol
    if ticket.side is Side.BUY:
        return Plan(_MOST, limit, budget, symbol.quote, quote, TimeInForce.IOC)
    lots, _ = book.engine.takeable(ticket.side, _MOST, limit, budget=budget, group=group, self_trade=ticket.stp)
    return Plan(max(1, lots), limit, budget, symbol.base, book.quantity_of(lots), TimeInForce.IOC)


def _bound(book: MarketBook, ticket: Ticket, best: int | None) -> int | None:
    slippage = ticket.slippage
    if slippage is None or not slippage.is_finite() or not 0 <= slippage < 1:
        raise Refusal(Reason.INVALID_TICKET, "slippage is a fraction below 1", slippage=slippage)
    if best is None:
        return None
    return int(best * (1 + slippage)) if ticket.side is Side.BUY else max(1, ceil(best * (1 - slippage)))


def _money(book: MarketBook, cost: int) -> Decimal:
    """Ticks times lots as an amount of the quote asset."""
    return EXACT.scaleb(Decimal(cost), -book.rules.price_decimals - book.rules.quantity_decimals)
