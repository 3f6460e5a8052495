"""An account's streams over sockets in memory: the key in the address, what is asked, delivered and lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest

from cex.common import Balance, Fill, Instrument, Order, Symbol
from cex.common.enums import InstrumentStatus, MarketType, OrderStatus
from cex.common.exceptions import ExchangeConnectionException, ExchangeRejectedException
from cex.common.redaction import Secret
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import (
    ExchangeEvent,
    PrivateChannel,
    PrivateHandlers,
    PrivateInterrupted,
    PrivateResubscribed,
    PrivateStream,
    Undecodable,
)
from cex.exchanges.base.offers import NotOfferedException
from cex.exchanges.base.streams.kept_alive import KeptAlive
from cex.exchanges.mexc.symbols import new_catalogue
from cex.exchanges.mexc.websocket import MexcPrivateDialect, MexcPrivateWebSocketClient
from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper, parse_push
from cex.networking import Closed, ConnectBudget, ConnectFailed, ReconnectPolicy, WebSocketConnection

Reader = Callable[[str], bytes]

MX = Symbol("MX/USDT")
ORDERS, FILLS, BALANCES = (
    PrivateStream(channel, MarketType.SPOT)
    for channel in (PrivateChannel.ORDERS, PrivateChannel.FILLS, PrivateChannel.BALANCES)
)
ALL = (ORDERS, FILLS, BALANCES)
CHANNELS = ["spot@private.orders.v3.api.pb", "spot@private.deals.v3.api.pb", "spot@private.account.v3.api.pb"]


class FakeDoor:
    """The endpoints of listen keys, in memory."""

    def __init__(self) -> None:
        self.valid: list[str] = []
        self.calls: list[str] = []
        self.refuses = False

    async def create(self) -> Secret:
        self.calls.append("create")
        if self.refuses:
            raise ExchangeRejectedException("no permission", "mexc", exchange_code=700007)
        self.valid.append(f"listen-{len(self.calls):032d}")
        return Secret(self.valid[-1])

    async def renew(self, key: Secret) -> None:
        self.calls.append("renew")
        if key.reveal() not in self.valid:
            raise ExchangeRejectedException("listen key information error", "mexc", exchange_code=730708)

    async def delete(self, key: Secret) -> None:
        self.calls.append("delete")
        self.valid.remove(key.reveal())


class FakeSocket:
    """One open connection: answers what it is asked, pushes what it is told."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[bytes | str | Closed] = asyncio.Queue()
        self.asked: list[str] = []
        self.closed = False

    async def send(self, data: str) -> None:
        message = json.loads(data)
        if message["method"] == "PING":
            answer = "PONG"
        else:
            self.asked += message["params"]
            answer = ",".join(message["params"])
        self.inbox.put_nowait(json.dumps({"id": message.get("id", 0), "code": 0, "msg": answer}))

    async def receive(self) -> bytes | str:
        got = await self.inbox.get()
        if isinstance(got, Closed):
            raise got
        return got

    async def aclose(self, code: int = 1000) -> None:
        self.closed = True
        self.inbox.put_nowait(Closed(code))

    def cut(self) -> None:
        self.inbox.put_nowait(Closed(1006))


class FakeSockets:
    """MEXC's endpoint: a key that is not valid is refused at the door."""

    def __init__(self, door: FakeDoor) -> None:
        self.door = door
        self.urls: list[str] = []
        self.open: list[FakeSocket] = []

    async def connect(
        self, url: str, *, headers: Mapping[str, str], timeout: float, max_size: int
    ) -> WebSocketConnection:
        self.urls.append(url)
        (key,) = parse_qs(urlsplit(url).query)["listenKey"]
        if key not in self.door.valid:
            raise ConnectFailed("HTTP 403 instead of a websocket", 403)
        self.open.append(FakeSocket())
        return self.open[-1]

    @property
    def keys(self) -> list[str]:
        return [parse_qs(urlsplit(url).query)["listenKey"][0] for url in self.urls]


