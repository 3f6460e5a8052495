"""Virtual time for the tests of this package, and an account on a venue that exists in memory.

Timers fire at once and in order, and nothing may be left running.

``async def test_x(virtual_clock)`` runs on a loop whose time is that ManualClock. Nothing ready and no timer is a
deadlock and fails at once; so does whatever the loop's exception handler would have logged. ``cancel_everywhere``
runs a scenario once for each point at which it can be cancelled.
"""

from __future__ import annotations

import asyncio
import gc
import math
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any, cast

import pytest

from cex.common import Balance, Fill, Instrument, Order, OrderRequest, Position, Symbol, TradingFees
from cex.common.clock import ManualClock
from cex.common.correlation import new_random
from cex.common.enums import InstrumentStatus, MarketType, OrderStatus
from cex.common.exceptions import (
    DuplicateOrderException,
    OrderFinishedException,
    OrderNotFoundException,
    UnknownOutcomeException,
)
from cex.exchanges.base import ComposedPrivateExchange, InstrumentCatalogue
from cex.exchanges.base.interfaces import (
    BasePrivateRestClient,
    BasePrivateWebSocketClient,
    PrivateChannel,
    PrivateHandlers,
    PrivateInterrupted,
    PrivateResubscribed,
    PrivateStream,
)

Scenario = Callable[[ManualClock], AbstractAsyncContextManager[Coroutine[Any, Any, object]]]


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("deadlock: nothing is ready and no timer is set")
        if not ready and timeout:
            self._clock.advance(math.ceil(timeout * 1e9) / 1e9)
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = ManualClock()
        super().__init__(_JumpingSelector(self.clock))

    def time(self) -> float:
        return self.clock.monotonic_ns() / 1e9


class _CancelledAt:
    """Awaits ``work`` and cancels the task that does so when it is suspended for the ``point``-th time."""

    def __init__(self, work: Coroutine[Any, Any, object], point: int) -> None:
        self._work = work
        self._point = point
        self.was_cancelled = False

    def __await__(self) -> Generator[Any, None, None]:
        inner = self._work.__await__()
        resume: Callable[[], Any] = partial(next, inner)
        for suspended in count(1):
            try:
                waited_for = resume()
            except StopIteration:
                return
            if suspended == self._point:
                task = asyncio.current_task()
                assert task is not None
                self.was_cancelled = True
                asyncio.get_running_loop().call_soon(task.cancel)
            try:
                yield waited_for
            except BaseException as error:  # noqa: BLE001 (handed on to the work)
                resume = partial(inner.throw, error)
            else:
                resume = partial(next, inner)


def _others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


