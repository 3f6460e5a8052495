"""An account of MEXC through our client, held against the sandbox's own books: orders, fills, money, and every loss."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from cex.common import Balance, Fill, Order, OrderRequest, Symbol
from cex.common.enums import MarketType, OrderStatus, OrderType, Side, TimeInForce, TransferStatus
from cex.common.exceptions import (
    AuthenticationException,
    ConfigurationException,
    ExchangeRejectedException,
    InsufficientBalanceException,
    InvalidOrderException,
    OrderNotFoundException,
)
from cex.exchanges.base.interfaces import ExchangeEvent, OrderConflict, PrivateInterrupted, PrivateRecovered
from cex.exchanges.base.orders import OrderPolicy
from cex.exchanges.mexc import MexcConfig, MexcPrivateExchange, MexcPrivateRestClient
from cex.sandbox import AccountPlan, Sandbox
from cex.sandbox.accounts.directory import Permission
from cex.sandbox.accounts.ledger import SPOT
from cex.sandbox.accounts.orders import AccountFill, AccountOrder, Ticket

BTC = Symbol("BTC/USDT")
ZERO = Decimal(0)
LOT = Decimal("0.01")
NS = 10**9
READER = AccountPlan(venue="mexc", name="reader", permissions=frozenset({Permission.READ}))


class Books:
    """The sandbox's truth about the account ``main`` of MEXC."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.desk = sandbox.desks["mexc"].spot
        account = sandbox.accounts["mexc"].by_uid(sandbox.credentials["mexc"].uid)
        assert account is not None
        self.account = account

    @property
    def orders(self) -> dict[str, AccountOrder]:
        return {order.client_id: order for order in self.desk.orders(self.account)}

    @property
    def fills(self) -> list[AccountFill]:
        return list(self.desk.fills(self.account))

    def held(self) -> dict[str, tuple[Decimal, Decimal]]:
        holdings = self.sandbox.ledgers["mexc"].holdings(self.account.uid, SPOT)
        return {asset: (held.free, held.locked) for asset, held in holdings.items() if held.free or held.locked}

    def price(self, side: Side, times: str = "1") -> Decimal:
        """The best price that ``side`` would trade at, times a factor, on the grid."""
        book = self.sandbox.truth("mexc", BTC)
        price, _ = (book.asks if side is Side.BUY else book.bids)[0]
        return (Decimal(price) * Decimal(times)).quantize(Decimal("0.01"))

    def buy_behind_our_back(self, quantity: Decimal = LOT) -> None:
        """A market order of the same account that our client did not send."""
        ticket = Ticket(symbol=BTC, side=Side.BUY, kind=OrderType.MARKET, quantity=quantity)
        self.desk.place(self.account, ticket)


class Watched:
    """An open account, and everything that it tells."""

    def __init__(self, exchange: MexcPrivateExchange) -> None:
        self.exchange = exchange
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        self.balances: dict[str, Balance] = {}
        self.events: list[ExchangeEvent] = []
        exchange.on_event(self.events.append)

    def told(self, kind: type[ExchangeEvent]) -> list[Any]:
        return [event for event in self.events if type(event) is kind]

    async def read(self) -> None:
        async with asyncio.TaskGroup() as readers:
            readers.create_task(self._read_orders())
            readers.create_task(self._read_fills())
            readers.create_task(self._read_balances())

    async def _read_orders(self) -> None:
        async for order in self.exchange.orders():
            self.orders.append(order)

    async def _read_fills(self) -> None:
        async for fill in self.exchange.fills():
            self.fills.append(fill)

    async def _read_balances(self) -> None:
        async for balance in self.exchange.balance_updates():
            self.balances[balance.currency] = balance


