"""When to connect again: jittered backoff for each line, and one budget of connects for each host."""

from __future__ import annotations

import asyncio
import random
from bisect import insort
from dataclasses import dataclass
from itertools import count
from weakref import WeakKeyDictionary

from cex.common.constants.network_constants import (
    MAX_CONNECTS_PER_HOST_PER_MINUTE,
    RECONNECT_FIRST_S,
    RECONNECT_MAX_S,
)

__all__ = ["ConnectBudget", "ReconnectPolicy", "shared_budget"]

_MOST_DOUBLINGS = 32


@dataclass(frozen=True, slots=True)
class ReconnectPolicy:
    """Exponential backoff with full jitter, in seconds.

    The pause after ``n`` failures in a row is drawn evenly from 0 to ``min(most, first * 2**n)``. A connection ends the
    row of failures only when it proved useful: a stream was acknowledged on it and it stayed for ``proven_after``.
    """

    first: float = RECONNECT_FIRST_S
    most: float = RECONNECT_MAX_S
    proven_after: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.first <= self.most:
            raise ValueError(f"reconnect pauses need 0 < first <= most, got first={self.first}, most={self.most}")
        if self.proven_after < 0:
            raise ValueError(f"proven_after must not be negative, got {self.proven_after}")

    def pause(self, failures: int, rng: random.Random) -> float:
        """Seconds to wait before the next attempt."""
        return rng.uniform(0.0, min(self.most, self.first * 2.0 ** min(failures, _MOST_DOUBLINGS)))


class ConnectBudget:
    """At most ``most`` connects to a host in any ``window`` seconds, first come, first served.

    It also numbers the connects that it grants, so connection numbers are unique among all that share a budget.
    """

    def __init__(self, most: int = MAX_CONNECTS_PER_HOST_PER_MINUTE, window: float = 60.0) -> None:
        if most < 1 or window <= 0:
            raise ValueError(f"a connect budget needs most >= 1 and window > 0, got most={most}, window={window}")
        self._most = most
        self._window = window
        self._granted: dict[str, list[float]] = {}
        self._numbers = count(1)

    async def acquire(self, host: str) -> int:
        """Wait until one more connect to ``host`` is allowed; return its number."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        granted = self._granted.setdefault(host, [])
        while granted and granted[0] <= now - self._window:
            del granted[0]
        at = now if len(granted) < self._most else max(now, granted[-self._most] + self._window)
        insort(granted, at)
        try:
            if at > now:
                await asyncio.sleep(at - now)
        except asyncio.CancelledError:
            granted.remove(at)
            raise
        return next(self._numbers)


_budgets: WeakKeyDictionary[asyncio.AbstractEventLoop, ConnectBudget] = WeakKeyDictionary()


def shared_budget() -> ConnectBudget:
    """The budget of the running event loop: a host counts everybody's connects together, so that is the default."""
    loop = asyncio.get_running_loop()
    budget = _budgets.get(loop)
    if budget is None:
        budget = _budgets[loop] = ConnectBudget()
    return budget
