from __future__ import annotations

import asyncio
import logging

import pytest

from cex.common.clock import ManualClock
from cex.exchanges.base.tasks import OwnedTasks


async def test_closing_cancels_and_waits(virtual_clock: ManualClock) -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.1)
            ended.append(virtual_clock.monotonic_ns())

    tasks = OwnedTasks()
    tasks.spawn(work(), name="one")
    tasks.spawn(work(), name="two")
    await asyncio.sleep(0.01)
    assert len(tasks) == 2
    await tasks.aclose()
    assert len(ended) == 2
    assert len(tasks) == 0
    await tasks.aclose()


async def test_a_failure_is_logged_with_the_name_of_its_task(
    virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        raise LookupError("a defect")

    tasks = OwnedTasks()
    task = tasks.spawn(work(), name="broken one")
    with caplog.at_level(logging.ERROR):
        await asyncio.wait({task})
    (record,) = caplog.records
    assert record.__dict__["task"] == "broken one"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], LookupError)


async def test_a_cancelled_close_is_finished_by_the_next(virtual_clock: ManualClock) -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.5)

    tasks = OwnedTasks()
    tasks.spawn(stubborn(), name="stubborn")
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await tasks.aclose()
    assert len(tasks) == 1
    await tasks.aclose()
    assert len(tasks) == 0


async def test_what_is_spawned_after_the_end_never_begins() -> None:
    tasks, ran = OwnedTasks(), []

    async def work() -> None:
        ran.append(1)

    await tasks.aclose()
    await tasks.spawn(work(), name="between")
    await tasks.aclose(for_good=True)
    late = tasks.spawn(work(), name="late")
    await asyncio.wait({late})
    assert (ran, late.cancelled(), len(tasks)) == ([1], True, 0)
