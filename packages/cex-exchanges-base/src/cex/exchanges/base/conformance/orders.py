"""Cases about orders when nothing goes wrong: TC-E20 and on."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from cex.common.enums import OrderStatus, OrderType, Side, TimeInForce
from cex.common.exceptions import (
    DuplicateOrderException,
    ExchangeRejectedException,
    InsufficientBalanceException,
    InvalidOrderException,
)
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.exchanges.base.conformance.bench import Bench
from cex.exchanges.base.conformance.checks import CaseFailed, check
from cex.exchanges.base.conformance.results import case
from cex.exchanges.base.conformance.venue import Need
from cex.exchanges.base.interfaces import PrivateExchange

__all__ = [
    "amended",
    "batch",
    "cancelled",
    "cancelled_all",
    "duplicate_id",
    "fill_or_kill",
    "filled",
    "immediate_or_cancel",
    "insufficient",
    "market_by_base",
    "market_by_quote",
    "partly_filled",
    "post_only",
    "queried",
    "resting",
    "rounded",
    "streamed",
]

_CANCELED, _NEW = OrderStatus.CANCELED, OrderStatus.NEW
_ENDED_EMPTY = (OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED)


@case("TC-E20", "a limit order rests, with the venue as here", Need.ACCOUNT, Need.TRUTH)
async def resting(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    bid, _ = await bench.top(public, bench.symbol)
    order = await exchange.place_order(bench.resting(exchange.instruments[bench.symbol], bid))
    truth = await bench.true_order(order)
    check(order.status is _NEW is truth.status, f"{order.status}, in truth {truth.status}")
    check((order.quantity, order.price) == (truth.quantity, truth.price), "quantity or price differ from the truth")
    check(order.client_order_id == truth.client_order_id, f"the venue knows it as {truth.client_order_id}")
    listed = [one.order_id for one in await exchange.open_orders(bench.symbol)]
    check(order.order_id in listed, "it is not among the open orders")
    await exchange.cancel_order(bench.symbol, order_id=order.order_id)


@case("TC-E21", "an order is found by either id", Need.ACCOUNT)
async def queried(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    bid, _ = await bench.top(public, bench.symbol)
    order = await exchange.place_order(bench.resting(exchange.instruments[bench.symbol], bid))
    by_id = await exchange.order(bench.symbol, order_id=order.order_id)
    by_client_id = await exchange.order(bench.symbol, client_order_id=order.client_order_id)
    check(by_id.order_id == by_client_id.order_id == order.order_id, "the ids lead to different orders")
    await exchange.cancel_order(bench.symbol, order_id=order.order_id)


@case("TC-E22", "a cancel returns the order as it ended, and a second one too", Need.ACCOUNT, Need.TRUTH)
async def cancelled(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    bid, _ = await bench.top(public, bench.symbol)
    for by in ("order_id", "client_order_id"):
        order = await exchange.place_order(bench.resting(exchange.instruments[bench.symbol], bid))
        for _ in range(2):
            ended = await exchange.cancel_order(bench.symbol, **{by: getattr(order, by)})
            check(ended.status is _CANCELED, f"cancelled by {by}, it is {ended.status}")
        check((await bench.true_order(order)).status is _CANCELED, "the venue has it otherwise")


@case("TC-E23", "an order that takes is filled; price, turnover and fees add up", Need.ACCOUNT, Need.TRUTH)
async def filled(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    _, ask = await bench.top(public, bench.symbol)
    async with bench.collecting(exchange.fills()) as got:
        await bench.eventually(lambda: exchange.is_whole, "the streams do not run")
        order = await exchange.place_order(bench.taking(exchange.instruments[bench.symbol], ask))
        ended = await _settled(bench, exchange, order, got)
    check(ended.status is OrderStatus.FILLED, f"it is {ended.status}")
    mine = [fill for fill in got if fill.order_id == order.order_id]
    check(len({fill.trade_id for fill in mine}) == len(mine), "a fill was told twice")
    quantity = sum((fill.quantity for fill in mine), Decimal(0))
    quote = sum((fill.quantity * fill.price for fill in mine), Decimal(0))
    truth = await bench.true_order(order)
    check(quantity == ended.filled == truth.filled, f"{quantity} told, {ended.filled} known, {truth.filled} in truth")
    check(quote == ended.filled_quote == truth.filled_quote, f"turnover {quote}, in truth {truth.filled_quote}")
    true_fees: dict[str, Decimal] = {}
    for fill in await bench.true_fills(order):
        if fill.fee:
            true_fees[fill.fee_currency] = true_fees.get(fill.fee_currency, Decimal(0)) + fill.fee
    check(ended.fees == true_fees, f"fees {ended.fees}, in truth {true_fees}")


@case("TC-E24", "a market order by base quantity", Need.ACCOUNT)
async def market_by_base(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    bid, _ = await bench.top(public, bench.symbol)
    like = bench.asked(exchange.instruments[bench.symbol], Side.SELL, bid)
    request = OrderRequest(symbol=bench.symbol, side=Side.SELL, order_type=OrderType.MARKET, quantity=like.quantity)
    ended = await _ended(bench, exchange, await exchange.place_order(request))
    check(ended.filled == like.quantity, f"{ended.filled} of {like.quantity} filled")


@case("TC-E25", "a market order by quote amount spends no more than that", Need.ACCOUNT)
async def market_by_quote(bench: Bench) -> None:
    exchange = await bench.private()
    amount = max(Decimal(30), 2 * (exchange.instruments[bench.symbol].min_notional or Decimal(0)))
    request = OrderRequest(symbol=bench.symbol, side=Side.BUY, order_type=OrderType.MARKET, quote_quantity=amount)
    ended = await _ended(bench, exchange, await exchange.place_order(request))
    check(ended.filled > 0, f"nothing is known to have filled: {ended}")
    check(0 < (ended.filled_quote or 0) <= amount, f"{ended.filled_quote} were spent of {amount}")


@case("TC-E26", "a post-only order that would take does not", Need.ACCOUNT, Need.TRUTH)
async def post_only(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    _, ask = await bench.top(public, bench.symbol)
    request = bench.taking(exchange.instruments[bench.symbol], ask, time_in_force=TimeInForce.POST_ONLY)
    await _takes_nothing(bench, exchange, request)


@case("TC-E27", "what an IOC order cannot take at once ends", Need.ACCOUNT, Need.TRUTH)
async def immediate_or_cancel(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    bid, _ = await bench.top(public, bench.symbol)
    request = bench.resting(exchange.instruments[bench.symbol], bid, time_in_force=TimeInForce.IOC)
    await _takes_nothing(bench, exchange, request)


@case("TC-E28", "a FOK order that cannot fill whole takes nothing", Need.ACCOUNT, Need.TRUTH)
async def fill_or_kill(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    bid, _ = await bench.top(public, bench.symbol)
    request = bench.resting(exchange.instruments[bench.symbol], bid, time_in_force=TimeInForce.FOK)
    await _takes_nothing(bench, exchange, request)


@case("TC-E29", "what was filled before a cancel stays filled", Need.ACCOUNT, Need.TRUTH)
async def partly_filled(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    instrument = exchange.instruments[bench.symbol]
    await exchange.subscribe()
    for _ in range(10):
        book = await public.order_book_snapshot(bench.symbol, 5)
        best = book.asks[0]
        price, there = Decimal(str(best[0])), Decimal(str(best[1]))
        notional = (there + 3 * instrument.step) * price * 3
        if notional > 50_000:
            continue
        order = await exchange.place_order(bench.asked(instrument, Side.BUY, price, notional=notional))
        ended = await exchange.cancel_order(bench.symbol, order_id=order.order_id)
        truth = await bench.true_order(order)
        check((ended.status, ended.filled) == (truth.status, truth.filled), f"{ended}, in truth {truth}")
        if ended.status is _CANCELED and ended.filled:
            return
    raise CaseFailed("no order was partly filled in ten tries")


@case("TC-E30", "a client order id is used once", Need.ACCOUNT, Need.TRUTH)
async def duplicate_id(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    bid, _ = await bench.top(public, bench.symbol)
    order = await exchange.place_order(bench.resting(exchange.instruments[bench.symbol], bid))
    again = bench.resting(exchange.instruments[bench.symbol], bid, client_order_id=order.client_order_id)
    try:
        await exchange.place_order(again)
    except DuplicateOrderException:
        check(await bench.true_count(order.client_order_id or "") == 1, "the venue has two")
        await exchange.cancel_order(bench.symbol, order_id=order.order_id)
        return
    raise CaseFailed("a second order was placed under the same id")


@case(
    "TC-E31",
    "an order is rounded in the safe direction, or refused here with the rule named",
    Need.ACCOUNT,
    Need.TRUTH,
)
async def rounded(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    instrument = exchange.instruments[bench.symbol]
    bid, _ = await bench.top(public, bench.symbol)
    request = bench.resting(instrument, bid)
    quantity, price = request.quantity or Decimal(0), request.price or Decimal(0)
    crooked = request.replaced(quantity=quantity + instrument.step / 3, price=price + instrument.tick / 3)
    order = await exchange.place_order(crooked)
    check((order.quantity, order.price) == (quantity, price), f"{order.quantity} at {order.price} was sent")
    await exchange.cancel_order(bench.symbol, order_id=order.order_id)
    before = len(await bench.venue.true_orders())
    try:
        await exchange.place_order(request.replaced(quantity=instrument.step / 3))
    except InvalidOrderException as error:
        check(error.rule and error.safe_to_resubmit, "the rule is not named")
        check(len(await bench.venue.true_orders()) == before, "it was sent")
        return
    raise CaseFailed("an order of nothing was placed")


@case("TC-E32", "what the account cannot pay is refused as such", Need.ACCOUNT)
async def insufficient(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    bid, _ = await bench.top(public, bench.symbol)
    held = {one.currency: one.free for one in await exchange.balances(bench.symbol.market_type)}
    too_much = 2 * held.get(bench.symbol.quote, Decimal(0)) + 1000
    instrument = exchange.instruments[bench.symbol]
    if instrument.max_notional is not None:
        too_much = min(too_much, instrument.max_notional)
    if too_much <= held.get(bench.symbol.quote, Decimal(0)):
        raise CaseFailed("the account is too rich for this case")
    try:
        await exchange.place_order(bench.resting(instrument, bid, notional=too_much))
    except InsufficientBalanceException as error:
        check(error.exchange_code and error.safe_to_resubmit, "the code is missing, or it is not called safe")
        return
    raise CaseFailed("it was placed")


@case("TC-E33", "every order of a symbol is cancelled by one call", Need.ACCOUNT, Need.TRUTH)
async def cancelled_all(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    bid, _ = await bench.top(public, bench.symbol)
    placed = [await exchange.place_order(bench.resting(exchange.instruments[bench.symbol], bid)) for _ in range(3)]
    ended = {order.order_id: order.status for order in await exchange.cancel_all_orders(bench.symbol)}
    for order in placed:
        check(ended.get(order.order_id) is _CANCELED, f"{order.order_id} is {ended.get(order.order_id)}")
        check((await bench.true_order(order)).status is _CANCELED, "the venue has one otherwise")


@case("TC-E34", "orders placed together have an outcome each, in their order", Need.ACCOUNT, Need.TRUTH)
async def batch(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    instrument = exchange.instruments[bench.symbol]
    bid, _ = await bench.top(public, bench.symbol)
    good = bench.resting(instrument, bid)
    outcomes = await exchange.place_orders([good, good.replaced(quantity=instrument.step / 3), good])
    check(isinstance(outcomes[1], InvalidOrderException), f"the second is {outcomes[1]}")
    for outcome in (outcomes[0], outcomes[2]):
        if not isinstance(outcome, Order):
            raise CaseFailed(f"a good one is {outcome}")
        check(await bench.true_count(outcome.client_order_id or "") == 1, "the venue does not have it once")
    await exchange.cancel_all_orders(bench.symbol)


@case("TC-E35", "a resting order can be changed", Need.ACCOUNT, Need.TRUTH)
async def amended(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    instrument = exchange.instruments[bench.symbol]
    bid, _ = await bench.top(public, bench.symbol)
    order = await exchange.place_order(bench.resting(instrument, bid))
    lower = instrument.round_price(bid * Decimal("0.75"), Side.BUY)
    try:
        changed = await exchange.amend_order(bench.symbol, order_id=order.order_id, price=lower)
        truth = await bench.true_order(changed)
        check(changed.price == truth.price == lower, f"{changed.price}, in truth {truth.price}")
    finally:
        await exchange.cancel_all_orders(bench.symbol)


@case("TC-E36", "the life of an order is told, in its order", Need.ACCOUNT)
async def streamed(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    bid, _ = await bench.top(public, bench.symbol)
    async with bench.collecting(exchange.orders()) as got:
        await bench.eventually(lambda: exchange.is_whole, "the streams do not run")
        order = await exchange.place_order(bench.resting(exchange.instruments[bench.symbol], bid))
        await exchange.cancel_order(bench.symbol, order_id=order.order_id)
        await bench.eventually(
            lambda: any(one.order_id == order.order_id and one.status.is_final for one in got), "its end was not told"
        )
    statuses = [one.status for one in got if one.order_id == order.order_id]
    check(statuses[0] is _NEW and statuses[-1] is _CANCELED, f"it was told as {', '.join(statuses)}")
    check(not bench.told("order_conflict"), "the exchange contradicts itself")


async def _takes_nothing(bench: Bench, exchange: PrivateExchange, request: OrderRequest) -> None:
    try:
        order = await exchange.place_order(request)
    except ExchangeRejectedException as error:
        check(error.exchange_code, "a refusal without the exchange's code")
        return
    ended = await _ended(bench, exchange, order)
    check(ended.status in _ENDED_EMPTY and not ended.filled, f"it is {ended.status} with {ended.filled} filled")
    check(not (await bench.true_order(order)).filled, "the venue filled it")


async def _ended(bench: Bench, exchange: PrivateExchange, order: Order) -> Order:
    """The order once it has ended, as a query tells it."""
    for _ in range(50):
        if order.status.is_final and order.filled_quote is not None:
            return order
        await asyncio.sleep(0.1)
        order = await exchange.order(order.symbol, order_id=order.order_id)
    check(order.status.is_final, f"it does not end; it is {order.status}")
    return order


async def _settled(bench: Bench, exchange: PrivateExchange, order: Order, got: list[Fill]) -> Order:
    """The order once it has ended and all that it speaks of was told."""

    def settled() -> Order | None:
        known = exchange.tracked_order(order_id=order.order_id)
        told = sum((fill.quantity for fill in got if fill.order_id == order.order_id), Decimal(0))
        return known if known is not None and known.status.is_final and told >= known.filled else None

    found = await bench.eventually(settled, "its end and its fills were not told")
    if found is None:
        raise CaseFailed("its end was not told")
    return found
