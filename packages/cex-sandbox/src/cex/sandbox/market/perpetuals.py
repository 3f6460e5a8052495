"""What a perpetual has besides its book: index and mark price, funding, open interest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from cex.common.correlation import new_random
from cex.common.enums import Side
from cex.sandbox.market.candles import CandleStore
from cex.sandbox.market.listings import Listing, Rules
from cex.sandbox.market.past import PastModel
from cex.sandbox.market.seeds import derived
from cex.sandbox.matching import Fill, MatchingEngine

__all__ = ["Perpetual"]

_AVERAGE_TICKS = 500.0
_RATE_NOISE = 4e-5
_RATE_DECIMALS = 6
_MOST_RATE = 0.003


class Perpetual:
    """Index, mark and funding of one perpetual on one venue, brought up to date after every tick.

    ``mark`` and ``index`` are in units of 10 ** -``mark_decimals``. The index is the mean of the spot books' middles;
    the mark is the median of the index with half the usual premium, the index with the average one, and the last price.
    A funding rate is a function of the seed and the moment at which it applies: the rate that is announced is the rate
    that history shows afterwards.
    """

    def __init__(
        self,
        listing: Listing,
        rules: Rules,
        *,
        seed: int,
        spot: Sequence[tuple[MatchingEngine, int]],
        last: int,
        now_s: int,
    ) -> None:
        assert listing.contract is not None
        self.contract = listing.contract
        self.mark_decimals = rules.price_decimals + 1
        self._seed = seed
        self._name = str(listing.symbol)
        self._spot = spot
        self._price_decimals = rules.price_decimals
        self._premium = self.contract.premium * 1e-4
        self.index = self._seen_index() or round(last * 10 / (1 + self._premium))
        self.mark = last * 10
        self._rates: dict[int, int] = {}
        still = PastModel(seed=seed, path=f"{listing.symbol.base}/{listing.symbol.quote}", own=self._name, lots=1.0)
        self.mark_candles = CandleStore(still, price=self.mark, now_s=now_s)
        self.index_candles = CandleStore(still, price=self.index, now_s=now_s)
        ordinary = (
            listing.order_notional / listing.price / float(self.contract.multiplier) * 10**rules.quantity_decimals
        )
        self._least_interest = round(ordinary * 2_000)
        self.open_interest = 2 * self._least_interest
        self.traded = 100 * self._least_interest

    def close_tick(self, fills: Sequence[Fill], last: int, now_ns: int) -> None:
        """Take stock after a tick in which ``fills`` were made; ``last`` is the last price in ticks."""
        for fill in fills:
            self.traded += fill.quantity
            change = fill.quantity if fill.taker_side is Side.BUY else -fill.quantity
            self.open_interest = max(self._least_interest, self.open_interest + change // 2)
        index = self._seen_index()
        if index is None:
            index = self.index
        now_s = now_ns // 1_000_000_000
        seen = last * 10 / index - 1
        self._premium += (seen - self._premium) / _AVERAGE_TICKS
        usual = index * (1 + self.contract.premium * 0.5e-4)
        _, mark, _ = sorted((round(usual), round(index * (1 + self._premium)), last * 10))
        if index != self.index:
            self.index = index
            self.index_candles.add(index, 0, now_s)
        if mark != self.mark:
            self.mark = mark
            self.mark_candles.add(mark, 0, now_s)

    def funding_due(self, now_s: int) -> int:
        """When funding is exchanged next, in seconds since the epoch."""
        interval = self.contract.funding_interval
        return (now_s // interval + 1) * interval

    def funding_rate(self, at_s: int) -> int:
        """The rate that applies at ``at_s``, in millionths; positive means that longs pay shorts."""
        rate = self._rates.get(at_s)
        if rate is None:
            rng = new_random(derived(self._seed, self._name, "funding", str(at_s)))
            wanted = self.contract.premium * 3e-5 + rng.gauss(0.0, _RATE_NOISE)
            rate = round(math.copysign(min(abs(wanted), _MOST_RATE), wanted) * 10**_RATE_DECIMALS)
            if len(self._rates) > 2_000:
                self._rates.clear()
            self._rates[at_s] = rate
        return rate

    def units(self, lots: int, quantity_decimals: int) -> Decimal:
        """Lots of contracts in units of the base currency."""
        return Decimal(lots).scaleb(-quantity_decimals) * self.contract.multiplier

    def _seen_index(self) -> int | None:
        middles = []
        for engine, decimals in self._spot:
            bid, ask = engine.best(Side.BUY), engine.best(Side.SELL)
            if bid is not None and ask is not None:
                middles.append((bid + ask) / 2 * 10.0 ** (self.mark_decimals - decimals))
        return round(sum(middles) / len(middles)) if middles else None
