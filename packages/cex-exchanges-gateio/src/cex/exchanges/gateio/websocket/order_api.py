"""One market's WebSocket order API: a connection that is opened and logged in when it is needed.

https://www.gate.com/docs/developers/apiv4/ws/en/ and https://www.gate.com/docs/developers/futures/ws/en/.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.network_constants import CONNECT_TIMEOUT_S, MAX_FRAME_BYTES
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.exceptions import (
    AuthenticationException,
    ExchangeException,
    TimestampException,
    UnknownOutcomeException,
)
from cex.exchanges.gateio.constants import EXCHANGE
from cex.exchanges.gateio.errors import RequestFacts, rejection
from cex.exchanges.gateio.signing import GateioStreamSigner
from cex.exchanges.gateio.websocket.api_session import ApiFacts, ApiSession, not_sent
from cex.exchanges.gateio.wire.order_api import ApiFrame, ApiHeader
from cex.networking import AiohttpWebSocketTransport, ConnectBudget, ConnectFailed, Tap, WebSocketTransport
from cex.networking.websocket.reconnect import shared_budget

__all__ = ["ANSWER_TIMEOUT_S", "ApiAnswer", "OrderApi"]

logger = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 10.0
"""Seconds that an answer may take before the outcome counts as unknown."""
_EXPIRY = "x-gate-exptime"
_REST_AFTER_FAILURE_S = 2.0
_SERVER_FAULT = 500
_DONE = range(200, 300)


class ApiAnswer(NamedTuple):
    """A result as it stands in its frame, and the header that tells what is left of the limit."""

    result: bytes
    limits: ApiHeader


class OrderApi:
    """Requests and answers. ``market`` begins the names of the channels (``spot``, ``futures``).

    ``now_ns`` is the exchange's time; ``measure_time`` learns it anew after what was refused for its time.
    ``answer_timeout`` is in seconds.
    """

    def __init__(
        self,
        url: str,
        market: str,
        signer: GateioStreamSigner,
        *,
        now_ns: Callable[[], int],
        measure_time: Callable[[], Awaitable[object]],
        transport: WebSocketTransport | None = None,
        headers: Mapping[str, str] | None = None,
        budget: ConnectBudget | None = None,
        connect_timeout: float = CONNECT_TIMEOUT_S,
        answer_timeout: float = ANSWER_TIMEOUT_S,
        tap: Tap | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._facts = ApiFacts(url, market, now_ns, answer_timeout, tap, clock)
        self._signer = signer
        self._measure_time = measure_time
        self._transport = transport or AiohttpWebSocketTransport()
        self._headers = dict(headers or {})
        self._budget = budget
        self._connect_timeout = connect_timeout
        self._sessions: dict[asyncio.Task[None], ApiSession] = {}
        self._opening = asyncio.Lock()
        self._measuring = asyncio.Lock()
        self.measurements = 0
        """How often the exchange's time was measured here."""
        self._session: ApiSession | None = None
        self._failed_ns: int | None = None
        self._closed = False

    @property
    def available(self) -> bool:
        """Whether there is a connection, or one may be opened: after a failure not at once."""
        if self._closed:
            return False
        if self._failed_ns is None or (self._session is not None and self._session.takes_requests):
            return True
        return self._facts.clock.monotonic_ns() - self._failed_ns >= _REST_AFTER_FAILURE_S * NANOSECONDS

    async def request(
        self, channel: str, parameters: object, *, operation: str, valid_s: float | None = None
    ) -> ApiAnswer:
        """The final answer to ``parameters`` (the ``req_param``) on a channel such as ``spot.order_place``.

        ``valid_s`` seconds after it is sent, the exchange refuses the request.

        Raises:
            ExchangeConnectionException: there is no connection; nothing was sent.
            UnknownOutcomeException: it was sent, and no answer came, or the exchange failed inside.
            ExchangeRejectedException: refused, as by REST.
        """
        session = await self._ready(operation)
        sent_ns = self._facts.now_ns()
        payload: dict[str, object] = {"req_param": parameters}
        if valid_s is not None:
            payload["req_header"] = {_EXPIRY: str(round((sent_ns + valid_s * NANOSECONDS) / 1_000_000))}
        frame, acknowledged = await session.ask(channel, payload, operation=operation, sent_ns=sent_ns)
        failure = _failure(frame, channel, operation)
        if failure is None:
            return ApiAnswer(bytes(frame.data.result), (acknowledged or frame).header)
        if isinstance(failure, UnknownOutcomeException):
            failure.sent_ts = sent_ns
        elif isinstance(failure, AuthenticationException) and not isinstance(failure, TimestampException):
            session.retire("a request was refused as not logged in")
        raise failure

    async def measure_again(self, known: int) -> bool:
        """Learn the exchange's time anew, once for all who had ``known`` measurements; whether it is known better."""
        async with self._measuring:
            if self.measurements == known:
                try:
                    await self._measure_time()
                except ExchangeException as error:
                    logger.warning("the time could not be measured: %s", error, extra={"exchange": EXCHANGE})
                    return False
                self.measurements += 1
        return True

    async def aclose(self) -> None:
        """Close the connection; what waits for an answer ends as unknown."""
        self._closed = True
        for session in self._sessions.values():
            session.end("closed by the client")
        if self._sessions:
            await asyncio.wait(tuple(self._sessions))  # each closes its socket, within a second

    async def _ready(self, operation: str) -> ApiSession:
        """A connection that is logged in."""
        async with self._opening:
            if self._closed:
                raise not_sent("the client is closed", operation, retryable=False)
            if self._session is not None and self._session.takes_requests:
                return self._session
            if not self.available:
                raise not_sent("the order API could not be reached a moment ago", operation)
            self._session = None
            try:
                session = await self._open(operation)
            except ExchangeException:
                self._failed_ns = self._facts.clock.monotonic_ns()
                raise
            self._failed_ns = None
            self._session = session
            return session

    async def _open(self, operation: str) -> ApiSession:
        url = self._facts.url
        try:
            async with asyncio.timeout(self._connect_timeout):
                number = await (self._budget or shared_budget()).acquire(urlsplit(url).netloc.lower())
                socket = await self._transport.connect(
                    url, headers=self._headers, timeout=self._connect_timeout, max_size=MAX_FRAME_BYTES
                )
        except ConnectFailed as error:
            raise not_sent(f"cannot connect to the order API: {error}", operation) from error
        except TimeoutError as error:
            raise not_sent(f"no connection to the order API within {self._connect_timeout:g} s", operation) from error
        session = ApiSession(number, socket, self._facts)
        name = f"{EXCHANGE} {self._facts.market} order API"
        running = asyncio.get_running_loop().create_task(session.run(), name=name)
        self._sessions[running] = session
        running.add_done_callback(self._session_ended)
        try:
            await self._log_in(session, operation)
        except BaseException:
            session.end("the login failed")
            raise
        return session

    def _session_ended(self, running: asyncio.Task[None]) -> None:
        del self._sessions[running]
        if not running.cancelled() and (error := running.exception()) is not None:
            logger.error("a connection of the order API failed by our own fault", exc_info=error)

    async def _log_in(self, session: ApiSession, operation: str) -> None:
        """Log in; refused for the time it told, once more with the time measured anew."""
        failure = await self._login(session, operation)
        if isinstance(failure, TimestampException):
            await self._measure_time()
            failure = await self._login(session, operation)
        if failure is not None:
            raise failure

    async def _login(self, session: ApiSession, operation: str) -> ExchangeException | None:
        channel = f"{self._facts.market}.login"
        now_ns = self._facts.now_ns()
        signed: dict[str, object] = dict(self._signer.login(channel, now_ns // NANOSECONDS))
        try:
            frame, _ = await session.ask(channel, signed, operation="login", sent_ns=now_ns)
        except UnknownOutcomeException as error:
            raise not_sent(f"the login was not answered: {error.message}", operation) from error
        return _failure(frame, channel, "login", is_read=True)


def _failure(frame: ApiFrame, channel: str, operation: str, *, is_read: bool = False) -> ExchangeException | None:
    """What a final answer refuses; one without a status is none that can be relied on."""
    status = int(frame.header.status) if frame.header.status.isdigit() else _SERVER_FAULT
    errs = frame.data.errs
    if errs is None and status in _DONE:
        return None
    return rejection(
        status=status,
        label=errs.label or None if errs else None,
        message=errs.message if errs else "",
        is_read=is_read,
        facts=RequestFacts(operation=operation, endpoint=channel, attempt=1),
    )
