"""Gate.io traffic recorded on 2021-04-22, played to the unmodified exchange through transports that are memory.

The folder with the recording is named by the environment variable CEX_RECORDINGS; without it these tests are skipped.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cex.common.book.order_book import OrderBook
from cex.common.enums import BookState, MarketType
from cex.common.types.symbols import Symbol
from cex.exchanges.base.books import ResyncPolicy
from cex.exchanges.base.interfaces import BookHealth, ExchangeEvent, Undecodable
from cex.exchanges.gateio.public import GateioPublicExchange
from cex.exchanges.gateio.rest import GateioRestClient
from cex.exchanges.gateio.websocket import GateioWebSocketClient
from cex.networking import HttpAnswer, Timeouts
from cex.networking.websocket.transport import Closed

NAME = "gateio-spot-2021-04-22"
BOOK = "spot.order_book_update"


class Recording:
    """The recorded conversation: REST answers by URL, and the frames that were received."""

    def __init__(self, folder: Path) -> None:
        self.answers: dict[str, str] = {}
        for suffix in ("rest", "http"):
            for line in (folder / f"{NAME}.{suffix}").read_text(encoding="utf-8").splitlines():
                if answer := re.fullmatch(r"(https://\S+) -> [\d.]+: (.*)", line):
                    self.answers[answer[1]] = answer[2]
        received = (folder / f"{NAME}.ws").read_text(encoding="utf-8").splitlines()
        self.frames = [line.partition(": ")[2] for line in received if re.match(r"\d+\.\d+: ", line)]
        self.pairs = [
            re.search(r"currency_pair=(\w+)", url)[1]  # type: ignore[index]
            for url in self.answers
            if "order_book" in url
        ]

    def updates(self, pair: str) -> list[dict[str, Any]]:
        decoded = (json.loads(frame) for frame in self.frames)
        return [
            frame["result"]
            for frame in decoded
            if frame["channel"] == BOOK and frame["event"] == "update" and frame["result"]["s"] == pair
        ]

    def book(self, pair: str) -> dict[str, Any]:
        url = next(url for url in self.answers if f"currency_pair={pair}&" in url)
        answer: dict[str, Any] = json.loads(self.answers[url])
        return answer


@pytest.fixture
def recording() -> Recording:
    folder = os.environ.get("CEX_RECORDINGS")
    if not folder:
        pytest.skip("CEX_RECORDINGS does not name the folder with recorded traffic")
    return Recording(Path(folder))


class Player:
    """Both transports: answers REST from the recording, acknowledges like 2021, and plays the frames when told to."""

    def __init__(self, recording: Recording, frames: list[str]) -> None:
        self.recording = recording
        self.acknowledgement = {
            json.loads(frame)["channel"]: frame
            for frame in recording.frames
            if json.loads(frame)["event"] == "subscribe"
        }
        self.frames = [frame for frame in frames if json.loads(frame)["event"] == "update"]
        self.inbox: asyncio.Queue[str] = asyncio.Queue()
        self.snapshots = asyncio.Event()
        self.played = 0

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> HttpAnswer:
        if "order_book" in url:
            await self.snapshots.wait()
        return HttpAnswer(200, {}, self.recording.answers[url].encode())

    async def connect(self, url: str, *, headers: Mapping[str, str], timeout: float, max_size: int) -> Line:
        return Line(self)

    async def aclose(self) -> None:
        return

    async def play(self, until: int) -> None:
        for frame in self.frames[self.played : until]:
            self.inbox.put_nowait(frame)
        self.played = min(until, len(self.frames))
        while not self.inbox.empty():  # noqa: ASYNC110 (the reader is on the other side of the transport)
            await asyncio.sleep(0)
        await asyncio.sleep(0)


class Line:
    def __init__(self, player: Player) -> None:
        self.player = player

    async def send(self, data: str) -> None:
        channel = json.loads(data)["channel"]
        if channel in self.player.acknowledgement:
            self.player.inbox.put_nowait(self.player.acknowledgement[channel])

    async def receive(self) -> str:
        frame = await self.player.inbox.get()
        if not frame:
            raise Closed(1000)
        return frame

    async def aclose(self, code: int = 1000) -> None:
        self.player.inbox.put_nowait("")


class Played:
    def __init__(self) -> None:
        self.events: list[ExchangeEvent] = []
        self.trades = 0
        self.books: dict[str, OrderBook] = {}
        self.health: dict[str, BookHealth] = {}


@asynccontextmanager
async def playing(recording: Recording, frames: list[str], *, before_snapshots: int) -> AsyncIterator[Played]:
    """Play ``frames``: so many before the snapshots are answered, the rest after every book is LIVE."""
    player = Player(recording, frames)
    played = Played()
    gateio = GateioPublicExchange(
        rest_client=GateioRestClient(markets=(MarketType.SPOT,), transport=player),
        websocket_client=GateioWebSocketClient(transport=player, request_interval=0.0),
        owns_clients=True,
        resync=ResyncPolicy(concurrency=10, first_delta_wait=0.0),
    )
    gateio.on_event(played.events.append)

    async def count(symbol: Symbol) -> None:
        async for _ in gateio.trades(symbol):
            played.trades += 1

    async with gateio:
        symbols = {pair: gateio.instruments[pair.replace("_", "/")].symbol for pair in recording.pairs}
        counting = [asyncio.ensure_future(count(symbol)) for symbol in symbols.values()]
        subscribing = [asyncio.ensure_future(gateio.subscribe_book(symbol)) for symbol in symbols.values()]
        while len(gateio.health().books) < len(symbols) or not all(  # noqa: ASYNC110 (acknowledged by the transport)
            line.pending == 0 for line in gateio.health().connections
        ):
            await asyncio.sleep(0.001)
        await player.play(before_snapshots)
        player.snapshots.set()
        for pair, book in zip(symbols, await asyncio.gather(*subscribing), strict=True):
            played.books[pair] = book
        await player.play(len(player.frames))
        await asyncio.sleep(0.01)
        played.health = {health.symbol.replace("/", "_"): health for health in gateio.health().books}
        yield played
    await asyncio.gather(*counting)


def told_by_the_rule(recording: Recording, pair: str) -> tuple[int, dict[str, str], dict[str, str]]:
    """The final book by the exchange's own recipe, on plain texts and without any code of ours."""
    book = recording.book(pair)
    sides: dict[str, dict[str, str]] = {"b": dict(book["bids"]), "a": dict(book["asks"])}
    last = int(book["id"])
    for update in recording.updates(pair):
        if update["u"] <= last:
            continue
        assert update["U"] <= last + 1
        for side, levels in sides.items():
            for price, amount in update[side]:
                levels.pop(price, None)
                if float(amount):
                    levels[price] = amount
        last = int(update["u"])
    return last, sides["b"], sides["a"]


