"""Books that their own stream seeds: no snapshot is asked for, and a lost one is got back by subscribing anew."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common.clock import ManualClock
from cex.common.enums import BookState
from cex.common.exceptions import ExchangeConnectionException, ExchangeRejectedException
from cex.common.types.market import BookDelta, BookSnapshot
from cex.common.types.symbols import Symbol
from cex.exchanges.base.books import BookKeeper, BookKeepers, ResyncPolicy
from cex.exchanges.base.interfaces import BookFacts, ExchangeEvent, Gap, Resynced

BTC, ETH = Symbol("BTC/USDT"), Symbol("ETH/USDT")
FACTS = BookFacts(window=50, windowed_stream=True, snapshot_depth=50, seeded_by_stream=True)


class Venue:
    """A stream that begins with the whole book and goes on with changes; REST must never be asked."""

    def __init__(self, policy: ResyncPolicy | None = None, clock: ManualClock | None = None) -> None:
        self.last = {BTC: 10, ETH: 10}
        self.silent = 0
        """Subscriptions that begin without a whole book."""
        self.stale = 0
        """Subscriptions that begin with a book of long ago."""
        self.failures: list[Exception] = []
        self.asked: list[tuple[float, Symbol]] = []
        self.subscribed: set[Symbol] = set()
        self.seconds = 0.05
        self.events: list[ExchangeEvent] = []
        self.keepers = BookKeepers(
            exchange="venue",
            facts=lambda symbol: FACTS,
            fetch=self.fetch,
            resubscribe=self.resubscribe,
            emit=self.events.append,
            policy=policy,
            clock=clock or ManualClock(),
            rng=random.Random(1),
        )

    async def fetch(self, symbol: Symbol, depth: int) -> BookSnapshot:
        raise AssertionError("a book that its stream seeds asks nothing of REST")

    async def resubscribe(self, symbol: Symbol) -> None:
        self.asked.append((asyncio.get_running_loop().time(), symbol))
        self.subscribed.discard(symbol)
        await asyncio.sleep(self.seconds)
        if self.failures:
            raise self.failures.pop(0)
        self.begin(symbol)

    def begin(self, symbol: Symbol = BTC) -> None:
        """Subscribe: the whole book comes, unless the venue is silent."""
        self.subscribed.add(symbol)
        if self.silent:
            self.silent -= 1
            return
        last = self.last[symbol]
        if self.stale:
            self.stale -= 1
            self.change(2, symbol)
            last -= 5
        self.keepers.on_delta(BookDelta(symbol, last, last, [(99.0, 1.0)], [(101.0, 1.0)], full=True))

    def change(self, updates: int = 1, symbol: Symbol = BTC, *, lost: bool = False) -> None:
        first = self.last[symbol] + 1
        self.last[symbol] += updates
        if not lost and symbol in self.subscribed:
            self.keepers.on_delta(BookDelta(symbol, first, self.last[symbol], [(99.0, float(first))], []))

    async def live(self, symbol: Symbol = BTC) -> BookKeeper:
        keeper = self.keepers.add(symbol)
        self.begin(symbol)
        keeper.start()
        await keeper.wait_live(60)
        return keeper

    def times(self) -> list[float]:
        return [at for at, _ in self.asked]

    async def __aenter__(self) -> Venue:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.keepers.aclose()


async def test_the_first_frame_seeds_the_book_and_nothing_is_asked(virtual_clock: ManualClock) -> None:
    async with Venue(clock=virtual_clock) as venue:
        keeper = await venue.live()
        venue.change(3)
        assert keeper.book.sequence == venue.last[BTC] == 13
        await asyncio.sleep(60)
        assert venue.asked == []
        assert keeper.health().snapshot_requests == 0


async def test_a_frame_before_the_acknowledgement_is_as_good(virtual_clock: ManualClock) -> None:
    async with Venue(clock=virtual_clock) as venue:
        keeper = venue.keepers.add(BTC)
        venue.begin()
        assert keeper.book.is_live
        keeper.start()
        await asyncio.sleep(20)
        assert venue.asked == []


async def test_a_gap_subscribes_anew(virtual_clock: ManualClock) -> None:
    async with Venue(clock=virtual_clock) as venue:
        keeper = await venue.live()
        await asyncio.sleep(10)
        venue.change(lost=True)
        venue.change()
        assert keeper.book.state is BookState.GAPPED
        venue.change()
        await keeper.wait_live(1)
        assert venue.times() == [10.0]
        assert keeper.book.sequence == venue.last[BTC] == 13
        assert [type(event) for event in venue.events] == [Gap, Resynced]
        venue.change()
        assert keeper.book.sequence == 14


async def test_a_whole_book_that_comes_by_itself_heals_the_gap(virtual_clock: ManualClock) -> None:
    async with Venue(clock=virtual_clock) as venue:
        keeper = await venue.live()
        venue.change(lost=True)
        venue.change()
        venue.begin()
        assert keeper.book.is_live
        await asyncio.sleep(20)
        assert venue.asked == []


async def test_gaps_in_a_row_keep_their_distance(virtual_clock: ManualClock) -> None:
    async with Venue(ResyncPolicy(spacing=0.5), clock=virtual_clock) as venue:
        keeper = await venue.live()
        for _ in range(5):
            venue.change(lost=True)
            venue.change()
            await keeper.wait_live(5)
        assert all(later - earlier >= 0.5 for earlier, later in itertools.pairwise(venue.times()))
        assert len(venue.times()) == 5


async def test_a_stream_that_begins_without_a_book_is_tried_again(virtual_clock: ManualClock) -> None:
    async with Venue(clock=virtual_clock) as venue:
        venue.silent = 2
        keeper = venue.keepers.add(BTC)
        venue.begin()
        keeper.start()
        await asyncio.sleep(10.1)
        assert "without a whole book for 10 s" in keeper.book.reason
        await keeper.wait_live(60)
        first, second = venue.times()
        assert 10.3 <= first <= 10.7, "after ten seconds and the first pause"
        assert 20.7 <= second - 0.05 <= 22.1
        assert keeper.health().snapshot_failures == 2


async def test_who_waits_for_a_silent_stream_is_told_why(virtual_clock: ManualClock) -> None:
    async with Venue(clock=virtual_clock) as venue:
        venue.silent = 10
        keeper = venue.keepers.add(BTC)
        venue.begin()
        keeper.start()
        with pytest.raises(ExchangeConnectionException, match="without a whole book for 10 s"):
            await keeper.wait_live(15)


async def test_a_book_of_long_ago_does_not_seed(virtual_clock: ManualClock) -> None:
    async with Venue(clock=virtual_clock) as venue:
        venue.stale = 2
        keeper = venue.keepers.add(BTC)
        venue.begin()
        assert not keeper.book.is_live
        keeper.start()
        await keeper.wait_live(5)
        assert keeper.book.sequence == venue.last[BTC]
        assert len(venue.asked) == 2


async def test_a_failed_subscription_is_repeated_after_a_pause(virtual_clock: ManualClock) -> None:
    async with Venue(clock=virtual_clock) as venue:
        keeper = await venue.live()
        venue.failures = [ExchangeConnectionException("late", "venue"), ZeroDivisionError("a defect")]
        venue.change(lost=True)
        venue.change()
        with pytest.raises(ZeroDivisionError):
            await keeper.wait_live(5)
        await keeper.wait_live(5)
        first, second, third = venue.times()
        assert 0.35 <= second - first <= 0.7
        assert 0.7 <= third - second <= 1.35


async def test_a_refused_subscription_ends_the_patience(virtual_clock: ManualClock) -> None:
    async with Venue(clock=virtual_clock) as venue:
        keeper = await venue.live()
        venue.failures = [ExchangeRejectedException("delisted", "venue")]
        venue.change(lost=True)
        venue.change()
        with pytest.raises(ExchangeRejectedException, match="delisted"):
            await keeper.wait_live(5)


async def test_an_interruption_does_not_break_a_subscription_off(virtual_clock: ManualClock) -> None:
    """Cancelled half-way, the stream would be wanted by nobody, and no reconnect would bring it back."""
    async with Venue(clock=virtual_clock) as venue:
        keeper = await venue.live()
        venue.seconds = 3.0
        venue.change(lost=True)
        venue.change()
        await asyncio.sleep(1.5)
        keeper.interrupt("the connection was lost")
        assert keeper.book.state is BookState.STALE
        await keeper.wait_live(10)
        assert len(venue.asked) == 1


async def test_an_interruption_while_it_waits_is_over_with_the_next_connection(virtual_clock: ManualClock) -> None:
    async with Venue(clock=virtual_clock) as venue:
        venue.silent = 1
        keeper = venue.keepers.add(BTC)
        venue.begin()
        keeper.start()
        await asyncio.sleep(5)
        keeper.interrupt("the connection was lost")
        await asyncio.sleep(30)
        assert venue.asked == [], "the connection asks again, not the book"
        venue.begin()
        keeper.resume()
        assert keeper.book.is_live


async def test_one_book_does_not_touch_another(virtual_clock: ManualClock) -> None:
    async with Venue(clock=virtual_clock) as venue:
        lost, kept = await venue.live(BTC), await venue.live(ETH)
        venue.change(lost=True)
        venue.change()
        assert not lost.book.is_live
        assert kept.book.is_live
        await lost.wait_live(5)
        assert {symbol for _, symbol in venue.asked} == {BTC}


Scenario = Callable[[ManualClock], AbstractAsyncContextManager[Coroutine[Any, Any, object]]]


def test_waiting_can_be_cancelled_anywhere(cancel_everywhere: Callable[[Scenario], int]) -> None:
    @asynccontextmanager
    async def scenario(clock: ManualClock) -> AsyncIterator[Coroutine[Any, Any, object]]:
        async with Venue(clock=clock) as venue:
            keeper = await venue.live()
            venue.change(lost=True)
            venue.change()
            yield keeper.wait_live(5)
            await keeper.wait_live(5)

    assert cancel_everywhere(scenario) >= 1


InVirtualTime = Callable[[Callable[[ManualClock], Coroutine[Any, Any, None]]], None]
STEPS = ["change", "lose", "interrupt", "pause", "silent", "stale", "fail"]


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=30))
def test_a_book_is_true_or_not_live_and_comes_back(in_virtual_time: InVirtualTime, steps: list[str]) -> None:
    async def scenario(clock: ManualClock) -> None:
        async with Venue(clock=clock) as venue:
            keeper = await venue.live()
            for step in steps:
                if step in ("change", "lose"):
                    venue.change(lost=step == "lose")
                elif step == "interrupt" and BTC in venue.subscribed:
                    venue.subscribed.discard(BTC)
                    keeper.interrupt("cut")
                    await asyncio.sleep(1)
                    venue.begin()
                    keeper.resume()
                elif step == "fail":
                    venue.failures.append(ExchangeConnectionException("late", "venue"))
                elif step == "silent":
                    venue.silent += 1
                elif step == "stale":
                    venue.stale += 1
                else:
                    await asyncio.sleep(0.7)
                if keeper.book.is_live and step != "lose":
                    best = keeper.book.best_bid
                    assert best is not None
                    assert best.quantity in (1.0, float(keeper.book.sequence))
            venue.failures.clear()
            venue.silent = venue.stale = 0
            venue.change()
            await asyncio.sleep(120)
            venue.change()
            await asyncio.sleep(60)
            assert keeper.book.is_live
            assert keeper.book.sequence == venue.last[BTC]
            assert len(venue.asked) <= 40

    in_virtual_time(scenario)
