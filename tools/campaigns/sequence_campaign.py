"""Plays random sequences of everything that accounts do: nothing is made or lost, and nobody jumps the queue.

Spot (orders, amendments, cancels, triggers, transfers, ticks of the crowd, self-trade groups, three sets of rules) and
futures (reduce-only and closing orders, leverage, margin, funding, liquidations) in turn. Everything is checked after
every single step.
"""

from __future__ import annotations

import random
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cex.common.correlation import new_random
from futures_sequences import FuturesSequence
from spot_sequences import SpotSequence

__all__ = ["Sequence", "SequencePlan", "play_sequences"]

_MOST_TOLD = 20
_TOLD_EVERY = 250


@dataclass(frozen=True, kw_only=True)
class SequencePlan:
    """``count`` sequences of each market, of ``steps`` steps. Sequence ``n`` of a run is that of seed ``seed + n``."""

    count: int = 10_000
    steps: int = 30
    seed: int = 7

    def __post_init__(self) -> None:
        if self.count < 1 or self.steps < 1:
            raise ValueError("a campaign has one sequence of one step at least")


class Sequence(Protocol):
    """Something to do at random, what must hold after each step, and what came of it."""

    def step(self, rng: random.Random) -> None: ...

    def check(self) -> None: ...

    def counts(self) -> Counter[str]: ...


MARKETS: dict[str, Callable[[int], Sequence]] = {"spot": SpotSequence, "futures": FuturesSequence}


def play_sequences(
    plan: SequencePlan,
    progress: Callable[[int], None] = lambda _: None,
    markets: Mapping[str, Callable[[int], Sequence]] = MARKETS,
) -> dict[str, Any]:
    """What came of all sequences; ``failures`` names seed, step and the condition of those that broke something."""
    seen: Counter[str] = Counter()
    failures: list[str] = []
    for number in range(plan.count):
        for market, begin in markets.items():
            failure = _play(market, begin, plan.seed + number, plan.steps, seen)
            if failure is not None:
                failures.append(failure)
        if (number + 1) % _TOLD_EVERY == 0:
            progress(number + 1)
    return {
        "sequences": plan.count * len(markets),
        "steps": seen.pop("steps", 0),
        "failed": len(failures),
        "failures": failures[:_MOST_TOLD],
        "seen": dict(sorted(seen.items())),
    }


def _play(market: str, begin: Callable[[int], Sequence], seed: int, steps: int, seen: Counter[str]) -> str | None:
    rng, sequence, done = new_random(seed), begin(seed), 0
    try:
        while done < steps:
            sequence.step(rng)
            sequence.check()
            done += 1
    except Exception as error:  # noqa: BLE001 - whatever breaks is a finding, and the others are to be played
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{market} sequence of seed {seed}, step {done}: {error!r} ({frame.name}: {frame.line})"
    finally:
        seen["steps"] += done
    seen.update(sequence.counts())
    return None
