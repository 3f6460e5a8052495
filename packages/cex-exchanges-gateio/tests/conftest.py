"""Samples as they were on the wire, and virtual time: timers fire at once and in order, nothing may be left running.

``async def test_x(virtual_clock)`` runs on a loop whose time is that ManualClock. Nothing ready and no timer is a
deadlock and fails at once; so does whatever the loop's exception handler would have logged. ``cancel_everywhere``
runs a scenario once for each point at which it can be cancelled.
"""

from __future__ import annotations

import asyncio
import gc
import math
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cex.common.clock import ManualClock
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.gateio.symbols import perpetual, spot_instrument

Scenario = Callable[[ManualClock], AbstractAsyncContextManager[Coroutine[Any, Any, object]]]


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("deadlock: nothing is ready and no timer is set")
        if not ready and timeout:
            self._clock.advance(math.ceil(timeout * 1e9) / 1e9)
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = ManualClock()
        super().__init__(_JumpingSelector(self.clock))

    def time(self) -> float:
        return self.clock.monotonic_ns() / 1e9


class _CancelledAt:
    """Awaits ``work`` and cancels the task that does so when it is suspended for the ``point``-th time."""

    def __init__(self, work: Coroutine[Any, Any, object], point: int) -> None:
        self._work = work
        self._point = point
        self.was_cancelled = False

    def __await__(self) -> Generator[Any, None, None]:
        inner = self._work.__await__()
        resume: Callable[[], Any] = partial(next, inner)
        for suspended in count(1):
            try:
                waited_for = resume()
            except StopIteration:
                return
            if suspended == self._point:
                task = asyncio.current_task()
                assert task is not None
                self.was_cancelled = True
                asyncio.get_running_loop().call_soon(task.cancel)
            try:
                yield waited_for
            except BaseException as error:  # noqa: BLE001 (handed on to the work)
                resume = partial(inner.throw, error)
            else:
                resume = partial(next, inner)


def _others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


@contextmanager
def _nothing_to_complain() -> Iterator[ManualClock]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, _VirtualLoop)
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    yield loop.clock
    gc.collect()
    assert not _others(), f"tasks left behind: {_others()}"
    assert not complaints, complaints


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give a test the virtual loop exactly when it asks for virtual time."""
    virtual = "virtual_clock" in getattr(item, "fixturenames", ())
    return {"virtual": _VirtualLoop} if virtual else {"real": asyncio.new_event_loop}


@pytest.fixture
async def virtual_clock() -> AsyncIterator[ManualClock]:
    with _nothing_to_complain() as clock:
        yield clock


@pytest.fixture
def cancel_everywhere() -> Callable[[Scenario], int]:
    """``cancel_everywhere(scenario)``: ``scenario(clock)`` is an async context manager that yields what to cancel.

    Returns the number of points at which it was cancelled; after each, the context is left and no task may remain.
    """

    async def once(scenario: Scenario, point: int) -> bool:
        with _nothing_to_complain() as clock:
            async with scenario(clock) as work:
                awaited = _CancelledAt(work, point)

                async def victim() -> None:
                    await awaited

                task = asyncio.get_running_loop().create_task(victim())
                await asyncio.wait({task})
                if not task.cancelled():
                    task.result()
            return awaited.was_cancelled

    def sweep(scenario: Scenario) -> int:
        point = 1
        while True:
            with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
                if not runner.run(once(scenario, point)):
                    return point - 1
            point += 1

    return sweep


@pytest.fixture(scope="session")
def sample() -> Callable[[str], bytes]:
    """``sample(name)``: the bytes of a file in ``samples``, whose source and date stand in its ``index.json``."""

    def read(name: str) -> bytes:
        return (Path(__file__).parent / "samples" / f"{name}.json").read_bytes().strip()

    return read


@pytest.fixture
def catalogue() -> InstrumentCatalogue:
    """Pairs and contracts to trade: contracts of 0.0001 BTC, of 0.01 ETH, and of 10 DOGE that may be cut in ten."""
    pairs = ("BTC/USDT", "ETH/USDT", "ETH/BTC", "GT/USDT", "C1/USDT", "C2/USDT")
    spot = [
        spot_instrument(
            pair=pair.replace("/", "_"),
            base=pair.split("/")[0],
            quote=pair.split("/")[1],
            price_decimals=1 if pair == "BTC/USDT" else 6,
            amount_decimals=6,
            trade_status="tradable",
            min_quote=Decimal(3),
            now_ns=ManualClock().time_ns(),
        )
        for pair in pairs
    ]
    contracts = (("BTC", "0.0001", "0.1", False), ("ETH", "0.01", "0.01", False), ("DOGE", "10", "0.00001", True))
    futures = [
        perpetual(
            contract=f"{base}_USDT",
            kind="direct",
            multiplier=Decimal(multiplier),
            tick=Decimal(tick),
            takes_parts=takes_parts,
            status="trading",
        )
        for base, multiplier, tick, takes_parts in contracts
    ]
    return InstrumentCatalogue("gateio", [*spot, *futures])
