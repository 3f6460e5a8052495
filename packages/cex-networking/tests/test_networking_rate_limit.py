from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common.clock import ManualClock
from cex.networking.rate_limit import Priority, RateLimiter, RatePool

Run = Callable[[Callable[[ManualClock], Awaitable[Any]]], Any]

IP = RatePool("ip", capacity=10, window_s=10)
UID = RatePool("uid", capacity=5, window_s=2)


def seconds(clock: ManualClock) -> float:
    return clock.monotonic_ns() / 1e9


def limiter_of(clock: ManualClock, *pools: RatePool) -> RateLimiter:
    return RateLimiter(pools or (IP, UID), clock, random.Random(7))


async def test_what_fits_passes_without_waiting(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    for _ in range(10):
        await limiter.acquire({"ip": 1})
    assert limiter.budget_left("ip") == 0
    assert limiter.budget_left("uid") == 5
    assert seconds(virtual_clock) == 0


async def test_the_rest_waits_until_the_window_has_passed(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    await limiter.acquire({"ip": 4})
    await asyncio.sleep(3)
    await limiter.acquire({"ip": 6})
    await limiter.acquire({"ip": 4})
    assert seconds(virtual_clock) == pytest.approx(10.01)
    await limiter.acquire({"ip": 1})
    assert seconds(virtual_clock) == pytest.approx(13.01)


async def test_every_pool_must_have_room(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    await limiter.acquire({"uid": 5})
    await limiter.acquire({"ip": 1, "uid": 1})
    assert seconds(virtual_clock) == pytest.approx(2.002)
    assert limiter.budget_left("ip") == 9


async def test_a_slot_counts_from_its_end(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    async with limiter.slot({"uid": 5}):
        assert limiter.budget_left("uid") == 0
        await asyncio.sleep(4)
        assert limiter.budget_left("uid") == 0
    await limiter.acquire({"uid": 1})
    assert seconds(virtual_clock) == pytest.approx(6.002)


async def test_a_slot_counts_also_when_its_block_fails(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    with pytest.raises(KeyError):
        async with limiter.slot({"uid": 2}):
            raise KeyError
    assert limiter.budget_left("uid") == 3
    await asyncio.sleep(2.1)
    assert limiter.budget_left("uid") == 5


async def test_the_urgent_goes_first_and_equals_in_order_of_arrival(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock, RatePool("p", 1, 1))
    await limiter.acquire({"p": 1})
    order: list[str] = []

    async def wait(name: str, priority: Priority) -> None:
        await limiter.acquire({"p": 1}, priority)
        order.append(name)

    async with asyncio.TaskGroup() as group:
        for name, priority in [
            ("snapshot", Priority.SNAPSHOT),
            ("query 1", Priority.QUERY),
            ("place", Priority.PLACE),
            ("query 2", Priority.QUERY),
            ("cancel", Priority.CANCEL),
        ]:
            group.create_task(wait(name, priority))
    assert order == ["cancel", "place", "query 1", "query 2", "snapshot"]
    assert seconds(virtual_clock) == pytest.approx(5.005)


async def test_a_heavy_waiter_is_not_starved_by_light_ones(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock, RatePool("p", 10, 1))
    await limiter.acquire({"p": 5})
    admitted: list[tuple[str, float]] = []

    async def wait(name: str, weight: int) -> None:
        await limiter.acquire({"p": weight})
        admitted.append((name, round(seconds(virtual_clock), 3)))

    async with asyncio.TaskGroup() as group:
        group.create_task(wait("heavy", 8))
        await asyncio.sleep(0.1)
        for _ in range(3):
            group.create_task(wait("light", 1))
    assert admitted == [("heavy", 1.001), ("light", 1.001), ("light", 1.001), ("light", 2.002)]


async def test_a_waiter_for_one_pool_does_not_hold_up_another_pool(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    limiter.pause("ip", 60, "banned")
    blocked = asyncio.create_task(limiter.acquire({"ip": 1, "uid": 2}, Priority.CANCEL))
    await asyncio.sleep(0)
    await limiter.acquire({"uid": 3}, Priority.SNAPSHOT)
    assert seconds(virtual_clock) == 0
    late = asyncio.create_task(limiter.acquire({"uid": 1}, Priority.SNAPSHOT))
    await asyncio.sleep(1)
    assert not late.done(), "what the urgent one needs is set aside"
    await asyncio.gather(blocked, late)
    assert 60 <= seconds(virtual_clock) <= 63.1


async def test_a_reserve_is_kept_for_orders(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock, RatePool("p", 10, 10, reserved=3))
    for _ in range(7):
        await limiter.acquire({"p": 1}, Priority.SNAPSHOT)
    bulk = asyncio.create_task(limiter.acquire({"p": 1}, Priority.QUERY))
    await asyncio.sleep(0.1)
    assert not bulk.done()
    await limiter.acquire({"p": 2}, Priority.CANCEL)
    await limiter.acquire({"p": 1}, Priority.PLACE)
    assert seconds(virtual_clock) == pytest.approx(0.1)
    await bulk
    assert seconds(virtual_clock) == pytest.approx(10.01)
    with pytest.raises(ValueError, match="0 to 7 does"):
        await limiter.acquire({"p": 8}, Priority.QUERY)


async def test_a_cancelled_waiter_leaves_no_trace(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock, RatePool("p", 2, 1))
    await limiter.acquire({"p": 2})
    heavy = asyncio.create_task(limiter.acquire({"p": 2}))
    light = asyncio.create_task(limiter.acquire({"p": 1}))
    await asyncio.sleep(0.5)
    assert limiter.waiting == 2
    heavy.cancel()
    with pytest.raises(asyncio.CancelledError):
        await heavy
    assert limiter.waiting == 1
    await light
    assert seconds(virtual_clock) == pytest.approx(1.001)
    assert limiter.budget_left("p") == 1
    assert limiter.waiting == 0


async def test_cancelled_in_the_moment_of_admission_gives_the_budget_back(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock, RatePool("p", 1, 1))
    async with limiter.slot({"p": 1}):
        first = asyncio.create_task(limiter.acquire({"p": 1}))
        second = asyncio.create_task(limiter.acquire({"p": 1}))
        await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    admitted_at = 1.001
    loop.call_at(admitted_at, first.cancel)  # in the same iteration as the limiter's timer, after it
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    assert seconds(virtual_clock) == pytest.approx(admitted_at), "nothing was sent, so nothing counts"


async def test_budget_given_back_counts_for_the_exchanges_word_too(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    limiter.feedback("ip", 1, reset_after_s=9)
    limiter.pause("ip", 1, "short")
    waiting = asyncio.create_task(limiter.acquire({"ip": 1}))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(limiter.paused_for("ip"), waiting.cancel)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert limiter.budget_left("ip") == 1
    await limiter.acquire({"ip": 1})
    assert limiter.budget_left("ip") == 0


async def test_a_waiter_cancelled_just_before_admission_is_passed_over(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock, RatePool("p", 1, 1))
    limiter.feedback("p", 0)
    first = asyncio.create_task(limiter.acquire({"p": 1}))
    second = asyncio.create_task(limiter.acquire({"p": 1}))
    await asyncio.sleep(0.5)
    first.cancel()
    limiter.feedback("p", 1)  # looks at the waiters while the cancelled one has not run yet
    await second
    assert first.cancelled()
    assert seconds(virtual_clock) == 0.5


async def test_feedback_lowers_the_budget_until_the_reset(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    limiter.feedback("ip", 2, reset_after_s=3)
    assert limiter.budget_left("ip") == 2
    await limiter.acquire({"ip": 2})
    assert limiter.budget_left("ip") == 0
    await limiter.acquire({"ip": 1})
    assert seconds(virtual_clock) == pytest.approx(3.003)
    assert limiter.budget_left("ip") == 7


async def test_feedback_without_a_reset_holds_for_a_window(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    for nonsense in (None, 0.0, -5.0, 1e9, math.nan):
        limiter.feedback("ip", 0, nonsense)
        started = seconds(virtual_clock)
        await limiter.acquire({"ip": 1})
        assert seconds(virtual_clock) - started == pytest.approx(10.01)


async def test_later_feedback_restores_the_budget(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    limiter.feedback("ip", 0)
    waiting = asyncio.create_task(limiter.acquire({"ip": 1}))
    await asyncio.sleep(1)
    limiter.feedback("ip", 6)
    await waiting
    assert seconds(virtual_clock) == 1
    assert limiter.budget_left("ip") == 5


async def test_feedback_never_raises_the_budget_above_our_own_count(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    await limiter.acquire({"ip": 9})
    limiter.feedback("ip", 1_000_000)
    assert limiter.budget_left("ip") == 1


async def test_feedback_does_not_count_what_is_under_way(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    async with limiter.slot({"ip": 3}):
        limiter.feedback("ip", 5)
        assert limiter.budget_left("ip") == 2
    assert limiter.budget_left("ip") == 2


async def test_a_pause_admits_nobody_and_names_its_reason(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    limiter.pause("ip", 30, "HTTP 429")
    limiter.pause("ip", 1, "shorter, so it changes nothing")
    assert limiter.budget_left("ip") == 0
    assert 30 <= limiter.paused_for("ip") <= 31.5
    assert limiter.pause_reason("ip") == "HTTP 429"
    await limiter.acquire({"ip": 1}, Priority.CANCEL)
    assert 30 <= seconds(virtual_clock) <= 31.5
    assert limiter.paused_for("ip") == 0
    assert limiter.pause_reason("ip") == ""
    assert limiter.budget_left("uid") == 5


def test_pauses_of_several_processes_end_apart() -> None:
    ends = set()
    for seed in range(5):
        limiter = RateLimiter([IP], ManualClock(), random.Random(seed))
        limiter.pause("ip", 100, "banned")
        ends.add(limiter.paused_for("ip"))
    assert len(ends) == 5
    assert all(100 <= end <= 105 for end in ends)


async def test_pools_can_be_added_but_not_changed(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    market = RatePool("orders BTC_USDT", 10, 1)
    limiter.add(market)
    limiter.add(market)
    await limiter.acquire({market.name: 1})
    assert limiter.pools == (IP, UID, market)
    assert limiter.budget_left(market.name) == 9
    with pytest.raises(ValueError, match="already another rate pool 'ip'"):
        limiter.add(RatePool("ip", 11, 10))


async def test_nothing_asked_is_nothing_waited(virtual_clock: ManualClock) -> None:
    limiter = limiter_of(virtual_clock)
    limiter.pause("ip", 60, "banned")
    await limiter.acquire({})
    await limiter.acquire({"ip": 0})
    assert seconds(virtual_clock) == 0


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ({"nowhere": 1}, "unknown rate pool 'nowhere'; there are: ip, uid"),
        ({"ip": 11}, "a weight of 11 never fits into the rate pool 'ip': 0 to 10 does"),
        ({"ip": -1}, "a weight of -1 never fits"),
    ],
)
async def test_what_can_never_pass_is_refused(virtual_clock: ManualClock, costs: dict[str, int], said: str) -> None:
    limiter = limiter_of(virtual_clock)
    with pytest.raises(ValueError, match=said):
        await limiter.acquire(costs)
    assert limiter.waiting == 0


@pytest.mark.parametrize(
    ("capacity", "window", "reserved"), [(0, 1, 0), (1, 0, 0), (1, math.inf, 0), (5, 1, 5), (5, 1, -1)]
)
def test_a_pool_without_sense_is_refused(capacity: int, window: float, reserved: int) -> None:
    with pytest.raises(ValueError, match="a pool has"):
        RatePool("p", capacity, window, reserved)


@pytest.mark.parametrize("length", [-1.0, math.inf, math.nan])
def test_a_pause_without_sense_is_refused(length: float) -> None:
    with pytest.raises(ValueError, match="a pause lasts"):
        RateLimiter([IP]).pause("ip", length, "?")


def most_in_any_window(seen: list[tuple[float, int]], window: float) -> int:
    """What a server with a sliding window, closed at both ends, counts at its worst."""
    return max((sum(w for at, w in seen if start <= at <= start + window) for start, _ in seen), default=0)


def most_in_fixed_windows(seen: list[tuple[float, int]], window: float, phase: float) -> int:
    counts: dict[int, int] = {}
    for at, weight in seen:
        number = math.floor((at + phase) / window)
        counts[number] = counts.get(number, 0) + weight
    return max(counts.values(), default=0)


def most_in_windows_from_the_first_request(seen: list[tuple[float, int]], window: float) -> int:
    most, start, used = 0, -math.inf, 0
    for at, weight in sorted(seen):
        if at >= start + window:
            start, used = at, 0
        used += weight
        most = max(most, used)
    return most


@st.composite
def plans(draw: st.DrawFn) -> list[tuple[float, int, int, Priority, float, float, float | None]]:
    """Requests: idle time before, weights in two pools, priority, way there, way back, and when it is cancelled."""
    idle = st.sampled_from([0.0, 0.0, 0.0, 0.05, 0.3, 1.0, 1.7])
    way = st.sampled_from([0.0, 0.001, 0.2, 1.5])
    one = st.tuples(
        idle,
        st.integers(0, 4),
        st.integers(0, 3),
        st.sampled_from(Priority),
        way,
        way,
        st.sampled_from([None, None, None, 0.0, 0.1, 2.0]),
    )
    return draw(st.lists(one, min_size=1, max_size=40))


@settings(max_examples=60, deadline=None)
@given(plan=plans(), feedback=st.lists(st.tuples(st.floats(0, 8), st.integers(-3, 20)), max_size=4))
def test_no_window_of_the_server_ever_holds_more_than_the_capacity(
    virtual_run: Run,
    plan: list[tuple[float, int, int, Priority, float, float, float | None]],
    feedback: list[tuple[float, int]],
) -> None:
    pools = {"a": RatePool("a", 5, 1.0), "b": RatePool("b", 4, 3.0, reserved=1)}
    arrived: dict[str, list[tuple[float, int]]] = {"a": [], "b": []}

    async def play(clock: ManualClock) -> None:
        limiter = RateLimiter(pools.values(), clock, random.Random(1))
        loop = asyncio.get_running_loop()
        for at, remaining in feedback:
            loop.call_later(at, limiter.feedback, "a", remaining)

        async def one(costs: dict[str, int], priority: Priority, there: float, back: float) -> None:
            async with limiter.slot(costs, priority):
                await asyncio.sleep(there)
                for name, weight in costs.items():
                    arrived[name].append((clock.monotonic_ns() / 1e9, weight))
                await asyncio.sleep(back)

        tasks: list[asyncio.Task[None]] = []
        for idle, a, b, priority, there, back, cancelled in plan:
            await asyncio.sleep(idle)
            tasks.append(asyncio.create_task(one({"a": a, "b": b}, priority, there, back)))
            if cancelled is not None:
                loop.call_later(cancelled, tasks[-1].cancel)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
        await asyncio.sleep(10)
        assert limiter.waiting == 0
        assert {name: limiter.budget_left(name) for name in pools} == {"a": 5, "b": 4}, "nothing leaked"

    virtual_run(play)
    for name, pool in pools.items():
        seen = arrived[name]
        assert most_in_any_window(seen, pool.window_s) <= pool.capacity
        assert most_in_windows_from_the_first_request(seen, pool.window_s) <= pool.capacity
        for phase in (0.0, 0.1, 0.37, 0.5, 0.9):
            assert most_in_fixed_windows(seen, pool.window_s, phase * pool.window_s) <= pool.capacity


def test_the_budget_is_used_to_the_full(virtual_run: Run) -> None:
    """The promise would be kept by a limiter that admits nobody; this one keeps close to the capacity."""

    async def play(clock: ManualClock) -> float:
        limiter = RateLimiter([RatePool("p", 20, 10)], clock)
        for _ in range(200):
            await limiter.acquire({"p": 1})
        return seconds(clock)

    assert virtual_run(play) == pytest.approx(9 * 10.01)


def test_two_hundred_books_recover_at_the_limit_while_cancels_pass(virtual_run: Run) -> None:
    async def play(clock: ManualClock) -> tuple[float, list[float]]:
        limiter = RateLimiter([RatePool("ip", 300, 10, reserved=30)], clock)
        cancels: list[float] = []

        async def snapshot() -> None:
            async with limiter.slot({"ip": 5}, Priority.SNAPSHOT):
                await asyncio.sleep(0.05)

        async def cancel(at: float) -> None:
            await asyncio.sleep(at)
            started = seconds(clock)
            async with limiter.slot({"ip": 1}, Priority.CANCEL):
                cancels.append(seconds(clock) - started)

        await asyncio.gather(
            *(snapshot() for _ in range(200)), *(cancel(at) for at in itertools.islice(itertools.count(0, 2), 15))
        )
        return seconds(clock), cancels

    lasted, cancels = virtual_run(play)
    assert lasted < 1.5 * 200 * 5 / 300 * 10
    assert max(cancels) == 0
