"""One client's WebSocket on the server: ordered output with a bound, and every way in which a venue ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable

from aiohttp import WSMsgType, web

from cex.common.clock import Clock
from cex.common.correlation import new_correlation_id
from cex.sandbox.venues.frames import PONG, Frame, close_frame, control_frame, encoded
from cex.sandbox.venues.pipe import Pipe

__all__ = ["Connection", "Frame", "attend"]

_log = logging.getLogger(__name__)

_MOST_WAITING = 20_000
_MOST_BYTES = 32 * 1024 * 1024
_CLOSE_SECONDS = 0.5
_LARGEST_REQUEST = 1 << 20


class Connection:
    """What a venue knows of one client.

    Monotonic times: ``heard_ns`` of the last client message, ``pushed_ns`` of the last push, ``idle_since_ns`` of the
    moment from which nothing has been subscribed. Frames go out in the order of :meth:`push`; a client that lets 20,000
    of them or 32 MiB wait is hung up on. ``latency`` gives how late a frame is sent, in seconds.
    """

    def __init__(self, transport: asyncio.Transport, clock: Clock) -> None:
        self.id = new_correlation_id()
        self.path = ""
        self.opened_ns = self.heard_ns = self.pushed_ns = self.idle_since_ns = clock.monotonic_ns()
        self.latency: Callable[[], float] | None = None
        self._transport = transport
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []
        self._pipe = Pipe(self._write, self._loop)
        self._is_ending = False
        self._is_silent = False
        self._timers: list[asyncio.TimerHandle] = []

    def __repr__(self) -> str:
        return f"Connection({self.id})"

    # --- output ------------------------------------------------------------------------------------------------------

    def push(self, frame: Frame) -> None:
        """Send ``frame`` as soon as those before it have gone."""
        self.send(encoded(frame))

    def send(self, data: bytes, delay: float = 0.0) -> None:
        """Send the bytes of a frame (see ``venues.frames``), ``delay`` seconds late and all that follows with it."""
        if self._is_ending:
            return
        if len(self._waiting) + len(self._pipe) >= _MOST_WAITING:
            _log.warning("hanging up on a client that does not read", extra={"connection": self.id})
            self.hang_up()
            return
        self.pushed_ns = self._clock.monotonic_ns()
        if self.latency is not None:
            delay += self.latency()
        if delay or not self._pipe.is_idle:
            self._pipe.put(data, delay)
        else:
            self._write(data)

    def unsubscribed(self) -> None:
        """Nothing is subscribed any more."""
        self.idle_since_ns = self._clock.monotonic_ns()

    def _write(self, data: bytes) -> None:
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting or self._is_silent or self._transport.is_closing():
            return
        self._transport.writelines(waiting)
        if self._transport.get_write_buffer_size() > _MOST_BYTES:
            _log.warning("hanging up on a client that does not read", extra={"connection": self.id})
            self.hang_up()

    # --- ends --------------------------------------------------------------------------------------------------------

    def close(self, code: int, reason: str = "") -> None:
        """End with a close frame, after what is still waiting. The client has half a second to agree."""
        if self._is_ending:
            return
        self.send(close_frame(code, reason))
        self._is_ending = True
        self.later(_CLOSE_SECONDS, self.hang_up)

    def hang_up(self) -> None:
        """End the TCP connection without a close frame (seen as 1006), also when the client has stopped reading."""
        self._is_ending = True
        self._waiting.clear()
        self._pipe.clear()
        self._transport.abort()

    def reset(self) -> None:
        """End with a TCP reset: the client's read fails, whatever was on the way is lost."""
        raw = self._transport.get_extra_info("socket")
        in_memory: Callable[[], None] | None = self._transport.get_extra_info("reset")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif in_memory is not None:
            in_memory()
        self.hang_up()

    # --- trouble -----------------------------------------------------------------------------------------------------

    def silence(self, seconds: float) -> None:
        """Be half-open: take and send nothing, not even the answer to a goodbye; after ``seconds`` hang up."""
        if not self._is_silent:
            self._is_silent = True
            with contextlib.suppress(RuntimeError):  # it is closing already
                self._transport.pause_reading()
            self.later(seconds, self.hang_up)

    def trickle(self, rate: float | None) -> None:
        """Send only ``rate`` bytes a second from now on; None: as fast as it goes again."""
        self._pipe.trickle(rate)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something to this connection in ``seconds``, unless it is gone by then."""
        self._timers = [timer for timer in self._timers if timer.when() > self._loop.time() and not timer.cancelled()]
        self._timers.append(self._loop.call_later(seconds, act))

    def ended(self) -> None:
        """It is gone: nothing is to be done any more."""
        self._is_ending = True
        self._waiting.clear()
        self._pipe.clear()
        for timer in self._timers:
            timer.cancel()

    @property
    def is_ending(self) -> bool:
        """Whether nothing more can be said to the client."""
        return self._is_ending


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
    connection = Connection(request.transport, clock)
    connection.path = request.path
    joined(connection)
    try:
        async for message in websocket:
            if message.type is WSMsgType.TEXT:
                connection.heard_ns = clock.monotonic_ns()
                on_text(connection, message.data)
            elif message.type is WSMsgType.PING and answer_pings:
                connection.heard_ns = clock.monotonic_ns()
                connection.send(control_frame(PONG, message.data))
    finally:
        left(connection)
        connection.ended()
    return websocket
