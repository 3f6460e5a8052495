"""Nothing is left out and nothing told twice, however rows fall on pages and whatever is added meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from cex.exchanges.gateio.constants import FIRST_SECOND
from cex.exchanges.gateio.rest.paging import newest_first


@dataclass(frozen=True)
class Row:
    id: int
    second: int


class Shelf:
    """A list that answers as Gate.io does: newest first, both ends of the range in it, so many rows a page."""

    def __init__(self, seconds: list[int], page_size: int) -> None:
        self.rows = [Row(number, FIRST_SECOND + second) for number, second in enumerate(sorted(seconds))]
        self.page_size = page_size
        self.widest = 0
        self.asked = 0
        self.grows = False

    async def fetch(self, from_s: int, to_s: int, page: int) -> list[Row]:
        self.asked += 1
        self.widest = max(self.widest, to_s - from_s + 1)
        newest = sorted((row for row in self.rows if from_s <= row.second <= to_s), key=lambda row: -row.id)
        if self.grows:
            self.rows.append(Row(len(self.rows), max((row.second for row in self.rows), default=FIRST_SECOND)))
        return newest[(page - 1) * self.page_size : page * self.page_size]


@given(
    seconds=st.lists(st.integers(0, 60), max_size=40),
    page_size=st.integers(2, 7),
    window=st.integers(1, 80),
    start=st.integers(0, 60),
    length=st.integers(0, 60),
    turns_pages=st.booleans(),
)
async def test_every_row_once(
    seconds: list[int], page_size: int, window: int, start: int, length: int, turns_pages: bool
) -> None:
    shelf = Shelf(seconds, page_size)
    found = await newest_first(
        shelf.fetch,
        key=lambda row: row.id,
        second=None if turns_pages else (lambda row: row.second),
        start_s=FIRST_SECOND + start,
        end_s=FIRST_SECOND + start + length,
        window_s=window,
        page_size=page_size,
    )
    wanted = [row.id for row in shelf.rows if start <= row.second - FIRST_SECOND <= start + length]
    assert sorted(row.id for row in found) == wanted
    assert shelf.widest <= window


async def test_what_is_added_meanwhile_hides_nothing() -> None:
    for turns_pages in (True, False):
        shelf = Shelf([1, 1, 1, 2, 2, 3, 3, 3, 3, 5], page_size=3)
        before = {row.id for row in shelf.rows}
        shelf.grows = True
        found = await newest_first(
            partial(stop_growing, shelf),
            key=lambda row: row.id,
            second=None if turns_pages else (lambda row: row.second),
            start_s=FIRST_SECOND,
            end_s=FIRST_SECOND + 10,
            window_s=100,
            page_size=3,
        )
        assert before <= {row.id for row in found}


async def stop_growing(shelf: Shelf, from_s: int, to_s: int, page: int) -> list[Row]:
    shelf.grows = shelf.asked < 4
    return await shelf.fetch(from_s, to_s, page)


async def test_a_range_since_for_ever_begins_with_the_exchange() -> None:
    shelf = Shelf([5], page_size=3)
    found = await newest_first(
        shelf.fetch,
        key=lambda row: row.id,
        second=lambda row: row.second,
        start_s=0,
        end_s=FIRST_SECOND + 30,
        window_s=20,
        page_size=3,
    )
    assert [row.id for row in found] == [0]
    assert shelf.asked == 2
