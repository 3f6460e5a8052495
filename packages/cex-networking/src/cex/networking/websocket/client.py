"""Streams of one endpoint of one exchange: subscribe and stay subscribed, over as many connections as it takes."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Self
from urllib.parse import urlsplit

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.network_constants import CONNECT_TIMEOUT_S, MAX_FRAME_BYTES, SUBSCRIBE_TIMEOUT_S
from cex.common.correlation import new_random
from cex.common.exceptions import ConfigurationException, ExchangeConnectionException, ExchangeRejectedException
from cex.networking.metrics import NO_METRICS, Metrics
from cex.networking.recording import Tap
from cex.networking.websocket.dialect import Dialect, Subscription
from cex.networking.websocket.events import StreamEvent
from cex.networking.websocket.health import ConnectionHealth
from cex.networking.websocket.link import Link, bare_url
from cex.networking.websocket.reconnect import ConnectBudget, ReconnectPolicy
from cex.networking.websocket.session import Wiring
from cex.networking.websocket.subscriptions import Rejection
from cex.networking.websocket.transport import AiohttpWebSocketTransport, WebSocketTransport

__all__ = ["WebSocketClient"]

_log = logging.getLogger(__name__)

_MOST_NAMED = 5


class WebSocketClient:
    """Keeps subscriptions alive; frames go to ``dialect.on_frame``, what happens to connections to ``on_event``.

    Connections are opened by the first :meth:`subscribe` and closed when their last stream ends; before and after
    nothing runs. Interruptions heal by themselves: every stream is asked for again on the next connection. When the
    exchange asks to reconnect, or ``max_age`` is reached, the new connection is opened before the old one is dropped;
    it starts to listen when the old one has stopped, so no frame is handled twice.

    - ``reconnect``: pauses between attempts; ``budget``: connects allowed to a host, by default one budget shared by
      everything on the event loop;
    - ``tap``: hears every frame, for recordings;
    - ``on_event``: synchronous; one that raises is logged, counted in :attr:`failed_handlers` and harms nothing;
    - ``connect_timeout``, ``subscribe_timeout``: seconds for a handshake and for the answer to a request;
    - ``request_interval``: least seconds between two requests on one connection;
    - ``max_age``: seconds after which a connection is replaced (shortened by up to a tenth, at random, so that
      connections opened together are not replaced together); None for never;
    - ``cumulative``: an unsubscribed stream keeps counting against ``dialect.max_subscriptions`` on its connection;
    - ``max_frame``: bytes of the largest frame; a larger one ends the connection.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        transport: WebSocketTransport | None = None,
        headers: Mapping[str, str] | None = None,
        reconnect: ReconnectPolicy | None = None,
        budget: ConnectBudget | None = None,
        tap: Tap | None = None,
        on_event: Callable[[StreamEvent], None] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
        metrics: Metrics = NO_METRICS,
        connect_timeout: float = CONNECT_TIMEOUT_S,
        subscribe_timeout: float = SUBSCRIBE_TIMEOUT_S,
        request_interval: float = 0.02,
        max_age: float | None = None,
        cumulative: bool = False,
        max_frame: int = MAX_FRAME_BYTES,
    ) -> None:
        _check(dialect)
        self.failed_handlers = 0
        self._on_event = on_event
        self._exchange = dialect.exchange
        self._url = bare_url(dialect.url)
        self._subscribe_timeout = subscribe_timeout
        self._wiring = Wiring(
            dialect=dialect,
            transport=transport or AiohttpWebSocketTransport(),
            headers=dict(headers or {}),
            reconnect=reconnect or ReconnectPolicy(),
            budget=budget,
            tap=tap,
            emit=self._emit,
            clock=clock,
            rng=rng or new_random(),
            metrics=metrics,
            request_ids=count(1),
            connect_timeout=connect_timeout,
            subscribe_timeout=subscribe_timeout,
            request_interval=request_interval,
            max_age=max_age,
            cumulative=cumulative,
            max_frame=max_frame,
        )
        self._links: list[Link] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._calls: set[_Call] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def subscribe(self, subscriptions: Sequence[Subscription]) -> None:
        """Ask for ``subscriptions``; returns when the exchange has acknowledged all of them.

        Streams that are wanted already are not asked for again. Raises ExchangeRejectedException naming those that the
        exchange refused, and ExchangeConnectionException naming those that it did not answer: for
        ``subscribe_timeout`` there was neither an answer nor a request to be sent. The named ones are given up, the
        others stay. A cancelled call gives up everything that only it asked for.
        """
        wanted = tuple(dict.fromkeys(subscriptions))
        if self._closed:
            raise self._unreachable(wanted, "the client is closed", retryable=False)
        if not wanted:
            return
        call = _Call(wanted)
        self._calls.add(call)
        reason, kept = "", False
        try:
            for subscription in wanted:
                (self._link_of(subscription) or self._link_with_room()).add(subscription, call)
            await call.wait(self._subscribe_timeout)
            reason, kept = self._trouble(call), True
        finally:
            self._calls.discard(call)
            self._give_up(call.open if kept else wanted, call)
        if call.rejections:
            raise self._refusal(call.rejections)
        if call.open:
            raise self._unreachable(tuple(call.open), reason, retryable=not call.abandoned)

    async def unsubscribe(self, subscriptions: Sequence[Subscription]) -> None:
        """End ``subscriptions``, whoever asked for them. The exchange is told; its answer is not waited for."""
        for subscription in subscriptions:
            link = self._link_of(subscription)
            if link is not None:
                link.remove(subscription)
                link.rest_if_idle()

    def last_heard_ns(self, subscription: Subscription) -> int | None:
        """Monotonic nanoseconds of the last inbound frame (data or pong) on the connection of ``subscription``.

        None while the stream is not acknowledged on an open connection.
        """
        link = self._link_of(subscription)
        return link.last_heard_ns() if link is not None and link.ledger.is_active(subscription) else None

    def health(self) -> tuple[ConnectionHealth, ...]:
        """One entry a line, in the order of their creation."""
        return tuple(link.health() for link in self._links)

    async def aclose(self) -> None:
        """Close every connection within a second and leave no task; may be called again, also after a cancellation."""
        self._closed = True
        for link in tuple(self._links):
            link.close()
        for call in tuple(self._calls):
            call.abandon()
        if self._ending:
            await asyncio.wait(tuple(self._ending))

    def _link_of(self, subscription: Subscription) -> Link | None:
        return next((link for link in self._links if subscription in link.ledger), None)

    def _link_with_room(self) -> Link:
        link = next((link for link in self._links if link.has_room), None)
        if link is None:
            link = Link(self._wiring, self._on_idle)
            self._links.append(link)
        return link

    def _give_up(self, subscriptions: Iterable[Subscription], call: _Call) -> None:
        for subscription in tuple(subscriptions):
            link = self._link_of(subscription)
            if link is not None and link.ledger.leave(subscription, call):
                link.remove(subscription)
        for link in tuple(self._links):
            link.rest_if_idle()

    def _on_idle(self, link: Link) -> None:
        if link in self._links:
            self._links.remove(link)
            if link.task is not None and not link.task.done():
                self._ending.add(link.task)
                link.task.add_done_callback(self._ending.discard)

    def _emit(self, event: StreamEvent) -> None:
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception:  # noqa: BLE001 (somebody else's code; logged and counted)
            self.failed_handlers += 1
            self._wiring.metrics.count("websocket_handler_failures", exchange=self._exchange)
            _log.exception("the event handler failed on %s", type(event).__name__, extra={"exchange": self._exchange})

    def _trouble(self, call: _Call) -> str:
        if call.abandoned:
            return "the client was closed"
        links = [self._link_of(subscription) for subscription in call.open]
        troubles = (link.trouble for link in links if link is not None and link.trouble)
        return next(troubles, f"for {self._subscribe_timeout:g} s")

    def _refusal(self, rejections: Sequence[Rejection]) -> ExchangeRejectedException:
        shown = "; ".join(f"{subscription}: {message}" for subscription, _, message in rejections[:_MOST_NAMED])
        return ExchangeRejectedException(
            f"{len(rejections)} subscriptions refused{_more(rejections)}: {shown}",
            self._exchange,
            operation="subscribe",
            endpoint=self._url,
            exchange_code=rejections[0].code,
        )

    def _unreachable(
        self, subscriptions: Sequence[Subscription], reason: str, *, retryable: bool
    ) -> ExchangeConnectionException:
        shown = ", ".join(str(subscription) for subscription in subscriptions[:_MOST_NAMED])
        return ExchangeConnectionException(
            f"{len(subscriptions)} subscriptions not acknowledged{_more(subscriptions)}: {shown} ({reason})",
            self._exchange,
            operation="subscribe",
            endpoint=self._url,
            retryable=retryable,
        )


