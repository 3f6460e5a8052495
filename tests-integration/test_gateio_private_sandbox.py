"""An account of Gate.io through our client, on both roads, held against the sandbox's own books."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cex.common import Balance, Fill, Order, OrderRequest, Position, Symbol
from cex.common.enums import (
    MarginMode,
    MarketType,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    TransferStatus,
)
from cex.common.exceptions import (
    AuthenticationException,
    ConfigurationException,
    ExchangeRejectedException,
    InsufficientBalanceException,
    InvalidOrderException,
    OrderNotFoundException,
)
from cex.exchanges.base.interfaces import (
    ExchangeEvent,
    OrderConflict,
    PrivateInterrupted,
    PrivateRecovered,
    Undecodable,
)
from cex.exchanges.base.orders import OrderPolicy
from cex.exchanges.gateio import GateioConfig, GateioPrivateExchange
from cex.sandbox import AccountPlan, GateioOptions, Sandbox
from cex.sandbox.accounts.directory import Permission
from cex.sandbox.accounts.futures.orders import FuturesFill, FuturesTicket
from cex.sandbox.accounts.ledger import SPOT
from cex.sandbox.accounts.orders import AccountFill, AccountOrder, Ticket

BTC, PERP = Symbol("BTC/USDT"), Symbol("BTC/USDT:USDT")
LOT = Decimal("0.002")
NS = 10**9
BIG_ID = 2**53 + 10
READER = AccountPlan(venue="gateio", name="reader", permissions=frozenset({Permission.READ}))
ROADS = ("rest", "websocket")


class Books:
    """The sandbox's truth about the account ``main`` of Gate.io."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.spot = sandbox.desks["gateio"].spot
        futures = sandbox.desks["gateio"].futures
        account = sandbox.accounts["gateio"].by_uid(sandbox.credentials["gateio"].uid)
        assert futures is not None
        assert account is not None
        self.futures, self.account = futures, account

    @property
    def orders(self) -> dict[str, AccountOrder]:
        return {order.client_id: order for order in self.spot.orders(self.account)}

    @property
    def spot_fills(self) -> list[AccountFill]:
        return list(self.spot.fills(self.account))

    @property
    def futures_fills(self) -> list[FuturesFill]:
        return list(self.futures.portfolio(self.account).fills)

    def counts(self, symbol: Symbol) -> int:
        """How many orders the exchange has of this symbol, resting or over."""
        if symbol.settle is None:
            return len(self.orders)
        return len(self.futures.orders(self.account, symbol))

    @property
    def quantity(self) -> Decimal:
        """What all fills of both markets add up to, in base units."""
        contracts = sum((abs(fill.size) for fill in self.futures_fills), Decimal(0))
        return sum((fill.quantity for fill in self.spot_fills), contracts * Decimal("0.0001"))

    def held(self) -> dict[str, tuple[Decimal, Decimal]]:
        holdings = self.sandbox.ledgers["gateio"].holdings(self.account.uid, SPOT)
        return {asset: (held.free, held.locked) for asset, held in holdings.items() if held.free or held.locked}

    def price(self, symbol: Symbol, side: Side, times: str = "1") -> Decimal:
        """The best price that ``side`` would trade at, times a factor, on the grid."""
        book = self.sandbox.truth("gateio", symbol)
        price, _ = (book.asks if side is Side.BUY else book.bids)[0]
        return (Decimal(price) * Decimal(times)).quantize(Decimal("0.1"))

    def buy_behind_our_back(self, symbol: Symbol) -> None:
        """A market order of the same account that our client did not send."""
        if symbol.settle is None:
            ticket = Ticket(
                symbol=symbol,
                side=Side.BUY,
                kind=OrderType.MARKET,
                quote_quantity=Decimal(200),
                time_in_force=TimeInForce.IOC,
            )
            self.spot.place(self.account, ticket)
        else:
            self.futures.place(
                self.account, FuturesTicket(symbol=symbol, size=Decimal(20), price=None, time_in_force=TimeInForce.IOC)
            )