def settings(sandbox: Sandbox, **account: Any) -> MexcConfig:
    main, reader = sandbox.credentials["mexc"], sandbox.credentials_of("mexc", "reader")
    accounts = {
        "default": {"api_key": main.key, "secret_key": main.secret, **account},
        "reader": {"api_key": reader.key, "secret_key": reader.secret},
        "stranger": {"api_key": "mx0vNobodyKnowsMe1", "secret_key": main.secret},
        "forger": {"api_key": main.key, "secret_key": "0" * 32},
    }
    return MexcConfig.model_validate(
        {"endpoints": sandbox.endpoints["mexc"], "accounts": accounts, "recv_window_ms": 500}
    )


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (conditions of many kinds, on both ends)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def watching(sandbox: Sandbox, policy: OrderPolicy | None = None) -> AsyncIterator[Watched]:
    async with MexcPrivateExchange(config=settings(sandbox), policy=policy, watch=(BTC,)) as exchange:
        watched = Watched(exchange)
        await exchange.subscribe()
        reading = asyncio.create_task(watched.read())
        await asyncio.sleep(0)
        yield watched
    await reading


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=7, accounts=[AccountPlan(venue="mexc", name="main"), READER]) as running:
        yield running


@pytest.fixture
def books(sandbox: Sandbox) -> Books:
    return Books(sandbox)


@pytest.fixture
async def watched(sandbox: Sandbox) -> AsyncIterator[Watched]:
    async with watching(sandbox) as one:
        yield one


def order(**changes: Any) -> OrderRequest:
    facts: dict[str, Any] = {"symbol": BTC, "side": Side.BUY, "order_type": OrderType.MARKET}
    if "quote_quantity" not in changes:
        facts["quantity"] = LOT
    if "price" in changes:
        facts["order_type"] = OrderType.LIMIT
    return OrderRequest(**(facts | changes))


def same(ours: Order, truth: AccountOrder) -> None:
    """Whether an order as we tell it is the one in the sandbox's books, fees included."""
    assert (ours.status, ours.side, ours.filled) == (truth.status, truth.side, truth.filled)
    assert ours.filled_quote == truth.filled_quote
    assert ours.fees == {currency: fee for currency, fee in truth.fees.items() if fee}
    assert ours.quantity == (truth.filled if truth.quantity is None else truth.quantity)


# ---- orders ----------------------------------------------------------------------------------------------------------


async def test_every_kind_of_order_ends_as_in_the_books_of_the_exchange(watched: Watched, books: Books) -> None:
    far, near = books.price(Side.BUY, "0.9"), books.price(Side.BUY, "1.01")
    requests = [
        order(price=near),
        order(price=near, time_in_force=TimeInForce.IOC),
        order(price=far, time_in_force=TimeInForce.IOC),
        order(price=near, time_in_force=TimeInForce.FOK),
        order(price=far, time_in_force=TimeInForce.FOK),
        order(price=near, time_in_force=TimeInForce.POST_ONLY),
        order(),
        order(side=Side.SELL),
        order(quote_quantity=Decimal(500)),
    ]
    placed = [await watched.exchange.place_order(request) for request in requests]
    ids = [str(one.client_order_id) for one in placed]

    def last(client_id: str) -> Order:
        known = watched.exchange.tracked_order(client_order_id=client_id)
        assert known is not None
        return known

    await until(lambda: all(last(client_id).status.is_final for client_id in ids))
    await until(lambda: len(watched.fills) == len(books.fills))
    for client_id in ids:
        same(last(client_id), books.orders[client_id])
    ended = [books.orders[client_id].status for client_id in ids]
    filled, canceled = OrderStatus.FILLED, OrderStatus.CANCELED
    assert ended == [filled, filled, canceled, filled, canceled, canceled, filled, filled, filled]
    assert watched.told(OrderConflict) == []


async def test_an_order_rests_is_found_by_both_ids_and_canceled(watched: Watched, books: Books) -> None:
    exchange = watched.exchange
    resting = await exchange.place_order(order(price=books.price(Side.BUY, "0.9")))
    assert [one.order_id for one in await exchange.open_orders(BTC)] == [resting.order_id]
    assert [one.order_id for one in await exchange.open_orders()] == [resting.order_id]
    by_id = await exchange.order(BTC, order_id=resting.order_id)
    assert by_id == await exchange.order(BTC, client_order_id=resting.client_order_id)
    ended = await exchange.cancel_order(BTC, client_order_id=resting.client_order_id)
    assert (ended.status, ended.filled) == (OrderStatus.CANCELED, ZERO)
    assert await exchange.open_orders() == []
    assert await exchange.cancel_order(BTC, order_id=resting.order_id) == ended
    with pytest.raises(OrderNotFoundException):
        await exchange.cancel_order(BTC, order_id="C02__1")
    with pytest.raises(OrderNotFoundException):
        await exchange.order(BTC, client_order_id="nobody")


