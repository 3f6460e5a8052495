"""Gate.io's public spot channels; the order book stream keeps its window on the server.

https://www.gate.com/docs/developers/apiv4/ws/en/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from cex.common.enums import Side
from cex.sandbox.market.simulation import MarketBook, Print
from cex.sandbox.venues.decimals import padded, trimmed
from cex.sandbox.venues.feeds import Source, Stream, StreamMaker

__all__ = ["InvalidArgument", "gateio_name", "stream_makers"]

_UPDATE_LEVELS = {"100ms": 100, "20ms": 20}
_BOOK_LEVELS = ("5", "10", "20", "50", "100")
_BOOK_INTERVALS = {"100ms": 100, "1000ms": 1000}


class InvalidArgument(Exception):
    """The payload of a subscription is refused, with the message that Gate.io gives (code 2)."""


def gateio_name(book: MarketBook) -> str:
    """``BTC_USDT``."""
    symbol = book.listing.symbol
    return f"{symbol.base}_{symbol.quote}"


def stream_makers(
    channel: str, payload: Sequence[str], books: Mapping[str, MarketBook], tick_ms: float
) -> dict[str, StreamMaker]:
    """How to make the streams that a subscription asks for, by a key that says all about each. All or none.

    ``books`` is keyed by Gate.io's own pairs.

    Raises:
        InvalidArgument: the channel, a pair, a level or an interval does not exist.
    """
    if channel in _PER_PAIR:
        if not payload:
            raise InvalidArgument("payload is empty")
        return {f"{channel}:{name}": _maker(_PER_PAIR[channel], _book(books, name)) for name in payload}
    if channel == "spot.order_book_update":
        name, interval, *rest = _fields(payload, 2, "a currency pair and an interval")
        book = _book(books, name)
        levels = _UPDATE_LEVELS.get(interval)
        if levels is None:
            raise InvalidArgument(f"provided interval not supported: {interval}")
        if rest not in ([], [str(levels)]):
            raise InvalidArgument(f"provided level not supported: {rest[0]}")
        every = round(int(interval.removesuffix("ms")) / tick_ms)
        make = _maker(partial(_OrderBookUpdate, levels=levels), book, every=every, carries_deltas=True)
        return {f"{channel}:{name}:{interval}": make}
    if channel == "spot.order_book":
        name, levels_text, interval, *_ = _fields(payload, 3, "a currency pair, a level and an interval")
        book = _book(books, name)
        if levels_text not in _BOOK_LEVELS:
            raise InvalidArgument(f"provided level not supported: {levels_text}")
        if interval not in _BOOK_INTERVALS:
            raise InvalidArgument(f"provided interval not supported: {interval}")
        every = round(_BOOK_INTERVALS[interval] / tick_ms)
        make = _maker(partial(_OrderBook, levels=int(levels_text)), book, every=every)
        return {f"{channel}:{name}:{levels_text}:{interval}": make}
    raise InvalidArgument(f"Unknown channel {channel}")


def _fields(payload: Sequence[str], count: int, meaning: str) -> Sequence[str]:
    if len(payload) < count:
        raise InvalidArgument(f"payload must be {meaning}")
    return payload


def _book(books: Mapping[str, MarketBook], name: str) -> MarketBook:
    book = books.get(name)
    if book is None:
        raise InvalidArgument(f"unknown currency pair {name}")
    return book


def _maker(
    source_type: Callable[[MarketBook], Source], book: MarketBook, *, every: int = 1, carries_deltas: bool = False
) -> StreamMaker:
    return lambda: Stream(book.listing.symbol, source_type(book), every=every, carries_deltas=carries_deltas)


def _update(channel: str, now_ms: int, result: dict[str, Any]) -> str:
    message = {
        "time": now_ms // 1000,
        "time_ms": now_ms,
        "channel": channel,
        "event": "update",
        "result": result,
    }
    return msgspec.json.encode(message).decode()


class _OrderBookUpdate:
    """Deltas of the best ``levels`` of each side.

    The window is compared after every tick, so that a book fetched in the middle of an interval ends up the same: every
    level that changed, entered or left in between is told, with its amount now, or "0" when it is outside.
    """

    def __init__(self, book: MarketBook, *, levels: int) -> None:
        self._book = book
        self._levels = levels
        self._last = book.told_id
        view = book.view(limit=levels)
        self._windows = {Side.BUY: {price for price, _ in view.bids}, Side.SELL: {price for price, _ in view.asks}}
        self._touched: dict[Side, set[int]] = {Side.BUY: set(), Side.SELL: set()}

    def observe(self) -> None:
        changed: dict[Side, set[int]] = {Side.BUY: set(), Side.SELL: set()}
        for change in self._book.changes:
            changed[change.side].add(change.price)
        for side, prices in changed.items():
            if prices:
                before, now = self._windows[side], self._book.engine.best_prices(side, self._levels)
                self._touched[side] |= (before ^ now) | (prices & now)
                self._windows[side] = now

    def render(self, now_ms: int) -> Sequence[str]:
        if not any(self._touched.values()):
            return ()
        book = self._book
        first, self._last = self._last + 1, book.update_id
        changed_ms = book.changed_ns // 1_000_000
        result = {
            "t": changed_ms,
            "e": "depthUpdate",
            "E": changed_ms // 1000,
            "s": gateio_name(book),
            "U": first,
            "u": self._last,
            "l": str(self._levels),
            "b": self._changed_levels(Side.BUY),
            "a": self._changed_levels(Side.SELL),
        }
        return (_update("spot.order_book_update", now_ms, result),)

    def _changed_levels(self, side: Side) -> list[tuple[str, str]]:
        rules, engine, window = self._book.rules, self._book.engine, self._windows[side]
        prices = sorted(self._touched[side], reverse=side is Side.BUY)
        self._touched[side].clear()
        return [
            (
                trimmed(price, rules.price_decimals),
                trimmed(engine.total(side, price) if price in window else 0, rules.quantity_decimals),
            )
            for price in prices
        ]


class _OrderBook:
    """The best levels in full, at every interval in which they moved on."""

    def __init__(self, book: MarketBook, *, levels: int) -> None:
        self._book = book
        self._levels = levels
        self._last = -1

    def observe(self) -> None:
        """The book itself is read when the interval ends."""

    def render(self, now_ms: int) -> Sequence[str]:
        book = self._book
        if self._last == book.update_id:
            return ()
        self._last = book.update_id
        bids, asks = (
            [
                (trimmed(price, book.rules.price_decimals), trimmed(lots, book.rules.quantity_decimals))
                for price, lots in book.engine.levels(side, self._levels)
            ]
            for side in (Side.BUY, Side.SELL)
        )
        result = {
            "t": book.changed_ns // 1_000_000,
            "lastUpdateId": self._last,
            "s": gateio_name(book),
            "l": str(self._levels),
            "bids": bids,
            "asks": asks,
        }
        return (_update("spot.order_book", now_ms, result),)


class _BookTicker:
    """Best bid and ask, when they changed; an empty side is ``""``."""

    def __init__(self, book: MarketBook) -> None:
        self._book = book
        self._told: tuple[str, ...] | None = None

    def observe(self) -> None:
        """The book itself is read when the interval ends."""

    def render(self, now_ms: int) -> Sequence[str]:
        book = self._book
        top = (*self._best(Side.BUY), *self._best(Side.SELL))
        if top == self._told:
            return ()
        self._told = top
        bid, bid_size, ask, ask_size = top
        result = {
            "t": book.changed_ns // 1_000_000,
            "u": book.update_id,
            "s": gateio_name(book),
            "b": bid,
            "B": bid_size,
            "a": ask,
            "A": ask_size,
        }
        return (_update("spot.book_ticker", now_ms, result),)

    def _best(self, side: Side) -> tuple[str, str]:
        rules = self._book.rules
        for price, lots in self._book.engine.levels(side, 1):
            return trimmed(price, rules.price_decimals), trimmed(lots, rules.quantity_decimals)
        return "", ""


class _Trades:
    """Every trade in a message of its own, as soon as the tick is over."""

    def __init__(self, book: MarketBook) -> None:
        self._book = book

    def observe(self) -> None:
        """The fills are read when the tick ends, which is when this stream is due."""

    def render(self, now_ms: int) -> Sequence[str]:
        book = self._book
        return [_update("spot.trades", now_ms, _trade(book, Print(fill, book.changed_ns))) for fill in book.fills]


def _trade(book: MarketBook, printed: Print) -> dict[str, Any]:
    fill, at_ns = printed
    rules = book.rules
    return {
        "id": fill.id,
        "id_market": fill.id,
        "create_time": at_ns // 1_000_000_000,
        "create_time_ms": padded(at_ns // 1000, 3),
        "side": fill.taker_side.value,
        "currency_pair": gateio_name(book),
        "amount": trimmed(fill.quantity, rules.quantity_decimals),
        "price": trimmed(fill.price, rules.price_decimals),
        "range": f"{fill.id}-{fill.id}",
    }


_PER_PAIR: Mapping[str, Callable[[MarketBook], Source]] = {
    "spot.trades": _Trades,
    "spot.book_ticker": _BookTicker,
}
