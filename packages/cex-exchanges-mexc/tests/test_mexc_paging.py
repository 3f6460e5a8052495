"""Ranges over endpoints with bounded answers: nothing left out, nothing twice, whatever a full answer leaves out."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common.exceptions import ExchangeDataException
from cex.exchanges.base.offers import NotOfferedException
from cex.exchanges.mexc.rest.paging import milliseconds, require_kept, rows_between

DAY_MS = 86_400_000


class Row(NamedTuple):
    happened: int
    told: int
    """When the exchange says that it happened: perhaps cut to the second."""
    number: int


class Shelf:
    """An endpoint that gives ``limit`` rows: the newest or the oldest, with or without the end of the range."""

    def __init__(
        self, times: list[int], *, limit: int, newest: bool, inclusive: bool, cut: bool, by_told: bool = False
    ) -> None:
        self.rows = [Row(at, at // 1000 * 1000 if cut else at, number) for number, at in enumerate(sorted(times))]
        self.limit, self.newest, self.inclusive = limit, newest, inclusive
        self.by_told = by_told
        self.cap = 0
        self.asked: list[tuple[int, int]] = []

    async def fetch(self, first: int, last: int, limit: int) -> list[Row]:
        self.asked.append((first, last))
        times = [row.told if self.by_told else row.happened for row in self.rows]
        held = [row for row, at in zip(self.rows, times, strict=True) if first <= at < last + self.inclusive]
        limit = min(limit, self.cap or self.limit)
        return held[::-1][:limit] if self.newest else held[:limit]


async def between(shelf: Shelf, start: int, end: int, longest_ms: int | None = None, most: int = 0) -> list[Row]:
    return await rows_between(
        shelf.fetch,
        lambda row: row.told,
        lambda row: (str(row.number),),
        start,
        end,
        limit=shelf.limit,
        most=most,
        longest_ms=longest_ms,
        channel="/fills",
    )


@settings(max_examples=50)
@given(
    seconds=st.lists(st.integers(0, 2000), max_size=60, unique=True),
    millisecond=st.integers(0, 999),
    start=st.integers(0, 2_000_000),
    length=st.integers(0, 2_000_000),
    limit=st.integers(3, 20),
    longest_ms=st.sampled_from([None, 60_000, 777_000]),
    newest=st.booleans(),
    inclusive=st.booleans(),
)
async def test_every_row_once(
    seconds: list[int],
    millisecond: int,
    start: int,
    length: int,
    limit: int,
    longest_ms: int | None,
    newest: bool,
    inclusive: bool,
) -> None:
    times = [1000 * second + millisecond for second in seconds]
    shelf = Shelf(times, limit=limit, newest=newest, inclusive=inclusive, cut=False)
    found = await between(shelf, start, start + length, longest_ms)
    exact = [row for row in shelf.rows if start <= row.told < start + length]
    if millisecond:
        assert found == exact
    assert [row for row in found if row.told >= start] == exact
    assert len({row.number for row in found}) == len(found)


@settings(max_examples=50)
@given(
    times=st.lists(st.integers(0, 100_000), max_size=30, unique_by=lambda at: at // 1000),
    start=st.integers(0, 100_000),
    length=st.integers(0, 100_000),
    newest=st.booleans(),
    by_told=st.booleans(),
)
async def test_no_row_is_missed_where_times_are_cut_to_seconds(
    times: list[int], start: int, length: int, newest: bool, by_told: bool
) -> None:
    shelf = Shelf(times, limit=3, newest=newest, inclusive=False, cut=True, by_told=by_told)
    found = await between(shelf, start, start + length)
    asked_for = [row for row in shelf.rows if start <= row.happened < start + length]
    assert [row for row in found if row in asked_for] == asked_for
    assert all(start // 1000 * 1000 <= row.told < start + length for row in found)


async def test_rows_of_one_moment_are_in_the_order_of_their_ids() -> None:
    shelf = Shelf([1500] * 12, limit=20, newest=True, inclusive=True, cut=True)
    assert [row.number for row in await between(shelf, 0, 10_000)] == [*range(12)]


async def test_the_longest_range_of_one_request_is_kept() -> None:
    shelf = Shelf([5 * DAY_MS], limit=1000, newest=True, inclusive=True, cut=False)
    assert len(await between(shelf, 0, 30 * DAY_MS, 7 * DAY_MS)) == 1
    assert len(shelf.asked) == 5
    assert all(last - first <= 7 * DAY_MS for first, last in shelf.asked)
    assert max(shelf.asked)[1] == 30 * DAY_MS


async def test_an_empty_range_asks_nothing() -> None:
    shelf = Shelf([5], limit=10, newest=True, inclusive=True, cut=False)
    assert await between(shelf, 1000, 1000) == []
    assert shelf.asked == []


async def test_a_second_that_holds_more_than_an_answer_is_taken_apart() -> None:
    shelf = Shelf([7_000 + n for n in range(100)], limit=10, newest=True, inclusive=True, cut=True)
    assert [row.number for row in await between(shelf, 0, 100_000)] == [*range(100)]


@pytest.mark.parametrize("by_told", [False, True])
async def test_a_moment_that_holds_more_than_an_answer_is_an_error_and_no_hole(by_told: bool) -> None:
    times = [7_000 + n * by_told for n in range(10)]
    shelf = Shelf(times, limit=10, newest=True, inclusive=True, cut=True, by_told=by_told)
    with pytest.raises(ExchangeDataException, match="one millisecond"):
        await between(shelf, 0, 100_000, most=100)


async def test_a_moment_that_holds_more_than_an_answer_is_read_where_the_exchange_gives_more_after_all() -> None:
    shelf = Shelf([7_000] * 30, limit=10, newest=True, inclusive=True, cut=True)
    shelf.cap = 100
    assert [row.number for row in await between(shelf, 0, 100_000, most=100)] == [*range(30)]


def test_ranges_in_milliseconds_hold_all_of_them() -> None:
    assert milliseconds(1_000_001, 2_000_001) == (1, 3)
    assert milliseconds(1_000_000, 2_000_000) == (1, 2)


def test_what_the_exchange_has_forgotten_is_not_taken_for_nothing() -> None:
    now = 10**18
    require_kept("fills", now - 10 * 10**9, now, 10, "fills")
    with pytest.raises(NotOfferedException, match="fills of more than 0 days ago"):
        require_kept("fills", now - 10 * 10**9 - 1, now, 10, "fills")
