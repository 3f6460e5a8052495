"""Private streams of one endpoint, and one client out of several: the account's counterpart of ``client``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, Unpack

from cex.common.clock import SYSTEM_CLOCK
from cex.common.enums import MarketType
from cex.common.exceptions import ExchangeException
from cex.exchanges.base import interfaces
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import (
    BasePrivateWebSocketClient,
    ConnectionHealth,
    OrderEntry,
    PrivateChannel,
    PrivateHandlers,
    PrivateStream,
)
from cex.exchanges.base.offers import not_offered
from cex.exchanges.base.streams.client import EngineOptions
from cex.exchanges.base.streams.kept_alive import KeyedTransport
from cex.networking.websocket import events
from cex.networking.websocket.dialect import Dialect, Subscription

if TYPE_CHECKING:
    from cex.networking import WebSocketClient

__all__ = ["ChannelPrivateWebSocketClient", "MakePrivateDialect", "MarketsPrivateWebSocketClient", "PrivateDialect"]


class PrivateDialect(Dialect, Protocol):
    """A dialect that can also say how a private stream of ours is called in its exchange's words.

    ``subscription`` raises ``NotOfferedException`` for a stream that the exchange does not have.
    """

    def subscription(self, stream: PrivateStream) -> Subscription: ...


MakePrivateDialect = Callable[[InstrumentCatalogue, PrivateHandlers], PrivateDialect]


class ChannelPrivateWebSocketClient(BasePrivateWebSocketClient):
    """Private streams of one endpoint. An exchange says what is particular: its channels and its dialect.

    ``make_dialect`` is called once, by :meth:`attach`. ``channels`` are what each market has. Where ``transport`` is a
    ``KeyedTransport``, it is closed with this client; ``orders`` is too.
    """

    def __init__(
        self,
        exchange: str,
        account: str,
        channels: Mapping[MarketType, Sequence[PrivateChannel]],
        make_dialect: MakePrivateDialect,
        *,
        orders: OrderEntry | None = None,
        **engine: Unpack[EngineOptions],
    ) -> None:
        self.exchange = exchange
        self.account = account
        self.orders = orders
        self._channels = {market: tuple(offered) for market, offered in channels.items()}
        self._make_dialect = make_dialect
        self._engine = engine
        self._clock = engine.get("clock", SYSTEM_CLOCK)
        transport = engine.get("transport")
        self._keyed = transport if isinstance(transport, KeyedTransport) else None
        self._streams: dict[Subscription, PrivateStream] = {}
        self._attached: tuple[PrivateDialect, PrivateHandlers, WebSocketClient] | None = None

    def offers(self, market: MarketType) -> tuple[PrivateChannel, ...]:
        return self._channels.get(market, ())

    def attach(self, instruments: InstrumentCatalogue, handlers: PrivateHandlers) -> None:
        from cex.networking import WebSocketClient

        if self._attached is not None:
            raise ExchangeException(
                "this websocket client delivers to somebody already; make another one", self.exchange, operation="open"
            )
        dialect = self._make_dialect(instruments, handlers)
        self._attached = dialect, handlers, WebSocketClient(dialect, on_event=self._on_event, **self._engine)

    async def subscribe(self, streams: Sequence[PrivateStream]) -> None:
        dialect, _, client = self._require_attached()
        for stream in streams:
            if stream.channel not in self.offers(stream.market):
                raise not_offered(
                    self.exchange,
                    f"a private stream of {stream.channel} of {stream.market}",
                    self.offers(stream.market),
                    operation="subscribe",
                )
        asked = {dialect.subscription(stream): stream for stream in streams}
        self._streams.update(asked)
        await client.subscribe(tuple(asked))

    async def unsubscribe(self, streams: Sequence[PrivateStream]) -> None:
        _, _, client = self._require_attached()
        ended = [subscription for subscription, stream in self._streams.items() if stream in streams]
        for subscription in ended:
            del self._streams[subscription]
        await client.unsubscribe(ended)

    def last_heard_ns(self, stream: PrivateStream) -> int | None:
        if self._attached is None:
            return None
        dialect, _, client = self._attached
        return client.last_heard_ns(dialect.subscription(stream))

    async def verify(self) -> None:
        if self._keyed is not None:
            await self._keyed.verify()

    def health(self) -> tuple[ConnectionHealth, ...]:
        return () if self._attached is None else self._attached[2].health()

    async def aclose(self) -> None:
        if self._attached is not None:
            await self._attached[2].aclose()
        if self._keyed is not None:
            await self._keyed.aclose()
        if self.orders is not None:
            await self.orders.aclose()

    def _require_attached(self) -> tuple[PrivateDialect, PrivateHandlers, WebSocketClient]:
        if self._attached is None:
            raise ExchangeException(
                "this websocket client is not attached: open the exchange first, or call attach()",
                self.exchange,
                operation="subscribe",
            )
        return self._attached

    def _on_event(self, event: events.StreamEvent) -> None:
        _, handlers, _ = self._require_attached()
        told = self._in_our_words(event)
        if told is not None:
            handlers.on_event(told)

    def _in_our_words(self, event: events.StreamEvent) -> interfaces.ExchangeEvent | None:
        exchange, account, at_ns, number = self.exchange, self.account, self._clock.time_ns(), event.connection
        match event:
            case events.Connected(url=url):
                return interfaces.Connected(exchange=exchange, at_ns=at_ns, connection=number, url=url)
            case events.Interrupted(subscriptions=subscriptions, reason=reason, heard_ns=heard_ns):
                return interfaces.PrivateInterrupted(
                    exchange=exchange,
                    account=account,
                    at_ns=at_ns,
                    connection=number,
                    streams=self._known(subscriptions),
                    reason=reason,
                    heard_ns=heard_ns,
                )
            case events.Recovered(subscriptions=subscriptions):
                return interfaces.PrivateResubscribed(
                    exchange=exchange,
                    account=account,
                    at_ns=at_ns,
                    connection=number,
                    streams=self._known(subscriptions),
                )
            case events.SubscriptionRefused(subscription=subscription, code=code, message=message):
                if subscription not in self._streams:
                    return None
                return interfaces.PrivateRefused(
                    exchange=exchange,
                    account=account,
                    at_ns=at_ns,
                    stream=self._streams[subscription],
                    code=code,
                    message=message,
                )
            case events.Undecodable(error=error):
                return interfaces.Undecodable(exchange=exchange, at_ns=at_ns, connection=number, error=error)
            case events.FrameFault():
                return None  # a defect of ours; the engine has logged and counted it

    def _known(self, subscriptions: Sequence[Subscription]) -> tuple[PrivateStream, ...]:
        return tuple(self._streams[subscription] for subscription in subscriptions if subscription in self._streams)


class MarketsPrivateWebSocketClient(BasePrivateWebSocketClient):
    """Sends each stream to the client of its market; all deliver to the same handlers, and are closed with this one.

    ``orders`` is the order entry of the whole account, closed with this client too.
    """

    def __init__(
        self,
        exchange: str,
        account: str,
        clients: Mapping[MarketType, BasePrivateWebSocketClient],
        orders: OrderEntry | None = None,
    ) -> None:
        self.exchange = exchange
        self.account = account
        self.clients = dict(clients)
        self.orders = orders

    def offers(self, market: MarketType) -> tuple[PrivateChannel, ...]:
        return self.clients[market].offers(market) if market in self.clients else ()

    def attach(self, instruments: InstrumentCatalogue, handlers: PrivateHandlers) -> None:
        for client in self.clients.values():
            client.attach(instruments, handlers)

    async def subscribe(self, streams: Sequence[PrivateStream]) -> None:
        """As told by the interface; of several clients that raise, the first error is raised when all have ended."""
        parts = self._parts(streams)
        results = await asyncio.gather(
            *(client.subscribe(part) for client, part in parts), return_exceptions=len(parts) > 1
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def unsubscribe(self, streams: Sequence[PrivateStream]) -> None:
        for client, part in self._parts(streams):
            await client.unsubscribe(part)

    def last_heard_ns(self, stream: PrivateStream) -> int | None:
        return self._client(stream.market).last_heard_ns(stream)

    async def verify(self) -> None:
        for client in self.clients.values():
            await client.verify()

    def health(self) -> tuple[ConnectionHealth, ...]:
        return tuple(health for client in self.clients.values() for health in client.health())

    async def aclose(self) -> None:
        ending = [client.aclose() for client in self.clients.values()]
        if self.orders is not None:
            ending.append(self.orders.aclose())
        await asyncio.gather(*ending)

    def _client(self, market: MarketType) -> BasePrivateWebSocketClient:
        client = self.clients.get(market)
        if client is None:
            raise not_offered(
                self.exchange, f"private streams of {market} markets", tuple(self.clients), operation="subscribe"
            )
        return client

    def _parts(self, streams: Sequence[PrivateStream]) -> list[tuple[BasePrivateWebSocketClient, list[PrivateStream]]]:
        parts: dict[MarketType, list[PrivateStream]] = {}
        for stream in streams:
            self._client(stream.market)
            parts.setdefault(stream.market, []).append(stream)
        return [(self.clients[market], part) for market, part in parts.items()]
