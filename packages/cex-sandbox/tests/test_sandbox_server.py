from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

import cex.sandbox
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.market.participants import Crowd
from cex.sandbox.server import Sandbox, serve
from cex.sandbox.venues.connection import Connection

DEPTH = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"


def others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def eventually(holds: Callable[[], bool], seconds: float = 2.0) -> None:
    for _ in range(round(seconds / 0.01)):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never held")


def test_public_names_are_there() -> None:
    assert len(set(cex.sandbox.__all__)) == len(cex.sandbox.__all__)
    for name in cex.sandbox.__all__:
        assert getattr(cex.sandbox, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        cex.sandbox.Nothing  # noqa: B018


async def test_announcement_is_a_line_of_json() -> None:
    async with Sandbox(seed=42) as sandbox:
        said = json.loads(json.dumps(sandbox.announcement()))
        assert list(said) == ["seed", "mexc", "gateio", "control"]
        assert said["seed"] == 42
        mexc, gateio = said["mexc"], said["gateio"]
        for venue in (mexc, gateio):
            assert list(venue.pop("credentials")) == ["key", "secret", "uid"]
        port = mexc["rest"].removeprefix("http://127.0.0.1:")
        assert mexc == {"rest": f"http://127.0.0.1:{port}", "ws": f"ws://127.0.0.1:{port}/ws"}
        port = gateio["rest"].removeprefix("http://127.0.0.1:").removesuffix("/api/v4")
        assert gateio == {
            "rest": f"http://127.0.0.1:{port}/api/v4",
            "ws_spot": f"ws://127.0.0.1:{port}/ws/v4/",
            "ws_futures_usdt": f"ws://127.0.0.1:{port}/v4/ws/usdt",
        }
        assert said["control"] == f"{mexc['rest']}/_sandbox"
    assert sandbox.endpoints == {}
    assert sandbox.control_url is None


async def test_a_port_can_be_chosen_and_a_taken_one_is_an_error() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        taken = holder.getsockname()[1]
        holder.listen()
        with pytest.raises(OSError, match="address already in use"):
            async with Sandbox(gateio_port=taken):
                raise AssertionError("it started on a taken port")
    assert others() == set()
    async with Sandbox(mexc_port=taken) as sandbox:
        assert sandbox.endpoints["mexc"]["rest"] == f"http://127.0.0.1:{taken}"


async def test_ipv6_addresses_are_bracketed() -> None:
    try:
        async with Sandbox(host="::1") as sandbox:
            assert sandbox.endpoints["mexc"]["rest"].startswith("http://[::1]:")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")


async def test_it_ends_within_a_second_and_leaves_nothing(http: aiohttp.ClientSession) -> None:
    sandbox = Sandbox(seed=7)
    await sandbox.start()
    mexc = await http.ws_connect(sandbox.endpoints["mexc"]["ws"])
    await mexc.send_str(json.dumps({"method": "SUBSCRIPTION", "params": [DEPTH]}))
    gateio = await http.ws_connect(sandbox.endpoints["gateio"]["ws_spot"])
    await mexc.receive(timeout=2)
    assert sandbox.connections == {"mexc": 1, "gateio": 1}
    before = time.monotonic()
    await sandbox.aclose()
    assert time.monotonic() - before < 1
    await sandbox.aclose()
    assert (await gateio.receive(timeout=1)).type is aiohttp.WSMsgType.CLOSED
    await mexc.close()
    assert sandbox.connections == {"mexc": 0, "gateio": 0}
    assert others() == set()


async def test_it_cannot_be_started_twice(sandbox: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="already running"):
        await sandbox.start()


async def test_a_cancelled_close_still_closes() -> None:
    sandbox = Sandbox(seed=7)
    await sandbox.start()
    closing = asyncio.create_task(sandbox.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert others() == set()
    assert sandbox.endpoints == {}


@pytest.mark.parametrize("at", range(6))
async def test_a_start_cancelled_anywhere_leaves_nothing(at: int) -> None:
    sandbox = Sandbox(seed=7, listings=DEFAULT_LISTINGS[:1])
    starting = asyncio.create_task(sandbox.start())
    for _ in range(at):
        await asyncio.sleep(0)
    starting.cancel()
    try:
        await starting
    except asyncio.CancelledError:
        assert sandbox.endpoints == {}
    await sandbox.aclose()
    assert others() == set()


async def test_serve_runs_until_cancelled() -> None:
    announced: list[dict[str, Any]] = []
    serving = asyncio.create_task(serve(Sandbox(seed=3), announced.append))
    await eventually(lambda: bool(announced))
    assert announced[0]["seed"] == 3
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert others() == set()


async def test_the_market_moves_by_itself(sandbox: Sandbox) -> None:
    before = sandbox.truth("mexc", "BTC/USDT")
    await eventually(lambda: sandbox.truth("mexc", "BTC/USDT").update_id > before.update_id + 20)
    assert sandbox.truth_at("mexc", "BTC/USDT", before.update_id) == before


async def test_late_ticks_are_left_out_and_it_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async with Sandbox(seed=7, tick=0.002, listings=DEFAULT_LISTINGS[:1]) as sandbox:
        await asyncio.sleep(0.01)
        ticks = sandbox.market.ticks
        time.sleep(0.3)  # noqa: ASYNC251 (the loop must be blocked)
        with caplog.at_level(logging.WARNING):
            await asyncio.sleep(0.01)
        assert sandbox.market.ticks - ticks < 60
    assert "runs late" in caplog.text


async def test_a_market_that_breaks_down_is_not_hidden(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Crowd):
        def act(self, centre: float) -> None:
            raise ArithmeticError(f"cannot act around {centre}")

    sandbox = Sandbox(seed=7, listings=DEFAULT_LISTINGS[:1])
    book = sandbox.market.book("mexc", "BTC/USDT")
    book.crowd = Broken(book.engine, rng=None, typical=1.0, resting=1)  # type: ignore[arg-type]
    await sandbox.start()
    await eventually(lambda: "the market stopped" in caplog.text)
    with pytest.raises(ArithmeticError, match="cannot act"):
        await sandbox.aclose()
    assert others() == set()


# --- faults ----------------------------------------------------------------------------------------------------------


async def connected(sandbox: Sandbox, http: aiohttp.ClientSession) -> list[aiohttp.ClientWebSocketResponse]:
    return [
        await http.ws_connect(sandbox.endpoints["mexc"]["ws"]),
        await http.ws_connect(sandbox.endpoints["gateio"]["ws_spot"]),
    ]


async def test_cut_by_close_code(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    for ended in await connected(sandbox, http):
        await ended.ping()
    assert sandbox.faults.cut_connections(code=1011) == 2
    assert sandbox.faults.injected == {"deltas_dropped": 0, "connections_cut": 2, "close": 2}
    await eventually(lambda: sandbox.connections == {"mexc": 0, "gateio": 0})


async def test_the_client_sees_the_code(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    mexc, _ = await connected(sandbox, http)
    sandbox.faults.cut_connections("mexc", code=1001)
    message = await mexc.receive(timeout=2)
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
    assert sandbox.connections["gateio"] == 1


async def test_cut_by_reset(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    mexc, gateio = await connected(sandbox, http)
    assert sandbox.faults.cut_connections("gateio") == 1
    ended = await gateio.receive(timeout=2)
    assert ended.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert gateio.close_code == 1006
    assert not mexc.closed
    await eventually(lambda: sandbox.connections == {"mexc": 1, "gateio": 0})


async def test_cut_every(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    sandbox.faults.cut_every(0.1, "mexc")
    for _ in range(2):
        mexc = await http.ws_connect(sandbox.endpoints["mexc"]["ws"])
        await mexc.receive(timeout=2)
        assert mexc.close_code == 1006
    assert sandbox.faults.injected["connections_cut"] == 2


async def test_a_delta_lost_for_one_is_heard_by_the_others(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
    url = sandbox.endpoints["gateio"]["ws_spot"]
    request = {"time": 1, "channel": "spot.order_book_update", "event": "subscribe", "payload": ["BTC_USDT", "100ms"]}
    clients = [await http.ws_connect(url), await http.ws_connect(url)]
    for client in clients:
        await client.send_json(request)
        await client.receive_json(timeout=2)
    heard: list[list[dict[str, Any]]] = [[], []]
    for updates, client in zip(heard, clients, strict=True):
        updates.append((await client.receive_json(timeout=2))["result"])
    sandbox.faults.drop_delta("gateio", "BTC/USDT", everywhere=False)
    for updates, client in zip(heard, clients, strict=True):
        updates += [(await client.receive_json(timeout=2))["result"] for _ in range(3)]
    gaps = [sum(two["U"] != one["u"] + 1 for one, two in pairwise(u)) for u in heard]
    assert gaps == [1, 0]
    assert sandbox.faults.injected["deltas_dropped"] == 1


async def test_nothing_is_counted_before_it_happens(sandbox: Sandbox) -> None:
    sandbox.faults.drop_delta("mexc", "ETH/USDT")
    await asyncio.sleep(0.15)
    assert sandbox.faults.injected["deltas_dropped"] == 0


async def test_faults_on_nothing_are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(KeyError, match="no venue 'kraken'"):
        sandbox.faults.drop_delta("kraken", "BTC/USDT")
    with pytest.raises(KeyError, match="does not list 'NOPE/USDT'"):
        sandbox.faults.drop_delta("mexc", "NOPE/USDT")
    with pytest.raises(KeyError, match="no venue 'kraken'"):
        sandbox.faults.cut_connections("kraken")
    with pytest.raises(ValueError, match="cannot cut every"):
        sandbox.faults.cut_every(0)


# --- clients that do not read ----------------------------------------------------------------------------------------


async def the_connection(sandbox: Sandbox, http: aiohttp.ClientSession) -> Connection:
    await http.ws_connect(sandbox.endpoints["mexc"]["ws"])
    await eventually(lambda: sandbox.connections["mexc"] == 1)
    (connection,) = sandbox._places["mexc"].venue.hub.subscriptions
    return connection


async def test_a_client_that_does_not_read_is_hung_up_on(
    sandbox: Sandbox, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    connection = await the_connection(sandbox, http)
    assert repr(connection) == f"Connection({connection.id})"
    for _ in range(20_001):
        connection.push(b"x")
    assert "does not read" in caplog.text
    await eventually(lambda: sandbox.connections["mexc"] == 0)


async def test_a_client_that_does_not_read_cannot_hold_up_the_end(
    sandbox: Sandbox, http: aiohttp.ClientSession
) -> None:
    connection = await the_connection(sandbox, http)
    for _ in range(200):
        connection.push(bytes(100_000))
    await asyncio.sleep(0.1)
    before = time.monotonic()
    await sandbox.aclose()
    assert time.monotonic() - before < 1
    assert sandbox.connections["mexc"] == 0
