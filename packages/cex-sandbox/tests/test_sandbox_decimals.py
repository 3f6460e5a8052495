from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.sandbox.venues.decimals import padded, trimmed


@pytest.mark.parametrize(
    ("value", "decimals", "with_zeros", "without"),
    [
        (8427000, 2, "84270.00", "84270"),
        (638700, 8, "0.00638700", "0.006387"),
        (0, 2, "0.00", "0"),
        (10, 0, "10", "10"),
        (5, 3, "0.005", "0.005"),
        (1200, 1, "120.0", "120"),
    ],
)
def test_examples(value: int, decimals: int, with_zeros: str, without: str) -> None:
    assert padded(value, decimals) == with_zeros
    assert trimmed(value, decimals) == without


@settings(max_examples=100)
@given(st.integers(0, 10**18), st.integers(0, 12))
def test_text_says_the_number(value: int, decimals: int) -> None:
    exact = Decimal(value).scaleb(-decimals)
    assert Decimal(padded(value, decimals)) == exact
    assert Decimal(trimmed(value, decimals)) == exact
    assert len(padded(value, decimals).partition(".")[2]) == decimals
