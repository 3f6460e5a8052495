"""The private streams and the order API with real engines, over connections that are memory."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cex.common.clock import ManualClock
from cex.common.enums import MarketType, OrderStatus, OrderType, Side
from cex.common.exceptions import (
    AuthenticationException,
    ConfigurationException,
    ExchangeConnectionException,
    ExchangeDataException,
    ExchangeException,
    ExchangeRejectedException,
    InsufficientBalanceException,
    InvalidOrderException,
    OrderNotFoundException,
    RateLimitException,
    TimestampException,
    UnknownOutcomeException,
)
from cex.common.redaction import Secret
from cex.common.types.account import Balance
from cex.common.types.orders import Order, OrderRequest
from cex.common.types.symbols import Symbol
from cex.exchanges.base import interfaces
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import PrivateChannel, PrivateHandlers, PrivateStream
from cex.exchanges.gateio.rest.limits import AccountLimits
from cex.exchanges.gateio.websocket import GateioOrderEntry, GateioPrivateWebSocketClient
from cex.networking import Closed, ConnectFailed, RateLimiter, ReconnectPolicy, Recorder

Sample = Callable[[str], bytes]
Cancelled = Callable[[Callable[[ManualClock], AbstractAsyncContextManager[Coroutine[Any, Any, object]]]], int]
SPOT, FUTURES = MarketType.SPOT, MarketType.FUTURES
BTC, PERP = Symbol("BTC/USDT"), Symbol("BTC/USDT:USDT")
URLS = {SPOT: "wss://api.gateio.ws/ws/v4/", FUTURES: "wss://fx-ws.gateio.ws/v4/ws/usdt"}
KEY, SECRET = Secret("the-public-half"), Secret("the-signing-half")
SPOT_STREAMS = [
    PrivateStream(channel, SPOT) for channel in ("orders", "fills", "balances") for channel in [PrivateChannel(channel)]
]
FUTURES_STREAMS = [PrivateStream(channel, FUTURES) for channel in PrivateChannel]


def signature(text: str) -> str:
    return hmac.new(b"the-signing-half", text.encode(), hashlib.sha512).hexdigest()


class Gate:
    """The exchange's end: takes subscriptions with a good signature, and orders once logged in."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.headers: list[Mapping[str, str]] = []
        self.subscribed: list[tuple[str, list[str]]] = []
        self.asked: list[dict[str, Any]] = []
        self.refuse_channel = ""
        self.refuse_login: list[str] = []
        self.silent = False
        self.mute_login = False
        self.unreachable = False
        self.place: Callable[[dict[str, Any]], object] = lambda payload: {}
        self.limits: dict[str, int] = {}
        self.words = "so it is"
        self.signatures: list[str] = []

    async def connect(self, url: str, *, headers: Mapping[str, str], timeout: float, max_size: int) -> Line:
        if self.unreachable:
            raise ConnectFailed("nobody is there")
        await asyncio.sleep(0.01)
        self.headers.append(headers)
        line = Line(self, url)
        self.lines.append(line)
        return line


