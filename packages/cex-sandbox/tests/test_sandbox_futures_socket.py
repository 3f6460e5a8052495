from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from cex.common.enums import Side

SYMBOL = "BTC/USDT:USDT"
KEY, SECRET = "0123456789abcdef0123456789abcdef", "perpetual-secret"
CHANNELS = (
    "orders",
    "usertrades",
    "positions",
    "position_closes",
    "liquidates",
    "auto_deleverages",
    "reduce_risk_limits",
    "autoorders",
)


class Socket:
    """One client of the futures socket that signs by itself."""

    def __init__(self, perp: Any, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.perp = perp
        self.websocket = websocket

    async def frame(self) -> dict[str, Any]:
        text = await asyncio.wait_for(self.websocket.receive_str(), 2)
        frame = json.loads(text, parse_float=Decimal)
        assert isinstance(frame, dict)
        return frame

    async def frames(self) -> list[dict[str, Any]]:
        """Everything that has been sent before the answer to a ping."""
        await self.websocket.send_str('{"channel": "futures.ping"}')
        found = []
        while (frame := await self.frame())["channel"] != "futures.pong":
            found.append(frame)
        return found

    async def follow(
        self, channel: str, *payload: str, event: str = "subscribe", secret: str = SECRET
    ) -> dict[str, Any]:
        now_s = self.perp.clock.time_ns() // 1_000_000_000
        text = f"channel={channel}&event={event}&time={now_s}"
        sign = hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()
        auth = {"method": "api_key", "KEY": KEY, "SIGN": sign}
        request = {"time": now_s, "id": 7, "channel": channel, "event": event, "payload": payload, "auth": auth}
        await self.websocket.send_str(json.dumps(request))
        return await self.frame()

    async def login(self, key: str = KEY) -> dict[str, Any]:
        now_s = str(self.perp.clock.time_ns() // 1_000_000_000)
        text = f"api\nfutures.login\n\n{now_s}"
        signature = hmac.new(SECRET.encode(), text.encode(), hashlib.sha512).hexdigest()
        payload = {"api_key": key, "signature": signature, "timestamp": now_s, "req_id": "login-1"}
        await self.websocket.send_str(
            json.dumps({"time": int(now_s), "channel": "futures.login", "event": "api", "payload": payload})
        )
        return await self.frame()

    async def ask(self, channel: str, param: object, req_id: str = "r-1") -> dict[str, Any]:
        """The first answer to a request of the order API."""
        payload = {"req_id": req_id, "req_param": param}
        request = {"time": 1, "channel": f"futures.{channel}", "event": "api", "payload": payload}
        await self.websocket.send_str(json.dumps(request))
        return await self.frame()


@pytest.fixture
async def connect(perp: Any, http: aiohttp.ClientSession) -> AsyncIterator[Callable[..., Awaitable[Socket]]]:
    opened: list[aiohttp.ClientWebSocketResponse] = []

    async def open_one(**headers: str) -> Socket:
        url = perp.url.replace("http", "ws") + "/v4/ws/usdt"
        websocket = await http.ws_connect(url, headers={name.replace("_", "-"): v for name, v in headers.items()})
        opened.append(websocket)
        return Socket(perp, websocket)

    yield open_one
    for websocket in opened:
        await websocket.close()


@pytest.fixture
async def socket(connect: Callable[..., Awaitable[Socket]]) -> Socket:
    return await connect()


async def test_the_acknowledgement(socket: Socket) -> None:
    ack = await socket.follow("futures.orders", "10000", "BTC_USDT")
    assert (ack["id"], ack["channel"], ack["event"]) == (7, "futures.orders", "subscribe")
    assert (ack["payload"], ack["result"], ack.get("error")) == (["10000", "BTC_USDT"], {"status": "success"}, None)
    for channel in CHANNELS:
        assert (await socket.follow(f"futures.{channel}", "10000", "!all"))["result"] == {"status": "success"}
    assert (await socket.follow("futures.balances", "10000"))["result"] == {"status": "success"}


@pytest.mark.parametrize("payload", [(), ("10000",), ("20000", "!all"), ("!all",), ("10000", "NOPE_USDT")])
async def test_payloads_that_are_refused(socket: Socket, payload: tuple[str, ...]) -> None:
    ack = await socket.follow("futures.orders", *payload)
    assert (ack["error"]["code"], ack["result"]) == (2, {"status": "fail"})


async def test_a_bad_signature_leaves_the_socket_open(socket: Socket) -> None:
    ack = await socket.follow("futures.orders", "10000", "!all", secret="wrong")
    assert ack["error"]["code"] == 4
    assert (await socket.follow("futures.orders", "10000", "!all")).get("error") is None


async def test_a_taken_order_is_told_on_every_channel(perp: Any, socket: Socket) -> None:
    for channel in CHANNELS:
        await socket.follow(f"futures.{channel}", "10000", "!all")
    await socket.follow("futures.balances", "10000")
    order = (await perp.order(size=5, price="0", tif="ioc", text="t-push")).body
    frames = await socket.frames()
    assert [frame["channel"] for frame in frames] == [
        "futures.orders",
        "futures.orders",
        "futures.usertrades",
        "futures.balances",
        "futures.positions",
    ]
    assert {frame["event"] for frame in frames} == {"update"}
    put, finish, fill, balance, position = (frame["result"][0] for frame in frames)
    assert (put["status"], put["finish_as"], put["left"], put["finish_time"]) == ("open", "_new", 5, 0)
    assert finish == finish | {
        "id": order["id"],
        "user": "10000",
        "contract": "BTC_USDT",
        "status": "finished",
        "finish_as": "filled",
        "size": 5,
        "left": 0,
        "price": 0,
        "fill_price": Decimal(order["fill_price"]),
        "tkfr": Decimal("0.0005"),
        "mkfr": Decimal("-0.00005"),
        "text": "t-push",
        "tif": "ioc",
        "role": "taker",
        "stp_id": "0",
        "is_liq": False,
        "is_close": False,
    }
    assert finish["update_id"] > put["update_id"]
    assert finish["finish_time_ms"] == perp.clock.time_ns() // 1_000_000
    assert fill == fill | {
        "order_id": str(order["id"]),
        "size": 5,
        "price": order["fill_price"],
        "role": "taker",
        "close_size": 0,
        "text": "t-push",
    }
    fee = Decimal(order["fill_price"]) * 5 * Decimal("0.0001") * Decimal("0.0005")
    assert fill["fee"] == fee == finish["fee"]
    assert balance == balance | {"change": -fee, "balance": 10_000 - fee, "type": "fee", "currency": "usdt"}
    assert balance["text"] == f"BTC_USDT:{order['id']}"
    assert position == position | {
        "contract": "BTC_USDT",
        "size": 5,
        "entry_price": Decimal(order["fill_price"]),
        "leverage": 0,
        "cross_leverage_limit": 10,
        "mode": "single",
        "update_id": 1,
        "realised_pnl": -fee,
        "user": "10000",
    }


async def test_a_maker_is_told_at_the_moment_of_the_fill(perp: Any, socket: Socket) -> None:
    await socket.follow("futures.orders", "10000", "BTC_USDT")
    await socket.follow("futures.usertrades", "10000", "SOL_USDT")
    price = perp.best(Side.BUY) + Decimal("0.1")
    await perp.order(size=5, price=f"{price:f}")
    perp.crowd(Side.SELL, 2)
    perp.crowd(Side.SELL, 3)
    put, first, last = [frame["result"][0] for frame in await socket.frames()]
    assert (put["left"], put["finish_as"]) == (5, "_new")
    assert (first["left"], first["status"], first["finish_as"], first["role"]) == (3, "open", "_update", "maker")
    assert (last["left"], last["status"], last["finish_as"]) == (0, "finished", "filled")


async def test_amend_and_cancel_are_told(perp: Any, socket: Socket) -> None:
    await socket.follow("futures.orders", "10000", "!all")
    order = (await perp.order(size=5, price="80000")).body
    await perp.call("PUT", f"/orders/{order['id']}", {"size": 4, "amend_text": "less"})
    await perp.call("DELETE", f"/orders/{order['id']}")
    put, amended, cancelled = [frame["result"][0] for frame in await socket.frames()]
    assert (put["size"], amended["size"], amended["left"], amended["amend_text"]) == (5, 4, 4, "less")
    assert (amended["status"], cancelled["status"], cancelled["finish_as"]) == ("open", "finished", "cancelled")
    assert put["update_id"] < amended["update_id"] < cancelled["update_id"]


async def test_a_close_and_a_transfer_are_told(perp: Any, socket: Socket) -> None:
    await perp.order(size=5, price="0", tif="ioc")
    await socket.follow("futures.position_closes", "10000", "!all")
    await socket.follow("futures.balances", "10000")
    await perp.order(size=0, close=True, price="0", tif="ioc")
    frames = await socket.frames()
    (close,) = [frame["result"][0] for frame in frames if frame["channel"] == "futures.position_closes"]
    assert (close["side"], close["text"], close["contract"]) == ("long", "api", "BTC_USDT")
    assert close["pnl"] == close["pnl_pnl"] + close["pnl_fee"] + close["pnl_fund"]
    kinds = [frame["result"][0]["type"] for frame in frames if frame["channel"] == "futures.balances"]
    assert kinds == ["pnl", "fee"]


async def test_leverage_and_a_lower_risk_limit_are_told(perp: Any, socket: Socket) -> None:
    await socket.follow("futures.positions", "10000", "!all")
    await socket.follow("futures.reduce_risk_limits", "10000", "!all")
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=5)
    await perp.call("POST", "/positions/BTC_USDT/risk_limit", risk_limit=3_000_000)
    await perp.call("POST", "/positions/BTC_USDT/risk_limit", risk_limit=2_000_000)
    frames = await socket.frames()
    assert [frame["channel"] for frame in frames] == ["futures.positions"] * 3 + ["futures.reduce_risk_limits"]
    assert frames[0]["result"][0] == frames[0]["result"][0] | {"leverage": 5, "size": 0, "pos_margin_mode": "isolated"}
    assert frames[3]["result"] == [
        {
            "cancel_orders": 0,
            "contract": "BTC_USDT",
            "leverage_max": Decimal("66.67"),
            "liq_price": 0,
            "maintenance_rate": Decimal("0.0075"),
            "risk_limit": 2_000_000,
            "time": perp.clock.time_ns() // 1_000_000_000,
            "time_ms": perp.clock.time_ns() // 1_000_000,
            "user": "10000",
        }
    ]


async def test_funding_liquidation_and_deleveraging_are_told(perp: Any, socket: Socket) -> None:
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=100)
    await perp.order(size=100, price="0", tif="ioc")
    for channel in ("liquidates", "auto_deleverages", "orders"):
        await socket.follow(f"futures.{channel}", "10000", "!all")
    await socket.follow("futures.balances", "10000")
    perp.desk.deleverage(perp.main, SYMBOL, Decimal(40))
    perp.clock.advance(28_800)
    perp.settle()
    perp.mark(Decimal(80_000))
    perp.settle()
    frames = await socket.frames()
    (deleverage,) = [frame["result"][0] for frame in frames if frame["channel"] == "futures.auto_deleverages"]
    assert (deleverage["trade_size"], deleverage["position_size"]) == (-40, 60)
    (liquidation,) = [frame["result"][0] for frame in frames if frame["channel"] == "futures.liquidates"]
    assert (liquidation["size"], liquidation["left"], liquidation["leverage"]) == (60, 0, 100)
    orders = [frame["result"][0] for frame in frames if frame["channel"] == "futures.orders"]
    assert orders[-1] == orders[-1] | {"is_liq": True, "status": "finished", "id": liquidation["order_id"]}
    assert "fund" in [frame["result"][0]["type"] for frame in frames if frame["channel"] == "futures.balances"]


