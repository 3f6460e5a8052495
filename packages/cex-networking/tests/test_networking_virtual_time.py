from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from cex.common.clock import ManualClock


async def test_a_day_passes_at_once(virtual_clock: ManualClock, virtual_loop: asyncio.AbstractEventLoop) -> None:
    started, wall = time.monotonic(), virtual_clock.time_ns()
    await asyncio.sleep(86_400.5)
    assert virtual_clock.monotonic_ns() == 86_400_500_000_000
    assert virtual_clock.time_ns() - wall == 86_400_500_000_000
    assert virtual_loop.time() == 86_400.5
    assert time.monotonic() - started < 5


async def test_timers_fire_in_their_order(virtual_clock: ManualClock) -> None:
    seen: list[tuple[str, float]] = []

    async def wait(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, virtual_clock.monotonic_ns() / 1e9))

    await asyncio.gather(wait("c", 3), wait("a", 0.1), wait("b", 2))
    assert seen == [("a", 0.1), ("b", 2.0), ("c", 3.0)]


async def test_a_timeout_fires_at_its_time(virtual_clock: ManualClock) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(7):
            await asyncio.sleep(8)
    assert virtual_clock.monotonic_ns() == 7_000_000_000


def test_waiting_for_nothing_is_a_deadlock(
    virtual_run: Callable[[Callable[[ManualClock], Awaitable[None]]], None],
) -> None:
    async def wait_for_ever(clock: ManualClock) -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="deadlock"):
        virtual_run(wait_for_ever)


async def test_without_virtual_time_the_loop_is_real() -> None:
    before = time.monotonic()
    await asyncio.sleep(0.01)
    assert time.monotonic() - before >= 0.009