class Watched:
    """An open account, and everything that it tells."""

    def __init__(self, exchange: GateioPrivateExchange) -> None:
        self.exchange = exchange
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        self.balances: dict[tuple[MarketType, str], Balance] = {}
        self.positions: list[Position] = []
        self.events: list[ExchangeEvent] = []
        exchange.on_event(self.events.append)

    def told(self, *kinds: type[ExchangeEvent]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]

    @property
    def quantity(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), Decimal(0))

    def last(self, client_id: str | None) -> Order:
        known = self.exchange.tracked_order(client_order_id=client_id)
        assert known is not None
        return known

    async def read(self) -> None:
        async with asyncio.TaskGroup() as readers:
            readers.create_task(self._read_orders())
            readers.create_task(self._read_fills())
            readers.create_task(self._read_balances())
            readers.create_task(self._read_positions())

    async def _read_orders(self) -> None:
        async for order in self.exchange.orders():
            self.orders.append(order)

    async def _read_fills(self) -> None:
        async for fill in self.exchange.fills():
            self.fills.append(fill)

    async def _read_balances(self) -> None:
        async for balance in self.exchange.balance_updates():
            self.balances[balance.market, balance.currency] = balance

    async def _read_positions(self) -> None:
        async for position in self.exchange.position_updates():
            self.positions.append(position)


def settings(sandbox: Sandbox, road: str = "rest", **account: Any) -> GateioConfig:
    main, reader = sandbox.credentials["gateio"], sandbox.credentials_of("gateio", "reader")
    accounts = {
        "default": {"api_key": main.key, "secret_key": main.secret, **account},
        "reader": {"api_key": reader.key, "secret_key": reader.secret},
        "stranger": {"api_key": "0" * 32, "secret_key": main.secret},
        "forger": {"api_key": main.key, "secret_key": "0" * 64},
    }
    return GateioConfig.model_validate(
        {"endpoints": sandbox.endpoints["gateio"], "accounts": accounts, "order_entry": road, "order_validity": 1}
    )


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (conditions of many kinds, on both ends)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def watching(sandbox: Sandbox, road: str = "rest", policy: OrderPolicy | None = None) -> AsyncIterator[Watched]:
    async with GateioPrivateExchange(config=settings(sandbox, road), policy=policy) as exchange:
        watched = Watched(exchange)
        await exchange.subscribe()
        reading = asyncio.create_task(watched.read())
        await asyncio.sleep(0)
        yield watched
    await reading
    assert watched.told(OrderConflict, Undecodable) == []


@pytest.fixture
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    marker = request.node.get_closest_marker("parametrize")
    options = request.node.callspec.params.get("options", {}) if marker else {}
    gateio = GateioOptions(**{"limits": {"spot orders": 1000}, "futures_first_order_id": BIG_ID, **options})
    accounts = [AccountPlan(venue="gateio", name="main"), READER]
    async with Sandbox(seed=7, accounts=accounts, gateio=gateio) as running:
        yield running


@pytest.fixture
def books(sandbox: Sandbox) -> Books:
    return Books(sandbox)


@pytest.fixture
async def watched(sandbox: Sandbox) -> AsyncIterator[Watched]:
    async with watching(sandbox) as one:
        yield one


def order(symbol: Symbol = BTC, **changes: Any) -> OrderRequest:
    facts: dict[str, Any] = {"symbol": symbol, "side": Side.BUY, "order_type": OrderType.MARKET}
    if not {"quote_quantity", "close_position"} & changes.keys():
        facts["quantity"] = LOT
    if "price" in changes:
        facts["order_type"] = OrderType.LIMIT
    return OrderRequest(**(facts | changes))


