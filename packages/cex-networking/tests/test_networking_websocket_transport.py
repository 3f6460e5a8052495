"""The websocket client over real sockets: an aiohttp server, and bare TCP peers that misbehave."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from cex.common.exceptions import ExchangeConnectionException, ExchangeRejectedException
from cex.networking.websocket.client import WebSocketClient
from cex.networking.websocket.dialect import Acknowledged, Control, Outbound, Pong, Refused, Subscription
from cex.networking.websocket.events import Interrupted, Recovered, StreamEvent
from cex.networking.websocket.reconnect import ReconnectPolicy
from cex.networking.websocket.transport import AiohttpWebSocketTransport, Closed, ConnectFailed

Conversation = Callable[[web.WebSocketResponse, web.Request], Awaitable[None]]


def streams(count: int) -> list[Subscription]:
    return [Subscription(f"s{number}") for number in range(count)]


@dataclass
class Language:
    """One request a stream: ``sub s1``, answered by ``ok s1`` or ``no s1``."""

    url: str
    max_subscriptions: int | None = None
    ping_interval: float = 0.2
    silence_timeout: float = 0.4
    exchange: str = "venue"
    frames: int = 0

    def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> list[Outbound]:
        return [Outbound(f"sub {stream.channel}", (stream,)) for stream in subscriptions]

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> list[Outbound]:
        return [Outbound(f"unsub {stream.channel}", (stream,)) for stream in subscriptions]

    def ping(self) -> str:
        return "ping"

    def on_frame(self, data: bytes | str, received_ns: int) -> Control | None:
        if isinstance(data, bytes):
            self.frames += 1
            return None
        word, _, name = data.partition(" ")
        if word == "ok":
            return Acknowledged(subscriptions=(Subscription(name),))
        if word == "no":
            return Refused(subscriptions=(Subscription(name),), message="unknown")
        return Pong()


@dataclass
class Venue:
    """A server that answers every subscription, except as told."""

    url: str = ""
    refused: set[str] = field(default_factory=set)
    ignored_beyond: int = 1_000
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    conversation: Conversation | None = None

    async def serve(self, request: web.Request) -> web.StreamResponse:
        peer = web.WebSocketResponse(timeout=0.2)
        await peer.prepare(request)
        self.sockets.append(peer)
        self.requests.append(request)
        with contextlib.suppress(ConnectionError):
            await (self.conversation or self.answer)(peer, request)
        return peer

    async def answer(self, peer: web.WebSocketResponse, request: web.Request) -> None:
        carried = 0
        async for message in peer:
            self.heard.append(message.data)
            word, _, name = message.data.partition(" ")
            if word == "ping":
                await peer.send_str("pong")
            elif word == "sub" and name in self.refused:
                await peer.send_str(f"no {name}")
            elif word == "sub" and carried < self.ignored_beyond:
                carried += 1
                await peer.send_str(f"ok {name}")


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    venue = Venue()
    app = web.Application()
    app.router.add_get("/ws", venue.serve)
    app.router.add_get("/busy", busy)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    venue.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/ws"
    yield venue
    await runner.cleanup()


async def busy(request: web.Request) -> web.Response:
    return web.Response(status=429)


@pytest.fixture
async def bare_tcp() -> AsyncIterator[Callable[[Callable[..., Awaitable[None]]], Awaitable[str]]]:
    """Serve a coroutine on a bare TCP port; gives the websocket URL."""
    servers: list[asyncio.Server] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(peer: Callable[..., Awaitable[None]]) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                    await peer(reader, writer)
            finally:
                writer.transport.abort()

        servers.append(await asyncio.start_server(handle, "127.0.0.1", 0))
        return f"ws://127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}/ws"

    yield serve
    for server in servers:
        server.close()
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The server's half of the opening handshake, by hand (RFC 6455, 4.2.2)."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = next(line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    writer.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )


def text_frame(text: str) -> bytes:
    return struct.pack("!BB", 0x81, len(text)) + text.encode()


def client_of(
    url: str, events: list[StreamEvent] | None = None, cap: int | None = None, **options: Any
) -> WebSocketClient:
    options.setdefault("reconnect", ReconnectPolicy(first=0.01, most=0.05))
    options.setdefault("subscribe_timeout", 2.0)
    on_event = None if events is None else events.append
    return WebSocketClient(Language(url, max_subscriptions=cap), on_event=on_event, request_interval=0.0, **options)


async def until(condition: Callable[[], object], seconds: float = 5.0) -> float:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it did not happen in time"
        await asyncio.sleep(0.005)
    return time.monotonic() - started


def recovered(events: list[StreamEvent]) -> bool:
    return any(isinstance(event, Recovered) for event in events)


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011])
async def test_every_close_code_leads_to_recovery(venue: Venue, code: int) -> None:
    events: list[StreamEvent] = []
    async with client_of(venue.url, events) as client:
        await client.subscribe(streams(3))
        if code == 1006:
            transport = venue.requests[0].transport
            assert transport is not None
            transport.close()  # the connection ends without a close frame
        else:
            await venue.sockets[0].close(code=code, message=b"bye")
        await until(lambda: sum(len(e.subscriptions) for e in events if isinstance(e, Recovered)) == 3)
        lost = next(event for event in events if isinstance(event, Interrupted))
        assert lost.subscriptions == tuple(streams(3))
        assert str(code) in lost.reason


async def test_a_tcp_reset_leads_to_recovery(venue: Venue) -> None:
    events: list[StreamEvent] = []
    async with client_of(venue.url, events) as client:
        await client.subscribe(streams(1))
        transport = venue.requests[0].transport
        assert transport is not None
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await until(lambda: recovered(events))
        assert "1006" in next(event for event in events if isinstance(event, Interrupted)).reason


async def test_half_open_silence_is_found_within_two_heartbeats(venue: Venue) -> None:
    async def fall_silent(peer: web.WebSocketResponse, request: web.Request) -> None:
        await peer.send_str("ok " + (await peer.receive_str()).removeprefix("sub "))
        async for _ in peer:
            continue

    venue.conversation = fall_silent
    events: list[StreamEvent] = []
    async with client_of(venue.url, events) as client:
        await client.subscribe(streams(1))
        venue.conversation = None
        took = await until(lambda: any(isinstance(event, Interrupted) for event in events))
        assert 0.3 < took < 1.5  # to the tick in virtual time, in the client's own tests
        await until(lambda: recovered(events))


async def test_one_byte_a_second_is_silence_too(bare_tcp: Callable[..., Awaitable[str]]) -> None:
    connects = 0

    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connects
        connects += 1
        await upgrade(reader, writer)
        for byte in text_frame("x" * 100):
            writer.write(bytes((byte,)))
            await asyncio.sleep(0.1)

    events: list[StreamEvent] = []
    async with client_of(await bare_tcp(dribble), events, subscribe_timeout=1.2) as client:
        with pytest.raises(ExchangeConnectionException):
            await client.subscribe(streams(1))
    assert connects >= 2
    assert any("nothing heard" in event.reason for event in events if isinstance(event, Interrupted))


async def test_a_server_that_never_acknowledges(venue: Venue) -> None:
    venue.ignored_beyond = 0
    async with client_of(venue.url, subscribe_timeout=0.5) as client:
        with pytest.raises(
            ExchangeConnectionException, match=r"2 subscriptions not acknowledged: s0, s1 \(for 0.5 s\)"
        ):
            await client.subscribe(streams(2))


async def test_a_server_that_refuses_one_of_several(venue: Venue) -> None:
    venue.refused = {"s1"}
    async with client_of(venue.url) as client:
        with pytest.raises(ExchangeRejectedException, match="s1: unknown"):
            await client.subscribe(streams(3))
        assert client.health()[0].subscriptions == 2


async def test_a_server_that_drops_the_31st_subscription_silently(venue: Venue) -> None:
    venue.ignored_beyond = 30
    async with client_of(venue.url, subscribe_timeout=0.5) as client:
        with pytest.raises(ExchangeConnectionException, match="1 subscriptions not acknowledged: s30 "):
            await client.subscribe(streams(31))
        assert client.health()[0].subscriptions == 30
    async with client_of(venue.url, cap=30) as client:
        await client.subscribe(streams(31))
        assert [line.subscriptions for line in client.health()] == [30, 1]


async def test_a_flood_is_read_to_the_last_frame(venue: Venue) -> None:
    async def flood(peer: web.WebSocketResponse, request: web.Request) -> None:
        await peer.receive()
        await peer.send_str("ok s0")
        for _ in range(20_000):
            await peer.send_bytes(b"x" * 300)
        await venue.answer(peer, request)

    venue.conversation = flood
    language = Language(venue.url, ping_interval=5, silence_timeout=10)
    async with WebSocketClient(language) as client:
        await client.subscribe(streams(1))
        await until(lambda: language.frames == 20_000, 20)
        assert client.health()[0].messages == 20_001
        assert client.health()[0].bytes == 20_000 * 300 + len("ok s0")


async def test_pings_of_the_server_are_answered(venue: Venue) -> None:
    pongs: list[bytes] = []

    async def ping(peer: web.WebSocketResponse, request: web.Request) -> None:
        await peer.receive()
        await peer.send_str("ok s0")
        await peer.ping(b"are you there")
        pongs.append((await peer.receive()).data)
        await peer.receive()

    async def serve(request: web.Request) -> web.StreamResponse:
        peer = web.WebSocketResponse(autoping=False, timeout=0.2)
        await peer.prepare(request)
        await ping(peer, request)
        return peer

    app = web.Application()
    app.router.add_get("/ws", serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with client_of(f"ws://127.0.0.1:{runner.addresses[0][1]}/ws") as client:
            await client.subscribe(streams(1))
            await until(lambda: pongs == [b"are you there"])
    finally:
        await runner.cleanup()


async def test_we_offer_no_compression_and_send_our_headers(venue: Venue) -> None:
    async with client_of(venue.url, headers={"X-Gate-Size-Decimal": "1"}) as client:
        await client.subscribe(streams(1))
        assert "Sec-WebSocket-Extensions" not in venue.requests[0].headers
        assert venue.requests[0].headers["X-Gate-Size-Decimal"] == "1"


async def test_a_frame_over_the_limit_ends_the_connection(venue: Venue) -> None:
    async def shout(peer: web.WebSocketResponse, request: web.Request) -> None:
        await peer.receive()
        await peer.send_str("ok s0")
        await peer.send_bytes(bytes(2000))
        await peer.receive()

    venue.conversation = shout
    events: list[StreamEvent] = []
    async with client_of(venue.url, events, max_frame=1000) as client:
        await client.subscribe(streams(1))
        await until(lambda: any(isinstance(event, Interrupted) for event in events))
        assert "1009" in next(event for event in events if isinstance(event, Interrupted)).reason


async def test_a_refused_handshake_tells_its_status(venue: Venue) -> None:
    url = venue.url.removesuffix("/ws") + "/busy"
    with pytest.raises(ConnectFailed, match="HTTP 429") as caught:
        await AiohttpWebSocketTransport().connect(url, headers={}, timeout=1, max_size=1000)
    assert caught.value.status == 429


async def test_nobody_listening_and_nobody_answering_are_told() -> None:
    transport = AiohttpWebSocketTransport()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{unused.getsockname()[1]}/ws"
        with pytest.raises(ConnectFailed, match="ClientConnectorError"):
            await transport.connect(url, headers={}, timeout=1, max_size=1000)
        unused.listen()  # accepts, and says nothing
        with pytest.raises(ConnectFailed, match=r"no connection within 0\.1 s"):
            await transport.connect(url, headers={}, timeout=0.1, max_size=1000)


async def test_a_proxy_is_asked_for_the_way(venue: Venue, bare_tcp: Callable[..., Awaitable[str]]) -> None:
    asked: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n")).decode())
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    address = (await bare_tcp(proxy)).replace("ws://", "http://user:CANARY@").removesuffix("/ws")
    with pytest.raises(ConnectFailed) as caught:
        await AiohttpWebSocketTransport(proxy=address).connect(venue.url, headers={}, timeout=1, max_size=1000)
    assert asked
    assert venue.url.removeprefix("ws://").removesuffix("/ws") in asked[0]
    assert "CANARY" not in str(caught.value)


async def test_sending_on_a_connection_that_is_gone_says_so(venue: Venue) -> None:
    connection = await AiohttpWebSocketTransport().connect(venue.url, headers={}, timeout=1, max_size=1000)
    await venue.sockets[0].close(code=1001)
    with pytest.raises(Closed) as caught:
        await connection.receive()
    assert caught.value.code == 1001
    with pytest.raises(Closed):
        await connection.send("hello")
    await connection.aclose()
    await connection.aclose()


async def test_closing_takes_less_than_a_second_when_the_peer_never_answers(
    bare_tcp: Callable[..., Awaitable[str]],
) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        await reader.readexactly(1)
        writer.write(text_frame("ok s0"))
        await asyncio.sleep(30)

    client = client_of(await bare_tcp(deaf))
    await client.subscribe(streams(1))
    started = time.monotonic()
    await client.aclose()
    assert time.monotonic() - started < 1
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("cex")] == []


async def test_closing_takes_less_than_a_second_when_the_peer_reads_nothing(
    bare_tcp: Callable[..., Awaitable[str]],
) -> None:
    ended = asyncio.Event()

    async def clogged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await ended.wait()

    connection = await AiohttpWebSocketTransport().connect(
        await bare_tcp(clogged), headers={}, timeout=1, max_size=1000
    )
    sending = asyncio.create_task(connection.send("x" * 20_000_000))
    await asyncio.sleep(0.1)
    assert not sending.done()
    started = time.monotonic()
    sending.cancel()
    await asyncio.wait((sending,))
    await connection.aclose()
    assert time.monotonic() - started < 1
    ended.set()


async def test_a_connect_cancelled_at_any_point_leaves_nothing_open(venue: Venue) -> None:
    transport = AiohttpWebSocketTransport()
    before = len(asyncio.all_tasks())
    for steps in range(40):
        connecting = asyncio.create_task(transport.connect(venue.url, headers={}, timeout=1, max_size=1000))
        for _ in range(steps):
            await asyncio.sleep(0)
        connecting.cancel()
        await asyncio.wait((connecting,))
        if not connecting.cancelled():
            await connecting.result().aclose()
    await until(lambda: all(peer.closed for peer in venue.sockets))
    await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_nothing_is_left_open_after_many_cuts(venue: Venue) -> None:
    events: list[StreamEvent] = []
    async with client_of(venue.url, events) as client:
        await client.subscribe(streams(2))
        for number in range(20):
            await until(lambda: client.health()[0].subscriptions == 2)
            transport = venue.requests[-1].transport
            assert transport is not None
            transport.abort()
            await until(lambda number=number: len(venue.sockets) == number + 2)  # type: ignore[misc]
        await until(lambda: client.health()[0].subscriptions == 2)
    tasks = {task.get_name() for task in asyncio.all_tasks()}
    assert not [name for name in tasks if name.startswith("cex")]
    assert len(events) == 1 + 3 * 20 + 20  # Connected; Interrupted, Connected and two times Recovered for each cut


async def test_what_opens_connections_can_be_replaced(venue: Venue) -> None:
    made: list[aiohttp.BaseConnector] = []

    def connector() -> aiohttp.BaseConnector:
        made.append(aiohttp.TCPConnector())
        return made[-1]

    transport = AiohttpWebSocketTransport(connector=connector)
    for _ in range(2):
        connection = await transport.connect(venue.url, headers={}, timeout=5.0, max_size=1000)
        await connection.aclose()
    assert [one.closed for one in made] == [True, True], "each connection has its own"