class Line:
    def __init__(self, gate: Gate, url: str) -> None:
        self.gate = gate
        self.url = url
        self.inbox: asyncio.Queue[str | None] = asyncio.Queue()
        self.logged_in = False
        self.is_closed = False

    def push(self, message: object) -> None:
        self.inbox.put_nowait(message.decode() if isinstance(message, bytes) else json.dumps(message))

    def hang_up(self) -> None:
        self.inbox.put_nowait(None)

    async def send(self, data: str) -> None:
        if self.is_closed:
            raise Closed(1006)
        message = json.loads(data)
        if message["channel"].endswith(".ping"):
            self.push({"channel": message["channel"].replace("ping", "pong"), "event": "", "result": None})
        elif message["event"] == "api":
            self._api(message)
        elif message["event"] == "subscribe":
            self._subscribe(message)

    async def receive(self) -> str:
        data = await self.inbox.get()
        if data is None:
            self.is_closed = True
            raise Closed(1006)
        return data

    async def aclose(self, code: int = 1000) -> None:
        await asyncio.sleep(0.01)  # a closing handshake
        self.is_closed = True

    def _subscribe(self, message: dict[str, Any]) -> None:
        channel, time_s, auth = message["channel"], message["time"], message["auth"]
        self.gate.signatures.append(auth["SIGN"])
        answer: dict[str, Any] = {"id": message["id"], "channel": channel, "event": "subscribe", "error": None}
        wanted = {
            "method": "api_key",
            "KEY": "the-public-half",
            "SIGN": signature(f"channel={channel}&event=subscribe&time={time_s}"),
        }
        if auth != wanted or channel == self.gate.refuse_channel:
            answer["error"] = {"code": 4, "message": "authentication failed"}
        else:
            self.gate.subscribed.append((channel, message["payload"]))
        self.push(answer)

    def _api(self, message: dict[str, Any]) -> None:
        gate, channel, payload = self.gate, message["channel"], message["payload"]
        if channel.endswith(".login"):
            gate.signatures.append(payload["signature"])
            assert payload["signature"] == signature(f"api\n{channel}\n\n{payload['timestamp']}")
            label = gate.refuse_login.pop(0) if gate.refuse_login else ""
            if not gate.mute_login:
                self.logged_in = not label
                self.answer(channel, "of the server's own", "401" if label else "200", {"uid": "1"}, label)
            return
        gate.asked.append(message)
        if gate.silent:
            return
        if not self.logged_in:
            self.answer(channel, payload["req_id"], "401", {}, "INVALID_CREDENTIALS")
            return
        result = gate.place(message)
        is_placed = channel.endswith("place")
        if is_placed:
            self.answer(channel, payload["req_id"], "200", payload, ack=True)
        if isinstance(result, tuple):
            self.answer(channel, payload["req_id"], result[0], {}, result[1])
        elif result is not None:
            self.answer(channel, payload["req_id"], "200", result, ack=False if channel.startswith("futures") else None)

    def answer(
        self, channel: str, request_id: str, status: str, result: object, label: str = "", ack: bool | None = None
    ) -> None:
        frame: dict[str, Any] = {
            "request_id": request_id,
            "header": {"status": status, "channel": channel, "event": "api", **(self.gate.limits if ack else {})},
            "data": {"errs": {"label": label, "message": self.gate.words}} if label else {"result": result},
        }
        if ack is not None:
            frame["ack"] = ack
        self.push(frame)


class Rest:
    """What the streams ask of the account."""

    def __init__(self, clock: ManualClock, catalogue: InstrumentCatalogue) -> None:
        self.clock = clock
        self.instruments = catalogue
        self.limits = AccountLimits(RateLimiter((), clock))
        self.order_validity_s = 5.0
        self.reads = 0
        self.measured = 0
        self.trouble: ExchangeException | None = None
        self.closed = False
        self.cancelled: list[str] = []
        self.placed: list[OrderRequest] = []

    def exchange_now_ns(self) -> int:
        return self.clock.time_ns() + 3_000_000_000

    async def server_time(self) -> int:
        self.measured += 1
        return self.exchange_now_ns()

    async def user_id(self) -> str:
        return "77"

    async def balances(self, market: MarketType | None = None) -> list[Balance]:
        self.reads += 1
        if self.trouble is not None:
            raise self.trouble
        return [Balance(currency="USDT", free=Decimal(self.reads), market=FUTURES)]

    async def is_dual_for(self, request: OrderRequest) -> bool:
        return False

    async def place_order(self, request: OrderRequest) -> Order:
        self.placed.append(request)
        return _order(request.symbol)

    async def cancel_order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order:
        self.cancelled.append(client_order_id or "")
        if client_order_id != "t-trigger":
            raise OrderNotFoundException("no such order", "gateio")
        return _order(Symbol(symbol))

    async def aclose(self) -> None:
        self.closed = True


