"""Who needs which stream: it is opened for the first and closed after the last, whatever is cancelled in between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from cex.common.exceptions import ExchangeException
from cex.exchanges.base.interfaces import Stream
from cex.exchanges.base.tasks import OwnedTasks

__all__ = ["Leases"]

logger = logging.getLogger(__name__)


class _Lease:
    __slots__ = ("holders", "is_open", "lock", "touched")

    def __init__(self) -> None:
        self.holders = 0
        self.lock = asyncio.Lock()
        self.is_open = False
        self.touched = False  # opening was begun, so the exchange may know of it even if it failed or was cancelled


class Leases:
    """Counts the holders of every stream.

    ``open_stream`` is awaited for the first holder, ``close_stream`` after the last has left; both never at the same
    time for the same stream. Leaving does not wait: the closing runs in a task of ``tasks``.
    """

    def __init__(
        self,
        *,
        open_stream: Callable[[Stream], Awaitable[None]],
        close_stream: Callable[[Stream], Awaitable[None]],
        tasks: OwnedTasks,
    ) -> None:
        self._open = open_stream
        self._close = close_stream
        self._tasks = tasks
        self._leases: dict[Stream, _Lease] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._leases)

    async def acquire(self, stream: Stream) -> None:
        """Hold the stream; returns when it is open. What opening raises is raised, and then it is not held."""
        lease = self._leases.setdefault(stream, _Lease())
        lease.holders += 1
        try:
            async with lease.lock:
                if not lease.is_open:
                    lease.touched = True
                    await self._open(stream)
                    lease.is_open = True
        except BaseException:
            self.release(stream)
            raise

    def release(self, stream: Stream) -> asyncio.Task[None] | None:
        """Let go of what :meth:`acquire` gave; the task that closes the stream, where this was the last holder."""
        lease = self._leases[stream]
        lease.holders -= 1
        if lease.holders or self._closed:
            return None
        return self._tasks.spawn(self._end(stream, lease), name=f"close {stream.channel} {stream.symbol}")

    def close(self) -> None:
        """From now on nothing is closed stream by stream: the connections end as a whole."""
        self._closed = True

    async def _end(self, stream: Stream, lease: _Lease) -> None:
        async with lease.lock:
            if lease.holders == 0 and lease.touched:
                lease.is_open = lease.touched = False
                try:
                    await self._close(stream)
                except ExchangeException as error:
                    logger.warning(
                        "could not unsubscribe: %s",
                        error,
                        extra={
                            "channel": str(stream.channel),
                            "symbol": str(stream.symbol),
                            "detail": stream.detail,
                        },
                    )
            if lease.holders == 0 and self._leases.get(stream) is lease:
                del self._leases[stream]
