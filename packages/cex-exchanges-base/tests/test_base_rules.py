"""When the list of instruments is read again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from cex.common.clock import ManualClock
from cex.common.exceptions import (
    ExchangeConnectionException,
    ExchangeException,
    ExchangeRejectedException,
    InsufficientBalanceException,
    InvalidOrderException,
    RateLimitException,
)
from cex.exchanges.base.catalogue import InstrumentCatalogue, UnknownSymbolException
from cex.exchanges.base.orders.policy import OrderPolicy
from cex.exchanges.base.orders.rules import Rules
from cex.exchanges.base.tasks import OwnedTasks


class Rest:
    exchange = "venue"

    def __init__(self) -> None:
        self.reads = 0
        self.trouble: ExchangeException | None = None

    async def load_instruments(self) -> InstrumentCatalogue:
        self.reads += 1
        await asyncio.sleep(1)
        if self.trouble is not None:
            raise self.trouble
        return InstrumentCatalogue("venue")


class Room:
    def __init__(self, clock: ManualClock, policy: OrderPolicy) -> None:
        self.rest = Rest()
        self.tasks = OwnedTasks()
        self.rules = Rules(rest=self.rest, tasks=self.tasks, policy=policy, clock=clock)  # type: ignore[arg-type]


@pytest.fixture
async def room(virtual_clock: ManualClock) -> AsyncIterator[Room]:
    one = Room(virtual_clock, OrderPolicy(rules_every=300, rules_trusted=30))
    await one.rules.load()
    yield one
    await one.tasks.aclose()


@pytest.mark.parametrize(
    ("outcome", "reads"),
    [
        (InvalidOrderException("too small", "venue"), 2),
        (ExchangeRejectedException("trading is suspended", "venue"), 2),
        (UnknownSymbolException("not listed", "venue"), 2),
        (InsufficientBalanceException("too poor", "venue"), 1),
        (RateLimitException("too fast", "venue"), 1),
        (ExchangeConnectionException("no answer", "venue"), 1),
        ("an order", 1),
    ],
)
async def test_what_may_come_of_an_old_list_has_it_read_again(room: Room, outcome: object, reads: int) -> None:
    room.rules.heed(outcome)
    assert room.rest.reads == 1, "a list that was read just now is not doubted"
    await asyncio.sleep(30)
    room.rules.heed(outcome)
    room.rules.heed(outcome)
    await asyncio.sleep(2)
    room.rules.heed(outcome)
    await asyncio.sleep(2)
    assert room.rest.reads == reads


async def test_what_a_block_raises_is_heeded_and_raised(room: Room) -> None:
    await asyncio.sleep(30)
    with pytest.raises(InvalidOrderException), room.rules.doubted():
        raise InvalidOrderException("too small", "venue")
    with pytest.raises(ZeroDivisionError), room.rules.doubted():
        raise ZeroDivisionError
    await asyncio.sleep(2)
    assert room.rest.reads == 2


async def test_a_list_that_cannot_be_read_is_told_and_read_again_later(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.rest.trouble = ExchangeConnectionException("no answer", "venue")
    room.tasks.spawn(room.rules.keep_fresh(), name="fresh")
    with caplog.at_level(logging.WARNING):
        await asyncio.sleep(302)
    assert "could not be read again" in caplog.text
    room.rest.trouble = None
    await asyncio.sleep(602)
    assert room.rest.reads == 4
