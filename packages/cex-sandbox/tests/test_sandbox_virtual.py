from __future__ import annotations

import asyncio
import hashlib
import hmac
import time

import aiohttp
import pytest

from cex.common.clock import ManualClock
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.server import Sandbox
from cex.sandbox.virtual import run_virtual


def test_a_day_passes_at_once_and_in_order() -> None:
    seen: list[tuple[str, float]] = []

    async def wait(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, asyncio.get_running_loop().time()))

    async def main(clock: ManualClock) -> int:
        before = clock.time_ns()
        await asyncio.gather(wait("day", 86_400), wait("minute", 60), wait("hour", 3_600))
        return clock.time_ns() - before

    started = time.monotonic()
    assert run_virtual(main) == 86_400 * 10**9
    assert time.monotonic() - started < 2
    assert seen == [("minute", 60.0), ("hour", 3600.0), ("day", 86_400.0)]


def test_the_first_wall_time_can_be_chosen() -> None:
    async def main(clock: ManualClock) -> int:
        return clock.time_ns()

    assert run_virtual(main, start_ns=5) == 5


def test_waiting_for_nothing_is_an_error() -> None:
    async def main(_: ManualClock) -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="deadlock"):
        run_virtual(main)


def test_an_hour_of_the_sandbox_passes_in_moments() -> None:
    """An idle Gate.io socket is closed after 30 s, a market moves on, a request is late: all in virtual time."""

    async def main(clock: ManualClock) -> tuple[float, int]:
        async with (
            Sandbox(seed=7, sockets=False, tick=1.0, listings=DEFAULT_LISTINGS[:1], clock=clock) as sandbox,
            aiohttp.ClientSession(connector=sandbox.connector()) as http,
        ):
            loop = asyncio.get_running_loop()
            async with http.ws_connect(sandbox.endpoints["gateio"]["ws_spot"]) as idle:
                before = loop.time()
                await idle.receive()
                idle_for = loop.time() - before
            sandbox.faults.add("answer_late", venue="gateio", seconds=120.0, count=1)
            async with http.get(f"{sandbox.endpoints['gateio']['rest']}/spot/time") as answer:
                server_ms = (await answer.json())["server_time"]
            assert clock.time_ns() // 1_000_000 - server_ms == 120_000
            await asyncio.sleep(3600)
            return idle_for, sandbox.market.ticks

    started = time.monotonic()
    idle_for, ticks = run_virtual(main)
    assert 30 <= idle_for <= 32
    assert ticks >= 3700
    assert time.monotonic() - started < 10


def test_a_listen_key_runs_out_after_its_hour() -> None:
    async def main(clock: ManualClock) -> tuple[bool, bool]:
        async with (
            Sandbox(seed=7, sockets=False, tick=10.0, listings=DEFAULT_LISTINGS[:1], clock=clock) as sandbox,
            aiohttp.ClientSession(connector=sandbox.connector()) as http,
        ):
            own, urls = sandbox.credentials["mexc"], sandbox.endpoints["mexc"]
            query = f"timestamp={clock.time_ns() // 1_000_000}"
            signature = hmac.new(own.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
            url = f"{urls['rest']}/api/v3/userDataStream?{query}&signature={signature}"
            headers = {"X-MEXC-APIKEY": own.key, "Content-Type": "application/json"}
            async with http.post(url, headers=headers) as answer:
                key = (await answer.json())["listenKey"]

            async def is_good() -> bool:
                try:
                    async with http.ws_connect(f"{urls['ws']}?listenKey={key}"):
                        return True
                except aiohttp.WSServerHandshakeError:
                    return False

            await asyncio.sleep(59 * 60)
            before = await is_good()
            await asyncio.sleep(61)
            return before, await is_good()

    started = time.monotonic()
    assert run_virtual(main) == (True, False)
    assert time.monotonic() - started < 5


def test_equal_runs_are_equal() -> None:
    async def main(clock: ManualClock) -> list[bytes]:
        async with (
            Sandbox(seed=7, sockets=False, tick=0.1, listings=DEFAULT_LISTINGS[:1], clock=clock) as sandbox,
            aiohttp.ClientSession(connector=sandbox.connector()) as http,
        ):
            sandbox.faults.add("server_error", probability=0.3, status=502)
            sandbox.faults.add("stale_snapshot", probability=0.5, seconds=0.5)
            heard = []
            for _ in range(20):
                await asyncio.sleep(0.13)
                url = f"{sandbox.endpoints['mexc']['rest']}/api/v3/depth?symbol=BTCUSDT&limit=5"
                async with http.get(url) as answer:
                    heard.append(await answer.read())
            assert sandbox.faults.injected["server_error"] > 0
            return heard

    assert run_virtual(main) == run_virtual(main)
