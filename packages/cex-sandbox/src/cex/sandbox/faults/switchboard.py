"""What can be broken on purpose, and how often it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from cex.common.clock import Clock
from cex.sandbox.faults.actions import Actions, Doors
from cex.sandbox.faults.clocks import ShiftedClock
from cex.sandbox.faults.kinds import FaultError, Scope
from cex.sandbox.faults.pushes import Pushes
from cex.sandbox.faults.races import Races
from cex.sandbox.faults.requests import Requests
from cex.sandbox.faults.rules import Fault, FaultStatus, Rule
from cex.sandbox.faults.venues import Action, FaultyVenue
from cex.sandbox.market.simulation import Market

__all__ = ["Faults"]

_AT_PUSHES = frozenset({Scope.PUBLIC, Scope.PRIVATE})
_AT_REQUESTS = frozenset({Scope.REST, Scope.HANDSHAKE})
_IN_THE_WAY = _AT_PUSHES | _AT_REQUESTS
_MOST = 1000


class Faults:
    """Switches over the running venues (``mexc``, ``gateio``); None as a venue means all of them.

    The dice of each fault depend on the seed and on its id, which counts from 1: the same faults, added in the same
    order, strike the same requests and pushes again.
    """

    def __init__(
        self,
        market: Market,
        venues: Mapping[str, FaultyVenue],
        *,
        seed: int,
        clock: Clock,
        clocks: Mapping[str, ShiftedClock],
        actions: Mapping[str, Mapping[str, Action]],
        doors: Doors,
        races: Mapping[str, Races],
    ) -> None:
        self._market = market
        self._venues = venues
        self._seed = seed
        self._clock = clock
        self._last_id = 0
        self._rules: dict[int, Rule] = {}
        self._of_pushes: dict[str, list[Rule]] = {name: [] for name in venues}
        self._of_requests: dict[str, list[Rule]] = {name: [] for name in venues}
        self._timed: list[Rule] = []
        self._standing: list[Rule] = []
        self._actions = Actions(market, venues, clocks, actions, doors, self._struck)
        self._injected: Counter[str] = Counter()
        self._connections_cut = 0
        self.on_strike: Callable[[Fault, int, str], None] | None = None
        self._pushes = {name: Pushes(partial(self._rules_of_pushes, name), self._struck) for name in venues}
        self._requests = {
            name: Requests(market, partial(self._rules_of_requests, name), self._struck, venue.refusal, races[name])
            for name, venue in venues.items()
        }

    # --- rules -------------------------------------------------------------------------------------------------------

    def add(self, fault: Fault | str, **settings: Any) -> int:
        """Switch a fault on; its id. ``add("delay_push", venue="mexc", of="fill", seconds=2)`` makes it on the way.

        Raises:
            FaultError: the fault makes no sense, or there is no such venue, symbol or room for one more.
        """
        if isinstance(fault, str):
            fault = Fault.of(fault, **settings)
        elif settings:
            raise TypeError("settings belong to a fault that is given by its kind")
        self.check(fault)
        self._make_room()
        self._last_id += 1
        rule = self._rules[self._last_id] = Rule(self._last_id, fault, seed=self._seed, clock=self._clock)
        if rule.kind.scope in _IN_THE_WAY:
            self._put_in_the_way(rule)
        else:
            self._timed.append(rule)
            self._actions.look_after(rule)
        return rule.id

    def remove(self, number: int) -> FaultStatus:
        """Switch a fault off, and take back what it did where that can be; what became of it.

        Raises:
            KeyError: there is no fault of this id.
        """
        rule = self._rules.pop(number, None)
        if rule is None:
            raise KeyError(f"there is no fault {number}; there are {', '.join(map(str, self._rules)) or 'none'}")
        self._actions.undo(rule)
        self._after_removal()
        return rule.status

    def clear(self) -> None:
        """Switch every fault off."""
        rules, self._rules = self._rules, {}
        for rule in rules.values():
            self._actions.undo(rule)
        self._after_removal()

    def status(self, number: int) -> FaultStatus:
        """How a fault is doing. Raises KeyError when there is none of this id."""
        if number not in self._rules:
            raise KeyError(f"there is no fault {number}; there are {', '.join(map(str, self._rules)) or 'none'}")
        return self._rules[number].status

    @property
    def listed(self) -> Sequence[FaultStatus]:
        """Every fault that was added and not removed, oldest first."""
        return [rule.status for rule in self._rules.values()]

    @property
    def injected(self) -> dict[str, int]:
        """How often each kind has really struck; besides ``deltas_dropped`` and ``connections_cut`` in all."""
        totals = {"deltas_dropped": self._injected["drop_delta"], "connections_cut": self._connections_cut}
        return {**totals, **{kind: count for kind, count in self._injected.items() if count}}

    # --- short forms -------------------------------------------------------------------------------------------------

    def drop_delta(self, venue: str, symbol: str, *, everywhere: bool = True) -> int:
        """Lose the next book delta of ``symbol`` (such as ``BTC/USDT``) that anyone would hear; the fault's id.

        ``everywhere`` False loses it for one subscriber only. Counted when it happens.

        Raises:
            KeyError: no such venue, or it does not list the symbol.
        """
        self._market.book(venue, symbol)
        return self.add("drop_delta", venue=venue, symbol=symbol, count=1, everywhere=everywhere)

    def cut_connections(self, venue: str | None = None, *, code: int | None = None) -> int:
        """End all WebSockets now: by a TCP reset, or by a close frame with ``code``. How many were cut.

        Raises:
            KeyError: no such venue.
        """
        self._check_venue(venue)
        before = self._connections_cut
        number = self.add("reset", venue=venue) if code is None else self.add("close", venue=venue, code=code)
        self.remove(number)
        return self._connections_cut - before

    def cut_every(self, seconds: float, venue: str | None = None, *, code: int | None = None) -> int:
        """From now on, cut all WebSockets every ``seconds``; the fault's id.

        Raises:
            KeyError: no such venue.
        """
        self._check_venue(venue)
        if not seconds > 0:
            raise ValueError(f"cannot cut every {seconds} s")
        if code is None:
            return self.add("reset", venue=venue, after=seconds, every=seconds)
        return self.add("close", venue=venue, after=seconds, every=seconds, code=code)

    # --- the sandbox's side ------------------------------------------------------------------------------------------

    def after_tick(self) -> None:
        """Do what is due; faults that are over no longer stand in anyone's way."""
        for rule in self._timed:
            self._actions.look_after(rule)
        if any(rule.state == "over" for rule in self._standing):
            self._sort()
        for name, venue in self._venues.items():
            if venue.hub.injector is not None and not self._of_pushes[name] and self._pushes[name].is_idle:
                venue.hub.injector = None

    def middleware(self, venue: str) -> Any:
        """What stands around everything that ``venue`` does with a request."""
        return self._requests[venue].middleware

    def _after_removal(self) -> None:
        self._sort()
        for name in self._venues:
            if not self._of_pushes[name]:
                self._pushes[name].release()

    def _sort(self) -> None:
        """Where each rule is looked at; one that is over stands in nobody's way."""
        self._timed = [rule for rule in self._rules.values() if rule.kind.scope not in _IN_THE_WAY]
        self._standing = []
        for name in self._venues:
            self._of_pushes[name], self._of_requests[name] = [], []
        for rule in self._rules.values():
            if rule.kind.scope in _IN_THE_WAY and rule.state != "over":
                self._put_in_the_way(rule)

    def _put_in_the_way(self, rule: Rule) -> None:
        self._standing.append(rule)
        for name, venue in self._venues.items():
            if rule.fault.venue not in (None, name):
                continue
            if rule.kind.scope in _AT_PUSHES:
                self._of_pushes[name].append(rule)
                venue.hub.injector = self._pushes[name]
            else:
                self._of_requests[name].append(rule)

    def _rules_of_pushes(self, venue: str) -> list[Rule]:
        return self._of_pushes[venue]

    def _rules_of_requests(self, venue: str) -> list[Rule]:
        return self._of_requests[venue]

    def _make_room(self) -> None:
        """Forget the oldest fault that is over when there are too many."""
        if len(self._rules) < _MOST:
            return
        over = next((number for number, rule in self._rules.items() if rule.state == "over"), None)
        if over is None:
            raise FaultError(f"there are {_MOST} faults at work already: remove some")
        self.remove(over)

    def _struck(self, rule: Rule, what: str) -> None:
        rule.count()
        kind = rule.fault.kind
        self._injected[kind] += 1
        if kind in ("close", "reset"):
            self._connections_cut += 1
        if self.on_strike is not None:
            self.on_strike(rule.fault, rule.id, what)

    def _check_venue(self, venue: str | None) -> None:
        if venue is not None and venue not in self._venues:
            raise KeyError(f"no venue {venue!r}; there are {', '.join(self._venues)}")

    def check(self, fault: Fault) -> None:
        """Raise FaultError when there is no such venue or symbol here."""
        if fault.venue is not None and fault.venue not in self._venues:
            raise FaultError(f"{fault.kind}: no venue {fault.venue!r}; there are {', '.join(self._venues)}")
        if fault.symbol is not None:
            venues = self._venues if fault.venue is None else [fault.venue]
            listed = {str(symbol) for venue in venues for symbol in self._market.books.get(venue, ())}
            if fault.symbol not in listed:
                raise FaultError(f"{fault.kind}: {fault.symbol!r} is not listed; there are {', '.join(sorted(listed))}")