async def test_price_orders_are_told(perp: Any, socket: Socket) -> None:
    await socket.follow("futures.autoorders", "10000", "!all")
    trigger = {"strategy_type": 0, "price_type": 1, "price": "80000", "rule": 1}
    initial = {"contract": "BTC_USDT", "size": 1, "price": "0", "tif": "ioc"}
    await perp.call("POST", "/price_orders", {"initial": initial, "trigger": trigger})
    perp.settle()
    first, second = [frame["result"][0] for frame in await socket.frames()]
    assert (first["status"], first["trade_id"], first["name"]) == ("open", 0, "price_autoorders")
    assert (second["status"], second["finish_as"]) == ("finished", "succeeded")
    assert second["trade_id"] > 0


async def test_nothing_after_unsubscribing_and_nothing_of_others(perp: Any, socket: Socket) -> None:
    await socket.follow("futures.orders", "10000", "!all")
    await perp.order(size=1, price="80000", key="b" * 32)
    assert await socket.frames() == []
    ack = await socket.follow("futures.orders", "10000", "!all", event="unsubscribe")
    assert ack["result"] == {"status": "success"}
    await perp.order(size=1, price="80000")
    assert await socket.frames() == []


async def test_decimal_sizes_are_negotiated_with_the_handshake(
    perp: Any, socket: Socket, connect: Callable[..., Awaitable[Socket]]
) -> None:
    decimal = await connect(X_Gate_Size_Decimal="1")
    for one in (socket, decimal):
        await one.follow("futures.orders", "10000", "!all")
        await one.follow("futures.positions", "10000", "!all")
    fields = {"contract": "SOL_USDT", "size": "1.5", "price": "0", "tif": "ioc"}
    await perp.call("POST", "/orders", fields, decimal=True)
    put, *_, position = [frame["result"][0] for frame in await socket.frames()]
    assert (put["size"], put["left"], put["iceberg"], position["size"]) == (1, 1, 0, 1)
    put, *_, position = [frame["result"][0] for frame in await decimal.frames()]
    assert (put["size"], put["left"], put["iceberg"], position["size"]) == ("1.5", "1.5", "0", "1.5")


