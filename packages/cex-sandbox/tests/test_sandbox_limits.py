from __future__ import annotations

import pytest

from cex.common.clock import ManualClock
from cex.sandbox.venues.limits import FixedWindows


def test_window_starts_with_the_first_request_and_ends_by_time() -> None:
    clock = ManualClock()
    windows = FixedWindows(10, 10.0, clock=clock)
    clock.advance(3)
    assert windows.spend("ip", 6) == (True, 4, 10.0)
    clock.advance(4)
    assert windows.spend("ip", 5) == (False, 4, 6.0)
    assert windows.spend("ip", 4) == (True, 0, 6.0)
    clock.advance(5.999)
    assert not windows.spend("ip").granted
    clock.advance(0.001)
    assert windows.spend("ip") == (True, 9, 10.0)
    assert windows.refused == 2


def test_keys_have_windows_of_their_own() -> None:
    windows = FixedWindows(1, 10.0, clock=ManualClock())
    assert windows.spend("one").granted
    assert windows.spend("other").granted
    assert not windows.spend("one").granted


def test_ended_windows_are_forgotten() -> None:
    clock = ManualClock()
    windows = FixedWindows(1, 10.0, clock=clock)
    for number in range(10_000):
        windows.spend(str(number))
    clock.advance(11)
    windows.spend("new")
    assert len(windows._windows) == 1


@pytest.mark.parametrize(("capacity", "seconds"), [(0, 10.0), (1, 0.0)])
def test_a_window_needs_capacity_and_length(capacity: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="capacity and length"):
        FixedWindows(capacity, seconds, clock=ManualClock())
