"""One application on one port, or on none: its listener, its door that can be shut, and its way in through memory."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from cex.sandbox.memory import MemoryTransport, connect_in_memory

__all__ = ["House", "authority", "is_loopback"]

_log = logging.getLogger(__name__)

_SHUTDOWN_SECONDS = 0.3


class House:
    """Serves ``application`` at ``host`` and ``port`` (0: a free one) once it is opened.

    What is no HTTP, a request line or header above 8190 bytes included, is answered with a plain 400 and the end of the
    connection, before any venue sees it; that is logged at DEBUG only.

    Without ``sockets`` it listens nowhere, and ``port`` is just how it is called in memory. :meth:`shut` turns new
    connections away, by not listening (``refuse``) or by a reset (``reset``), until :meth:`unlock`.
    """

    def __init__(self, application: web.Application, host: str, port: int, *, sockets: bool) -> None:
        self.host = host
        self.port = port
        self._sockets = sockets
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            logger=_http_log,
        )
        self._listener: asyncio.Server | None = None
        self._shut: str | None = None
        self._turning: asyncio.Task[None] | None = None

    @property
    def authority(self) -> str:
        """``host:port``, as in a URL."""
        return authority(self.host, self.port)

    async def open(self) -> None:
        """Begin to answer. Raises OSError when the port is taken."""
        await self._runner.setup()
        await self._listen()

    async def aclose(self) -> None:
        """Stop listening and end every connection."""
        if self._turning is not None:
            await asyncio.wait([self._turning])
        self._stop_listening()
        await self._runner.cleanup()

    def shut(self, how: str) -> None:
        """Turn new connections away, and cut those that are there."""
        self._shut = how
        if how == "refuse":
            self._stop_listening()
        server = self._runner.server
        for connection in server.connections if server is not None else ():
            transport = connection.transport
            if transport is not None:
                transport.abort()

    def unlock(self) -> None:
        """Let connections in again."""
        self._shut = None
        if self._listener is None and self._sockets and (self._turning is None or self._turning.done()):
            self._turning = asyncio.get_running_loop().create_task(self._listen_again(), name=f"listen-{self.port}")

    def connect(self, client: asyncio.Protocol) -> None:
        """Connect a client's protocol in memory. Raises OSError as a socket would."""
        server = self._runner.server
        if server is None or self._shut == "refuse":
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nothing listens at {self.authority}")
        if self._shut is not None:
            connect_in_memory(client, _Slam(), self.host, self.port)
        else:
            connect_in_memory(client, server(), self.host, self.port)

    async def _listen(self) -> None:
        if not self._sockets:
            return
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._protocol, self.host, self.port, reuse_address=True)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _listen_again(self) -> None:
        try:
            await self._listen()
        except OSError:
            _log.exception("somebody else took the port meanwhile", extra={"port": self.port})
        if self._shut == "refuse":
            self._stop_listening()

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _protocol(self) -> asyncio.BaseProtocol:
        server = self._runner.server
        return _Slam() if self._shut is not None or server is None else server()


class _ClientsFault(logging.Filter):
    """Keeps quiet what a client wrote wrongly or broke off: nothing has gone wrong here."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, (HttpProcessingError, web.RequestPayloadError, ConnectionResetError)):
            return True
        _log.debug("a request could not be read", extra={"error": str(error)})
        return False


_http_log = logging.getLogger(f"{__name__}.http")
_http_log.addFilter(_ClientsFault())


class _Slam(asyncio.Protocol):
    """Resets whoever connects."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, MemoryTransport):
            asyncio.get_running_loop().call_soon(transport.reset)
            return
        raw: socket.socket = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


def authority(host: str, port: int) -> str:
    """``host:port``, with brackets where the host is an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(request: web.Request) -> bool:
    """Whether a request comes from this machine."""
    remote = request.remote or ""
    return remote == "::1" or remote.startswith(("127.", "::ffff:127."))
