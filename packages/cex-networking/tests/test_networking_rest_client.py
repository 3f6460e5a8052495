from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import aiohttp
import pytest

from cex.common.clock import ManualClock
from cex.common.correlation import correlation
from cex.common.exceptions import (
    AuthenticationException,
    ConfigurationException,
    ExchangeConnectionException,
    ExchangeException,
    ExchangeRejectedException,
    RateLimitException,
    UnknownOutcomeException,
)
from cex.networking.metrics import InMemoryMetrics
from cex.networking.rate_limit import Priority, RateLimiter, RatePool
from cex.networking.requests import RestRequest, RestResponse, Timeouts
from cex.networking.rest.client import USER_AGENT, RestClient
from cex.networking.rest.retry import RetryPolicy
from cex.networking.rest.transport import HttpAnswer

BASE = "https://api.venue.test"
OK = HttpAnswer(200, {}, b'{"ok":true}')
READ = RestRequest("GET", "/book", "order_book_snapshot", params={"pair": "A_B"}, costs={"ip": 1})
ORDER = RestRequest("POST", "/order", "place_order", body=b"{}", costs={"ip": 1}, signed=True)
CANCEL = RestRequest("DELETE", "/order", "cancel_order", idempotent=True, signed=True, priority=Priority.CANCEL)


def answer(status: int, body: bytes = b"{}", **headers: str) -> HttpAnswer:
    return HttpAnswer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@dataclass
class FakeTransport:
    """Gives the scripted outcomes in turn, then the last one for ever; each takes ``delay`` seconds."""

    script: list[HttpAnswer | Exception]
    clock: ManualClock
    delay: float = 0.0
    sent: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    timeouts: list[Timeouts] = field(default_factory=list)
    under_way: int = 0
    closed: int = 0

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> HttpAnswer:
        self.sent.append((method, url, dict(headers), body))
        self.times.append(self.clock.monotonic_ns() / 1e9)
        self.timeouts.append(timeouts)
        self.under_way += 1
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.under_way -= 1
        outcome = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def aclose(self) -> None:
        self.closed += 1


