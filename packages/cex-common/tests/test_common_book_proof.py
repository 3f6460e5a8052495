"""The claim that books are proven, tried against a plain-dict exchange and a network that loses, doubles and reorders.

Whatever happens, a book that says LIVE equals the truth at its own sequence, as far as it shows it, and is not crossed.
"""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cex.common import BookDelta, BookSnapshot, Outcome, Symbol, Synchronizer
from cex.common.enums import BookState

BTC = Symbol("BTC/USDT")
Side = dict[int, int]
State = tuple[list[tuple[float, float]], list[tuple[float, float]]]


Change = tuple[bool, int, int]
QUANTITY = st.sampled_from([0, 1, 1, 2, 3])
CHANGE = st.one_of(
    st.tuples(st.just(True), st.integers(1, 14), QUANTITY), st.tuples(st.just(False), st.integers(12, 25), QUANTITY)
)
FATE = st.sampled_from(["arrive"] * 8 + ["lose", "double", "echo", "hold", "release", "full"])


class Exchange:
    """The truth: dictionaries, an update id for every change, pushes that bundle changes, snapshots of any age."""

    def __init__(self, window: int | None) -> None:
        self.window = window
        self.bids: Side = {}
        self.asks: Side = {}
        self.update_id = 0
        self.pushed_id = 0
        self.touched: tuple[set[int], set[int]] = (set(), set())
        self.history: dict[int, State] = {0: self.state()}

    def state(self) -> State:
        return (
            [(float(p), float(q)) for p, q in sorted(self.bids.items(), reverse=True)],
            [(float(p), float(q)) for p, q in sorted(self.asks.items())],
        )

    def shown(self) -> tuple[Side, Side]:
        """What the stream knows: everything, or the best levels of its window."""
        bids, asks = sorted(self.bids.items(), reverse=True), sorted(self.asks.items())
        return dict(bids[: self.window]), dict(asks[: self.window])

    def change(self, is_bid: bool, price: int, quantity: int) -> None:
        mine, other = (self.bids, self.asks) if is_bid else (self.asks, self.bids)
        for crossing in [p for p in other if quantity and (p <= price if is_bid else p >= price)]:
            self._set(other, crossing, 0)
        self._set(mine, price, quantity)

    def _set(self, side: Side, price: int, quantity: int) -> None:
        before = self.shown()
        if quantity:
            side[price] = quantity
        else:
            side.pop(price, None)
        self.update_id += 1
        self.history[self.update_id] = self.state()
        for touched, was, now in zip(self.touched, before, self.shown(), strict=True):
            touched.update(p for p in was.keys() | now.keys() if was.get(p) != now.get(p))
        if self.window is None:
            self.touched[0 if side is self.bids else 1].add(price)

    def push(self, *, full: bool) -> BookDelta:
        bids, asks = self.shown()
        if full:
            levels = [[(float(p), float(q)) for p, q in side.items()] for side in (bids, asks)]
        else:
            levels = [
                [(float(p), float(side.get(p, 0))) for p in sorted(touched)]
                for side, touched in ((bids, self.touched[0]), (asks, self.touched[1]))
            ]
        delta = BookDelta(BTC, self.pushed_id + 1, self.update_id, levels[0], levels[1], full=full)
        self.pushed_id = self.update_id
        self.touched = (set(), set())
        return delta

    def snapshot(self, age: int, limit: int) -> BookSnapshot:
        update_id = max(0, self.update_id - age)
        bids, asks = self.history[update_id]
        return BookSnapshot(BTC, update_id, bids[:limit] if limit else bids, asks[:limit] if limit else asks, limit)


class ProvenBook(RuleBasedStateMachine):
    window: int | None = None
    windowed_stream = False
    limits = (0, 3, 8)

    @initialize(changes=st.lists(CHANGE, min_size=10, max_size=40))
    def start(self, changes: list[Change]) -> None:
        self.exchange = Exchange(self.window if self.windowed_stream else None)
        self.synchronizer = Synchronizer(BTC, window=self.window, windowed_stream=self.windowed_stream, buffer=12)
        self.held: list[BookDelta] = []
        self.earlier: BookDelta | None = None
        self.trade(changes)
        self.exchange.push(full=False)
        self.synchronizer.on_snapshot(self.exchange.snapshot(0, 0))

    def trade(self, changes: list[Change]) -> None:
        for is_bid, price, quantity in changes:
            self.exchange.change(is_bid, price, quantity)

    @rule(pushes=st.lists(st.tuples(st.lists(CHANGE, min_size=1, max_size=4), FATE), min_size=1, max_size=8))
    def stream(self, pushes: list[tuple[list[Change], str]]) -> None:
        for changes, fate in pushes:
            self.trade(changes)
            if self.exchange.update_id == self.exchange.pushed_id:
                continue
            delta = self.exchange.push(full=fate == "full")
            if fate == "hold":
                self.held.append(delta)
            elif fate != "lose":
                self.receive(delta)
            if fate == "double":
                self.receive(delta)
            if fate == "echo" and self.earlier is not None:
                self.receive(self.earlier)
            if fate == "release":
                self.release()
            self.earlier = delta

    def release(self) -> None:
        """What the network had held back arrives, newest first."""
        for delta in reversed(self.held):
            self.receive(delta)
        self.held.clear()

    @rule(changes=st.lists(CHANGE, max_size=3), age=st.sampled_from([0, 1, 4, 8, 16]), limit=st.integers(0, 2))
    def answer_with_a_snapshot(self, changes: list[Change], age: int, limit: int) -> None:
        """Taken in the middle of a push's range when ``changes`` were not pushed yet."""
        self.trade(changes)
        self.synchronizer.on_snapshot(self.exchange.snapshot(age, self.limits[limit]))

    @rule()
    def lose_the_connection(self) -> None:
        self.held.clear()
        self.synchronizer.reset("connection lost", BookState.STALE)

    @rule()
    def stop_the_faults(self) -> None:
        """Liveness: once pushes come in order again, one fresh snapshot makes the book LIVE and up to date."""
        self.release()
        self.exchange.change(is_bid=True, price=1, quantity=1)
        self.receive(self.exchange.push(full=False))
        self.synchronizer.on_snapshot(self.exchange.snapshot(0, self.limits[2]))
        assert self.synchronizer.book.is_live, self.synchronizer.book
        assert self.synchronizer.book.sequence == self.exchange.update_id

    def receive(self, delta: BookDelta) -> None:
        live_before = self.synchronizer.book.is_live
        outcome = self.synchronizer.on_delta(delta)
        assert (outcome is Outcome.GAP) == (live_before and not self.synchronizer.book.is_live)
        self.compare()

    @invariant()
    def compare(self) -> None:
        book = self.synchronizer.book
        if not book.is_live:
            return
        bids, asks = self.exchange.history[book.sequence]
        for shown, truth in ((book.bids(), bids), (book.asks(), asks)):
            if self.windowed_stream:
                assert shown == truth[: self.window]
            else:
                assert shown == truth[: len(shown)]
                assert bool(shown) == bool(truth)
        if book.best_bid and book.best_ask:
            assert book.best_bid.price < book.best_ask.price
            assert book.top == (*book.best_bid, *book.best_ask)


class ProvenTrimmedBook(ProvenBook):
    window = 4


class ProvenWindowedBook(ProvenBook):
    window = 5
    windowed_stream = True
    limits = (0, 5, 9)


@pytest.mark.parametrize("machine", [ProvenBook, ProvenTrimmedBook, ProvenWindowedBook])
def test_a_live_book_is_true(machine: type[ProvenBook]) -> None:
    case = machine.TestCase
    case.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)
    case().runTest()
