"""What is followed, counted and told of one exchange."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cex.cli.notes import Notebook
from cex.cli.observer import Observer
from cex.cli.results import results_json, results_of, results_sentence
from cex.common.clock import ManualClock
from cex.common.enums import BookState
from cex.common.exceptions import ExchangeDataException
from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces import (
    Channel,
    Connected,
    Gap,
    Interrupted,
    Overflow,
    Recovered,
    Refused,
    Resynced,
    Stream,
    Undecodable,
)

BTC, ETH = Symbol("BTC/USDT"), Symbol("ETH/USDT")


class Told:
    def __init__(self) -> None:
        self.notes: list[tuple[str, bool | None]] = []

    def __call__(self, text: str, good: bool | None) -> None:
        self.notes.append((text, good))


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_books_and_trades_are_followed(gateio) -> None:  # type: ignore[no-untyped-def]
    told = Told()
    changed: list[Symbol] = []
    async with Observer(gateio, [BTC, ETH], tell=told) as observer:
        observer.on_change = changed.append
        await settled()
        assert [row.state for row in observer.rows()] == [BookState.SYNCING, BookState.SYNCING]
        assert not observer.all_live
        waiting = asyncio.create_task(observer.wait_all_live())
        gateio.seed(BTC, 100.0, 101.0)
        await settled()
        assert not waiting.done()
        gateio.seed(ETH, 10.0, 11.0)
        await waiting
        gateio.change(BTC, 2, bids=[(100.5, 2.0)])
        gateio.trades_offered[BTC] = 3
        btc, eth = observer.rows()
        assert (btc.bid, btc.ask) == ((100.5, 2.0), (101.0, 1.0))
        assert (btc.sequence, btc.deltas, btc.applied, btc.trades, btc.price_decimals) == (2, 1, 1, 3, 2)
        assert btc.spread_bps == pytest.approx(0.5 / 100.75 * 1e4)
        assert eth.trades == 0
        assert changed == [BTC, ETH, BTC]
        assert observer.messages == 7
        gateio.lose(BTC, "cable")
        btc = observer.rows()[0]
        assert (btc.state, btc.reason, btc.bid, btc.spread_bps) == (BookState.STALE, "cable", None, None)
    assert told.notes == []
    assert not gateio.watched
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_stream_that_cannot_be_had_is_told_and_harms_no_other(make_exchange) -> None:  # type: ignore[no-untyped-def]
    exchange = make_exchange("gateio", BTC, ETH, refused=(BTC,))
    told = Told()
    async with Observer(exchange, [BTC, ETH], tell=told) as observer:
        await settled()
        exchange.seed(ETH, 10.0, 11.0)
        assert observer.errors == 1
        btc, eth = observer.rows()
        assert btc.reason == "no BTC/USDT for you"
        assert eth.state is BookState.LIVE
    assert told.notes == [("gateio BTC/USDT book: no BTC/USDT for you", False)]


async def test_only_trades_are_followed_where_no_book_is_wanted(gateio) -> None:  # type: ignore[no-untyped-def]
    async with Observer(gateio, [BTC, ETH], tell=Told(), without_book=[BTC]) as observer:
        await settled()
        gateio.seed(ETH, 10.0, 11.0)
        assert observer.all_live
        assert observer.rows()[0].reason == "no book is wanted"
        assert BTC not in observer.books


async def test_what_happens_is_counted_and_told(gateio) -> None:  # type: ignore[no-untyped-def]
    told = Told()
    at: dict[str, Any] = {"exchange": "gateio", "at_ns": 1}
    error = ExchangeDataException("no JSON", "gateio")
    async with Observer(gateio, [BTC], tell=told) as observer:
        for event in (
            Connected(connection=1, url="ws://x", **at),
            Gap(symbol=BTC, state=BookState.GAPPED, reason="updates 2 to 3 are missing", **at),
            Resynced(symbol=BTC, sequence=9, seconds=0.012, **at),
            Resynced(symbol=BTC, sequence=9, seconds=0.003, **at),
            Interrupted(connection=1, streams=(), reason="reset", **at),
            Recovered(connection=2, streams=(Stream(Channel.BOOK, BTC), Stream(Channel.TRADES, BTC)), **at),
            Refused(channel=Channel.TRADES, symbol=BTC, code=None, message="late", **at),
            Overflow(channel=Channel.TRADES, symbol=BTC, dropped=4, resumed=False, **at),
            Undecodable(connection=1, error=error, **at),
        ):
            gateio.tell(event)
    assert (observer.errors, observer.interruptions, observer.resyncs) == (2, 1, 2)
    gateio.faults = 3
    assert observer.errors == 5, "frames on which our own code failed count too"
    assert observer.slowest_resync_s == 0.012
    assert told.notes == [
        ("gateio connected", None),
        ("gateio BTC/USDT lost: updates 2 to 3 are missing", False),
        ("gateio BTC/USDT live again after 12 ms", True),
        ("gateio BTC/USDT live again after 3 ms", True),
        ("gateio connection lost: reset", False),
        ("gateio connected again; 2 streams, 1 of them books", True),
        ("gateio refused trades of BTC/USDT: late", False),
        ("gateio BTC/USDT: 4 trades were not read in time", False),
        ("gateio frame: no JSON", False),
    ]


async def test_results_have_the_best_levels_of_live_books_only(gateio, mexc) -> None:  # type: ignore[no-untyped-def]
    async with (
        Observer(gateio, [BTC, ETH], tell=Told()) as one,
        Observer(mexc, [BTC], tell=Told()) as other,
    ):
        await settled()
        gateio.seed(BTC, 100.0, 101.0, last_id=5)
        mexc.seed(BTC, 100.0, 101.0)
        mexc.change(BTC, 2, bids=[(99.0 - n, 1.0) for n in range(9)])
        results = results_of([one])
        assert results_json(results) == {
            "BTC/USDT": {
                "deltas": 0,
                "applied": 0,
                "stale": 0,
                "gaps": 0,
                "trades": 0,
                "last_id": 5,
                "state": "LIVE",
                "reason": "in sequence since the snapshot at 5",
                "bids": [[100.0, 1.0]],
                "asks": [[101.0, 1.0]],
            },
            "ETH/USDT": {
                "deltas": 0,
                "applied": 0,
                "stale": 0,
                "gaps": 0,
                "trades": 0,
                "last_id": 0,
                "state": "SYNCING",
                "reason": "no snapshot yet",
                "bids": [],
                "asks": [],
            },
        }
        assert results_sentence(results) == "0 deltas, 0 applied, 0 stale, 0 gaps, 0 trades; 1 of 2 books live"
        together = results_json(results_of([one, other]))
        assert list(together) == ["gateio:BTC/USDT", "gateio:ETH/USDT", "mexc:BTC/USDT"]
        assert [price for price, _ in together["mexc:BTC/USDT"]["bids"]] == [100.0, 99.0, 98.0, 97.0, 96.0]


def test_notes_are_numbered_and_timed_and_the_oldest_go() -> None:
    clock = ManualClock()
    notebook = Notebook(clock)
    clock.advance(2.0)
    notebook.begin()
    clock.advance(0.5)
    for number in range(60):
        notebook.tell(f"note {number}", good=None)
    assert notebook.elapsed_s == 0.5
    assert len(notebook.notes) == 50
    assert (notebook.notes[-1].number, notebook.notes[-1].at_s, notebook.notes[-1].text) == (60, 0.5, "note 59")
