"""Background tasks with an owner: nobody loses one, every failure is logged, and closing leaves none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

__all__ = ["OwnedTasks"]

logger = logging.getLogger(__name__)


class OwnedTasks:
    """Tasks that somebody started and will see to their end.

    After :meth:`aclose` with ``for_good``, what is still spawned is cancelled before it begins.
    """

    __slots__ = ("_running", "is_closed")

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self.is_closed = False

    def __len__(self) -> int:
        return len(self._running)

    def spawn(self, work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        if self.is_closed:
            task.cancel()
        return task

    async def aclose(self, *, for_good: bool = False) -> None:
        """Cancel all and wait until all have ended; may be called again, also after having been cancelled itself."""
        self.is_closed = self.is_closed or for_good
        for task in self._running:
            task.cancel()
        while running := self._running - {asyncio.current_task()}:
            await asyncio.wait(running)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("background task failed", exc_info=error, extra={"task": task.get_name()})
