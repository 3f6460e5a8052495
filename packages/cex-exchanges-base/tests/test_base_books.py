from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from cex.common.book.order_book import OrderBook
from cex.common.clock import ManualClock
from cex.common.enums import BookState
from cex.common.exceptions import (
    BookNotLive,
    ExchangeConnectionException,
    ExchangeRejectedException,
    RateLimitException,
)
from cex.common.types.market import BookDelta, BookSnapshot
from cex.common.types.symbols import Symbol
from cex.exchanges.base.books import Backoff, BookKeeper, BookKeepers, ResyncPolicy
from cex.exchanges.base.interfaces import BookFacts, ExchangeEvent, Gap, Resynced

BTC, ETH = Symbol("BTC/USDT"), Symbol("ETH/USDT")
FACTS = BookFacts(window=100, windowed_stream=True, snapshot_depth=100)


def delta(
    first: int, last: int | None = None, symbol: Symbol = BTC, bid: float = 99.0, full: bool = False
) -> BookDelta:
    asks = [(101.0, 1.0)] if full else []
    return BookDelta(symbol, first, first if last is None else last, [(bid, 1.0)], asks, 5, 7, full)


def snapshot(last_id: int, symbol: Symbol = BTC) -> BookSnapshot:
    return BookSnapshot(symbol, last_id, [(99.0, 1.0)], [(101.0, 1.0)], 100)


class Snapshots:
    """The exchange's REST side: answers from a script, or with ``current`` when that is used up."""

    def __init__(self) -> None:
        self.script: list[BookSnapshot | Exception] = []
        self.current: dict[Symbol, int] = {BTC: 10, ETH: 10}
        self.seconds = 0.05
        self.requests: list[tuple[float, Symbol]] = []
        self.in_flight = self.most_in_flight = 0

    async def fetch(self, symbol: Symbol, depth: int) -> BookSnapshot:
        assert depth == FACTS.snapshot_depth
        self.requests.append((asyncio.get_running_loop().time(), symbol))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.in_flight -= 1
        answer = self.script.pop(0) if self.script else snapshot(self.current[symbol], symbol)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def resubscribe(self, symbol: Symbol) -> None:
        raise AssertionError("a book that is seeded by snapshots is never subscribed anew")

    def times(self, symbol: Symbol = BTC) -> list[float]:
        return [at for at, asked in self.requests if asked is symbol]


class Desk:
    """Keepers with their surroundings."""

    def __init__(self, clock: ManualClock, policy: ResyncPolicy | None = None) -> None:
        self.venue = Snapshots()
        self.events: list[ExchangeEvent] = []
        self.keepers = BookKeepers(
            exchange="venue",
            facts=lambda symbol: FACTS,
            fetch=self.venue.fetch,
            resubscribe=self.venue.resubscribe,
            emit=self.events.append,
            policy=policy,
            clock=clock,
            rng=random.Random(1),
        )

    async def live(self, symbol: Symbol = BTC) -> BookKeeper:
        keeper = self.keepers.add(symbol)
        keeper.start()
        await keeper.wait_live(5)
        return keeper

    async def __aenter__(self) -> Desk:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.keepers.aclose()


