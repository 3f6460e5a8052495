"""A server in a process of its own: ``sandbox TICK`` with 50 symbols a venue, or ``constants PUSH ANSWER`` (bytes).

Prints a line of JSON when it is ready. Answers each line on its input with the CPU seconds it has used so far.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import replace

from aiohttp import web

from cex.common.types.symbols import Symbol
from cex.sandbox import DEFAULT_LISTINGS, GateioOptions, Listing, MexcOptions, Sandbox

SYMBOLS = 50
BUSY = 4
PLENTY = 1_000_000_000


def listings() -> list[Listing]:
    """Four pairs as busy as BTC, the others as small coins are: ten changes a second."""
    spot = DEFAULT_LISTINGS[0]
    return [
        replace(
            spot,
            symbol=Symbol("BTC/USDT" if number == 0 else f"C{number}/USDT"),
            name=f"C{number}",
            activity=1.0 if number < BUSY else 0.1,
            resting_orders=200 if number < BUSY else 40,
        )
        for number in range(SYMBOLS)
    ]


async def serve_sandbox(tick: float) -> None:
    mexc = MexcOptions(
        weight_limit=PLENTY,
        uid_weight_limit=PLENTY,
        order_limit=PLENTY,
        max_subscriptions=1000,
        max_open_orders=PLENTY,
        most_recv_window=PLENTY,
    )
    gateio = GateioOptions(requests=PLENTY)
    async with Sandbox(seed=7, tick=tick, listings=listings(), mexc=mexc, gateio=gateio) as sandbox:
        say(sandbox.announcement() | {"price": str(sandbox.truth("mexc", "BTC/USDT").bids[-1][0])})
        await answer_cpu()


async def serve_constants(push: int, answer: int) -> None:
    """Pushes as fast as each client reads, after its first message; answers any POST."""
    text = "x" * push

    async def pushing(request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(compress=False)
        await websocket.prepare(request)
        await websocket.receive()
        try:
            while True:
                await websocket.send_str(text)
        except ConnectionError:  # the listener has heard enough
            return websocket

    body = json.dumps({"x": "y" * (answer - 9)}).encode()

    async def answering(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=body, content_type="application/json")

    application = web.Application()
    application.router.add_get("/ws", pushing)
    application.router.add_post("/order", answering)
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    say({"port": runner.addresses[0][1]})
    try:
        await answer_cpu()
    finally:
        await runner.cleanup()


async def answer_cpu() -> None:
    """Until the input ends."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        say(time.process_time())


def say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "sandbox":
        asyncio.run(serve_sandbox(float(sys.argv[2])))
    else:
        asyncio.run(serve_constants(int(sys.argv[2]), int(sys.argv[3])))
