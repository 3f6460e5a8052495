"""The websocket client against an exchange in memory, in virtual time."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cex.common.clock import ManualClock
from cex.common.exceptions import (
    ConfigurationException,
    ExchangeConnectionException,
    ExchangeDataException,
    ExchangeRejectedException,
)
from cex.networking.metrics import InMemoryMetrics
from cex.networking.websocket.client import WebSocketClient
from cex.networking.websocket.dialect import (
    Acknowledged,
    Advice,
    Control,
    ControlItem,
    Outbound,
    Pong,
    Refused,
    Subscription,
)
from cex.networking.websocket.events import (
    Connected,
    FrameFault,
    Interrupted,
    Recovered,
    StreamEvent,
    SubscriptionRefused,
    Undecodable,
)
from cex.networking.websocket.health import ConnectionState
from cex.networking.websocket.reconnect import ConnectBudget, ReconnectPolicy
from cex.networking.websocket.transport import Closed, ConnectFailed

VirtualRun = Callable[[Callable[[ManualClock], Awaitable[None]]], None]

A, B, C, D = (Subscription("book", (name,)) for name in "ABCD")


def streams(count: int) -> list[Subscription]:
    return [Subscription("book", (f"S{number}",)) for number in range(count)]


def most_in_a_minute(times: list[float]) -> int:
    return max(sum(1 for other in times if start <= other < start + 60 - 1e-6) for start in times)


@dataclass
class Language:
    """A dialect with one request for all streams: ``sub 7 A,B``; answers ``ok 7`` or ``no 7 A reason``."""

    max_subscriptions: int | None = None
    ping_interval: float = 10.0
    silence_timeout: float = 20.0
    exchange: str = "venue"
    url: str = "wss://stream.venue.test/ws?listenKey=CANARY"
    one_request_each: bool = False
    with_ids: bool = True
    seen: list[tuple[str, int]] = field(default_factory=list)

    def _requests(self, verb: str, wanted: Sequence[Subscription], ids: Iterator[int]) -> list[Outbound]:
        groups = [(stream,) for stream in wanted] if self.one_request_each else [tuple(wanted)]
        requests = []
        for group in groups:
            number = next(ids)
            names = ",".join(stream.params[0] for stream in group)
            requests.append(Outbound(f"{verb} {number} {names}", group, number if self.with_ids else None))
        return requests

    def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> list[Outbound]:
        return self._requests("sub", subscriptions, request_ids)

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> list[Outbound]:
        return self._requests("unsub", subscriptions, request_ids)

    def ping(self) -> str:
        return "ping"

    def on_frame(self, data: bytes | str, received_ns: int) -> Control | None:
        assert isinstance(data, str)
        word, _, rest = data.partition(" ")
        if word == "data":
            self.seen.append((rest, received_ns))
            return None
        if word == "bug":
            raise ZeroDivisionError("in a handler")
        if word == "pong":
            return Pong()
        if word == "bye":
            return Advice(rest)
        if word in ("ok", "no", "mixed"):
            items = tuple(self._verdict(part) for part in data.split("; "))
            return items[0] if len(items) == 1 else items
        raise ExchangeDataException(f"no such word: {word}", self.exchange, payload=data)

    def _verdict(self, text: str) -> ControlItem:
        word, number, *rest = text.split(" ", 3)
        request_id = int(number) if self.with_ids else None
        names = tuple(Subscription("book", (name,)) for name in rest[0].split(",")) if rest and rest[0] != "-" else None
        if word == "ok":
            return Acknowledged(request_id, None if names else "book", names)
        return Refused(request_id, None if names else "book", names, "42", rest[1])


class Socket:
    """One connection, seen from both ends."""

    def __init__(self, exchange: Exchange, url: str) -> None:
        self.exchange = exchange
        self.url = url
        self.open = True
        self.carried: list[str] = []
        self.sent: list[tuple[float, str]] = []
        self.closed_with: int | None = None
        self._inbox: deque[str | Closed] = deque()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    # The client's end

    async def send(self, data: str) -> None:
        await self._room.wait()
        await asyncio.sleep(0)
        if not self.open:
            raise Closed(1006, "gone")
        self.sent.append((asyncio.get_running_loop().time(), data))
        self.exchange.heard(self, data)

    async def receive(self) -> str:
        while not self._inbox:
            self._filled.clear()
            await self._filled.wait()
        frame = self._inbox.popleft()
        if isinstance(frame, Closed):
            raise frame
        return frame

    async def aclose(self, code: int = 1000) -> None:
        await asyncio.sleep(self.exchange.closing_takes)
        if self.open:
            self.open = False
            self.closed_with = code

    # The exchange's end

    def push(self, frame: str) -> None:
        if self.open and not self.exchange.mute:
            self._inbox.append(frame)
            self._filled.set()

    def cut(self, code: int = 1006, reason: str = "cut") -> None:
        if self.open:
            self.open = False
            self._inbox.append(Closed(code, reason))
            self._filled.set()

    def clog(self) -> None:
        """From now on the exchange reads nothing."""
        self._room.clear()


class Exchange:
    """Both the transport that a client is given and the exchange behind it."""

    def __init__(self) -> None:
        self.sockets: list[Socket] = []
        self.attempts: list[float] = []
        self.down = False
        self.broken: Exception | None = None
        self.mute = False
        self.pongs = True
        self.unanswered: set[str] = set()
        self.refused: set[str] = set()
        self.atomic = False
        self.connecting_takes = 0.05
        self.closing_takes = 0.01
        self.headers: Mapping[str, str] = {}

    async def connect(self, url: str, *, headers: Mapping[str, str], timeout: float, max_size: int) -> Socket:
        self.headers = headers
        self.attempts.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.connecting_takes)
        if self.broken is not None:
            raise self.broken
        if self.down:
            raise ConnectFailed("refused")
        self.sockets.append(Socket(self, url))
        return self.sockets[-1]

    @property
    def live(self) -> list[Socket]:
        return [socket for socket in self.sockets if socket.open]

    def heard(self, socket: Socket, data: str) -> None:
        if data == "ping":
            if self.pongs:
                socket.push("pong")
            return
        verb, number, names = data.split(" ")
        if verb == "unsub":
            socket.carried = [name for name in socket.carried if name not in names.split(",")]
            return
        asked = names.split(",")
        refused = [name for name in asked if name in self.refused]
        if refused and self.atomic:
            socket.push(f"no {number} - one is unknown")
            return
        for name in asked:
            if name in refused:
                socket.push(f"no {number} {name} unknown")
            elif name not in self.unanswered and name not in socket.carried:
                socket.carried.append(name)
        if not refused and not self.unanswered.intersection(asked):
            socket.push(f"ok {number}")
        elif answered := [name for name in asked if name not in self.unanswered and name not in refused]:
            socket.push(f"ok {number} {','.join(answered)}")

    def carried(self) -> list[str]:
        return sorted(name for socket in self.live for name in socket.carried)


@dataclass
class Setup:
    client: WebSocketClient
    exchange: Exchange
    language: Language
    events: list[StreamEvent]
    metrics: InMemoryMetrics

    def told(self, kind: type[Any]) -> list[Any]:
        """Events of a kind. When a lost connection was last heard is looked at apart, by :meth:`heard`."""
        return [event for event in self.all_told() if isinstance(event, kind)]

    def all_told(self) -> list[Any]:
        return [replace(event, heard_ns=None) if isinstance(event, Interrupted) else event for event in self.events]

    def heard(self) -> list[int | None]:
        return [event.heard_ns for event in self.events if isinstance(event, Interrupted)]


def set_up(clock: ManualClock, language: Language | None = None, **options: Any) -> Setup:
    exchange, language, metrics = Exchange(), language or Language(), InMemoryMetrics()
    events: list[StreamEvent] = []
    options.setdefault("on_event", events.append)
    options.setdefault("rng", random.Random(7))
    client = WebSocketClient(language, transport=exchange, clock=clock, metrics=metrics, **options)
    return Setup(client, exchange, language, events, metrics)


async def until(condition: Callable[..., object]) -> None:
    for _ in range(100_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen in time")


async def test_the_first_subscribe_connects_and_nothing_runs_before_or_after(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock, headers={"X-Ours": "1"})
    await asyncio.sleep(100)
    assert at.exchange.attempts == []
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await at.client.subscribe([])
    assert at.exchange.attempts == []
    await at.client.subscribe([A, B, A])
    assert at.exchange.carried() == ["A", "B"]
    assert at.exchange.headers == {"X-Ours": "1"}
    assert at.events == [Connected(1, "wss://stream.venue.test/ws")]
    await at.client.unsubscribe([A, B, C])
    await asyncio.sleep(100)
    assert at.exchange.live == []
    assert at.exchange.sockets[0].closed_with == 1000
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert at.client.health() == ()
    assert at.told(Interrupted) == []
    await at.client.aclose()


async def test_frames_reach_the_dialect_with_the_time_of_their_receipt(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A])
        await asyncio.sleep(3)
        at.exchange.sockets[0].push("data A1")
        at.exchange.sockets[0].push("data A2")
        now = virtual_clock.time_ns()
        await asyncio.sleep(0.1)
        assert at.language.seen == [("A1", now), ("A2", now)]


async def test_what_is_wanted_already_is_not_asked_for_again(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await asyncio.gather(at.client.subscribe([A, B]), at.client.subscribe([B, C]), at.client.subscribe([A]))
        await at.client.subscribe([A, B, C])
        assert at.exchange.carried() == ["A", "B", "C"]
        assert len(at.exchange.sockets) == 1
        assert [data for _, data in at.exchange.sockets[0].sent] == ["sub 1 A,B,C"]


async def test_streams_spread_over_connections_by_the_cap(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock, Language(max_subscriptions=30))
    async with at.client:
        await at.client.subscribe(streams(65))
        assert [len(socket.carried) for socket in at.exchange.sockets] == [30, 30, 5]
        assert [health.subscriptions for health in at.client.health()] == [30, 30, 5]
        await at.client.unsubscribe(streams(2))
        await at.client.subscribe([A, B, C])
        assert [len(socket.carried) for socket in at.exchange.sockets] == [30, 30, 6]
        assert len({name for socket in at.exchange.sockets for name in socket.carried}) == 66


async def test_a_cumulative_cap_frees_a_slot_only_with_the_next_connection(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock, Language(max_subscriptions=3), cumulative=True)
    async with at.client:
        await at.client.subscribe([A, B, C])
        await at.client.unsubscribe([A])
        await at.client.subscribe([D])
        assert [sorted(socket.carried) for socket in at.exchange.sockets] == [["B", "C"], ["D"]]
        at.exchange.sockets[0].cut()
        await asyncio.sleep(5)
        await at.client.subscribe([A])
        assert sorted(at.exchange.sockets[2].carried) == ["A", "B", "C"]


async def test_a_refused_stream_is_named_and_the_others_stay(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    at.exchange.refused = {"B"}
    async with at.client:
        with pytest.raises(ExchangeRejectedException, match="1 subscriptions refused: book B: unknown") as caught:
            await at.client.subscribe([A, B, C])
        assert caught.value.exchange_code == "42"
        assert caught.value.operation == "subscribe"
        assert caught.value.endpoint == "wss://stream.venue.test/ws"
        assert at.told(SubscriptionRefused) == [SubscriptionRefused(1, B, "42", "unknown")]
        at.exchange.sockets[0].cut()
        await asyncio.sleep(5)
        assert at.exchange.carried() == ["A", "C"]
        assert at.told(Recovered) == [Recovered(2, (A, C))]
        at.exchange.refused = set()
        await at.client.subscribe([B])
        assert at.exchange.carried() == ["A", "B", "C"]


async def test_a_refusal_of_the_whole_request_is_tried_one_by_one(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    at.exchange.refused, at.exchange.atomic = {"B"}, True
    async with at.client:
        with pytest.raises(ExchangeRejectedException, match="book B: one is unknown"):
            await at.client.subscribe([A, B, C])
        assert at.exchange.carried() == ["A", "C"]
        assert [data for _, data in at.exchange.sockets[0].sent] == ["sub 1 A,B,C", "sub 2 A", "sub 3 B", "sub 4 C"]


async def test_more_refusals_than_a_message_holds_are_counted(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    at.exchange.refused = {stream.params[0] for stream in streams(7)}
    async with at.client:
        with pytest.raises(ExchangeRejectedException, match="7 subscriptions refused, the first 5 are: ") as caught:
            await at.client.subscribe(streams(7))
    assert "S4" in caught.value.message
    assert "S5" not in caught.value.message


async def test_an_unanswered_stream_is_named_given_up_and_ended(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock, subscribe_timeout=4.0)
    at.exchange.unanswered = {"B"}
    async with at.client:
        started = virtual_clock.monotonic_ns()
        with pytest.raises(ExchangeConnectionException, match=r"1 .* not acknowledged: book B \(for 4 s\)") as caught:
            await at.client.subscribe([A, B])
        assert 4 <= (virtual_clock.monotonic_ns() - started) / 1e9 < 4.2
        assert caught.value.retryable
        at.exchange.sockets[0].carried.append("B")
        await asyncio.sleep(0.1)
        assert at.exchange.sockets[0].sent[-1][1] == "unsub 2 B"
        assert at.exchange.carried() == ["A"]
        assert at.client.last_heard_ns(A) is not None
        assert at.client.last_heard_ns(B) is None


async def test_a_server_that_never_answers_costs_one_timeout_and_leaves_nothing(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock, subscribe_timeout=4.0)
    at.exchange.unanswered = {"A", "B"}
    with pytest.raises(ExchangeConnectionException):
        await at.client.subscribe([A])
    at.exchange.sockets[0].carried.append("A")
    await asyncio.sleep(10)
    assert at.exchange.live == []
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_server_that_is_down_is_tried_until_the_timeout_and_then_told(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    at.exchange.down = True
    with pytest.raises(
        ExchangeConnectionException, match=r"book A \(cannot connect to wss://stream.venue.test/ws: refu"
    ):
        await at.client.subscribe([A])
    assert 2 <= len(at.exchange.attempts) <= 40
    attempts = len(at.exchange.attempts)
    await asyncio.sleep(60)
    assert len(at.exchange.attempts) == attempts
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_server_that_comes_back_in_time_is_found(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock, reconnect=ReconnectPolicy(most=2.0))
    at.exchange.down = True
    asyncio.get_running_loop().call_later(5, setattr, at.exchange, "down", False)
    async with at.client:
        await at.client.subscribe([A])
        assert at.exchange.carried() == ["A"]
        health = at.client.health()[0]
        assert health.state is ConnectionState.OPEN
        assert "refused" in health.reason


async def test_a_fault_of_the_transport_is_logged_and_survived(
    virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    at = set_up(virtual_clock)
    at.exchange.broken = KeyError("token=CANARY")
    asyncio.get_running_loop().call_later(3, setattr, at.exchange, "broken", None)
    async with at.client:
        await at.client.subscribe([A])
        assert "CANARY" not in at.client.health()[0].reason
    assert "connecting failed by our own fault" in caplog.text


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011])
async def test_whatever_the_close_code_the_streams_come_back(virtual_clock: ManualClock, code: int) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A, B])
        at.exchange.sockets[0].cut(code)
        await asyncio.sleep(3)
        assert at.exchange.carried() == ["A", "B"]
        assert at.all_told() == [
            Connected(1, "wss://stream.venue.test/ws"),
            Interrupted(1, (A, B), f"connection closed: {code} cut"),
            Connected(2, "wss://stream.venue.test/ws"),
            Recovered(2, (A, B)),
        ]
        assert at.client.health()[0].reconnects == 1
        assert at.metrics.counted("websocket_connects", exchange="venue") == 2
        assert at.metrics.counted("websocket_interruptions") == 1


async def test_silence_is_found_within_two_heartbeats(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A])
        await asyncio.sleep(95)
        at.exchange.mute = True
        heard = at.client.last_heard_ns(A)
        assert heard is not None
        await until(lambda: at.told(Interrupted))
        assert at.told(Interrupted) == [Interrupted(1, (A,), "nothing heard for 20.0 s")]
        assert (virtual_clock.monotonic_ns() - heard) / 1e9 == pytest.approx(20, abs=0.02)
        assert at.client.last_heard_ns(A) is None
        at.exchange.mute = False
        await asyncio.sleep(3)
        assert at.exchange.carried() == ["A"]


async def test_a_quiet_stream_with_answered_heartbeats_is_not_silence(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A])
        await asyncio.sleep(3600)
        pings = [when for when, data in at.exchange.sockets[0].sent if data == "ping"]
        assert len(pings) == 359
        assert {round(after - before, 6) for before, after in pairwise(pings)} == {10.0}
        assert len(at.exchange.sockets) == 1
        assert at.client.health()[0].lag_s == pytest.approx(0, abs=0.01)


async def test_frames_that_waited_out_a_stall_of_the_process_are_not_silence(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A])
        virtual_clock.advance(25)
        asyncio.get_running_loop().call_soon(at.exchange.sockets[0].push, "data A1")  # as the selector would tell it
        await asyncio.sleep(1)
        assert at.told(Interrupted) == []
        assert [rest for rest, _ in at.language.seen] == ["A1"]


async def test_an_exchange_that_reads_nothing_does_not_stop_us_reading(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A])
        socket = at.exchange.sockets[0]
        socket.clog()
        for number in range(27):
            socket.push(f"data {number}")
            await asyncio.sleep(1)
        assert [rest for rest, _ in at.language.seen] == [str(number) for number in range(27)]
        await asyncio.sleep(10)
        assert at.told(Interrupted) == [Interrupted(1, (A,), "the exchange has taken nothing for 20 s")]
        assert at.exchange.carried() == ["A"]


async def test_backoff_grows_while_connections_prove_useless_and_starts_over_after_a_useful_one(
    virtual_clock: ManualClock,
) -> None:
    class Longest(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    at = set_up(virtual_clock, reconnect=ReconnectPolicy(first=0.5, most=4.0, proven_after=10), rng=Longest())
    at.exchange.connecting_takes = at.exchange.closing_takes = 0.0
    async with at.client:
        await at.client.subscribe([A])
        for _ in range(5):
            at.exchange.sockets[-1].cut()
            before = len(at.exchange.sockets)
            await until(lambda before=before: len(at.exchange.sockets) > before and at.exchange.carried() == ["A"])
        pauses = [b - a for a, b in pairwise(at.exchange.attempts)]
        assert pauses == pytest.approx([1.0, 2.0, 4.0, 4.0, 4.0], abs=0.02)
        await asyncio.sleep(11)
        cut_at = virtual_clock.monotonic_ns() / 1e9
        at.exchange.sockets[-1].cut()
        await asyncio.sleep(2)
        assert at.exchange.attempts[-1] - cut_at == pytest.approx(0.5, abs=0.02)


async def test_connects_to_a_host_stay_within_the_shared_budget(virtual_clock: ManualClock) -> None:
    first = set_up(virtual_clock, Language(max_subscriptions=1))
    second = set_up(virtual_clock, Language(max_subscriptions=1, url="wss://STREAM.venue.test/other"))
    await asyncio.gather(first.client.subscribe(streams(20)), second.client.subscribe(streams(20)))
    first.exchange.down = second.exchange.down = True
    for socket in first.exchange.sockets + second.exchange.sockets:
        socket.cut()
    await asyncio.sleep(600)
    first.exchange.down = second.exchange.down = False
    await asyncio.sleep(120)
    attempts = sorted(first.exchange.attempts + second.exchange.attempts)
    assert len(attempts) > 200
    assert most_in_a_minute(attempts) == 60
    for side in (first, second):
        assert side.exchange.carried() == sorted(stream.params[0] for stream in streams(20))
        await side.client.aclose()


async def test_requests_are_paced(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock, Language(one_request_each=True), request_interval=0.25)
    async with at.client:
        await at.client.subscribe(streams(60))  # takes longer than subscribe_timeout, but never stops
        times = [when for when, data in at.exchange.sockets[0].sent if data.startswith("sub")]
        assert len(times) == 60
        assert min(b - a for a, b in pairwise(times)) >= 0.249


async def test_advice_is_followed_by_a_new_connection_before_the_old_one_goes(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A])
        await asyncio.sleep(30)
        old = at.exchange.sockets[0]
        at.exchange.connecting_takes, at.exchange.closing_takes = 2.0, 0.9
        old.push("bye upgrade")
        await asyncio.sleep(1)
        old.push("data while connecting")
        await asyncio.sleep(0.5)
        assert [rest for rest, _ in at.language.seen] == ["while connecting"]
        await asyncio.sleep(1)
        assert at.told(Recovered), "the slow end of the old connection must not hold up the new one"
        old.push("data too late")
        await asyncio.sleep(1)
        assert [rest for rest, _ in at.language.seen] == ["while connecting"]
        assert [socket.open for socket in at.exchange.sockets] == [False, True]
        assert at.all_told()[1:] == [
            Interrupted(1, (A,), "the exchange asks to reconnect: upgrade"),
            Connected(2, "wss://stream.venue.test/ws"),
            Recovered(2, (A,)),
        ]
        assert at.exchange.carried() == ["A"]


async def test_advice_that_cannot_be_followed_keeps_the_old_connection(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A])
        await asyncio.sleep(30)
        at.exchange.down = True
        at.exchange.sockets[0].push("bye upgrade")
        await asyncio.sleep(30)
        assert at.told(Interrupted) == []
        at.exchange.down = False
        at.exchange.sockets[0].cut()
        await asyncio.sleep(3)
        assert at.exchange.carried() == ["A"]


async def test_advice_on_every_connection_does_not_make_a_storm(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A])
        for _ in range(600):
            for socket in at.exchange.live:
                socket.push("bye again")
            await asyncio.sleep(0.1)
        assert len(at.exchange.attempts) < 30


async def test_a_connection_dies_while_its_successor_is_on_the_way(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A])
        await asyncio.sleep(30)
        at.exchange.connecting_takes = 2.0
        at.exchange.sockets[0].push("bye upgrade")
        await asyncio.sleep(1)
        at.exchange.sockets[0].cut()
        await asyncio.sleep(2)
        assert at.exchange.carried() == ["A"]
        assert len(at.exchange.sockets) == 2


async def test_an_aged_connection_is_replaced_at_a_random_time_before_its_limit(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock, Language(max_subscriptions=1), max_age=1000.0)
    async with at.client:
        await at.client.subscribe(streams(5))
        await asyncio.sleep(899)
        assert len(at.exchange.sockets) == 5
        await asyncio.sleep(102)
        assert len(at.exchange.sockets) == 10
        assert len({round(when, 1) for when in at.exchange.attempts[5:]}) == 5
        assert at.exchange.carried() == sorted(stream.params[0] for stream in streams(5))


async def test_a_stream_refused_after_it_worked_stays_wanted(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A, B])
        at.exchange.refused = {"B"}
        at.exchange.sockets[0].cut()
        await asyncio.sleep(3)
        assert at.exchange.carried() == ["A"]
        assert at.told(Recovered) == [Recovered(2, (A,))]
        with pytest.raises(ExchangeRejectedException):
            await at.client.subscribe([B])
        health = at.client.health()[0]
        assert (health.subscriptions, health.pending) == (1, 1)
        await asyncio.sleep(300)
        refusals = at.told(SubscriptionRefused)
        assert 5 <= len(refusals) <= 10
        assert set(refusals) == {SubscriptionRefused(2, B, "42", "unknown")}
        at.exchange.refused = set()
        await asyncio.sleep(61)
        assert at.exchange.carried() == ["A", "B"]
        assert at.told(Recovered)[-1] == Recovered(2, (B,))


async def test_a_stream_unanswered_after_it_worked_is_asked_for_again_and_told(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A, B])
        at.exchange.unanswered = {"B"}
        at.exchange.sockets[0].cut()
        await asyncio.sleep(14)
        assert at.told(Recovered) == [Recovered(2, (A,))]
        assert at.told(SubscriptionRefused) == [SubscriptionRefused(2, B, None, "not acknowledged within 10 s")]
        at.exchange.unanswered = set()
        await asyncio.sleep(11)
        assert at.told(Recovered)[-1] == Recovered(2, (B,))
        assert at.exchange.carried() == ["A", "B"]


async def test_a_loss_before_the_answer_asks_again_on_the_next_connection(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    at.exchange.unanswered = {"A"}
    async with at.client:
        waiting = asyncio.create_task(at.client.subscribe([A]))
        await asyncio.sleep(1)
        at.exchange.unanswered = set()
        at.exchange.sockets[0].cut()
        await waiting
        assert at.exchange.carried() == ["A"]
        assert at.told(Interrupted) == [Interrupted(1, (), "connection closed: 1006 cut")]
        assert at.heard() == [50_000_000]
        assert at.told(Recovered) == []


async def test_undecodable_frames_and_our_own_faults_are_counted_and_told(
    virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A])
        for frame in ("gibberish", "bug", "data after"):
            at.exchange.sockets[0].push(frame)
        await asyncio.sleep(1)
        undecodable, fault = at.told(Undecodable)[0], at.told(FrameFault)[0]
        assert undecodable.connection == 1
        assert undecodable.error.payload == "gibberish"
        assert isinstance(fault.error, ZeroDivisionError)
        assert [rest for rest, _ in at.language.seen] == ["after"]
        health = at.client.health()[0]
        assert (health.undecodable, health.faults, health.messages) == (1, 1, 4)
        assert at.metrics.counted("websocket_undecodable") == at.metrics.counted("websocket_faults") == 1
        assert at.told(Interrupted) == []
    record = next(record for record in caplog.records if record.message == "handling a frame failed, 1 so far")
    assert record.exc_info is not None
    assert record.levelno == logging.ERROR


async def test_a_fault_that_every_frame_repeats_does_not_drown_the_log(
    virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A])
        for _ in range(100):
            at.exchange.sockets[0].push("bug")
            at.exchange.sockets[0].push("gibberish")
        await asyncio.sleep(1)
        assert len(at.told(FrameFault)) == len(at.told(Undecodable)) == 100
    assert caplog.text.count("handling a frame failed") == caplog.text.count("undecodable frame") == 7


async def test_a_handler_that_raises_harms_nothing(
    virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: StreamEvent) -> None:
        raise ValueError("mine")

    at = set_up(virtual_clock, on_event=fail)
    async with at.client:
        await at.client.subscribe([A])
        at.exchange.sockets[0].cut()
        await asyncio.sleep(3)
        assert at.exchange.carried() == ["A"]
        assert at.client.failed_handlers == 4
    assert caplog.text.count("the event handler failed") == 4


async def test_a_dialect_that_cannot_ask_is_our_fault_and_said_so(
    virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Mumbling(Language):
        def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> list[Outbound]:
            raise IndexError("no words")

    at = set_up(virtual_clock, Mumbling())
    async with at.client:
        with pytest.raises(ExchangeConnectionException, match="failed: IndexError"):
            await at.client.subscribe([A])
    assert "a connection failed by our own fault" in caplog.text


async def test_a_fault_of_our_own_between_connections_does_not_end_the_line(
    virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    class FailingOnce(random.Random):
        failed = False

        def uniform(self, a: float, b: float) -> float:
            if not self.failed:
                self.failed = True
                raise ArithmeticError
            return a

    at = set_up(virtual_clock, rng=FailingOnce())
    async with at.client:
        await at.client.subscribe([A])
        at.exchange.sockets[0].cut()
        await asyncio.sleep(3)
        assert at.exchange.carried() == ["A"]
        assert at.client.health()[0].faults == 1
    assert "a websocket line failed by our own fault" in caplog.text


async def test_what_the_exchange_says_shows_no_secret(
    virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    at = set_up(virtual_clock)
    at.exchange.unanswered = {"A"}
    async with at.client:
        call = asyncio.create_task(at.client.subscribe([A, B]))
        await asyncio.sleep(1)
        at.exchange.sockets[0].push("no 1 A token=CANARY")
        await asyncio.sleep(20)
        at.exchange.sockets[0].push("bye token=CANARY")
        await asyncio.sleep(5)
        at.exchange.sockets[1].cut(reason="token=CANARY")
        await asyncio.sleep(5)
        shown = [*map(repr, at.events), repr(at.client.health()), str(call.exception()), caplog.text]
    assert len(at.told(Interrupted)) == 2
    assert not [text for text in shown if "CANARY" in text]


async def test_answers_without_ids_go_to_the_oldest_request(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock, Language(with_ids=False, one_request_each=True))
    at.exchange.unanswered = {"A", "B", "C"}
    async with at.client:
        calls = [asyncio.create_task(at.client.subscribe([stream])) for stream in (A, B, C)]
        await asyncio.sleep(1)
        for frame in ("ok 0", "no 0 - unknown"):
            at.exchange.sockets[0].push(frame)
        await asyncio.sleep(1)
        assert calls[0].result() is None
        assert isinstance(calls[1].exception(), ExchangeRejectedException)
        assert not calls[2].done()
        at.exchange.sockets[0].push("ok 0; ok 0")
        await calls[2]


async def test_one_frame_may_accept_some_and_refuse_others(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    at.exchange.unanswered = {"A", "B", "C"}
    async with at.client:
        call = asyncio.create_task(at.client.subscribe([A, B, C]))
        await asyncio.sleep(1)
        at.exchange.sockets[0].push("ok 1 A,C; no 1 B blocked")
        await asyncio.sleep(1)
        error = call.exception()
        assert isinstance(error, ExchangeRejectedException)
        assert "book B: blocked" in error.message
        assert at.client.health()[0].subscriptions == 2


async def test_a_late_answer_to_what_was_given_up_means_nothing(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock, Language(with_ids=False, one_request_each=True))
    at.exchange.unanswered = {"A", "B"}
    async with at.client:
        await_a = asyncio.create_task(at.client.subscribe([A]))
        await asyncio.sleep(1)
        at.exchange.sockets[0].carried.append("A")
        await_a.cancel()
        await asyncio.sleep(0.1)
        await_b = asyncio.create_task(at.client.subscribe([B]))
        await asyncio.sleep(1)
        at.exchange.sockets[0].push("ok 0")  # the answer to A
        await asyncio.sleep(1)
        assert not await_b.done()
        at.exchange.sockets[0].push("ok 0")
        await await_b


async def test_unsubscribing_what_somebody_waits_for_tells_them(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    at.exchange.down = True
    async with at.client:
        call = asyncio.create_task(at.client.subscribe([A]))
        await asyncio.sleep(1)
        await at.client.unsubscribe([A])
        with pytest.raises(ExchangeRejectedException, match="unsubscribed before it was acknowledged"):
            await call


async def test_a_stream_that_ends_and_is_asked_for_again_keeps_its_connection(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A])
        for _ in range(3):
            await at.client.unsubscribe([A])
            await at.client.subscribe([A])
        await asyncio.sleep(20)
        assert len(at.exchange.sockets) == 1
        assert at.exchange.carried() == ["A"]


async def test_an_idle_connection_that_is_lost_is_not_opened_again(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        await at.client.subscribe([A])
        await at.client.unsubscribe([A])
        await asyncio.sleep(1)
        at.exchange.sockets[0].cut()
        await asyncio.sleep(1)
        await at.client.subscribe([B])
        assert at.exchange.carried() == ["B"]
        assert len(at.exchange.sockets) == 2


async def test_health_tells_what_is_so(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    async with at.client:
        call = asyncio.create_task(at.client.subscribe([A]))
        await asyncio.sleep(0.01)
        assert at.client.health()[0].state is ConnectionState.CONNECTING
        await call
        at.exchange.sockets[0].push("data 12345")
        await asyncio.sleep(5)
        health = at.client.health()[0]
        assert health.url == "wss://stream.venue.test/ws"
        assert (health.connection, health.state, health.reason) == (1, ConnectionState.OPEN, "")
        assert (health.messages, health.bytes) == (2, len("ok 1") + len("data 12345"))
        assert health.age_s == pytest.approx(5, abs=0.1)
        assert health.quiet_s == pytest.approx(5, abs=0.1)
        assert health.lag_s is None
        assert health.last_heard_ns == at.client.last_heard_ns(A)
        at.exchange.down = True
        at.exchange.sockets[0].cut()
        await asyncio.sleep(1)
        health = at.client.health()[0]
        assert health.state is ConnectionState.WAITING
        assert health.age_s is health.quiet_s is health.last_heard_ns is None
        assert (health.subscriptions, health.pending) == (0, 1)


async def test_aclose_ends_within_a_second_and_leaves_nothing(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock, Language(max_subscriptions=1))
    at.exchange.closing_takes = 0.7
    await at.client.subscribe([A, B])
    at.exchange.down = True
    at.exchange.sockets[1].cut()
    pending = asyncio.create_task(at.client.subscribe([C]))
    await asyncio.sleep(2)
    started = virtual_clock.monotonic_ns()
    await at.client.aclose()
    assert (virtual_clock.monotonic_ns() - started) / 1e9 < 1
    with pytest.raises(ExchangeConnectionException, match="the client was closed") as caught:
        await pending
    assert not caught.value.retryable
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert at.exchange.live == []
    await at.client.aclose()
    await at.client.unsubscribe([A])
    with pytest.raises(ExchangeConnectionException, match="the client is closed"):
        await at.client.subscribe([A])


async def test_a_cancelled_subscribe_gives_up_what_only_it_asked_for(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock)
    at.exchange.unanswered = {"C"}
    async with at.client:
        call = asyncio.create_task(at.client.subscribe([A, B, C]))
        await asyncio.sleep(1)
        await at.client.subscribe([B])
        at.exchange.sockets[0].carried.append("C")
        call.cancel()
        await asyncio.sleep(1)
        assert call.cancelled()
        assert at.exchange.carried() == ["B"]


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        ({"url": "https://stream.venue.test"}, ConfigurationException),
        ({"url": "wss://"}, ConfigurationException),
        ({"max_subscriptions": 0}, ValueError),
        ({"silence_timeout": 21.0}, ValueError),
        ({"silence_timeout": 10.0}, ValueError),
    ],
)
def test_a_dialect_that_cannot_work_is_refused(faults: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        WebSocketClient(Language(**faults), transport=Exchange())


class Notes:
    """A tap that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[object, ...]] = []

    def opened(self, connection: int, url: str, at_ns: int) -> None:
        self.lines.append(("opened", connection, url))

    def sent(self, connection: int, data: str, at_ns: int) -> None:
        self.lines.append(("sent", connection, data))

    def received(self, connection: int, data: bytes | str, at_ns: int) -> None:
        self.lines.append(("received", connection, data))

    def closed(self, connection: int, code: int | None, reason: str, at_ns: int) -> None:
        self.lines.append(("closed", connection, code, reason))

    def answered(self, method: str, url: str, status: int, body: bytes, at_ns: int) -> None:
        raise AssertionError("no REST here")


