"""Gate.io's spot stream: how to ask, how to stay alive, and what a frame means.

https://www.gate.com/docs/developers/apiv4/ws/en/ and, for acknowledgements, what is seen on the wire.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn, Unpack

import msgspec

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.exceptions import ConfigurationException, ExchangeDataException
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import websocket_options, websocket_transport
from cex.exchanges.base.interfaces import BookFacts, Channel, StreamHandlers
from cex.exchanges.base.streams.client import ChannelWebSocketClient, EngineOptions
from cex.exchanges.gateio.constants import (
    BOOK_CHANNEL,
    BOOK_LEVELS,
    BOOK_TICKER_CHANNEL,
    DEFAULT_BOOK_INTERVAL,
    EXCHANGE,
    PING_CHANNEL,
    PING_INTERVAL_S,
    PONG_CHANNEL,
    PROFILES,
    SILENCE_TIMEOUT_S,
    SYMBOLS_A_REQUEST,
    SYSTEM_CHANNEL,
    TRADES_CHANNEL,
)
from cex.exchanges.gateio.decode import NOT_DECODABLE, book_delta, book_ticker, parse, trade, undecodable
from cex.exchanges.gateio.wire import (
    BookPush,
    ControlFrame,
    TradePush,
    control_decoder,
    push_decoder,
    system_decoder,
)
from cex.networking.websocket.dialect import Acknowledged, Advice, Control, Outbound, Pong, Refused, Subscription

if TYPE_CHECKING:
    from cex.exchanges.gateio.config import GateioConfig
    from cex.networking import Tap

__all__ = ["GateioSpotDialect", "GateioWebSocketClient"]

_CHANNELS = {Channel.TRADES: TRADES_CHANNEL, Channel.BOOK_TICKER: BOOK_TICKER_CHANNEL}
_PUSHED = frozenset({BOOK_CHANNEL, TRADES_CHANNEL, BOOK_TICKER_CHANNEL})


class GateioSpotDialect:
    """Gate.io's spot WebSocket v4, public channels; holds no connection state.

    One unknown pair fails a whole request, and a book request takes one pair only; so books are asked for one by one,
    trades and book tickers together. An acknowledgement echoes our ``id``, or names its ``payload``, or (as in 2021)
    says neither and is then the answer to the oldest request of its channel.
    """

    exchange = EXCHANGE
    max_subscriptions = None
    ping_interval = PING_INTERVAL_S
    silence_timeout = SILENCE_TIMEOUT_S

    def __init__(
        self,
        url: str,
        instruments: InstrumentCatalogue,
        handlers: StreamHandlers,
        *,
        book_interval: str = DEFAULT_BOOK_INTERVAL,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.url = url
        self._instruments = instruments
        self._book_interval = book_interval
        self._clock = clock
        self._decode = push_decoder.decode
        self._listed = instruments.by_native
        self._on_book_delta = handlers.on_book_delta
        self._on_trade = handlers.on_trade
        self._on_book_ticker = handlers.on_book_ticker

    def subscription(self, channel: Channel, symbol: Symbol) -> Subscription:
        """The exchange's name of a stream of ours; raises UnknownSymbolException."""
        pair = self._instruments.native(symbol)
        if channel is Channel.BOOK:
            return Subscription(BOOK_CHANNEL, (pair, self._book_interval))
        return Subscription(_CHANNELS[channel], (pair,))

    def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return self._requests("subscribe", subscriptions, request_ids)

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return self._requests("unsubscribe", subscriptions, request_ids)

    def ping(self) -> str:
        return _text({"time": self._now(), "channel": PING_CHANNEL})

    def on_frame(self, data: bytes | str, received_ns: int) -> Control | None:
        try:
            push = self._decode(data)
        except NOT_DECODABLE as error:
            return self._on_control(data, error)
        if isinstance(push, BookPush):
            book = push.result
            symbol = self._listed(book.s) or _not_listed(book.s, data)
            self._on_book_delta(book_delta(book, symbol, received_ns))
        elif isinstance(push, TradePush):
            row = push.result
            symbol = self._listed(row.currency_pair) or _not_listed(row.currency_pair, data)
            self._on_trade(trade(row, symbol, received_ns))
        else:
            ticker = push.result
            symbol = self._listed(ticker.s) or _not_listed(ticker.s, data)
            self._on_book_ticker(book_ticker(ticker, symbol, received_ns))
        return None

    def _on_control(self, data: bytes | str, why_no_push: Exception) -> Control | None:
        frame = parse(control_decoder, data, "websocket")
        if frame.event == "subscribe":
            return _verdict(frame)
        if frame.channel == PONG_CHANNEL:
            return Pong()
        if frame.channel == SYSTEM_CHANNEL:
            notice = parse(system_decoder, bytes(frame.result), SYSTEM_CHANNEL)
            return Advice(notice.msg) if notice.type == "upgrade" else None
        if frame.channel in _PUSHED and frame.event == "update":
            raise undecodable(frame.channel, data, why_no_push) from why_no_push
        if frame.error is not None and frame.event != "unsubscribe":
            raise ExchangeDataException(
                f"{EXCHANGE} could not read what we sent: {frame.error.message}",
                EXCHANGE,
                channel=frame.channel or "websocket",
                payload=data,
                exchange_code=frame.error.code,
            )
        return None

    def _requests(
        self, event: str, subscriptions: Sequence[Subscription], request_ids: Iterator[int]
    ) -> list[Outbound]:
        by_channel: dict[str, list[Subscription]] = {}
        for subscription in subscriptions:
            by_channel.setdefault(subscription.channel, []).append(subscription)
        requests = []
        for channel, wanted in by_channel.items():
            together = 1 if channel == BOOK_CHANNEL else SYMBOLS_A_REQUEST
            for start in range(0, len(wanted), together):
                part = tuple(wanted[start : start + together])
                request_id = next(request_ids)
                request = {
                    "time": self._now(),
                    "id": request_id,
                    "channel": channel,
                    "event": event,
                    "payload": [parameter for subscription in part for parameter in subscription.params],
                }
                requests.append(Outbound(_text(request), part, request_id))
        return requests

    def _now(self) -> int:
        return self._clock.time_ns() // NANOSECONDS