# ---- orders ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("road", ROADS)
async def test_every_kind_of_spot_order_ends_as_in_the_books(sandbox: Sandbox, books: Books, road: str) -> None:
    async with watching(sandbox, road) as watched:
        far, near = books.price(BTC, Side.BUY, "0.9"), books.price(BTC, Side.BUY, "1.01")
        requests = [
            order(price=near),
            order(price=near, time_in_force=TimeInForce.IOC),
            order(price=far, time_in_force=TimeInForce.IOC),
            order(side=Side.SELL),
            order(quote_quantity=Decimal("300.77")),
        ]
        placed = [await watched.exchange.place_order(request) for request in requests]
        await until(lambda: all(watched.last(one.client_order_id).status.is_final for one in placed))
        await until(lambda: len(watched.fills) == len(books.spot_fills))
        for one in placed:
            ours, truth = watched.last(one.client_order_id), books.orders[str(one.client_order_id)]
            assert (ours.status, ours.side) == (truth.status, truth.side) or ours.status is OrderStatus.EXPIRED
            assert (ours.filled, ours.filled_quote or Decimal(0)) == (truth.filled, truth.filled_quote)
            assert ours.fees == {currency: fee for currency, fee in truth.fees.items() if fee}
        ended = [watched.last(one.client_order_id).status for one in placed]
        filled = OrderStatus.FILLED
        assert ended == [filled, filled, OrderStatus.EXPIRED, filled, filled]
        for time_in_force, price, code in (
            (TimeInForce.POST_ONLY, near, "POC_FILL_IMMEDIATELY"),
            (TimeInForce.FOK, far, "FOK_NOT_FILL"),
        ):
            with pytest.raises(ExchangeRejectedException) as refused:
                await watched.exchange.place_order(order(price=price, time_in_force=time_in_force))
            assert refused.value.exchange_code == code


@pytest.mark.parametrize("road", ROADS)
async def test_every_kind_of_futures_order_ends_as_in_the_books(sandbox: Sandbox, books: Books, road: str) -> None:
    async with watching(sandbox, road) as watched:
        far, near = books.price(PERP, Side.BUY, "0.9"), books.price(PERP, Side.BUY, "1.01")
        requests = [
            order(PERP, price=near),
            order(PERP, price=far, time_in_force=TimeInForce.IOC),
            order(PERP, side=Side.SELL),
            order(PERP, side=Side.SELL, quantity=Decimal("0.0053")),
            order(PERP, reduce_only=True, quantity=Decimal("0.0001")),
        ]
        placed = [await watched.exchange.place_order(request) for request in requests]
        await until(lambda: all(watched.last(one.client_order_id).status.is_final for one in placed))
        await until(lambda: len(watched.fills) == len(books.futures_fills))
        assert all(int(one.order_id) > 2**53 for one in placed)
        ended = [watched.last(one.client_order_id) for one in placed]
        assert [one.status.value for one in ended] == ["filled", "expired", "filled", "filled", "filled"]
        assert [one.filled for one in ended] == [LOT, 0, LOT, Decimal("0.0053"), Decimal("0.0001")]
        assert watched.quantity == books.quantity
        (position,) = await watched.exchange.positions()
        assert position.quantity == Decimal("-0.0052")
        closed = await watched.exchange.close_position(PERP)
        assert (closed.status, closed.side, closed.filled) == (OrderStatus.FILLED, Side.BUY, Decimal("0.0052"))
        assert await watched.exchange.positions() == []
        await until(lambda: watched.positions and watched.positions[-1].quantity == 0)
        await until(lambda: watched.quantity == books.quantity)


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("symbol", [BTC, PERP], ids=str)
async def test_an_order_rests_is_changed_found_and_canceled(
    sandbox: Sandbox, books: Books, road: str, symbol: Symbol
) -> None:
    async with watching(sandbox, road) as watched:
        exchange, far = watched.exchange, books.price(symbol, Side.SELL, "1.05")
        resting = await exchange.place_order(order(symbol, side=Side.SELL, price=far))
        assert [one.order_id for one in await exchange.open_orders(symbol)] == [resting.order_id]
        assert [one.order_id for one in await exchange.open_orders()] == [resting.order_id]
        changed = await exchange.amend_order(symbol, order_id=resting.order_id, price=far + 1, quantity=2 * LOT)
        assert (changed.price, changed.quantity) == (far + 1, 2 * LOT)
        by_id = await exchange.order(symbol, order_id=resting.order_id)
        by_client_id = await exchange.order(symbol, client_order_id=resting.client_order_id)
        assert by_id.order_id == by_client_id.order_id
        ended = await exchange.cancel_order(symbol, client_order_id=resting.client_order_id)
        assert (ended.status, ended.filled, ended.side) == (OrderStatus.CANCELED, Decimal(0), Side.SELL)
        assert await exchange.open_orders() == []
        assert (await exchange.cancel_order(symbol, order_id=resting.order_id)).status is OrderStatus.CANCELED
        with pytest.raises(OrderNotFoundException):
            await exchange.cancel_order(symbol, order_id="1")
        with pytest.raises(OrderNotFoundException):
            await exchange.order(symbol, client_order_id="t-nobody")


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("symbol", [BTC, PERP], ids=str)
async def test_batches_and_canceling_all(sandbox: Sandbox, books: Books, road: str, symbol: Symbol) -> None:
    async with watching(sandbox, road) as watched:
        far = books.price(symbol, Side.BUY, "0.9")
        requests = [order(symbol, price=far - number) for number in range(3)]
        requests.insert(1, order(symbol, price=far, quantity=Decimal(5)))
        outcomes = await watched.exchange.place_orders(requests)
        assert isinstance(outcomes[1], InsufficientBalanceException)
        placed = [outcome for outcome in outcomes if isinstance(outcome, Order)]
        assert [one.price for one in placed] == [far, far - 1, far - 2]
        ended = await watched.exchange.cancel_all_orders(everything=True)
        assert {(one.order_id, one.status) for one in ended} == {(one.order_id, OrderStatus.CANCELED) for one in placed}
        assert await watched.exchange.open_orders() == []


