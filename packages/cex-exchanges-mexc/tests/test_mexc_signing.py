"""Signatures of the documented examples, byte for byte, and what a signed request looks like on the wire."""

from __future__ import annotations

import pytest

from cex.common.redaction import Secret
from cex.exchanges.mexc.signing import MexcSigner, signature
from cex.networking import RestRequest

KEY = Secret("mx0aBYs33eIilxBWC5")
SECRET = Secret("45d0b3c26f2644f19bfb98b07741b2f5")
NOW_NS = 1_644_489_390_087_000_000
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "11"}
BATCH = '[{"type":"LIMIT","price":"40000","quantity":"0.0002","symbol":"BTCUSDT","side":"BUY"}]'
LISTEN_KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"


def request(params: dict[str, str] | None = None, method: str = "POST") -> RestRequest:
    return RestRequest(method=method, path="/api/v3/order", operation="place_order", params=params or {}, signed=True)


@pytest.mark.parametrize(
    ("params", "recv_window_ms", "query"),
    [
        (
            ORDER,
            5000,
            (
                "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=11&recvWindow=5000&timestamp=1644489390087"
                "&signature=fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a"
            ),
        ),
        (
            {},
            None,
            "timestamp=1644489390087&signature=09b4b5a40aeec864d2caa60f2e6a740b61dc423d76c5615c00fd72681f52a094",
        ),
        (
            {"batchOrders": BATCH},
            None,
            (
                "batchOrders=%5B%7B%22type%22%3A%22LIMIT%22%2C%22price%22%3A%2240000%22%2C%22quantity%22%3A%220.0002%22%2C"
                "%22symbol%22%3A%22BTCUSDT%22%2C%22side%22%3A%22BUY%22%7D%5D&timestamp=1644489390087"
                "&signature=d2103deef144259d8065be1fba69472a76735f6c1938633f1ba14f5c7e2768c5"
            ),
        ),
        (
            {"listenKey": LISTEN_KEY},
            None,
            (
                f"listenKey={LISTEN_KEY}&timestamp=1644489390087"
                "&signature=42926b31ac527c30f62c2d5c0a96a7f6cee17e54e8b2a5ef25ebb570ac39cdec"
            ),
        ),
    ],
    ids=["order", "timestamp alone", "batch", "listen key"],
)
def test_examples_come_out_byte_for_byte(params: dict[str, str], recv_window_ms: int | None, query: str) -> None:
    """The first one is computed from the inputs that the documentation prints; its own printed value does not follow
    from them, as that of the second one (the next test) does.
    """
    signer = MexcSigner(KEY, SECRET, recv_window_ms=recv_window_ms)
    assert signer.sign(request(params), NOW_NS).query == query


def test_query_and_body_are_joined_without_anything_between() -> None:
    query, body = "symbol=BTCUSDT&side=BUY&type=LIMIT", b"quantity=1&price=11&recvWindow=5000&timestamp=1644489390087"
    assert signature(SECRET, query, body) == "d1a676610ceb39174c8039b3f548357994b2a34139a8addd33baadba65684592"


def test_a_body_is_signed_behind_the_query_and_left_as_it_is() -> None:
    asked = RestRequest(
        method="POST", path="/api/v3/order", operation="place_order", params={"symbol": "BTCUSDT"}, body=b"side=BUY"
    )
    signed = MexcSigner(KEY, SECRET).sign(asked, NOW_NS)
    unsigned, _, said = signed.query.rpartition("&signature=")
    assert signed.body == b"side=BUY"
    assert said == signature(SECRET, f"{unsigned}side=BUY")


def test_what_is_sent_is_what_was_signed() -> None:
    signed = MexcSigner(KEY, SECRET).sign(request({"symbol": "龙虾USDT", "remark": "a b,c"}), NOW_NS)
    unsigned, _, said = signed.query.rpartition("&signature=")
    assert unsigned == ("symbol=%E9%BE%99%E8%99%BEUSDT&remark=a%20b%2Cc&recvWindow=3000&timestamp=1644489390087")
    assert said == signature(SECRET, unsigned)
    assert signed.target == f"/api/v3/order?{signed.query}"
    assert said == said.lower()
    assert len(said) == 64


def test_headers_carry_the_key_and_the_content_type() -> None:
    asked = request(ORDER)
    signed = MexcSigner(KEY, SECRET).sign(asked, NOW_NS)
    assert signed.headers == {"X-MEXC-APIKEY": "mx0aBYs33eIilxBWC5", "Content-Type": "application/json"}
    assert signed.body == b""
    assert asked.headers == {}
    assert asked.params == ORDER


def test_every_try_is_stamped_anew() -> None:
    signer = MexcSigner(KEY, SECRET)
    first, second = signer.sign(request(), NOW_NS), signer.sign(request(), NOW_NS + 1_000_000)
    assert (first.params["timestamp"], second.params["timestamp"]) == ("1644489390087", "1644489390088")
    assert first.params["signature"] != second.params["signature"]


def test_nothing_shows_a_key() -> None:
    signer = MexcSigner(KEY, SECRET)
    shown = f"{signer!r} {signer.sign(request(ORDER), NOW_NS)!r}"
    assert KEY.reveal() not in shown
    assert SECRET.reveal() not in shown
    assert "fd3e4e85" not in shown


@pytest.mark.parametrize("recv_window_ms", [0, -1, 60_001])
def test_windows_that_the_exchange_refuses(recv_window_ms: int) -> None:
    with pytest.raises(ValueError, match="1 to 60000"):
        MexcSigner(KEY, SECRET, recv_window_ms=recv_window_ms)
