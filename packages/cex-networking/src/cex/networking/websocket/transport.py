"""The seam between the websocket client and real sockets, and aiohttp behind it; tests put memory behind it instead."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from typing import Protocol

import aiohttp

from cex.common.constants.network_constants import CLOSE_TIMEOUT_S
from cex.common.redaction import redact

__all__ = ["AiohttpWebSocketTransport", "Closed", "ConnectFailed", "WebSocketConnection", "WebSocketTransport"]

_log = logging.getLogger(__name__)

_CLOSING_HANDSHAKE_S = CLOSE_TIMEOUT_S / 2
_ABNORMAL = 1006


class ConnectFailed(Exception):
    """No connection came about; ``status`` is the HTTP status where the handshake itself was refused."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(redact(reason))
        self.reason = redact(reason)
        self.status = status


class Closed(Exception):
    """The connection is gone; ``code`` is the close code, 1006 where it broke without one."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.code} {self.reason}".rstrip()


class WebSocketConnection(Protocol):
    """One open websocket; pings of the server are answered below this seam."""

    async def send(self, data: str) -> None:
        """Send a text frame; returns when there is room for more. Raises Closed."""
        ...

    async def receive(self) -> bytes | str:
        """The next whole data frame: ``str`` for text, ``bytes`` for binary. Raises Closed."""
        ...

    async def aclose(self, code: int = 1000) -> None:
        """Close and release the socket within a second whatever the peer does; may be called again. Never raises."""
        ...


class WebSocketTransport(Protocol):
    async def connect(
        self, url: str, *, headers: Mapping[str, str], timeout: float, max_size: int
    ) -> WebSocketConnection:
        """Open a connection within ``timeout`` seconds; frames over ``max_size`` bytes end it. Raises ConnectFailed."""
        ...


class AiohttpWebSocketTransport:
    """Websockets of aiohttp: no compression, no pings of its own (the exchange's heartbeat is the client's business).

    ``proxy`` is the URL of an HTTP proxy. Each connection has its own session, so closing it releases everything.
    ``connector`` makes what opens a connection, in place of TCP: for instance one that stays in memory.
    """

    def __init__(
        self, proxy: str | None = None, *, connector: Callable[[], aiohttp.BaseConnector] | None = None
    ) -> None:
        self._proxy = proxy
        self._connector = connector

    async def connect(
        self, url: str, *, headers: Mapping[str, str], timeout: float, max_size: int
    ) -> WebSocketConnection:
        connector = None if self._connector is None else self._connector()
        session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
        try:
            async with asyncio.timeout(timeout):
                response = await session.ws_connect(
                    url,
                    headers=headers,
                    proxy=self._proxy,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSING_HANDSHAKE_S),
                    max_msg_size=max_size,
                    heartbeat=None,
                    autoping=True,
                    compress=0,
                )
        except BaseException as error:
            await session.close()
            if isinstance(error, TimeoutError):
                raise ConnectFailed(f"no connection within {timeout:g} s") from error
            if isinstance(error, aiohttp.WSServerHandshakeError):
                raise ConnectFailed(f"HTTP {error.status} instead of a websocket", error.status) from error
            if isinstance(error, (aiohttp.ClientError, OSError)):
                raise ConnectFailed(f"{type(error).__name__}: {error}") from error
            raise
        return _AiohttpConnection(session, response)


class _AiohttpConnection:
    def __init__(self, session: aiohttp.ClientSession, response: aiohttp.ClientWebSocketResponse) -> None:
        self._session = session
        self._response = response
        self._socket: socket.socket | None = response.get_extra_info("socket")
        self._next = response.receive

    async def send(self, data: str) -> None:
        try:
            await self._response.send_str(data)
        except (aiohttp.ClientError, OSError) as error:
            raise Closed(self._response.close_code or _ABNORMAL, str(error)) from error

    async def receive(self) -> bytes | str:
        message = await self._next()
        if message.type is aiohttp.WSMsgType.TEXT or message.type is aiohttp.WSMsgType.BINARY:
            data: bytes | str = message.data
            return data
        if message.type is aiohttp.WSMsgType.CLOSE:
            raise Closed(message.data, message.extra or "")
        error = message.data if message.type is aiohttp.WSMsgType.ERROR else self._response.exception()
        raise Closed(self._response.close_code or _ABNORMAL, "" if error is None else str(error))

    async def aclose(self, code: int = 1000) -> None:
        try:
            async with asyncio.timeout(_CLOSING_HANDSHAKE_S):
                await self._response.close(code=code)
        except TimeoutError:
            _log.debug("the peer took no close frame within %g s", _CLOSING_HANDSHAKE_S)
        finally:
            self._shut()
            await self._session.close()

    def _shut(self) -> None:
        """End the TCP connection now: a peer that reads nothing would keep it open, waiting for our last bytes."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it is disconnected already
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket = None