def _order(symbol: Symbol) -> Order:
    return Order(
        symbol=symbol,
        order_id="",
        client_order_id="t-trigger",
        side=Side.SELL,
        order_type=OrderType.STOP_LOSS,
        status=OrderStatus.NEW,
        quantity=Decimal(1),
    )


class Desk:
    def __init__(self, clock: ManualClock, catalogue: InstrumentCatalogue, **options: Any) -> None:
        self.gate = Gate()
        self.rest = Rest(clock, catalogue)
        self.heard: list[Any] = []
        self.events: list[interfaces.ExchangeEvent] = []
        self.client = GateioPrivateWebSocketClient(
            URLS,
            key=KEY,
            secret=SECRET,
            rest=self.rest,
            transport=self.gate,
            clock=clock,
            reconnect=ReconnectPolicy(first=0.01, most=0.02),
            **options,
        )
        hear = self.heard.append
        self.client.attach(catalogue, PrivateHandlers(hear, hear, hear, hear, self.events.append))

    def line(self, market: MarketType) -> Line:
        return [line for line in self.gate.lines if line.url == URLS[market]][-1]


@asynccontextmanager
async def at_desk(clock: ManualClock, catalogue: InstrumentCatalogue, **options: Any) -> AsyncIterator[Desk]:
    desk = Desk(clock, catalogue, **options)
    try:
        yield desk
    finally:
        await desk.client.aclose()
        assert all(line.is_closed for line in desk.gate.lines)


# ---- streams -------------------------------------------------------------------------------------------------------


async def test_every_stream_is_asked_for_with_a_signature(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue
) -> None:
    async with at_desk(virtual_clock, catalogue) as desk:
        assert desk.client.offers(SPOT) == (PrivateChannel.ORDERS, PrivateChannel.FILLS, PrivateChannel.BALANCES)
        assert desk.client.offers(FUTURES) == tuple(PrivateChannel)
        assert desk.client.last_heard_ns(FUTURES_STREAMS[0]) is None
        await desk.client.subscribe([*SPOT_STREAMS, *FUTURES_STREAMS])
        assert sorted(desk.gate.subscribed) == [
            ("futures.balances", ["77"]),
            ("futures.orders", ["77", "!all"]),
            ("futures.positions", ["77", "!all"]),
            ("futures.usertrades", ["77", "!all"]),
            ("spot.balances", []),
            ("spot.orders", ["!all"]),
            ("spot.usertrades", ["!all"]),
        ]
        assert [dict(headers) for headers in desk.gate.headers] in (
            [{}, {"X-Gate-Size-Decimal": "1"}],
            [{"X-Gate-Size-Decimal": "1"}, {}],
        )
        assert desk.client.last_heard_ns(FUTURES_STREAMS[0]) is not None


async def test_pushes_are_handed_on(virtual_clock: ManualClock, catalogue: InstrumentCatalogue, sample: Sample) -> None:
    async with at_desk(virtual_clock, catalogue) as desk:
        await desk.client.subscribe([*SPOT_STREAMS, *FUTURES_STREAMS])
        for market, names in (
            (SPOT, ("orders", "usertrades", "balances")),
            (FUTURES, ("orders", "usertrades", "positions")),
        ):
            for name in names:
                desk.line(market).push(sample(f"ws_private_{market}_{name}"))
        await asyncio.sleep(0.1)
        assert [type(item).__name__ for item in desk.heard] == ["Order", "Fill", "Balance", "Order", "Fill", "Position"]


async def test_one_row_that_cannot_be_read_does_not_cost_the_others(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue, sample: Sample
) -> None:
    async with at_desk(virtual_clock, catalogue) as desk:
        await desk.client.subscribe(SPOT_STREAMS)
        push = json.loads(sample("ws_private_spot_orders"))
        (row,) = push["result"]
        push["result"] = [row | {"event": "thaw"}, row, row | {"currency_pair": "GONE_USDT"}]
        desk.line(SPOT).push(push)
        await asyncio.sleep(0.1)
        assert [item.order_id for item in desk.heard] == ["399123456"]
        (undecodable,) = [event for event in desk.events if isinstance(event, interfaces.Undecodable)]
        assert "event is 'thaw'" in str(undecodable.error)


