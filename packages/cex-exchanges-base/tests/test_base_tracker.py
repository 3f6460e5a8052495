from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common import Fill, Order, OrderRequest, Symbol
from cex.common.clock import ManualClock
from cex.common.enums import OrderStatus, OrderType, Side
from cex.common.exceptions import DuplicateOrderException
from cex.exchanges.base.interfaces import ExchangeEvent, OrderConflict
from cex.exchanges.base.orders import TRANSITIONS, OrderTracker

BTC = Symbol("BTC/USDT")
NEW, PARTIAL, FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
CANCELED, REJECTED, EXPIRED = OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED


class Heard:
    """A tracker, and everything that it told."""

    def __init__(self, **options: Any) -> None:
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        self.events: list[ExchangeEvent] = []
        self.tracker = OrderTracker(
            "venue",
            "default",
            on_order=self.orders.append,
            on_fill=self.fills.append,
            emit=self.events.append,
            clock=ManualClock(),
            **options,
        )

    @property
    def conflicts(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, OrderConflict)]


def request(client_order_id: str = "mine", **facts: Any) -> OrderRequest:
    asked: dict[str, Any] = {
        "symbol": BTC,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal(3),
        "price": Decimal(100),
        "client_order_id": client_order_id,
    }
    return OrderRequest(**asked | facts)


def order(status: OrderStatus = NEW, filled: str = "0", **facts: Any) -> Order:
    said: dict[str, Any] = {
        "symbol": BTC,
        "order_id": "7",
        "client_order_id": "mine",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "status": status,
        "quantity": Decimal(3),
        "price": Decimal(100),
        "filled": Decimal(filled),
        "updated_ts": 5,
    }
    return Order(**said | facts)


def fill(trade_id: str, quantity: str = "1", price: str = "100", **facts: Any) -> Fill:
    said: dict[str, Any] = {
        "symbol": BTC,
        "trade_id": trade_id,
        "order_id": "7",
        "client_order_id": "mine",
        "side": Side.BUY,
        "price": Decimal(price),
        "quantity": Decimal(quantity),
        "fee": Decimal("0.1"),
        "fee_currency": "USDT",
        "liquidity": None,
        "exchange_ts": 6,
    }
    return Fill(**said | facts)


def test_an_order_goes_through_its_life() -> None:
    heard = Heard()
    tracker = heard.tracker
    record = tracker.begin(request(), 1)
    assert record.order.status is OrderStatus.PENDING
    assert list(tracker.in_doubt()) == [record]
    tracker.on_order(order(NEW))
    assert list(tracker.open()) == [record]
    tracker.on_fill(fill("a", "1", "100"))
    tracker.on_fill(fill("b", "2", "101"))
    tracker.on_order(order(FILLED, "3"))
    assert [told.status for told in heard.orders] == [NEW, PARTIAL, FILLED]
    assert [told.trade_id for told in heard.fills] == ["a", "b"]
    end = record.order
    assert (end.filled, end.filled_quote) == (Decimal(3), Decimal(302))
    assert end.fees == {"USDT": Decimal("0.2")}
    assert end.average_price == Decimal("100.6666666666666666666666667")
    assert tracker.live() == []
    assert heard.conflicts == []


SPLITS = st.lists(st.integers(1, 5), min_size=0, max_size=5)


@settings(max_examples=60)
@given(
    data=st.data(),
    parts=SPLITS,
    ending=st.sampled_from([FILLED, CANCELED, EXPIRED, None]),
    ours=st.booleans(),
)
def test_what_comes_late_twice_or_out_of_order_ends_the_same(
    data: st.DataObject, parts: list[int], ending: OrderStatus | None, ours: bool
) -> None:
    whole = sum(parts) if ending is FILLED and parts else sum(parts) + 2
    events: list[Order | Fill] = [order(NEW, quantity=Decimal(whole), updated_ts=1)]
    quote = filled = Decimal(0)
    for number, part in enumerate(parts):
        price = Decimal(100 + number)
        events.append(fill(str(number), str(part), str(price), exchange_ts=2 + number))
        quote, filled = quote + part * price, filled + part
        status = FILLED if filled == whole else PARTIAL
        events.append(order(status, str(filled), quantity=Decimal(whole), updated_ts=2 + number))
    if ending in (CANCELED, EXPIRED):
        events.append(order(ending, str(filled), quantity=Decimal(whole), updated_ts=50))
    repeated = events + data.draw(st.lists(st.sampled_from(events), max_size=6), label="repeated")
    mixed = data.draw(st.permutations(repeated), label="order of arrival")
    heard = Heard()
    if ours:
        heard.tracker.begin(request(quantity=Decimal(whole)), 1)
    for event in mixed:
        if isinstance(event, Order):
            heard.tracker.on_order(event)
        else:
            heard.tracker.on_fill(event)
    record = heard.tracker.find(order_id="7")
    assert record is not None
    assert heard.conflicts == []
    assert record.order.filled == filled == sum((told.quantity for told in heard.fills), Decimal(0))
    assert len(heard.fills) == len(parts)
    expected = ending if ending in (CANCELED, EXPIRED) else FILLED if filled == whole else PARTIAL if filled else NEW
    assert record.order.status is expected
    if filled:
        assert record.order.filled_quote == quote
        assert record.order.average_price == quote / filled
        assert record.order.fees == {"USDT": Decimal("0.1") * len(parts)}
    assert heard.orders[-1] == record.order, "the last one told is the one that stands"


