"""The two halves of an exchange: a REST client, and a websocket client that hands on what it decoded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces.events import Channel, EventHandler
from cex.exchanges.base.interfaces.health import ConnectionHealth

__all__ = ["BaseRestClient", "BaseWebSocketClient", "BookFacts", "StreamHandlers"]


@dataclass(frozen=True, slots=True)
class BookFacts:
    """What an exchange states about its book stream.

    ``window``: levels a side that are kept (None: all). ``windowed_stream``: the exchange itself keeps such a window
    and pushes a level that enters it. ``snapshot_depth``: levels to ask for in the snapshot that seeds the book.
    """

    window: int | None
    windowed_stream: bool
    snapshot_depth: int


@dataclass(frozen=True, slots=True)
class StreamHandlers:
    """Where a websocket client delivers what it decoded; every one is called synchronously, in the order of arrival."""

    on_book_delta: Callable[[BookDelta], None]
    on_trade: Callable[[Trade], None]
    on_book_ticker: Callable[[BookTicker], None]
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


class BaseWebSocketClient(ABC):
    """An exchange's public streams over as many connections as its endpoints and caps ask for."""

    exchange: str
    book_facts: BookFacts

    @abstractmethod
    def attach(self, instruments: InstrumentCatalogue, handlers: StreamHandlers) -> None:
        """Say how symbols are named and where everything goes; once, before the first subscription."""

    @abstractmethod
    async def subscribe(self, channel: Channel, symbols: Sequence[Symbol]) -> None:
        """Return when the exchange has acknowledged all.

        Raises:
            ExchangeRejectedException: names the refused ones; the others run.
            ExchangeConnectionException: no acknowledgement came in time.
        """

    @abstractmethod
    async def unsubscribe(self, channel: Channel, symbols: Sequence[Symbol]) -> None:
        """End these streams; symbols that are not subscribed are ignored."""

    @abstractmethod
    def last_heard_ns(self, channel: Channel, symbol: Symbol) -> int | None:
        """Monotonic nanoseconds of the last inbound frame (data or pong) of the connection that carries this stream."""

    @abstractmethod
    def health(self) -> tuple[ConnectionHealth, ...]:
        """Figures per connection."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close every connection; ends within a second and leaves no task."""