async def test_a_push_of_the_futures_balance_makes_the_wallet_be_read(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue, sample: Sample
) -> None:
    async with at_desk(virtual_clock, catalogue) as desk:
        await desk.client.subscribe(FUTURES_STREAMS)
        for _ in range(5):
            desk.line(FUTURES).push(sample("ws_private_futures_balances"))
        await asyncio.sleep(2)
        assert [item.free for item in desk.heard] == [Decimal(1)]
        desk.line(FUTURES).push(sample("ws_private_futures_balances"))
        await asyncio.sleep(0.1)
        desk.line(FUTURES).push(sample("ws_private_futures_balances"))
        await asyncio.sleep(2)
        assert [item.free for item in desk.heard] == [Decimal(1), Decimal(2), Decimal(3)]
        desk.rest.trouble = ExchangeConnectionException("down", "gateio")
        desk.line(FUTURES).push(sample("ws_private_futures_balances"))
        await asyncio.sleep(2)
        desk.rest.trouble = None
        desk.line(FUTURES).push(sample("ws_private_futures_balances"))
        await asyncio.sleep(2)
        assert desk.heard[-1].free == Decimal(5)


async def test_a_lost_connection_is_signed_for_anew(virtual_clock: ManualClock, catalogue: InstrumentCatalogue) -> None:
    async with at_desk(virtual_clock, catalogue) as desk:
        await desk.client.subscribe(SPOT_STREAMS)
        desk.line(SPOT).hang_up()
        await asyncio.sleep(5)
        assert len(desk.gate.subscribed) == 6
        kinds = [event.kind for event in desk.events]
        assert kinds[:3] == ["connected", "private_interrupted", "connected"]
        assert {
            stream
            for event in desk.events
            if isinstance(event, interfaces.PrivateResubscribed)
            for stream in event.streams
        } == set(SPOT_STREAMS)


async def test_a_refused_signature(virtual_clock: ManualClock, catalogue: InstrumentCatalogue) -> None:
    async with at_desk(virtual_clock, catalogue) as desk:
        desk.gate.refuse_channel = "spot.orders"
        with pytest.raises(ExchangeRejectedException, match="authentication failed") as caught:
            await desk.client.subscribe(SPOT_STREAMS)
        assert caught.value.exchange_code == "4"


async def test_the_number_of_the_account_comes_first(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue
) -> None:
    from cex.exchanges.gateio.signing import GateioStreamSigner
    from cex.exchanges.gateio.websocket.private_dialects import GateioFuturesPrivateDialect

    handlers = PrivateHandlers(*[lambda item: None] * 5)
    dialect = GateioFuturesPrivateDialect(
        URLS[FUTURES],
        catalogue,
        handlers,
        GateioStreamSigner(KEY, SECRET),
        now_ns=virtual_clock.time_ns,
        on_wallet=lambda: None,
    )
    with pytest.raises(ExchangeException, match="number of the account"):
        dialect.subscription(FUTURES_STREAMS[0])


async def test_keys_go_by_tls_only(virtual_clock: ManualClock, catalogue: InstrumentCatalogue) -> None:
    rest = Rest(virtual_clock, catalogue)
    with pytest.raises(ConfigurationException, match="without TLS"):
        GateioPrivateWebSocketClient({SPOT: "ws://api.gateio.ws/ws/v4/"}, key=KEY, secret=SECRET, rest=rest)


async def test_an_account_that_was_handed_over_is_closed(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue
) -> None:
    async with at_desk(virtual_clock, catalogue, owns_rest=True) as handed_over:
        assert handed_over.client.orders is None
    async with at_desk(virtual_clock, catalogue) as lent:
        pass
    assert (handed_over.rest.closed, lent.rest.closed) == (True, False)


