"""Canary credentials go in at every door; they come out at none: no error, no log line at DEBUG, no metric, no repr."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from cex.common.exceptions import ExchangeException, ExchangeRejectedException
from cex.common.redaction import Secret
from cex.networking.metrics import InMemoryMetrics
from cex.networking.requests import RestRequest, RestResponse, Timeouts
from cex.networking.rest.client import RestClient
from cex.networking.rest.retry import RetryPolicy
from cex.networking.rest.transport import AiohttpTransport

Serve = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class CanarySigner:
    """Keys in headers as Gate.io has them, a signature in the query as MEXC has it."""

    def __init__(self) -> None:
        self.secret = Secret("canary-secret-0123456789")
        self.key = Secret("canary-key-0123456789")

    def sign(self, request: RestRequest, timestamp_ns: int) -> RestRequest:
        signature = f"canary+signature/{timestamp_ns}="
        return replace(
            request,
            params={**request.params, "timestamp": str(timestamp_ns), "signature": signature},
            headers={**request.headers, "KEY": self.key.reveal(), "SIGN": "canary-sign", "X-MEXC-APIKEY": "canary-mx"},
        )


def http(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def echo_as_json(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(http("400 Bad Request", json.dumps({"msg": request.decode()}).encode()))


async def echo_as_text(request: bytes, writer: asyncio.StreamWriter) -> None:
    target = request.split()[1]
    signature = target.split(b"signature=")[1]
    writer.write(http("400 Bad Request", b"cannot verify " + signature + b" of canary-key-0123456789 with canary-sign"))


async def echo_as_an_outage(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(http("502 Bad Gateway", request))


async def redirect(request: bytes, writer: asyncio.StreamWriter) -> None:
    target = request.split()[1].decode()
    writer.write(http("302 Found", b"", f"Location: http://127.0.0.1:1{target}"))


async def limit(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(http("429 Too Many Requests", b"slow down, canary-key-0123456789", "Retry-After: 999"))


async def reset(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def break_off(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + request)


async def babble(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"NOT/HTTP " + request.replace(b"HTTP/1.1", b"HTTP/9.9"))


async def say_nothing(request: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


async def flood(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(http("200 OK", request * 100))


FAULTS = [
    echo_as_json,
    echo_as_text,
    echo_as_an_outage,
    redirect,
    limit,
    reset,
    break_off,
    babble,
    say_nothing,
    flood,
]


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[tuple[str, list[bytes]]]:
    seen: list[bytes] = []
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            await serve(seen[-1], writer)
        except (ConnectionError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def pass_on(response: RestResponse) -> ExchangeException | None:
    """An exchange's translation that trusts the body."""
    if response.status == 200:
        return None
    return ExchangeRejectedException(response.body.decode(), "venue", exchange_code=response.status)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("translating", [False, True])
@pytest.mark.parametrize("serve", FAULTS, ids=lambda serve: serve.__name__)
async def test_no_secret_comes_out(
    serve: Serve, translating: bool, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    metrics = InMemoryMetrics()
    signer = CanarySigner()
    transport = AiohttpTransport(max_body=5000)
    request = RestRequest(method, "/order", "order", params={"symbol": "BTCUSDT"}, signed=True)
    async with serving(serve) as (url, seen):
        client = RestClient(
            url,
            exchange="venue",
            transport=transport,
            signer=signer,
            retry=RetryPolicy(attempts=2, first=0.001, most=0.001),
            timeouts=Timeouts(connect=1, read=0.2, total=1),
            reject=pass_on if translating else None,
            metrics=metrics,
        )
        try:
            with pytest.raises(ExchangeException) as caught:
                await client.request(request)
        finally:
            await client.aclose()
            await transport.aclose()
    assert b"canary" in seen[0], "the canaries really went over the wire"
    failure = caught.value
    shown = [
        str(failure),
        repr(failure),
        str(failure.facts()),
        "".join(traceback.format_exception(failure)),
        repr(pickle.loads(pickle.dumps(failure)).facts()),
        repr(vars(client)),
        repr(vars(metrics) if hasattr(metrics, "__dict__") else [getattr(metrics, s) for s in metrics.__slots__]),
        *(record.getMessage() + str(vars(record)) for record in caplog.records),
    ]
    for text in shown:
        assert "canary" not in text
    assert any("GET /order" in record.getMessage() or "POST /order" in record.getMessage() for record in caplog.records)
    assert "/order" in str(failure)
