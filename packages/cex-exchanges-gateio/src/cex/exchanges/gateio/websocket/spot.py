"""Gate.io's spot stream: what its channels are called and what their pushes mean.

https://www.gate.com/docs/developers/apiv4/ws/en/.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import Channel, Stream, StreamHandlers
from cex.exchanges.base.offers import not_offered
from cex.exchanges.gateio.constants import (
    BOOK_CHANNEL,
    BOOK_TICKER_CHANNEL,
    DEFAULT_BOOK_CHANNEL,
    DEFAULT_BOOK_INTERVAL,
    EXCHANGE,
    KLINE_CHANNEL,
    LIMITED_BOOK_CHANNEL,
    LIMITED_BOOK_LEVELS,
    OBU_CHANNEL,
    OBU_LEVELS,
    PING_INTERVAL_S,
    PUSHED_INTERVALS,
    SILENCE_TIMEOUT_S,
    TICKER_CHANNEL,
    TRADES_CHANNEL,
)
from cex.exchanges.gateio.decode import spot as decode
from cex.exchanges.gateio.decode.values import MILLISECOND, NOT_DECODABLE, undecodable
from cex.exchanges.gateio.websocket.conversation import Conversation, not_listed
from cex.exchanges.gateio.websocket.names import KlineNames, obu_name, obu_stream
from cex.exchanges.gateio.wire.spot import (
    BookPush,
    BookTickerPush,
    KlinePush,
    KlineResult,
    LimitedBookPush,
    ObuPush,
    Push,
    TickerPush,
    TradePush,
    push_decoder,
)
from cex.networking.websocket.dialect import Control, Outbound, Subscription

__all__ = ["GateioSpotDialect"]

_BY_NAME = {
    Channel.TRADES: TRADES_CHANNEL,
    Channel.BOOK_TICKER: BOOK_TICKER_CHANNEL,
    Channel.TICKER: TICKER_CHANNEL,
}
_ONE_BY_ONE = (BOOK_CHANNEL, OBU_CHANNEL, LIMITED_BOOK_CHANNEL, KLINE_CHANNEL)
_LIMITED_BOOK_INTERVAL = "100ms"


class GateioSpotDialect:
    """Gate.io's spot WebSocket v4, public channels; holds no connection state.

    ``book_channel`` is ``"order_book_update"`` or ``"obu"``; see :class:`GateioWebSocketClient`.
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
        book_channel: str = DEFAULT_BOOK_CHANNEL,
        book_interval: str = DEFAULT_BOOK_INTERVAL,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.url = url
        self._instruments = instruments
        self._is_obu = book_channel == "obu"
        self._book_interval = book_interval
        self._klines = KlineNames("spot", PUSHED_INTERVALS)
        self._conversation = Conversation(
            "spot", pushed=(*_BY_NAME.values(), *_ONE_BY_ONE), one_by_one=_ONE_BY_ONE, clock=clock
        )
        self._decode = push_decoder.decode
        self._listed = instruments.by_native
        self._handlers = handlers
        self._on_book_delta = handlers.on_book_delta

    def subscription(self, stream: Stream) -> Subscription:
        """The exchange's name of a stream of ours; raises UnknownSymbolException, NotOfferedException."""
        channel, symbol, detail = stream
        pair = self._instruments.native(symbol)
        match channel:
            case Channel.BOOK if self._is_obu:
                return Subscription(OBU_CHANNEL, (obu_stream(pair, OBU_LEVELS[self._book_interval]),))
            case Channel.BOOK:
                return Subscription(BOOK_CHANNEL, (pair, self._book_interval))
            case Channel.LIMITED_BOOK if detail in map(str, LIMITED_BOOK_LEVELS):
                return Subscription(LIMITED_BOOK_CHANNEL, (pair, detail, _LIMITED_BOOK_INTERVAL))
            case Channel.LIMITED_BOOK:
                served = tuple(map(str, LIMITED_BOOK_LEVELS))
                raise not_offered(EXCHANGE, f"spot books of {detail} levels", served, operation="subscribe")
            case Channel.KLINES:
                return Subscription(KLINE_CHANNEL, (self._klines.wanted(detail), pair))
            case _:
                return Subscription(_BY_NAME[channel], (pair,))

    def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return self._conversation.requests("subscribe", subscriptions, request_ids)

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return self._conversation.requests("unsubscribe", subscriptions, request_ids)

    def ping(self) -> str:
        return self._conversation.ping()

    def on_frame(self, data: bytes | str, received_ns: int) -> Control | None:
        try:
            push = self._decode(data)
        except NOT_DECODABLE as error:
            return self._conversation.on_control(data, error)
        if isinstance(push, BookPush):
            book = push.result
            symbol = self._listed(book.s) or not_listed(book.s, data)
            self._on_book_delta(decode.book_delta(book, symbol, received_ns))
        else:
            self._on_other(push, data, received_ns)
        return None

    def _on_other(self, push: Push, data: bytes | str, received_ns: int) -> None:
        if isinstance(push, ObuPush):
            symbol = self._symbol(obu_name(push.result.s), data)
            self._on_book_delta(decode.obu_delta(push.result, symbol, received_ns))
        elif isinstance(push, TradePush):
            symbol = self._symbol(push.result.currency_pair, data)
            self._handlers.on_trade(decode.trade(push.result, symbol, received_ns))
        elif isinstance(push, BookTickerPush):
            symbol = self._symbol(push.result.s, data)
            self._handlers.on_book_ticker(decode.book_ticker(push.result, symbol, received_ns))
        elif isinstance(push, TickerPush):
            symbol = self._symbol(push.result.currency_pair, data)
            told_ns = push.time_ms * MILLISECOND
            self._handlers.on_ticker(decode.ticker(push.result, symbol, received_ns, exchange_ts=told_ns))
        elif isinstance(push, LimitedBookPush):
            symbol = self._symbol(push.result.s, data)
            self._handlers.on_limited_book(decode.limited_book(push.result, symbol, received_ns))
        elif isinstance(push, KlinePush):
            self._on_kline(push.result, data, received_ns)

    def _on_kline(self, result: KlineResult, data: bytes | str, received_ns: int) -> None:
        interval, pair = self._klines.read(result.n)
        if interval is None:
            raise undecodable(KLINE_CHANNEL, data, f"{result.n[:64]!r} is no candle that is pushed")
        symbol = self._symbol(pair, data)
        self._handlers.on_kline(decode.pushed_kline(result, symbol, interval, received_ns))

    def _symbol(self, pair: str, data: bytes | str) -> Symbol:
        return self._listed(pair) or not_listed(pair, data)
