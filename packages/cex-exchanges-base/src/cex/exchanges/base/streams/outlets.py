"""Where decoded market data goes out to those who read it: one fanout a stream, and what conflates in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from cex.common.book.order_book import OrderBook
from cex.common.types.market import BookSnapshot, BookTicker, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces import Channel, Stream, StreamHealth
from cex.exchanges.base.streams.readers import Conflate, Fanout, OverflowHandler, newest, same_candle

__all__ = ["Outlets"]

T = TypeVar("T")


class Outlets:
    """Every stream of one exchange that somebody reads or has read.

    ``waiting``: items that may wait for a reader of a stream that does not conflate to the newest. ``closes_klines``:
    the exchange does not say that a candle is closed, so the next one of its stream does.
    """

    def __init__(self, *, waiting: int, closes_klines: bool, on_overflow: OverflowHandler[Stream]) -> None:
        self._waiting = waiting
        self._closes_klines = closes_klines
        self._on_overflow = on_overflow
        self._candles: dict[tuple[Symbol, str], Kline] = {}
        self.books: dict[Symbol, Fanout[Stream, OrderBook]] = {}
        self.book_tickers: dict[Symbol, Fanout[Stream, BookTicker]] = {}
        self.trades: dict[Symbol, Fanout[Stream, Trade]] = {}
        self.tickers: dict[Symbol, Fanout[Stream, Ticker]] = {}
        self.klines: dict[tuple[Symbol, str], Fanout[Stream, Kline]] = {}
        self.limited_books: dict[tuple[Symbol, int], Fanout[Stream, BookSnapshot]] = {}

    def __iter__(self) -> Iterator[Fanout[Stream, Any]]:
        for fanouts in (self.books, self.book_tickers, self.trades, self.tickers, self.klines, self.limited_books):
            yield from fanouts.values()

    # ---- who reads -------------------------------------------------------------------------------------------------

    def of_book(self, symbol: Symbol) -> Fanout[Stream, OrderBook]:
        return self._of(self.books, symbol, Stream(Channel.BOOK, symbol), newest)

    def of_book_ticker(self, symbol: Symbol) -> Fanout[Stream, BookTicker]:
        return self._of(self.book_tickers, symbol, Stream(Channel.BOOK_TICKER, symbol), newest)

    def of_trades(self, symbol: Symbol) -> Fanout[Stream, Trade]:
        return self._of(self.trades, symbol, Stream(Channel.TRADES, symbol), None)

    def of_ticker(self, symbol: Symbol) -> Fanout[Stream, Ticker]:
        return self._of(self.tickers, symbol, Stream(Channel.TICKER, symbol), newest)

    def of_klines(self, symbol: Symbol, interval: str) -> Fanout[Stream, Kline]:
        return self._of(self.klines, (symbol, interval), Stream(Channel.KLINES, symbol, str(interval)), same_candle)

    def of_limited_book(self, symbol: Symbol, levels: int) -> Fanout[Stream, BookSnapshot]:
        stream = Stream(Channel.LIMITED_BOOK, symbol, str(levels))
        return self._of(self.limited_books, (symbol, levels), stream, newest)

    def _of(
        self, fanouts: dict[Any, Fanout[Stream, T]], key: object, stream: Stream, conflate: Conflate[T] | None
    ) -> Fanout[Stream, T]:
        fanout = fanouts.get(key)
        if fanout is None:
            fanout = fanouts[key] = Fanout(
                stream, conflate=conflate, capacity=self._waiting, on_overflow=self._on_overflow
            )
        return fanout

    # ---- what comes ------------------------------------------------------------------------------------------------

    def on_trade(self, trade: Trade) -> None:
        if (fanout := self.trades.get(trade.symbol)) is not None:
            fanout.publish(trade)

    def on_book_ticker(self, ticker: BookTicker) -> None:
        if (fanout := self.book_tickers.get(ticker.symbol)) is not None:
            fanout.publish(ticker)

    def on_ticker(self, ticker: Ticker) -> None:
        if (fanout := self.tickers.get(ticker.symbol)) is not None:
            fanout.publish(ticker)

    def on_limited_book(self, book: BookSnapshot) -> None:
        if (fanout := self.limited_books.get((book.symbol, book.limit))) is not None:
            fanout.publish(book)

    def on_kline(self, kline: Kline) -> None:
        key = kline.symbol, kline.interval
        fanout = self.klines.get(key)
        if fanout is None:
            return
        if self._closes_klines:
            before = self._candles.get(key)
            if before is not None:
                if kline.open_ts < before.open_ts:
                    return  # a candle that has been closed already
                if kline.open_ts > before.open_ts and not before.closed:
                    fanout.publish(_closed(before))
            self._candles[key] = kline
        fanout.publish(kline)

    def interrupted(self, streams: Iterable[Stream]) -> None:
        """These have a hole now: how a candle in it ended is not known, so the next one does not close it."""
        for channel, symbol, detail in streams:
            if channel is Channel.KLINES:
                self._candles.pop((symbol, detail), None)

    # ---- their end -------------------------------------------------------------------------------------------------

    def health(self) -> tuple[StreamHealth, ...]:
        return tuple(_health(fanout) for fanout in self)

    def end(self) -> None:
        """Every present reader ends once it has read what it holds."""
        for fanout in self:
            fanout.end()


def _health(fanout: Fanout[Stream, Any]) -> StreamHealth:
    return StreamHealth(
        channel=fanout.stream.channel,
        symbol=fanout.stream.symbol,
        detail=fanout.stream.detail,
        readers=fanout.readers,
        offered=fanout.offered,
        delivered=fanout.delivered,
        conflated=fanout.conflated,
        dropped=fanout.dropped,
    )


def _closed(kline: Kline) -> Kline:
    return Kline(
        symbol=kline.symbol,
        interval=kline.interval,
        open_ts=kline.open_ts,
        close_ts=kline.close_ts,
        open=kline.open,
        high=kline.high,
        low=kline.low,
        close=kline.close,
        base_volume=kline.base_volume,
        quote_volume=kline.quote_volume,
        closed=True,
        received_ts=kline.received_ts,
    )
