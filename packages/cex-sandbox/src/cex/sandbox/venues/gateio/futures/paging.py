"""The ways in which lists are cut: by contract, by time, by id, and then by ``limit`` and ``offset``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.venues.gateio.futures.parsing import contract_of
from cex.sandbox.venues.gateio.private import Call

__all__ = ["asked_contract", "page", "within"]

_MOST = 1000
_LATEST = 1 << 40
_SECOND = 1_000_000_000

T = TypeVar("T")


def asked_contract(call: Call, contracts: Mapping[str, Contract]) -> Contract | None:
    """The contract that a query names, None for all. Raises Refused."""
    return contract_of(contracts, call.query) if call.query.get("contract") else None


def page(call: Call, rows: Sequence[T]) -> Sequence[T]:
    """The part that is asked for, with the pagination in the headers of the answer."""
    limit = call.number("limit", default=100, most=_MOST)
    offset = call.number("offset", default=0, most=_LATEST, least=0)
    call.reply_headers |= {
        "X-Pagination-Limit": str(limit),
        "X-Pagination-Offset": str(offset),
        "X-Pagination-Total": str(len(rows)),
    }
    return rows[offset : offset + limit]


def within(call: Call, rows: Sequence[T], at_ns: Callable[[T], int]) -> Sequence[T]:
    """The rows between ``from`` and ``to`` (seconds, both included), where these are asked for."""
    start = call.number("from", default=0, most=_LATEST, least=0) * _SECOND
    end = (call.number("to", default=_LATEST, most=_LATEST, least=0) + 1) * _SECOND
    return [row for row in rows if start <= at_ns(row) < end]
