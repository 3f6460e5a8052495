"""Private channels: who of an account's sockets follows what, and the frames that go to them.

To add channels: write a source with ``listen(uid)``, which starts to watch an account and returns how to stop; offer
it with its channels: ``feed.offer(source, {"spot.orders": topics})``. ``topics(caller, payload)`` says what a payload
asks for (names of instruments, :data:`EVERYTHING`) or raises :class:`InvalidArgument`. Whenever something happens the
source calls ``feed.push(uid, channel, topic, render, kind=..., symbol=...)``. https://www.gate.com/docs/developers/apiv4/ws/en/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from cex.common.clock import Clock
from cex.sandbox.venues.connection import Connection
from cex.sandbox.venues.feeds import Hub, PrivateKind
from cex.sandbox.venues.gateio.auth import Caller
from cex.sandbox.venues.gateio.streams import InvalidArgument, update

__all__ = ["EVERYTHING", "InvalidArgument", "PrivateFeed", "Source", "Topics"]

EVERYTHING = "!all"

Topics = Callable[[Caller, Sequence[str]], Sequence[str]]


class Source(Protocol):
    """Something that watches accounts and pushes what happens to them."""

    def listen(self, uid: int) -> Callable[[], None]:
        """Push what happens to this account from now on, until the returned function is called."""


class _Follower:
    """What one connection follows on one channel of one account."""

    __slots__ = ("decimal", "topics")

    def __init__(self, decimal: bool) -> None:
        self.decimal = decimal
        self.topics: dict[str, None] = {}


class PrivateFeed:
    """All private channels of the venue, of spot and futures sockets alike. Accounts nobody follows cost nothing."""

    def __init__(self, hub: Hub, clock: Clock) -> None:
        self._hub = hub
        self._clock = clock
        self._channels: dict[str, tuple[Source, Topics]] = {}
        self._followers: dict[tuple[int, str], dict[Connection, _Follower]] = {}
        self._listening: dict[tuple[Source, int], tuple[set[str], Callable[[], None]]] = {}

    def offer(self, source: Source, channels: Mapping[str, Topics]) -> None:
        """Let clients subscribe to these channels of ``source``."""
        for channel, topics in channels.items():
            self._channels[channel] = source, topics

    def offers(self, channel: str) -> bool:
        """Whether this is a private channel."""
        return channel in self._channels

    def has(self, connection: Connection) -> bool:
        """Whether the connection follows anything."""
        return any(connection in followers for followers in self._followers.values())

    def follow(
        self, connection: Connection, channel: str, caller: Caller, payload: Sequence[str], *, decimal: bool
    ) -> bool:
        """Subscribe; False when all of it was subscribed already.

        Raises:
            InvalidArgument: the payload asks for what does not exist.
        """
        source, topics_of = self._channels[channel]
        topics = topics_of(caller, payload)
        followers = self._followers.setdefault((caller.uid, channel), {})
        follower = followers.setdefault(connection, _Follower(decimal))
        new = [topic for topic in topics if topic not in follower.topics]
        follower.topics.update(dict.fromkeys(new))
        channels, _ = self._listening.get((source, caller.uid)) or self._listen(source, caller.uid)
        channels.add(channel)
        return bool(new)

    def unfollow(self, connection: Connection, channel: str, caller: Caller, payload: Sequence[str]) -> None:
        """Unsubscribe; harmless when it was not subscribed.

        Raises:
            InvalidArgument: the payload names what does not exist.
        """
        _, topics_of = self._channels[channel]
        topics = topics_of(caller, payload)
        follower = self._followers.get((caller.uid, channel), {}).get(connection)
        if follower is None:
            return
        for topic in topics:
            follower.topics.pop(topic, None)
        if not follower.topics:
            self._forget(connection, caller.uid, channel)
            if not self.has(connection):
                connection.unsubscribed()

    def leave(self, connection: Connection) -> None:
        """The connection has ended."""
        for (uid, channel), followers in list(self._followers.items()):
            if connection in followers:
                self._forget(connection, uid, channel)

    def push(
        self,
        uid: int,
        channel: str,
        topic: str,
        render: Callable[[bool], object],
        *,
        kind: PrivateKind,
        symbol: str = "",
    ) -> None:
        """Send one update to the account's sockets that follow ``topic``; ``render(decimal)`` makes its ``result``.

        ``topic`` is as clients spell it (``BTC_USDT``), ``symbol`` is ours (``BTC/USDT``).
        """
        frames: dict[bool, str] = {}
        for connection, follower in list(self._followers.get((uid, channel), {}).items()):
            if topic not in follower.topics and EVERYTHING not in follower.topics:
                continue
            frame = frames.get(follower.decimal)
            if frame is None:
                now_ms = self._clock.time_ns() // 1_000_000
                frame = frames[follower.decimal] = update(channel, now_ms, render(follower.decimal))
            self._hub.tell(connection, frame, kind=kind, symbol=symbol)

    def _listen(self, source: Source, uid: int) -> tuple[set[str], Callable[[], None]]:
        listening = self._listening[source, uid] = set(), source.listen(uid)
        return listening

    def _forget(self, connection: Connection, uid: int, channel: str) -> None:
        followers = self._followers[uid, channel]
        del followers[connection]
        if followers:
            return
        del self._followers[uid, channel]
        source, _ = self._channels[channel]
        channels, stop = self._listening[source, uid]
        channels.discard(channel)
        if not channels:
            del self._listening[source, uid]
            stop()