# ---- the order API -------------------------------------------------------------------------------------------------


def limit(symbol: Symbol = BTC, **fields: Any) -> OrderRequest:
    told = {
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal("0.001"),
        "price": Decimal(65000),
        "client_order_id": "t-1",
    }
    return OrderRequest(symbol=symbol, **{**told, **fields})


def spot_result(message: dict[str, Any]) -> dict[str, Any]:
    asked = message["payload"]["req_param"]
    return {
        "id": "101",
        "currency_pair": "BTC_USDT",
        "status": "cancelled" if message["channel"].endswith("cancel") else "open",
        "side": "buy",
        "amount": asked.get("amount", "0.001"),
        "left": asked.get("amount", "0.001"),
        "price": asked.get("price", "65000"),
        "text": "t-1",
        "finish_as": "cancelled" if message["channel"].endswith("cancel") else "open",
    }


def futures_result(message: dict[str, Any]) -> dict[str, Any]:
    asked = message["payload"]["req_param"]
    size = asked.get("size", -10)
    return {
        "id": 201,
        "contract": "BTC_USDT",
        "status": "open",
        "size": size,
        "left": size,
        "price": "65000",
        "text": "t-1",
    }


def entry_of(desk: Desk) -> GateioOrderEntry:
    assert isinstance(desk.client.orders, GateioOrderEntry)
    return desk.client.orders


@asynccontextmanager
async def ordering(clock: ManualClock, catalogue: InstrumentCatalogue) -> AsyncIterator[tuple[Desk, GateioOrderEntry]]:
    async with at_desk(clock, catalogue, order_entry=True) as desk:
        desk.gate.place = spot_result
        yield desk, entry_of(desk)


async def test_an_order_is_the_second_answer(virtual_clock: ManualClock, catalogue: InstrumentCatalogue) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        assert entry.serves(SPOT)
        assert not entry.serves(MarketType.MARGIN)
        order = await entry.place_order(limit())
        assert (order.order_id, order.status) == ("101", OrderStatus.NEW)
        asked = desk.gate.asked[-1]
        assert (asked["channel"], asked["event"]) == ("spot.order_place", "api")
        assert asked["payload"]["req_param"]["currency_pair"] == "BTC_USDT"
        assert asked["time"] == desk.rest.exchange_now_ns() // 10**9
        assert int(asked["payload"]["req_header"]["x-gate-exptime"]) == pytest.approx(
            desk.rest.exchange_now_ns() / 1e6 + 5000, abs=100
        )
        await entry.place_order(limit())
        assert len(desk.gate.lines) == 1  # and one login


async def test_an_order_that_is_refused_after_its_acknowledgement(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue
) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        desk.gate.place = lambda message: ("400", "BALANCE_NOT_ENOUGH")
        with pytest.raises(InsufficientBalanceException) as caught:
            await entry.place_order(limit())
        assert caught.value.endpoint == "spot.order_place"
        desk.gate.place = lambda message: ("500", "SERVER_ERROR")
        with pytest.raises(UnknownOutcomeException) as unknown:
            await entry.place_order(limit())
        assert unknown.value.sent_ts is not None


async def test_an_acknowledgement_alone_leaves_the_outcome_unknown(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue
) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        desk.gate.place = lambda message: None
        sent = desk.rest.exchange_now_ns()
        with pytest.raises(UnknownOutcomeException, match="not answered: for 10 s") as caught:
            await entry.place_order(limit())
        assert caught.value.sent_ts == pytest.approx(sent, abs=10**9)
        assert not caught.value.safe_to_resubmit
        asked = desk.gate.asked[-1]["payload"]["req_id"]
        desk.line(SPOT).answer("spot.order_place", asked, "200", {})  # too late, and harmless
        desk.gate.place = spot_result
        assert (await entry.place_order(limit())).order_id == "101"


