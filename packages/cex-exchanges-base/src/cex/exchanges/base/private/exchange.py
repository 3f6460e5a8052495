"""A whole account on an exchange, put together from its private clients; the same for every exchange."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from decimal import Decimal
from typing import Literal, TypeVar

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.correlation import correlation, new_random
from cex.common.enums import OrderType, PositionSide, Side
from cex.common.exceptions import (
    ExchangeException,
    InvalidOrderException,
    OrderNotFoundException,
    UnknownOutcomeException,
)
from cex.common.types.account import Balance, Position
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces import (
    BasePrivateRestClient,
    BasePrivateWebSocketClient,
    EventHandler,
    ExchangeEvent,
    OrderEntry,
    PrivateChannel,
    PrivateHandlers,
    PrivateHealth,
    PrivateInterrupted,
    PrivateResubscribed,
    PrivateStream,
)
from cex.exchanges.base.listeners import Listeners
from cex.exchanges.base.offers import not_offered
from cex.exchanges.base.orders.backfill import Backfill
from cex.exchanges.base.orders.cancels import Cancels
from cex.exchanges.base.orders.policy import OrderPolicy
from cex.exchanges.base.orders.precision import completed, fitted_change
from cex.exchanges.base.orders.recovery import Recovery
from cex.exchanges.base.orders.rules import Rules
from cex.exchanges.base.orders.submission import Submission
from cex.exchanges.base.orders.tracker import OrderTracker
from cex.exchanges.base.private.passage import AskedAndAnswered
from cex.exchanges.base.streams.latest import Latest
from cex.exchanges.base.streams.private_outlets import PrivateOutlets
from cex.exchanges.base.streams.readers import Fanout
from cex.exchanges.base.tasks import OwnedTasks

__all__ = ["ComposedPrivateExchange"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

WAITING = 10_000


class ComposedPrivateExchange(AskedAndAnswered):
    """Wires clients, tracker, submission, backfill and readers; an exchange's own class only says which clients.

    ``owns_rest``, ``owns_websocket``: close that client with the exchange; otherwise whoever made it closes it.
    ``order_entry``: send orders by the websocket client's order entry where it has one, and by REST where that cannot.
    ``watch``: symbols whose fills are fetched after a loss although nothing was traded there by this object.
    ``waiting``: orders, or fills, that may wait for a reader before the oldest is given up.
    """

    def __init__(
        self,
        *,
        rest_client: BasePrivateRestClient,
        websocket_client: BasePrivateWebSocketClient,
        owns_rest: bool,
        owns_websocket: bool,
        order_entry: bool = True,
        policy: OrderPolicy | None = None,
        watch: Sequence[str] = (),
        waiting: int = WAITING,
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
    ) -> None:
        super().__init__(rest_client)
        self._websocket = websocket_client
        self._owned = [
            client for client, owned in ((websocket_client, owns_websocket), (rest_client, owns_rest)) if owned
        ]
        self._orders_road = websocket_client.orders if order_entry else None
        self._watch = tuple(watch)
        self._clock = clock
        self._policy = policy or OrderPolicy()
        self._listeners = Listeners(self.exchange)
        self._tasks = OwnedTasks()
        tell = self._listeners.tell
        self._outlets = PrivateOutlets(self.exchange, self.account, waiting=waiting, emit=tell, clock=clock)
        self._tracker = OrderTracker(
            self.exchange,
            self.account,
            on_order=self._outlets.orders.publish,
            on_fill=self._outlets.fills.publish,
            emit=tell,
            clock=clock,
        )
        self._submission = Submission(
            rest=rest_client,
            entry=lambda request: self._entry(request.symbol),
            tracker=self._tracker,
            emit=tell,
            tasks=self._tasks,
            policy=self._policy,
            clock=clock,
        )
        self._rules = Rules(rest=rest_client, tasks=self._tasks, policy=self._policy, clock=clock)
        self._cancels = Cancels(rest=rest_client, entry=self._entry, tracker=self._tracker, policy=self._policy)
        self._backfill = Backfill(
            rest=rest_client,
            tracker=self._tracker,
            on_balance=self._outlets.on_queried_balance,
            on_position=self._outlets.on_queried_position,
            policy=self._policy,
            clock=clock,
        )
        self._recovery = Recovery(
            rest=rest_client,
            websocket=websocket_client,
            backfill=self._backfill,
            tracker=self._tracker,
            emit=tell,
            tasks=self._tasks,
            policy=self._policy,
            clock=clock,
            rng=rng or new_random(),
        )
        self._is_open = False
        self._subscribed = False
        self._subscribing = asyncio.Lock()

    # ---- life ------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Load the instruments and get ready to trade and to stream; opening twice is the same as once."""
        self._require_not_closed()
        if self._is_open:
            return
        await self._rules.load()
        self._require_not_closed()
        if not self._is_open:
            self._is_open = True
            if self._policy.rules_every:
                self._tasks.spawn(self._rules.keep_fresh(), name=f"rules of {self.exchange}")
            self._websocket.attach(
                self._rest.instruments,
                PrivateHandlers(
                    on_order=self._tracker_takes,
                    on_fill=self._tracker_counts,
                    on_balance=self._outlets.on_balance,
                    on_position=self._outlets.on_position,
                    on_event=self._on_event,
                ),
            )
            self._backfill.watched.update(map(self._symbol, self._watch))

    async def aclose(self) -> None:
        self._is_closed = True
        self._outlets.end()
        await self._tasks.aclose(for_good=True)
        for client in self._owned:  # the streams first: what they were opened with is given back by REST
            await client.aclose()

    async def subscribe(self) -> None:
        self._require_not_closed()
        async with self._subscribing:
            if self._subscribed:
                return
            await self._websocket.subscribe(self._streams())
            await self._backfill.begin()
            self._require_not_closed()
            self._subscribed = True
            if self._policy.audit_every:
                self._tasks.spawn(self._recovery.keep_auditing(), name=f"audit of {self.exchange}")

    @property
    def is_whole(self) -> bool:
        return self._subscribed and not self._is_closed and self._recovery.is_whole

    def on_event(self, handler: EventHandler) -> Callable[[], None]:
        return self._listeners.add(handler)

    def health(self) -> PrivateHealth:
        recovery = self._recovery
        return PrivateHealth(
            exchange=self.exchange,
            account=self.account,
            connections=self._websocket.health(),
            books=(),
            streams=(),
            handler_errors=self._listeners.errors,
            whole=self.is_whole,
            private_streams=self._outlets.health(),
            open_orders=sum(1 for _ in self._tracker.open()),
            unknown=sum(1 for _ in self._tracker.in_doubt()),
            conflicts=self._tracker.conflicts,
            backfills=recovery.holes,
            backfilled_fills=recovery.fills,
            audits=recovery.audits,
            audit_finds=recovery.audit_finds,
            budget=self.budget_left(),
        )

    # ---- orders ----------------------------------------------------------------------------------------------------

    async def place_order(self, request: OrderRequest) -> Order:
        with correlation(), self._rules.doubted():
            complete = self._completed(request)
            self._recovery.touched(complete.symbol)
            return await self._submission.place(complete)

    async def place_orders(self, requests: Sequence[OrderRequest]) -> list[Order | ExchangeException]:
        with correlation():
            outcomes: dict[int, Order | ExchangeException] = {}
            groups: dict[OrderEntry, list[tuple[int, OrderRequest]]] = {}
            for index, request in enumerate(requests):
                try:
                    complete = self._completed(request)
                except ExchangeException as error:
                    self._rules.heed(error)
                    outcomes[index] = error
                    continue
                self._recovery.touched(complete.symbol)
                groups.setdefault(self._entry(complete.symbol), []).append((index, complete))
            for group in groups.values():
                answers = await self._submission.place_several([request for _, request in group])
                for answer in answers:
                    self._rules.heed(answer)
                outcomes |= {index: answer for (index, _), answer in zip(group, answers, strict=True)}
            return [outcomes[index] for index in range(len(requests))]

    async def resolve_order(
        self, client_order_id: str, *, symbol: str | None = None, timeout: float | None = None
    ) -> Order:
        self._require_not_closed()
        with correlation():
            record = self._tracker.find(client_order_id=client_order_id)
            if record is not None:
                return await self._submission.resolve(record, timeout)
            if symbol is None:
                raise OrderNotFoundException(
                    f"no order {client_order_id!r} is known here; give its symbol to ask the exchange",
                    self.exchange,
                    operation="resolve_order",
                )
            return await self.order(symbol, client_order_id=client_order_id)

    async def cancel_order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order:
        _one_of(order_id, client_order_id)
        with correlation():
            return await self._cancels.cancel(self._symbol(symbol), order_id, client_order_id)

    async def cancel_all_orders(
        self, symbol: str | None = None, *, everything: Literal[True] | None = None
    ) -> list[Order]:
        if (symbol is None) != (everything is True):
            raise ValueError("name the symbol, or say everything=True to cancel the orders of every symbol")
        with correlation():
            resting = await self.open_orders(symbol)
            symbols = {order.symbol for order in resting} if symbol is None else {self._symbol(symbol)}
            return await self._cancels.cancel_all(sorted(symbols), resting)

    async def amend_order(
        self,
        symbol: str,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
        price: Decimal | None = None,
        quantity: Decimal | None = None,
    ) -> Order:
        _one_of(order_id, client_order_id)
        if price is None and quantity is None:
            raise ValueError("give the price or the quantity that the order is to have")
        known = self._symbol(symbol)
        with correlation(), self._rules.doubted():
            order = self.tracked_order(order_id=order_id, client_order_id=client_order_id)
            if order is None:
                order = await self.order(known, order_id=order_id, client_order_id=client_order_id)
            if order.order_id:  # the exchange's own id is the one that it always knows
                order_id, client_order_id = order.order_id, None
            price, quantity = fitted_change(self._rest.instruments[known], order, price=price, quantity=quantity)
            try:
                changed = await self._entry(known).amend_order(
                    known, order_id=order_id, client_order_id=client_order_id, price=price, quantity=quantity
                )
            except UnknownOutcomeException:
                changed = await self._rest.order(known, order_id=order_id, client_order_id=client_order_id)
                if changed.price != (price or changed.price) or changed.quantity != (quantity or changed.quantity):
                    raise
            return self._tracker.on_order(changed).order

    async def order(self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None) -> Order:
        _one_of(order_id, client_order_id)
        with correlation():
            said = await self._rest.order(self._symbol(symbol), order_id=order_id, client_order_id=client_order_id)
            return self._tracker.on_order(said).order

    async def open_orders(self, symbol: str | None = None) -> list[Order]:
        self._require_not_closed()
        with correlation():
            listed = await self._rest.open_orders(None if symbol is None else self._symbol(symbol))
            known = [self._tracker.on_order(order).order for order in listed]
            return [order for order in known if not order.status.is_final]

    async def close_position(self, symbol: str, *, side: PositionSide = PositionSide.BOTH) -> Order:
        known = self._symbol(symbol)
        for position in await self._rest.positions():
            if position.symbol == known and position.side is side and position.quantity:
                closing = Side.SELL if position.quantity > 0 else Side.BUY
                request = OrderRequest(
                    symbol=known, side=closing, order_type=OrderType.MARKET, close_position=True, position_side=side
                )
                return await self.place_order(request)
        raise InvalidOrderException(
            f"not sent: there is no {side} position of {known}",
            self.exchange,
            operation="close_position",
            rule="a position must be open to be closed",
        )

    def tracked_order(self, *, order_id: str | None = None, client_order_id: str | None = None) -> Order | None:
        record = self._tracker.find(order_id=order_id, client_order_id=client_order_id)
        return None if record is None else record.order

    # ---- streams ---------------------------------------------------------------------------------------------------

    def orders(self) -> AsyncGenerator[Order, None]:
        return self._read(self._outlets.orders, PrivateChannel.ORDERS)

    def fills(self) -> AsyncGenerator[Fill, None]:
        return self._read(self._outlets.fills, PrivateChannel.FILLS)

    def balance_updates(self) -> AsyncGenerator[Balance, None]:
        return self._read(self._outlets.balances, PrivateChannel.BALANCES)

    def position_updates(self) -> AsyncGenerator[Position, None]:
        return self._read(self._outlets.positions, PrivateChannel.POSITIONS)

    async def _read(
        self, stream: Fanout[PrivateChannel, T] | Latest[T], channel: PrivateChannel
    ) -> AsyncGenerator[T, None]:
        self._require_not_closed()
        if not any(channel in self._websocket.offers(market) for market in self._rest.markets):
            raise not_offered(self.exchange, f"a private stream of {channel}", operation="subscribe")
        with stream.reading() as reader:
            try:
                await self.subscribe()
            except ExchangeException:
                if not self._is_closed:
                    raise
            async for item in reader:
                yield item

    # ---- what happens ----------------------------------------------------------------------------------------------

    def _tracker_takes(self, order: Order) -> None:
        self._recovery.touched(order.symbol)
        self._tracker.on_order(order)

    def _tracker_counts(self, fill: Fill) -> None:
        self._recovery.touched(fill.symbol)
        self._tracker.on_fill(fill)

    def _on_event(self, event: ExchangeEvent) -> None:
        if isinstance(event, PrivateInterrupted):
            self._recovery.interrupted(event)
        self._listeners.tell(event)
        if isinstance(event, PrivateResubscribed) and not self._is_closed:
            self._recovery.resubscribed(event)

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _streams(self) -> tuple[PrivateStream, ...]:
        return tuple(
            PrivateStream(channel, market)
            for market in self._rest.markets
            for channel in self._websocket.offers(market)
        )

    def _completed(self, request: OrderRequest) -> OrderRequest:
        return completed(request, self._rest.instruments[self._symbol(request.symbol)], self._rest)

    def _entry(self, symbol: Symbol) -> OrderEntry:
        road = self._orders_road
        return road if road is not None and road.serves(symbol.market_type) else self._rest


def _one_of(order_id: str | None, client_order_id: str | None) -> None:
    if (order_id is None) == (client_order_id is None):
        raise ValueError("give exactly one of order_id and client_order_id")
