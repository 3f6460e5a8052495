from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.sandbox.accounts.futures.arithmetic import (
    ZERO,
    bankruptcy_price,
    book_fill,
    entry_price,
    funding_payment,
    initial_margin,
    liquidation_price,
    maintenance_margin,
    notional,
    tier_of,
    tiers_for,
    unrealised,
)

TIERS = tiers_for(Decimal("0.005"), Decimal(100))
MULTIPLIER = Decimal("0.0001")

prices = st.integers(1, 2_000_000).map(lambda ticks: Decimal(ticks) / 10)
sizes = st.integers(-5_000, 5_000).filter(bool).map(Decimal)
multipliers = st.sampled_from([Decimal("0.0001"), Decimal("0.01"), Decimal(1), Decimal(10)])


@given(st.lists(st.tuples(sizes, prices), min_size=1, max_size=30), multipliers)
@settings(max_examples=50)
def test_results_add_up_to_what_was_received_minus_what_was_paid(
    fills: list[tuple[Decimal, Decimal]], multiplier: Decimal
) -> None:
    size = cost = realised = ZERO
    for fill, price in fills:
        before = size
        booking = book_fill(size, cost, fill, price, multiplier)
        assert booking.closed + booking.opened == abs(fill)
        assert booking.closed <= abs(before)
        assert not booking.closed or (before > 0) != (fill > 0)
        size, cost, realised = booking.size, booking.cost, realised + booking.realised
        assert size == before + fill
        assert bool(size) or not cost
    assert realised == cost - sum((notional(fill, price, multiplier) for fill, price in fills), ZERO)


@given(st.lists(st.tuples(sizes, prices), min_size=1, max_size=10), multipliers)
@settings(max_examples=50)
def test_the_entry_is_between_the_prices_paid(fills: list[tuple[Decimal, Decimal]], multiplier: Decimal) -> None:
    size = cost = ZERO
    for fill, price in fills:
        booking = book_fill(size, cost, abs(fill), price, multiplier)
        size, cost = booking.size, booking.cost
    paid = [price for _, price in fills]
    assert min(paid) - Decimal("1E-12") <= entry_price(size, cost, multiplier) <= max(paid) + Decimal("1E-12")


def test_closing_a_part_leaves_the_entry_where_it_was() -> None:
    size, cost, *_ = book_fill(ZERO, ZERO, Decimal(3), Decimal("100.1"), MULTIPLIER)
    size, cost, *_ = book_fill(size, cost, Decimal(4), Decimal("100.4"), MULTIPLIER)
    entry = entry_price(size, cost, MULTIPLIER)
    booking = book_fill(size, cost, Decimal(-2), Decimal(200), MULTIPLIER)
    assert booking.closed == 2
    assert booking.realised == pytest.approx(2 * MULTIPLIER * (200 - entry))
    assert abs(entry_price(booking.size, booking.cost, MULTIPLIER) - entry) < Decimal("1E-7")


def test_a_fill_that_turns_a_position_round() -> None:
    booking = book_fill(Decimal(5), Decimal(50), Decimal(-8), Decimal(12), Decimal(1))
    assert booking == (Decimal(-3), Decimal(-36), Decimal(10), Decimal(5), Decimal(3), Decimal(50))
    assert entry_price(booking.size, booking.cost, Decimal(1)) == 12


@given(sizes, prices, prices, multipliers)
@settings(max_examples=50)
def test_what_is_unrealised_is_what_closing_realises(
    size: Decimal, entry: Decimal, mark: Decimal, multiplier: Decimal
) -> None:
    cost = notional(size, entry, multiplier)
    assert unrealised(size, cost, mark, multiplier) == book_fill(size, cost, -size, mark, multiplier).realised


@given(sizes, prices, st.integers(1, 50), multipliers)
@settings(max_examples=50)
def test_the_liquidation_price_is_where_the_maintenance_margin_is_reached(
    size: Decimal, entry: Decimal, leverage: int, multiplier: Decimal
) -> None:
    cost = notional(size, entry, multiplier)
    margin = initial_margin(cost, Decimal(leverage))
    price = liquidation_price(size, cost, margin, multiplier, TIERS)
    if price is None:
        assert size > 0
        assert leverage == 1
        return
    units = abs(size) * multiplier
    left = margin + unrealised(size, cost, price, multiplier)
    needed = maintenance_margin(price * units, TIERS)
    assert abs(left - needed) <= units * Decimal("2E-12") + Decimal("1E-11")
    bankrupt = bankruptcy_price(size, cost, margin, multiplier)
    if needed > 0:
        assert bankrupt <= price if size > 0 else bankrupt >= price


def test_a_flat_position_is_never_liquidated() -> None:
    assert liquidation_price(ZERO, ZERO, Decimal(10), MULTIPLIER, TIERS) is None
    assert entry_price(ZERO, ZERO, MULTIPLIER) == 0
    assert initial_margin(ZERO, Decimal(10)) == 0


def test_a_known_liquidation_price() -> None:
    price = liquidation_price(Decimal(1), Decimal(100), Decimal(10), Decimal(1), TIERS)
    assert price == (Decimal(90) / Decimal("0.995")).quantize(Decimal("1E-12"))
    short = liquidation_price(Decimal(-1), Decimal(-100), Decimal(10), Decimal(1), TIERS)
    assert short == (Decimal(110) / Decimal("1.005")).quantize(Decimal("1E-12"))


def test_tiers_are_continuous_and_get_stricter() -> None:
    assert TIERS[0] == (1, Decimal(1_000_000), Decimal("0.01"), Decimal("0.005"), Decimal(100), ZERO)
    assert TIERS[-1].limit == 8_000_000
    for lower, upper in pairwise(TIERS):
        assert lower.most_leverage > upper.most_leverage
        assert lower.maintenance_rate < upper.maintenance_rate < upper.initial_rate
        at_limit = lower.limit * upper.maintenance_rate - upper.deduction
        assert maintenance_margin(lower.limit, TIERS) == at_limit
    assert tier_of(Decimal(10**9), TIERS) is TIERS[-1]


def test_longs_pay_at_a_positive_rate() -> None:
    payment = funding_payment(Decimal(10), Decimal(50_000), Decimal("0.0001"), MULTIPLIER)
    assert payment == Decimal("-0.005")
    assert funding_payment(Decimal(-10), Decimal(50_000), Decimal("0.0001"), MULTIPLIER) == -payment
