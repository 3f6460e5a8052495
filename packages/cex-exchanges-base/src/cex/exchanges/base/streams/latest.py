"""Readers of what has a newest state for each of many keys: one waits for each key, and a newer one replaces it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

__all__ = ["Latest", "LatestReader"]

T = TypeVar("T")


class Latest(Generic[T]):
    """One stream of states and its readers; ``key(item)`` tells what the item is the state of.

    A reader begins with the newest state of every key. What waits for it is bounded by the number of keys. Of the items
    ``offered``, so many were ``delivered`` or ``conflated`` into a newer one; the rest still waits.
    """

    __slots__ = ("_readers", "_states", "conflated", "delivered", "key", "offered")

    def __init__(self, key: Callable[[T], Hashable]) -> None:
        self.key = key
        self.offered = self.delivered = self.conflated = 0
        self._readers: tuple[LatestReader[T], ...] = ()
        self._states: dict[Hashable, T] = {}

    @property
    def readers(self) -> int:
        """How many there are now."""
        return len(self._readers)

    def join(self) -> LatestReader[T]:
        """A new reader; give it back to :meth:`leave`."""
        reader = LatestReader(self)
        for state in self._states.values():
            reader.push(state)
        self._readers = (*self._readers, reader)
        return reader

    def leave(self, reader: LatestReader[T]) -> None:
        self._readers = tuple(known for known in self._readers if known is not reader)

    @contextmanager
    def reading(self) -> Iterator[LatestReader[T]]:
        """A reader as long as the block lasts."""
        reader = self.join()
        try:
            yield reader
        finally:
            self.leave(reader)

    def publish(self, item: T) -> None:
        self._states[self.key(item)] = item
        for reader in self._readers:
            reader.push(item)

    def end(self) -> None:
        """Every present reader ends once it has read what it holds."""
        for reader in self._readers:
            reader.end()


class LatestReader(Generic[T]):
    """An async iterator over the newest states, in the order in which their keys changed first."""

    __slots__ = ("_ended", "_items", "_latest", "_waiter")

    def __init__(self, latest: Latest[T]) -> None:
        self._latest = latest
        self._items: dict[Hashable, T] = {}
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False

    def push(self, item: T) -> None:
        if self._ended:
            return
        latest, key = self._latest, self._latest.key(item)
        latest.offered += 1
        latest.conflated += key in self._items
        self._items[key] = item
        self._wake()

    def end(self) -> None:
        self._ended = True
        self._wake()

    def __aiter__(self) -> LatestReader[T]:
        return self

    async def __anext__(self) -> T:
        while not self._items:
            if self._ended:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._latest.delivered += 1
        return self._items.pop(next(iter(self._items)))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
