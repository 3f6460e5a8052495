"""Gate.io's public channels of USDT perpetuals: levels are objects, most results are arrays, tickers are partial.

https://www.gate.com/docs/developers/futures/ws/en/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from cex.common.enums import Side
from cex.sandbox.market.candles import Candle
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.feeds import Source, Stream, StreamMaker
from cex.sandbox.venues.gateio.futures.contracts import (
    FUTURES_INTERVALS,
    candle,
    perpetual_of,
    priced,
    size,
    ticker,
    turnover_text,
)
from cex.sandbox.venues.gateio.streams import InvalidArgument, fields, obu_makers, update
from cex.sandbox.venues.gateio.tickers import Candlesticks, gateio_name
from cex.sandbox.venues.gateio.windows import Levels, Window

__all__ = ["futures_stream_makers"]

_UPDATE_LEVELS = {"100ms": ("100", "50", "20"), "20ms": ("20",)}
_BOOK_LEVELS = ("1", "5", "10", "20", "50", "100")
_TICKER_MS = 1000
_CANDLES_MS = 2000
_BOOK_MS = 100


def futures_stream_makers(
    channel: str,
    payload: Sequence[str],
    books: Mapping[str, MarketBook],
    tick_ms: float,
    *,
    decimal: bool,
    full_update: bool = False,
) -> dict[str, StreamMaker]:
    """How to make the streams that a subscription asks for, by a key that says all about each. All or none.

    ``books`` is keyed by Gate.io's own contracts; ``decimal`` spells sizes as text with decimals; with
    ``full_update`` a stream of deltas begins with the whole book.

    Raises:
        InvalidArgument: the channel, a contract, a level or an interval does not exist.
    """
    if channel == "futures.obu":
        return obu_makers(channel, payload, books, tick_ms)
    made: dict[str, StreamMaker]
    source: Callable[[MarketBook], Source]
    if channel in _PER_CONTRACT:
        made = {}
        every = round(_TICKER_MS / tick_ms) if channel == "futures.tickers" else 1
        for name in fields(payload, 1, "contracts"):
            if channel == "futures.tickers" and name not in books:
                raise InvalidArgument(f"unknown currency pair: {name}")
            made[f"{channel}:{name}"] = _maker(partial(_PER_CONTRACT[channel], decimal=decimal), books, name, every)
    elif channel == "futures.order_book_update":
        name, interval, *rest = fields(payload, 2, "a contract and an interval")
        if interval not in _UPDATE_LEVELS:
            raise InvalidArgument(f"provided interval not supported: {interval}")
        level = rest[0] if rest else _UPDATE_LEVELS[interval][0]
        if level not in _UPDATE_LEVELS[interval]:
            raise InvalidArgument(f"provided level not supported: {level}")
        every = round(int(interval.removesuffix("ms")) / tick_ms)
        source = partial(_FullFirst if full_update else _OrderBookUpdate, levels=int(level), decimal=decimal)
        made = {f"{channel}:{name}:{interval}:{level}": _maker(source, books, name, every, carries_deltas=True)}
    elif channel == "futures.order_book":
        name, level, interval, *_ = fields(payload, 3, "a contract, a level and an interval")
        if level not in _BOOK_LEVELS:
            raise InvalidArgument(f"provided level not supported: {level}")
        if interval != "0":
            raise InvalidArgument(f"provided interval not supported: {interval}")
        source = partial(_OrderBook, levels=int(level), decimal=decimal)
        made = {f"{channel}:{name}:{level}": _maker(source, books, name, round(_BOOK_MS / tick_ms))}
    elif channel == "futures.candlesticks":
        interval, name, *_ = fields(payload, 2, "an interval and a contract")
        if interval not in FUTURES_INTERVALS:
            raise InvalidArgument(f"provided interval not supported: {interval}")
        price = next((prefix for prefix in ("mark_", "index_") if name.startswith(prefix)), "")
        source = partial(_candlesticks, interval=interval, kind=price, decimal=decimal)
        maker = _maker(source, books, name.removeprefix(price), round(_CANDLES_MS / tick_ms))
        made = {f"{channel}:{interval}_{name}": maker}
    else:
        raise InvalidArgument(f"Unknown channel {channel}")
    return {f"{key}:decimal" if decimal else key: make for key, make in made.items()}


def _maker(
    source_type: Callable[[MarketBook], Source],
    books: Mapping[str, MarketBook],
    name: str,
    every: int,
    *,
    carries_deltas: bool = False,
) -> StreamMaker:
    book = books.get(name)
    if book is None:
        raise InvalidArgument(f"unknown currency pair {name}")

    def make() -> Stream:
        source = source_type(book)
        welcome = source.full if isinstance(source, _Tickers | _FullFirst) else None
        return Stream(book.listing.symbol, source, every=every, carries_deltas=carries_deltas, welcome=welcome)

    return make


class _OrderBookUpdate:
    """Deltas of the best ``levels`` of each side, when something moved among them."""

    def __init__(self, book: MarketBook, *, levels: int, decimal: bool) -> None:
        self._book = book
        self._decimal = decimal
        self._window = Window(book, levels)

    def observe(self) -> None:
        self._window.observe()

    def render(self, now_ms: int) -> Sequence[str]:
        window = self._window
        if not window.has_moved:
            return ()
        first, last = window.advance()
        return self._told(now_ms, first, last, window.moved(Side.BUY), window.moved(Side.SELL))

    def _told(self, now_ms: int, first: int, last: int, bids: Levels, asks: Levels, **more: bool) -> Sequence[str]:
        book = self._book
        result = {
            "t": book.changed_ns // 1_000_000,
            **more,
            "U": first,
            "u": last,
            "s": gateio_name(book),
            "a": _levels(book, asks, self._decimal),
            "b": _levels(book, bids, self._decimal),
            "l": str(self._window.levels),
        }
        return (update("futures.order_book_update", now_ms, result),)


class _FullFirst(_OrderBookUpdate):
    """The same, told from the beginning: a new subscriber gets the whole window."""

    def full(self, now_ms: int) -> Sequence[str]:
        """The window as those know it who have heard every delta so far."""
        return self._told(now_ms, self._window.last, self._window.last, *self._window.as_told(), full=True)


class _OrderBook:
    """The best levels in full, at every interval in which they moved on; the event is ``all``."""

    def __init__(self, book: MarketBook, *, levels: int, decimal: bool) -> None:
        self._book = book
        self._levels = levels
        self._decimal = decimal
        self._last = -1

    def observe(self) -> None:
        """The book itself is read when the interval ends."""

    def render(self, now_ms: int) -> Sequence[str]:
        book = self._book
        if self._last == book.update_id:
            return ()
        self._last = book.update_id
        result = {
            "t": book.changed_ns // 1_000_000,
            "contract": gateio_name(book),
            "id": self._last,
            "asks": _levels(book, book.engine.levels(Side.SELL, self._levels), self._decimal),
            "bids": _levels(book, book.engine.levels(Side.BUY, self._levels), self._decimal),
            "l": str(self._levels),
        }
        return (update("futures.order_book", now_ms, result, event="all"),)


class _BookTicker:
    """Best bid and ask, when they changed; an empty side has the price ``""`` and the size 0."""

    def __init__(self, book: MarketBook, *, decimal: bool) -> None:
        self._book = book
        self._decimal = decimal
        self._told: tuple[object, ...] | None = None

    def observe(self) -> None:
        """The book itself is read when the interval ends."""

    def render(self, now_ms: int) -> Sequence[str]:
        book = self._book
        bid, ask = book.engine.levels(Side.BUY, 1), book.engine.levels(Side.SELL, 1)
        if (bid, ask) == self._told:
            return ()
        self._told = bid, ask
        result = {
            "t": book.changed_ns // 1_000_000,
            "u": book.update_id,
            "s": gateio_name(book),
            "b": priced(book, bid[0][0]) if bid else "",
            "B": size(book, bid[0][1] if bid else 0, self._decimal),
            "a": priced(book, ask[0][0]) if ask else "",
            "A": size(book, ask[0][1] if ask else 0, self._decimal),
        }
        return (update("futures.book_ticker", now_ms, result),)


class _Trades:
    """The trades of a tick, in one message; the sign of a size is the taker's side."""

    def __init__(self, book: MarketBook, *, decimal: bool) -> None:
        self._book = book
        self._decimal = decimal

    def observe(self) -> None:
        """The fills are read when the tick ends, which is when this stream is due."""

    def render(self, now_ms: int) -> Sequence[str]:
        book = self._book
        if not book.fills:
            return ()
        at_ms = book.changed_ns // 1_000_000
        trades = [
            {
                "size": size(book, fill.quantity if fill.taker_side is Side.BUY else -fill.quantity, self._decimal),
                "id": fill.id,
                "create_time": at_ms // 1000,
                "create_time_ms": at_ms,
                "price": priced(book, fill.price),
                "contract": gateio_name(book),
            }
            for fill in book.fills
        ]
        return (update("futures.trades", now_ms, trades),)


