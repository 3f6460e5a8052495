"""A perpetual is compared with every followed spot market of its pair, and funding is asked for, not invented."""

from __future__ import annotations

import asyncio

import pytest

from cex.cli.basis import BasisWatch
from cex.cli.drawing import Canvas
from cex.cli.observer import Observer
from cex.cli.session import Session, following
from cex.common.clock import ManualClock
from cex.common.enums import MarketType
from cex.common.types.market import FundingRate
from cex.common.types.symbols import Symbol

SPOT, PERPETUAL = Symbol("BTC/USDT"), Symbol("BTC/USDT:USDT")


async def settled() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


async def test_a_perpetual_stands_against_every_spot_market_of_its_pair(make_exchange) -> None:  # type: ignore[no-untyped-def]
    gateio, mexc = make_exchange("gateio", SPOT, PERPETUAL), make_exchange("mexc", SPOT)
    gateio.funding[PERPETUAL] = FundingRate(PERPETUAL, 0.0001, 0, 28800)
    session = Session("cex test", ManualClock())
    async with following(session, [gateio, mexc], [SPOT, PERPETUAL]):
        await settled()
        assert not list(session.bases)
        gateio.seed(SPOT, 100.0, 100.2)
        gateio.seed(PERPETUAL, 101.0, 101.2)
        mexc.seed(SPOT, 99.0, 99.2)
        await settled()
        here, there = session.bases
        assert (here.spot_on, here.perpetual_on, here.symbol) == ("gateio", "gateio", PERPETUAL)
        assert here.basis_bps == pytest.approx((101.1 / 100.1 - 1) * 1e4)
        assert here.carry_bps == pytest.approx((101.0 * 0.999 / (100.2 * 1.001) - 1) * 1e4)
        assert here.funding_bps == pytest.approx(1.0)
        assert here.funding_bps_year == pytest.approx(1095.0)
        assert (there.spot_on, there.perpetual_on) == ("mexc", "gateio")
        assert (session.live_of(MarketType.SPOT), session.live_of(MarketType.FUTURES)) == (2, 1)
        assert [note.text for note in session.notebook.notes] == [], "that mexc has no perpetuals is no news"
        gateio.lose(PERPETUAL, "closed")
        assert not list(session.bases)
        gateio.seed(PERPETUAL, 101.0, 101.2, last_id=2)
        assert len(session.bases) == 2
    gateio.lose(PERPETUAL, "closed")
    assert len(session.bases) == 2, "the figures are those of the last moment"
    assert len(asyncio.all_tasks()) == 1


async def test_funding_that_cannot_be_had_is_told_and_asked_for_again(make_exchange) -> None:  # type: ignore[no-untyped-def]
    gateio = make_exchange("gateio", SPOT, PERPETUAL)
    told: list[str] = []
    async with (
        Observer(gateio, [SPOT, PERPETUAL], tell=lambda text, good: told.append(text)) as observer,
        BasisWatch([observer], refresh_s=0.0) as watch,
    ):
        await settled()
        gateio.seed(SPOT, 100.0, 100.2)
        gateio.seed(PERPETUAL, 101.0, 101.2)
        await settled()
        assert watch.rows()[0].funding_bps is None
        assert observer.errors > 0
        assert told[0] == "gateio BTC/USDT:USDT funding: no funding of BTC/USDT:USDT"
        gateio.funding[PERPETUAL] = FundingRate(PERPETUAL, -0.0002, 0)
        await settled()
        assert watch.rows()[0].funding_bps == pytest.approx(-2.0)
        assert watch.rows()[0].funding_bps_year is None


async def test_the_table_shows_basis_and_funding(make_exchange) -> None:  # type: ignore[no-untyped-def]
    from rich.console import Console

    gateio = make_exchange("gateio", SPOT, PERPETUAL)
    gateio.funding[PERPETUAL] = FundingRate(PERPETUAL, 0.0001, 0, 28800)
    session = Session("cex test", ManualClock())
    async with following(session, [gateio], [SPOT, PERPETUAL]):
        await settled()
        gateio.seed(SPOT, 100.0, 100.2)
        gateio.seed(PERPETUAL, 101.0, 101.2)
        await settled()
        console = Console(width=140, record=True, file=None, quiet=False, force_terminal=False)
        with console.capture() as shown:
            console.print(Canvas().draw(session.screen()))
    table = shown.get()
    assert "perpetual against spot" in table
    assert "+99.9" in table, "basis"
    assert "+1095" in table.replace(",", ""), "funding a year"
