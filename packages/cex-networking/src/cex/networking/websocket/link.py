"""One line to the exchange: a connection, and the next one after it, for as long as anybody wants its streams."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from cex.common.redaction import redact
from cex.networking.websocket.dialect import Subscription
from cex.networking.websocket.events import Interrupted
from cex.networking.websocket.health import ConnectionHealth, ConnectionState, Counters
from cex.networking.websocket.reconnect import shared_budget
from cex.networking.websocket.session import Session, Wiring
from cex.networking.websocket.subscriptions import Ledger, Watcher
from cex.networking.websocket.transport import ConnectFailed

__all__ = ["Link", "bare_url"]

_log = logging.getLogger(__name__)

_IDLE_S = 5.0
"""An open connection is kept this long after its last stream ended: a stream is often asked for again at once."""


def bare_url(url: str) -> str:
    """``url`` without user, password, query and fragment: what may be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{_host(url)}{parts.path}"


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].lower()


class Link:
    """Owns one task while it has subscriptions; it connects, replaces what is lost or old, and tells what happened.

    ``on_idle`` hears when the line has closed because nobody wanted anything of it any more.
    """

    def __init__(self, wiring: Wiring, on_idle: Callable[[Link], None]) -> None:
        self.ledger = Ledger(
            wiring.dialect, wiring.request_ids, timeout=wiring.subscribe_timeout, cumulative=wiring.cumulative
        )
        self._reason = ""
        self.task: asyncio.Task[None] | None = None
        self._wiring = wiring
        self._on_idle = on_idle
        self._exchange = wiring.dialect.exchange
        self._counters = Counters()
        self._session: Session | None = None
        self._number = 0
        self._failures = 0
        self._connecting = False
        self._idle: asyncio.TimerHandle | None = None

    @property
    def has_room(self) -> bool:
        return self.ledger.free(self._wiring.dialect.max_subscriptions)

    @property
    def trouble(self) -> str:
        """Why there is no connection now; empty while there is one."""
        return "" if self._session is not None else self._reason

    def add(self, subscription: Subscription, watcher: Watcher) -> None:
        """Want a subscription; connects when there is no connection yet."""
        self.ledger.add(subscription, watcher)
        self._stay()
        if self._session is not None:
            self._session.wake()
        if self.task is None or self.task.done():
            name = f"cex-ws-{self._exchange}-link"
            self.task = asyncio.get_running_loop().create_task(self._run(), name=name)

    def remove(self, subscription: Subscription) -> None:
        self.ledger.remove(subscription)
        if self._session is not None:
            self._session.wake()

    def rest_if_idle(self) -> None:
        """Close soon if nothing is wanted any more; at once if there is no connection."""
        if self.ledger.wanted:
            return
        if self._session is None:
            self.close()
        elif self._idle is None:
            self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self.close)

    def close(self) -> None:
        """Begin to end; :attr:`task` is done when the end is reached."""
        self._stay()
        if self.task is not None and not self.task.cancelling():
            self.task.cancel()
        self._on_idle(self)

    def last_heard_ns(self) -> int | None:
        return None if self._session is None else self._counters.heard_ns

    def health(self) -> ConnectionHealth:
        session, counters, now_ns = self._session, self._counters, self._wiring.clock.monotonic_ns()
        heard_ns = self.last_heard_ns()
        active = self.ledger.active
        without = ConnectionState.CONNECTING if self._connecting else ConnectionState.WAITING
        return ConnectionHealth(
            connection=self._number,
            url=bare_url(self._wiring.dialect.url),
            state=without if session is None else ConnectionState.OPEN,
            reason=self._reason,
            age_s=None if session is None else (now_ns - session.opened_ns) / 1e9,
            quiet_s=None if heard_ns is None else (now_ns - heard_ns) / 1e9,
            lag_s=None if counters.lag_ns is None else counters.lag_ns / 1e9,
            last_heard_ns=heard_ns,
            reconnects=counters.reconnects,
            messages=counters.messages,
            bytes=counters.bytes,
            undecodable=counters.undecodable,
            faults=counters.faults,
            subscriptions=active,
            pending=self.ledger.wanted - active,
        )

    async def _run(self) -> None:
        while self.ledger.wanted:
            try:
                await self._connected()
            except Exception:  # noqa: BLE001 (a bug of ours must not end the line: logged, and started over)
                self._failures += 1
                self._counters.faults += 1
                _log.exception("a websocket line failed by our own fault", extra={"exchange": self._exchange})

    async def _connected(self) -> None:
        """One connection and its direct successors, from the first attempt to the last end."""
        session: Session | None = None
        successor: Session | None = None
        try:
            session = await self._open()
            self._begin(session)
            while session is not None:
                successor = await self._until_over(session)
                self._end(session)
                if successor is not None:
                    self._begin(successor)
                await session.aclose()
                session, successor = successor, None
        finally:
            self._session = None
            self.ledger.lost()
            for left in (session, successor):
                if left is not None:
                    await left.aclose()

    def _begin(self, session: Session) -> None:
        if self._number:
            self._counters.reconnects += 1
        self._number = session.number
        self._session = session
        session.start(self._counters)

    def _end(self, session: Session) -> None:
        """``session`` handles nothing from here on; tell what was lost with it."""
        session.stop()
        self._session = None
        self._failures = 0 if session.proven else self._failures + 1
        self._reason = session.reason
        interrupted = self.ledger.lost()
        self._wiring.metrics.count("websocket_interruptions", exchange=self._exchange)
        _log.warning(
            "websocket interrupted: %s",
            self._reason,
            extra={
                "exchange": self._exchange,
                "connection": session.number,
                "subscriptions": len(interrupted),
            },
        )
        self._wiring.emit(Interrupted(session.number, interrupted, self._reason, self._counters.heard_ns))

    async def _until_over(self, session: Session) -> Session | None:
        """Wait for the end of ``session``; returns its successor where that could be opened before the end."""
        await asyncio.wait((session.ended, session.advised), return_when=asyncio.FIRST_COMPLETED)
        if session.ended.done():
            return None
        if not session.proven:
            await asyncio.wait((session.ended,), timeout=self._pause())
        if not session.ended.done() and (successor := await self._try_open()) is not None:
            return successor
        await asyncio.wait((session.ended,))
        return None

    async def _open(self) -> Session:
        """Connect, however many attempts it takes."""
        while True:
            if self._number or self._failures:
                await asyncio.sleep(self._pause())
            session = await self._try_open()
            if session is not None:
                return session
            self._failures += 1

    def _pause(self) -> float:
        return self._wiring.reconnect.pause(self._failures, self._wiring.rng)

    async def _try_open(self) -> Session | None:
        wiring = self._wiring
        url = wiring.dialect.url
        number = await (wiring.budget or shared_budget()).acquire(_host(url))
        wiring.metrics.count("websocket_connects", exchange=self._exchange)
        facts = {"exchange": self._exchange, "connection": number, "attempt": self._failures + 1}
        self._connecting = True
        try:
            socket = await wiring.transport.connect(
                url, headers=wiring.headers, timeout=wiring.connect_timeout, max_size=wiring.max_frame
            )
            return Session(number, bare_url(url), socket, self.ledger, wiring)
        except ConnectFailed as error:
            self._reason = f"cannot connect to {bare_url(url)}: {error}"
            _log.warning("%s", self._reason, extra=facts)
        except Exception as error:  # noqa: BLE001 (a bug below the seam: told, and the line stays alive)
            self._reason = f"cannot connect to {bare_url(url)}: {type(error).__name__}: {redact(str(error))}"
            _log.exception("connecting failed by our own fault", extra=facts)
        finally:
            self._connecting = False
        return None

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
