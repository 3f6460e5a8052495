"""One account's REST over a scripted wire: what is asked, in which budget, and what becomes of the answers."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest

from cex.common.clock import ManualClock
from cex.common.enums import MarginMode, MarketType, OrderStatus, OrderType, PositionSide, Side, TransferStatus
from cex.common.exceptions import (
    AuthenticationException,
    ConfigurationException,
    ExchangeDataException,
    ExchangeRejectedException,
    InsufficientBalanceException,
    OrderFinishedException,
    OrderNotFoundException,
    RateLimitException,
    TimestampException,
    UnknownOutcomeException,
)
from cex.common.redaction import Secret
from cex.common.types.orders import Order, OrderRequest
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.offers import NotOfferedException
from cex.exchanges.gateio.rest import GateioPrivateRestClient
from cex.exchanges.gateio.signing import GateioSigner
from cex.networking import HttpAnswer, RestRequest, RetryPolicy, Timeouts

Sample = Callable[[str], bytes]
URL = "https://api.gateio.ws/api/v4"
KEY, SECRET = Secret("the-public-half"), Secret("the-signing-half")
BTC, ETH_BTC, PERP = Symbol("BTC/USDT"), Symbol("ETH/BTC"), Symbol("BTC/USDT:USDT")
NOW = 1_700_000_000
SPOT, FUTURES = MarketType.SPOT, MarketType.FUTURES


class Asked(NamedTuple):
    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: Any


class Wire:
    """Answers by method and path, the last answer of a path again and again; remembers what it was asked."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.answers: dict[str, list[HttpAnswer | Exception]] = {}
        self.asked: list[Asked] = []
        self.raw: list[tuple[str, str, Mapping[str, str], bytes]] = []

    def on(self, endpoint: str, body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.setdefault(endpoint, []).append(
            HttpAnswer(status, {"content-type": "application/json", **(headers or {})}, data)
        )

    def refuse(self, endpoint: str, label: str, status: int = 400) -> None:
        self.on(endpoint, {"label": label, "message": "so it is"}, status)

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> HttpAnswer:
        parts = urlsplit(url)
        path = parts.path.removeprefix("/api/v4")
        self.raw.append((method, url, headers, body))
        if path == "/spot/time":
            now_ms = self.clock.time_ns() // 1_000_000
            return HttpAnswer(200, {}, json.dumps({"server_time": now_ms}).encode())
        told = json.loads(body) if body else None
        self.asked.append(
            Asked(
                method,
                path,
                dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {},
                dict(headers),
                told,
            )
        )
        waiting = self.answers.get(f"{method} {path}")
        assert waiting, f"nobody told what {method} {path} answers"
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None: ...

    def last(self, endpoint: str) -> Asked:
        return [asked for asked in self.asked if f"{asked.method} {asked.path}" == endpoint][-1]

    def count(self, endpoint: str) -> int:
        return sum(f"{asked.method} {asked.path}" == endpoint for asked in self.asked)


class Account:
    def __init__(self, clock: ManualClock, catalogue: InstrumentCatalogue, **options: Any) -> None:
        self.wire = Wire(clock)
        self.rest = GateioPrivateRestClient(
            URL,
            key=KEY,
            secret=SECRET,
            transport=self.wire,
            retry=RetryPolicy(attempts=1),
            clock=clock,
            rng=random.Random(5),
            **{"unified": False, **options},
        )
        self.rest.instruments.replace(catalogue.values())


@pytest.fixture
def account(virtual_clock: ManualClock, catalogue: InstrumentCatalogue) -> Account:
    return Account(virtual_clock, catalogue)


def limit(symbol: Symbol = BTC, **fields: Any) -> OrderRequest:
    told = {
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal("0.001"),
        "price": Decimal(65000),
        "client_order_id": "t-1",
    }
    return OrderRequest(symbol=symbol, **{**told, **fields})


def spot_row(**changes: Any) -> dict[str, Any]:
    return {
        "id": "101",
        "currency_pair": "BTC_USDT",
        "status": "open",
        "side": "buy",
        "type": "limit",
        "amount": "0.001",
        "left": "0.001",
        "price": "65000",
        "filled_amount": "0",
        "text": "t-1",
        "create_time_ms": NOW * 1000,
        "update_time_ms": NOW * 1000,
    } | changes


def futures_row(**changes: Any) -> dict[str, Any]:
    return {
        "id": 201,
        "contract": "BTC_USDT",
        "status": "open",
        "size": 10,
        "left": 10,
        "price": "65000",
        "tif": "gtc",
        "text": "t-1",
        "create_time": NOW,
    } | changes


def trigger_row(**changes: Any) -> dict[str, Any]:
    return {
        "id": 9,
        "market": "BTC_USDT",
        "trigger": {"price": "60000", "rule": "<="},
        "put": {"side": "sell", "amount": "0.001", "price": "59000", "text": "t-1"},
        "status": "open",
        "ctime": NOW,
        "fired_order_id": 0,
    } | changes


def contract_trigger(**changes: Any) -> dict[str, Any]:
    return {
        "id": 9,
        "initial": {"contract": "BTC_USDT", "size": -10, "price": "59000", "text": "t-1"},
        "trigger": {"price": "60000", "rule": 2},
        "status": "open",
        "create_time": NOW,
        "trade_id": 0,
    } | changes


def ids(orders: list[Order]) -> list[str]:
    return [order.order_id or order.client_order_id or "" for order in orders]


# ---- signing and budgets -------------------------------------------------------------------------------------------


async def test_an_order_is_signed_as_it_is_sent(account: Account) -> None:
    account.wire.on("POST /spot/orders", spot_row(), 201)
    order = await account.rest.place_order(limit())
    assert (order.order_id, order.status, order.client_order_id) == ("101", OrderStatus.NEW, "t-1")
    method, url, headers, body = account.wire.raw[-1]
    assert headers["KEY"] == "the-public-half"
    assert headers["Content-Type"] == "application/json"
    expiry_ms = int(headers["X-Gate-Exptime"])
    assert expiry_ms == pytest.approx(int(headers["Timestamp"]) * 1000 + 5000, abs=1000)
    plain = RestRequest(method, urlsplit(url).path.removeprefix("/api/v4"), "x", body=body)
    again = GateioSigner(KEY, SECRET, URL).sign(plain, int(headers["Timestamp"]) * 10**9)
    assert again.headers["SIGN"] == headers["SIGN"]


async def test_each_endpoint_has_its_budget_and_orders_have_one_a_pair(account: Account) -> None:
    account.wire.on("POST /spot/orders", spot_row(), 201)
    account.wire.on("DELETE /spot/orders/101", spot_row(status="cancelled", finish_as="cancelled"))
    account.wire.on("GET /spot/accounts", [])
    await account.rest.place_order(limit())
    await account.rest.cancel_order(BTC, order_id="101")
    await account.rest.balances(SPOT)
    assert account.rest.budget_left() == {"GET /spot/accounts": 199, "spot cancels": 199, "spot orders BTC_USDT": 9}


async def test_the_limit_headers_lower_the_budget(account: Account) -> None:
    headers = {"x-gate-ratelimit-requests-remain": "3", "x-gate-ratelimit-limit": "10"}
    account.wire.on("POST /spot/orders", spot_row(), 201, headers)
    await account.rest.place_order(limit())
    assert account.rest.budget_left()["spot orders BTC_USDT"] == 3


async def test_an_order_does_not_grow_old_waiting_for_budget(account: Account) -> None:
    account.wire.refuse("POST /spot/orders", "TOO_MANY_REQUESTS", 429)
    with pytest.raises(RateLimitException):
        await account.rest.place_order(limit())
    account.rest.limits.limiter.pause(account.rest.limits.spot_orders("BTC_USDT"), 60, "test")
    with pytest.raises(RateLimitException, match="no budget within 5"):
        await account.rest.place_order(limit())
    assert account.wire.count("POST /spot/orders") == 1


async def test_pools_of_two_accounts_are_apart(virtual_clock: ManualClock, catalogue: InstrumentCatalogue) -> None:
    one = Account(virtual_clock, catalogue, scope="a1")
    other = Account(virtual_clock, catalogue, scope="b2", limiter=one.rest.limits.limiter)
    for each in (one, other):
        each.wire.on("GET /spot/accounts", [])
    await one.rest.balances(SPOT)
    await other.rest.balances(SPOT)
    assert one.rest.budget_left() == other.rest.budget_left() == {"GET /spot/accounts": 199}
    assert {pool.name for pool in one.rest.limits.limiter.pools} >= {"GET /spot/accounts @a1", "GET /spot/accounts @b2"}


async def test_a_request_that_expired_is_signed_once_more(account: Account) -> None:
    account.wire.refuse("POST /spot/orders", "REQUEST_EXPIRED", 403)
    account.wire.on("POST /spot/orders", spot_row(), 201)
    assert (await account.rest.place_order(limit())).order_id == "101"
    account.wire.answers.clear()
    account.wire.refuse("POST /spot/orders", "REQUEST_EXPIRED", 403)
    with pytest.raises(TimestampException):
        await account.rest.place_order(limit())
    assert account.wire.count("POST /spot/orders") == 4


async def test_an_answer_that_fails_to_come_leaves_the_outcome_unknown(account: Account) -> None:
    account.wire.answers["POST /spot/orders"] = [TimeoutError()]
    with pytest.raises(UnknownOutcomeException) as caught:
        await account.rest.place_order(limit())
    assert not caught.value.safe_to_resubmit
    account.wire.answers.clear()
    account.wire.refuse("POST /spot/orders", "TOO_BUSY", 500)
    with pytest.raises(UnknownOutcomeException):
        await account.rest.place_order(limit())
    account.wire.answers.clear()
    account.wire.on("POST /spot/orders", b"<html>", 201)
    with pytest.raises(ExchangeDataException) as unread:
        await account.rest.place_order(limit())
    assert not unread.value.safe_to_resubmit


async def test_ids_come_from_the_seam_of_randomness(account: Account) -> None:
    made = [account.rest.new_client_order_id() for _ in range(3)]
    seeded = random.Random(5)
    assert made == [f"t-{seeded.getrandbits(96):024x}" for _ in range(3)]
    for text in made:
        account.rest.check_client_order_id(text)
    with pytest.raises(ValueError, match="client order id of gateio"):
        account.rest.check_client_order_id("x")


# ---- spot orders ---------------------------------------------------------------------------------------------------


async def test_a_refusal_says_what_it_is(account: Account) -> None:
    account.wire.refuse("POST /spot/orders", "BALANCE_NOT_ENOUGH")
    with pytest.raises(InsufficientBalanceException) as caught:
        await account.rest.place_order(limit())
    assert (caught.value.exchange_code, caught.value.safe_to_resubmit) == ("BALANCE_NOT_ENOUGH", True)


async def test_a_batch_has_an_outcome_for_each(account: Account) -> None:
    account.wire.on(
        "POST /spot/batch_orders",
        [
            spot_row(succeeded=True, label="", message=""),
            {"succeeded": False, "label": "BALANCE_NOT_ENOUGH", "message": "Not enough balance", "text": "t-2"},
        ],
    )
    account.wire.on("POST /futures/usdt/orders", futures_row(), 201)
    placed, refused, perpetual = await account.rest.place_orders(
        [limit(), limit(client_order_id="t-2"), limit(PERP, client_order_id="t-3")]
    )
    assert isinstance(placed, Order)
    assert isinstance(refused, InsufficientBalanceException)
    assert isinstance(perpetual, Order)
    assert [body["text"] for body in account.wire.last("POST /spot/batch_orders").body] == ["t-1", "t-2"]
    assert account.rest.budget_left()["spot orders BTC_USDT"] == 8


async def test_a_batch_that_fails_concerns_its_orders_only(account: Account) -> None:
    account.wire.answers["POST /spot/batch_orders"] = [TimeoutError()]
    account.wire.on(
        "POST /futures/usdt/batch_orders",
        [futures_row(succeeded=True), {"succeeded": False, "label": "SIZE_TOO_LARGE", "detail": "too large"}],
    )
    outcomes = await account.rest.place_orders([limit(), limit(), limit(PERP), limit(PERP)])
    assert [type(outcome).__name__ for outcome in outcomes] == [
        "UnknownOutcomeException",
        "UnknownOutcomeException",
        "Order",
        "InvalidOrderException",
    ]
    assert "too large" in str(outcomes[3])


async def test_cancels_by_either_id(account: Account) -> None:
    ended = spot_row(status="cancelled", finish_as="cancelled")
    account.wire.on("DELETE /spot/orders/101", ended)
    account.wire.on("DELETE /spot/orders/t-1", ended)
    for by in ({"order_id": "101"}, {"client_order_id": "t-1"}):
        order = await account.rest.cancel_order(BTC, **by)
        assert order.status is OrderStatus.CANCELED
        assert account.wire.asked[-1].params == {"currency_pair": "BTC_USDT"}
        assert "X-Gate-Exptime" not in account.wire.asked[-1].headers
    account.wire.refuse("DELETE /spot/orders/7", "ORDER_CLOSED")
    with pytest.raises(OrderFinishedException):
        await account.rest.cancel_order(BTC, order_id="7")
    account.wire.refuse("DELETE /spot/orders/8", "ORDER_NOT_FOUND", 404)
    with pytest.raises(OrderNotFoundException):
        await account.rest.cancel_order(BTC, order_id="8")
    with pytest.raises(ValueError, match="exactly one"):
        await account.rest.cancel_order(BTC)


async def test_cancelling_all_names_the_pair_and_the_wallet(account: Account) -> None:
    account.wire.on(
        "DELETE /spot/orders",
        [
            spot_row(status="cancelled", finish_as="cancelled", succeeded=True),
            {"succeeded": False, "label": "ORDER_NOT_FOUND", "message": "", "id": "5"},
        ],
    )
    account.wire.on("DELETE /spot/price_orders", [trigger_row(status="cancelled")])
    assert ids(await account.rest.cancel_all_orders(BTC)) == ["101", "t-1"]
    assert account.wire.last("DELETE /spot/orders").params == {"currency_pair": "BTC_USDT", "account": "spot"}
    assert account.wire.last("DELETE /spot/price_orders").params == {"market": "BTC_USDT", "account": "normal"}


async def test_amending(account: Account) -> None:
    account.wire.on("PATCH /spot/orders/101", spot_row(price="64000"))
    order = await account.rest.amend_order(BTC, order_id="101", price=Decimal(64000))
    assert order.price == Decimal(64000)
    asked = account.wire.last("PATCH /spot/orders/101")
    assert (asked.params, asked.body) == ({"currency_pair": "BTC_USDT"}, {"price": "64000"})
    with pytest.raises(ValueError, match="price or a quantity"):
        await account.rest.amend_order(BTC, order_id="101")


async def test_an_order_is_found_by_its_client_id_also_when_it_has_ended(account: Account) -> None:
    account.wire.refuse("GET /spot/orders/t-1", "ORDER_NOT_FOUND", 404)
    ended = spot_row(status="closed", left="0", filled_amount="0.001", finish_as="filled")
    account.wire.on("GET /spot/orders", [spot_row(id="100", text="t-0", status="cancelled"), ended])
    order = await account.rest.order(BTC, client_order_id="t-1")
    assert (order.order_id, order.status) == ("101", OrderStatus.FILLED)
    asked = account.wire.last("GET /spot/orders").params
    assert (asked["status"], asked["currency_pair"]) == ("finished", "BTC_USDT")
    assert int(asked["from"]) == pytest.approx(NOW - 3600, abs=2)


async def test_an_order_that_nobody_knows_is_not_found(account: Account) -> None:
    account.wire.refuse("GET /spot/orders/t-1", "ORDER_NOT_FOUND", 404)
    account.wire.on("GET /spot/orders", [])
    account.wire.on("GET /spot/price_orders", [trigger_row(put=trigger_row()["put"] | {"text": "t-other"})])
    with pytest.raises(OrderNotFoundException):
        await account.rest.order(BTC, client_order_id="t-1")
    assert account.wire.count("GET /spot/price_orders") == 2
    account.wire.on("POST /spot/orders", spot_row(), 201)
    await account.rest.place_order(limit())  # now it is known to be no trigger order, and none is looked for
    with pytest.raises(OrderNotFoundException):
        await account.rest.order(BTC, client_order_id="t-1")
    assert account.wire.count("GET /spot/price_orders") == 2


async def test_open_orders_of_a_pair_are_paged(account: Account) -> None:
    first = [spot_row(id=str(number), text=f"t-{number}") for number in range(100)]
    account.wire.on("GET /spot/orders", first)
    account.wire.on("GET /spot/orders", [spot_row(id="99"), spot_row(id="100")])
    account.wire.on("GET /spot/price_orders", [trigger_row()])
    found = await account.rest.open_orders(BTC)
    assert len(found) == 102
    assert [asked.params["page"] for asked in account.wire.asked if asked.path == "/spot/orders"] == ["1", "2"]
    assert found[-1].order_type is OrderType.STOP_LOSS


async def test_open_orders_of_everything(account: Account) -> None:
    account.wire.on("GET /spot/open_orders", [{"currency_pair": "BTC_USDT", "total": 1, "orders": [spot_row()]}])
    account.wire.on("GET /spot/price_orders", [trigger_row(), trigger_row(market="GONE_USDT")])
    account.wire.on("GET /futures/usdt/orders", [futures_row(), futures_row(id=202, contract="GONE_USDT")])
    account.wire.on("GET /futures/usdt/price_orders", [contract_trigger()])
    assert ids(await account.rest.open_orders()) == ["101", "t-1", "201", "t-1"]


async def test_history_is_what_was_created_in_the_range(account: Account) -> None:
    rows = [
        spot_row(id=str(number), status="cancelled", create_time_ms=(NOW - age) * 1000, update_time_ms=NOW * 1000)
        for number, age in ((3, 10), (2, 100), (1, 1000))
    ]
    account.wire.on("GET /spot/orders", rows)
    found = await account.rest.order_history(BTC, (NOW - 500) * 10**9, (NOW - 50) * 10**9)
    assert ids(found) == ["2"]


async def test_fills_of_a_range(account: Account, sample: Sample) -> None:
    account.wire.on("GET /spot/my_trades", sample("rest_private_spot_my_trades"))
    at = 1_548_000_000
    (fill,) = await account.rest.fills(ETH_BTC, at * 10**9, (at + 1) * 10**9, order_id="4128442423")
    assert fill.trade_id == "1232893232"
    assert account.wire.last("GET /spot/my_trades").params == {
        "currency_pair": "ETH_BTC",
        "order_id": "4128442423",
        "from": str(at),
        "to": str(at + 1),
        "limit": "1000",
        "page": "1",
    }
    assert await account.rest.fills(ETH_BTC, at * 10**9, at * 10**9 + 123_456_000) == []  # the end is not in it


async def test_fills_of_everything_and_of_both_sides_of_a_trade_with_oneself(account: Account) -> None:
    def row(**changes: Any) -> dict[str, Any]:
        return {
            "id": "5",
            "order_id": "1",
            "currency_pair": "BTC_USDT",
            "side": "buy",
            "role": "taker",
            "amount": "1",
            "price": "2",
            "create_time_ms": f"{NOW * 1000}.5",
        } | changes

    contract = {"contract": "BTC_USDT", "size": "3", "price": "2", "role": "maker", "create_time": NOW}
    gone = row(id="6", currency_pair="GONE_USDT")
    account.wire.on("GET /spot/my_trades", [row(side="sell", role="maker", order_id="2"), row(), row(), gone])
    account.wire.on("GET /futures/usdt/my_trades_timerange", [contract | {"trade_id": "8", "order_id": "3"}])
    found = await account.rest.fills(None, (NOW - 5) * 10**9, (NOW + 5) * 10**9)
    assert [(fill.symbol, fill.trade_id, fill.order_id) for fill in found] == [
        (PERP, "8", "3"),
        (BTC, "5", "2"),
        (BTC, "5", "1"),
    ]
    (one,) = await account.rest.fills(PERP, (NOW - 5) * 10**9, (NOW + 5) * 10**9, order_id="3")
    assert one.quantity == Decimal("0.0003")
    assert await account.rest.fills(PERP, (NOW - 5) * 10**9, (NOW + 5) * 10**9, order_id="4") == []


# ---- trigger orders ------------------------------------------------------------------------------------------------


def stop(symbol: Symbol = BTC) -> OrderRequest:
    return limit(
        symbol,
        side=Side.SELL,
        order_type=OrderType.STOP_LOSS,
        price=Decimal(59000),
        trigger_price=Decimal(60000),
    )


@pytest.mark.parametrize(
    ("symbol", "prefix", "row", "fired", "order"),
    [
        (BTC, "/spot", trigger_row, {"fired_order_id": 101, "status": "finish"}, spot_row),
        (
            PERP,
            "/futures/usdt",
            contract_trigger,
            {"trade_id": 101, "status": "finished", "finish_as": "succeeded"},
            futures_row,
        ),
    ],
)
async def test_a_trigger_order_and_what_it_becomes_are_one_order(
    account: Account, symbol: Symbol, prefix: str, row: Any, fired: dict[str, Any], order: Any
) -> None:
    account.wire.on(f"POST {prefix}/price_orders", {"id": 9}, 201)
    placed = await account.rest.place_order(stop(symbol))
    assert (placed.order_id, placed.client_order_id, placed.status) == ("", "t-1", OrderStatus.NEW)
    account.wire.on(f"GET {prefix}/price_orders/9", row())
    assert (await account.rest.order(symbol, client_order_id="t-1")).order_id == ""
    account.wire.answers.clear()
    account.wire.on(f"GET {prefix}/price_orders/9", row(**fired))
    account.wire.on(f"GET {prefix}/orders/101", order(id=101))
    became = await account.rest.order(symbol, client_order_id="t-1")
    assert (became.order_id, became.client_order_id) == ("101", "t-1")
    account.wire.refuse(f"DELETE {prefix}/price_orders/9", "ORDER_NOT_FOUND", 404)
    account.wire.on(f"DELETE {prefix}/orders/t-1", order(id=101))
    assert (await account.rest.cancel_order(symbol, client_order_id="t-1")).order_id == "101"


@pytest.mark.parametrize(
    ("symbol", "prefix", "row"), [(BTC, "/spot", trigger_row), (PERP, "/futures/usdt", contract_trigger)]
)
async def test_a_trigger_order_of_another_process_is_found_too(
    account: Account, symbol: Symbol, prefix: str, row: Any
) -> None:
    account.wire.refuse(f"GET {prefix}/orders/t-1", "ORDER_NOT_FOUND", 404)
    account.wire.on(f"GET {prefix}/orders", [])
    account.wire.on(f"GET {prefix}/price_orders", [row()])
    assert (await account.rest.order(symbol, client_order_id="t-1")).order_type is OrderType.STOP_LOSS
    account.wire.refuse(f"DELETE {prefix}/orders/t-1", "ORDER_NOT_FOUND", 404)
    account.wire.on(f"DELETE {prefix}/price_orders/9", row(status="cancelled" if symbol is BTC else "finished"))
    assert (await account.rest.cancel_order(symbol, client_order_id="t-1")).status is OrderStatus.CANCELED
    account.wire.answers[f"GET {prefix}/price_orders"].clear()
    account.wire.on(f"GET {prefix}/price_orders", [])
    with pytest.raises(OrderNotFoundException):
        await account.rest.cancel_order(symbol, client_order_id="t-1")


@pytest.mark.parametrize(
    ("symbol", "prefix", "row"), [(BTC, "/spot", trigger_row), (PERP, "/futures/usdt", contract_trigger)]
)
async def test_a_trigger_order_without_a_client_id_has_an_id_of_ours(
    account: Account, symbol: Symbol, prefix: str, row: Any
) -> None:
    plain = row()
    plain["put" if symbol is BTC else "initial"]["text"] = "web"
    account.wire.on(f"GET {prefix}/price_orders/9", plain)
    order = await account.rest.order(symbol, order_id="trigger-9")
    assert (order.order_id, order.client_order_id) == ("trigger-9", None)
    account.wire.on(f"DELETE {prefix}/price_orders/9", plain)
    assert (await account.rest.cancel_order(symbol, order_id="trigger-9")).order_id == "trigger-9"


async def test_trigger_orders_go_one_by_one(account: Account) -> None:
    account.wire.on("POST /spot/price_orders", {"id": 9}, 201)
    account.wire.on("POST /futures/usdt/price_orders", {"id": 10, "id_string": "10"}, 201)
    first, second = await account.rest.place_orders([stop(), stop(PERP)])
    assert isinstance(first, Order)
    assert isinstance(second, Order)
    assert account.wire.last("POST /futures/usdt/price_orders").body["trigger"]["rule"] == 2
    assert account.wire.last("POST /spot/price_orders").body["put"]["account"] == "normal"


# ---- futures -------------------------------------------------------------------------------------------------------


async def test_a_futures_order(account: Account) -> None:
    account.wire.on("POST /futures/usdt/orders", futures_row(), 201)
    order = await account.rest.place_order(limit(PERP))
    assert (order.order_id, order.quantity) == ("201", Decimal("0.001"))
    asked = account.wire.last("POST /futures/usdt/orders")
    assert asked.body["size"] == 10
    assert asked.headers["X-Gate-Size-Decimal"] == "1"
    assert "X-Gate-Exptime" in asked.headers
    assert account.rest.budget_left() == {"futures orders": 99}


async def test_a_new_size_has_the_sign_of_the_order(account: Account) -> None:
    account.wire.on("GET /futures/usdt/orders/201", futures_row(size=-10, left=-10))
    account.wire.on("PUT /futures/usdt/orders/201", futures_row(size=-20, left=-20))
    await account.rest.amend_order(PERP, order_id="201", quantity=Decimal("0.002"))
    assert account.wire.last("PUT /futures/usdt/orders/201").body == {"size": -20}
    await account.rest.amend_order(PERP, order_id="201", price=Decimal(5))
    assert account.wire.last("PUT /futures/usdt/orders/201").body == {"price": "5"}
    assert account.wire.count("GET /futures/usdt/orders/201") == 1


async def test_a_futures_order_is_found_by_its_client_id_also_when_it_has_ended(account: Account) -> None:
    account.wire.refuse("GET /futures/usdt/orders/t-1", "ORDER_NOT_FOUND", 404)
    account.wire.on("GET /futures/usdt/orders", [futures_row(status="finished", left=0, finish_as="filled")])
    assert (await account.rest.order(PERP, client_order_id="t-1")).status is OrderStatus.FILLED
    account.wire.answers["GET /futures/usdt/orders"].clear()
    account.wire.on("GET /futures/usdt/orders", [])
    account.wire.on("GET /futures/usdt/price_orders", [])
    with pytest.raises(OrderNotFoundException):
        await account.rest.order(PERP, client_order_id="t-1")


async def test_futures_lists(account: Account) -> None:
    account.wire.on("GET /futures/usdt/orders", [futures_row(id=number) for number in range(100)])
    account.wire.on("GET /futures/usdt/orders", [futures_row(id=99), futures_row(id=100)])
    account.wire.on("GET /futures/usdt/price_orders", [])
    assert len(await account.rest.open_orders(PERP)) == 101
    account.wire.on(
        "GET /futures/usdt/orders_timerange",
        [futures_row(id=5), futures_row(id=6, status="finished", finish_as="cancelled")],
    )
    assert ids(await account.rest.order_history(PERP, (NOW - 5) * 10**9, (NOW + 5) * 10**9)) == ["6"]
    account.wire.on("DELETE /futures/usdt/orders", [futures_row(status="finished", finish_as="cancelled")])
    account.wire.on("DELETE /futures/usdt/price_orders", [contract_trigger(status="finished", finish_as="cancelled")])
    assert ids(await account.rest.cancel_all_orders(PERP)) == ["201", "t-1"]
    assert account.wire.last("DELETE /futures/usdt/orders").params == {"contract": "BTC_USDT"}
    account.wire.on("DELETE /futures/usdt/orders/201", futures_row(status="finished", finish_as="cancelled"))
    assert (await account.rest.cancel_order(PERP, order_id="201")).status is OrderStatus.CANCELED


def wallet(**changes: Any) -> dict[str, Any]:
    return {
        "user": 77,
        "currency": "USDT",
        "total": "100",
        "available": "90",
        "order_margin": "4",
        "position_margin": "6",
    } | changes


async def test_positions(account: Account, sample: Sample) -> None:
    row = json.loads(sample("rest_private_futures_position"))
    account.wire.on("GET /futures/usdt/positions", [row, row | {"contract": "GONE_USDT"}, row | {"size": 0}])
    (position,) = await account.rest.positions()
    assert position.quantity == Decimal("-0.944")
    assert account.wire.asked[-1].params["holding"] == "true"


@pytest.mark.parametrize(
    ("leverage", "params"),
    [("0", {"leverage": "0", "cross_leverage_limit": "7"}), ("5", {"leverage": "7"})],
)
async def test_leverage_keeps_the_margin_mode(account: Account, leverage: str, params: dict[str, str]) -> None:
    account.wire.on("GET /futures/usdt/accounts", wallet())
    account.wire.on("GET /futures/usdt/positions/BTC_USDT", {"contract": "BTC_USDT", "size": 0, "leverage": leverage})
    account.wire.on("POST /futures/usdt/positions/BTC_USDT/leverage", {})
    await account.rest.set_leverage(PERP, Decimal(7))
    asked = account.wire.last("POST /futures/usdt/positions/BTC_USDT/leverage")
    assert (asked.params, asked.body) == (params, None)


async def test_a_contract_that_was_never_touched_takes_leverage_too(account: Account) -> None:
    account.wire.on("GET /futures/usdt/accounts", wallet())
    account.wire.refuse("GET /futures/usdt/positions/BTC_USDT", "POSITION_NOT_FOUND")
    account.wire.on("POST /futures/usdt/positions/BTC_USDT/leverage", {})
    await account.rest.set_leverage(PERP, Decimal(7))
    assert account.wire.asked[-1].params == {"leverage": "0", "cross_leverage_limit": "7"}
    account.wire.answers["GET /futures/usdt/positions/BTC_USDT"].clear()
    account.wire.refuse("GET /futures/usdt/positions/BTC_USDT", "FORBIDDEN", 403)
    with pytest.raises(AuthenticationException):
        await account.rest.set_leverage(PERP, Decimal(7))


async def test_margin_modes(account: Account) -> None:
    account.wire.on("GET /futures/usdt/accounts", wallet())
    account.wire.refuse("POST /futures/usdt/positions/cross_mode", "NO_CHANGE")
    await account.rest.set_margin_mode(PERP, MarginMode.ISOLATED)  # it is so already, which is what was wanted
    assert account.wire.asked[-1].body == {"mode": "ISOLATED", "contract": "BTC_USDT"}
    account.wire.answers["POST /futures/usdt/positions/cross_mode"].clear()
    account.wire.refuse("POST /futures/usdt/positions/cross_mode", "POSITION_HOLDING")
    with pytest.raises(ExchangeRejectedException):
        await account.rest.set_margin_mode(PERP, MarginMode.CROSS)
    with pytest.raises(NotOfferedException, match="BTC/USDT, which is no perpetual"):
        await account.rest.set_margin_mode(BTC, MarginMode.CROSS)


async def test_dual_mode(account: Account) -> None:
    account.wire.on("GET /futures/usdt/accounts", wallet(in_dual_mode=True))
    both = [
        {"contract": "BTC_USDT", "size": 3, "leverage": "5", "mode": "dual_long"},
        {"contract": "BTC_USDT", "size": -1, "leverage": "5", "mode": "dual_short"},
    ]
    account.wire.on("GET /futures/usdt/dual_comp/positions/BTC_USDT", both)
    account.wire.on("POST /futures/usdt/dual_comp/positions/BTC_USDT/leverage", both)
    await account.rest.set_leverage(PERP, Decimal(9))
    assert account.wire.asked[-1].params == {"leverage": "9"}
    account.wire.on("POST /futures/usdt/dual_comp/positions/cross_mode", both)
    await account.rest.set_margin_mode(PERP, MarginMode.CROSS)
    account.wire.on("POST /futures/usdt/orders", futures_row(size=-3, left=0, status="finished"), 201)
    await account.rest.place_order(limit(PERP, side=Side.SELL, position_side=PositionSide.LONG))
    assert account.wire.asked[-1].body["reduce_only"] is True
    assert account.wire.count("GET /futures/usdt/accounts") == 1  # the mode is kept


async def test_funding_payments(account: Account, sample: Sample) -> None:
    account.wire.on("GET /futures/usdt/account_book", sample("rest_private_futures_account_book"))
    at = 1_682_294_400
    (paid,) = await account.rest.funding_payments("ETH/USDT:USDT", at * 10**9, (at + 1) * 10**9)
    assert paid.amount == Decimal("0.000010152188")
    assert account.wire.asked[-1].params["type"] == "fund"
    assert account.wire.asked[-1].params["contract"] == "ETH_USDT"


# ---- account and wallet --------------------------------------------------------------------------------------------


async def test_balances_of_a_classic_account(account: Account, sample: Sample) -> None:
    account.wire.on(
        "GET /spot/accounts",
        [*json.loads(sample("rest_private_spot_accounts")), {"currency": "X", "available": "0", "locked": "0"}],
    )
    account.wire.on("GET /futures/usdt/accounts", wallet())
    held = await account.rest.balances()
    assert [(row.market, row.currency, row.total) for row in held] == [
        (SPOT, "ETH", Decimal("968.8")),
        (FUTURES, "USDT", Decimal(100)),
    ]
    account.wire.answers["GET /futures/usdt/accounts"].clear()
    account.wire.refuse("GET /futures/usdt/accounts", "USER_NOT_FOUND")
    assert await account.rest.balances(FUTURES) == []  # never funded: there is no such wallet yet
    account.wire.answers["GET /futures/usdt/accounts"].clear()
    account.wire.refuse("GET /futures/usdt/accounts", "FORBIDDEN", 403)
    with pytest.raises(AuthenticationException):
        await account.rest.balances(FUTURES)
    with pytest.raises(NotOfferedException):
        await account.rest.balances(MarketType.MARGIN)


async def test_balances_of_a_unified_account_are_one_pool(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue, sample: Sample
) -> None:
    account = Account(virtual_clock, catalogue, unified=None)
    account.wire.on("GET /account/detail", {"user_id": 5, "key": {"mode": 2}})
    account.wire.on("GET /unified/accounts", sample("rest_private_unified_accounts"))
    assert [row.currency for row in await account.rest.balances()] == ["USDT", "ETH"]
    assert await account.rest.balances(FUTURES) == []
    assert account.wire.count("GET /account/detail") == 1
    account.wire.on("POST /spot/price_orders", {"id": 9}, 201)
    await account.rest.place_order(stop())
    assert account.wire.asked[-1].body["put"]["account"] == "unified"


async def test_a_key_that_may_not_read_its_account_says_which_setting_helps(
    virtual_clock: ManualClock, catalogue: InstrumentCatalogue
) -> None:
    account = Account(virtual_clock, catalogue, unified=None)
    account.wire.refuse("GET /account/detail", "FORBIDDEN", 403)
    with pytest.raises(AuthenticationException) as caught:
        await account.rest.balances(SPOT)
    assert any("account_mode" in note for note in caught.value.__notes__)


async def test_the_number_of_the_account(account: Account) -> None:
    account.wire.on("GET /futures/usdt/accounts", wallet())
    assert [await account.rest.user_id(), await account.rest.user_id()] == ["77", "77"]
    assert account.wire.count("GET /futures/usdt/accounts") == 1


async def test_the_number_of_an_account_that_never_had_futures(account: Account, sample: Sample) -> None:
    account.wire.refuse("GET /futures/usdt/accounts", "USER_NOT_FOUND")
    account.wire.on("GET /account/detail", sample("rest_private_account_detail"))
    assert await account.rest.user_id() == "1667201533"


async def test_fees(account: Account, sample: Sample) -> None:
    account.wire.on("GET /wallet/fee", sample("rest_private_wallet_fee"))
    assert (await account.rest.fees(BTC)).taker == Decimal("0.002")
    assert account.wire.asked[-1].params == {"currency_pair": "BTC_USDT"}
    account.wire.on("GET /futures/usdt/fee", sample("rest_private_futures_fee"))
    assert (await account.rest.fees(PERP)).maker == Decimal("0.0002")
    with pytest.raises(ExchangeDataException, match="says nothing about ETH_USDT"):
        await account.rest.fees("ETH/USDT:USDT")


async def test_transfers(account: Account) -> None:
    account.wire.on("POST /wallet/transfers", {"tx_id": 59636381286})
    account.wire.on("GET /wallet/order_status", {"tx_id": "59636381286", "status": "SUCCESS"})
    moved = await account.rest.transfer("USDT", Decimal("1.5"), SPOT, FUTURES)
    assert (moved.transfer_id, moved.status) == ("59636381286", TransferStatus.COMPLETED)
    assert account.wire.last("POST /wallet/transfers").body == {
        "currency": "USDT",
        "from": "spot",
        "to": "futures",
        "amount": "1.5",
        "settle": "usdt",
    }
    account.wire.answers["GET /wallet/order_status"].clear()
    account.wire.refuse("GET /wallet/order_status", "NOT_FOUND", 404)
    assert (await account.rest.transfer("USDT", Decimal(1), FUTURES, SPOT)).status is TransferStatus.PENDING
    with pytest.raises(NotOfferedException, match="transfers from spot to spot"):
        await account.rest.transfer("USDT", Decimal(1), SPOT, SPOT)
    account.wire.answers["POST /wallet/transfers"] = [TimeoutError()]
    with pytest.raises(UnknownOutcomeException):
        await account.rest.transfer("USDT", Decimal(1), FUTURES, SPOT)


async def test_networks_and_addresses(account: Account, sample: Sample) -> None:
    account.wire.on("GET /wallet/currency_chains", sample("rest_private_currency_chains"))
    account.wire.on("GET /wallet/withdraw_status", sample("rest_private_withdraw_status"))
    (network,) = await account.rest.networks("GT")
    assert network.withdraw_fee == Decimal("0.1")
    assert "KEY" not in account.wire.last("GET /wallet/currency_chains").headers
    chains = [{"name": "ETH", "addr": "0xE6", "withdraw_disabled": True, "deposit_disabled": False}]
    account.wire.on("GET /spot/currencies", [{"currency": "GT", "chains": chains}, {"currency": "OLD", "chains": None}])
    (listed,) = await account.rest.networks()
    assert (listed.contract_address, listed.deposit_enabled, listed.withdraw_enabled) == ("0xE6", True, False)
    account.wire.on("GET /wallet/deposit_address", sample("rest_private_deposit_address"))
    assert (await account.rest.deposit_address("USDT", "TRX")).address == "LPXtk1kWHioP62SzfqwKbYE3Z7Wt2ujYEc"
    with pytest.raises(ExchangeDataException, match="no address of USDT on 'ETH' yet; addresses on: TRX") as caught:
        await account.rest.deposit_address("USDT", "ETH")
    assert caught.value.retryable


async def test_deposits_and_withdrawals(account: Account, sample: Sample) -> None:
    account.wire.on("GET /wallet/deposits", sample("rest_private_deposits"))
    account.wire.on("GET /wallet/withdrawals", sample("rest_private_withdrawals"))
    start, end = 1_541_999_999 * 10**9, 1_542_000_001 * 10**9
    (came,) = await account.rest.deposits(start, end, currency="USDT")
    assert came.deposit_id == "210496"
    assert account.wire.asked[-1].params["currency"] == "USDT"
    (went,) = await account.rest.withdrawals(start, end)
    assert went.withdrawal_id == "w1879219868"
    assert await account.rest.deposits(start, 1_542_000_000 * 10**9) == []


async def test_withdrawing_is_off_unless_the_settings_allow_it(
    account: Account, virtual_clock: ManualClock, catalogue: InstrumentCatalogue, sample: Sample
) -> None:
    with pytest.raises(ConfigurationException, match="withdrawals are off"):
        await account.rest.withdraw("USDT", Decimal(5), "T9", "TRX")
    assert account.wire.asked == []
    rich = Account(virtual_clock, catalogue, withdrawals=True)
    rich.wire.on("POST /withdrawals", json.loads(sample("rest_private_withdrawals"))[0])
    sent = await rich.rest.withdraw("USDT", Decimal("222.61"), "T9", "TRX", tag="m", client_withdrawal_id="order_1")
    assert sent.status is TransferStatus.PENDING
    assert rich.wire.asked[-1].body == {
        "currency": "USDT",
        "address": "T9",
        "amount": "222.61",
        "memo": "m",
        "chain": "TRX",
        "withdraw_order_id": "order_1",
    }
    assert rich.rest.budget_left() == {"withdrawals": 0}


async def test_instruments_are_loaded_without_a_signature(account: Account, sample: Sample) -> None:
    account.wire.on("GET /spot/currency_pairs", sample("rest_spot_currency_pairs"))
    account.wire.on("GET /futures/usdt/contracts", sample("rest_futures_contracts"))
    listed = await account.rest.load_instruments()
    assert "VLX/USDT" in listed
    assert all("KEY" not in asked.headers for asked in account.wire.asked)
    assert account.rest.exchange_now_ns() // 10**9 == NOW


async def test_a_key_is_not_sent_in_plain_text(catalogue: InstrumentCatalogue) -> None:
    with pytest.raises(ConfigurationException, match="without TLS"):
        GateioPrivateRestClient("http://api.gateio.ws/api/v4", key=KEY, secret=SECRET)