@pytest.mark.parametrize("symbol", [BTC, PERP], ids=str)
async def test_a_trigger_order_fires_and_is_the_same_order(sandbox: Sandbox, books: Books, symbol: Symbol) -> None:
    async with watching(sandbox, "websocket") as watched:
        exchange, last = watched.exchange, books.price(symbol, Side.SELL)
        low, high = (last * Decimal("0.9999")).quantize(Decimal(1)), (last * Decimal("1.0001")).quantize(Decimal(1))
        price = (last * Decimal("0.98")).quantize(Decimal(1))
        waiting = [
            await exchange.place_order(
                order(symbol, side=Side.SELL, price=price, trigger_price=trigger).replaced(order_type=kind)
            )
            for kind, trigger in ((OrderType.STOP_LOSS, low), (OrderType.TAKE_PROFIT, high))
        ]
        assert {one.status for one in waiting} == {OrderStatus.NEW}
        assert len(await exchange.open_orders(symbol)) + books.counts(symbol) >= 2

        def fired() -> list[Order]:
            known = [watched.last(one.client_order_id) for one in waiting]
            return [one for one in known if one.status is OrderStatus.FILLED]

        await until(fired, 20)
        (first, *_) = fired()
        assert first.order_id
        assert first.filled == LOT
        assert (await exchange.order(symbol, client_order_id=first.client_order_id)).order_id == first.order_id
        await exchange.cancel_all_orders(symbol)
        await until(lambda: all(watched.last(one.client_order_id).status.is_final for one in waiting))


@pytest.mark.parametrize("options", [{"post_only": "cancelled", "fok": "cancelled", "market_buy_residue": "cancelled"}])
async def test_the_other_ways_that_are_not_documented(sandbox: Sandbox, books: Books, options: dict[str, str]) -> None:
    async with watching(sandbox) as watched:
        near = books.price(BTC, Side.BUY, "1.01")
        killed = await watched.exchange.place_order(order(price=near, time_in_force=TimeInForce.POST_ONLY))
        assert (killed.status, killed.finish_reason) == (OrderStatus.EXPIRED, "poc")
        bought = await watched.exchange.place_order(order(quote_quantity=Decimal("300.77")))
        assert bought.status is OrderStatus.FILLED


