"""The sandbox: one market, two venues on two ports or in memory, and the timer that moves them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.correlation import new_random
from cex.sandbox.accounts.directory import Directory
from cex.sandbox.accounts.ledger import Ledger
from cex.sandbox.control import PREFIX, Control
from cex.sandbox.credentials import AccountPlan, Credentials
from cex.sandbox.faults.races import Races
from cex.sandbox.faults.rules import Fault
from cex.sandbox.faults.switchboard import Faults
from cex.sandbox.hosting import House
from cex.sandbox.journal import Journal
from cex.sandbox.latency import Latency, delayed
from cex.sandbox.market.listings import DEFAULT_LISTINGS, Listing
from cex.sandbox.market.models import MarketModel
from cex.sandbox.market.prices import PriceModel
from cex.sandbox.market.seeds import derived
from cex.sandbox.market.simulation import Market, TrueBook, TrueKline
from cex.sandbox.memory import MemoryConnector
from cex.sandbox.premises import MAIN, Desks, Premises, gateio_premises, mexc_premises
from cex.sandbox.venues.connection import Connection
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.mexc.options import MexcOptions

__all__ = ["Sandbox", "serve"]

_log = logging.getLogger(__name__)

_MOST_BEHIND = 25
_WARM_UP_TICKS = 20
_FIRST_PORT_IN_MEMORY = 60_001


class Sandbox:
    """MEXC and Gate.io on this machine: ``async with Sandbox(seed=7) as sandbox``.

    A port of 0 takes a free one; ``control_port`` None opens none (the control API is on the venues' ports as well).
    With ``sockets=False`` nothing listens, and clients come through :meth:`connector`. ``tick`` is the market's clock
    in seconds; the market itself depends on ``seed`` and on the orders that come, never on the wall clock. While it
    runs, only the sandbox steps it. Each venue has an account ``main`` with keys derived from the seed and money to
    trade with; ``accounts`` are further ones. ``model`` is one, or the name of one. ``faults`` (or their text, as the
    command line has it) are on from the moment the ports are open; ``latency`` is by
    venue; ``journal`` is a file for the record of what happened. Leaving the block (or :meth:`aclose`) ends every
    connection.

    Raises:
        ValueError: an account, a fault or a latency is for no venue or makes no sense.
        OSError: (on entering) a port is taken, or the journal's file cannot be written.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        host: str = "127.0.0.1",
        mexc_port: int = 0,
        gateio_port: int = 0,
        control_port: int | None = None,
        sockets: bool = True,
        listings: Iterable[Listing] = DEFAULT_LISTINGS,
        model: MarketModel | PriceModel | str | None = None,
        tick: float = 0.02,
        history: int = 20_000,
        mexc: MexcOptions | None = None,
        gateio: GateioOptions | None = None,
        accounts: Iterable[AccountPlan] = (),
        faults: Iterable[Fault | str] = (),
        latency: Mapping[str, Latency] | None = None,
        journal: str | Path | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.seed = seed
        self.market = Market(
            seed=seed, listings=listings, model=model, tick=tick, history=history, now_ns=clock.time_ns()
        )
        for _ in range(_WARM_UP_TICKS):
            self.market.step(clock.time_ns())
        self._clock = clock
        places = (
            mexc_premises(self.market, options=mexc or MexcOptions(), clock=clock),
            gateio_premises(self.market, options=gateio or GateioOptions(), clock=clock),
        )
        self._places: dict[str, Premises] = {place.name: place for place in places}
        self._open_accounts(list(accounts))
        self.journal = Journal(clock, journal)
        self._latency = dict(latency or {})
        if unknown := self._latency.keys() - self._places.keys():
            raise ValueError(f"a latency is by venue: there is no {min(unknown)!r}")
        self.faults = self._switchboard()
        self._first_faults = tuple(Fault.parse(one) if isinstance(one, str) else one for one in faults)
        for fault in self._first_faults:
            self.faults.check(fault)
        self._control = Control(self, self.market, self.faults, self.journal)
        self._houses = self._build(host, {"mexc": mexc_port, "gateio": gateio_port}, control_port, sockets=sockets)
        self._is_open = False
        self._ticking: asyncio.Task[None] | None = None

    # --- where things are --------------------------------------------------------------------------------------------

    @property
    def endpoints(self) -> dict[str, dict[str, str]]:
        """Base URLs by venue: ``{"mexc": {"rest": ..., "ws": ...}, "gateio": {"rest": ..., ...}}``."""
        if not self._is_open:
            return {}
        return {name: place.venue.endpoints(self._houses[name].authority) for name, place in self._places.items()}

    @property
    def control_url(self) -> str | None:
        """Where the control API is; also below ``/_sandbox`` of each venue's port. None while nothing is open."""
        if not self._is_open:
            return None
        house = self._houses.get("control", self._houses["mexc"])
        return f"http://{house.authority}{PREFIX}"

    @property
    def credentials(self) -> dict[str, Credentials]:
        """Key, secret and uid of each venue's account ``main``."""
        return {name: place.credentials[MAIN] for name, place in self._places.items()}

    def credentials_of(self, venue: str, name: str) -> Credentials:
        """Key, secret and uid of a named account. KeyError when there is none."""
        return self._places[venue].credentials[name]

    def announcement(self) -> dict[str, Any]:
        """Seed, endpoints, credentials and the control API's URL, as one object for a line of JSON."""
        venues = {
            name: {**urls, "credentials": self.credentials[name]._asdict()} for name, urls in self.endpoints.items()
        }
        return {"seed": self.seed, **venues, "control": self.control_url}

    def connector(self) -> aiohttp.BaseConnector:
        """For ``aiohttp.ClientSession(connector=...)``: the sandbox's URLs without sockets. Yours to close.

        It reaches this sandbox and nothing else, on the event loop that runs it.
        """
        return MemoryConnector(self._connect)

    # --- the truth ---------------------------------------------------------------------------------------------------

    @property
    def accounts(self) -> dict[str, Directory]:
        """Each venue's accounts and their keys."""
        return {name: place.directory for name, place in self._places.items()}

    @property
    def ledgers(self) -> dict[str, Ledger]:
        """Who has what at each venue, to the last decimal."""
        return {name: place.ledger for name, place in self._places.items()}

    @property
    def desks(self) -> dict[str, Desks]:
        """The orders, fills and positions of each venue's accounts."""
        return {name: place.desks for name, place in self._places.items()}

    def account_states(self, venue: str) -> list[dict[str, Any]]:
        """Balances, open orders and positions of every account of a venue, as plain values without keys."""
        return self._places[venue].account_states()

    def now_ns(self, venue: str) -> int:
        """The wall time that a venue goes by, with what its clock is wrong by."""
        return self._places[venue].clock.time_ns()

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
        return {name: len(place.venue.hub.subscriptions) for name, place in self._places.items()}

    # --- running -----------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Open the ports and let the market run."""
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
        self.journal.open()
        for house in self._houses.values():
            await house.open()
        self._is_open = True
        faults, self._first_faults = self._first_faults, ()
        for fault in faults:
            self.faults.add(fault)

    async def _close(self) -> None:
        ticking, self._ticking = self._ticking, None
        if ticking is not None:
            ticking.cancel()
            await asyncio.wait([ticking])
        for place in self._places.values():
            for connection in list(place.venue.hub.subscriptions):
                connection.hang_up()
        for house in self._houses.values():
            await house.aclose()
        self._is_open = False
        self.journal.close()
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
            self._tick()

    def _tick(self) -> None:
        self.market.step(self._clock.time_ns())
        for place in self._places.values():
            now_ns = place.clock.time_ns()
            place.desks.after_tick(now_ns)
            place.venue.publish(self.market.ticks, now_ns // 1_000_000)
        self.faults.after_tick()

    # --- putting it together -----------------------------------------------------------------------------------------

    def _open_accounts(self, plans: list[AccountPlan]) -> None:
        for plan in plans:
            if plan.venue not in self._places:
                raise ValueError(f"account {plan.name!r}: no venue {plan.venue!r}; there are {', '.join(self._places)}")
        for place in self._places.values():
            place.open_accounts(self.market, plans)

    def _switchboard(self) -> Faults:
        places = self._places
        faults = Faults(
            self.market,
            {name: place.venue for name, place in places.items()},
            seed=self.seed,
            clock=self._clock,
            clocks={name: place.clock for name, place in places.items()},
            actions={name: place.actions for name, place in places.items()},
            doors=self._turn_door,
            races={
                name: Races(name, self.market, place.directory, place.every_desk, spelled=place.spelled)
                for name, place in places.items()
            },
        )
        faults.on_strike = self.journal.struck
        return faults

    def _build(
        self, host: str, ports: Mapping[str, int], control_port: int | None, *, sockets: bool
    ) -> dict[str, House]:
        houses: dict[str, House] = {}
        for number, (name, place) in enumerate(self._places.items()):
            application = place.venue.application()
            outer = [self._control.middleware, self.journal.middleware(name, place.directory)]
            latency, rng = self._latency.get(name, Latency()), new_random(derived(self.seed, name, "latency"))
            if latency.rest or latency.rest_jitter:
                outer.append(delayed(latency, rng))
            outer.append(self.faults.middleware(name))
            application.middlewares[:0] = outer
            place.venue.hub.on_join = partial(self._joined, name, latency.of_pushes(rng))
            place.venue.hub.on_leave = partial(self.journal.disconnected, name)
            for desk in place.every_desk:
                desk.listen(None, partial(self.journal.account_event, name))
            port = ports[name] if sockets else ports[name] or _FIRST_PORT_IN_MEMORY + number
            houses[name] = House(application, host, port, sockets=sockets)
        if control_port is not None:
            control = web.Application()
            control.router.add_route("*", "/{path:.*}", self._control.handle)
            houses["control"] = House(control, host, control_port or (0 if sockets else 60_000), sockets=sockets)
        return houses

    def _joined(self, venue: str, latency: Callable[[], float] | None, connection: Connection) -> None:
        connection.latency = latency
        self.journal.connected(venue, connection)

    def _turn_door(self, venue: str, how: str | None) -> None:
        if how is None:
            self._houses[venue].unlock()
        else:
            self._houses[venue].shut(how)

    def _connect(self, host: str, port: int, client: asyncio.Protocol) -> None:
        for house in self._houses.values():
            if self._is_open and port == house.port and host in (house.host, "localhost"):
                house.connect(client)
                return
        raise ConnectionRefusedError(errno.ECONNREFUSED, f"no part of this sandbox is at {host}:{port}")


async def serve(sandbox: Sandbox, announce: Callable[[dict[str, Any]], None]) -> None:
    """Run ``sandbox`` until cancelled (by Ctrl-C under ``asyncio.run``, for instance).

    ``announce`` gets :meth:`Sandbox.announcement` as soon as the ports are open.
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


def _report_crash(ticking: asyncio.Task[None]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        error = ticking.exception()
        if error is not None:
            _log.critical("the market stopped", exc_info=error)
