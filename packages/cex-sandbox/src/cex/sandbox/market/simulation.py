"""The market of all venues, moved on tick by tick: a function of the seed and of the orders submitted at each tick."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from cex.common.correlation import new_random
from cex.common.enums import InstrumentStatus, Side, TimeInForce
from cex.sandbox.market.candles import CandleStore
from cex.sandbox.market.intervals import INTERVALS
from cex.sandbox.market.listings import DEFAULT_LISTINGS, Listing, Rules
from cex.sandbox.market.participants import Crowd
from cex.sandbox.market.past import PastModel
from cex.sandbox.market.perpetuals import Perpetual
from cex.sandbox.market.prices import BasisProcess, PriceModel, PriceProcess
from cex.sandbox.market.seeds import derived
from cex.sandbox.matching import Change, Execution, Fill, MatchingEngine

__all__ = ["Fingerprint", "Market", "MarketBook", "Print", "TrueBook", "TrueKline", "View"]

_RECENT_PRINTS = 1000
_REMEMBERED_TICKS = 1000
_FIRST_ID = 81_999_270_000
_SECOND = 1_000_000_000
_TRADED_PER_MINUTE = 216


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
        update_id = self._ids[max(0, len(self._ids) - 1 - ticks_ago)]
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

    def _in_units(self, levels: Iterable[tuple[int, int]]) -> Iterator[tuple[Decimal, Decimal]]:
        tick, lot = Decimal(1).scaleb(-self.rules.price_decimals), Decimal(1).scaleb(-self.rules.quantity_decimals)
        return ((price * tick, lots * lot) for price, lots in levels)


class _Instrument:
    """One listing across the venues: its price, and a book on each of them."""

    def __init__(
        self,
        listing: Listing,
        *,
        seed: int,
        model: PriceModel,
        tick: float,
        history: int,
        index: int,
        now_ns: int,
        spot: _Instrument | None = None,
    ) -> None:
        self.activity = listing.activity
        self.prices = _Prices(listing, seed=seed, model=model, tick=tick, spot=spot)
        self.rng = new_random(derived(seed, listing.symbol, "activity"))
        self.books: dict[str, MarketBook] = {}
        for number, (venue, rules) in enumerate(listing.venues.items()):
            first_id = _FIRST_ID + 7_919_000 * (2 * index + number)
            engine = MatchingEngine(first_update_id=first_id, first_order_id=first_id // 2, history=history)
            multiplier = float(listing.contract.multiplier) if listing.contract is not None else 1.0
            typical = listing.order_notional / listing.price / multiplier * 10**rules.quantity_decimals
            crowd = Crowd(
                engine,
                rng=new_random(derived(seed, listing.symbol, venue)),
                typical=typical,
                resting=listing.resting_orders,
            )
            crowd.open_book(listing.price * 10**rules.price_decimals)
            price, now_s = round(listing.price * 10**rules.price_decimals), now_ns // _SECOND
            trading = rules.status is InstrumentStatus.TRADING
            past = PastModel(
                seed=seed,
                path=f"{listing.symbol.base}/{listing.symbol.quote}",
                own=f"{listing.symbol} {venue}",
                lots=_TRADED_PER_MINUTE * typical * listing.activity if trading else 0.0,
            )
            perpetual = None
            if listing.contract is not None:
                books = [] if spot is None else [(b.engine, b.rules.price_decimals) for b in spot.books.values()]
                perpetual = Perpetual(listing, rules, seed=seed, spot=books, last=price, now_s=now_s)
            candles = CandleStore(past, price=price, now_s=now_s)
            self.books[venue] = MarketBook(venue, listing, rules, engine, crowd, candles, perpetual)

    def step(self) -> None:
        centres = self.prices.step()
        for venue, book in self.books.items():
            if book.is_live and (self.activity >= 1 or self.rng.random() < self.activity):
                book.crowd.act(centres[venue] * 10**book.rules.price_decimals)


class _Prices:
    """Where the participants of each venue see the price: a walk of its own, or spot and a basis."""

    def __init__(
        self, listing: Listing, *, seed: int, model: PriceModel, tick: float, spot: _Instrument | None
    ) -> None:
        self.centres = dict.fromkeys(listing.venues, listing.price)
        self._spot = spot.prices if spot is not None else None
        self._own: PriceProcess | None = None
        if self._spot is None:
            self._own = PriceProcess(
                listing.price,
                list(listing.venues),
                model=model,
                volatility=listing.volatility,
                tick=tick,
                rng=new_random(derived(seed, listing.symbol, "price")),
            )
        premium = listing.contract.premium if listing.contract is not None else 0.0
        self._basis = {
            venue: BasisProcess(
                premium, model=model, tick=tick, rng=new_random(derived(seed, listing.symbol, venue, "basis"))
            )
            for venue in listing.venues
        }

    def step(self) -> dict[str, float]:
        if self._own is not None:
            self.centres = self._own.step()
        elif self._spot is not None:
            anywhere = next(iter(self._spot.centres.values()))
            self.centres = {
                venue: self._spot.centres.get(venue, anywhere) * (1 + basis.step())
                for venue, basis in self._basis.items()
            }
        return self.centres


class Market:
    """Every listed instrument on every venue.

    ``tick`` is the length of a tick in seconds of market time. :meth:`step` is the only thing that moves the market,
    apart from orders submitted in between, which take effect at once. Nothing here knows a socket or the wall clock
    (``now_ns`` only stamps what happened, it decides nothing).
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        listings: Iterable[Listing] = DEFAULT_LISTINGS,
        model: PriceModel | None = None,
        tick: float = 0.02,
        history: int = 20_000,
        now_ns: int = 0,
    ) -> None:
        if not tick > 0 or history < 1:
            raise ValueError(f"a tick of {tick} s and a history of {history} changes must both be positive")
        self.seed = seed
        self.tick = tick
        self.ticks = 0
        self._instruments: list[_Instrument] = []
        spot: dict[str, _Instrument] = {}
        numbered = sorted(enumerate(listings), key=lambda entry: entry[1].contract is not None)
        for index, listing in numbered:
            symbol = listing.symbol
            instrument = _Instrument(
                listing,
                seed=seed,
                model=model or PriceModel(),
                tick=tick,
                history=history,
                index=index,
                now_ns=now_ns,
                spot=spot.get(f"{symbol.base}/{symbol.quote}") if listing.contract is not None else None,
            )
            self._instruments.append(instrument)
            spot[symbol] = instrument
        self.books: dict[str, dict[str, MarketBook]] = {}
        for instrument in self._instruments:
            for venue, book in instrument.books.items():
                of_venue = self.books.setdefault(venue, {})
                if book.listing.symbol in of_venue:
                    raise ValueError(f"{book.listing.symbol} is listed twice")
                of_venue[book.listing.symbol] = book
                book.close_tick(now_ns)

    def book(self, venue: str, symbol: str) -> MarketBook:
        """The book of ``symbol`` (such as ``BTC/USDT``) on ``venue``; KeyError says what is not there."""
        of_venue = self.books.get(venue)
        if of_venue is None:
            raise KeyError(f"no venue {venue!r}; there are {', '.join(self.books)}")
        book = of_venue.get(symbol)
        if book is None:
            raise KeyError(f"{venue} does not list {symbol!r}; it lists {', '.join(of_venue)}")
        return book

    def step(self, now_ns: int = 0) -> None:
        """Let one tick pass on every venue."""
        self.ticks += 1
        for instrument in self._instruments:
            instrument.step()
            for book in instrument.books.values():
                book.close_tick(now_ns)

    def submit(
        self,
        venue: str,
        symbol: str,
        side: Side,
        quantity: Decimal,
        price: Decimal | None = None,
        time_in_force: TimeInForce = TimeInForce.GTC,
        *,
        owner: str = "user",
    ) -> Execution:
        """Match an order now, between two ticks; ``price`` None is a market order.

        Raises:
            ValueError: quantity (base units) or price is not on the instrument's grid, or not positive.
        """
        book = self.book(venue, symbol)
        lots = _on_grid("quantity", quantity, book.rules.quantity_decimals)
        ticks = None if price is None else _on_grid("price", price, book.rules.price_decimals)
        return book.engine.submit(owner, side, lots, ticks, time_in_force)


class Fingerprint:
    """A running hash of everything that happened: equal exactly when two markets went the same way."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self.events = 0

    def add(self, books: Mapping[str, Mapping[str, MarketBook]]) -> None:
        """Take in the last tick of these books (``Market.books``)."""
        for of_venue in books.values():
            for book in of_venue.values():
                events = [*book.changes, *book.fills]
                self.events += len(events)
                self._hash.update(repr((book.venue, str(book.listing.symbol), [tuple(e) for e in events])).encode())

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def _on_grid(name: str, value: Decimal, decimals: int) -> int:
    scaled = value.scaleb(decimals)
    if not scaled.is_finite() or scaled != int(scaled):
        raise ValueError(f"{name} {value} has more than {decimals} decimals")
    return int(scaled)
