"""Virtual time: a loop that never waits, and the clock that it runs by. For connections in memory only.

When nothing is ready, time jumps to the next timer; so an hour of timeouts, expiries and ticks passes as fast as it can
be computed, and in the same order every time.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from cex.common.clock import ManualClock

__all__ = ["VirtualLoop", "run_virtual"]

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting for a timer, lets the clock jump to it."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("deadlock: nothing is ready and no timer is set, so this would wait for ever")
        if not ready and timeout:
            self._clock.advance(math.ceil(timeout * 1e9) / 1e9)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is the monotonic reading of ``clock``; hand that clock to what runs on it.

    ``start_ns`` is the first wall time. Waiting for nothing at all is an error, not a wait.
    """

    def __init__(self, start_ns: int = 1_700_000_000_000_000_000) -> None:
        self.clock = ManualClock(start_ns)
        super().__init__(_JumpingSelector(self.clock))

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self.clock.monotonic_ns() / 1e9


def run_virtual(main: Callable[[ManualClock], Coroutine[Any, Any, T]], *, start_ns: int | None = None) -> T:
    """Run ``main(clock)`` on a fresh virtual loop to its result, as ``asyncio.run`` does on a real one."""
    loops: list[VirtualLoop] = []

    def new_loop() -> VirtualLoop:
        loops.append(VirtualLoop() if start_ns is None else VirtualLoop(start_ns))
        return loops[-1]

    async def started() -> T:
        return await main(loops[-1].clock)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(started())