class Heard:
    """Everything that a client delivers."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        self.balances: list[Balance] = []
        self.events: list[ExchangeEvent] = []
        self.handlers = PrivateHandlers(
            on_order=self.orders.append,
            on_fill=self.fills.append,
            on_balance=self.balances.append,
            on_position=lambda _: None,
            on_event=self.events.append,
        )

    def told(self, kind: type[ExchangeEvent]) -> int:
        return sum(type(event) is kind for event in self.events)


@pytest.fixture
def catalogue() -> InstrumentCatalogue:
    catalogue = new_catalogue()
    catalogue.replace(
        [
            Instrument(
                symbol=MX,
                exchange="mexc",
                exchange_symbol="MXUSDT",
                status=InstrumentStatus.TRADING,
                tick=Decimal("0.0001"),
                step=Decimal("0.01"),
            )
        ]
    )
    return catalogue


@pytest.fixture
def door() -> FakeDoor:
    return FakeDoor()


@pytest.fixture
def sockets(door: FakeDoor) -> FakeSockets:
    return FakeSockets(door)


@pytest.fixture
def heard() -> Heard:
    return Heard()


def new_client(door: FakeDoor, sockets: FakeSockets, kept: KeptAlive | None = None) -> MexcPrivateWebSocketClient:
    return MexcPrivateWebSocketClient(
        door,
        "ws://127.0.0.1:1/ws",
        kept=kept,
        transport=sockets,
        reconnect=ReconnectPolicy(first=0.001, most=0.002),
        budget=ConnectBudget(1000),
        subscribe_timeout=1.0,
        request_interval=0.0,
    )


@pytest.fixture
async def client(
    door: FakeDoor, sockets: FakeSockets, heard: Heard, catalogue: InstrumentCatalogue
) -> AsyncIterator[MexcPrivateWebSocketClient]:
    client = new_client(door, sockets)
    client.attach(catalogue, heard.handlers)
    yield client
    await client.aclose()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (conditions of many kinds, on both ends)
            await asyncio.sleep(0.001)


async def test_one_socket_with_one_key_carries_all_channels(
    client: MexcPrivateWebSocketClient, door: FakeDoor, sockets: FakeSockets
) -> None:
    await client.subscribe(ALL)
    assert door.calls == ["create"]
    assert sockets.urls == [f"ws://127.0.0.1:1/ws?listenKey={door.valid[0]}"]
    assert sockets.open[0].asked == CHANNELS
    assert client.offers(MarketType.SPOT) == (PrivateChannel.ORDERS, PrivateChannel.FILLS, PrivateChannel.BALANCES)
    assert client.last_heard_ns(ORDERS) is not None
    (health,) = client.health()
    assert (health.subscriptions, health.url) == (3, "ws://127.0.0.1:1/ws")


async def test_pushes_are_delivered(
    client: MexcPrivateWebSocketClient, sockets: FakeSockets, heard: Heard, frame: Reader
) -> None:
    await client.subscribe(ALL)
    for name in ("push_private_order", "push_private_deal", "push_private_account"):
        sockets.open[0].inbox.put_nowait(frame(name))
    await until(lambda: heard.balances)
    assert [(order.symbol, order.status) for order in heard.orders] == [(MX, OrderStatus.FILLED)]
    assert [(fill.trade_id, fill.quantity) for fill in heard.fills] == [("505979017439002624X1", Decimal(1))]
    assert heard.fills[0].received_ts > 0
    assert [balance.currency for balance in heard.balances] == ["USDT"]


async def test_a_push_that_makes_no_sense_is_told_and_costs_no_stream(
    client: MexcPrivateWebSocketClient, sockets: FakeSockets, heard: Heard, frame: Reader
) -> None:
    await client.subscribe(ALL)
    push = parse_push(frame("push_private_order"))
    push.privateOrders.status = 9
    sockets.open[0].inbox.put_nowait(push.SerializeToString())
    sockets.open[0].inbox.put_nowait(PushDataV3ApiWrapper(channel="spot@private.new").SerializeToString())
    sockets.open[0].inbox.put_nowait(frame("push_private_order"))
    await until(lambda: heard.orders)
    assert heard.told(Undecodable) == 1
    assert len(heard.orders) == 1


async def test_after_a_loss_the_key_is_proven_and_used_again(
    client: MexcPrivateWebSocketClient, door: FakeDoor, sockets: FakeSockets, heard: Heard
) -> None:
    await client.subscribe(ALL)
    sockets.open[0].cut()
    await until(lambda: heard.told(PrivateResubscribed))
    assert heard.told(PrivateInterrupted) == 1
    assert door.calls == ["create", "renew"]
    assert sockets.keys == [door.valid[0]] * 2
    assert sockets.open[1].asked == CHANNELS


async def test_after_the_key_expired_there_is_a_new_one(
    client: MexcPrivateWebSocketClient, door: FakeDoor, sockets: FakeSockets, heard: Heard
) -> None:
    await client.subscribe(ALL)
    expired = door.valid.pop()
    sockets.open[0].cut()
    await until(lambda: heard.told(PrivateResubscribed))
    assert door.calls[0] == "create"
    assert len(door.valid) == 1
    assert sockets.keys == [expired, door.valid[0]]


async def test_a_key_that_expired_without_a_word_is_noticed(
    client: MexcPrivateWebSocketClient, door: FakeDoor, sockets: FakeSockets, heard: Heard
) -> None:
    await client.subscribe(ALL)
    door.valid.clear()
    await client.verify()
    await until(lambda: heard.told(PrivateResubscribed))
    assert sockets.open[0].closed
    assert sockets.keys[-1] == door.valid[0]


async def test_closing_deletes_the_key_and_then_closes_what_was_handed_over(
    door: FakeDoor, sockets: FakeSockets, heard: Heard, catalogue: InstrumentCatalogue
) -> None:
    closed: list[list[str]] = []

    async def on_closed() -> None:
        closed.append(list(door.calls))

    client = MexcPrivateWebSocketClient(door, "ws://127.0.0.1:1/ws", transport=sockets, on_closed=on_closed)
    client.attach(catalogue, heard.handlers)
    await client.subscribe(ALL)
    await client.aclose()
    await client.aclose()
    assert door.valid == []
    assert closed == [["create", "delete"]]
    assert sockets.open[0].closed


async def test_clients_of_one_account_share_one_key_and_the_last_deletes_it(
    door: FakeDoor, sockets: FakeSockets, catalogue: InstrumentCatalogue
) -> None:
    kept = KeptAlive("mexc", every=1800.0, validity=3600.0)
    clients = [new_client(door, sockets, kept) for _ in range(3)]
    for client in clients:
        client.attach(catalogue, Heard().handlers)
        await client.subscribe(ALL)
    assert door.calls == ["create"]
    assert len(set(sockets.keys)) == 1
    for client in clients[:2]:
        await client.aclose()
    assert door.calls == ["create"]
    await clients[2].aclose()
    assert door.calls == ["create", "delete"]


async def test_without_a_key_there_is_no_stream_and_the_reason_is_told(
    client: MexcPrivateWebSocketClient, door: FakeDoor
) -> None:
    door.refuses = True
    with pytest.raises(ExchangeConnectionException, match="no session key was given: no permission"):
        await client.subscribe(ALL)


def test_the_names_of_streams(catalogue: InstrumentCatalogue, heard: Heard) -> None:
    dialect = MexcPrivateDialect("ws://127.0.0.1:1/ws", catalogue, heard.handlers)
    assert [dialect.subscription(stream).channel for stream in ALL] == CHANNELS
    for stream in (
        PrivateStream(PrivateChannel.POSITIONS, MarketType.SPOT),
        PrivateStream(PrivateChannel.ORDERS, MarketType.FUTURES),
    ):
        with pytest.raises(NotOfferedException):
            dialect.subscription(stream)


async def test_unsubscribing(client: MexcPrivateWebSocketClient, sockets: FakeSockets) -> None:
    await client.subscribe(ALL)
    await client.unsubscribe([BALANCES])
    await until(lambda: len(sockets.open[0].asked) == 4)
    assert sockets.open[0].asked[-1] == CHANNELS[2]
    assert client.health()[0].subscriptions == 2
