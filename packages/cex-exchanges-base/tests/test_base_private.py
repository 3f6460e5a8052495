from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from cex.common import Balance, Order, OrderRequest, Position, Symbol
from cex.common.clock import ManualClock
from cex.common.enums import MarketType, OrderStatus, OrderType, PositionSide, Side
from cex.common.exceptions import (
    ConfigurationException,
    DuplicateOrderException,
    ExchangeConnectionException,
    ExchangeRejectedException,
    InvalidOrderException,
    OrderNotFoundException,
    RateLimitException,
    UnknownOutcomeException,
)
from cex.exchanges.base import NotOfferedException, OrderPolicy, UnknownSymbolException
from cex.exchanges.base.interfaces import (
    ExchangeEvent,
    OrderEntry,
    OrderResolved,
    OrderUnknown,
    PrivateOverflow,
    PrivateRecovered,
)

BTC = Symbol("BTC/USDT")
PERPETUAL = Symbol("BTC/USDT:USDT")
MakeAccount = Callable[..., tuple[Any, Any, Any, Any]]
NEW, FILLED, CANCELED = OrderStatus.NEW, OrderStatus.FILLED, OrderStatus.CANCELED


def buy(quantity: str = "1", price: str | None = "100", **facts: Any) -> OrderRequest:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    at = None if price is None else Decimal(price)
    asked: dict[str, Any] = {
        "symbol": BTC,
        "side": Side.BUY,
        "order_type": kind,
        "quantity": Decimal(quantity),
        "price": at,
    }
    return OrderRequest(**asked | facts)


def heard_of(exchange: Any) -> list[ExchangeEvent]:
    events: list[ExchangeEvent] = []
    exchange.on_event(events.append)
    return events


def kinds(events: list[ExchangeEvent]) -> list[str]:
    return [event.kind for event in events]


@asynccontextmanager
async def collected(stream: AsyncGenerator[Any, None]) -> AsyncIterator[list[Any]]:
    """What a reader gets while the block runs; the stream runs by then."""
    got: list[Any] = []

    async def read() -> None:
        async for item in stream:
            got.append(item)  # noqa: PERF401 (looked at while it grows)

    task = asyncio.ensure_future(read())
    await asyncio.sleep(1)
    try:
        yield got
    finally:
        task.cancel()
        await asyncio.wait({task})


# ---- asked and answered --------------------------------------------------------------------------------------------


