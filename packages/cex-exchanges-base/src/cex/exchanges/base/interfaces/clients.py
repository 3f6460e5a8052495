"""The two halves of an exchange: a REST client, and a websocket client that hands on what it decoded.

What every exchange has is abstract. What only some have is not: it raises ``NotOfferedException`` where an exchange
does not override it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from cex.common.enums import KlineInterval, MarketType
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, FundingRate, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces.events import EventHandler, Stream
from cex.exchanges.base.interfaces.health import ConnectionHealth
from cex.exchanges.base.klines import KlineProgress, page_klines
from cex.exchanges.base.offers import not_offered

__all__ = ["BaseRestClient", "BaseWebSocketClient", "BookFacts", "StreamHandlers"]


@dataclass(frozen=True, slots=True)
class BookFacts:
    """What an exchange states about the book stream of one market.

    ``window``: levels a side that are kept (None: all). ``windowed_stream``: the exchange itself keeps such a window
    and pushes a level that enters it. ``snapshot_depth``: levels to ask for in the snapshot that seeds the book.
    ``seeded_by_stream``: the first push of a subscription is the whole book (``BookDelta.full``); no snapshot is asked
    of REST, and a lost book is got back by subscribing anew.
    """

    window: int | None
    windowed_stream: bool
    snapshot_depth: int
    seeded_by_stream: bool = False


@dataclass(frozen=True, slots=True)
class StreamHandlers:
    """Where a websocket client delivers what it decoded; every one is called synchronously, in the order of arrival.

    ``on_limited_book`` takes a whole book whose ``limit`` is the number of levels of its stream (the ``detail`` of
    :class:`Stream`). ``on_ticker`` takes whole tickers: who gets changed fields only merges them first. ``on_kline``
    takes a candle as it stands, again and again.
    """

    on_book_delta: Callable[[BookDelta], None]
    on_trade: Callable[[Trade], None]
    on_book_ticker: Callable[[BookTicker], None]
    on_ticker: Callable[[Ticker], None]
    on_kline: Callable[[Kline], None]
    on_limited_book: Callable[[BookSnapshot], None]
    on_event: EventHandler


class BaseRestClient(ABC):
    """An exchange's public REST: one method an endpoint, typed answers, typed errors (``ExchangeException``)."""

    exchange: str
    instruments: InstrumentCatalogue
    """Filled by :meth:`load_instruments`, and shared with whoever translates symbols."""

    @abstractmethod
    async def load_instruments(self) -> InstrumentCatalogue:
        """Read the exchange's list into :attr:`instruments` and return it; call again to refresh."""

    @abstractmethod
    async def server_time(self) -> int:
        """The exchange's clock, nanoseconds since the epoch."""

    @abstractmethod
    async def order_book_snapshot(self, symbol: str, depth: int | None = None, *, resync: bool = False) -> BookSnapshot:
        """The best ``depth`` levels a side with the update id that they stand at.

        ``depth`` None takes the exchange's usual depth. ``resync`` marks a request that a book keeper makes: it waits
        behind everything else in the rate limiter.
        """

    @abstractmethod
    async def recent_trades(self, symbol: str, limit: int = 100) -> list[Trade]:
        """The newest public trades, oldest first."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close what this client opened."""

    # ---- tickers ---------------------------------------------------------------------------------------------------

    async def ticker(self, symbol: str) -> Ticker:
        """Rolling 24-hour statistics; mark price, index price and funding rate where the market has them."""
        raise not_offered(self.exchange, "tickers", operation="ticker")

    async def all_tickers(self, market: MarketType | None = None) -> dict[Symbol, Ticker]:
        """The ticker of every listed symbol of ``market`` (None: of all markets)."""
        raise not_offered(self.exchange, "tickers", operation="all_tickers")

    async def average_price(self, symbol: str) -> float:
        """The average price of the last minutes, as the exchange computes it."""
        raise not_offered(self.exchange, "average prices", operation="average_price")

    async def aggregated_trades(self, symbol: str, start_ts: int, end_ts: int) -> list[Trade]:
        """Public trades of [start_ts, end_ts) in nanoseconds, those of one taker order made one; oldest first."""
        raise not_offered(self.exchange, "aggregated trades", operation="aggregated_trades")

    # ---- candles ---------------------------------------------------------------------------------------------------

    kline_page: int = 0
    """Candles that one request of :meth:`klines_page` asks for at most; 0 where there are none."""

    def intervals(self, market: MarketType) -> tuple[KlineInterval, ...]:
        """The candle widths that REST serves of ``market``, ascending."""
        return ()

    async def recent_klines(self, symbol: str, interval: KlineInterval, limit: int = 100) -> list[Kline]:
        """The newest ``limit`` candles, ascending; the last one is the open one (``closed`` False)."""
        raise not_offered(self.exchange, "candles", operation="recent_klines")

    async def klines_page(self, symbol: str, interval: KlineInterval, start_ts: int, end_ts: int) -> list[Kline]:
        """One request: the candles that open in [start_ts, end_ts), in nanoseconds.

        The range never holds more than :attr:`kline_page` candles, and both ends are borders where the candles are
        shorter than a day. What the exchange adds beyond the range is left to the pager, which drops it.
        """
        raise not_offered(self.exchange, "candles", operation="klines")

    def klines(
        self,
        symbol: str,
        interval: KlineInterval,
        start_ts: int,
        end_ts: int,
        *,
        on_progress: KlineProgress | None = None,
    ) -> AsyncGenerator[Kline, None]:
        """Every candle that opens in [start_ts, end_ts), in nanoseconds; see :func:`cex.exchanges.base.klines`."""

        async def page(first_ts: int, until_ts: int) -> list[Kline]:
            return await self.klines_page(symbol, interval, first_ts, until_ts)

        return page_klines(
            page,
            interval,
            start_ts,
            end_ts,
            page_size=self.kline_page,
            exchange=self.exchange,
            on_progress=on_progress,
        )

    def require_interval(self, interval: KlineInterval, market: MarketType, operation: str = "klines") -> None:
        """Raise NotOfferedException, naming what there is, unless REST serves this interval of ``market``."""
        served = self.intervals(market)
        if interval not in served:
            raise not_offered(self.exchange, f"{interval} candles of {market} by REST", served, operation=operation)

    # ---- perpetuals ------------------------------------------------------------------------------------------------

    async def funding_rate(self, symbol: str) -> FundingRate:
        """The rate that is to be paid next, and when."""
        raise not_offered(self.exchange, "funding rates", operation="funding_rate")

    async def funding_history(self, symbol: str, start_ts: int, end_ts: int) -> list[FundingRate]:
        """The rates that were paid in [start_ts, end_ts), in nanoseconds, oldest first."""
        raise not_offered(self.exchange, "funding rates", operation="funding_history")