class _Tickers:
    """Everything to a new subscriber, then what changed, once a second."""

    def __init__(self, book: MarketBook, *, decimal: bool) -> None:
        self._book = book
        self._decimal = decimal
        self._told: dict[str, Any] = {}

    def observe(self) -> None:
        """The book is read when the second ends."""

    def full(self, now_ms: int) -> Sequence[str]:
        """The whole ticker as those know it who have heard everything so far."""
        self._told = self._told or self._now(now_ms)
        return (self._message(now_ms, self._told),)

    def render(self, now_ms: int) -> Sequence[str]:
        now = self._now(now_ms)
        changed = {key: value for key, value in now.items() if self._told.get(key) != value}
        self._told = now
        if not changed:
            return ()
        return (self._message(now_ms, {"contract": now["contract"]} | changed),)

    def _now(self, now_ms: int) -> dict[str, Any]:
        """The stream says less of the book and more of the funding than REST does."""
        perpetual, told = perpetual_of(self._book), ticker(self._book, now_ms // 1000, self._decimal)
        for key in ("highest_bid", "highest_size", "lowest_ask", "lowest_size"):
            del told[key]
        return told | {
            "quanto_base_rate": "",
            "funding_interval": perpetual.contract.funding_interval,
            "funding_next_apply": perpetual.funding_due(now_ms // 1000),
        }

    def _message(self, now_ms: int, result: dict[str, Any]) -> str:
        return update("futures.tickers", now_ms, [result | {"t": now_ms}])


def _candlesticks(book: MarketBook, *, interval: str, kind: str, decimal: bool) -> Candlesticks:
    perpetual = perpetual_of(book)
    store = {"": book.candles, "mark_": perpetual.mark_candles, "index_": perpetual.index_candles}[kind]
    name = f"{interval}_{kind}{gateio_name(book)}"

    def tell(row: Candle, closed: bool, now_ms: int) -> str:
        result = candle(book, row, kind, decimal) | {"n": name, "w": closed}
        if not kind:
            result["a"] = turnover_text(book, row.turnover)
        return update("futures.candlesticks", now_ms, [result])

    return Candlesticks(store, FUTURES_INTERVALS[interval], tell)


def _levels(book: MarketBook, levels: Sequence[tuple[int, int]], decimal: bool) -> list[dict[str, str | int]]:
    return [{"p": priced(book, price), "s": size(book, lots, decimal)} for price, lots in levels]


_PER_CONTRACT: Mapping[str, Callable[..., Source]] = {
    "futures.tickers": _Tickers,
    "futures.trades": _Trades,
    "futures.book_ticker": _BookTicker,
}
