"""MEXC's channels of candles and of tickers: what is told of a day rather than of an order.

https://www.mexc.com/api-docs/spot-v3/websocket-market-streams
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cex.common.enums import Side
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.decimals import trimmed
from cex.sandbox.venues.mexc.days import STREAM_INTERVALS, best, mexc_name, mini_ticker
from cex.sandbox.venues.mexc.schema import push_pb2

__all__ = ["BookTickerBatch", "Kline", "MiniTicker", "MiniTickers"]


class Kline:
    """The open candle when it changed, and before a new one the last state of the old; there is no send time."""

    def __init__(self, book: MarketBook, channel: str, interval: str) -> None:
        self._book = book
        self._channel = channel
        self._name = interval
        self._interval = STREAM_INTERVALS[interval]
        self._told = (-1, -1)

    def observe(self) -> None:
        """The candles are read when the interval ends."""

    def render(self, now_ms: int) -> Sequence[bytes]:
        candles, now_s = self._book.candles, now_ms // 1000
        newest = candles.current(self._interval, now_s)
        revision, start = self._told
        if (candles.revision, newest.start) == self._told:
            return ()
        rows = [newest]
        if -1 < start != newest.start:
            rows = candles.candles(self._interval, start, newest.start + 1, now_s)
            rows = rows if candles.revision != revision else rows[1:]
        self._told = candles.revision, newest.start
        rules, name = self._book.rules, mexc_name(self._book)
        frames = []
        for row in rows:
            open_, high, low, close = (trimmed(ticks, rules.price_decimals) for ticks in row[2:6])
            push = push_pb2.Push(channel=self._channel, symbol=name, symbol_id=_symbol_id(name), create_time=now_ms)
            push.spot_kline.CopyFrom(
                push_pb2.SpotKline(
                    interval=self._name,
                    window_start=row.start,
                    opening_price=open_,
                    closing_price=close,
                    highest_price=high,
                    lowest_price=low,
                    volume=trimmed(row.volume, rules.quantity_decimals),
                    amount=trimmed(row.turnover, rules.price_decimals + rules.quantity_decimals),
                    window_end=row.end,
                )
            )
            frames.append(push.SerializeToString())
        return frames


class MiniTicker:
    """The day of one symbol, every three seconds."""

    def __init__(self, book: MarketBook, channel: str, zone: str) -> None:
        self._book = book
        self._channel = channel
        self._zone = zone

    def observe(self) -> None:
        """The day is read when the interval ends."""

    def render(self, now_ms: int) -> Sequence[bytes]:
        push = push_pb2.Push(channel=self._channel, symbol=mexc_name(self._book), send_time=now_ms)
        push.mini_ticker.CopyFrom(mini_ticker(self._book, self._zone, now_ms // 1000))
        return (push.SerializeToString(),)


class MiniTickers:
    """The day of every symbol, every three seconds, in one push without a symbol of its own."""

    def __init__(self, books: Sequence[MarketBook], channel: str, zone: str) -> None:
        self._books = books
        self._channel = channel
        self._zone = zone

    def observe(self) -> None:
        """The days are read when the interval ends."""

    def render(self, now_ms: int) -> Sequence[bytes]:
        push = push_pb2.Push(channel=self._channel, send_time=now_ms)
        push.mini_tickers.items.extend(mini_ticker(book, self._zone, now_ms // 1000) for book in self._books)
        return (push.SerializeToString(),)


class BookTickerBatch:
    """Every best bid and ask that a tick left behind, those of an interval together."""

    def __init__(self, book: MarketBook, channel: str) -> None:
        self._book = book
        self._channel = channel
        self._items: list[push_pb2.BookTicker] = []
        self._told: tuple[tuple[str, str], tuple[str, str]] | None = None

    def observe(self) -> None:
        if not self._book.changes and self._told is not None:
            return
        top = best(self._book, Side.BUY), best(self._book, Side.SELL)
        if top != self._told:
            self._told = top
            (bid, bid_size), (ask, ask_size) = top
            self._items.append(
                push_pb2.BookTicker(bid_price=bid, bid_quantity=bid_size, ask_price=ask, ask_quantity=ask_size)
            )

    def render(self, now_ms: int) -> Sequence[bytes]:
        if not self._items:
            return ()
        push = push_pb2.Push(channel=self._channel, symbol=mexc_name(self._book), send_time=now_ms)
        push.book_ticker_batch.items.extend(self._items)
        push.book_ticker_batch.version = str(self._book.update_id)
        push.book_ticker_batch.last_order_create_time = self._book.changed_ns // 1_000_000
        self._items.clear()
        return (push.SerializeToString(),)


def _symbol_id(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
