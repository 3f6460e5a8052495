from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cex.common.enums import InstrumentStatus, Side
from cex.common.types.symbols import Symbol
from cex.sandbox.market.listings import DEFAULT_LISTINGS, FuturesContract, Listing, Rules
from cex.sandbox.market.models import (
    MARKET_MODELS,
    FlashCrash,
    MarketModel,
    PriceSeries,
    Trend,
    market_model,
    read_price_series,
    recorded,
)
from cex.sandbox.market.prices import PriceModel
from cex.sandbox.market.simulation import Market, MarketBook

D = Decimal
BTC = DEFAULT_LISTINGS[0]
CALM: dict[str, Any] = {"jump_least": 0.0, "jump_most": 0.0, "skew": 0.0}


def middle(book: MarketBook) -> float:
    bid, ask = book.engine.best(Side.BUY), book.engine.best(Side.SELL)
    assert bid is not None
    assert ask is not None
    return (bid + ask) / 2 * 10.0**-book.rules.price_decimals


def path(model: MarketModel | PriceModel | str | None, seconds: float, tick: float = 0.1) -> list[float]:
    """The middle of MEXC's book, tick by tick."""
    market = Market(seed=3, listings=[replace(BTC, volatility=0.5, resting_orders=40)], model=model, tick=tick)
    prices = []
    for _ in range(round(seconds / tick)):
        market.step()
        prices.append(middle(market.book("mexc", "BTC/USDT")))
    return prices


# --- models ----------------------------------------------------------------------------------------------------------


def test_every_name_makes_a_market() -> None:
    assert list(MARKET_MODELS) == ["random-walk", "calm", "trending", "flash-crash", "thin-book"]
    for name in MARKET_MODELS:
        assert len(path(name, 0.5)) == 5
    assert market_model("thin-book") is MARKET_MODELS["thin-book"]
    with pytest.raises(KeyError, match="there are random-walk, calm, trending"):
        Market(model="moon")


def test_the_usual_model_is_the_random_walk() -> None:
    assert path(None, 3) == path("random-walk", 3) == path(PriceModel(), 3) == path(MarketModel(), 3)


def test_calm_has_no_jumps() -> None:
    def farthest(model: str) -> float:
        prices = path(model, 60)
        return max(abs(later / earlier - 1) for earlier, later in zip(prices, prices[10:], strict=False))

    assert farthest("calm") < 12e-4 < 30e-4 < farthest("random-walk")


def test_trend_goes_one_way_and_turns() -> None:
    prices = path(PriceModel(course=Trend(rate=20.0, turn_s=10.0), **CALM), 20)
    assert prices[95] / prices[0] == pytest.approx(math.exp(20e-4 * 9.5), rel=2e-3)
    assert prices[199] == pytest.approx(prices[0], rel=4e-3)


def test_flash_crash_falls_and_recovers() -> None:
    crash = FlashCrash(depth=0.2, first_s=2.0, fall_s=1.0, hold_s=3.0, recovery_s=5.0)
    prices = path(PriceModel(course=crash, **CALM), 16)
    assert prices[15] == pytest.approx(BTC.price, rel=2e-3)
    assert min(prices) == pytest.approx(0.8 * BTC.price, rel=0.01)
    assert 25 < prices.index(min(prices)) < 70
    assert prices[-1] == pytest.approx(BTC.price, rel=5e-3)


def test_flash_crash_comes_again() -> None:
    crash = FlashCrash(depth=0.5, first_s=10.0, every_s=100.0, fall_s=1.0, hold_s=1.0, recovery_s=1.0)
    levels = {second: crash.level(0.0, 0.0, second) for second in (0.0, 9.9, 10.5, 11.5, 12.5, 13.5, 111.5, 150.0)}
    half = math.log(0.5)
    assert [levels[second] / half for second in levels] == pytest.approx([0, 0, 0.5, 1, 0.5, 0, 1, 0])


def test_thin_book_is_thin_and_wide() -> None:
    def depth_and_spread(model: str) -> tuple[float, float]:
        market = Market(seed=3, listings=[BTC], model=model)
        spreads, lots = 0.0, 0
        for _ in range(50):
            market.step()
            engine = market.book("mexc", "BTC/USDT").engine
            (bid, _), (ask, _) = engine.levels(Side.BUY, 1)[0], engine.levels(Side.SELL, 1)[0]
            spreads += ask - bid
            lots += sum(total for _, total in engine.levels(Side.BUY))
        return lots, spreads

    (thin, wide), (usual, narrow) = depth_and_spread("thin-book"), depth_and_spread("random-walk")
    assert thin < usual / 20
    assert wide > 2 * narrow


def test_recorded_prices_are_followed_where_there_are_any(tmp_path: Path) -> None:
    file = tmp_path / "btc.csv"
    file.write_text("seconds,price\n100,84000\n105,86000\n\n106,86000\n")
    model = recorded({"BTC/USDT": read_price_series(file, loop=False)})
    model = replace(model, prices=replace(model.prices, **CALM))
    prices = path(model, 12)
    assert prices[30] == pytest.approx(84000 * (86 / 84) ** (2.2 / 5), rel=2e-3)
    assert prices[-1] == pytest.approx(86000, rel=1e-3)
    other = Market(seed=3, listings=[DEFAULT_LISTINGS[1]], model=model)
    other.step()
    assert middle(other.book("mexc", "ETH/USDT")) == pytest.approx(2941, rel=0.01)


def test_series_begins_anew_or_stays() -> None:
    points = [(10.0, 100.0), (11.0, 200.0), (13.0, 50.0)]
    looped, once = PriceSeries(points), PriceSeries(points, loop=False)
    read = [round(math.exp(looped.level(0.0, 0.0, at)), 6) for at in (0.0, 1.0, 2.0, 3.0, 4.0)]
    assert read == [100.0, 200.0, 100.0, 100.0, 200.0]
    assert math.exp(once.level(0.0, 0.0, 3.0)) == pytest.approx(50.0)
    assert math.exp(once.level(0.0, 0.0, 99.0)) == pytest.approx(50.0)


