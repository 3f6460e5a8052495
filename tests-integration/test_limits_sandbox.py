"""Many clients of one address under load, an exchange that lies about its limits, and what its own counters saw."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from account_clients import TIMEOUTS, RestClients, account_client, account_rest
from cex.common import Order, OrderRequest, Symbol
from cex.common.clock import ManualClock
from cex.common.enums import OrderType, Side
from cex.common.exceptions import ExchangeException, RateLimitException, UnknownOutcomeException
from cex.exchanges.gateio import GateioRestClient
from cex.exchanges.gateio.rest.connection import public_limiter as gateio_limiter
from cex.exchanges.mexc import MexcRestClient
from cex.exchanges.mexc.rest.connection import account_limiter as mexc_limiter
from cex.networking import AiohttpTransport, RateLimiter
from cex.sandbox import DEFAULT_LISTINGS, AccountPlan, GateioOptions, MexcOptions, Sandbox
from cex.sandbox.virtual import run_virtual

SYMBOL, PERPETUAL = Symbol("SOL/USDT"), Symbol("ETH/USDT:USDT")
LISTED = ("SOL/USDT", "ETH/USDT", "ETH/USDT:USDT")
VENUES = ("mexc", "gateio")
NS = 10**9
PublicClients = MexcRestClient | GateioRestClient


@dataclass
class Crowd:
    """Clients that share one budget: of two accounts, twice the first, and two without an account."""

    sandbox: Sandbox
    clock: ManualClock
    venue: str
    limiter: RateLimiter
    ours: tuple[RestClients, RestClients]
    other: RestClients
    public: tuple[PublicClients, PublicClients]

    @property
    def private(self) -> tuple[RestClients, ...]:
        return (*self.ours, self.other)

    def requests(self, *, status: int | None = None) -> list[dict[str, Any]]:
        """What the venue took down."""
        told = self.sandbox.journal.entries()
        return [one for one in told if one["event"] == "request" and status in (None, one["status"])]

    def order(self, symbol: Symbol = SYMBOL, times: str = "0.9") -> OrderRequest:
        price = Decimal(self.sandbox.truth(self.venue, symbol).bids[0][0]) * Decimal(times)
        listed = self.ours[0].instruments[symbol]
        return OrderRequest(
            symbol=symbol,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=listed.round_quantity(Decimal(100) / price),
            price=listed.round_price(price, Side.BUY),
            client_order_id=self.ours[0].new_client_order_id(),
        )


@asynccontextmanager
async def crowded(venue: str, clock: ManualClock, **options: Any) -> AsyncIterator[Crowd]:
    listings = [listing for listing in DEFAULT_LISTINGS if str(listing.symbol) in LISTED]
    second = AccountPlan(venue=venue, name="second")
    rng = random.Random(4)
    limiter = mexc_limiter("account", clock, rng) if venue == "mexc" else gateio_limiter(clock, rng)
    if venue == "mexc":
        from cex.exchanges.mexc.rest.connection import add_account_pools

        add_account_pools(limiter, "second")
    async with Sandbox(
        seed=3,
        sockets=False,
        listings=listings,
        tick=1.0,
        history=100,
        clock=clock,
        accounts=[AccountPlan(venue=venue, name="main"), second],
        mexc=MexcOptions(**options if venue == "mexc" else {}),
        gateio=GateioOptions(**options if venue == "gateio" else {}),
    ) as sandbox:

        def account(name: str, scope: str) -> RestClients:
            return account_rest(venue, sandbox, clock=clock, rng=rng, account=name, limiter=limiter, scope=scope)

        def public() -> PublicClients:
            kind = MexcRestClient if venue == "mexc" else GateioRestClient
            return kind(
                sandbox.endpoints[venue]["rest"],
                transport=AiohttpTransport(connector=sandbox.connector),
                owns_transport=True,
                limiter=limiter,
                timeouts=TIMEOUTS,
                clock=clock,
                rng=rng,
            )

        crowd = Crowd(
            sandbox,
            clock,
            venue,
            limiter,
            (account("main", "account"), account("main", "account")),
            account("second", "second"),
            (public(), public()),
        )
        for client in (*crowd.private, *crowd.public):
            await client.load_instruments()
            await client.server_time()  # which otherwise is asked for before the first signature
        await asyncio.sleep(11)
        try:
            yield crowd
        finally:
            for client in (*crowd.private, *crowd.public):
                await client.aclose()


def among(venue: str, work: Callable[[Crowd], Awaitable[None]], **options: Any) -> None:
    async def run(clock: ManualClock) -> None:
        async with crowded(venue, clock, **options) as crowd:
            await work(crowd)

    run_virtual(run, start_ns=1_790_000_000_000_000_000)


async def load(crowd: Crowd, seconds: float, workers: int = 6) -> dict[str, int]:
    """Let every client ask as fast as it gets through; what became of it by kind of error, "" for a success."""
    until_ns = crowd.clock.monotonic_ns() + round(seconds * NS)
    rng, outcomes = random.Random(8), dict.fromkeys(("", "RateLimitException"), 0)

    async def traded(client: RestClients) -> None:
        request = crowd.order()
        placed = await client.place_order(request)
        await client.cancel_order(SYMBOL, order_id=placed.order_id)

    async def batched(client: RestClients) -> None:
        await client.place_orders([crowd.order(), crowd.order(times="0.8")])

    async def ask(deeds: list[Callable[[], Awaitable[object]]]) -> None:
        while crowd.clock.monotonic_ns() < until_ns:
            try:
                await rng.choice(deeds)()
                outcomes[""] += 1
            except ExchangeException as error:
                name = type(error).__name__
                outcomes[name] = outcomes.get(name, 0) + 1
                await asyncio.sleep(0.2)

    async with asyncio.TaskGroup() as group:
        for client in crowd.private:
            private: list[Callable[[], Awaitable[object]]] = [
                client.balances,
                client.open_orders,
                partial(client.fees, SYMBOL),
                partial(traded, client),
                partial(traded, client),
                partial(batched, client),
                partial(client.cancel_all_orders, SYMBOL),
            ]
            for _ in range(workers):
                group.create_task(ask(private))
        for asker in crowd.public:
            public: list[Callable[[], Awaitable[object]]] = [
                partial(asker.order_book_snapshot, SYMBOL),
                partial(asker.recent_trades, SYMBOL),
                asker.server_time,
            ]
            for _ in range(workers):
                group.create_task(ask(public))
    return outcomes


# ---- nobody is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("venue", VENUES)
def test_no_counter_of_the_exchange_is_ever_exceeded(venue: str) -> None:
    async def work(crowd: Crowd) -> None:
        outcomes = await load(crowd, 25 if venue == "mexc" else 12)
        assert outcomes[""] > 150
        assert crowd.requests(status=429) == crowd.requests(status=403) == crowd.requests(status=418) == []

    among(venue, work)


def test_the_guard_in_front_of_mexc_never_wakes() -> None:
    """It shuts an address out after a burst, and bans it after a few refusals."""

    async def work(crowd: Crowd) -> None:
        outcomes = await load(crowd, 30)
        assert outcomes[""] > 150
        assert {one["status"] for one in crowd.requests()} <= {200, 400}

    among("mexc", work, waf=True, waf_burst=40, waf_rate=20.0, ban_after=1)


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("remaining", [0, 3, 10**6])
def test_headers_that_lie_cost_time_and_never_a_refusal(venue: str, remaining: int) -> None:
    async def work(crowd: Crowd) -> None:
        crowd.sandbox.faults.add(
            "lying_limits", venue=venue, probability=0.3, remaining=remaining, limit=10**6, reset_in=-50.0
        )
        outcomes = await load(crowd, 12)
        assert outcomes[""] > 10
        assert crowd.sandbox.faults.injected["lying_limits"] > 5
        assert crowd.requests(status=429) == []

    among(venue, work)


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("retry_after", [None, 5.0])
def test_what_is_refused_is_what_was_injected_and_nothing_more(venue: str, retry_after: float | None) -> None:
    async def work(crowd: Crowd) -> None:
        crowd.sandbox.faults.add("rate_limited", venue=venue, probability=0.02, retry_after=retry_after)
        await load(crowd, 25)
        injected = crowd.sandbox.faults.injected["rate_limited"]
        assert injected >= 2
        assert len(crowd.requests(status=429)) == injected

    among(venue, work)


@pytest.mark.parametrize("retry_after", [None, 7.0])
def test_after_a_refusal_the_pools_are_left_alone(retry_after: float | None) -> None:
    """On MEXC every request counts in the pools of the address; without a word of how long, for a window of 10 s."""

    async def work(crowd: Crowd) -> None:
        crowd.sandbox.faults.add("rate_limited", venue="mexc", endpoint="GET */depth", count=1, retry_after=retry_after)
        asking = asyncio.create_task(crowd.public[0].order_book_snapshot(SYMBOL))
        await asyncio.sleep(0.5)
        assert crowd.ours[0].budget_left()["ip"] == 0
        (refused,) = crowd.requests(status=429)
        await load(crowd, 20)
        assert (await asking).bids, "what may be repeated is repeated when the pause is over"
        after = next(one for one in crowd.requests() if one["number"] > refused["number"])
        pause = 10.0 if retry_after is None else retry_after
        assert pause <= (after["at_ns"] - refused["at_ns"]) / NS <= pause * 1.06 + 0.1

    among("mexc", work)


def test_a_ban_stops_everybody_until_it_is_over() -> None:
    async def work(crowd: Crowd) -> None:
        crowd.sandbox.faults.add("banned", venue="mexc", endpoint="GET *", count=1, retry_after=30.0)
        asking = asyncio.create_task(crowd.ours[0].open_orders())
        await asyncio.sleep(0.5)
        asked, loading = len(crowd.requests()), asyncio.create_task(load(crowd, 40))
        await asyncio.sleep(29)
        assert len(crowd.requests()) == asked
        assert crowd.ours[0].budget_left()["ip"] == 0
        await loading
        (gave_up,) = await asyncio.gather(asking, return_exceptions=True)
        assert isinstance(gave_up, RateLimitException)
        assert gave_up.retry_after == 30
        assert len(crowd.requests()) > asked + 50

    among("mexc", work)


# ---- the budget is visible -------------------------------------------------------------------------------------------


def test_budget_left_is_what_mexc_would_still_take() -> None:
    async def work(crowd: Crowd) -> None:
        one, again = crowd.ours
        full = one.budget_left()
        assert full == {"ip": 300, "requests": 15, "uid": 500, "orders": 12, "batch": 2, "account": 2}
        placed = await one.place_order(crowd.order())
        await again.balances()
        await crowd.other.open_orders()
        await crowd.public[0].order_book_snapshot(SYMBOL)
        left = {"ip": 300 - 1 - 10 - 3 - 1, "requests": 11, "uid": 500 - 11, "orders": 11, "batch": 2, "account": 1}
        assert one.budget_left() == again.budget_left() == left
        assert crowd.other.budget_left() == {**left, "uid": 497, "orders": 12, "account": 2}
        await again.cancel_order(SYMBOL, order_id=placed.order_id)
        assert one.budget_left()["orders"] == 10
        await asyncio.sleep(10.1)
        assert one.budget_left() == full

    among("mexc", work)


def test_budget_left_is_what_gateio_would_still_take() -> None:
    async def work(crowd: Crowd) -> None:
        one, again = crowd.ours
        orders = "spot orders SOL_USDT"
        for placed in range(1, 4):
            await one.place_order(crowd.order())
            assert one.budget_left()[orders] == 10 - placed
        await again.place_order(crowd.order())
        assert again.budget_left()[orders] == one.budget_left()[orders] == 6
        await crowd.other.place_order(crowd.order())
        assert crowd.other.budget_left()[orders] == 9
        await one.place_order(crowd.order(PERPETUAL))
        assert one.budget_left()["futures orders"] == 99
        await asyncio.sleep(1.1)
        assert one.budget_left()[orders] == 10
        crowd.sandbox.faults.add("lying_limits", venue="gateio", count=1, remaining=2, limit=10, reset_in=0.5)
        await one.place_order(crowd.order())
        assert one.budget_left()[orders] == 2, "the exchange's own word counts where it is less"

    among("gateio", work)


def test_orders_by_websocket_and_by_rest_spend_one_budget() -> None:
    async def work(crowd: Crowd) -> None:
        roads = [
            account_client(
                "gateio",
                crowd.sandbox,
                clock=crowd.clock,
                rng=random.Random(number),
                limiter=crowd.limiter,
                order_entry=entry,
            )
            for number, entry in enumerate(("rest", "websocket"))
        ]
        for road in roads:
            await road.open()
        began = crowd.clock.monotonic_ns()
        outcomes = await asyncio.gather(
            *(road.place_order(crowd.order()) for _ in range(20) for road in roads), return_exceptions=True
        )
        took = (crowd.clock.monotonic_ns() - began) / NS
        assert all(isinstance(outcome, Order) for outcome in outcomes), outcomes
        assert 3 <= took <= 5, "40 orders of one pair, 10 a second"
        assert crowd.requests(status=429) == []
        for road in roads:
            await road.aclose()

    among("gateio", work)


# ---- the urgent goes first -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("venue", VENUES)
def test_a_cancel_overtakes_queries_and_an_order_too(venue: str) -> None:
    async def work(crowd: Crowd) -> None:
        one, again = crowd.ours
        placed = await one.place_order(crowd.order())
        done: list[str] = []

        async def told(name: str, deed: Awaitable[object]) -> None:
            await deed
            done.append(name)

        many = 60 if venue == "mexc" else 420
        ask: Callable[[RestClients], Awaitable[object]]
        ask = (lambda client: client.open_orders()) if venue == "mexc" else (lambda client: client.fees(SYMBOL))
        async with asyncio.TaskGroup() as group:
            for number in range(many):
                group.create_task(told("query", ask((one, again)[number % 2])))
            await asyncio.sleep(0.5)
            assert crowd.limiter.waiting > 0
            group.create_task(told("order", again.place_order(crowd.order())))
            group.create_task(told("cancel", one.cancel_order(SYMBOL, order_id=placed.order_id)))
        assert done.count("query") == many
        assert done.index("cancel") < many - 15, "it waited for those that had come before it"
        assert done.index("order") < many - 15
        assert crowd.requests(status=429) == []

    among(venue, work)


def test_of_all_that_wait_the_cancel_goes_first() -> None:
    """The pools of MEXC's address are empty for a while: then a cancel, an order, queries, whoever came first."""

    async def work(crowd: Crowd) -> None:
        one, again = crowd.ours
        placed = await one.place_order(crowd.order())
        before = len(crowd.requests())
        crowd.limiter.pause("ip", 3.0, "a test")
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(crowd.public[0].order_book_snapshot(SYMBOL))
                group.create_task(again.order(SYMBOL, order_id=placed.order_id))
            group.create_task(one.place_order(crowd.order()))
            group.create_task(again.cancel_order(SYMBOL, order_id=placed.order_id))
        sent = [f"{told['method']} {told['path']}" for told in crowd.requests()[before:]]
        assert sent[:2] == ["DELETE /api/v3/order", "POST /api/v3/order"]
        assert {*sent[2:]} == {"GET /api/v3/order", "GET /api/v3/depth"}
        assert len(sent) == 12

    among("mexc", work)


@pytest.mark.parametrize("venue", VENUES)
def test_an_order_that_finds_no_budget_is_not_sent(venue: str) -> None:
    async def work(crowd: Crowd) -> None:
        for pool in crowd.limiter.pools:
            crowd.limiter.pause(pool.name, 60.0, "a test")
        if venue == "gateio":
            await crowd.ours[0].place_order(crowd.order())  # which makes its pool known
            crowd.limiter.pause("spot orders SOL_USDT @account", 60.0, "a test")
        asked = len(crowd.requests())
        with pytest.raises(RateLimitException, match="not sent") as caught:
            await crowd.ours[0].place_order(crowd.order())
        assert not isinstance(caught.value, UnknownOutcomeException)
        assert caught.value.safe_to_resubmit
        assert len(crowd.requests()) == asked

    among(venue, work)