async def test_everybody_is_told_of_liquidations_once_a_second(perp: Any, socket: Socket) -> None:
    for payload in (["BTC_USDT"], ["!all"]):
        await socket.websocket.send_json(
            {"channel": "futures.public_liquidates", "event": "subscribe", "payload": payload}
        )
        assert (await socket.frame())["result"] == {"status": "success"}
    await perp.call("POST", "/positions/BTC_USDT/leverage", leverage=100)
    await perp.order(size=100, price="0", tif="ioc")
    perp.mark(Decimal(80_000))
    perp.settle()
    perp.tick(100)
    frames = [frame for frame in await socket.frames() if frame["channel"] == "futures.public_liquidates"]
    (row,) = [row for frame in frames for row in frame["result"]]
    (told,) = (await perp.call("GET", "/liq_orders")).body
    assert (row["size"], row["contract"], row["price"]) == (-100, "BTC_USDT", Decimal(told["fill_price"]))
    perp.tick(100)
    assert [f for f in await socket.frames() if f["channel"] == "futures.public_liquidates"] == []


async def test_contract_stats_are_told(perp: Any, socket: Socket) -> None:
    request = {"channel": "futures.contract_stats", "event": "subscribe", "payload": ["BTC_USDT", "1m"]}
    await socket.websocket.send_json(request)
    assert (await socket.frame())["result"] == {"status": "success"}
    perp.tick(1000)
    (row,) = [row for frame in await socket.frames() for row in frame["result"]]
    assert (row["contract"], row["time"] % 60) == ("BTC_USDT", 0)
    assert row["open_interest"] == perp.desk.contract(SYMBOL).perpetual.open_interest
    for payload in (["X"], ["BTC_USDT", "2m"], []):
        await socket.websocket.send_json(request | {"payload": payload})
        assert (await socket.frame())["error"]["code"] == 2


