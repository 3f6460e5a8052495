from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest

from cex.common.clock import ManualClock
from cex.common.enums import MarketType
from cex.common.exceptions import (
    AuthenticationException,
    ExchangeConnectionException,
    ExchangeDataException,
    ExchangeRejectedException,
    RateLimitException,
)
from cex.exchanges.base.catalogue import UnknownSymbolException
from cex.exchanges.gateio.rest import GateioRestClient, public_limiter
from cex.networking import HttpAnswer, RateLimiter, RetryPolicy, Timeouts

Sample = Callable[[str], bytes]
URL = "https://api.gateio.ws/api/v4"
BOOK, TRADES = "/spot/order_book", "/spot/trades"


class Memory:
    """An HTTP transport that answers from a script and remembers what was asked."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.script: list[HttpAnswer] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.closed = False

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.script.append(HttpAnswer(status, {"content-type": "application/json", **named}, body))

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> HttpAnswer:
        parts = urlsplit(url)
        assert url.startswith(URL)
        assert headers["Accept"] == "application/json"
        self.asked.append((method, parts.path.removeprefix("/api/v4"), dict(parse_qsl(parts.query))))
        self.clock.advance(0.1)
        return self.script.pop(0)

    async def aclose(self) -> None:
        self.closed = True


class Desk:
    def __init__(self, clock: ManualClock) -> None:
        self.wire = Memory(clock)
        self.limiter: RateLimiter = public_limiter(clock)
        self.rest = GateioRestClient(
            URL,
            markets=(MarketType.SPOT,),
            transport=self.wire,
            limiter=self.limiter,
            retry=RetryPolicy(attempts=1),
            clock=clock,
        )


@pytest.fixture
def desk(virtual_clock: ManualClock) -> Desk:
    return Desk(virtual_clock)


async def loaded(desk: Desk) -> Desk:
    pairs = [
        {"id": f"{base}_USDT", "base": base, "quote": "USDT", "precision": 1, "amount_precision": 4}
        for base in ("BTC", "ETH", "币安人生")
    ]
    desk.wire.answer(json.dumps([{**pair, "trade_status": "tradable"} for pair in pairs]).encode())
    await desk.rest.load_instruments()
    desk.wire.asked.clear()
    return desk


async def test_instruments(desk: Desk, sample: Sample) -> None:
    desk.wire.answer(sample("rest_spot_currency_pairs"))
    catalogue = await desk.rest.load_instruments()
    assert catalogue is desk.rest.instruments
    assert catalogue["VLX/USDT"].tick == Decimal("0.000001")
    assert desk.wire.asked == [("GET", "/spot/currency_pairs", {})]


async def test_rows_that_cannot_be_used_are_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.wire.answer(b'[{"id":"A_B"},{"id":"C_D"}]')
    with caplog.at_level(logging.WARNING):
        assert len(await desk.rest.load_instruments()) == 0
    assert '2 of 2 instruments left out, the first is {"id":"A_B"}' in caplog.text


async def test_server_time_corrects_the_clock(desk: Desk, virtual_clock: ManualClock) -> None:
    ahead = virtual_clock.time_ns() // 1_000_000 + 5_000
    desk.wire.answer(json.dumps({"server_time": ahead}).encode())
    assert await desk.rest.server_time() == ahead * 1_000_000
    assert desk.wire.asked == [("GET", "/spot/time", {})]
    assert desk.rest.clock_offset_ns == pytest.approx(4.95e9, abs=1e6)


async def test_order_book_snapshot(desk: Desk, sample: Sample, virtual_clock: ManualClock) -> None:
    await loaded(desk)
    desk.wire.answer(sample("rest_spot_order_book"))
    book = await desk.rest.order_book_snapshot("BTC/USDT")
    assert desk.wire.asked == [("GET", BOOK, {"currency_pair": "BTC_USDT", "limit": "100", "with_id": "true"})]
    assert (book.last_id, book.limit, book.symbol) == (123456, 100, "BTC/USDT")
    assert book.received_ts == virtual_clock.time_ns()


async def test_a_name_that_is_not_ascii_is_encoded_once(desk: Desk, sample: Sample) -> None:
    await loaded(desk)
    desk.wire.answer(sample("rest_spot_order_book"))
    await desk.rest.order_book_snapshot("币安人生/USDT", 20, resync=True)
    assert desk.wire.asked[0][2] == {"currency_pair": "币安人生_USDT", "limit": "20", "with_id": "true"}


async def test_a_book_without_an_id_cannot_be_used(desk: Desk) -> None:
    await loaded(desk)
    desk.wire.answer(b'{"current":1,"asks":[],"bids":[]}')
    with pytest.raises(ExchangeDataException, match="id") as caught:
        await desk.rest.order_book_snapshot("BTC/USDT")
    assert caught.value.channel == BOOK


async def test_recent_trades_are_oldest_first(desk: Desk, sample: Sample) -> None:
    await loaded(desk)
    (newest,) = json.loads(sample("rest_spot_trades"))
    desk.wire.answer(json.dumps([newest, {**newest, "id": "7", "side": "sell"}]).encode())
    trades = await desk.rest.recent_trades("BTC/USDT", 2)
    assert [trade.trade_id for trade in trades] == ["7", "1232893232"]
    assert desk.wire.asked == [("GET", TRADES, {"currency_pair": "BTC_USDT", "limit": "2"})]


@pytest.mark.parametrize("depth", [0, -1, 1001])
async def test_what_cannot_be_asked_is_not_asked(desk: Desk, depth: int) -> None:
    await loaded(desk)
    with pytest.raises(ValueError, match="1 to 1000"):
        await desk.rest.order_book_snapshot("BTC/USDT", depth)
    with pytest.raises(ValueError, match="1 to 1000"):
        await desk.rest.recent_trades("BTC/USDT", depth)
    with pytest.raises(UnknownSymbolException, match="did you mean BTC/USDT"):
        await desk.rest.order_book_snapshot("BTC/USDC")
    assert desk.wire.asked == []


async def test_a_refusal_is_typed_and_tells_where(desk: Desk) -> None:
    await loaded(desk)
    desk.wire.answer(b'{"label":"INVALID_CURRENCY_PAIR","message":"no such pair"}', 400)
    with pytest.raises(ExchangeRejectedException, match="no such pair") as caught:
        await desk.rest.order_book_snapshot("BTC/USDT")
    error = caught.value
    assert (error.exchange_code, error.operation, error.endpoint, error.attempt) == (
        "INVALID_CURRENCY_PAIR",
        "order_book_snapshot",
        "GET /spot/order_book",
        1,
    )


async def test_a_refused_key_is_an_authentication_error(desk: Desk, sample: Sample) -> None:
    desk.wire.answer(sample("rest_error_invalid_key"), 401)
    with pytest.raises(AuthenticationException):
        await desk.rest.server_time()


async def test_detail_stands_in_for_a_message(desk: Desk, sample: Sample) -> None:
    desk.wire.answer(sample("rest_error_detail"), 400)
    with pytest.raises(ExchangeRejectedException, match="order price 1700"):
        await desk.rest.server_time()


async def test_a_page_of_a_proxy_has_no_label(desk: Desk) -> None:
    desk.wire.answer(b"<html>Bad gateway</html>", 502)
    with pytest.raises(ExchangeConnectionException, match="502"):
        await desk.rest.server_time()


async def test_too_many_requests_tells_how_long_and_stops_that_endpoint(desk: Desk, sample: Sample) -> None:
    desk.wire.answer(
        sample("rest_error_too_many_requests"),
        429,
        x_gate_ratelimit_requests_remain="0",
        x_gate_ratelimit_reset_timestamp="1700000004",
        x_out_time="1700000001500000",
    )
    with pytest.raises(RateLimitException) as caught:
        await desk.rest.server_time()
    assert caught.value.retry_after == pytest.approx(2.5)
    assert desk.limiter.budget_left("/spot/time") == 0
    assert desk.limiter.budget_left(BOOK) == 200


@pytest.mark.parametrize("reset", ["1700000000", "1600000000", "1700000004000"])
async def test_a_reset_that_makes_no_sense_is_no_hint(desk: Desk, sample: Sample, reset: str) -> None:
    desk.wire.answer(sample("rest_error_too_many_requests"), 429, x_gate_ratelimit_reset_timestamp=reset)
    with pytest.raises(RateLimitException) as caught:
        await desk.rest.server_time()
    assert caught.value.retry_after is None


async def test_what_the_exchange_says_is_left_counts(desk: Desk) -> None:
    desk.wire.answer(
        b'{"server_time":1}',
        x_gate_ratelimit_requests_remain="50",
        x_gate_ratelimit_limit="200",
        x_gate_ratelimit_reset_timestamp="1700000000",
    )
    await desk.rest.server_time()
    assert desk.limiter.budget_left("/spot/time") <= 50


@pytest.mark.parametrize("value", ["", "many", "-3", "1e3", "１"])
async def test_a_limit_header_that_is_no_number_is_ignored(desk: Desk, value: str) -> None:
    desk.wire.answer(b'{"server_time":1}', x_gate_ratelimit_requests_remain=value)
    await desk.rest.server_time()
    assert desk.limiter.budget_left("/spot/time") == 199


async def test_a_transport_is_closed_by_whoever_made_it(desk: Desk, virtual_clock: ManualClock) -> None:
    await desk.rest.aclose()
    assert not desk.wire.closed
    handed_over = GateioRestClient(URL, transport=desk.wire, owns_transport=True, clock=virtual_clock)
    await handed_over.aclose()
    assert desk.wire.closed
