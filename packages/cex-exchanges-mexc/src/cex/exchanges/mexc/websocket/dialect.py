"""MEXC's public spot streams: how to ask, how to stay alive, and what a frame means.

https://www.mexc.com/api-docs/spot-v3/websocket-market-streams. Control messages are text frames, pushes binary ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import Channel, Stream, StreamHandlers
from cex.exchanges.base.offers import not_offered
from cex.exchanges.mexc.constants import (
    BOOK_TICKER_CHANNEL,
    DEFAULT_INTERVAL,
    DEPTH_CHANNEL,
    EXCHANGE,
    KLINE_CHANNEL,
    LIMIT_DEPTH_CHANNEL,
    LIMITED_LEVELS,
    MAX_SUBSCRIPTIONS,
    MINI_TICKER_CHANNEL,
    MINI_TICKER_ZONE,
    PING_INTERVAL_S,
    PING_TEXT,
    PUSHED_KLINE_NAMES,
    SILENCE_TIMEOUT_S,
    TRADES_CHANNEL,
)
from cex.exchanges.mexc.decode.parsing import undecodable
from cex.exchanges.mexc.decode.pushes import book_delta, book_ticker, kline, limited_book, mini_ticker, trades
from cex.exchanges.mexc.websocket.conversation import requests, verdict
from cex.networking.websocket.dialect import Control, Outbound, Subscription

if TYPE_CHECKING:
    from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper

__all__ = ["MexcSpotDialect"]

_AGGREGATED = {
    Channel.BOOK: DEPTH_CHANNEL,
    Channel.TRADES: TRADES_CHANNEL,
    Channel.BOOK_TICKER: BOOK_TICKER_CHANNEL,
}
"""Their names end with the interval of the pushes and the symbol; all others with the symbol and a detail."""
_DEPTH_CHANNEL = f"{DEPTH_CHANNEL}@".encode()
_CHANNEL_AT = 2
"""Where the channel stands in a frame: behind the byte that names the field and the one that tells its length."""
_INTERVALS = {str(interval): name for interval, name in PUSHED_KLINE_NAMES.items()}
_LEVELS = {str(levels): levels for levels in LIMITED_LEVELS}


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
        from cex.exchanges.mexc.wire.depth import parse_depth
        from cex.exchanges.mexc.wire.push import parse_push

        self.url = url
        self._instruments = instruments
        self._intervals = {Channel.BOOK: book_interval}
        self._parse = parse_push
        self._parse_depth = parse_depth
        self._handlers = handlers
        self._aggregated: dict[str, Callable[[PushDataV3ApiWrapper, Symbol, int], None]] = {
            TRADES_CHANNEL: self._on_deals,
            BOOK_TICKER_CHANNEL: self._on_book_ticker,
        }
        self._detailed: dict[str, Callable[[PushDataV3ApiWrapper, Symbol, str, int], None]] = {
            KLINE_CHANNEL: self._on_kline,
            MINI_TICKER_CHANNEL: self._on_mini_ticker,
            LIMIT_DEPTH_CHANNEL: self._on_limit_depth,
        }

    def subscription(self, stream: Stream) -> Subscription:
        """The exchange's name of a stream of ours; raises UnknownSymbolException, NotOfferedException."""
        channel, symbol, detail = stream
        name = self._instruments.native(symbol)
        if (stem := _AGGREGATED.get(channel)) is not None:
            return Subscription(f"{stem}@{self._intervals.get(channel, DEFAULT_INTERVAL)}@{name}")
        if channel is Channel.KLINES:
            if (interval := _INTERVALS.get(detail)) is not None:
                return Subscription(f"{KLINE_CHANNEL}@{name}@{interval}")
        elif channel is Channel.TICKER:
            return Subscription(f"{MINI_TICKER_CHANNEL}@{name}@{MINI_TICKER_ZONE}")
        elif channel is Channel.LIMITED_BOOK and detail in _LEVELS:
            return Subscription(f"{LIMIT_DEPTH_CHANNEL}@{name}@{detail}")
        raise not_offered(EXCHANGE, f"streams of {channel} {detail}".rstrip(), operation="subscribe")

    def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return requests("SUBSCRIPTION", subscriptions, request_ids)

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return requests("UNSUBSCRIPTION", subscriptions, request_ids)

    def ping(self) -> str:
        return PING_TEXT

    def on_frame(self, data: bytes | str, received_ns: int) -> Control | None:
        if isinstance(data, str):
            return verdict(data)
        if data.startswith(_DEPTH_CHANNEL, _CHANNEL_AT):
            self._on_depth(data, received_ns)
            return None
        push = self._parse(data)
        rest, _, last = push.channel.rpartition("@")
        stem, _, middle = rest.rpartition("@")
        if (deliver := self._aggregated.get(stem)) is not None:
            deliver(push, self._symbol(last, push.channel, data), received_ns)
        elif (deliver_detailed := self._detailed.get(stem)) is not None:
            deliver_detailed(push, self._symbol(middle, push.channel, data), last, received_ns)
        elif stem == DEPTH_CHANNEL:  # not written first, as it always is
            self._on_depth(data, received_ns)
        return None  # also for a channel that nobody here reads

    def _symbol(self, name: str, channel: str, data: bytes) -> Symbol:
        symbol = self._instruments.by_native(name)
        if symbol is None:
            raise undecodable(channel[:100], data[:128].hex(), f"symbol {name[:64]!r} is not in the exchange's list")
        return symbol

    def _on_depth(self, data: bytes, received_ns: int) -> None:
        depth = self._parse_depth(data)
        symbol = self._symbol(depth.channel.rpartition("@")[2], depth.channel, data)
        self._handlers.on_book_delta(book_delta(depth, symbol, received_ns))

    def _on_deals(self, push: PushDataV3ApiWrapper, symbol: Symbol, received_ns: int) -> None:
        for trade in trades(push, symbol, received_ns):
            self._handlers.on_trade(trade)

    def _on_book_ticker(self, push: PushDataV3ApiWrapper, symbol: Symbol, received_ns: int) -> None:
        self._handlers.on_book_ticker(book_ticker(push, symbol, received_ns))

    def _on_kline(self, push: PushDataV3ApiWrapper, symbol: Symbol, interval: str, received_ns: int) -> None:
        self._handlers.on_kline(kline(push, symbol, interval, received_ns))

    def _on_mini_ticker(self, push: PushDataV3ApiWrapper, symbol: Symbol, zone: str, received_ns: int) -> None:
        if zone == MINI_TICKER_ZONE:
            self._handlers.on_ticker(mini_ticker(push, symbol, received_ns))

    def _on_limit_depth(self, push: PushDataV3ApiWrapper, symbol: Symbol, levels: str, received_ns: int) -> None:
        number = _LEVELS.get(levels)
        if number is None:
            raise undecodable(push.channel[:100], "", f"a book of {levels[:64]!r} levels was not asked for")
        self._handlers.on_limited_book(limited_book(push, symbol, number, received_ns))