async def test_batches_and_canceling_all(watched: Watched, books: Books) -> None:
    far = books.price(Side.BUY, "0.9")
    requests = [order(price=far - number, quantity=LOT + number * Decimal("0.001")) for number in range(3)]
    requests.insert(1, order(price=far, quantity=Decimal(20)))
    outcomes = await watched.exchange.place_orders(requests)
    assert isinstance(outcomes[1], InsufficientBalanceException)
    placed = [outcome for outcome in outcomes if isinstance(outcome, Order)]
    assert [one.quantity for one in placed] == [LOT, Decimal("0.011"), Decimal("0.012")]
    assert {one.client_order_id for one in placed} == set(books.orders)
    ended = await watched.exchange.cancel_all_orders(BTC)
    assert {(one.order_id, one.status) for one in ended} == {(one.order_id, OrderStatus.CANCELED) for one in placed}
    assert books.desk.open_orders(books.account) == []


async def test_refusals(watched: Watched, books: Books) -> None:
    exchange, far = watched.exchange, books.price(Side.BUY, "0.9")
    with pytest.raises(InvalidOrderException, match="below the minimum"):
        await exchange.place_order(order(price=far, quantity=Decimal("0.000001")))
    with pytest.raises(InsufficientBalanceException):
        await exchange.place_order(order(price=far, quantity=Decimal(20)))
    assert books.orders == {}


async def test_checking_an_order_places_none(sandbox: Sandbox, books: Books) -> None:
    rest = MexcPrivateRestClient.from_config(settings(sandbox))
    await rest.load_instruments()
    fine = order(price=books.price(Side.BUY, "0.9"), client_order_id="mine")
    await rest.check_order(fine)
    with pytest.raises(InsufficientBalanceException):
        await rest.check_order(fine.replaced(quantity=Decimal(20)))
    assert books.orders == {}
    await rest.aclose()


# ---- money -----------------------------------------------------------------------------------------------------------


async def test_fills_and_balances_are_those_of_the_books(watched: Watched, books: Books) -> None:
    for number in range(6):
        await watched.exchange.place_order(order(side=(Side.BUY, Side.SELL)[number % 2]))
    await until(lambda: len(watched.fills) == len(books.fills))
    assert [(fill.price, fill.quantity, fill.fee, fill.fee_currency) for fill in watched.fills] == [
        (fill.price, fill.quantity, fill.fee, fill.fee_asset) for fill in books.fills
    ]
    assert len({fill.trade_id for fill in watched.fills}) == len(watched.fills)
    held = {one.currency: (one.free, one.locked) for one in await watched.exchange.balances()}
    assert held == books.held()
    await until(lambda: all((held.free, held.locked) == books.held()[name] for name, held in watched.balances.items()))
    assert set(watched.balances) >= {"BTC", "USDT"}


async def test_history_by_rest_is_that_of_the_books(watched: Watched, books: Books) -> None:
    began = await watched.exchange.server_time() - NS
    for _ in range(3):
        await watched.exchange.place_order(order())
    resting = await watched.exchange.place_order(order(price=books.price(Side.BUY, "0.9")))
    until_ts = await watched.exchange.server_time() + NS
    told = await watched.exchange.fill_history(BTC, began, until_ts)
    assert [(fill.price, fill.quantity) for fill in told] == [(fill.price, fill.quantity) for fill in books.fills]
    await until(lambda: len(watched.fills) == len(told))
    assert {fill.trade_id for fill in told} == {fill.trade_id for fill in watched.fills}
    ended = await watched.exchange.order_history(BTC, began, until_ts)
    assert [one.client_order_id for one in ended] == [one for one in books.orders if one != resting.client_order_id]
    of_one = ended[0].order_id
    narrowed = await watched.exchange.fill_history(BTC, began, until_ts, order_id=of_one)
    assert [fill.trade_id for fill in narrowed] == [fill.trade_id for fill in told if fill.order_id == of_one] != []


