"""Connections without sockets: an unmodified aiohttp client and the sandbox's servers in one process and loop.

What one side writes, the other side's protocol receives in a later turn of the loop, in order, with flow control; so a
loop whose time jumps (``cex.sandbox.virtual``) can run both.
"""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import aiohttp

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.tracing import Trace

__all__ = ["MemoryConnector", "MemoryTransport", "connect_in_memory"]

_HIGH_WATER = 64 * 1024

Opener = Callable[[str, int, asyncio.Protocol], None]
"""Connects a client's protocol to what listens at a host and port; raises OSError where nothing does."""


class MemoryTransport(asyncio.Transport):
    """One end of a connection in memory. ``extra`` has ``peername`` and ``sockname``; there is no ``socket``."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol, extra: dict[str, Any]) -> None:
        super().__init__({**extra, "reset": self.reset})
        self._loop = loop
        self._protocol = protocol
        self._peer: MemoryTransport = self
        self._inbox: deque[bytes] = deque()
        self._is_reading = True
        self._is_delivering = False
        self._is_closing = False
        self._is_lost = False
        self._peer_has_ended = False
        self._on_the_way = 0
        self._is_paused = False
        self._high, self._low = _HIGH_WATER, _HIGH_WATER // 4

    def meet(self, peer: MemoryTransport) -> None:
        """Be the other end of ``peer``."""
        self._peer = peer

    # --- writing -----------------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Hand bytes to the other end; what comes after the end of the connection is lost."""
        if self._is_closing or not data:
            return
        self._on_the_way += len(data)
        self._peer.take(bytes(data))
        if self._on_the_way > self._high and not self._is_paused:
            self._is_paused = True
            self._protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        """Bytes that the other end has not read yet."""
        return self._on_the_way

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Low and high water."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When writing is paused, and when it goes on."""
        self._high = _HIGH_WATER if high is None else high
        self._low = self._high // 4 if low is None else low

    def can_write_eof(self) -> bool:
        """A connection ends in both directions at once here."""
        return False

    def delivered(self, size: int) -> None:
        """The other end has read."""
        self._on_the_way -= size
        if self._is_paused and self._on_the_way <= self._low and not self._is_lost:
            self._is_paused = False
            self._protocol.resume_writing()

    # --- reading -----------------------------------------------------------------------------------------------------

    def take(self, data: bytes) -> None:
        """Bytes of the other end; the protocol gets them in a later turn."""
        self._inbox.append(data)
        self._deliver_soon()

    def is_reading(self) -> bool:
        return self._is_reading and not self._is_closing

    def pause_reading(self) -> None:
        self._is_reading = False

    def resume_reading(self) -> None:
        self._is_reading = True
        self._deliver_soon()

    def _deliver_soon(self) -> None:
        if not self._is_delivering:
            self._is_delivering = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._is_delivering = False
        while self._inbox and self._is_reading and not self._is_closing:
            data = self._inbox.popleft()
            self._protocol.data_received(data)
            self._peer.delivered(len(data))
        if self._peer_has_ended and not self._inbox and self._is_reading and not self._is_closing:
            self._protocol.eof_received()
            self.close()

    # --- ends --------------------------------------------------------------------------------------------------------

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        """End it; the other end reads first what is on the way."""
        self._end(None)

    def abort(self) -> None:
        """End it now; seen by the other end as a connection that was closed."""
        self._peer.lose_what_waits()
        self._end(None)

    def reset(self) -> None:
        """End it now, as a TCP reset does: the other end's reads fail."""
        self._peer.break_off(ConnectionResetError("connection reset by peer"))
        self._end(None)

    def lose_what_waits(self) -> None:
        """What has not been read is lost."""
        lost = sum(map(len, self._inbox))
        self._inbox.clear()
        self._peer.delivered(lost)

    def break_off(self, error: Exception) -> None:
        """The other end is gone at once."""
        self._inbox.clear()
        self._end(error)

    def ended_by_peer(self) -> None:
        """The other end has written its last."""
        self._peer_has_ended = True
        self._deliver_soon()

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast("asyncio.Protocol", protocol)

    def _end(self, error: Exception | None) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._peer.ended_by_peer()
            self._loop.call_soon(self._lose, error)

    def _lose(self, error: Exception | None) -> None:
        self._is_lost = True
        self._protocol.connection_lost(error)


def connect_in_memory(client: asyncio.Protocol, server: asyncio.Protocol, host: str, port: int) -> None:
    """Connect two protocols; each has its transport on return. ``host`` and ``port`` are what the server is called."""
    loop = asyncio.get_running_loop()
    here, there = ("127.0.0.1", 0), (host, port)
    one = MemoryTransport(loop, client, {"peername": there, "sockname": here})
    other = MemoryTransport(loop, server, {"peername": here, "sockname": there})
    one.meet(other)
    other.meet(one)
    server.connection_made(other)
    client.connection_made(one)


class MemoryConnector(aiohttp.BaseConnector):
    """For ``aiohttp.ClientSession(connector=...)``: connects to what listens in memory, and to nothing else.

    A place where nothing listens refuses, as :class:`aiohttp.ClientConnectorError`. TLS is not spoken.
    """

    def __init__(self, opener: Opener) -> None:
        super().__init__(limit=0)
        self._open_in_memory = opener

    async def _create_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        protocol = self._factory()
        try:
            if req.is_ssl():
                raise ConnectionRefusedError(
                    errno.ECONNREFUSED, f"no TLS in memory: use http and ws for {req.url.host}"
                )
            self._open_in_memory(req.url.host or "", req.url.port or 80, protocol)
        except OSError as error:
            raise aiohttp.ClientConnectorError(req.connection_key, error) from error
        return protocol
