"""One proven book, kept: its synchronizer, what seeds it, and a recovery that touches no other book.

A book is seeded by a snapshot of REST or, where its stream begins with the whole book, by subscribing (anew).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from cex.common.book.order_book import OrderBook
from cex.common.book.synchronizer import Outcome, Synchronizer
from cex.common.clock import Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.correlation import correlation
from cex.common.enums import BookState
from cex.common.exceptions import ExchangeConnectionException, ExchangeException, RateLimitException
from cex.common.types.market import BookDelta, BookSnapshot
from cex.common.types.symbols import Symbol
from cex.exchanges.base.books.policy import Backoff, ResyncPolicy
from cex.exchanges.base.interfaces import BookFacts, BookHandler, BookHealth, EventHandler, Gap, Resynced
from cex.exchanges.base.tasks import OwnedTasks

__all__ = ["BookKeeper", "FetchSnapshot", "Resubscribe"]

logger = logging.getLogger(__name__)

_APPLIED = Outcome.APPLIED

FetchSnapshot = Callable[[Symbol, int], Awaitable[BookSnapshot]]
"""``fetch(symbol, depth)``: a snapshot that is requested now, raising ``ExchangeException`` where there is none."""

Resubscribe = Callable[[Symbol], Awaitable[None]]
"""``resubscribe(symbol)``: end the book's stream and begin it again; returns when it is acknowledged."""


