"""One open connection: a reader, a writer with the heartbeat, and the watch for silence."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cex.common.clock import Clock
from cex.common.exceptions import ExchangeDataException
from cex.common.redaction import redact
from cex.networking.metrics import Metrics
from cex.networking.recording import Tap
from cex.networking.websocket.dialect import Acknowledged, Advice, Control, Dialect, Pong, Refused
from cex.networking.websocket.events import (
    Connected,
    FrameFault,
    Recovered,
    StreamEvent,
    SubscriptionRefused,
    Undecodable,
)
from cex.networking.websocket.health import Counters
from cex.networking.websocket.reconnect import ConnectBudget, ReconnectPolicy
from cex.networking.websocket.subscriptions import Ledger, Rejection
from cex.networking.websocket.transport import Closed, WebSocketConnection, WebSocketTransport

__all__ = ["Session", "Wiring"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wiring:
    """What all connections of one client share; the client's constructor tells what each is."""

    dialect: Dialect
    transport: WebSocketTransport
    headers: Mapping[str, str]
    reconnect: ReconnectPolicy
    budget: ConnectBudget | None
    tap: Tap | None
    emit: Callable[[StreamEvent], None]
    clock: Clock
    rng: random.Random
    metrics: Metrics
    request_ids: Iterator[int]
    connect_timeout: float
    subscribe_timeout: float
    request_interval: float
    max_age: float | None
    cumulative: bool
    max_frame: int


