"""An exchange without sockets: real synchronizers and books, fed by the test."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

import pytest

from cex.cli.app import main
from cex.common.book.order_book import OrderBook
from cex.common.book.synchronizer import Synchronizer
from cex.common.clock import ManualClock
from cex.common.enums import BookState, InstrumentStatus
from cex.common.exceptions import ExchangeRejectedException
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookDelta, BookSnapshot, FundingRate, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import (
    BookHandler,
    BookHealth,
    Channel,
    EventHandler,
    ExchangeEvent,
    ExchangeHealth,
    StreamHealth,
)
from cex.networking import ConnectionHealth, ConnectionState

BTC, ETH = Symbol("BTC/USDT"), Symbol("ETH/USDT")


def instrument(exchange: str, symbol: Symbol, taker_fee: str | None = "0.001") -> Instrument:
    return Instrument(
        symbol=symbol,
        exchange=exchange,
        exchange_symbol=symbol.replace("/", "_"),
        status=InstrumentStatus.TRADING,
        tick=Decimal("0.01"),
        step=Decimal("0.001"),
        taker_fee=None if taker_fee is None else Decimal(taker_fee),
    )


class FakeExchange:
    """``seed`` and ``change`` do to a book what the streams of an exchange do; ``refused`` symbols are refused."""

    def __init__(self, name: str, *symbols: Symbol, refused: tuple[Symbol, ...] = (), taker_fee: str | None = "0.001"):
        self.exchange = name
        self.opened = self.closed = False
        self.fresh = True
        self.faults = 0
        self.funding: dict[Symbol, FundingRate] = {}
        self.funding_asked = 0
        self.refused = refused
        self.trade_queues: dict[Symbol, asyncio.Queue[Trade]] = {symbol: asyncio.Queue() for symbol in symbols}
        self.trades_offered = dict.fromkeys(symbols, 0)
        self._catalogue = InstrumentCatalogue(name, [instrument(name, symbol, taker_fee) for symbol in symbols])
        self._synchronizers: dict[Symbol, Synchronizer] = {}
        self._handlers: dict[Symbol, list[BookHandler]] = {}
        self._live = asyncio.Event()
        self._event_handlers: list[EventHandler] = []

    def seed(self, symbol: Symbol, bid: float, ask: float, quantity: float = 1.0, last_id: int = 1) -> None:
        synchronizer = self._synchronizers[symbol]
        synchronizer.on_snapshot(BookSnapshot(symbol, last_id, [(bid, quantity)], [(ask, quantity)]))
        self._notify(symbol)
        self._live.set()

    def change(self, symbol: Symbol, first_id: int, **levels: list[tuple[float, float]]) -> None:
        delta = BookDelta(symbol, first_id, first_id, levels.get("bids", []), levels.get("asks", []))
        self._synchronizers[symbol].on_delta(delta)
        self._notify(symbol)

    def lose(self, symbol: Symbol, reason: str) -> None:
        self._synchronizers[symbol].reset(reason, BookState.STALE)

    def tell(self, event: ExchangeEvent) -> None:
        for handler in self._event_handlers:
            handler(event)

    def _notify(self, symbol: Symbol) -> None:
        book = self._synchronizers[symbol].book
        if book.is_live:
            for handler in self._handlers.get(symbol, []):
                handler(book)

    async def open(self) -> None:
        self.opened = True

    async def aclose(self) -> None:
        self.closed = True

    def on_event(self, handler: EventHandler) -> Callable[[], None]:
        self._event_handlers.append(handler)
        return lambda: self._event_handlers.remove(handler)

    @property
    def watched(self) -> bool:
        return bool(self._event_handlers)

    def health(self) -> ExchangeHealth:
        books = tuple(
            BookHealth(
                symbol=symbol,
                state=synchronizer.book.state,
                reason=synchronizer.book.reason,
                since_ns=0,
                sequence=synchronizer.book.sequence,
                age_s=0.25,
                lag_s=None,
                deltas=synchronizer.stats.deltas,
                applied=synchronizer.stats.applied,
                stale=synchronizer.stats.stale,
                gaps=synchronizer.stats.gaps,
                resyncs=0,
                snapshot_requests=0,
                snapshot_failures=0,
                handler_errors=0,
                slow_handlers=0,
            )
            for symbol, synchronizer in self._synchronizers.items()
        )
        streams = tuple(
            StreamHealth(
                channel=Channel.TRADES, symbol=symbol, readers=1, offered=count, delivered=0, conflated=0, dropped=0
            )
            for symbol, count in self.trades_offered.items()
        )
        connection = ConnectionHealth(
            connection=1,
            url="ws://x",
            state=ConnectionState.OPEN,
            reason="",
            age_s=1.0,
            quiet_s=0.1,
            lag_s=None,
            last_heard_ns=1,
            reconnects=0,
            messages=7,
            bytes=70,
            undecodable=0,
            faults=self.faults,
            subscriptions=2,
            pending=0,
        )
        return ExchangeHealth(
            exchange=self.exchange, connections=(connection,), books=books, streams=streams, handler_errors=0
        )

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        return self._catalogue

    async def subscribe_book(
        self, symbol: str, on_book: BookHandler | None = None, *, timeout: float | None = None
    ) -> OrderBook:
        known = Symbol(symbol)
        if known in self.refused:
            raise ExchangeRejectedException(f"no {known} for you", self.exchange)
        synchronizer = self._synchronizers.setdefault(
            known, Synchronizer(known, window=None, windowed_stream=False, exchange=self.exchange, clock=ManualClock())
        )
        if on_book is not None:
            self._handlers.setdefault(known, []).append(on_book)
        while not synchronizer.book.is_live:
            self._live.clear()
            await self._live.wait()
        return synchronizer.book

    async def trades(self, symbol: str) -> AsyncGenerator[Trade, None]:
        while True:
            yield await self.trade_queues[Symbol(symbol)].get()

    def is_fresh(self, symbol: str, max_age: float = 30.0) -> bool:
        return self.fresh

    async def funding_rate(self, symbol: str) -> FundingRate:
        self.funding_asked += 1
        rate = self.funding.get(Symbol(symbol))
        if rate is None:
            raise ExchangeRejectedException(f"no funding of {symbol}", self.exchange)
        return rate


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def cex(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Ended]]:
    """The command line in this process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def call(*arguments: str) -> Ended:
        monkeypatch.setattr("sys.argv", ["cex", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0, *capsys.readouterr())

    yield call
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def make_exchange() -> type[FakeExchange]:
    return FakeExchange


@pytest.fixture
async def gateio() -> FakeExchange:
    return FakeExchange("gateio", BTC, ETH)


@pytest.fixture
async def mexc() -> FakeExchange:
    return FakeExchange("mexc", BTC)
