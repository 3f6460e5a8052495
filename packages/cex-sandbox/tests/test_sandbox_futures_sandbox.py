from __future__ import annotations

import hashlib
import hmac
import json
import time
from decimal import Decimal
from typing import Any

import aiohttp

from cex.sandbox.server import Sandbox


async def signed(sandbox: Sandbox, http: aiohttp.ClientSession, method: str, path: str, body: object = None) -> Any:
    credentials = sandbox.credentials["gateio"]
    data = b"" if body is None else json.dumps(body).encode()
    timestamp = str(int(time.time()))
    text = "\n".join((method, f"/api/v4{path}", "", hashlib.sha512(data).hexdigest(), timestamp))
    sign = hmac.new(credentials.secret.encode(), text.encode(), hashlib.sha512).hexdigest()
    headers = {"KEY": credentials.key, "Timestamp": timestamp, "SIGN": sign, "Content-Type": "application/json"}
    url = sandbox.endpoints["gateio"]["rest"] + path
    async with http.request(method, url, data=data or None, headers=headers) as response:
        return await response.json()


async def test_the_main_account_trades_perpetuals_on_a_running_sandbox(
    sandbox: Sandbox, http: aiohttp.ClientSession
) -> None:
    before = await signed(sandbox, http, "GET", "/futures/usdt/accounts")
    assert Decimal(before["total"]) >= 10_000
    assert before["user"] == sandbox.credentials["gateio"].uid
    order = {"contract": "BTC_USDT", "size": 5, "price": "0", "tif": "ioc", "text": "t-sandbox"}
    placed = await signed(sandbox, http, "POST", "/futures/usdt/orders", order)
    assert (placed["status"], placed["finish_as"]) == ("finished", "filled")
    position = await signed(sandbox, http, "GET", "/futures/usdt/positions/BTC_USDT")
    assert position["size"] == 5
    (state,) = [one for one in sandbox.account_states("gateio") if one["name"] == "main"]
    assert [(held["symbol"], held["size"]) for held in state["positions"]] == [("BTC/USDT:USDT", "5")]
    closed = await signed(
        sandbox, http, "POST", "/futures/usdt/orders", {**order, "size": 0, "close": True, "text": "t-close"}
    )
    assert closed["left"] == 0
    after = await signed(sandbox, http, "GET", "/futures/usdt/accounts")
    assert Decimal(after["total"]) < Decimal(before["total"])
    assert sandbox.ledgers["gateio"].total("USDT") == 0


async def test_margin_cannot_be_transferred_away(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    order = {"contract": "BTC_USDT", "size": 10_000, "price": "0", "tif": "ioc"}
    placed = await signed(sandbox, http, "POST", "/futures/usdt/orders", order)
    assert placed["left"] < 10_000
    account = await signed(sandbox, http, "GET", "/futures/usdt/accounts")
    amount = str(int(Decimal(account["total"])))
    assert Decimal(account["available"]) < int(amount)
    body = {"currency": "USDT", "from": "futures", "to": "spot", "amount": amount, "settle": "usdt"}
    refused = await signed(sandbox, http, "POST", "/wallet/transfers", body)
    assert refused["label"] in ("FUTURES_BALANCE_NOT_ENOUGH", "TOO_MUCH_FUTURES_AVAILABLE", "BALANCE_NOT_ENOUGH")
    small = await signed(sandbox, http, "POST", "/wallet/transfers", {**body, "amount": "5"})
    assert small["tx_id"]
    assert sandbox.ledgers["gateio"].total("USDT") == 0
