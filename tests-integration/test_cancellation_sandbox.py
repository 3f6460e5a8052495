"""Whatever is awaited is cancelled wherever it can be: nothing is left behind, and no order is forgotten."""

from __future__ import annotations

import asyncio
import gc
import random
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import aiohttp
import pytest

from account_clients import account_client
from cex.common import Order, OrderRequest, Symbol
from cex.common.clock import ManualClock
from cex.common.enums import OrderStatus, OrderType, Side
from cex.common.exceptions import ExchangeConnectionException, ExchangeException, ExchangeRejectedException
from cex.exchanges.base.private import ComposedPrivateExchange
from cex.sandbox import DEFAULT_LISTINGS, Sandbox
from cex.sandbox.virtual import run_virtual
from order_record import Truth

SPOT, PERPETUAL = Symbol("SOL/USDT"), Symbol("ETH/USDT:USDT")
ROADS = {
    "mexc": ("mexc", "rest", SPOT),
    "gateio": ("gateio", "rest", SPOT),
    "gateio futures": ("gateio", "rest", PERPETUAL),
    "gateio websocket": ("gateio", "websocket", SPOT),
}
LISTED = ("SOL/USDT", "ETH/USDT", "ETH/USDT:USDT")
MOST_TURNS = 2_000
FAST_TURNS = 25
CLOSED_WITHIN_S = 1.0


class WatchedSandbox(Sandbox):
    """One that knows every connector that it gave out."""

    connectors: list[aiohttp.BaseConnector]

    def connector(self) -> aiohttp.BaseConnector:
        made = super().connector()
        self.connectors.append(made)
        return made


@dataclass
class Place:
    """A sandbox, what it knows, and how an account of it is reached."""

    sandbox: WatchedSandbox
    clock: ManualClock
    venue: str
    road: str
    symbol: Symbol
    truth: Truth
    complaints: list[str]
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    rng: random.Random = field(default_factory=lambda: random.Random(3))

    def account(self) -> ComposedPrivateExchange:
        return account_client(self.venue, self.sandbox, clock=self.clock, rng=self.rng, order_entry=self.road)

    def order(self, **changes: Any) -> OrderRequest:
        price = Decimal(self.sandbox.truth(self.venue, self.symbol).bids[0][0]) * Decimal("0.9")
        facts: dict[str, Any] = {
            "symbol": self.symbol,
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "quantity": Decimal(50) / price if self.symbol is SPOT else Decimal("0.02"),
            "price": price,
            "client_order_id": f"t-{self.rng.getrandbits(64):016x}",
        }
        return OrderRequest(**(facts | changes))

    def there(self, request: OrderRequest) -> int:
        """How many orders the venue has of a request."""
        return len(self.truth.orders.get(str(request.client_order_id), {}))

    async def left(self) -> list[str]:
        """Tasks, sockets and sessions that an account has left behind."""
        for _ in range(20):
            await asyncio.sleep(0)
        tasks = asyncio.all_tasks() - self.tasks - {asyncio.current_task()}
        mine = [task for task in tasks if not repr(task.get_coro()).startswith("<coroutine object RequestHandler")]
        open_ones = [connector for connector in self.sandbox.connectors if not connector.closed]
        sockets = self.sandbox.connections[self.venue]
        self.sandbox.connectors.clear()
        await asyncio.sleep(10)  # the venue's windows end, so that what comes next is not held up
        return [*map(repr, mine), *map(repr, open_ones), *([f"{sockets} websockets"] if sockets else [])]


