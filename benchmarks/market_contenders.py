"""The product and the plain reference, each fed with the frames of a sample; ccxt.pro is in ccxt_worker.py.

All of them fold what a reader sees after every frame into one checksum, by the same words: ``hash`` of the checksum so
far and the four numbers at the top of the book (or of the ticker, or price and quantity of the trade).
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left, insort
from decimal import Decimal

import msgspec

from cex.common.book.order_book import OrderBook
from cex.common.enums import InstrumentStatus
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookSnapshot, BookTicker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.books import BookKeepers, ResyncPolicy
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import StreamHandlers
from cex.exchanges.gateio.websocket import GateioFuturesDialect, GateioSpotDialect, GateioWebSocketClient
from cex.exchanges.mexc.websocket import MexcSpotDialect, MexcWebSocketClient
from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper
from cex.networking.websocket.dialect import Dialect
from market_frames import Sample

__all__ = ["Plain", "Product"]

CONTRACTS_A_UNIT = 10_000
"""Of the perpetual: one contract is 0.0001 of the base currency."""

Level = tuple[float, float]


# ---- the product -----------------------------------------------------------------------------------------------------


class Product:
    """``on_frame`` of the exchange's dialect, its decoder, the keeper of the book, and one subscriber that reads it."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        exchange, _, market = sample.market.partition("-")
        self._symbol = Symbol("BTC/USDT:USDT" if market == "futures" else "BTC/USDT")
        self._catalogue = InstrumentCatalogue(exchange, [_instrument(exchange, self._symbol)])
        client = MexcWebSocketClient() if exchange == "mexc" else GateioWebSocketClient()
        self._facts = client.book_facts(self._symbol)
        self.reset()

    def reset(self) -> None:
        self.checksum = 0
        self._keepers = BookKeepers(
            exchange=self._catalogue.exchange,
            facts=lambda _symbol: self._facts,
            fetch=self._fetch,
            resubscribe=_never,
            emit=_unexpected,
            policy=ResyncPolicy(first_delta_wait=0.0, slow_handler_s=1.0),
        )
        handlers = StreamHandlers(
            on_book_delta=self._keepers.on_delta,
            on_trade=self._on_trade,
            on_book_ticker=self._on_book_ticker,
            on_ticker=_unexpected,
            on_kline=_unexpected,
            on_limited_book=_unexpected,
            on_event=_unexpected,
        )
        make = {"gateio-spot": GateioSpotDialect, "gateio-futures": GateioFuturesDialect, "mexc-spot": MexcSpotDialect}
        self._dialect: Dialect = make[self._sample.market]("", self._catalogue, handlers)
        if self._sample.kind == "depth":
            asyncio.run(self._seed())

    def feed(self) -> None:
        on_frame, now = self._dialect.on_frame, time.time_ns
        for frame in self._sample.frames:
            on_frame(frame, now())

    async def _seed(self) -> None:
        keeper = self._keepers.add(self._symbol)
        keeper.start()
        await keeper.wait_live(5.0)
        keeper.add_handler(self._on_book)

    async def _fetch(self, symbol: Symbol, depth: int) -> BookSnapshot:
        sample = self._sample
        if len(sample.bids) != depth or len(sample.asks) != depth:
            raise ValueError(f"the sample has not the {depth} levels a side that the product asks for")
        unit = 1 if symbol.settle is None else CONTRACTS_A_UNIT
        bids, asks = (
            [(price, quantity / unit) for price, quantity in _floats(side)] for side in (sample.bids, sample.asks)
        )
        return BookSnapshot(symbol, sample.last_id, bids, asks, limit=depth)

    def _on_book(self, book: OrderBook) -> None:
        top = book.top
        assert top is not None
        self.checksum = hash((self.checksum, *top))

    def _on_book_ticker(self, ticker: BookTicker) -> None:
        self.checksum = hash(
            (self.checksum, ticker.bid_price, ticker.bid_quantity, ticker.ask_price, ticker.ask_quantity)
        )

    def _on_trade(self, trade: Trade) -> None:
        self.checksum = hash((self.checksum, trade.price, trade.quantity))


def _instrument(exchange: str, symbol: Symbol) -> Instrument:
    return Instrument(
        symbol=symbol,
        exchange=exchange,
        exchange_symbol="BTCUSDT" if exchange == "mexc" else "BTC_USDT",
        status=InstrumentStatus.TRADING,
        tick=Decimal("0.1"),
        step=Decimal("0.0001"),
        contract_size=Decimal(1) if symbol.settle is None else Decimal(1) / CONTRACTS_A_UNIT,
    )


def _floats(levels: tuple[tuple[str, str], ...]) -> list[Level]:
    return [(float(price), float(quantity)) for price, quantity in levels]


async def _never(symbol: Symbol) -> None:
    raise AssertionError(f"{symbol}: nothing is subscribed anew here")


def _unexpected(what: object) -> None:
    raise AssertionError(f"not in the sample: {what!r}")


# ---- the plain reference ---------------------------------------------------------------------------------------------


