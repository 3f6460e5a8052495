"""Faults of pushes, in memory and in virtual time: what a client of each venue hears."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from cex.common.clock import ManualClock
from cex.sandbox.faults import mangle
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.server import Sandbox
from cex.sandbox.venues.mexc.schema import push_pb2
from cex.sandbox.virtual import run_virtual

LISTINGS = [DEFAULT_LISTINGS[0], DEFAULT_LISTINGS[8]]
DEPTH = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"

Act = Callable[[Sandbox, "Book"], Awaitable[None]]


class Book:
    """A Gate.io client that listens to one book and takes down what comes, with the loop's time."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.last: tuple[int, int] = (0, 0)

    async def raw(self) -> aiohttp.WSMessage:
        return await self.socket.receive()

    async def deltas(self, count: int) -> list[dict[str, Any]]:
        return [json.loads((await self.raw()).data)["result"] for _ in range(count)]

    async def ids(self, count: int) -> list[tuple[int, int]]:
        ids = [(delta["U"], delta["u"]) for delta in await self.deltas(count)]
        self.last = ids[-1]
        return ids

    async def gaps(self, count: int) -> list[int]:
        """How far each delta begins after the end of the one before it."""
        return gaps([self.last, *await self.ids(count)])


def on_gateio(act: Act, symbol: str = "BTC_USDT", *, market: str = "spot") -> None:
    async def main(clock: ManualClock) -> None:
        async with (
            Sandbox(seed=7, sockets=False, listings=LISTINGS, clock=clock) as sandbox,
            aiohttp.ClientSession(connector=sandbox.connector()) as http,
        ):
            url = sandbox.endpoints["gateio"]["ws_spot" if market == "spot" else "ws_futures_usdt"]
            payload = [symbol, "100ms"] if market == "spot" else [symbol, "100ms", "100"]
            async with http.ws_connect(url) as socket:
                await socket.send_json(
                    {"time": 1, "channel": f"{market}.order_book_update", "event": "subscribe", "payload": payload}
                )
                assert (await socket.receive_json())["result"] == {"status": "success"}
                book = Book(socket)
                await book.ids(1)
                await act(sandbox, book)

    run_virtual(main)


def gaps(ids: list[tuple[int, int]]) -> list[int]:
    """How far each delta begins after the end of the one before it; 0 is as it should be."""
    return [two[0] - one[1] - 1 for one, two in pairwise(ids)]


def test_a_lost_delta_leaves_one_gap() -> None:
    async def act(sandbox: Sandbox, book: Book) -> None:
        number = sandbox.faults.add("drop_delta", venue="gateio", symbol="BTC/USDT", count=1)
        lost, *rest = await book.gaps(5)
        assert lost > 0
        assert rest == [0, 0, 0, 0]
        assert sandbox.faults.injected["drop_delta"] == 1
        assert sandbox.faults.status(number)[2:] == ("over", 1)

    on_gateio(act)


def test_deltas_are_lost_by_chance_the_same_way_each_time() -> None:
    heard: list[list[tuple[int, int]]] = []

    async def act(sandbox: Sandbox, book: Book) -> None:
        sandbox.faults.add("drop_delta", probability=0.3)
        heard.append(await book.ids(40))
        dropped = sandbox.faults.injected["drop_delta"]
        assert 5 <= dropped <= 40
        assert sum(gap > 0 for gap in gaps(heard[-1])) >= 4

    on_gateio(act)
    on_gateio(act)
    assert heard[0] == heard[1]


def test_a_delta_twice() -> None:
    async def act(sandbox: Sandbox, book: Book) -> None:
        sandbox.faults.add("duplicate_delta", count=1)
        one, two, three = await book.ids(3)
        assert one == two
        assert gaps([two, three]) == [0]

    on_gateio(act)


def test_deltas_out_of_order() -> None:
    async def act(sandbox: Sandbox, book: Book) -> None:
        sandbox.faults.add("reorder_deltas", count=1, depth=2)
        ids = await book.ids(5)
        assert sorted(ids) != ids
        assert ids[:3] == [sorted(ids)[1], sorted(ids)[2], min(ids)]
        assert gaps(sorted(ids)) == [0, 0, 0, 0]

    on_gateio(act)


