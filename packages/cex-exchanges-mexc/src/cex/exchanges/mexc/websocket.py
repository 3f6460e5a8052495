"""MEXC's spot stream: how to ask, how to stay alive, and what a frame means.

https://www.mexc.com/api-docs/spot-v3/websocket-market-streams. Control messages are text frames, pushes binary ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Unpack

from cex.common.exceptions import ConfigurationException
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import websocket_options, websocket_transport
from cex.exchanges.base.interfaces import BookFacts, Channel, StreamHandlers
from cex.exchanges.base.streams.client import ChannelWebSocketClient, EngineOptions
from cex.exchanges.mexc.constants import (
    BOOK_TICKER_CHANNEL,
    DEFAULT_DEPTH,
    DEFAULT_INTERVAL,
    DEPTH_CHANNEL,
    EXCHANGE,
    INTERVALS,
    MAX_CONNECTION_AGE_S,
    MAX_DEPTH,
    MAX_NAMES_BYTES,
    MAX_SUBSCRIPTIONS,
    PING_INTERVAL_S,
    PING_TEXT,
    PROFILES,
    SILENCE_TIMEOUT_S,
    TRADES_CHANNEL,
)
from cex.exchanges.mexc.decode import book_delta, book_ticker, trades, undecodable
from cex.exchanges.mexc.wire.control import control_request, decode_control
from cex.networking.websocket.dialect import Acknowledged, Control, Outbound, Pong, Refused, Subscription

if TYPE_CHECKING:
    from cex.exchanges.mexc.config import MexcConfig
    from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper
    from cex.networking import Tap

__all__ = ["MexcSpotDialect", "MexcWebSocketClient"]

_CHANNELS = {
    Channel.BOOK: DEPTH_CHANNEL,
    Channel.TRADES: TRADES_CHANNEL,
    Channel.BOOK_TICKER: BOOK_TICKER_CHANNEL,
}


class MexcSpotDialect:
    """MEXC's spot WebSocket, public channels; holds no connection state.

    An answer names what it accepts and what it refuses, both with code 0; one answer can do both. An acknowledgement
    is no proof that pushes come: a book becomes LIVE by a snapshot that fits the stream, and stays so by its versions.
    """

    exchange = EXCHANGE
    max_subscriptions = MAX_SUBSCRIPTIONS
    ping_interval = PING_INTERVAL_S
    silence_timeout = SILENCE_TIMEOUT_S

    def __init__(
        self,
        url: str,
        instruments: InstrumentCatalogue,
        handlers: StreamHandlers,
        *,
        book_interval: str = DEFAULT_INTERVAL,
    ) -> None:
        from cex.exchanges.mexc.wire.push import parse_push

        self.url = url
        self._instruments = instruments
        self._intervals = {Channel.BOOK: book_interval}
        self._parse = parse_push
        self._handlers = handlers
        self._deliver: dict[str, Callable[[PushDataV3ApiWrapper, Symbol, int], None]] = {
            DEPTH_CHANNEL: self._on_depth,
            TRADES_CHANNEL: self._on_deals,
            BOOK_TICKER_CHANNEL: self._on_book_ticker,
        }

    def subscription(self, channel: Channel, symbol: Symbol) -> Subscription:
        """The exchange's name of a stream of ours; raises UnknownSymbolException."""
        interval = self._intervals.get(channel, DEFAULT_INTERVAL)
        return Subscription(f"{_CHANNELS[channel]}@{interval}@{self._instruments.native(symbol)}")

    def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return _requests("SUBSCRIPTION", subscriptions, request_ids)

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return _requests("UNSUBSCRIPTION", subscriptions, request_ids)

    def ping(self) -> str:
        return PING_TEXT

    def on_frame(self, data: bytes | str, received_ns: int) -> Control | None:
        if isinstance(data, str):
            return _verdict(data)
        push = self._parse(data)
        stream, _, rest = push.channel.rpartition("@")
        deliver = self._deliver.get(stream.rpartition("@")[0])
        if deliver is None:
            return None  # a channel that nobody here reads
        symbol = self._instruments.by_native(rest)
        if symbol is None:
            raise undecodable(
                push.channel[:100], data[:128].hex(), f"symbol {rest[:64]!r} is not in the exchange's list"
            )
        deliver(push, symbol, received_ns)
        return None

    def _on_depth(self, push: PushDataV3ApiWrapper, symbol: Symbol, received_ns: int) -> None:
        self._handlers.on_book_delta(book_delta(push, symbol, received_ns))

    def _on_deals(self, push: PushDataV3ApiWrapper, symbol: Symbol, received_ns: int) -> None:
        for trade in trades(push, symbol, received_ns):
            self._handlers.on_trade(trade)

    def _on_book_ticker(self, push: PushDataV3ApiWrapper, symbol: Symbol, received_ns: int) -> None:
        self._handlers.on_book_ticker(book_ticker(push, symbol, received_ns))


