from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common import Instrument, Symbol
from cex.common.enums import InstrumentStatus, Side

BTC = Symbol("BTC/USDT")


def instrument(**changes: object) -> Instrument:
    rules = Instrument(
        symbol=BTC,
        exchange="gateio",
        exchange_symbol="BTC_USDT",
        status=InstrumentStatus.TRADING,
        tick=Decimal("0.1"),
        step=Decimal("0.0001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal(100),
        min_notional=Decimal(3),
        max_notional=Decimal(5_000_000),
    )
    return msgspec.structs.replace(rules, **changes)


amounts = st.decimals(min_value=Decimal(0), max_value=Decimal(10) ** 15, places=12)
grids = st.sampled_from([Decimal(g) for g in ("1", "0.1", "0.25", "0.00000001", "5", "0.0005", "1E-12", "1E+3")])


@given(amounts, grids)
def test_a_rounded_price_is_on_the_grid_and_never_worse(price: Decimal, tick: Decimal) -> None:
    rules = instrument(tick=tick)
    buy, sell = rules.round_price(price, Side.BUY), rules.round_price(price, Side.SELL)
    assert buy % tick == 0
    assert sell % tick == 0
    assert price - tick < buy <= price <= sell < price + tick


@given(amounts, grids)
def test_a_rounded_quantity_is_on_the_grid_and_never_larger(quantity: Decimal, step: Decimal) -> None:
    rounded = instrument(step=step).round_quantity(quantity)
    assert rounded % step == 0
    assert quantity - step < rounded <= quantity


@given(amounts, grids)
def test_rounding_twice_changes_nothing(value: Decimal, grid: Decimal) -> None:
    rules = instrument(tick=grid, step=grid)
    for side in Side:
        once = rules.round_price(value, side)
        assert rules.round_price(once, side) == once
    assert rules.round_quantity(rules.round_quantity(value)) == rules.round_quantity(value)


def test_a_price_below_zero_is_rounded_in_the_safe_direction_too() -> None:
    rules = instrument(tick=Decimal(1))
    assert rules.round_price(Decimal("-1.5"), Side.BUY) == -2
    assert rules.round_price(Decimal("-1.5"), Side.SELL) == -1


@pytest.mark.parametrize("bad", [0.1, 1, "0.1", None])
def test_only_decimals_are_taken(bad: object) -> None:
    with pytest.raises(TypeError, match="give a Decimal"):
        instrument().round_quantity(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "1E+50"])
def test_numbers_that_are_no_amount_are_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="price"):
        instrument().round_price(Decimal(bad), Side.BUY)


def test_an_order_within_the_rules_violates_none() -> None:
    assert instrument().violations(side=Side.BUY, quantity=Decimal("0.01"), price=Decimal("60000.1")) == []
    assert instrument().violations(side=Side.SELL, quantity=Decimal("0.01")) == []


@pytest.mark.parametrize(
    ("quantity", "price", "word"),
    [
        ("0.00015", None, "step"),
        ("0.0005", None, "below the minimum"),
        ("101", None, "above the maximum"),
        ("0", None, "not positive"),
        ("0.01", "60000.05", "tick"),
        ("0.01", "0", "not positive"),
        ("0.01", "1", "notional 0.01 is below"),
        ("100", "100000", "notional 10000000 is above"),
    ],
)
def test_every_broken_rule_is_named(quantity: str, price: str | None, word: str) -> None:
    found = instrument().violations(
        side=Side.BUY, quantity=Decimal(quantity), price=None if price is None else Decimal(price)
    )
    assert any(word in sentence for sentence in found), found


@pytest.mark.parametrize(
    ("status", "buy", "sell"),
    [
        (InstrumentStatus.TRADING, True, True),
        (InstrumentStatus.BUY_ONLY, True, False),
        (InstrumentStatus.SELL_ONLY, False, True),
        (InstrumentStatus.HALTED, False, False),
        (InstrumentStatus.DELISTED, False, False),
    ],
)
def test_the_status_decides_which_side_may_trade(status: InstrumentStatus, buy: bool, sell: bool) -> None:
    rules = instrument(status=status)
    for side, allowed in ((Side.BUY, buy), (Side.SELL, sell)):
        assert (rules.violations(side=side, quantity=Decimal(1)) == []) is allowed


def test_a_grid_of_zero_is_refused_when_the_rules_are_made() -> None:
    with pytest.raises(ValueError, match="tick of BTC/USDT must be positive"):
        instrument(tick=Decimal(0))
