"""Stay below the exchange's limits: weighted pools, shared by REST and WebSocket, with the urgent before the bulk.

The promise: in no window of ``window_s``, wherever it begins, closed at both ends, does the exchange see more than
``capacity`` of what passed here. It holds for a server that counts a sliding window and for one with fixed windows
(each is one of those windows). What :meth:`RateLimiter.slot` admitted counts until one window after the answer came,
so it holds whatever the network does to the spacing; :meth:`RateLimiter.acquire` counts from its return, which is
right for what is sent at once over one ordered connection. A thousandth of the window is kept for clocks that drift.
"""

from __future__ import annotations

import asyncio
import math
import random
from bisect import insort
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.correlation import new_random

__all__ = ["Priority", "RateLimiter", "RatePool"]

_DRIFT = 1e-3
_PAUSE_SPREAD = 0.05
_SHORTEST_TIMER_S = 1e-4


class Priority(IntEnum):
    """Who goes first when the budget is short; in order of arrival within one."""

    CANCEL = 0
    PLACE = 1
    QUERY = 2
    SNAPSHOT = 3


@dataclass(frozen=True, slots=True)
class RatePool:
    """A budget of the exchange: ``capacity`` of weight in any ``window_s`` seconds.

    ``reserved`` of the capacity is kept for CANCEL and PLACE, so that bulk reading cannot use the whole window up.
    """

    name: str
    capacity: int
    window_s: float
    reserved: int = 0

    def __post_init__(self) -> None:
        if self.capacity < 1 or not 0 < self.window_s < math.inf or not 0 <= self.reserved < self.capacity:
            raise ValueError(f"a pool has a capacity >= 1, a window > 0 s and 0 <= reserved < capacity, not {self}")

    def open_to(self, priority: Priority) -> int:
        """The part of the capacity that this priority may use."""
        return self.capacity if priority <= Priority.PLACE else self.capacity - self.reserved


@dataclass(slots=True)
class _Account:
    """What is known of one pool; times are monotonic nanoseconds."""

    pool: RatePool
    answered: deque[tuple[int, int]] = field(default_factory=deque)
    """(until when it counts, weight), oldest first."""
    spent: int = 0
    in_flight: int = 0
    allowance: int | None = None
    """How much more the exchange allows by its own word, until ``allowance_until``; below 0 for what is in flight."""
    allowance_until: int = 0
    paused_until: int = 0
    reason: str = ""

    @property
    def hold_ns(self) -> int:
        return math.ceil(self.pool.window_s * (1 + _DRIFT) * NANOSECONDS)

    def room(self, now: int) -> int:
        """What may be sent now; negative when a limit was lowered below what is under way."""
        while self.answered and self.answered[0][0] <= now:
            self.spent -= self.answered.popleft()[1]
        if self.allowance is not None and self.allowance_until <= now:
            self.allowance = None
        if self.paused_until > now:
            return 0
        room = self.pool.capacity - self.spent - self.in_flight
        return room if self.allowance is None else min(room, self.allowance)

    def take(self, weight: int) -> None:
        self.in_flight += weight
        if self.allowance is not None:
            self.allowance -= weight

    def give_back(self, weight: int) -> None:
        self.in_flight -= weight
        if self.allowance is not None:
            self.allowance += weight

    def settle(self, weight: int, now: int) -> None:
        self.in_flight -= weight
        self.spent += weight
        self.answered.append((now + self.hold_ns, weight))

    def next_change(self, now: int) -> int | None:
        """When there may be more room, if only time is needed for that."""
        if self.paused_until > now:
            return self.paused_until
        moments = [self.answered[0][0]] if self.answered else []
        if self.allowance is not None:
            moments.append(self.allowance_until)
        return min(moments, default=None)


@dataclass(slots=True, eq=False)
class _Waiter:
    priority: Priority
    arrival: int
    costs: Mapping[str, int]
    admitted: asyncio.Future[None] | None = None
    waiting: bool = True

    def __lt__(self, other: _Waiter) -> bool:
        return (self.priority, self.arrival) < (other.priority, other.arrival)


