"""A whole public exchange, put together from a REST client and a websocket client; the same for every exchange."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from cex.common.book.order_book import BookView, OrderBook
from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.network_constants import BOOK_FRESH_S
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.exceptions import ExchangeConnectionException
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookSnapshot, BookTicker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.books import BookKeepers, ResyncPolicy
from cex.exchanges.base.interfaces import (
    BaseRestClient,
    BaseWebSocketClient,
    BookHandler,
    Channel,
    EventHandler,
    ExchangeEvent,
    ExchangeHealth,
    Interrupted,
    Overflow,
    PublicExchange,
    Recovered,
    Refused,
    StreamHandlers,
)
from cex.exchanges.base.streams.leases import Leases
from cex.exchanges.base.streams.readers import Fanout
from cex.exchanges.base.tasks import OwnedTasks

__all__ = ["ComposedPublicExchange"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

LIVE_TIMEOUT_S = 30.0
TRADES_WAITING = 10_000


class ComposedPublicExchange(PublicExchange):
    """Wires clients, books, readers and events together; an exchange's own class only says which clients.

    ``owns_rest``, ``owns_websocket``: close that client with the exchange; otherwise whoever made it closes it.
    ``live_timeout``: seconds that :meth:`subscribe_book` waits for a LIVE book where it is not told otherwise.
    ``trades_waiting``: trades that may wait for a reader of :meth:`trades` before the oldest is given up.
    """

    def __init__(
        self,
        *,
        rest_client: BaseRestClient,
        websocket_client: BaseWebSocketClient,
        owns_rest: bool,
        owns_websocket: bool,
        resync: ResyncPolicy | None = None,
        live_timeout: float = LIVE_TIMEOUT_S,
        trades_waiting: int = TRADES_WAITING,
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
    ) -> None:
        self.exchange = rest_client.exchange
        self._rest = rest_client
        self._websocket = websocket_client
        self._owned = [
            client for client, owned in ((websocket_client, owns_websocket), (rest_client, owns_rest)) if owned
        ]
        self._live_timeout = live_timeout
        self._trades_waiting = trades_waiting
        self._clock = clock
        self._keepers = BookKeepers(
            exchange=self.exchange,
            facts=websocket_client.book_facts,
            fetch=self._fetch_snapshot,
            emit=self._emit,
            policy=resync,
            clock=clock,
            rng=rng,
        )
        self._tasks = OwnedTasks()
        self._leases = Leases(open_stream=self._open_stream, close_stream=self._close_stream, tasks=self._tasks)
        self._subscribed_books: set[Symbol] = set()
        self._books: dict[Symbol, Fanout[OrderBook]] = {}
        self._book_tickers: dict[Symbol, Fanout[BookTicker]] = {}
        self._trades: dict[Symbol, Fanout[Trade]] = {}
        self._event_handlers: tuple[EventHandler, ...] = ()
        self._event_handler_errors = 0
        self._is_open = False
        self._is_closed = False

    # ---- life ------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Load the instruments and get ready to stream; opening twice is the same as once."""
        self._require_not_closed()
        if self._is_open:
            return
        await self._rest.load_instruments()
        if not self._is_open:
            self._is_open = True
            self._websocket.attach(
                self._rest.instruments,
                StreamHandlers(
                    on_book_delta=self._keepers.on_delta,
                    on_trade=self._on_trade,
                    on_book_ticker=self._on_book_ticker,
                    on_event=self._on_event,
                ),
            )

    async def aclose(self) -> None:
        self._is_closed = True
        self._leases.close()
        for fanout in self._fanouts():
            fanout.end()
        await self._keepers.aclose()
        await self._tasks.aclose()
        await asyncio.gather(*(client.aclose() for client in self._owned))

    # ---- asked and answered ----------------------------------------------------------------------------------------

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        return self._rest.instruments

    async def server_time(self) -> int:
        return await self._rest.server_time()

    async def order_book_snapshot(self, symbol: str, depth: int | None = None) -> BookSnapshot:
        return await self._rest.order_book_snapshot(self._symbol(symbol), depth)

    async def recent_trades(self, symbol: str, limit: int = 100) -> list[Trade]:
        return await self._rest.recent_trades(self._symbol(symbol), limit)

    # ---- books -----------------------------------------------------------------------------------------------------

    async def subscribe_book(
        self, symbol: str, on_book: BookHandler | None = None, *, timeout: float | None = None
    ) -> OrderBook:
        known = self._symbol(symbol)
        async with self._lease(Channel.BOOK, known):
            keeper = self._keepers.add(known)
            if on_book is not None:
                keeper.add_handler(on_book)
            try:
                await keeper.wait_live(self._live_timeout if timeout is None else timeout)
            except BaseException:
                if on_book is not None:
                    keeper.remove_handler(on_book)
                raise
            await self._leases.acquire(Channel.BOOK, known)
            if known in self._subscribed_books:
                self._leases.release(Channel.BOOK, known)
            self._subscribed_books.add(known)
            return keeper.book

    async def unsubscribe_book(self, symbol: str) -> None:
        known = self._symbol(symbol)
        if known in self._subscribed_books:
            self._subscribed_books.remove(known)
            keeper = self._keepers.get(known)
            if keeper is not None:
                keeper.clear_handlers()
            closing = self._leases.release(Channel.BOOK, known)
            if closing is not None:
                await asyncio.wait({closing})

    async def books(self, symbol: str) -> AsyncGenerator[BookView, None]:
        known = self._symbol(symbol)
        fanout = self._fanout(self._books, Channel.BOOK, known)
        async with self._ending_quietly(), self._lease(Channel.BOOK, known):
            keeper = self._keepers.add(known)
            await keeper.wait_live(self._live_timeout)
            reader = fanout.join()

            def changed() -> None:
                reader.push(keeper.book)

            keeper.add_watcher(changed)
            try:
                changed()
                async for book in reader:
                    yield book.snapshot()
            finally:
                keeper.remove_watcher(changed)
                fanout.leave(reader)

    def is_fresh(self, symbol: str, max_age: float = BOOK_FRESH_S) -> bool:
        keeper = self._keepers.get(symbol)
        if keeper is None or not keeper.book.is_live:
            return False
        heard = self._websocket.last_heard_ns(Channel.BOOK, keeper.symbol)
        return heard is not None and self._clock.monotonic_ns() - heard <= max_age * NANOSECONDS

    # ---- other streams ---------------------------------------------------------------------------------------------

    def book_tickers(self, symbol: str) -> AsyncGenerator[BookTicker, None]:
        return self._read(self._book_tickers, Channel.BOOK_TICKER, symbol)

    def trades(self, symbol: str) -> AsyncGenerator[Trade, None]:
        return self._read(self._trades, Channel.TRADES, symbol)

    async def _read(self, fanouts: dict[Symbol, Fanout[T]], channel: Channel, symbol: str) -> AsyncGenerator[T, None]:
        known = self._symbol(symbol)
        fanout = self._fanout(fanouts, channel, known)
        reader = fanout.join()
        try:
            async with self._ending_quietly(), self._lease(channel, known):
                async for item in reader:
                    yield item
        finally:
            fanout.leave(reader)

    # ---- what happens ----------------------------------------------------------------------------------------------

    def on_event(self, handler: EventHandler) -> Callable[[], None]:
        self._event_handlers = (*self._event_handlers, handler)

        def forget() -> None:
            self._event_handlers = tuple(known for known in self._event_handlers if known is not handler)

        return forget

    def health(self) -> ExchangeHealth:
        return ExchangeHealth(
            exchange=self.exchange,
            connections=self._websocket.health(),
            books=self._keepers.health(),
            streams=tuple(fanout.health() for fanout in self._fanouts()),
            handler_errors=self._event_handler_errors,
        )

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _symbol(self, symbol: str) -> Symbol:
        self._require_not_closed()
        return self._rest.instruments.symbol(symbol)

    def _require_not_closed(self) -> None:
        if self._is_closed:
            raise ExchangeConnectionException(
                f"{self.exchange} was closed; make another one", self.exchange, operation="open", retryable=False
            )

    @asynccontextmanager
    async def _lease(self, channel: Channel, symbol: Symbol) -> AsyncGenerator[None, None]:
        await self._leases.acquire(channel, symbol)
        try:
            self._require_not_closed()
            yield
        finally:
            self._leases.release(channel, symbol)

    @asynccontextmanager
    async def _ending_quietly(self) -> AsyncGenerator[None, None]:
        """An iterator that was still being set up when the exchange was closed ends like any other."""
        try:
            yield
        except ExchangeConnectionException:
            if not self._is_closed:
                raise

    async def _open_stream(self, channel: Channel, symbol: Symbol) -> None:
        if channel is not Channel.BOOK:
            await self._websocket.subscribe(channel, (symbol,))
            return
        keeper = self._keepers.add(symbol)  # before the request, because updates may come before its answer
        try:
            await self._websocket.subscribe(channel, (symbol,))
        except BaseException:
            self._keepers.remove(symbol, "could not be subscribed")
            raise
        keeper.start()

    async def _close_stream(self, channel: Channel, symbol: Symbol) -> None:
        if channel is Channel.BOOK:
            self._keepers.remove(symbol)
        await self._websocket.unsubscribe(channel, (symbol,))

    async def _fetch_snapshot(self, symbol: Symbol, depth: int) -> BookSnapshot:
        return await self._rest.order_book_snapshot(symbol, depth, resync=True)

    def _on_trade(self, trade: Trade) -> None:
        if (fanout := self._trades.get(trade.symbol)) is not None:
            fanout.publish(trade)

    def _on_book_ticker(self, ticker: BookTicker) -> None:
        if (fanout := self._book_tickers.get(ticker.symbol)) is not None:
            fanout.publish(ticker)

    def _on_event(self, event: ExchangeEvent) -> None:
        match event:
            case Interrupted(streams=streams, reason=reason):
                books = [symbol for channel, symbol in streams if channel is Channel.BOOK]
                self._keepers.interrupt(books, f"the connection was lost: {reason}")
            case Recovered(streams=streams):
                self._keepers.resume(symbol for channel, symbol in streams if channel is Channel.BOOK)
            case Refused(channel=Channel.BOOK, symbol=symbol, message=message):
                self._keepers.interrupt((symbol,), f"the subscription was refused: {message}")
        self._emit(event)

    def _emit(self, event: ExchangeEvent) -> None:
        for handler in self._event_handlers:
            try:
                handler(event)
            except Exception:
                self._event_handler_errors += 1
                logger.exception("event handler failed", extra={"exchange": self.exchange, "event": event.kind})

    def _on_overflow(self, channel: Channel, symbol: Symbol, dropped: int, resumed: bool) -> None:
        facts = {"exchange": self.exchange, "symbol": str(symbol), "channel": str(channel), "dropped": dropped}
        logger.warning("a reader is too slow, items were given up", extra=facts)
        self._emit(
            Overflow(
                exchange=self.exchange,
                at_ns=self._clock.time_ns(),
                channel=channel,
                symbol=symbol,
                dropped=dropped,
                resumed=resumed,
            )
        )

    def _fanout(self, fanouts: dict[Symbol, Fanout[T]], channel: Channel, symbol: Symbol) -> Fanout[T]:
        fanout = fanouts.get(symbol)
        if fanout is None:
            fanout = fanouts[symbol] = Fanout(
                channel,
                symbol,
                conflate=channel is not Channel.TRADES,
                capacity=self._trades_waiting,
                on_overflow=self._on_overflow,
            )
        return fanout

    def _fanouts(self) -> tuple[Fanout[OrderBook] | Fanout[BookTicker] | Fanout[Trade], ...]:
        return (*self._books.values(), *self._book_tickers.values(), *self._trades.values())
