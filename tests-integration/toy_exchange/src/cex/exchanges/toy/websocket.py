"""Toy's stream: how to ask, how to stay alive, and what a frame means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Unpack

import msgspec

from cex.common.enums import MarketType
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import websocket_options, websocket_transport
from cex.exchanges.base.interfaces import BookFacts, Channel, Stream, StreamHandlers
from cex.exchanges.base.offers import not_offered
from cex.exchanges.base.streams.client import ChannelWebSocketClient, EngineOptions
from cex.exchanges.toy.constants import (
    BOOK_LEVELS,
    EXCHANGE,
    PING_INTERVAL_S,
    PROFILES,
    SILENCE_TIMEOUT_S,
    STREAMS_A_CONNECTION,
)
from cex.exchanges.toy.decode import NOT_DECODABLE, book_delta, book_ticker, parse, trade, undecodable
from cex.exchanges.toy.wire import BookPush, TradePush, control_decoder, push_decoder
from cex.networking.websocket.dialect import Acknowledged, Control, Outbound, Pong, Refused, Subscription

if TYPE_CHECKING:
    from cex.exchanges.toy.config import ToyConfig
    from cex.networking import Tap

__all__ = ["ToyDialect", "ToyWebSocketClient"]

_STREAMS = {Channel.BOOK: "book", Channel.TRADES: "trade", Channel.BOOK_TICKER: "ticker"}
_PUSHED = frozenset(_STREAMS.values())


class ToyDialect:
    """Toy's stream; holds no connection state.

    One request asks for any number of streams and is answered by its id. One endpoint serves spot and perpetuals, whose
    names differ.
    """

    exchange = EXCHANGE
    max_subscriptions = STREAMS_A_CONNECTION
    ping_interval = PING_INTERVAL_S
    silence_timeout = SILENCE_TIMEOUT_S

    def __init__(self, url: str, instruments: InstrumentCatalogue, handlers: StreamHandlers) -> None:
        self.url = url
        self._instruments = instruments
        self._handlers = handlers

    def subscription(self, stream: Stream) -> Subscription:
        """The exchange's name of a stream of ours; raises UnknownSymbolException, NotOfferedException."""
        if stream.channel not in _STREAMS:
            raise not_offered(EXCHANGE, f"streams of {stream.channel}", operation="subscribe")
        return Subscription(_STREAMS[stream.channel], (self._instruments.native(stream.symbol),))

    def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return [_request("subscribe", subscriptions, next(request_ids))]

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return [_request("unsubscribe", subscriptions, next(request_ids))]

    def ping(self) -> str:
        return '{"op":"ping"}'

    def on_frame(self, data: bytes | str, received_ns: int) -> Control | None:
        try:
            push = push_decoder.decode(data)
        except NOT_DECODABLE as error:
            return self._on_control(data, error)
        native = self._instruments.by_native
        symbol = native(push.name) or native(push.name, MarketType.FUTURES)
        if symbol is None:
            raise undecodable("websocket", data, f"{push.name[:64]!r} is not in the exchange's list")
        listed = self._instruments[symbol]
        if isinstance(push, BookPush):
            self._handlers.on_book_delta(book_delta(push, listed, received_ns))
        elif isinstance(push, TradePush):
            self._handlers.on_trade(trade(push, listed, received_ns))
        else:
            self._handlers.on_book_ticker(book_ticker(push, listed, received_ns))
        return None

    def _on_control(self, data: bytes | str, why_no_push: Exception) -> Control | None:
        frame = parse(control_decoder, data, "websocket")
        if frame.op in _PUSHED:
            raise undecodable(frame.op, data, why_no_push) from why_no_push
        if frame.op == "done":
            return Acknowledged(frame.id)
        if frame.op == "refused":
            streams = tuple(Subscription(*_parts(stream)) for stream in frame.streams or ()) or None
            return Refused(frame.id, None, streams, frame.code, frame.message)
        return Pong() if frame.op == "pong" else None


class ToyWebSocketClient(ChannelWebSocketClient):
    """Public streams of Toy over one endpoint.

    ``engine`` are the options of ``cex.networking.WebSocketClient``.
    """

    def __init__(self, url: str = PROFILES["live"]["ws"], **engine: Unpack[EngineOptions]) -> None:
        self.url = url
        facts = BookFacts(window=BOOK_LEVELS, windowed_stream=True, snapshot_depth=BOOK_LEVELS)
        super().__init__(EXCHANGE, facts, self._new_dialect, **engine)

    @classmethod
    def from_config(cls, config: ToyConfig, *, tap: Tap | None = None) -> ToyWebSocketClient:
        return cls(config.endpoint("ws"), transport=websocket_transport(config), tap=tap, **websocket_options(config))

    def _new_dialect(self, instruments: InstrumentCatalogue, handlers: StreamHandlers) -> ToyDialect:
        return ToyDialect(self.url, instruments, handlers)


def _request(op: str, subscriptions: Sequence[Subscription], request_id: int) -> Outbound:
    streams = [":".join((subscription.channel, *subscription.params)) for subscription in subscriptions]
    text = msgspec.json.encode({"op": op, "id": request_id, "streams": streams}).decode()
    return Outbound(text, tuple(subscriptions), request_id)


def _parts(stream: str) -> tuple[str, tuple[str, ...]]:
    channel, _, name = stream.partition(":")
    return channel, (name,)