@contextmanager
def _nothing_to_complain() -> Iterator[ManualClock]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, _VirtualLoop)
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    yield loop.clock
    gc.collect()
    assert not _others(), f"tasks left behind: {_others()}"
    assert not complaints, complaints


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give a test the virtual loop exactly when it asks for virtual time."""
    virtual = "virtual_clock" in getattr(item, "fixturenames", ())
    return {"virtual": _VirtualLoop} if virtual else {"real": asyncio.new_event_loop}


@pytest.fixture
async def virtual_clock() -> AsyncIterator[ManualClock]:
    with _nothing_to_complain() as clock:
        yield clock


@pytest.fixture(scope="session")
def in_virtual_time() -> Callable[[Callable[[ManualClock], Coroutine[Any, Any, None]]], None]:
    """``in_virtual_time(scenario)`` runs ``scenario(clock)`` on a virtual loop of its own, for each example anew."""

    def run(scenario: Callable[[ManualClock], Coroutine[Any, Any, None]]) -> None:
        async def checked() -> None:
            with _nothing_to_complain() as clock:
                await scenario(clock)

        with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
            runner.run(checked())

    return run


@pytest.fixture
def cancel_everywhere() -> Callable[[Scenario], int]:
    """``cancel_everywhere(scenario)``: ``scenario(clock)`` is an async context manager that yields what to cancel.

    Returns the number of points at which it was cancelled; after each, the context is left and no task may remain.
    """

    async def once(scenario: Scenario, point: int) -> bool:
        with _nothing_to_complain() as clock:
            async with scenario(clock) as work:
                awaited = _CancelledAt(work, point)

                async def victim() -> None:
                    await awaited

                task = asyncio.get_running_loop().create_task(victim())
                await asyncio.wait({task})
                if not task.cancelled():
                    task.result()
            return awaited.was_cancelled

    def sweep(scenario: Scenario) -> int:
        point = 1
        while True:
            with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
                if not runner.run(once(scenario, point)):
                    return point - 1
            point += 1

    return sweep


# ---- an account on a venue that exists in memory -------------------------------------------------------------------

BTC = Symbol("BTC/USDT")
PERPETUAL = Symbol("BTC/USDT:USDT")


def instrument(symbol: Symbol, **facts: Any) -> Instrument:
    listed: dict[str, Any] = {
        "symbol": symbol,
        "exchange": "venue",
        "exchange_symbol": "BTC_USDT",
        "status": InstrumentStatus.TRADING,
        "tick": Decimal("0.1"),
        "step": Decimal("0.001"),
        "min_quantity": Decimal("0.001"),
        "min_notional": Decimal(1),
    }
    return Instrument(**listed | facts)


class Venue:
    """What is true at the exchange, and what happens to requests and pushes on their way.

    ``faults[operation]`` is a list of what becomes of the next calls: ``"lost"`` (it never arrives), ``"unanswered"``
    (it takes effect), ``"late"`` (it takes effect ``late_s`` later), an exception (raised), or None.
    """

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.trip_s = 0.01
        self.late_s = 3.0
        self.offset_ns = 0
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.balances = [Balance(currency="USDT", free=Decimal(1000))]
        self.positions: list[Position] = []
        self.asked: list[str] = []
        self.fills_from: list[int] = []
        self.faults: dict[str, list[Any]] = {}
        self.handlers: PrivateHandlers | None = None
        self.drop = 0
        self.silent_answers = False
        self.after_accept: Callable[[Order, OrderRequest], None] | None = None
        self.before_cancel: Callable[[str], None] | None = None
        self.closed: list[str] = []
        self.numbers = count(1)
        self._ids = count(1)
        self._trades = count(1)
        self._late: set[asyncio.Task[None]] = set()

    def now(self) -> int:
        return self.clock.time_ns() + self.offset_ns

    async def travel(self, operation: str, effect: Callable[[], Any]) -> Any:
        self.asked.append(operation)
        waiting = self.faults.get(operation) or [None]
        fault = waiting.pop(0)
        await asyncio.sleep(self.trip_s)
        if isinstance(fault, Exception):
            raise fault
        sent_ts = self.now()
        if fault == "late":
            task = asyncio.get_running_loop().create_task(self._later(effect))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        result = effect() if fault in (None, "unanswered") else None
        if fault is not None:
            raise UnknownOutcomeException(fault, "venue", operation=operation, sent_ts=sent_ts)
        await asyncio.sleep(self.trip_s)
        return result

    async def _later(self, effect: Callable[[], Any]) -> None:
        await asyncio.sleep(self.late_s)
        effect()

    # ---- the venue's own doings ----

    def accept(self, request: OrderRequest) -> Order:
        if any(order.client_order_id == request.client_order_id for order in self.orders.values()):
            raise DuplicateOrderException("there is one already", "venue", exchange_code="DUP")
        order = Order(
            symbol=request.symbol,
            order_id=str(next(self._ids)),
            client_order_id=request.client_order_id,
            side=request.side,
            order_type=request.order_type,
            status=OrderStatus.NEW,
            quantity=request.quantity,
            price=request.price,
            created_ts=self.now(),
            updated_ts=self.now(),
        )
        self._put(order)
        if self.after_accept is not None:
            self.after_accept(order, request)
        return self.orders[order.order_id]

    def trade(self, order_id: str, quantity: str, price: str, fee: str = "0.01") -> Fill:
        order = self.orders[order_id]
        fill = Fill(
            symbol=order.symbol,
            trade_id=f"t{next(self._trades)}",
            order_id=order_id,
            client_order_id=order.client_order_id,
            side=order.side,
            price=Decimal(price),
            quantity=Decimal(quantity),
            fee=Decimal(fee),
            fee_currency="USDT",
            liquidity=None,
            exchange_ts=self.now(),
        )
        self.fills.append(fill)
        filled = order.filled + fill.quantity
        done = filled == order.quantity
        self.push("fill", fill)
        self._put(
            order.replaced(
                filled=filled,
                status=OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED,
                updated_ts=self.now(),
            )
        )
        return fill

    def cancel(self, order_id: str) -> Order:
        if self.before_cancel is not None:
            self.before_cancel(order_id)
        order = self.orders[order_id]
        if order.status.is_final:
            raise OrderFinishedException("too late", "venue", exchange_code="CLOSED")
        self._put(order.replaced(status=OrderStatus.CANCELED, updated_ts=self.now()))
        return self.orders[order_id]

    def push(self, kind: str, item: Any) -> None:
        if self.drop:
            self.drop -= 1
        elif self.handlers is not None:
            getattr(self.handlers, f"on_{kind}")(item)

    def _put(self, order: Order) -> None:
        self.orders[order.order_id] = order
        self.push("order", order)

    def by(self, order_id: str | None, client_order_id: str | None) -> Order:
        for order in self.orders.values():
            if order.order_id == order_id or (client_order_id and order.client_order_id == client_order_id):
                return order
        raise OrderNotFoundException(
            "no such order", "venue", exchange_code="NONE", operation="order", endpoint="GET /order"
        )


class VenueRest(BasePrivateRestClient):
    exchange = "venue"
    account = "default"
    order_validity_s = 5.0

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.instruments = InstrumentCatalogue("venue")
        self.markets = (MarketType.SPOT,)

    def new_client_order_id(self) -> str:
        return f"id-{next(self.venue.numbers)}"

    def check_client_order_id(self, text: str) -> None:
        if not text.isascii() or " " in text:
            raise ValueError("a client order id is made of plain letters")

    async def load_instruments(self) -> InstrumentCatalogue:
        listed = [instrument(BTC), instrument(PERPETUAL)]
        await self.venue.travel("load_instruments", lambda: self.instruments.replace(listed))
        return self.instruments

    async def server_time(self) -> int:
        return cast("int", await self.venue.travel("server_time", self.venue.now))

    def exchange_now_ns(self) -> int:
        return self.venue.now()

    def budget_left(self) -> Mapping[str, int]:
        return {"uid": 10_000 - len(self.venue.asked)}

    async def balances(self, market: MarketType | None = None) -> list[Balance]:
        return cast("list[Balance]", await self.venue.travel("balances", lambda: list(self.venue.balances)))

    async def positions(self) -> list[Position]:
        return cast("list[Position]", await self.venue.travel("positions", lambda: list(self.venue.positions)))

    async def fees(self, symbol: str) -> TradingFees:
        fees = TradingFees(symbol=BTC, maker=Decimal("0.001"), taker=Decimal("0.002"))
        return cast("TradingFees", await self.venue.travel("fees", lambda: fees))

    async def place_order(self, request: OrderRequest) -> Order:
        return cast("Order", await self.venue.travel("place_order", lambda: self.venue.accept(request)))

    async def cancel_order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order | None:
        def effect() -> Order | None:
            ended = self.venue.cancel(self.venue.by(order_id, client_order_id).order_id)
            return None if self.venue.silent_answers else ended

        return cast("Order | None", await self.venue.travel("cancel_order", effect))

    async def cancel_all_orders(self, symbol: str) -> list[Order]:
        def effect() -> list[Order]:
            resting = [order for order in self.venue.orders.values() if not order.status.is_final]
            return [self.venue.cancel(order.order_id) for order in resting if order.symbol == symbol]

        return cast("list[Order]", await self.venue.travel("cancel_all_orders", effect))

    async def amend_order(
        self,
        symbol: str,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
        price: Decimal | None = None,
        quantity: Decimal | None = None,
    ) -> Order:
        def effect() -> Order:
            order = self.venue.by(order_id, client_order_id)
            changed = order.replaced(
                price=price or order.price, quantity=quantity or order.quantity, updated_ts=self.venue.now()
            )
            self.venue._put(changed)
            return changed

        return cast("Order", await self.venue.travel("amend_order", effect))

    async def order(self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None) -> Order:
        return cast("Order", await self.venue.travel("order", lambda: self.venue.by(order_id, client_order_id)))

    async def open_orders(self, symbol: str | None = None) -> list[Order]:
        def effect() -> list[Order]:
            return [
                order
                for order in self.venue.orders.values()
                if not order.status.is_final and symbol in (None, order.symbol)
            ]

        return cast("list[Order]", await self.venue.travel("open_orders", effect))

    async def order_history(self, symbol: str, start_ts: int, end_ts: int) -> list[Order]:
        return cast(
            "list[Order]",
            await self.venue.travel(
                "order_history", lambda: [order for order in self.venue.orders.values() if order.status.is_final]
            ),
        )

    async def fills(self, symbol: str | None, start_ts: int, end_ts: int, *, order_id: str | None = None) -> list[Fill]:
        if order_id is None:
            self.venue.fills_from.append(start_ts)

        def effect() -> list[Fill]:
            return [
                fill
                for fill in self.venue.fills
                if start_ts <= fill.exchange_ts < end_ts
                and symbol in (None, fill.symbol)
                and order_id in (None, fill.order_id)
            ]

        return cast("list[Fill]", await self.venue.travel("fills", effect))

    async def aclose(self) -> None:
        self.venue.closed.append("rest")


class VenueWebSocket(BasePrivateWebSocketClient):
    exchange = "venue"
    account = "default"

    def __init__(self, venue: Venue, channels: Sequence[PrivateChannel] = tuple(PrivateChannel)) -> None:
        self.venue = venue
        self.channels = tuple(channels)
        self.wanted: tuple[PrivateStream, ...] = ()
        self.verified = 0
        self._handlers: PrivateHandlers | None = None

    def offers(self, market: MarketType) -> tuple[PrivateChannel, ...]:
        return self.channels

    def attach(self, instruments: InstrumentCatalogue, handlers: PrivateHandlers) -> None:
        self._handlers = handlers

    async def subscribe(self, streams: Sequence[PrivateStream]) -> None:
        await self.venue.travel("subscribe", lambda: None)
        self.wanted = tuple(streams)
        self.venue.handlers = self._handlers

    async def unsubscribe(self, streams: Sequence[PrivateStream]) -> None:
        self.wanted = ()

    def last_heard_ns(self, stream: PrivateStream) -> int | None:
        return None

    async def verify(self) -> None:
        self.verified += 1

    def health(self) -> tuple[Any, ...]:
        return ()

    async def aclose(self) -> None:
        self.venue.closed.append("websocket")
        self.venue.handlers = None

    def lose(self, heard_ns: int | None = None) -> None:
        """The connection breaks: nothing is heard any more."""
        self.venue.handlers = None
        self._tell(PrivateInterrupted, reason="lost", heard_ns=heard_ns)

    def restore(self) -> None:
        self.venue.handlers = self._handlers
        self._tell(PrivateResubscribed)

    def _tell(self, event: Any, **facts: Any) -> None:
        assert self._handlers is not None
        at_ns = self.venue.clock.time_ns()
        told = event(exchange="venue", account="default", at_ns=at_ns, connection=1, streams=self.wanted, **facts)
        self._handlers.on_event(told)


@pytest.fixture
def make_venue() -> type[Venue]:
    """``make_venue(clock)``: an account on a venue in memory."""
    return Venue


@pytest.fixture
def make_rest() -> type[VenueRest]:
    """``make_rest(venue)``: its private REST client."""
    return VenueRest


@pytest.fixture
def make_websocket() -> type[VenueWebSocket]:
    """``make_websocket(venue)``: its private websocket client, with ``lose()`` and ``restore()``."""
    return VenueWebSocket


@pytest.fixture
def make_account() -> Callable[..., tuple[Venue, VenueRest, VenueWebSocket, ComposedPrivateExchange]]:
    """``make_account(clock, **options)``: a venue, its clients, and the exchange made of them."""

    def make(clock: ManualClock, **options: Any) -> tuple[Venue, VenueRest, VenueWebSocket, ComposedPrivateExchange]:
        venue = Venue(clock)
        rest, websocket = VenueRest(venue), VenueWebSocket(venue)
        exchange = ComposedPrivateExchange(
            rest_client=rest,
            websocket_client=websocket,
            owns_rest=True,
            owns_websocket=True,
            clock=clock,
            rng=new_random(1),
            **options,
        )
        return venue, rest, websocket, exchange

    return make
