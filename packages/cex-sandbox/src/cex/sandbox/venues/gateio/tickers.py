"""The day of a spot pair and its candles in Gate.io's words, for REST and streams alike.

https://www.gate.com/docs/developers/apiv4/en/#spot
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cex.common.enums import Side
from cex.sandbox.market.candles import Candle, CandleStore
from cex.sandbox.market.intervals import INTERVALS, Interval
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.decimals import change, trimmed

__all__ = ["SPOT_INTERVALS", "Candlesticks", "best", "gateio_name", "spot_ticker"]

_DAY = 86_400
_EAST_OF_UTC = {"utc0": 0, "utc8": 8 * 3600}

SPOT_INTERVALS: Mapping[str, Interval] = {
    name: INTERVALS[name] for name in ("1s", "10s", "1m", "5m", "15m", "30m", "1h", "4h", "8h", "1d", "7d")
} | {"30d": INTERVALS["1M"]}


def gateio_name(book: MarketBook) -> str:
    """``BTC_USDT``, of the pair and of the contract alike."""
    symbol = book.listing.symbol
    return f"{symbol.base}_{symbol.quote}"


def best(book: MarketBook, side: Side) -> tuple[str, str]:
    """Best price and amount as text, both empty when the side is."""
    for price, lots in book.engine.levels(side, 1):
        return trimmed(price, book.rules.price_decimals), trimmed(lots, book.rules.quantity_decimals)
    return "", ""


def spot_ticker(
    book: MarketBook, now_s: int, *, places: int, sizes: bool = False, zones: Sequence[str] = ()
) -> dict[str, Any]:
    """The last 24 hours; changes in percent with so many decimal ``places``, in ``zones`` since midnight there."""
    rules, last = book.rules, book.candles.last
    day = book.candles.since(now_s - _DAY + 60, now_s)
    (bid, bid_size), (ask, ask_size) = best(book, Side.BUY), best(book, Side.SELL)
    told = {
        "currency_pair": gateio_name(book),
        "last": trimmed(last, rules.price_decimals),
        "lowest_ask": ask,
        **({"lowest_size": ask_size} if sizes else {}),
        "highest_bid": bid,
        **({"highest_size": bid_size} if sizes else {}),
        "change_percentage": change(day.open, last, places, percent=True),
    }
    for zone in zones:
        east = _EAST_OF_UTC[zone]
        midnight = now_s - (now_s + east) % _DAY
        told[f"change_{zone}"] = change(book.candles.since(midnight, now_s).open, last, places, percent=True)
    return told | {
        "base_volume": trimmed(day.volume, rules.quantity_decimals),
        "quote_volume": trimmed(day.turnover, rules.price_decimals + rules.quantity_decimals),
        "high_24h": trimmed(day.high, rules.price_decimals),
        "low_24h": trimmed(day.low, rules.price_decimals),
    }


class Candlesticks:
    """The open candle at every interval of the stream; one that has ended is told once more, as closed."""

    def __init__(self, store: CandleStore, interval: Interval, tell: Callable[[Candle, bool, int], str]) -> None:
        self._store = store
        self._interval = interval
        self._tell = tell
        self._start: int | None = None

    def observe(self) -> None:
        """The store is read when the interval ends."""

    def render(self, now_ms: int) -> Sequence[str]:
        now_s = now_ms // 1000
        newest = self._store.current(self._interval, now_s)
        rows = [newest]
        if self._start is not None and self._start != newest.start:
            rows = self._store.candles(self._interval, self._start, newest.start + 1, now_s)
        self._start = newest.start
        return [self._tell(row, row.end <= now_s, now_ms) for row in rows]
