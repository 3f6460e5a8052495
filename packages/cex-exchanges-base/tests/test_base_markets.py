from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from cex.common.clock import ManualClock
from cex.common.enums import KlineInterval, MarketType
from cex.common.exceptions import ExchangeRejectedException
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import (
    BaseWebSocketClient,
    BookFacts,
    Channel,
    ConnectionHealth,
    ConnectionState,
    Stream,
    StreamHandlers,
)
from cex.exchanges.base.offers import NotOfferedException
from cex.exchanges.base.streams import MarketsWebSocketClient

SPOT, PERPETUAL = Symbol("BTC/USDT"), Symbol("BTC/USDT:USDT")
M1 = KlineInterval.M1


class One(BaseWebSocketClient):
    """The streams of one market."""

    exchange = "venue"

    def __init__(self, window: int, *, flags: bool = True) -> None:
        self.flags_closed_klines = flags
        self.window = window
        self.running: list[Stream] = []
        self.refuses = False
        self.attached = self.closed = 0

    def book_facts(self, symbol: Symbol) -> BookFacts:
        return BookFacts(window=self.window, windowed_stream=True, snapshot_depth=self.window)

    def intervals(self, market: MarketType) -> tuple[KlineInterval, ...]:
        return (M1,)

    def limited_levels(self, market: MarketType) -> tuple[int, ...]:
        return (self.window,)

    def attach(self, instruments: InstrumentCatalogue, handlers: StreamHandlers) -> None:
        self.attached += 1

    async def subscribe(self, streams: Sequence[Stream]) -> None:
        await asyncio.sleep(0.1)
        if self.refuses:
            raise ExchangeRejectedException("no", "venue")
        self.running.extend(streams)

    async def unsubscribe(self, streams: Sequence[Stream]) -> None:
        self.running = [stream for stream in self.running if stream not in streams]

    def last_heard_ns(self, stream: Stream) -> int | None:
        return self.window if stream in self.running else None

    def health(self) -> tuple[ConnectionHealth, ...]:
        return (
            ConnectionHealth(
                connection=self.window,
                url="ws://x",
                state=ConnectionState.OPEN,
                reason="",
                age_s=None,
                quiet_s=None,
                lag_s=None,
                last_heard_ns=None,
                reconnects=0,
                messages=0,
                bytes=0,
                undecodable=0,
                faults=0,
                subscriptions=0,
                pending=0,
            ),
        )

    async def aclose(self) -> None:
        self.closed += 1


def both() -> tuple[MarketsWebSocketClient, One, One]:
    spot, futures = One(100), One(50, flags=False)
    return MarketsWebSocketClient("venue", {MarketType.SPOT: spot, MarketType.FUTURES: futures}), spot, futures


def nowhere(_: object) -> None:
    raise AssertionError("nothing is pushed here")


async def test_the_market_of_the_symbol_decides(virtual_clock: ManualClock) -> None:
    client, spot, futures = both()
    handlers = StreamHandlers(nowhere, nowhere, nowhere, nowhere, nowhere, nowhere, nowhere)
    client.attach(InstrumentCatalogue("venue"), handlers)
    assert (spot.attached, futures.attached) == (1, 1)
    streams = [Stream(Channel.TRADES, SPOT), Stream(Channel.TRADES, PERPETUAL), Stream(Channel.BOOK, SPOT)]
    await client.subscribe(streams)
    assert asyncio.get_running_loop().time() == 0.1, "both were asked at the same time"
    assert spot.running == [streams[0], streams[2]]
    assert futures.running == [streams[1]]
    assert [client.last_heard_ns(stream) for stream in streams] == [100, 50, 100]
    await client.unsubscribe(streams[:2])
    assert (spot.running, futures.running) == ([streams[2]], [])
    assert [client.book_facts(symbol).window for symbol in (SPOT, PERPETUAL)] == [100, 50]
    assert client.limited_levels(MarketType.FUTURES) == (50,)
    assert client.intervals(MarketType.SPOT) == (M1,)
    assert client.intervals(MarketType.MARGIN) == ()
    assert client.limited_levels(MarketType.MARGIN) == ()
    assert [health.connection for health in client.health()] == [100, 50]
    assert not client.flags_closed_klines
    await client.aclose()
    assert (spot.closed, futures.closed) == (1, 1)


async def test_a_refusal_of_one_market_does_not_cost_the_other(virtual_clock: ManualClock) -> None:
    client, spot, futures = both()
    spot.refuses = True
    with pytest.raises(ExchangeRejectedException, match="no"):
        await client.subscribe([Stream(Channel.TRADES, SPOT), Stream(Channel.TRADES, PERPETUAL)])
    assert futures.running == [Stream(Channel.TRADES, PERPETUAL)]


async def test_a_market_without_streams_is_named(virtual_clock: ManualClock) -> None:
    client = MarketsWebSocketClient("venue", {MarketType.SPOT: One(100)})
    with pytest.raises(NotOfferedException, match="venue does not offer streams of futures markets; it offers spot"):
        await client.subscribe([Stream(Channel.TRADES, SPOT), Stream(Channel.TRADES, PERPETUAL)])
