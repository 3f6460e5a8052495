"""Gate.io's public spot channels; the order book stream keeps its window on the server.

https://www.gate.com/docs/developers/apiv4/ws/en/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from cex.common.enums import Side
from cex.sandbox.market.candles import Candle
from cex.sandbox.market.simulation import MarketBook, Print
from cex.sandbox.venues.decimals import padded, trimmed
from cex.sandbox.venues.feeds import Source, Stream, StreamMaker
from cex.sandbox.venues.gateio.tickers import SPOT_INTERVALS, Candlesticks, best, gateio_name, spot_ticker
from cex.sandbox.venues.gateio.windows import Levels, Window

__all__ = ["InvalidArgument", "Obu", "fields", "in_text", "obu_makers", "stream_makers", "update"]

_UPDATE_LEVELS = {"100ms": 100, "20ms": 20}
_BOOK_LEVELS = ("5", "10", "20", "50", "100")
_BOOK_INTERVALS = {"100ms": 100, "1000ms": 1000}
_OBU_INTERVALS = {"50": 20, "400": 100}
_CANDLE_INTERVALS = SPOT_INTERVALS.keys() - {"1s", "30d"}


class InvalidArgument(Exception):
    """The payload of a subscription is refused, with the message that Gate.io gives (code 2)."""


def stream_makers(
    channel: str,
    payload: Sequence[str],
    books: Mapping[str, MarketBook],
    tick_ms: float,
    *,
    full_update: bool = False,
) -> dict[str, StreamMaker]:
    """How to make the streams that a subscription asks for, by a key that says all about each. All or none.

    ``books`` is keyed by Gate.io's own pairs; with ``full_update`` a stream of deltas begins with the whole book.

    Raises:
        InvalidArgument: the channel, a pair, a level or an interval does not exist.
    """
    if channel in _PER_PAIR:
        if not payload:
            raise InvalidArgument("payload is empty")
        return {f"{channel}:{name}": _maker(_PER_PAIR[channel], _book(books, name)) for name in payload}
    if channel == "spot.tickers":
        for name in payload:
            if name not in books:
                raise InvalidArgument(f"unknown currency pair: {name}")
        every = round(1000 / tick_ms)
        return {f"{channel}:{name}": _maker(_Tickers, books[name], every=every) for name in fields(payload, 1, "pairs")}
    if channel == "spot.candlesticks":
        interval, name, *_ = fields(payload, 2, "an interval and a currency pair")
        book = _book(books, name)
        if interval not in _CANDLE_INTERVALS:
            raise InvalidArgument(f"provided interval not supported: {interval}")
        make = _maker(partial(_candlesticks, interval=interval), book, every=round(2000 / tick_ms))
        return {f"{channel}:{interval}_{name}": make}
    if channel == "spot.obu":
        return obu_makers(channel, payload, books, tick_ms)
    if channel == "spot.order_book_update":
        name, interval, *rest = fields(payload, 2, "a currency pair and an interval")
        book = _book(books, name)
        levels = _UPDATE_LEVELS.get(interval)
        if levels is None:
            raise InvalidArgument(f"provided interval not supported: {interval}")
        if rest not in ([], [str(levels)]):
            raise InvalidArgument(f"provided level not supported: {rest[0]}")
        every = round(int(interval.removesuffix("ms")) / tick_ms)
        return {f"{channel}:{name}:{interval}": partial(_make_updates, book, levels, every, full_update)}
    if channel == "spot.order_book":
        name, levels_text, interval, *_ = fields(payload, 3, "a currency pair, a level and an interval")
        book = _book(books, name)
        if levels_text not in _BOOK_LEVELS:
            raise InvalidArgument(f"provided level not supported: {levels_text}")
        if interval not in _BOOK_INTERVALS:
            raise InvalidArgument(f"provided interval not supported: {interval}")
        every = round(_BOOK_INTERVALS[interval] / tick_ms)
        make = _maker(partial(_OrderBook, levels=int(levels_text)), book, every=every)
        return {f"{channel}:{name}:{levels_text}:{interval}": make}
    raise InvalidArgument(f"Unknown channel {channel}")


def fields(payload: Sequence[str], count: int, meaning: str) -> Sequence[str]:
    """The payload, when it has at least ``count`` parts."""
    if len(payload) < count:
        raise InvalidArgument(f"payload must be {meaning}")
    return payload


def _book(books: Mapping[str, MarketBook], name: str) -> MarketBook:
    book = books.get(name)
    if book is None:
        raise InvalidArgument(f"unknown currency pair {name}")
    return book


def _maker(source_type: Callable[[MarketBook], Source], book: MarketBook, *, every: int = 1) -> StreamMaker:
    return lambda: Stream(book.listing.symbol, source_type(book), every=every)


def _make_updates(book: MarketBook, levels: int, every: int, full_first: bool) -> Stream:
    source = _OrderBookUpdate(book, levels=levels)
    welcome = source.full if full_first else None
    return Stream(book.listing.symbol, source, every=every, carries_deltas=True, welcome=welcome)


def obu_makers(
    channel: str, payload: Sequence[str], books: Mapping[str, MarketBook], tick_ms: float
) -> dict[str, StreamMaker]:
    """How to make ``spot.obu`` or ``futures.obu``; a name or a level that does not exist is silent, not refused.

    Raises:
        InvalidArgument: the payload is empty.
    """
    if not payload:
        raise InvalidArgument("payload is empty")
    makers: dict[str, StreamMaker] = {}
    for name in payload:
        book = books.get(name.removeprefix("ob.").rpartition(".")[0])
        interval = _OBU_INTERVALS.get(name.rpartition(".")[2])
        if name.startswith("ob.") and book is not None and interval is not None:
            makers[f"{channel}:{name}"] = partial(_make_obu, book, channel, name, round(interval / tick_ms))
    return makers


def _make_obu(book: MarketBook, channel: str, name: str, every: int) -> Stream:
    source = Obu(book, channel, name, int(name.rpartition(".")[2]))
    return Stream(book.listing.symbol, source, every=every, carries_deltas=True, welcome=source.full)


def in_text(book: MarketBook, levels: Sequence[tuple[int, int]]) -> list[tuple[str, str]]:
    """(price, lots) as pairs of text."""
    price_decimals, decimals = book.rules.price_decimals, book.rules.quantity_decimals
    return [(trimmed(price, price_decimals), trimmed(lots, decimals)) for price, lots in levels]


def update(channel: str, now_ms: int, result: object, event: str = "update") -> str:
    """A push in its envelope."""
    message = {
        "time": now_ms // 1000,
        "time_ms": now_ms,
        "channel": channel,
        "event": event,
        "result": result,
    }
    return msgspec.json.encode(message).decode()


class _OrderBookUpdate:
    """Deltas of the best ``levels`` of each side, when something moved among them."""

    def __init__(self, book: MarketBook, *, levels: int) -> None:
        self._book = book
        self._window = Window(book, levels)

    def observe(self) -> None:
        self._window.observe()

    def render(self, now_ms: int) -> Sequence[str]:
        window = self._window
        if not window.has_moved:
            return ()
        first, last = window.advance()
        return self._told(now_ms, first, last, window.moved(Side.BUY), window.moved(Side.SELL))

    def full(self, now_ms: int) -> Sequence[str]:
        """The window as those know it who have heard every delta so far."""
        return self._told(now_ms, self._window.last, self._window.last, *self._window.as_told(), full=True)

    def _told(self, now_ms: int, first: int, last: int, bids: Levels, asks: Levels, **more: bool) -> Sequence[str]:
        book = self._book
        changed_ms = book.changed_ns // 1_000_000
        result = {
            "t": changed_ms,
            **more,
            "e": "depthUpdate",
            "E": changed_ms // 1000,
            "s": gateio_name(book),
            "U": first,
            "u": last,
            "l": str(self._window.levels),
            "b": in_text(book, bids),
            "a": in_text(book, asks),
        }
        return (update("spot.order_book_update", now_ms, result),)


class Obu:
    """The second generation of the book stream: a full frame first, then deltas; it needs no REST."""

    def __init__(self, book: MarketBook, channel: str, name: str, levels: int) -> None:
        self._book = book
        self._channel = channel
        self._name = name
        self._window = Window(book, levels)

    def observe(self) -> None:
        self._window.observe()

    def full(self, now_ms: int) -> Sequence[str]:
        """The window as those know it who have heard every delta so far."""
        bids, asks = self._window.as_told()
        result = {
            "t": self._book.changed_ns // 1_000_000,
            "full": True,
            "s": self._name,
            "u": self._window.last,
            "b": in_text(self._book, bids),
            "a": in_text(self._book, asks),
        }
        return (update(self._channel, now_ms, result),)

    def render(self, now_ms: int) -> Sequence[str]:
        """A delta; ids alone when the book moved outside the window."""
        book, window = self._book, self._window
        if window.last == book.update_id:
            return ()
        first, last = window.advance()
        result: dict[str, Any] = {"t": book.changed_ns // 1_000_000, "s": self._name, "U": first, "u": last}
        for key, side in (("b", Side.BUY), ("a", Side.SELL)):
            if moved := window.moved(side):
                result[key] = in_text(book, moved)
        return (update(self._channel, now_ms, result),)


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
        bids, asks = (in_text(book, book.engine.levels(side, self._levels)) for side in (Side.BUY, Side.SELL))
        result = {
            "t": book.changed_ns // 1_000_000,
            "lastUpdateId": self._last,
            "s": gateio_name(book),
            "l": str(self._levels),
            "bids": bids,
            "asks": asks,
        }
        return (update("spot.order_book", now_ms, result),)


class _BookTicker:
    """Best bid and ask, when they changed; an empty side is ``""``."""

    def __init__(self, book: MarketBook) -> None:
        self._book = book
        self._told: tuple[str, ...] | None = None

    def observe(self) -> None:
        """The book itself is read when the interval ends."""

    def render(self, now_ms: int) -> Sequence[str]:
        book = self._book
        top = (*best(book, Side.BUY), *best(book, Side.SELL))
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
        return (update("spot.book_ticker", now_ms, result),)


class _Tickers:
    """The last 24 hours, once a second when they changed."""

    def __init__(self, book: MarketBook) -> None:
        self._book = book
        self._told: dict[str, Any] | None = None

    def observe(self) -> None:
        """The book is read when the second ends."""

    def render(self, now_ms: int) -> Sequence[str]:
        told = spot_ticker(self._book, now_ms // 1000, places=4)
        if told == self._told:
            return ()
        self._told = told
        return (update("spot.tickers", now_ms, told),)


def _candlesticks(book: MarketBook, *, interval: str) -> Candlesticks:
    rules, name = book.rules, f"{interval}_{gateio_name(book)}"

    def tell(row: Candle, closed: bool, now_ms: int) -> str:
        open_, high, low, close = (trimmed(ticks, rules.price_decimals) for ticks in row[2:6])
        result = {
            "t": str(row.start),
            "v": trimmed(row.turnover, rules.price_decimals + rules.quantity_decimals),
            "c": close,
            "h": high,
            "l": low,
            "o": open_,
            "n": name,
            "a": trimmed(row.volume, rules.quantity_decimals),
            "w": closed,
        }
        return update("spot.candlesticks", now_ms, result)

    return Candlesticks(book.candles, SPOT_INTERVALS[interval], tell)


class _Trades:
    """Every trade in a message of its own, as soon as the tick is over."""

    def __init__(self, book: MarketBook) -> None:
        self._book = book

    def observe(self) -> None:
        """The fills are read when the tick ends, which is when this stream is due."""

    def render(self, now_ms: int) -> Sequence[str]:
        book = self._book
        return [update("spot.trades", now_ms, _trade(book, Print(fill, book.changed_ns))) for fill in book.fills]


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
