"""Over any sequence of orders, cancellations, fills and transfers nothing is made or lost, and nobody jumps the queue.

`python3 tools/dev.py campaign sequences` plays as many of them as one likes.
"""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common.correlation import new_random
from cex.common.enums import Side, TimeInForce
from cex.sandbox.accounts.ledger import SPOT
from cex.sandbox.market.fingerprint import Fingerprint
from cex.sandbox.matching import MatchingEngine
from spot_sequences import SpotSequence, check_priority

SEQUENCES = 40
STEPS = 30


def test_random_sequences_conserve_everything() -> None:
    seen: Counter[str] = Counter()
    for seed in range(SEQUENCES):
        rng, sequence = new_random(seed), SpotSequence(seed)
        for step in range(STEPS):
            sequence.step(rng)
            try:
                sequence.check()
            except AssertionError as error:
                raise AssertionError(f"sequence {seed}, step {step}: {error}") from error
        seen.update(sequence.counts())
    assert seen["spot fills"] > 3 * SEQUENCES
    assert 0 < seen["spot refusals"] < STEPS * SEQUENCES / 2
    assert min(seen["spot triggers fired"], seen["spot transfers"], seen["spot orders stp"]) > 5


@settings(max_examples=12, deadline=None)
@given(rng=st.randoms(use_true_random=False), seed=st.integers(0, 2), steps=st.integers(1, 25))
def test_sequences_that_can_be_made_shorter(rng: random.Random, seed: int, steps: int) -> None:
    sequence = SpotSequence(seed)
    for _ in range(steps):
        sequence.step(rng)
        sequence.check()


def test_a_loss_would_be_seen() -> None:
    sequence = SpotSequence(0)
    sequence.limit(0, Side.BUY, 0, 100, TimeInForce.GTC, None)
    sequence.check()
    sequence.start[SPOT, "USDT"] += Decimal("1E-20")
    with pytest.raises(AssertionError):
        sequence.check()


def test_a_jump_in_the_queue_would_be_seen() -> None:
    engine = MatchingEngine()
    first = engine.submit("a", Side.SELL, 5, 100).order
    engine.submit("b", Side.SELL, 5, 100)
    (fill,) = engine.submit("c", Side.BUY, 5, 100).fills
    check_priority(engine, [fill])
    first.remaining = 5
    engine.orders[first.id] = first
    with pytest.raises(AssertionError, match="better price"):
        check_priority(engine, [fill._replace(price=101)])
    with pytest.raises(AssertionError, match="older order"):
        check_priority(engine, [fill._replace(maker_order=first.id + 1)])


def test_same_seed_and_same_orders_are_the_same_events() -> None:
    def run(seed: int, orders: int) -> tuple[str, int]:
        sequence, rng, taken = SpotSequence(seed), new_random(orders), Fingerprint()
        sequence.desk.listen(None, taken.hear)
        for _ in range(150):
            sequence.step(rng)
            sequence.tick()
            taken.add(sequence.market.books)
        return taken.hexdigest(), taken.events

    assert run(3, 5) == run(3, 5)
    assert run(3, 5)[1] > 1_000
    assert len({run(3, 5)[0], run(3, 6)[0], run(6, 5)[0]}) == 3
