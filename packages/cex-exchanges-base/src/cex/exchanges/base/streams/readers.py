"""Where the task that reads the socket parts from the tasks that read the stream: bounded, counted, never silent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces import Channel, StreamHealth

__all__ = ["Fanout", "Reader"]

T = TypeVar("T")

OverflowHandler = Callable[[Channel, Symbol, int, bool], None]
"""``on_overflow(channel, symbol, dropped, resumed)``, as told by :class:`~cex.exchanges.base.interfaces.Overflow`."""


class Reader(Generic[T]):
    """One reader's bounded view of a stream: an async iterator that ends when its stream is closed.

    What was delivered before the end is still read.
    """

    __slots__ = ("_dropped", "_ended", "_fanout", "_items", "_waiter")

    def __init__(self, fanout: Fanout[T]) -> None:
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
        if len(items) >= fanout.capacity:
            items.popleft()
            if fanout.conflate:
                fanout.conflated += 1
            else:
                fanout.dropped += 1
                self._dropped += 1
                if self._dropped == 1:
                    fanout.on_overflow(fanout.channel, fanout.symbol, 1, False)
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
            fanout.on_overflow(fanout.channel, fanout.symbol, dropped, True)
        fanout.delivered += 1
        return self._items.popleft()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Fanout(Generic[T]):
    """One stream and its readers.

    ``conflate``: a reader that is behind gets the newest item only (books, book tickers). Otherwise up to ``capacity``
    items wait for each reader, and beyond that the oldest is given up and ``on_overflow`` told.
    """

    __slots__ = (
        "_readers",
        "capacity",
        "channel",
        "conflate",
        "conflated",
        "delivered",
        "dropped",
        "offered",
        "on_overflow",
        "symbol",
    )

    def __init__(
        self, channel: Channel, symbol: Symbol, *, conflate: bool, capacity: int, on_overflow: OverflowHandler
    ) -> None:
        if capacity < 1:
            raise ValueError(f"a reader needs room for at least one item, not {capacity}")
        self.channel = channel
        self.symbol = symbol
        self.conflate = conflate
        self.capacity = 1 if conflate else capacity
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

    def publish(self, item: T) -> None:
        for reader in self._readers:
            reader.push(item)

    def end(self) -> None:
        """Every present reader ends once it has read what it holds."""
        for reader in self._readers:
            reader.end()

    def health(self) -> StreamHealth:
        return StreamHealth(
            channel=self.channel,
            symbol=self.symbol,
            readers=len(self._readers),
            offered=self.offered,
            delivered=self.delivered,
            conflated=self.conflated,
            dropped=self.dropped,
        )