# --- the order API ----------------------------------------------------------------------------------------------------


async def test_login(socket: Socket) -> None:
    answer = await socket.login()
    assert (answer["header"]["status"], answer["header"]["channel"]) == ("200", "futures.login")
    assert answer["data"] == {"result": {"api_key": KEY, "uid": "10000"}}
    bad = await socket.login("nobody")
    assert (bad["header"]["status"], bad["data"]["errs"]["label"]) == ("401", "INVALID_KEY")


async def test_not_logged_in(socket: Socket) -> None:
    answer = await socket.ask("order_place", {"contract": "BTC_USDT", "size": 1, "price": "80000"})
    assert answer["header"]["status"] == "401"
    assert "ack" not in answer or answer["ack"] is False


async def test_placing_answers_twice(perp: Any, socket: Socket) -> None:
    await socket.login()
    param = {"contract": "BTC_USDT", "size": 10, "price": "80000", "tif": "gtc", "text": "t-1"}
    ack = await socket.ask("order_place", param, "r-2")
    assert (ack["ack"], ack["request_id"], ack["header"]["status"]) == (True, "r-2", "200")
    assert ack["data"]["result"] == {"req_id": "r-2", "req_param": param}
    assert ack["header"]["x_gate_ratelimit_limit"] > 0
    final = await socket.frame()
    assert (final["ack"], final["request_id"], final["header"]["channel"]) == (False, "r-2", "futures.order_place")
    result = final["data"]["result"]
    assert (result["text"], result["size"], result["status"], result["user"]) == ("t-1", 10, "open", 10000)
    assert [order.id for order in perp.desk.open_orders(perp.main)] == [result["id"]]


