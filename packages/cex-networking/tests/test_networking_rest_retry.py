from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.networking.rest.retry import RetryBudget, RetryPolicy, retry_after_seconds

NOW_NS = 1_700_000_000_000_000_000  # 2023-11-14 22:13:20 UTC


def test_waits_double_up_to_the_most_and_are_drawn_from_the_upper_half() -> None:
    policy, rng = RetryPolicy(first=0.25, most=2.0), random.Random(3)
    for attempt, longest in enumerate([0.25, 0.5, 1.0, 2.0, 2.0, 2.0], start=1):
        waits = [policy.delay(attempt, rng) for _ in range(200)]
        assert longest / 2 <= min(waits) < 0.55 * longest
        assert 0.95 * longest < max(waits) <= longest


def test_a_late_attempt_does_not_overflow() -> None:
    assert RetryPolicy(most=5.0).delay(10_000, random.Random(1)) <= 5.0


def test_what_the_exchange_asks_for_is_kept_to() -> None:
    policy, rng = RetryPolicy(first=0.25), random.Random(1)
    assert policy.delay(1, rng, asked=7.0) == 7.0
    assert policy.delay(1, rng, asked=0.0) >= 0.125


@pytest.mark.parametrize(
    "given",
    [
        {"attempts": 0},
        {"first": 0},
        {"first": 6.0},
        {"most": 0.1},
        {"patience": -1},
        {"budget": -1},
        {"earned": -0.1},
    ],
)
def test_a_policy_without_sense_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"retry policy|not negative"):
        RetryPolicy(**given)


def test_the_budget_is_spent_and_earned_back() -> None:
    budget = RetryBudget(RetryPolicy(budget=2, earned=0.1))
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    for _ in range(10):
        budget.earn()
    assert [budget.spend() for _ in range(2)] == [True, False]
    for _ in range(1000):
        budget.earn()
    assert budget.left == 2


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        (" 120 ", 120.0),
        ("0.5", 0.5),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tuesday, 14-Nov-23 22:13:50 GMT", 30.0),
        ("Tue Nov 14 22:13:50 2023", 30.0),
        ("999999999", 7 * 86_400.0),
        ("Tue, 14 Nov 2243 22:13:50 GMT", 7 * 86_400.0),
        ("0", None),
        ("-5", None),
        ("Tue, 14 Nov 2023 22:13:00 GMT", None),
        ("soon", None),
        ("nan", None),
        ("1e9", None),
        ("٣", None),
        ("", None),
        ("Tue, 99 Nov 2023 22:13:50 GMT", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW_NS) == seconds


@given(st.text())
def test_no_header_makes_it_fail(value: str) -> None:
    seconds = retry_after_seconds(value, NOW_NS)
    assert seconds is None or 0 < seconds <= 7 * 86_400.0
