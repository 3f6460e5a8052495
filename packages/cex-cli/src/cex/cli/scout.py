"""Looks for arbitrage between the books of several exchanges, and counts what it finds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import permutations

from cex.cli.observer import Observer
from cex.cli.screen import OpportunityRow
from cex.common.constants.trading_constants import BASIS_POINT
from cex.common.types.symbols import Symbol
from cex.trading import Market, Opportunity, find_arbitrage

__all__ = ["Scout", "market_of"]

_USUAL_TAKER_FEE = 0.002
"""Where an exchange lists no fee: the higher one of the base tiers, so that nothing is earned by not knowing."""


class Scout:
    """Judges a symbol after each change of one of its books.

    ``opportunities`` counts how often a direction of a symbol began to earn after fees; ``best_net_bps`` is the best
    result seen, negative where nothing ever earned, None before both books were LIVE. What is implausible does not
    count.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        self.opportunities = 0
        self.best_net_bps: float | None = None
        self._observers = observers
        self._earning: set[tuple[Symbol, str, str]] = set()
        self._seen: dict[Symbol, int] = {}
        self._rows: dict[Symbol, OpportunityRow] = {}
        self._touched: set[Symbol] = set()
        for observer in observers:
            observer.on_change = self._on_change

    def rows(self) -> tuple[OpportunityRow, ...]:
        """The better direction of every symbol that two exchanges have, as it is now."""
        for symbol in tuple(self._rows):
            self.judge(symbol)  # a book that was lost since does not tell of it by a change
        return tuple(self._rows[symbol] for symbol in sorted(self._rows))

    def _on_change(self, symbol: Symbol) -> None:
        # Judging walks whole books, which is too much for a handler in the data path: it comes right after, and once
        # for all changes that came together.
        if not self._touched:
            asyncio.get_running_loop().call_soon(self._judge_touched)
        self._touched.add(symbol)

    def _judge_touched(self) -> None:
        touched, self._touched = self._touched, set()
        for symbol in touched:
            self.judge(symbol)

    def judge(self, symbol: Symbol) -> None:
        """Compare the books of a symbol as they are now."""
        markets = [market for observer in self._observers if (market := market_of(observer, symbol)) is not None]
        rows = [
            self._judge_direction(buy, sell, bps)
            for buy, sell in permutations(markets, 2)
            if (bps := _bps_at_the_touch(buy, sell)) is not None
        ]
        if rows:
            self._rows[symbol] = max(rows, key=lambda row: row.net_bps)
        else:
            self._rows.pop(symbol, None)

    def _judge_direction(self, buy: Market, sell: Market, touch_bps: float) -> OpportunityRow:
        symbol = buy.book.symbol
        # Where the best prices do not earn, no size does.
        found = find_arbitrage(buy, sell) if touch_bps > 0 else None
        self._count((symbol, buy.exchange, sell.exchange), found)
        net_bps = found.net_bps if found else touch_bps
        suspect = found is not None and found.suspect is not None
        if not suspect and (self.best_net_bps is None or net_bps > self.best_net_bps):
            self.best_net_bps = net_bps
        return OpportunityRow(
            symbol=symbol,
            buy_on=buy.exchange,
            sell_on=sell.exchange,
            net_bps=net_bps,
            quantity=found.quantity if found else None,
            profit=found.net_profit if found else None,
            quote=symbol.quote,
            suspect=suspect,
            seen=self._seen.get(symbol, 0),
        )

    def _count(self, direction: tuple[Symbol, str, str], found: Opportunity | None) -> None:
        if found is None:
            self._earning.discard(direction)
        elif found.suspect is None and direction not in self._earning:
            self._earning.add(direction)
            self.opportunities += 1
            self._seen[direction[0]] = self._seen.get(direction[0], 0) + 1


def market_of(observer: Observer, symbol: Symbol) -> Market | None:
    """A followed book as a taker meets it; None while it is not LIVE."""
    book = observer.books.get(symbol)
    if book is None or not book.is_live:
        return None
    instrument = observer.exchange.instruments[symbol]
    fee = _USUAL_TAKER_FEE if instrument.taker_fee is None else float(instrument.taker_fee)
    return Market(
        exchange=observer.name,
        book=book,
        taker_fee=fee,
        fresh=observer.exchange.is_fresh(symbol),
        instrument=instrument,
    )


def _bps_at_the_touch(buy: Market, sell: Market) -> float | None:
    """What the best ask against the best bid brings after fees; None where prices may not be taken."""
    if not (buy.usable and sell.usable):
        return None
    ask, bid = buy.book.best_ask, sell.book.best_bid
    if ask is None or bid is None:
        return None
    return (bid.price * (1 - sell.taker_fee) / (ask.price * (1 + buy.taker_fee)) - 1) / BASIS_POINT