async def test_a_refusal_after_the_acknowledgement(socket: Socket) -> None:
    await socket.login()
    ack = await socket.ask("order_place", {"contract": "BTC_USDT", "size": 10, "price": "80000", "text": "bad"})
    assert ack["ack"] is True
    final = await socket.frame()
    assert (final["ack"], final["header"]["status"]) == (False, "400")
    assert final["data"]["errs"]["label"] == "INVALID_PARAM_VALUE"


async def test_every_method(perp: Any, socket: Socket) -> None:
    await socket.login()
    order = {"contract": "BTC_USDT", "size": 1, "price": "80000"}
    assert (await socket.ask("order_batch_place", [order, order, {**order, "size": 0}]))["ack"] is True
    placed = (await socket.frame())["data"]["result"]
    assert [row["succeeded"] for row in placed] == [True, True, False]
    first, second = placed[0]["id"], placed[1]["id"]
    status = await socket.ask("order_status", {"order_id": str(first)})
    assert status["data"]["result"]["id"] == first
    amended = await socket.ask("order_amend", {"order_id": str(first), "price": "80001", "size": 2})
    assert (amended["data"]["result"]["price"], amended["data"]["result"]["size"]) == ("80001", 2)
    listed = await socket.ask("order_list", {"contract": "BTC_USDT", "status": "open"})
    assert [row["id"] for row in listed["data"]["result"]] == [second, first]
    cancelled = await socket.ask("order_cancel", {"order_id": str(first)})
    assert cancelled["data"]["result"]["finish_as"] == "cancelled"
    again = await socket.ask("order_cancel", {"order_id": "5"})
    assert (again["header"]["status"], again["data"]["errs"]["label"]) == ("404", "ORDER_NOT_FOUND")
    ids = await socket.ask("order_cancel_ids", [str(second), "5"])
    assert [row["succeeded"] for row in ids["data"]["result"]] == [True, False]
    await perp.order(size=1, price="80000")
    await perp.order(size=-1, price="90000")
    pair = await socket.ask("order_cancel_cp", {"contract": "BTC_USDT", "side": "bid"})
    assert [row["size"] for row in pair["data"]["result"]] == [1]
    for channel, param in (
        ("order_cancel_cp", {"contract": "BTC_USDT", "side": "up"}),
        ("order_cancel_cp", {}),
        ("order_list", {"contract": "BTC_USDT"}),
        ("order_status", {}),
        ("order_amend", {"order_id": "1"}),
        ("order_cancel_ids", {}),
        ("order_nonsense", {}),
    ):
        refused = await socket.ask(channel, param)
        assert refused["header"]["status"] == "400", channel


async def test_the_order_api_shares_the_budget(own_perpetuals: Any, http: aiohttp.ClientSession) -> None:
    perp = await own_perpetuals(limits={"futures_place": 2})
    async with http.ws_connect(perp.url.replace("http", "ws") + "/v4/ws/usdt") as websocket:
        socket = Socket(perp, websocket)
        await socket.login()
        param = {"contract": "BTC_USDT", "size": 1, "price": "80000"}
        await perp.call("POST", "/orders", param)
        await socket.ask("order_place", param)
        await socket.frame()
        refused = await socket.ask("order_place", param)
        assert refused["header"]["status"] == "429"
        assert refused["data"]["errs"] == {
            "label": "TOO_MANY_REQUESTS",
            "message": "Request Rate limit Exceeded (311)",
        }
