"""Traders on our own private clients, a sandbox that breaks what it can, and the comparison of both afterwards."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from account_clients import account_client
from cex.common.clock import Clock, ManualClock
from cex.common.correlation import new_random
from cex.common.enums import MarketType, OrderType, Side, TimeInForce
from cex.common.exceptions import ExchangeException, ExchangeRejectedException, UnknownOutcomeException
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.common.types.symbols import Symbol
from cex.exchanges.base.private import ComposedPrivateExchange
from cex.sandbox import DEFAULT_LISTINGS, Sandbox
from cex.sandbox.faults.rules import Fault
from order_record import Record, Seen, Truth, compared

__all__ = ["Campaign", "Plan"]

SYMBOLS: Mapping[str, tuple[str, Symbol]] = {
    "mexc": ("mexc", Symbol("SOL/USDT")),
    "gateio": ("gateio", Symbol("SOL/USDT")),
    "gateio-futures": ("gateio", Symbol("ETH/USDT:USDT")),
}
LISTED = ("SOL/USDT", "ETH/USDT:USDT", "ETH/USDT")
TICK_S = 0.1
CALM_S = 60.0
"""How long everything is left alone at the end, so that what is late can come."""
STEP_S = 7.0
_MOST_DETAILS = 20

_ORDERS = "POST */{order,orders,batchOrders,batch_orders}"
_CANCELS = "DELETE */{order,orders/*}"


def faults_of(plan: Plan) -> list[Fault]:
    """What goes wrong: answers and requests, pushes, connections, keys, clocks."""
    found = [
        Fault.of("answer_lost", endpoint=_ORDERS, probability=0.02),
        Fault.of("answer_lost", endpoint=_ORDERS, probability=0.01, how="hang"),
        Fault.of("request_lost", endpoint=_ORDERS, probability=0.02),
        Fault.of("request_late", endpoint=_ORDERS, probability=0.01, seconds=2.0),
        Fault.of("request_late", endpoint=_ORDERS, probability=0.005, seconds=25.0),
        Fault.of("answer_late", endpoint=_ORDERS, probability=0.01, seconds=20.0),
        Fault.of("server_error", endpoint=_ORDERS, probability=0.01, status=503),
        Fault.of("server_error", endpoint=_ORDERS, probability=0.01, status=504),
        Fault.of("truncated_answer", endpoint=_ORDERS, probability=0.005),
        Fault.of("malformed_answer", endpoint=_ORDERS, probability=0.005),
        Fault.of("fill_before_ack", probability=0.02, seconds=1.0),
        Fault.of("cancel_races_fill", probability=0.05, seconds=1.0),
        Fault.of("answer_lost", endpoint=_CANCELS, probability=0.03),
        Fault.of("request_lost", endpoint=_CANCELS, probability=0.03),
        Fault.of("server_error", endpoint="GET *", probability=0.01),
        Fault.of("rate_limited", probability=0.002, retry_after=1.0),
        Fault.of("duplicate_fill", probability=0.05),
        Fault.of("duplicate_push", probability=0.05, of="order"),
        Fault.of("fill_before_order", probability=0.03),
        Fault.of("order_before_fill", probability=0.03),
        Fault.of("reorder_pushes", probability=0.03),
        Fault.of("delay_push", probability=0.01, seconds=1.5),
        Fault.of("drop_push", probability=0.01),
        Fault.of("reset", every=97.0, after=20.0),
        Fault.of("close", every=211.0, after=33.0, code=1011),
        Fault.of("clock_step", every=600.0, after=150.0, seconds=STEP_S),
        Fault.of("clock_step", every=600.0, after=450.0, seconds=-STEP_S),
        Fault.of("listen_key_renewal_fails", venue="mexc", probability=0.3),
        Fault.of("listen_key_expired", venue="mexc", every=plan.key_expiry_s, after=40.0),
        Fault.of("listen_key_deleted", venue="mexc", every=503.0, after=70.0),
    ]
    if plan.order_entry == "websocket":
        found += [
            Fault.of("drop_push", probability=0.02, of="ack"),
            Fault.of("duplicate_push", probability=0.03, of="ack"),
            Fault.of("reorder_pushes", probability=0.02, of="ack"),
            Fault.of("delay_push", probability=0.01, of="ack", seconds=2.0),
            Fault.of("delay_push", probability=0.003, of="ack", seconds=25.0),
            Fault.of("reset", venue="gateio", every=13.0, after=3.0),
        ]
    return found if plan.faults else []


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much, where and from which seed; ``traders`` are at work at once in each of ``markets``.

    With ``key_expiries`` it goes on until so many listenKeys have expired, which they then do every 20 seconds, and the
    traders take their time.
    """

    seed: int = 7
    orders: int = 1000
    traders: int = 8
    markets: tuple[str, ...] = tuple(SYMBOLS)
    order_entry: str = "rest"
    key_expiries: int = 0
    faults: bool = True

    @property
    def key_expiry_s(self) -> float:
        return 20.0 if self.key_expiries else 61.0

    @property
    def pace_s(self) -> float:
        """How long a trader lets an order be, on average."""
        return 8.0 if self.key_expiries else 1.0

    def __post_init__(self) -> None:
        unknown = set(self.markets) - SYMBOLS.keys()
        if unknown or not self.markets:
            raise ValueError(f"markets are some of {', '.join(SYMBOLS)}, not {', '.join(unknown) or 'none'}")
        if self.orders < 1 or self.traders < 1:
            raise ValueError("a campaign has one order and one trader at least")


