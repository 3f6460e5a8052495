"""Gate.io's stream of perpetual futures that settle in USDT: what its channels are called and what pushes mean.

https://www.gate.com/docs/developers/futures/ws/en/.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.enums import MarketType
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import Channel, Stream, StreamHandlers
from cex.exchanges.base.offers import not_offered
from cex.exchanges.gateio.constants import (
    BOOK_LEVELS,
    DEFAULT_BOOK_CHANNEL,
    DEFAULT_BOOK_INTERVAL,
    EXCHANGE,
    FUTURES_BOOK_CHANNEL,
    FUTURES_BOOK_TICKER_CHANNEL,
    FUTURES_KLINE_CHANNEL,
    FUTURES_OBU_CHANNEL,
    FUTURES_PUSHED_INTERVALS,
    FUTURES_TICKER_CHANNEL,
    FUTURES_TRADES_CHANNEL,
    OBU_LEVELS,
    PING_INTERVAL_S,
    SILENCE_TIMEOUT_S,
)
from cex.exchanges.gateio.decode import futures as decode
from cex.exchanges.gateio.decode.contracts import ContractSize
from cex.exchanges.gateio.decode.values import MILLISECOND, NOT_DECODABLE, undecodable
from cex.exchanges.gateio.websocket.conversation import Conversation, not_listed
from cex.exchanges.gateio.websocket.names import KlineNames, obu_name, obu_stream
from cex.exchanges.gateio.wire.futures import (
    BookPush,
    BookTickerPush,
    KlinePush,
    KlineResult,
    ObuPush,
    Push,
    TickerPush,
    TickerRow,
    TradePush,
    push_decoder,
)
from cex.networking.websocket.dialect import Control, Outbound, Subscription

__all__ = ["GateioFuturesDialect"]

_BY_NAME = {
    Channel.TRADES: FUTURES_TRADES_CHANNEL,
    Channel.BOOK_TICKER: FUTURES_BOOK_TICKER_CHANNEL,
    Channel.TICKER: FUTURES_TICKER_CHANNEL,
}
_ONE_BY_ONE = (FUTURES_BOOK_CHANNEL, FUTURES_OBU_CHANNEL, FUTURES_KLINE_CHANNEL)


class GateioFuturesDialect:
    """Gate.io's futures WebSocket v4, public channels; sizes leave here in base units.

    A push of tickers leaves out what did not change: the last known figures of each contract are kept, from the
    subscription on, and a ticker is told once its last price is known.
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
        self._klines = KlineNames("futures", FUTURES_PUSHED_INTERVALS)
        self._conversation = Conversation(
            "futures", pushed=(*_BY_NAME.values(), *_ONE_BY_ONE), one_by_one=_ONE_BY_ONE, clock=clock
        )
        self._decode = push_decoder.decode
        self._handlers = handlers
        self._on_book_delta = handlers.on_book_delta
        self._contracts: dict[str, tuple[Symbol, ContractSize]] = {}
        self._revision = instruments.revision
        self._tickers: dict[str, TickerRow] = {}

    def subscription(self, stream: Stream) -> Subscription:
        """The exchange's name of a stream of ours; raises UnknownSymbolException, NotOfferedException."""
        channel, symbol, detail = stream
        contract = self._instruments.native(symbol)
        match channel:
            case Channel.BOOK if self._is_obu:
                return Subscription(FUTURES_OBU_CHANNEL, (obu_stream(contract, OBU_LEVELS[self._book_interval]),))
            case Channel.BOOK:
                levels = str(BOOK_LEVELS[self._book_interval])
                return Subscription(FUTURES_BOOK_CHANNEL, (contract, self._book_interval, levels))
            case Channel.LIMITED_BOOK:
                raise not_offered(EXCHANGE, "limited books of futures", operation="subscribe")
            case Channel.KLINES:
                return Subscription(FUTURES_KLINE_CHANNEL, (self._klines.wanted(detail), contract))
            case _:
                return Subscription(_BY_NAME[channel], (contract,))

    def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        for channel, params in subscriptions:
            if channel == FUTURES_TICKER_CHANNEL:
                self._tickers.pop(params[0], None)  # what changed while nobody listened is not known
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
            symbol, size = self._contract(book.s, data)
            self._on_book_delta(decode.book_delta(book, symbol, size, received_ns))
        else:
            self._on_other(push, data, received_ns)
        return None

    def _on_other(self, push: Push, data: bytes | str, received_ns: int) -> None:
        if isinstance(push, ObuPush):
            symbol, size = self._contract(obu_name(push.result.s), data)
            self._on_book_delta(decode.obu_delta(push.result, symbol, size, received_ns))
        elif isinstance(push, BookTickerPush):
            symbol, size = self._contract(push.result.s, data)
            self._handlers.on_book_ticker(decode.book_ticker(push.result, symbol, size, received_ns))
        elif isinstance(push, TradePush):
            for trade in push.result:
                symbol, size = self._contract(trade.contract, data)
                self._handlers.on_trade(decode.trade(trade, symbol, size, received_ns))
        elif isinstance(push, TickerPush):
            for row in push.result:
                self._on_ticker(row, push.time_ms * MILLISECOND, data, received_ns)
        elif isinstance(push, KlinePush):
            for candle in push.result:
                self._on_kline(candle, data, received_ns)

    def _on_ticker(self, row: TickerRow, told_ns: int, data: bytes | str, received_ns: int) -> None:
        symbol, size = self._contract(row.contract, data)
        whole = decode.merged(row, self._tickers.get(row.contract))
        ticker = decode.ticker(whole, symbol, size, received_ns, exchange_ts=told_ns)
        self._tickers[row.contract] = whole
        if whole.last is not None:
            self._handlers.on_ticker(ticker)

    def _on_kline(self, result: KlineResult, data: bytes | str, received_ns: int) -> None:
        interval, contract = self._klines.read(result.n)
        if interval is None:
            raise undecodable(FUTURES_KLINE_CHANNEL, data, f"{result.n[:64]!r} is no candle that is pushed")
        symbol, size = self._contract(contract, data)
        self._handlers.on_kline(decode.pushed_kline(result, symbol, size, interval, received_ns))

    def _contract(self, name: str, data: bytes | str) -> tuple[Symbol, ContractSize]:
        """The symbol of a contract, and its size as the list has it now."""
        instruments = self._instruments
        if self._revision != instruments.revision:
            self._contracts.clear()
            self._revision = instruments.revision
        known = self._contracts.get(name)
        if known is None:
            symbol = instruments.by_native(name, MarketType.FUTURES) or not_listed(name, data)
            known = self._contracts[name] = symbol, ContractSize(instruments[symbol].contract_size)
        return known