class _Call:
    """What one call of subscribe waits for; a request sent for the first time and an answer count as progress."""

    def __init__(self, subscriptions: Iterable[Subscription]) -> None:
        loop = asyncio.get_running_loop()
        self.open = dict.fromkeys(subscriptions)
        self.rejections: list[Rejection] = []
        self.abandoned = False
        self._unasked = set(self.open)
        self._done: asyncio.Future[None] = loop.create_future()
        self._time = loop.time
        self._progress_at = loop.time()

    def asked(self, subscription: Subscription) -> None:
        if subscription in self._unasked:
            self._unasked.discard(subscription)
            self._progress_at = self._time()

    def settled(self, subscription: Subscription, rejection: Rejection | None) -> None:
        self.open.pop(subscription, None)
        self._progress_at = self._time()
        if rejection is not None:
            self.rejections.append(rejection)
        if not self.open and not self._done.done():
            self._done.set_result(None)

    def abandon(self) -> None:
        """End the wait, whatever is still open."""
        if not self._done.done():
            self.abandoned = True
            self._done.set_result(None)

    async def wait(self, patience: float) -> None:
        """Return when everything is settled, or when ``patience`` seconds passed without progress."""
        while not self._done.done():
            left = self._progress_at + patience - self._time()
            if left <= 0:
                return
            await asyncio.wait((self._done,), timeout=left)


def _more(items: Sequence[object]) -> str:
    return f", the first {_MOST_NAMED} are" if len(items) > _MOST_NAMED else ""


def _check(dialect: Dialect) -> None:
    """A dialect that cannot work is told at once, not at the first silence."""
    parts = urlsplit(dialect.url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ConfigurationException(f"the websocket URL of {dialect.exchange} must be ws:// or wss:// with a host")
    if dialect.max_subscriptions is not None and dialect.max_subscriptions < 1:
        raise ValueError(f"max_subscriptions must be at least 1 or None, got {dialect.max_subscriptions}")
    if not 0 < dialect.ping_interval < dialect.silence_timeout <= 2 * dialect.ping_interval:
        raise ValueError(
            "a dead connection must be found within two heartbeats: ping_interval < silence_timeout <= 2 * "
            f"ping_interval, got {dialect.ping_interval} and {dialect.silence_timeout}"
        )
