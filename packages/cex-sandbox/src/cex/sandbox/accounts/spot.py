"""The spot desk of one venue: the only writer of its accounts' orders into the books."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.enums import InstrumentStatus, OrderStatus, OrderType, Side, TimeInForce
from cex.sandbox.accounts.checks import check_notional, priced, quantified
from cex.sandbox.accounts.countdown import Countdowns
from cex.sandbox.accounts.directory import Account, Directory
from cex.sandbox.accounts.events import Audience, BalanceEvent, Cause
from cex.sandbox.accounts.floor import Floor
from cex.sandbox.accounts.ledger import EXACT, SPOT, Ledger, Posting
from cex.sandbox.accounts.options import DeskOptions
from cex.sandbox.accounts.orders import AccountFill, AccountOrder, Finish, Reason, Refusal, Ticket, TriggerOrder
from cex.sandbox.accounts.planning import Plan, planned, would_take
from cex.sandbox.accounts.shelf import OrderShelf
from cex.sandbox.accounts.triggers import TriggerBook
from cex.sandbox.market.listings import Rules
from cex.sandbox.market.simulation import Market, MarketBook
from cex.sandbox.matching import Execution

__all__ = ["SpotDesk"]

_ZERO = Decimal(0)


class SpotDesk:
    """Takes orders for the spot books of one venue, checks them, binds the money, matches them and books what happens.

    A price in the crowd's book moves between ticks through orders alone, so an order is matched as soon as it comes;
    fills that the crowd causes are booked in the tick in which they happen. Whoever runs the market calls
    :meth:`after_tick` after every tick: triggers and timers depend on it.
    """

    def __init__(
        self,
        market: Market,
        venue: str,
        directory: Directory,
        ledger: Ledger,
        *,
        clock: Clock = SYSTEM_CLOCK,
        options: DeskOptions | None = None,
    ) -> None:
        self.venue = venue
        self.directory = directory
        self.ledger = ledger
        self.options = options or DeskOptions()
        self._clock = clock
        self._shelf = OrderShelf(history=self.options.history, fills_kept=self.options.fills_kept)
        self._audience = Audience()
        self._floors = {
            str(symbol): Floor(
                book,
                directory=directory,
                ledger=ledger,
                shelf=self._shelf,
                audience=self._audience,
                options=self.options,
                clock=clock,
            )
            for symbol, book in market.books.get(venue, {}).items()
            if book.listing.contract is None
        }
        self._next_id = self.options.first_order_id
        self.countdowns = Countdowns(self.cancel_all)
        self.triggers = TriggerBook(
            ledger, self._audience, SPOT, place=self.place, price=self._watched_price, binding=self._binding
        )
        for floor in self._floors.values():
            floor.book.watchers.append(self._on_rules)
        ledger.listen(self._on_posting)

    # --- orders ------------------------------------------------------------------------------------------------------

    def check(self, account: Account, ticket: Ticket) -> None:
        """Everything that :meth:`place` would check, and nothing else. Raises Refusal."""
        self._planned(account, ticket, self._floor(ticket.symbol))

    def place(self, account: Account, ticket: Ticket) -> AccountOrder:
        """Take an order and match it. It may be over already when this returns.

        Raises:
            Refusal: nothing has changed.
        """
        floor = self._floor(ticket.symbol)
        plan = self._planned(account, ticket, floor)
        order = self._order(account, ticket, plan)
        self._audience.hold()
        try:
            self.ledger.freeze(account.uid, SPOT, plan.asset, plan.amount, reference=str(order.id))
            self._shelf.add(order)
            floor.tell(order, Cause.PUT)
            self._match(floor, account, order, plan)
        finally:
            self._audience.let_go()
        return order

    def cancel(
        self,
        account: Account,
        *,
        order_id: int | None = None,
        client_id: str | None = None,
        symbol: str | None = None,
    ) -> AccountOrder:
        """Take an open order out of the book.

        Raises:
            Refusal: ORDER_NOT_FOUND, or ORDER_FINISHED with the order in its facts.
        """
        order = self._open_order(account, order_id, client_id, symbol)
        self._cancel(order, Finish.CANCELLED)
        return order

    def cancel_all(self, account: Account, symbol: str | None = None, side: Side | None = None) -> list[AccountOrder]:
        """Cancel what an account has open, oldest first; of one symbol, of one side, or all."""
        orders = [o for o in self._shelf.open_orders(account.uid, symbol) if side is None or o.side is side]
        for order in orders:
            self._cancel(order, Finish.CANCELLED)
        return orders

    def amend(
        self,
        account: Account,
        *,
        order_id: int | None = None,
        client_id: str | None = None,
        symbol: str | None = None,
        price: Decimal | None = None,
        quantity: Decimal | None = None,
        text: str = "",
    ) -> AccountOrder:
        """Change price or quantity (the new total, what is filled included) of an open order.

        A smaller quantity keeps the place in the queue; a quantity that is filled already ends the order. Another
        price or a larger quantity goes to the end of the queue, and may match at once.

        Raises:
            Refusal: ORDER_NOT_FOUND, ORDER_FINISHED, NO_CHANGE, WOULD_TAKE, or what :meth:`place` refuses; the order
                stays as it was.
        """
        order = self._open_order(account, order_id, client_id, symbol)
        floor = self._floors[order.symbol]
        price = order.price if price is None else price
        quantity = order.quantity if quantity is None else quantity
        assert order.quantity is not None
        assert quantity is not None
        known = price is not None and price.is_finite() and quantity.is_finite()
        if known and price == order.price and quantity == order.quantity:
            raise Refusal(Reason.NO_CHANGE, id=order.id)
        if known and 0 < quantity <= order.filled:
            self._cancel(order, Finish.CANCELLED)
            return order
        ticks, lots = priced(floor.book, price), quantified(floor.book, quantity)
        assert price is not None
        check_notional(floor.book, EXACT.multiply(price, quantity))
        self._audience.hold()
        try:
            self._change(floor, account, order, price, quantity, ticks, lots, text)
        finally:
            self._audience.let_go()
        return order

    def place_trigger(self, account: Account, ticket: Ticket) -> TriggerOrder:
        """Let ``ticket`` wait for its ``trigger``, judged by the last price after every tick.

        Its order is checked when it fires, not now, except for its symbol, and for its funds when the trigger locks.

        Raises:
            Refusal: nothing has changed.
        """
        if ticket.trigger is None:
            raise Refusal(Reason.INVALID_TICKET, "a trigger order needs a trigger")
        self._floor(ticket.symbol)
        return self.triggers.put(account, ticket, ticket.trigger, self._clock.time_ns())

    # --- reading -----------------------------------------------------------------------------------------------------

    def order(
        self,
        account: Account,
        *,
        order_id: int | None = None,
        client_id: str | None = None,
        symbol: str | None = None,
    ) -> AccountOrder | None:
        """An order of this account by its id, or the newest with this client id; None when it is not (or no longer)
        known, or is of another symbol than ``symbol``."""
        if order_id is not None:
            order = self._shelf.get(account.uid, order_id)
            return order if order is not None and (symbol is None or order.symbol == symbol) else None
        return None if client_id is None else self._shelf.by_client_id(account.uid, client_id, symbol)

    def open_orders(self, account: Account | None = None, symbol: str | None = None) -> list[AccountOrder]:
        """What is open, oldest first; of every account when None."""
        return self._shelf.open_orders(None if account is None else account.uid, symbol)

    def orders(self, account: Account, symbol: str | None = None) -> list[AccountOrder]:
        """Everything that is remembered, oldest first."""
        return self._shelf.orders(account.uid, symbol)

    def fills(self, account: Account, symbol: str | None = None) -> list[AccountFill]:
        """The fills that are remembered, oldest first."""
        return self._shelf.fills(account.uid, symbol)

    def fee_rates(self, account: Account, symbol: str) -> tuple[Decimal, Decimal]:
        """(maker, taker) as fractions for this account. Raises Refusal: UNKNOWN_SYMBOL."""
        return self._floor(symbol).fee_rates(account.uid)

    @property
    def symbols(self) -> tuple[str, ...]:
        """What may be traded here."""
        return tuple(self._floors)

    # --- time and listeners ------------------------------------------------------------------------------------------

    def listen(self, uid: int | None, callback: Callable[[Any], None]) -> Callable[[], None]:
        """Be told what happens to one account (None: to all), in order, while nothing else is going on.

        Events are OrderEvent, FillEvent, BalanceEvent of the spot wallet, and TriggerEvent; what is returned ends it.
        """
        return self._audience.listen(uid, callback)

    def after_tick(self, now_ns: int) -> None:
        """Do what is due: timers first, then triggers."""
        self.countdowns.after_tick(now_ns)
        self.triggers.after_tick(now_ns)

    def _on_posting(self, posting: Posting) -> None:
        if posting.wallet == SPOT and self._audience.listens(posting.uid):
            self._audience.tell(BalanceEvent(posting))

    def _on_rules(self, book: MarketBook, before: Rules) -> None:
        delisted = InstrumentStatus.DELISTED
        if book.rules.status is delisted and before.status is not delisted:
            for order in self._shelf.open_orders(symbol=str(book.listing.symbol)):
                self._cancel(order, Finish.DELISTED)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _floor(self, symbol: str) -> Floor:
        floor = self._floors.get(symbol)
        if floor is None:
            raise Refusal(Reason.UNKNOWN_SYMBOL, symbol=symbol)
        return floor

    def _planned(self, account: Account, ticket: Ticket, floor: Floor) -> Plan:
        options, uid = self.options, account.uid
        if ticket.client_id and options.unique_client_ids:
            known = self._shelf.by_client_id(uid, ticket.client_id, ticket.symbol)
            if known is not None and (known.is_open or options.unique_client_ids == "known"):
                raise Refusal(Reason.DUPLICATE_CLIENT_ID, client_id=ticket.client_id, id=known.id)
        holding = partial(self.ledger.holding, uid, SPOT)
        plan = planned(floor.book, ticket, _group(account), holding, options)
        if self._shelf.open_count(uid) >= options.max_open_orders:
            raise Refusal(Reason.TOO_MANY_ORDERS, most=options.max_open_orders)
        most = options.max_open_orders_a_symbol
        if most is not None and self._shelf.open_count(uid, ticket.symbol) >= most:
            raise Refusal(Reason.TOO_MANY_ORDERS, most=most, symbol=ticket.symbol)
        return plan

    def _order(self, account: Account, ticket: Ticket, plan: Plan) -> AccountOrder:
        now_ns = self._clock.time_ns()
        order = AccountOrder(
            id=self._next_id,
            uid=account.uid,
            symbol=ticket.symbol,
            side=ticket.side,
            kind=ticket.kind,
            time_in_force=ticket.time_in_force,
            price=ticket.price,
            quantity=ticket.quantity,
            quote_quantity=ticket.quote_quantity,
            client_id=ticket.client_id,
            ticket=ticket,
            created_ns=now_ns,
            updated_ns=now_ns,
            locked=plan.amount,
            locked_asset=plan.asset,
        )
        self._next_id += 1
        return order

    def _match(self, floor: Floor, account: Account, order: AccountOrder, plan: Plan) -> None:
        execution = floor.book.engine.submit(
            str(account.uid),
            order.side,
            plan.lots,
            plan.limit,
            plan.time_in_force,
            budget=plan.budget,
            group=_group(account),
            self_trade=order.ticket.stp,
            listener=floor,
        )
        for displaced in execution.displaced:
            floor.end(floor.resting.pop(displaced.id), Finish.STP)
        status, fills = execution.order.status, execution.fills
        for number, fill in enumerate(fills, 1):
            floor.settle_taker(order, fill, is_last=status is OrderStatus.FILLED and number == len(fills))
        if status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED):
            order.engine_id = execution.order.id
            floor.resting[order.engine_id] = order
        elif status is not OrderStatus.FILLED:
            floor.end(order, _finish(order, execution))

    def _open_order(
        self, account: Account, order_id: int | None, client_id: str | None, symbol: str | None
    ) -> AccountOrder:
        order = self.order(account, order_id=order_id, client_id=client_id, symbol=symbol)
        if order is None:
            raise Refusal(Reason.ORDER_NOT_FOUND, id=order_id if order_id is not None else client_id)
        if not order.is_open:
            raise Refusal(Reason.ORDER_FINISHED, id=order.id, finish=order.finish, order=order)
        return order

    def _cancel(self, order: AccountOrder, finish: Finish) -> None:
        floor = self._floors[order.symbol]
        floor.book.engine.cancel(order.engine_id)
        del floor.resting[order.engine_id]
        self._audience.hold()
        try:
            floor.end(order, finish)
        finally:
            self._audience.let_go()

    def _change(
        self,
        floor: Floor,
        account: Account,
        order: AccountOrder,
        price: Decimal,
        quantity: Decimal,
        ticks: int,
        lots: int,
        text: str,
    ) -> None:
        engine, remaining = floor.book.engine, EXACT.subtract(quantity, order.filled)
        lots_left = lots - floor.book.lots_of(order.filled)
        needed = EXACT.multiply(price, remaining) if order.side is Side.BUY else remaining
        more = EXACT.subtract(needed, order.locked)
        free = self.ledger.holding(order.uid, SPOT, order.locked_asset).free
        if more > free:
            raise Refusal(Reason.INSUFFICIENT_BALANCE, asset=order.locked_asset, needed=more, available=free)
        stays = price == order.price and quantity < (order.quantity or _ZERO)
        if not stays and order.time_in_force is TimeInForce.POST_ONLY and would_take(floor.book, order.side, ticks):
            raise Refusal(Reason.WOULD_TAKE, price=price)
        if more > 0:
            self.ledger.freeze(order.uid, SPOT, order.locked_asset, more, reference=str(order.id))
        else:
            less = more.copy_negate()
            self.ledger.release(order.uid, SPOT, order.locked_asset, less, reference=str(order.id))
        order.price, order.quantity, order.locked, order.amend_text = price, quantity, needed, text
        order.version += 1
        order.updated_ns = self._clock.time_ns()
        if stays:
            engine.reduce(order.engine_id, lots_left)
            floor.tell(order, Cause.AMEND)
            return
        engine.cancel(order.engine_id)
        del floor.resting[order.engine_id]
        order.engine_id = 0
        floor.tell(order, Cause.AMEND)
        plan = Plan(lots_left, ticks, None, order.locked_asset, needed, order.time_in_force)
        self._match(floor, account, order, plan)

    def _watched_price(self, symbol: str, source: str) -> Decimal:
        if source != "last":
            raise Refusal(Reason.INVALID_TICKET, "only the last price is watched", source=source)
        return self._floor(symbol).book.last_price

    def _binding(self, account: Account, ticket: Ticket) -> tuple[str, Decimal]:
        plan = self._planned(account, ticket, self._floor(ticket.symbol))
        return plan.asset, plan.amount


def _group(account: Account) -> str:
    return f"group {account.stp_group}" if account.stp_group else str(account.uid)


def _finish(order: AccountOrder, execution: Execution) -> Finish:
    if execution.prevented:
        return Finish.STP
    if execution.order.status is OrderStatus.REJECTED:
        return Finish.POST_ONLY if order.time_in_force is TimeInForce.POST_ONLY else Finish.FOK
    return Finish.DEPTH if order.kind is OrderType.MARKET else Finish.IOC
