from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.networking.requests import RestRequest, RestResponse, Timeouts


def request(**given: Any) -> RestRequest:
    return RestRequest(**({"method": "GET", "path": "/api/v3/order", "operation": "order"} | given))


def test_parameters_keep_their_order_and_are_encoded_once() -> None:
    asked = request(params={"b": "1,2", "a": "x y", "pair": "龙虾USDT", "list": '[{"a":1}]'})
    assert asked.query == ("b=1%2C2&a=x%20y&pair=%E9%BE%99%E8%99%BEUSDT&list=%5B%7B%22a%22%3A1%7D%5D")
    assert asked.target == f"/api/v3/order?{asked.query}"


def test_a_path_is_encoded_once() -> None:
    assert request(path="/futures/usdt/contracts/币安人生_USDT").target == (
        "/futures/usdt/contracts/%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F_USDT"
    )
    assert request(path="/orders/100%").target == "/orders/100%25"
    assert request().target == "/api/v3/order"


TEXT = st.text(st.characters(codec="utf-8"), min_size=1)


@settings(max_examples=50)
@given(st.dictionaries(TEXT, TEXT, max_size=5))
def test_a_server_reads_what_was_meant(params: dict[str, str]) -> None:
    parts = urlsplit("https://x.test" + request(params=params).target)
    assert dict(parse_qsl(parts.query, keep_blank_values=True)) == params
    assert unquote(parts.path) == "/api/v3/order"


@pytest.mark.parametrize(
    ("method", "declared", "repeatable"),
    [
        ("GET", None, True),
        ("POST", None, False),
        ("DELETE", None, False),
        ("DELETE", True, True),
        ("GET", False, False),
    ],
)
def test_only_a_get_is_repeatable_unless_declared(method: str, declared: bool | None, repeatable: bool) -> None:
    assert request(method=method, idempotent=declared).repeatable is repeatable


@pytest.mark.parametrize("path", ["api", "", "/a?b=c", "/a#b", "https://x.test/a"])
def test_a_path_with_anything_else_in_it_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="a path starts with /"):
        request(path=path)


@pytest.mark.parametrize("method", ["get", "", "GET ", "GE T", "GÉT", "GET\r\nX: y"])
def test_a_method_that_is_none_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match="upper-case letters"):
        request(method=method)


@pytest.mark.parametrize("given", [{"connect": 0}, {"read": -1}, {"total": 0.0}])
def test_timeouts_are_positive(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive seconds"):
        Timeouts(**given)


def test_printing_shows_no_secret_and_no_body() -> None:
    asked = request(
        params={"symbol": "BTCUSDT", "signature": "canary-signature", "listenKey": "canary-listen-key"},
        headers={"X-MEXC-APIKEY": "canary-key", "KEY": "canary-key", "SIGN": "canary-sign", "X-Channel": "ours"},
        body=b"canary-body",
    )
    answer = RestResponse(
        status=200,
        headers={"set-cookie": "session=canary-cookie"},
        body=b"canary-answer",
        sent_ns=1,
        received_ns=2,
        round_trip_ns=1,
        attempt=1,
        correlation_id="abc",
        request=asked,
    )
    assert "canary" not in repr(asked)
    assert "canary" not in repr(answer)
    assert "BTCUSDT" in repr(asked)
    assert "ours" in repr(asked)
    assert "11 bytes" in repr(asked)
    assert "status=200" in repr(answer)
