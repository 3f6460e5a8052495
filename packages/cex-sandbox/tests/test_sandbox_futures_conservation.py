"""Whatever is traded, financed and liquidated, wallets are their history and positions are their fills."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common.correlation import new_random
from cex.sandbox.accounts.ledger import FUTURES_USDT, OUTSIDE, Owner
from futures_sequences import FuturesSequence


def test_random_sequences_conserve_everything() -> None:
    seen: Counter[str] = Counter()
    for seed in range(14):
        rng, sequence = new_random(seed), FuturesSequence(seed)
        for _ in range(100):
            sequence.step(rng)
            sequence.check()
        seen.update(sequence.counts())
    for name in ("filled", "cancelled", "ioc", "reduce_only", "position_closed", "liquidated", "stp", "open"):
        assert seen[f"futures orders {name}"] > 2, name
    for name in ("liquidations", "fundings", "futures triggers fired", "futures transfers", "futures refusals"):
        assert seen[name] > 2, name


@settings(max_examples=12, deadline=None)
@given(rng=st.randoms(use_true_random=False), steps=st.integers(1, 25))
def test_sequences_that_can_be_made_shorter(rng: random.Random, steps: int) -> None:
    sequence = FuturesSequence(1)
    for _ in range(steps):
        sequence.step(rng)
        sequence.check()


def test_a_gift_would_be_seen() -> None:
    sequence = FuturesSequence(0)
    sequence.check()
    sequence.ledger.move(OUTSIDE, Owner(1, FUTURES_USDT), "USDT", Decimal("1E-20"), reason="fee")
    with pytest.raises(AssertionError, match="fees"):
        sequence.check()


def test_the_same_orders_are_told_of_in_the_same_way() -> None:
    told = []
    for _ in range(2):
        rng, sequence = random.Random(5), FuturesSequence(3)
        for _ in range(150):
            sequence.step(rng)
        told.append(sequence.facts)
    assert len(told[0]) > 200
    assert told[0] == told[1]
