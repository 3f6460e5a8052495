"""The market of all venues, moved on tick by tick: a function of the seed and of the orders submitted at each tick."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from cex.common.correlation import new_random
from cex.common.enums import InstrumentStatus, Side, TimeInForce
from cex.sandbox.market.book import MarketBook, Print, TrueBook, TrueKline, View
from cex.sandbox.market.candles import CandleStore
from cex.sandbox.market.fingerprint import Fingerprint
from cex.sandbox.market.listings import DEFAULT_LISTINGS, Listing
from cex.sandbox.market.models import MarketModel, market_model
from cex.sandbox.market.participants import Crowd
from cex.sandbox.market.past import PastModel
from cex.sandbox.market.perpetuals import Perpetual
from cex.sandbox.market.prices import BasisProcess, PriceModel, PriceProcess
from cex.sandbox.market.seeds import derived
from cex.sandbox.matching import Execution, MatchingEngine

__all__ = ["Fingerprint", "Market", "MarketBook", "Print", "TrueBook", "TrueKline", "View"]

_FIRST_ID = 81_999_270_000
_SECOND = 1_000_000_000
_TRADED_PER_MINUTE = 216


class _Instrument:
    """One listing across the venues: its price, and a book on each of them."""

    def __init__(
        self,
        listing: Listing,
        *,
        seed: int,
        model: MarketModel,
        tick: float,
        history: int,
        index: int,
        now_ns: int,
        spot: _Instrument | None = None,
    ) -> None:
        self.activity = listing.activity
        self.prices = _Prices(listing, seed=seed, model=model.prices, tick=tick, spot=spot)
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
                typical=typical * model.size,
                resting=max(1, round(listing.resting_orders * model.levels)),
                spread=model.spread,
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
                course=model.courses.get(str(listing.symbol)),
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
    (``now_ns`` only stamps what happened, it decides nothing). ``model`` is a name of ``MARKET_MODELS``, or a model.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        listings: Iterable[Listing] = DEFAULT_LISTINGS,
        model: MarketModel | PriceModel | str | None = None,
        tick: float = 0.02,
        history: int = 20_000,
        now_ns: int = 0,
    ) -> None:
        if not tick > 0 or history < 1:
            raise ValueError(f"a tick of {tick} s and a history of {history} changes must both be positive")
        if isinstance(model, str):
            model = market_model(model)
        elif not isinstance(model, MarketModel):
            model = MarketModel(prices=model or PriceModel())
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
                model=model,
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
        lots = book.lots_of(quantity)
        ticks = None if price is None else book.ticks_of(price)
        return book.engine.submit(owner, side, lots, ticks, time_in_force)
