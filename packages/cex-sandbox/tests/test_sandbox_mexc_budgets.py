from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cex.sandbox.venues.mexc.gateway import refusal

Make = Callable[..., Awaitable[Any]]

TOO_MANY = {"code": 429, "msg": "Too Many Requests"}
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "11"}


async def test_placing_and_cancelling_share_twelve_a_second(own_mexc: Make) -> None:
    mexc = await own_mexc(order_limit=12)
    placed = [await mexc.call("POST", "order", **ORDER) for _ in range(6)]
    for answer in placed:
        cancelled = await mexc.call("DELETE", "order", symbol="BTCUSDT", orderId=answer.body["orderId"])
        assert cancelled.status == 200
    for refused in (await mexc.call("POST", "order", **ORDER), await mexc.call("DELETE", "openOrders", symbol="A")):
        assert (refused.status, refused.body) == (429, TOO_MANY)
        assert "Retry-After" not in refused.headers
    assert (await mexc.call("POST", "order/test", **ORDER)).status == 200
    assert (await mexc.call("GET", "openOrders")).body == []
    mexc.clock.advance(1)
    assert (await mexc.call("POST", "order", **ORDER)).status == 200


async def test_accounts_and_batches_have_two_a_second(own_mexc: Make) -> None:
    mexc = await own_mexc(account_limit=2, batch_limit=2)
    for method, path in (("GET", "account"), ("POST", "batchOrders")):
        statuses = [(await mexc.call(method, path)).status for _ in range(3)]
        assert statuses[2] == 429
        assert 429 not in statuses[:2]


async def test_weights_count_by_ip_before_anything_else_is_looked_at(own_mexc: Make) -> None:
    mexc = await own_mexc(weight_limit=25)
    assert (await mexc.call("GET", "allOrders", symbol="BTCUSDT")).status == 200
    unsigned = await mexc.raw("GET", "/api/v3/allOrders", "symbol=BTCUSDT")
    assert unsigned.body["code"] == 400
    assert (await mexc.call("GET", "allOrders", symbol="BTCUSDT")).status == 429
    assert (await mexc.call("GET", "openOrders")).status == 200
    for status in (200, 200, 429):
        assert (await mexc.raw("GET", "/api/v3/ping")).status == status
    mexc.clock.advance(10)
    assert (await mexc.raw("GET", "/api/v3/ping")).status == 200


async def test_weights_count_by_account_once_the_signature_is_right(own_mexc: Make) -> None:
    mexc = await own_mexc(uid_weight_limit=25)
    for _ in range(2):
        assert (await mexc.call("GET", "allOrders", symbol="BTCUSDT")).status == 200
    assert (await mexc.call("GET", "allOrders", key=("mx0aBYs33eIilxBWC5", "wrong"))).body["code"] == 700002
    assert (await mexc.call("GET", "allOrders", symbol="BTCUSDT")).status == 429
    assert (await mexc.raw("GET", "/api/v3/ping")).status == 200


async def test_weights_may_count_for_every_endpoint_apart(own_mexc: Make) -> None:
    mexc = await own_mexc(weight_limit=40, independent_weights=True)
    for _ in range(4):
        assert (await mexc.raw("GET", "/api/v3/exchangeInfo")).status == 200
    assert (await mexc.raw("GET", "/api/v3/exchangeInfo")).status == 429
    assert (await mexc.raw("GET", "/api/v3/ticker/24hr")).status == 200


async def test_unknown_paths_cost_too(own_mexc: Make) -> None:
    mexc = await own_mexc(weight_limit=2)
    assert [(await mexc.raw("GET", "/api/v3/nothing")).status for _ in range(3)] == [404, 404, 429]


async def test_a_burst_meets_the_guard(own_mexc: Make) -> None:
    mexc = await own_mexc(waf=True, waf_burst=10, waf_seconds=60.0)
    answers = [await mexc.raw("GET", "/api/v3/ping") for _ in range(11)]
    assert [answer.status for answer in answers] == [200] * 10 + [403]
    page = answers[-1]
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<h1>403 Forbidden</h1>" in page.body
    assert (await mexc.raw("GET", "/anything")).status == 403
    mexc.clock.advance(59)
    assert (await mexc.call("GET", "account")).status == 403
    mexc.clock.advance(2)
    for _ in range(100):
        mexc.clock.advance(0.05)
        assert (await mexc.raw("GET", "/api/v3/ping")).status == 200


async def test_going_on_after_429_ends_in_a_ban_that_doubles(own_mexc: Make) -> None:
    mexc = await own_mexc(weight_limit=1, ban_after=2, ban_seconds=120.0, retry_after=True)

    async def statuses(count: int) -> list[int]:
        return [(await mexc.raw("GET", "/api/v3/ping")).status for _ in range(count)]

    assert await statuses(5) == [200, 429, 429, 418, 418]
    banned = await mexc.raw("GET", "/api/v3/ping")
    assert (banned.body, banned.headers["Retry-After"]) == (TOO_MANY, "120")
    mexc.clock.advance(121)
    assert await statuses(4) == [200, 429, 429, 418]
    mexc.clock.advance(121)
    assert await statuses(1) == [418]
    mexc.clock.advance(120)
    assert await statuses(1) == [200]


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("rate_limited", 429, 429),
        ("banned", 418, 429),
        ("unavailable", 503, 503),
        ("maintenance", 503, 503),
        ("gateway_timeout", 504, 504),
    ],
)
async def test_refusals_on_demand(own_mexc: Make, kind: str, status: int, code: int) -> None:
    answer = (await own_mexc()).venue.refusal(kind, 7.4)
    assert answer.status == status
    assert f'"code":{code}'.encode() in answer.body
    assert answer.headers["Retry-After"] == "7"
    assert "Retry-After" not in refusal(kind, None).headers


def test_the_guards_page_and_what_there_is_not() -> None:
    page = refusal("forbidden", None)
    assert (page.status, page.content_type) == (403, "text/html")
    with pytest.raises(ValueError, match="no refusal 'rude'"):
        refusal("rude", None)


# --- the way in ------------------------------------------------------------------------------------------------------


async def test_content_types_of_what_changes_something(own_mexc: Make) -> None:
    mexc = await own_mexc()
    query = "timestamp=1644489390087&signature=09b4b5a40aeec864d2caa60f2e6a740b61dc423d76c5615c00fd72681f52a094"
    key = {"X-MEXC-APIKEY": "mx0aBYs33eIilxBWC5"}
    for kind, code in (
        ("application/json", None),
        ("application/json; charset=utf-8", None),
        ("application/x-www-form-urlencoded", 700013),
        ("text/plain", 700013),
    ):
        answer = await mexc.raw("POST", "/api/v3/userDataStream", query, headers={**key, "Content-Type": kind})
        assert answer.body.get("code") == code
        answer = await mexc.raw("GET", "/api/v3/userDataStream", query, headers={**key, "Content-Type": kind})
        assert answer.status == 200


async def test_without_accounts_every_key_is_unknown(own_mexc: Make) -> None:
    mexc = await own_mexc(with_accounts=False)
    assert (await mexc.call("POST", "userDataStream")).body["code"] == 10072
    assert (await mexc.raw("POST", "/api/v3/userDataStream")).body == {"code": 400, "msg": "api key required"}
    assert (await mexc.call("POST", "order", **ORDER)).status == 404
