from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from aiohttp import web

from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.memory import MemoryTransport, connect_in_memory
from cex.sandbox.server import Sandbox

DEPTH = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"


class Side(asyncio.Protocol):
    """Takes down what happens to one end."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.happened: list[str] = []
        self.transport: MemoryTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, MemoryTransport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def eof_received(self) -> None:
        self.happened.append("eof")

    def connection_lost(self, exc: Exception | None) -> None:
        self.happened.append("lost" if exc is None else type(exc).__name__)

    def pause_writing(self) -> None:
        self.happened.append("pause")

    def resume_writing(self) -> None:
        self.happened.append("resume")


async def pair() -> tuple[Side, Side]:
    client, server = Side(), Side()
    connect_in_memory(client, server, "127.0.0.1", 60_001)
    return client, server


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_bytes_arrive_in_order_and_in_a_later_turn() -> None:
    client, server = await pair()
    client.transport.write(b"one ")
    client.transport.writelines([b"two ", b"three"])
    assert server.heard == b""
    await turns()
    assert server.heard == b"one two three"
    server.transport.write(b"back")
    await turns()
    assert client.heard == b"back"
    assert client.transport.get_extra_info("peername") == ("127.0.0.1", 60_001)
    assert server.transport.get_extra_info("peername")[0] == "127.0.0.1"
    assert client.transport.get_extra_info("socket") is None


async def test_the_other_end_reads_what_was_on_the_way_before_the_end() -> None:
    client, server = await pair()
    client.transport.write(b"last words")
    client.transport.close()
    client.transport.write(b"lost")
    await turns()
    assert server.heard == b"last words"
    assert server.happened == ["eof", "lost"]
    assert client.happened == ["lost"]
    assert client.transport.is_closing()
    assert server.transport.is_closing()


async def test_an_abort_loses_what_was_on_the_way() -> None:
    client, server = await pair()
    client.transport.write(b"lost")
    client.transport.abort()
    await turns()
    assert server.heard == b""
    assert server.happened == ["eof", "lost"]


async def test_a_reset_fails_the_other_ends_reads() -> None:
    client, server = await pair()
    client.transport.reset()
    await turns()
    assert server.happened == ["ConnectionResetError"]
    assert client.happened == ["lost"]


async def test_a_reader_that_pauses_makes_the_writer_pause() -> None:
    client, server = await pair()
    server.transport.pause_reading()
    assert not server.transport.is_reading()
    client.transport.write(bytes(70_000))
    await turns()
    assert server.heard == b""
    assert client.happened == ["pause"]
    assert client.transport.get_write_buffer_size() == 70_000
    server.transport.resume_reading()
    await turns()
    assert len(server.heard) == 70_000
    assert client.happened == ["pause", "resume"]
    assert client.transport.get_write_buffer_size() == 0


async def test_an_aborted_writer_is_not_left_waiting() -> None:
    client, server = await pair()
    server.transport.pause_reading()
    client.transport.write(bytes(70_000))
    server.transport.close()
    await turns()
    assert client.happened == ["pause", "eof", "lost"]


async def test_limits_can_be_set() -> None:
    client, server = await pair()
    client.transport.set_write_buffer_limits(high=10)
    assert client.transport.get_write_buffer_limits() == (2, 10)
    server.transport.pause_reading()
    client.transport.write(bytes(11))
    assert client.happened == ["pause"]
    client.transport.set_write_buffer_limits()
    assert client.transport.get_write_buffer_limits() == (16_384, 65_536)
    assert not client.transport.can_write_eof()
    other = Side()
    client.transport.set_protocol(other)
    assert client.transport.get_protocol() is other


async def test_an_unmodified_client_speaks_rest_and_websocket_without_sockets() -> None:
    async with (
        Sandbox(seed=7, sockets=False, listings=DEFAULT_LISTINGS[:1]) as sandbox,
        aiohttp.ClientSession(connector=sandbox.connector()) as http,
    ):
        urls = sandbox.endpoints["mexc"]
        async with http.get(f"{urls['rest']}/api/v3/depth", params={"symbol": "BTCUSDT", "limit": "5"}) as answer:
            book = await answer.json()
        truth = sandbox.truth_at("mexc", "BTC/USDT", book["lastUpdateId"])
        assert float(book["bids"][0][0]) == float(truth.bids[0][0])
        async with http.ws_connect(urls["ws"]) as socket:
            await socket.send_str(json.dumps({"method": "SUBSCRIPTION", "params": [DEPTH]}))
            assert (await socket.receive_json(timeout=2))["msg"] == DEPTH
            push = await socket.receive(timeout=2)
            assert push.type is aiohttp.WSMsgType.BINARY
            sandbox.faults.cut_connections("mexc")
            ended = await socket.receive(timeout=2)
            assert ended.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
            assert socket.close_code == 1006
        async with http.ws_connect(sandbox.endpoints["gateio"]["ws_spot"]) as socket:
            sandbox.faults.cut_connections("gateio", code=1011)
            assert (await socket.receive(timeout=2)).data == 1011


async def test_a_large_answer_passes_in_pieces() -> None:
    async def large(_: web.Request) -> web.Response:
        return web.Response(body=bytes(3_000_000))

    async with Sandbox(seed=7, sockets=False, listings=DEFAULT_LISTINGS[:1]) as sandbox:
        house = sandbox._houses["mexc"]
        await house.aclose()
        application = web.Application()
        application.router.add_get("/large", large)
        other = type(house)(application, "127.0.0.1", house.port, sockets=False)
        sandbox._houses["mexc"] = other
        await other.open()
        async with (
            aiohttp.ClientSession(connector=sandbox.connector()) as http,
            http.get(f"{sandbox.endpoints['mexc']['rest']}/large") as answer,
        ):
            assert len(await answer.read()) == 3_000_000


async def test_elsewhere_nothing_listens() -> None:
    async with (
        Sandbox(seed=7, sockets=False, listings=DEFAULT_LISTINGS[:1]) as sandbox,
        aiohttp.ClientSession(connector=sandbox.connector()) as http,
    ):
        with pytest.raises(aiohttp.ClientConnectorError, match="no part of this sandbox is at"):
            await http.get("http://127.0.0.1:9/api/v3/ping")
        with pytest.raises(aiohttp.ClientConnectorError, match="no TLS in memory"):
            await http.get(sandbox.endpoints["mexc"]["rest"].replace("http:", "https:"))


async def test_a_sandbox_with_sockets_can_be_reached_both_ways() -> None:
    async with (
        Sandbox(seed=7, listings=DEFAULT_LISTINGS[:1]) as sandbox,
        aiohttp.ClientSession(connector=sandbox.connector()) as in_memory,
        aiohttp.ClientSession() as http,
    ):
        url = f"{sandbox.endpoints['gateio']['rest']}/spot/time"
        for session in (in_memory, http):
            async with session.get(url) as answer:
                assert "server_time" in await answer.json()
