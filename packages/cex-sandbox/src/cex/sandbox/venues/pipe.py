"""A connection's way out when it is not straight: bytes that are late, in order, or that trickle."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

__all__ = ["Pipe"]

_TRICKLE_SECONDS = 0.05


class Pipe:
    """Keeps the order: what is put in later comes out later, however short its own delay. Times are seconds.

    ``rate`` (bytes a second) makes it trickle; None lets whole pieces through when they are due.
    """

    def __init__(self, write: Callable[[bytes], None], loop: asyncio.AbstractEventLoop) -> None:
        self._write = write
        self._loop = loop
        self._due: deque[tuple[float, bytes]] = deque()
        self._rate: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._free_at = 0.0

    def __len__(self) -> int:
        return len(self._due)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing in it and nothing to slow down."""
        return not self._due and self._rate is None

    def put(self, data: bytes, delay: float = 0.0) -> None:
        """Let ``data`` out in ``delay`` seconds, or when what was put in before is out."""
        due = self._loop.time() + delay
        if self._due:
            due = max(due, self._due[-1][0])
        self._due.append((due, data))
        self._arm()

    def trickle(self, rate: float | None) -> None:
        """From now on let out ``rate`` bytes a second; None ends it."""
        self._rate = rate
        self._arm(again=True)

    def clear(self) -> None:
        """Forget what is inside; nothing comes out any more until something is put in."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, *, again: bool = False) -> None:
        if again and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due and self._timer is None:
            self._timer = self._loop.call_at(max(self._due[0][0], self._free_at), self._let_out)

    def _let_out(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._rate is None:
            while self._due and self._due[0][0] <= now:
                self._write(self._due.popleft()[1])
        elif self._due:
            due, data = self._due.popleft()
            size = max(1, int(self._rate * _TRICKLE_SECONDS))
            if len(data) > size:
                self._due.appendleft((due, data[size:]))
            self._free_at = now + min(size, len(data)) / self._rate
            self._write(data[:size])
        self._arm()
