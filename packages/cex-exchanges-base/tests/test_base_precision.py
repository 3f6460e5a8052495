from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common import Instrument, Order, OrderRequest, Symbol
from cex.common.enums import InstrumentStatus, OrderStatus, OrderType, Side
from cex.common.exceptions import InvalidOrderException
from cex.exchanges.base.orders.precision import fitted, fitted_change

BTC = Symbol("BTC/USDT")


def listed(**facts: Any) -> Instrument:
    rules: dict[str, Any] = {
        "symbol": BTC,
        "exchange": "venue",
        "exchange_symbol": "BTC_USDT",
        "status": InstrumentStatus.TRADING,
        "tick": Decimal("0.1"),
        "step": Decimal("0.01"),
        "min_quantity": Decimal("0.02"),
        "min_notional": Decimal(5),
        "max_notional": Decimal(10_000),
    }
    return Instrument(**rules | facts)


def asked(**facts: Any) -> OrderRequest:
    limit_order: dict[str, Any] = {
        "symbol": BTC,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal(1),
        "price": Decimal(100),
    }
    return OrderRequest(**limit_order | facts)


def by_amount(amount: int, **facts: Any) -> OrderRequest:
    order: dict[str, Any] = {"order_type": OrderType.MARKET, "price": None, "quantity": None}
    return asked(**order | {"quote_quantity": Decimal(amount)} | facts)


@settings(max_examples=200)
@given(
    side=st.sampled_from(Side),
    price=st.decimals("0.01", "500", places=4),
    quantity=st.decimals("0.001", "20", places=6),
    tick=st.sampled_from([Decimal("0.1"), Decimal("0.05"), Decimal(1), Decimal("0.0003")]),
    step=st.sampled_from([Decimal("0.01"), Decimal("0.0007"), Decimal(1)]),
)
def test_what_is_sent_is_never_worse_or_larger_than_asked(
    side: Side, price: Decimal, quantity: Decimal, tick: Decimal, step: Decimal
) -> None:
    instrument = listed(tick=tick, step=step)
    try:
        sent = fitted(asked(side=side, price=price, quantity=quantity), instrument)
    except InvalidOrderException:
        return
    assert sent.price is not None
    assert sent.quantity is not None
    assert sent.quantity <= quantity
    assert sent.price <= price if side is Side.BUY else sent.price >= price
    assert instrument.violations(side=side, quantity=sent.quantity, price=sent.price) == []


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        (asked(quantity=Decimal("0.009")), "below one step of 0.01"),
        (asked(quantity=Decimal("0.019")), "below the minimum 0.02"),
        (asked(quantity=Decimal("0.02")), "is below the minimum 5"),
        (asked(quantity=Decimal(101)), "above the maximum 10000"),
        (asked(price=Decimal("0.09")), "below one tick of 0.1"),
        (by_amount(4), "notional 4 is below the minimum 5"),
        (by_amount(20_000), "notional 20000 is above the maximum"),
    ],
)
def test_a_broken_rule_is_named(request_: OrderRequest, rule: str) -> None:
    with pytest.raises(InvalidOrderException) as refused:
        fitted(request_, listed())
    assert rule in refused.value.rule
    assert refused.value.exchange_code is None
    assert refused.value.safe_to_resubmit


def test_a_halted_market_takes_nothing_and_a_market_to_leave_takes_what_reduces() -> None:
    for request in (asked(), by_amount(10)):
        with pytest.raises(InvalidOrderException, match="is halted"):
            fitted(request, listed(status=InstrumentStatus.HALTED))
    leaving = listed(status=InstrumentStatus.REDUCE_ONLY)
    with pytest.raises(InvalidOrderException, match="reduce_only"):
        fitted(asked(), leaving)
    assert fitted(asked(reduce_only=True, quantity=Decimal("0.02")), leaving).quantity == Decimal("0.02")


def test_orders_without_a_quantity() -> None:
    assert fitted(by_amount(10), listed()).quote_quantity == 10
    closing = OrderRequest(symbol=BTC, side=Side.SELL, order_type=OrderType.MARKET, close_position=True)
    assert fitted(closing, listed()) == closing


def test_a_trigger_stands_on_the_grid_too() -> None:
    stop = fitted(asked(order_type=OrderType.STOP_LOSS, side=Side.SELL, trigger_price=Decimal("99.01")), listed())
    assert stop.trigger_price == Decimal("99.1")


def resting(**facts: Any) -> Order:
    order: dict[str, Any] = {
        "symbol": BTC,
        "order_id": "1",
        "client_order_id": None,
        "side": Side.SELL,
        "order_type": OrderType.LIMIT,
        "status": OrderStatus.NEW,
        "quantity": Decimal(1),
        "price": Decimal(100),
    }
    return Order(**order | facts)


def test_a_change_is_fitted_and_judged_with_what_stays() -> None:
    assert fitted_change(listed(), resting(), price=Decimal("99.91"), quantity=None) == (Decimal("100.0"), None)
    assert fitted_change(listed(), resting(), price=None, quantity=Decimal("0.519")) == (None, Decimal("0.51"))
    with pytest.raises(InvalidOrderException, match="notional"):
        fitted_change(listed(), resting(), price=None, quantity=Decimal("0.02"))
    with pytest.raises(InvalidOrderException, match="no quantity to change"):
        fitted_change(listed(), resting(quantity=None), price=Decimal(1), quantity=None)
