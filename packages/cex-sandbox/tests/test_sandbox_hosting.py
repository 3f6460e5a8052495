from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from cex.sandbox.hosting import House


async def hello(request: web.Request) -> web.Response:
    if request.path == "/broken":
        raise ZeroDivisionError("a bug")
    return web.Response(body=await request.read())


@pytest.fixture
async def house() -> AsyncIterator[House]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", hello)
    opened = House(application, "127.0.0.1", 0, sockets=True)
    await opened.open()
    yield opened
    await opened.aclose()


async def answered(house: House, *pieces: bytes) -> bytes:
    """What comes back for these bytes until the connection ends."""
    reader, writer = await asyncio.open_connection(house.host, house.port)
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.02)
    answer = await asyncio.wait_for(reader.read(), 2)
    writer.close()
    return answer


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01 hello\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 9_000 + b"\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused_quietly(house: House, caplog: pytest.LogCaptureFixture, data: bytes) -> None:
    caplog.set_level(logging.DEBUG, logger="cex.sandbox.hosting")
    answer = await answered(house, data)
    assert answer.startswith((b"HTTP/1.0 400 Bad Request", b"HTTP/1.1 400 Bad Request"))
    assert b"text/plain" in answer
    assert [record.levelname for record in caplog.records if record.name.startswith("cex.sandbox")] == ["DEBUG"]
    assert not any(record.exc_info for record in caplog.records)


async def test_a_client_that_leaves_amid_its_request_is_no_error(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection(house.host, house.port)
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhello")
    await asyncio.sleep(0.05)
    writer.transport.abort()
    await asyncio.sleep(0.05)
    assert reader.at_eof()
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


async def test_a_bug_is_told_with_its_traceback(house: House, caplog: pytest.LogCaptureFixture) -> None:
    answer = await answered(house, b"GET /broken HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500")
    (record,) = (record for record in caplog.records if record.levelno >= logging.ERROR)
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)