@pytest.mark.parametrize("points", [[(0.0, 1.0)], [(0.0, 1.0), (0.0, 2.0)], [(0.0, 1.0), (1.0, 0.0)]])
def test_series_that_makes_no_sense(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="price series"):
        PriceSeries(points)


def test_file_with_a_bad_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "btc.csv"
    file.write_text("0,84000\n1,cheap\n")
    with pytest.raises(ValueError, match=r"btc\.csv, line 2"):
        read_price_series(file)


def test_factors_are_positive() -> None:
    with pytest.raises(ValueError, match="positive factors"):
        MarketModel(levels=0)


# --- rules that change -----------------------------------------------------------------------------------------------


def small(**rules: Any) -> Market:
    listing = replace(BTC, resting_orders=30, venues={"mexc": replace(BTC.venues["mexc"], **rules)})
    return Market(seed=3, listings=[listing])


def new_levels(market: Market, ticks: int) -> list[tuple[int, int]]:
    """(price, lots) of levels that came into being."""
    book, found = market.book("mexc", "BTC/USDT"), []
    for _ in range(ticks):
        market.step()
        found += [(change.price, change.total) for change in book.changes if not change.before]
    return found


def test_coarser_tick_and_step_bind_what_comes_and_leave_what_rests() -> None:
    market = small()
    book = market.book("mexc", "BTC/USDT")
    levels = book.view()
    before = book.rules
    told: list[Rules] = []
    book.watchers.append(lambda changed, old: told.append(old))
    after = book.change_rules(tick=D("0.5"), step=D("0.0001"))
    assert (after.price_tick, after.price_precision, after.quantity_step, after.quantity_precision) == (
        D("0.5"),
        1,
        D("0.0001"),
        4,
    )
    assert book.view() == levels
    assert told == [before]
    assert all(price % 50 == 0 and lots % 10_000 == 0 for price, lots in new_levels(market, 40))
    assert any(price % 50 for price, _ in book.engine.levels(Side.BUY))
    book.change_rules(tick=None, step=None)
    assert any(price % 50 for price, _ in new_levels(market, 20))
    assert book.rules == before


def test_finer_tick_is_had_by_listing_with_a_fine_grid() -> None:
    market = small(price_decimals=4, tick=D("0.01"))
    assert all(price % 100 == 0 for price, _ in new_levels(market, 30))
    book = market.book("mexc", "BTC/USDT")
    assert (book.tick_units, book.rules.price_precision) == (100, 2)
    assert book.last_price == book.price_of(book.candles.last)
    book.change_rules(tick=D("0.0001"))
    assert any(price % 100 for price, _ in new_levels(market, 30))


@pytest.mark.parametrize(
    "changes",
    [
        {"price_decimals": 3},
        {"quantity_decimals": 3},
        {"tick": D("0.005")},
        {"tick": D(0)},
        {"step": D("0.000000015")},
        {"step": D(-1)},
    ],
)
def test_the_grid_stays(changes: dict[str, object]) -> None:
    book = small().book("mexc", "BTC/USDT")
    before = book.rules
    with pytest.raises(ValueError, match="grid"):
        book.change_rules(**changes)
    assert book.rules is before


def test_halted_market_stands_still_and_goes_on() -> None:
    market = small()
    book = market.book("mexc", "BTC/USDT")
    book.change_rules(status=InstrumentStatus.HALTED)
    for _ in range(5):
        market.step()
        assert not book.changes
    book.change_rules(status=InstrumentStatus.TRADING)
    market.step()
    assert book.changes


def test_contract_changes_live() -> None:
    listing = next(one for one in DEFAULT_LISTINGS if one.contract is not None)
    market = Market(seed=3, listings=[replace(listing, resting_orders=20)])
    book = market.book("gateio", str(listing.symbol))
    told: list[MarketBook] = []
    book.watchers.append(lambda changed, old: told.append(changed))
    book.change_contract(multiplier=D("0.001"), most_leverage=50)
    assert book.perpetual is not None
    assert book.perpetual.contract == FuturesContract(multiplier=D("0.001"), most_leverage=50)
    assert (book.multiplier, book.listing.contract, told) == (D("0.001"), book.perpetual.contract, [book])
    market.step()
    assert book.true_book().multiplier == D("0.001")
    with pytest.raises(ValueError, match="positive"):
        book.change_contract(multiplier=D(0))
    with pytest.raises(ValueError, match="not a perpetual"):
        small().book("mexc", "BTC/USDT").change_contract(multiplier=D(1))


def test_whole_units_have_no_decimals() -> None:
    rules = replace(BTC.venues["mexc"], tick=D(10), step=D(5))
    assert (rules.price_precision, rules.quantity_precision) == (0, 0)


def test_crowd_keeps_to_users_orders_but_leaves_no_crumbs() -> None:
    quiet = Listing(
        symbol=Symbol("AAA/USDT"), name="A", price=100.0, resting_orders=10, venues={"mexc": BTC.venues["mexc"]}
    )
    market = Market(seed=3, listings=[quiet], model=PriceModel(course=Trend(rate=50.0, turn_s=1e9)))
    book = market.book("mexc", "AAA/USDT")
    order = market.submit("mexc", "AAA/USDT", Side.SELL, D(10), D("100.5")).order
    fills = []
    for _ in range(200):
        market.step()
        fills += [fill.quantity for fill in book.fills if fill.maker_order == order.id]
    assert order.remaining == 0
    assert 1 <= len(fills) < 8
