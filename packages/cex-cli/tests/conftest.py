"""An exchange without sockets: real synchronizers and books, fed by the test."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import pytest

from cex.cli.app import main
from cex.common.book.order_book import OrderBook
from cex.common.book.synchronizer import Synchronizer
from cex.common.clock import SYSTEM_CLOCK, ManualClock
from cex.common.enums import BookState, InstrumentStatus, MarketType
from cex.common.exceptions import ExchangeRejectedException
from cex.common.types.account import Balance, TradingFees
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookDelta, BookSnapshot, FundingRate, Trade
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.common.types.symbols import Symbol
from cex.config import BaseExchangeConfig
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import BaseExchangeFactory
from cex.exchanges.base.interfaces import (
    BasePrivateRestClient,
    BasePrivateWebSocketClient,
    BookHandler,
    BookHealth,
    Channel,
    EventHandler,
    ExchangeEvent,
    ExchangeHealth,
    PrivateChannel,
    PrivateHandlers,
    PrivateStream,
    StreamHealth,
)
from cex.exchanges.base.offers import not_offered
from cex.exchanges.base.private import ComposedPrivateExchange
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


class ToyConfig(BaseExchangeConfig):
    exchange: ClassVar[str] = "toy"
    profiles: ClassVar[Mapping[str, Mapping[str, str]]] = {"live": {"rest": "https://toy.example"}}


class Toy:
    """An exchange in memory with accounts. ``failures`` are raised by the operation of that name, once for each asked.

    ``ahead_s`` is how far its clock is ahead; ``hangs`` are operations that never answer; ``plain`` offers no more than
    every exchange must.
    """

    def __init__(self) -> None:
        self.failures: dict[str, Exception] = {}
        self.hangs: set[str] = set()
        self.ahead_s = 0.0
        self.plain = False
        self.symbols: tuple[Symbol, ...] = (BTC, Symbol("BTC/USDT:USDT"))
        self.status = InstrumentStatus.TRADING
        self.held = [Balance(currency="USDT", free=Decimal("1000.50"), locked=Decimal(2))]
        self.resting: list[Order] = []
        self.ended: list[Order] = []
        self.asked: list[tuple[object, ...]] = []
        self.tested: list[OrderRequest] = []
        self.open_clients: set[object] = set()

    async def answer(self, operation: str) -> None:
        if operation in self.hangs:
            await asyncio.Event().wait()
        if operation in self.failures:
            raise self.failures[operation]

    def instruments(self) -> list[Instrument]:
        return [
            Instrument(
                symbol=symbol,
                exchange="toy",
                exchange_symbol=symbol.replace("/", "_"),
                status=self.status,
                tick=Decimal("0.01"),
                step=Decimal("0.001"),
                min_notional=Decimal(5),
            )
            for symbol in self.symbols
        ]


class ToyMarket(FakeExchange):
    def __init__(self, toy: Toy) -> None:
        super().__init__("toy", *toy.symbols)
        self._toy = toy
        self._listed = InstrumentCatalogue("toy")

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        return self._listed

    async def __aenter__(self) -> ToyMarket:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def open(self) -> None:
        await self._toy.answer("instruments")
        self._listed.replace(self._toy.instruments())

    async def server_time(self) -> int:
        await self._toy.answer("server_time")
        return SYSTEM_CLOCK.time_ns() + round(self._toy.ahead_s * 1e9)

    async def order_book_snapshot(self, symbol: str, depth: int | None = None) -> BookSnapshot:
        await self._toy.answer("snapshot")
        return BookSnapshot(Symbol(symbol), 1, [(100.0, 1.0)], [(100.02, 1.0)])

    async def subscribe_book(
        self, symbol: str, on_book: BookHandler | None = None, *, timeout: float | None = None
    ) -> OrderBook:
        await self._toy.answer("book")
        subscribing = asyncio.ensure_future(super().subscribe_book(symbol, on_book))
        await asyncio.sleep(0)
        self.seed(Symbol(symbol), 100.0, 100.02)
        return await subscribing


class PlainToyRest(BasePrivateRestClient):
    exchange = "toy"
    order_validity_s = 5.0
    markets = (MarketType.SPOT, MarketType.FUTURES)

    def __init__(self, toy: Toy, account: str) -> None:
        self.toy = toy
        self.account = account
        self.instruments = InstrumentCatalogue("toy")
        toy.open_clients.add(self)

    def new_client_order_id(self) -> str:
        return "id"

    def check_client_order_id(self, text: str) -> None:
        pass

    async def load_instruments(self) -> InstrumentCatalogue:
        self.instruments.replace(self.toy.instruments())
        return self.instruments

    async def server_time(self) -> int:
        return SYSTEM_CLOCK.time_ns()

    def exchange_now_ns(self) -> int:
        return SYSTEM_CLOCK.time_ns()

    def budget_left(self) -> Mapping[str, int]:
        return {} if self.toy.plain else {"ip": 17, "uid": 400}

    async def balances(self, market: MarketType | None = None) -> list[Balance]:
        await self.toy.answer("balances")
        if market is MarketType.MARGIN:
            raise not_offered("toy", "balances of margin", operation="balances")
        return [balance for balance in self.toy.held if market in (None, balance.market)]

    async def fees(self, symbol: str) -> TradingFees:
        await self.toy.answer("fees")
        return TradingFees(symbol=Symbol(symbol), maker=Decimal("0.0010"), taker=Decimal("0.002"), tier="3")

    async def place_order(self, request: OrderRequest) -> Order:
        raise AssertionError("nobody may place an order here")

    async def cancel_order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order | None:
        raise AssertionError("nobody may cancel an order here")

    async def cancel_all_orders(self, symbol: str) -> list[Order]:
        raise AssertionError("nobody may cancel an order here")

    async def order(self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None) -> Order:
        raise AssertionError("not asked for")

    async def open_orders(self, symbol: str | None = None) -> list[Order]:
        await self.toy.answer("open_orders")
        self.toy.asked.append(("open", symbol))
        return [order for order in self.toy.resting if symbol in (None, order.symbol)]

    async def order_history(self, symbol: str, start_ts: int, end_ts: int) -> list[Order]:
        self.toy.asked.append(("history", symbol, start_ts, end_ts))
        return [order for order in self.toy.ended if order.symbol == symbol]

    async def fills(self, symbol: str | None, start_ts: int, end_ts: int, *, order_id: str | None = None) -> list[Fill]:
        return []

    async def aclose(self) -> None:
        self.toy.open_clients.discard(self)


class ToyRest(PlainToyRest):
    async def check_order(self, request: OrderRequest) -> None:
        await self.toy.answer("check_order")
        self.toy.tested.append(request)

    async def is_unified(self) -> bool:
        await self.toy.answer("is_unified")
        return True

    async def is_dual_for(self, request: OrderRequest) -> bool:
        return request.close_position and request.symbol == "BTC/USDT:USDT"


class ToyStreams(BasePrivateWebSocketClient):
    exchange = "toy"

    def __init__(self, toy: Toy) -> None:
        self.toy = toy
        toy.open_clients.add(self)

    def offers(self, market: MarketType) -> tuple[PrivateChannel, ...]:
        return (PrivateChannel.ORDERS, PrivateChannel.FILLS)

    def attach(self, instruments: InstrumentCatalogue, handlers: PrivateHandlers) -> None:
        self.attached = (instruments, handlers)

    async def subscribe(self, streams: Sequence[PrivateStream]) -> None:
        assert self.attached
        await self.toy.answer("streams")

    async def unsubscribe(self, streams: Sequence[PrivateStream]) -> None:
        pass

    def last_heard_ns(self, stream: PrivateStream) -> int | None:
        return None

    def health(self) -> tuple[ConnectionHealth, ...]:
        return ()

    async def aclose(self) -> None:
        self.toy.open_clients.discard(self)


class ToyFactory(BaseExchangeFactory[ToyConfig]):
    exchange = "toy"
    config_type = ToyConfig
    toy: ClassVar[Toy]

    def build_rest_client(self, config: ToyConfig) -> Any:
        return None

    def build_websocket_client(self, config: ToyConfig) -> Any:
        return None

    def build_public_exchange(self, *, config: ToyConfig, rest_client: Any, websocket_client: Any) -> Any:
        return ToyMarket(self.toy)

    def build_private_rest_client(self, config: ToyConfig, *, account: str) -> BasePrivateRestClient:
        config.account(account)
        return (PlainToyRest if self.toy.plain else ToyRest)(self.toy, account)

    def build_private_websocket_client(
        self, config: ToyConfig, *, account: str, rest_client: BasePrivateRestClient | None
    ) -> BasePrivateWebSocketClient:
        return ToyStreams(self.toy)

    def build_private_exchange(
        self,
        *,
        config: ToyConfig,
        account: str,
        rest_client: BasePrivateRestClient,
        websocket_client: BasePrivateWebSocketClient,
    ) -> ComposedPrivateExchange:
        return ComposedPrivateExchange(
            rest_client=rest_client, websocket_client=websocket_client, owns_rest=True, owns_websocket=True
        )


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toy]:
    """An exchange ``toy`` that is installed as any other, with a key in the environment, and nothing else around."""
    announced = tmp_path / "installed" / "toy-1.0.dist-info"
    announced.mkdir(parents=True)
    (announced / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (announced / "entry_points.txt").write_text("[cex.exchanges]\ntoy = cex_cli_toy:Factory\n")
    monkeypatch.syspath_prepend(str(announced.parent))
    module = ModuleType("cex_cli_toy")
    module.Factory = ToyFactory  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cex_cli_toy", module)
    monkeypatch.chdir(tmp_path)
    for half in ("API", "SECRET"):
        monkeypatch.setenv(f"CEX__EXCHANGES__TOY__ACCOUNTS__DEFAULT__{half}_KEY", f"canary-{half.lower()}")
    ToyFactory.toy = Toy()
    yield ToyFactory.toy
    assert ToyFactory.toy.open_clients == set()


@pytest.fixture
def make_config() -> type[ToyConfig]:
    return ToyConfig