class BaseWebSocketClient(ABC):
    """An exchange's public streams over as many connections as its endpoints and caps ask for.

    Streams are told apart by our own names; which endpoint carries one follows from its symbol's market.
    """

    exchange: str
    flags_closed_klines: bool = True
    """Whether the exchange says of a candle that it is closed. Otherwise the next candle of the stream closes it."""

    @abstractmethod
    def book_facts(self, symbol: Symbol) -> BookFacts:
        """What holds for the book of this symbol."""

    def intervals(self, market: MarketType) -> tuple[KlineInterval, ...]:
        """The candle widths that are pushed of ``market``, ascending."""
        return ()

    def limited_levels(self, market: MarketType) -> tuple[int, ...]:
        """The numbers of levels a side in which limited books of ``market`` are pushed, ascending."""
        return ()

    @abstractmethod
    def attach(self, instruments: InstrumentCatalogue, handlers: StreamHandlers) -> None:
        """Say how symbols are named and where everything goes; once, before the first subscription."""

    @abstractmethod
    async def subscribe(self, streams: Sequence[Stream]) -> None:
        """Return when the exchange has acknowledged all.

        Raises:
            NotOfferedException: the exchange has no such stream; nothing was asked for.
            ExchangeRejectedException: names the refused ones; the others run.
            ExchangeConnectionException: no acknowledgement came in time.
        """

    @abstractmethod
    async def unsubscribe(self, streams: Sequence[Stream]) -> None:
        """End these streams; those that are not subscribed are ignored."""

    @abstractmethod
    def last_heard_ns(self, stream: Stream) -> int | None:
        """Monotonic nanoseconds of the last inbound frame (data or pong) of the connection that carries this stream."""

    @abstractmethod
    def health(self) -> tuple[ConnectionHealth, ...]:
        """Figures per connection."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close every connection; ends within a second and leaves no task."""
