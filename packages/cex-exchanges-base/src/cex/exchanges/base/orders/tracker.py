"""Every order of an account as it stands here, merged from answers, pushes and queries; and every fill, once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from decimal import Decimal

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.enums import OrderStatus
from cex.common.exceptions import DuplicateOrderException
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.exchanges.base.interfaces import EventHandler, OrderConflict
from cex.exchanges.base.orders.record import OrderRecord

__all__ = ["OrderTracker"]

logger = logging.getLogger(__name__)

KEEP_FINISHED = 10_000
KEEP_FILLS = 100_000

_IN_DOUBT = (OrderStatus.PENDING, OrderStatus.UNKNOWN)


class OrderTracker:
    """Takes what is said of orders, from wherever, as often and in whatever order it comes.

    ``on_order(order)`` is called with every change of an order, ``on_fill(fill)`` with every fill that was not known;
    both synchronously. What cannot be is told as ``OrderConflict`` and changes nothing. Of orders that have ended, the
    newest ``keep_finished`` are remembered, of fills the newest ``keep_fills``.
    """

    def __init__(
        self,
        exchange: str,
        account: str,
        *,
        on_order: Callable[[Order], None],
        on_fill: Callable[[Fill], None],
        emit: EventHandler,
        clock: Clock = SYSTEM_CLOCK,
        keep_finished: int = KEEP_FINISHED,
        keep_fills: int = KEEP_FILLS,
    ) -> None:
        self._exchange = exchange
        self._account = account
        self._on_order = on_order
        self._on_fill = on_fill
        self._emit = emit
        self._clock = clock
        self._keep_finished = keep_finished
        self._keep_fills = keep_fills
        self._by_client_id: dict[str, OrderRecord] = {}
        self._by_order_id: dict[str, OrderRecord] = {}
        self._live: dict[int, OrderRecord] = {}
        self._settled: dict[int, OrderRecord] = {}
        self._fills: dict[tuple[str, str, str], None] = {}
        self._orphans: dict[str, list[Fill]] = {}
        self._waiters: dict[int, set[asyncio.Future[None]]] = {}
        self.conflicts = 0
        self.duplicates = 0
        self.changes = 0
        self.fills = 0

    # ---- what is known ---------------------------------------------------------------------------------------------

    def find(self, *, order_id: str | None = None, client_order_id: str | None = None) -> OrderRecord | None:
        """The record by one of the ids, None where there is none (any more)."""
        by_id = self._by_order_id.get(order_id) if order_id else None
        ours = self._by_client_id.get(client_order_id) if client_order_id else None
        if by_id is None or ours is None or by_id is ours:
            return by_id or ours
        if by_id.order.client_order_id or ours.order.order_id:
            return by_id
        # Both ids are heard together for the first time: what was taken for two orders is one.
        self._live.pop(id(by_id), None)
        self._settled.pop(id(by_id), None)
        ours.absorb(by_id)
        self._by_order_id[by_id.order.order_id] = ours
        return ours

    def live(self) -> list[OrderRecord]:
        """Every order that is not settled: it rests, is in doubt, or has ended with fills that were not heard of."""
        return list(self._live.values())

    def open(self) -> Iterator[OrderRecord]:
        """Those that rest at the exchange as far as is known."""
        return (
            record
            for record in self._live.values()
            if not record.order.status.is_final and record.order.status not in _IN_DOUBT
        )

    def in_doubt(self) -> Iterator[OrderRecord]:
        """Those that may or may not have reached the exchange."""
        return (record for record in self._live.values() if record.order.status in _IN_DOUBT)

    # ---- our own orders --------------------------------------------------------------------------------------------

    def begin(self, request: OrderRequest, sent_ts: int) -> OrderRecord:
        """An order is about to be handed to the exchange.

        Raises:
            DuplicateOrderException: its client order id was used before; nothing is sent.
        """
        client_id = request.client_order_id
        if not client_id:
            raise ValueError("an order needs its client order id before it is tracked")
        if client_id in self._by_client_id:
            raise DuplicateOrderException(
                f"not sent: there is an order {client_id!r} already",
                self._exchange,
                operation="place_order",
                safe_to_resubmit=True,
            )
        record = OrderRecord(as_order(request, sent_ts), sent_ts=sent_ts, heard_ns=self._clock.monotonic_ns())
        self._by_client_id[client_id] = record
        self._live[id(record)] = record
        return record

    def unknown(self, record: OrderRecord) -> None:
        """Nobody can say whether it reached the exchange."""
        if record.order.status is OrderStatus.PENDING:
            self._set(record, record.order.replaced(status=OrderStatus.UNKNOWN))

    def rejected(self, record: OrderRecord, reason: str, *, never_arrived: bool = False) -> None:
        """The exchange refused it, or it is concluded that it never arrived; ignored where it is known to be there."""
        if record.order.status in _IN_DOUBT:
            record.never_arrived = never_arrived
            self._set(record, record.order.replaced(status=OrderStatus.REJECTED, finish_reason=reason))

    def forget(self, record: OrderRecord) -> None:
        """It was not ours to track: the exchange holds another order under its client order id."""
        self._drop(record)
        self._live.pop(id(record), None)

    def give_up_fills(self, record: OrderRecord) -> None:
        """Its fills are listed nowhere: do not wait for them any more."""
        record.given_up = True
        logger.error(
            "the fills of an order are listed nowhere",
            extra={"exchange": self._exchange, "account": self._account, "order_id": record.order.order_id},
        )
        self._keep(record)

    # ---- what the exchange says ------------------------------------------------------------------------------------

    def on_order(self, said: Order) -> OrderRecord:
        """Merge an order as it was pushed, answered or queried; the record as it stands then."""
        record = self.find(order_id=said.order_id or None, client_order_id=said.client_order_id)
        if record is None:
            record = OrderRecord(said.replaced(status=OrderStatus.UNKNOWN, filled=Decimal(0)))
        before = record.order
        if record.never_arrived:
            self._conflict(record, said, "it was concluded that this order never arrived, and it is there")
            record.never_arrived = False
            record.order = before.replaced(status=OrderStatus.UNKNOWN, finish_reason="")
        refusal = record.take(said)
        record.heard_ns = self._clock.monotonic_ns()
        if refusal is not None:
            self._conflict(record, said, refusal)
            return record
        self._index(record)
        self._adopt(record)
        self._set(record, record.order, before)
        return record

    def on_fill(self, fill: Fill, *, tell: bool = True) -> bool:
        """Count a fill unless it is known; whether it was new. ``tell`` False: it happened before anybody listened."""
        key = (str(fill.symbol), fill.order_id, fill.trade_id)
        if key in self._fills:
            self.duplicates += 1
            return False
        self._fills[key] = None
        while len(self._fills) > self._keep_fills:
            del self._fills[next(iter(self._fills))]
        record = self.find(order_id=fill.order_id, client_order_id=fill.client_order_id)
        if record is None:
            self._orphans.setdefault(fill.order_id, []).append(fill)
            while len(self._orphans) > self._keep_finished:
                del self._orphans[next(iter(self._orphans))]
            if tell:
                self._tell_fill(fill)
            return True
        before = record.order
        if record.never_arrived:
            self._conflict(record, fill, "it was concluded that this order never arrived, and it has filled")
            record.never_arrived = False
            record.order = before.replaced(status=OrderStatus.UNKNOWN, finish_reason="")
        refusal = record.fill(fill)
        if refusal is not None:
            self._conflict(record, fill, refusal)
            return False
        record.heard_ns = self._clock.monotonic_ns()
        self._index(record)
        if tell:
            known_id = fill.client_order_id or record.order.client_order_id
            self._tell_fill(fill if fill.client_order_id == known_id else fill.replaced(client_order_id=known_id))
        self._set(record, record.order, before)
        return True

    async def changed(self, record: OrderRecord) -> None:
        """Wait until something new is known of the order."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(id(record), set())
        waiters.add(waiter)
        try:
            await waiter
        finally:
            waiters.discard(waiter)
            if not waiters:
                self._waiters.pop(id(record), None)

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _set(self, record: OrderRecord, order: Order, before: Order | None = None) -> None:
        before = record.order if before is None else before
        record.order = order
        self._keep(record)
        if order == before:
            return
        self.changes += 1
        for waiter in self._waiters.get(id(record), ()):
            if not waiter.done():
                waiter.set_result(None)
        self._on_order(order)

    def _index(self, record: OrderRecord) -> None:
        order = record.order
        if order.order_id:
            self._by_order_id.setdefault(order.order_id, record)
        if order.client_order_id:
            self._by_client_id.setdefault(order.client_order_id, record)

    def _adopt(self, record: OrderRecord) -> None:
        """Count the fills that came before anything else was known of their order."""
        for fill in self._orphans.pop(record.order.order_id, ()):
            refusal = record.fill(fill)
            if refusal is not None:
                self._conflict(record, fill, refusal)

    def _keep(self, record: OrderRecord) -> None:
        if not record.is_settled:
            self._settled.pop(id(record), None)
            self._live[id(record)] = record
            return
        self._live.pop(id(record), None)
        self._settled[id(record)] = record
        while len(self._settled) > self._keep_finished:
            oldest = next(iter(self._settled))
            self._drop(self._settled.pop(oldest))

    def _drop(self, record: OrderRecord) -> None:
        order = record.order
        for index, key in ((self._by_order_id, order.order_id), (self._by_client_id, order.client_order_id)):
            if key and index.get(key) is record:
                del index[key]

    def _tell_fill(self, fill: Fill) -> None:
        self.fills += 1
        self._on_fill(fill)

    def _conflict(self, record: OrderRecord, refused: Order | Fill, reason: str) -> None:
        self.conflicts += 1
        order = record.order
        logger.error(
            "what cannot be was said of an order: %s",
            reason,
            extra={
                "exchange": self._exchange,
                "account": self._account,
                "order_id": order.order_id,
                "client_order_id": order.client_order_id,
            },
        )
        self._emit(
            OrderConflict(
                exchange=self._exchange,
                account=self._account,
                at_ns=self._clock.time_ns(),
                kept=order,
                refused=refused,
                reason=reason,
            )
        )


def as_order(request: OrderRequest, created_ts: int) -> Order:
    """A request as the order that it will be, PENDING."""
    return Order(
        symbol=request.symbol,
        order_id="",
        client_order_id=request.client_order_id,
        side=request.side,
        order_type=request.order_type,
        status=OrderStatus.PENDING,
        quantity=request.quantity,
        price=request.price,
        time_in_force=request.time_in_force,
        reduce_only=request.reduce_only or request.close_position,
        created_ts=created_ts,
        quote_quantity=request.quote_quantity,
        trigger_price=request.trigger_price,
        position_side=request.position_side,
    )
