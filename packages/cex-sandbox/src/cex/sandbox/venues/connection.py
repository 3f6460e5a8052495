"""One client's WebSocket on the server: ordered output with a bound, and every way in which a venue ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections import deque
from collections.abc import Callable

from aiohttp import WSMsgType, web

from cex.common.clock import Clock
from cex.common.correlation import new_correlation_id

__all__ = ["Connection", "Frame", "attend"]

Frame = bytes | str

_log = logging.getLogger(__name__)

_MOST_WAITING = 20_000
_CLOSE_SECONDS = 0.5
_LARGEST_REQUEST = 1 << 20


class Connection:
    """What a venue knows of one client.

    Monotonic times: ``heard_ns`` of the last client message, ``pushed_ns`` of the last push, ``idle_since_ns`` of the
    moment from which nothing has been subscribed. Frames go out in the order of :meth:`push`; a client that lets 20,000
    of them wait is hung up on.
    """

    def __init__(self, websocket: web.WebSocketResponse, transport: asyncio.Transport, clock: Clock) -> None:
        self.id = new_correlation_id()
        self.opened_ns = self.heard_ns = self.pushed_ns = self.idle_since_ns = clock.monotonic_ns()
        self._websocket = websocket
        self._transport = transport
        self._clock = clock
        self._waiting: deque[Frame] = deque()
        self._wake = asyncio.Event()
        self._close_code: int | None = None

    def __repr__(self) -> str:
        return f"Connection({self.id})"

    def push(self, frame: Frame) -> None:
        """Send ``frame`` as soon as those before it have gone."""
        if len(self._waiting) >= _MOST_WAITING:
            _log.warning("hanging up on a client that does not read", extra={"connection": self.id})
            self.hang_up()
            return
        self._waiting.append(frame)
        self.pushed_ns = self._clock.monotonic_ns()
        self._wake.set()

    def unsubscribed(self) -> None:
        """Nothing is subscribed any more."""
        self.idle_since_ns = self._clock.monotonic_ns()

    def close(self, code: int) -> None:
        """End with a close frame, after what is still waiting."""
        self._close_code = code
        self._wake.set()

    def hang_up(self) -> None:
        """End the TCP connection without a close frame (seen as 1006), also when the client has stopped reading."""
        self._waiting.clear()
        self._transport.abort()

    def reset(self) -> None:
        """End with a TCP reset: the client's read fails, whatever was on the way is lost."""
        self._transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.hang_up()

    async def send_waiting(self) -> None:
        """Send until the connection ends."""
        with contextlib.suppress(ConnectionResetError):
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    frame = self._waiting.popleft()
                    if isinstance(frame, bytes):
                        await self._websocket.send_bytes(frame)
                    else:
                        await self._websocket.send_str(frame)
                if self._close_code is not None:
                    await self._websocket.close(code=self._close_code)
                    return


async def attend(
    request: web.Request,
    *,
    clock: Clock,
    joined: Callable[[Connection], None],
    left: Callable[[Connection], None],
    on_text: Callable[[Connection, str], None],
    answer_pings: bool,
) -> web.WebSocketResponse:
    """Serve one WebSocket until either side ends it. Pings of RFC 6455 are answered only when told to."""
    websocket = web.WebSocketResponse(
        timeout=_CLOSE_SECONDS, autoping=False, compress=False, max_msg_size=_LARGEST_REQUEST
    )
    await websocket.prepare(request)
    if request.transport is None:
        raise ConnectionResetError("the client left during the handshake")
    connection = Connection(websocket, request.transport, clock)
    sender = asyncio.create_task(connection.send_waiting(), name=f"sender-{connection.id}")
    joined(connection)
    try:
        async for message in websocket:
            if message.type is WSMsgType.TEXT:
                connection.heard_ns = clock.monotonic_ns()
                on_text(connection, message.data)
            elif message.type is WSMsgType.PING and answer_pings:
                connection.heard_ns = clock.monotonic_ns()
                with contextlib.suppress(ConnectionResetError):
                    await websocket.pong(message.data)
    finally:
        left(connection)
        sender.cancel()
        await asyncio.wait([sender])
        if not sender.cancelled() and (error := sender.exception()) is not None:
            _log.error("sending failed", exc_info=error, extra={"connection": connection.id})
    return websocket
