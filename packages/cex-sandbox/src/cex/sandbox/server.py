"""The sandbox: one market, two venues on two ports, and the timer that moves them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.correlation import new_random
from cex.sandbox.faults import Faults
from cex.sandbox.market.listings import DEFAULT_LISTINGS, Listing
from cex.sandbox.market.prices import PriceModel
from cex.sandbox.market.simulation import Market, TrueBook, TrueKline
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.venue import GateioVenue
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.venue import MexcVenue

__all__ = ["Sandbox", "serve"]

_log = logging.getLogger(__name__)

_MOST_BEHIND = 25
_WARM_UP_TICKS = 50
_SHUTDOWN_SECONDS = 0.3


class Sandbox:
    """MEXC and Gate.io on this machine: ``async with Sandbox(seed=7) as sandbox``.

    A port of 0 takes a free one. ``tick`` is the market's clock in seconds; the market itself depends on ``seed`` and
    on the orders that come (``market.submit``), never on the wall clock. While it runs, only the sandbox steps it.
    Leaving the block (or :meth:`aclose`) ends every connection.

    Raises (on entering):
        OSError: a port is taken.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        host: str = "127.0.0.1",
        mexc_port: int = 0,
        gateio_port: int = 0,
        listings: Iterable[Listing] = DEFAULT_LISTINGS,
        model: PriceModel | None = None,
        tick: float = 0.02,
        history: int = 20_000,
        mexc: MexcOptions | None = None,
        gateio: GateioOptions | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.seed = seed
        self.market = Market(
            seed=seed, listings=listings, model=model, tick=tick, history=history, now_ns=clock.time_ns()
        )
        for _ in range(_WARM_UP_TICKS):
            self.market.step(clock.time_ns())
        self._clock = clock
        self._host = host
        rng = new_random(seed)
        self._venues = (
            (MexcVenue(self.market, options=mexc or MexcOptions(), clock=clock, rng=rng), mexc_port),
            (GateioVenue(self.market, options=gateio or GateioOptions(), clock=clock, rng=rng), gateio_port),
        )
        self.faults = Faults(self.market, {venue.name: venue.hub for venue, _ in self._venues})
        self._runners: list[web.AppRunner] = []
        self._endpoints: dict[str, dict[str, str]] = {}
        self._ticking: asyncio.Task[None] | None = None

    @property
    def endpoints(self) -> dict[str, dict[str, str]]:
        """Base URLs by venue: ``{"mexc": {"rest": ..., "ws": ...}, "gateio": {"rest": ..., ...}}``."""
        return {venue: dict(urls) for venue, urls in self._endpoints.items()}

    def announcement(self) -> dict[str, Any]:
        """The seed and the endpoints, as one object for a line of JSON."""
        return {"seed": self.seed, **self.endpoints}

    def truth(self, venue: str, symbol: str) -> TrueBook:
        """The whole book of ``symbol`` (such as ``BTC/USDT``) as it is now. KeyError says what is not there."""
        return self.market.book(venue, symbol).true_book()

    def truth_at(self, venue: str, symbol: str, update_id: int) -> TrueBook:
        """The whole book right after ``update_id``; LookupError when that is in the future or too long ago."""
        return self.market.book(venue, symbol).true_book(update_id)

    def truth_klines(self, venue: str, symbol: str, interval: str, start: int, end: int) -> list[TrueKline]:
        """The candles that begin in [``start``, ``end``), in ns since the epoch, oldest first, the open one included.

        ``interval`` is one of ``1s 10s 1m 5m 15m 30m 1h 4h 8h 1d 1M``, ``7d`` (counted from the epoch) or ``1w`` (from
        Monday). History reaches 90 days back from the start of the sandbox, below a minute 10,000 candles.

        Raises:
            KeyError: no such venue, symbol or interval.
        """
        return self.market.book(venue, symbol).true_klines(interval, start, end, self._clock.time_ns())

    @property
    def connections(self) -> dict[str, int]:
        """Open WebSockets by venue."""
        return {venue.name: len(venue.hub.subscriptions) for venue, _ in self._venues}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Open both ports and let the market run."""
        if self._ticking is not None:
            raise RuntimeError("this sandbox is already running")
        try:
            await _to_the_end(self._open())
        except BaseException:
            await self.aclose()
            raise
        self._ticking = asyncio.create_task(self._keep_ticking(), name="sandbox-ticks")
        self._ticking.add_done_callback(_report_crash)

    async def aclose(self) -> None:
        """End the market, the connections and the servers; within a second, and harmless when repeated.

        A cancellation takes effect when everything is closed. If the market had broken down, its exception is raised.
        """
        await _to_the_end(self._close())

    async def _open(self) -> None:
        for venue, port in self._venues:
            runner = web.AppRunner(
                venue.application(), access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS
            )
            self._runners.append(runner)
            await runner.setup()
            await web.TCPSite(runner, self._host, port).start()
            self._endpoints[venue.name] = venue.endpoints(_authority(runner.addresses[0]))

    async def _close(self) -> None:
        ticking, self._ticking = self._ticking, None
        if ticking is not None:
            ticking.cancel()
            await asyncio.wait([ticking])
        for venue, _ in self._venues:
            for connection in list(venue.hub.subscriptions):
                connection.hang_up()
        runners, self._runners = self._runners, []
        for runner in runners:
            await runner.cleanup()
        self._endpoints.clear()
        if ticking is not None and not ticking.cancelled():
            ticking.result()

    async def _keep_ticking(self) -> None:
        loop = asyncio.get_running_loop()
        tick = self.market.tick
        due = loop.time()
        while True:
            due += tick
            await asyncio.sleep(max(0.0, due - loop.time()))
            if loop.time() - due > _MOST_BEHIND * tick:
                _log.warning("the market runs late; ticks are left out", extra={"seconds": loop.time() - due})
                due = loop.time()
            now_ns = self._clock.time_ns()
            self.market.step(now_ns)
            for venue, _ in self._venues:
                venue.publish(self.market.ticks, now_ns // 1_000_000)
            self.faults.after_tick()


async def serve(sandbox: Sandbox, announce: Callable[[dict[str, Any]], None]) -> None:
    """Run ``sandbox`` until cancelled (by Ctrl-C under ``asyncio.run``, for instance).

    ``announce`` gets :meth:`Sandbox.announcement` as soon as both ports are open.
    """
    async with sandbox:
        announce(sandbox.announcement())
        await asyncio.Event().wait()


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do something short that must not be left half done: a cancellation waits until it is over."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled from task.exception()
    task.result()


def _authority(address: Any) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _report_crash(ticking: asyncio.Task[None]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        error = ticking.exception()
        if error is not None:
            _log.critical("the market stopped", exc_info=error)