def test_what_is_held_back_goes_out_when_the_fault_is_removed_or_nothing_follows() -> None:
    async def act(sandbox: Sandbox, book: Book) -> None:
        number = sandbox.faults.add("reorder_deltas", count=1, depth=50)
        await asyncio.sleep(0.25)
        sandbox.faults.remove(number)
        ids = await book.ids(5)
        assert sorted(ids) != ids
        assert gaps(sorted(ids)) == [0, 0, 0, 0]
        sandbox.faults.add("reorder_deltas", count=1, depth=50)
        ids = await book.ids(14)
        assert gaps(sorted(ids)) == [0] * 13
        assert 8 <= ids.index(min(ids)) <= 10, "a second later"

    on_gateio(act)


def test_a_late_delta_holds_up_what_follows() -> None:
    async def act(sandbox: Sandbox, book: Book) -> None:
        loop = asyncio.get_running_loop()
        sandbox.faults.add("delay_delta", count=1, seconds=1.0)
        before = loop.time()
        (first,) = await book.ids(1)
        assert 1.0 <= loop.time() - before <= 1.2
        at = loop.time()
        rest = await book.ids(8)
        assert gaps([first, *rest]) == [0] * 8
        assert loop.time() - at < 0.1, "they had been waiting"

    on_gateio(act)


def test_a_crossed_delta() -> None:
    async def act(sandbox: Sandbox, book: Book) -> None:
        sandbox.faults.add("crossed_push", count=1)
        (delta,) = await book.deltas(1)
        truth = sandbox.truth("gateio", "BTC/USDT")
        assert max(float(price) for price, _ in delta["b"]) > float(truth.asks[0][0]) * 1.2

    on_gateio(act)


def test_an_empty_delta_repeats_the_last_id() -> None:
    async def act(sandbox: Sandbox, book: Book) -> None:
        sandbox.faults.add("empty_push", count=1)
        full, empty, after = await book.deltas(3)
        assert (empty["U"], empty["u"], empty["b"], empty["a"]) == (full["u"], full["u"], [], [])
        assert after["U"] == full["u"] + 1

    on_gateio(act)


def test_halves_and_garbage() -> None:
    async def act(sandbox: Sandbox, book: Book) -> None:
        for kind in ("truncated_push", "malformed_push"):
            sandbox.faults.add(kind, count=1)
            text = (await book.raw()).data
            with pytest.raises(ValueError, match=r"Expecting|Unterminated|Extra|Invalid"):
                json.loads(text)
            await book.ids(2)

    on_gateio(act)


def test_an_impossible_frame_ends_a_client_that_keeps_to_the_rules() -> None:
    async def act(sandbox: Sandbox, book: Book) -> None:
        sandbox.faults.add("malformed_push", level="websocket", count=1)
        message = await book.raw()
        assert message.type is aiohttp.WSMsgType.ERROR
        assert book.socket.close_code == 1002

    on_gateio(act)


def test_an_oversized_frame() -> None:
    async def act(sandbox: Sandbox, book: Book) -> None:
        sandbox.faults.add("oversized_push", size=300_000, count=1)
        await book.ids(1)
        assert len((await book.raw()).data) == 300_000
        await book.ids(2)

    on_gateio(act)


def test_only_the_named_symbol_or_connection_is_struck() -> None:
    async def act(sandbox: Sandbox, book: Book) -> None:
        sandbox.faults.add("drop_delta", symbol="BTC/USDT:USDT")
        sandbox.faults.add("drop_delta", venue="mexc")
        sandbox.faults.add("drop_delta", connection="another")
        assert await book.gaps(4) == [0, 0, 0, 0]
        (mine,) = sandbox._places["gateio"].venue.hub.subscriptions
        number = sandbox.faults.add("drop_delta", connection=mine.id, count=1)
        lost, *rest = await book.gaps(3)
        assert lost > 0
        assert rest == [0, 0]
        assert sandbox.faults.status(number).injected == 1

    on_gateio(act)


