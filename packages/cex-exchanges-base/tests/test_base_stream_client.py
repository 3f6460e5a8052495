"""The websocket client with networking's real engine in it, over connections that are memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from cex.common.clock import ManualClock
from cex.common.enums import InstrumentStatus
from cex.common.exceptions import ExchangeDataException, ExchangeException, ExchangeRejectedException
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base import interfaces
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import BookFacts, Channel, Stream, StreamHandlers
from cex.exchanges.base.streams import ChannelWebSocketClient
from cex.networking import ReconnectPolicy
from cex.networking.websocket.dialect import Acknowledged, Control, Outbound, Pong, Refused, Subscription
from cex.networking.websocket.transport import Closed

BTC, ETH = Symbol("BTC/USDT"), Symbol("ETH/USDT")
BOOK, TRADES = Channel.BOOK, Channel.TRADES
BOOK_BTC, BOOK_ETH = Stream(BOOK, BTC), Stream(BOOK, ETH)
TRADES_BTC, TRADES_ETH = Stream(TRADES, BTC), Stream(TRADES, ETH)


class Spoken:
    """A small language: {"id": n, "ask": [...]} is answered by {"ok": n} or {"no": n}; a bare text is a tick."""

    exchange = "venue"
    url = "ws://venue.invalid/ws"
    max_subscriptions = None
    ping_interval = 10.0
    silence_timeout = 20.0

    def __init__(self, instruments: InstrumentCatalogue, handlers: StreamHandlers) -> None:
        self.instruments = instruments
        self.handlers = handlers

    def subscription(self, stream: Stream) -> Subscription:
        detail = (stream.detail,) if stream.detail else ()
        return Subscription(str(stream.channel), (*detail, self.instruments.native(stream.symbol)))

    def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return [self._request("ask", one, next(request_ids)) for one in subscriptions]

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return [self._request("end", one, next(request_ids)) for one in subscriptions]

    def _request(self, verb: str, wanted: Subscription, number: int) -> Outbound:
        return Outbound(json.dumps({"id": number, verb: [wanted.channel, *wanted.params]}), (wanted,), number)

    def ping(self) -> str:
        return "{}"

    def on_frame(self, data: bytes | str, received_ns: int) -> Control | None:
        frame = json.loads(data)
        match frame:
            case {"tick": str(native)}:
                symbol = self.instruments.by_native(native)
                if symbol is None:
                    raise ExchangeDataException("unknown name", "venue", payload=data)
                self.handlers.on_book_delta(BookDelta(symbol, 1, 1, [], [], 0, received_ns))
            case {"ok": int(number)}:
                return Acknowledged(number)
            case {"no": int(number)}:
                return Refused(number, code="7", message="no such market")
            case {"defect": _}:
                raise ZeroDivisionError("a defect of ours")
            case {}:
                return Pong()
        return None


class Server:
    """The other end: accepts what it does not refuse, and can push or hang up."""

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.asked: list[list[str]] = []
        self.ended: list[list[str]] = []
        self.said: list[str] = []
        self.connections: list[Line] = []

    async def connect(self, url: str, *, headers: Mapping[str, str], timeout: float, max_size: int) -> Line:
        line = Line(self)
        self.connections.append(line)
        return line


class Line:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.inbox: asyncio.Queue[str | None] = asyncio.Queue()

    async def send(self, data: str) -> None:
        message = json.loads(data)
        if "ask" in message:
            self.server.asked.append(message["ask"])
            self.server.said.append("ask")
            verdict = "no" if self.server.refuses.intersection(message["ask"]) else "ok"
            self.inbox.put_nowait(json.dumps({verdict: message["id"]}))
        elif "end" in message:
            self.server.ended.append(message["end"])
            self.server.said.append("end")
        else:
            self.inbox.put_nowait("{}")

    async def receive(self) -> str:
        frame = await self.inbox.get()
        if frame is None:
            raise Closed(1006, "cut")
        return frame

    async def aclose(self, code: int = 1000) -> None:
        self.inbox.put_nowait(None)

    def push(self, **frame: object) -> None:
        self.inbox.put_nowait(json.dumps(frame))

    def cut(self) -> None:
        self.inbox.put_nowait(None)


class Setting:
    def __init__(self, clock: ManualClock) -> None:
        self.server = Server()
        self.deltas: list[BookDelta] = []
        self.events: list[interfaces.ExchangeEvent] = []
        others: list[Trade | BookTicker | Ticker | Kline | BookSnapshot] = []
        self.handlers = StreamHandlers(
            on_book_delta=self.deltas.append,
            on_trade=others.append,
            on_book_ticker=others.append,
            on_ticker=others.append,
            on_kline=others.append,
            on_limited_book=others.append,
            on_event=self.events.append,
        )
        self.instruments = InstrumentCatalogue(
            "venue",
            [
                Instrument(
                    symbol=symbol,
                    exchange="venue",
                    exchange_symbol=symbol.base,
                    status=InstrumentStatus.TRADING,
                    tick=Decimal("0.1"),
                    step=Decimal("0.1"),
                )
                for symbol in (BTC, ETH)
            ],
        )
        self.client = ChannelWebSocketClient(
            "venue",
            BookFacts(window=None, windowed_stream=False, snapshot_depth=5),
            Spoken,
            transport=self.server,
            reconnect=ReconnectPolicy(first=0.5, most=1.0),
            clock=clock,
        )

    async def __aenter__(self) -> Setting:
        self.client.attach(self.instruments, self.handlers)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


async def test_it_must_be_attached_once(virtual_clock: ManualClock) -> None:
    setting = Setting(virtual_clock)
    with pytest.raises(ExchangeException, match="open the exchange first"):
        await setting.client.subscribe([BOOK_BTC])
    assert setting.client.last_heard_ns(BOOK_BTC) is None
    assert setting.client.health() == ()
    await setting.client.aclose()
    async with setting:
        with pytest.raises(ExchangeException, match="make another one"):
            setting.client.attach(setting.instruments, setting.handlers)


async def test_what_is_pushed_is_delivered(virtual_clock: ManualClock) -> None:
    async with Setting(virtual_clock) as setting:
        await setting.client.subscribe([BOOK_BTC, BOOK_ETH])
        assert setting.server.asked == [["book", "BTC"], ["book", "ETH"]]
        setting.server.connections[0].push(tick="ETH")
        await asyncio.sleep(0.1)
        (delta,) = setting.deltas
        assert delta.symbol is ETH
        assert setting.kinds() == ["connected"]
        (connection,) = setting.client.health()
        assert connection.subscriptions == 2
        assert setting.client.last_heard_ns(BOOK_BTC) is not None
        assert setting.client.last_heard_ns(TRADES_BTC) is None


async def test_unsubscribing_tells_the_exchange_and_ignores_the_unknown(virtual_clock: ManualClock) -> None:
    async with Setting(virtual_clock) as setting:
        await setting.client.subscribe([BOOK_BTC, BOOK_ETH])
        await setting.client.unsubscribe([BOOK_BTC])
        await setting.client.unsubscribe([TRADES_BTC])
        await asyncio.sleep(0.1)
        assert setting.server.ended == [["book", "BTC"]]
        assert setting.client.last_heard_ns(BOOK_BTC) is None


async def test_a_stream_can_be_ended_and_begun_again_at_once(virtual_clock: ManualClock) -> None:
    """As a book does that its stream seeds: the exchange hears of the end first, on the same connection."""
    async with Setting(virtual_clock) as setting:
        await setting.client.subscribe([BOOK_BTC])
        for _ in range(2):
            await setting.client.unsubscribe([BOOK_BTC])
            await setting.client.subscribe([BOOK_BTC])
        assert setting.server.said == ["ask", "end", "ask", "end", "ask"]
        assert len(setting.server.connections) == 1
        assert setting.client.last_heard_ns(BOOK_BTC) is not None


async def test_a_detail_is_part_of_a_streams_name(virtual_clock: ManualClock) -> None:
    async with Setting(virtual_clock) as setting:
        minutes, hours = Stream(Channel.KLINES, BTC, "1m"), Stream(Channel.KLINES, BTC, "1h")
        setting.server.refuses = {"1h"}
        with pytest.raises(ExchangeRejectedException):
            await setting.client.subscribe([minutes, hours])
        assert setting.server.asked == [["klines", "1m", "BTC"], ["klines", "1h", "BTC"]]
        (refused,) = [event for event in setting.events if isinstance(event, interfaces.Refused)]
        assert (refused.channel, refused.symbol, refused.detail) == hours
        assert setting.client.last_heard_ns(minutes) is not None
        await setting.client.unsubscribe([minutes])
        assert setting.client.last_heard_ns(minutes) is None


async def test_a_refusal_names_the_stream_and_spares_the_others(virtual_clock: ManualClock) -> None:
    async with Setting(virtual_clock) as setting:
        setting.server.refuses = {"BTC"}
        with pytest.raises(ExchangeRejectedException, match="no such market") as caught:
            await setting.client.subscribe([BOOK_BTC, BOOK_ETH])
        assert caught.value.exchange_code == "7"
        assert setting.client.last_heard_ns(BOOK_ETH) is not None
        (refused,) = [event for event in setting.events if isinstance(event, interfaces.Refused)]
        assert (refused.channel, refused.symbol, refused.code) == (BOOK, BTC, "7")
        assert refused.exchange == "venue"


async def test_a_cut_is_told_in_our_words_and_heals(virtual_clock: ManualClock) -> None:
    async with Setting(virtual_clock) as setting:
        await setting.client.subscribe([BOOK_BTC])
        await setting.client.subscribe([TRADES_ETH])
        setting.server.connections[0].cut()
        await asyncio.sleep(5)
        assert setting.kinds()[:2] == ["connected", "interrupted"]
        interrupted = setting.events[1]
        assert isinstance(interrupted, interfaces.Interrupted)
        assert set(interrupted.streams) == {BOOK_BTC, TRADES_ETH}
        assert "1006" in interrupted.reason
        back = {
            stream for event in setting.events if isinstance(event, interfaces.Recovered) for stream in event.streams
        }
        assert back == {BOOK_BTC, TRADES_ETH}
        assert setting.server.asked[2:] == [["book", "BTC"], ["trades", "ETH"]]


async def test_what_does_not_decode_is_told_and_survived(virtual_clock: ManualClock) -> None:
    async with Setting(virtual_clock) as setting:
        await setting.client.subscribe([BOOK_BTC])
        line = setting.server.connections[0]
        line.push(tick="DOGE")
        line.push(defect=True)
        line.push(tick="BTC")
        await asyncio.sleep(0.1)
        assert setting.kinds() == ["connected", "undecodable"]
        told = setting.events[1]
        assert isinstance(told, interfaces.Undecodable)
        assert told.error.payload == '{"tick": "DOGE"}'
        assert len(setting.deltas) == 1
        (connection,) = setting.client.health()
        assert (connection.undecodable, connection.faults) == (1, 1)


Scenario = Callable[[ManualClock], AbstractAsyncContextManager[Coroutine[Any, Any, object]]]


def test_subscribing_can_be_cancelled_anywhere(cancel_everywhere: Callable[[Scenario], int]) -> None:
    @asynccontextmanager
    async def scenario(clock: ManualClock) -> AsyncIterator[Coroutine[Any, Any, object]]:
        async with Setting(clock) as setting:
            yield setting.client.subscribe([BOOK_BTC, BOOK_ETH])
            await setting.client.subscribe([BOOK_BTC])
            assert setting.client.last_heard_ns(BOOK_BTC) is not None

    assert cancel_everywhere(scenario) >= 1
