from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common.clock import ManualClock
from cex.networking.rest.server_time import ServerTime

MS = 1_000_000
S = 1_000 * MS


class Server:
    """A server whose clock is off by ``ahead`` seconds, and the way to it."""

    def __init__(self, clock: ManualClock, ahead: float) -> None:
        self.clock = clock
        self.ahead = ahead
        self.drift = 0.0
        self._stepped = 0.0

    def now_ns(self) -> int:
        passed = self.clock.monotonic_ns()
        return 1_700_000_000 * S + passed + round(self.ahead * S + self.drift * passed)

    def ask(self, estimate: ServerTime, there: float, back: float) -> None:
        sent = self.clock.time_ns()
        self.clock.advance(there)
        said = self.now_ns() // MS * MS
        self.clock.advance(back)
        estimate.update(said, sent, self.clock.time_ns())

    def error_ms(self, estimate: ServerTime) -> float:
        return (estimate.now_ns() - self.now_ns()) / MS


def test_before_the_first_answer_our_own_clock_is_used() -> None:
    clock = ManualClock()
    estimate = ServerTime(clock)
    assert estimate.now_ns() == clock.time_ns()
    assert estimate.offset_ns == 0
    assert estimate.uncertainty_ns is None


@pytest.mark.parametrize("ahead", [-10.0, -0.2, 0.0, 0.2, 10.0])
def test_half_of_the_round_trip_is_taken_off(ahead: float) -> None:
    clock = ManualClock()
    server, estimate = Server(clock, ahead), ServerTime(clock)
    server.ask(estimate, 0.15, 0.15)
    assert abs(server.error_ms(estimate)) <= 1.01
    assert estimate.offset_ns == pytest.approx(ahead * S, abs=1.01 * MS)


def test_the_tightest_of_the_recent_answers_counts() -> None:
    clock = ManualClock()
    server, estimate = Server(clock, 3.0), ServerTime(clock)
    server.ask(estimate, 0.02, 0.02)
    server.ask(estimate, 0.01, 1.5)
    assert abs(server.error_ms(estimate)) <= 1.1
    for _ in range(8):
        server.ask(estimate, 0.01, 1.5)
    assert server.error_ms(estimate) == pytest.approx(-745, abs=15), "eight later answers push the good one out"
    assert estimate.steps == 0


def test_a_step_of_the_server_is_followed_at_the_next_answer() -> None:
    clock = ManualClock()
    server, estimate = Server(clock, 0.0), ServerTime(clock)
    for _ in range(8):
        server.ask(estimate, 0.02, 0.03)
    server.ahead = 10.0
    assert server.error_ms(estimate) < -9000
    server.ask(estimate, 0.2, 0.3)
    assert abs(server.error_ms(estimate)) <= 51.1
    assert estimate.steps == 1
    server.ahead = -10.0
    server.ask(estimate, 0.02, 0.03)
    assert abs(server.error_ms(estimate)) <= 6.1
    assert estimate.steps == 2


@pytest.mark.parametrize("step", [-10.0, 0.3, 3600.0])
def test_a_step_of_our_own_clock_changes_nothing(step: float) -> None:
    clock = ManualClock()
    server, estimate = Server(clock, 2.0), ServerTime(clock)
    server.ask(estimate, 0.02, 0.02)
    clock.step(step)
    assert abs(server.error_ms(estimate)) <= 1.1
    server.ask(estimate, 0.02, 0.02)
    assert abs(server.error_ms(estimate)) <= 1.1
    assert estimate.steps == 0
    assert estimate.offset_ns == pytest.approx((2.0 - step) * S, abs=1.1 * MS)


def test_an_answer_around_a_step_back_of_our_clock_is_dropped() -> None:
    clock = ManualClock()
    server, estimate = Server(clock, 2.0), ServerTime(clock)
    server.ask(estimate, 0.02, 0.02)
    estimate.update(server.now_ns(), clock.time_ns(), clock.time_ns() - 5 * S)
    assert abs(server.error_ms(estimate)) <= 1.1
    assert estimate.steps == 0


def test_an_answer_that_is_handed_in_late_is_dated_back() -> None:
    clock = ManualClock()
    server, estimate = Server(clock, 4.0), ServerTime(clock)
    sent = clock.time_ns()
    clock.advance(0.01)
    said = server.now_ns()
    clock.advance(0.01)
    received = clock.time_ns()
    clock.advance(30)
    estimate.update(said, sent, received)
    assert abs(server.error_ms(estimate)) <= 0.1


@settings(max_examples=60, deadline=None)
@given(
    ahead=st.floats(-10, 10),
    drift=st.floats(-2e-4, 2e-4),
    ways=st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2), st.floats(0, 120)), min_size=1, max_size=20),
)
def test_the_estimate_is_within_its_own_uncertainty(
    ahead: float, drift: float, ways: list[tuple[float, float, float]]
) -> None:
    clock = ManualClock()
    server, estimate = Server(clock, ahead), ServerTime(clock)
    server.drift = drift
    for there, back, pause in ways:
        server.ask(estimate, there, back)
        assert estimate.uncertainty_ns is not None
        assert abs(server.error_ms(estimate)) * MS <= estimate.uncertainty_ns + 1
        clock.advance(pause)
    assert estimate.steps == 0


def test_signatures_stay_acceptable_through_drift_jitter_and_steps() -> None:
    """At most one signature is refused for each step of the server's clock; each refusal is followed by a question."""
    clock, rng = ManualClock(), random.Random(5)
    server, estimate = Server(clock, 10.0), ServerTime(clock)
    server.drift = 2e-4
    server.ask(estimate, 0.05, 0.05)
    refused = 0
    for round_number in range(500):
        if round_number in (100, 300):
            server.ahead -= 20.0
        if round_number == 200:
            clock.step(-7.0)
        behind_ms = (server.now_ns() - estimate.now_ns()) / MS
        if not -1000 < behind_ms <= 5000:
            refused += 1
            server.ask(estimate, rng.uniform(0, 0.3), rng.uniform(0, 0.3))
        clock.advance(rng.uniform(0, 20))
        if round_number % 20 == 0:
            server.ask(estimate, rng.uniform(0, 0.3), rng.uniform(0, 0.3))
    assert refused <= 2
    assert estimate.steps == 2
