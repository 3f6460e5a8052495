from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
from typing import Any

import aiohttp
import pytest

from garbage import futures_body, futures_frame, futures_path, futures_query

SECRET = "perpetual-secret"
LABELS = {
    "CONTRACT_NOT_FOUND",
    "INCREASE_POSITION",
    "INSUFFICIENT_AVAILABLE",
    "INVALID_ARGUMENT",
    "INVALID_PARAM_VALUE",
    "INVALID_REQUEST_BODY",
    "LEVERAGE_TOO_HIGH",
    "LEVERAGE_TOO_LOW",
    "LIQUIDATE_IMMEDIATELY",
    "METHOD_NOT_ALLOWED",
    "MISSING_REQUIRED_PARAM",
    "NOT_FOUND",
    "NO_CHANGE",
    "ORDER_FINISHED",
    "ORDER_FOK",
    "ORDER_NOT_FOUND",
    "ORDER_PENDING",
    "ORDER_POC_IMMEDIATE",
    "POSITION_CROSS_MARGIN",
    "POSITION_DUAL_MODE",
    "POSITION_EMPTY",
    "POSITION_HOLDING",
    "POSITION_IN_CLOSE",
    "POSITION_NOT_FOUND",
    "PRICE_TOO_DEVIATED",
    "REMOVE_TOO_MUCH",
    "RISK_LIMIT_EXCEEDED",
    "RISK_LIMIT_NOT_MULTIPLE",
    "RISK_LIMIT_TOO_HIGH",
    "RISK_LIMIT_TOO_LOW",
    "SIZE_TOO_LARGE",
    "SIZE_TOO_SMALL",
    "TOO_MANY_ORDERS",
    "USER_NOT_FOUND",
}


@pytest.mark.parametrize("seed", range(2))
async def test_every_request_is_answered_with_a_documented_refusal_or_done(perp: Any, seed: int) -> None:
    rng = random.Random(seed)
    endpoints = [
        (endpoint.method, endpoint.path.removeprefix("/futures/usdt"))
        for side in perp.venue._sides
        for endpoint in side.endpoints()
    ]
    assert len(endpoints) > 40
    done = 0
    for _ in range(250):
        method, path = rng.choice(endpoints)
        told = futures_query(rng)
        raw = futures_body(rng) if method in ("POST", "PUT") else b""
        answer = await perp.call(method, futures_path(rng, path), raw=raw, **told)
        if answer.status in (200, 201):
            done += 1
        else:
            assert answer.status in (400, 403, 404, 405), (method, path, told, raw, answer)
            assert answer.body["label"] in LABELS, (method, path, told, raw, answer)
        if rng.random() < 0.1:
            perp.tick()
        portfolio = perp.desk.portfolio(perp.main)
        assert perp.ledger.total("USDT") == 0
        assert portfolio.wallet == sum(portfolio.history.values())
    assert done > 30
    assert (await perp.call("GET", "/accounts")).status == 200


@pytest.mark.parametrize("seed", range(2))
async def test_every_frame_is_answered(perp: Any, http: aiohttp.ClientSession, seed: int) -> None:
    rng = random.Random(seed)
    channels = [method.channel for side in perp.venue._sides for method in side.methods()]
    channels += ["futures.login", "futures.orders", "futures.balances", "futures.nonsense", "futures.autoorders"]
    async with http.ws_connect(perp.url.replace("http", "ws") + "/v4/ws/usdt") as websocket:
        now_s = str(perp.clock.time_ns() // 1_000_000_000)
        signature = hmac.new(SECRET.encode(), f"api\nfutures.login\n\n{now_s}".encode(), hashlib.sha512).hexdigest()
        login = {"api_key": "0123456789abcdef0123456789abcdef", "signature": signature, "timestamp": now_s}
        await websocket.send_json({"time": 1, "channel": "futures.login", "event": "api", "payload": login})
        assert (await websocket.receive_json(timeout=2))["header"]["status"] == "200"
        for number in range(200):
            text = futures_frame(rng, channels, number)
            await websocket.send_str(text)
            frame = await websocket.receive_json(timeout=2)
            while frame.get("ack") is True:
                frame = await websocket.receive_json(timeout=2)
            if "data" in frame and "errs" in frame["data"]:
                assert frame["data"]["errs"]["label"] in LABELS | {"INVALID_CREDENTIALS", "INVALID_KEY"}, (text, frame)
                assert frame["header"]["status"] in ("400", "401", "404"), (text, frame)
            elif "header" not in frame:
                assert frame.get("error", {}).get("code") in (1, 2, 4), (text, frame)
        await websocket.send_str('{"channel": "futures.ping"}')
        assert (await asyncio.wait_for(websocket.receive_json(), 2))["channel"] == "futures.pong"
    assert perp.ledger.total("USDT") == 0
