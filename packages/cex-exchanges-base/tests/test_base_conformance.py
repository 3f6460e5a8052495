"""The conformance kit against a venue in memory: it passes what is right, and finds what is wrong."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from cex.common import (
    Balance,
    BookDelta,
    BookSnapshot,
    BookTicker,
    Fill,
    Instrument,
    Kline,
    Order,
    OrderRequest,
    Symbol,
    Ticker,
    Trade,
)
from cex.common.clock import ManualClock
from cex.common.correlation import new_random
from cex.common.enums import (
    InstrumentStatus,
    KlineInterval,
    MarketType,
    Side,
    TimeInForce,
)
from cex.common.exceptions import ExchangeConnectionException, InsufficientBalanceException, RateLimitException
from cex.exchanges.base import ComposedPrivateExchange, ComposedPublicExchange, InstrumentCatalogue
from cex.exchanges.base.conformance import CASES, Case, Evidence, Need, Report, Verdict, run
from cex.exchanges.base.conformance.bench import Bench, same_book
from cex.exchanges.base.conformance.checks import check
from cex.exchanges.base.conformance.results import case
from cex.exchanges.base.interfaces import (
    BaseRestClient,
    BaseWebSocketClient,
    BookFacts,
    Channel,
    Connected,
    Interrupted,
    PrivateExchange,
    PublicExchange,
    Recovered,
    Stream,
    StreamHandlers,
)
from cex.exchanges.base.offers import not_offered
from cex.exchanges.base.orders import OrderPolicy

BTC = Symbol("BTC/USDT")
BID, ASK = Decimal("99.9"), Decimal("100.1")
InVirtualTime = Callable[[Callable[[ManualClock], Any]], None]


def listed() -> Instrument:
    return Instrument(
        symbol=BTC,
        exchange="venue",
        exchange_symbol="BTC_USDT",
        status=InstrumentStatus.TRADING,
        tick=Decimal("0.1"),
        step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        min_notional=Decimal(1),
    )


def levels(sequence: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """The whole book after ``sequence``: only the size of the best bid changes."""
    return [(99.9, 1.0 + sequence % 7), (99.8, 5.0)], [(100.1, 0.5), (100.2, 9.0)]


class Market:
    """A market whose book changes ten times a second, and its connection."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.sequence = 10
        self.faults: dict[str, int] = {}
        self.handlers: StreamHandlers | None = None
        self.streams: list[Stream] = []
        self.wrong = False

    def takes(self, fault: str) -> bool:
        left = self.faults.get(fault, 0)
        self.faults[fault] = max(0, left - 1)
        return left > 0

    def step(self) -> None:
        self.sequence += 1
        if self.handlers is None or self.takes("drop_delta"):
            return
        now = self.clock.time_ns()
        for channel, symbol, detail in self.streams:
            if channel is Channel.BOOK:
                bids, _ = levels(self.sequence)
                size = bids[0][1] + (0.5 if self.wrong else 0.0)
                self.handlers.on_book_delta(
                    BookDelta(symbol, self.sequence, self.sequence, [(99.9, size)], [], now, now)
                )
            elif channel is Channel.TRADES:
                self.handlers.on_trade(Trade(symbol, str(self.sequence), Side.BUY, 100.1, 1.0, now, now))
            elif channel is Channel.BOOK_TICKER:
                self.handlers.on_book_ticker(BookTicker(symbol, 99.9, 1.0, 100.1, 1.0))
            elif channel is Channel.TICKER:
                self.handlers.on_ticker(Ticker(symbol, 100.0))
            elif channel is Channel.KLINES:
                self.handlers.on_kline(candle(symbol, now // 60_000_000_000 * 60_000_000_000))
            else:
                bids, asks = levels(self.sequence)
                self.handlers.on_limited_book(BookSnapshot(symbol, self.sequence, bids, asks, int(detail)))

    def reset(self) -> None:
        if self.handlers is None:
            return
        handlers, streams, self.handlers = self.handlers, tuple(self.streams), None
        facts: dict[str, Any] = {"exchange": "venue", "at_ns": self.clock.time_ns(), "connection": 1}
        handlers.on_event(Interrupted(streams=streams, reason="reset", **facts))

        def back() -> None:
            if self.handlers is not None or self.streams != list(streams):
                return  # it was closed meanwhile
            self.handlers = handlers
            handlers.on_event(Connected(url="wss://venue.example", **facts))
            handlers.on_event(Recovered(streams=streams, **facts))

        asyncio.get_running_loop().call_later(0.5, back)


def candle(symbol: Symbol, open_ts: int) -> Kline:
    end = open_ts + 60_000_000_000
    return Kline(symbol, KlineInterval.M1, open_ts, end, 100.0, 101.0, 99.0, 100.5, 1.0, None, closed=False)


class MarketRest(BaseRestClient):
    exchange = "venue"
    kline_page = 50

    def __init__(self, market: Market) -> None:
        self.market = market
        self.instruments = InstrumentCatalogue("venue")

    async def load_instruments(self) -> InstrumentCatalogue:
        self.instruments.replace([listed()])
        return self.instruments

    async def server_time(self) -> int:
        await asyncio.sleep(0.001)
        return self.market.clock.time_ns()

    async def order_book_snapshot(self, symbol: str, depth: int | None = None, *, resync: bool = False) -> BookSnapshot:
        await asyncio.sleep(0.01)
        bids, asks = levels(self.market.sequence)
        return BookSnapshot(Symbol(symbol), self.market.sequence, bids, asks)

    async def recent_trades(self, symbol: str, limit: int = 100) -> list[Trade]:
        return [Trade(Symbol(symbol), str(number), Side.BUY, 100.0, 1.0, number) for number in range(3)]

    async def ticker(self, symbol: str) -> Ticker:
        if self.market.takes("rate_limited"):
            raise RateLimitException("slow down", "venue", retry_after=1.0)
        return Ticker(Symbol(symbol), 100.0, high=101.0, low=99.0)

    async def all_tickers(self, market: MarketType | None = None) -> dict[Symbol, Ticker]:
        return {BTC: await self.ticker(BTC)}

    def intervals(self, market: MarketType) -> tuple[KlineInterval, ...]:
        return (KlineInterval.M1,)

    async def klines_page(self, symbol: str, interval: KlineInterval, start_ts: int, end_ts: int) -> list[Kline]:
        return [candle(Symbol(symbol), ts) for ts in range(start_ts, end_ts, 60_000_000_000)]

    async def aclose(self) -> None: ...


class MarketSocket(BaseWebSocketClient):
    exchange = "venue"

    def __init__(self, market: Market) -> None:
        self.market = market
        self._handlers: StreamHandlers | None = None

    def book_facts(self, symbol: Symbol) -> BookFacts:
        return BookFacts(window=None, windowed_stream=False, snapshot_depth=50)

    def intervals(self, market: MarketType) -> tuple[KlineInterval, ...]:
        return (KlineInterval.M1,)

    def limited_levels(self, market: MarketType) -> tuple[int, ...]:
        return (5,)

    def attach(self, instruments: InstrumentCatalogue, handlers: StreamHandlers) -> None:
        self._handlers = handlers

    async def subscribe(self, streams: Sequence[Stream]) -> None:
        await asyncio.sleep(0.01)
        self.market.handlers = self._handlers
        self.market.streams += streams

    async def unsubscribe(self, streams: Sequence[Stream]) -> None:
        self.market.streams = [known for known in self.market.streams if known not in streams]

    def last_heard_ns(self, stream: Stream) -> int | None:
        return self.market.clock.monotonic_ns()

    def health(self) -> tuple[Any, ...]:
        return ()

    async def aclose(self) -> None:
        self.market.handlers, self.market.streams = None, []


class InMemory:
    """Both sides of the venue, its faults and its truth."""

    exchange = "venue"
    evidence = Evidence.UNIT
    symbol = "BTC/USDT"
    perpetual = None
    offers = (Need.ACCOUNT, Need.TRUTH)
    secrets = ("a-canary-secret",)
    faults = (
        "answer_late",
        "answer_lost",
        "cancel_races_fill",
        "drop_delta",
        "drop_push",
        "duplicate_fill",
        "fill_before_ack",
        "rate_limited",
        "request_lost",
        "reset",
        "server_error",
    )

    def __init__(self, clock: ManualClock, venue: Any, make_rest: Any, make_websocket: Any) -> None:
        self.clock = clock
        self.market = Market(clock)
        self.venue = venue
        venue.after_accept = self._matched
        self._make_rest, self._make_websocket = make_rest, make_websocket
        self._socket: Any = None
        self.again = False
        self.orders: dict[str, OrderRequest] = {}
        self.ticking = asyncio.get_running_loop().create_task(self._tick())

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            self.market.step()

    async def aclose(self) -> None:
        self.ticking.cancel()
        await asyncio.wait({self.ticking})

    def public_exchange(self) -> PublicExchange:
        return ComposedPublicExchange(
            rest_client=MarketRest(self.market),
            websocket_client=MarketSocket(self.market),
            owns_rest=True,
            owns_websocket=True,
            clock=self.clock,
            rng=new_random(1),
        )

    def private_exchange(self) -> PrivateExchange:
        self._socket = self._make_websocket(self.venue)
        return ComposedPrivateExchange(
            rest_client=self._make_rest(self.venue),
            websocket_client=self._socket,
            owns_rest=True,
            owns_websocket=True,
            policy=OrderPolicy(audit_every=5.0),
            clock=self.clock,
            rng=new_random(1),
        )

    @asynccontextmanager
    async def inject(self, fault: str, **settings: Any) -> AsyncIterator[None]:
        count = settings.get("count", 1)
        place = self.venue.faults.setdefault("place_order", [])
        if fault == "reset":
            self.market.reset()
            if self._socket is not None and self.venue.handlers is not None:
                self._socket.lose(self.clock.monotonic_ns())
        elif fault in ("answer_lost", "request_lost", "server_error") and settings.get("what") == "place":
            place += [{"answer_lost": "unanswered", "request_lost": "lost", "server_error": "lost"}[fault]] * count
        elif fault == "rate_limited" and settings.get("what") == "place":
            place += [RateLimitException("slow down", "venue", retry_after=1.0)]
        elif fault == "answer_late":
            self.venue.trip_s = 0.5
        elif fault == "duplicate_fill":
            self.again = True
        elif fault == "drop_push":
            self.venue.drop = 1_000
        elif fault == "cancel_races_fill":
            self.venue.before_cancel = lambda order_id: self._fill(self.venue.orders[order_id])
        self.market.faults[fault] = count
        try:
            yield
        finally:
            self.venue.drop, self.again, self.venue.trip_s, self.venue.before_cancel = 0, False, 0.01, None
            self.market.faults.clear()
            if fault == "reset" and self._socket is not None and self._socket.wanted:
                self._socket.restore()

    def _matched(self, order: Order, request: OrderRequest) -> None:
        if request.quantity is not None and request.quantity * (request.price or ASK) > 2000:
            del self.venue.orders[order.order_id]
            raise InsufficientBalanceException("too little", "venue", exchange_code="POOR")
        takes = request.price is None or (request.price >= ASK if request.side is Side.BUY else request.price <= BID)
        self.venue.push("balance", Balance(currency="USDT", free=Decimal(900), locked=Decimal(100)))
        if request.price == ASK:
            self.venue.trade(order.order_id, "0.5", str(ASK))  # all that is there at the best ask
        elif takes and request.time_in_force is not TimeInForce.POST_ONLY:
            self._fill(order)
        elif takes or request.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            self.venue.cancel(order.order_id)

    def _fill(self, order: Order) -> None:
        whole = order.quantity
        if whole is None:  # a market order by quote amount
            whole = Decimal("0.2")
            self.venue.orders[order.order_id] = order.replaced(quantity=whole, filled_quote=whole * ASK)
        price = ASK if order.side is Side.BUY else BID
        first = self.venue.trade(order.order_id, str(whole / 2), str(price))
        self.venue.trade(order.order_id, str(whole - whole / 2), str(price))
        if self.again:
            self.venue.push("fill", first)

    async def true_book(self, symbol: str, sequence: int) -> BookSnapshot | None:
        bids, asks = levels(sequence)
        return BookSnapshot(BTC, sequence, bids, asks)

    async def true_orders(self) -> list[Order]:
        known: list[Order] = list(self.venue.orders.values())
        return [
            order.replaced(
                filled_quote=sum(
                    (fill.price * fill.quantity for fill in self.venue.fills if fill.order_id == order.order_id),
                    Decimal(0),
                )
            )
            for order in known
        ]

    async def true_fills(self) -> list[Fill]:
        return list(self.venue.fills)

    async def true_balances(self) -> list[Balance]:
        return list(self.venue.balances)


@pytest.fixture
def proven(
    in_virtual_time: InVirtualTime, make_venue: Any, make_rest: Any, make_websocket: Any
) -> Callable[..., Report]:
    """Run cases against the venue in memory; ``spoil(venue)`` makes something wrong with it first."""

    def prove(*only: str, spoil: Callable[[InMemory], None] = lambda venue: None, **options: Any) -> Report:
        reports: list[Report] = []

        async def scenario(clock: ManualClock) -> None:
            venue = InMemory(clock, make_venue(clock), make_rest, make_websocket)
            spoil(venue)
            try:
                reports.append(await run(venue, only=only, **options))
            finally:
                await venue.aclose()

        in_virtual_time(scenario)
        return reports[0]

    return prove


def test_numbers_are_unique_and_there_are_enough() -> None:
    ids = [one.id for one in CASES]
    assert ids == sorted(set(ids))
    assert sum(name.startswith("TC-D") for name in ids) >= 15
    assert sum(name.startswith("TC-E") for name in ids) >= 20


def test_a_right_one_passes_whatever_applies(proven: Callable[..., Report]) -> None:
    told: list[str] = []
    report = proven(on_result=lambda result: told.append(result.case.id))
    assert report.failed == (), report.table()
    assert report.count(Verdict.PASS) >= 50, report.table()
    assert told == [one.id for one in CASES]
    text = report.table()
    assert text.startswith("conformance of venue (evidence: unit)")
    assert "TC-E63  n/a" in text
    assert "the venue cannot inject listen_key_expired" in text
    assert text.endswith(
        f"{len(CASES)} cases: {report.count(Verdict.PASS)} pass, 0 fail, {report.count(Verdict.NOT_APPLICABLE)} n/a"
    )
    counts = report.as_dict()["counts"]
    assert counts == {str(verdict): report.count(verdict) for verdict in Verdict}


def test_a_wrong_book_is_found(proven: Callable[..., Report]) -> None:
    def spoil(venue: InMemory) -> None:
        venue.market.wrong = True

    report = proven("TC-D21", spoil=spoil)
    assert "a live book is wrong at" in report.failed[0].reason


def test_money_that_is_not_told_is_found(proven: Callable[..., Report]) -> None:
    def spoil(venue: InMemory) -> None:
        right = venue.true_balances

        async def wrong() -> list[Balance]:
            return [*(await right()), Balance(currency="BTC", free=Decimal(1))]

        venue.true_balances = wrong  # type: ignore[method-assign]

    assert "BTC, in truth 1" in proven("TC-E01", spoil=spoil).failed[0].reason


def test_a_fill_that_nobody_told_is_found(proven: Callable[..., Report]) -> None:
    def spoil(venue: InMemory) -> None:
        right = venue.true_fills

        async def wrong() -> list[Fill]:
            fills = await right()
            return [*fills, fills[-1].replaced(trade_id="more")] if fills else []

        venue.true_fills = wrong  # type: ignore[method-assign]

    failed = proven("TC-E05", "TC-E55", spoil=spoil).failed
    assert [result.reason.split(" (")[0] for result in failed] == ["2 fills are listed of 3", "a fill was missed"]


def test_an_order_that_is_sent_twice_is_found(proven: Callable[..., Report]) -> None:
    def spoil(venue: InMemory) -> None:
        right = venue.true_orders

        async def wrong() -> list[Order]:
            orders = await right()
            return orders + orders

        venue.true_orders = wrong  # type: ignore[method-assign]

    failed = proven("TC-E50", "TC-E30", spoil=spoil).failed
    assert {result.reason for result in failed} == {"the venue does not have it once", "the venue has two"}


def of(run_case: Callable[[Bench], Awaitable[None]], *needs: Need) -> Case:
    return case("TC-X01", "made for this test", *needs)(run_case)


def test_however_a_case_ends_the_report_says_it(proven: Callable[..., Report]) -> None:
    async def fails(bench: Bench) -> None:
        check(False, "it is otherwise")

    async def raises(bench: Bench) -> None:
        raise ExchangeConnectionException("secret=canary-of-a-case", "venue")

    async def hangs(bench: Bench) -> None:
        await asyncio.sleep(1000)

    async def times_out(bench: Bench) -> None:
        raise TimeoutError("its own")

    async def is_not_there(bench: Bench) -> None:
        raise not_offered("venue", "such things", operation="test")

    async def litters(bench: Bench) -> None:
        litter.append(asyncio.get_running_loop().create_task(asyncio.sleep(200), name="cex-forgotten"))

    litter: list[asyncio.Task[None]] = []
    cases = [of(one) for one in (fails, raises, hangs, times_out, is_not_there, litters)]
    cases.append(of(fails, Need.FUTURES))

    async def tidy(bench: Bench) -> None:
        litter[0].cancel()
        await asyncio.wait(litter)

    report = proven(cases=[*cases, of(tidy)], timeout=30.0)
    assert [result.verdict for result in report.results] == [Verdict.FAIL] * 4 + [
        Verdict.NOT_APPLICABLE,
        Verdict.FAIL,
        Verdict.NOT_APPLICABLE,
        Verdict.PASS,
    ]
    reasons = [result.reason for result in report.results]
    assert reasons[0] == "it is otherwise"
    assert reasons[1].startswith("raised ExchangeConnectionException")
    assert "canary" not in reasons[1]
    assert reasons[2] == "not done within 30 s"
    assert reasons[3] == "raised TimeoutError: its own"
    assert reasons[4] == "venue does not offer such things"
    assert reasons[5] == "left tasks behind: cex-forgotten"
    assert reasons[6] == "there is not a perpetual"


def test_books_are_compared_level_by_level() -> None:
    from cex.common import BookView, PriceLevel
    from cex.common.enums import BookState

    def view(*bids: tuple[float, float]) -> BookView:
        made = tuple(itertools.starmap(PriceLevel, bids))
        return BookView(
            symbol=BTC,
            state=BookState.LIVE,
            reason="",
            sequence=1,
            exchange_ts=0,
            received_ts=0,
            bids=made,
            asks=(),
        )

    assert same_book(view((2.0, 1.0)), [(2.0, 1.0)], []) is None
    assert same_book(view((2.0, 1.0)), [(2.0, 3.0)], []) == "bids[0] is (2.0, 1.0), and in truth (2.0, 3.0)"
    assert same_book(view(), [(2.0, 1.0)] * 2, [], levels=2) == "0 bids where there are at least 2"