async def test_fees_and_wallet(sandbox: Sandbox, watched: Watched, books: Books) -> None:
    exchange = watched.exchange
    fees = await exchange.fees("BTC/USDT")
    assert (fees.maker, fees.taker) == (ZERO, Decimal("0.0005"))
    networks = await exchange.networks("USDT")
    assert len({way.network for way in networks}) == len(networks) > 1
    address = await exchange.deposit_address("USDT", networks[0].network)
    assert address.address == (await exchange.deposit_address("USDT", networks[0].network)).address
    before = books.held()["USDT"][0]
    moved = await exchange.transfer("USDT", Decimal(5), MarketType.SPOT, MarketType.FUTURES)
    assert moved.transfer_id
    assert books.held()["USDT"][0] == before - 5
    now = await exchange.server_time()
    assert await exchange.deposits(now - 20 * 86_400 * NS, now) == []
    with pytest.raises(ConfigurationException, match="withdrawals"):
        await exchange.withdraw("USDT", Decimal(20), address.address, networks[0].network)
    assert books.held()["USDT"][0] == before - 5


async def test_a_withdrawal_that_the_settings_allow(sandbox: Sandbox, books: Books) -> None:
    async with MexcPrivateExchange.from_config(settings(sandbox, withdrawals=True)) as exchange:
        (way, *_) = [way for way in await exchange.networks("USDT") if way.withdraw_enabled]
        address = (await exchange.deposit_address("USDT", way.network)).address
        sent = await exchange.withdraw("USDT", Decimal(50), address, way.network, client_withdrawal_id="w1")
        assert sent.status is TransferStatus.PENDING
        now = await exchange.server_time()
        (told,) = await exchange.withdrawals(now - 86_400 * NS, now + NS)
        assert (told.withdrawal_id, told.currency, told.address) == (sent.withdrawal_id, "USDT", address)


# ---- losses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["listen_key_deleted", "reset", "close"])
async def test_after_a_loss_every_fill_is_told_once(
    sandbox: Sandbox, watched: Watched, books: Books, loss: str
) -> None:
    await watched.exchange.place_order(order())
    await until(lambda: len(watched.fills) == len(books.fills))
    sandbox.faults.add(loss, venue="mexc")
    await until(lambda: watched.told(PrivateInterrupted))
    books.buy_behind_our_back()
    await until(lambda: watched.told(PrivateRecovered))
    books.buy_behind_our_back()
    await until(lambda: len(watched.fills) >= len(books.fills))
    assert sum(fill.quantity for fill in watched.fills) == 3 * LOT
    assert len({fill.trade_id for fill in watched.fills}) == len(watched.fills)
    assert watched.exchange.is_whole
    assert watched.told(OrderConflict) == []


async def test_a_listen_key_that_expires_without_a_word_is_noticed_and_costs_no_fill(
    sandbox: Sandbox, books: Books
) -> None:
    """The socket stays open and answers pings, and nothing is pushed any more."""
    async with watching(sandbox, OrderPolicy(audit_every=0.3, audit_grace=0.2)) as watched:
        sandbox.faults.add("listen_key_expired", venue="mexc")
        await until(lambda: sandbox.faults.injected.get("listen_key_expired"))
        books.buy_behind_our_back()
        await watched.exchange.place_order(order())
        await until(lambda: watched.told(PrivateRecovered))
        books.buy_behind_our_back()
        await until(lambda: len(watched.fills) >= len(books.fills))
        assert sum(fill.quantity for fill in watched.fills) == 3 * LOT
        assert len({fill.trade_id for fill in watched.fills}) == len(watched.fills)


@pytest.mark.parametrize("fault", ["answer_lost", "request_lost", "server_error"])
async def test_an_order_is_never_in_doubt_for_long_and_never_doubled(
    sandbox: Sandbox, watched: Watched, books: Books, fault: str
) -> None:
    sandbox.faults.add(fault, venue="mexc", endpoint="POST */order", count=1)
    if fault == "answer_lost":
        found = await watched.exchange.place_order(order(client_order_id="mine"))
        await until(lambda: len(watched.fills) == len(books.fills))
        assert found.order_id
        assert list(books.orders) == ["mine"]
    else:
        with pytest.raises(ExchangeRejectedException, match="was not placed"):
            await watched.exchange.place_order(order(client_order_id="mine"))
        assert books.orders == {}
    assert sandbox.faults.injected[fault] == 1


