"""Faults that happen at a moment or hold for a while, in virtual time where that is possible."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from cex.common.clock import ManualClock
from cex.common.enums import InstrumentStatus
from cex.sandbox.faults import Fault, FaultError
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.server import Sandbox
from cex.sandbox.virtual import run_virtual

LISTINGS = [DEFAULT_LISTINGS[0], DEFAULT_LISTINGS[8]]
DEPTH = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"

Act = Callable[[Sandbox, aiohttp.ClientSession], Awaitable[None]]


def run(act: Act, **settings: Any) -> None:
    async def main(clock: ManualClock) -> None:
        async with (
            Sandbox(seed=7, sockets=False, listings=LISTINGS, clock=clock, **settings) as sandbox,
            aiohttp.ClientSession(connector=sandbox.connector()) as http,
        ):
            await act(sandbox, http)

    run_virtual(main)


async def a_socket(sandbox: Sandbox, http: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
    socket = await http.ws_connect(sandbox.endpoints["mexc"]["ws"])
    await socket.send_json({"method": "SUBSCRIPTION", "params": [DEPTH]})
    await socket.receive_json()
    return socket


async def until_closed(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    while (await socket.receive()).type not in (
        aiohttp.WSMsgType.CLOSE,
        aiohttp.WSMsgType.CLOSED,
        aiohttp.WSMsgType.ERROR,
    ):
        pass
    return socket.close_code


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011])
def test_every_way_to_close(code: int) -> None:
    async def act(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        socket = await a_socket(sandbox, http)
        loop = asyncio.get_running_loop()
        before = loop.time()
        sandbox.faults.add("close", code=code, reason="see you", after=3.0)
        assert await until_closed(socket) == code
        assert loop.time() - before == pytest.approx(3.0, abs=0.1)
        assert sandbox.faults.injected["connections_cut"] == 1
        await asyncio.sleep(1)
        assert sandbox.connections["mexc"] == 0

    run(act)


def test_a_reset_of_one_connection() -> None:
    async def act(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        struck, spared = await a_socket(sandbox, http), await a_socket(sandbox, http)
        first, _ = sandbox._places["mexc"].venue.hub.subscriptions
        sandbox.faults.add("reset", connection=first.id)
        assert await until_closed(struck) == 1006
        assert (await spared.receive()).type is aiohttp.WSMsgType.BINARY

    run(act)


def test_cuts_every_so_often_and_by_chance() -> None:
    async def act(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        number = sandbox.faults.add("reset", every=1.0, after=1.0, probability=0.5)
        cuts = 0
        for _ in range(30):
            socket = await a_socket(sandbox, http)
            await asyncio.sleep(1)
            cuts += socket.closed or socket.exception() is not None or sandbox.connections["mexc"] == 0
            await socket.close()
        assert abs(cuts - sandbox.faults.status(number).injected) <= 1
        assert 5 < cuts < 25

    run(act)


def test_half_open_silence() -> None:
    async def act(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        socket = await a_socket(sandbox, http)
        sandbox.faults.add("silence", seconds=20.0)
        while True:
            try:
                async with asyncio.timeout(5):
                    await socket.receive()
            except TimeoutError:
                break
        await socket.send_json({"method": "PING"})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await socket.receive()
        assert sandbox.connections["mexc"] == 1
        loop = asyncio.get_running_loop()
        before = loop.time()
        assert await until_closed(socket) == 1006
        assert 8 < loop.time() - before < 11

    run(act)


def test_a_few_bytes_a_second() -> None:
    async def act(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        socket = await http.ws_connect(sandbox.endpoints["mexc"]["ws"])
        sandbox.faults.add("slow", rate=5.0, duration=20.0)
        loop = asyncio.get_running_loop()
        before = loop.time()
        await socket.send_json({"method": "PING"})
        answer = await socket.receive()
        expected = (len(answer.data) + 2) / 5
        assert json.loads(answer.data)["msg"] == "PONG"
        assert loop.time() - before == pytest.approx(expected, abs=0.3)
        await asyncio.sleep(15)
        before = loop.time()
        await socket.send_json({"method": "PING"})
        await socket.receive()
        assert loop.time() - before < 0.1, "it is over"

    run(act)


def test_a_venue_that_is_away_in_memory() -> None:
    async def act(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        url = f"{sandbox.endpoints['mexc']['rest']}/api/v3/time"
        other = f"{sandbox.endpoints['gateio']['rest']}/spot/time"
        for how, error in (("refuse", aiohttp.ClientConnectorError), ("reset", aiohttp.ClientOSError)):
            socket = await a_socket(sandbox, http)
            sandbox.faults.add("down", venue="mexc", how=how, duration=5.0)
            assert await until_closed(socket) == 1006
            with pytest.raises(error):
                await http.get(url)
            with pytest.raises(aiohttp.ClientError):
                await http.ws_connect(sandbox.endpoints["mexc"]["ws"])
            assert (await http.get(other)).status == 200
            await asyncio.sleep(5.1)
            assert (await http.get(url)).status == 200

    run(act)


async def test_a_venue_that_is_away_on_real_sockets() -> None:
    async with Sandbox(seed=7, listings=LISTINGS[:1]) as sandbox, aiohttp.ClientSession() as http:
        url = f"{sandbox.endpoints['mexc']['rest']}/api/v3/time"
        assert (await http.get(url)).status == 200
        for how, error in (("refuse", aiohttp.ClientConnectorError), ("reset", aiohttp.ClientOSError)):
            number = sandbox.faults.add("down", venue="mexc", how=how)
            with pytest.raises(error):
                await http.get(url)
            sandbox.faults.remove(number)
            for _ in range(100):
                await asyncio.sleep(0.01)
                try:
                    async with http.get(url) as answer:
                        assert answer.status == 200
                        break
                except aiohttp.ClientConnectionError:
                    continue
            else:
                raise AssertionError("it did not come back")


async def test_a_reset_on_a_real_socket_while_silent() -> None:
    async with Sandbox(seed=7, listings=LISTINGS[:1]) as sandbox, aiohttp.ClientSession() as http:
        socket = await a_socket(sandbox, http)
        sandbox.faults.add("silence", seconds=30.0)
        sandbox.faults.add("reset", after=0.1)
        started = time.monotonic()
        assert await until_closed(socket) == 1006
        assert time.monotonic() - started < 2


def test_clocks() -> None:
    async def act(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        async def ahead(venue: str) -> float:
            path = "/api/v3/time" if venue == "mexc" else "/spot/time"
            async with http.get(f"{sandbox.endpoints[venue]['rest']}{path}") as answer:
                body = await answer.json()
            told = body["serverTime"] if venue == "mexc" else body["server_time"]
            return round(float(told * 1_000_000 - sandbox._clock.time_ns()) / 1e9, 1)

        sandbox.faults.add("clock_offset", venue="mexc", seconds=10.0, duration=5.0)
        assert (await ahead("mexc"), await ahead("gateio")) == (10.0, 0.0)
        await asyncio.sleep(5.1)
        assert await ahead("mexc") == 0.0
        sandbox.faults.add("clock_step", venue="gateio", seconds=-30.0)
        await asyncio.sleep(1)
        assert (await ahead("mexc"), await ahead("gateio")) == (0.0, -30.0)
        number = sandbox.faults.add("clock_drift", venue="mexc", ppm=100_000.0)
        await asyncio.sleep(10)
        assert await ahead("mexc") == pytest.approx(1.0, abs=0.2)
        sandbox.faults.remove(number)
        await asyncio.sleep(10)
        assert await ahead("mexc") == pytest.approx(1.0, abs=0.2)

    run(act)


def test_instruments() -> None:
    async def act(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        book = sandbox.market.book("mexc", "BTC/USDT")
        perpetual = sandbox.market.book("gateio", "BTC/USDT:USDT")
        before, multiplier = book.rules, perpetual.multiplier
        sandbox.faults.add("halted", venue="mexc", symbol="BTC/USDT", duration=1.0)
        assert book.rules.status is InstrumentStatus.HALTED
        sandbox.faults.add(
            "rules_changed", symbol="BTC/USDT", tick="0.5", step="0.001", min_notional="10", duration=2.0
        )
        assert (book.rules.price_tick, book.rules.quantity_step) == (Decimal("0.5"), Decimal("0.001"))
        assert sandbox.market.book("gateio", "BTC/USDT").rules.min_notional == 10
        assert perpetual.rules.min_notional == 0
        number = sandbox.faults.add("rules_changed", multiplier="0.001")
        assert perpetual.multiplier == Decimal("0.001")
        assert sandbox.faults.status(number).injected == 1
        await asyncio.sleep(2.1)
        assert book.rules == before
        sandbox.faults.remove(number)
        assert perpetual.multiplier == multiplier
        sandbox.faults.add("delisted", venue="mexc", symbol="BTC/USDT")
        async with http.get(f"{sandbox.endpoints['mexc']['rest']}/api/v3/symbol/offline") as answer:
            assert [one["symbol"] for one in (await answer.json())["data"]] == ["BTCUSDT"]

    run(act)


def test_listen_keys_end() -> None:
    async def act(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        keys = sandbox._places["mexc"].venue.listen_keys  # type: ignore[attr-defined]
        uid = sandbox.credentials["mexc"].uid
        for kind in ("listen_key_expired", "listen_key_deleted"):
            key = keys.create(uid)
            assert keys.owner(key) == uid
            sandbox.faults.add(kind, venue="mexc", after=1.0)
            await asyncio.sleep(0.5)
            assert keys.owner(key) == uid
            await asyncio.sleep(0.6)
            assert keys.owner(key) is None
            assert sandbox.faults.injected[kind] == 1
        sandbox.faults.add("listen_key_expired", venue="gateio")
        assert sandbox.faults.injected["listen_key_expired"] == 1, "Gate.io has none"

    run(act)


def test_the_server_asks_to_reconnect() -> None:
    async def act(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        socket = await http.ws_connect(sandbox.endpoints["gateio"]["ws_futures_usdt"])
        sandbox.faults.add("upgrade_notice", venue="gateio")
        async with asyncio.timeout(5):
            assert "upgrade" in str((await socket.receive()).data)
        assert sandbox.faults.injected["upgrade_notice"] == 1

    run(act)


def test_faults_from_the_beginning() -> None:
    async def act(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        assert [status.fault.kind for status in sandbox.faults.listed] == ["server_error", "reset"]
        async with http.get(f"{sandbox.endpoints['mexc']['rest']}/api/v3/time") as answer:
            assert answer.status == 500

    run(act, faults=[Fault.of("server_error", count=1), "reset:every=60"])


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(FaultError, match="no venue 'kraken'; there are mexc, gateio"):
        Sandbox(listings=LISTINGS, faults=["reset:venue=kraken"])
    with pytest.raises(FaultError, match="'ETH/USDT' is not listed; there are BTC/USDT, BTC/USDT:USDT"):
        Sandbox(listings=LISTINGS, faults=[Fault.of("drop_delta", symbol="ETH/USDT")])
    sandbox = Sandbox(listings=LISTINGS)
    with pytest.raises(KeyError, match="there is no fault 5; there are none"):
        sandbox.faults.remove(5)
    with pytest.raises(TypeError, match="settings belong to a fault that is given by its kind"):
        sandbox.faults.add(Fault.of("reset"), venue="mexc")


def test_there_is_room_for_a_thousand_at_work() -> None:
    async def act(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        for _ in range(1000):
            sandbox.faults.add("server_error", after=1e6)
        with pytest.raises(FaultError, match="there are 1000 faults at work already: remove some"):
            sandbox.faults.add("server_error")
        sandbox.faults.clear()
        assert sandbox.faults.listed == []
        for _ in range(1001):
            sandbox.faults.add("server_error", duration=0.0)
        assert len(sandbox.faults.listed) == 1000

    run(act)
