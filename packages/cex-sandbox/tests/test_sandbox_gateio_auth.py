from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cex.sandbox.accounts.directory import Permission
from cex.sandbox.venues.gateio.auth import rest_signature, stream_signature, trade_signature

_BODY = b'{"contract":"BTC_USD","type":"limit","size":100,"price":6800,"time_in_force":"gtc"}'
_SPOT = (
    b'{"text":"t-abc123","currency_pair":"BTC_USDT","type":"limit","account":"spot","side":"buy",'
    b'"amount":"0.001","price":"65000","time_in_force":"gtc"}'
)


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "timestamp", "expected"),
    [
        ("GET", "futures/orders", "contract=BTC_USD&status=finished&limit=50", b"", "1541993715", "55f84ea195d6fe57"),
        ("POST", "futures/orders", "", _BODY, "1541993715", "eae42da914a590dd"),
        ("POST", "spot/orders", "", _SPOT, "1700000000", "3525d0ef40402287"),
        ("DELETE", "spot/orders/12332324", "currency_pair=BTC_USDT", b"", "1700000000", "ec17c580a959d781"),
        ("POST", "futures/usdt/positions/BTC_USDT/leverage", "leverage=10", b"", "1700000000", "df127117568fdaed"),
    ],
)
def test_documented_signatures(method: str, path: str, query: str, body: bytes, timestamp: str, expected: str) -> None:
    assert rest_signature("secret", method, f"/api/v4/{path}", query, body, timestamp).startswith(expected)


def test_documented_signatures_of_the_sockets() -> None:
    assert stream_signature("secret", "spot.orders", "subscribe", "1700000000").startswith("0dc17b76097b2726")
    assert stream_signature("secret", "futures.orders", "subscribe", "1700000000").startswith("e40a0260c1d090a7")
    assert trade_signature("secret", "spot.login", "", "1700000000").startswith("fda6efd05e40791f")
    assert trade_signature("secret", "futures.login", "", "1700000000").startswith("f39035057b3528fc")


