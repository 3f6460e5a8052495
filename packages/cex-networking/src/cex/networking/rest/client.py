"""The one door to an exchange's REST API: budget, signature, sending, judging, and repeating what may be repeated."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import quote, urlsplit

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.correlation import correlation, current_correlation_id, new_random
from cex.common.exceptions import (
    ConfigurationException,
    ExchangeConnectionException,
    ExchangeException,
    RateLimitException,
    TimestampException,
    UnknownOutcomeException,
)
from cex.common.redaction import Secret, is_sensitive, redact
from cex.networking.failures import translated
from cex.networking.metrics import NO_METRICS, Metrics
from cex.networking.rate_limit import RateLimiter
from cex.networking.recording import Tap
from cex.networking.requests import RestRequest, RestResponse, Timeouts
from cex.networking.rest.answers import Reject, bans_address, failure_of
from cex.networking.rest.clock_sync import ClockSync, MeasureTime
from cex.networking.rest.retry import RetryBudget, RetryPolicy, retry_after_seconds
from cex.networking.rest.server_time import ServerTime
from cex.networking.rest.transport import AiohttpTransport, HttpTransport
from cex.networking.signing import Signer, is_loopback, require_secure

__all__ = ["CORRELATION_HEADER", "USER_AGENT", "Feedback", "RestClient"]

USER_AGENT = "cex-networking/0.1.0"
CORRELATION_HEADER = "X-Correlation-Id"
Feedback = Callable[[RestResponse, RateLimiter], None]

_BAN_S = 120.0
_FIREWALL_S = 60.0
_LONGEST_PAUSE_S = 7 * 86_400.0
_TIME_MAX_AGE_S = 300.0

logger = logging.getLogger(__name__)


class _Setback(NamedTuple):
    """A try that failed, the seconds that the exchange asked to wait, and how well its clock was known by then."""

    error: ExchangeException
    asked: float | None
    samples: int = 0


class RestClient:
    """Sends requests to one base URL of one exchange. Use it inside one event loop, and close it.

    Every try waits for its budget, is signed with the server's time, sent once, and judged. Only a GET and what is
    declared idempotent is tried again. ``reject`` translates the exchange's error bodies; ``feedback`` reads its limit
    headers into the limiter. After a rate limit error the request's pools pause, after a ban of the address (HTTP 418,
    or a firewall's 403 in HTML) all of them: as long as the exchange says, otherwise for the pool's window, two minutes
    or one.

    Where ``measure_time`` can ask for it, the exchange's clock is measured before the first signature and every
    ``time_max_age`` seconds, and anew after a :class:`TimestampException`: nothing took effect then, so the request is
    signed and sent once more, whatever it does. ``send_correlation_id`` puts the correlation id into a header; None
    does so for loopback hosts alone.

    Every error has operation, endpoint (never the query), attempt and correlation id; earlier tries stand in its notes.
    """

    def __init__(
        self,
        base_url: str,
        *,
        exchange: str,
        transport: HttpTransport | None = None,
        signer: Signer | None = None,
        limiter: RateLimiter | None = None,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 (a frozen value)
        timeouts: Timeouts = Timeouts(),  # noqa: B008 (a frozen value)
        reject: Reject | None = None,
        feedback: Feedback | None = None,
        tap: Tap | None = None,
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
        metrics: Metrics | None = None,
        user_agent: str = USER_AGENT,
        measure_time: MeasureTime | None = None,
        time_max_age: float = _TIME_MAX_AGE_S,
        send_correlation_id: bool | None = None,
    ) -> None:
        self._base_url = _checked_base(base_url)
        if signer is not None:
            require_secure(self._base_url)
        self.exchange = exchange
        self.server_time = ServerTime(clock)
        self._transport: HttpTransport = AiohttpTransport() if transport is None else transport
        self._owns_transport = transport is None
        self._signer = signer
        self._limiter = limiter
        self._retry = retry
        self._budget = RetryBudget(retry)
        self._timeouts = timeouts
        self._reject = reject
        self._feedback = feedback
        self._tap = tap
        self._clock = clock
        self._rng = rng or new_random()
        self._metrics = metrics or NO_METRICS
        self._clock_sync = ClockSync(
            self.server_time, measure_time, max_age=time_max_age, clock=clock, exchange=exchange
        )
        self._tells_correlation = (
            is_loopback(urlsplit(base_url).hostname or "") if send_correlation_id is None else send_correlation_id
        )
        self._headers = {"User-Agent": user_agent, "Accept": "application/json"}
        self._closed = False

    async def request(self, request: RestRequest) -> RestResponse:
        """Send, and return the answer that the exchange meant as a success.

        Raises :class:`ExchangeConnectionException` when it did not get through; :class:`UnknownOutcomeException` when
        it may have taken effect all the same and must not be repeated; :class:`RateLimitException` also when
        ``max_wait`` is over before there is budget (then nothing was sent); :class:`ExchangeDataException` for an
        answer over the transport's bound; what ``reject`` makes of a refusal, otherwise
        :class:`ExchangeRejectedException` or :class:`AuthenticationException`; and :class:`ConfigurationException`
        before a key would travel without TLS. Errors of ``signer`` and ``reject`` pass untouched.
        """
        with correlation() as correlation_id:
            self._check(request)
            earlier: list[str] = []
            attempt, signed_anew = 1, False
            while True:
                if request.signed:
                    await self._time_known(request, attempt)
                got = await self._try(request, attempt, correlation_id)
                if isinstance(got, RestResponse):
                    return got
                failure, asked, samples = got
                if isinstance(failure, TimestampException):
                    if request.signed and not signed_anew and await self._clock_sync.refused(samples):
                        signed_anew, wait = True, 0.0
                    else:
                        wait = None
                else:
                    wait = self._wait_for_next(request, attempt, failure, asked)
                self._log_failure(request, attempt, failure, wait)
                if wait is None:
                    for note in earlier:
                        failure.add_note(note)
                    raise failure
                self._metrics.count("rest_retries", exchange=self.exchange, operation=request.operation)
                earlier.append(f"attempt {attempt}: {type(failure).__name__}: {failure.message}")
                await asyncio.sleep(wait)
                attempt += 1

    async def aclose(self) -> None:
        """Send nothing more. Closes the transport if it was made here; may be called twice."""
        self._closed = True
        await self._clock_sync.aclose()
        if self._owns_transport:
            await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def retries_left(self) -> float:
        """How many retries all requests together may spend now."""
        return self._budget.left

    async def _try(self, request: RestRequest, attempt: int, correlation_id: str) -> RestResponse | _Setback:
        async with self._slot(request, attempt):
            if self._closed:
                return _Setback(self._closed_error(request, attempt), None)
            stamped_ns, samples = self.server_time.now_ns(), self.server_time.samples
            signed = self._signed(request, stamped_ns)
            secrets = _secrets_in(signed)  # while they live, an exchange that echoes them is masked
            url = self._base_url + signed.target
            headers = self._headers | dict(signed.headers)
            if self._tells_correlation:
                headers[CORRELATION_HEADER] = correlation_id
            sent_ns, started = self._clock.time_ns(), self._clock.monotonic_ns()
            try:
                with translated(self.exchange, request.operation, request.endpoint, attempt, not request.repeatable):
                    answer = await self._transport.send(
                        request.method, url, headers=headers, body=signed.body, timeouts=self._timeouts
                    )
            except ExchangeException as error:
                self._count(request, type(error).__name__)
                return _Setback(_stamped(error, stamped_ns), None)
            round_trip_ns, received_ns = self._clock.monotonic_ns() - started, self._clock.time_ns()
        response = RestResponse(
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
            sent_ns=sent_ns,
            received_ns=received_ns,
            round_trip_ns=round_trip_ns,
            attempt=attempt,
            correlation_id=correlation_id,
            request=request,
        )
        setback = self._judged(response, url)
        del secrets
        if setback is None:
            return response
        return setback._replace(error=_stamped(setback.error, stamped_ns), samples=samples)

    def _judged(self, response: RestResponse, url: str) -> _Setback | None:
        self._note(response, url)
        if response.status < 500:
            self._budget.earn()
        now_ns = self.server_time.now_ns()
        failure = failure_of(response, self.exchange, self._reject, now_ns)
        if failure is None:
            return None
        if isinstance(failure, RateLimitException):
            self._slow_down(response, failure)
            return _Setback(failure, failure.retry_after)
        return _Setback(failure, retry_after_seconds(response.headers.get("retry-after"), now_ns))

    def _note(self, response: RestResponse, url: str) -> None:
        """Tell everyone who listens. What they do wrong must not cost us the answer, which may be that of an order."""
        request = response.request
        seconds = response.round_trip_ns / NANOSECONDS
        self._count(request, str(response.status))
        self._metrics.observe("rest_round_trip_seconds", seconds, exchange=self.exchange, operation=request.operation)
        text = f"HTTP {response.status}, {len(response.body)} bytes in {seconds * 1000:.1f} ms"
        self._log(logging.DEBUG, request, response.attempt, text, status=response.status)
        try:
            if self._tap is not None:
                self._tap.answered(request.method, url, response.status, response.body, response.received_ns)
            if self._feedback is not None and self._limiter is not None:
                self._feedback(response, self._limiter)
        except Exception:
            logger.exception("a listener to the answer of %s failed", redact(request.endpoint))
            self._metrics.count("rest_listener_errors", exchange=self.exchange)
        if self._limiter is not None:
            for pool in request.costs:
                left = self._limiter.budget_left(pool)
                self._metrics.gauge("rest_budget_left", left, exchange=self.exchange, pool=pool)

    def _slow_down(self, response: RestResponse, failure: RateLimitException) -> None:
        if self._limiter is None:
            return
        banned = bans_address(response)
        asked = failure.retry_after
        if asked is None and banned:
            asked = _BAN_S if response.status == 418 else _FIREWALL_S
        for pool in self._limiter.pools:
            if banned or pool.name in response.request.costs:
                seconds = pool.window_s if asked is None else min(max(asked, 0.0), _LONGEST_PAUSE_S)
                self._limiter.pause(pool.name, seconds, failure.message)

    def _wait_for_next(
        self, request: RestRequest, attempt: int, failure: ExchangeException, asked: float | None
    ) -> float | None:
        """Seconds until the next try, or None when there is none."""
        if not (request.repeatable and failure.retryable) or attempt >= self._retry.attempts:
            return None
        paused = 0.0 if self._limiter is None else max(map(self._limiter.paused_for, request.costs), default=0.0)
        longest = max(asked or 0.0, paused)
        if longest > self._retry.patience or (isinstance(failure, RateLimitException) and not longest):
            return None  # too long, or too many requests and nobody knows for how long
        if not self._budget.spend():
            return None
        return self._retry.delay(attempt, self._rng, asked)

    @asynccontextmanager
    async def _slot(self, request: RestRequest, attempt: int) -> AsyncIterator[None]:
        if self._limiter is None:
            yield
            return
        started = self._clock.monotonic_ns()
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(request.max_wait):
                    await stack.enter_async_context(self._limiter.slot(request.costs, request.priority))
            except TimeoutError as error:
                raise self._no_budget(request, attempt) from error
            waited = (self._clock.monotonic_ns() - started) / NANOSECONDS
            self._metrics.observe("rest_budget_wait_seconds", waited, exchange=self.exchange)
            yield

    async def _time_known(self, request: RestRequest, attempt: int) -> None:
        """Measuring the exchange's clock may wait for budget too."""
        try:
            async with asyncio.timeout(request.max_wait):
                await self._clock_sync.ready()
        except TimeoutError as error:
            raise self._no_budget(request, attempt) from error

    def _no_budget(self, request: RestRequest, attempt: int) -> RateLimitException:
        paused = 0.0
        if self._limiter is not None:
            paused = max(map(self._limiter.paused_for, request.costs), default=0.0)
        return RateLimitException(
            f"not sent: no budget within {request.max_wait} s",
            self.exchange,
            retry_after=paused or None,
            operation=request.operation,
            endpoint=request.endpoint,
            attempt=attempt,
        )

    def _check(self, request: RestRequest) -> None:
        if request.signed and self._signer is None:
            raise ConfigurationException(
                f"{request.operation} is a private call, and there is no key for {self.exchange}",
                operation=request.operation,
                endpoint=request.endpoint,
            )
        if any(map(is_sensitive, (*request.params, *request.headers))):
            require_secure(self._base_url)

    def _signed(self, request: RestRequest, now_ns: int) -> RestRequest:
        """The request as it is sent; signed anew for each try, with the time that the server is thought to have."""
        signed = request
        if request.signed and self._signer is not None:
            signed = self._signer.sign(request, now_ns)
        for name, value in signed.headers.items():
            if not value.isprintable():
                raise ConfigurationException(
                    f"the header {name} holds a line break or another control character; does the key end with one?",
                    operation=request.operation,
                    endpoint=request.endpoint,
                )
        return signed

    def _closed_error(self, request: RestRequest, attempt: int) -> ExchangeConnectionException:
        return ExchangeConnectionException(
            "not sent: the client is closed",
            self.exchange,
            operation=request.operation,
            endpoint=request.endpoint,
            attempt=attempt,
            retryable=False,
            safe_to_resubmit=True,
        )

    def _count(self, request: RestRequest, outcome: str) -> None:
        self._metrics.count("rest_requests", exchange=self.exchange, operation=request.operation, outcome=outcome)

    def _log_failure(self, request: RestRequest, attempt: int, failure: ExchangeException, wait: float | None) -> None:
        """A failure that goes to the caller is told there; one that is tried again is only told here."""
        level, then = (logging.DEBUG, "gave up") if wait is None else (logging.WARNING, f"next try in {wait:.2f} s")
        self._log(level, request, attempt, f"{type(failure).__name__}: {failure.message}; {then}")

    def _log(self, level: int, request: RestRequest, attempt: int, text: str, **facts: object) -> None:
        if not logger.isEnabledFor(level):
            return
        endpoint, correlation_id = redact(request.endpoint), current_correlation_id()
        facts |= {
            "exchange": self.exchange,
            "operation": request.operation,
            "endpoint": endpoint,
            "attempt": attempt,
            "correlation_id": correlation_id,
        }
        shown = "%s %s: %s [operation=%s attempt=%d correlation_id=%s]"
        logger.log(level, shown, self.exchange, endpoint, text, request.operation, attempt, correlation_id, extra=facts)


def _checked_base(url: str) -> str:
    parts = urlsplit(url)
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise ConfigurationException(
            "a base URL is http:// or https:// with a host, and has no user, query or fragment:"
            f" {redact(f'{parts.scheme}://{parts.hostname}')} does not fit"
        )
    return url.rstrip("/")


def _stamped(error: ExchangeException, stamped_ns: int) -> ExchangeException:
    """Whoever must find out what became of a request wants to know until when the exchange would have taken it."""
    if isinstance(error, UnknownOutcomeException) and error.sent_ts is None:
        error.sent_ts = stamped_ns
    return error


def _secrets_in(signed: RestRequest) -> list[Secret]:
    values = [value for given in (signed.params, signed.headers) for name, value in given.items() if is_sensitive(name)]
    return [Secret(text) for value in values for text in {value, quote(value, safe="")} if text]
