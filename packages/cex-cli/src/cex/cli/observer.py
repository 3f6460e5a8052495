"""Follows the books and trades of one exchange and keeps the figures that views and summaries show."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from cex.cli.figures import age_text, decimals_of
from cex.cli.screen import BookRow
from cex.common.book.order_book import BookView, OrderBook
from cex.common.enums import BookState
from cex.common.exceptions import ExchangeException
from cex.common.types.instruments import Instrument
from cex.common.types.market import FundingRate, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces import (
    BookHandler,
    BookHealth,
    Channel,
    Connected,
    EventHandler,
    ExchangeEvent,
    ExchangeHealth,
    Gap,
    Interrupted,
    Overflow,
    Recovered,
    Refused,
    Resynced,
    Undecodable,
)

__all__ = ["FollowedExchange", "Observer", "Tell"]

_log = logging.getLogger(__name__)

Tell = Callable[[str, bool | None], None]
"""Takes a sentence and whether it is good news (True), bad news (False) or neither (None)."""


class FollowedExchange(Protocol):
    """What an observer needs of an exchange; every ``PublicExchange`` has it."""

    exchange: str

    @property
    def instruments(self) -> Mapping[str, Instrument]: ...

    def on_event(self, handler: EventHandler) -> Callable[[], None]: ...

    def health(self) -> ExchangeHealth: ...

    async def subscribe_book(
        self, symbol: str, on_book: BookHandler | None = None, *, timeout: float | None = None
    ) -> OrderBook: ...

    def trades(self, symbol: str) -> AsyncGenerator[Trade, None]: ...

    def is_fresh(self, symbol: str) -> bool: ...

    async def funding_rate(self, symbol: str) -> FundingRate: ...


class Observer:
    """Subscribes the books and trades of ``symbols`` inside of its block; ``exchange`` is open and stays so.

    A stream that cannot be had is told and counted among the :attr:`errors`, and the others go on. ``patience``:
    seconds for a book to become LIVE for the first time. ``without_book``: symbols of which only trades are wanted.
    """

    def __init__(
        self,
        exchange: FollowedExchange,
        symbols: Iterable[str],
        *,
        tell: Tell,
        patience: float | None = None,
        without_book: Collection[str] = (),
    ) -> None:
        self.exchange = exchange
        self.name = exchange.exchange
        self.symbols = tuple(Symbol(symbol) for symbol in symbols)
        self.with_book = tuple(symbol for symbol in self.symbols if symbol not in without_book)
        self.books: dict[Symbol, OrderBook] = {}
        self._failures = 0
        self.resyncs = 0
        self.slowest_resync_s = 0.0
        self.crossed_live_reads = 0
        self.interruptions = 0
        self.on_change: Callable[[Symbol], None] | None = None
        self._tell = tell
        self._touched = asyncio.Event()
        self._reasons = {symbol: "no book is wanted" for symbol in self.symbols if symbol not in self.with_book}
        self._patience = patience
        self._tasks: list[asyncio.Task[None]] = []
        self._forget: Callable[[], None] | None = None
        self._decimals = {symbol: decimals_of(exchange.instruments[symbol].tick) for symbol in self.symbols}

    async def __aenter__(self) -> Self:
        self._forget = self.exchange.on_event(self._on_event)
        for symbol in self.with_book:
            self._tasks.append(asyncio.create_task(self._follow_book(symbol), name=f"{self.name} book {symbol}"))
        for symbol in self.symbols:
            self._tasks.append(asyncio.create_task(self._follow_trades(symbol), name=f"{self.name} trades {symbol}"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._forget is not None:
            self._forget()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    @property
    def messages(self) -> int:
        """Frames received over all connections."""
        return sum(connection.messages for connection in self.exchange.health().connections)

    @property
    def errors(self) -> int:
        """Streams that could not be had, frames that did not decode, and failures of our own code on the way."""
        health = self.exchange.health()
        faults = sum(connection.faults for connection in health.connections)
        return self._failures + faults + health.handler_errors + sum(book.handler_errors for book in health.books)

    @property
    def all_live(self) -> bool:
        """Whether every book that was asked for is LIVE."""
        return all(symbol in self.books and self.books[symbol].is_live for symbol in self.with_book)

    async def wait_all_live(self) -> None:
        """Return when :attr:`all_live`."""
        while not self.all_live:
            self._touched.clear()
            await self._touched.wait()

    def view(self, symbol: Symbol, depth: int) -> BookView | None:
        """An immutable copy of the best levels of a book; None as long as it has never been LIVE."""
        book = self.books.get(symbol)
        return None if book is None else book.snapshot(depth)

    def rows(self) -> tuple[BookRow, ...]:
        """One row for each symbol, as it is now."""
        health = self.exchange.health()
        books = {book.symbol: book for book in health.books}
        trades = {stream.symbol: stream.offered for stream in health.streams if stream.channel is Channel.TRADES}
        return tuple(self._row(symbol, books.get(symbol), trades.get(symbol, 0)) for symbol in self.symbols)

    def _row(self, symbol: Symbol, health: BookHealth | None, trades: int) -> BookRow:
        view = self.view(symbol, 1)
        return BookRow(
            exchange=self.name,
            symbol=symbol,
            state=health.state if health else BookState.SYNCING,
            reason=health.reason if health else self._reasons.get(symbol, "not subscribed yet"),
            bid=view.bids[0] if view and view.bids else None,
            ask=view.asks[0] if view and view.asks else None,
            age_s=health.age_s if health else None,
            sequence=health.sequence if health else 0,
            deltas=health.deltas if health else 0,
            applied=health.applied if health else 0,
            stale=health.stale if health else 0,
            gaps=health.gaps if health else 0,
            resyncs=health.resyncs if health else 0,
            trades=trades,
            price_decimals=self._decimals[symbol],
        )

    async def _follow_book(self, symbol: Symbol) -> None:
        try:
            await self.exchange.subscribe_book(symbol, self._on_book, timeout=self._patience)
        except ExchangeException as error:
            self._reasons[symbol] = error.message
            self.failed(f"{symbol} book: {error.message}")

    async def _follow_trades(self, symbol: Symbol) -> None:
        try:
            async for _ in self.exchange.trades(symbol):
                pass  # the exchange counts them, and reading keeps its queue empty
        except ExchangeException as error:
            self.failed(f"{symbol} trades: {error.message}")

    def failed(self, what: str) -> None:
        """Count an error, and tell it."""
        self._failures += 1
        _log.warning("%s %s", self.name, what)
        self._tell(f"{self.name} {what}", False)

    def _on_book(self, book: OrderBook) -> None:
        self.books[book.symbol] = book
        self._touched.set()
        bid, ask = book.best_bid, book.best_ask
        if bid is not None and ask is not None and bid.price >= ask.price:
            self.crossed_live_reads += 1
        if self.on_change is not None:
            self.on_change(book.symbol)

    def _on_event(self, event: ExchangeEvent) -> None:
        match event:
            case Connected():
                self._tell(f"{self.name} connected", None)
            case Interrupted(reason=reason):
                self.interruptions += 1
                self._tell(f"{self.name} connection lost: {reason}", False)
            case Recovered(streams=streams):
                books = sum(stream.channel is Channel.BOOK for stream in streams)
                self._tell(f"{self.name} connected again; {len(streams)} streams, {books} of them books", True)
            case Gap(symbol=symbol, reason=reason):
                self._tell(f"{self.name} {symbol} lost: {reason}", False)
            case Resynced(symbol=symbol, seconds=seconds):
                self.resyncs += 1
                self.slowest_resync_s = max(self.slowest_resync_s, seconds)
                self._tell(f"{self.name} {symbol} live again after {age_text(seconds)}", True)
            case Refused(symbol=symbol, channel=channel, message=message):
                self.failed(f"refused {channel} of {symbol}: {message}")
            case Overflow(symbol=symbol, dropped=dropped):
                self._tell(f"{self.name} {symbol}: {dropped} trades were not read in time", False)
            case Undecodable(error=error):
                self.failed(f"frame: {error.message}")
