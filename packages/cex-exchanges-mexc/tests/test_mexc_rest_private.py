"""An account's REST client over a transport in memory: what is asked, how it is signed, and what answers mean."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from cex.common import Fill, Instrument, Order, OrderRequest, Symbol
from cex.common.clock import ManualClock
from cex.common.enums import (
    InstrumentStatus,
    MarketType,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    TransferStatus,
)
from cex.common.exceptions import (
    AuthenticationException,
    ConfigurationException,
    ExchangeDataException,
    ExchangeException,
    InsufficientBalanceException,
    InvalidOrderException,
    OrderNotFoundException,
    RateLimitException,
    TimestampException,
    UnknownOutcomeException,
)
from cex.common.redaction import Secret
from cex.exchanges.base.catalogue import UnknownSymbolException
from cex.exchanges.base.offers import NotOfferedException
from cex.exchanges.mexc.config import MexcConfig
from cex.exchanges.mexc.rest import MexcPrivateRestClient
from cex.networking import HttpAnswer, RetryPolicy, Timeouts

KEY, SECRET = Secret("mx0aBYs33eIilxBWC5"), Secret("45d0b3c26f2644f19bfb98b07741b2f5")
BTC, MX = Symbol("BTC/USDT"), Symbol("MX/USDT")
NOW_MS = 1_791_570_241_216
DAY_NS = 86_400 * 10**9

Answer = tuple[int, object]


class FakeHttp:
    """MEXC's gateway in memory: refuses what is not signed well, answers the rest from a table, notes what came."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.ahead_ms = 0
        self.answers: dict[str, list[Answer | Exception]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.seconds = 0.0
        """What passes with every request."""

    def answer(self, endpoint: str, body: object, status: int = 200) -> None:
        """The next answer of ``POST /api/v3/order``, for instance; the last one told stays."""
        self.answers.setdefault(endpoint, []).append((status, body))

    def fail(self, endpoint: str, error: Exception) -> None:
        self.answers.setdefault(endpoint, []).append(error)

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> HttpAnswer:
        self.clock.advance(self.seconds)
        parts = urlsplit(url)
        endpoint = f"{method} {parts.path}"
        now_ms = self.clock.time_ns() // 1_000_000 + self.ahead_ms
        if endpoint == "GET /api/v3/time":
            return self._answered(200, {"serverTime": now_ms})
        params = dict(parse_qsl(parts.query, strict_parsing=True))
        signed, _, signature = parts.query.rpartition("&signature=")
        expected = hmac.new(SECRET.reveal().encode(), signed.encode() + body, hashlib.sha256).hexdigest()
        if headers["X-MEXC-APIKEY"] != KEY.reveal() or signature != expected:
            return self._answered(400, {"code": 700002, "msg": "Signature for this request is not valid."})
        stamp = int(params.pop("timestamp"))
        if not (stamp < now_ms + 1000 and now_ms - stamp <= int(params.pop("recvWindow"))):
            return self._answered(400, {"code": 700003, "msg": "Timestamp for this request is outside of recvWindow."})
        assert headers["Content-Type"] == "application/json"
        del params["signature"]
        self.asked.append((endpoint, params))
        self.bodies.append(body)
        told = self.answers[endpoint]
        answer = told.pop(0) if len(told) > 1 else told[0]
        if isinstance(answer, Exception):
            raise answer
        return self._answered(*answer)

    def _answered(self, status: int, body: object) -> HttpAnswer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return HttpAnswer(status, {"content-type": "application/json"}, data)

    async def aclose(self) -> None:
        pass


def instrument(symbol: Symbol) -> Instrument:
    return Instrument(
        symbol=symbol,
        exchange="mexc",
        exchange_symbol=symbol.replace("/", ""),
        status=InstrumentStatus.TRADING,
        tick=Decimal("0.01"),
        step=Decimal("0.000001"),
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS * 1_000_000)


@pytest.fixture
def http(clock: ManualClock) -> FakeHttp:
    return FakeHttp(clock)


@pytest.fixture
async def client(http: FakeHttp, clock: ManualClock) -> AsyncIterator[MexcPrivateRestClient]:
    rest = MexcPrivateRestClient(
        KEY,
        SECRET,
        "http://127.0.0.1:1",
        transport=http,
        clock=clock,
        rng=random.Random(1),
        retry=RetryPolicy(attempts=2, first=0.001, most=0.002),
    )
    rest.instruments.replace(map(instrument, (BTC, MX)))
    yield rest
    await rest.aclose()


def limit_order(**changes: Any) -> OrderRequest:
    facts: dict[str, Any] = {
        "symbol": BTC,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal("0.0002"),
        "price": Decimal(40000),
        "client_order_id": "cex-1",
    }
    return OrderRequest(**(facts | changes))


def order_row(order_id: str, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "symbol": "BTCUSDT",
        "orderId": order_id,
        "clientOrderId": "cex-1",
        "price": "40000",
        "origQty": "0.0002",
        "executedQty": "0",
        "cummulativeQuoteQty": "0",
        "status": "NEW",
        "type": "LIMIT",
        "side": "BUY",
        "time": NOW_MS,
        "updateTime": None,
    }
    return row | changes


# ---- placing ---------------------------------------------------------------------------------------------------------


MARKET = {"order_type": OrderType.MARKET, "price": None}
AT_40000 = {"quantity": "0.0002", "price": "40000"}


@pytest.mark.parametrize(
    ("changes", "params"),
    [
        ({}, {"type": "LIMIT", **AT_40000}),
        ({"time_in_force": TimeInForce.POST_ONLY, "price": Decimal("4E+4")}, {"type": "LIMIT_MAKER", **AT_40000}),
        (
            {"time_in_force": TimeInForce.IOC, "side": Side.SELL},
            {"side": "SELL", "type": "IMMEDIATE_OR_CANCEL", **AT_40000},
        ),
        ({"time_in_force": TimeInForce.FOK}, {"type": "FILL_OR_KILL", **AT_40000}),
        (MARKET, {"type": "MARKET", "quantity": "0.0002"}),
        (
            {**MARKET, "side": Side.SELL, "time_in_force": TimeInForce.IOC},
            {"side": "SELL", "type": "MARKET", "quantity": "0.0002"},
        ),
        (
            {**MARKET, "quantity": None, "quote_quantity": Decimal("25.50")},
            {"type": "MARKET", "quoteOrderQty": "25.50"},
        ),
    ],
    ids=["limit", "post-only", "ioc", "fok", "market", "market sell", "market by amount"],
)
async def test_placing(
    client: MexcPrivateRestClient, http: FakeHttp, changes: dict[str, Any], params: dict[str, str]
) -> None:
    request = limit_order(**changes)
    http.answer("POST /api/v3/order", {"symbol": "BTCUSDT", "orderId": "C02__7", "transactTime": NOW_MS})
    order = await client.place_order(request)
    assert (order.order_id, order.client_order_id, order.status) == ("C02__7", "cex-1", OrderStatus.NEW)
    assert (order.quantity, order.quote_quantity) == (request.quantity, request.quote_quantity)
    assert order.created_ts == NOW_MS * 1_000_000
    assert http.asked == [
        ("POST /api/v3/order", {"symbol": "BTCUSDT", "side": "BUY", "newClientOrderId": "cex-1"} | params)
    ]
    assert http.bodies == [b""]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order_type": OrderType.STOP_LOSS, "trigger_price": Decimal(1)}, "stop_loss"),
        ({"reduce_only": True}, "reduce or close"),
        ({"position_side": PositionSide.LONG}, "reduce or close"),
        ({"quantity": None, "close_position": True}, "reduce or close"),
        ({"order_type": OrderType.MARKET, "price": None, "time_in_force": TimeInForce.FOK}, "market orders that"),
        (
            {
                "order_type": OrderType.MARKET,
                "price": None,
                "quantity": None,
                "quote_quantity": Decimal(1),
                "side": Side.SELL,
            },
            "market sells by quote",
        ),
    ],
)
async def test_orders_that_the_spot_market_does_not_have(
    client: MexcPrivateRestClient, http: FakeHttp, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(NotOfferedException, match=message) as caught:
        await client.place_order(limit_order(**changes))
    assert caught.value.safe_to_resubmit
    assert http.asked == []


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (30004, "Insufficient position", InsufficientBalanceException),
        (30002, "The minimum transaction volume cannot be less than:0.5USDT", InvalidOrderException),
        (400, " amount scale is invalid", InvalidOrderException),
        (700007, "No permission to access the endpoint", AuthenticationException),
    ],
)
async def test_refusals(
    client: MexcPrivateRestClient, http: FakeHttp, code: int, message: str, kind: type[ExchangeException]
) -> None:
    http.answer("POST /api/v3/order", {"code": code, "msg": message}, 400)
    with pytest.raises(kind) as caught:
        await client.place_order(limit_order())
    assert caught.value.exchange_code == str(code)
    assert caught.value.safe_to_resubmit
    assert len(http.asked) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_server_fault_leaves_an_order_unknown_and_it_is_not_sent_again(
    client: MexcPrivateRestClient, http: FakeHttp, status: int
) -> None:
    http.answer("POST /api/v3/order", {"code": status, "msg": "oops"}, status)
    with pytest.raises(UnknownOutcomeException) as caught:
        await client.place_order(limit_order())
    assert caught.value.client_order_id == "cex-1"
    assert caught.value.sent_ts == NOW_MS * 1_000_000
    assert len(http.asked) == 1


