"""Cases about orders when something goes wrong: TC-E50 and on. An ambiguous failure must not become a rejection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from cex.common.enums import OrderStatus
from cex.common.exceptions import (
    ExchangeConnectionException,
    ExchangeException,
    ExchangeRejectedException,
    RateLimitException,
    UnknownOutcomeException,
)
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.exchanges.base.conformance.bench import Bench
from cex.exchanges.base.conformance.checks import CaseFailed, check
from cex.exchanges.base.conformance.results import case
from cex.exchanges.base.conformance.venue import Need
from cex.exchanges.base.interfaces import OrderUnknown, PrivateExchange

__all__ = [
    "answer_late",
    "answer_lost",
    "cancel_races_fill",
    "cancelled_caller",
    "clock_step",
    "closing",
    "doubled_fill",
    "dropped_push",
    "fill_before_answer",
    "key_deleted",
    "key_expired",
    "key_not_renewed",
    "many_losses",
    "rate_limited",
    "reordered_pushes",
    "request_lost",
    "server_failure",
    "stream_lost",
]

_RECOVERY_S = 40.0


@case(
    "TC-E50",
    "taken, and the answer lost: the order is found, and is there once",
    Need.ACCOUNT,
    Need.TRUTH,
    faults=["answer_lost"],
)
async def answer_lost(bench: Bench) -> None:
    exchange, request = await _ready(bench)
    async with bench.venue.inject("answer_lost", what="place", count=1):
        order = await exchange.place_order(request)
    check(order.status is OrderStatus.NEW, f"it is {order.status}")
    check(bench.told("order_unknown") and bench.told("order_resolved"), "the doubt was not told")
    check(await bench.true_count(order.client_order_id or "") == 1, "the venue does not have it once")
    await exchange.cancel_order(bench.symbol, order_id=order.order_id)


@case(
    "TC-E51",
    "lost on the way: the order is proven missing, and was not sent again",
    Need.ACCOUNT,
    Need.TRUTH,
    faults=["request_lost"],
)
async def request_lost(bench: Bench) -> None:
    exchange, request = await _ready(bench)
    before = len(await bench.venue.true_orders())
    async with bench.venue.inject("request_lost", what="place", count=1):
        try:
            await exchange.place_order(request)
        except ExchangeRejectedException as error:
            check(isinstance(error.__cause__, UnknownOutcomeException), "what happened is not the cause")
        else:
            raise CaseFailed("it is called accepted")
    check(len(await bench.venue.true_orders()) == before, "the venue has it")


@case("TC-E52", "an answer that comes late is waited for or resolved", Need.ACCOUNT, Need.TRUTH, faults=["answer_late"])
async def answer_late(bench: Bench) -> None:
    exchange, request = await _ready(bench)
    async with bench.venue.inject("answer_late", what="place", count=1, seconds=2.0):
        order = await exchange.place_order(request)
    check(await bench.true_count(order.client_order_id or "") == 1, "the venue does not have it once")
    await exchange.cancel_order(bench.symbol, order_id=order.order_id)


@case("TC-E53", "behind a 5xx nobody knows, so it is found out", Need.ACCOUNT, Need.TRUTH, faults=["server_error"])
async def server_failure(bench: Bench) -> None:
    exchange, request = await _ready(bench)
    before = len(await bench.venue.true_orders())
    async with bench.venue.inject("server_error", what="place", count=1, status=503):
        try:
            await exchange.place_order(request)
        except ExchangeException as error:
            check(not isinstance(error, UnknownOutcomeException), "it stayed unknown")
    check(bench.told("order_unknown") or not bench.told("order_resolved"), "resolved without having been in doubt")
    check(len(await bench.venue.true_orders()) == before, "the venue has it")


@case("TC-E54", "a fill that is told before the answer", Need.ACCOUNT, Need.TRUTH, faults=["fill_before_ack"])
async def fill_before_answer(bench: Bench) -> None:
    exchange, fills = await bench.private(), await _taking(bench)
    async with bench.collecting(exchange.fills()) as got:
        await _running(bench, exchange)
        async with bench.venue.inject("fill_before_ack", count=1):
            order = await exchange.place_order(await fills())
        await _adds_up(bench, exchange, order, got)


@case("TC-E55", "a fill that is told twice is counted once", Need.ACCOUNT, Need.TRUTH, faults=["duplicate_fill"])
async def doubled_fill(bench: Bench) -> None:
    exchange, fills = await bench.private(), await _taking(bench)
    async with bench.collecting(exchange.fills()) as got:
        await _running(bench, exchange)
        async with bench.venue.inject("duplicate_fill", count=5):
            order = await exchange.place_order(await fills())
            await asyncio.sleep(0.5)
        await _adds_up(bench, exchange, order, got)


@case("TC-E56", "pushes out of order end as the order did", Need.ACCOUNT, Need.TRUTH, faults=["reorder_pushes"])
async def reordered_pushes(bench: Bench) -> None:
    exchange, fills = await bench.private(), await _taking(bench)
    async with bench.collecting(exchange.fills()) as got:
        await _running(bench, exchange)
        async with bench.venue.inject("reorder_pushes", count=4, depth=2):
            order = await exchange.place_order(await fills())
            await asyncio.sleep(0.5)
        await _adds_up(bench, exchange, order, got)


@case(
    "TC-E57",
    "a push that is lost without a word is found by an audit",
    Need.ACCOUNT,
    Need.TRUTH,
    faults=["drop_push"],
)
async def dropped_push(bench: Bench) -> None:
    exchange, fills = await bench.private(), await _taking(bench)
    async with bench.collecting(exchange.fills()) as got:
        await _running(bench, exchange)
        async with bench.venue.inject("drop_push", of="fill"):
            order = await exchange.place_order(await fills())
            await asyncio.sleep(0.5)
        await _adds_up(bench, exchange, order, got, _RECOVERY_S)


@case(
    "TC-E58",
    "what fills while the private stream is lost is told once, and then the stream is whole",
    Need.ACCOUNT,
    Need.TRUTH,
    faults=["reset"],
)
async def stream_lost(bench: Bench) -> None:
    exchange, fills = await bench.private(), await _taking(bench)
    async with bench.collecting(exchange.fills()) as got:
        await _running(bench, exchange)
        async with bench.venue.inject("reset"):
            order = await exchange.place_order(await fills())
            await bench.eventually(lambda: bench.told("private_interrupted"), "the loss was not told")
        await bench.eventually(
            lambda: bench.told("private_recovered") and exchange.is_whole, "it did not become whole", _RECOVERY_S
        )
        await _adds_up(bench, exchange, order, got)


@case("TC-E59", "no fill is missed or doubled over many losses", Need.ACCOUNT, Need.TRUTH, faults=["reset"])
async def many_losses(bench: Bench) -> None:
    exchange, fills = await bench.private(), await _taking(bench)
    async with bench.collecting(exchange.fills()) as got:
        await _running(bench, exchange)
        for number in range(1, 4):
            async with bench.venue.inject("reset"):
                order = await exchange.place_order(await fills())
                await bench.eventually(lambda: len(bench.told("private_interrupted")) >= number, "a loss was not told")  # noqa: B023
            await bench.eventually(lambda: exchange.is_whole, "it did not become whole", _RECOVERY_S)
            await _adds_up(bench, exchange, order, got)


@case(
    "TC-E60",
    "a cancel that loses the race against a fill tells the fill",
    Need.ACCOUNT,
    Need.TRUTH,
    faults=["cancel_races_fill"],
)
async def cancel_races_fill(bench: Bench) -> None:
    exchange, request = await _ready(bench)
    async with bench.collecting(exchange.fills()) as got:
        await _running(bench, exchange)
        order = await exchange.place_order(request)
        async with bench.venue.inject("cancel_races_fill", count=1, force=True):
            ended = await exchange.cancel_order(bench.symbol, order_id=order.order_id)
        truth = await bench.true_order(order)
        check((ended.status, ended.filled) == (truth.status, truth.filled), f"{ended.status}, in truth {truth.status}")
        if truth.filled:
            await _adds_up(bench, exchange, order, got)


@case("TC-E61", "a step of the exchange's clock costs at most one refusal", Need.ACCOUNT, faults=["clock_step"])
async def clock_step(bench: Bench) -> None:
    exchange, request = await _ready(bench)
    for seconds in (10.0, -10.0):
        async with bench.venue.inject("clock_step", seconds=seconds):
            order = await exchange.place_order(request.replaced(client_order_id=None))
            await exchange.balances()
            await exchange.cancel_order(bench.symbol, order_id=order.order_id)


@case(
    "TC-E62",
    "over the limit: told as such, and nothing was placed",
    Need.ACCOUNT,
    Need.TRUTH,
    faults=["rate_limited"],
)
async def rate_limited(bench: Bench) -> None:
    exchange, request = await _ready(bench)
    before = len(await bench.venue.true_orders())
    async with bench.venue.inject("rate_limited", what="place", count=1, retry_after=1.0):
        try:
            await exchange.place_order(request)
        except RateLimitException as error:
            check(error.retryable and error.safe_to_resubmit, "it is not called safe to try again")
        else:
            raise CaseFailed("the refusal was not told")
    check(len(await bench.venue.true_orders()) == before, "the venue has it")
    order = await exchange.place_order(request.replaced(client_order_id=None))
    await exchange.cancel_order(bench.symbol, order_id=order.order_id)


@case("TC-E63", "a session key that expires costs no fill", Need.ACCOUNT, Need.TRUTH, faults=["listen_key_expired"])
async def key_expired(bench: Bench) -> None:
    await _without_a_key(bench, "listen_key_expired")


@case(
    "TC-E64",
    "a session key that somebody else deletes costs no fill",
    Need.ACCOUNT,
    Need.TRUTH,
    faults=["listen_key_deleted"],
)
async def key_deleted(bench: Bench) -> None:
    await _without_a_key(bench, "listen_key_deleted")


@case(
    "TC-E65",
    "a renewal of the session key that fails does no harm",
    Need.ACCOUNT,
    faults=["listen_key_renewal_fails"],
)
async def key_not_renewed(bench: Bench) -> None:
    exchange = await bench.private()
    async with bench.venue.inject("listen_key_renewal_fails", count=2):
        await exchange.subscribe()
        await asyncio.sleep(1.0)
    check(exchange.is_whole, "the streams do not run")


@case(
    "TC-E66",
    "a caller who gives up leaves an order that can be resolved",
    Need.ACCOUNT,
    Need.TRUTH,
    faults=["answer_late"],
)
async def cancelled_caller(bench: Bench) -> None:
    exchange, request = await _ready(bench)
    async with bench.venue.inject("answer_late", what="place", count=1, seconds=2.0):
        placing = _begun(exchange.place_order(request))
        await asyncio.sleep(0.7)
        placing.cancel()
        await asyncio.wait({placing})
    doubts = [event for event in bench.events if isinstance(event, OrderUnknown)]
    check(doubts, "the doubt was not told")
    order = await exchange.resolve_order(doubts[0].client_order_id)
    check(await bench.true_count(doubts[0].client_order_id) == 1, "the venue does not have it once")
    await exchange.cancel_order(bench.symbol, order_id=order.order_id)


@case("TC-E67", "it closes within a second, also with an order in doubt", Need.ACCOUNT, faults=["answer_lost"])
async def closing(bench: Bench) -> None:
    exchange, request = await _ready(bench)
    await exchange.subscribe()
    async with bench.venue.inject(
        "request_lost" if "request_lost" in bench.venue.faults else "answer_lost", what="place"
    ):
        placing = _begun(exchange.place_order(request))
        await asyncio.sleep(0.3)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await exchange.aclose()
        took = loop.time() - began
        await asyncio.wait({placing})
    check(took < 1.2, f"it took {took:.2f} s")
    if not placing.cancelled() and (error := placing.exception()) is not None:
        check(
            isinstance(error, (UnknownOutcomeException, ExchangeConnectionException)), f"the order ended as {error!r}"
        )


# ---- what they share -----------------------------------------------------------------------------------------------


async def _ready(bench: Bench) -> tuple[PrivateExchange, OrderRequest]:
    """The account, and an order that would rest."""
    exchange, public = await bench.private(), await bench.public()
    bid, _ = await bench.top(public, bench.symbol)
    return exchange, bench.resting(exchange.instruments[bench.symbol], bid)


async def _taking(bench: Bench) -> Callable[[], Coroutine[Any, Any, OrderRequest]]:
    """Makes orders that fill at once, at the price of the moment."""
    public = await bench.public()

    async def make() -> OrderRequest:
        _, ask = await bench.top(public, bench.symbol)
        return bench.taking(public.instruments[bench.symbol], ask)

    return make


async def _running(bench: Bench, exchange: PrivateExchange) -> None:
    await bench.eventually(lambda: exchange.is_whole, "the streams do not run")


def _begun(placing: Coroutine[Any, Any, Order]) -> asyncio.Task[Order]:
    return asyncio.get_running_loop().create_task(placing, name="conformance order")


async def _adds_up(
    bench: Bench, exchange: PrivateExchange, order: Order, got: list[Fill], seconds: float = 15.0
) -> None:
    """Every true fill of the order was told, once, and the order says the same."""
    truth, true_fills = await bench.true_order(order), await bench.true_fills(order)

    def told() -> list[Fill]:
        return [fill for fill in got if fill.order_id == order.order_id]

    await bench.eventually(lambda: len(told()) >= len(true_fills), "a fill was missed", seconds)
    what = sorted((fill.price, fill.quantity) for fill in told())
    check(what == sorted((fill.price, fill.quantity) for fill in true_fills), f"told were {what}")

    def known() -> bool:
        here = exchange.tracked_order(order_id=order.order_id)
        return here is not None and (here.status, here.filled) == (truth.status, truth.filled)

    await bench.eventually(known, f"the order is not known as it ended, which is {truth.status}", seconds)
    check(not bench.told("order_conflict"), "the exchange contradicts itself")


async def _without_a_key(bench: Bench, fault: str) -> None:
    exchange, fills = await bench.private(), await _taking(bench)
    async with bench.collecting(exchange.fills()) as got:
        await _running(bench, exchange)
        async with bench.venue.inject(fault):
            order = await exchange.place_order(await fills())
            await _adds_up(bench, exchange, order, got, _RECOVERY_S)
        again = await exchange.place_order(await fills())
        await _adds_up(bench, exchange, again, got, _RECOVERY_S)
