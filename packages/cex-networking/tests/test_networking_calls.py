from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cex.common.clock import ManualClock
from cex.common.correlation import new_random
from cex.common.exceptions import (
    AuthenticationException,
    ConfigurationException,
    ExchangeConnectionException,
    ExchangeDataException,
    RateLimitException,
    UnknownOutcomeException,
)
from cex.networking import (
    CallAnswer,
    CallClient,
    CallOutbound,
    Closed,
    ConnectFailed,
    ConnectionState,
    InMemoryMetrics,
    Priority,
    RateLimiter,
    RatePool,
    ReconnectPolicy,
    WebSocketConnection,
)

URL = "wss://venue.example/orders"


class Line:
    """One connection in memory: what the client sends is in ``sent``; ``answer`` and ``end`` are the server's part."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.inbound: asyncio.Queue[str | Closed] = asyncio.Queue()
        self.closed = 0
        self.refuses_sending = False

    async def send(self, data: str) -> None:
        if self.refuses_sending:
            raise Closed(1006, "reset")
        self.sent.append(json.loads(data))

    async def receive(self) -> str:
        item = await self.inbound.get()
        if isinstance(item, Closed):
            raise item
        return item

    async def aclose(self, code: int = 1000) -> None:
        self.closed += 1

    def answer(self, request_id: str, **body: Any) -> None:
        self.inbound.put_nowait(json.dumps({"id": request_id, **body}))

    def end(self, code: int = 1006, reason: str = "gone") -> None:
        self.inbound.put_nowait(Closed(code, reason))


class Network:
    """Opens lines, unless it is told to fail."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.failures: list[Exception] = []

    async def connect(
        self, url: str, *, headers: Mapping[str, str], timeout: float, max_size: int
    ) -> WebSocketConnection:
        await asyncio.sleep(0.01)
        if self.failures:
            raise self.failures.pop(0)
        self.lines.append(Line())
        return self.lines[-1]


class Words:
    exchange = "venue"
    url = URL
    ping_interval = 10.0
    silence_timeout = 20.0

    def __init__(self, *, logs_in: bool = False) -> None:
        self.logs_in = logs_in

    def login(self) -> CallOutbound | None:
        return CallOutbound("login", '{"id": "login", "signature": "canary"}') if self.logs_in else None

    def check_login(self, frame: bytes | str) -> None:
        if "refused" in str(frame):
            raise AuthenticationException("the key is not known", "venue")

    def ping(self) -> str:
        return '{"id": "ping"}'

    def on_frame(self, frame: bytes | str) -> CallAnswer | None:
        said = json.loads(frame)
        if "broken" in said:
            raise ExchangeDataException("not what was documented", "venue")
        if "bug" in said:
            raise KeyError("bug")
        return None if said.get("ack") or said["id"] == "ping" else CallAnswer(said["id"], frame)


@asynccontextmanager
async def calling(
    clock: ManualClock, network: Network, words: Words | None = None, **options: Any
) -> AsyncIterator[CallClient]:
    client = CallClient(
        words or Words(), transport=network, clock=clock, rng=new_random(1), **{"timeout": 5.0} | options
    )
    try:
        yield client
    finally:
        await client.aclose()
        assert not client.is_ready


def call(
    client: CallClient, request_id: str = "1", *, effect: bool = True, **options: Any
) -> asyncio.Task[bytes | str]:
    outbound = CallOutbound(request_id, json.dumps({"id": request_id, "do": "place"}))
    return asyncio.ensure_future(
        client.call(outbound, operation="place_order", endpoint="order.place", may_have_effect=effect, **options)
    )


async def test_answers_find_their_calls(virtual_clock: ManualClock) -> None:
    network = Network()
    async with calling(virtual_clock, network) as client:
        first, second = call(client, "1"), call(client, "2")
        await asyncio.sleep(1)
        (line,) = network.lines
        line.answer("2", ack=True)
        line.answer("2", done=2)
        line.answer("1", done=1)
        assert json.loads(await first) == {"id": "1", "done": 1}
        assert json.loads(await second) == {"id": "2", "done": 2}
        line.answer("nobody")
        await asyncio.sleep(1)
        health = client.health()
        assert (health.state, health.messages, health.pending) == (ConnectionState.OPEN, 4, 0)
    assert line.closed


async def test_a_login_comes_first(virtual_clock: ManualClock) -> None:
    network = Network()
    async with calling(virtual_clock, network, Words(logs_in=True)) as client:
        calls = [call(client, "1"), call(client, "2")]
        await asyncio.sleep(1)
        (line,) = network.lines
        assert [sent["id"] for sent in line.sent] == ["login"]
        line.answer("login")
        await asyncio.sleep(1)
        assert [sent["id"] for sent in line.sent] == ["login", "1", "2"]
        line.answer("1")
        line.answer("2")
        await asyncio.gather(*calls)


async def test_a_refused_login_is_told_and_tried_again_later(virtual_clock: ManualClock) -> None:
    network = Network()
    policy = ReconnectPolicy(first=5, most=5)
    async with calling(virtual_clock, network, Words(logs_in=True), reconnect=policy) as client:
        placing = call(client)
        await asyncio.sleep(1)
        network.lines[0].answer("login", error="refused")
        with pytest.raises(AuthenticationException):
            await placing
        assert network.lines[0].closed
        await asyncio.sleep(6)
        again = call(client)
        await asyncio.sleep(1)
        network.lines[1].answer("login")
        await asyncio.sleep(1)
        network.lines[1].answer("1")
        await again


