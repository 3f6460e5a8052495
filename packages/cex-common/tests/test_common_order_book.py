from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common import BookDelta, BookSnapshot, OrderBook, PriceLevel, Symbol, Synchronizer
from cex.common.clock import ManualClock
from cex.common.enums import BookState, Side
from cex.common.exceptions import BookNotLive

BTC = Symbol("BTC/USDT")
Level = tuple[float, float]


def live_book(bids: list[Level], asks: list[Level], *, window: int | None = None) -> OrderBook:
    synchronizer = Synchronizer(BTC, window=window, windowed_stream=False, exchange="gateio", clock=ManualClock())
    synchronizer.on_snapshot(BookSnapshot(BTC, 10, bids, asks, exchange_ts=1, received_ts=2))
    return synchronizer.book


def test_a_live_book_answers_best_first() -> None:
    book = live_book([(99.0, 1.0), (100.0, 2.0), (98.0, 3.0)], [(102.0, 1.0), (101.0, 4.0)])
    assert book.best_bid == PriceLevel(100.0, 2.0)
    assert book.best_ask == PriceLevel(101.0, 4.0)
    assert book.top == (100.0, 2.0, 101.0, 4.0)
    assert (book.mid, book.spread) == (100.5, 1.0)
    assert book.bids() == [(100.0, 2.0), (99.0, 1.0), (98.0, 3.0)]
    assert book.bids(2) == [(100.0, 2.0), (99.0, 1.0)]
    assert book.asks(1) == [(101.0, 4.0)]
    assert book.asks(0) == []
    assert (book.sequence, book.exchange_ts, book.received_ts, book.is_live) == (10, 1, 2, True)
    with pytest.raises(ValueError, match="depth"):
        book.bids(-1)


def test_an_empty_side_has_no_best_no_mid_and_no_spread() -> None:
    book = live_book([], [(101.0, 4.0)])
    assert book.best_bid is None
    assert book.best_ask == PriceLevel(101.0, 4.0)
    assert book.top is None
    assert book.mid is None
    assert book.spread is None
    assert book.bids() == []


def test_the_average_price_of_a_size_walks_the_other_side() -> None:
    book = live_book([(100.0, 1.0), (99.0, 1.0)], [(101.0, 1.0), (103.0, 1.0)])
    assert book.vwap(Side.BUY, 1.0) == 101.0
    assert book.vwap(Side.BUY, 2.0) == 102.0
    assert book.vwap(Side.SELL, 1.5) == pytest.approx((100 + 99 * 0.5) / 1.5)
    assert book.vwap(Side.SELL, 2.1) is None
    whole = live_book([], [(80.0, 0.1), (81.0, 0.1), (82.0, 0.1)])
    assert whole.vwap(Side.BUY, 0.1 + 0.1 + 0.1) == pytest.approx(81.0)
    for bad in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="positive"):
            book.vwap(Side.BUY, bad)


def test_a_book_that_is_not_live_refuses_every_price_and_says_why() -> None:
    clock = ManualClock(5)
    book = Synchronizer(BTC, window=None, windowed_stream=False, exchange="gateio", clock=clock).book
    questions: list[Callable[[], object]] = [
        lambda: book.best_bid,
        lambda: book.best_ask,
        lambda: book.top,
        lambda: book.mid,
        lambda: book.spread,
        book.bids,
        lambda: book.asks(5),
        lambda: book.vwap(Side.BUY, 1.0),
    ]
    for ask in questions:
        with pytest.raises(BookNotLive, match="no snapshot yet") as caught:
            ask()
    assert (caught.value.symbol, caught.value.state, caught.value.exchange) == (BTC, BookState.SYNCING, "gateio")
    view = book.snapshot()
    assert (view.state, view.bids, view.asks, view.reason) == (BookState.SYNCING, (), (), "no snapshot yet")
    assert book.since_ns == 5
    assert "syncing" in repr(book)


def test_a_view_does_not_change_with_its_book() -> None:
    synchronizer = Synchronizer(BTC, window=None, windowed_stream=False)
    synchronizer.on_snapshot(BookSnapshot(BTC, 1, [(1.0, 1.0)], [(2.0, 1.0)]))
    view = synchronizer.book.snapshot()
    synchronizer.on_delta(BookDelta(BTC, 2, 2, [(1.0, 0.0)], [(2.0, 9.0)]))
    assert view.bids == ((1.0, 1.0),)
    assert view.asks == ((2.0, 1.0),)
    assert synchronizer.book.snapshot(1).asks == ((2.0, 9.0),)
    with pytest.raises(AttributeError):
        view.sequence = 3  # type: ignore[misc]


levels = st.dictionaries(st.integers(1, 40).map(float), st.integers(1, 9).map(float), max_size=20)


@given(levels, st.lists(st.tuples(st.integers(1, 40).map(float), st.integers(0, 9).map(float)), max_size=40))
def test_absolute_quantities_act_as_on_a_dictionary(start: dict[float, float], changes: list[Level]) -> None:
    synchronizer = Synchronizer(BTC, window=None, windowed_stream=False)
    synchronizer.on_snapshot(BookSnapshot(BTC, 1, list(start.items()), []))
    synchronizer.on_delta(BookDelta(BTC, 2, 2, changes, []))
    expected = start | dict(changes)
    assert synchronizer.book.bids() == sorted(
        ((price, quantity) for price, quantity in expected.items() if quantity), reverse=True
    )


@given(levels, st.integers(1, 10))
def test_a_window_keeps_the_best_levels(start: dict[float, float], window: int) -> None:
    asks = live_book([], list(start.items()), window=window).asks()
    assert asks == sorted(start.items())[:window]
    bids = live_book(list(start.items()), [], window=window).bids()
    assert bids == sorted(start.items(), reverse=True)[:window]
