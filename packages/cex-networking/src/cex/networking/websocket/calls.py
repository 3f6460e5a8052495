"""Requests and answers over a websocket, for exchanges that take orders there: one connection, one login, many calls.

A call ends like a REST request: with its answer, with the certainty that nothing was sent, or with an unknown outcome.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.network_constants import CONNECT_TIMEOUT_S, MAX_FRAME_BYTES, READ_TIMEOUT_S
from cex.common.correlation import new_random
from cex.common.exceptions import (
    ExchangeConnectionException,
    ExchangeDataException,
    ExchangeException,
    RateLimitException,
    UnknownOutcomeException,
)
from cex.common.redaction import redact
from cex.networking.metrics import NO_METRICS, Metrics
from cex.networking.rate_limit import Priority, RateLimiter
from cex.networking.recording import Tap
from cex.networking.signing import require_secure
from cex.networking.websocket.health import ConnectionHealth, ConnectionState, Counters
from cex.networking.websocket.link import bare_url
from cex.networking.websocket.reconnect import ConnectBudget, ReconnectPolicy, shared_budget
from cex.networking.websocket.transport import (
    AiohttpWebSocketTransport,
    Closed,
    ConnectFailed,
    WebSocketConnection,
    WebSocketTransport,
)

__all__ = ["CallAnswer", "CallClient", "CallDialect", "CallOutbound"]

_log = logging.getLogger(__name__)


class CallOutbound(NamedTuple):
    """A text frame to send, and the id that its answer carries."""

    request_id: str
    data: str


class CallAnswer(NamedTuple):
    """The last frame that answers ``request_id``, as it came."""

    request_id: str
    frame: bytes | str


class CallDialect(Protocol):
    """What an exchange supplies; knows no socket. Its ids must be unique on the connection."""

    exchange: str
    url: str
    ping_interval: float
    """Seconds of quiet after which the connection is asked whether it lives."""
    silence_timeout: float
    """Seconds without any frame after which it counts as dead; more than ``ping_interval``, at most twice that."""

    def login(self) -> CallOutbound | None:
        """What opens a connection, made anew for each; None where there is nothing to say."""
        ...

    def check_login(self, frame: bytes | str) -> None:
        """Raise ``AuthenticationException`` (or another of ours) where the answer to the login is a refusal."""
        ...

    def ping(self) -> str:
        """The heartbeat, as a text frame."""
        ...

    def on_frame(self, frame: bytes | str) -> CallAnswer | None:
        """The answer that a frame is; None for a pong, or a word that a request has merely arrived.

        Raises ExchangeDataException for a frame that does not decode.
        """
        ...


class CallClient:
    """Calls over one connection, which the first call opens and which is opened anew for the next call after a loss.

    ``timeout`` is in seconds, for an answer. ``limiter`` takes the ``costs`` of each call. Frames go to ``tap``.
    A login that is refused is raised to whoever calls, and tried again by the next call. ``reconnect`` says how long a
    call keeps off after failures: until then :attr:`is_ready` is False and calls fail at once, with nothing sent.
    """

    def __init__(
        self,
        dialect: CallDialect,
        *,
        transport: WebSocketTransport | None = None,
        headers: Mapping[str, str] | None = None,
        limiter: RateLimiter | None = None,
        feedback: Callable[[bytes | str, RateLimiter], None] | None = None,
        reconnect: ReconnectPolicy | None = None,
        budget: ConnectBudget | None = None,
        tap: Tap | None = None,
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
        metrics: Metrics = NO_METRICS,
        connect_timeout: float = CONNECT_TIMEOUT_S,
        timeout: float = READ_TIMEOUT_S,
        max_frame: int = MAX_FRAME_BYTES,
    ) -> None:
        if not 0 < dialect.ping_interval < dialect.silence_timeout <= 2 * dialect.ping_interval:
            raise ValueError("a dead connection must be found within two heartbeats")
        require_secure(dialect.url)
        self._dialect = dialect
        self._transport = transport or AiohttpWebSocketTransport()
        self._headers = dict(headers or {})
        self._limiter = limiter
        self._feedback = feedback
        self._reconnect = reconnect or ReconnectPolicy()
        self._budget = budget
        self._tap = tap
        self._clock = clock
        self._rng = rng or new_random()
        self._metrics = metrics
        self._connect_timeout = connect_timeout
        self._timeout = timeout
        self._max_frame = max_frame
        self._counters = Counters()
        self._number = 0
        self._opened_ns = 0
        self._reason = ""
        self._failures = 0
        self._not_before = 0.0
        self._closed = False
        self._calls: dict[str, asyncio.Future[bytes | str]] = {}
        self._socket: WebSocketConnection | None = None
        self._opening = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether a call could be made now: on the open connection, or on one that may be opened."""
        if self._closed:
            return False
        return self._socket is not None or asyncio.get_running_loop().time() >= self._not_before

    async def call(
        self,
        outbound: CallOutbound,
        *,
        operation: str,
        endpoint: str,
        may_have_effect: bool,
        costs: Mapping[str, int] | None = None,
        priority: Priority = Priority.QUERY,
        max_wait: float | None = None,
        sent_ts: int | None = None,
    ) -> bytes | str:
        """Send, and return the frame of its answer.

        ``may_have_effect`` says that the request must not be repeated when its answer fails to come: then it raises
        ``UnknownOutcomeException`` (with ``sent_ts``). What certainly was not sent raises with ``safe_to_resubmit``:
        ``ExchangeConnectionException``, or ``RateLimitException`` where there was no budget within ``max_wait``.
        """
        await self._admitted(costs or {}, priority, max_wait, operation, endpoint)
        socket = await self._connected(operation, endpoint)
        answer = self._expect(outbound)
        reason = f"no answer within {self._timeout:g} s"
        try:
            try:
                await self._send(socket, outbound.data)
                async with asyncio.timeout(self._timeout):
                    return await answer
            except TimeoutError as error:
                failed: Exception = error
            except Closed as error:
                failed, reason = error, f"the connection was lost: {redact(str(error))}"
        finally:
            self._forget(outbound)
        self._metrics.count("websocket_calls_failed", exchange=self._dialect.exchange, operation=operation)
        if may_have_effect:
            raise UnknownOutcomeException(
                f"sent, but the outcome is not known: {reason}",
                self._dialect.exchange,
                operation=operation,
                endpoint=endpoint,
                attempt=1,
                sent_ts=sent_ts,
            ) from failed
        raise ExchangeConnectionException(
            reason, self._dialect.exchange, operation=operation, endpoint=endpoint, attempt=1, safe_to_resubmit=True
        ) from failed

    def health(self) -> ConnectionHealth:
        """Figures of the one connection; calls under way count as ``pending``."""
        now, counters, is_open = self._clock.monotonic_ns(), self._counters, self._socket is not None
        heard = counters.heard_ns if is_open else None
        opening = ConnectionState.CONNECTING if self._opening.locked() else ConnectionState.WAITING
        return ConnectionHealth(
            connection=self._number,
            url=bare_url(self._dialect.url),
            state=ConnectionState.OPEN if is_open else opening,
            reason=self._reason,
            age_s=(now - self._opened_ns) / 1e9 if is_open else None,
            quiet_s=None if heard is None else (now - heard) / 1e9,
            lag_s=None,
            last_heard_ns=heard,
            reconnects=counters.reconnects,
            messages=counters.messages,
            bytes=counters.bytes,
            undecodable=counters.undecodable,
            faults=counters.faults,
            subscriptions=0,
            pending=len(self._calls),
        )

    async def aclose(self) -> None:
        """End within a second and leave no task; calls under way end as if the connection was lost."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    # ---- the connection --------------------------------------------------------------------------------------------

    async def _admitted(
        self, costs: Mapping[str, int], priority: Priority, max_wait: float | None, operation: str, endpoint: str
    ) -> None:
        if self._limiter is None:
            return
        try:
            async with asyncio.timeout(max_wait):
                await self._limiter.acquire(costs, priority)
        except TimeoutError as error:
            raise RateLimitException(
                f"not sent: no budget within {max_wait} s",
                self._dialect.exchange,
                operation=operation,
                endpoint=endpoint,
                attempt=1,
            ) from error

    async def _connected(self, operation: str, endpoint: str) -> WebSocketConnection:
        async with self._opening:
            if self._socket is not None:
                return self._socket
            reason = "the client is closed" if self._closed else "" if self.is_ready else self._reason
            cause: Exception | None = None
            if not reason:
                try:
                    return await self._open()
                except (ConnectFailed, Closed, TimeoutError) as error:
                    cause, reason = error, f"cannot connect to {bare_url(self._dialect.url)}: {redact(str(error))}"
                    self._back_off(reason)
                except ExchangeException as error:
                    self._back_off(error.message)
                    raise
            raise ExchangeConnectionException(
                f"not sent: {reason}",
                self._dialect.exchange,
                operation=operation,
                endpoint=endpoint,
                attempt=1,
                retryable=not self._closed,
                safe_to_resubmit=True,
            ) from cause

    async def _open(self) -> WebSocketConnection:
        dialect = self._dialect
        host = urlsplit(dialect.url).netloc.lower()
        number = await (self._budget or shared_budget()).acquire(host)
        socket = await self._transport.connect(
            dialect.url, headers=self._headers, timeout=self._connect_timeout, max_size=self._max_frame
        )
        try:
            if self._tap is not None:
                self._tap.opened(number, bare_url(dialect.url), self._clock.time_ns())
            self._counters.reconnects += 1 if self._number else 0
            self._number, self._opened_ns = number, self._clock.monotonic_ns()
            self._task = asyncio.get_running_loop().create_task(
                self._live(socket, number), name=f"cex-ws-{dialect.exchange}-calls"
            )
            await self._log_in(socket)
        except BaseException:
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait({self._task})
            await socket.aclose()
            raise
        if self._task.done():
            raise Closed(None, self._reason)
        self._socket, self._failures = socket, 0
        return socket

    async def _log_in(self, socket: WebSocketConnection) -> None:
        outbound = self._dialect.login()
        if outbound is None:
            return
        answer = self._expect(outbound)
        try:
            await self._send(socket, outbound.data)
            async with asyncio.timeout(self._timeout):
                self._dialect.check_login(await answer)
        finally:
            self._forget(outbound)

    def _expect(self, outbound: CallOutbound) -> asyncio.Future[bytes | str]:
        if outbound.request_id in self._calls:
            raise ValueError(f"a request with the id {outbound.request_id!r} is under way already")
        answer: asyncio.Future[bytes | str] = asyncio.get_running_loop().create_future()
        self._calls[outbound.request_id] = answer
        return answer

    def _forget(self, outbound: CallOutbound) -> None:
        answer = self._calls.pop(outbound.request_id)
        if not answer.cancel() and not answer.cancelled():
            answer.exception()  # read, so that nobody complains that it never was

    def _back_off(self, reason: str) -> None:
        self._reason = reason
        pause = self._reconnect.pause(self._failures, self._rng)
        self._failures += 1
        self._not_before = asyncio.get_running_loop().time() + pause
        _log.warning("%s", reason, extra={"exchange": self._dialect.exchange, "attempt": self._failures})

    async def _send(self, socket: WebSocketConnection, data: str) -> None:
        if self._tap is not None:
            self._tap.sent(self._number, data, self._clock.time_ns())
        await socket.send(data)

    async def _live(self, socket: WebSocketConnection, number: int) -> None:
        """Read until the connection ends, keep it alive, and tell those who wait that no answer will come."""
        reason = "closed"
        code: int | None = None
        heartbeat = asyncio.get_running_loop().create_task(self._beat(socket), name=f"cex-ws-beat-{number}")
        try:
            while True:
                async with asyncio.timeout(self._dialect.silence_timeout):
                    frame = await socket.receive()
                self._take(frame)
        except Closed as error:
            code, reason = error.code, redact(str(error))
        except TimeoutError:
            reason = f"silent for {self._dialect.silence_timeout:g} s"
        finally:
            self._socket, self._reason = None, reason
            heartbeat.cancel()
            for call in tuple(self._calls.values()):
                if not call.done():
                    call.set_exception(Closed(code, reason))
            await asyncio.wait({heartbeat})
            await socket.aclose()
            if self._tap is not None:
                self._tap.closed(number, code or 1006, reason, self._clock.time_ns())

    async def _beat(self, socket: WebSocketConnection) -> None:
        while True:
            await asyncio.sleep(self._dialect.ping_interval)
            try:
                await self._send(socket, self._dialect.ping())
            except Closed:
                return

    def _take(self, frame: bytes | str) -> None:
        counters = self._counters
        counters.heard_ns = self._clock.monotonic_ns()
        counters.messages += 1
        counters.bytes += len(frame)
        if self._tap is not None:
            self._tap.received(self._number, frame, self._clock.time_ns())
        try:
            answer = self._dialect.on_frame(frame)
            if self._feedback is not None and self._limiter is not None:
                self._feedback(frame, self._limiter)
        except ExchangeDataException as error:
            counters.undecodable += 1
            _log.warning("an answer did not decode: %s", error, extra={"exchange": self._dialect.exchange})
            return
        except Exception:  # noqa: BLE001 (a bug must not end the connection: counted and logged)
            counters.faults += 1
            _log.exception("handling an answer failed", extra={"exchange": self._dialect.exchange})
            return
        if answer is None:
            return
        call = self._calls.get(answer.request_id)
        if call is None or call.done():
            self._metrics.count("websocket_answers_unasked", exchange=self._dialect.exchange)
            return
        call.set_result(answer.frame)
