from __future__ import annotations

import asyncio
import base64
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from cex.common.exceptions import ConfigurationException
from cex.networking.failures import AnswerTooLarge, NotSent
from cex.networking.requests import Timeouts
from cex.networking.rest.transport import AiohttpTransport, HttpAnswer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RawHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SHORT = Timeouts(connect=0.3, read=0.3, total=1.0)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    runner = web.AppRunner(web.Application(), access_log=None)
    runner.app.router.add_route("*", "/{tail:.*}", handler)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw(handler: RawHandler) -> AsyncIterator[str]:
    """A server on bare sockets; a handler that returns closes its connection."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (ConnectionError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@asynccontextmanager
async def transport(
    proxy: str | None = None, connections_per_host: int = 20, max_body: int = 1 << 20
) -> AsyncIterator[AiohttpTransport]:
    made = AiohttpTransport(proxy=proxy, connections_per_host=connections_per_host, max_body=max_body)
    try:
        yield made
    finally:
        await made.aclose()
        await made.aclose()


async def get(sender: AiohttpTransport, url: str, timeouts: Timeouts = SHORT) -> HttpAnswer:
    return await sender.send("GET", url, headers={}, body=b"", timeouts=timeouts)


async def head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def test_a_request_goes_out_as_it_is_given_and_the_answer_comes_back() -> None:
    seen: list[tuple[str, str, dict[str, str], bytes]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, dict(request.headers), await request.read()))
        headers = [("X-In-Time", "1"), ("Vary", "a"), ("Vary", "b")]
        return web.Response(status=201, body=b'{"id":"1"}', headers=headers)

    async with serving(handle) as url, transport() as sender:
        target = "/api/v4/orders?pair=%E9%BE%99USDT&list=%5B1%2C2%5D&space=a%20b&plus=%2B"
        answer = await sender.send("POST", url + target, headers={"KEY": "k"}, body=b"{}", timeouts=SHORT)
    assert answer.status == 201
    assert answer.body == b'{"id":"1"}'
    assert answer.headers["x-in-time"] == "1"
    assert answer.headers["vary"] == "a, b"
    method, path, headers, body = seen[0]
    assert (method, path, body) == ("POST", target, b"{}")
    assert headers["KEY"] == "k"
    assert "Cookie" not in headers


async def test_one_connection_serves_requests_in_a_row() -> None:
    ports: list[int] = []

    async def handle(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.append(request.transport.get_extra_info("peername")[1])
        response = web.Response(text="{}")
        response.set_cookie("session", "1")
        assert not request.cookies
        return response

    async with serving(handle) as url, transport() as sender:
        for _ in range(5):
            await get(sender, url)
    assert len(ports) == 5
    assert len(set(ports)) == 1


async def test_requests_at_once_share_a_bounded_pool() -> None:
    running, most = 0, 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return web.Response(text="{}")

    async with serving(handle) as url, transport(connections_per_host=3) as sender:
        await asyncio.gather(*(get(sender, url) for _ in range(9)))
    assert most == 3


async def test_a_compressed_answer_is_unpacked() -> None:
    async def handle(request: web.Request) -> web.Response:
        assert "gzip" in request.headers["Accept-Encoding"]
        return web.Response(body=gzip.compress(b'{"a":1}'), headers={"Content-Encoding": "gzip"})

    async with serving(handle) as url, transport() as sender:
        assert (await get(sender, url)).body == b'{"a":1}'


@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_over_the_bound_is_given_up(packed: bool) -> None:
    big = b"x" * 200_000

    async def handle(request: web.Request) -> web.Response:
        if packed:
            return web.Response(body=gzip.compress(big), headers={"Content-Encoding": "gzip"})
        return web.Response(body=big)

    async with serving(handle) as url, transport(max_body=100_000) as sender:
        with pytest.raises(AnswerTooLarge, match="HTTP 200 with more than 100000 bytes"):
            await get(sender, url)
    async with serving(handle) as url, transport(max_body=200_000) as sender:
        assert (await get(sender, url)).body == big


async def test_a_redirect_is_not_followed() -> None:
    paths: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with serving(handle) as url, transport() as sender:
        assert (await get(sender, url + "/here")).status == 302
    assert paths == ["/here"]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_silent_server_is_a_timeout_after_sending_or_before(scheme: str) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        await asyncio.sleep(5)

    quick = Timeouts(connect=0.2, read=0.2, total=5)
    started = asyncio.get_running_loop().time()
    async with raw(handle) as url, transport() as sender:
        with pytest.raises((TimeoutError, NotSent)) as caught:
            await get(sender, url.replace("http", scheme), quick)
    assert asyncio.get_running_loop().time() - started < 3
    before = scheme == "https"  # the TLS handshake belongs to opening the connection
    assert isinstance(caught.value, NotSent) is before
    assert isinstance(caught.value.__cause__ if before else caught.value, TimeoutError)


async def test_a_dripping_server_is_a_timeout_all_in_all() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b".")
            await asyncio.sleep(0.05)

    started = asyncio.get_running_loop().time()
    async with raw(handle) as url, transport() as sender:
        with pytest.raises(TimeoutError):
            await get(sender, url, Timeouts(connect=0.3, read=0.3, total=0.4))
    assert asyncio.get_running_loop().time() - started < 2


async def test_waiting_for_a_free_connection_is_not_sent() -> None:
    async def handle(request: web.Request) -> web.Response:
        await asyncio.sleep(0.5)
        return web.Response(text="{}")

    async with serving(handle) as url, transport(connections_per_host=1) as sender:
        first = asyncio.create_task(get(sender, url, Timeouts(1, 1, 2)))
        await asyncio.sleep(0.05)
        with pytest.raises(NotSent) as caught:
            await get(sender, url, Timeouts(connect=0.3, read=0.3, total=0.2))
        assert isinstance(caught.value.__cause__, TimeoutError)
        await first


async def test_a_refused_connection_is_not_sent() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with transport() as sender:
            with pytest.raises(NotSent) as caught:
                await get(sender, url)
    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorError)


async def test_an_unknown_host_is_not_sent() -> None:
    async with transport() as sender:
        with pytest.raises(NotSent) as caught:
            await get(sender, "http://no-such-host.invalid/", Timeouts(5, 5, 10))
    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorError)


async def test_a_failed_tls_handshake_is_not_sent() -> None:
    received = bytearray()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read(1000))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with raw(handle) as url, transport() as sender:
        with pytest.raises(NotSent) as caught:
            await sender.send(
                "POST", url.replace("http:", "https:") + "/order", headers={"KEY": "k"}, body=b"b", timeouts=SHORT
            )
    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorSSLError)
    assert b"order" not in received


async def test_tls_settings_of_ones_own_are_used() -> None:
    received = bytearray()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read(2000))

    tls = ssl.create_default_context()
    tls.set_alpn_protocols(["canary-protocol"])
    async with raw(handle) as url:
        sender = AiohttpTransport(tls=tls)
        with pytest.raises(NotSent):
            await get(sender, url.replace("http:", "https:"))
        await sender.aclose()
    assert b"canary-protocol" in received


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"])
async def test_a_connection_reset_in_the_answer_was_sent(begun: bytes) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(begun)
        await writer.drain()
        writer.transport.abort()

    async with raw(handle) as url, transport() as sender:
        with pytest.raises((aiohttp.ClientError, OSError)) as caught:
            await get(sender, url)
    assert not isinstance(caught.value, NotSent)


async def test_an_answer_that_is_not_http() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"SSH-2.0-OpenSSH_9\r\n\r\n")
        await writer.drain()

    async with raw(handle) as url, transport() as sender:
        with pytest.raises(aiohttp.ClientError):
            await get(sender, url)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_nothing_is_sent_twice_when_an_old_connection_turns_out_dead(method: str) -> None:
    requests: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append((await head(reader)).split()[0])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        requests.append((await head(reader)).split()[0])  # and now the connection goes

    async with raw(handle) as url, transport() as sender:
        await get(sender, url)
        with pytest.raises(aiohttp.ClientError) as caught:
            await sender.send(method, url, headers={}, body=b"", timeouts=SHORT)
    assert not isinstance(caught.value, NotSent)
    assert requests == [b"GET", method.encode()]


async def test_the_proxy_is_used() -> None:
    lines: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await head(reader)).decode()
        lines.extend(asked.split("\r\n"))
        host, port = asked.split()[1].removeprefix("http://").split("/")[0].split(":")
        behind, to_server = await asyncio.open_connection(host, int(port))
        to_server.write(asked.replace("keep-alive", "close").encode())
        to_server.write(b"")
        writer.write(await behind.readuntil(b"{}"))
        await writer.drain()
        to_server.close()

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text="{}", headers={"X-Path": request.raw_path})

    async with raw(proxy) as proxy_url, serving(handle) as url:
        with_user = proxy_url.replace("http://", "http://me:pass%40word@")
        async with transport(proxy=with_user) as sender:
            answer = await get(sender, f"{url}/time?a=%2C")
    assert answer.body == b"{}"
    assert lines[0] == f"GET {url}/time?a=%2C HTTP/1.1"
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'me:pass@word').decode()}" in lines


async def test_a_proxy_that_refuses_the_tunnel_is_not_sent() -> None:
    received: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await head(reader))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with raw(proxy) as proxy_url, transport(proxy=proxy_url) as sender:
        with pytest.raises(NotSent) as caught:
            await get(sender, "https://api.exchange.invalid/order?signature=canary")
    assert isinstance(caught.value.__cause__, aiohttp.ClientHttpProxyError)
    assert received[0].startswith(b"CONNECT api.exchange.invalid:443 ")
    assert b"canary" not in received[0]


async def test_this_machine_is_not_reached_through_a_proxy_elsewhere() -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(text="{}")

    async with serving(handle) as url, transport(proxy="http://proxy.invalid:3128") as sender:
        assert (await get(sender, url)).status == 200


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "proxy:3128", "http://", ""])
def test_a_proxy_that_is_none_is_refused(proxy: str) -> None:
    with pytest.raises(ConfigurationException, match="a proxy is given as a URL"):
        AiohttpTransport(proxy=proxy)


async def test_closing_ends_what_is_under_way_and_sends_nothing_more() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        await asyncio.sleep(5)

    async with raw(handle) as url, transport() as sender:
        under_way = asyncio.create_task(get(sender, url, Timeouts(5, 5, 5)))
        await asyncio.sleep(0.1)
        started = asyncio.get_running_loop().time()
        await sender.aclose()
        with pytest.raises((aiohttp.ClientError, OSError)):
            await under_way
        assert asyncio.get_running_loop().time() - started < 1
        with pytest.raises(RuntimeError, match="this transport is closed"):
            await get(sender, url)


async def test_cancelled_requests_leave_no_connection_behind() -> None:
    open_connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_connections
        open_connections += 1
        try:
            while await head(reader):
                await asyncio.sleep(0.02)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        finally:
            open_connections -= 1

    async with raw(handle) as url, transport(connections_per_host=2) as sender:
        for number in range(25):
            task = asyncio.create_task(get(sender, url, Timeouts(5, 5, 5)))
            await asyncio.sleep(number * 0.001)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert (await get(sender, url, Timeouts(5, 5, 5))).status == 200, "the pool of two is still free"
        await sender.aclose()
        for _ in range(100):
            await asyncio.sleep(0.01)
            if not open_connections:
                break
        assert open_connections == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_opens_connections_can_be_replaced() -> None:
    made: list[aiohttp.BaseConnector] = []

    def connector() -> aiohttp.BaseConnector:
        made.append(aiohttp.TCPConnector(limit=1))
        return made[-1]

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text="here")

    sender = AiohttpTransport(connector=connector)
    assert made == [], "nothing is opened before it is needed"
    async with serving(handle) as url:
        assert (await get(sender, url + "/")).body == b"here"
        assert (await get(sender, url + "/")).body == b"here"
        await sender.aclose()
    assert [one.closed for one in made] == [True]
