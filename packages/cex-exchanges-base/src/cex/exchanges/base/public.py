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
from cex.common.enums import KlineInterval, MarketType
from cex.common.exceptions import ExchangeConnectionException
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookSnapshot, BookTicker, FundingRate, Kline, Ticker, Trade
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
    Stream,
    StreamHandlers,
)
from cex.exchanges.base.klines import KlineProgress
from cex.exchanges.base.listeners import Listeners
from cex.exchanges.base.offers import not_offered
from cex.exchanges.base.streams.leases import Leases
from cex.exchanges.base.streams.outlets import Outlets
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
    ``trades_waiting``: trades (or candles) that may wait for a reader before the oldest is given up.
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
        self._clock = clock
        self._listeners = Listeners(self.exchange)
        self._keepers = BookKeepers(
            exchange=self.exchange,
            facts=websocket_client.book_facts,
            fetch=self._fetch_snapshot,
            resubscribe=self._resubscribe,
            emit=self._listeners.tell,
            policy=resync,
            clock=clock,
            rng=rng,
        )
        self._tasks = OwnedTasks()
        self._leases = Leases(open_stream=self._open_stream, close_stream=self._close_stream, tasks=self._tasks)
        self._subscribed_books: set[Symbol] = set()
        self._outlets = Outlets(
            waiting=trades_waiting,
            closes_klines=not websocket_client.flags_closed_klines,
            on_overflow=self._on_overflow,
        )
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
                    on_trade=self._outlets.on_trade,
                    on_book_ticker=self._outlets.on_book_ticker,
                    on_ticker=self._outlets.on_ticker,
                    on_kline=self._outlets.on_kline,
                    on_limited_book=self._outlets.on_limited_book,
                    on_event=self._on_event,
                ),
            )

    async def aclose(self) -> None:
        self._is_closed = True
        self._leases.close()
        self._outlets.end()
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

    async def ticker(self, symbol: str) -> Ticker:
        return await self._rest.ticker(self._symbol(symbol))

    async def all_tickers(self, market: MarketType | None = None) -> dict[Symbol, Ticker]:
        self._require_not_closed()
        return await self._rest.all_tickers(market)

    async def average_price(self, symbol: str) -> float:
        return await self._rest.average_price(self._symbol(symbol))

    async def aggregated_trades(self, symbol: str, start_ts: int, end_ts: int) -> list[Trade]:
        return await self._rest.aggregated_trades(self._symbol(symbol), start_ts, end_ts)

    async def funding_rate(self, symbol: str) -> FundingRate:
        return await self._rest.funding_rate(self._perpetual(symbol, "funding_rate"))

    async def funding_history(self, symbol: str, start_ts: int, end_ts: int) -> list[FundingRate]:
        return await self._rest.funding_history(self._perpetual(symbol, "funding_history"), start_ts, end_ts)

    # ---- candles ---------------------------------------------------------------------------------------------------

    def intervals(self, market: MarketType = MarketType.SPOT) -> tuple[KlineInterval, ...]:
        return self._rest.intervals(market)

    def pushed_intervals(self, market: MarketType = MarketType.SPOT) -> tuple[KlineInterval, ...]:
        return self._websocket.intervals(market)

    def limited_levels(self, market: MarketType = MarketType.SPOT) -> tuple[int, ...]:
        return self._websocket.limited_levels(market)

    async def recent_klines(self, symbol: str, interval: KlineInterval | str, limit: int = 100) -> list[Kline]:
        known, width = self._symbol(symbol), KlineInterval(interval)
        self._rest.require_interval(width, known.market_type, "recent_klines")
        return await self._rest.recent_klines(known, width, limit)

    def klines(
        self,
        symbol: str,
        interval: KlineInterval | str,
        start_ts: int,
        end_ts: int,
        *,
        on_progress: KlineProgress | None = None,
    ) -> AsyncGenerator[Kline, None]:
        known, width = self._symbol(symbol), KlineInterval(interval)
        self._rest.require_interval(width, known.market_type)
        return self._rest.klines(known, width, start_ts, end_ts, on_progress=on_progress)

    # ---- books -----------------------------------------------------------------------------------------------------

    async def subscribe_book(
        self, symbol: str, on_book: BookHandler | None = None, *, timeout: float | None = None
    ) -> OrderBook:
        known = self._symbol(symbol)
        stream = Stream(Channel.BOOK, known)
        async with self._lease(stream):
            keeper = self._keepers.add(known)
            if on_book is not None:
                keeper.add_handler(on_book)
            try:
                await keeper.wait_live(self._live_timeout if timeout is None else timeout)
            except BaseException:
                if on_book is not None:
                    keeper.remove_handler(on_book)
                raise
            await self._leases.acquire(stream)
            if known in self._subscribed_books:
                self._leases.release(stream)
            self._subscribed_books.add(known)
            return keeper.book

    async def unsubscribe_book(self, symbol: str) -> None:
        known = self._symbol(symbol)
        if known in self._subscribed_books:
            self._subscribed_books.remove(known)
            keeper = self._keepers.get(known)
            if keeper is not None:
                keeper.clear_handlers()
            closing = self._leases.release(Stream(Channel.BOOK, known))
            if closing is not None:
                await asyncio.wait({closing})

    async def books(self, symbol: str) -> AsyncGenerator[BookView, None]:
        known = self._symbol(symbol)
        fanout = self._outlets.of_book(known)
        async with self._ending_quietly(), self._lease(fanout.stream):
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

    def is_fresh(
        self, symbol: str, max_age: float = BOOK_FRESH_S, *, channel: Channel = Channel.BOOK, detail: str = ""
    ) -> bool:
        known = self._rest.instruments.symbol(symbol)
        if channel is Channel.BOOK:
            keeper = self._keepers.get(known)
            if keeper is None or not keeper.book.is_live:
                return False
        heard = self._websocket.last_heard_ns(Stream(channel, known, detail))
        return heard is not None and self._clock.monotonic_ns() - heard <= max_age * NANOSECONDS

    # ---- other streams ---------------------------------------------------------------------------------------------

    def book_tickers(self, symbol: str) -> AsyncGenerator[BookTicker, None]:
        return self._read(self._outlets.of_book_ticker(self._symbol(symbol)))

    def trades(self, symbol: str) -> AsyncGenerator[Trade, None]:
        return self._read(self._outlets.of_trades(self._symbol(symbol)))

    def tickers(self, symbol: str) -> AsyncGenerator[Ticker, None]:
        return self._read(self._outlets.of_ticker(self._symbol(symbol)))

    def kline_updates(self, symbol: str, interval: KlineInterval | str) -> AsyncGenerator[Kline, None]:
        known, width = self._symbol(symbol), KlineInterval(interval)
        served = self._websocket.intervals(known.market_type)
        if width not in served:
            what = f"a stream of {width} candles of {known.market_type}"
            raise not_offered(self.exchange, what, served, operation="kline_updates")
        return self._read(self._outlets.of_klines(known, width))

    def limited_books(self, symbol: str, levels: int) -> AsyncGenerator[BookSnapshot, None]:
        known = self._symbol(symbol)
        served = self._websocket.limited_levels(known.market_type)
        if levels not in served:
            what = f"a stream of books of {levels} levels of {known.market_type}"
            raise not_offered(self.exchange, what, [str(number) for number in served], operation="limited_books")
        return self._read(self._outlets.of_limited_book(known, levels))

    async def _read(self, fanout: Fanout[Stream, T]) -> AsyncGenerator[T, None]:
        self._require_not_closed()
        reader = fanout.join()
        try:
            async with self._ending_quietly(), self._lease(fanout.stream):
                async for item in reader:
                    yield item
        finally:
            fanout.leave(reader)

    # ---- what happens ----------------------------------------------------------------------------------------------

    def on_event(self, handler: EventHandler) -> Callable[[], None]:
        return self._listeners.add(handler)

    def health(self) -> ExchangeHealth:
        return ExchangeHealth(
            exchange=self.exchange,
            connections=self._websocket.health(),
            books=self._keepers.health(),
            streams=self._outlets.health(),
            handler_errors=self._listeners.errors,
        )

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _symbol(self, symbol: str) -> Symbol:
        self._require_not_closed()
        return self._rest.instruments.symbol(symbol)

    def _perpetual(self, symbol: str, operation: str) -> Symbol:
        known = self._symbol(symbol)
        if known.market_type is not MarketType.FUTURES:
            raise not_offered(self.exchange, f"funding rates of {known}, which is no perpetual", operation=operation)
        return known

    def _require_not_closed(self) -> None:
        if self._is_closed:
            raise ExchangeConnectionException(
                f"{self.exchange} was closed; make another one", self.exchange, operation="open", retryable=False
            )

    @asynccontextmanager
    async def _lease(self, stream: Stream) -> AsyncGenerator[None, None]:
        await self._leases.acquire(stream)
        try:
            self._require_not_closed()
            yield
        finally:
            self._leases.release(stream)

    @asynccontextmanager
    async def _ending_quietly(self) -> AsyncGenerator[None, None]:
        """An iterator that was still being set up when the exchange was closed ends like any other."""
        try:
            yield
        except ExchangeConnectionException:
            if not self._is_closed:
                raise

    async def _open_stream(self, stream: Stream) -> None:
        if stream.channel is not Channel.BOOK:
            await self._websocket.subscribe((stream,))
            return
        symbol = stream.symbol
        keeper = self._keepers.add(symbol)  # before the request, because updates may come before its answer
        try:
            await self._websocket.subscribe((stream,))
        except BaseException:
            self._keepers.remove(symbol, "could not be subscribed")
            raise
        keeper.start()

    async def _close_stream(self, stream: Stream) -> None:
        if stream.channel is Channel.BOOK:
            self._keepers.remove(stream.symbol)
        self._outlets.interrupted((stream,))
        await self._websocket.unsubscribe((stream,))

    async def _resubscribe(self, symbol: Symbol) -> None:
        stream = Stream(Channel.BOOK, symbol)
        await self._websocket.unsubscribe((stream,))
        await self._websocket.subscribe((stream,))

    async def _fetch_snapshot(self, symbol: Symbol, depth: int) -> BookSnapshot:
        return await self._rest.order_book_snapshot(symbol, depth, resync=True)

    def _on_event(self, event: ExchangeEvent) -> None:
        match event:
            case Interrupted(streams=streams, reason=reason):
                books = [symbol for channel, symbol, _ in streams if channel is Channel.BOOK]
                self._keepers.interrupt(books, f"the connection was lost: {reason}")
                self._outlets.interrupted(streams)
            case Recovered(streams=streams):
                self._keepers.resume(symbol for channel, symbol, _ in streams if channel is Channel.BOOK)
            case Refused(channel=Channel.BOOK, symbol=symbol, message=message):
                self._keepers.interrupt((symbol,), f"the subscription was refused: {message}")
            case Refused(channel=channel, symbol=symbol, detail=detail):
                self._outlets.interrupted((Stream(channel, symbol, detail),))
        self._listeners.tell(event)

    def _on_overflow(self, stream: Stream, dropped: int, resumed: bool) -> None:
        channel, symbol, detail = stream
        facts = {"exchange": self.exchange, "symbol": str(symbol), "channel": str(channel), "dropped": dropped}
        logger.warning("a reader is too slow, items were given up", extra={**facts, "detail": detail})
        self._listeners.tell(
            Overflow(
                exchange=self.exchange,
                at_ns=self._clock.time_ns(),
                channel=channel,
                symbol=symbol,
                dropped=dropped,
                resumed=resumed,
                detail=detail,
            )
        )