async def test_refusals(watched: Watched, books: Books) -> None:
    exchange, far = watched.exchange, books.price(BTC, Side.BUY, "0.9")
    with pytest.raises(InvalidOrderException, match="below the minimum"):
        await exchange.place_order(order(price=far, quantity=Decimal("0.00001")))
    with pytest.raises(InsufficientBalanceException):
        await exchange.place_order(order(price=far, quantity=Decimal(20)))
    with pytest.raises(InsufficientBalanceException):
        await exchange.place_order(order(PERP, quantity=Decimal(5)))
    with pytest.raises(InvalidOrderException, match="single mode"):
        await exchange.place_order(order(PERP, position_side=PositionSide.LONG))
    assert books.orders == {}


# ---- positions -------------------------------------------------------------------------------------------------------


async def test_leverage_and_margin_modes(watched: Watched, books: Books) -> None:
    exchange = watched.exchange
    await exchange.set_leverage(PERP, Decimal(7))  # of a contract that was never touched
    await exchange.place_order(order(PERP))
    (position,) = await exchange.positions()
    assert (position.margin_mode, position.leverage) == (MarginMode.CROSS, Decimal(7))
    for _ in range(2):
        await exchange.set_margin_mode(PERP, MarginMode.ISOLATED)
    await exchange.set_leverage(PERP, Decimal(9))
    (position,) = await exchange.positions()
    assert (position.margin_mode, position.leverage) == (MarginMode.ISOLATED, Decimal(9))
    assert position.quantity == LOT
    assert position.unrealised_pnl is not None
    now = await exchange.server_time()
    assert await exchange.funding_payments(PERP, now - NS, now) == []


async def test_positions_that_are_held_apart(sandbox: Sandbox, books: Books) -> None:
    books.account.dual_mode = True
    async with watching(sandbox) as watched:
        exchange = watched.exchange
        for side, position in ((Side.BUY, PositionSide.LONG), (Side.SELL, PositionSide.SHORT)):
            await exchange.place_order(order(PERP, side=side, position_side=position))
        held = {one.side: one.quantity for one in await exchange.positions()}
        assert held == {PositionSide.LONG: LOT, PositionSide.SHORT: -LOT}
        await exchange.set_leverage(PERP, Decimal(5))
        closed = await exchange.close_position(PERP, side=PositionSide.LONG)
        assert (closed.side, closed.filled) == (Side.SELL, LOT)
        (left,) = await exchange.positions()
        assert left.side is PositionSide.SHORT


# ---- money -----------------------------------------------------------------------------------------------------------


async def test_fills_and_balances_are_those_of_the_books(watched: Watched, books: Books) -> None:
    exchange = watched.exchange
    began = await exchange.server_time() - NS
    for number in range(4):
        side = (Side.BUY, Side.SELL)[number % 2]
        await exchange.place_order(order(PERP, side=side))
        await exchange.place_order(order(quote_quantity=Decimal(200)) if side is Side.BUY else order(side=side))
    await until(lambda: len(watched.fills) == len(books.spot_fills) + len(books.futures_fills))
    spot = [fill for fill in watched.fills if fill.symbol == BTC]
    assert [(fill.price, fill.quantity, fill.fee, fill.fee_currency) for fill in spot] == [
        (fill.price, fill.quantity, fill.fee, fill.fee_asset) for fill in books.spot_fills
    ]
    futures = [fill for fill in watched.fills if fill.symbol == PERP]
    assert [(fill.price, fill.quantity, fill.fee) for fill in futures] == [
        (fill.price, abs(fill.size) * Decimal("0.0001"), fill.fee) for fill in books.futures_fills
    ]
    held = {one.currency: (one.free, one.locked) for one in await exchange.balances(MarketType.SPOT)}
    assert held == books.held()
    await until(lambda: watched.balances[MarketType.SPOT, "USDT"].free == books.held()["USDT"][0])
    (margin,) = await exchange.balances(MarketType.FUTURES)
    await until(lambda: watched.balances[MarketType.FUTURES, "USDT"].locked == margin.locked)
    ended_ts = await exchange.server_time() + NS
    for symbol, pushed in ((BTC, spot), (PERP, futures)):
        listed = await exchange.fill_history(symbol, began, ended_ts)
        assert {fill.trade_id for fill in listed} == {fill.trade_id for fill in pushed}
        of_one = listed[0].order_id
        narrowed = await exchange.fill_history(symbol, began, ended_ts, order_id=of_one)
        assert {fill.order_id for fill in narrowed} == {of_one}
        history = await exchange.order_history(symbol, began, ended_ts)
        assert len(history) == 4
        assert await exchange.order_history(symbol, began - 5 * NS, began) == []


