"""The market of all venues, moved on tick by tick: a function of the seed and of the orders submitted at each tick."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from cex.common.correlation import new_random
from cex.common.enums import InstrumentStatus, Side, TimeInForce
from cex.sandbox.market.listings import DEFAULT_LISTINGS, Listing, Rules
from cex.sandbox.market.participants import Crowd
from cex.sandbox.market.prices import PriceModel, PriceProcess
from cex.sandbox.matching import Change, Execution, Fill, MatchingEngine

__all__ = ["Fingerprint", "Market", "MarketBook", "Print", "TrueBook", "View"]

_RECENT_PRINTS = 1000
_REMEMBERED_TICKS = 1000
_FIRST_ID = 81_999_270_000


class TrueBook(NamedTuple):
    """A book as it really is at ``update_id``: (price, quantity) in quote and base units, best first."""

    update_id: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


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

    def __init__(self, venue: str, listing: Listing, rules: Rules, engine: MatchingEngine, crowd: Crowd) -> None:
        self.venue = venue
        self.listing = listing
        self.rules = rules
        self.engine = engine
        self.crowd = crowd
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
        )

    def close_tick(self, now_ns: int) -> None:
        """Take stock of what happened since the last tick."""
        self.changes, self.fills = self.engine.drain()
        if self.changes:
            self.changed_ns = now_ns
        for fill in self.fills:
            self.prints.append(Print(fill, now_ns))
        self._ids.append(self.update_id)

    def _in_units(self, levels: Iterable[tuple[int, int]]) -> Iterator[tuple[Decimal, Decimal]]:
        tick, lot = Decimal(1).scaleb(-self.rules.price_decimals), Decimal(1).scaleb(-self.rules.quantity_decimals)
        return ((price * tick, lots * lot) for price, lots in levels)


class _Instrument:
    """One listing across the venues: its price process, and a book on each of them."""

    def __init__(
        self, listing: Listing, *, seed: int, model: PriceModel, tick: float, history: int, index: int
    ) -> None:
        self.activity = listing.activity
        self.prices = PriceProcess(
            listing.price,
            list(listing.venues),
            model=model,
            volatility=listing.volatility,
            tick=tick,
            rng=new_random(_derive(seed, listing.symbol, "price")),
        )
        self.rng = new_random(_derive(seed, listing.symbol, "activity"))
        self.books: dict[str, MarketBook] = {}
        for number, (venue, rules) in enumerate(listing.venues.items()):
            first_id = _FIRST_ID + 7_919_000 * (2 * index + number)
            engine = MatchingEngine(first_update_id=first_id, first_order_id=first_id // 2, history=history)
            typical = listing.order_notional / listing.price * 10**rules.quantity_decimals
            crowd = Crowd(
                engine,
                rng=new_random(_derive(seed, listing.symbol, venue)),
                typical=typical,
                resting=listing.resting_orders,
            )
            crowd.open_book(listing.price * 10**rules.price_decimals)
            self.books[venue] = MarketBook(venue, listing, rules, engine, crowd)

    def step(self) -> None:
        centres = self.prices.step()
        for venue, book in self.books.items():
            if book.is_live and (self.activity >= 1 or self.rng.random() < self.activity):
                book.crowd.act(centres[venue] * 10**book.rules.price_decimals)


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
        self._instruments = [
            _Instrument(listing, seed=seed, model=model or PriceModel(), tick=tick, history=history, index=index)
            for index, listing in enumerate(listings)
        ]
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


def _derive(seed: int, *path: str) -> int:
    """A seed of its own for each generator, so that adding an instrument leaves the others as they were."""
    return int.from_bytes(hashlib.blake2b(repr((seed, *map(str, path))).encode(), digest_size=8).digest(), "big")


def _on_grid(name: str, value: Decimal, decimals: int) -> int:
    scaled = value.scaleb(decimals)
    if not scaled.is_finite() or scaled != int(scaled):
        raise ValueError(f"{name} {value} has more than {decimals} decimals")
    return int(scaled)
