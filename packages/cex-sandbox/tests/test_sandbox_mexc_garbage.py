"""Garbage in: a documented refusal each, never a 500, never a traceback, and the books stay whole."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random
from typing import Any

import aiohttp
import pytest

from cex.common.enums import Side
from cex.sandbox.venues.mexc.errors import MESSAGES
from garbage import mexc_frame, mexc_noise, mexc_request

Make = Callable[..., Awaitable[Any]]

KNOWN = {*MESSAGES, 404, 405, "730708"}


@pytest.mark.parametrize("seed", range(3))
async def test_signed_garbage(own_mexc: Make, caplog: pytest.LogCaptureFixture, seed: int) -> None:
    caplog.set_level(logging.WARNING)
    mexc, random = await own_mexc(most_listen_keys=1000), Random(seed)
    routes = [route for route in mexc.venue.gateway.routes() if route.path.startswith("/api/v3/")]
    endpoints = [(route.method, route.path.removeprefix("/api/v3/")) for route in routes]
    codes: set[object] = set()
    for _ in range(500):
        method, path, params = mexc_request(random, endpoints)
        answer = await mexc.call(method, path, **params)
        assert answer.status in (200, 400, 403), (method, path, params, answer)
        if answer.status != 200:
            assert answer.body["code"] in KNOWN, (method, path, params, answer)
            assert isinstance(answer.body["msg"], str)
            codes.add(answer.body["code"])
        if random.random() < 0.1:
            mexc.tick()
    assert {44444, 33333} <= codes
    assert not [record for record in caplog.records if record.name.startswith(("aiohttp", "cex"))]
    for asset in mexc.ledger.assets:
        assert mexc.ledger.total(asset) == 0
    for account in mexc.directory.accounts:
        for wallet in ("spot", "futures_usdt"):
            for asset, holding in mexc.ledger.holdings(account.uid, wallet).items():
                assert min(holding.free, holding.locked) >= 0, (asset, holding)


@pytest.mark.parametrize("seed", range(2))
async def test_garbage_on_every_path(own_mexc: Make, caplog: pytest.LogCaptureFixture, seed: int) -> None:
    mexc, random = await own_mexc(), Random(seed)
    paths = [route.path for route in mexc.venue.gateway.routes()]
    for _ in range(300):
        path = random.choice([*paths, "/", "/api/v3/", "/api/v3/order/../order", "/api/v9/x"])
        query = mexc_noise(random)
        headers = {"Content-Type": random.choice(["application/json", "text/plain", ""])}
        if random.random() < 0.7:
            headers["X-MEXC-APIKEY"] = random.choice(["mx0aBYs33eIilxBWC5", "mx0vNobodysKey", "!", "x" * 65])
        body = random.randbytes(random.randrange(40)) if random.random() < 0.3 else b""
        method = random.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"])
        answer = await mexc.raw(method, path, query, body=body, headers=headers)
        assert answer.status in (200, 400, 403, 404, 405), (method, path, query, answer)
        if answer.status >= 400 and method != "HEAD":
            assert answer.body["code"] in KNOWN, (method, path, query, answer)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("seed", range(2))
async def test_garbage_on_the_socket(own_mexc: Make, caplog: pytest.LogCaptureFixture, seed: int) -> None:
    mexc, random = await own_mexc(), Random(seed)
    key = (await mexc.call("POST", "userDataStream")).body["listenKey"]
    async with mexc.http.ws_connect(f"{mexc.url}/ws?listenKey={key}") as socket:
        for _ in range(300):
            text = mexc_frame(random)
            await socket.send_str(text)
            message = await socket.receive(timeout=2)
            while message.type is aiohttp.WSMsgType.BINARY:
                message = await socket.receive(timeout=2)
            assert message.type is aiohttp.WSMsgType.TEXT, (text, message)
            answer = json.loads(message.data)
            assert list(answer) == ["id", "code", "msg"]
            assert answer["code"] == 0
            if random.random() < 0.1:
                mexc.tick()
        await socket.send_bytes(b"\x00\xff")
        await socket.send_str('{"method": "PING"}')
        assert json.loads((await socket.receive(timeout=2)).data)["msg"] == "PONG"
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_money_is_neither_made_nor_lost(own_mexc: Make) -> None:
    mexc, random = await own_mexc(), Random(11)
    kinds = ("LIMIT", "LIMIT_MAKER", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL", "MARKET")
    for _ in range(150):
        best = mexc.best("BTC/USDT", random.choice([Side.BUY, Side.SELL]))
        price = (best * Decimal(random.uniform(0.999, 1.001))).quantize(Decimal("0.01"))
        order = {
            "symbol": "BTCUSDT",
            "side": random.choice(["BUY", "SELL"]),
            "type": random.choice(kinds),
            "quantity": Decimal(random.randrange(1, 50_000)).scaleb(-6),
        }
        if order["type"] != "MARKET":
            order["price"] = price
        answer = await mexc.call("POST", "order", **order)
        assert answer.status == 200 or answer.body["code"] in (30002, 30004)
        if random.random() < 0.2:
            await mexc.call("DELETE", "openOrders", symbol="BTCUSDT")
        mexc.tick()
    await mexc.call("DELETE", "openOrders", symbol="BTCUSDT")
    told = {coin["asset"]: coin for coin in (await mexc.call("GET", "account")).body["balances"]}
    assert all(coin["locked"] == "0" for coin in told.values())
    fills = mexc.desk.fills(mexc.account, "BTC/USDT")
    assert len(fills) > 50
    bought = sum(fill.quantity if fill.side == "buy" else -fill.quantity for fill in fills)
    paid = sum(fill.quote_quantity if fill.side == "buy" else -fill.quote_quantity for fill in fills)
    fees = {asset: sum(fill.fee for fill in fills if fill.fee_asset == asset) for asset in ("BTC", "USDT")}
    assert Decimal(told["BTC"]["free"]) == 2 + bought - fees["BTC"]
    assert Decimal(told["USDT"]["free"]) == 100_000 - paid - fees["USDT"]