async def test_an_accepted_order(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange:
        order = await exchange.place_order(buy("1.0009", "100.19"))
        assert (order.status, order.client_order_id) == (NEW, "id-1")
        assert (order.quantity, order.price) == (Decimal("1.000"), Decimal("100.1")), "no more than asked for"
        assert exchange.tracked_order(client_order_id="id-1") == order
        assert exchange.health().open_orders == 1
        assert exchange.instruments[BTC].tick == Decimal("0.1")
    assert venue.closed == ["websocket", "rest"]
    with pytest.raises(ExchangeConnectionException, match="closed"):
        await exchange.place_order(buy())


async def test_an_order_that_breaks_a_rule_is_never_sent(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange:
        for request, rule in (
            (buy("0.0005"), "below one step of 0.001"),
            (buy("0.002", "100"), "notional 0.2000 is below the minimum 1"),
            (buy("1", "0.05"), "below one tick"),
            (buy(client_order_id="not plain"), "plain letters"),
        ):
            with pytest.raises(InvalidOrderException) as refused:
                await exchange.place_order(request)
            assert rule in refused.value.rule
            assert refused.value.safe_to_resubmit
        with pytest.raises(UnknownSymbolException):
            await exchange.place_order(buy(symbol=Symbol("NO/USDT")))
    assert "place_order" not in venue.asked


async def test_a_refused_order(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    venue.faults["place_order"] = [RateLimitException("slow down", "venue", exchange_code=429)]
    async with exchange:
        with pytest.raises(RateLimitException) as refused:
            await exchange.place_order(buy(client_order_id="mine"))
        assert refused.value.exchange_code == "429"
        tracked = exchange.tracked_order(client_order_id="mine")
        assert tracked.status is OrderStatus.REJECTED
        with pytest.raises(ExchangeRejectedException, match="slow down"):
            await exchange.resolve_order("mine")
        with pytest.raises(DuplicateOrderException, match="already"):
            await exchange.place_order(buy(client_order_id="mine"))
    assert venue.asked.count("place_order") == 1


async def test_an_id_that_the_exchange_knows_already(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    venue.accept(buy(client_order_id="mine"))
    async with exchange:
        with pytest.raises(DuplicateOrderException):
            await exchange.place_order(buy(client_order_id="mine"))
        assert exchange.tracked_order(client_order_id="mine") is None, "the other one is not ours to call rejected"
        assert (await exchange.resolve_order("mine", symbol=BTC)).status is NEW
        with pytest.raises(OrderNotFoundException, match="give its symbol"):
            await exchange.resolve_order("never")


# ---- unknown outcomes ----------------------------------------------------------------------------------------------


async def test_an_answer_that_was_lost_after_the_order_was_taken(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    venue.faults["place_order"] = ["unanswered"]
    async with exchange:
        events = heard_of(exchange)
        order = await exchange.place_order(buy())
        assert order.status is NEW
        assert [order.order_id for order in venue.orders.values()] == [order.order_id]
        assert kinds(events) == ["order_unknown", "order_resolved"]
        resolved = events[-1]
        assert isinstance(resolved, OrderResolved)
        assert (resolved.how, resolved.status) == ("query", NEW)
    assert venue.asked.count("place_order") == 1


async def test_an_order_that_was_lost_on_the_way_is_proven_missing(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, rest, _, exchange = make_account(virtual_clock)
    venue.faults["place_order"] = ["lost"]
    async with exchange:
        events = heard_of(exchange)
        began = venue.now()
        with pytest.raises(ExchangeRejectedException, match="does not know it") as proven:
            await exchange.place_order(buy())
        assert proven.value.safe_to_resubmit
        assert isinstance(proven.value.__cause__, UnknownOutcomeException)
        assert venue.now() - began > rest.order_validity_s * 1e9, "only then does a missing order count as one"
        assert isinstance(events[-1], OrderResolved)
        assert events[-1].how == "not found after its validity"
    assert venue.asked.count("place_order") == 1
    assert venue.orders == {}


async def test_an_order_that_arrives_late_is_not_called_missing(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    venue.faults["place_order"] = ["late"]
    async with exchange:
        order = await exchange.place_order(buy())
        assert order.status is NEW
    assert venue.asked.count("place_order") == 1
    assert len(venue.orders) == 1


async def test_the_stream_tells_before_any_query(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    venue.faults["place_order"] = ["unanswered"]
    async with exchange:
        await exchange.subscribe()
        venue.asked.clear()
        order = await exchange.place_order(buy())
        assert order.status is NEW
        assert venue.asked == ["place_order"]


async def test_the_bound_of_the_exchanges_clock_counts_not_ours(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    venue.late_s = 8.0
    venue.faults["place_order"] = ["late"]
    async with exchange:
        placing = asyncio.ensure_future(exchange.place_order(buy()))
        await asyncio.sleep(1)
        venue.offset_ns = -5_000_000_000  # its clock is put back: what was signed stays valid for longer
        assert (await placing).status is NEW


async def test_what_cannot_be_found_out_stays_unknown_and_can_be_resolved_later(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, _, _, exchange = make_account(virtual_clock, policy=OrderPolicy(resolve_within=10))
    venue.faults["place_order"] = ["unanswered"]
    venue.faults["order"] = [ExchangeConnectionException("down", "venue") for _ in range(100)]
    async with exchange:
        events = heard_of(exchange)
        with pytest.raises(UnknownOutcomeException) as unknown:
            await exchange.place_order(buy())
        assert unknown.value.client_order_id == "id-1"
        assert unknown.value.sent_ts is not None
        assert not unknown.value.safe_to_resubmit
        assert [event.final for event in events if isinstance(event, OrderUnknown)] == [False, True]
        assert exchange.health().unknown == 1
        venue.faults["order"] = []
        order = await exchange.resolve_order("id-1")
        assert order.status is NEW
        assert exchange.health().unknown == 0
        assert (await exchange.resolve_order("id-1")).order_id == order.order_id


@pytest.mark.parametrize(
    ("then", "how", "status"), [("rests", "open orders", NEW), ("ends", "order history", CANCELED)]
)
async def test_where_a_client_order_id_finds_nothing_the_lists_are_looked_through(
    virtual_clock: ManualClock, make_account: MakeAccount, then: str, how: str, status: OrderStatus
) -> None:
    venue, rest, _, exchange = make_account(virtual_clock)
    rest.query_by_client_id_only_open = True
    venue.faults["place_order"] = ["unanswered"]
    venue.faults["order"] = [OrderNotFoundException("no such order", "venue") for _ in range(9)]
    venue.faults["open_orders"] = [ExchangeConnectionException("down", "venue"), None]
    if then == "ends":
        venue.after_accept = lambda order, request: venue.cancel(order.order_id)
    async with exchange:
        events = heard_of(exchange)
        order = await exchange.place_order(buy())
        assert order.status is status
        assert [event.how for event in events if isinstance(event, OrderResolved)] == [how]


async def test_an_answer_that_is_older_than_it_looks_proves_nothing(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, rest, _, exchange = make_account(virtual_clock)
    venue.trip_s = 1.2
    venue.late_s = 5.5
    venue.faults["place_order"] = ["late"]
    async with exchange:
        assert (await exchange.place_order(buy())).status is NEW
        assert venue.late_s > rest.order_validity_s


async def test_settings_that_are_wrong_are_no_doubt_about_an_order(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    venue.faults["place_order"] = [ConfigurationException("no key"), ZeroDivisionError("a defect")]
    async with exchange:
        with pytest.raises(ConfigurationException):
            await exchange.place_order(buy(client_order_id="first"))
        assert exchange.tracked_order(client_order_id="first").status is OrderStatus.REJECTED
        with pytest.raises(ZeroDivisionError):
            await exchange.place_order(buy(client_order_id="second"))
        assert exchange.tracked_order(client_order_id="second").status is OrderStatus.UNKNOWN


async def test_what_the_stream_tells_outweighs_a_refusal(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)

    def then_refuse(order: Order, request: OrderRequest) -> None:
        raise RateLimitException("slow down", "venue")

    venue.after_accept = then_refuse
    async with exchange:
        await exchange.subscribe()
        order = await exchange.place_order(buy())
        assert order.status is NEW, "it was refused in the answer, and it is there"


async def test_several_orders_whose_request_fails_as_a_whole(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, rest, _, exchange = make_account(virtual_clock)
    failures: list[BaseException] = [UnknownOutcomeException("lost", "venue"), ZeroDivisionError("a defect")]

    async def place_orders(requests: Any) -> Any:
        raise failures.pop(0)

    rest.place_orders = place_orders
    async with exchange:
        outcomes = await exchange.place_orders([buy(), buy()])
        assert [type(outcome) for outcome in outcomes] == [ExchangeRejectedException] * 2
        with pytest.raises(ZeroDivisionError):
            await exchange.place_orders([buy(client_order_id="third")])
        assert exchange.tracked_order(client_order_id="third").status is OrderStatus.UNKNOWN
    assert venue.orders == {}


async def test_a_cancelled_caller_leaves_an_order_that_is_resolved_all_the_same(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange:
        await exchange.subscribe()
        venue.handlers = None
        placing = asyncio.ensure_future(exchange.place_order(buy()))
        await asyncio.sleep(0.015)  # the venue has it, the answer is on its way
        placing.cancel()
        await asyncio.wait({placing})
        assert placing.cancelled()
        assert exchange.tracked_order(client_order_id="id-1").status is OrderStatus.UNKNOWN
        assert (await exchange.resolve_order("id-1")).status is NEW


async def test_several_orders_have_an_outcome_each(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    venue.faults["place_order"] = [None, RateLimitException("slow down", "venue"), "unanswered", "lost"]
    async with exchange:
        outcomes = await exchange.place_orders([buy(), buy("0.0001"), buy(), buy(), buy()])
        assert outcomes[0].status is NEW
        assert isinstance(outcomes[1], InvalidOrderException)
        assert isinstance(outcomes[2], RateLimitException)
        assert outcomes[3].status is NEW
        assert isinstance(outcomes[4], ExchangeRejectedException)
        assert len(venue.orders) == 2
        with pytest.raises(DuplicateOrderException):
            await exchange.place_orders([buy(client_order_id="new"), buy(client_order_id="id-1")])
        assert exchange.tracked_order(client_order_id="new") is None


# ---- another road for orders ---------------------------------------------------------------------------------------


class OtherRoad(OrderEntry):
    exchange = "venue"

    def __init__(self, rest: Any, outcomes: list[Any]) -> None:
        self.rest = rest
        self.outcomes = outcomes
        self.is_there = True
        self.asked: list[str] = []

    def serves(self, market: MarketType) -> bool:
        return self.is_there

    async def place_order(self, request: OrderRequest) -> Order:
        return await self._through("place", lambda: self.rest.place_order(request))  # type: ignore[no-any-return]

    async def cancel_order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order | None:
        return await self._through(  # type: ignore[no-any-return]
            "cancel", lambda: self.rest.cancel_order(symbol, order_id=order_id, client_order_id=client_order_id)
        )

    async def aclose(self) -> None:
        self.is_there = False

    async def _through(self, what: str, pass_on: Callable[[], Any]) -> Any:
        self.asked.append(what)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        return await pass_on()


async def test_orders_take_the_other_road_and_rest_where_that_provably_failed(
    virtual_clock: ManualClock,
    make_account: MakeAccount,
    make_venue: Any,
    make_rest: Any,
    make_websocket: Any,
) -> None:
    from cex.exchanges.base import ComposedPrivateExchange

    venue = make_venue(virtual_clock)
    rest, websocket = make_rest(venue), make_websocket(venue)
    not_sent = ExchangeConnectionException("not sent", "venue", safe_to_resubmit=True)
    road = websocket.orders = OtherRoad(rest, [None, not_sent, UnknownOutcomeException("lost", "venue"), not_sent])
    exchange = ComposedPrivateExchange(
        rest_client=rest, websocket_client=websocket, owns_rest=False, owns_websocket=False, clock=virtual_clock
    )
    async with exchange:
        first = await exchange.place_order(buy())
        second = await exchange.place_order(buy())
        assert len(venue.orders) == 2
        with pytest.raises(ExchangeRejectedException, match="not found"):
            await exchange.place_order(buy())
        assert len(venue.orders) == 2, "what may have had an effect is not sent again on any road"
        assert (await exchange.cancel_order(BTC, order_id=first.order_id)).status is CANCELED
        road.outcomes = [RateLimitException("slow down", "venue")]
        with pytest.raises(RateLimitException):
            await exchange.place_order(buy())
        road.is_there = False
        assert (await exchange.cancel_order(BTC, client_order_id=second.client_order_id)).status is CANCELED
        assert road.asked == ["place", "place", "place", "cancel", "place"]
    assert venue.closed == [], "who made the clients closes them"


# ---- cancelling and changing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("streaming", [False, True])
async def test_a_cancel_returns_the_order_as_it_ended(
    virtual_clock: ManualClock, make_account: MakeAccount, silent: bool, streaming: bool
) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    venue.silent_answers = silent
    async with exchange:
        if streaming:
            await exchange.subscribe()
        order = await exchange.place_order(buy())
        venue.trade(order.order_id, "0.4", "100")
        ended = await exchange.cancel_order(BTC, client_order_id=order.client_order_id)
        assert ended.status is CANCELED
        assert ended.filled == (Decimal("0.4") if streaming or silent else ended.filled)


async def test_a_cancel_that_comes_too_late_tells_how_the_order_ended(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange:
        order = await exchange.place_order(buy())
        venue.trade(order.order_id, "1", "100")
        ended = await exchange.cancel_order(BTC, order_id=order.order_id)
        assert (ended.status, ended.filled) == (FILLED, Decimal(1))
        with pytest.raises(OrderNotFoundException):
            await exchange.cancel_order(BTC, order_id="404")
        with pytest.raises(ValueError, match="exactly one"):
            await exchange.cancel_order(BTC)


async def test_a_cancel_whose_answer_is_lost_is_looked_up(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange:
        order = await exchange.place_order(buy())
        venue.faults["cancel_order"] = ["lost", "unanswered"]
        ended = await exchange.cancel_order(BTC, order_id=order.order_id)
        assert ended.status is CANCELED
        assert venue.asked.count("cancel_order") == 2, "a cancel by id may be repeated"


async def test_a_cancel_that_takes_no_effect_returns_the_order_as_it_stands(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange:
        order = await exchange.place_order(buy())
        venue.faults["cancel_order"] = ["lost"] * 50
        assert (await exchange.cancel_order(BTC, order_id=order.order_id)).status is NEW


async def test_a_cancel_by_the_other_road_goes_by_rest_where_that_fails(
    virtual_clock: ManualClock, make_venue: Any, make_rest: Any, make_websocket: Any
) -> None:
    from cex.exchanges.base import ComposedPrivateExchange

    venue = make_venue(virtual_clock)
    rest, websocket = make_rest(venue), make_websocket(venue)
    websocket.orders = OtherRoad(rest, [None, UnknownOutcomeException("lost", "venue")])
    exchange = ComposedPrivateExchange(
        rest_client=rest, websocket_client=websocket, owns_rest=True, owns_websocket=True, clock=virtual_clock
    )
    async with exchange:
        order = await exchange.place_order(buy())
        ended = await exchange.cancel_order(BTC, order_id=order.order_id)
        assert ended.status is CANCELED
        assert await exchange.cancel_order(BTC, order_id=order.order_id) == ended, "what has ended is not asked about"


async def test_a_late_cancel_of_what_the_exchange_forgot(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange:
        await exchange.subscribe()
        order = await exchange.place_order(buy())
        venue.drop = 1
        venue.trade(order.order_id, "1", "100")  # the fill is not heard, so it is not settled
        venue.faults["order"] = [OrderNotFoundException("forgotten", "venue")]
        assert (await exchange.cancel_order(BTC, order_id=order.order_id)).status is FILLED
        venue.faults["order"] = [ExchangeConnectionException("down", "venue")]
        with pytest.raises(ExchangeConnectionException):
            await exchange.cancel_order(BTC, order_id=order.order_id)


async def test_cancelling_everything_must_be_said(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange:
        for symbol in (BTC, PERPETUAL, BTC):
            await exchange.place_order(buy(symbol=symbol))
        with pytest.raises(ValueError, match="everything=True"):
            await exchange.cancel_all_orders()
        ended = await exchange.cancel_all_orders(BTC)
        assert [order.status for order in ended] == [CANCELED, CANCELED]
        assert len(await exchange.open_orders()) == 1
        assert [order.symbol for order in await exchange.cancel_all_orders(everything=True)] == [PERPETUAL]
        assert await exchange.open_orders(BTC) == []
    assert venue.asked.count("cancel_order") == 0


async def test_a_resting_order_is_changed_by_the_rules(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange:
        order = await exchange.place_order(buy())
        changed = await exchange.amend_order(BTC, client_order_id=order.client_order_id, price=Decimal("99.99"))
        assert changed.price == Decimal("99.9")
        venue.faults["amend_order"] = ["unanswered", "lost"]
        changed = await exchange.amend_order(BTC, order_id=order.order_id, quantity=Decimal("2.0001"))
        assert changed.quantity == 2
        with pytest.raises(UnknownOutcomeException):
            await exchange.amend_order(BTC, order_id=order.order_id, quantity=Decimal(3))
        with pytest.raises(InvalidOrderException, match="below the minimum"):
            await exchange.amend_order(BTC, order_id=order.order_id, quantity=Decimal("0.0001"))
        with pytest.raises(ValueError, match="price or the quantity"):
            await exchange.amend_order(BTC, order_id=order.order_id)
    other = make_account(virtual_clock)
    async with other[3] as exchange:
        placed = other[0].accept(buy(client_order_id="elsewhere"))
        changed = await exchange.amend_order(BTC, order_id=placed.order_id, price=Decimal(98))
        assert changed.price == 98, "an order that is not known here is asked for first"


# ---- streams -------------------------------------------------------------------------------------------------------


async def test_orders_and_fills_are_told_once_each(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange, collected(exchange.orders()) as orders, collected(exchange.fills()) as fills:
        assert exchange.is_whole
        order = await exchange.place_order(buy())
        fill = venue.trade(order.order_id, "0.4", "100")
        venue.push("fill", fill)
        venue.trade(order.order_id, "0.6", "101")
        await asyncio.sleep(1)
        assert [(told.status, told.filled) for told in orders] == [
            (NEW, Decimal(0)),
            (OrderStatus.PARTIALLY_FILLED, Decimal("0.4")),
            (FILLED, Decimal(1)),
        ]
        assert orders[-1].average_price == Decimal("100.6")
        assert [told.trade_id for told in fills] == ["t1", "t2"]
        streams = {stream.channel: stream for stream in exchange.health().private_streams}
        assert (streams["orders"].readers, streams["orders"].delivered, streams["fills"].delivered) == (1, 3, 2)


async def test_a_fill_before_the_answer(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange:
        await exchange.subscribe()
        placing = asyncio.ensure_future(exchange.place_order(buy()))
        await asyncio.sleep(0.015)
        venue.trade("1", "1", "99")
        order = await placing
        assert (order.status, order.average_price) == (FILLED, Decimal(99))


async def test_what_the_account_holds_is_told_as_it_stands(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, rest, _, exchange = make_account(virtual_clock)
    rest.markets = (MarketType.SPOT, MarketType.FUTURES)
    long = Position(symbol=PERPETUAL, side=PositionSide.BOTH, quantity=Decimal(2), entry_price=Decimal(100))
    venue.positions = [long]
    async with exchange:
        balances, positions = exchange.balance_updates(), exchange.position_updates()
        assert (await anext(balances)).free == 1000, "what is held at the beginning comes first"
        assert await anext(positions) == long
        for free in (900, 800):
            venue.push("balance", Balance(currency="USDT", free=Decimal(free)))
            venue.push("balance", Balance(currency="BTC", free=Decimal(free)))
        assert [(await anext(balances)).free for _ in range(2)] == [800, 800]
        venue.push("position", long)
        await balances.aclose()
        await positions.aclose()


async def test_a_slow_reader_of_fills_is_told(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock, waiting=2)
    async with exchange:
        events = heard_of(exchange)
        fills = exchange.fills()
        first = asyncio.ensure_future(anext(fills))
        await asyncio.sleep(1)
        order = await exchange.place_order(buy("1"))
        for _ in range(4):
            venue.trade(order.order_id, "0.1", "100")
        await first
        for _ in range(4):
            venue.trade(order.order_id, "0.1", "100")
        assert (await anext(fills)).trade_id == "t7"
        told = [(event.dropped, event.resumed) for event in events if isinstance(event, PrivateOverflow)]
        assert told[0] == (1, False)
        assert told[-1][1] is True
        await fills.aclose()


async def test_a_stream_that_there_is_not(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    _, _, websocket, exchange = make_account(virtual_clock)
    websocket.channels = ()
    async with exchange:
        with pytest.raises(NotOfferedException, match="positions"):
            await anext(exchange.position_updates())


async def test_readers_end_when_the_exchange_is_closed(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    _, _, _, exchange = make_account(virtual_clock)
    async with exchange:
        reading = asyncio.ensure_future(anext(exchange.orders(), None))
        starting = asyncio.ensure_future(anext(exchange.fills(), None))
        await asyncio.sleep(0.001)
    assert await reading is None
    assert await starting is None
    with pytest.raises(ExchangeConnectionException, match="closed"):
        await anext(exchange.orders())


# ---- losses --------------------------------------------------------------------------------------------------------


async def test_what_happened_during_a_loss_is_told_once(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, websocket, exchange = make_account(virtual_clock)
    async with exchange, collected(exchange.fills()) as fills, collected(exchange.orders()) as orders:
        events = heard_of(exchange)
        first = await exchange.place_order(buy())
        second = await exchange.place_order(buy())
        third = await exchange.place_order(buy())
        venue.trade(first.order_id, "0.1", "100")
        heard = virtual_clock.monotonic_ns()
        await asyncio.sleep(30)
        websocket.lose(heard)
        assert not exchange.is_whole
        venue.trade(first.order_id, "0.9", "100")
        venue.cancel(second.order_id)
        venue.trade(third.order_id, "0.5", "99")
        await asyncio.sleep(60)
        websocket.restore()
        assert not exchange.is_whole, "being subscribed is not enough"
        await asyncio.sleep(1)
        assert exchange.is_whole
        assert [told.trade_id for told in fills] == ["t1", "t2", "t3"]
        ends = {told.order_id: (told.status, told.filled) for told in orders}
        assert ends[first.order_id] == (FILLED, Decimal(1))
        assert ends[second.order_id] == (CANCELED, Decimal(0))
        assert ends[third.order_id] == (OrderStatus.PARTIALLY_FILLED, Decimal("0.5"))
        assert kinds(events) == ["private_interrupted", "private_resubscribed", "private_recovered"]
        told = events[-1]
        assert isinstance(told, PrivateRecovered)
        assert told.fills == 2
        assert told.seconds == pytest.approx(90, abs=0.5)
        health = exchange.health()
        assert (health.backfills, health.backfilled_fills, health.conflicts) == (1, 2, 0)


async def test_a_backfill_that_fails_is_tried_until_it_succeeds(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, _, websocket, exchange = make_account(virtual_clock)
    async with exchange, collected(exchange.fills()) as fills:
        order = await exchange.place_order(buy())
        websocket.lose()
        venue.trade(order.order_id, "1", "100")
        venue.faults["open_orders"] = [ExchangeConnectionException("down", "venue")] * 3
        venue.faults["fills"] = [ExchangeConnectionException("down", "venue")]
        websocket.restore()
        await asyncio.sleep(30)
        assert exchange.is_whole
        assert len(fills) == 1


async def test_a_loss_during_a_backfill_begins_it_anew(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, websocket, exchange = make_account(virtual_clock)
    async with exchange, collected(exchange.fills()) as fills:
        events = heard_of(exchange)
        order = await exchange.place_order(buy())
        websocket.lose()
        venue.trade(order.order_id, "0.3", "100")
        websocket.restore()
        await asyncio.sleep(0.015)
        websocket.lose()
        await asyncio.sleep(5)
        assert not exchange.is_whole
        venue.trade(order.order_id, "0.3", "100")
        websocket.restore()
        await asyncio.sleep(0.015)
        websocket.lose()
        venue.trade(order.order_id, "0.4", "100")
        websocket.restore()
        await asyncio.sleep(5)
        assert exchange.is_whole
        assert len(fills) == 3
        assert kinds(events).count("private_recovered") == 1
        assert kinds(events).count("private_interrupted") == 3


async def test_a_backfill_that_is_overtaken_goes_on_from_where_it_began(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, _, websocket, exchange = make_account(virtual_clock)
    async with exchange, collected(exchange.fills()) as fills:
        events = heard_of(exchange)
        order = await exchange.place_order(buy())
        websocket.lose()
        venue.trade(order.order_id, "0.3", "100")
        await asyncio.sleep(600)
        venue.fills_from.clear()
        for _ in range(3):
            websocket.restore()
            await asyncio.sleep(0.015)
            websocket.lose(virtual_clock.monotonic_ns())
            await asyncio.sleep(60)
        venue.trade(order.order_id, "0.7", "100")
        websocket.restore()
        await asyncio.sleep(5)
        assert exchange.is_whole
        assert len(fills) == 2
        assert venue.fills_from == sorted(venue.fills_from)
        assert venue.fills_from[-1] - venue.fills_from[0] > 600_000_000_000, "what was fetched is not fetched again"
        told = events[-1]
        assert isinstance(told, PrivateRecovered)
        assert told.fills == 2, "of the whole hole, whichever pass found them"
        assert told.seconds > 780


async def test_fills_that_rest_lists_late_are_waited_for(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, websocket, exchange = make_account(virtual_clock)
    async with exchange, collected(exchange.fills()) as fills:
        order = await exchange.place_order(buy())
        websocket.lose()
        venue.trade(order.order_id, "1", "100")
        late = venue.fills.pop()
        websocket.restore()
        await asyncio.sleep(2)
        assert not exchange.is_whole
        venue.fills.append(late)
        await asyncio.sleep(3)
        assert exchange.is_whole
        assert [told.trade_id for told in fills] == ["t1"]


async def test_an_audit_finds_what_a_stream_lost_without_a_word(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, _, websocket, exchange = make_account(virtual_clock)
    async with exchange, collected(exchange.fills()) as fills, collected(exchange.orders()) as orders:
        events = heard_of(exchange)
        order = await exchange.place_order(buy())
        await asyncio.sleep(3)
        venue.drop = 2
        venue.trade(order.order_id, "1", "100")
        await asyncio.sleep(20)
        assert [told.trade_id for told in fills] == ["t1"]
        assert orders[-1].status is FILLED
        assert websocket.verified == 1
        assert events == []
        assert exchange.health().audit_finds >= 2
        asked = len(venue.asked)
        await asyncio.sleep(100)
        assert len(venue.asked) == asked, "with nothing open there is nothing to audit"


async def test_an_audit_finds_a_fill_whose_push_was_lost(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange, collected(exchange.fills()) as fills:
        order = await exchange.place_order(buy())
        venue.drop = 1
        venue.trade(order.order_id, "1", "100")
        await asyncio.sleep(20)
        assert [told.trade_id for told in fills] == ["t1"]


async def test_fills_that_are_nowhere_are_not_asked_for_ever(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange:
        await exchange.subscribe()
        order = await exchange.place_order(buy())
        venue.drop = 1
        venue.trade(order.order_id, "1", "100")
        venue.fills.clear()
        await asyncio.sleep(15 * 25)
        venue.asked.clear()
        await asyncio.sleep(1000)
        assert set(venue.asked) == {"load_instruments"}


async def test_an_order_that_vanished_has_ended(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange:
        await exchange.subscribe()
        order = await exchange.place_order(buy())
        del venue.orders[order.order_id]
        await asyncio.sleep(20)
        ended = exchange.tracked_order(order_id=order.order_id)
        assert (ended.status, ended.finish_reason) == (CANCELED, "not known any more")


async def test_what_rested_before_is_known_and_its_old_fills_are_not_told(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    venue.accept(buy(client_order_id="elsewhere"))
    venue.trade("1", "0.5", "100")
    async with exchange, collected(exchange.fills()) as fills:
        assert exchange.tracked_order(order_id="1").filled == Decimal("0.5")
        venue.trade("1", "0.5", "102")
        await asyncio.sleep(1)
        assert [told.trade_id for told in fills] == ["t2"]
        assert exchange.tracked_order(order_id="1").average_price == 101


async def test_a_refused_subscription_is_asked_for_again(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    venue.faults["subscribe"] = [ExchangeRejectedException("no", "venue")]
    async with exchange:
        with pytest.raises(ExchangeRejectedException):
            await exchange.subscribe()
        assert not exchange.is_whole
        await exchange.subscribe()
        assert exchange.is_whole


# ---- the rest ------------------------------------------------------------------------------------------------------


async def test_a_position_is_closed_like_any_order(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, rest, _, exchange = make_account(virtual_clock)
    rest.markets = (MarketType.FUTURES,)
    venue.positions = [
        Position(symbol=PERPETUAL, side=PositionSide.BOTH, quantity=Decimal(-2), entry_price=Decimal(100))
    ]
    async with exchange:
        order = await exchange.close_position(PERPETUAL)
        assert (order.side, order.quantity) == (Side.BUY, None)
        with pytest.raises(InvalidOrderException, match="there is no long position"):
            await exchange.close_position(PERPETUAL, side=PositionSide.LONG)


async def test_the_simple_questions(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, _, exchange = make_account(virtual_clock)
    async with exchange:
        order = await exchange.place_order(buy())
        venue.trade(order.order_id, "1", "100")
        now = venue.now()
        assert await exchange.server_time() > 0
        assert (await exchange.balances())[0].currency == "USDT"
        assert (await exchange.fees(BTC)).taker == Decimal("0.002")
        assert (await exchange.order(BTC, order_id=order.order_id)).status is FILLED
        assert len(await exchange.order_history(BTC, 0, now)) == 1
        assert len(await exchange.fill_history(BTC, 0, now + 1)) == 1
        assert exchange.budget_left() == exchange.health().budget == {"uid": 10_000 - len(venue.asked)}
        assert await exchange.positions() == []
        for nothing in (
            exchange.set_leverage(PERPETUAL, Decimal(2)),
            exchange.set_margin_mode(PERPETUAL, "cross"),
            exchange.funding_payments(PERPETUAL, 0, 1),
            exchange.transfer("USDT", Decimal(1), MarketType.SPOT, MarketType.FUTURES),
            exchange.networks("USDT"),
            exchange.deposit_address("USDT", "TRX"),
            exchange.deposits(0, 1),
            exchange.withdrawals(0, 1),
        ):
            with pytest.raises(NotOfferedException):
                await nothing
        with pytest.raises(ConfigurationException, match="withdrawals are off for account 'default'"):
            await exchange.withdraw("USDT", Decimal(1), "address", "TRX")


async def test_a_withdrawal_needs_the_settings_to_allow_it(
    virtual_clock: ManualClock, make_account: MakeAccount
) -> None:
    _, rest, _, exchange = make_account(virtual_clock)
    rest.withdrawals_enabled = True
    async with exchange:
        with pytest.raises(NotOfferedException):
            await exchange.withdraw("USDT", Decimal(1), "address", "TRX")


async def test_it_closes_within_a_second_whatever_runs(virtual_clock: ManualClock, make_account: MakeAccount) -> None:
    venue, _, websocket, exchange = make_account(virtual_clock)
    venue.faults["place_order"] = ["lost"]
    async with exchange:
        await exchange.subscribe()
        unknown = asyncio.ensure_future(exchange.place_order(buy()))
        await asyncio.sleep(1)
        websocket.lose()
        websocket.restore()
        began = virtual_clock.monotonic_ns()
    assert virtual_clock.monotonic_ns() - began < 1e9
    with pytest.raises(UnknownOutcomeException):
        await unknown
    await exchange.aclose()


def test_every_await_can_be_cancelled(make_account: MakeAccount, cancel_everywhere: Any) -> None:
    @asynccontextmanager
    async def scenario(clock: ManualClock) -> AsyncIterator[Any]:
        venue, _, websocket, exchange = make_account(clock, policy=OrderPolicy(audit_every=5))
        venue.faults["place_order"] = [None, "unanswered", "lost"]

        async def work() -> None:
            async with exchange:
                fills = exchange.fills()
                waiting = asyncio.ensure_future(anext(fills))
                try:
                    await exchange.subscribe()
                    order = await exchange.place_order(buy())
                    venue.trade(order.order_id, "0.5", "100")
                    await waiting
                    await exchange.place_order(buy())
                    with pytest.raises(ExchangeRejectedException):
                        await exchange.place_order(buy())
                    websocket.lose()
                    venue.trade(order.order_id, "0.1", "100")
                    websocket.restore()
                    await exchange.amend_order(BTC, order_id=order.order_id, price=Decimal(99))
                    await exchange.cancel_order(BTC, order_id=order.order_id)
                    await exchange.cancel_all_orders(everything=True)
                finally:
                    waiting.cancel()
                    await asyncio.wait({waiting})
                    await fills.aclose()

        yield work()
        await exchange.aclose()
        assert venue.asked.count("place_order") <= 3

    assert cancel_everywhere(scenario) > 20
