from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common.clock import ManualClock
from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces import Channel, Stream
from cex.exchanges.base.streams.readers import Fanout, newest

TRADES = Stream(Channel.TRADES, Symbol("BTC/USDT"))
Told = list[tuple[Stream, int, bool]]


def fanout(*, conflate: bool, capacity: int = 3) -> tuple[Fanout[Stream, int], Told]:
    told: Told = []
    made: Fanout[Stream, int] = Fanout(
        TRADES,
        conflate=newest if conflate else None,
        capacity=capacity,
        on_overflow=lambda *facts: told.append(facts),
    )
    return made, told


async def test_every_reader_gets_everything_in_order(virtual_clock: ManualClock) -> None:
    stream, told = fanout(conflate=False)
    first, second = stream.join(), stream.join()
    got: list[int] = []

    async def read() -> None:
        got.extend([item async for item in first])

    reading = asyncio.ensure_future(read())
    for item in (1, 2, 3):
        stream.publish(item)
        await asyncio.sleep(0.1)
    stream.end()
    await reading
    assert got == [1, 2, 3]
    assert [item async for item in second] == [1, 2, 3], "what came before the end is still read"
    assert told == []


async def test_conflation_keeps_the_newest(virtual_clock: ManualClock) -> None:
    stream, told = fanout(conflate=True)
    reader = stream.join()
    for item in range(5):
        stream.publish(item)
    assert await anext(reader) == 4
    stream.publish(5)
    assert await anext(reader) == 5
    assert told == []
    health = stream
    assert (health.offered, health.delivered, health.conflated, health.dropped) == (6, 2, 4, 0)


async def test_overflow_is_told_when_it_begins_and_when_it_is_over(virtual_clock: ManualClock) -> None:
    stream, told = fanout(conflate=False, capacity=3)
    reader = stream.join()
    for item in range(7):
        stream.publish(item)
    assert told == [(TRADES, 1, False)]
    assert await anext(reader) == 4
    assert told[1:] == [(TRADES, 4, True)]
    assert await anext(reader) == 5
    assert await anext(reader) == 6
    health = stream
    assert (health.offered, health.delivered, health.conflated, health.dropped) == (7, 3, 0, 4)
    for item in range(4):
        stream.publish(item)
    assert told[2:] == [(TRADES, 1, False)], "a second hole is told again"


async def test_a_slow_reader_does_not_cost_a_quick_one(virtual_clock: ManualClock) -> None:
    stream, _ = fanout(conflate=False, capacity=2)
    slow, quick = stream.join(), stream.join()
    got = []
    for item in range(6):
        stream.publish(item)
        got.append(await anext(quick))
    assert got == list(range(6))
    assert await anext(slow) == 4
    assert stream.readers == 2


async def test_who_left_gets_nothing_more(virtual_clock: ManualClock) -> None:
    stream, _ = fanout(conflate=False)
    reader = stream.join()
    stream.leave(reader)
    stream.leave(reader)
    stream.publish(1)
    assert stream.offered == 0
    assert stream.readers == 0


async def test_nothing_is_taken_after_the_end(virtual_clock: ManualClock) -> None:
    stream, _ = fanout(conflate=False)
    reader = stream.join()
    stream.end()
    stream.publish(1)
    with pytest.raises(StopAsyncIteration):
        await anext(reader)
    with pytest.raises(StopAsyncIteration):
        await anext(reader)


async def test_a_cancelled_wait_loses_nothing(virtual_clock: ManualClock) -> None:
    stream, _ = fanout(conflate=False)
    reader = stream.join()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await anext(reader)
    stream.publish(1)
    assert await anext(reader) == 1


def test_a_reader_needs_room() -> None:
    with pytest.raises(ValueError, match="room for at least one"):
        fanout(conflate=False, capacity=0)


@given(
    conflate=st.booleans(),
    capacity=st.integers(1, 5),
    steps=st.lists(st.sampled_from(["publish", "read"]), max_size=60),
)
def test_every_item_is_accounted_for(conflate: bool, capacity: int, steps: list[str]) -> None:
    async def play() -> None:
        stream, told = fanout(conflate=conflate, capacity=capacity)
        reader = stream.join()
        published = 0
        got: list[int] = []
        for step in steps:
            if step == "publish":
                stream.publish(published)
                published += 1
            elif stream.delivered + stream.conflated + stream.dropped < published:
                got.append(await anext(reader))
        stream.end()
        got.extend([item async for item in reader])
        health = stream
        assert health.offered == published == health.delivered + health.conflated + health.dropped
        assert health.delivered == len(got)
        assert got == sorted(got)
        assert (health.dropped == 0) if conflate else (health.conflated == 0)
        assert sum(dropped for *_, dropped, resumed in told if resumed) == health.dropped
        if published:
            assert got[-1] == published - 1, "the newest is never the one that is lost"

    asyncio.run(play())
