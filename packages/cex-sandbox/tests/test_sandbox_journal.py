from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yarl

from cex.common.clock import ManualClock
from cex.common.enums import TimeInForce
from cex.sandbox.accounts.futures.orders import FuturesTicket
from cex.sandbox.journal import CORRELATION_HEADER, Journal
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.server import Sandbox
from cex.sandbox.virtual import run_virtual

LISTINGS = [DEFAULT_LISTINGS[0], DEFAULT_LISTINGS[8]]


async def signed(sandbox: Sandbox, http: aiohttp.ClientSession, method: str, path: str, **params: object) -> Any:
    own = sandbox.credentials["mexc"]
    given = {**params, "timestamp": sandbox.now_ns("mexc") // 1_000_000}
    query = "&".join(f"{name}={value}" for name, value in given.items())
    signature = hmac.new(own.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    url = yarl.URL(f"{sandbox.endpoints['mexc']['rest']}{path}?{query}&signature={signature}", encoded=True)
    headers = {"X-MEXC-APIKEY": own.key, "Content-Type": "application/json", CORRELATION_HEADER: "c0ffee00"}
    async with http.request(method, url, headers=headers) as answer:
        return await answer.json()


def test_everything_is_taken_down_and_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    secrets: list[str] = []

    async def main(clock: ManualClock) -> list[dict[str, Any]]:
        async with (
            Sandbox(seed=7, sockets=False, listings=LISTINGS, clock=clock, journal=path) as sandbox,
            aiohttp.ClientSession(connector=sandbox.connector()) as http,
        ):
            own = sandbox.credentials["mexc"]
            secrets.extend((own.key, own.secret))
            key = (await signed(sandbox, http, "POST", "/api/v3/userDataStream"))["listenKey"]
            secrets.append(key)
            socket = await http.ws_connect(f"{sandbox.endpoints['mexc']['ws']}?listenKey={key}")
            price = str(sandbox.truth("mexc", "BTC/USDT").asks[20][0])
            order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.001", "price": price}
            await signed(sandbox, http, "POST", "/api/v3/order", newClientOrderId="mine-1", **order)
            await signed(sandbox, http, "PUT", "/api/v3/userDataStream", listenKey=key)
            sandbox.faults.add("server_error", count=1, endpoint="GET */time")
            async with http.get(f"{sandbox.endpoints['mexc']['rest']}/api/v3/time") as answer:
                assert answer.status == 500
            sandbox.faults.add("request_lost", how="hang", count=1, endpoint="GET */time")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await http.get(f"{sandbox.endpoints['mexc']['rest']}/api/v3/time")
            await socket.close()
            await asyncio.sleep(0.1)
            return sandbox.journal.entries()

    entries = run_virtual(main)
    assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] == json.loads(
        json.dumps(entries, default=str)
    )
    assert [entry["number"] for entry in entries] == list(range(1, len(entries) + 1))
    assert {entry["event"] for entry in entries} == {"request", "connected", "disconnected", "order", "fill", "fault"}
    text = path.read_text(encoding="utf-8")
    assert secrets
    assert not any(secret in text for secret in secrets)
    assert "signature" not in text
    placed = next(entry for entry in entries if entry["event"] == "request" and entry["path"] == "/api/v3/order")
    assert (placed["method"], placed["status"], placed["correlation_id"]) == ("POST", 200, "c0ffee00")
    assert placed["query"]["newClientOrderId"] == "mine-1"
    assert placed["uid"] == next(entry["uid"] for entry in entries if entry["event"] == "order")
    order = [entry for entry in entries if entry["event"] == "order"]
    assert [entry["cause"] for entry in order][:2] == ["put", "fill"]
    assert order[0]["client_id"] == "mine-1"
    fill = next(entry for entry in entries if entry["event"] == "fill")
    assert (fill["order"], fill["symbol"], fill["is_maker"]) == (order[0]["id"], "BTC/USDT", False)
    struck = [(entry["kind"], entry["what"]) for entry in entries if entry["event"] == "fault"]
    assert struck == [("server_error", "GET /api/v3/time"), ("request_lost", "GET /api/v3/time")]
    assert [entry["status"] for entry in entries if entry["event"] == "request"].count(500) >= 1


def test_futures_are_taken_down_too() -> None:
    async def main(clock: ManualClock) -> list[dict[str, Any]]:
        sandbox = Sandbox(seed=7, sockets=False, listings=LISTINGS, clock=clock)
        desk = sandbox.desks["gateio"].futures
        assert desk is not None
        account = sandbox.accounts["gateio"].accounts[0]
        desk.place(
            account, FuturesTicket(symbol="BTC/USDT:USDT", size=Decimal(3), time_in_force=TimeInForce.IOC, text="t-1")
        )
        (position,) = sandbox.account_states("gateio")[0]["positions"]
        assert (position["symbol"], position["size"]) == ("BTC/USDT:USDT", "3")
        desk.place(account, FuturesTicket(symbol="BTC/USDT:USDT", size=Decimal(-1), price=Decimal(100_000)))
        (order,) = sandbox.account_states("gateio")[0]["open_orders"]
        assert (order["side"], order["quantity"]) == ("sell", "1")
        return sandbox.journal.entries()

    entries = run_virtual(main)
    assert {entry["venue"] for entry in entries} == {"gateio"}
    fill = next(entry for entry in entries if entry["event"] == "fill")
    assert (fill["side"], fill["symbol"]) == ("buy", "BTC/USDT:USDT")
    assert next(entry for entry in entries if entry["event"] == "order")["client_id"] == "t-1"


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    journal = Journal(ManualClock())
    for number in range(10_050):
        journal.add("request", "mexc", number_of=number)
    assert len(journal.entries()) == 10_000
    assert journal.entries()[0]["number_of"] == 50
    assert [entry["number"] for entry in journal.entries(after=10_048)] == [10_049, 10_050]
    journal.close()


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    async def main(clock: ManualClock) -> None:
        async with Sandbox(
            seed=7, sockets=False, listings=LISTINGS[:1], clock=clock, journal=tmp_path / "none" / "journal"
        ):
            raise AssertionError("it started")

    with pytest.raises(FileNotFoundError):
        run_virtual(main)