async def test_without_an_answer_the_outcome_is_unknown(virtual_clock: ManualClock) -> None:
    network = Network()
    async with calling(virtual_clock, network) as client:
        with pytest.raises(UnknownOutcomeException, match="no answer within 5 s") as unknown:
            await call(client, sent_ts=7)
        assert (unknown.value.sent_ts, unknown.value.endpoint) == (7, "order.place")
        with pytest.raises(ExchangeConnectionException, match="no answer") as failed:
            await call(client, effect=False)
        assert failed.value.safe_to_resubmit
        network.lines[0].answer("1", late=True)
        await asyncio.sleep(1)
        assert client.health().faults == 0


async def test_a_lost_connection_ends_every_call_and_the_next_one_opens_another(virtual_clock: ManualClock) -> None:
    network = Network()
    async with calling(virtual_clock, network) as client:
        first, second = call(client, "1"), call(client, "2", effect=False)
        await asyncio.sleep(1)
        network.lines[0].end()
        with pytest.raises(UnknownOutcomeException, match="1006 gone"):
            await first
        with pytest.raises(ExchangeConnectionException):
            await second
        third = call(client, "3")
        await asyncio.sleep(1)
        network.lines[1].answer("3")
        await third
        assert client.health().reconnects == 1


async def test_what_could_not_be_sent_is_safe_to_send_otherwise(virtual_clock: ManualClock) -> None:
    network = Network()
    network.failures = [ConnectFailed("refused")]
    async with calling(virtual_clock, network, reconnect=ReconnectPolicy(first=60, most=60)) as client:
        for _ in range(2):
            with pytest.raises(ExchangeConnectionException, match=r"not sent: .*refused") as failed:
                await call(client)
            assert failed.value.safe_to_resubmit
        ready = [client.is_ready]
        assert client.health().state is ConnectionState.WAITING
        await asyncio.sleep(60)
        ready.append(client.is_ready)
        assert ready == [False, True]
    with pytest.raises(ExchangeConnectionException, match="closed") as closed:
        await call(client)
    assert not closed.value.retryable


async def test_a_break_while_sending_leaves_the_outcome_unknown(virtual_clock: ManualClock) -> None:
    network = Network()
    async with calling(virtual_clock, network) as client:
        opening = call(client)
        await asyncio.sleep(1)
        network.lines[0].answer("1")
        await opening
        network.lines[0].refuses_sending = True
        with pytest.raises(UnknownOutcomeException, match="reset"):
            await call(client, "2")


async def test_silence_ends_a_connection_and_a_heartbeat_prevents_it(virtual_clock: ManualClock) -> None:
    network = Network()
    async with calling(virtual_clock, network, timeout=100.0) as client:
        waiting = call(client)
        await asyncio.sleep(1)
        (line,) = network.lines
        for _ in range(5):
            await asyncio.sleep(10)
            line.answer("ping")
        assert line.sent.count({"id": "ping"}) == 5
        with pytest.raises(UnknownOutcomeException, match="silent for 20 s"):
            await waiting


async def test_frames_that_mean_nothing_do_no_harm(virtual_clock: ManualClock) -> None:
    network = Network()
    async with calling(virtual_clock, network) as client:
        waiting = call(client)
        await asyncio.sleep(1)
        network.lines[0].answer("1", broken=True)
        network.lines[0].answer("1", bug=True)
        network.lines[0].answer("1")
        await waiting
        health = client.health()
        assert (health.undecodable, health.faults) == (1, 1)


async def test_the_limiter_is_asked_and_hears_the_answers(virtual_clock: ManualClock) -> None:
    network, heard = Network(), []
    limiter = RateLimiter([RatePool("orders", 1, 10)], virtual_clock)
    metrics = InMemoryMetrics()
    async with calling(
        virtual_clock,
        network,
        limiter=limiter,
        feedback=lambda frame, told: heard.append((frame, told)),
        metrics=metrics,
    ) as client:
        first = call(client, costs={"orders": 1}, priority=Priority.PLACE)
        await asyncio.sleep(1)
        network.lines[0].answer("1")
        await first
        assert heard[0][1] is limiter
        with pytest.raises(RateLimitException, match="no budget within 1"):
            await call(client, "2", costs={"orders": 1}, max_wait=1)
        assert len(network.lines[0].sent) == 1


async def test_one_id_is_under_way_once(virtual_clock: ManualClock) -> None:
    network = Network()
    async with calling(virtual_clock, network) as client:
        first = call(client)
        await asyncio.sleep(1)
        with pytest.raises(ValueError, match="under way already"):
            await call(client)
        network.lines[0].answer("1")
        await first


async def test_the_tap_hears_everything(virtual_clock: ManualClock) -> None:
    told: list[str] = []

    class Tap:
        def __getattr__(self, name: str) -> Any:
            return lambda *facts: told.append(name)

    network = Network()
    async with calling(virtual_clock, network, tap=Tap()) as client:
        waiting = call(client)
        await asyncio.sleep(1)
        network.lines[0].answer("1")
        await waiting
    assert told == ["opened", "sent", "received", "closed"]


async def test_cancelling_at_any_point_leaves_nothing(virtual_clock: ManualClock) -> None:
    for iterations in range(12):
        network = Network()
        async with calling(virtual_clock, network, Words(logs_in=True)) as client:
            waiting = call(client)
            for _ in range(iterations):
                await asyncio.sleep(0.003)
                if network.lines and iterations % 2:
                    network.lines[0].answer("login")
            waiting.cancel()
            await asyncio.wait({waiting})
        assert all(line.closed for line in network.lines)


def test_what_cannot_work_is_told_at_once() -> None:
    words = Words()
    words.silence_timeout = 30.0
    with pytest.raises(ValueError, match="two heartbeats"):
        CallClient(words)
    words = Words()
    words.url = "ws://venue.example"
    with pytest.raises(ConfigurationException, match="TLS"):
        CallClient(words)