class MexcWebSocketClient(ChannelWebSocketClient):
    """Public spot streams of MEXC over one endpoint.

    ``book_interval`` is ``"100ms"`` or ``"10ms"``, ``book_depth`` the levels a side of the snapshot that seeds a book:
    the stream tells changes only, so what lies beyond them is not known. ``engine`` are the options of
    ``cex.networking.WebSocketClient``.
    """

    def __init__(
        self,
        url: str = PROFILES["live"]["ws"],
        *,
        book_interval: str = DEFAULT_INTERVAL,
        book_depth: int = DEFAULT_DEPTH,
        **engine: Unpack[EngineOptions],
    ) -> None:
        if book_interval not in INTERVALS:
            raise ConfigurationException(
                f"{EXCHANGE} pushes books every {' or '.join(INTERVALS)}, not {book_interval!r}"
            )
        if not 1 <= book_depth <= MAX_DEPTH:
            raise ConfigurationException(f"{EXCHANGE} gives 1 to {MAX_DEPTH} levels a side, not {book_depth}")
        self.url = url
        self.book_interval = book_interval
        engine.setdefault("max_age", MAX_CONNECTION_AGE_S)
        engine.setdefault("cumulative", True)
        super().__init__(
            EXCHANGE,
            BookFacts(window=None, windowed_stream=False, snapshot_depth=book_depth),
            self._new_dialect,
            **engine,
        )

    @classmethod
    def from_config(cls, config: MexcConfig, *, tap: Tap | None = None) -> MexcWebSocketClient:
        return cls(
            config.endpoint("ws"),
            book_interval=config.book_interval,
            book_depth=config.book_depth,
            transport=websocket_transport(config),
            tap=tap,
            **websocket_options(config),
        )

    def _new_dialect(self, instruments: InstrumentCatalogue, handlers: StreamHandlers) -> MexcSpotDialect:
        return MexcSpotDialect(self.url, instruments, handlers, book_interval=self.book_interval)


def _verdict(text: str) -> Control | None:
    answer = decode_control(text)
    if answer.pong:
        return Pong()
    accepted = Acknowledged(answer.request_id, None, _named(answer.accepted)) if answer.accepted else None
    if not answer.error:
        return accepted
    refused = Refused(answer.request_id, None, _named(answer.refused) or None, answer.code, answer.error)
    return refused if accepted is None else (accepted, refused)


def _named(channels: Sequence[str]) -> tuple[Subscription, ...]:
    return tuple(map(Subscription, channels))


def _requests(method: str, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> list[Outbound]:
    requests = []
    for part in _parts(subscriptions):
        request_id = next(request_ids)
        text = control_request(method, [subscription.channel for subscription in part], request_id)
        requests.append(Outbound(text, part, request_id))
    return requests


def _parts(subscriptions: Sequence[Subscription]) -> Iterator[tuple[Subscription, ...]]:
    part: list[Subscription] = []
    size = 0
    for subscription in subscriptions:
        length = len(f'"{subscription.channel}",'.encode())
        if part and size + length > MAX_NAMES_BYTES:
            yield tuple(part)
            part, size = [], 0
        part.append(subscription)
        size += length
    if part:
        yield tuple(part)