class TimeSigner:
    """Puts the timestamp in milliseconds and a signature over it into the query, and the key into a header."""

    def sign(self, request: RestRequest, timestamp_ns: int) -> RestRequest:
        timestamp = str(timestamp_ns // 1_000_000)
        return replace(
            request,
            params={**request.params, "timestamp": timestamp, "signature": f"canary-signature-{timestamp}"},
            headers={**request.headers, "X-MEXC-APIKEY": "canary-key"},
        )


@dataclass
class At:
    clock: ManualClock
    transport: FakeTransport
    client: RestClient
    limiter: RateLimiter
    metrics: InMemoryMetrics


Make = Callable[..., At]


@pytest.fixture
def at(virtual_clock: ManualClock) -> Make:
    def make(*script: HttpAnswer | Exception, delay: float = 0.0, **options: Any) -> At:
        transport = FakeTransport(list(script) or [OK], virtual_clock, delay)
        limiter = RateLimiter([RatePool("ip", 20, 10), RatePool("uid", 5, 1)], virtual_clock, random.Random(1))
        metrics = InMemoryMetrics()
        given: dict[str, Any] = {"signer": TimeSigner(), "limiter": limiter} | options
        client = RestClient(
            given.pop("base_url", BASE),
            exchange="venue",
            transport=transport,
            clock=virtual_clock,
            rng=random.Random(1),
            metrics=metrics,
            **given,
        )
        return At(virtual_clock, transport, client, limiter, metrics)

    return make


async def test_an_answer_comes_with_its_facts(at: Make) -> None:
    house = at(answer(200, b'{"a":1}', x_in_time="5"), delay=0.25)
    with correlation("c0ffee"):
        response = await house.client.request(READ)
    assert (response.status, response.body, response.attempt) == (200, b'{"a":1}', 1)
    assert response.headers["x-in-time"] == "5"
    assert response.round_trip_ns == 250_000_000
    assert response.received_ns - response.sent_ns == 250_000_000
    assert response.correlation_id == "c0ffee"
    assert response.request is READ
    method, url, headers, body = house.transport.sent[0]
    assert (method, url, body) == ("GET", f"{BASE}/book?pair=A_B", b"")
    assert headers["User-Agent"] == USER_AGENT
    assert headers["Accept"] == "application/json"
    assert house.limiter.budget_left("ip") == 19


async def test_outside_of_an_operation_each_request_has_an_id_of_its_own(at: Make) -> None:
    house = at()
    first, second = await house.client.request(READ), await house.client.request(READ)
    assert first.correlation_id
    assert first.correlation_id != second.correlation_id


async def test_timeouts_are_handed_to_the_transport(at: Make) -> None:
    house = at(timeouts=Timeouts(1, 2, 3))
    await house.client.request(READ)
    assert house.transport.timeouts == [Timeouts(1, 2, 3)]


async def test_a_base_url_may_have_a_path(at: Make) -> None:
    house = at(base_url=f"{BASE}/api/v4/")
    await house.client.request(READ)
    assert house.transport.sent[0][1] == f"{BASE}/api/v4/book?pair=A_B"


async def test_a_read_is_tried_again_with_growing_waits(at: Make) -> None:
    house = at(answer(502), ConnectionResetError(104, "reset"), OK)
    response = await house.client.request(READ)
    assert response.attempt == 3
    first, second = house.transport.times[1], house.transport.times[2] - house.transport.times[1]
    assert 0.125 <= first <= 0.25
    assert 0.25 <= second <= 0.5
    assert house.metrics.counted("rest_retries", operation="order_book_snapshot") == 2
    assert house.limiter.budget_left("ip") == 17, "every try counts"


async def test_the_last_failure_is_raised_and_tells_of_the_earlier_ones(at: Make) -> None:
    house = at(answer(500), TimeoutError(), answer(503, b"busy"))
    with pytest.raises(ExchangeConnectionException, match="HTTP 503: busy") as caught:
        await house.client.request(READ)
    failure = caught.value
    assert failure.attempt == 3
    assert failure.retryable
    assert failure.safe_to_resubmit
    assert failure.operation == "order_book_snapshot"
    assert failure.endpoint == "GET /book"
    assert failure.__notes__ == [
        "attempt 1: ExchangeConnectionException: HTTP 500: {}",
        "attempt 2: ExchangeConnectionException: timeout",
    ]
    assert len(house.transport.sent) == 3


@pytest.mark.parametrize(
    "outcome",
    [answer(500), answer(502), answer(504), answer(408), TimeoutError(), ConnectionResetError(104, "reset")],
    ids=str,
)
async def test_an_order_is_never_repeated_and_ends_as_unknown(at: Make, outcome: HttpAnswer | Exception) -> None:
    house = at(outcome, OK)
    with pytest.raises(UnknownOutcomeException) as caught:
        await house.client.request(ORDER)
    assert len(house.transport.sent) == 1
    assert not caught.value.retryable
    assert not caught.value.safe_to_resubmit
    assert caught.value.attempt == 1
    assert caught.value.endpoint == "POST /order"


@pytest.mark.parametrize(
    "outcome",
    [
        ConnectionRefusedError(111, "refused"),
        socket.gaierror(-2, "unknown name"),
        aiohttp.ConnectionTimeoutError("slow to connect"),
    ],
    ids=lambda outcome: type(outcome).__name__,
)
async def test_an_order_that_never_left_is_not_repeated_but_may_be_resubmitted(at: Make, outcome: Exception) -> None:
    house = at(outcome, OK)
    with pytest.raises(ExchangeConnectionException) as caught:
        await house.client.request(ORDER)
    assert len(house.transport.sent) == 1
    assert caught.value.safe_to_resubmit
    assert caught.value.__cause__ is outcome


async def test_a_cancel_by_id_is_repeated(at: Make) -> None:
    house = at(answer(504), TimeoutError(), OK)
    assert (await house.client.request(CANCEL)).attempt == 3


async def test_an_untrusted_certificate_is_not_tried_again(at: Make) -> None:
    house = at(aiohttp.ServerFingerprintMismatch(b"a", b"b", "api.venue.test", 443))
    with pytest.raises(ExchangeConnectionException, match="not trusted"):
        await house.client.request(READ)
    assert len(house.transport.sent) == 1


@pytest.mark.parametrize("error", [ValueError("bug"), RuntimeError("bug")])
async def test_our_own_bugs_pass_untouched(at: Make, error: Exception) -> None:
    house = at(error)
    with pytest.raises(type(error)) as caught:
        await house.client.request(READ)
    assert caught.value is error
    assert house.limiter.budget_left("ip") == 19


async def test_an_outage_is_not_answered_with_more_load(at: Make) -> None:
    house = at(answer(503), retry=RetryPolicy(attempts=3, budget=10, earned=0.1))
    for _ in range(100):
        with pytest.raises(ExchangeConnectionException):
            await house.client.request(READ)
    assert len(house.transport.sent) == 110
    house.transport.script[:] = [OK]
    for _ in range(10):
        await house.client.request(READ)
    assert house.client.retries_left == pytest.approx(1)


@pytest.mark.parametrize("asked", ["7", "Tue, 14 Nov 2023 22:13:27 GMT"])
async def test_retry_after_is_kept_to(at: Make, asked: str) -> None:
    house = at(answer(503, retry_after=asked), OK)
    await house.client.request(READ)
    assert house.transport.times == pytest.approx([0, 7])


async def test_a_longer_retry_after_than_our_patience_goes_to_the_caller(at: Make) -> None:
    house = at(answer(503, retry_after="31"), OK)
    with pytest.raises(ExchangeConnectionException):
        await house.client.request(READ)
    assert len(house.transport.sent) == 1


async def test_too_many_requests_pauses_the_pools_of_the_request(at: Make) -> None:
    house = at(answer(429, retry_after="5"), OK)
    waiting = asyncio.create_task(house.client.request(READ))
    await asyncio.sleep(0.01)
    assert house.limiter.paused_for("ip") >= 4.9
    assert house.limiter.paused_for("uid") == 0
    assert (await waiting).attempt == 2
    assert 5 <= house.transport.times[1] <= 5.3


async def test_too_many_requests_without_a_hint_waits_for_the_window(at: Make) -> None:
    house = at(answer(429), OK)
    await house.client.request(READ)
    assert 10 <= house.transport.times[1] <= 10.6


async def test_an_order_over_the_limit_is_refused_and_safe_to_resubmit(at: Make) -> None:
    house = at(answer(429, retry_after="3"), OK)
    with pytest.raises(RateLimitException) as caught:
        await house.client.request(ORDER)
    assert caught.value.retry_after == 3
    assert caught.value.safe_to_resubmit
    assert len(house.transport.sent) == 1


@pytest.mark.parametrize(
    ("outcome", "least"),
    [
        (answer(418), 120.0),
        (answer(418, retry_after="600"), 600.0),
        (answer(403, b"<html>denied</html>"), 60.0),
        (answer(403, b"denied", content_type="text/html; charset=utf-8"), 60.0),
    ],
)
async def test_a_ban_pauses_every_pool_and_goes_to_the_caller(at: Make, outcome: HttpAnswer, least: float) -> None:
    house = at(outcome, OK)
    with pytest.raises(RateLimitException) as caught:
        await house.client.request(READ)
    assert len(house.transport.sent) == 1
    assert b"denied" not in str(caught.value).encode()
    for pool in ("ip", "uid"):
        assert least <= house.limiter.paused_for(pool) <= least * 1.05
    with pytest.raises(RateLimitException, match="no budget within 2 s") as waited:
        await house.client.request(replace(ORDER, max_wait=2))
    assert waited.value.safe_to_resubmit
    assert waited.value.retry_after is not None
    assert waited.value.retry_after >= least - 3
    assert len(house.transport.sent) == 1


async def test_an_order_does_not_wait_longer_than_it_may(at: Make) -> None:
    house = at(delay=0.5)
    full = replace(READ, costs={"uid": 5})
    await house.client.request(full)
    with pytest.raises(RateLimitException, match=r"not sent: no budget within 0\.2 s") as caught:
        await house.client.request(replace(ORDER, costs={"uid": 1}, max_wait=0.2))
    assert caught.value.operation == "place_order"
    assert caught.value.attempt == 1
    assert house.clock.monotonic_ns() == 700_000_000
    await house.client.request(replace(ORDER, costs={"uid": 1}, max_wait=5))
    assert house.transport.times == pytest.approx([0, 1.501])


@pytest.mark.parametrize(
    ("outcome", "kind", "said"),
    [
        (answer(400, b'{"msg":"bad"}'), ExchangeRejectedException, 'HTTP 400: {"msg":"bad"}'),
        (answer(404, b""), ExchangeRejectedException, "HTTP 404: no body"),
        (answer(401), AuthenticationException, "HTTP 401"),
        (answer(403, b'{"label":"FORBIDDEN"}'), AuthenticationException, "HTTP 403"),
        (answer(407), ExchangeConnectionException, "the proxy asks for a user"),
        (answer(302, location="https://login.test/?to=canary"), UnknownOutcomeException, "points https://login.test;"),
        (answer(304), UnknownOutcomeException, "points elsewhere"),
        (answer(400, b"x" * 5000), ExchangeRejectedException, "HTTP 400: x{200} "),
        (answer(400, b"\xff\x00"), ExchangeRejectedException, r"\\xff"),
    ],
    ids=str,
)
async def test_what_a_status_means_where_the_exchange_says_nothing(
    at: Make, outcome: HttpAnswer, kind: type[ExchangeException], said: str
) -> None:
    house = at(outcome)
    with pytest.raises(ExchangeException, match=said) as caught:
        await house.client.request(ORDER)
    assert type(caught.value) is kind
    assert len(house.transport.sent) == 1
    assert "canary" not in str(caught.value)


async def test_a_redirect_of_a_read_is_not_followed_and_not_retried(at: Make) -> None:
    house = at(answer(301, location="https://api.venue.test/book"))
    with pytest.raises(ExchangeConnectionException, match="redirects are not followed: check the base URL"):
        await house.client.request(READ)
    assert len(house.transport.sent) == 1


class CodedException(ExchangeRejectedException):
    pass


def by_code(response: RestResponse) -> ExchangeException | None:
    kinds: dict[bytes, ExchangeException] = {
        b"refused": CodedException("refused", "venue", exchange_code=30004),
        b"slow": RateLimitException("slow down", "venue", exchange_code="TOO_FAST", retry_after=4.0),
        b"again": ExchangeConnectionException("busy", "venue", exchange_code="BUSY"),
        b"maybe": UnknownOutcomeException("maybe", "venue", client_order_id="t-1"),
    }
    return kinds.get(response.body)


async def test_the_exchange_translates_its_own_refusals_also_under_200(at: Make) -> None:
    for status in (200, 400, 403):
        house = at(answer(status, b"refused"), reject=by_code)
        with pytest.raises(CodedException) as caught:
            await house.client.request(READ)
        failure = caught.value
        assert failure.exchange_code == "30004"
        assert (failure.operation, failure.endpoint, failure.attempt) == ("order_book_snapshot", "GET /book", 1)
        assert len(house.transport.sent) == 1


async def test_the_exchange_may_call_a_limit_by_another_status(at: Make) -> None:
    house = at(answer(400, b"slow"), OK, reject=by_code)
    assert (await house.client.request(READ)).attempt == 2
    assert 4 <= house.transport.times[1] <= 4.2


async def test_behind_a_server_error_nobody_believes_a_refusal_of_an_order(at: Make) -> None:
    house = at(answer(500, b"refused"), reject=by_code)
    with pytest.raises(UnknownOutcomeException, match="HTTP 500: refused") as caught:
        await house.client.request(ORDER)
    assert caught.value.exchange_code == "30004"
    assert isinstance(caught.value.__cause__, CodedException)
    assert not caught.value.safe_to_resubmit


async def test_behind_a_server_error_a_read_is_retried(at: Make) -> None:
    house = at(answer(500, b"refused"), answer(500, b"again"), OK, reject=by_code)
    assert (await house.client.request(READ)).attempt == 3


async def test_the_exchange_may_name_the_unknown_order(at: Make) -> None:
    house = at(answer(500, b"maybe"), reject=by_code)
    with pytest.raises(UnknownOutcomeException) as caught:
        await house.client.request(ORDER)
    assert caught.value.client_order_id == "t-1"


async def test_every_try_is_signed_anew_with_the_servers_time(at: Make) -> None:
    house = at(answer(503), answer(503), OK)
    server_ahead = 3_600_000_000_000
    now = house.clock.time_ns()
    house.client.server_time.update(now + server_ahead, now, now)
    await house.client.request(replace(READ, signed=True))
    urls = [url for _, url, _, _ in house.transport.sent]
    stamps = [int(url.split("timestamp=")[1].split("&")[0]) for url in urls]
    assert stamps == [(now + server_ahead) // 1_000_000 + round(at * 1000 - 0.5) for at in house.transport.times]
    assert len(set(stamps)) == 3
    assert all(url.endswith(f"signature=canary-signature-{stamp}") for url, stamp in zip(urls, stamps, strict=True))


async def test_a_signature_is_made_after_the_wait_for_the_budget(at: Make) -> None:
    house = at()
    await house.client.request(replace(READ, costs={"uid": 5}))
    await house.client.request(replace(READ, costs={"uid": 1}, signed=True))
    stamp = int(house.transport.sent[1][1].split("timestamp=")[1].split("&")[0])
    assert stamp == 1_700_000_000_000 + 1001


async def test_the_limit_headers_are_read_for_every_answer(at: Make) -> None:
    def feedback(response: RestResponse, limiter: RateLimiter) -> None:
        limiter.feedback("ip", int(response.headers["remain"]), 2)

    house = at(answer(200, remain="3"), answer(500, remain="0"), answer(200, remain="9"), feedback=feedback)
    await house.client.request(READ)
    assert house.limiter.budget_left("ip") == 3
    assert house.metrics.gauged("rest_budget_left", exchange="venue", pool="ip") == 3
    await house.client.request(READ)
    assert house.transport.times[2] == pytest.approx(2.002)
    assert house.limiter.budget_left("ip") == 9


class DeafTap:
    """Takes REST answers, and fails at each if told to."""

    def __init__(self, *, broken: bool = False) -> None:
        self.heard: list[tuple[str, str, int, bytes, int]] = []
        self.broken = broken

    def opened(self, connection: int, url: str, at_ns: int) -> None:
        raise AssertionError("no websocket here")

    def sent(self, connection: int, data: str, at_ns: int) -> None:
        raise AssertionError("no websocket here")

    def received(self, connection: int, data: bytes | str, at_ns: int) -> None:
        raise AssertionError("no websocket here")

    def closed(self, connection: int, code: int | None, reason: str, at_ns: int) -> None:
        raise AssertionError("no websocket here")

    def answered(self, method: str, url: str, status: int, body: bytes, at_ns: int) -> None:
        self.heard.append((method, url, status, body, at_ns))
        if self.broken:
            raise OSError(28, "No space left on device")


async def test_the_tap_hears_every_answer(at: Make) -> None:
    tap = DeafTap()
    house = at(answer(500, b"first"), OK, delay=0.5, tap=tap)
    start = house.clock.time_ns()
    await house.client.request(READ)
    assert tap.heard[0] == ("GET", f"{BASE}/book?pair=A_B", 500, b"first", start + 500_000_000)
    assert tap.heard[1][2:4] == (200, OK.body)


@pytest.mark.parametrize("broken", ["tap", "feedback"])
async def test_a_broken_listener_does_not_cost_the_answer(
    at: Make, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    def feedback(response: RestResponse, limiter: RateLimiter) -> None:
        raise ValueError("not a number")

    house = at(**({"tap": DeafTap(broken=True)} if broken == "tap" else {"feedback": feedback}))
    assert (await house.client.request(ORDER)).status == 200
    assert "a listener to the answer of POST /order failed" in caplog.text
    assert house.metrics.counted("rest_listener_errors") == 1


async def test_every_log_line_tells_which_request_and_which_try(at: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "cex.networking")
    house = at(answer(502), TimeoutError(), OK)
    with correlation("c0ffee"):
        await house.client.request(READ)
    records = [record for record in caplog.records if record.name.startswith("cex.networking")]
    assert [record.levelname for record in records] == ["DEBUG", "WARNING", "WARNING", "DEBUG"]
    for record in records:
        facts = vars(record)
        assert facts["correlation_id"] == "c0ffee"
        assert facts["endpoint"] == "GET /book"
        assert facts["exchange"] == "venue"
        assert f"attempt={facts['attempt']} correlation_id=c0ffee" in record.getMessage()
    assert [vars(record)["attempt"] for record in records] == [1, 1, 2, 3]


async def test_a_private_call_without_a_key_is_a_setting_that_is_missing(at: Make) -> None:
    house = at(signer=None)
    with pytest.raises(ConfigurationException, match="there is no key for venue"):
        await house.client.request(ORDER)
    assert house.transport.sent == []


@pytest.mark.parametrize("base_url", ["http://api.venue.test", "http://127.0.0.1.venue.test:8080"])
async def test_a_key_never_travels_without_tls(at: Make, base_url: str) -> None:
    with pytest.raises(ConfigurationException, match="never sent without TLS"):
        at(base_url=base_url)
    house = at(base_url=base_url, signer=None)
    for request in (
        replace(READ, headers={"X-MEXC-APIKEY": "canary"}),
        replace(READ, params={"listenKey": "canary"}),
    ):
        with pytest.raises(ConfigurationException, match="never sent without TLS"):
            await house.client.request(request)
    assert house.transport.sent == []
    assert (await house.client.request(READ)).status == 200


async def test_a_key_may_travel_to_this_machine(at: Make) -> None:
    house = at(base_url="http://127.0.0.1:8080")
    assert (await house.client.request(ORDER)).status == 200


@pytest.mark.parametrize(
    "base_url",
    ["api.venue.test", "ftp://api.venue.test", "https://", "https://me:canary@api.venue.test", f"{BASE}?canary=1"],
)
async def test_a_base_url_that_is_none_is_refused(at: Make, base_url: str) -> None:
    with pytest.raises(ConfigurationException, match="a base URL is") as caught:
        at(base_url=base_url)
    assert "canary" not in str(caught.value)


async def test_a_key_with_a_line_break_is_named_and_not_sent(at: Make) -> None:
    house = at()
    with pytest.raises(ConfigurationException, match="the header KEY holds a line break") as caught:
        await house.client.request(replace(READ, headers={"KEY": "canary-key\n"}))
    assert "canary" not in str(caught.value)
    assert house.transport.sent == []


async def test_a_closed_client_sends_nothing(at: Make) -> None:
    house = at()
    async with house.client:
        await house.client.request(READ)
    with pytest.raises(ExchangeConnectionException, match="the client is closed") as caught:
        await house.client.request(ORDER)
    assert not caught.value.retryable
    assert caught.value.safe_to_resubmit
    assert len(house.transport.sent) == 1
    assert house.transport.closed == 0, "who passes a transport in closes it"


async def test_a_client_closed_between_two_tries_stops(at: Make) -> None:
    house = at(answer(503))
    waiting = asyncio.create_task(house.client.request(READ))
    await asyncio.sleep(0.01)
    await house.client.aclose()
    with pytest.raises(ExchangeConnectionException, match="the client is closed"):
        await waiting
    assert len(house.transport.sent) == 1


async def test_a_client_works_without_a_limiter(at: Make) -> None:
    house = at(answer(429, retry_after="2"), OK, limiter=None)
    assert (await house.client.request(READ)).attempt == 2
    assert house.transport.times == pytest.approx([0, 2])


@pytest.mark.parametrize("options", [{"limiter": None}, {}])
async def test_over_the_limit_without_a_hint_and_without_a_pool_to_pause_the_caller_decides(
    at: Make, options: dict[str, Any]
) -> None:
    house = at(answer(429), OK, **options)
    with pytest.raises(RateLimitException) as caught:
        await house.client.request(replace(READ, costs={}))
    assert caught.value.retry_after is None
    assert len(house.transport.sent) == 1


async def test_an_unknown_pool_is_a_bug_and_says_so(at: Make) -> None:
    house = at()
    with pytest.raises(ValueError, match="unknown rate pool 'nowhere'"):
        await house.client.request(replace(READ, costs={"nowhere": 1}))


async def test_figures_are_kept(at: Make) -> None:
    house = at(answer(500), TimeoutError(), OK, delay=0.1)
    await house.client.request(READ)
    labels = {"exchange": "venue", "operation": "order_book_snapshot"}
    assert house.metrics.counted("rest_requests", outcome="500", **labels) == 1
    assert house.metrics.counted("rest_requests", outcome="ExchangeConnectionException", **labels) == 1
    assert house.metrics.counted("rest_requests", outcome="200", **labels) == 1
    assert house.metrics.observed("rest_round_trip_seconds", **labels).total == pytest.approx(0.2)
    assert house.metrics.observed("rest_budget_wait_seconds", exchange="venue").count == 3


class Iterating(Protocol):
    def in_iterations(self, count: int, callback: Callable[[], object]) -> None: ...


async def test_cancelling_at_any_point_leaves_nothing_behind(at: Make, virtual_loop: Iterating) -> None:
    """Wait for the budget, fail, wait for the retry, succeed: cancel in the n-th iteration of the loop, for every n."""
    cancelled = 0
    for iterations in range(1, 100):
        house = at(answer(503), OK, delay=0.2)
        await house.limiter.acquire({"ip": 20})
        task = asyncio.create_task(house.client.request(READ))
        virtual_loop.in_iterations(iterations, task.cancel)
        outcome = (await asyncio.gather(task, return_exceptions=True))[0]
        assert house.limiter.waiting == 0
        assert house.transport.under_way == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await asyncio.sleep(10.02)
        assert house.limiter.budget_left("ip") == 20, "no slot is held"
        if isinstance(outcome, RestResponse):
            break
        assert isinstance(outcome, asyncio.CancelledError)
        cancelled += 1
        assert (await replace_script(house, OK).client.request(READ)).status == 200
    assert isinstance(outcome, RestResponse)
    assert outcome.attempt == 2
    assert cancelled >= 5


def replace_script(house: At, *script: HttpAnswer | Exception) -> At:
    house.transport.script[:] = script
    return house


async def test_its_own_transport_is_closed_with_it(virtual_clock: ManualClock) -> None:
    client = RestClient("http://127.0.0.1:1", exchange="venue", clock=virtual_clock)
    await client.aclose()
    with pytest.raises(ExchangeConnectionException, match="the client is closed"):
        await client.request(RestRequest("GET", "/time", "server_time"))
