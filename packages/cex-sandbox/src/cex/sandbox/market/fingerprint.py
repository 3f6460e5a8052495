"""A running hash of what a market and its accounts did, to tell whether two runs went the same way."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping
from typing import Any, Protocol

from cex.common.enums import Side
from cex.sandbox.market.book import MarketBook
from cex.sandbox.matching import Change, Fill

__all__ = ["Fingerprint"]


class _Fact(Protocol):
    def facts(self) -> tuple[Any, ...]: ...


class Fingerprint:
    """Equal exactly when two runs had the same events in the same order. Wall time is no part of it.

    Feed it with :meth:`add` after every tick, and with :meth:`hear` as the listener of a desk.
    """

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self._names: dict[MarketBook, bytes] = {}
        self.events = 0

    def add(self, books: Mapping[str, Mapping[str, MarketBook]]) -> None:
        """Take in the last tick of these books (``Market.books``)."""
        for of_venue in books.values():
            for book in of_venue.values():
                changes, fills = book.changes, book.fills
                if not changes and not fills:
                    continue
                self.events += len(changes) + len(fills)
                name = self._names.get(book)
                if name is None:
                    name = self._names[book] = f"{book.venue} {book.listing.symbol}".encode()
                self._hash.update(b"%s %d %d" % (name, len(changes), len(fills)))
                self._hash.update(array("q", [n for change in changes for n in _of_change(change)]))
                self._hash.update(array("q", [n for fill in fills for n in _of_fill(fill)]))

    def hear(self, event: _Fact) -> None:
        """Take in what an account was told (``desk.listen(None, fingerprint.hear)``)."""
        self.events += 1
        self._hash.update(repr(event.facts()).encode())

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def _of_change(change: Change) -> tuple[int, int, int, int]:
    update_id, side, price, total, before = change
    return update_id, price if side is Side.BUY else -price, total, before


def _of_fill(fill: Fill) -> tuple[int, int, int, int, int]:
    trade_id, price, quantity, side, maker, taker = fill
    return trade_id, price if side is Side.BUY else -price, quantity, maker, taker