async def test_checks_come_in_the_documented_order(gate: Any) -> None:
    """Each request has every fault that is found later, so that the first one is told."""
    gate.account(1002, "bound", "s", ips=("10.0.0.1",), permissions=frozenset())
    stale = {"KEY": "nobody", "SIGN": "x", "Timestamp": str(gate.clock.time_ns() // 1_000_000_000 - 61)}
    fresh = {"KEY": "nobody", "SIGN": "x", "Timestamp": str(gate.clock.time_ns() // 1_000_000_000)}
    seen = []
    for headers in (
        {},
        {"Timestamp": stale["Timestamp"]},
        stale,
        fresh,
        fresh | {"KEY": "bound"},
    ):
        answer = await gate.raw("GET", "/spot/accounts", headers=headers)
        seen.append((answer.status, answer.label))
    answer = await gate.call("GET", "/spot/accounts", key="bound", secret="s")
    seen.append((answer.status, answer.label))
    assert seen == [
        (400, "MISSING_REQUIRED_HEADER"),
        (400, "MISSING_REQUIRED_HEADER"),
        (403, "REQUEST_EXPIRED"),
        (401, "INVALID_KEY"),
        (401, "INVALID_SIGNATURE"),
        (403, "IP_FORBIDDEN"),
    ]


async def test_what_a_missing_or_stale_header_is_told(gate: Any) -> None:
    answer = await gate.raw("GET", "/spot/accounts")
    assert answer.body["message"] == "Missing required header: Timestamp"
    answer = await gate.raw("GET", "/spot/accounts", headers={"Timestamp": "1", "KEY": "k", "SIGN": "s"})
    now = gate.clock.time_ns() // 1_000_000_000
    assert answer.body["message"] == (
        f"gap between request Timestamp and server time exceeds 60 current_time:{now} header.timestamp:1"
    )
    assert (
        await gate.raw("GET", "/spot/accounts", headers={"Timestamp": "1", "KEY": "k"})
    ).label == "MISSING_REQUIRED_HEADER"


@pytest.mark.parametrize("timestamp", ["soon", "nan", "inf", "-inf", "1e400", "9" * 400])
async def test_what_is_no_time(gate: Any, timestamp: str) -> None:
    answer = await gate.raw("GET", "/spot/accounts", headers={"Timestamp": timestamp, "KEY": "key", "SIGN": "s"})
    assert answer.label in ("INVALID_PARAM_VALUE", "REQUEST_EXPIRED")


async def test_a_timestamp_may_have_a_fraction_and_be_a_minute_off(gate: Any) -> None:
    for seconds in (-60, 60, 0.25):
        at = f"{gate.clock.time_ns() / 1e9 + seconds}"
        sign = rest_signature("secret", "GET", "/api/v4/spot/accounts", "", b"", at)
        answer = await gate.raw("GET", "/spot/accounts", headers={"Timestamp": at, "KEY": "key", "SIGN": sign})
        assert answer.status == 200


async def test_the_decoded_query_is_signed(gate: Any) -> None:
    async def ask(sent: str, signed: str) -> int:
        now = str(gate.clock.time_ns() // 1_000_000_000)
        sign = rest_signature("secret", "GET", "/api/v4/spot/batch_fee", signed, b"", now)
        headers = {"Timestamp": now, "KEY": "key", "SIGN": sign}
        return int((await gate.raw("GET", "/spot/batch_fee", query=sent, headers=headers)).status)

    encoded, plain = "currency_pairs=BTC_USDT%2CETH_USDT", "currency_pairs=BTC_USDT,ETH_USDT"
    assert await ask(encoded, plain) == 200
    assert await ask(plain, plain) == 200
    assert await ask(encoded, encoded) == 401


async def test_the_body_is_signed_byte_for_byte(gate: Any) -> None:
    answer = await gate.call("POST", "/spot/countdown_cancel_all", '{"timeout": 0}')
    assert answer.status == 200
    now = str(gate.clock.time_ns() // 1_000_000_000)
    sign = rest_signature("secret", "POST", "/api/v4/spot/countdown_cancel_all", "", b'{"timeout":0}', now)
    headers = {"Timestamp": now, "KEY": "key", "SIGN": sign}
    answer = await gate.raw("POST", "/spot/countdown_cancel_all", '{"timeout": 0}', headers=headers)
    assert answer.label == "INVALID_SIGNATURE"


@pytest.mark.parametrize(
    ("permissions", "scopes", "read", "write"),
    [
        ({Permission.READ}, set(), 200, "READ_ONLY"),
        (set(), set(), "FORBIDDEN", "FORBIDDEN"),
        ({Permission.READ, Permission.TRADE}, {"futures"}, "FORBIDDEN", "FORBIDDEN"),
        ({Permission.READ, Permission.TRADE}, {"spot"}, 200, 200),
    ],
)
async def test_permissions(gate: Any, permissions: set[Permission], scopes: set[str], read: Any, write: Any) -> None:
    gate.account(1002, "other", "s", permissions=frozenset(permissions), scopes=frozenset(scopes))
    for (method, path, body), expected in (
        (("GET", "/spot/accounts", None), read),
        (("POST", "/spot/countdown_cancel_all", {"timeout": 0}), write),
    ):
        answer = await gate.call(method, path, body, key="other", secret="s")
        assert (answer.status if answer.status == 200 else answer.label) == expected
        assert answer.status in (200, 403)


async def test_a_bound_key_from_its_address(gate: Any) -> None:
    gate.account(1002, "bound", "s", ips=("127.0.0.1",))
    assert (await gate.call("GET", "/spot/accounts", key="bound", secret="s")).status == 200


async def test_a_venue_without_credentials_may_answer_401(own_gate: Callable[..., Awaitable[Any]]) -> None:
    house = await own_gate(missing_header_status=401)
    assert (await house.raw("GET", "/spot/accounts")).status == 401


# --- budgets ---------------------------------------------------------------------------------------------------------


async def test_headers_of_a_private_answer(gate: Any) -> None:
    answer = await gate.call("GET", "/spot/accounts")
    now = gate.clock.time_ns()
    assert answer.headers["X-Gate-RateLimit-Limit"] == "200"
    assert answer.headers["X-Gate-RateLimit-Requests-Remain"] == "199"
    assert answer.headers["X-Gate-RateLimit-Reset-Timestamp"] == str(now // 1_000_000_000)
    assert answer.headers["X-In-Time"] == str(now // 1000)
    assert len(answer.headers["X-Gate-Trace-Id"]) == 32
    assert (await gate.call("GET", "/spot/open_orders")).headers["X-Gate-RateLimit-Requests-Remain"] == "199"


async def test_orders_have_a_budget_by_pair_and_account(own_gate: Callable[..., Awaitable[Any]]) -> None:
    house = await own_gate()
    house.account(1002, "other", "s")
    remaining = [(await house.order()).headers["X-Gate-RateLimit-Requests-Remain"] for _ in range(10)]
    assert remaining == [str(left) for left in range(9, -1, -1)]
    refused = await house.order()
    assert (refused.status, refused.body) == (
        429,
        {"label": "TOO_MANY_REQUESTS", "message": "Request Rate limit Exceeded (211)"},
    )
    assert refused.headers["X-Gate-RateLimit-Limit"] == "10"
    assert refused.headers["X-Gate-RateLimit-Reset-Timestamp"] == str(house.clock.time_ns() // 1_000_000_000 + 1)
    assert "Retry-After" not in refused.headers
    assert (await house.order(currency_pair="ETH_USDT", price="1000", amount="0.1")).status == 201
    assert (await house.call("GET", "/spot/open_orders")).status == 200
    house.clock.advance(1)
    assert (await house.order()).status == 201


async def test_a_batch_counts_each_order_and_tells_the_rest_in_its_elements(
    own_gate: Callable[..., Awaitable[Any]],
) -> None:
    house = await own_gate(limits={"spot_place": 2})
    order = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.01", "price": "50000"}
    answer = await house.call("POST", "/spot/batch_orders", [order | {"text": f"t-{n}"} for n in range(3)])
    assert answer.status == 200
    assert [element["label"] for element in answer.body] == ["", "", "TOO_MANY_REQUESTS"]
    assert len(house.desk.open_orders(house.main)) == 2
