"""Numbers as people read them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cex.cli.figures import age_text, bps_text, count_text, decimals_of, price_text, quantity_text


@pytest.mark.parametrize(("grid", "decimals"), [("0.01", 2), ("0.010", 2), ("5", 0), ("100", 0), ("1E-8", 8)])
def test_decimals_of_a_grid(grid: str, decimals: int) -> None:
    assert decimals_of(Decimal(grid)) == decimals


def test_a_number_that_is_none_has_no_decimals() -> None:
    assert decimals_of(Decimal("Infinity")) == 0


@pytest.mark.parametrize(
    ("price", "decimals", "text"),
    [
        (84270.0, 2, "84,270.00"),
        (84270.015, 2, "84,270.015"),
        (0.00010322, 8, "0.00010322"),
        (1e-8, 8, "0.00000001"),
        (5.0, 0, "5"),
        (None, 2, "-"),
    ],
)
def test_prices_are_on_their_grid_and_never_cut(price: float | None, decimals: int, text: str) -> None:
    assert price_text(price, decimals) == text


@pytest.mark.parametrize(
    ("quantity", "text"),
    [(1.23456789, "1.2346"), (123456.7, "123,457"), (0.0000012345678, "0.0000012346"), (0.0, "0"), (None, "-")],
)
def test_quantities_have_five_digits(quantity: float | None, text: str) -> None:
    assert quantity_text(quantity) == text


def test_basis_points_and_counts() -> None:
    assert (bps_text(12.34), bps_text(12.34, signed=True), bps_text(-3.0, signed=True)) == ("12.3", "+12.3", "-3.0")
    assert bps_text(None, signed=True) == "-"
    assert count_text(1234567) == "1,234,567"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0421, "42 ms"), (-0.001, "0 ms"), (4.24, "4.2 s"), (300.0, "5 min"), (None, "-")]
)
def test_ages_have_the_unit_that_fits(seconds: float | None, text: str) -> None:
    assert age_text(seconds) == text
