"""Every case, in the order of its number."""

from __future__ import annotations

from cex.exchanges.base.conformance import account, books, orders, outages, questions, streams
from cex.exchanges.base.conformance.results import Case

__all__ = ["CASES"]


def _numbered(*rooms: object) -> tuple[Case, ...]:
    found = [value for room in rooms for value in vars(room).values() if isinstance(value, Case)]
    return tuple(sorted(found, key=lambda one: one.id))


CASES: tuple[Case, ...] = _numbered(questions, books, streams, account, orders, outages)
