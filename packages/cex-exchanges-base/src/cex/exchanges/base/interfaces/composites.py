"""An exchange as its users hold it: one object a role, made of clients and books."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping
from types import TracebackType
from typing import Self

from cex.common.book.order_book import BookView, OrderBook
from cex.common.constants.network_constants import BOOK_FRESH_S
from cex.common.enums import KlineInterval, MarketType
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookSnapshot, BookTicker, FundingRate, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces.events import Channel, EventHandler
from cex.exchanges.base.interfaces.health import ExchangeHealth
from cex.exchanges.base.klines import KlineProgress

__all__ = ["BaseComposite", "BookHandler", "PublicExchange"]

BookHandler = Callable[[OrderBook], None]
"""Called synchronously with a LIVE book after each change of it; one that raises harms no other."""


class BaseComposite(ABC):
    """What a whole exchange has in common in every role: open, tell, report, close."""

    exchange: str

    @abstractmethod
    async def open(self) -> None:
        """Load what is needed before anything else works; ``async with`` does it."""

    @abstractmethod
    def on_event(self, handler: EventHandler) -> Callable[[], None]:
        """Tell ``handler`` every event from now on; the returned function ends that."""

    @abstractmethod
    def health(self) -> ExchangeHealth:
        """Figures per connection, book and stream."""

    @abstractmethod
    async def aclose(self) -> None:
        """End everything within a second: iterators, books, connections, tasks. May be called again."""

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class PublicExchange(BaseComposite):
    """Everything that needs no account; ``async with`` opens it and closes what it opened.

    The market is told by the symbol: ``BTC/USDT`` is spot, ``BTC/USDT:USDT`` a perpetual. What an exchange does not
    have raises ``NotOfferedException``. An interval is a ``KlineInterval`` or its text; times are nanoseconds.
    """

    @property
    @abstractmethod
    def instruments(self) -> Mapping[str, Instrument]:
        """Trading rules by :class:`Symbol` or its text; an unlisted one raises ``UnknownSymbolException``."""

    @abstractmethod
    async def server_time(self) -> int:
        """The exchange's clock, nanoseconds since the epoch."""

    @abstractmethod
    async def order_book_snapshot(self, symbol: str, depth: int | None = None) -> BookSnapshot:
        """The best ``depth`` levels a side by REST (None: the exchange's usual depth)."""

    @abstractmethod
    async def recent_trades(self, symbol: str, limit: int = 100) -> list[Trade]:
        """The newest public trades by REST, oldest first."""

    @abstractmethod
    async def ticker(self, symbol: str) -> Ticker:
        """Rolling 24-hour statistics by REST; a perpetual's mark price, index price and funding rate are in it."""

    @abstractmethod
    async def all_tickers(self, market: MarketType | None = None) -> dict[Symbol, Ticker]:
        """The ticker of every listed symbol of ``market`` (None: of all markets of the exchange)."""

    @abstractmethod
    async def average_price(self, symbol: str) -> float:
        """The average price of the last minutes, as the exchange computes it."""

    @abstractmethod
    async def aggregated_trades(self, symbol: str, start_ts: int, end_ts: int) -> list[Trade]:
        """Public trades of [start_ts, end_ts), those of one taker order made one; oldest first."""

    @abstractmethod
    async def funding_rate(self, symbol: str) -> FundingRate:
        """The rate of a perpetual that is to be paid next, and when."""

    @abstractmethod
    async def funding_history(self, symbol: str, start_ts: int, end_ts: int) -> list[FundingRate]:
        """The rates of a perpetual that were paid in [start_ts, end_ts), oldest first."""

    @abstractmethod
    def intervals(self, market: MarketType = MarketType.SPOT) -> tuple[KlineInterval, ...]:
        """The candle widths of ``market`` that :meth:`klines` and :meth:`recent_klines` serve."""

    @abstractmethod
    def pushed_intervals(self, market: MarketType = MarketType.SPOT) -> tuple[KlineInterval, ...]:
        """The candle widths of ``market`` that :meth:`kline_updates` serves."""

    @abstractmethod
    def limited_levels(self, market: MarketType = MarketType.SPOT) -> tuple[int, ...]:
        """The numbers of levels a side that :meth:`limited_books` serves of ``market``."""

    @abstractmethod
    async def recent_klines(self, symbol: str, interval: KlineInterval | str, limit: int = 100) -> list[Kline]:
        """The newest candles by REST, ascending; the last one is the open one (``closed`` False)."""

    @abstractmethod
    def klines(
        self,
        symbol: str,
        interval: KlineInterval | str,
        start_ts: int,
        end_ts: int,
        *,
        on_progress: KlineProgress | None = None,
    ) -> AsyncGenerator[Kline, None]:
        """Every candle that opens in [start_ts, end_ts), ascending and each once, over as many pages as that takes.

        A candle in which nothing was traded is left out where the exchange leaves it out. A range that reaches into
        the present ends with the open candle. ``on_progress(done, expected)`` is told after each page.

        Raises:
            ValueError: no interval is called so, or the range ends before it begins.
            NotOfferedException: the exchange does not serve this interval; ``intervals`` names what it serves.
        """

    @abstractmethod
    async def subscribe_book(
        self, symbol: str, on_book: BookHandler | None = None, *, timeout: float | None = None
    ) -> OrderBook:
        """A proven book, kept true from now on; returns when it is LIVE.

        ``on_book(book)`` is called synchronously after each change while the book is LIVE. Calling again for the same
        symbol returns the same book and adds the handler. ``timeout`` is in seconds.

        Raises:
            UnknownSymbolException: the exchange does not list the symbol.
            ExchangeRejectedException: the exchange refused the stream or the snapshot.
            ExchangeConnectionException: the book did not become LIVE in time, or the exchange was closed meanwhile.
        """

    @abstractmethod
    async def unsubscribe_book(self, symbol: str) -> None:
        """End what :meth:`subscribe_book` began for this symbol; running ``books`` iterators go on."""

    @abstractmethod
    def books(self, symbol: str) -> AsyncGenerator[BookView, None]:
        """Immutable views of a book, conflated to the newest.

        The first comes when the book is LIVE; until then it raises like :meth:`subscribe_book`. A loss is told too, by
        a view with empty sides that says why.
        """

    @abstractmethod
    def book_tickers(self, symbol: str) -> AsyncGenerator[BookTicker, None]:
        """Best bid and ask as the exchange pushes them, conflated to the newest."""

    @abstractmethod
    def trades(self, symbol: str) -> AsyncGenerator[Trade, None]:
        """Public trades, never conflated; a reader that falls too far behind loses the oldest, told by ``Overflow``."""

    @abstractmethod
    def tickers(self, symbol: str) -> AsyncGenerator[Ticker, None]:
        """Rolling 24-hour statistics as the exchange pushes them, conflated to the newest."""

    @abstractmethod
    def kline_updates(self, symbol: str, interval: KlineInterval | str) -> AsyncGenerator[Kline, None]:
        """A candle as it grows, then the next.

        A reader that is behind gets the newest state of each candle, and never misses that a candle was closed: no
        state replaces a closed candle, and a reader that falls too far behind is told by ``Overflow``. Where the
        exchange does not say so itself, a candle is closed by the first push of the next one, as it was pushed last.
        What closes while the connection is lost (``Interrupted`` to ``Recovered``) is not in the stream; ``klines``
        has it.
        """

    @abstractmethod
    def limited_books(self, symbol: str, levels: int) -> AsyncGenerator[BookSnapshot, None]:
        """The best ``levels`` a side, pushed whole each time and conflated to the newest; there is nothing to prove."""

    @abstractmethod
    def is_fresh(
        self, symbol: str, max_age: float = BOOK_FRESH_S, *, channel: Channel = Channel.BOOK, detail: str = ""
    ) -> bool:
        """Whether a stream runs and its connection was heard from within ``max_age`` seconds (data or pong).

        Of a book it is asked too that it is LIVE. ``detail`` is the interval of candles or the levels of a limited
        book. Judged by receipt on the monotonic clock: a pair that is merely quiet stays fresh.
        """