@contextmanager
def nothing_complains(complaints: list[str]) -> Iterator[None]:
    """Collects what the loop, the garbage collector and aiohttp would print about something forgotten."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield
        gc.collect()
    complaints += [str(one.message) for one in told]


@asynccontextmanager
async def place(road: str, clock: ManualClock) -> AsyncIterator[Place]:
    venue, entry, symbol = ROADS[road]
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(repr(context)))
    listings = [listing for listing in DEFAULT_LISTINGS if str(listing.symbol) in LISTED]
    sandbox = WatchedSandbox(seed=3, sockets=False, listings=listings, tick=1.0, history=100, clock=clock)
    sandbox.connectors = []
    truth, desks, uid = Truth(venue), sandbox.desks[venue], sandbox.credentials[venue].uid
    desks.spot.listen(uid, truth.hear)
    if desks.futures is not None:
        desks.futures.listen(uid, truth.hear)
    with nothing_complains(complaints):
        async with sandbox:
            one = Place(sandbox, clock, venue, entry, symbol, truth, complaints)
            one.tasks = asyncio.all_tasks()
            yield one
    assert complaints == []


def at(road: str, work: Callable[[Place], Awaitable[None]]) -> None:
    async def run(clock: ManualClock) -> None:
        async with place(road, clock) as one:
            await work(one)

    run_virtual(run, start_ns=1_790_000_000_000_000_000)


async def cancelled_after(turns: int, work: Coroutine[Any, Any, Any]) -> bool:
    """Cancel after so many turns of the loop, some of which take time; whether it was still running.

    What it raises otherwise is raised.
    """
    task = asyncio.get_running_loop().create_task(work, name="to be cancelled")
    for turn in range(1, turns + 1):
        if task.done():
            break
        await asyncio.sleep(0 if turn % FAST_TURNS else 0.02)
    was_running = task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()
    return was_running


async def sweep(work: Callable[[], Coroutine[Any, Any, Any]], after: Callable[[], Awaitable[None]]) -> int:
    """Cancel ``work`` after 0, 1, 2... turns until it ends before, with ``after`` following each; how many."""
    for turns in range(MOST_TURNS):
        was_running = await cancelled_after(turns, work())
        await after()
        if not was_running:
            return turns
    raise AssertionError("it does not come to an end")


async def closed_in_time(one: Place, exchange: ComposedPrivateExchange) -> None:
    began = one.clock.monotonic_ns()
    await exchange.aclose()
    assert (one.clock.monotonic_ns() - began) / 1e9 <= CLOSED_WITHIN_S
    assert await one.left() == []


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("streams", [True, False], ids=["streams", "no streams"])
def test_a_placement_that_is_cancelled_is_found_out(road: str, streams: bool) -> None:
    async def work(one: Place) -> None:
        exchange = one.account()
        await exchange.open()
        if streams:
            await exchange.subscribe()
        asked: list[OrderRequest] = []

        async def placing() -> Order:
            asked.append(one.order())
            return await exchange.place_order(asked[-1])

        async def found_out() -> None:
            request = asked.pop() if asked else None
            if request is None:
                return  # it never began
            known = exchange.tracked_order(client_order_id=request.client_order_id)
            assert known is not None, "forgotten"
            try:
                order = await exchange.resolve_order(str(request.client_order_id))
            except ExchangeRejectedException:
                assert one.there(request) == 0
            else:
                assert one.there(request) == 1
                assert (await exchange.cancel_order(one.symbol, order_id=order.order_id)).status.is_final

        points = await sweep(placing, found_out)
        assert points > 5
        assert exchange.health().unknown == 0
        await closed_in_time(one, exchange)

    at(road, work)


@pytest.mark.parametrize("road", ROADS)
def test_a_batch_that_is_cancelled_is_found_out(road: str) -> None:
    async def work(one: Place) -> None:
        exchange = one.account()
        await exchange.open()
        asked: list[OrderRequest] = []

        async def placing() -> None:
            asked[:] = [one.order() for _ in range(3)]
            await exchange.place_orders(asked)

        async def found_out() -> None:
            for request in asked:
                try:
                    await exchange.resolve_order(str(request.client_order_id))
                except ExchangeRejectedException:
                    assert one.there(request) == 0
                else:
                    assert one.there(request) == 1
            asked.clear()
            await exchange.cancel_all_orders(one.symbol)

        assert await sweep(placing, found_out) > 5
        await closed_in_time(one, exchange)

    at(road, work)


@pytest.mark.parametrize("road", ROADS)
def test_a_cancel_that_is_cancelled_can_be_repeated(road: str) -> None:
    async def work(one: Place) -> None:
        exchange = one.account()
        await exchange.open()
        await exchange.subscribe()
        order = await exchange.place_order(one.order())

        async def again() -> None:
            nonlocal order
            ended = await exchange.cancel_order(one.symbol, order_id=order.order_id)
            assert (ended.status, ended.filled) == (OrderStatus.CANCELED, Decimal(0))
            order = await exchange.place_order(one.order())

        points = await sweep(lambda: exchange.cancel_order(one.symbol, order_id=order.order_id), again)
        assert points > 5
        assert await sweep(lambda: exchange.cancel_all_orders(one.symbol), again) > 5
        await closed_in_time(one, exchange)

    at(road, work)


@pytest.mark.parametrize("road", [road for road in ROADS if road != "mexc"])
def test_a_change_that_is_cancelled_was_made_or_not(road: str) -> None:
    async def work(one: Place) -> None:
        exchange = one.account()
        await exchange.open()
        await exchange.subscribe()
        order = await exchange.place_order(one.order())
        assert order.price is not None
        prices = [order.price, order.price - 1]

        async def asked() -> None:
            told = await exchange.order(one.symbol, order_id=order.order_id)
            await asyncio.sleep(1)
            tracked = exchange.tracked_order(order_id=order.order_id)
            assert tracked is not None
            assert tracked.price == told.price
            assert told.price in prices
            prices.reverse()

        points = await sweep(lambda: exchange.amend_order(one.symbol, order_id=order.order_id, price=prices[1]), asked)
        assert points > 5
        await closed_in_time(one, exchange)

    at(road, work)


QUERIES: dict[str, Callable[[ComposedPrivateExchange, Symbol], Coroutine[Any, Any, Any]]] = {
    "balances": lambda exchange, symbol: exchange.balances(),
    "open orders": lambda exchange, symbol: exchange.open_orders(),
    "fees": lambda exchange, symbol: exchange.fees(symbol),
    "history": lambda exchange, symbol: exchange.fill_history(symbol, 1_789_999_000 * 10**9, 1_790_001_000 * 10**9),
    "server time": lambda exchange, symbol: exchange.server_time(),
}


@pytest.mark.parametrize("road", ["mexc", "gateio"])
def test_queries(road: str) -> None:
    async def work(one: Place) -> None:
        exchange = one.account()
        await exchange.open()
        for query in QUERIES.values():
            asked = partial(query, exchange, one.symbol)

            async def still_works(asked: Callable[[], Awaitable[Any]] = asked) -> None:
                await asked()

            assert await sweep(asked, still_works) > 3
        await closed_in_time(one, exchange)

    at(road, work)


@pytest.mark.parametrize("road", ["mexc", "gateio websocket"])
def test_opening(road: str) -> None:
    async def work(one: Place) -> None:
        exchanges: list[ComposedPrivateExchange] = []

        async def opening() -> None:
            exchanges.append(one.account())
            await exchanges[-1].open()

        async def opened_again() -> None:
            if exchanges:
                await exchanges[-1].open()
                await closed_in_time(one, exchanges.pop())

        assert await sweep(opening, opened_again) > 5

    at(road, work)


@pytest.mark.parametrize("road", ["mexc", "gateio websocket"])
@pytest.mark.parametrize("then", ["closed", "again"])
def test_subscribing(road: str, then: str) -> None:
    async def work(one: Place) -> None:
        exchange: ComposedPrivateExchange | None = None

        async def subscribing() -> None:
            nonlocal exchange
            exchange = one.account()
            await exchange.open()
            await exchange.subscribe()

        async def afterwards() -> None:
            nonlocal exchange
            if exchange is None:
                return
            if then == "again":
                await exchange.open()
                await exchange.subscribe()
                assert exchange.is_whole
                order = await exchange.place_order(one.order())
                assert (await exchange.cancel_order(one.symbol, order_id=order.order_id)).status.is_final
            await closed_in_time(one, exchange)
            exchange = None

        assert await sweep(subscribing, afterwards) > 20

    at(road, work)


@pytest.mark.parametrize("road", ["mexc", "gateio"])
def test_reading(road: str) -> None:
    async def work(one: Place) -> None:
        exchange = one.account()
        await exchange.open()

        async def reading(stream: str) -> None:
            async for _ in getattr(exchange, stream)():
                return

        def readers() -> int:
            return sum(told.readers for told in exchange.health().private_streams)

        for stream in ("orders", "fills", "balance_updates"):
            for turns in (*range(0, 200, 3), 400):
                await cancelled_after(turns, reading(stream))
                assert readers() == 0
            assert exchange.is_whole
            iterator = getattr(exchange, stream)()
            waiting = asyncio.ensure_future(anext(iterator))
            await asyncio.sleep(1)
            await exchange.place_order(one.order(order_type=OrderType.MARKET, side=Side.SELL, price=None))
            assert await waiting is not None
            await iterator.aclose()
            assert readers() == 0
        await closed_in_time(one, exchange)

    at(road, work)


@pytest.mark.parametrize("road", ["mexc", "gateio", "gateio websocket"])
def test_closing(road: str) -> None:
    async def work(one: Place) -> None:
        exchange: ComposedPrivateExchange | None = None

        async def prepared() -> ComposedPrivateExchange:
            made = one.account()
            await made.open()
            await made.subscribe()
            await made.place_order(one.order())
            return made

        for turns in range(MOST_TURNS):
            exchange = await prepared()
            was_running = await cancelled_after(turns, exchange.aclose())
            await closed_in_time(one, exchange)
            with pytest.raises(ExchangeConnectionException, match="was closed"):
                await exchange.balances()
            if not was_running:
                break
        assert turns > 3

    at(road, work)


@pytest.mark.parametrize("road", ROADS)
def test_closing_while_everything_is_under_way(road: str) -> None:
    async def work(one: Place) -> None:
        for turns in (*range(0, 40, 2), 60, 100, 200):
            exchange = one.account()
            await exchange.open()
            requests = [one.order() for _ in range(2)]
            under_way = [
                asyncio.ensure_future(work)
                for work in (
                    *(exchange.place_order(request) for request in requests),
                    exchange.place_orders([one.order(), one.order()]),
                    exchange.balances(),
                    anext(exchange.fills()),
                    exchange.cancel_order(one.symbol, order_id="123"),
                )
            ]
            for _ in range(turns):
                await asyncio.sleep(0)
            await closed_in_time_with(one, exchange, under_way)
            for request in requests:
                assert one.there(request) <= 1
            outcomes = [future.exception() for future in under_way if not future.cancelled()]
            assert all(isinstance(outcome, (ExchangeException, StopAsyncIteration, type(None))) for outcome in outcomes)

    at(road, work)


async def closed_in_time_with(
    one: Place, exchange: ComposedPrivateExchange, others: Sequence[asyncio.Future[Any]]
) -> None:
    """Close, and whoever waits for something hears of it within the same second."""
    began = one.clock.monotonic_ns()
    await exchange.aclose()
    await asyncio.wait(others)
    assert (one.clock.monotonic_ns() - began) / 1e9 <= CLOSED_WITHIN_S
    assert await one.left() == []
