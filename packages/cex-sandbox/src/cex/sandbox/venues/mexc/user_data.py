"""Who listens to which account: listen keys bound to sockets, and events of the account sent to those that asked.

https://www.mexc.com/api-docs/spot-v3/websocket-user-data-streams
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cex.common.clock import Clock
from cex.sandbox.accounts.events import BalanceEvent, Event, FillEvent, OrderEvent
from cex.sandbox.accounts.ledger import SPOT
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.venues.connection import Connection, Frame
from cex.sandbox.venues.feeds import Hub, Stream
from cex.sandbox.venues.mexc.listen_keys import ListenKeys
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.pushes import ACCOUNT, CHANNELS, DEALS, ORDERS, account_push, deal_push, order_push

__all__ = ["UserData"]

_Kind = Literal["order", "fill", "balance"]


@dataclass(slots=True)
class _Session:
    """One socket with a listen key; ``is_live`` until the key ends."""

    listen_key: str
    uid: int
    channels: set[str] = field(default_factory=set)
    is_live: bool = True


class _Quiet:
    """A stream that tells nothing at ticks: what there is to tell comes from the account."""

    def observe(self) -> None:
        """Nothing to look at."""

    def render(self, now_ms: int) -> Sequence[Frame]:
        return ()


class UserData:
    """The private side of the venue's socket. ``names`` are MEXC's symbols by ours."""

    def __init__(
        self,
        hub: Hub,
        keys: ListenKeys,
        desk: SpotDesk | None,
        *,
        names: Mapping[str, str],
        options: MexcOptions,
        clock: Clock,
    ) -> None:
        self._hub = hub
        self._keys = keys
        self._desk = desk
        self._names = names
        self._options = options
        self._clock = clock
        self._sessions: dict[Connection, _Session] = {}
        self._endings: dict[int, Callable[[], None]] = {}
        keys.on_end = self._key_ended

    def admits(self, listen_key: str) -> bool:
        """Whether a socket may be opened with this key now."""
        if self._keys.owner(listen_key) is None:
            return False
        sockets = sum(session.listen_key == listen_key for session in self._sessions.values())
        return sockets < self._options.most_sockets_per_key

    def join(self, connection: Connection, listen_key: str) -> None:
        """Bind a new socket to a key that was just admitted."""
        uid = self._keys.owner(listen_key)
        if uid is None:
            connection.hang_up()
            return
        self._sessions[connection] = _Session(listen_key, uid)
        if uid not in self._endings and self._desk is not None:
            self._endings[uid] = self._desk.listen(uid, self._on_event)

    def leave(self, connection: Connection) -> None:
        """The socket is gone; harmless for one without a key."""
        session = self._sessions.pop(connection, None)
        if session is None or any(other.uid == session.uid for other in self._sessions.values()):
            return
        end = self._endings.pop(session.uid, None)
        if end is not None:
            end()

    def may_hear(self, connection: Connection, channel: str) -> bool:
        """Whether a subscription to this private channel would be accepted."""
        session = self._sessions.get(connection)
        return session is not None and session.is_live and channel in CHANNELS

    def subscribe(self, connection: Connection, channel: str) -> None:
        """From now on tell this socket of its account."""
        session = self._sessions[connection]
        session.channels.add(channel)
        self._hub.subscribe(connection, _stream_key(channel, session), lambda: Stream("", _Quiet(), every=1))

    def unsubscribe(self, connection: Connection, channel: str) -> None:
        """No longer tell this socket; harmless when it was not told."""
        session = self._sessions.get(connection)
        if session is not None:
            session.channels.discard(channel)
            self._hub.unsubscribe(connection, _stream_key(channel, session))

    def close_overdue(self) -> None:
        """Let keys run out whose time is over."""
        self._keys.forget_expired()

    def _key_ended(self, listen_key: str, deleted: bool) -> None:
        for connection, session in list(self._sessions.items()):
            if session.listen_key == listen_key:
                session.is_live = False
                if deleted:
                    connection.close(1000)
                elif self._options.expired_listen_key == "close":
                    connection.hang_up()

    def _on_event(self, event: Event) -> None:
        self._keys.forget_expired()
        now_ms = self._clock.time_ns() // 1_000_000
        if isinstance(event, OrderEvent):
            order = event.order
            frame = order_push(order, event.fill, self._names[order.symbol], now_ms)
            self._tell(order.uid, ORDERS, frame, "order", order.symbol)
        elif isinstance(event, FillEvent):
            fill = event.fill
            self._tell(fill.uid, DEALS, deal_push(fill, self._names[fill.symbol], now_ms), "fill", fill.symbol)
        elif isinstance(event, BalanceEvent) and event.posting.wallet == SPOT:
            self._tell(event.posting.uid, ACCOUNT, account_push(event.posting, now_ms), "balance", "")

    def _tell(self, uid: int, channel: str, frame: bytes, kind: _Kind, symbol: str) -> None:
        for connection, session in self._sessions.items():
            if session.uid == uid and session.is_live and channel in session.channels:
                self._hub.tell(connection, frame, kind=kind, symbol=symbol)


def _stream_key(channel: str, session: _Session) -> str:
    return f"{channel}?{session.listen_key}"
