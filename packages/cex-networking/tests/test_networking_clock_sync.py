from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from cex.common.clock import ManualClock
from cex.common.correlation import correlation, new_random
from cex.common.exceptions import (
    AuthenticationException,
    ExchangeConnectionException,
    ExchangeException,
    RateLimitException,
    TimestampException,
    UnknownOutcomeException,
)
from cex.networking import (
    CORRELATION_HEADER,
    HttpAnswer,
    RestClient,
    RestRequest,
    RestResponse,
    ServerTime,
    Timeouts,
    shared_limiter,
)

NS = 1_000_000_000
WINDOW_S = 5.0


class Signing:
    def sign(self, request: RestRequest, timestamp_ns: int) -> RestRequest:
        return RestRequest(
            method=request.method,
            path=request.path,
            operation=request.operation,
            params={**request.params, "timestamp": str(timestamp_ns)},
            signed=True,
            idempotent=request.idempotent,
        )


class Venue:
    """A transport with an exchange behind it that refuses signatures which are not of its time."""

    def __init__(self, clock: ManualClock, offset_s: float = 0.0) -> None:
        self.clock = clock
        self.offset_ns = round(offset_s * NS)
        self.trip_s = 0.02
        self.taken = 0
        self.refused = 0
        self.measured = 0
        self.time_fails = 0
        self.headers: list[Mapping[str, str]] = []
        self.loses_answers = False

    def now(self) -> int:
        return self.clock.time_ns() + self.offset_ns

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> HttpAnswer:
        self.headers.append(headers)
        await asyncio.sleep(self.trip_s / 2)
        if url.endswith("/time"):
            answer = HttpAnswer(200, {}, str(self.now()).encode())
            if self.time_fails:
                self.time_fails -= 1
                raise ConnectionResetError("reset")
            self.measured += 1
        else:
            age = self.now() - int(url.rpartition("timestamp=")[2])
            good = -1.0 * NS < age <= WINDOW_S * NS
            self.taken, self.refused = self.taken + good, self.refused + (not good)
            answer = HttpAnswer(200 if good else 400, {}, b"")
            if self.loses_answers:
                raise ConnectionResetError("reset")
        await asyncio.sleep(self.trip_s / 2)
        return answer

    async def aclose(self) -> None:
        pass


def translated(response: RestResponse) -> ExchangeException | None:
    return TimestampException("outside of the window", "venue") if response.status == 400 else None


class Account:
    """A REST client as an exchange makes it: it can ask for the time."""

    def __init__(self, venue: Venue, clock: ManualClock, url: str = "https://venue.example", **options: Any) -> None:
        self.client = RestClient(
            url,
            exchange="venue",
            transport=venue,
            signer=Signing(),
            reject=translated,
            measure_time=self.measure,
            clock=clock,
            rng=new_random(1),
            **options,
        )

    async def measure(self) -> None:
        response = await self.client.request(RestRequest("GET", "/time", "server_time", idempotent=False))
        self.client.server_time.update(int(response.body), response.sent_ns, response.received_ns)

    async def place(self) -> RestResponse:
        return await self.client.request(RestRequest("POST", "/order", "place_order", signed=True))


@pytest.mark.parametrize("offset_s", [-3600.0, -10.0, 0.0, 10.0, 3600.0])
async def test_a_clock_that_is_off_costs_no_signature(virtual_clock: ManualClock, offset_s: float) -> None:
    venue = Venue(virtual_clock, offset_s)
    account = Account(venue, virtual_clock)
    await asyncio.gather(*(account.place() for _ in range(5)))
    assert (venue.taken, venue.refused, venue.measured) == (5, 0, 1)
    await account.client.aclose()


@pytest.mark.parametrize("step_s", [-10.0, 10.0, 7200.0])
async def test_a_step_of_the_exchanges_clock_costs_one_signature(virtual_clock: ManualClock, step_s: float) -> None:
    venue = Venue(virtual_clock)
    account = Account(venue, virtual_clock)
    await account.place()
    for number in range(1, 4):
        venue.offset_ns += round(step_s * NS)
        response = await account.place()
        assert response.attempt == 2
        for _ in range(3):
            assert (await account.place()).attempt == 1
        assert venue.refused == number
    assert venue.taken == 1 + 3 * 4
    await account.client.aclose()


async def test_a_step_of_our_own_clock_costs_none(virtual_clock: ManualClock) -> None:
    venue = Venue(virtual_clock)
    account = Account(venue, virtual_clock)
    await account.place()
    virtual_clock.step(3600)
    venue.offset_ns -= 3600 * NS
    await account.place()
    assert venue.refused == 0
    await account.client.aclose()


async def test_the_clock_is_measured_again_in_the_background(virtual_clock: ManualClock) -> None:
    venue = Venue(virtual_clock)
    account = Account(venue, virtual_clock, time_max_age=60.0)
    await account.place()
    for _ in range(10):
        await asyncio.sleep(30)
        before = virtual_clock.monotonic_ns()
        await account.place()
        assert virtual_clock.monotonic_ns() - before < 0.021 * NS, "nobody waits for it"
    await asyncio.sleep(1)
    assert 4 <= venue.measured <= 6
    await account.client.aclose()


