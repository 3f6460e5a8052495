"""A day and a candle in MEXC's words: interval names of REST and stream, zones, which of two volumes is which.

https://www.mexc.com/api-docs/spot-v3/market-data-endpoints
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cex.common.enums import Side
from cex.sandbox.market.candles import Candle
from cex.sandbox.market.intervals import INTERVALS, Interval
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.decimals import change, signed, trimmed
from cex.sandbox.venues.mexc.schema import push_pb2

__all__ = [
    "REST_INTERVALS",
    "STREAM_INTERVALS",
    "ZONES",
    "average_price",
    "best",
    "kline_row",
    "market_maximum",
    "mexc_name",
    "mini_ticker",
    "ticker_24hr",
]

_DAY = 86_400
_MARKET_PART = 20
_RATE_DECIMALS = 4
_UTC8 = 8 * 3600

REST_INTERVALS: Mapping[str, Interval] = {
    "1m": INTERVALS["1m"],
    "5m": INTERVALS["5m"],
    "15m": INTERVALS["15m"],
    "30m": INTERVALS["30m"],
    "60m": INTERVALS["1h"],
    "4h": INTERVALS["4h"],
    "1d": INTERVALS["1d"],
    "1W": INTERVALS["1w"],
    "1M": INTERVALS["1M"],
}

STREAM_INTERVALS: Mapping[str, Interval] = {
    "Min1": INTERVALS["1m"],
    "Min5": INTERVALS["5m"],
    "Min15": INTERVALS["15m"],
    "Min30": INTERVALS["30m"],
    "Min60": INTERVALS["1h"],
    "Hour4": INTERVALS["4h"],
    "Hour8": INTERVALS["8h"],
    "Day1": INTERVALS["1d"],
    "Week1": INTERVALS["1w"],
    "Month1": INTERVALS["1M"],
}


def _seconds_east(hours: str) -> int:
    whole, _, minutes = hours.partition(":")
    return int(whole) * 3600 + int(minutes or 0) * 60


_EAST = "-10 -8 -7 -6 -5 -4 -3 +0 +1 +2 +3 +4 +4:30 +5 +5:30 +6 +7 +8 +9 +10 +11 +12 +12:45 +13"
ZONES: Mapping[str, int | None] = {"24H": None} | {f"UTC{hours}": _seconds_east(hours) for hours in _EAST.split()}
"""Seconds east of UTC by the zone's name in a channel; None is no midnight at all, but the last 24 hours."""


def mexc_name(book: MarketBook) -> str:
    """``BTCUSDT``."""
    symbol = book.listing.symbol
    return f"{symbol.base}{symbol.quote}"


def market_maximum(book: MarketBook) -> Decimal:
    """The most that a market order may be worth, in quote."""
    return book.rules.max_notional / _MARKET_PART


def best(book: MarketBook, side: Side) -> tuple[str, str]:
    """Best price and quantity, both empty when the side is."""
    for price, lots in book.engine.levels(side, 1):
        return trimmed(price, book.rules.price_decimals), trimmed(lots, book.rules.quantity_decimals)
    return "", ""


def kline_row(book: MarketBook, row: Candle) -> list[int | str]:
    """``[openTime, open, high, low, close, baseVolume, closeTime, quoteVolume]``."""
    rules = book.rules
    prices = [trimmed(ticks, rules.price_decimals) for ticks in row[2:6]]
    base, quote = _volumes(book, row)
    return [row.start * 1000, *prices, base, row.end * 1000, quote]


def average_price(book: MarketBook, minutes: int, now_s: int) -> str:
    """The mean price of what was traded in the last ``minutes``, the last price when nothing was."""
    row = book.candles.since(now_s - 60 * (minutes - 1), now_s)
    return trimmed(round(row.turnover / row.volume) if row.volume else row.close, book.rules.price_decimals)


def ticker_24hr(book: MarketBook, now_ms: int) -> dict[str, Any]:
    """The last 24 hours; the change is a fraction, and thin pairs lack quantities and turnover."""
    rules, last = book.rules, book.candles.last
    day = book.candles.since(now_ms // 1000 - _DAY + 60, now_ms // 1000)
    (bid, bid_size), (ask, ask_size) = best(book, Side.BUY), best(book, Side.SELL)
    base, quote = _volumes(book, day)
    thin = book.listing.activity < 1
    opened = trimmed(day.open, rules.price_decimals)
    return {
        "symbol": mexc_name(book),
        "priceChange": signed(last - day.open, rules.price_decimals),
        "priceChangePercent": change(day.open, last, 8),
        "prevClosePrice": opened,
        "lastPrice": trimmed(last, rules.price_decimals),
        "bidPrice": bid,
        "bidQty": "" if thin else bid_size,
        "askPrice": ask,
        "askQty": "" if thin else ask_size,
        "openPrice": opened,
        "highPrice": trimmed(day.high, rules.price_decimals),
        "lowPrice": trimmed(day.low, rules.price_decimals),
        "volume": base,
        "quoteVolume": None if thin else quote,
        "openTime": day.start * 1000,
        "closeTime": now_ms,
        "count": None,
    }


def mini_ticker(book: MarketBook, zone: str, now_s: int) -> push_pb2.MiniTicker:
    """The day since midnight in ``zone``; its ``volume`` is quote and its ``quantity`` base, unlike anywhere else."""
    rules, last = book.rules, book.candles.last
    rate = change(book.candles.since(_midnight(_UTC8, now_s), now_s).open, last, _RATE_DECIMALS)
    east = ZONES[zone]
    day = book.candles.since(now_s - _DAY + 60 if east is None else _midnight(east, now_s), now_s)
    zoned = change(day.open, last, _RATE_DECIMALS)
    high, low = trimmed(day.high, rules.price_decimals), trimmed(day.low, rules.price_decimals)
    base, quote = _volumes(book, day)
    return push_pb2.MiniTicker(
        symbol=mexc_name(book),
        price=trimmed(last, rules.price_decimals),
        rate=rate,
        zoned_rate=zoned,
        high=high,
        low=low,
        volume=quote,
        quantity=base,
        last_close_rate=rate,
        last_close_zoned_rate=zoned,
        last_close_high=high,
        last_close_low=low,
    )


def _midnight(east: int, now_s: int) -> int:
    return now_s - (now_s + east) % _DAY


def _volumes(book: MarketBook, row: Candle) -> tuple[str, str]:
    rules = book.rules
    base = trimmed(row.volume, rules.quantity_decimals)
    return base, trimmed(row.turnover, rules.price_decimals + rules.quantity_decimals)
