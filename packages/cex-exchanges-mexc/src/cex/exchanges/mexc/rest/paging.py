"""Everything of a range of time from an endpoint that gives a bounded number of rows: no row left out, none twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from cex.common.constants.system_constants import NANOSECONDS
from cex.common.exceptions import ExchangeDataException
from cex.exchanges.base.offers import not_offered
from cex.exchanges.mexc.constants import EXCHANGE
from cex.exchanges.mexc.decode.parsing import MS

__all__ = ["milliseconds", "require_kept", "rows_between"]

Row = TypeVar("Row")

_SECOND_MS = 1000


async def rows_between(
    fetch: Callable[[int, int, int], Awaitable[list[Row]]],
    time_of: Callable[[Row], int],
    key_of: Callable[[Row], tuple[str, ...]],
    start_ms: int,
    end_ms: int,
    *,
    limit: int,
    most: int = 0,
    longest_ms: int | None = None,
    channel: str,
) -> list[Row]:
    """The rows of [start_ms, end_ms), ascending by time, and by key at one time.

    ``fetch(first, last, limit)`` is one request, of ``longest_ms`` at most (None: any range). Which rows a full answer
    leaves out is not documented, nor whether the end of a range is included. So a full answer is asked for again in two
    halves, the end is always asked for, and what comes twice, by its key, is taken once. Where one millisecond fills an
    answer, ``most`` rows are asked for, in case the exchange gives more than ``limit`` after all.

    Some times are cut to whole seconds. So the range is asked for from a second to a second, and a row that is stamped
    with a whole second is kept if it may have happened after ``start_ms``.

    Raises:
        ExchangeDataException: one millisecond holds more rows than an answer, so that some could be missing.
    """
    first_ms, last_ms = start_ms // _SECOND_MS * _SECOND_MS, -(-end_ms // _SECOND_MS) * _SECOND_MS
    step = longest_ms or max(1, last_ms - first_ms)
    waiting = [(at, min(at + step, last_ms)) for at in range(first_ms, last_ms, step)]
    found: dict[tuple[str, ...], Row] = {}
    while waiting:
        begin, until = waiting.pop()
        rows = await fetch(begin, until, limit)
        found |= {key_of(row): row for row in rows}
        if len(rows) < limit:
            continue
        middle = (begin + until) // 2
        if middle != begin:
            waiting += [(begin, middle), (middle, until)]
            continue
        if most > limit:
            rows = await fetch(begin, until, most)
            found |= {key_of(row): row for row in rows}
        if not limit < len(rows) < most:
            raise ExchangeDataException(
                f"{channel} has {len(rows)} rows or more in one millisecond, and one answer holds no more",
                EXCHANGE,
                channel=channel,
            )

    def is_asked_for(row: Row) -> bool:
        at = time_of(row)
        return first_ms <= at < end_ms and (at >= start_ms or at % _SECOND_MS == 0)

    def place(row: Row) -> tuple[int, int, tuple[str, ...]]:
        key = key_of(row)
        return time_of(row), len(key[0]), key

    return sorted(filter(is_asked_for, found.values()), key=place)


def milliseconds(start_ts: int, end_ts: int) -> tuple[int, int]:
    """The range in milliseconds that holds all of [start_ts, end_ts) in nanoseconds."""
    return start_ts // MS, -(-end_ts // MS)


def require_kept(what: str, start_ts: int, now_ns: int, kept_s: int, operation: str) -> None:
    """Raise NotOfferedException where the exchange has forgotten a part of a range: silence would look like nothing."""
    earliest = now_ns - kept_s * NANOSECONDS
    if start_ts < earliest:
        raise not_offered(
            EXCHANGE,
            f"{what} of more than {kept_s // 86_400} days ago: {earliest} is the earliest start, not {start_ts}",
            operation=operation,
        )
