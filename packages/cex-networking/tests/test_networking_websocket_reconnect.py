from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common.clock import ManualClock
from cex.networking.websocket.reconnect import ConnectBudget, ReconnectPolicy, shared_budget


@given(st.integers(0, 10_000), st.integers(0, 2**32))
def test_pauses_are_jittered_over_the_whole_range_and_bounded(failures: int, seed: int) -> None:
    policy = ReconnectPolicy(first=0.5, most=30.0)
    assert 0 <= policy.pause(failures, random.Random(seed)) <= min(30.0, 0.5 * 2 ** min(failures, 10))


def test_pauses_double_on_average() -> None:
    policy, rng = ReconnectPolicy(first=1.0, most=1000.0), random.Random(1)
    for failures in range(8):
        mean = sum(policy.pause(failures, rng) for _ in range(2000)) / 2000
        assert mean == pytest.approx(2**failures / 2, rel=0.1)


@pytest.mark.parametrize("faults", [{"first": 0.0}, {"first": 2.0, "most": 1.0}, {"proven_after": -1.0}])
def test_a_policy_that_makes_no_sense_is_refused(faults: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must not|need"):
        ReconnectPolicy(**faults)


@pytest.mark.parametrize(("most", "window"), [(0, 60.0), (1, 0.0)])
def test_a_budget_that_makes_no_sense_is_refused(most: int, window: float) -> None:
    with pytest.raises(ValueError, match="budget"):
        ConnectBudget(most, window)


async def test_a_budget_is_first_come_first_served_and_apart_for_each_host(virtual_clock: ManualClock) -> None:
    budget = ConnectBudget(most=2, window=10.0)
    granted: list[tuple[str, float, int]] = []

    async def connect(host: str) -> None:
        number = await budget.acquire(host)
        granted.append((host, virtual_clock.monotonic_ns() / 1e9, number))

    await asyncio.gather(*(connect(host) for host in "aaaaab"))
    assert granted == [("a", 0, 1), ("a", 0, 2), ("b", 0, 3), ("a", 10, 4), ("a", 10, 5), ("a", 20, 6)]
    await asyncio.sleep(100)
    await connect("a")
    assert granted[-1] == ("a", 120, 7)


async def test_who_gives_up_waiting_uses_up_nothing(virtual_clock: ManualClock) -> None:
    budget = ConnectBudget(most=1, window=10.0)
    await budget.acquire("a")
    waiting = [asyncio.create_task(budget.acquire("a")) for _ in range(50)]
    await asyncio.sleep(1)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    await budget.acquire("a")
    assert virtual_clock.monotonic_ns() / 1e9 == 10


def test_the_shared_budget_is_one_for_each_loop() -> None:
    async def two() -> tuple[ConnectBudget, ConnectBudget]:
        return shared_budget(), shared_budget()

    first, second = asyncio.run(two()), asyncio.run(two())
    assert first[0] is first[1]
    assert first[0] is not second[0]
