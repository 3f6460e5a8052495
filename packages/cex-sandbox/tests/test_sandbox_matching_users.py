from __future__ import annotations

import pytest

from cex.common.enums import OrderStatus, Side, TimeInForce
from cex.sandbox.matching import Fill, MatchingEngine, Order, SelfTrade

BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, FOK, POST = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.POST_ONLY
NEWEST, OLDEST, BOTH = SelfTrade.CANCEL_NEWEST, SelfTrade.CANCEL_OLDEST, SelfTrade.CANCEL_BOTH


class Told:
    """A listener that also looks at the book while it is told."""

    def __init__(self, engine: MatchingEngine) -> None:
        self._engine = engine
        self.fills: list[tuple[int, int, str, int]] = []

    def on_maker_fill(self, maker: Order, fill: Fill, taker: Order) -> None:
        self.fills.append((maker.id, fill.quantity, taker.owner, self._engine.total(maker.side, fill.price)))


def mixed_asks() -> MatchingEngine:
    """2 @ 100 of a, 3 @ 100 of b, 4 @ 101 of a, 5 @ 102 of b."""
    engine = MatchingEngine()
    for owner, lots, price in (("a", 2, 100), ("b", 3, 100), ("a", 4, 101), ("b", 5, 102)):
        engine.submit(owner, SELL, lots, price, group=owner)
    engine.drain()
    return engine


def test_listener_hears_of_every_fill_of_its_order_when_the_book_is_whole_again() -> None:
    engine = MatchingEngine()
    told = Told(engine)
    maker = engine.submit("me", SELL, 10, 100, listener=told).order
    engine.submit("x", BUY, 4, 100)
    engine.submit("y", BUY, 9, 100)
    assert told.fills == [(maker.id, 4, "x", 6), (maker.id, 6, "y", 0)]
    assert engine.best(BUY) == 100


def test_listener_does_not_hear_what_it_does_itself() -> None:
    engine = MatchingEngine()
    told = Told(engine)
    engine.submit("x", SELL, 1, 100)
    engine.submit("me", BUY, 1, 100, listener=told)
    resting = engine.submit("me", BUY, 1, 99, listener=told).order
    engine.cancel(resting.id)
    assert told.fills == []


@pytest.mark.parametrize(
    ("mode", "taken", "status", "prevented", "displaced", "asks"),
    [
        (None, 9, OrderStatus.FILLED, False, 0, [(102, 5)]),
        (NEWEST, 0, OrderStatus.CANCELED, True, 0, [(100, 5), (101, 4), (102, 5)]),
        (OLDEST, 8, OrderStatus.CANCELED, False, 2, []),
        (BOTH, 0, OrderStatus.CANCELED, True, 1, [(100, 3), (101, 4), (102, 5)]),
    ],
)
def test_own_order_in_the_way(
    mode: SelfTrade | None,
    taken: int,
    status: OrderStatus,
    prevented: bool,
    displaced: int,
    asks: list[tuple[int, int]],
) -> None:
    engine = mixed_asks()
    execution = engine.submit("a", BUY, 9, 102, IOC, group="a", self_trade=mode)
    assert sum(fill.quantity for fill in execution.fills) == taken
    assert (execution.order.status, execution.prevented, len(execution.displaced)) == (status, prevented, displaced)
    assert engine.levels(SELL) == asks
    assert all(order.status is OrderStatus.CANCELED and order.id not in engine.orders for order in execution.displaced)


def test_prevented_order_does_not_rest_and_keeps_what_it_got() -> None:
    engine = mixed_asks()
    execution = engine.submit("b", BUY, 9, 105, GTC, group="b", self_trade=NEWEST)
    assert [fill.quantity for fill in execution.fills] == [2]
    assert execution.order.status is OrderStatus.CANCELED
    assert engine.best(BUY) is None
    changes, _ = engine.drain()
    assert [(change.price, change.total) for change in changes] == [(100, 3)]


def test_order_of_another_group_or_of_none_is_no_self_trade() -> None:
    engine = mixed_asks()
    assert len(engine.submit("a", BUY, 2, 100, group="c", self_trade=BOTH).fills) == 1
    assert len(engine.submit("b", BUY, 3, 100, self_trade=BOTH).fills) == 1


def test_fok_counts_only_what_it_could_really_take() -> None:
    engine = mixed_asks()
    assert engine.submit("a", BUY, 9, 102, FOK, group="a", self_trade=OLDEST).order.status is OrderStatus.REJECTED
    assert engine.submit("b", BUY, 3, 102, FOK, group="b", self_trade=NEWEST).order.status is OrderStatus.REJECTED
    assert engine.depth(SELL) == 3
    assert engine.submit("a", BUY, 8, 102, FOK, group="a", self_trade=OLDEST).order.status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("budget", "taken", "cost", "status"),
    [
        (99, 0, 0, OrderStatus.CANCELED),
        (100, 1, 100, OrderStatus.FILLED),
        (603, 6, 601, OrderStatus.FILLED),
        (10_000, 14, 1414, OrderStatus.CANCELED),
    ],
)
def test_budget_ends_an_order_before_it_costs_more(budget: int, taken: int, cost: int, status: OrderStatus) -> None:
    engine = mixed_asks()
    assert engine.takeable(BUY, budget=budget) == (taken, cost)
    execution = engine.submit("c", BUY, 1_000, None, IOC, budget=budget)
    assert sum(fill.quantity for fill in execution.fills) == taken
    assert sum(fill.quantity * fill.price for fill in execution.fills) == cost
    assert execution.order.status is status


def test_budget_is_refused_for_an_order_that_may_rest() -> None:
    with pytest.raises(ValueError, match="budget"):
        MatchingEngine().submit("c", BUY, 1, 100, GTC, budget=100)


def test_takeable_is_what_an_order_then_gets() -> None:
    for limit in (None, 99, 100, 101):
        for mode in (None, NEWEST, OLDEST, BOTH):
            for lots in (1, 3, 9, 50):
                engine = mixed_asks()
                expected = engine.takeable(BUY, lots, limit, group="b", self_trade=mode)
                fills = engine.submit("b", BUY, lots, limit, IOC, group="b", self_trade=mode).fills
                assert (sum(f.quantity for f in fills), sum(f.quantity * f.price for f in fills)) == expected


def test_reduced_order_keeps_its_place() -> None:
    engine = MatchingEngine()
    first = engine.submit("a", SELL, 5, 100).order
    engine.submit("b", SELL, 5, 100)
    engine.drain()
    engine.reduce(first.id, 2)
    changes, _ = engine.drain()
    assert [(change.total, change.before) for change in changes] == [(7, 10)]
    oldest = engine.submit("c", BUY, 3, 100).fills[0]
    assert (oldest.maker_order, oldest.quantity) == (first.id, 2)
    assert (first.quantity, first.status) == (2, OrderStatus.FILLED)


@pytest.mark.parametrize("remaining", [0, -1, 6])
def test_an_order_is_reduced_to_less_and_not_to_nothing(remaining: int) -> None:
    engine = MatchingEngine()
    order = engine.submit("a", SELL, 5, 100).order
    with pytest.raises(ValueError, match="cannot be reduced"):
        engine.reduce(order.id, remaining)
    assert engine.levels(SELL) == [(100, 5)]


def test_only_what_rests_can_be_reduced() -> None:
    with pytest.raises(KeyError):
        MatchingEngine().reduce(1, 1)
