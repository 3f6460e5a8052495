"""The book of one instrument: matches what comes, keeps what rests, numbers and remembers what changed."""

from __future__ import annotations

from array import array
from operator import neg

from cex.common.enums import OrderStatus, Side, TimeInForce
from cex.sandbox.matching.halves import Half, Level
from cex.sandbox.matching.orders import MOST, Change, Execution, Fill, FillListener, Order, SelfTrade

__all__ = ["MatchingEngine"]


class MatchingEngine:
    """The book of one instrument on one venue.

    ``changes`` and ``fills`` collect what happened until :meth:`drain`. ``first_update_id`` and ``first_trade_id`` are
    where the venue's numbering starts; ``history`` is how many changes back :meth:`book_at` reaches.
    """

    def __init__(self, *, first_update_id: int = 0, first_order_id: int = 0, history: int = 20_000) -> None:
        self.update_id = first_update_id
        self.changes: list[Change] = []
        self.fills: list[Fill] = []
        self.orders: dict[int, Order] = {}
        self._halves = {Side.BUY: Half(Side.BUY), Side.SELL: Half(Side.SELL)}
        self._first_update_id = first_update_id
        self._past_prices = array("q", bytes(8 * history))
        self._past_totals = array("q", bytes(8 * history))
        self._last_order_id = first_order_id
        self._last_trade_id = first_order_id

    # --- reading -----------------------------------------------------------------------------------------------------

    @property
    def last_trade_id(self) -> int:
        """The id of the newest match, or where the numbering starts."""
        return self._last_trade_id

    def best(self, side: Side) -> int | None:
        """The best resting price of ``side``, None when it is empty."""
        return self._halves[side].best()

    def total(self, side: Side, price: int) -> int:
        """Lots resting at ``price``, 0 when there is no such level."""
        level = self._halves[side].levels.get(price)
        return level.total if level is not None else 0

    def depth(self, side: Side) -> int:
        """How many price levels ``side`` has."""
        return len(self._halves[side].keys)

    def levels(self, side: Side, limit: int | None = None) -> list[tuple[int, int]]:
        """The ``limit`` best (price, lots) of ``side``, best first."""
        half = self._halves[side]
        keys = half.keys if limit is None else half.keys[-limit:] if limit > 0 else []
        return [(key * half.sign, half.levels[key * half.sign].total) for key in reversed(keys)]

    def best_prices(self, side: Side, limit: int) -> set[int]:
        """The prices of the ``limit`` best levels of ``side``; ``limit`` is at least 1."""
        keys = self._halves[side].keys[-limit:]
        return set(keys) if side is Side.BUY else set(map(neg, keys))

    def resting(self, side: Side, index: int) -> tuple[int, list[Order]]:
        """Price and orders (oldest first) of the level at ``index``, counted from the worst; -1 is the best.

        Raises:
            IndexError: the side has no such level.
        """
        half = self._halves[side]
        price = half.keys[index] * half.sign
        return price, list(half.levels[price].orders.values())

    def takeable(
        self,
        side: Side,
        lots: int = MOST,
        limit: int | None = None,
        *,
        budget: int | None = None,
        group: str = "",
        self_trade: SelfTrade | None = None,
    ) -> tuple[int, int]:
        """Lots that an order of ``side`` would get at once, and what they cost (ticks times lots)."""
        stops = self_trade in (SelfTrade.CANCEL_NEWEST, SelfTrade.CANCEL_BOTH)
        return self._halves[side.opposite].takeable(lots, limit, budget, group if self_trade else "", stops)

    def book_at(self, update_id: int) -> tuple[dict[int, int], dict[int, int]]:
        """Bids and asks (price -> lots) as they were right after change ``update_id``.

        Raises:
            LookupError: the id lies in the future, or too far back.
        """
        history = len(self._past_prices)
        oldest = max(self._first_update_id, self.update_id - history)
        if not oldest <= update_id <= self.update_id:
            raise LookupError(f"update id {update_id} is not between {oldest} and {self.update_id}")
        bids, asks = (
            {price: level.total for price, level in self._halves[side].levels.items()} for side in (Side.BUY, Side.SELL)
        )
        for undone in range(self.update_id, update_id, -1):
            price, before = self._past_prices[undone % history], self._past_totals[undone % history]
            levels = bids if price > 0 else asks
            if before:
                levels[abs(price)] = before
            else:
                del levels[abs(price)]
        return bids, asks

    # --- writing -----------------------------------------------------------------------------------------------------

    def submit(
        self,
        owner: str,
        side: Side,
        quantity: int,
        price: int | None = None,
        time_in_force: TimeInForce = TimeInForce.GTC,
        *,
        budget: int | None = None,
        group: str = "",
        self_trade: SelfTrade | None = None,
        listener: FillListener | None = None,
    ) -> Execution:
        """Match an order and let what is left of it rest, as ``time_in_force`` says. A market order never rests.

        ``budget`` (ticks times lots) ends an order that would cost more, and only one that does not rest can have it.

        Raises:
            ValueError: quantity or price is not between 1 and 2 ** 50, or the parts of the order contradict each other.
        """
        if not (0 < quantity <= MOST and (price is None or 0 < price <= MOST)):
            raise ValueError(f"quantity and price must be positive and at most 2 ** 50, not {quantity} @ {price}")
        rests = price is not None and time_in_force in (TimeInForce.GTC, TimeInForce.POST_ONLY)
        if not rests and time_in_force is TimeInForce.POST_ONLY:
            raise ValueError("a market order cannot be post-only")
        if rests and budget is not None:
            raise ValueError("an order that may rest cannot have a budget")
        self._last_order_id += 1
        order = Order(self._last_order_id, owner, side, quantity, price, group, listener)
        against = self._halves[side.opposite]
        crosses = against.crossed_by(price)
        if (time_in_force is TimeInForce.POST_ONLY and crosses) or (
            time_in_force is TimeInForce.FOK
            and self.takeable(side, quantity, price, budget=budget, group=group, self_trade=self_trade)[0] < quantity
        ):
            order.status = OrderStatus.REJECTED
            return Execution(order, ())
        if not crosses:
            if price is None or not rests:
                order.status = OrderStatus.CANCELED
            else:
                self._rest(order, price)
            return Execution(order, ())
        execution, told = self._match(order, against, budget, self_trade if group else None)
        if not order.remaining:
            order.status = OrderStatus.FILLED
        elif order.status is OrderStatus.NEW:
            if price is None or not rests:
                order.status = OrderStatus.CANCELED
            else:
                order.status = OrderStatus.PARTIALLY_FILLED if execution.fills else OrderStatus.NEW
                self._rest(order, price)
        for maker, listener, fill in told:
            listener.on_maker_fill(maker, fill, order)
        return execution

    def cancel(self, order_id: int) -> Order:
        """Take a resting order out of the book.

        Raises:
            KeyError: no such order rests.
        """
        order = self.orders.pop(order_id)
        assert order.price is not None
        half = self._halves[order.side]
        level = half.levels[order.price]
        del level.orders[order_id]
        order.status = OrderStatus.CANCELED
        self._set_total(half, order.price, level, level.total - order.remaining)
        return order

    def reduce(self, order_id: int, remaining: int) -> Order:
        """Make a resting order smaller; it keeps its place in the queue.

        Raises:
            KeyError: no such order rests.
            ValueError: ``remaining`` is not between 1 and what remains.
        """
        order = self.orders[order_id]
        if not 0 < remaining <= order.remaining:
            raise ValueError(f"order {order_id} has {order.remaining} remaining and cannot be reduced to {remaining}")
        assert order.price is not None
        less = order.remaining - remaining
        order.remaining -= less
        order.quantity -= less
        if less:
            half = self._halves[order.side]
            level = half.levels[order.price]
            self._set_total(half, order.price, level, level.total - less)
        return order

    def drain(self) -> tuple[list[Change], list[Fill]]:
        """What changed and what was matched since the last call."""
        drained = self.changes, self.fills
        self.changes, self.fills = [], []
        return drained

    def _rest(self, order: Order, price: int) -> None:
        half = self._halves[order.side]
        level = half.level_for(price)
        level.orders[order.id] = order
        self.orders[order.id] = order
        self._set_total(half, price, level, level.total + order.remaining)

    def _match(
        self, taker: Order, against: Half, budget: int | None, self_trade: SelfTrade | None
    ) -> tuple[Execution, list[tuple[Order, FillListener, Fill]]]:
        fills: list[Fill] = []
        told: list[tuple[Order, FillListener, Fill]] = []
        displaced: list[Order] = []
        prevented = spent = False
        while taker.remaining and not (prevented or spent) and against.crossed_by(taker.price):
            price = against.keys[-1] * against.sign
            level = against.levels[price]
            gone = 0
            while taker.remaining and level.orders:
                maker = next(iter(level.orders.values()))
                if self_trade is not None and maker.group == taker.group:
                    prevented = self_trade is not SelfTrade.CANCEL_OLDEST
                    if self_trade is not SelfTrade.CANCEL_NEWEST:
                        gone += maker.remaining
                        self._end(maker, level, OrderStatus.CANCELED)
                        displaced.append(maker)
                    if prevented:
                        break
                    continue
                quantity = min(maker.remaining, taker.remaining)
                if budget is not None:
                    quantity = min(quantity, budget // price)
                    budget -= quantity * price
                    if not quantity:
                        spent = True
                        break
                maker.remaining -= quantity
                taker.remaining -= quantity
                gone += quantity
                if maker.remaining:
                    maker.status = OrderStatus.PARTIALLY_FILLED
                else:
                    self._end(maker, level, OrderStatus.FILLED)
                self._last_trade_id += 1
                fill = Fill(self._last_trade_id, price, quantity, taker.side, maker.id, taker.id)
                fills.append(fill)
                if maker.listener is not None:
                    told.append((maker, maker.listener, fill))
            if gone:
                self._set_total(against, price, level, level.total - gone)
        if prevented or spent:
            taker.status = OrderStatus.FILLED if spent and fills else OrderStatus.CANCELED
        self.fills.extend(fills)
        return Execution(taker, tuple(fills), prevented, tuple(displaced)), told

    def _end(self, order: Order, level: Level, status: OrderStatus) -> None:
        order.status = status
        del level.orders[order.id]
        del self.orders[order.id]

    def _set_total(self, half: Half, price: int, level: Level, total: int) -> None:
        self.update_id += 1
        past = self.update_id % len(self._past_prices)
        self._past_prices[past] = price * half.sign
        self._past_totals[past] = level.total
        self.changes.append(Change(self.update_id, half.side, price, total, level.total))
        level.total = total
        if not total:
            half.drop(price)
