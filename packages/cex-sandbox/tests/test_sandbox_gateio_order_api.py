from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from cex.common.enums import Side
from cex.sandbox.accounts.directory import Permission
from cex.sandbox.venues.gateio.auth import trade_signature

Open = Callable[..., Awaitable[Any]]

ORDER = {
    "text": "t-1",
    "currency_pair": "BTC_USDT",
    "type": "limit",
    "account": "spot",
    "side": "buy",
    "amount": "0.01",
    "price": "50000",
    "time_in_force": "gtc",
}


@pytest.fixture
async def socket(gate: Any) -> Any:
    async with gate.socket() as opened:
        await opened.login()
        yield opened


def errors(answer: dict[str, Any]) -> tuple[str, str]:
    return answer["header"]["status"], answer["data"]["errs"]["label"]


async def test_login(gate: Any) -> None:
    async with gate.socket() as socket:
        answer = await socket.login()
        header = answer.pop("header")
        assert answer == {"request_id": "login-1", "data": {"result": {"api_key": "key", "uid": "1001"}}}
        assert (header["status"], header["channel"], header["event"]) == ("200", "spot.login", "api")
        assert header["response_time"] == str(gate.clock.time_ns() // 1_000_000)
        assert header["client_id"].startswith("127.0.0.1-0x")


@pytest.mark.parametrize("param", ["{}", '""', '{"a": 1}'])
async def test_a_login_may_sign_the_parameters_that_it_sends(gate: Any, param: str) -> None:
    now = str(gate.clock.time_ns() // 1_000_000_000)
    signature = trade_signature("secret", "spot.login", param, now)
    async with gate.socket() as socket:
        payload = f'"api_key":"key","signature":"{signature}","timestamp":"{now}","req_id":"a","req_param":{param}'
        await socket.send('{"channel":"spot.login","event":"api","payload":{' + payload + "}}")
        assert (await socket.receive())["header"]["status"] == "200"


@pytest.mark.parametrize(
    ("more", "status", "label"),
    [
        ({"key": "nobody"}, "401", "INVALID_KEY"),
        ({"secret": "wrong"}, "401", "INVALID_SIGNATURE"),
        ({"key": "far", "secret": "s"}, "403", "IP_FORBIDDEN"),
    ],
)
async def test_who_cannot_log_in(gate: Any, more: dict[str, str], status: str, label: str) -> None:
    gate.account(1003, "far", "s", ips=("10.0.0.1",))
    async with gate.socket() as socket:
        assert errors(await socket.login(**more)) == (status, label)
        assert errors(await socket.api("spot.order_place", ORDER)) == ("401", "INVALID_CREDENTIALS")


async def test_a_login_that_is_stale_or_incomplete(gate: Any) -> None:
    async with gate.socket() as socket:
        payload = {"api_key": "key", "signature": "x", "timestamp": "1", "req_id": "a"}
        await socket.send({"channel": "spot.login", "event": "api", "payload": payload})
        assert errors(await socket.receive()) == ("403", "REQUEST_EXPIRED")
        del payload["signature"]
        await socket.send({"channel": "spot.login", "event": "api", "payload": payload})
        assert errors(await socket.receive()) == ("400", "INVALID_ARGUMENT")


async def test_the_label_before_the_login_can_be_set(own_gate: Open) -> None:
    house = await own_gate(not_logged_in="INVALID_KEY")
    async with house.socket() as socket:
        assert errors(await socket.api("spot.order_status", {})) == ("401", "INVALID_KEY")


async def test_placing_answers_twice(gate: Any, socket: Any) -> None:
    ack = await socket.api("spot.order_place", ORDER, req_id="r-2")
    header = ack.pop("header")
    assert ack == {
        "request_id": "r-2",
        "ack": True,
        "data": {
            "result": {
                "req_id": "r-2", "api_key": "", "timestamp": "", "signature": "", "req_header": None,
                "req_param": ORDER,
            }
        },
    }  # fmt: skip
    assert (header["status"], header["channel"]) == ("200", "spot.order_place")
    assert (header["x_gate_ratelimit_limit"], header["x_in_time"]) == (10_000, gate.clock.time_ns() // 1000)
    final = await socket.receive()
    assert final["request_id"] == "r-2"
    assert "ack" not in final
    assert final["header"]["status"] == "200"
    assert final["header"]["x_gate_ratelimit_requests_remain"] == 9_999
    assert final["header"]["x_gat_ratelimit_reset_timestamp"] == gate.clock.time_ns() // 1_000_000
    (order,) = gate.desk.open_orders(gate.main)
    result = final["data"]["result"]
    assert (result["id"], result["text"], result["status"], result["amount"]) == (str(order.id), "t-1", "open", "0.01")


async def test_an_order_without_text_came_over_the_socket(socket: Any) -> None:
    await socket.api("spot.order_place", {key: value for key, value in ORDER.items() if key != "text"})
    assert (await socket.receive())["data"]["result"]["text"] == "apiv4-ws"


async def test_a_refusal_comes_after_the_acknowledgement(socket: Any) -> None:
    ack = await socket.api("spot.order_place", ORDER | {"amount": "0.00001", "price": "20000"})
    assert ack["ack"] is True
    final = await socket.receive()
    assert "ack" not in final
    assert final["header"]["status"] == "400"
    assert final["data"] == {
        "errs": {
            "label": "INVALID_PARAM_VALUE",
            "message": "Your order size 0.2 USDT is too small. The minimum is 3 USDT",
        }
    }


async def test_a_batch(socket: Any) -> None:
    ack = await socket.api("spot.order_place", [ORDER, ORDER | {"text": "t-2", "amount": "10"}])
    assert [row["text"] for row in ack["data"]["result"]["req_param"]] == ["t-1", "t-2"]
    result = (await socket.receive())["data"]["result"]
    assert [(row["text"], row["succeeded"], row["label"]) for row in result] == [
        ("t-1", True, ""),
        ("t-2", False, "BALANCE_NOT_ENOUGH"),
    ]


async def test_amending_finding_and_cancelling(gate: Any, socket: Any) -> None:
    await socket.api("spot.order_place", ORDER)
    placed = (await socket.receive())["data"]["result"]
    named = {"order_id": placed["id"], "currency_pair": "BTC_USDT"}
    amended = await socket.api("spot.order_amend", {**named, "price": "49000", "amend_text": "t-a"})
    assert "ack" not in amended
    result = amended["data"]["result"]
    assert (result["price"], result["amend_text"]) == ("49000", "t-a")
    assert amended["header"]["x_gate_ratelimit_limit"] == 10_000
    status = await socket.api("spot.order_status", {"order_id": "t-1", "currency_pair": "BTC_USDT"})
    assert status["data"]["result"] == result
    assert "x_gate_ratelimit_limit" not in status["header"]
    listed = await socket.api("spot.order_list", {"currency_pair": "BTC_USDT", "status": "open", "page": 1, "limit": 3})
    assert listed["data"]["result"] == [result]
    cancelled = await socket.api("spot.order_cancel", named)
    assert (cancelled["data"]["result"]["status"], cancelled["header"]["status"]) == ("cancelled", "200")
    assert errors(await socket.api("spot.order_cancel", named)) == ("400", "ORDER_CANCELLED")
    assert errors(await socket.api("spot.order_cancel", named | {"order_id": "1"})) == ("404", "ORDER_NOT_FOUND")
    assert gate.desk.open_orders(gate.main) == []


async def test_cancelling_by_ids_and_by_pair(gate: Any, socket: Any) -> None:
    for n, side, price in ((1, "buy", "50000"), (2, "buy", "49000"), (3, "sell", "150000")):
        await gate.order(text=f"t-{n}", side=side, price=price)
    ids = [{"id": "t-1", "currency_pair": "BTC_USDT"}, {"id": "1", "currency_pair": "BTC_USDT"}]
    result = (await socket.api("spot.order_cancel_ids", ids))["data"]["result"]
    assert [row["succeeded"] for row in result] == [True, False]
    result = (await socket.api("spot.order_cancel_cp", {"currency_pair": "BTC_USDT", "side": "sell"}))["data"]["result"]
    assert [(row["text"], row["status"]) for row in result] == [("t-3", "cancelled")]
    assert errors(await socket.api("spot.order_cancel_cp", {"side": "buy"})) == ("400", "MISSING_REQUIRED_PARAM")
    result = (await socket.api("spot.order_cancel_cp", {"currency_pair": "BTC_USDT"}))["data"]["result"]
    assert [row["text"] for row in result] == ["t-2"]


@pytest.mark.parametrize(
    ("channel", "param", "label"),
    [
        ("spot.order_place", 7, "INVALID_ARGUMENT"),
        ("spot.order_place", None, "INVALID_ARGUMENT"),
        ("spot.order_place", {}, "MISSING_REQUIRED_PARAM"),
        ("spot.order_place", [], "INVALID_REQUEST_BODY"),
        ("spot.order_cancel", [], "INVALID_REQUEST_BODY"),
        ("spot.order_cancel", {"order_id": "1"}, "MISSING_REQUIRED_PARAM"),
        ("spot.order_cancel", {"order_id": ["1"], "currency_pair": "BTC_USDT"}, "INVALID_PARAM_VALUE"),
        ("spot.order_status", {"currency_pair": "BTC_USDT"}, "MISSING_REQUIRED_PARAM"),
        ("spot.order_list", {"currency_pair": "BTC_USDT"}, "MISSING_REQUIRED_PARAM"),
        ("spot.order_dance", {}, "INVALID_ARGUMENT"),
        ("futures.order_place", {}, "INVALID_ARGUMENT"),
    ],
)
async def test_requests_that_are_refused(socket: Any, channel: str, param: Any, label: str) -> None:
    answer = await socket.api(channel, param)
    if answer.get("ack"):
        answer = await socket.receive()
    assert errors(answer) == ("400", label)
    assert answer["request_id"] == "r-1"
    assert await socket.is_silent()


@pytest.mark.parametrize("payload", [None, 7, [], {"req_id": 7}, {"req_id": "r", "req_header": [1]}])
async def test_payloads_that_are_none(socket: Any, payload: Any) -> None:
    await socket.send({"channel": "spot.order_place", "event": "api", "payload": payload})
    answer = await socket.receive()
    assert errors(answer) == ("400", "INVALID_ARGUMENT")
    assert answer["data"]["errs"]["message"] == "OrderPlace request params error"


async def test_the_budget_is_that_of_rest(own_gate: Open) -> None:
    house = await own_gate()
    async with house.socket() as socket:
        await socket.login()
        for n in range(5):
            await house.order(text=f"t-r{n}")
            await socket.api("spot.order_place", ORDER | {"text": f"t-w{n}"})
            await socket.receive()
        refused = await socket.api("spot.order_place", ORDER)
        assert errors(refused) == ("429", "TOO_MANY_REQUESTS")
        assert refused["data"]["errs"]["message"] == "Request Rate limit Exceeded (211)"
        header = refused["header"]
        assert "x_gate_ratelimit_requests_remain" not in header
        assert header["x_gate_ratelimit_limit"] == 10
        assert header["x_gate_ratelimit_reset_timestamp"] == house.clock.time_ns() // 1_000_000 + 1000
        assert (await house.order(text="t-r9")).status == 429


async def test_a_request_that_comes_late(gate: Any, socket: Any) -> None:
    now_ms = gate.clock.time_ns() // 1_000_000
    for name in ("req_header", "header"):
        answer = await socket.api("spot.order_place", ORDER, **{name: {"x-gate-exptime": str(now_ms - 1)}})
        assert errors(answer) == ("403", "REQUEST_EXPIRED")
    ack = await socket.api("spot.order_place", ORDER, req_header={"x-gate-exptime": str(now_ms)})
    assert ack["data"]["result"]["req_header"] == {"x-gate-exptime": str(now_ms)}
    assert (await socket.receive())["header"]["status"] == "200"


async def test_a_key_that_may_only_read(gate: Any) -> None:
    gate.account(1002, "reader", "s", permissions=frozenset({Permission.READ}))
    async with gate.socket() as socket:
        await socket.login(key="reader", secret="s")
        assert errors(await socket.api("spot.order_place", ORDER)) == ("403", "READ_ONLY")
        answer = await socket.api("spot.order_list", {"currency_pair": "BTC_USDT", "status": "open"})
        assert answer["data"]["result"] == []


async def test_what_is_told_before_the_answer(gate: Any, socket: Any) -> None:
    """A fill reaches the private channel between the acknowledgement and the result."""
    await socket.subscribe("spot.usertrades", ["!all"])
    asked = ORDER | {"price": str(gate.best(Side.SELL)), "amount": "0.0001"}
    await socket.api("spot.order_place", asked)
    push, final = await socket.receive(), await socket.receive()
    assert push["channel"] == "spot.usertrades"
    assert Decimal(final["data"]["result"]["filled_amount"]) == Decimal("0.0001")
    assert push["result"][0]["order_id"] == final["data"]["result"]["id"]


async def test_the_request_is_echoed_as_it_was_written(socket: Any) -> None:
    param = '{"price":"50000","amount":0.0100,"side":"buy","currency_pair":"BTC_USDT"}'
    await socket.send('{"channel":"spot.order_place","event":"api","payload":{"req_id":"r","req_param":' + param + "}}")
    message = await socket.websocket.receive(timeout=2)
    assert param in message.data
    assert json.loads(message.data)["ack"] is True
    assert (await socket.receive())["data"]["result"]["amount"] == "0.01"