async def test_pushes_in_any_order_make_the_same_orders(sandbox: Sandbox, watched: Watched, books: Books) -> None:
    for kind in ("duplicate_push", "fill_before_order", "reorder_pushes"):
        sandbox.faults.add(kind, venue="mexc", probability=0.5)
    placed = [await watched.exchange.place_order(order()) for _ in range(8)]
    await until(lambda: len(watched.fills) == len(books.fills) and all(map(_ended(watched), placed)))
    for one in placed:
        known = watched.exchange.tracked_order(order_id=one.order_id)
        assert known is not None
        same(known, books.orders[str(one.client_order_id)])
    assert watched.told(OrderConflict) == []


def _ended(watched: Watched) -> Callable[[Order], bool]:
    def ended(one: Order) -> bool:
        known = watched.exchange.tracked_order(order_id=one.order_id)
        return known is not None and known.status.is_final

    return ended


# ---- keys and clocks -------------------------------------------------------------------------------------------------


async def test_a_step_of_the_clock_costs_one_refused_signature_at_most(
    sandbox: Sandbox, watched: Watched, books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    await watched.exchange.place_order(order())
    for step in (30.0, -30.0):
        sandbox.faults.add("clock_step", venue="mexc", seconds=step)
        with caplog.at_level(logging.WARNING, "cex.networking.rest"):
            caplog.clear()
            for one in list(books.orders):
                await watched.exchange.order(BTC, client_order_id=one)
            await watched.exchange.place_order(order())
            refused = [record for record in caplog.records if "700003" in record.getMessage()]
            assert len(refused) <= 1
    assert len(books.orders) == 3


@pytest.mark.parametrize(("account", "code"), [("stranger", "10072"), ("forger", "700002")])
async def test_keys_that_are_not_good(sandbox: Sandbox, account: str, code: str) -> None:
    async with MexcPrivateExchange.from_config(settings(sandbox), account) as exchange:
        with pytest.raises(AuthenticationException) as caught:
            await exchange.balances()
    assert caught.value.exchange_code == code
    assert caught.value.safe_to_resubmit


async def test_a_key_that_may_only_read(sandbox: Sandbox) -> None:
    async with MexcPrivateExchange.from_config(settings(sandbox), "reader") as exchange:
        assert await exchange.balances()
        with pytest.raises(AuthenticationException) as caught:
            await exchange.place_order(order())
    assert caught.value.exchange_code == "700007"


async def test_all_clients_of_an_account_share_one_listen_key_and_the_last_deletes_it(sandbox: Sandbox) -> None:
    config = settings(sandbox)
    rest = MexcPrivateRestClient.from_config(config)
    async with MexcPrivateExchange.from_config(config) as one:
        await one.subscribe()
        async with MexcPrivateExchange.from_config(config) as other:
            await other.subscribe()
            assert len(await rest.listen_keys.valid()) == 1
        assert len(await rest.listen_keys.valid()) == 1
    assert await rest.listen_keys.valid() == []
    await rest.aclose()


async def test_no_secret_is_told_anywhere(sandbox: Sandbox, books: Books, caplog: pytest.LogCaptureFixture) -> None:
    main = sandbox.credentials["mexc"]
    with caplog.at_level(logging.DEBUG):
        async with watching(sandbox) as watched:
            (listen_key,) = await watched.exchange._rest.listen_keys.valid()  # type: ignore[attr-defined]
            await watched.exchange.place_order(order())
            sandbox.faults.add("reset", venue="mexc")
            await until(lambda: watched.told(PrivateRecovered))
            with pytest.raises(OrderNotFoundException) as caught:
                await watched.exchange.order(BTC, client_order_id="nobody")
            shown = [*map(repr, watched.events), repr(watched.exchange.health()), repr(caught.value), str(caught.value)]
    said = "\n".join([*shown, *(record.getMessage() for record in caplog.records if record.name.startswith("cex.ex"))])
    said += "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("cex.net"))
    for secret in (main.key, main.secret, listen_key.reveal()):
        assert secret not in said
