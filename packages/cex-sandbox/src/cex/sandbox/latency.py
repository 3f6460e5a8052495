"""How long the way is: to a venue and back for requests, from it for pushes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

__all__ = ["Latency", "delayed"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Seconds. A request takes half of ``rest`` to come and half to go back; a push takes ``push``.

    Each time something between 0 and the jitter is added. Pushes keep their order.

    Raises:
        ValueError: a negative time.
    """

    rest: float = 0.0
    rest_jitter: float = 0.0
    push: float = 0.0
    push_jitter: float = 0.0

    def __post_init__(self) -> None:
        if min(self.rest, self.rest_jitter, self.push, self.push_jitter) < 0:
            raise ValueError(f"a latency is not negative: {self}")

    def of_pushes(self, rng: random.Random) -> Callable[[], float] | None:
        """How late each push is; None when none is."""
        if not self.push and not self.push_jitter:
            return None
        return lambda: self.push + self.push_jitter * rng.random()


def delayed(latency: Latency, rng: random.Random) -> Any:
    """A middleware that lets a request and its answer take their time."""

    @web.middleware
    async def take_time(request: web.Request, handler: Handler) -> web.StreamResponse:
        half = latency.rest / 2
        await asyncio.sleep(half + latency.rest_jitter * rng.random())
        answer = await handler(request)
        if half and "Upgrade" not in request.headers:
            await asyncio.sleep(half)
        return answer

    return take_time