async def test_a_second_refusal_is_told(virtual_clock: ManualClock) -> None:
    venue = Venue(virtual_clock)
    account = Account(venue, virtual_clock)
    await account.place()
    venue.trip_s = 20.0
    with pytest.raises(TimestampException) as refused:
        await account.place()
    assert refused.value.attempt == 2
    assert "attempt 1" in refused.value.__notes__[0]
    await account.client.aclose()


async def test_where_the_time_cannot_be_measured_our_own_has_to_do(virtual_clock: ManualClock) -> None:
    venue = Venue(virtual_clock)
    venue.time_fails = 3
    account = Account(venue, virtual_clock)
    await account.place()
    await account.place()
    assert (venue.taken, venue.measured, venue.time_fails) == (2, 0, 2), "a failure is not repeated at once"
    venue.offset_ns = 60 * NS
    with pytest.raises(TimestampException):
        await account.place()
    assert venue.refused == 1
    await account.client.aclose()


async def test_without_a_way_to_measure_a_refusal_is_told_at_once(virtual_clock: ManualClock) -> None:
    venue = Venue(virtual_clock, 60.0)
    client = RestClient(
        "https://venue.example",
        exchange="venue",
        transport=venue,
        signer=Signing(),
        reject=translated,
        clock=virtual_clock,
        rng=new_random(1),
    )
    with pytest.raises(AuthenticationException):
        await client.request(RestRequest("GET", "/order", "order", signed=True))
    assert venue.refused == 1, "neither does the retry of a read repeat a bad signature"
    await client.aclose()


async def test_closing_ends_a_measurement(virtual_clock: ManualClock) -> None:
    venue = Venue(virtual_clock)
    venue.trip_s = 1000.0
    account = Account(venue, virtual_clock)
    waiting = asyncio.ensure_future(account.place())
    await asyncio.sleep(1)
    await account.client.aclose()
    with pytest.raises(ExchangeConnectionException, match="closed"):
        await waiting


async def test_an_unknown_outcome_tells_when_it_was_signed(virtual_clock: ManualClock) -> None:
    venue = Venue(virtual_clock, 30.0)
    account = Account(venue, virtual_clock)
    await account.place()
    venue.loses_answers = True
    signed = venue.now()
    with pytest.raises(UnknownOutcomeException) as unknown:
        await account.place()
    assert unknown.value.sent_ts is not None
    assert abs(unknown.value.sent_ts - signed) < 0.1 * NS
    await account.client.aclose()


@pytest.mark.parametrize(
    ("url", "option", "told"),
    [
        ("http://127.0.0.1:8080", None, True),
        ("https://venue.example", None, False),
        ("https://venue.example", True, True),
        ("http://127.0.0.1:8080", False, False),
    ],
)
async def test_the_correlation_id_goes_to_this_machine_or_where_it_is_asked_for(
    virtual_clock: ManualClock, url: str, option: bool | None, told: bool
) -> None:
    venue = Venue(virtual_clock)
    account = Account(venue, virtual_clock, url, send_correlation_id=option)
    with correlation("0123456789abcdef"):
        await account.client.request(RestRequest("GET", "/time", "server_time"))
    assert (venue.headers[-1].get(CORRELATION_HEADER) == "0123456789abcdef") is told
    await account.client.aclose()


def test_samples_are_counted_and_have_an_age() -> None:
    clock = ManualClock()
    time = ServerTime(clock)
    assert (time.samples, time.age_s) == (0, None)
    time.update(clock.time_ns(), clock.time_ns(), clock.time_ns())
    clock.advance(3)
    assert (time.samples, time.age_s) == (1, 3.0)


def test_one_limiter_for_one_host_and_one_origin() -> None:
    clock = ManualClock()
    limiter = shared_limiter("Venue.example", clock=clock)
    assert shared_limiter("venue.example", clock=clock) is limiter
    assert shared_limiter("other.example", clock=clock) is not limiter
    assert shared_limiter("venue.example", "http://proxy:3128", clock=clock) is not limiter
    assert shared_limiter("venue.example") is not limiter
    assert limiter.pools == ()


async def test_an_order_does_not_wait_longer_than_it_may_for_the_time_to_be_measured(
    virtual_clock: ManualClock,
) -> None:
    venue = Venue(virtual_clock)
    order = RestRequest("POST", "/order", "place_order", signed=True, max_wait=0.01)
    measuring = asyncio.Event()

    async def never() -> None:
        await measuring.wait()

    slow = RestClient(
        "https://venue.example",
        exchange="venue",
        transport=venue,
        signer=Signing(),
        measure_time=never,
        clock=virtual_clock,
        rng=new_random(1),
    )
    with pytest.raises(RateLimitException, match="not sent") as caught:
        await slow.request(order)
    assert caught.value.safe_to_resubmit
    assert venue.taken == 0
    await slow.aclose()
