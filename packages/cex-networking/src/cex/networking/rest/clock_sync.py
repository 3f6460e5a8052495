"""When the exchange's clock is measured, so that no signature is refused for its time more often than it must be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from cex.common.clock import Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.correlation import correlation, new_correlation_id
from cex.common.exceptions import CexArbitrageException
from cex.common.redaction import redact
from cex.networking.rest.server_time import ServerTime

__all__ = ["ClockSync", "MeasureTime"]

logger = logging.getLogger(__name__)

MeasureTime = Callable[[], Awaitable[object]]
"""Asks the exchange for its time without a signature, and gives the answer to ``RestClient.server_time``."""

_AFTER_FAILURE_S = 5.0


class ClockSync:
    """Measures before the first signature, in the background when the last sample is old, and after a refusal.

    Everyone who needs a measurement waits for the same one. One that fails is logged: then the time that is known, or
    our own, has to do.
    """

    def __init__(
        self, server_time: ServerTime, measure: MeasureTime | None, *, max_age: float, clock: Clock, exchange: str
    ) -> None:
        self._server_time = server_time
        self._measure = measure
        self._max_age = max_age
        self._clock = clock
        self._exchange = exchange
        self._running: asyncio.Task[None] | None = None
        self._holding = False
        self._failed_ns: int | None = None

    async def ready(self) -> None:
        """Return when a signature may be made: at once, unless the time is not known yet or being put right."""
        if self._measure is None:
            return
        if self._running is not None and self._holding:
            await asyncio.wait({self._running})
            return
        age = self._server_time.age_s
        if age is not None and age <= self._max_age:
            return
        if (
            self._failed_ns is not None
            and self._clock.monotonic_ns() - self._failed_ns < _AFTER_FAILURE_S * NANOSECONDS
        ):
            return
        task = self._begin()
        if age is None:
            self._holding = True
            await asyncio.wait({task})

    async def refused(self, samples: int) -> bool:
        """A signature made when ``samples`` had been taken was refused: whether there is a better time now."""
        if self._measure is None:
            return False
        if self._server_time.samples == samples:
            task = self._begin()
            self._holding = True
            await asyncio.wait({task})
        return self._server_time.samples > samples

    async def aclose(self) -> None:
        self._measure = None
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})

    def _begin(self) -> asyncio.Task[None]:
        if self._running is None:
            self._holding = False
            task = self._running = asyncio.get_running_loop().create_task(
                self._measured(), name=f"cex-clock-{self._exchange}"
            )
            task.add_done_callback(self._ended)
        return self._running

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running = None
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("measuring the time of %s failed", self._exchange, exc_info=error)

    async def _measured(self) -> None:
        measure = self._measure
        if measure is None:
            return
        try:
            with correlation(new_correlation_id()):
                await measure()
            self._failed_ns = None
        except CexArbitrageException as error:
            self._failed_ns = self._clock.monotonic_ns()
            logger.warning(
                "the time of %s could not be measured: %s",
                self._exchange,
                redact(str(error)),
                extra={"exchange": self._exchange},
            )
