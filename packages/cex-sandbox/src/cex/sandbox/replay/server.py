"""One exchange of a recording on a port of its own: REST from the shelf, WebSocket sessions fed by the player."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from cex.common.clock import Clock
from cex.sandbox.replay.recording import FrameStep, Resource, VenuePart
from cex.sandbox.replay.shelf import Shelf
from cex.sandbox.replay.venues import Stream, StreamKind, Traded

__all__ = ["VenueServer"]

_log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_STUCK_S = 30.0
_PONG_S = 10.0
_SHUTDOWN_S = 0.5
_PINGS_AFTER_ANSWER = 8
_MAX_REQUEST_BYTES = 1 << 20


class VenueServer:
    """Serves one exchange on the loopback interface. ``address`` is ``host:port`` once started.

    A client that takes nothing for ``stuck_after`` seconds is let go, so that it cannot hold up the play for the
    others; one that answers no ping within ``pong_within`` seconds is not waited for.
    """

    def __init__(
        self, part: VenuePart, clock: Clock, *, stuck_after: float = _STUCK_S, pong_within: float = _PONG_S
    ) -> None:
        self.part = part
        self.shelf = Shelf(part)
        self.address = ""
        self.unknown: list[str] = []
        """Requests that the recording holds no answer to, in the order in which they came."""
        self._clock = clock
        self._stuck_after = stuck_after
        self._pong_within = pong_within
        self._sessions: list[_Session] = []
        self._changed = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(
            app, handle_signals=False, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_S
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, _HOST, 0).start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"{host}:{port}"

    async def aclose(self) -> None:
        """Say goodbye to every session and stop listening."""
        self.shelf.close()
        await asyncio.gather(*(session.leave(WSCloseCode.GOING_AWAY) for session in list(self._sessions)))
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def endpoints(self) -> dict[str, str]:
        """URLs by endpoint name, as the exchange's client is configured."""
        return self.part.endpoints(self.address)

    def listens(self, kind: StreamKind, traded: Traded) -> bool:
        """Whether somebody subscribed a stream of this kind of this pair or contract."""
        return any(stream[:2] == (kind, traded) for session in self._sessions for stream in session.subscribed)

    async def next_change(self) -> None:
        """Wait until somebody subscribes, unsubscribes, comes or goes."""
        self._changed.clear()
        await self._changed.wait()

    async def send(self, step: FrameStep) -> bool:
        """Send a frame to whom it concerns; False when it concerns nobody."""
        heard = False
        for session in list(self._sessions):
            if not step.streams or not session.subscribed.isdisjoint(step.streams):
                heard = True
                await session.send(step.data)
        return heard

    async def settle(self) -> None:
        """Return when every client has read all that was sent to it; frames keep their order, so its pong proves it."""
        await asyncio.gather(*(session.settle() for session in list(self._sessions) if session.unproven))

    async def release(self, resource: Resource) -> None:
        """Make the next answer of ``resource`` available, and let who waited for it put it to use."""
        symbols = {value for _, value in resource.query}
        wanted = self.part.venue.is_book(resource.path) and any(
            stream.kind is StreamKind.BOOK and stream.traded.name in symbols
            for session in self._sessions
            for stream in session.subscribed
        )
        if await self.shelf.release(resource, wanted=wanted):
            # The answer travels on a connection of its own, where no pong tells that it was read.
            for _ in range(_PINGS_AFTER_ANSWER):
                await asyncio.gather(*(session.settle() for session in list(self._sessions)))

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=_MAX_REQUEST_BYTES)
        if socket.can_prepare(request):
            return await self._converse(request, socket)
        resource = Resource.of(request.method, request.rel_url.raw_path, request.rel_url.raw_query_string)
        answer = await self.shelf.answer(resource)
        if answer is None:
            return self._not_recorded(resource)
        return web.Response(status=answer.status, body=answer.body, content_type="application/json")

    def _not_recorded(self, resource: Resource) -> web.Response:
        others = ", ".join(str(other) for other in self.shelf.nearest(resource))
        message = f"the recording holds no answer to {resource}" + (f"; it holds {others}" if others else "")
        self.unknown.append(str(resource))
        _log.warning("request without a recorded answer", extra={"resource": str(resource), "recorded": others})
        # Both exchanges' spellings of an error at once: a label of Gate.io, a code of MEXC.
        body = msgspec.json.encode({"label": "NOT_RECORDED", "message": message, "code": 404, "msg": message})
        return web.Response(status=404, body=body, content_type="application/json")

    async def _converse(self, request: web.Request, socket: web.WebSocketResponse) -> web.StreamResponse:
        await socket.prepare(request)
        session = _Session(socket, request.transport, self._stuck_after, self._pong_within)
        self._sessions.append(session)
        self._changed.set()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    now_ns = self._clock.time_ns()
                    for reply in self.part.venue.reply(message.data, session.subscribed, self.part.offer, now_ns):
                        await session.send(reply)
                    self._changed.set()
                elif message.type is WSMsgType.PING:
                    with suppress(ConnectionError):
                        await socket.pong(message.data)
                elif message.type is WSMsgType.PONG:
                    session.heard(bytes(message.data))
        finally:
            self._sessions.remove(session)
            session.gone()
            self._changed.set()
        return socket


class _Session:
    """One client's socket and what it has subscribed."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        stuck_after: float,
        pong_within: float,
    ) -> None:
        self.subscribed: set[Stream] = set()
        self._socket = socket
        self._transport = transport
        self._stuck_after = stuck_after
        self._pong_within = pong_within
        self.unproven = False
        self._pings = 0
        self._pong: asyncio.Future[None] | None = None

    async def send(self, data: str | bytes) -> None:
        self.unproven = True
        try:
            async with asyncio.timeout(self._stuck_after):
                if isinstance(data, str):
                    await self._socket.send_str(data)
                else:
                    await self._socket.send_bytes(data)
        except TimeoutError:
            _log.warning("a client takes nothing any more: letting it go", extra={"seconds": self._stuck_after})
            await self.leave(WSCloseCode.POLICY_VIOLATION)
        except (ConnectionError, RuntimeError) as error:
            # aiohttp says RuntimeError where its side of the socket is already closing.
            _log.info("a client left during the play", extra={"error": str(error)})

    async def settle(self) -> None:
        if self._socket.closed:
            return
        self._pings += 1
        self._pong = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._pong_within):
                await self._socket.ping(b"%d" % self._pings)
                await self._pong
        except TimeoutError:
            _log.warning("a client answers no ping; going on without it", extra={"seconds": self._pong_within})
        except (ConnectionError, RuntimeError) as error:
            _log.info("a client left during the play", extra={"error": str(error)})
        finally:
            self._pong = None
        self.unproven = False

    def heard(self, pong: bytes) -> None:
        if self._pong is not None and not self._pong.done() and pong == b"%d" % self._pings:
            self._pong.set_result(None)

    def gone(self) -> None:
        if self._pong is not None and not self._pong.done():
            self._pong.set_result(None)

    async def leave(self, code: int) -> None:
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._transport.abort()  # it takes nothing, so it would take no goodbye either
            return
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(_SHUTDOWN_S):
                await self._socket.close(code=code)
