"""Orders, fills, balances and fees by REST: golden values of the samples; nothing senseless gets through."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common import Balance, Fill, Order, OrderRequest, Symbol, TradingFees
from cex.common.enums import Liquidity, OrderStatus, OrderType, Side, TimeInForce
from cex.common.exceptions import ExchangeDataException
from cex.exchanges.mexc.decode.account import balances, trading_fees
from cex.exchanges.mexc.decode.amounts import amount, average
from cex.exchanges.mexc.decode.amounts import given as must_have
from cex.exchanges.mexc.decode.trading import fill, new_order, order
from cex.exchanges.mexc.wire import account as account_wire
from cex.exchanges.mexc.wire import trading as wire

Reader = Callable[[str], bytes]

NAMES = {"ZANOUSDT": Symbol("ZANO/USDT"), "PLSUSDT": Symbol("PLS/USDT"), "FUSDUSDT": Symbol("FUSD/USDT")}
MX = Symbol("MX/USDT")
MS = 1_000_000


def by_native(name: str) -> Symbol | None:
    return NAMES.get(name)


def order_row(**changes: object) -> wire.OrderRow:
    row: dict[str, object] = {
        "symbol": "ZANOUSDT",
        "orderId": "C02__1",
        "clientOrderId": "mine",
        "price": "2",
        "origQty": "10",
        "executedQty": "4",
        "cummulativeQuoteQty": "8.4",
        "status": "PARTIALLY_FILLED",
        "type": "LIMIT",
        "side": "BUY",
        "time": 1757172734000,
        "updateTime": 1757177392000,
    }
    return wire.order_decoder.decode(json.dumps(row | changes))


def decoded(**changes: object) -> Order:
    return order(order_row(**changes), by_native, "/api/v3/order")


# ---- orders ----------------------------------------------------------------------------------------------------------


def test_a_query_of_an_order(sample: Reader) -> None:
    told = order(wire.order_decoder.decode(sample("rest_order")), by_native, "/api/v3/order")
    assert told == Order(
        symbol=Symbol("ZANO/USDT"),
        order_id="C02__593034730388221952036",
        client_order_id="11",
        side=Side.SELL,
        order_type=OrderType.LIMIT,
        status=OrderStatus.FILLED,
        quantity=Decimal("0.11"),
        filled=Decimal("0.11"),
        price=Decimal("17.341"),
        average_price=Decimal("17.341"),
        created_ts=1757172734000 * MS,
        updated_ts=1757177392000 * MS,
        filled_quote=Decimal("1.90751"),
    )


def test_the_answer_to_a_cancel_shows_the_order_before_it(sample: Reader) -> None:
    told = order(wire.order_decoder.decode(sample("rest_order_canceled")), by_native, "/api/v3/order")
    assert (told.status, told.filled, told.quantity) == (OrderStatus.NEW, Decimal(0), Decimal("299985.56"))
    assert (told.client_order_id, told.created_ts, told.average_price) == (None, 0, None)


def test_the_answer_to_a_placement_says_that_it_was_accepted(sample: Reader) -> None:
    request = OrderRequest(
        symbol=MX,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal(50),
        price=Decimal("0.1"),
        time_in_force=TimeInForce.POST_ONLY,
        client_order_id="abc_1",
    )
    assert new_order(wire.placed_decoder.decode(sample("rest_order_placed")), request) == Order(
        symbol=MX,
        order_id="C02__443776347957968896088",
        client_order_id="abc_1",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        status=OrderStatus.NEW,
        quantity=Decimal(50),
        price=Decimal("0.1"),
        time_in_force=TimeInForce.POST_ONLY,
        created_ts=1666676533741 * MS,
        updated_ts=1666676533741 * MS,
    )


def test_a_batch_tells_each_order(sample: Reader) -> None:
    rows = wire.batch_decoder.decode(sample("rest_batch"))
    assert [row.order_id for row in rows] == ["1196315350023612316", None, "1196315350023612318"]
    assert [row.code for row in rows] == [None, 30002, None]
    assert rows[1].msg == "The minimum transaction volume cannot be less than:0.5USDT"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("NEW", OrderStatus.NEW),
        ("PARTIALLY_FILLED", OrderStatus.PARTIALLY_FILLED),
        ("FILLED", OrderStatus.FILLED),
        ("CANCELED", OrderStatus.CANCELED),
        ("PARTIALLY_CANCELED", OrderStatus.CANCELED),
    ],
)
def test_every_state(word: str, status: OrderStatus) -> None:
    assert decoded(status=word).status is status


@pytest.mark.parametrize("word", ["", "new", "CANCELLED", "EXPIRED", "PENDING_CANCEL", "NEW "])
def test_a_state_that_is_not_documented_is_an_error(word: str) -> None:
    with pytest.raises((ExchangeDataException, msgspec.ValidationError)):
        decoded(status=word)


@pytest.mark.parametrize("side", ["buy", "BID", "1"])
def test_a_side_that_is_not_documented_is_an_error(side: str) -> None:
    with pytest.raises(ExchangeDataException, match="side is"):
        decoded(side=side)


@pytest.mark.parametrize(
    ("name", "kind", "time_in_force"),
    [
        ("LIMIT", OrderType.LIMIT, TimeInForce.GTC),
        ("MARKET", OrderType.MARKET, TimeInForce.IOC),
        ("LIMIT_MAKER", OrderType.LIMIT, TimeInForce.POST_ONLY),
        ("IMMEDIATE_OR_CANCEL", OrderType.LIMIT, TimeInForce.IOC),
        ("FILL_OR_KILL", OrderType.LIMIT, TimeInForce.FOK),
        ("STOP_LIMIT", OrderType.STOP_LOSS, TimeInForce.GTC),
        ("TAKE_PROFIT_STOP_LIMIT", OrderType.TAKE_PROFIT, TimeInForce.GTC),
        ("SOMETHING_NEW", OrderType.LIMIT, TimeInForce.GTC),
    ],
)
def test_types_also_of_orders_that_were_placed_elsewhere(
    name: str, kind: OrderType, time_in_force: TimeInForce
) -> None:
    told = decoded(type=name)
    assert (told.order_type, told.time_in_force) == (kind, time_in_force)


def test_the_price_of_a_market_order_is_not_what_it_was_filled_at() -> None:
    told = decoded(type="MARKET", price="2.2", status="FILLED", executedQty="10", cummulativeQuoteQty="21")
    assert (told.price, told.average_price, told.filled_quote) == (None, Decimal("2.1"), Decimal(21))


def test_a_market_order_by_amount_has_no_quantity_until_it_is_final() -> None:
    by_amount = {"type": "MARKET", "origQty": "0", "origQuoteOrderQty": "100", "price": None}
    working = decoded(**by_amount)
    assert (working.quantity, working.quote_quantity, working.remaining) == (None, Decimal(100), None)
    so_far = decoded(**by_amount | {"origQty": "4"})
    assert (so_far.quantity, so_far.quote_quantity) == (None, Decimal(100))
    over = decoded(**by_amount, status="PARTIALLY_CANCELED")
    assert (over.quantity, over.quote_quantity, over.remaining) == (Decimal(4), Decimal(100), Decimal(0))


def test_the_quote_amount_of_other_orders_is_the_exchanges_own_arithmetic() -> None:
    assert decoded(origQuoteOrderQty="20").quote_quantity is None
    assert decoded(type="MARKET", origQuoteOrderQty="20").quote_quantity is None


def test_why_it_was_canceled() -> None:
    assert decoded(status="CANCELED", cancelReason="stp_cancel").finish_reason == "stp_cancel"


@pytest.mark.parametrize("absent", [None, ""])
def test_no_client_order_id(absent: str | None) -> None:
    assert decoded(clientOrderId=absent).client_order_id is None
    assert decoded(clientOrderId=absent, origClientOrderId="mine").client_order_id == "mine"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"symbol": "NOPEUSDT"}, "load the instruments anew"),
        ({"origQty": None}, "without quantity"),
        ({"origQty": "abc"}, "origQty is 'abc'"),
        ({"price": "NaN"}, "no sensible amount"),
        ({"price": "1e99"}, "no sensible amount"),
        ({"executedQty": "-1"}, "no sensible amount"),
        ({"executedQty": "10.1"}, "10.1 of 10 filled"),
        ({"cummulativeQuoteQty": None}, "nobody knows"),
    ],
)
def test_orders_that_make_no_sense(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ExchangeDataException, match=message) as caught:
        decoded(**changes)
    assert caught.value.channel == "/api/v3/order"


amounts = st.decimals(min_value=0, max_value=10**12, places=8).map(lambda value: f"{value:f}")


@settings(max_examples=50)
@given(quantity=amounts, filled=amounts, quote=amounts, status=st.sampled_from(["NEW", "FILLED", "CANCELED"]))
def test_any_figures_come_through_exactly_or_not_at_all(quantity: str, filled: str, quote: str, status: str) -> None:
    try:
        told = decoded(origQty=quantity, executedQty=filled, cummulativeQuoteQty=quote, status=status)
    except ExchangeDataException:
        assert Decimal(filled) > Decimal(quantity) or not Decimal(quantity)
        return
    assert (told.quantity, told.filled, told.filled_quote) == (Decimal(quantity), Decimal(filled), Decimal(quote))
    if told.filled:
        assert told.average_price is not None
        assert abs(told.average_price * told.filled - Decimal(quote)) <= Decimal(quote) * Decimal("1e-24")


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
    st.sampled_from(["symbol", "orderId", "status", "side", "type", "price", "origQty", "executedQty", "time"]),
)
def test_no_value_of_any_field_raises_anything_else(value: object, name: str) -> None:
    try:
        decoded(**{name: value})
    except (ExchangeDataException, msgspec.ValidationError):
        return


# ---- fills -----------------------------------------------------------------------------------------------------------


def test_a_fill(sample: Reader) -> None:
    (row,) = wire.fills_decoder.decode(sample("rest_fills"))
    assert fill(row, by_native, "/api/v3/myTrades", 7) == Fill(
        symbol=Symbol("FUSD/USDT"),
        trade_id="565809460614950913X1",
        order_id="C02__565809460614950913036",
        client_order_id=None,
        side=Side.BUY,
        price=Decimal(1),
        quantity=Decimal(3),
        fee=Decimal("0.0015"),
        fee_currency="USDT",
        liquidity=Liquidity.TAKER,
        exchange_ts=1750681724000 * MS,
        received_ts=7,
    )


def fill_row(sample: Reader, **changes: object) -> wire.FillRow:
    (row,) = json.loads(sample("rest_fills"))
    return msgspec.convert(row | changes, wire.FillRow)


def test_fills_of_other_kinds(sample: Reader) -> None:
    sold = fill(fill_row(sample, isBuyer=False, isMaker=True, commission="-0.1", clientOrderId="x"), by_native, "", 0)
    assert (sold.side, sold.liquidity, sold.fee, sold.client_order_id) == (
        Side.SELL,
        Liquidity.MAKER,
        Decimal("-0.1"),
        "x",
    )
    free = fill(fill_row(sample, commission=None, commissionAsset=None, isMaker=None), by_native, "", 0)
    assert (free.fee, free.fee_currency, free.liquidity) == (Decimal(0), "", None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"symbol": "NOPEUSDT"}, "load the instruments anew"),
        ({"price": None}, "price is missing"),
        ({"qty": ""}, "qty is missing"),
        ({"qty": "inf"}, "no sensible amount"),
        ({"commissionAsset": None}, "nobody knows what"),
    ],
)
def test_fills_that_make_no_sense(sample: Reader, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ExchangeDataException, match=message):
        fill(fill_row(sample, **changes), by_native, "/api/v3/myTrades", 0)


# ---- account ---------------------------------------------------------------------------------------------------------


def test_balances(sample: Reader) -> None:
    assert balances(account_wire.account_decoder.decode(sample("rest_account")), 5) == [
        Balance(currency="USDT", free=Decimal("21.94210356"), locked=Decimal(0), updated_ts=5)
    ]


@pytest.mark.parametrize("free", ["", "x", "-1", "NaN"])
def test_balances_that_make_no_sense(free: str) -> None:
    answer = account_wire.AccountAnswer(balances=[account_wire.BalanceRow(asset="USDT", free=free, locked="0")])
    with pytest.raises(ExchangeDataException, match="free"):
        balances(answer, 0)


def test_fees_are_exact(sample: Reader) -> None:
    answer = account_wire.trade_fee_decoder.decode(sample("rest_trade_fee"))
    assert trading_fees(answer, MX) == TradingFees(symbol=MX, maker=Decimal("0.003"), taker=Decimal("0.003"))


@pytest.mark.parametrize("rate", ["3", "-1", "NaN"])
def test_fees_that_are_no_fractions(rate: str) -> None:
    answer = account_wire.TradeFeeAnswer(account_wire.TradeFee(Decimal(rate), Decimal(0)))
    with pytest.raises(ExchangeDataException, match="no fractions"):
        trading_fees(answer, MX)


def test_listen_keys(sample: Reader) -> None:
    assert account_wire.listen_key_decoder.decode(sample("rest_listen_key")).listen_key.startswith("pqia91ma19a5")
    assert len(account_wire.listen_keys_decoder.decode(sample("rest_listen_keys")).listen_key) == 1


# ---- amounts ---------------------------------------------------------------------------------------------------------


def test_amounts_keep_every_digit() -> None:
    assert amount("0.000100000000000000", "fee") == Decimal("0.0001")
    assert amount(3, "n") == Decimal(3)
    assert amount(None, "n") is None
    assert must_have("-1", "n", signed=True) == Decimal(-1)
    assert average(Decimal(1), Decimal(3)) == Decimal("0.3333333333333333333333333333")
    assert average(Decimal(1), Decimal(0)) is None