async def test_the_tap_hears_everything_in_order(virtual_clock: ManualClock) -> None:
    notes = Notes()
    at = set_up(virtual_clock, tap=notes)
    async with at.client:
        await at.client.subscribe([A])
        at.exchange.sockets[0].push("data A1")
        at.exchange.sockets[0].cut(1001)
        await asyncio.sleep(3)
    assert notes.lines == [
        ("opened", 1, "wss://stream.venue.test/ws"),
        ("sent", 1, "sub 1 A"),
        ("received", 1, "ok 1"),
        ("received", 1, "data A1"),
        ("closed", 1, 1001, "connection closed: 1001 cut"),
        ("opened", 2, "wss://stream.venue.test/ws"),
        ("sent", 2, "sub 2 A"),
        ("received", 2, "ok 2"),
        ("closed", 2, None, "closed by the client"),
    ]


@pytest.mark.parametrize("method", ["opened", "sent", "received", "closed"])
async def test_a_tap_that_fails_costs_only_itself(
    virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("disk")

    notes = Notes()
    setattr(notes, method, fail)
    at = set_up(virtual_clock, tap=notes)
    async with at.client:
        await at.client.subscribe([A])
        at.exchange.sockets[0].push("data A1")
        await asyncio.sleep(1)
        assert [rest for rest, _ in at.language.seen] == ["A1"]
    assert caplog.text.count("the recording tap failed") == 1


def test_every_cancel_point_leaves_a_client_that_works_and_closes(virtual_run: VirtualRun) -> None:
    """Cancel subscribe, unsubscribe and aclose after every possible number of steps of the loop."""

    async def steps(count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    async def attempt(clock: ManualClock, step: int, delay: float, what: str) -> bool:
        at = set_up(clock, Language(max_subscriptions=1))
        if what != "subscribe":
            await at.client.subscribe([A, B])
        target: Awaitable[None] = {
            "subscribe": at.client.subscribe,
            "unsubscribe": at.client.unsubscribe,
        }.get(what, lambda _: at.client.aclose())([A, B])
        task = asyncio.ensure_future(target)
        await asyncio.sleep(delay)
        await steps(step)
        finished = task.done()
        task.cancel()
        await asyncio.wait((task,))
        if what != "aclose":
            await at.client.subscribe([C])
            assert "C" in at.exchange.carried()
        started = clock.monotonic_ns()
        await at.client.aclose()
        assert (clock.monotonic_ns() - started) / 1e9 < 1
        assert asyncio.all_tasks() == {asyncio.current_task()}, (what, delay, step)
        assert at.exchange.live == [], (what, delay, step)
        return finished

    for what in ("subscribe", "unsubscribe", "aclose"):
        swept = 0
        for delay in (0.0, 0.005, 0.01, 0.05, 0.06):
            for step in range(60):
                results: list[bool] = []

                async def run(
                    clock: ManualClock,
                    what: str = what,
                    delay: float = delay,
                    step: int = step,
                    results: list[bool] = results,
                ) -> None:
                    results.append(await attempt(clock, step, delay, what))

                virtual_run(run)
                swept += 1
                if results[0]:
                    break
        assert swept >= 5, what


FAULTS = (
    "cut",
    "down",
    "up",
    "mute",
    "bye",
    "refuse",
    "unanswer",
    "clog",
    "subscribe",
    "unsubscribe",
    "cancel",
    "aged",
)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
@example(1)
def test_after_the_faults_stop_every_stream_runs_exactly_once(virtual_run: VirtualRun, seed: int) -> None:
    """Random faults for minutes of virtual time (safety), then none: everything wanted must run (liveness)."""

    async def soak(clock: ManualClock) -> None:
        rng = random.Random(seed)
        at = set_up(
            clock,
            Language(max_subscriptions=rng.choice([1, 3, None]), one_request_each=rng.random() < 0.5),
            rng=random.Random(seed),
            max_age=rng.choice([None, 50.0]),
            cumulative=rng.random() < 0.3,
        )
        at.exchange.atomic = rng.random() < 0.5
        pool, calls = streams(9), dict[asyncio.Task[None], list[Subscription]]()
        ended: list[tuple[int, list[Subscription]]] = []
        uncertain: set[Subscription] = set()

        async def ask(asked: list[Subscription]) -> None:
            try:
                await at.client.subscribe(asked)
            except (ExchangeRejectedException, ExchangeConnectionException):
                return

        for _ in range(rng.randint(5, 40)):
            match rng.choice(FAULTS):
                case "cut" if at.exchange.live:
                    rng.choice(at.exchange.live).cut(rng.choice([1000, 1001, 1006, 1011]))
                case "down" | "up" as state:
                    at.exchange.down = state == "down"
                case "mute":
                    at.exchange.mute = not at.exchange.mute
                case "bye" if at.exchange.live:
                    rng.choice(at.exchange.live).push("bye soon")
                case "refuse":
                    at.exchange.refused = {stream.params[0] for stream in rng.sample(pool, 2)}
                case "unanswer":
                    at.exchange.unanswered = {stream.params[0] for stream in rng.sample(pool, 2)}
                case "clog" if at.exchange.live:
                    rng.choice(at.exchange.live).clog()
                case "subscribe":
                    asked = rng.sample(pool, 3)
                    calls[asyncio.create_task(ask(asked))] = asked
                case "unsubscribe":
                    ended.append((len(at.events), rng.sample(pool, 2)))
                    await at.client.unsubscribe(ended[-1][1])
                case "cancel" if calls:
                    call, asked = calls.popitem()
                    uncertain.update(asked)
                    call.cancel()
            await asyncio.sleep(rng.choice([0, 0.01, 0.2, 3, 25]))

        at.exchange.down = at.exchange.mute = False
        at.exchange.refused, at.exchange.unanswered = set(), set()
        await asyncio.gather(*calls, return_exceptions=True)
        wanted = set(rng.sample(pool, 5))
        await at.client.unsubscribe([stream for stream in pool if stream not in wanted])
        await asyncio.sleep(180)
        await at.client.subscribe(sorted(wanted))
        await asyncio.sleep(1)
        assert at.exchange.carried() == sorted(stream.params[0] for stream in wanted)
        health = at.client.health()
        assert sum(line.subscriptions for line in health) == len(wanted)
        assert all(line.pending == 0 for line in health)
        attempts = at.exchange.attempts
        assert most_in_a_minute(attempts) <= 60
        down: set[Subscription] = set()
        for number, event in enumerate(at.events):
            down.difference_update(*[streams for when, streams in ended if when == number])
            if isinstance(event, Interrupted):
                assert down.intersection(event.subscriptions) <= uncertain
                down.update(event.subscriptions)
            elif isinstance(event, Recovered):
                assert set(event.subscriptions) - down <= uncertain
                down.difference_update(event.subscriptions)
        assert down & wanted <= uncertain
        await at.client.aclose()
        assert at.exchange.live == []

    virtual_run(soak)


async def test_a_day_of_reconnects_every_minute_keeps_nothing(virtual_clock: ManualClock) -> None:
    at = set_up(virtual_clock, on_event=None)
    async with at.client:
        await at.client.subscribe(streams(3))
        tasks = len(asyncio.all_tasks())
        for _ in range(1440):
            await asyncio.sleep(59)
            at.exchange.live[0].cut()
            at.exchange.sockets.clear()
            await asyncio.sleep(1)
        assert at.exchange.carried() == ["S0", "S1", "S2"]
        assert len(asyncio.all_tasks()) == tasks
        assert at.client.health()[0].reconnects == 1440


async def test_a_budget_of_ones_own_is_used(virtual_clock: ManualClock) -> None:
    budget = ConnectBudget(most=1, window=5)
    at = set_up(virtual_clock, Language(max_subscriptions=1), budget=budget)
    async with at.client:
        await at.client.subscribe([A, B])
        assert at.exchange.attempts == pytest.approx([0, 5])
