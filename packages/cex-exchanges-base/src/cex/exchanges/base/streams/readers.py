"""Where the task that reads the socket parts from the tasks that read the stream: bounded, counted, never silent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from cex.common.types.market import Kline

__all__ = ["Conflate", "Fanout", "Reader", "newest", "same_candle"]

S = TypeVar("S")
T = TypeVar("T")

OverflowHandler = Callable[[S, int, bool], None]
"""``on_overflow(stream, dropped, resumed)``, as told by :class:`~cex.exchanges.base.interfaces.Overflow`."""

Conflate = Callable[[T, T], bool]
"""``conflate(waiting, newer)``: whether the newer item takes the place of the last one that still waits."""


def newest(waiting: object, newer: object) -> bool:
    """Only the newest counts (books, tickers)."""
    return True


def same_candle(waiting: Kline, newer: Kline) -> bool:
    """A candle that still grows is replaced by its next state, a closed one by nothing."""
    return waiting.open_ts == newer.open_ts and not waiting.closed


class Reader(Generic[T]):
    """One reader's bounded view of a stream: an async iterator that ends when its stream is closed.

    What was delivered before the end is still read.
    """

    __slots__ = ("_dropped", "_ended", "_fanout", "_items", "_waiter")

    def __init__(self, fanout: Fanout[Any, T]) -> None:
        self._fanout = fanout
        self._items: deque[T] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self._dropped = 0

    def push(self, item: T) -> None:
        if self._ended:
            return
        fanout, items = self._fanout, self._items
        fanout.offered += 1
        if items and fanout.conflate is not None and fanout.conflate(items[-1], item):
            fanout.conflated += 1
            items[-1] = item
            return
        if len(items) >= fanout.capacity:
            items.popleft()
            fanout.dropped += 1
            self._dropped += 1
            if self._dropped == 1:
                fanout.on_overflow(fanout.stream, 1, False)
        items.append(item)
        self._wake()

    def end(self) -> None:
        self._ended = True
        self._wake()

    def __aiter__(self) -> Reader[T]:
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
        fanout = self._fanout
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            fanout.on_overflow(fanout.stream, dropped, True)
        fanout.delivered += 1
        return self._items.popleft()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Fanout(Generic[S, T]):
    """One stream, by whatever name ``stream`` has, and its readers.

    ``conflate`` says which item takes the place of the last one that waits for a reader (None: never). What it lets
    wait is bounded: beyond ``capacity`` items the oldest is given up and ``on_overflow`` told.
    """

    __slots__ = (
        "_readers",
        "capacity",
        "conflate",
        "conflated",
        "delivered",
        "dropped",
        "offered",
        "on_overflow",
        "stream",
    )

    def __init__(
        self, stream: S, *, conflate: Conflate[T] | None, capacity: int, on_overflow: OverflowHandler[S]
    ) -> None:
        if capacity < 1:
            raise ValueError(f"a reader needs room for at least one item, not {capacity}")
        self.stream = stream
        self.conflate = conflate
        self.capacity = capacity
        self.on_overflow = on_overflow
        self.offered = self.delivered = self.conflated = self.dropped = 0
        self._readers: tuple[Reader[T], ...] = ()

    def join(self) -> Reader[T]:
        """A new reader, from now on; give it back to :meth:`leave`."""
        reader = Reader(self)
        self._readers = (*self._readers, reader)
        return reader

    def leave(self, reader: Reader[T]) -> None:
        self._readers = tuple(known for known in self._readers if known is not reader)

    @contextmanager
    def reading(self) -> Iterator[Reader[T]]:
        """A reader as long as the block lasts."""
        reader = self.join()
        try:
            yield reader
        finally:
            self.leave(reader)

    def publish(self, item: T) -> None:
        for reader in self._readers:
            reader.push(item)

    def end(self) -> None:
        """Every present reader ends once it has read what it holds."""
        for reader in self._readers:
            reader.end()

    @property
    def readers(self) -> int:
        """How many there are now."""
        return len(self._readers)
