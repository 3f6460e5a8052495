"""An exchange as its users hold it: one object a role, made of clients and books."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping
from types import TracebackType
from typing import Self

from cex.common.book.order_book import BookView, OrderBook
from cex.common.constants.network_constants import BOOK_FRESH_S
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookSnapshot, BookTicker, Trade
from cex.exchanges.base.interfaces.events import EventHandler
from cex.exchanges.base.interfaces.health import ExchangeHealth

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
    """Everything that needs no account; ``async with`` opens it and closes what it opened."""

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
    def is_fresh(self, symbol: str, max_age: float = BOOK_FRESH_S) -> bool:
        """Whether the book is LIVE and its connection was heard from within ``max_age`` seconds (data or pong).

        Judged by receipt on the monotonic clock: a pair that is merely quiet stays fresh.
        """