class Plain:
    """What anybody would write in an hour: a typed decoder, ``float()``, a dict and a sorted list a side.

    It looks at no channel, keeps no time and no window, and trusts every number. Sizes of the perpetual stay contracts
    until they are read.
    """

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._take = getattr(self, f"_{sample.market.replace('-', '_')}_{sample.kind}")
        self.reset()

    def reset(self) -> None:
        self.checksum = 0
        self._last = self._sample.last_id
        self._bids, self._asks = dict(_floats(self._sample.bids)), dict(_floats(self._sample.asks))
        self._bid_prices, self._ask_prices = sorted(self._bids), sorted(self._asks)

    def feed(self) -> None:
        take = self._take
        for frame in self._sample.frames:
            take(frame)

    def _gateio_spot_depth(self, frame: str) -> None:
        update = _spot_depth.decode(frame).result
        self._in_sequence(update.U, update.u)
        _apply(self._bids, self._bid_prices, update.b)
        _apply(self._asks, self._ask_prices, update.a)
        self._read()

    def _gateio_futures_depth(self, frame: str) -> None:
        update = _futures_depth.decode(frame).result
        self._in_sequence(update.U, update.u)
        _apply(self._bids, self._bid_prices, [(level.p, level.s) for level in update.b])
        _apply(self._asks, self._ask_prices, [(level.p, level.s) for level in update.a])
        self._read(CONTRACTS_A_UNIT)

    def _mexc_spot_depth(self, frame: bytes) -> None:
        update = PushDataV3ApiWrapper.FromString(frame).publicAggreDepths
        self._in_sequence(int(update.fromVersion), int(update.toVersion))
        _apply(self._bids, self._bid_prices, [(level.price, level.quantity) for level in update.bids])
        _apply(self._asks, self._ask_prices, [(level.price, level.quantity) for level in update.asks])
        self._read()

    def _in_sequence(self, first: int, last: int) -> None:
        if first != self._last + 1:
            raise ValueError(f"{self._last + 1} is missing")
        self._last = last

    def _read(self, divisor: int = 1) -> None:
        bid, ask = self._bid_prices[-1], self._ask_prices[0]
        self._on_top(bid, self._bids[bid] / divisor, ask, self._asks[ask] / divisor)

    def _on_top(self, bid_price: float, bid_quantity: float, ask_price: float, ask_quantity: float) -> None:
        self.checksum = hash((self.checksum, bid_price, bid_quantity, ask_price, ask_quantity))

    def _gateio_spot_ticker(self, frame: str) -> None:
        top = _ticker.decode(frame).result
        self._on_top(float(top.b), float(top.B), float(top.a), float(top.A))

    def _gateio_futures_ticker(self, frame: str) -> None:
        top = _ticker.decode(frame).result
        bid_size, ask_size = float(top.B) / CONTRACTS_A_UNIT, float(top.A) / CONTRACTS_A_UNIT
        self._on_top(float(top.b), bid_size, float(top.a), ask_size)

    def _mexc_spot_ticker(self, frame: bytes) -> None:
        top = PushDataV3ApiWrapper.FromString(frame).publicAggreBookTicker
        self._on_top(float(top.bidPrice), float(top.bidQuantity), float(top.askPrice), float(top.askQuantity))

    def _on_trade(self, price: float, quantity: float) -> None:
        self.checksum = hash((self.checksum, price, quantity))

    def _gateio_spot_trade(self, frame: str) -> None:
        trade = _spot_trade.decode(frame).result
        self._on_trade(float(trade.price), float(trade.amount))

    def _gateio_futures_trade(self, frame: str) -> None:
        for trade in _futures_trade.decode(frame).result:
            self._on_trade(float(trade.price), abs(float(trade.size)) / CONTRACTS_A_UNIT)

    def _mexc_spot_trade(self, frame: bytes) -> None:
        for trade in PushDataV3ApiWrapper.FromString(frame).publicAggreDeals.deals:
            self._on_trade(float(trade.price), float(trade.quantity))


def _apply(quantities: dict[float, float], prices: list[float], levels: list[tuple[str, str]]) -> None:
    for price_text, quantity_text in levels:
        price, quantity = float(price_text), float(quantity_text)
        if quantity:
            if price not in quantities:
                insort(prices, price)
            quantities[price] = quantity
        elif price in quantities:
            del quantities[price]
            del prices[bisect_left(prices, price)]


class _SpotDepth(msgspec.Struct):
    s: str
    U: int
    u: int
    t: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class _Size(msgspec.Struct):
    p: str
    s: str


class _FuturesDepth(msgspec.Struct):
    s: str
    U: int
    u: int
    t: int
    b: list[_Size]
    a: list[_Size]


class _Ticker(msgspec.Struct):
    s: str
    u: int
    t: int
    b: str
    B: str
    a: str
    A: str


class _SpotTrade(msgspec.Struct):
    id: int
    create_time_ms: str
    side: str
    currency_pair: str
    amount: str
    price: str


class _FuturesTrade(msgspec.Struct):
    id: int
    create_time_ms: int
    size: str
    price: str
    contract: str


class _SpotDepthPush(msgspec.Struct):
    result: _SpotDepth


class _FuturesDepthPush(msgspec.Struct):
    result: _FuturesDepth


class _TickerPush(msgspec.Struct):
    result: _Ticker


class _SpotTradePush(msgspec.Struct):
    result: _SpotTrade


class _FuturesTradePush(msgspec.Struct):
    result: list[_FuturesTrade]


_spot_depth = msgspec.json.Decoder(_SpotDepthPush)
_futures_depth = msgspec.json.Decoder(_FuturesDepthPush)
_ticker = msgspec.json.Decoder(_TickerPush)
_spot_trade = msgspec.json.Decoder(_SpotTradePush)
_futures_trade = msgspec.json.Decoder(_FuturesTradePush)