async def test_a_connection_that_is_lost_leaves_the_outcome_unknown_and_is_opened_anew(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue
) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        desk.gate.silent = True
        waiting = asyncio.ensure_future(entry.place_order(limit()))
        await asyncio.sleep(0.5)
        desk.line(SPOT).hang_up()
        with pytest.raises(UnknownOutcomeException, match="connection closed"):
            await waiting
        desk.gate.silent = False
        assert (await entry.place_order(limit())).order_id == "101"
        assert len(desk.gate.lines) == 2


async def test_what_cannot_be_sent_is_safe_to_send_otherwise(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue
) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        desk.gate.unreachable = True
        with pytest.raises(ExchangeConnectionException, match="cannot connect to the order API") as caught:
            await entry.place_order(limit())
        assert caught.value.safe_to_resubmit
        assert not entry.serves(SPOT)
        with pytest.raises(ExchangeConnectionException, match="a moment ago"):
            await entry.place_order(limit())
        await asyncio.sleep(3)
        assert entry.serves(SPOT)
        desk.gate.unreachable = False
        assert (await entry.place_order(limit())).order_id == "101"


async def test_logins(virtual_clock: ManualClock, catalogue: InstrumentCatalogue) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        desk.gate.refuse_login = ["REQUEST_EXPIRED"]
        assert (await entry.place_order(limit())).order_id == "101"
        assert desk.rest.measured == 1
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        desk.gate.refuse_login = ["INVALID_KEY"]
        with pytest.raises(AuthenticationException):
            await entry.place_order(limit())
        await asyncio.sleep(3)
        desk.gate.mute_login = True
        with pytest.raises(ExchangeConnectionException, match="login was not answered") as caught:
            await entry.place_order(limit())
        assert caught.value.safe_to_resubmit


async def test_orders_that_are_refused_for_their_time_are_sent_once_more_with_the_time_measured_anew(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue
) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        await entry.place_order(limit())
        desk.gate.asked.clear()
        desk.gate.place = lambda message: spot_result(message) if desk.rest.measured else ("403", "REQUEST_EXPIRED")
        placed = await asyncio.gather(*(entry.place_order(limit()) for _ in range(3)))
        assert [order.order_id for order in placed] == ["101"] * 3
        assert (len(desk.gate.asked), desk.rest.measured, len(desk.gate.lines)) == (6, 1, 1)
        desk.gate.place = lambda message: ("403", "REQUEST_EXPIRED")
        with pytest.raises(TimestampException):
            await entry.place_order(limit())
        assert (len(desk.gate.asked), desk.rest.measured) == (8, 2)


async def test_a_connection_that_forgot_the_login_is_replaced(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue
) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        await entry.place_order(limit())
        desk.line(SPOT).logged_in = False
        with pytest.raises(AuthenticationException):
            await entry.place_order(limit())
        assert (await entry.place_order(limit())).order_id == "101"
        assert len(desk.gate.lines) == 2
        assert desk.gate.lines[0].is_closed


async def test_a_notice_of_an_upgrade_replaces_the_connection_when_it_is_idle(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue, sample: Sample
) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        await entry.place_order(limit())
        first = desk.line(SPOT)
        desk.gate.silent = True
        waiting = asyncio.ensure_future(entry.place_order(limit()))
        await asyncio.sleep(0.1)
        first.push({"channel": "spot.system", "event": "update", "result": {"type": "news", "msg": ""}})
        first.push(sample("ws_system_upgrade"))
        first.push({"what": "is this"})
        first.push(b"not JSON")
        await asyncio.sleep(0.1)
        assert not first.is_closed
        desk.gate.silent = False
        await entry.place_order(limit())
        assert len(desk.gate.lines) == 2
        asked = desk.gate.asked[1]
        first.answer("spot.order_place", asked["payload"]["req_id"], "200", spot_result(asked))
        assert (await waiting).order_id == "101"
        await asyncio.sleep(0.1)
        assert first.is_closed


