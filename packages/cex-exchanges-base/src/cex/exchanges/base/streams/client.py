"""A websocket client for market data: networking's engine below, an exchange's dialect in it, our channels above."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypedDict, Unpack

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.exceptions import ExchangeException
from cex.common.types.symbols import Symbol
from cex.exchanges.base import interfaces
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import BaseWebSocketClient, BookFacts, ConnectionHealth, Stream, StreamHandlers
from cex.networking.websocket import events
from cex.networking.websocket.dialect import Dialect, Subscription

if TYPE_CHECKING:
    from cex.networking import ConnectBudget, Metrics, ReconnectPolicy, Tap, WebSocketClient, WebSocketTransport

__all__ = ["ChannelWebSocketClient", "EngineOptions", "MakeDialect", "MarketDialect"]


class MarketDialect(Dialect, Protocol):
    """A dialect that can also say how a stream of ours is called in its exchange's words.

    ``subscription`` raises ``NotOfferedException`` for a stream that the exchange does not have, and
    ``UnknownSymbolException`` for a symbol that it does not list.
    """

    def subscription(self, stream: Stream) -> Subscription: ...


MakeDialect = Callable[[InstrumentCatalogue, StreamHandlers], MarketDialect]


class EngineOptions(TypedDict, total=False):
    """Keyword arguments that go to ``cex.networking.WebSocketClient`` as they are."""

    transport: WebSocketTransport | None
    headers: Mapping[str, str] | None
    reconnect: ReconnectPolicy | None
    budget: ConnectBudget | None
    tap: Tap | None
    clock: Clock
    rng: random.Random | None
    metrics: Metrics
    connect_timeout: float
    subscribe_timeout: float
    request_interval: float
    max_age: float | None
    cumulative: bool


class ChannelWebSocketClient(BaseWebSocketClient):
    """Public streams of one endpoint. An exchange says what is particular: its name, its book facts and its dialect.

    ``make_dialect`` is called once, by :meth:`attach`, with the catalogue and the handlers. An exchange with an
    endpoint for each market has one of these for each, behind a ``MarketsWebSocketClient``.
    """

    def __init__(
        self, exchange: str, book_facts: BookFacts, make_dialect: MakeDialect, **engine: Unpack[EngineOptions]
    ) -> None:
        self.exchange = exchange
        self._book_facts = book_facts
        self._make_dialect = make_dialect
        self._engine = engine
        self._clock = engine.get("clock", SYSTEM_CLOCK)
        self._streams: dict[Subscription, Stream] = {}
        self._attached: tuple[MarketDialect, StreamHandlers, WebSocketClient] | None = None

    def attach(self, instruments: InstrumentCatalogue, handlers: StreamHandlers) -> None:
        from cex.networking import WebSocketClient

        if self._attached is not None:
            raise ExchangeException(
                "this websocket client delivers to somebody already; make another one", self.exchange, operation="open"
            )
        dialect = self._make_dialect(instruments, handlers)
        self._attached = dialect, handlers, WebSocketClient(dialect, on_event=self._on_event, **self._engine)

    def book_facts(self, symbol: Symbol) -> BookFacts:
        return self._book_facts

    async def subscribe(self, streams: Sequence[Stream]) -> None:
        dialect, _, client = self._require_attached()
        asked = {dialect.subscription(stream): stream for stream in streams}
        self._streams.update(asked)
        await client.subscribe(tuple(asked))

    async def unsubscribe(self, streams: Sequence[Stream]) -> None:
        _, _, client = self._require_attached()
        ended = [subscription for subscription, stream in self._streams.items() if stream in streams]
        for subscription in ended:
            del self._streams[subscription]
        await client.unsubscribe(ended)

    def last_heard_ns(self, stream: Stream) -> int | None:
        if self._attached is None:
            return None
        dialect, _, client = self._attached
        return client.last_heard_ns(dialect.subscription(stream))

    def health(self) -> tuple[ConnectionHealth, ...]:
        return () if self._attached is None else self._attached[2].health()

    async def aclose(self) -> None:
        if self._attached is not None:
            await self._attached[2].aclose()

    def _require_attached(self) -> tuple[MarketDialect, StreamHandlers, WebSocketClient]:
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
        exchange, at_ns, connection = self.exchange, self._clock.time_ns(), event.connection
        match event:
            case events.Connected(url=url):
                return interfaces.Connected(exchange=exchange, at_ns=at_ns, connection=connection, url=url)
            case events.Interrupted(subscriptions=subscriptions, reason=reason):
                return interfaces.Interrupted(
                    exchange=exchange,
                    at_ns=at_ns,
                    connection=connection,
                    streams=self._known(subscriptions),
                    reason=reason,
                )
            case events.Recovered(subscriptions=subscriptions):
                return interfaces.Recovered(
                    exchange=exchange, at_ns=at_ns, connection=connection, streams=self._known(subscriptions)
                )
            case events.SubscriptionRefused(subscription=subscription, code=code, message=message):
                if subscription not in self._streams:
                    return None
                channel, symbol, detail = self._streams[subscription]
                return interfaces.Refused(
                    exchange=exchange,
                    at_ns=at_ns,
                    channel=channel,
                    symbol=symbol,
                    code=code,
                    message=message,
                    detail=detail,
                )
            case events.Undecodable(error=error):
                return interfaces.Undecodable(exchange=exchange, at_ns=at_ns, connection=connection, error=error)
            case events.FrameFault():
                return None  # a defect of ours; the engine has logged and counted it

    def _known(self, subscriptions: Sequence[Subscription]) -> tuple[Stream, ...]:
        return tuple(self._streams[subscription] for subscription in subscriptions if subscription in self._streams)
