"""One websocket client out of several: an exchange that keeps an endpoint for each market needs one for each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from cex.common.enums import KlineInterval, MarketType
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import BaseWebSocketClient, BookFacts, ConnectionHealth, Stream, StreamHandlers
from cex.exchanges.base.offers import not_offered

__all__ = ["MarketsWebSocketClient"]


class MarketsWebSocketClient(BaseWebSocketClient):
    """Sends each stream to the client of its symbol's market; all of them deliver to the same handlers.

    The clients are owned: closing this one closes them.
    """

    def __init__(self, exchange: str, clients: Mapping[MarketType, BaseWebSocketClient]) -> None:
        self.exchange = exchange
        self.clients = dict(clients)
        self.flags_closed_klines = all(client.flags_closed_klines for client in self.clients.values())

    def book_facts(self, symbol: Symbol) -> BookFacts:
        return self._client(symbol).book_facts(symbol)

    def intervals(self, market: MarketType) -> tuple[KlineInterval, ...]:
        return self.clients[market].intervals(market) if market in self.clients else ()

    def limited_levels(self, market: MarketType) -> tuple[int, ...]:
        return self.clients[market].limited_levels(market) if market in self.clients else ()

    def attach(self, instruments: InstrumentCatalogue, handlers: StreamHandlers) -> None:
        for client in self.clients.values():
            client.attach(instruments, handlers)

    async def subscribe(self, streams: Sequence[Stream]) -> None:
        """As told by the interface; of several clients that raise, the first error is raised when all have ended."""
        parts = self._parts(streams)
        results = await asyncio.gather(
            *(client.subscribe(part) for client, part in parts), return_exceptions=len(parts) > 1
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def unsubscribe(self, streams: Sequence[Stream]) -> None:
        for client, part in self._parts(streams):
            await client.unsubscribe(part)

    def last_heard_ns(self, stream: Stream) -> int | None:
        return self._client(stream.symbol).last_heard_ns(stream)

    def health(self) -> tuple[ConnectionHealth, ...]:
        return tuple(health for client in self.clients.values() for health in client.health())

    async def aclose(self) -> None:
        await asyncio.gather(*(client.aclose() for client in self.clients.values()))

    def _client(self, symbol: Symbol) -> BaseWebSocketClient:
        client = self.clients.get(symbol.market_type)
        if client is None:
            raise not_offered(
                self.exchange, f"streams of {symbol.market_type} markets", tuple(self.clients), operation="subscribe"
            )
        return client

    def _parts(self, streams: Sequence[Stream]) -> list[tuple[BaseWebSocketClient, list[Stream]]]:
        parts: dict[MarketType, list[Stream]] = {}
        for stream in streams:
            self._client(stream.symbol)
            parts.setdefault(stream.symbol.market_type, []).append(stream)
        return [(self.clients[market], part) for market, part in parts.items()]