async def test_a_silent_connection_ends_and_a_quiet_one_is_kept_alive(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue
) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        await entry.place_order(limit())
        await asyncio.sleep(200)
        assert not desk.line(SPOT).is_closed
        line = desk.line(SPOT)
        line.push = lambda message: None  # type: ignore[method-assign]
        await asyncio.sleep(31)
        assert line.is_closed
        assert entry.serves(SPOT)


async def test_cancels(virtual_clock: ManualClock, catalogue: InstrumentCatalogue) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        order = await entry.cancel_order(BTC, order_id="101")
        assert order.status is OrderStatus.CANCELED
        asked = desk.gate.asked[-1]
        assert asked["payload"]["req_param"] == {"order_id": "101", "currency_pair": "BTC_USDT"}
        assert "req_header" not in asked["payload"]
        desk.gate.place = lambda message: ("404", "ORDER_NOT_FOUND")
        with pytest.raises(OrderNotFoundException):
            await entry.cancel_order(BTC, order_id="102")
        assert desk.rest.cancelled == []
        trigger = await entry.cancel_order(BTC, client_order_id="t-trigger")
        assert trigger.order_type is OrderType.STOP_LOSS
        with pytest.raises(OrderNotFoundException):
            await entry.cancel_order(BTC, client_order_id="t-none")
        desk.gate.place = futures_result
        await entry.cancel_order(PERP, order_id="201")
        assert desk.gate.asked[-1]["payload"]["req_param"] == {"order_id": "201"}


async def test_amendments(virtual_clock: ManualClock, catalogue: InstrumentCatalogue) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        order = await entry.amend_order(BTC, order_id="101", price=Decimal(64000), quantity=Decimal("0.002"))
        assert (order.price, order.quantity) == (Decimal(64000), Decimal("0.002"))
        desk.gate.place = futures_result
        await entry.amend_order(PERP, order_id="201", quantity=Decimal("0.002"))
        channels = [(asked["channel"], asked["payload"]["req_param"]) for asked in desk.gate.asked[-2:]]
        assert channels == [
            ("futures.order_status", {"order_id": "201"}),
            ("futures.order_amend", {"order_id": "201", "size": -20}),
        ]
        await entry.amend_order(PERP, client_order_id="t-1", price=Decimal(5))
        assert desk.gate.asked[-1]["payload"]["req_param"] == {"order_id": "t-1", "price": "5"}
        with pytest.raises(ValueError, match="price or a quantity"):
            await entry.amend_order(BTC, order_id="101")


async def test_batches(virtual_clock: ManualClock, catalogue: InstrumentCatalogue) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):

        def both(message: dict[str, Any]) -> object:
            asked = message["payload"]["req_param"]
            make = spot_result if message["channel"].startswith("spot") else futures_result
            told = [
                make({"channel": message["channel"], "payload": {"req_param": one}}) | {"succeeded": True}
                for one in asked
            ]
            return [told[0], {"succeeded": False, "label": "SIZE_TOO_SMALL", "message": "too small"}]

        desk.gate.place = both
        stop = limit(order_type=OrderType.STOP_LOSS, trigger_price=Decimal(70000))
        outcomes = await entry.place_orders([limit(), limit(), limit(PERP), limit(PERP), stop])
        assert [type(outcome) for outcome in outcomes] == [
            Order,
            InvalidOrderException,
            Order,
            InvalidOrderException,
            Order,
        ]
        assert [asked["channel"] for asked in desk.gate.asked] == ["spot.order_place", "futures.order_batch_place"]
        assert desk.rest.placed == [stop]
        desk.gate.place = lambda message: ("429", "TOO_MANY_REQUESTS")
        told = await entry.place_orders([limit(), limit()])
        assert [type(outcome) for outcome in told] == [RateLimitException, RateLimitException]


