from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from cex.common.enums import Side
from cex.sandbox.accounts.directory import Permission

Open = Callable[..., Awaitable[Any]]


async def heard(socket: Any, count: int) -> list[dict[str, Any]]:
    """The next pushes, results out of their arrays."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        message = await socket.receive()
        assert message["event"] == "update", message
        assert message["time"] == message["time_ms"] // 1000
        results = message["result"] if isinstance(message["result"], list) else [message["result"]]
        found += [{"channel": message["channel"], **result} for result in results]
    return found


# --- subscribing -----------------------------------------------------------------------------------------------------


async def test_acknowledgement_of_a_private_channel(gate: Any) -> None:
    async with gate.socket() as socket:
        answer = await socket.subscribe("spot.orders", ["BTC_USDT"], id=7)
        assert (answer["id"], answer["channel"], answer["payload"]) == (7, "spot.orders", ["BTC_USDT"])
        assert answer["result"] == {"status": "success"}
        assert "error" not in answer
        for payload in ([], None, ["ignored"]):
            answer = await socket.subscribe("spot.balances", payload)
            assert answer["result"] == {"status": "success"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"key": "nobody"}, "Invalid key provided"),
        ({"secret": "wrong"}, "Signature mismatch"),
        ({"auth": None}, "auth: method api_key, KEY and SIGN are required"),
        ({"auth": {"method": "api_key"}}, "auth: method api_key, KEY and SIGN are required"),
        (
            {"auth": {"method": "password", "KEY": "key", "SIGN": "x"}},
            "auth: method api_key, KEY and SIGN are required",
        ),
        ({"key": "blind", "secret": "s"}, "Request API key does not have the permission"),
        ({"key": "far", "secret": "s"}, "Request IP 127.0.0.1 is not in the whitelist of the API key"),
        ({"key": "futures", "secret": "s"}, "Request API key does not have the permission"),
    ],
)
async def test_who_may_not_listen(gate: Any, more: dict[str, Any], message: str) -> None:
    gate.account(1002, "blind", "s", permissions=frozenset({Permission.TRADE}))
    gate.account(1003, "far", "s", ips=("10.0.0.1",))
    gate.account(1004, "futures", "s", scopes=frozenset({"futures"}))
    async with gate.socket() as socket:
        answer = await socket.subscribe("spot.orders", ["!all"], **more)
        assert answer["error"] == {"code": 4, "message": message}
        assert answer["result"] == {"status": "fail"}
        assert (await socket.subscribe("spot.orders", ["!all"]))["result"] == {"status": "success"}


async def test_a_subscription_is_signed_within_a_minute(gate: Any) -> None:
    async with gate.socket() as socket:
        answer = await socket.subscribe("spot.orders", ["!all"], time=1_600_000_000)
        assert answer["error"]["code"] == 4
        assert answer["error"]["message"].startswith("gap between request Timestamp and server time exceeds 60")


@pytest.mark.parametrize(
    ("channel", "payload", "message"),
    [
        ("spot.orders", [], "payload is empty"),
        ("spot.orders", ["BTC_USDT", "NOPE_USDT"], "unknown currency pair NOPE_USDT"),
        ("spot.usertrades", ["btc_usdt"], "unknown currency pair btc_usdt"),
        ("spot.secrets", ["!all"], "Unknown channel spot.secrets"),
        ("futures.orders", ["1001", "!all"], "Unknown channel futures.orders"),
    ],
)
async def test_what_cannot_be_subscribed(gate: Any, channel: str, payload: list[str], message: str) -> None:
    async with gate.socket() as socket:
        answer = await socket.subscribe(channel, payload)
        assert answer["error"] == {"code": 2, "message": message}
        await gate.order()
        assert await socket.is_silent()


async def test_a_repeated_subscription(own_gate: Open) -> None:
    alert = {"code": 2, "message": "Alert sub BTC_USDT"}
    for mode, error in (("acknowledged", None), ("refused", alert)):
        house = await own_gate(repeated_subscribe=mode)
        async with house.socket() as socket:
            await socket.subscribe("spot.orders", ["BTC_USDT"])
            assert (await socket.subscribe("spot.orders", ["BTC_USDT"])).get("error") == error
            assert (await socket.subscribe("spot.orders", ["BTC_USDT", "ETH_USDT"])).get("error") is None
            await house.order()
            assert len(await heard(socket, 1)) == 1
            assert await socket.is_silent()


# --- what is told ----------------------------------------------------------------------------------------------------


async def test_the_life_of_an_order(gate: Any) -> None:
    price = str(gate.best(Side.SELL) - Decimal("0.1"))
    async with gate.socket() as socket:
        await socket.subscribe("spot.orders", ["BTC_USDT"])
        placed = (await gate.order(text="t-1", price=price)).body
        (put,) = await heard(socket, 1)
        at_ms = str(gate.clock.time_ns() // 1_000_000)
        assert put == {
            "channel": "spot.orders",
            "id": placed["id"],
            "user": 1001,
            "text": "t-1",
            "create_time": at_ms[:-3],
            "create_time_ms": at_ms,
            "update_time": at_ms[:-3],
            "update_time_ms": at_ms,
            "event": "put",
            "currency_pair": "BTC_USDT",
            "type": "limit",
            "account": "spot",
            "side": "buy",
            "amount": "0.01",
            "price": price,
            "time_in_force": "gtc",
            "left": "0.01",
            "filled_total": "0",
            "filled_amount": "0",
            "avg_deal_price": "0",
            "fee": "0",
            "fee_currency": "BTC",
            "point_fee": "0",
            "gt_fee": "0",
            "gt_discount": False,
            "rebated_fee": "0",
            "rebated_fee_currency": "USDT",
            "auto_borrow": False,
            "auto_repay": False,
            "stp_id": 0,
            "stp_act": "-",
            "finish_as": "open",
            "biz_info": "-",
            "amend_text": "-",
            "slippage": "",
        }
        gate.market.submit("gateio", "BTC/USDT", Side.SELL, Decimal("0.004"), Decimal(price))
        (update,) = await heard(socket, 1)
        assert (update["event"], update["left"], update["finish_as"]) == ("update", "0.006", "open")
        path = f"/spot/orders/{placed['id']}"
        await gate.call("PATCH", path, {"amount": "0.008", "amend_text": "t-2"}, query="currency_pair=BTC_USDT")
        (amended,) = await heard(socket, 1)
        assert (amended["event"], amended["amount"], amended["amend_text"]) == ("update", "0.008", "t-2")
        await gate.call("DELETE", path, query="currency_pair=BTC_USDT")
        (finish,) = await heard(socket, 1)
        assert (finish["event"], finish["finish_as"], finish["left"]) == ("finish", "cancelled", "0.004")


async def test_a_taker_hears_of_fills_orders_and_balances(gate: Any) -> None:
    price = str(gate.best(Side.SELL))
    async with gate.socket() as socket:
        for channel in ("spot.orders", "spot.usertrades", "spot.balances"):
            await socket.subscribe(channel, ["!all"])
        placed = (await gate.order(price=price, amount="0.0001", text="t-1")).body
        pushed = await heard(socket, 7)
        assert await socket.is_silent()
        assert [push["event"] for push in pushed if push["channel"] == "spot.orders"] == ["put", "finish"]
        (trade,) = [push for push in pushed if push["channel"] == "spot.usertrades"]
        assert trade == {
            "channel": "spot.usertrades",
            "id": trade["id"],
            "user_id": 1001,
            "order_id": placed["id"],
            "currency_pair": "BTC_USDT",
            "create_time": gate.clock.time_ns() // 1_000_000_000,
            "create_time_ms": f"{gate.clock.time_ns() // 1_000_000}.000",
            "side": "buy",
            "amount": "0.0001",
            "role": "taker",
            "price": price,
            "fee": "0.0000002",
            "fee_currency": "BTC",
            "point_fee": "0",
            "gt_fee": "0",
            "text": "t-1",
            "amend_text": "-",
            "biz_info": "-",
            "id_market": trade["id"],
        }
        assert isinstance(trade["id"], int)
        balances = [push for push in pushed if push["channel"] == "spot.balances"]
        assert [(row["currency"], row["change_type"]) for row in balances] == [
            ("USDT", "order-create"),
            ("USDT", "order-match"),
            ("BTC", "order-match"),
            ("BTC", "trade-fee-deduct"),
        ]
        frozen = balances[0]
        cost = Decimal(price) * Decimal("0.0001")
        assert {"timestamp", "timestamp_ms", "user"} <= frozen.keys()
        assert (frozen["change"], Decimal(frozen["freeze"]), Decimal(frozen["freeze_change"])) == ("0", cost, cost)
        assert Decimal(frozen["total"]) == Decimal(frozen["available"]) + cost == 100_000
        assert Decimal(balances[-1]["total"]) == 2 + Decimal("0.0000998")


async def test_lite_channels_leave_the_fees_out(gate: Any) -> None:
    async with gate.socket() as socket:
        await socket.subscribe("spot.orders_v2", ["!all"])
        await socket.subscribe("spot.usertrades_v2", ["BTC_USDT"])
        await gate.order(price=str(gate.best(Side.SELL)), amount="0.0001")
        pushed = await heard(socket, 3)
        assert {push["channel"] for push in pushed} == {"spot.orders_v2", "spot.usertrades_v2"}
        assert all(not push.keys() & {"fee", "fee_currency", "gt_fee", "point_fee", "rebated_fee"} for push in pushed)


async def test_trigger_orders_are_told(gate: Any) -> None:
    async with gate.socket() as socket:
        await socket.subscribe("spot.priceorders", ["BTC_USDT"])
        asked = {
            "trigger": {"price": "1", "rule": ">=", "expiration": 900},
            "put": {"type": "limit", "side": "buy", "price": "50000", "amount": "0.01", "time_in_force": "gtc"},
            "market": "BTC_USDT",
        }
        placed = (await gate.call("POST", "/spot/price_orders", asked)).body
        (put,) = await heard(socket, 1)
        assert (put["id"], put["uid"], put["market"]) == (str(placed["id"]), "1001", "BTC_USDT")
        assert (put["trigger_price"], put["trigger_rule"], put["trigger_expiration"]) == ("1", ">=", 900)
        assert (put["fired_order_id"], put["ftime"]) == (0, "-62135596800000")
        gate.tick()
        (fired,) = await heard(socket, 1)
        assert fired["fired_order_id"] == gate.desk.open_orders(gate.main)[0].id
        assert fired["ftime"] == str(gate.clock.time_ns() // 1_000_000)


async def test_accounts_and_pairs_are_kept_apart(gate: Any) -> None:
    gate.account(1002, "other", "s")
    async with gate.socket() as mine, gate.socket() as other, gate.socket() as ether:
        await mine.subscribe("spot.orders", ["!all"])
        await other.subscribe("spot.orders", ["!all"], key="other", secret="s")
        await ether.subscribe("spot.orders", ["ETH_USDT"])
        await gate.order()
        assert (await heard(mine, 1))[0]["user"] == 1001
        assert await other.is_silent()
        assert await ether.is_silent()


async def test_what_the_crowd_fills_is_told_in_the_tick_in_which_it_happens(gate: Any) -> None:
    async with gate.socket() as socket:
        await socket.subscribe("spot.usertrades", ["!all"])
        await gate.order(price=str(gate.best(Side.SELL) - Decimal("0.1")), amount="0.01")
        for _ in range(500):
            gate.tick()
            if gate.desk.fills(gate.main):
                break
        (trade, *_) = await heard(socket, 1)
        assert (trade["role"], trade["create_time"]) == ("maker", gate.clock.time_ns() // 1_000_000_000)


async def test_nothing_is_told_after_unsubscribing(gate: Any) -> None:
    async with gate.socket() as socket:
        await socket.subscribe("spot.orders", ["BTC_USDT", "ETH_USDT"])
        await socket.subscribe("spot.orders", ["BTC_USDT"], event="unsubscribe")
        await gate.order()
        assert await socket.is_silent()
        await gate.order(currency_pair="ETH_USDT", price="1000", amount="0.1")
        assert (await heard(socket, 1))[0]["currency_pair"] == "ETH_USDT"
        refused = await socket.subscribe("spot.orders", ["ETH_USDT"], event="unsubscribe", secret="wrong")
        assert refused["error"]["code"] == 4
        await socket.subscribe("spot.orders", ["ETH_USDT"], event="unsubscribe")
        assert (await socket.subscribe("spot.orders", ["ETH_USDT"], event="unsubscribe"))["result"][
            "status"
        ] == "success"
        await gate.order(currency_pair="ETH_USDT", price="1000", amount="0.1")
        assert await socket.is_silent()


class Watch:
    """A source that notes whom it watches."""

    def __init__(self) -> None:
        self.watched: list[int] = []

    def listen(self, uid: int) -> Callable[[], None]:
        self.watched.append(uid)
        return lambda: self.watched.remove(uid)


async def test_an_account_is_watched_once_and_only_while_somebody_follows(gate: Any) -> None:
    watch = Watch()
    topics = {"spot.one": lambda _, payload: payload, "spot.two": lambda _, payload: payload}
    gate.venue.feed.offer(watch, topics)
    async with gate.socket() as first, gate.socket() as second:
        await first.subscribe("spot.one", ["x"])
        await first.subscribe("spot.two", ["x"])
        await second.subscribe("spot.one", ["y"])
        assert watch.watched == [1001]
        await first.subscribe("spot.two", ["x"], event="unsubscribe")
        await second.subscribe("spot.one", ["y"], event="unsubscribe")
        assert watch.watched == [1001]
    for _ in range(100):
        if watch.watched:
            await gate.call("GET", "/spot/accounts")
    assert watch.watched == []


# --- the connection --------------------------------------------------------------------------------------------------


async def test_a_private_subscription_keeps_a_socket_open(gate: Any) -> None:
    async with gate.socket() as listening, gate.socket() as ended:
        await listening.subscribe("spot.orders", ["!all"])
        await ended.subscribe("spot.orders", ["!all"])
        await ended.subscribe("spot.orders", ["!all"], event="unsubscribe")
        gate.tick(29)
        gate.tick(2)
        assert (await ended.websocket.receive(timeout=2)).type is aiohttp.WSMsgType.CLOSED
        assert await listening.is_silent()


async def test_an_address_may_have_so_many_sockets(own_gate: Open) -> None:
    house = await own_gate(connections=2)
    async with house.socket(), house.socket("/v4/ws/usdt"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await house.http.ws_connect(house.url + "/ws/v4/")
        assert refused.value.status == 429
    for _ in range(100):
        if not house.venue.hub.subscriptions:
            break
        await house.call("GET", "/spot/accounts")
    async with house.socket() as socket:
        await socket.send({"channel": "spot.ping"})
        assert (await socket.receive())["channel"] == "spot.pong"


async def test_the_notice_of_an_upgrade(gate: Any) -> None:
    async with gate.socket() as spot, gate.socket("/v4/ws/usdt") as futures:
        for socket, market in ((spot, "spot"), (futures, "futures")):
            await socket.send({"time": 1, "channel": f"{market}.ping"})
            assert (await socket.receive())["channel"] == f"{market}.pong"
        gate.venue.announce_upgrade()
        for socket, market in ((spot, "spot"), (futures, "futures")):
            notice = await socket.receive()
            assert (notice["channel"], notice["event"]) == (f"{market}.system", "update")
            assert notice["result"] == {
                "type": "upgrade",
                "msg": "The connection will soon be closed for a service upgrade. Please reconnect.",
            }


async def test_the_first_order_book_update_may_be_full(own_gate: Open) -> None:
    house = await own_gate(full_update=True)
    async with house.socket() as socket:
        await socket.send(
            {"time": 1, "channel": "spot.order_book_update", "event": "subscribe", "payload": ["BTC_USDT", "20ms"]}
        )
        await socket.receive()
        full = (await socket.receive())["result"]
        assert (full["full"], len(full["b"]), len(full["a"])) == (True, 20, 20)
        truth = house.market.book("gateio", "BTC/USDT").true_book(full["u"])
        assert [(Decimal(price), Decimal(size)) for price, size in full["b"]] == list(truth.bids[:20])
        for _ in range(20):
            house.tick()
        assert (await socket.receive())["result"]["U"] == full["u"] + 1
