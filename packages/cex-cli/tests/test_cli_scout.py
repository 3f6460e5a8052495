"""Arbitrage is judged after each change, counted when it begins, and never from a book that cannot vouch for itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cex.cli.observer import Observer
from cex.cli.scout import Scout
from cex.common.types.symbols import Symbol

BTC = Symbol("BTC/USDT")


def ignore(text: str, good: bool | None) -> None:
    pass


@asynccontextmanager
async def scouted(*exchanges) -> AsyncIterator[Scout]:  # type: ignore[no-untyped-def]
    one, other = exchanges
    async with Observer(one, [BTC], tell=ignore) as first, Observer(other, [BTC], tell=ignore) as second:
        await settled()
        yield Scout([first, second])


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_opportunity_counts_when_it_begins(gateio, mexc) -> None:  # type: ignore[no-untyped-def]
    async with scouted(gateio, mexc) as scout:
        gateio.seed(BTC, 100.0, 100.2)
        await settled()
        assert (scout.opportunities, scout.best_net_bps, scout.rows()) == (0, None, ())
        mexc.seed(BTC, 100.0, 100.2)
        await settled()
        (row,) = scout.rows()
        assert row.net_bps == pytest.approx((100.0 * 0.999 / (100.2 * 1.001) - 1) * 1e4)
        assert (row.quantity, row.profit, row.suspect, row.seen) == (None, None, False, 0)

        for update, bid in ((2, 101.0), (3, 101.1)):
            mexc.change(BTC, update, bids=[(bid, 2.0)], asks=[(100.2, 0.0), (102.0, 1.0)])
            await settled()
        assert scout.opportunities == 1, "it goes on, it does not begin again"
        (row,) = scout.rows()
        assert (row.buy_on, row.sell_on, row.quote, row.seen) == ("gateio", "mexc", "USDT", 1)
        assert row.quantity == 1.0
        assert row.profit == pytest.approx(101.1 * 0.999 - 100.2 * 1.001)
        best = scout.best_net_bps
        assert best == pytest.approx((101.1 * 0.999 / (100.2 * 1.001) - 1) * 1e4)

        mexc.change(BTC, 4, bids=[(101.1, 0.0), (101.0, 0.0)])
        await settled()
        assert scout.rows()[0].net_bps < 0
        mexc.change(BTC, 5, bids=[(101.0, 2.0)])
        await settled()
        assert scout.opportunities == 2
        assert scout.best_net_bps == best


async def test_changes_that_come_together_are_judged_once(gateio, mexc) -> None:  # type: ignore[no-untyped-def]
    async with scouted(gateio, mexc) as scout:
        gateio.seed(BTC, 100.0, 100.2)
        mexc.seed(BTC, 110.0, 110.2)
        mexc.change(BTC, 2, bids=[(110.0, 0.0), (100.0, 1.0)], asks=[(110.2, 0.0), (100.2, 1.0)])
        await settled()
        assert scout.opportunities == 0, "what is gone by the end of the same moment could not have been had"


async def test_a_lost_or_silent_book_ends_it(gateio, mexc) -> None:  # type: ignore[no-untyped-def]
    async with scouted(gateio, mexc) as scout:
        gateio.seed(BTC, 100.0, 100.2)
        mexc.seed(BTC, 101.0, 101.2)
        await settled()
        assert len(scout.rows()) == 1
        mexc.fresh = False
        assert scout.rows() == ()
        mexc.fresh = True
        mexc.change(BTC, 2, asks=[(101.2, 2.0)])
        await settled()
        assert len(scout.rows()) == 1
        mexc.lose(BTC, "cable")
        assert scout.rows() == ()
        assert scout.opportunities == 1


async def test_what_is_too_good_to_be_true_does_not_count(gateio, mexc) -> None:  # type: ignore[no-untyped-def]
    async with scouted(gateio, mexc) as scout:
        gateio.seed(BTC, 100.0, 100.2)
        mexc.seed(BTC, 150.0, 150.2)
        await settled()
        assert scout.opportunities == 0
        (row,) = scout.rows()
        assert row.suspect
        assert row.net_bps > 500
        assert scout.best_net_bps is not None
        assert scout.best_net_bps < 0


async def test_where_no_fee_is_listed_the_usual_one_counts(make_exchange) -> None:  # type: ignore[no-untyped-def]
    one, other = make_exchange("gateio", BTC, taker_fee=None), make_exchange("mexc", BTC, taker_fee="0")
    async with scouted(one, other) as scout:
        one.seed(BTC, 100.0, 100.1)
        other.seed(BTC, 100.2, 100.3)
        await settled()
        assert scout.opportunities == 0
        assert scout.rows()[0].net_bps == pytest.approx((100.2 / (100.1 * 1.002) - 1) * 1e4)


async def test_an_empty_side_is_no_market(gateio, mexc) -> None:  # type: ignore[no-untyped-def]
    async with scouted(gateio, mexc) as scout:
        gateio.seed(BTC, 100.0, 100.2)
        mexc.seed(BTC, 100.0, 100.2)
        mexc.change(BTC, 2, bids=[(100.0, 0.0)], asks=[(100.2, 0.0)])
        await settled()
        assert scout.rows() == ()
