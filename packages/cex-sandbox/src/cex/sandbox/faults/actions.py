"""Faults that happen at a moment or hold for a while: to connections, venues, instruments and clocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from cex.common.enums import InstrumentStatus
from cex.sandbox.faults.clocks import ShiftedClock
from cex.sandbox.faults.kinds import Scope
from cex.sandbox.faults.rules import Rule
from cex.sandbox.faults.venues import Action, FaultyVenue
from cex.sandbox.market.simulation import Market, MarketBook
from cex.sandbox.venues.connection import Connection

__all__ = ["Actions", "Doors"]

Doors = Callable[[str, str | None], None]
"""Opens (None) or shuts (``refuse``, ``reset``) the door of a venue to new connections."""


class Actions:
    """Looks after the timed faults once a tick. ``struck`` counts each strike."""

    def __init__(
        self,
        market: Market,
        venues: Mapping[str, FaultyVenue],
        clocks: Mapping[str, ShiftedClock],
        actions: Mapping[str, Mapping[str, Action]],
        doors: Doors,
        struck: Callable[[Rule, str], None],
    ) -> None:
        self._market = market
        self._venues = venues
        self._clocks = clocks
        self._actions = actions
        self._doors = doors
        self._struck = struck
        self._undo: dict[int, list[Callable[[], None]]] = {}

    def look_after(self, rule: Rule) -> None:
        """Do what is due, and undo what is over."""
        if rule.id in self._undo:
            if rule.is_past:
                self.undo(rule)
        elif rule.is_due() and rule.hits():
            for venue in self._venues.values():
                if rule.fault.venue in (None, venue.name):
                    self._do(rule, venue)

    def undo(self, rule: Rule) -> None:
        """Take back what can be: a clock's offset, a halt, new rules, a shut door."""
        for step in reversed(self._undo.pop(rule.id, [])):
            step()

    def _do(self, rule: Rule, venue: FaultyVenue) -> None:
        match rule.kind.scope:
            case Scope.CONNECTION:
                self._to_connections(rule, venue)
            case Scope.VENUE:
                self._to_venue(rule, venue)
            case Scope.INSTRUMENT:
                for book in self._books(rule, venue.name):
                    self._to_book(rule, venue.name, book)
            case Scope.CLOCK:
                self._to_clock(rule, venue.name)
            case _:
                raise AssertionError(f"{rule.fault.kind} is not done by the clock")

    def _to_connections(self, rule: Rule, venue: FaultyVenue) -> None:
        if rule.fault.kind == "upgrade_notice":
            self._venue_action(rule, venue)
            return
        for connection in list(venue.hub.subscriptions):
            if rule.fault.connection in (None, connection.id) and not connection.is_ending:
                self._to_connection(rule, connection)
                self._struck(rule, connection.id)

    def _to_connection(self, rule: Rule, connection: Connection) -> None:
        match rule.fault.kind:
            case "close" if rule.number("code") == 1006:
                connection.hang_up()
            case "close":
                connection.close(int(rule.number("code")), rule.text("reason"))
            case "reset":
                connection.reset()
            case "silence":
                connection.silence(rule.number("seconds"))
            case "slow":
                connection.trickle(rule.number("rate"))
                self._later(rule, lambda: connection.trickle(None))

    def _to_venue(self, rule: Rule, venue: FaultyVenue) -> None:
        if rule.fault.kind != "down":
            self._venue_action(rule, venue)
            return
        for connection in list(venue.hub.subscriptions):
            connection.reset()
        self._doors(venue.name, rule.text("how"))
        self._later(rule, lambda: self._doors(venue.name, None))
        self._struck(rule, venue.name)

    def _venue_action(self, rule: Rule, venue: FaultyVenue) -> None:
        action = self._actions.get(venue.name, {}).get(rule.fault.kind)
        if action is not None and action():
            self._struck(rule, venue.name)

    def _to_book(self, rule: Rule, venue: str, book: MarketBook) -> None:
        changes, contract = _changes(rule)
        if contract and book.perpetual is None:
            contract = {}
        if not changes and not contract:
            return
        before = {name: getattr(book.rules, name) for name in changes}
        if changes:
            book.change_rules(**changes)
            self._later(rule, lambda: _do(book.change_rules, before))
        if contract and book.listing.contract is not None:
            multiplier = book.listing.contract.multiplier
            book.change_contract(**contract)
            self._later(rule, lambda: _do(book.change_contract, {"multiplier": multiplier}))
        self._struck(rule, f"{venue} {book.listing.symbol}")

    def _to_clock(self, rule: Rule, venue: str) -> None:
        clock = self._clocks[venue]
        if rule.fault.kind == "clock_drift":
            ppm = rule.number("ppm")
            clock.drift(ppm)
            self._later(rule, lambda: clock.drift(-ppm))
        else:
            seconds = rule.number("seconds")
            clock.shift(seconds)
            if rule.fault.kind == "clock_offset":
                self._later(rule, lambda: clock.shift(-seconds))
        self._struck(rule, venue)

    def _later(self, rule: Rule, step: Callable[[], None]) -> None:
        self._undo.setdefault(rule.id, []).append(step)

    def _books(self, rule: Rule, venue: str) -> Iterable[MarketBook]:
        for symbol, book in self._market.books.get(venue, {}).items():
            if rule.fault.symbol in (None, symbol):
                yield book


def _changes(rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
    """What becomes different in the rules of an instrument, and in its contract."""
    if rule.fault.kind == "halted":
        return {"status": InstrumentStatus.HALTED}, {}
    if rule.fault.kind == "delisted":
        return {"status": InstrumentStatus.DELISTED}, {}
    settings = {name: Decimal(str(value)) for name, value in rule.fault.parameters.items() if value is not None}
    contract = {name: settings.pop(name) for name in ("multiplier",) if name in settings}
    return settings, contract


def _do(change: Callable[..., object], settings: dict[str, Any]) -> None:
    change(**settings)