async def test_wallet(sandbox: Sandbox, books: Books) -> None:
    async with GateioPrivateExchange.from_config(settings(sandbox)) as exchange:
        assert (await exchange.fees("BTC/USDT")).taker == Decimal("0.002")
        assert (await exchange.fees("BTC/USDT:USDT")).taker == Decimal("0.0005")
        networks = await exchange.networks("USDT")
        assert {way.network for way in networks} <= {way.network for way in await exchange.networks()}
        address = await exchange.deposit_address("USDT", networks[0].network)
        before = books.held()["USDT"][0]
        moved = await exchange.transfer("USDT", Decimal(5), MarketType.SPOT, MarketType.FUTURES)
        assert moved.status is TransferStatus.COMPLETED
        assert books.held()["USDT"][0] == before - 5
        now = await exchange.server_time()
        assert await exchange.deposits(now - 40 * 86_400 * NS, now) == []
        with pytest.raises(ConfigurationException, match="withdrawals"):
            await exchange.withdraw("USDT", Decimal(20), address.address, networks[0].network)
    async with GateioPrivateExchange.from_config(settings(sandbox, withdrawals=True)) as exchange:
        sent = await exchange.withdraw("USDT", Decimal(50), address.address, networks[0].network)
        assert sent.status is TransferStatus.PENDING
        now = await exchange.server_time()
        (told,) = await exchange.withdrawals(now - 86_400 * NS, now + NS)
        assert (told.withdrawal_id, told.currency) == (sent.withdrawal_id, "USDT")


async def test_a_unified_account(sandbox: Sandbox, books: Books) -> None:
    books.account.unified_mode = "multi_currency"
    async with watching(sandbox) as watched:
        held = await watched.exchange.balances()
        assert {one.market for one in held} == {MarketType.SPOT}
        assert {one.currency for one in held} >= {"USDT", "BTC"}
        bought = await watched.exchange.place_order(order(quote_quantity=Decimal(100)))
        assert bought.status is OrderStatus.FILLED


# ---- losses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["reset", "close"])
async def test_after_a_loss_every_fill_is_told_once(
    sandbox: Sandbox, watched: Watched, books: Books, loss: str
) -> None:
    for symbol in (BTC, PERP):
        books.buy_behind_our_back(symbol)
    await until(lambda: watched.quantity == books.quantity)
    sandbox.faults.add(loss, venue="gateio")
    await until(lambda: len(watched.told(PrivateInterrupted)) == 2)
    for symbol in (BTC, PERP):
        books.buy_behind_our_back(symbol)
    await until(lambda: watched.exchange.is_whole and watched.told(PrivateRecovered))
    for symbol in (BTC, PERP):
        books.buy_behind_our_back(symbol)
    await until(lambda: watched.quantity == books.quantity)
    assert len({(fill.symbol, fill.trade_id) for fill in watched.fills}) == len(watched.fills)


