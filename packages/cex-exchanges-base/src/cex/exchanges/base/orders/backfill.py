"""What happened while the private stream was not heard, fetched by REST: orders, fills, balances, positions.

The same code looks at the account when the stream begins, after every loss, and now and then in between, because a
stream can also lose a single push without a word.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cex.common.clock import Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import MarketType, OrderStatus
from cex.common.exceptions import OrderNotFoundException
from cex.common.types.account import Balance, Position
from cex.common.types.orders import Order
from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces import BasePrivateRestClient
from cex.exchanges.base.orders.policy import OrderPolicy
from cex.exchanges.base.orders.record import OrderRecord
from cex.exchanges.base.orders.tracker import OrderTracker

__all__ = ["Backfill", "Found"]

logger = logging.getLogger(__name__)

_IN_DOUBT = (OrderStatus.PENDING, OrderStatus.UNKNOWN)
_SEARCHES = 20
"""Audits after which the missing fills of an order that has ended are not looked for any more."""


@dataclass(slots=True)
class Found:
    """What was fetched and had not been heard."""

    fills: int = 0
    orders: int = 0


class Backfill:
    """Asks the exchange for what the stream should have told, and gives it to the tracker, which counts it once.

    ``watched`` names symbols whose fills are asked for beside those of the orders that are known. ``on_balance`` and
    ``on_position`` also get the monotonic time at which they were asked for: a push that came since is newer.
    """

    def __init__(
        self,
        *,
        rest: BasePrivateRestClient,
        tracker: OrderTracker,
        on_balance: Callable[[Balance, int], None],
        on_position: Callable[[Position, int], None],
        policy: OrderPolicy,
        clock: Clock,
    ) -> None:
        self._rest = rest
        self._tracker = tracker
        self._on_balance = on_balance
        self._on_position = on_position
        self._policy = policy
        self._clock = clock
        self.watched: set[Symbol] = set()
        self._searched: dict[int, int] = {}

    async def begin(self) -> None:
        """Learn what rests, what it has filled before, what is held: the state that the stream goes on from."""
        found = Found()
        for order in await self._rest.open_orders():
            record = self._tracker.on_order(order)
            if order.filled:
                await self._fills_of(record, self._born(record), found, tell=False)
        await self._holdings()

    async def since(self, since_ts: int, symbols: Iterable[Symbol]) -> Found:
        """Fetch everything from ``since_ts`` (the exchange's clock) on; ``symbols`` were traded around then."""
        tracker, found = self._tracker, Found()
        start = since_ts - round(self._policy.overlap * NANOSECONDS)
        concerned = {record.order.symbol for record in tracker.live()} | set(symbols) | self.watched
        await self._orders(found)
        concerned |= {record.order.symbol for record in tracker.live()}
        end = self._rest.exchange_now_ns() + NANOSECONDS
        asked: list[Symbol | None] = [*sorted(concerned)] if self._rest.fills_need_symbol else [None]
        for symbol in asked:
            for fill in await self._rest.fills(symbol, start, end):
                found.fills += tracker.on_fill(fill)
        await self._settled(start, found)
        await self._holdings()
        return found

    async def audit(self) -> Found:
        """Compare what rests here with what rests there, and look for the fills that ended orders speak of."""
        found = Found()
        if any(map(self._is_old, self._tracker.open())):
            await self._orders(found, only_old=True)
        for record in self._lagging():
            if self._is_old(record):
                await self._fills_of(record, self._born(record), found)
                self._give_up(record)
        return found

    # ---- inside ----------------------------------------------------------------------------------------------------

    async def _orders(self, found: Found, *, only_old: bool = False) -> None:
        """Take the exchange's list of what rests, and ask about each order of ours that is not in it.

        ``only_old``: leave those alone of which something was heard a moment ago.
        """
        began = self._clock.monotonic_ns()
        candidates = [record for record in self._tracker.open() if not only_old or self._is_old(record)]
        listed = await self._rest.open_orders()
        for order in listed:
            self._take(order, found)
        resting = {order.order_id or order.client_order_id for order in listed}
        for record in candidates:
            order = record.order
            rests = (order.order_id or order.client_order_id) in resting
            if not (order.status.is_final or rests or record.heard_ns > began):
                await self._asked(record, found)

    async def _asked(self, record: OrderRecord, found: Found) -> None:
        order, was_old = record.order, self._is_old(record)
        by_id = {"order_id": order.order_id} if order.order_id else {"client_order_id": order.client_order_id}
        try:
            self._take(await self._rest.order(order.symbol, **by_id), found)
            if record.filled < record.order.filled:
                await self._fills_of(record, self._born(record), found)
            return
        except OrderNotFoundException:
            pass
        # Orders that ended without a fill vanish from some exchanges' queries. It does not rest, so it has ended;
        # but a very young one may not be listed yet.
        await self._fills_of(record, self._born(record), found)
        if was_old and not record.order.status.is_final:
            logger.warning(
                "an order that rested is not known any more",
                extra={"exchange": self._rest.exchange, "order_id": order.order_id},
            )
            self._take(record.order.replaced(status=OrderStatus.CANCELED, finish_reason="not known any more"), found)

    def _take(self, order: Order, found: Found) -> None:
        before = self._tracker.changes
        self._tracker.on_order(order)
        found.orders += self._tracker.changes - before

    def _is_old(self, record: OrderRecord) -> bool:
        age = self._clock.monotonic_ns() - record.heard_ns
        return age >= self._policy.audit_grace * NANOSECONDS

    def _lagging(self) -> list[OrderRecord]:
        """Orders that speak of more fills than were heard of."""
        return [
            record
            for record in self._tracker.live()
            if record.order.status not in _IN_DOUBT and record.filled < record.order.filled and not record.given_up
        ]

    async def _settled(self, start: int, found: Found) -> None:
        """Wait until every order has the fills that it speaks of: some exchanges list them a little later."""
        deadline = asyncio.get_running_loop().time() + self._policy.settle_within
        pause = self._policy.query_first
        while lagging := self._lagging():
            for record in lagging:
                await self._fills_of(record, min(start, self._born(record)), found)
            if not self._lagging() or asyncio.get_running_loop().time() >= deadline:
                return  # in the latter case the audit goes on looking for them
            await asyncio.sleep(pause)
            pause = min(self._policy.query_most, 2 * pause)

    async def _fills_of(self, record: OrderRecord, start: int, found: Found, *, tell: bool = True) -> None:
        order = record.order
        if not order.order_id:
            return
        end = self._rest.exchange_now_ns() + NANOSECONDS
        for fill in await self._rest.fills(order.symbol, start, end, order_id=order.order_id):
            found.fills += self._tracker.on_fill(fill, tell=tell)

    def _born(self, record: OrderRecord) -> int:
        known = record.order.created_ts or record.sent_ts
        return (known or self._rest.exchange_now_ns() - 86_400 * NANOSECONDS) - NANOSECONDS

    def _give_up(self, record: OrderRecord) -> None:
        """An order whose fills are listed nowhere is not asked about for ever."""
        key = id(record)
        if record.filled >= record.order.filled:
            self._searched.pop(key, None)
            return
        self._searched[key] = self._searched.get(key, 0) + 1
        if self._searched[key] >= _SEARCHES:
            del self._searched[key]
            self._tracker.give_up_fills(record)

    async def _holdings(self) -> None:
        asked_ns = self._clock.monotonic_ns()
        for balance in await self._rest.balances():
            self._on_balance(balance, asked_ns)
        if MarketType.FUTURES not in self._rest.markets:
            return
        asked_ns = self._clock.monotonic_ns()
        for position in await self._rest.positions():
            self._on_position(position, asked_ns)
