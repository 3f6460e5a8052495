from __future__ import annotations

import time

import pytest

from cex.common.clock import SYSTEM_CLOCK, ManualClock


def test_the_system_clock_reads_the_machine() -> None:
    assert abs(SYSTEM_CLOCK.time_ns() - time.time_ns()) < 10**9
    assert SYSTEM_CLOCK.monotonic_ns() <= SYSTEM_CLOCK.monotonic_ns()


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(1_000)
    clock.advance(1.5)
    assert (clock.time_ns(), clock.monotonic_ns()) == (1_500_001_000, 1_500_000_000)
    clock.step(-1.0)
    assert (clock.time_ns(), clock.monotonic_ns()) == (500_001_000, 1_500_000_000)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)