@pytest.mark.parametrize(
    ("before", "said", "reason"),
    [
        (order(FILLED, "3"), order(CANCELED, "1"), "canceled after filled"),
        (order(CANCELED, "1"), order(FILLED, "3"), "filled after canceled"),
        (order(PARTIAL, "1"), order(REJECTED), "rejected with 1 filled"),
        (order(REJECTED), order(PARTIAL, "1"), "1 filled of an order that was rejected"),
        (order(NEW), order(PARTIAL, "4"), "4 filled of 3"),
        (order(NEW), order(NEW, side=Side.SELL), "side sell of an order with side buy"),
        (order(NEW), order(NEW, symbol=Symbol("ETH/USDT")), "symbol ETH/USDT of an order"),
        (order(NEW), order(NEW, client_order_id="other"), "client order id other of the order mine"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(before: Order, said: Order, reason: str) -> None:
    heard = Heard()
    record = heard.tracker.on_order(before)
    told = len(heard.orders)
    heard.tracker.on_order(said)
    assert record.order == before
    assert len(heard.orders) == told
    assert len(heard.conflicts) == heard.tracker.conflicts == 1
    assert reason in heard.conflicts[0]


@pytest.mark.parametrize(
    ("impossible", "reason"),
    [
        (fill("x", "4"), "4 filled of 3"),
        (fill("x", side=Side.SELL), "a sell of BTC/USDT"),
        (fill("x", "0"), "a fill of 0"),
        (fill("x", price="-1"), "at -1"),
    ],
)
def test_a_fill_that_cannot_be_is_told_and_not_counted(impossible: Fill, reason: str) -> None:
    heard = Heard()
    record = heard.tracker.on_order(order(NEW))
    assert not heard.tracker.on_fill(impossible)
    assert not heard.tracker.on_fill(impossible), "and told once"
    assert record.filled == 0
    assert record.order.status is NEW
    assert heard.fills == []
    assert [reason in told for told in heard.conflicts] == [True]


def test_fills_that_were_heard_before_their_order_are_counted_when_it_is_heard() -> None:
    heard = Heard()
    assert heard.tracker.on_fill(fill("a", client_order_id=None))
    assert heard.fills, "a fill is told at once"
    record = heard.tracker.on_order(order(PARTIAL, "1"))
    assert record.filled == len(heard.fills) == 1
    assert record.order.fees == {"USDT": Decimal("0.1")}


def test_a_push_without_our_id_before_the_answer_is_no_second_order() -> None:
    heard = Heard()
    record = heard.tracker.begin(request(), 1)
    heard.tracker.on_order(order(PARTIAL, "1", client_order_id=None))
    heard.tracker.on_fill(fill("a", client_order_id=None))
    assert list(heard.tracker.in_doubt()) == [record], "nobody can know yet that it is the same"
    answered = heard.tracker.on_order(order(NEW))
    assert answered is record
    assert (record.order.status, record.filled, record.order.order_id) == (PARTIAL, Decimal(1), "7")
    assert heard.tracker.live() == [record]
    assert heard.tracker.find(order_id="7") is record
    assert len(heard.fills) == 1


def test_a_quantity_that_was_raised_reopens_what_only_our_sum_had_closed() -> None:
    heard = Heard()
    record = heard.tracker.on_order(order(NEW, quantity=Decimal(1)))
    heard.tracker.on_fill(fill("a", "1"))
    assert record.order.status is FILLED
    heard.tracker.on_order(order(PARTIAL, "1", quantity=Decimal(2), updated_ts=9))
    assert (record.order.status, record.order.remaining) == (PARTIAL, Decimal(1))
    heard.tracker.on_order(order(CANCELED, "1", quantity=Decimal(2), updated_ts=10))
    assert record.order.status is CANCELED
    assert heard.conflicts == []


def test_an_order_by_quote_amount_is_filled_when_the_exchange_says_so() -> None:
    heard = Heard()
    heard.tracker.begin(request(quantity=None, price=None, order_type=OrderType.MARKET, quote_quantity=Decimal(300)), 1)
    heard.tracker.on_fill(fill("a", "1.5"))
    record = heard.tracker.on_order(order(FILLED, "2.5", quantity=None, quote_quantity=Decimal(300)))
    assert (record.order.status, record.is_settled) == (FILLED, False)
    heard.tracker.on_fill(fill("b", "1"))
    assert record.is_settled


def test_a_filled_order_that_does_not_say_how_much_is_filled_whole() -> None:
    record = Heard().tracker.on_order(order(FILLED))
    assert record.order.filled == 3
    assert not record.is_settled


def test_an_order_that_was_thought_lost_and_is_there_is_told_loudly() -> None:
    heard = Heard()
    record = heard.tracker.begin(request(), 1)
    heard.tracker.unknown(record)
    heard.tracker.rejected(record, "not found", never_arrived=True)
    assert record.order.status is REJECTED
    heard.tracker.on_order(order(NEW))
    assert record.order.status is NEW
    assert ["never arrived" in told for told in heard.conflicts] == [True]


def test_a_fill_of_an_order_that_was_thought_lost() -> None:
    heard = Heard()
    record = heard.tracker.begin(request(), 1)
    heard.tracker.rejected(record, "not found", never_arrived=True)
    assert heard.tracker.on_fill(fill("a"))
    assert record.order.status is PARTIAL
    assert len(heard.conflicts) == 1


def test_a_refusal_does_not_undo_what_is_known_to_be_there() -> None:
    heard = Heard()
    record = heard.tracker.begin(request(), 1)
    heard.tracker.on_order(order(NEW))
    heard.tracker.rejected(record, "refused")
    heard.tracker.unknown(record)
    assert record.order.status is NEW


def test_a_client_order_id_is_used_once() -> None:
    heard = Heard()
    heard.tracker.begin(request(), 1)
    with pytest.raises(DuplicateOrderException, match="mine"):
        heard.tracker.begin(request(), 2)
    with pytest.raises(ValueError, match="client order id"):
        heard.tracker.begin(request(client_order_id=""), 3)


def test_a_forgotten_order_leaves_its_id_free() -> None:
    heard = Heard()
    record = heard.tracker.begin(request(), 1)
    heard.tracker.forget(record)
    assert heard.tracker.find(client_order_id="mine") is None
    assert heard.tracker.live() == []
    heard.tracker.begin(request(), 2)


def test_what_has_ended_is_remembered_within_bounds() -> None:
    heard = Heard(keep_finished=2, keep_fills=2)
    for number in range(4):
        heard.tracker.on_order(order(CANCELED, order_id=str(number), client_order_id=f"id{number}"))
        heard.tracker.on_fill(fill(f"t{number}", order_id=f"other{number}", client_order_id=None))
    assert heard.tracker.find(order_id="1") is None
    assert heard.tracker.find(client_order_id="id3") is not None
    assert heard.tracker.on_fill(fill("t0", order_id="other0", client_order_id=None)), "forgotten"
    assert not heard.tracker.on_fill(fill("t3", order_id="other3", client_order_id=None))
    assert heard.tracker.duplicates == 1


def test_a_fill_from_before_anybody_listened_is_counted_and_not_told() -> None:
    heard = Heard()
    record = heard.tracker.on_order(order(PARTIAL, "1"))
    assert heard.tracker.on_fill(fill("a"), tell=False)
    assert record.filled == 1
    assert heard.fills == []
    assert heard.tracker.on_fill(fill("b", order_id="other", client_order_id=None), tell=False)
    assert heard.fills == []


def test_fills_that_are_listed_nowhere_are_given_up() -> None:
    heard = Heard()
    record = heard.tracker.on_order(order(CANCELED, "1"))
    assert heard.tracker.live() == [record]
    heard.tracker.give_up_fills(record)
    assert heard.tracker.live() == []


async def test_who_waits_for_an_order_hears_of_its_change(virtual_clock: ManualClock) -> None:
    heard = Heard()
    record = heard.tracker.on_order(order(NEW))
    waiting = asyncio.ensure_future(heard.tracker.changed(record))
    await asyncio.sleep(1)
    heard.tracker.on_order(order(NEW))
    await asyncio.sleep(1)
    assert not waiting.done(), "the same again is no change"
    heard.tracker.on_fill(fill("a"))
    await waiting


def test_nothing_follows_what_is_final_and_all_statuses_are_listed() -> None:
    assert set(TRANSITIONS) == set(OrderStatus)
    for status, following in TRANSITIONS.items():
        assert bool(following) is not status.is_final
        assert status not in following
