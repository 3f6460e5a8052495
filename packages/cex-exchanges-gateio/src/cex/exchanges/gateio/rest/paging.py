"""Lists of any length over any range, from endpoints that give the newest rows first, so many at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar

from cex.exchanges.gateio.constants import FIRST_SECOND

__all__ = ["FetchPage", "newest_first"]

Row = TypeVar("Row")

FetchPage = Callable[[int, int, int], Awaitable[list[Row]]]
"""``fetch(from_s, to_s, page)``: the ``page``-th rows, from 1, of a range of seconds that has both ends in it."""


async def newest_first(
    fetch: FetchPage[Row],
    *,
    key: Callable[[Row], Hashable],
    second: Callable[[Row], int] | None,
    start_s: int,
    end_s: int,
    window_s: int,
    page_size: int,
) -> list[Row]:
    """Every row from ``start_s`` to ``end_s``, none twice and none left out; in no particular order.

    The range is cut into windows of at most ``window_s`` seconds. Behind a full page it goes on from the second of its
    oldest row, which is asked for again, since it may have been cut in two; only where a whole page is of one second,
    the next page is turned. So rows that are added while it reads can repeat a row, and ``key`` finds that out, but
    cannot hide one, and no page lies deep. Where it is not known by which of their times the rows are listed,
    ``second`` is None, and pages are turned only.
    """
    found: dict[Hashable, Row] = {}
    until, first_s = end_s, max(start_s, FIRST_SECOND)
    while until >= first_s:
        since = max(first_s, until - window_s + 1)
        newest, page = until, 1
        while True:
            rows = await fetch(since, newest, page)
            for row in rows:
                found.setdefault(key(row), row)
            if len(rows) < page_size:
                break
            if second is None:
                page += 1
                continue
            oldest = min(map(second, rows))
            if oldest < since:
                break
            newest, page = (oldest, 1) if oldest < newest else (newest, page + 1)
        until = since - 1
    return list(found.values())