class RateLimiter:
    """Admits requests into their pools, by priority and then by arrival; a cancelled waiter leaves no trace.

    A waiter that needs much is not overtaken for ever by ones that need little: what it needs is set aside in each of
    its pools before those behind it are looked at. All methods belong to one event loop.
    """

    def __init__(
        self, pools: Iterable[RatePool], clock: Clock = SYSTEM_CLOCK, rng: random.Random | None = None
    ) -> None:
        self._accounts: dict[str, _Account] = {}
        self._clock = clock
        self._rng = rng or new_random()
        self._arrivals = count()
        self._waiters: list[_Waiter] = []
        self._timer: asyncio.TimerHandle | None = None
        for pool in pools:
            self.add(pool)

    def add(self, pool: RatePool) -> None:
        """Make a pool known, such as one of a single market; the same again changes nothing.

        Raises ``ValueError`` for the name of a pool with other figures.
        """
        account = self._accounts.setdefault(pool.name, _Account(pool))
        if account.pool != pool:
            raise ValueError(f"there is already another rate pool {pool.name!r}: {account.pool}")

    @property
    def pools(self) -> tuple[RatePool, ...]:
        """The pools, in the order in which they were made known."""
        return tuple(account.pool for account in self._accounts.values())

    @property
    def waiting(self) -> int:
        """How many requests wait for budget."""
        return len(self._waiters)

    def budget_left(self, pool: str) -> int:
        """The weight that could be sent at once; 0 while paused."""
        return max(0, self._account(pool).room(self._clock.monotonic_ns()))

    def paused_for(self, pool: str) -> float:
        """Seconds until the pool's pause ends, 0 when it is not paused."""
        return max(0, self._account(pool).paused_until - self._clock.monotonic_ns()) / NANOSECONDS

    async def acquire(self, costs: Mapping[str, int], priority: Priority = Priority.QUERY) -> None:
        """Wait until ``costs`` (pool name -> weight) fit, and count them from now on.

        Raises ``ValueError`` for an unknown pool and for a weight that could never fit.
        """
        waiter = await self._admit(costs, priority)
        self._settle(waiter)

    @asynccontextmanager
    async def slot(self, costs: Mapping[str, int], priority: Priority = Priority.QUERY) -> AsyncIterator[None]:
        """Like :meth:`acquire`, and count it as under way until the block ends: at the latest then it has arrived."""
        waiter = await self._admit(costs, priority)
        try:
            yield
        finally:
            self._settle(waiter)

    def feedback(self, pool: str, remaining: int, reset_after_s: float | None = None) -> None:
        """The exchange says that ``remaining`` is left of its window, which ends in ``reset_after_s`` seconds.

        Lowers what may be sent until then (a full window when it is not told, and at most that), or restores it when
        an earlier word was lower; our own count is kept all the same. What is under way may not be in the exchange's
        figure yet, so it is taken off.
        """
        account = self._account(pool)
        window = account.pool.window_s
        seconds = reset_after_s if reset_after_s is not None and 0 < reset_after_s < window else window
        account.allowance = max(0, min(remaining, account.pool.capacity)) - account.in_flight
        account.allowance_until = self._clock.monotonic_ns() + math.ceil(seconds * (1 + _DRIFT) * NANOSECONDS)
        self._advance()

    def pause(self, pool: str, seconds: float, reason: str) -> None:
        """Admit nothing into ``pool`` for ``seconds``, and up to 5 % longer, so that several processes spread out.

        A pause that lasts longer already is kept.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError(f"a pause lasts some seconds, not {seconds}")
        account = self._account(pool)
        spread = seconds * (1 + _PAUSE_SPREAD * self._rng.random())
        until = self._clock.monotonic_ns() + math.ceil(spread * NANOSECONDS)
        if until > account.paused_until:
            account.paused_until, account.reason = until, reason
        self._advance()

    def pause_reason(self, pool: str) -> str:
        """Why the pool is paused, empty when it is not."""
        account = self._account(pool)
        return account.reason if account.paused_until > self._clock.monotonic_ns() else ""

    def _account(self, pool: str) -> _Account:
        account = self._accounts.get(pool)
        if account is None:
            raise ValueError(f"unknown rate pool {pool!r}; there are: {', '.join(self._accounts) or 'none'}")
        return account

    def _checked(self, costs: Mapping[str, int], priority: Priority) -> dict[str, int]:
        for name, weight in costs.items():
            most = self._account(name).pool.open_to(priority)
            if not 0 <= weight <= most:
                raise ValueError(f"a weight of {weight} never fits into the rate pool {name!r}: 0 to {most} does")
        return {name: weight for name, weight in costs.items() if weight}

    async def _admit(self, costs: Mapping[str, int], priority: Priority) -> _Waiter:
        waiter = _Waiter(priority, next(self._arrivals), self._checked(costs, priority))
        insort(self._waiters, waiter)
        self._advance()
        if not waiter.waiting:
            return waiter
        waiter.admitted = asyncio.get_running_loop().create_future()
        try:
            await waiter.admitted
        except asyncio.CancelledError:
            self._waiters = [other for other in self._waiters if other is not waiter]
            if not waiter.admitted.cancelled():  # it had been let in, but will not send
                for name, weight in waiter.costs.items():
                    self._accounts[name].give_back(weight)
            self._advance()
            raise
        return waiter

    def _settle(self, waiter: _Waiter) -> None:
        now = self._clock.monotonic_ns()
        for name, weight in waiter.costs.items():
            self._accounts[name].settle(weight, now)
        self._advance()

    def _advance(self) -> None:
        """Admit whoever fits, then set the timer for the next moment at which somebody might."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._waiters:
            return
        now = self._clock.monotonic_ns()
        room: dict[str, int] = {}
        still: list[_Waiter] = []
        for waiter in self._waiters:
            if waiter.admitted is not None and waiter.admitted.cancelled():
                continue
            fits = True
            for name, weight in waiter.costs.items():
                account = self._accounts[name]
                if name not in room:
                    room[name] = account.room(now)
                room[name] -= weight
                fits = fits and room[name] >= account.pool.capacity - account.pool.open_to(waiter.priority)
            if fits:
                self._let_in(waiter)
            else:
                still.append(waiter)
        self._waiters = still
        self._set_timer(now)

    def _let_in(self, waiter: _Waiter) -> None:
        for name, weight in waiter.costs.items():
            self._accounts[name].take(weight)
        waiter.waiting = False
        if waiter.admitted is not None:
            waiter.admitted.set_result(None)

    def _set_timer(self, now: int) -> None:
        needed = {name for waiter in self._waiters for name in waiter.costs}
        moments = [at for name in needed if (at := self._accounts[name].next_change(now)) is not None]
        if moments:
            delay = max(_SHORTEST_TIMER_S, (min(moments) - now) / NANOSECONDS)
            self._timer = asyncio.get_running_loop().call_later(delay, self._advance)