@pytest.mark.parametrize("symbol", [BTC, PERP], ids=str)
@pytest.mark.parametrize("fault", ["answer_lost", "request_lost", "server_error"])
@pytest.mark.parametrize("options", [{}, {"text_lookup": 0.0, "futures_text_lookup": 0.0}], ids=["found", "forgotten"])
async def test_an_order_is_never_in_doubt_for_long_and_never_doubled(
    sandbox: Sandbox, books: Books, symbol: Symbol, fault: str, options: dict[str, float]
) -> None:
    async with watching(sandbox, policy=OrderPolicy(clock_margin=0.1, query_most=0.3)) as watched:
        sandbox.faults.add(fault, venue="gateio", endpoint="POST */orders", count=1)
        request = order(symbol, side=Side.SELL, client_order_id="t-mine")
        if fault == "answer_lost":
            found = await watched.exchange.place_order(request)
            await until(lambda: watched.last("t-mine").status is OrderStatus.FILLED)
            assert found.order_id
            assert books.counts(symbol) == 1
        else:
            with pytest.raises(ExchangeRejectedException, match="was not placed"):
                await watched.exchange.place_order(request)
            assert books.counts(symbol) == 0
        assert sandbox.faults.injected[fault] == 1


async def test_pushes_in_any_order_make_the_same_orders(sandbox: Sandbox, watched: Watched, books: Books) -> None:
    for kind in ("duplicate_push", "fill_before_order", "reorder_pushes"):
        sandbox.faults.add(kind, venue="gateio", probability=0.5)
    placed = [
        await watched.exchange.place_order(order(symbol, side=Side.SELL)) for symbol in (BTC, PERP) for _ in range(5)
    ]
    await until(lambda: watched.quantity == books.quantity)
    await until(lambda: all(watched.last(one.client_order_id).status is OrderStatus.FILLED for one in placed))
    assert len({(fill.symbol, fill.trade_id) for fill in watched.fills}) == len(watched.fills)


# ---- keys and clocks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("road", ROADS)
async def test_a_step_of_the_clock_costs_no_order(sandbox: Sandbox, books: Books, road: str) -> None:
    async with watching(sandbox, road) as watched:
        await watched.exchange.place_order(order(quote_quantity=Decimal(50)))
        for step in (90.0, -90.0):
            sandbox.faults.add("clock_step", venue="gateio", seconds=step)
            await watched.exchange.server_time()
            await watched.exchange.place_order(order(quote_quantity=Decimal(50)))
        assert len(books.orders) == 3


@pytest.mark.parametrize(("account", "code"), [("stranger", "INVALID_KEY"), ("forger", "INVALID_SIGNATURE")])
async def test_keys_that_are_not_good(sandbox: Sandbox, account: str, code: str) -> None:
    async with GateioPrivateExchange.from_config(settings(sandbox), account) as exchange:
        with pytest.raises(AuthenticationException) as caught:
            await exchange.balances()
        with pytest.raises(ExchangeRejectedException):
            await exchange.subscribe()
    assert caught.value.exchange_code == code
    assert caught.value.safe_to_resubmit


@pytest.mark.parametrize("road", ROADS)
async def test_a_key_that_may_only_read(sandbox: Sandbox, books: Books, road: str) -> None:
    async with GateioPrivateExchange.from_config(settings(sandbox, road), "reader") as exchange:
        assert await exchange.balances() != []
        with pytest.raises(AuthenticationException):
            await exchange.place_order(order(price=books.price(BTC, Side.BUY, "0.9")))


async def test_the_readme_example_runs(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    readme = Path(__file__).parents[1] / "packages" / "cex-exchanges-gateio" / "README.md"
    names: dict[str, Any] = {"__name__": "readme"}
    for code in re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(code, "README.md", "exec"), names)
    await names["trade"](settings(sandbox))
    told = capsys.readouterr().out.splitlines()
    assert told[-2].endswith(" new")
    assert told[-1] == "canceled 0"
