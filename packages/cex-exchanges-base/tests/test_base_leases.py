from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from cex.common.clock import ManualClock
from cex.common.exceptions import ExchangeConnectionException, ExchangeRejectedException
from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces import Channel, Stream
from cex.exchanges.base.streams.leases import Leases
from cex.exchanges.base.tasks import OwnedTasks

BTC = Symbol("BTC/USDT")
TRADES = Stream(Channel.TRADES, BTC)


class Wire:
    """What was opened and closed, in order; never two things at once for one stream."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.failures: list[Exception] = []
        self.busy = False
        self.tasks = OwnedTasks()
        self.leases = Leases(open_stream=self._open, close_stream=self._close, tasks=self.tasks)

    async def _work(self, what: str) -> None:
        assert not self.busy
        self.busy = True
        try:
            await asyncio.sleep(0.1)
        finally:
            self.busy = False
        if self.failures:
            raise self.failures.pop(0)
        self.log.append(what)

    async def _open(self, stream: Stream) -> None:
        await self._work("open")

    async def _close(self, stream: Stream) -> None:
        await self._work("close")

    async def __aenter__(self) -> Wire:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.leases.close()
        await self.tasks.aclose()


async def test_the_first_opens_and_the_last_closes(virtual_clock: ManualClock) -> None:
    async with Wire() as wire:
        await asyncio.gather(*(wire.leases.acquire(TRADES) for _ in range(3)))
        assert wire.log == ["open"]
        assert wire.leases.release(TRADES) is None
        assert wire.leases.release(TRADES) is None
        closing = wire.leases.release(TRADES)
        assert closing is not None
        await closing
        assert wire.log == ["open", "close"]
        assert len(wire.leases) == 0


async def test_coming_back_while_it_closes_opens_again(virtual_clock: ManualClock) -> None:
    async with Wire() as wire:
        await wire.leases.acquire(TRADES)
        wire.leases.release(TRADES)
        await asyncio.sleep(0.05)
        await wire.leases.acquire(TRADES)
        assert wire.log == ["open", "close", "open"]
        assert len(wire.leases) == 1


async def test_coming_back_before_it_closes_keeps_it(virtual_clock: ManualClock) -> None:
    async with Wire() as wire:
        await wire.leases.acquire(TRADES)
        closing = wire.leases.release(TRADES)
        await wire.leases.acquire(TRADES)
        assert closing is not None
        await closing
        assert wire.log == ["open"]


async def test_a_refusal_is_raised_and_the_next_tries_again(virtual_clock: ManualClock) -> None:
    async with Wire() as wire:
        wire.failures = [ExchangeRejectedException("no", "venue")]
        with pytest.raises(ExchangeRejectedException):
            await wire.leases.acquire(TRADES)
        await wire.leases.acquire(TRADES)
        assert wire.log[-1] == "open"


async def test_one_who_is_cancelled_does_not_take_it_from_another(virtual_clock: ManualClock) -> None:
    async with Wire() as wire:
        first = asyncio.ensure_future(wire.leases.acquire(TRADES))
        second = asyncio.ensure_future(wire.leases.acquire(TRADES))
        await asyncio.sleep(0.05)
        first.cancel()
        await second
        assert wire.log == ["open"]
        await asyncio.sleep(1)
        assert wire.log == ["open"]
        assert len(wire.leases) == 1


async def test_a_failed_closing_is_logged(virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    async with Wire() as wire:
        await wire.leases.acquire(TRADES)
        wire.failures = [ExchangeConnectionException("gone", "venue")]
        with caplog.at_level(logging.WARNING):
            closing = wire.leases.release(TRADES)
            assert closing is not None
            await closing
        assert caplog.records[0].__dict__["symbol"] == "BTC/USDT"
        assert len(wire.leases) == 0


async def test_two_closings_of_one_stream_leave_its_successor_alone(virtual_clock: ManualClock) -> None:
    loop = asyncio.get_running_loop()
    async with Wire() as wire:
        for _ in range(2):
            await wire.leases.acquire(TRADES)
            closing = wire.leases.release(TRADES)
        await asyncio.sleep(0)
        again: list[asyncio.Future[None]] = []
        in_between = loop.time() + 0.1  # when the first closing is done and the second not yet
        loop.call_at(in_between, lambda: again.append(asyncio.ensure_future(wire.leases.acquire(TRADES))))
        assert closing is not None
        await closing
        await again[0]
        assert wire.log == ["open", "close", "open"]
        assert len(wire.leases) == 1
        wire.leases.release(TRADES)


Scenario = Callable[[ManualClock], AbstractAsyncContextManager[Coroutine[Any, Any, object]]]


def test_acquiring_can_be_cancelled_anywhere(cancel_everywhere: Callable[[Scenario], int]) -> None:
    @asynccontextmanager
    async def scenario(clock: ManualClock) -> AsyncIterator[Coroutine[Any, Any, object]]:
        async with Wire() as wire:
            await wire.leases.acquire(TRADES)
            wire.leases.release(TRADES)
            await asyncio.sleep(0.05)

            async def hold() -> None:
                await wire.leases.acquire(TRADES)
                wire.leases.release(TRADES)

            yield hold()
            await asyncio.sleep(5)
            assert wire.log.count("open") <= wire.log.count("close") + 1
            assert wire.log[-1] == "close"
            assert len(wire.leases) == 0

    assert cancel_everywhere(scenario) >= 2
