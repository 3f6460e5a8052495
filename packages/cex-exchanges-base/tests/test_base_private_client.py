"""The private websocket clients with networking's real engine in them, over connections that are memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from cex.common import Balance
from cex.common.clock import ManualClock
from cex.common.correlation import new_random
from cex.common.enums import MarketType
from cex.common.exceptions import ExchangeDataException, ExchangeException, ExchangeRejectedException
from cex.common.redaction import Secret
from cex.exchanges.base import InstrumentCatalogue, NotOfferedException
from cex.exchanges.base.interfaces import (
    Connected,
    ExchangeEvent,
    PrivateChannel,
    PrivateHandlers,
    PrivateInterrupted,
    PrivateRefused,
    PrivateResubscribed,
    PrivateStream,
    Undecodable,
)
from cex.exchanges.base.streams import (
    ChannelPrivateWebSocketClient,
    KeptAlive,
    KeyedTransport,
    MarketsPrivateWebSocketClient,
)
from cex.networking.websocket.dialect import Acknowledged, Control, Outbound, Pong, Refused, Subscription
from cex.networking.websocket.transport import Closed

SPOT, FUTURES = MarketType.SPOT, MarketType.FUTURES
ORDERS, BALANCES = PrivateStream(PrivateChannel.ORDERS, SPOT), PrivateStream(PrivateChannel.BALANCES, SPOT)
CHANNELS = {SPOT: (PrivateChannel.ORDERS, PrivateChannel.BALANCES)}


class Spoken:
    exchange = "venue"
    url = "ws://venue.invalid/ws"
    max_subscriptions = None
    ping_interval = 10.0
    silence_timeout = 20.0

    def __init__(self, instruments: InstrumentCatalogue, handlers: PrivateHandlers) -> None:
        self.handlers = handlers

    def subscription(self, stream: PrivateStream) -> Subscription:
        return Subscription(f"{stream.market}.{stream.channel}")

    def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        numbered = [(one, next(request_ids)) for one in subscriptions]
        return [Outbound(json.dumps({"id": number, "ask": one.channel}), (one,), number) for one, number in numbered]

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return [Outbound(json.dumps({"end": one.channel}), (one,)) for one in subscriptions]

    def ping(self) -> str:
        return "{}"

    def on_frame(self, data: bytes | str, received_ns: int) -> Control | None:
        match json.loads(data):
            case {"ok": int(number)}:
                return Acknowledged(number)
            case {"no": int(number)}:
                return Refused(number, code="4", message="bad signature")
            case {"free": str(free)}:
                self.handlers.on_balance(Balance(currency="USDT", free=Decimal(free)))
                return None
            case {"bad": _}:
                raise ExchangeDataException("not what was documented", "venue")
            case {"bug": _}:
                raise ZeroDivisionError("a defect of ours")
        return Pong()


class Line:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.inbox: asyncio.Queue[str | None] = asyncio.Queue()

    async def send(self, data: str) -> None:
        said = json.loads(data)
        if "ask" in said:
            self.inbox.put_nowait(json.dumps({"no" if said["ask"] in self.server.refuses else "ok": said["id"]}))
        elif "end" in said:
            self.server.ended.append(said["end"])
        else:
            self.inbox.put_nowait("{}")

    async def receive(self) -> str:
        item = await self.inbox.get()
        if item is None:
            raise Closed(1006, "gone")
        return item

    async def aclose(self, code: int = 1000) -> None:
        self.inbox.put_nowait(None)


class Server:
    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.ended: list[str] = []
        self.lines: list[Line] = []

    async def connect(self, url: str, *, headers: Mapping[str, str], timeout: float, max_size: int) -> Line:
        self.lines.append(Line(self))
        return self.lines[-1]


def client(clock: ManualClock, server: Any, **options: Any) -> ChannelPrivateWebSocketClient:
    return ChannelPrivateWebSocketClient(
        "venue", "second", CHANNELS, Spoken, transport=server, clock=clock, rng=new_random(1), **options
    )


def handlers(told: list[Any], events: list[ExchangeEvent]) -> PrivateHandlers:
    return PrivateHandlers(
        on_order=told.append,
        on_fill=told.append,
        on_balance=told.append,
        on_position=told.append,
        on_event=events.append,
    )


async def test_streams_run_and_are_told_when_they_are_lost_and_back(virtual_clock: ManualClock) -> None:
    server = Server()
    told: list[Balance] = []
    events: list[ExchangeEvent] = []
    streams = client(virtual_clock, server)
    assert (streams.health(), streams.last_heard_ns(ORDERS)) == ((), None)
    with pytest.raises(ExchangeException, match="not attached"):
        await streams.subscribe([ORDERS])
    streams.attach(InstrumentCatalogue("venue"), handlers(told, events))
    with pytest.raises(ExchangeException, match="already"):
        streams.attach(InstrumentCatalogue("venue"), handlers(told, events))
    await streams.subscribe([ORDERS, BALANCES])
    server.lines[0].inbox.put_nowait('{"free": "7"}')
    server.lines[0].inbox.put_nowait('{"bad": 1}')
    await asyncio.sleep(0.1)
    heard = streams.last_heard_ns(BALANCES)
    assert heard is not None
    assert [balance.free for balance in told] == [7]
    server.lines[0].inbox.put_nowait(None)
    await asyncio.sleep(5)
    kinds = [type(event) for event in events]
    assert kinds[:4] == [Connected, Undecodable, PrivateInterrupted, Connected]
    lost = events[2]
    assert isinstance(lost, PrivateInterrupted)
    back = [stream for event in events[4:] if isinstance(event, PrivateResubscribed) for stream in event.streams]
    assert set(lost.streams) == set(back) == {ORDERS, BALANCES}
    assert (lost.account, lost.heard_ns) == ("second", heard)
    await streams.unsubscribe([BALANCES])
    await asyncio.sleep(1)
    assert server.ended == ["spot.balances"]
    assert len(streams.health()) == 1
    await streams.verify()
    await streams.aclose()


async def test_a_refused_stream_is_told(virtual_clock: ManualClock) -> None:
    server = Server()
    events: list[ExchangeEvent] = []
    server.refuses.add("spot.orders")
    streams = client(virtual_clock, server)
    streams.attach(InstrumentCatalogue("venue"), handlers([], events))
    with pytest.raises(ExchangeRejectedException, match="bad signature"):
        await streams.subscribe([ORDERS])
    refused = [event for event in events if isinstance(event, PrivateRefused)]
    assert [(event.stream, event.code) for event in refused] == [(ORDERS, "4")]
    with pytest.raises(NotOfferedException, match="positions of spot; it offers orders, balances"):
        await streams.subscribe([PrivateStream(PrivateChannel.POSITIONS, SPOT)])
    await streams.aclose()


async def test_a_defect_of_ours_is_counted_and_no_event(virtual_clock: ManualClock) -> None:
    server = Server()
    events: list[ExchangeEvent] = []
    streams = client(virtual_clock, server)
    streams.attach(InstrumentCatalogue("venue"), handlers([], events))
    await streams.subscribe([ORDERS])
    server.lines[0].inbox.put_nowait('{"bug": 1}')
    await asyncio.sleep(0.1)
    assert [type(event) for event in events] == [Connected]
    assert streams.health()[0].faults == 1
    await streams.aclose()


async def test_what_was_opened_with_a_key_gives_it_back(virtual_clock: ManualClock) -> None:
    asked: list[str] = []

    class Keys:
        async def create(self) -> Secret:
            asked.append("create")
            return Secret("a-session-key")

        async def renew(self, key: Secret) -> None:
            asked.append("renew")

        async def delete(self, key: Secret) -> None:
            asked.append("delete")

    class Entry:
        async def aclose(self) -> None:
            asked.append("order entry closed")

    server = Server()
    holder = KeptAlive("venue", every=1800, validity=3600, clock=virtual_clock)
    entry: Any = Entry()
    keyed = KeyedTransport(server, holder, Keys(), parameter="listenKey")
    streams = client(virtual_clock, keyed, orders=entry)
    streams.attach(InstrumentCatalogue("venue"), handlers([], []))
    await streams.subscribe([ORDERS])
    await streams.verify()
    await streams.aclose()
    assert asked == ["create", "renew", "delete", "order entry closed"]


async def test_several_markets_are_one_client(virtual_clock: ManualClock) -> None:
    spot, futures = Server(), Server()
    positions = PrivateStream(PrivateChannel.POSITIONS, FUTURES)
    closed: list[str] = []

    class Entry:
        async def aclose(self) -> None:
            closed.append("entry")

    entry: Any = Entry()
    both = MarketsPrivateWebSocketClient(
        "venue",
        "default",
        {
            SPOT: client(virtual_clock, spot),
            FUTURES: ChannelPrivateWebSocketClient(
                "venue",
                "default",
                {FUTURES: (PrivateChannel.POSITIONS,)},
                Spoken,
                transport=futures,
                clock=virtual_clock,
                rng=new_random(1),
            ),
        },
        entry,
    )
    assert both.offers(FUTURES) == (PrivateChannel.POSITIONS,)
    assert both.offers(MarketType.MARGIN) == ()
    both.attach(InstrumentCatalogue("venue"), handlers([], []))
    await both.subscribe([ORDERS, positions])
    assert (len(spot.lines), len(futures.lines), len(both.health())) == (1, 1, 2)
    assert both.last_heard_ns(positions) is not None
    await both.verify()
    await both.unsubscribe([positions])
    with pytest.raises(NotOfferedException, match="margin"):
        await both.subscribe([PrivateStream(PrivateChannel.ORDERS, MarketType.MARGIN)])
    futures.refuses.add("futures.positions")
    with pytest.raises(ExchangeRejectedException):
        await both.subscribe([BALANCES, positions])
    await both.aclose()
    assert closed == ["entry"]
