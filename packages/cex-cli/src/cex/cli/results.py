"""The books at one moment as a summary prints them, the same for what is recorded and what is replayed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cex.cli.observer import Observer
from cex.cli.screen import BookRow
from cex.common.enums import BookState
from cex.common.types.market import PriceLevel
from cex.common.types.symbols import Symbol

__all__ = ["Result", "results_json", "results_of", "results_sentence"]

_DEPTH = 5


@dataclass(frozen=True, slots=True)
class Result:
    """One symbol of one exchange, with its best levels; none while its book is not LIVE."""

    row: BookRow
    bids: tuple[PriceLevel, ...]
    asks: tuple[PriceLevel, ...]


def results_of(observers: Iterable[Observer]) -> list[Result]:
    """Every book as it is now."""
    results = []
    for observer in observers:
        for row in observer.rows():
            view = observer.view(Symbol(row.symbol), _DEPTH)
            results.append(Result(row, view.bids if view else (), view.asks if view else ()))
    return results


def results_json(results: Sequence[Result]) -> dict[str, dict[str, Any]]:
    """By symbol, or by ``exchange:symbol`` where there are several exchanges."""
    several = len({result.row.exchange for result in results}) > 1
    return {
        f"{result.row.exchange}:{result.row.symbol}" if several else str(result.row.symbol): _json(result)
        for result in results
    }


def _json(result: Result) -> dict[str, Any]:
    row = result.row
    return {
        "deltas": row.deltas,
        "applied": row.applied,
        "stale": row.stale,
        "gaps": row.gaps,
        "trades": row.trades,
        "last_id": row.sequence,
        "state": row.state.upper(),
        "reason": row.reason,
        "bids": [list(level) for level in result.bids],
        "asks": [list(level) for level in result.asks],
    }


def results_sentence(results: Sequence[Result]) -> str:
    """The sums, and how many books are LIVE."""
    rows = [result.row for result in results]
    live = sum(row.state is BookState.LIVE for row in rows)
    sums = (f"{sum(getattr(row, name) for row in rows)} {name}" for name in _SUMMED)
    return f"{', '.join(sums)}; {live} of {len(rows)} books live"


_SUMMED = ("deltas", "applied", "stale", "gaps", "trades")
