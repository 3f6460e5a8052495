from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common.enums import OrderStatus, Side, TimeInForce
from cex.sandbox.matching import MatchingEngine

BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, FOK, POST = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.POST_ONLY


def test_older_order_at_the_same_price_is_filled_first() -> None:
    engine = MatchingEngine()
    first = engine.submit("a", SELL, 5, 100).order
    second = engine.submit("b", SELL, 5, 100).order
    taken = engine.submit("c", BUY, 7, 100)
    assert [(fill.maker_order, fill.quantity) for fill in taken.fills] == [(first.id, 5), (second.id, 2)]
    assert first.status is OrderStatus.FILLED
    assert (second.status, second.remaining) == (OrderStatus.PARTIALLY_FILLED, 3)


def test_better_price_is_filled_before_an_older_worse_one_and_at_the_makers_price() -> None:
    engine = MatchingEngine()
    engine.submit("a", BUY, 1, 99)
    better = engine.submit("b", BUY, 1, 101).order
    (fill,) = engine.submit("c", SELL, 1, 95).fills
    assert (fill.maker_order, fill.price, fill.taker_side) == (better.id, 101, SELL)


def test_rest_of_a_limit_order_rests() -> None:
    engine = MatchingEngine()
    engine.submit("a", SELL, 2, 100)
    execution = engine.submit("b", BUY, 5, 100)
    assert execution.order.status is OrderStatus.PARTIALLY_FILLED
    assert engine.levels(BUY) == [(100, 3)]
    assert engine.best(SELL) is None


@pytest.mark.parametrize(
    ("time_in_force", "price", "status", "filled"),
    [
        (IOC, 100, OrderStatus.CANCELED, 2),
        (FOK, 100, OrderStatus.REJECTED, 0),
        (FOK, 101, OrderStatus.FILLED, 4),
        (POST, 100, OrderStatus.REJECTED, 0),
        (POST, 99, OrderStatus.NEW, 0),
        (GTC, None, OrderStatus.FILLED, 4),
    ],
)
def test_time_in_force(time_in_force: TimeInForce, price: int | None, status: OrderStatus, filled: int) -> None:
    engine = MatchingEngine()
    engine.submit("a", SELL, 2, 100)
    engine.submit("a", SELL, 2, 101)
    before = engine.update_id
    execution = engine.submit("b", BUY, 4, price, time_in_force)
    assert execution.order.status is status
    assert sum(fill.quantity for fill in execution.fills) == filled
    assert (engine.update_id == before) == (status is OrderStatus.REJECTED)
    assert engine.depth(BUY) == (1 if status is OrderStatus.NEW else 0)


def test_market_order_never_rests() -> None:
    engine = MatchingEngine()
    engine.submit("a", SELL, 2, 100)
    execution = engine.submit("b", BUY, 5)
    assert (execution.order.status, execution.order.remaining) == (OrderStatus.CANCELED, 3)
    assert engine.levels(BUY) == engine.levels(SELL) == []


def test_cancel_frees_the_level_and_tells_it() -> None:
    engine = MatchingEngine()
    keep = engine.submit("a", BUY, 2, 100).order
    gone = engine.submit("a", BUY, 3, 100).order
    engine.drain()
    assert engine.cancel(gone.id).status is OrderStatus.CANCELED
    engine.cancel(keep.id)
    changes, fills = engine.drain()
    assert [(change.price, change.total, change.before) for change in changes] == [(100, 2, 5), (100, 0, 2)]
    assert fills == []
    with pytest.raises(KeyError):
        engine.cancel(gone.id)


def test_ids_are_consecutive_and_start_where_told() -> None:
    engine = MatchingEngine(first_update_id=5_000_000_000, first_order_id=70)
    engine.submit("a", BUY, 1, 100)
    engine.submit("a", BUY, 1, 101)
    assert [change.update_id for change in engine.drain()[0]] == [5_000_000_001, 5_000_000_002]
    assert sorted(engine.orders) == [71, 72]


def test_resting_counts_from_the_worst_level() -> None:
    engine = MatchingEngine()
    for price in (100, 102, 101):
        engine.submit("a", SELL, 1, price)
    assert engine.resting(SELL, -1)[0] == 100
    assert engine.resting(SELL, 0)[0] == 102
    assert engine.levels(SELL, 2) == [(100, 1), (101, 1)]
    assert engine.levels(SELL, 0) == []
    with pytest.raises(IndexError):
        engine.resting(SELL, 3)


def test_history_has_an_end() -> None:
    engine = MatchingEngine(history=3)
    for price in range(100, 106):
        engine.submit("a", BUY, 1, price)
    assert engine.book_at(3)[0] == {100: 1, 101: 1, 102: 1}
    with pytest.raises(LookupError, match="not between 3 and 6"):
        engine.book_at(2)
    with pytest.raises(LookupError):
        engine.book_at(7)