class Campaign:
    """One run; :meth:`run` is to be called on a virtual loop with its clock."""

    def __init__(self, plan: Plan, progress: Callable[[int, float], None] = lambda _done, _seconds: None) -> None:
        self.plan = plan
        self.is_flawless = False
        self.records: list[Record] = []
        self._progress = progress
        self._rng = new_random(plan.seed)
        self._placed = 0
        self._kinds: Counter[str] = Counter()

    async def run(self, clock: ManualClock) -> dict[str, Any]:
        plan, started = self.plan, clock.monotonic_ns()
        listings = [listing for listing in DEFAULT_LISTINGS if str(listing.symbol) in LISTED]
        sandbox = Sandbox(seed=plan.seed, sockets=False, listings=listings, tick=TICK_S, history=2_000, clock=clock)
        truths = {venue: Truth(venue) for venue in ("mexc", "gateio")}
        for venue, truth in truths.items():
            desks = sandbox.desks[venue]
            desks.spot.listen(sandbox.credentials[venue].uid, truth.hear)
            if desks.futures is not None:
                desks.futures.listen(sandbox.credentials[venue].uid, truth.hear)
        seen = {venue: Seen() for venue in truths}
        async with sandbox, AsyncExitStack() as stack:
            exchanges: dict[str, ComposedPrivateExchange] = {}
            readers = []
            for venue in dict.fromkeys(SYMBOLS[market][0] for market in plan.markets):
                exchange = exchanges[venue] = account_client(
                    venue,
                    sandbox,
                    clock=clock,
                    rng=random.Random(self._rng.random()),
                    order_entry=plan.order_entry,
                )
                await stack.enter_async_context(exchange)
                exchange.on_event(seen[venue].hear)
                await exchange.subscribe()
                readers.append(asyncio.create_task(_read_fills(exchange.fills(), seen[venue])))
                readers.append(asyncio.create_task(_read_orders(exchange.orders(), seen[venue])))
            for fault in faults_of(plan):
                sandbox.faults.add(fault)
            async with asyncio.TaskGroup() as group:
                for market in plan.markets:
                    venue, symbol = SYMBOLS[market]
                    for _ in range(plan.traders):
                        group.create_task(self._trade(sandbox, exchanges[venue], seen[venue], symbol, clock, started))
            injected = dict(sandbox.faults.injected)
            sandbox.faults.clear()
            await self._calm(exchanges, seen)
            self.records = [Record(truths[venue], seen[venue], one.is_whole) for venue, one in exchanges.items()]
            verdict = compared(self.records)
            health = {venue: exchange.health() for venue, exchange in exchanges.items()}
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
        self.is_flawless = verdict.is_flawless
        return {
            "orders": self._placed,
            "kinds": dict(sorted(self._kinds.items())),
            "details": verdict.details[:_MOST_DETAILS],
            "outcomes": dict(sorted(Counter(o for one in seen.values() for o in one.outcomes.values()).items())),
            "once_unknown": sum(one.unknown for one in seen.values()),
            "fills": sum(len(truth.fills) for truth in truths.values()),
            **verdict.counts(),
            "backfills": {venue: one.backfills for venue, one in health.items()},
            "backfilled_fills": {venue: one.backfilled_fills for venue, one in health.items()},
            "audit_finds": {venue: one.audit_finds for venue, one in health.items()},
            "faults": injected,
            "virtual_seconds": round((clock.monotonic_ns() - started) / 1e9),
        }

    # ---- the traders -------------------------------------------------------------------------------------------------

    async def _trade(
        self,
        sandbox: Sandbox,
        exchange: ComposedPrivateExchange,
        seen: Seen,
        symbol: Symbol,
        clock: Clock,
        started: int,
    ) -> None:
        rng = random.Random(self._rng.random())
        while self._placed < self.plan.orders or self._keys_left(sandbox):
            self._placed += 1
            if self._placed % max(1, self.plan.orders // 20) == 0:
                self._progress(self._placed, (clock.monotonic_ns() - started) / 1e9)
            request = self._request(sandbox, exchange, symbol, rng)
            client_id = request.client_order_id
            assert client_id is not None
            try:
                order = await exchange.place_order(request)
            except UnknownOutcomeException:
                seen.outcomes[client_id] = "unknown"
            except ExchangeRejectedException:
                seen.outcomes[client_id] = "rejected"
            else:
                seen.outcomes[client_id] = "accepted"
                await asyncio.sleep(rng.expovariate(1 / self.plan.pace_s))
                if not order.status.is_final:
                    await self._cancel(exchange, order)

    def _keys_left(self, sandbox: Sandbox) -> bool:
        return sandbox.faults.injected.get("listen_key_expired", 0) < self.plan.key_expiries

    async def _cancel(self, exchange: ComposedPrivateExchange, order: Order) -> None:
        while True:
            try:
                ended = await exchange.cancel_order(order.symbol, order_id=order.order_id)
            except ExchangeException as error:
                if not error.retryable and not isinstance(error, UnknownOutcomeException):
                    self._kinds[f"cancel: {type(error).__name__}"] += 1
                    return
            else:
                if ended.status.is_final:
                    return
            await asyncio.sleep(1.0)

    def _request(
        self, sandbox: Sandbox, exchange: ComposedPrivateExchange, symbol: Symbol, rng: random.Random
    ) -> OrderRequest:
        listed = exchange.instruments[symbol]
        book = sandbox.market.book(exchange.exchange, symbol).true_book()
        side = rng.choice((Side.BUY, Side.SELL))
        touch, across = (book.bids, book.asks) if side is Side.BUY else (book.asks, book.bids)
        middle = (book.bids[0][0] + book.asks[0][0]) / 2
        quantity = listed.round_quantity(Decimal(rng.uniform(20.0, 400.0)) / middle)
        if symbol.market_type is MarketType.FUTURES:
            quantity = max(quantity, listed.step)
        away = Decimal(rng.uniform(0.0, 0.002)) * middle * (-1 if side is Side.BUY else 1)
        kind = rng.choice(("resting", "resting", "touch", "taking", "ioc", "fok", "post_only", "market", "quote"))
        if kind == "quote" and (side is Side.SELL or symbol.market_type is MarketType.FUTURES):
            kind = "market"
        elif kind == "market" and side is Side.BUY and symbol == SYMBOLS["gateio"][1] and exchange.exchange == "gateio":
            kind = "quote"  # Gate.io's spot market sells by the base quantity and buys for an amount of quote
        self._kinds[kind] += 1
        common: dict[str, Any] = {
            "symbol": symbol,
            "side": side,
            "client_order_id": f"t-{rng.getrandbits(96):024x}",
        }
        if kind == "quote":
            return OrderRequest(order_type=OrderType.MARKET, quote_quantity=Decimal(rng.randint(20, 200)), **common)
        if kind == "market":
            return OrderRequest(order_type=OrderType.MARKET, quantity=quantity, **common)
        price = {"resting": middle + away, "post_only": touch[0][0] + away, "touch": touch[0][0]}.get(
            kind, across[0][0]
        )
        in_force = {"ioc": TimeInForce.IOC, "fok": TimeInForce.FOK, "post_only": TimeInForce.POST_ONLY}
        return OrderRequest(
            order_type=OrderType.LIMIT,
            quantity=quantity,
            price=listed.round_price(price, side),
            time_in_force=in_force.get(kind, TimeInForce.GTC),
            **common,
        )

    # ---- the end ----------------------------------------------------------------------------------------------------

    async def _calm(self, exchanges: Mapping[str, ComposedPrivateExchange], seen: Mapping[str, Seen]) -> None:
        """Let what is late come, and find out what is not known yet."""
        await asyncio.sleep(CALM_S)
        for venue, exchange in exchanges.items():
            for client_id, outcome in seen[venue].outcomes.items():
                if outcome == "unknown":
                    try:
                        await exchange.resolve_order(client_id)
                    except ExchangeRejectedException:
                        seen[venue].outcomes[client_id] = "rejected"
                    except UnknownOutcomeException:
                        continue
                    else:
                        seen[venue].outcomes[client_id] = "accepted"
        await asyncio.sleep(CALM_S)


async def _read_fills(fills: AsyncGenerator[Fill, None], seen: Seen) -> None:
    async for fill in fills:
        seen.take(fill)


async def _read_orders(orders: AsyncGenerator[Order, None], seen: Seen) -> None:
    async for order in orders:
        if order.client_order_id is not None:
            seen.orders[order.client_order_id] = order
