from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from cex.common.enums import OrderStatus, OrderType, Side, TimeInForce
from cex.sandbox.accounts.ledger import OUTSIDE, SPOT, Owner, Posting
from cex.sandbox.accounts.orders import AccountFill, AccountOrder, Finish, Ticket
from cex.sandbox.venues.mexc.pushes import account_push, deal_push, order_push

Make = Callable[..., Awaitable[Any]]
ReadPush = Callable[[bytes], dict[str, Any]]

ORDERS = "spot@private.orders.v3.api.pb"
DEALS = "spot@private.deals.v3.api.pb"
ACCOUNT = "spot@private.account.v3.api.pb"
DEPTH = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"
UNKNOWN = {"code": "730708", "msg": "listen key information error"}


class Listener:
    """A raw socket: text answers and binary pushes, told apart."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, read_push: ReadPush) -> None:
        self.socket = socket
        self._read_push = read_push
        self.early: list[dict[str, Any]] = []

    async def ask(self, method: str, *params: str) -> str:
        await self.socket.send_str(json.dumps({"method": method, "params": list(params)}))
        while True:
            message = await self.socket.receive(timeout=2)
            if message.type is aiohttp.WSMsgType.TEXT:
                return str(json.loads(message.data)["msg"])
            assert message.type is aiohttp.WSMsgType.BINARY, message
            self.early.append(self._read_push(message.data))

    async def pushes(self) -> list[dict[str, Any]]:
        """Everything that was pushed until now."""
        assert await self.ask("PING") == "PONG"
        pushes, self.early = self.early, []
        return pushes


@asynccontextmanager
async def listening(mexc: Any, read_push: ReadPush, *channels: str, key: str | None = None) -> AsyncIterator[Listener]:
    if key is None:
        key = (await mexc.call("POST", "userDataStream")).body["listenKey"]
    async with mexc.http.ws_connect(f"{mexc.url}/ws?listenKey={key}") as socket:
        listener = Listener(socket, read_push)
        if channels:
            assert await listener.ask("SUBSCRIPTION", *channels) == ",".join(channels)
        yield listener


async def is_refused(mexc: Any, key: str) -> bool:
    try:
        async with mexc.http.ws_connect(f"{mexc.url}/ws?listenKey={key}"):
            return False
    except aiohttp.WSServerHandshakeError as error:
        return bool(error.status == 400)


@pytest.fixture
async def mexc(own_mexc: Make) -> Any:
    return await own_mexc()


# --- frames ----------------------------------------------------------------------------------------------------------


def test_an_order_in_every_field(read_push: ReadPush) -> None:
    ticket = Ticket(symbol="MX/USDT", side=Side.SELL, kind=OrderType.MARKET, extra={"bound": Decimal("3.5121")})
    order = AccountOrder(
        id=1,
        uid=1,
        symbol="MX/USDT",
        side=Side.SELL,
        kind=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        price=None,
        quantity=Decimal(1),
        quote_quantity=None,
        client_id="",
        ticket=ticket,
        created_ns=1_736_417_034_259_000_000,
        updated_ns=0,
        status=OrderStatus.FILLED,
        finish=Finish.FILLED,
        filled=Decimal(1),
        filled_quote=Decimal("3.6962"),
    )
    fill = _fill(is_maker=False)
    push = read_push(order_push(order, fill, "MXUSDT", 1_736_417_034_281))
    body = push.pop("body")
    assert push == {"channel": ORDERS, "symbol": "MXUSDT", "sendTime": 1_736_417_034_281, "kind": "privateOrders"}
    assert body.pop("id").startswith("C02__")
    assert body == {
        "price": "3.5121",
        "quantity": "1",
        "amount": "0",
        "avgPrice": "3.6962",
        "orderType": 5,
        "tradeType": 2,
        "remainAmount": "0",
        "remainQuantity": "0",
        "lastDealQuantity": "1",
        "cumulativeQuantity": "1",
        "cumulativeAmount": "3.6962",
        "status": 2,
        "createTime": 1_736_417_034_259,
    }


def _fill(*, is_maker: bool) -> AccountFill:
    return AccountFill(
        505979017439002624,
        1,
        1,
        "MX/USDT",
        Side.SELL,
        Decimal("3.6962"),
        Decimal(1),
        Decimal("3.6962"),
        Decimal("0.0003998377369698171"),
        "MX",
        is_maker,
        False,
        "",
        1_736_417_034_280_000_000,
    )


def test_a_fill_in_every_field(read_push: ReadPush) -> None:
    frame = deal_push(_fill(is_maker=False), "MXUSDT", 1_736_417_034_332)
    push = read_push(frame)
    body = push.pop("body")
    assert push == {"channel": DEALS, "symbol": "MXUSDT", "sendTime": 1_736_417_034_332, "kind": "privateDeals"}
    assert body.pop("orderId").startswith("C02__")
    assert body == {
        "price": "3.6962",
        "quantity": "1",
        "amount": "3.6962",
        "tradeType": 2,
        "tradeId": "505979017439002624X2",
        "feeAmount": "0.0003998377369698171",
        "feeCurrency": "MX",
        "time": 1_736_417_034_280,
    }
    assert read_push(deal_push(_fill(is_maker=True), "MXUSDT", 1))["body"]["isMaker"] == 1


def test_a_balance_in_every_field(read_push: ReadPush) -> None:
    posting = Posting(
        1,
        1_736_417_034_305_000_000,
        1,
        SPOT,
        "USDT",
        Decimal(10),
        Decimal(0),
        Decimal("21.94210356004384"),
        Decimal(0),
        "transfer",
        "",
    )
    push = read_push(account_push(posting, 1_736_417_034_307))
    body = push.pop("body")
    assert push == {
        "channel": ACCOUNT,
        "createTime": 1_736_417_034_305,
        "sendTime": 1_736_417_034_307,
        "kind": "privateAccount",
    }
    assert len(body.pop("coinId")) == 32
    assert body == {
        "vcoinName": "USDT",
        "balanceAmount": "21.94210356004384",
        "balanceAmountChange": "10",
        "frozenAmount": "0",
        "frozenAmountChange": "0",
        "type": "CONTRACT_TRANSFER",
        "time": 1_736_417_034_305,
    }


# --- what is pushed --------------------------------------------------------------------------------------------------


async def test_nothing_is_pushed_without_a_subscription(mexc: Any, read_push: ReadPush) -> None:
    async with listening(mexc, read_push) as listener:
        await mexc.call("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")
        assert await listener.pushes() == []


async def test_an_order_that_rests_and_is_cancelled(mexc: Any, read_push: ReadPush) -> None:
    async with listening(mexc, read_push, ORDERS, DEALS, ACCOUNT) as listener:
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.5", "price": "100.5"}
        placed = (await mexc.call("POST", "order", **order, newClientOrderId="mine")).body["orderId"]
        frozen, put = await listener.pushes()
        assert (frozen["kind"], put["kind"]) == ("privateAccount", "privateOrders")
        body = frozen["body"]
        assert (body["vcoinName"], body["type"]) == ("USDT", "ENTRUST_PLACE")
        assert (body["balanceAmountChange"], body["frozenAmountChange"]) == ("-50.25", "50.25")
        assert (body["balanceAmount"], body["frozenAmount"]) == ("99949.75", "50.25")
        assert put["symbol"] == "BTCUSDT"
        body = put["body"]
        assert body == {
            "id": placed,
            "clientId": "mine",
            "price": "100.5",
            "quantity": "0.5",
            "amount": "50.25",
            "avgPrice": "0",
            "orderType": 2,
            "tradeType": 1,
            "remainAmount": "50.25",
            "remainQuantity": "0.5",
            "cumulativeQuantity": "0",
            "cumulativeAmount": "0",
            "status": 1,
            "createTime": 1644489390087,
        }
        await mexc.call("DELETE", "order", symbol="BTCUSDT", orderId=placed)
        released, cancelled = await listener.pushes()
        assert (released["body"]["type"], released["body"]["frozenAmount"]) == ("ENTRUST_CANCEL", "0")
        assert cancelled["body"]["status"] == 4


async def test_a_market_order_from_beginning_to_end(mexc: Any, read_push: ReadPush) -> None:
    async with listening(mexc, read_push, ORDERS, DEALS, ACCOUNT) as listener:
        before = mexc.ledger.holding(mexc.account.uid, SPOT, "USDT").free
        placed = await mexc.call("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="2000")
        pushes = await listener.pushes()
    orders = [push["body"] for push in pushes if push["kind"] == "privateOrders"]
    deals = [push["body"] for push in pushes if push["kind"] == "privateDeals"]
    balances = [push["body"] for push in pushes if push["kind"] == "privateAccount"]
    trades = (await mexc.call("GET", "myTrades", symbol="BTCUSDT")).body
    assert [deal["tradeId"] for deal in deals] == [trade["id"] for trade in reversed(trades)]
    assert all((deal["orderId"], deal["tradeType"]) == (placed.body["orderId"], 1) for deal in deals)
    assert all("isMaker" not in deal and deal["feeCurrency"] == "BTC" for deal in deals)
    assert orders[0]["status"] == 1
    assert orders[-1]["status"] in (2, 5)
    last = orders[-1]
    assert (last["orderType"], last["amount"], last["remainQuantity"]) == (5, "2000", "0")
    assert Decimal(last["cumulativeQuantity"]) == sum(Decimal(deal["quantity"]) for deal in deals)
    assert Decimal(last["cumulativeAmount"]) == sum(Decimal(deal["amount"]) for deal in deals)
    assert {"ENTRUST_PLACE", "ENTRUST", "TRADE_FEE"} <= {balance["type"] for balance in balances}
    usdt = [balance for balance in balances if balance["vcoinName"] == "USDT"]
    assert Decimal(usdt[-1]["balanceAmount"]) == before - Decimal(last["cumulativeAmount"])
    assert usdt[-1]["frozenAmount"] == "0"


async def test_a_fill_that_others_cause_is_pushed_with_the_tick(mexc: Any, read_push: ReadPush) -> None:
    async with listening(mexc, read_push, ORDERS, DEALS) as listener:
        bid, ask = mexc.best("BTC/USDT", Side.BUY), mexc.best("BTC/USDT", Side.SELL)
        price = min(bid + Decimal("0.01"), ask - Decimal("0.01"))
        await mexc.call("POST", "order", symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.01", price=price)
        await listener.pushes()
        pushes: list[dict[str, Any]] = []
        for _ in range(300):
            mexc.tick()
            pushes += await listener.pushes()
            if pushes and pushes[-1]["body"]["status" if pushes[-1]["kind"] == "privateOrders" else "price"] == 2:
                break
        deals = [push["body"] for push in pushes if push["kind"] == "privateDeals"]
        orders = [push["body"] for push in pushes if push["kind"] == "privateOrders"]
        assert all(deal["isMaker"] == 1 for deal in deals)
        assert [order["lastDealQuantity"] for order in orders] == [deal["quantity"] for deal in deals]
        assert [order["status"] for order in orders] == [3] * (len(orders) - 1) + [2]
        assert all(order["isMaker"] == 1 for order in orders)


async def test_deposits_are_pushed_and_other_accounts_are_not(mexc: Any, read_push: ReadPush) -> None:
    async with listening(mexc, read_push, ACCOUNT) as listener:
        mexc.ledger.move(OUTSIDE, Owner(mexc.account.uid, SPOT), "MX", Decimal(5), reason="deposit")
        mexc.ledger.move(OUTSIDE, Owner(999, SPOT), "MX", Decimal(5), reason="deposit")
        mexc.ledger.move(OUTSIDE, Owner(mexc.account.uid, "elsewhere"), "MX", Decimal(5), reason="deposit")
        (push,) = await listener.pushes()
        assert (push["body"]["type"], push["body"]["balanceAmount"]) == ("DEPOSIT", "5")


async def test_public_and_private_channels_share_a_socket(mexc: Any, read_push: ReadPush) -> None:
    async with listening(mexc, read_push, DEPTH, ORDERS) as listener:
        mexc.tick(20)
        order = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.5", "price": "100.5"}
        await mexc.call("POST", "order", **order)
        assert {push["kind"] for push in await listener.pushes()} == {"publicAggreDepths", "privateOrders"}
        assert await listener.ask("UNSUBSCRIPTION", ORDERS) == ORDERS
        await mexc.call("POST", "order", **order)
        assert await listener.pushes() == []


async def test_two_sockets_of_one_account_hear_the_same(mexc: Any, read_push: ReadPush) -> None:
    async with listening(mexc, read_push, ORDERS) as one, listening(mexc, read_push, ORDERS) as other:
        await mexc.call("POST", "order", symbol="ETHUSDT", side="BUY", type="LIMIT", quantity="0.5", price="100")
        assert await one.pushes() == await other.pushes() != []


async def test_private_channels_need_a_listen_key(mexc: Any, read_push: ReadPush) -> None:
    async with mexc.http.ws_connect(f"{mexc.url}/ws") as socket:
        listener = Listener(socket, read_push)
        assert (
            await listener.ask("SUBSCRIPTION", ORDERS)
            == f"Not Subscribed successfully! [{ORDERS}].  Reason： Blocked! "
        )
        assert await listener.ask("UNSUBSCRIPTION", ORDERS) == ORDERS
    async with listening(mexc, read_push) as listener:
        wrong = f"{ORDERS}@BTCUSDT"
        assert "Blocked!" in await listener.ask("SUBSCRIPTION", wrong)


async def test_private_subscriptions_count_like_others(own_mexc: Make, read_push: ReadPush) -> None:
    mexc = await own_mexc(max_subscriptions=1)
    async with listening(mexc, read_push, DEPTH, ORDERS) as listener:
        await mexc.call("POST", "order", symbol="ETHUSDT", side="BUY", type="LIMIT", quantity="0.5", price="100")
        assert await listener.pushes() == []


# --- keys ------------------------------------------------------------------------------------------------------------


async def test_the_life_of_a_key(mexc: Any) -> None:
    keys = [(await mexc.call("POST", "userDataStream")).body["listenKey"] for _ in range(2)]
    assert len(set(keys)) == 2
    assert all(len(key) == 64 for key in keys)
    assert (await mexc.call("GET", "userDataStream")).body == {"listenKey": keys}
    mexc.clock.advance(3000)
    assert (await mexc.call("PUT", "userDataStream", listenKey=keys[0])).body == {"listenKey": keys[0]}
    mexc.clock.advance(3000)
    assert (await mexc.call("GET", "userDataStream")).body == {"listenKey": keys[:1]}
    late = await mexc.call("PUT", "userDataStream", listenKey=keys[1])
    assert (late.status, late.body) == (400, UNKNOWN)
    assert (await mexc.call("DELETE", "userDataStream", listenKey=keys[0])).body == {"listenKey": keys[0]}
    assert (await mexc.call("DELETE", "userDataStream", listenKey=keys[0])).body == UNKNOWN
    assert (await mexc.call("PUT", "userDataStream")).body["code"] == 44444


async def test_keys_pile_up_until_there_are_too_many(own_mexc: Make) -> None:
    mexc = await own_mexc(most_listen_keys=2, counted_listen_keys=True)
    keys = [(await mexc.call("POST", "userDataStream")).body["listenKey"] for _ in range(2)]
    assert (await mexc.call("POST", "userDataStream")).body["code"] == 26
    assert (await mexc.call("GET", "userDataStream")).body == {"total": 2, "listenKey": keys, "available": 0}
    await mexc.call("DELETE", "userDataStream", listenKey=keys[0])
    assert (await mexc.call("POST", "userDataStream")).status == 200


async def test_deleting_a_key_closes_its_sockets(mexc: Any, read_push: ReadPush) -> None:
    key = (await mexc.call("POST", "userDataStream")).body["listenKey"]
    async with listening(mexc, read_push, ORDERS, key=key) as listener:
        await mexc.call("DELETE", "userDataStream", listenKey=key)
        message = await listener.socket.receive(timeout=2)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1000)
    assert await is_refused(mexc, key)


async def test_an_expired_key_falls_silent(mexc: Any, read_push: ReadPush) -> None:
    async with listening(mexc, read_push, ORDERS, DEPTH) as listener:
        mexc.clock.advance(50)
        await listener.ask("PING")
        mexc.clock.advance(3551)
        await mexc.call("POST", "order", symbol="ETHUSDT", side="BUY", type="LIMIT", quantity="0.5", price="100")
        assert await listener.pushes() == []
        mexc.tick(20)
        assert {push["kind"] for push in await listener.pushes()} == {"publicAggreDepths"}
        assert "Blocked!" in await listener.ask("SUBSCRIPTION", DEALS)


async def test_an_expired_key_may_end_the_socket(own_mexc: Make, read_push: ReadPush) -> None:
    mexc = await own_mexc(expired_listen_key="close", listen_key_seconds=5.0)
    async with listening(mexc, read_push, ORDERS) as listener:
        mexc.clock.advance(4)
        mexc.tick()
        assert await listener.pushes() == []
        mexc.clock.advance(1)
        mexc.tick()
        message = await listener.socket.receive(timeout=2)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE)
        assert listener.socket.close_code == 1006


async def test_keys_run_out_on_demand(mexc: Any, read_push: ReadPush) -> None:
    async with listening(mexc, read_push, ORDERS) as listener:
        assert mexc.venue.listen_keys.expire_all(uid=999) == 0
        assert mexc.venue.listen_keys.expire_all() == 1
        await mexc.call("POST", "order", symbol="ETHUSDT", side="BUY", type="LIMIT", quantity="0.5", price="100")
        assert await listener.pushes() == []
    assert (await mexc.call("GET", "userDataStream")).body == {"listenKey": []}


async def test_an_unknown_key_is_refused_or_closed_at_once(own_mexc: Make) -> None:
    mexc = await own_mexc()
    assert await is_refused(mexc, "nobodys")
    mexc = await own_mexc(unknown_listen_key="close")
    async with mexc.http.ws_connect(f"{mexc.url}/ws?listenKey=nobodys") as socket:
        message = await socket.receive(timeout=2)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1000)


async def test_a_key_carries_five_sockets(mexc: Any, read_push: ReadPush) -> None:
    key = (await mexc.call("POST", "userDataStream")).body["listenKey"]
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(listening(mexc, read_push, key=key)) for _ in range(5)]
        assert await is_refused(mexc, key)
        await sockets[0].socket.close()
        for _ in range(100):
            if not await is_refused(mexc, key):
                return
            await asyncio.sleep(0.01)
        pytest.fail("a socket that was closed still counts")
