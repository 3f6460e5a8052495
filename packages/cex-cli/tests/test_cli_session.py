"""Several exchanges together: who follows what, the figures of the whole, and what stays when it is over."""

from __future__ import annotations

import asyncio

import pytest
import typer

from cex.cli.running import Trouble
from cex.cli.session import Session, following, parsed_symbols
from cex.common.clock import ManualClock
from cex.common.types.symbols import Symbol

BTC, ETH = Symbol("BTC/USDT"), Symbol("ETH/USDT")


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_each_exchange_follows_what_it_lists(gateio, mexc) -> None:  # type: ignore[no-untyped-def]
    clock = ManualClock()
    session = Session("cex test", clock)
    clock.advance(3.0)
    async with following(session, [gateio, mexc], [BTC, ETH]):
        await settled()
        gateio.seed(BTC, 100.0, 100.1)
        gateio.seed(ETH, 10.0, 10.1)
        mexc.seed(BTC, 101.0, 101.1)
        await settled()
        clock.advance(2.0)
        screen = session.screen()
        assert [(row.exchange, row.symbol) for row in screen.rows] == [("gateio", BTC), ("gateio", ETH), ("mexc", BTC)]
        assert screen.elapsed_s == 2.0, "time counts from where the following began"
        assert [note.text for note in screen.notes] == ["mexc does not list ETH/USDT"]
        assert [row.symbol for row in screen.opportunities] == [BTC]
        assert dict(screen.figures)["messages"] == "14"
        assert (session.books_live, session.opportunities, session.errors) == (3, 1, 0)
        assert session.best_net_bps == pytest.approx(69.6, abs=1)
    gateio.lose(BTC, "closed")
    gateio.faults = 9
    clock.advance(5.0)
    assert session.books_live == 3, "the figures are those of the last moment"
    assert (session.seconds, session.messages, session.errors) == (2.0, 14, 0)
    assert session.results[0].bids == ((100.0, 1.0),)
    assert (session.resyncs, session.slowest_resync_s, session.crossed_live_reads, session.interruptions) == (
        0,
        0,
        0,
        0,
    )


async def test_an_interrupted_session_still_sums_up(gateio) -> None:  # type: ignore[no-untyped-def]
    session = Session("cex test", ManualClock())

    async def follow() -> None:
        async with following(session, [gateio], [BTC]):
            await settled()
            gateio.seed(BTC, 100.0, 100.1)
            await asyncio.sleep(10)

    task = asyncio.create_task(follow())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gateio.lose(BTC, "closed")
    assert session.books_live == 1
    assert session.scout is None, "one exchange alone has nothing to compare"
    assert session.best_net_bps is None


async def test_nothing_is_compared_where_nobody_looks(gateio, mexc) -> None:  # type: ignore[no-untyped-def]
    session = Session("cex test", ManualClock())
    async with following(session, [gateio, mexc], [BTC], scouting=False):
        assert session.scout is None
        assert session.screen().opportunities == ()


async def test_a_symbol_that_nobody_lists_is_told(gateio, mexc) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Trouble, match="NOPE/USDT is listed on none of: gateio, mexc"):
        async with following(Session("cex test", ManualClock()), [gateio, mexc], [BTC, Symbol("NOPE/USDT")]):
            pass


def test_symbols_of_the_command_line() -> None:
    assert parsed_symbols(["BTC/USDT", "ETH/USDT", "BTC/USDT"]) == (BTC, ETH)
    with pytest.raises(typer.BadParameter, match="not a symbol: 'BTCUSDT'"):
        parsed_symbols(["BTCUSDT"])
