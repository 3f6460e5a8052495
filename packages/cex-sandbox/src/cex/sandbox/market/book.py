"""One instrument on one venue: its rules, its engine, and what the outside may see of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

from cex.common.enums import InstrumentStatus, Side
from cex.sandbox.market.candles import CandleStore
from cex.sandbox.market.intervals import INTERVALS
from cex.sandbox.market.lag import ticks_back
from cex.sandbox.market.listings import FuturesContract, Listing, Rules
from cex.sandbox.market.participants import Crowd
from cex.sandbox.market.perpetuals import Perpetual
from cex.sandbox.matching import Change, Fill, MatchingEngine

__all__ = ["MarketBook", "Print", "TrueBook", "TrueKline", "View"]

_RECENT_PRINTS = 1000
_REMEMBERED_TICKS = 1000
_SECOND = 1_000_000_000


class TrueBook(NamedTuple):
    """A book as it really is at ``update_id``: (price, quantity) in quote and base units, best first.

    Quantities of a perpetual are contracts of ``multiplier`` base units.
    """

    update_id: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    multiplier: Decimal = Decimal(1)


class TrueKline(NamedTuple):
    """A candle as it really is, from ``open_ts`` (included) to ``close_ts`` (excluded), ns since the epoch.

    ``volume`` is in base units, or in contracts of ``multiplier`` base units; ``turnover`` is in quote.
    """

    open_ts: int
    close_ts: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    turnover: Decimal
    closed: bool
    multiplier: Decimal = Decimal(1)


class View(NamedTuple):
    """A book in integers, best first: (price in ticks, quantity in lots)."""

    update_id: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class Print(NamedTuple):
    """A match and the wall time (ns) of its tick."""

    fill: Fill
    at_ns: int


class MarketBook:
    """One instrument on one venue: rules, engine, what the last tick did, and the recent past."""

    def __init__(
        self,
        venue: str,
        listing: Listing,
        rules: Rules,
        engine: MatchingEngine,
        crowd: Crowd,
        candles: CandleStore,
        perpetual: Perpetual | None = None,
    ) -> None:
        self.venue = venue
        self.listing = listing
        self.rules = rules
        self.engine = engine
        self.crowd = crowd
        self.candles = candles
        self.perpetual = perpetual
        self.multiplier = listing.contract.multiplier if listing.contract is not None else Decimal(1)
        self.watchers: list[Callable[[MarketBook, Rules], None]] = []
        """Called after every change of the rules, with the book and the rules before it."""
        self.tick_units = self.step_units = 1
        self._take_rules(rules)
        self.changes: list[Change] = []
        self.fills: list[Fill] = []
        self.prints: deque[Print] = deque(maxlen=_RECENT_PRINTS)
        self.changed_ns = 0
        self._ids: deque[int] = deque([engine.update_id], maxlen=_REMEMBERED_TICKS)

    def __repr__(self) -> str:
        return f"MarketBook({self.venue} {self.listing.symbol} at {self.engine.update_id})"

    @property
    def update_id(self) -> int:
        """The id of the newest change, also of one since the last tick."""
        return self.engine.update_id

    @property
    def told_id(self) -> int:
        """The update id after the last tick: as far as anyone outside has been told."""
        return self._ids[-1]

    @property
    def is_live(self) -> bool:
        """Whether participants trade here."""
        return self.rules.status is InstrumentStatus.TRADING and self.listing.activity > 0

    def view(self, ticks_ago: int = 0, limit: int | None = None) -> View:
        """The ``limit`` best levels of each side after the last tick, or after an earlier one (as far as remembered).

        Orders that came since the last tick do not show: nobody outside has been told of them yet.
        """
        update_id = self._ids[max(0, len(self._ids) - 1 - max(ticks_ago, ticks_back()))]
        if update_id == self.engine.update_id:
            return View(update_id, self.engine.levels(Side.BUY, limit), self.engine.levels(Side.SELL, limit))
        bids, asks = self.engine.book_at(update_id)
        return View(update_id, sorted(bids.items(), reverse=True)[:limit], sorted(asks.items())[:limit])

    def true_book(self, update_id: int | None = None) -> TrueBook:
        """The whole book at ``update_id``, or now. Raises LookupError for an id not (or no longer) known."""
        if update_id is None:
            update_id = self.update_id
        bids, asks = self.engine.book_at(update_id)
        return TrueBook(
            update_id,
            tuple(self._in_units(sorted(bids.items(), reverse=True))),
            tuple(self._in_units(sorted(asks.items()))),
            self.multiplier,
        )

    def true_klines(self, interval: str, start: int, end: int, now_ns: int) -> list[TrueKline]:
        """The candles that begin in [``start``, ``end``) (ns), as far as they have come by ``now_ns``."""
        if interval not in INTERVALS:
            raise KeyError(f"no interval {interval!r}; there are {', '.join(INTERVALS)}")
        now_s = now_ns // _SECOND
        price, lot = Decimal(1).scaleb(-self.rules.price_decimals), Decimal(1).scaleb(-self.rules.quantity_decimals)
        return [
            TrueKline(
                candle.start * _SECOND,
                candle.end * _SECOND,
                candle.open * price,
                candle.high * price,
                candle.low * price,
                candle.close * price,
                candle.volume * lot,
                candle.turnover * price * lot * self.multiplier,
                candle.end <= now_s,
                self.multiplier,
            )
            for candle in self.candles.candles(INTERVALS[interval], -(-start // _SECOND), -(-end // _SECOND), now_s)
        ]

    def change_rules(self, **changes: Any) -> Rules:
        """Change fields of the rules while the market runs, such as ``tick``, ``step``, ``status`` or ``maker_fee``.

        They hold for new orders; what rests stays as it is, off the new tick or not. The grid never changes, so that
        every integer that was ever told keeps its meaning: an instrument whose tick is to become finer is listed with
        the finer grid and a coarse ``tick`` from the start.

        Raises:
            ValueError: the grid would change, or tick or step would not be on it.
        """
        before = self.rules
        rules = replace(before, **changes)
        if (rules.price_decimals, rules.quantity_decimals) != (before.price_decimals, before.quantity_decimals):
            raise ValueError(f"the grid of {self.listing.symbol} stays; change its tick or step, in multiples of it")
        self.rules = rules
        self._take_rules(rules)
        for watcher in tuple(self.watchers):
            watcher(self, before)
        return rules

    def change_contract(self, **changes: Any) -> FuturesContract:
        """Change fields of a perpetual's contract while the market runs, such as ``multiplier`` or ``most_leverage``.

        Orders and past trades keep their number of contracts. Watchers are told, with rules that have not changed.

        Raises:
            ValueError: not a perpetual, or the contract would make no sense.
        """
        if self.listing.contract is None or self.perpetual is None:
            raise ValueError(f"{self.listing.symbol} is not a perpetual")
        contract = replace(self.listing.contract, **changes)
        self.listing = replace(self.listing, contract=contract)
        self.perpetual.contract = contract
        self.multiplier = contract.multiplier
        for watcher in tuple(self.watchers):
            watcher(self, self.rules)
        return contract

    @property
    def last_price(self) -> Decimal:
        """The price of the last trade that was told, or the first price."""
        return self.price_of(self.candles.last)

    def price_of(self, ticks: int) -> Decimal:
        """Ticks of the grid as a price."""
        return Decimal(ticks).scaleb(-self.rules.price_decimals)

    def quantity_of(self, lots: int) -> Decimal:
        """Lots of the grid as a quantity (of a perpetual: contracts)."""
        return Decimal(lots).scaleb(-self.rules.quantity_decimals)

    def ticks_of(self, price: Decimal) -> int:
        """A price in ticks of the grid. Raises ValueError when it is not on it."""
        return _on_grid("price", price, self.rules.price_decimals)

    def lots_of(self, quantity: Decimal) -> int:
        """A quantity in lots of the grid. Raises ValueError when it is not on it."""
        return _on_grid("quantity", quantity, self.rules.quantity_decimals)

    def close_tick(self, now_ns: int) -> None:
        """Take stock of what happened since the last tick."""
        self.changes, self.fills = self.engine.drain()
        if self.changes:
            self.changed_ns = now_ns
        for fill in self.fills:
            self.prints.append(Print(fill, now_ns))
            self.candles.add(fill.price, fill.quantity, now_ns // _SECOND)
        if self.perpetual is not None:
            self.perpetual.close_tick(self.fills, self.candles.last, now_ns)
        self._ids.append(self.update_id)

    def _take_rules(self, rules: Rules) -> None:
        self.tick_units = int(rules.price_tick.scaleb(rules.price_decimals))
        self.step_units = int(rules.quantity_step.scaleb(rules.quantity_decimals))
        self.crowd.keep_to(self.tick_units, self.step_units)

    def _in_units(self, levels: Iterable[tuple[int, int]]) -> Iterator[tuple[Decimal, Decimal]]:
        tick, lot = Decimal(1).scaleb(-self.rules.price_decimals), Decimal(1).scaleb(-self.rules.quantity_decimals)
        return ((price * tick, lots * lot) for price, lots in levels)


def _on_grid(name: str, value: Decimal, decimals: int) -> int:
    scaled = value.scaleb(decimals)
    if not scaled.is_finite() or scaled != int(scaled):
        raise ValueError(f"{name} {value} has more than {decimals} decimals")
    return int(scaled)