async def test_a_book_is_seeded_and_follows(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        seen: list[tuple[int, float]] = []

        def on_book(book: OrderBook) -> None:
            assert book.best_bid is not None
            seen.append((book.sequence, book.best_bid.price))

        keeper = desk.keepers.add(BTC)
        keeper.add_handler(on_book)
        desk.keepers.on_delta(delta(10))
        desk.keepers.on_delta(delta(11, 12, bid=99.5))
        keeper.start()
        await keeper.wait_live(5)
        desk.keepers.on_delta(delta(13, bid=100.0))
        assert seen == [(12, 99.5), (13, 100.0)]
        assert desk.venue.times() == [0.0], "the first update was there already, so nothing was waited for"
        assert desk.events == []
        assert keeper.health().applied == 2
        assert keeper.health().stale == 1
        assert keeper.health().snapshot_requests == 1


async def test_a_quiet_pair_waits_only_a_moment_for_its_first_update(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        keeper = await desk.live()
        assert desk.venue.times() == [pytest.approx(0.25)]
        assert keeper.book.is_live


async def test_a_gap_is_told_and_healed_and_touches_no_other_book(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        btc, eth = await desk.live(BTC), await desk.live(ETH)
        await asyncio.sleep(60)
        desk.venue.current[BTC] = 20
        desk.keepers.on_delta(delta(15, 16))
        assert btc.book.state is BookState.GAPPED
        assert eth.book.is_live
        with pytest.raises(BookNotLive, match="11 to 14 are missing"):
            _ = btc.book.best_bid
        await btc.wait_live(5)
        assert btc.book.sequence == 20
        gap, resynced = desk.events
        assert isinstance(gap, Gap)
        assert gap.symbol is BTC
        assert gap.state is BookState.GAPPED
        assert "11 to 14" in gap.reason
        assert isinstance(resynced, Resynced)
        assert resynced.sequence == 20
        assert resynced.seconds == pytest.approx(0.05)
        assert len(desk.venue.times(ETH)) == 1
        assert btc.health().resyncs == 1
        assert btc.health().gaps == 1


async def test_many_gaps_make_one_request_at_a_time(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        btc = await desk.live()
        desk.venue.current[BTC] = 100
        desk.venue.seconds = 1.0
        for first in (20, 40, 60):
            desk.keepers.on_delta(delta(first))
            await asyncio.sleep(0.01)
        await btc.wait_live(5)
        assert desk.venue.most_in_flight == 1
        assert len(desk.venue.times()) == 2


async def test_a_stream_that_gaps_at_every_update_is_no_storm_of_requests(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        await desk.live()
        for first in range(1000, 21000, 100):  # every 50 ms for 10 s
            desk.venue.current[BTC] = first
            desk.keepers.on_delta(delta(first))
            await asyncio.sleep(0.05)
        assert 10 <= len(desk.venue.times()) <= 25


async def test_a_snapshot_older_than_the_stream_is_asked_for_again(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        desk.venue.script = [snapshot(3), snapshot(4), snapshot(11)]
        keeper = desk.keepers.add(BTC)
        desk.keepers.on_delta(delta(11, 12))
        keeper.start()
        await keeper.wait_live(5)
        first, second, third = desk.venue.times()
        assert second - first == pytest.approx(0.05 + 0.1, rel=0.3)
        assert third - second == pytest.approx(0.05 + 0.2, rel=0.3)
        assert keeper.health().gaps == 0


async def test_a_failing_request_is_repeated_with_growing_pauses(
    virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with Desk(virtual_clock) as desk:
        desk.venue.seconds = 0.0
        desk.venue.script = [ExchangeConnectionException("down", "venue") for _ in range(8)]
        with caplog.at_level(logging.WARNING):
            keeper = desk.keepers.add(BTC)
            keeper.start()
            await keeper.wait_live(600)
        times = desk.venue.times()
        pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
        for pause, expected in zip(pauses, [0.5, 1, 2, 4, 8, 16, 30, 30], strict=True):
            assert 0.75 * expected <= pause <= 1.25 * expected
        assert keeper.health().snapshot_failures == 8
        assert len(caplog.records) == 8
        assert caplog.records[0].__dict__["symbol"] == "BTC/USDT"


async def test_a_limit_is_respected(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        desk.venue.script = [RateLimitException("slow down", "venue", retry_after=12.0)]
        keeper = desk.keepers.add(BTC)
        keeper.start()
        await keeper.wait_live(60)
        first, second = desk.venue.times()
        assert second - first >= 12.0


async def test_a_refusal_reaches_whoever_waits_and_recovery_goes_on(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        refusal = ExchangeRejectedException("no such pair", "venue", exchange_code="INVALID_CURRENCY_PAIR")
        desk.venue.script = [refusal]
        keeper = desk.keepers.add(BTC)
        keeper.start()
        with pytest.raises(ExchangeRejectedException) as caught:
            await keeper.wait_live(60)
        assert caught.value is refusal
        await keeper.wait_live(60)
        assert keeper.book.is_live


async def test_a_defect_in_fetching_is_not_hidden(virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    async with Desk(virtual_clock) as desk:
        desk.venue.script = [LookupError("a defect of ours")]
        keeper = desk.keepers.add(BTC)
        keeper.start()
        with caplog.at_level(logging.ERROR), pytest.raises(LookupError):
            await keeper.wait_live(60)
        assert caplog.records[0].exc_info is not None
        await keeper.wait_live(60)


async def test_waiting_is_bounded_and_says_what_is_wrong(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        desk.venue.script = [ExchangeConnectionException("unreachable", "venue") for _ in range(9)]
        keeper = desk.keepers.add(BTC)
        keeper.start()
        with pytest.raises(ExchangeConnectionException, match=r"not LIVE within 3 s.*unreachable") as caught:
            await keeper.wait_live(3)
        assert isinstance(caught.value.__cause__, ExchangeConnectionException)
        assert caught.value.retryable


async def test_an_interruption_makes_stale_and_recovery_makes_live(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        btc, eth = await desk.live(BTC), await desk.live(ETH)
        desk.keepers.interrupt([BTC], "connection 1 was lost")
        assert btc.book.state is BookState.STALE
        assert "connection 1 was lost" in btc.book.reason
        assert eth.book.is_live
        await asyncio.sleep(30)
        assert len(desk.venue.times()) == 1, "nothing is asked for while there is no stream"
        desk.venue.current[BTC] = 50
        desk.keepers.resume([BTC])
        desk.keepers.on_delta(delta(50, 51))
        await btc.wait_live(5)
        assert btc.book.sequence == 51
        (resynced,) = desk.events
        assert isinstance(resynced, Resynced)
        assert resynced.seconds == pytest.approx(30.05, abs=0.01)


async def test_an_interruption_during_a_request_discards_its_answer(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        keeper = desk.keepers.add(BTC)
        desk.keepers.on_delta(delta(10))
        keeper.start()
        await asyncio.sleep(0.01)
        assert desk.venue.in_flight == 1
        desk.keepers.interrupt([BTC], "lost")
        await asyncio.sleep(0.1)
        assert desk.venue.in_flight == 0
        assert keeper.book.state is BookState.STALE
        desk.keepers.resume([BTC])
        await keeper.wait_live(5)
        assert len(desk.venue.times()) == 2


async def test_a_connection_lost_before_the_subscription_was_noticed_waits_for_its_recovery(
    virtual_clock: ManualClock,
) -> None:
    async with Desk(virtual_clock) as desk:
        keeper = desk.keepers.add(BTC)
        keeper.interrupt("lost at once")
        keeper.start()
        await asyncio.sleep(10)
        assert desk.venue.requests == []
        keeper.resume()
        await keeper.wait_live(5)


async def test_a_full_push_seeds_without_any_snapshot(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        desk.venue.seconds = 3.0
        keeper = desk.keepers.add(BTC)
        keeper.start()
        await asyncio.sleep(0.5)
        desk.keepers.on_delta(delta(5, 30, full=True))
        await keeper.wait_live(0.1)
        assert keeper.book.sequence == 30
        await asyncio.sleep(5)
        assert keeper.book.sequence == 30, "the late snapshot is ignored"


async def test_a_handler_that_raises_harms_no_other(
    virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with Desk(virtual_clock) as desk:
        seen: list[int] = []

        def broken(book: OrderBook) -> None:
            raise ZeroDivisionError("in a strategy")

        keeper = await desk.live()
        keeper.add_handler(broken)
        keeper.add_handler(lambda book: seen.append(book.sequence))
        with caplog.at_level(logging.ERROR):
            for number in range(11, 31):
                desk.keepers.on_delta(delta(number))
        assert seen == list(range(11, 31))
        assert keeper.health().handler_errors == 20
        assert [record.__dict__["count"] for record in caplog.records] == [1, 2, 4, 8, 16]
        assert "broken" in caplog.records[0].__dict__["handler"]


async def test_a_slow_handler_is_measured_and_named(
    virtual_clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with Desk(virtual_clock, ResyncPolicy(slow_handler_s=0.002)) as desk:

        def dawdler(book: OrderBook) -> None:
            virtual_clock.advance(0.003)

        def quick(book: OrderBook) -> None:
            virtual_clock.advance(0.001)

        keeper = await desk.live()
        keeper.add_handler(quick)
        keeper.add_handler(dawdler)
        with caplog.at_level(logging.WARNING):
            desk.keepers.on_delta(delta(11))
        assert keeper.health().slow_handlers == 1
        (record,) = caplog.records
        assert record.getMessage() == "book handler took 3.0 ms"
        assert "dawdler" in record.__dict__["handler"]


async def test_handlers_can_be_taken_away_even_by_themselves(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        keeper = await desk.live()
        once: list[int] = []

        def only_once(book: OrderBook) -> None:
            once.append(book.sequence)
            keeper.remove_handler(only_once)

        keeper.add_handler(only_once)
        keeper.remove_handler(lambda book: None)
        desk.keepers.on_delta(delta(11))
        desk.keepers.on_delta(delta(12))
        assert once == [11]
        keeper.add_handler(only_once)
        keeper.clear_handlers()
        desk.keepers.on_delta(delta(13))
        assert once == [11]


async def test_watchers_hear_every_change_of_state(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        keeper = desk.keepers.add(BTC)
        states: list[BookState] = []

        def watcher() -> None:
            states.append(keeper.book.state)

        keeper.add_watcher(watcher)
        keeper.start()
        await keeper.wait_live(5)
        desk.keepers.on_delta(delta(11))
        desk.keepers.on_delta(delta(20))
        desk.keepers.interrupt([BTC], "lost")
        assert states == [BookState.LIVE, BookState.LIVE, BookState.GAPPED, BookState.STALE]
        keeper.remove_watcher(watcher)
        desk.keepers.resume([BTC])
        await keeper.wait_live(5)
        assert len(states) == 4


async def test_snapshots_of_many_books_are_bounded(virtual_clock: ManualClock) -> None:
    symbols = [Symbol(f"C{number}/USDT") for number in range(40)]
    async with Desk(virtual_clock, ResyncPolicy(concurrency=4, first_delta_wait=0.0)) as desk:
        desk.venue.current = dict.fromkeys(symbols, 10)
        desk.venue.seconds = 0.1
        keepers = [desk.keepers.add(symbol) for symbol in symbols]
        for keeper in keepers:
            keeper.start()
        await asyncio.gather(*(keeper.wait_live(30) for keeper in keepers))
        assert desk.venue.most_in_flight == 4
        assert virtual_clock.monotonic_ns() == pytest.approx(1.0e9, rel=0.05)
        assert len(desk.keepers.health()) == len(desk.keepers) == 40


async def test_removing_and_closing(virtual_clock: ManualClock) -> None:
    desk = Desk(virtual_clock)
    btc = await desk.live(BTC)
    eth = desk.keepers.add(ETH)
    assert desk.keepers.add(ETH) is eth
    desk.keepers.remove(BTC)
    desk.keepers.remove(BTC)
    assert btc.book.state is BookState.STALE
    assert btc.book.reason == "unsubscribed"
    desk.keepers.on_delta(delta(11))
    assert btc.health().deltas == 0
    assert desk.keepers.get(BTC) is None
    assert desk.keepers.get("ETH/USDT") is eth
    desk.keepers.interrupt([BTC], "unknown ones are ignored")
    desk.keepers.resume([BTC])

    waiting = asyncio.ensure_future(eth.wait_live(60))
    await asyncio.sleep(0)
    await desk.keepers.aclose()
    with pytest.raises(ExchangeConnectionException, match="was closed"):
        await waiting
    with pytest.raises(ExchangeConnectionException, match="is closed"):
        await eth.wait_live(60)
    eth.start()
    await desk.keepers.aclose()
    assert desk.venue.in_flight == 0


async def test_ages_are_told(virtual_clock: ManualClock) -> None:
    async with Desk(virtual_clock) as desk:
        keeper = await desk.live()
        assert keeper.health().age_s is None
        assert keeper.health().lag_s is None
        received = virtual_clock.time_ns()
        desk.keepers.on_delta(BookDelta(BTC, 11, 11, [], [(102.0, 1.0)], received - 40_000_000, received))
        await asyncio.sleep(2)
        assert keeper.health().age_s == pytest.approx(2.0)
        assert keeper.health().lag_s == pytest.approx(0.04)


Scenario = Callable[[ManualClock], AbstractAsyncContextManager[Coroutine[Any, Any, object]]]


def test_waiting_can_be_cancelled_anywhere(cancel_everywhere: Callable[[Scenario], int]) -> None:
    @asynccontextmanager
    async def scenario(clock: ManualClock) -> AsyncIterator[Coroutine[Any, Any, object]]:
        async with Desk(clock) as desk:
            desk.venue.script = [ExchangeConnectionException("down", "venue"), snapshot(3)]
            keeper = desk.keepers.add(BTC)
            desk.keepers.on_delta(delta(10))
            keeper.start()
            yield keeper.wait_live(60)
            await keeper.wait_live(60)
            assert keeper.book.is_live

    assert cancel_everywhere(scenario) >= 1


def test_closing_can_be_cancelled_anywhere_and_done_again(cancel_everywhere: Callable[[Scenario], int]) -> None:
    @asynccontextmanager
    async def scenario(clock: ManualClock) -> AsyncIterator[Coroutine[Any, Any, object]]:
        async with Desk(clock) as desk:
            keeper = desk.keepers.add(BTC)
            keeper.start()
            await asyncio.sleep(0.26)
            yield desk.keepers.aclose()

    assert cancel_everywhere(scenario) >= 1


def test_backoff_starts_over() -> None:
    waits = Backoff(1.0, 3.0, random.Random(5))
    first = [waits.next() for _ in range(4)]
    for wait, expected in zip(first, (1.0, 2.0, 3.0, 3.0), strict=True):
        assert 0.75 * expected <= wait <= 1.25 * expected
    waits.reset()
    assert waits.next() <= 1.25
