"""Virtual time for every test of this package.

- ``async def test_x(virtual_clock)`` (or ``virtual_loop``) runs on a loop that never waits: when nothing is ready, its
  clock jumps to the next timer. ``virtual_clock`` is the :class:`ManualClock` that the loop runs by; hand it to what is
  tested. At the end no other task may be left.
- ``virtual_run(make)`` does the same inside a plain test, hypothesis ones included: it calls ``make(clock)`` on a fresh
  loop and returns the awaited result.
- ``virtual_loop.in_iterations(n, task.cancel)`` cancels in the n-th iteration from now, for a sweep over every point.
- Nothing ready and no timer is a deadlock: it fails at once with ``RuntimeError``.

Virtual time is for fake transports; a test with real sockets asks for none of these and runs on a real loop.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

import pytest

from cex.common.clock import ManualClock

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting for a timer, lets the clock jump to it. A loop asks it once in each iteration."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock
        self.countdown = 0
        self.callback: Callable[[], object] | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("deadlock: nothing is ready and no timer is set, so this would wait for ever")
        if not ready and timeout:
            self._clock.advance(math.ceil(timeout * 1e9) / 1e9)
        self.countdown -= 1
        if self.countdown == 0 and self.callback is not None:
            self.callback()
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is the monotonic reading of ``clock``."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._jumping = _JumpingSelector(self.clock)
        super().__init__(self._jumping)

    def in_iterations(self, count: int, callback: Callable[[], object]) -> None:
        """Call ``callback`` once, ``count`` iterations from now: so something can be cancelled at every point."""
        self._jumping.countdown, self._jumping.callback = count, callback

    def time(self) -> float:
        return self.clock.monotonic_ns() / 1e9


class VirtualRun(Protocol):
    """Runs what ``make`` returns on a fresh virtual loop."""

    def __call__(self, make: Callable[[ManualClock], Awaitable[T]]) -> T: ...


def _others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


def _virtual_run(make: Callable[[ManualClock], Awaitable[T]]) -> T:
    loops: list[VirtualLoop] = []

    def new_loop() -> VirtualLoop:
        loops.append(VirtualLoop())
        return loops[-1]

    async def main() -> T:
        result = await make(loops[-1].clock)
        assert not _others(), "tasks left behind"
        return result

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(main())


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give a test the virtual loop exactly when it asks for virtual time."""
    virtual = {"virtual_loop", "virtual_clock"} & set(getattr(item, "fixturenames", ()))
    return {"virtual": VirtualLoop} if virtual else {"real": asyncio.new_event_loop}


@pytest.fixture
async def virtual_loop() -> AsyncIterator[VirtualLoop]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    yield loop
    assert not _others(), "tasks left behind"


@pytest.fixture
async def virtual_clock(virtual_loop: VirtualLoop) -> ManualClock:
    return virtual_loop.clock


@pytest.fixture(scope="session")
def virtual_run() -> VirtualRun:
    return _virtual_run
