"""Who listens to what: streams are rendered once an interval and sent to all their subscribers.

Everything that a venue pushes by itself passes here, public frames by :meth:`Hub.publish` and private ones by
:meth:`Hub.tell`, so that faults have one place to stand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from cex.sandbox.venues.connection import Connection, Frame
from cex.sandbox.venues.frames import encoded

__all__ = ["Hub", "Injector", "PrivateKind", "Source", "Stream", "StreamMaker"]

PrivateKind = Literal["order", "fill", "balance", "position", "ack", "other"]


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


class Injector(Protocol):
    """What stands between a venue and its connections while faults are on."""

    def published(self, stream: Stream, frames: Sequence[Frame], listeners: Sequence[Connection]) -> None:
        """Send what a stream has to tell, or what the faults make of it."""

    def told(self, connection: Connection, frame: Frame, kind: PrivateKind, symbol: str) -> None:
        """Send a private frame, or what the faults make of it."""

    def left(self, connection: Connection) -> None:
        """Forget what was held back for a connection that is gone."""


class Hub:
    """A venue's connections and streams. Streams nobody listens to do not exist, so a quiet venue costs nothing."""

    def __init__(self) -> None:
        self.subscriptions: dict[Connection, dict[str, None]] = {}
        self.frames_pushed = 0
        self.injector: Injector | None = None
        self.on_join: Callable[[Connection], None] | None = None
        self.on_leave: Callable[[Connection], None] | None = None
        self._streams: dict[str, Stream] = {}

    def join(self, connection: Connection) -> None:
        self.subscriptions[connection] = {}
        if self.on_join is not None:
            self.on_join(connection)

    def leave(self, connection: Connection) -> None:
        for key in list(self.subscriptions.pop(connection, ())):
            self._forget(connection, key)
        if self.injector is not None:
            self.injector.left(connection)
        if self.on_leave is not None:
            self.on_leave(connection)

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

    def publish(self, tick: int, now_ms: int) -> None:
        """After a tick: let every stream look, and send what is due."""
        for stream in self._streams.values():
            stream.source.observe()
            if tick % stream.every:
                continue
            frames = stream.source.render(now_ms)
            if not frames:
                continue
            if self.injector is not None:
                self.injector.published(stream, frames, list(stream.subscribers))
            else:
                for frame in frames:
                    data = encoded(frame)
                    for connection in stream.subscribers:
                        connection.send(data)
            self.frames_pushed += len(stream.subscribers) * len(frames)

    def tell(self, connection: Connection, frame: Frame, *, kind: PrivateKind, symbol: str = "") -> None:
        """Send one private frame; ``symbol`` is ours (``BTC/USDT``), empty where it concerns none.

        ``ack`` is the answer to an order request on this connection. A frame for a connection that is gone is lost.
        """
        self.frames_pushed += 1
        if self.injector is not None:
            self.injector.told(connection, frame, kind, symbol)
        else:
            connection.push(frame)

    def _forget(self, connection: Connection, key: str) -> None:
        stream = self._streams[key]
        stream.subscribers.pop(connection, None)
        if not stream.subscribers:
            del self._streams[key]
