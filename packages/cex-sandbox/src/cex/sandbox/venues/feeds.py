"""Who listens to what: streams are rendered once an interval and sent to all their subscribers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from cex.sandbox.venues.connection import Connection, Frame

__all__ = ["Hub", "Source", "Stream", "StreamMaker"]


class Source(Protocol):
    """What one channel tells about one book."""

    def observe(self) -> None:
        """Look at the book after a tick."""

    def render(self, now_ms: int) -> Sequence[Frame]:
        """The frames due at the end of an interval, none when there is nothing to tell."""


class Stream:
    """A source with an interval (in ticks), and those who subscribed to it.

    ``welcome`` is what a new subscriber gets first (given the wall time in ms), so that it can follow the others.
    """

    def __init__(
        self,
        symbol: str,
        source: Source,
        *,
        every: int,
        carries_deltas: bool = False,
        welcome: Callable[[int], Sequence[Frame]] | None = None,
    ) -> None:
        self.symbol = symbol
        self.source = source
        self.every = max(1, every)
        self.carries_deltas = carries_deltas
        self.welcome = welcome
        self.subscribers: dict[Connection, None] = {}


StreamMaker = Callable[[], Stream]


class Hub:
    """A venue's connections and streams. Streams nobody listens to do not exist, so a quiet venue costs nothing."""

    def __init__(self) -> None:
        self.subscriptions: dict[Connection, dict[str, None]] = {}
        self.frames_pushed = 0
        self.deltas_dropped = 0
        self._streams: dict[str, Stream] = {}
        self._to_drop: Counter[tuple[str, bool]] = Counter()

    def join(self, connection: Connection) -> None:
        self.subscriptions[connection] = {}

    def leave(self, connection: Connection) -> None:
        for key in list(self.subscriptions.pop(connection, ())):
            self._forget(connection, key)

    def subscribe(self, connection: Connection, key: str, make: StreamMaker) -> Stream:
        """Let ``connection`` hear the stream ``key``, which is made when it does not exist yet."""
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = make()
        stream.subscribers[connection] = None
        self.subscriptions[connection][key] = None
        return stream

    def unsubscribe(self, connection: Connection, key: str) -> None:
        """Let ``connection`` no longer hear ``key``; harmless when it did not."""
        subscribed = self.subscriptions[connection]
        if key in subscribed:
            del subscribed[key]
            self._forget(connection, key)
            if not subscribed:
                connection.unsubscribed()

    def drop_next_delta(self, symbol: str, *, everywhere: bool) -> None:
        """Lose the next book delta of ``symbol``, for every subscriber or for the one who subscribed first."""
        self._to_drop[symbol, everywhere] += 1

    def publish(self, tick: int, now_ms: int) -> None:
        """After a tick: let every stream look, and send what is due."""
        for stream in self._streams.values():
            stream.source.observe()
            if tick % stream.every:
                continue
            frames = stream.source.render(now_ms)
            if not frames:
                continue
            listeners = list(stream.subscribers)
            if self._to_drop and stream.carries_deltas:
                listeners = self._after_drops(stream.symbol, listeners)
            for connection in listeners:
                for frame in frames:
                    connection.push(frame)
            self.frames_pushed += len(listeners) * len(frames)

    def _after_drops(self, symbol: str, listeners: list[Connection]) -> list[Connection]:
        for everywhere in (True, False):
            if self._to_drop[symbol, everywhere]:
                self._to_drop[symbol, everywhere] -= 1
                self._to_drop += Counter()
                self.deltas_dropped += 1
                return [] if everywhere else listeners[1:]
        return listeners

    def _forget(self, connection: Connection, key: str) -> None:
        stream = self._streams[key]
        stream.subscribers.pop(connection, None)
        if not stream.subscribers:
            del self._streams[key]