class GateioWebSocketClient(ChannelWebSocketClient):
    """Public spot streams of Gate.io over one endpoint.

    ``book_interval`` is ``"100ms"`` (books of 100 levels a side) or ``"20ms"`` (20 levels); ``engine`` are the options
    of ``cex.networking.WebSocketClient``.
    """

    def __init__(
        self,
        url: str = PROFILES["live"]["ws_spot"],
        *,
        book_interval: str = DEFAULT_BOOK_INTERVAL,
        **engine: Unpack[EngineOptions],
    ) -> None:
        levels = BOOK_LEVELS.get(book_interval)
        if levels is None:
            raise ConfigurationException(
                f"{EXCHANGE} pushes books every {' or '.join(BOOK_LEVELS)}, not {book_interval!r}"
            )
        self.url = url
        self.book_interval = book_interval
        super().__init__(
            EXCHANGE,
            BookFacts(window=levels, windowed_stream=True, snapshot_depth=levels),
            self._new_dialect,
            **engine,
        )

    @classmethod
    def from_config(cls, config: GateioConfig, *, tap: Tap | None = None) -> GateioWebSocketClient:
        return cls(
            config.endpoint("ws_spot"),
            book_interval=config.book_interval,
            transport=websocket_transport(config),
            tap=tap,
            **websocket_options(config),
        )

    def _new_dialect(self, instruments: InstrumentCatalogue, handlers: StreamHandlers) -> GateioSpotDialect:
        return GateioSpotDialect(self.url, instruments, handlers, book_interval=self.book_interval, clock=self._clock)


def _not_listed(pair: str, data: bytes | str) -> NoReturn:
    raise undecodable("websocket", data, f"pair {pair[:64]!r} is not in the exchange's list")


def _verdict(frame: ControlFrame) -> Acknowledged | Refused:
    """What an answer to a subscription says; ``error`` alone decides, the wording of ``result`` changed over time."""
    request_id = frame.id if isinstance(frame.id, int) else None
    named = _named(frame) if request_id is None else None
    if frame.error is None:
        return Acknowledged(request_id, frame.channel, named)
    code = None if frame.error.code is None else str(frame.error.code)
    only = named if named is not None and len(named) == 1 else None  # of several, it is not said which one is meant
    return Refused(request_id, frame.channel, only, code, frame.error.message)


def _named(frame: ControlFrame) -> tuple[Subscription, ...] | None:
    payload = frame.payload
    if not isinstance(payload, list) or not payload or not all(isinstance(item, str) for item in payload):
        return None
    if frame.channel == BOOK_CHANNEL:
        return (Subscription(BOOK_CHANNEL, tuple(payload)),)
    return tuple(Subscription(frame.channel, (pair,)) for pair in payload)


def _text(message: dict[str, object]) -> str:
    return msgspec.json.encode(message).decode()