async def test_orders_count_in_the_pools_of_the_account(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue
) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        now_ms = desk.rest.exchange_now_ns() // 1_000_000
        desk.gate.limits = {
            "x_gate_ratelimit_requests_remain": 4,
            "x_gate_ratelimit_limit": 10,
            "x_gat_ratelimit_reset_timestamp": now_ms + 900,
        }
        await entry.place_order(limit())
        assert desk.rest.limits.left() == {"spot orders BTC_USDT": 4}
        desk.gate.limits = {}
        for _ in range(4):
            await entry.place_order(limit())
        began = asyncio.get_running_loop().time()
        await entry.place_order(limit())
        assert asyncio.get_running_loop().time() - began > 0.5
        desk.gate.place = lambda message: ("429", "TOO_MANY_REQUESTS")
        with pytest.raises(RateLimitException):
            await entry.place_order(limit())
        pool = desk.rest.limits.spot_orders("BTC_USDT")
        assert desk.rest.limits.limiter.paused_for(pool) > 0
        desk.rest.limits.limiter.pause(pool, 60, "test")
        asked = len(desk.gate.asked)
        with pytest.raises(RateLimitException, match="not sent: no budget within 5 s"):
            await entry.place_order(limit())
        assert len(desk.gate.asked) == asked


async def test_an_answer_that_cannot_be_read(virtual_clock: ManualClock, catalogue: InstrumentCatalogue) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        desk.gate.place = lambda message: {"id": "5"}
        with pytest.raises(ExchangeDataException) as caught:
            await entry.place_order(limit())
        assert not caught.value.safe_to_resubmit


async def test_closing_ends_what_waits(virtual_clock: ManualClock, catalogue: InstrumentCatalogue) -> None:
    async with ordering(virtual_clock, catalogue) as (desk, entry):
        desk.gate.silent = True
        waiting = asyncio.ensure_future(entry.place_order(limit()))
        await asyncio.sleep(0.1)
        await entry.aclose()
        with pytest.raises(UnknownOutcomeException, match="closed by the client"):
            await waiting
        assert not entry.serves(SPOT)
        with pytest.raises(ExchangeConnectionException, match="the client is closed"):
            await entry.place_order(limit())
        assert desk.line(SPOT).is_closed


def test_cancelling_an_order_anywhere_leaves_nothing_behind(
    cancel_everywhere: Cancelled, catalogue: InstrumentCatalogue
) -> None:
    @asynccontextmanager
    async def scenario(clock: ManualClock) -> AsyncIterator[Coroutine[Any, Any, object]]:
        async with ordering(clock, catalogue) as (_, entry):
            yield entry.place_order(limit())

    assert cancel_everywhere(scenario) >= 3  # connecting, the login, the answer


async def test_no_secret_gets_out(
    catalogue: InstrumentCatalogue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither half of the key, nor a signature, in logs, recordings, errors or reprs."""
    path = tmp_path / "traffic.jsonl"
    with caplog.at_level(logging.DEBUG):
        async with (
            Recorder(path) as recorder,
            at_desk(ManualClock(), catalogue, order_entry=True, tap=recorder) as desk,
        ):
            await desk.client.subscribe([*SPOT_STREAMS, *FUTURES_STREAMS])
            desk.gate.place = spot_result
            await entry_of(desk).place_order(limit())
            desk.gate.place = lambda message: ("401", "INVALID_KEY")
            desk.gate.words = "Invalid key the-public-half with the-signing-half"
            with pytest.raises(AuthenticationException) as caught:
                await entry_of(desk).place_order(limit())
            shown = repr(desk.client) + repr(entry_of(desk)) + repr(caught.value) + str(caught.value)
    recorded = path.read_text()
    assert "spot.login" in recorded
    assert "spot.order_place" in recorded
    everything = recorded + caplog.text + shown + "".join(traceback.format_exception(caught.value))
    for secret in ("the-public-half", "the-signing-half", *desk.gate.signatures):
        assert secret not in everything
    assert len(desk.gate.signatures) == 8