def test_futures_deltas_are_struck_alike() -> None:
    async def act(sandbox: Sandbox, book: Book) -> None:
        sandbox.faults.add("crossed_push", symbol="BTC/USDT:USDT", count=1)
        (delta,) = await book.deltas(1)
        assert max(float(level["p"]) for level in delta["b"]) > float(
            sandbox.truth("gateio", "BTC/USDT:USDT").asks[0][0]
        )
        sandbox.faults.add("empty_push", count=1)
        full, empty = await book.deltas(2)
        assert (empty["U"], empty["b"], empty["a"]) == (full["u"], [], [])

    on_gateio(act, market="futures")


def on_mexc(act: Callable[[Sandbox, aiohttp.ClientWebSocketResponse], Awaitable[None]]) -> None:
    async def main(clock: ManualClock) -> None:
        async with (
            Sandbox(seed=7, sockets=False, listings=LISTINGS, clock=clock) as sandbox,
            aiohttp.ClientSession(connector=sandbox.connector()) as http,
            http.ws_connect(sandbox.endpoints["mexc"]["ws"]) as socket,
        ):
            await socket.send_json({"method": "SUBSCRIPTION", "params": [DEPTH]})
            await socket.receive_json()
            await act(sandbox, socket)

    run_virtual(main)


async def depth(socket: aiohttp.ClientWebSocketResponse) -> push_pb2.AggreDepths:
    return push_pb2.Push.FromString((await socket.receive()).data).aggre_depths


def test_protobuf_deltas_are_struck_alike() -> None:
    async def act(sandbox: Sandbox, socket: aiohttp.ClientWebSocketResponse) -> None:
        await depth(socket)
        sandbox.faults.add("crossed_push", count=1)
        crossed = await depth(socket)
        ask = float(sandbox.truth("mexc", "BTC/USDT").asks[0][0])
        assert max(float(level.price) for level in crossed.bids) > ask * 1.2
        sandbox.faults.add("empty_push", count=1)
        full, empty = await depth(socket), await depth(socket)
        assert (empty.from_version, empty.to_version) == (full.to_version, full.to_version)
        assert not empty.bids
        assert not empty.asks
        sandbox.faults.add("malformed_push", count=1)
        garbage = (await socket.receive()).data
        with pytest.raises(Exception, match="Error parsing message"):
            push_pb2.Push.FromString(garbage)
        sandbox.faults.add("oversized_push", size=70_000, count=1)
        await depth(socket)
        assert (await socket.receive()).data == bytes(70_000)

    on_mexc(act)


def test_what_is_no_book_is_not_made_into_one() -> None:
    trade = push_pb2.Push(channel="spot@public.aggre.deals", symbol="BTCUSDT").SerializeToString()
    for made in (mangle.crossed_push, mangle.emptied_push):
        assert made(trade) is None
        assert made(b"\xff\xff") is None
        assert made('{"result": {"status": "success"}}') is None
        assert made("no json") is None
    assert mangle.crossed_push('{"result": {"U": 1, "u": 1}}') is None
    assert mangle.crossed_body(b"[]") is None
    assert mangle.emptied_body(b'{"id": 1}', "both") is None
    alone = mangle.crossed_push('{"result": {"U": 1, "u": 1, "a": [["10.0", "2"]]}}')
    assert isinstance(alone, str)
    assert json.loads(alone)["result"]["b"] == [["12.5", "1"]]


def test_no_fault_costs_nothing_afterwards() -> None:
    async def act(sandbox: Sandbox, book: Book) -> None:
        hub = sandbox._places["gateio"].venue.hub
        stands: list[bool] = [hub.injector is not None]
        sandbox.faults.add("drop_delta", count=1)
        stands.append(hub.injector is not None)
        await book.ids(2)
        stands.append(hub.injector is not None)
        sandbox.faults.add("drop_delta", duration=0.5)
        await book.ids(1)
        stands.append(hub.injector is not None)
        assert stands == [False, True, False, False]

    on_gateio(act)