class Session:
    """From an open socket to its end. ``number`` is the connection's number.

    ``ended`` gets the reason once the connection is of no more use; ``advised`` once it should be replaced soon. Both
    only tell: the owner calls :meth:`stop` and :meth:`aclose`.
    """

    def __init__(self, number: int, url: str, socket: WebSocketConnection, ledger: Ledger, wiring: Wiring) -> None:
        loop = asyncio.get_running_loop()
        self.number = number
        self.url = url
        self.opened_ns = wiring.clock.monotonic_ns()
        self.counters = Counters()
        self.ended: asyncio.Future[str] = loop.create_future()
        self.advised: asyncio.Future[str] = loop.create_future()
        self._loop = loop
        self._socket = socket
        self._ledger = ledger
        self._wiring = wiring
        self._tap = wiring.tap
        self._wake = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._timers: list[asyncio.TimerHandle] = []
        self._ping_sent_ns: int | None = None
        self._acknowledged = False
        self._code: int | None = None
        self._closed = False
        self._log_extra = {"exchange": wiring.dialect.exchange, "connection": number}
        if self._tap is not None:
            self._tapped(lambda tap: tap.opened(number, url, wiring.clock.time_ns()))

    @property
    def reason(self) -> str:
        """Why it ended, or why it is to be replaced."""
        for future in (self.ended, self.advised):
            if future.done():
                return future.result()
        return "closed by the client"

    @property
    def proven(self) -> bool:
        """Whether the connection was of use for long enough to believe in the next one."""
        age_ns = self._wiring.clock.monotonic_ns() - self.opened_ns
        return self._acknowledged and age_ns >= self._wiring.reconnect.proven_after * 1e9

    def start(self, counters: Counters) -> None:
        """Begin to read and write; from now on the figures go to ``counters``."""
        wiring = self._wiring
        counters.heard_ns = wiring.clock.monotonic_ns()
        counters.lag_ns = None
        self.counters = counters
        wiring.emit(Connected(self.number, self.url))
        name = f"cex-ws-{wiring.dialect.exchange}-{self.number}"
        self._tasks = (
            self._loop.create_task(self._read(), name=f"{name}-reader"),
            self._loop.create_task(self._write(), name=f"{name}-writer"),
        )
        for task in self._tasks:
            task.add_done_callback(self._task_done)
        self._timers.append(self._loop.call_later(wiring.dialect.silence_timeout, self._watch_silence))
        if wiring.max_age is not None:
            age = wiring.max_age * wiring.rng.uniform(0.9, 1.0)
            self._timers.append(self._loop.call_later(age, self._advise, f"{age:.0f} s old"))

    def wake(self) -> None:
        """The ledger has something to send."""
        self._wake.set()

    def stop(self) -> None:
        """No frame is handled from here on."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for task in self._tasks:
            task.cancel()

    async def aclose(self) -> None:
        """Stop, close the socket, leave no task; when cancelled, call it again."""
        self.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._socket.aclose()
        if not self._closed:
            self._closed = True
            code, reason = self._code, self.reason
            self._tapped(lambda tap: tap.closed(self.number, code, reason, self._wiring.clock.time_ns()))

    # Receiving

    async def _read(self) -> None:
        receive = self._socket.receive
        on_frame = self._wiring.dialect.on_frame
        wall_ns, monotonic_ns = self._wiring.clock.time_ns, self._wiring.clock.monotonic_ns
        number, counters = self.number, self.counters
        while True:
            try:
                data = await receive()
            except Closed as closed:
                self._end(f"connection closed: {closed}", closed.code)
                return
            received_ns = wall_ns()
            counters.heard_ns = monotonic_ns()
            counters.messages += 1
            counters.bytes += len(data)
            if self._tap is not None:
                try:
                    self._tap.received(number, data, received_ns)
                except Exception:  # noqa: BLE001 (logged; a recording must not cost the stream)
                    self._untap()
            try:
                control = on_frame(data, received_ns)
            except ExchangeDataException as error:
                self._undecodable(error)
            except Exception as error:  # noqa: BLE001 (a bug on one frame must not cost the stream; it is logged and told)
                self._fault(error)
            else:
                if control is not None:
                    self._controlled(control)

    def _undecodable(self, error: ExchangeDataException) -> None:
        self.counters.undecodable += 1
        self._wiring.metrics.count("websocket_undecodable", exchange=self._wiring.dialect.exchange)
        if _worth_a_line(self.counters.undecodable):
            _log.warning("undecodable frame, %d so far: %s", self.counters.undecodable, error, extra=self._log_extra)
        self._wiring.emit(Undecodable(self.number, error))

    def _fault(self, error: Exception) -> None:
        self.counters.faults += 1
        self._wiring.metrics.count("websocket_faults", exchange=self._wiring.dialect.exchange)
        if _worth_a_line(self.counters.faults):
            faults = self.counters.faults
            _log.error("handling a frame failed, %d so far", faults, exc_info=error, extra=self._log_extra)
        self._wiring.emit(FrameFault(self.number, error))

    def _controlled(self, control: Control) -> None:
        for item in control if type(control) is tuple else (control,):
            if isinstance(item, Acknowledged):
                self._acknowledged = True
                recovered = self._ledger.acknowledged(item)
                if recovered:
                    self._wiring.emit(Recovered(self.number, recovered))
            elif isinstance(item, Refused):
                item = item._replace(message=redact(item.message))
                rejections = self._ledger.refused(item, self._loop.time())
                if not rejections:  # nothing waits for this answer, or its request is tried again one by one
                    _log.warning("the exchange refuses: %s %s", item.code, item.message, extra=self._log_extra)
                self._rejected(rejections)
                self._wake.set()
            elif isinstance(item, Pong):
                if self._ping_sent_ns is not None:
                    self.counters.lag_ns = self._wiring.clock.monotonic_ns() - self._ping_sent_ns
                    self._ping_sent_ns = None
            elif isinstance(item, Advice):
                self._advise(f"the exchange asks to reconnect: {item.message}")

    def _rejected(self, rejections: tuple[Rejection, ...]) -> None:
        for rejection in rejections:
            self._wiring.metrics.count("websocket_refused", exchange=self._wiring.dialect.exchange)
            _log.warning("refused %s: %s %s", *rejection, extra=self._log_extra)
            self._wiring.emit(SubscriptionRefused(self.number, *rejection))

    # Sending

    async def _write(self) -> None:
        dialect, ledger, loop = self._wiring.dialect, self._ledger, self._loop
        next_ping = loop.time() + dialect.ping_interval
        next_request = loop.time()
        while True:
            self._wake.clear()
            now = loop.time()
            self._rejected(ledger.overdue(now))
            if now >= next_ping:
                next_ping = now + dialect.ping_interval
                self._ping_sent_ns = self._wiring.clock.monotonic_ns()
                await self._send(dialect.ping())
                continue
            if now >= next_request and (data := ledger.next_request(now)) is not None:
                next_request = now + self._wiring.request_interval
                await self._send(data)
                continue
            due = ledger.next_due()
            until = min(next_ping, next_ping if due is None else due, next_request if ledger.has_work else next_ping)
            try:
                async with asyncio.timeout_at(until):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _send(self, data: str) -> None:
        self._tapped(lambda tap: tap.sent(self.number, data, self._wiring.clock.time_ns()))
        limit = self._wiring.dialect.silence_timeout
        try:
            async with asyncio.timeout(limit):
                await self._socket.send(data)
        except Closed as closed:
            self._end(f"connection closed: {closed}", closed.code)
        except TimeoutError:
            self._end(f"the exchange has taken nothing for {limit:g} s", None)

    # The end

    def _end(self, reason: str, code: int | None) -> None:
        if not self.ended.done():
            self._code = code
            self.ended.set_result(redact(reason))

    def _advise(self, reason: str) -> None:
        if not self.advised.done():
            self.advised.set_result(redact(reason))

    def _watch_silence(self, *, sure: bool = False) -> None:
        limit = self._wiring.dialect.silence_timeout
        heard_ns = self.counters.heard_ns
        quiet = 0.0 if heard_ns is None else (self._wiring.clock.monotonic_ns() - heard_ns) / 1e9
        if quiet < limit:
            self._timers[0] = self._loop.call_later(limit - quiet, self._watch_silence)
        elif sure:
            self._end(f"nothing heard for {quiet:.1f} s", None)
        else:  # after a stall of the whole process, frames that wait in the socket are read first
            self._loop.call_soon(self._sure_of_silence)

    def _sure_of_silence(self) -> None:
        if self._timers:
            self._watch_silence(sure=True)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.counters.faults += 1
            _log.error("a connection failed by our own fault", exc_info=error, extra=self._log_extra)
            self._end(f"failed: {type(error).__name__}", None)

    def _tapped(self, call: Callable[[Tap], None]) -> None:
        if self._tap is not None:
            try:
                call(self._tap)
            except Exception:  # noqa: BLE001 (logged; a recording must not cost the stream)
                self._untap()

    def _untap(self) -> None:
        self._tap = None
        _log.exception("the recording tap failed; this connection is no longer recorded", extra=self._log_extra)


def _worth_a_line(count: int) -> bool:
    """True for 1, 2, 4, 8, ...: a fault that every frame repeats must not drown the log; the counters have them all."""
    return count & (count - 1) == 0