class BookKeeper:
    """One book: takes its deltas, seeds it, notices when it is lost, gets it back, and tells who listens."""

    def __init__(
        self,
        symbol: Symbol,
        facts: BookFacts,
        *,
        exchange: str,
        fetch: FetchSnapshot,
        resubscribe: Resubscribe,
        emit: EventHandler,
        slots: asyncio.Semaphore,
        tasks: OwnedTasks,
        policy: ResyncPolicy,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self.symbol = symbol
        self._exchange = exchange
        self._depth = facts.snapshot_depth
        self._fetch = fetch
        self._resubscribe = resubscribe
        self._seeded_by_stream = facts.seeded_by_stream
        self._emit = emit
        self._slots = slots
        self._tasks = tasks
        self._policy = policy
        self._clock = clock
        self._now = clock.monotonic_ns
        self._sync = Synchronizer(
            symbol, window=facts.window, windowed_stream=facts.windowed_stream, exchange=exchange, clock=clock
        )
        self._take = self._sync.on_delta
        self.book: OrderBook = self._sync.book
        self._facts = {"exchange": exchange, "symbol": str(symbol)}
        self._handlers: tuple[BookHandler, ...] = ()
        self._watchers: tuple[Callable[[], None], ...] = ()
        self._waiters: set[asyncio.Future[Exception | None]] = set()
        self._slow_ns = int(policy.slow_handler_s * NANOSECONDS)
        self._first_delta = asyncio.Event()
        self._full_frame = asyncio.Event()
        self._resubscribing = False
        self._too_old = Backoff(policy.too_old_first, policy.most, rng)
        self._failures = Backoff(policy.failure_first, policy.most, rng)
        self._recovery: asyncio.Task[None] | None = None
        self._subscribed = False
        self._interrupted = False
        self._closed = False
        self._last_error: Exception | None = None
        self._lost_at_ns: int | None = None
        self._live_at_ns: int | None = None
        self._resyncs = 0
        self._requests = 0
        self._request_failures = 0
        self._handler_errors = 0
        self._slow_handlers = 0

    # ---- the stream ------------------------------------------------------------------------------------------------

    def on_delta(self, delta: BookDelta) -> None:
        """Take one update; also before :meth:`start`, then it is kept for the snapshot."""
        outcome = self._take(delta)
        if outcome is _APPLIED:
            if self._handlers or self._watchers:
                self._notify()
        elif outcome is Outcome.BUFFERED:
            self._first_delta.set()
        elif outcome is Outcome.SEEDED:
            self._full_frame.set()
            self._became_live()
        elif outcome is Outcome.NEED_SNAPSHOT:
            self._full_frame.set()
            self._tell_watchers()
        elif outcome is Outcome.GAP:
            self._lost()
            book = self.book
            logger.warning("book lost: %s", book.reason, extra=self._facts)
            self._emit(
                Gap(
                    exchange=self._exchange,
                    at_ns=self._clock.time_ns(),
                    symbol=self.symbol,
                    state=book.state,
                    reason=book.reason,
                )
            )
            self._recover(patient=False)

    def start(self) -> None:
        """The stream is subscribed: build the book, unless the connection was lost again meanwhile."""
        if not self._interrupted:
            self._subscribed = True
            self._recover(patient=True)

    def resume(self) -> None:
        """The stream is subscribed again after an interruption: build the book anew."""
        self._interrupted = False
        self.start()

    def interrupt(self, reason: str) -> None:
        """The connection is lost: the book is STALE until :meth:`resume`."""
        self._interrupted = True
        self._subscribed = False
        if not self._resubscribing or self._closed:  # cancelled half-way, the stream would be wanted by nobody
            self._stop_recovery()
        self._sync.reset(reason, BookState.STALE)
        self._first_delta.clear()
        self._full_frame.clear()
        self._lost()

    def close(self, reason: str) -> None:
        """The book ends; it stays STALE for whoever still holds it, and whoever waits for it gets an error."""
        self._closed = True
        self.interrupt(reason)
        self._handlers = self._watchers = ()
        self._release_waiters(self._not_live(f"the book of {self.symbol} was closed: {reason}"))

    # ---- readers ---------------------------------------------------------------------------------------------------

    def add_handler(self, handler: BookHandler) -> None:
        """Call ``handler(book)`` after every change while the book is LIVE, and at once when it becomes LIVE."""
        self._handlers = (*self._handlers, handler)

    def remove_handler(self, handler: BookHandler) -> None:
        """End one :meth:`add_handler`; unknown handlers are ignored."""
        handlers = list(self._handlers)
        if handler in handlers:
            handlers.remove(handler)
        self._handlers = tuple(handlers)

    def clear_handlers(self) -> None:
        self._handlers = ()

    def add_watcher(self, watcher: Callable[[], None]) -> None:
        """Call ``watcher()`` after every change of the book or of its state."""
        self._watchers = (*self._watchers, watcher)

    def remove_watcher(self, watcher: Callable[[], None]) -> None:
        self._watchers = tuple(known for known in self._watchers if known != watcher)

    async def wait_live(self, timeout: float) -> None:
        """Return when the book is LIVE.

        Raises:
            ExchangeException: what makes it impossible, for instance a refused snapshot; or
                ``ExchangeConnectionException`` when it is not LIVE within ``timeout`` seconds or is closed.
        """
        try:
            async with asyncio.timeout(timeout):
                while not self.book.is_live:
                    if self._closed:
                        raise self._not_live(f"the book of {self.symbol} is closed")
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.add(waiter)
                    try:
                        error = await waiter
                    finally:
                        self._waiters.discard(waiter)
                    if error is not None:
                        raise error
        except TimeoutError:
            last = f"; the last error was: {self._last_error}" if self._last_error else ""
            raise self._not_live(
                f"the book of {self.symbol} was not LIVE within {timeout:g} s: {self.book.reason}{last}"
            ) from self._last_error

    def health(self) -> BookHealth:
        book, stats = self.book, self._sync.stats
        received, stamped = book.received_ts, book.exchange_ts
        return BookHealth(
            symbol=self.symbol,
            state=book.state,
            reason=book.reason,
            since_ns=book.since_ns,
            sequence=book.sequence,
            age_s=(self._clock.time_ns() - received) / NANOSECONDS if received else None,
            lag_s=(received - stamped) / NANOSECONDS if received and stamped else None,
            deltas=stats.deltas,
            applied=stats.applied,
            stale=stats.stale,
            gaps=stats.gaps,
            resyncs=self._resyncs,
            snapshot_requests=self._requests,
            snapshot_failures=self._request_failures,
            handler_errors=self._handler_errors,
            slow_handlers=self._slow_handlers,
        )

    # ---- recovery --------------------------------------------------------------------------------------------------

    def _recover(self, *, patient: bool) -> None:
        if self._recovery is None and self._subscribed and not self._closed:
            self._recovery = self._tasks.spawn(self._seed(patient), name=f"{self._exchange} book {self.symbol}")

    def _stop_recovery(self) -> None:
        if self._recovery is not None:
            self._recovery.cancel()
            self._recovery = None

    async def _seed(self, patient: bool) -> None:
        """Until the book is LIVE; the only place that asks, so that one request is in flight at most."""
        try:
            with correlation():
                await (self._seed_by_stream(patient) if self._seeded_by_stream else self._seed_by_snapshot(patient))
        finally:
            if self._recovery is asyncio.current_task():
                self._recovery = None

    async def _seed_by_snapshot(self, patient: bool) -> None:
        """Ask for snapshots until one fits."""
        await (self._await_first_delta() if patient else self._keep_distance())
        while self._sync.needs_snapshot:
            snapshot = await self._request()
            if snapshot is None:
                continue
            outcome = self._sync.on_snapshot(snapshot)
            if outcome is Outcome.SEEDED:
                self._became_live()
            elif outcome is Outcome.NEED_SNAPSHOT:
                self._tell_watchers()
                await asyncio.sleep(self._too_old.next())

    async def _seed_by_stream(self, fresh: bool) -> None:
        """Wait for the whole book that a ``fresh`` subscription begins with, and subscribe anew where it does not."""
        if not fresh:
            await self._keep_distance()
        while self._sync.needs_snapshot:
            if fresh or await self._ask_again():
                fresh = False
                await self._await_full_frame()

    async def _ask_again(self) -> bool:
        """Subscribe anew; false after a failure and the pause that it calls for."""
        self._sync.reset(self.book.reason, self.book.state)
        self._full_frame.clear()
        self._requests += 1
        self._resubscribing = True
        try:
            async with self._slots:
                await self._resubscribe(self.symbol)
        except Exception as error:  # noqa: BLE001 (told to those who wait, logged, and tried again)
            await self._after_failure("subscribing anew", error)
            return False
        finally:
            self._resubscribing = False
        self._subscribed, self._interrupted = True, False
        return True

    async def _await_full_frame(self) -> None:
        wait = self._policy.full_wait
        try:
            async with asyncio.timeout(wait):
                while self._sync.needs_snapshot and not self._full_frame.is_set():
                    await self._full_frame.wait()
        except TimeoutError:
            reason = f"the stream began without a whole book for {wait:g} s"
            self._sync.reset(reason, self.book.state)
            self._tell_watchers()
            await self._after_failure("seeding", self._not_live(f"{self.symbol}: {reason}"))
        else:
            if self._sync.needs_snapshot:
                await asyncio.sleep(self._too_old.next())

    async def _await_first_delta(self) -> None:
        try:
            async with asyncio.timeout(self._policy.first_delta_wait):
                await self._first_delta.wait()
        except TimeoutError:
            return  # a quiet pair; the snapshot then meets the first update by the gap rule

    async def _keep_distance(self) -> None:
        if self._live_at_ns is not None:
            since = (self._clock.monotonic_ns() - self._live_at_ns) / NANOSECONDS
            if (missing := self._policy.spacing - since) > 0:
                await asyncio.sleep(missing)

    async def _request(self) -> BookSnapshot | None:
        """One snapshot; or None after a failure and the pause that it calls for."""
        self._requests += 1
        try:
            async with self._slots:
                snapshot = await self._fetch(self.symbol, self._depth)
        except Exception as error:  # noqa: BLE001 (told to those who wait, logged, and tried again)
            await self._after_failure("the snapshot", error)
        else:
            self._failures.reset()
            return snapshot
        return None

    async def _after_failure(self, what: str, error: Exception) -> None:
        """Note that a try failed, and pause; what is hopeless ends the patience of those who wait for the book."""
        self._request_failures += 1
        self._last_error = error
        wait = self._failures.next()
        if isinstance(error, RateLimitException) and error.retry_after is not None:
            wait = max(wait, error.retry_after)
        if isinstance(error, ExchangeException):
            logger.warning("%s failed: %s", what, error, extra=self._facts)
        else:
            logger.error("%s failed by a defect", what, exc_info=error, extra=self._facts)
        if not (isinstance(error, ExchangeException) and error.retryable):
            self._release_waiters(error)
        await asyncio.sleep(wait)

    # ---- what happened ---------------------------------------------------------------------------------------------

    def _lost(self) -> None:
        if self._lost_at_ns is None and self._live_at_ns is not None:
            self._lost_at_ns = self._clock.monotonic_ns()
        self._tell_watchers()

    def _became_live(self) -> None:
        now = self._clock.monotonic_ns()
        self._live_at_ns = now
        self._last_error = None
        self._too_old.reset()
        self._failures.reset()
        lost_at, self._lost_at_ns = self._lost_at_ns, None
        self._release_waiters(None)
        if lost_at is not None:
            self._resyncs += 1
            self._emit(
                Resynced(
                    exchange=self._exchange,
                    at_ns=self._clock.time_ns(),
                    symbol=self.symbol,
                    sequence=self.book.sequence,
                    seconds=(now - lost_at) / NANOSECONDS,
                )
            )
        self._notify()

    def _release_waiters(self, error: Exception | None) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(error)

    def _not_live(self, message: str) -> ExchangeConnectionException:
        return ExchangeConnectionException(message, self._exchange, operation="subscribe_book")

    def _notify(self) -> None:
        now, book = self._now, self.book
        ended = now()
        for handler in self._handlers:
            started = ended
            try:
                handler(book)
            except Exception:
                self._handler_errors += 1
                if _worth_saying(self._handler_errors):
                    logger.exception("book handler failed", extra=self._about(handler, self._handler_errors))
            ended = now()
            took = ended - started
            if took > self._slow_ns:
                self._slow_handlers += 1
                if _worth_saying(self._slow_handlers):
                    logger.warning(
                        "book handler took %.1f ms", took / 1e6, extra=self._about(handler, self._slow_handlers)
                    )
        if self._watchers:
            self._tell_watchers()

    def _tell_watchers(self) -> None:
        for watcher in self._watchers:
            watcher()

    def _about(self, handler: BookHandler, count: int) -> dict[str, object]:
        name = getattr(handler, "__qualname__", None) or repr(handler)
        return {**self._facts, "handler": name, "count": count}


def _worth_saying(count: int) -> bool:
    """True for 1, 2, 4, 8, ...: a defect that repeats with every frame must not flood the log."""
    return count & (count - 1) == 0