def kinds(played: Played) -> list[str]:
    """What happened, apart from the candles: in 2021 they did not tell the volume in base."""
    old_candles = [event for event in played.events if isinstance(event, Undecodable)]
    assert {event.error.channel for event in old_candles} == {"spot.candlesticks"}
    assert all("missing required field `a`" in event.error.message for event in old_candles)
    assert len(old_candles) == 14
    return [event.kind for event in played.events if event not in old_candles]


@pytest.mark.parametrize("before_snapshots", [0, 40, 1000], ids=["all after", "some before", "all before"])
async def test_the_whole_recording(recording: Recording, before_snapshots: int) -> None:
    async with playing(recording, recording.frames, before_snapshots=before_snapshots) as played:
        health = played.health.values()
        assert len(played.books) == 10
        assert sum(book.deltas for book in health) == 172
        assert sum(book.applied for book in health) == 159
        assert sum(book.stale for book in health) == 13
        assert sum(book.gaps for book in health) == 0
        assert sum(book.snapshot_requests for book in health) == 10
        assert played.trades == 9
        assert kinds(played) == ["connected"]
        for pair, book in played.books.items():
            assert book.state is BookState.LIVE
            last, bids, asks = told_by_the_rule(recording, pair)
            assert book.sequence == last
            told = [(float(price), float(amount)) for price, amount in bids.items()]
            assert sorted(told, reverse=True)[:100] == book.bids()
            told = [(float(price), float(amount)) for price, amount in asks.items()]
            assert sorted(told)[:100] == book.asks()
        for pair in ("BTC_USDC", "INK_USDT"):
            assert played.health[pair].applied == 0


def position_of(recording: Recording, accept: Callable[[dict[str, Any]], bool]) -> int:
    return next(number for number, frame in enumerate(recording.frames) if accept(json.loads(frame)))


def is_third_of_qtum(recording: Recording) -> Callable[[dict[str, Any]], bool]:
    """An applied update of a pair that is not its last."""
    base = recording.book("QTUM3S_USDT")["id"]
    applied = [update["u"] for update in recording.updates("QTUM3S_USDT") if update["u"] > base]
    assert len(applied) > 4
    return lambda frame: frame["channel"] == BOOK and frame.get("result", {}).get("u") == applied[2]


async def test_a_missing_line_costs_its_own_book_and_no_other(recording: Recording) -> None:
    missing = position_of(recording, is_third_of_qtum(recording))
    frames = recording.frames[:missing] + recording.frames[missing + 1 :]
    async with playing(recording, frames, before_snapshots=0) as played:
        for pair, book in played.books.items():
            assert book.is_live == (pair != "QTUM3S_USDT")
        lost = played.books["QTUM3S_USDT"]
        assert lost.state is not BookState.LIVE
        assert "older than the first buffered update" in lost.reason or "missing" in lost.reason
        assert played.health["QTUM3S_USDT"].gaps == 1
        assert kinds(played) == ["connected", "gap"]


async def test_a_doubled_line_changes_nothing(recording: Recording) -> None:
    doubled = position_of(recording, is_third_of_qtum(recording))
    frames = recording.frames[: doubled + 1] + recording.frames[doubled:]
    async with playing(recording, frames, before_snapshots=0) as played:
        assert all(book.is_live for book in played.books.values())
        assert sum(book.applied for book in played.health.values()) == 159
        assert sum(book.stale for book in played.health.values()) == 14
        assert sum(book.gaps for book in played.health.values()) == 0
