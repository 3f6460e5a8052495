"""Both makes of a book's side: each by example, and against one another over random lives."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common.book import plain
from cex.common.types.market import LevelChange, PriceLevel

try:
    native: Any = importlib.import_module("cex.common.book._native")
except ImportError:
    native = None

needs_native = pytest.mark.skipif(native is None, reason="not compiled here: python3 tools/dev.py compile")
MAKES = [pytest.param(plain, id="plain"), pytest.param(native, id="compiled", marks=needs_native)]

Pairs = list[tuple[float, float]]


def side(make: Any, *, descending: bool = True, window: int | None = None, windowed: bool = False) -> Any:
    return make.BookSide(descending=descending, window=window, windowed_stream=windowed)


def pairs(side: Any, depth: int | None = None) -> Pairs:
    return [(level.price, level.quantity) for level in side.levels(depth)]


@pytest.mark.parametrize("make", MAKES)
class TestBookSide:
    def test_reads_the_best_first(self, make: Any) -> None:
        bids, asks = side(make), side(make, descending=False)
        for one in (bids, asks):
            one.load([(3.0, 1.0), (1.0, 2.0), (2.0, 0.5)], limit=0, lots=1.0)
        assert pairs(bids) == [(3.0, 1.0), (2.0, 0.5), (1.0, 2.0)]
        assert pairs(asks, 2) == [(1.0, 2.0), (2.0, 0.5)]
        assert bids.best == PriceLevel(3.0, 1.0)
        assert type(asks.best) is type(asks.levels(1)[0]) is PriceLevel
        assert len(bids) == 3
        assert (bids.descending, asks.descending) == (True, False)

    def test_empty(self, make: Any) -> None:
        empty = side(make)
        assert empty.best is None
        assert empty.levels(None) == []
        assert len(empty) == 0
        assert not empty.is_exhausted
        assert make.top_of(empty, side(make, descending=False)) is None
        assert not make.is_uncrossed(empty, side(make, descending=False))

    def test_a_negative_depth_is_refused(self, make: Any) -> None:
        with pytest.raises(ValueError, match="depth must not be negative: -1"):
            side(make).levels(-1)

    @pytest.mark.parametrize("change", [lambda p, q: (p, q), LevelChange], ids=["pairs", "objects"])
    def test_update_sets_adds_and_deletes(self, make: Any, change: Callable[[float, float], Any]) -> None:
        bids = side(make)
        bids.load([(3.0, 1.0), (1.0, 2.0)], limit=0, lots=1.0)
        bids.update([change(3.0, 5.0), change(2.0, 0.25), change(1.0, 0.0), change(9.0, 0.0)])
        assert pairs(bids) == [(3.0, 5.0), (2.0, 0.25)]

    def test_a_price_that_comes_twice_has_its_last_quantity(self, make: Any) -> None:
        for descending in (True, False):
            one = side(make, descending=descending)
            one.load([(2.0, 1.0), (1.0, 1.0), (2.0, 7.0), (1.0, 8.0)], limit=0, lots=1.0)
            assert sorted(pairs(one)) == [(1.0, 8.0), (2.0, 7.0)]
            one.update([(1.0, 3.0), (1.0, 4.0)])
            assert sorted(pairs(one)) == [(1.0, 4.0), (2.0, 7.0)]

    def test_lots_are_divided_when_read(self, make: Any) -> None:
        bids, asks = side(make), side(make, descending=False)
        bids.load([LevelChange(10.0, 11364.0)], limit=0, lots=10_000.0)
        asks.load([(11.0, 1.0)], limit=0, lots=10_000.0)
        assert bids.best == (10.0, 1.1364)
        assert make.top_of(bids, asks) == (10.0, 1.1364, 11.0, 0.0001)
        assert make.is_uncrossed(bids, asks)
        assert not make.is_uncrossed(asks, bids)

    def test_counting_anew_keeps_whole_lots_whole(self, make: Any) -> None:
        bids = side(make)
        bids.load([(float(n), n / 10_000) for n in range(1, 3000)], limit=0, lots=1.0)
        before = pairs(bids)
        bids.recount(10_000.0)
        assert bids.lots == 10_000.0
        assert pairs(bids) == before
        bids.recount(1.0)
        assert pairs(bids) == before

    def test_a_truncated_side_knows_its_limit(self, make: Any) -> None:
        bids = side(make)
        bids.load([(3.0, 1.0), (2.0, 1.0)], limit=2, lots=1.0)
        assert bids.limit_price == 2.0
        bids.update([(1.0, 1.0)])
        assert pairs(bids) == [(3.0, 1.0), (2.0, 1.0)]
        bids.update([(3.0, 0.0), (2.0, 0.0)])
        assert bids.is_exhausted
        bids.clear()
        assert bids.limit_price is None
        assert not bids.is_exhausted

    def test_a_window_is_kept(self, make: Any) -> None:
        asks = side(make, descending=False, window=2, windowed=True)
        asks.load([(1.0, 1.0), (2.0, 1.0), (3.0, 1.0)], limit=0, lots=1.0)
        assert pairs(asks) == [(1.0, 1.0), (2.0, 1.0)]
        assert asks.limit_price is None
        unnamed = side(make, descending=False, window=2)
        unnamed.load([(1.0, 1.0), (2.0, 1.0)], limit=0, lots=1.0)
        unnamed.update([(0.5, 1.0)])
        assert unnamed.limit_price == 1.0


@needs_native
class TestCompiled:
    def test_is_taken_unless_told_otherwise(self) -> None:
        code = "from cex.common.book.side import COMPILED; print(COMPILED)"
        for value, expected in (("", "True\n"), ("1", "False\n")):
            ran = subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, "CEX_NO_EXTENSIONS": value},
                capture_output=True,
                text=True,
                check=True,
            )
            assert ran.stdout == expected

    @pytest.mark.parametrize("levels", [[(1.0,)], [("a", 1.0)], [3], 3, [LevelChange("x", 1.0)]])  # type: ignore[arg-type]
    def test_what_is_no_level_is_refused_and_nothing_breaks(self, levels: Any) -> None:
        bids = side(native)
        bids.load([(1.0, 1.0)], limit=0, lots=1.0)
        with pytest.raises((TypeError, ValueError, AttributeError)):
            bids.update(levels)
        with pytest.raises((TypeError, ValueError, AttributeError)):
            side(native).load(levels, limit=0, lots=1.0)
        assert pairs(bids) == [(1.0, 1.0)]

    def test_its_arguments_are_checked(self) -> None:
        with pytest.raises(ValueError, match="one level at least"):
            side(native, window=0)
        with pytest.raises(TypeError):
            native.top_of(1, 2)
        with pytest.raises(TypeError):
            native.is_uncrossed(side(native))
        with pytest.raises(TypeError):
            side(native).levels("all")
        with pytest.raises(TypeError):
            side(native).recount("many")


PRICES = st.integers(1, 40).map(lambda n: n / 8)
LEVELS = st.lists(st.tuples(PRICES, st.integers(0, 5).map(float)), min_size=1, max_size=12)
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("update"), LEVELS),
        st.tuples(st.just("objects"), LEVELS),
        st.tuples(st.just("load"), LEVELS, st.integers(0, 12), st.sampled_from([1.0, 8.0])),
        st.tuples(st.just("recount"), st.sampled_from([1.0, 10.0, 10_000.0])),
        st.tuples(st.just("clear")),
    ),
    max_size=25,
)


@needs_native
@settings(max_examples=150, deadline=None)
@given(moves=MOVES, descending=st.booleans(), window=st.sampled_from([None, 1, 5]), windowed=st.booleans())
def test_both_makes_live_the_same_life(
    moves: list[tuple[Any, ...]], descending: bool, window: int | None, windowed: bool
) -> None:
    both = [side(make, descending=descending, window=window, windowed=windowed) for make in (plain, native)]
    for move in moves:
        for one in both:
            match move:
                case ("update", levels):
                    one.update(levels)
                case ("objects", levels):
                    one.update([LevelChange(*level) for level in levels])
                case ("load", levels, limit, lots):
                    one.load(levels, limit=limit, lots=lots)
                case ("recount", lots):
                    one.recount(lots)
                case _:
                    one.clear()
        ours, theirs = both
        assert ours.levels(None) == theirs.levels(None)
        assert ours.levels(2) == theirs.levels(2)
        assert (ours.best, ours.limit_price, ours.is_exhausted, ours.lots, len(ours)) == (
            theirs.best,
            theirs.limit_price,
            theirs.is_exhausted,
            theirs.lots,
            len(theirs),
        )