@pytest.mark.parametrize(("quantity", "price"), [(0, 100), (-1, 100), (1, 0), (1, -5), (1 << 51, 1), (1, 1 << 51)])
def test_nonsense_is_refused(quantity: int, price: int) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        MatchingEngine().submit("a", BUY, quantity, price)


def test_market_order_cannot_be_post_only() -> None:
    with pytest.raises(ValueError, match="post-only"):
        MatchingEngine().submit("a", BUY, 1, None, POST)


# --- against a matcher that is too simple to be wrong ----------------------------------------------------------------


@dataclass
class Resting:
    id: int
    side: Side
    price: int
    remaining: int


@dataclass
class Plain:
    """Price-time priority by looking at every order every time."""

    orders: list[Resting] = field(default_factory=list)
    trades: list[tuple[int, int, int, int]] = field(default_factory=list)
    last_id: int = 0

    def takeable(self, side: Side, price: int | None) -> list[Resting]:
        found = [
            order
            for order in self.orders
            if order.side is not side
            and (price is None or (order.price <= price if side is BUY else order.price >= price))
        ]
        return sorted(found, key=lambda order: (order.price if side is BUY else -order.price, order.id))

    def submit(self, side: Side, quantity: int, price: int | None, time_in_force: TimeInForce) -> None:
        self.last_id += 1
        takeable = self.takeable(side, price)
        if time_in_force is POST and takeable:
            return
        if time_in_force is FOK and sum(order.remaining for order in takeable) < quantity:
            return
        for maker in takeable:
            taken = min(maker.remaining, quantity)
            if taken:
                maker.remaining -= taken
                quantity -= taken
                self.trades.append((maker.price, taken, maker.id, self.last_id))
        self.orders = [order for order in self.orders if order.remaining]
        if quantity and price is not None and time_in_force in (GTC, POST):
            self.orders.append(Resting(self.last_id, side, price, quantity))

    def levels(self, side: Side) -> dict[int, int]:
        totals: dict[int, int] = {}
        for order in self.orders:
            if order.side is side:
                totals[order.price] = totals.get(order.price, 0) + order.remaining
        return totals


submissions = st.tuples(
    st.just("submit"),
    st.sampled_from(list(Side)),
    st.integers(1, 9),
    st.integers(95, 105),
    st.sampled_from([GTC, GTC, GTC, IOC, FOK, POST]),
)
markets = st.tuples(
    st.just("submit"), st.sampled_from(list(Side)), st.integers(1, 9), st.none(), st.sampled_from([GTC, IOC, FOK])
)
cancels = st.tuples(st.just("cancel"), st.integers(0, 1 << 30))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(submissions, submissions, submissions, markets, cancels), max_size=60))
def test_any_sequence_goes_as_in_the_plain_matcher(actions: list[tuple[object, ...]]) -> None:
    engine, plain = MatchingEngine(), Plain()
    submitted = cancelled = 0
    states = {0: ({}, {})} if not actions else {0: engine.book_at(0)}
    trades: list[tuple[int, int, int, int]] = []
    for action in actions:
        match action:
            case ("submit", Side() as side, int(quantity), int() | None as price, TimeInForce() as time_in_force):
                execution = engine.submit("x", side, quantity, price, time_in_force)
                plain.submit(side, quantity, price, time_in_force)
                order = execution.order
                if order.status in (OrderStatus.CANCELED, OrderStatus.REJECTED):
                    cancelled += order.remaining
                submitted += quantity
                assert quantity == order.remaining + sum(fill.quantity for fill in execution.fills)
            case ("cancel", int(pick)) if plain.orders:
                chosen = plain.orders.pop(pick % len(plain.orders))
                assert engine.cancel(chosen.id).remaining == chosen.remaining
                cancelled += chosen.remaining
            case _:
                continue
        bid, ask = engine.best(BUY), engine.best(SELL)
        assert bid is None or ask is None or bid < ask, "crossed"
        assert dict(engine.levels(BUY)) == plain.levels(BUY)
        assert dict(engine.levels(SELL)) == plain.levels(SELL)
        states[engine.update_id] = (dict(engine.levels(BUY)), dict(engine.levels(SELL)))
        changes, fills = engine.drain()
        trades += [(fill.price, fill.quantity, fill.maker_order, fill.taker_order) for fill in fills]
        assert all(one.update_id + 1 == two.update_id for one, two in pairwise(changes))
    assert trades == plain.trades
    resting = sum(order.remaining for order in engine.orders.values())
    assert submitted == resting + cancelled + 2 * sum(quantity for _, quantity, _, _ in trades)
    for update_id, state in states.items():
        assert engine.book_at(update_id) == state
