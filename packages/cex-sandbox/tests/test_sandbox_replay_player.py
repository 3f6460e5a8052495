"""A replay over real loopback sockets, heard by a client that is none of ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cex.common.clock import SYSTEM_CLOCK
from cex.common.enums import MarketType
from cex.sandbox.replay import MAX_SPEED, Recording, Replay, StreamKind, Traded, read_recording
from cex.sandbox.replay.recording import FrameStep
from cex.sandbox.replay.server import VenueServer

A_B, C_D = Traded(MarketType.SPOT, "A_B"), Traded(MarketType.SPOT, "C_D")
AT = 1619093500.0


def frame(at: float, channel: str, **result: object) -> str:
    data = json.dumps({"channel": channel, "event": "update", "result": result}, separators=(",", ":"))
    return f"{AT + at}: {data}\n"


def delta(at: float, pair: str, update: int) -> str:
    return frame(at, "spot.order_book_update", s=pair, U=update, u=update)


def answer(at: float, path: str, body: object) -> str:
    return f"https://api.gateio.ws/api/v4/{path} -> {AT + at}: {json.dumps(body)}\n"


BOOK = "spot/order_book?currency_pair=A_B&limit=100&with_id=true"
OPENED = f"wss://api.gateio.ws/ws/v4/ <-> {AT + 1}\n"


def recording_of(folder: Path, ws: str, rest: str = "") -> Recording:
    (folder / "a.ws").write_text(OPENED + ws)
    (folder / "a.rest").write_text(rest or answer(0, "spot/time", {"server_time": 1}))
    return read_recording([folder / "a.ws", folder / "a.rest"])


class Client:
    def __init__(self, session: aiohttp.ClientSession, endpoints: dict[str, str]) -> None:
        self.session = session
        self.endpoints = endpoints
        self.heard: list[dict[str, Any]] = []
        self.hears = asyncio.Condition()

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(f"{self.endpoints['rest']}/{path}") as response:
            return response.status, await response.json()

    @asynccontextmanager
    async def listening(self, *requests: tuple[str, list[str]]) -> AsyncIterator[None]:
        async with self.session.ws_connect(self.endpoints["ws_spot"]) as socket:
            for channel, payload in requests:
                request = {"time": 1, "channel": channel, "event": "subscribe", "payload": payload}
                await socket.send_str(json.dumps(request))

            async def listen() -> None:
                async for message in socket:
                    self.heard.append(json.loads(message.data))
                    async with self.hears:
                        self.hears.notify_all()

            task = asyncio.create_task(listen())
            yield
            await socket.close()
            await task

    async def wait_for(self, count: int) -> None:
        async with self.hears:
            await self.hears.wait_for(lambda: len(self.heard) >= count)

    @property
    def updates(self) -> list[Any]:
        return [message["result"]["u"] for message in self.heard if message["event"] == "update"]


@asynccontextmanager
async def client_of(replay: Replay) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, replay.endpoints["gateio"])


async def test_frames_go_to_who_subscribed_their_stream_in_order(tmp_path: Path) -> None:
    ws = delta(2, "A_B", 1) + delta(3, "C_D", 7) + frame(4, "spot.trades", currency_pair="A_B") + delta(5, "A_B", 2)
    async with (
        Replay(recording_of(tmp_path, ws)) as replay,
        client_of(replay) as client,
        client.listening(("spot.order_book_update", ["A_B", "100ms"])),
    ):
        await replay.subscribed("gateio", StreamKind.BOOK, [A_B])
        report = await replay.play()
        # play() returns when the last frame has been read, so nothing has to be waited for.
        assert client.updates == [1, 2]
        assert (report.frames, report.unheard, report.answers, report.unknown) == (2, 2, 0, ())
        assert replay.finished.is_set()
        assert replay.progress == 1.0
        with pytest.raises(RuntimeError, match="already played"):
            await replay.play()


async def test_every_client_hears_its_own_streams(tmp_path: Path) -> None:
    ws = delta(2, "A_B", 1) + delta(3, "C_D", 7)
    async with (
        Replay(recording_of(tmp_path, ws)) as replay,
        client_of(replay) as one,
        client_of(replay) as other,
        one.listening(("spot.order_book_update", ["A_B", "100ms"])),
        other.listening(("spot.order_book_update", ["C_D", "100ms"]), ("spot.order_book_update", ["A_B", "100ms"])),
    ):
        await replay.subscribed("gateio", StreamKind.BOOK, [A_B, C_D])
        await other.wait_for(2)
        await replay.play()
        assert one.updates == [1]
        assert other.updates == [1, 7]


async def test_undecodable_frames_go_to_everybody(tmp_path: Path) -> None:
    async with (
        Replay(recording_of(tmp_path, f'{AT + 2}: "what"\n')) as replay,
        client_of(replay) as client,
        client.session.ws_connect(client.endpoints["ws_spot"]) as socket,
    ):
        playing = asyncio.create_task(replay.play())
        assert (await socket.receive()).data == '"what"'
        await socket.close()
        assert (await playing).frames == 1


async def test_start_up_answers_are_there_before_the_play(tmp_path: Path) -> None:
    rest = answer(0, "spot/currency_pairs", [1]) + answer(9, "spot/currency_pairs", [2]) + answer(9, "spot/time", 3)
    async with Replay(recording_of(tmp_path, delta(2, "A_B", 1), rest)) as replay, client_of(replay) as client:
        assert await client.get("spot/currency_pairs") == (200, [1])
        assert await client.get("spot/time") == (200, 3), "nobody waits for the play but for books"
        await replay.play()
        assert await client.get("spot/currency_pairs") == (200, [2])


async def test_a_book_is_answered_at_its_place_in_the_conversation(tmp_path: Path) -> None:
    ws = delta(2, "A_B", 1) + delta(4, "A_B", 2) + delta(6, "A_B", 3)
    rest = answer(3, BOOK, {"id": 1}) + answer(5, BOOK, {"id": 2})
    async with (
        Replay(recording_of(tmp_path, ws, rest)) as replay,
        client_of(replay) as client,
        client.listening(("spot.order_book_update", ["A_B", "100ms"])),
    ):
        await replay.subscribed("gateio", StreamKind.BOOK, [A_B])
        seen: list[tuple[int, list[int]]] = []

        async def ask_twice() -> None:
            for _ in range(2):
                _, book = await client.get("spot/order_book?with_id=true&limit=100&currency_pair=A_B")
                seen.append((book["id"], client.updates))

        asking = asyncio.create_task(ask_twice())
        report = await replay.play()
        await asking
        assert [book for book, _ in seen] == [1, 2]
        assert all(updates[:book] == list(range(1, book + 1)) for book, updates in seen)
        assert report.answers == 2


async def test_requests_without_a_recorded_answer_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with Replay(recording_of(tmp_path, "", answer(0, BOOK, {"id": 1}))) as replay, client_of(replay) as client:
        status, body = await client.get("spot/order_book?currency_pair=A_B&limit=20")
        assert status == 404
        assert body["label"] == "NOT_RECORDED"
        assert "it holds GET /api/v4/spot/order_book?currency_pair=A_B&limit=100&with_id=true" in body["message"]
        report = await replay.play()
        assert report.unknown == ("GET /api/v4/spot/order_book?currency_pair=A_B&limit=20",)
    assert "request without a recorded answer" in caplog.text


@pytest.mark.parametrize(("speed", "least", "most"), [(2.0, 0.15, 2.0), (MAX_SPEED, 0.0, 0.15)])
async def test_speed_is_a_factor_of_the_recorded_time(tmp_path: Path, speed: float, least: float, most: float) -> None:
    ws = delta(2, "A_B", 1) + delta(2.3, "A_B", 2)
    async with Replay(recording_of(tmp_path, ws), speed=speed) as replay:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await replay.play()
        assert least <= loop.time() - begun < most


async def test_a_client_that_leaves_during_the_play_harms_nobody(tmp_path: Path) -> None:
    ws = "".join(delta(2 + n / 1000, "A_B", n) for n in range(1, 200))
    async with (
        Replay(recording_of(tmp_path, ws), speed=2.0) as replay,
        client_of(replay) as stays,
        client_of(replay) as leaves,
        stays.listening(("spot.order_book_update", ["A_B", "100ms"])),
    ):
        async with leaves.listening(("spot.order_book_update", ["A_B", "100ms"])):
            await replay.subscribed("gateio", StreamKind.BOOK, [A_B])
            playing = asyncio.create_task(replay.play())
            await leaves.wait_for(2)
        await playing
        assert stays.updates == list(range(1, 200))
        assert leaves.updates != stays.updates


async def test_closing_ends_waiting_requests_and_sockets_at_once(tmp_path: Path) -> None:
    recording = recording_of(tmp_path, delta(2, "A_B", 1), answer(3, BOOK, {"id": 1}))
    replay = Replay(recording)
    async with replay, client_of(replay) as client:
        socket = await client.session.ws_connect(client.endpoints["ws_spot"])
        waiting = asyncio.create_task(client.get(BOOK))
        await asyncio.sleep(0.05)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        closing = asyncio.create_task(replay.aclose())
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        await closing
        with pytest.raises(aiohttp.ClientError):
            await waiting
        assert loop.time() - begun < 1.0
        await socket.close()


async def test_a_ping_of_the_client_is_answered(tmp_path: Path) -> None:
    async with (
        Replay(recording_of(tmp_path, "")) as replay,
        client_of(replay) as client,
        client.session.ws_connect(client.endpoints["ws_spot"], autoping=False) as socket,
    ):
        await socket.ping(b"there?")
        message = await socket.receive()
        assert (message.type, bytes(message.data)) == (aiohttp.WSMsgType.PONG, b"there?")


def test_a_speed_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="positive factor"):
        Replay(recording_of(tmp_path, ""), speed=0)


async def test_a_client_that_reads_nothing_does_not_hold_up_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    part = recording_of(tmp_path, delta(2, "A_B", 1)).parts["gateio"]
    server = VenueServer(part, SYSTEM_CLOCK, stuck_after=0.1, pong_within=0.1)
    await server.start()
    reader, writer = await asyncio.open_connection(*server.address.split(":"), limit=1024)
    writer.write(
        b"GET /ws/v4/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert b"101" in await reader.readuntil(b"\r\n\r\n")
    await server.send(FrameStep(0, "gateio", frozenset(), "x"))
    await server.settle()
    assert "a client answers no ping" in caplog.text
    for _ in range(50):
        await server.send(FrameStep(0, "gateio", frozenset(), "x" * 1_000_000))
    assert "a client takes nothing any more" in caplog.text
    await server.aclose()
    writer.close()
