"""What orders and amounts may look like, beyond the documentation's samples."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common.enums import Liquidity, MarginMode, OrderStatus, OrderType, PositionSide, Side, TimeInForce
from cex.common.exceptions import ExchangeDataException
from cex.common.types.orders import Order
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.gateio.decode import private_futures as futures
from cex.exchanges.gateio.decode import private_spot as spot
from cex.exchanges.gateio.decode.private_values import amount, when
from cex.exchanges.gateio.decode.values import parse
from cex.exchanges.gateio.symbols import perpetual
from cex.exchanges.gateio.wire import private_futures as futures_wire
from cex.exchanges.gateio.wire import private_spot as spot_wire

SPOT_ORDER: dict[str, Any] = {
    "id": "7",
    "currency_pair": "BTC_USDT",
    "status": "open",
    "side": "buy",
    "type": "limit",
    "amount": "1",
    "left": "1",
    "price": "50000",
    "filled_amount": "0",
    "filled_total": "0",
    "avg_deal_price": "0",
    "text": "t-1",
}
FUTURES_ORDER: dict[str, Any] = {
    "id": 36028813724316572,
    "contract": "BTC_USDT",
    "status": "open",
    "size": 10,
    "left": 10,
    "price": "50000",
    "tif": "gtc",
    "text": "t-1",
}


PERPETUALS = InstrumentCatalogue(
    "gateio",
    [
        perpetual(
            contract="BTC_USDT", kind="direct", multiplier=Decimal("0.0001"), tick=Decimal("0.1"), status="trading"
        )
    ],
)


def spot_order(catalogue: InstrumentCatalogue, **changes: object) -> Order:
    row = parse(spot_wire.order_decoder, json.dumps(SPOT_ORDER | changes), "test")
    return spot.order(row, catalogue["BTC/USDT"])


def pushed(catalogue: InstrumentCatalogue, event: str, **changes: object) -> Order:
    fields = {key: value for key, value in SPOT_ORDER.items() if key != "status"} | {"event": event} | changes
    frame = {"channel": "spot.orders", "event": "update", "result": [fields]}
    push = parse(spot_wire.private_push_decoder, json.dumps(frame), "test")
    assert isinstance(push, spot_wire.OrdersPush)
    return spot.pushed_order(push.result[0], catalogue["BTC/USDT"])


def futures_order(catalogue: InstrumentCatalogue, *, asked_side: Side | None = None, **changes: object) -> Order:
    row = parse(futures_wire.order_decoder, json.dumps(FUTURES_ORDER | changes), "test")
    return futures.order(row, catalogue["BTC/USDT:USDT"], asked_side=asked_side)


# ---- spot ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, OrderStatus.NEW),
        ({"left": "0.4", "filled_amount": "0.6"}, OrderStatus.PARTIALLY_FILLED),
        ({"status": "closed", "left": "0", "filled_amount": "1", "finish_as": "filled"}, OrderStatus.FILLED),
        ({"status": "cancelled", "finish_as": "cancelled"}, OrderStatus.CANCELED),
        ({"status": "cancelled", "finish_as": "stp"}, OrderStatus.CANCELED),
        ({"status": "cancelled", "finish_as": "a_word_of_next_year"}, OrderStatus.CANCELED),
        ({"status": "cancelled", "finish_as": "ioc"}, OrderStatus.EXPIRED),
        ({"status": "cancelled", "finish_as": "fok"}, OrderStatus.EXPIRED),
        ({"status": "cancelled", "finish_as": "poc"}, OrderStatus.EXPIRED),
    ],
    ids=str,
)
def test_spot_statuses(catalogue: InstrumentCatalogue, changes: dict[str, str], status: OrderStatus) -> None:
    order = spot_order(catalogue, **changes)
    assert order.status is status
    assert order.finish_reason == changes.get("finish_as", "")


@pytest.mark.parametrize("changes", [{"status": "frozen"}, {"side": "both"}, {"amount": "NaN"}, {"left": "1e99"}])
def test_what_is_not_documented_of_a_spot_order_is_an_error(
    catalogue: InstrumentCatalogue, changes: dict[str, str]
) -> None:
    with pytest.raises(ExchangeDataException):
        spot_order(catalogue, **changes)


def test_a_word_that_only_describes_is_no_error(catalogue: InstrumentCatalogue) -> None:
    order = spot_order(catalogue, time_in_force="rpi", type="limit_borrow")
    assert (order.time_in_force, order.order_type) == (TimeInForce.GTC, OrderType.LIMIT)


@pytest.mark.parametrize(
    ("event", "changes", "status"),
    [
        ("put", {"finish_as": "open"}, OrderStatus.NEW),
        ("update", {"left": "0.4", "filled_amount": "0.6"}, OrderStatus.PARTIALLY_FILLED),
        ("finish", {"left": "0", "filled_amount": "1", "finish_as": "filled"}, OrderStatus.FILLED),
        ("finish", {"left": "0.4", "filled_amount": "0.6", "finish_as": "cancelled"}, OrderStatus.CANCELED),
        ("finish", {"finish_as": "ioc"}, OrderStatus.EXPIRED),
    ],
)
def test_a_push_has_no_status(
    catalogue: InstrumentCatalogue, event: str, changes: dict[str, str], status: OrderStatus
) -> None:
    assert pushed(catalogue, event, **changes).status is status


def test_a_push_of_an_unknown_event_is_an_error(catalogue: InstrumentCatalogue) -> None:
    with pytest.raises(ExchangeDataException, match="event is 'thaw'"):
        pushed(catalogue, "thaw")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        # https://github.com/ccxt/ccxt, seen live 2023-02 and 2023-12: the word differs, the order is the same
        ({"status": "cancelled", "left": "0.000000000141", "finish_as": "ioc"}, OrderStatus.FILLED),
        ({"status": "closed", "left": "0.297852", "finish_as": "filled"}, OrderStatus.FILLED),
        ({"status": "cancelled", "left": "2.5", "finish_as": "ioc"}, OrderStatus.EXPIRED),
    ],
)
def test_a_market_buy_ends_by_what_it_spent(
    catalogue: InstrumentCatalogue, changes: dict[str, str], status: OrderStatus
) -> None:
    told = {"type": "market", "amount": "5", "price": "0", "filled_amount": "0.00009", "avg_deal_price": "52246"}
    order = spot_order(catalogue, **told, filled_total="4.702148", **changes)
    assert order.status is status
    assert (order.quote_quantity, order.filled_quote) == (Decimal(5), Decimal("4.702148"))
    assert order.quantity == order.filled == Decimal("0.00009")
    assert order.price is None


def test_a_market_buy_that_rests_has_no_quantity_yet(catalogue: InstrumentCatalogue) -> None:
    order = spot_order(catalogue, type="market", amount="5", left="5", price="0")
    assert (order.quantity, order.remaining, order.quote_quantity) == (None, None, Decimal(5))


def test_a_market_buy_of_before_filled_amount(catalogue: InstrumentCatalogue) -> None:
    told: dict[str, Any] = {"type": "market", "amount": "5", "status": "closed", "left": "0", "filled_amount": None}
    order = spot_order(catalogue, **told, filled_total="5", avg_deal_price="50000")
    assert order.filled == Decimal("0.0001")
    assert spot_order(catalogue, **told, filled_total="0").filled == 0
    with pytest.raises(ExchangeDataException, match="without the filled amount"):
        spot_order(catalogue, **told, filled_total="5")


def test_fees_are_told_by_the_currency_that_pays_them(catalogue: InstrumentCatalogue) -> None:
    order = spot_order(catalogue, fee="0", fee_currency="BTC", gt_fee="0.01", point_fee="0.5")
    assert order.fees == {"GT": Decimal("0.01"), "POINT": Decimal("0.5")}


@pytest.mark.parametrize(
    ("told", "fee"),
    [
        ({"fee": "0.1", "fee_currency": "USDT"}, (Decimal("0.1"), "USDT")),
        ({"fee": "0", "fee_currency": "BTC", "gt_fee": "0.02"}, (Decimal("0.02"), "GT")),
        ({"fee": "0", "fee_currency": "BTC", "point_fee": "0.3"}, (Decimal("0.3"), "POINT")),
        ({"fee": "0", "fee_currency": "BTC"}, (Decimal(0), "BTC")),
        ({"fee": "", "fee_currency": ""}, (Decimal(0), "USDT")),
    ],
)
def test_fees_of_a_spot_fill(catalogue: InstrumentCatalogue, told: dict[str, str], fee: tuple[Decimal, str]) -> None:
    row = {
        "id": 1,
        "order_id": "2",
        "currency_pair": "BTC_USDT",
        "side": "sell",
        "role": "nobody",
        "amount": "1",
        "price": "2",
    }
    (read,) = parse(spot_wire.fills_decoder, json.dumps([row | told]), "test")
    fill = spot.fill(read, catalogue["BTC/USDT"], 5, "test")
    assert (fill.fee, fill.fee_currency) == fee
    assert fill.liquidity is None


@pytest.mark.parametrize(
    ("side", "rule", "kind"),
    [
        ("sell", "<=", OrderType.STOP_LOSS),
        ("sell", ">=", OrderType.TAKE_PROFIT),
        ("buy", ">=", OrderType.STOP_LOSS),
        ("buy", "<=", OrderType.TAKE_PROFIT),
    ],
)
def test_what_a_trigger_order_is_for(catalogue: InstrumentCatalogue, side: str, rule: str, kind: OrderType) -> None:
    row = {
        "id": 5,
        "market": "BTC_USDT",
        "status": "open",
        "trigger": {"price": "1", "rule": rule},
        "put": {"side": side, "amount": "2", "type": "market", "text": "t-9"},
    }
    order = spot.trigger_order(parse(spot_wire.trigger_decoder, json.dumps(row), "test"), catalogue["BTC/USDT"])
    assert (order.order_type, order.order_id, order.client_order_id) == (kind, "", "t-9")
    assert (order.quantity is None) == (side == "buy")
    number = {">=": 1, "<=": 2}[rule]
    contract = {
        "id": 5,
        "status": "open",
        "trigger": {"price": "1", "rule": number},
        "initial": {"contract": "BTC_USDT", "size": 3 if side == "buy" else -3, "price": "0", "text": "t-9"},
    }
    decoded = parse(futures_wire.trigger_decoder, json.dumps(contract), "test")
    assert futures.trigger_order(decoded, catalogue["BTC/USDT:USDT"]).order_type is kind


@pytest.mark.parametrize("wrong", [{"status": "asleep"}, {"trigger": {"price": "1", "rule": "="}}])
def test_a_trigger_order_that_is_not_documented(catalogue: InstrumentCatalogue, wrong: dict[str, Any]) -> None:
    row = {
        "id": 5,
        "market": "BTC_USDT",
        "status": "open",
        "trigger": {"price": "1", "rule": ">="},
        "put": {"side": "buy", "amount": "2", "price": "1"},
    }
    decoded = parse(spot_wire.trigger_decoder, json.dumps(row | wrong), "test")
    with pytest.raises(ExchangeDataException):
        spot.trigger_order(decoded, catalogue["BTC/USDT"])


# ---- futures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status", "filled"),
    [
        ({}, OrderStatus.NEW, "0"),
        ({"left": 4}, OrderStatus.PARTIALLY_FILLED, "0.0006"),
        ({"left": -4, "size": -10}, OrderStatus.PARTIALLY_FILLED, "0.0006"),
        ({"left": "2.5", "size": "10"}, OrderStatus.PARTIALLY_FILLED, "0.00075"),
        ({"status": "finished", "left": 0, "finish_as": "filled"}, OrderStatus.FILLED, "0.001"),
        ({"status": "finished", "left": 0, "finish_as": "ioc"}, OrderStatus.FILLED, "0.001"),
        ({"status": "finished", "left": 10, "finish_as": "cancelled"}, OrderStatus.CANCELED, "0"),
        ({"status": "finished", "left": 1, "finish_as": "liquidated"}, OrderStatus.CANCELED, "0.0009"),
        ({"status": "finished", "left": 1, "finish_as": "reduce_only"}, OrderStatus.CANCELED, "0.0009"),
        ({"status": "finished", "left": 10, "finish_as": "ioc"}, OrderStatus.EXPIRED, "0"),
        ({"status": "finished", "left": None, "finish_as": "filled"}, OrderStatus.FILLED, "0.001"),
        ({"left": None}, OrderStatus.NEW, "0"),
    ],
    ids=str,
)
def test_futures_statuses(
    catalogue: InstrumentCatalogue, changes: dict[str, Any], status: OrderStatus, filled: str
) -> None:
    order = futures_order(catalogue, **changes)
    assert (order.status, order.filled) == (status, Decimal(filled))
    assert order.quantity == Decimal("0.001")
    assert order.side is (Side.SELL if changes.get("size") == -10 else Side.BUY)
    assert order.order_id == "36028813724316572"


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "inactive"},
        {"left": 11},
        {"size": 0, "left": 0},
        {"status": "finished", "left": None, "finish_as": "cancelled"},
    ],
    ids=str,
)
def test_what_is_not_documented_of_a_futures_order_is_an_error(
    catalogue: InstrumentCatalogue, changes: dict[str, Any]
) -> None:
    with pytest.raises(ExchangeDataException):
        futures_order(catalogue, **changes)


def test_an_order_that_closes_has_the_side_that_is_known_of_it(catalogue: InstrumentCatalogue) -> None:
    told: dict[str, Any] = {"size": 0, "left": 0, "price": "0", "is_close": True, "status": "finished"}
    closed = futures_order(catalogue, asked_side=Side.SELL, **told, finish_as="filled", fill_price="50000")
    assert (closed.side, closed.quantity, closed.filled) == (Side.SELL, None, Decimal(0))
    assert (closed.order_type, closed.reduce_only, closed.average_price) == (OrderType.MARKET, True, Decimal(50000))
    short = futures_order(catalogue, **told, auto_size="close_short")
    assert (short.side, short.position_side) == (Side.BUY, PositionSide.SHORT)


def test_a_market_order_has_no_price(catalogue: InstrumentCatalogue) -> None:
    order = futures_order(catalogue, price="0", tif="ioc")
    assert (order.order_type, order.price, order.time_in_force) == (OrderType.MARKET, None, TimeInForce.IOC)


@pytest.mark.parametrize(
    ("told", "fee"),
    [
        ({"fee": "0.5"}, (Decimal("0.5"), "USDT")),
        ({"fee": "-0.1"}, (Decimal("-0.1"), "USDT")),
        ({"fee": "0", "point_fee": "0.3"}, (Decimal("0.3"), "POINT")),
        ({}, (Decimal(0), "USDT")),
    ],
)
def test_fees_of_a_futures_fill(catalogue: InstrumentCatalogue, told: dict[str, str], fee: tuple[Decimal, str]) -> None:
    row = {"trade_id": "1", "contract": "BTC_USDT", "order_id": "2", "size": "-3.5", "price": "9", "role": "maker"}
    (read,) = parse(futures_wire.fills_decoder, json.dumps([row | told]), "test")
    fill = futures.fill(read, catalogue["BTC/USDT:USDT"], 5, "test")
    assert (fill.fee, fill.fee_currency) == fee
    assert (fill.side, fill.quantity, fill.trade_id) == (Side.SELL, Decimal("0.00035"), "1")
    assert fill.liquidity is Liquidity.MAKER


@pytest.mark.parametrize("wrong", [{"size": 0}, {"trade_id": None}])
def test_a_futures_fill_without_size_or_id(catalogue: InstrumentCatalogue, wrong: dict[str, Any]) -> None:
    row = {"trade_id": "1", "contract": "BTC_USDT", "order_id": "2", "size": 1, "price": "9", "role": "maker"}
    (read,) = parse(futures_wire.fills_decoder, json.dumps([row | wrong]), "test")
    with pytest.raises(ExchangeDataException, match="without a size or an id"):
        futures.fill(read, catalogue["BTC/USDT:USDT"], 5, "test")


def test_positions_of_dual_mode(catalogue: InstrumentCatalogue) -> None:
    rows = [
        {"contract": "BTC_USDT", "size": 3, "leverage": "5", "mode": "dual_long", "entry_price": "9"},
        {"contract": "BTC_USDT", "size": 0, "leverage": "0", "mode": "dual_short", "cross_leverage_limit": "20"},
    ]
    read = parse(futures_wire.position_decoder, json.dumps(rows), "test")
    assert isinstance(read, list)
    long, short = (futures.position(row, catalogue["BTC/USDT:USDT"]) for row in read)
    assert (long.side, long.quantity, long.leverage) == (PositionSide.LONG, Decimal("0.0003"), Decimal(5))
    assert (short.side, short.leverage, short.margin_mode) == (PositionSide.SHORT, Decimal(20), MarginMode.CROSS)
    assert long.margin_mode is MarginMode.ISOLATED
    assert short.liquidation_price is None
    read[0].mode = "triple"
    with pytest.raises(ExchangeDataException, match="mode is 'triple'"):
        futures.position(read[0], catalogue["BTC/USDT:USDT"])


# ---- amounts and times ---------------------------------------------------------------------------------------------


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=18))
def test_no_digit_of_an_amount_is_lost(value: Decimal) -> None:
    assert amount(format(value, "f"), "test") == value
    account = json.dumps([{"currency": "X", "available": format(value, "f"), "locked": "0"}])
    (row,) = parse(spot_wire.accounts_decoder, account, "test")
    assert spot.balance(row).free == value


@given(st.integers(0, 4_102_444_800_000), st.sampled_from(["seconds", "milliseconds"]), st.booleans())
def test_a_time_is_read_in_either_unit(milliseconds: int, unit: str, quoted: bool) -> None:
    value: object = milliseconds
    if unit == "seconds":
        text = f"{milliseconds // 1000}.{milliseconds % 1000:03}"
        value = text if quoted else float(text)
    elif milliseconds < 10**11:
        return  # so early that it counts as seconds
    elif quoted:
        value = str(milliseconds)
    assert when("test", value) == milliseconds * 1_000_000  # type: ignore[arg-type]


def test_the_first_time_that_is_given_counts() -> None:
    assert when("test", 0, "0", "", None, "1700000000.5") == 1_700_000_000_500_000_000
    assert when("test", None) == 0
    with pytest.raises(ExchangeDataException):
        when("test", "yesterday")


@pytest.mark.parametrize("value", ["x", "1e400", "inf", "0x10"])
def test_what_is_no_amount(value: str) -> None:
    with pytest.raises(ExchangeDataException, match="not an amount"):
        amount(value, "test")


@given(
    size=st.integers(-(10**6), 10**6).filter(bool),
    part=st.integers(0, 10**6),
    finished=st.booleans(),
    decimals=st.booleans(),
)
def test_filled_and_left_are_the_whole(size: int, part: int, finished: bool, decimals: bool) -> None:
    """Whatever the sign of ``left`` and the spelling of sizes."""
    left = part % (abs(size) + 1)
    from_wire: dict[str, Any] = {"size": str(size) if decimals else size, "left": left if part % 2 else -left}
    if finished:
        from_wire |= {"status": "finished", "finish_as": "cancelled"}
    order = futures_order(PERPETUALS, **from_wire)
    assert order.quantity is not None
    assert order.filled + left * Decimal("0.0001") == order.quantity == abs(size) * Decimal("0.0001")
    assert order.side is (Side.BUY if size > 0 else Side.SELL)
    assert order.status.is_final == finished