async def test_a_lost_answer_leaves_an_order_unknown(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    http.fail("POST /api/v3/order", ConnectionResetError("gone"))
    with pytest.raises(UnknownOutcomeException) as caught:
        await client.place_order(limit_order())
    assert caught.value.client_order_id == "cex-1"
    assert len(http.asked) == 1


async def test_an_acceptance_that_does_not_decode_is_no_refusal(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    http.answer("POST /api/v3/order", {"symbol": "BTCUSDT"})
    with pytest.raises(ExchangeDataException) as caught:
        await client.place_order(limit_order())
    assert not caught.value.safe_to_resubmit


async def test_a_symbol_that_is_not_listed(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    with pytest.raises(UnknownSymbolException):
        await client.place_order(limit_order(symbol=Symbol("DOGE/USDT")))
    assert http.asked == []


async def test_checking_an_order_places_none(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    http.answer("POST /api/v3/order/test", {})
    await client.check_order(limit_order())
    assert [endpoint for endpoint, _ in http.asked] == ["POST /api/v3/order/test"]
    assert client.budget_left()["orders"] == 12


async def test_one_refused_timestamp_measures_the_clock_and_signs_once_more(
    client: MexcPrivateRestClient, http: FakeHttp
) -> None:
    http.answer("GET /api/v3/openOrders", [])
    await client.open_orders()
    http.ahead_ms = 3_600_000
    assert await client.open_orders() == []
    assert len(http.asked) == 2
    assert client.exchange_now_ns() // 1_000_000 == pytest.approx(NOW_MS + 3_600_000, abs=5)
    http.answer("POST /api/v3/order", {"orderId": "C02__7"})
    assert (await client.place_order(limit_order())).order_id == "C02__7"


async def test_a_timestamp_that_is_refused_for_ever_is_told(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    http.answer("POST /api/v3/order", {"code": 700003, "msg": "Timestamp for this request is outside"}, 400)
    with pytest.raises(TimestampException) as caught:
        await client.place_order(limit_order())
    assert caught.value.safe_to_resubmit
    assert len(http.asked) == 2


def test_orders_are_valid_as_long_as_the_exchange_may_take_them(client: MexcPrivateRestClient) -> None:
    assert client.order_validity_s == 4.0


# ---- batches ---------------------------------------------------------------------------------------------------------


async def test_a_batch_has_an_outcome_for_each(
    client: MexcPrivateRestClient, http: FakeHttp, sample: Callable[[str], bytes]
) -> None:
    http.answer("POST /api/v3/batchOrders", sample("rest_batch"))
    requests = [limit_order(client_order_id=f"cex-{number}") for number in range(3)]
    first, second, third = await client.place_orders(requests)
    assert isinstance(first, Order)
    assert isinstance(third, Order)
    assert (first.order_id, first.client_order_id) == ("1196315350023612316", "cex-0")
    assert (third.order_id, third.client_order_id) == ("1196315350023612318", "cex-2")
    assert isinstance(second, InvalidOrderException)
    assert second.exchange_code == "30002"
    ((_, params),) = http.asked
    assert json.loads(params["batchOrders"])[0] == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "0.0002",
        "price": "40000",
        "newClientOrderId": "cex-0",
    }


async def test_batches_hold_one_symbol_and_20_orders(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    symbols = [BTC] * 21 + [MX, BTC, MX]
    requests = [limit_order(symbol=symbol, client_order_id=f"c{number}") for number, symbol in enumerate(symbols)]
    requests.append(limit_order(reduce_only=True))
    requests.append(limit_order(symbol=Symbol("DOGE/USDT")))
    for batch in ([*range(20)], [20, 22], [21, 23]):
        http.answer("POST /api/v3/batchOrders", [{"orderId": f"id{number}"} for number in batch])
    http.seconds = 1.5
    outcomes = await client.place_orders(requests)
    assert [outcome.order_id for outcome in outcomes if isinstance(outcome, Order)] == [f"id{n}" for n in range(24)]
    assert [type(outcome) for outcome in outcomes[24:]] == [NotOfferedException, UnknownSymbolException]
    sent = [json.loads(params["batchOrders"]) for _, params in http.asked]
    assert [len(orders) for orders in sent] == [20, 2, 2]
    assert all(len({order["symbol"] for order in orders}) == 1 for orders in sent)


async def test_an_order_that_is_alone_goes_by_itself(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    http.answer("POST /api/v3/order", {"code": 30004, "msg": "Insufficient position"}, 400)
    (outcome,) = await client.place_orders([limit_order()])
    assert isinstance(outcome, InsufficientBalanceException)
    assert [endpoint for endpoint, _ in http.asked] == ["POST /api/v3/order"]


@pytest.mark.parametrize(
    "body",
    [
        [{"orderId": "1"}],
        [{"orderId": "1"}, {}, {}],
        {"orderId": "1"},
    ],
)
async def test_a_batch_whose_answer_does_not_tell_leaves_them_unknown(
    client: MexcPrivateRestClient, http: FakeHttp, body: object
) -> None:
    http.answer("POST /api/v3/batchOrders", body)
    outcomes = await client.place_orders([limit_order(client_order_id=f"c{number}") for number in range(3)])
    unknown = [outcome for outcome in outcomes if isinstance(outcome, UnknownOutcomeException)]
    assert len(unknown) >= 2
    assert [error.client_order_id for error in unknown] == [f"c{number}" for number in range(3)][-len(unknown) :]


async def test_a_lost_batch_leaves_every_order_unknown_by_its_own_id(
    client: MexcPrivateRestClient, http: FakeHttp
) -> None:
    http.answer("POST /api/v3/batchOrders", {"code": 503, "msg": "try again"}, 503)
    outcomes = await client.place_orders([limit_order(client_order_id=f"c{number}") for number in range(3)])
    assert [type(outcome) for outcome in outcomes] == [UnknownOutcomeException] * 3
    told = [outcome for outcome in outcomes if isinstance(outcome, UnknownOutcomeException)]
    assert [error.client_order_id for error in told] == ["c0", "c1", "c2"]
    assert {error.sent_ts for error in told} == {NOW_MS * 1_000_000}
    assert len(http.asked) == 1


async def test_a_refused_batch_is_refused_for_each(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    http.answer("POST /api/v3/batchOrders", {"code": 700007, "msg": "No permission"}, 400)
    outcomes = await client.place_orders([limit_order(), limit_order()])
    assert [type(outcome) for outcome in outcomes] == [AuthenticationException] * 2


async def test_an_element_with_a_server_fault_is_unknown(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    http.answer("POST /api/v3/batchOrders", [{"code": 500, "msg": "internal"}, {"orderId": "1"}])
    failed, placed = await client.place_orders([limit_order(client_order_id="c0"), limit_order()])
    assert isinstance(failed, UnknownOutcomeException)
    assert failed.client_order_id == "c0"
    assert isinstance(placed, Order)


# ---- cancelling and asking -------------------------------------------------------------------------------------------


async def test_a_cancel_whose_answer_shows_the_order_before_tells_nothing(
    client: MexcPrivateRestClient, http: FakeHttp
) -> None:
    http.answer("DELETE /api/v3/order", order_row("C02__7"))
    assert await client.cancel_order(BTC, order_id="C02__7") is None
    assert http.asked == [("DELETE /api/v3/order", {"symbol": "BTCUSDT", "orderId": "C02__7"})]


async def test_a_cancel_whose_answer_shows_the_order_after(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    row = order_row("C02__7", status="PARTIALLY_CANCELED", executedQty="0.0001", cummulativeQuoteQty="4")
    http.answer("DELETE /api/v3/order", row)
    order = await client.cancel_order("BTC/USDT", client_order_id="cex-1")
    assert order is not None
    assert (order.status, order.filled, order.average_price) == (
        OrderStatus.CANCELED,
        Decimal("0.0001"),
        Decimal(40000),
    )
    assert http.asked == [("DELETE /api/v3/order", {"symbol": "BTCUSDT", "origClientOrderId": "cex-1"})]


async def test_a_cancel_is_repeated_after_a_server_fault(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    http.answer("DELETE /api/v3/order", {"code": 503, "msg": "try again"}, 503)
    http.answer("DELETE /api/v3/order", {"code": -2011, "msg": "Unknown order sent."}, 400)
    with pytest.raises(OrderNotFoundException):
        await client.cancel_order(BTC, order_id="7")
    assert len(http.asked) == 2


@pytest.mark.parametrize("ids", [{}, {"order_id": "7", "client_order_id": "c"}])
async def test_exactly_one_id(client: MexcPrivateRestClient, ids: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        await client.cancel_order(BTC, **ids)
    with pytest.raises(ValueError, match="exactly one"):
        await client.order(BTC, **ids)


async def test_cancelling_all_of_a_symbol(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    http.answer("DELETE /api/v3/openOrders", [order_row("1"), order_row("2")])
    assert [order.order_id for order in await client.cancel_all_orders(BTC)] == ["1", "2"]
    assert http.asked == [("DELETE /api/v3/openOrders", {"symbol": "BTCUSDT"})]


async def test_asking_for_an_order(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    http.answer("GET /api/v3/order", order_row("7", status="FILLED", executedQty="0.0002", cummulativeQuoteQty="8"))
    http.answer("GET /api/v3/order", {"code": -2013, "msg": "Order does not exist."}, 400)
    order = await client.order(BTC, client_order_id="cex-1")
    assert (order.order_id, order.status, order.filled_quote) == ("7", OrderStatus.FILLED, Decimal(8))
    with pytest.raises(OrderNotFoundException):
        await client.order(BTC, order_id="8")
    assert [params for _, params in http.asked] == [
        {"symbol": "BTCUSDT", "origClientOrderId": "cex-1"},
        {"symbol": "BTCUSDT", "orderId": "8"},
    ]


async def test_open_orders(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    http.answer("GET /api/v3/openOrders", [order_row("1"), order_row("2", symbol="MXUSDT")])
    assert [order.symbol for order in await client.open_orders()] == [BTC, MX]
    await client.open_orders(BTC)
    assert [params for _, params in http.asked] == [{}, {"symbol": "BTCUSDT"}]


async def test_history_is_what_has_ended(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    rows = [
        order_row("3", status="CANCELED", time=NOW_MS - 1000),
        order_row("2", time=NOW_MS - 2000),
        order_row("1", status="FILLED", executedQty="0.0002", cummulativeQuoteQty="8", time=NOW_MS - 3000),
    ]
    http.answer("GET /api/v3/allOrders", rows)
    start = (NOW_MS - 5000) * 1_000_000
    told = await client.order_history(BTC, start, NOW_MS * 1_000_000)
    assert [order.order_id for order in told] == ["1", "3"]
    ((_, params),) = http.asked
    assert (params["symbol"], params["limit"]) == ("BTCUSDT", "1000")
    assert int(params["startTime"]) <= NOW_MS - 5000 < NOW_MS <= int(params["endTime"])
    with pytest.raises(NotOfferedException, match="7 days"):
        await client.order_history(BTC, NOW_MS * 1_000_000 - 8 * DAY_NS, NOW_MS * 1_000_000)


def fill_row(number: int, at_ms: int) -> dict[str, object]:
    return {
        "symbol": "BTCUSDT",
        "id": f"{number}X1",
        "orderId": "C02__7",
        "price": "40000",
        "qty": "0.0001",
        "commission": "0.002",
        "commissionAsset": "USDT",
        "time": at_ms,
        "isBuyer": True,
        "isMaker": False,
        "clientOrderId": None,
    }


async def test_fills_over_full_answers(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    times = [NOW_MS - 1_000_000 + 3000 * number for number in range(300)]

    class Shelf(dict[str, list[Any]]):
        def __getitem__(self, endpoint: str) -> list[Any]:
            params = http.asked[-1][1]
            first, last = int(params["startTime"]), int(params["endTime"])
            rows = [fill_row(number, at) for number, at in enumerate(times) if first <= at <= last]
            return [(200, rows[::-1][: int(params["limit"])])]

    http.answers = Shelf()
    http.seconds = 1.0
    found = await client.fills(BTC, (NOW_MS - 2_000_000) * 1_000_000, NOW_MS * 1_000_000, order_id="C02__7")
    assert [fill.trade_id for fill in found] == [f"{number}X1" for number in range(300)]
    assert all(fill.received_ts >= NOW_MS * 1_000_000 for fill in found)
    assert all(params["limit"] == "100" and params["orderId"] == "C02__7" for _, params in http.asked)
    assert isinstance(found[0], Fill)


async def test_fills_are_asked_symbol_by_symbol_and_a_month_back(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    now = NOW_MS * 1_000_000
    with pytest.raises(NotOfferedException, match="all symbols"):
        await client.fills(None, now - DAY_NS, now)
    with pytest.raises(NotOfferedException, match="30 days"):
        await client.fills(BTC, now - 31 * DAY_NS, now)
    assert client.fills_need_symbol
    assert http.asked == []


# ---- account and wallet ----------------------------------------------------------------------------------------------


async def test_balances_leave_out_what_is_not_held(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    rows = [
        {"asset": "USDT", "free": "1.5", "locked": "0.5", "available": "1.5"},
        {"asset": "MX", "free": "0", "locked": "0"},
    ]
    http.answer("GET /api/v3/account", {"balances": rows})
    (held,) = await client.balances()
    assert (held.currency, held.free, held.locked, held.total) == ("USDT", Decimal("1.5"), Decimal("0.5"), Decimal(2))
    assert held.updated_ts == NOW_MS * 1_000_000
    assert await client.balances(MarketType.SPOT) == [held]
    with pytest.raises(NotOfferedException):
        await client.balances(MarketType.FUTURES)


async def test_fees_and_tradable_symbols(
    client: MexcPrivateRestClient, http: FakeHttp, sample: Callable[[str], bytes]
) -> None:
    http.answer("GET /api/v3/tradeFee", sample("rest_trade_fee"))
    http.answer("GET /api/v3/selfSymbols", {"code": 200, "data": ["BTCUSDT", "ETHUSDT"], "msg": None})
    fees = await client.fees("MX/USDT")
    assert (fees.symbol, fees.maker, fees.taker) == (MX, Decimal("0.003"), Decimal("0.003"))
    assert await client.tradable_symbols() == ["BTCUSDT", "ETHUSDT"]
    assert http.asked[0] == ("GET /api/v3/tradeFee", {"symbol": "MXUSDT"})


async def test_listen_keys(client: MexcPrivateRestClient, http: FakeHttp, sample: Callable[[str], bytes]) -> None:
    http.answer("POST /api/v3/userDataStream", sample("rest_listen_key"))
    http.answer("PUT /api/v3/userDataStream", sample("rest_listen_key"))
    http.answer("DELETE /api/v3/userDataStream", sample("rest_listen_key"))
    http.answer("GET /api/v3/userDataStream", sample("rest_listen_keys"))
    key = await client.listen_keys.create()
    await client.listen_keys.renew(key)
    await client.listen_keys.delete(key)
    assert len(await client.listen_keys.valid()) == 1
    assert [endpoint.split()[0] for endpoint, _ in http.asked] == ["POST", "PUT", "DELETE", "GET"]
    assert http.asked[1][1] == http.asked[2][1] == {"listenKey": key.reveal()}
    assert key.reveal() not in repr(key)


async def test_transfers(client: MexcPrivateRestClient, http: FakeHttp, sample: Callable[[str], bytes]) -> None:
    http.answer("POST /api/v3/capital/transfer", sample("rest_transfer"))
    http.answer("POST /api/v3/capital/transfer", [])
    told = await client.transfer("USDT", Decimal("5.10"), MarketType.SPOT, MarketType.FUTURES)
    assert (told.transfer_id, told.status) == ("c45d800a47ba4cbc876a5cd29388319", TransferStatus.PENDING)
    assert http.asked[0][1] == {
        "fromAccountType": "SPOT",
        "toAccountType": "FUTURES",
        "asset": "USDT",
        "amount": "5.10",
    }
    with pytest.raises(NotOfferedException):
        await client.transfer("USDT", Decimal(5), MarketType.SPOT, MarketType.MARGIN)
    with pytest.raises(ExchangeDataException, match="without an id"):
        await client.transfer("USDT", Decimal(5), MarketType.FUTURES, MarketType.SPOT)


async def test_a_transfer_is_never_repeated(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    http.answer("POST /api/v3/capital/transfer", {"code": 503, "msg": "try again"}, 503)
    with pytest.raises(UnknownOutcomeException):
        await client.transfer("USDT", Decimal(5), MarketType.SPOT, MarketType.FUTURES)
    assert len(http.asked) == 1


async def test_networks(client: MexcPrivateRestClient, http: FakeHttp, sample: Callable[[str], bytes]) -> None:
    http.answer("GET /api/v3/capital/config/getall", sample("rest_coins"))
    assert [way.network for way in await client.networks("EOS")] == ["EOS"]
    assert await client.networks("BTC") == []


@pytest.fixture
def usdt(http: FakeHttp) -> dict[str, str]:
    """USDT has two networks; the row of an address is returned, in which a network has its other name."""
    ways = [{"network": "BEP20(BSC)", "netWork": "BSC"}, {"network": "ERC20"}]
    http.answer("GET /api/v3/capital/config/getall", [{"coin": "USDT", "networkList": ways}])
    return {"coin": "USDT", "network": "BEP20(BSC)", "address": "0xabc", "memo": "7"}


async def test_a_deposit_address(client: MexcPrivateRestClient, http: FakeHttp, usdt: dict[str, str]) -> None:
    http.answer("GET /api/v3/capital/deposit/address", [usdt | {"network": "ERC20"}, usdt])
    told = await client.deposit_address("USDT", "BSC")
    assert (told.address, told.tag, told.network) == ("0xabc", "7", "BSC")
    assert http.asked[-1][1] == {"coin": "USDT", "network": "BSC"}


async def test_a_deposit_address_is_made_where_there_is_none(
    client: MexcPrivateRestClient, http: FakeHttp, usdt: dict[str, str]
) -> None:
    http.answer("GET /api/v3/capital/deposit/address", [])
    http.answer("POST /api/v3/capital/deposit/address", [usdt])
    assert (await client.deposit_address("USDT", "BSC")).address == "0xabc"
    assert [endpoint.split()[0] for endpoint, _ in http.asked] == ["GET", "GET", "POST"]


async def test_an_address_on_another_network_is_not_given_out(
    client: MexcPrivateRestClient, http: FakeHttp, usdt: dict[str, str]
) -> None:
    http.answer("GET /api/v3/capital/deposit/address", [usdt])
    http.answer("POST /api/v3/capital/deposit/address", [usdt])
    with pytest.raises(ExchangeDataException, match="no address of USDT on 'ERC20'"):
        await client.deposit_address("USDT", "ERC20")
    with pytest.raises(ExchangeDataException, match=r"no network 'TRX'; it has BEP20\(BSC\), BSC, ERC20"):
        await client.deposit_address("USDT", "TRX")


async def test_deposits_and_withdrawals_by_the_week(
    client: MexcPrivateRestClient, http: FakeHttp, sample: Callable[[str], bytes]
) -> None:
    at = NOW_MS - 86_400_000
    deposit = json.loads(sample("rest_deposits"))[0] | {"insertTime": at}
    withdrawal = json.loads(sample("rest_withdrawals"))[0] | {"applyTime": at}
    http.answer("GET /api/v3/capital/deposit/hisrec", [deposit])
    http.answer("GET /api/v3/capital/withdraw/history", [withdrawal])
    now = NOW_MS * 1_000_000
    assert [told.currency for told in await client.deposits(now - 20 * DAY_NS, now, currency="EOS")] == ["EOS"]
    assert len(http.asked) == 3
    assert all(params["coin"] == "EOS" for _, params in http.asked)
    assert [told.withdrawal_id for told in await client.withdrawals(now - 2 * DAY_NS, now)] == ["bb17.."]
    assert "coin" not in http.asked[-1][1]
    for listing in (client.deposits, client.withdrawals):
        with pytest.raises(NotOfferedException, match="90 days"):
            await listing(now - 91 * DAY_NS, now)


async def test_withdrawals_are_off_unless_the_settings_allow_them(
    client: MexcPrivateRestClient, http: FakeHttp
) -> None:
    with pytest.raises(ConfigurationException, match="withdrawals"):
        await client.withdraw("USDT", Decimal(5), "0xabc", "BSC")
    assert http.asked == []
    client.withdrawals_enabled = True
    http.answer("POST /api/v3/capital/withdraw", {"id": "7213fea8"})
    told = await client.withdraw("USDT", Decimal(5), "0xabc", "BSC", tag="7", client_withdrawal_id="w1")
    assert (told.withdrawal_id, told.status, told.client_withdrawal_id) == ("7213fea8", TransferStatus.PENDING, "w1")
    assert http.asked[-1][1] == {
        "coin": "USDT",
        "address": "0xabc",
        "amount": "5",
        "netWork": "BSC",
        "memo": "7",
        "withdrawOrderId": "w1",
    }


# ---- names and limits ------------------------------------------------------------------------------------------------


def test_client_order_ids(client: MexcPrivateRestClient) -> None:
    ids = [client.new_client_order_id() for _ in range(100)]
    assert len(set(ids)) == 100
    for text in (*ids, "a", "A-b_9", "x" * 32):
        client.check_client_order_id(text)
    for text in ("", "x" * 33, "a b", "a.b", "龙虾", "a\n"):
        with pytest.raises(ValueError, match="1 to 32"):
            client.check_client_order_id(text)


def test_client_order_ids_repeat_with_a_seed(http: FakeHttp) -> None:
    one, other = (MexcPrivateRestClient(KEY, SECRET, transport=http, rng=random.Random(5)) for _ in range(2))
    assert one.new_client_order_id() == other.new_client_order_id()


async def test_every_request_costs_address_and_account(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    http.answer("POST /api/v3/order", {"orderId": "1"})
    http.answer("GET /api/v3/account", {"balances": []})
    before = client.budget_left()
    assert before == {"ip": 300, "requests": 15, "uid": 500, "orders": 12, "batch": 2, "account": 2}
    await client.place_order(limit_order())
    await client.balances()
    after = client.budget_left()
    assert {name: before[name] - after[name] for name in before} == {
        "ip": 12,  # with a look at the clock
        "requests": 3,
        "uid": 11,
        "orders": 1,
        "batch": 0,
        "account": 1,
    }


async def test_an_order_that_finds_no_budget_in_time_is_not_sent(http: FakeHttp, clock: ManualClock) -> None:
    client = MexcPrivateRestClient(KEY, SECRET, "http://127.0.0.1:1", transport=http, clock=clock, order_wait_s=0.01)
    client.instruments.replace([instrument(BTC)])
    http.answer("POST /api/v3/order", {"orderId": "1"})
    for _ in range(12):
        await client.place_order(limit_order())
    with pytest.raises(RateLimitException, match="not sent") as caught:
        await client.place_order(limit_order())
    assert caught.value.safe_to_resubmit
    assert len(http.asked) == 12
    await client.aclose()


async def test_the_firewall_pauses_everything(client: MexcPrivateRestClient, http: FakeHttp) -> None:
    http.answer("GET /api/v3/openOrders", b"<html>403 Forbidden</html>", 403)
    with pytest.raises(RateLimitException) as caught:
        await client.open_orders()
    assert caught.value.retry_after == 90.0
    assert set(client.budget_left().values()) == {0}


def test_two_clients_of_one_account_share_one_budget_and_others_the_address() -> None:
    accounts = {
        "default": {"api_key": "mx0one", "secret_key": "secret-one", "withdrawals": True},
        "same": {"api_key": "mx0one", "secret_key": "secret-one"},
        "other": {"api_key": "mx0two", "secret_key": "secret-two"},
    }
    config = MexcConfig.model_validate({"accounts": accounts, "recv_window_ms": 2000})
    clients = {name: MexcPrivateRestClient.from_config(config, name) for name in accounts}
    assert {client._limiter for client in clients.values()} == {clients["default"]._limiter}
    pools = [pool.name for pool in clients["default"]._limiter.pools]
    assert len([name for name in pools if name.startswith("orders:")]) == 2
    assert not any("mx0" in name for name in pools)
    assert [client.withdrawals_enabled for client in clients.values()] == [True, False, False]
    assert clients["other"].account == "other"
    assert clients["default"].order_validity_s == 3.0
