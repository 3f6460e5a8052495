"""MEXC's public channels: one protobuf ``PushDataV3ApiWrapper`` a frame, numbers as text, versions as text.

https://www.mexc.com/api-docs/spot-v3/websocket-market-streams
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from cex.common.enums import Side
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.decimals import padded, trimmed
from cex.sandbox.venues.feeds import Source, Stream, StreamMaker
from cex.sandbox.venues.mexc.days import STREAM_INTERVALS, ZONES
from cex.sandbox.venues.mexc.schema import push_pb2
from cex.sandbox.venues.mexc.tickers import BookTickerBatch, Kline, MiniTicker, MiniTickers

__all__ = ["stream_maker"]

_AGGRE = re.compile(r"spot@public\.aggre\.(deals|depth|bookTicker)\.v3\.api\.pb@(100|10)ms@(\S+)")
_KLINE = re.compile(r"spot@public\.kline\.v3\.api\.pb@(\S+)@([A-Z][a-z]+\d+)")
_MINI_TICKER = re.compile(r"spot@public\.miniTicker\.v3\.api\.pb@(\S+)@([^@\s]+)")
_MINI_TICKERS = re.compile(r"spot@public\.miniTickers\.v3\.api\.pb@([^@\s]+)")
_BATCH = re.compile(r"spot@public\.bookTicker\.batch\.v3\.api\.pb@(\S+)")
_MINI_TICKER_MS = 3000
_LIMIT = re.compile(r"spot@public\.limit\.depth\.v3\.api\.pb@(\S+)@(5|10|20)")


def stream_maker(channel: str, books: Mapping[str, MarketBook], tick_ms: float) -> StreamMaker | None:
    """How to make the stream of this exact channel string; None where MEXC answers ``Blocked!``.

    ``books`` is keyed by MEXC's own symbols (``BTCUSDT``).
    """
    source_type: _SourceMaker
    every = round(100 / tick_ms)
    if match := _AGGRE.fullmatch(channel):
        kind, interval, name = match.groups()
        source_type = _AGGRE_SOURCES[kind]
        every = round(int(interval) / tick_ms)
    elif match := _LIMIT.fullmatch(channel):
        name, levels = match.groups()
        source_type = _limit_depth(int(levels))
    elif (match := _KLINE.fullmatch(channel)) and match[2] in STREAM_INTERVALS:
        name, interval = match.groups()
        source_type = partial(_kline, interval=interval)
    elif (match := _MINI_TICKER.fullmatch(channel)) and match[2] in ZONES:
        name, zone = match.groups()
        source_type, every = partial(_mini_ticker, zone=zone), round(_MINI_TICKER_MS / tick_ms)
    elif (match := _MINI_TICKERS.fullmatch(channel)) and match[1] in ZONES:
        everyone = MiniTickers(list(books.values()), channel, match[1])
        return lambda: Stream("", everyone, every=round(_MINI_TICKER_MS / tick_ms))
    elif match := _BATCH.fullmatch(channel):
        (name,) = match.groups()
        source_type = _batch
    else:
        return None
    book = books.get(name)
    if book is None:
        return None
    return lambda: Stream(
        book.listing.symbol,
        source_type(book, channel, name),
        every=every,
        carries_deltas=source_type is _AggreDepth,
    )


def _wrapped(channel: str, name: str, now_ms: int) -> push_pb2.Push:
    return push_pb2.Push(channel=channel, symbol=name, send_time=now_ms)


def _event_type(channel: str, name: str) -> str:
    return channel.removesuffix(f"@{name}")


class _AggreDepth:
    """Every level touched since the last push, with its quantity now; versions are contiguous."""

    def __init__(self, book: MarketBook, channel: str, name: str) -> None:
        self._book = book
        self._channel = channel
        self._name = name
        self._version = book.told_id
        self._touched: dict[Side, set[int]] = {Side.BUY: set(), Side.SELL: set()}

    def observe(self) -> None:
        for change in self._book.changes:
            self._touched[change.side].add(change.price)

    def render(self, now_ms: int) -> Sequence[bytes]:
        book = self._book
        first, self._version = self._version + 1, book.update_id
        if first > self._version:
            return ()
        push = _wrapped(self._channel, self._name, now_ms)
        body = push.aggre_depths
        for side, levels in ((Side.SELL, body.asks), (Side.BUY, body.bids)):
            for price in sorted(self._touched[side], reverse=side is Side.BUY):
                levels.add(
                    price=trimmed(price, book.rules.price_decimals),
                    quantity=trimmed(book.engine.total(side, price), book.rules.quantity_decimals),
                )
            self._touched[side].clear()
        body.event_type = _event_type(self._channel, self._name)
        body.from_version, body.to_version = str(first), str(self._version)
        body.last_order_create_time = book.changed_ns // 1_000_000
        return (push.SerializeToString(),)


class _AggreDeals:
    """The trades of an interval, oldest first; nothing when there were none."""

    def __init__(self, book: MarketBook, channel: str, name: str) -> None:
        self._book = book
        self._channel = channel
        self._name = name
        self._deals: list[push_pb2.Deal] = []

    def observe(self) -> None:
        rules, at_ms = self._book.rules, self._book.changed_ns // 1_000_000
        for fill in self._book.fills:
            self._deals.append(
                push_pb2.Deal(
                    price=trimmed(fill.price, rules.price_decimals),
                    quantity=trimmed(fill.quantity, rules.quantity_decimals),
                    trade_type=1 if fill.taker_side is Side.BUY else 2,
                    time=at_ms,
                    trade_id=f"{fill.maker_order}X0_{fill.taker_order}X0",
                )
            )

    def render(self, now_ms: int) -> Sequence[bytes]:
        if not self._deals:
            return ()
        push = _wrapped(self._channel, self._name, now_ms)
        push.aggre_deals.deals.extend(self._deals)
        push.aggre_deals.event_type = _event_type(self._channel, self._name)
        self._deals.clear()
        return (push.SerializeToString(),)


class _AggreBookTicker:
    """Best bid and ask at every interval, changed or not."""

    def __init__(self, book: MarketBook, channel: str, name: str) -> None:
        self._book = book
        self._channel = channel
        self._name = name

    def observe(self) -> None:
        """The book itself is read when the interval ends."""

    def render(self, now_ms: int) -> Sequence[bytes]:
        book, rules = self._book, self._book.rules
        push = _wrapped(self._channel, self._name, now_ms)
        body = push.aggre_book_ticker
        for price, lots in book.engine.levels(Side.BUY, 1):
            body.bid_price = trimmed(price, rules.price_decimals)
            body.bid_quantity = trimmed(lots, rules.quantity_decimals)
        for price, lots in book.engine.levels(Side.SELL, 1):
            body.ask_price = trimmed(price, rules.price_decimals)
            body.ask_quantity = trimmed(lots, rules.quantity_decimals)
        body.version = str(book.update_id)
        body.last_order_create_time = book.changed_ns // 1_000_000
        return (push.SerializeToString(),)


class _LimitDepth:
    """The best levels in full, padded to the symbol's precision, when anything changed."""

    def __init__(self, book: MarketBook, channel: str, name: str, levels: int) -> None:
        self._book = book
        self._channel = channel
        self._name = name
        self._levels = levels
        self._version = -1

    def observe(self) -> None:
        """The book itself is read when the interval ends."""

    def render(self, now_ms: int) -> Sequence[bytes]:
        book = self._book
        if self._version == book.update_id:
            return ()
        self._version = book.update_id
        push = _wrapped(self._channel, self._name, now_ms)
        body = push.limit_depths
        body.asks.extend(self._padded(book.engine.levels(Side.SELL, self._levels)))
        body.bids.extend(self._padded(book.engine.levels(Side.BUY, self._levels)))
        body.event_type = self._channel.partition("@")[0] + "@" + self._channel.split("@")[1]
        body.version = str(self._version)
        body.last_order_create_time = book.changed_ns // 1_000_000
        return (push.SerializeToString(),)

    def _padded(self, levels: Iterable[tuple[int, int]]) -> Iterable[push_pb2.PriceLevel]:
        rules = self._book.rules
        return [
            push_pb2.PriceLevel(
                price=padded(price, rules.price_decimals), quantity=padded(lots, rules.quantity_decimals)
            )
            for price, lots in levels
        ]


_SourceMaker = Callable[[MarketBook, str, str], Source]

_AGGRE_SOURCES: Mapping[str, _SourceMaker] = {
    "deals": _AggreDeals,
    "depth": _AggreDepth,
    "bookTicker": _AggreBookTicker,
}


def _limit_depth(levels: int) -> _SourceMaker:
    return lambda book, channel, name: _LimitDepth(book, channel, name, levels)


def _kline(book: MarketBook, channel: str, _: str, *, interval: str) -> Source:
    return Kline(book, channel, interval)


def _mini_ticker(book: MarketBook, channel: str, _: str, *, zone: str) -> Source:
    return MiniTicker(book, channel, zone)


def _batch(book: MarketBook, channel: str, _: str) -> Source:
    return BookTickerBatch(book, channel)
