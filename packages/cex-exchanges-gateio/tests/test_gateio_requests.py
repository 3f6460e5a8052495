"""Our order requests in Gate.io's words."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common.enums import OrderType, PositionSide, Side, TimeInForce
from cex.common.exceptions import InvalidOrderException
from cex.common.types.orders import OrderRequest
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.offers import NotOfferedException
from cex.exchanges.gateio.decode.requests import (
    batches,
    check_client_id,
    contracts,
    futures_amendment,
    futures_order,
    futures_trigger,
    one_id,
    spot_amendment,
    spot_order,
    spot_trigger,
)

BTC, PERP, DOGE = Symbol("BTC/USDT"), Symbol("BTC/USDT:USDT"), Symbol("DOGE/USDT:USDT")
Make = Callable[..., OrderRequest]


def order(symbol: Symbol = BTC, **fields: Any) -> OrderRequest:
    told = {
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal("0.001"),
        "price": Decimal(65000),
        "client_order_id": "t-abc123",
    }
    return OrderRequest(symbol=symbol, **{**told, **fields})


def market(symbol: Symbol = BTC, **fields: Any) -> OrderRequest:
    return order(symbol, order_type=OrderType.MARKET, price=None, **fields)


def test_a_limit_order_of_spot_is_the_documents(catalogue: InstrumentCatalogue) -> None:
    """``POST /spot/orders`` of the signing example, field by field in its order."""
    assert list(spot_order(order(), catalogue[BTC], "spot").items()) == [
        ("text", "t-abc123"),
        ("currency_pair", "BTC_USDT"),
        ("type", "limit"),
        ("account", "spot"),
        ("side", "buy"),
        ("amount", "0.001"),
        ("price", "65000"),
        ("time_in_force", "gtc"),
    ]


@pytest.mark.parametrize(
    ("time_in_force", "word"),
    [
        (TimeInForce.GTC, "gtc"),
        (TimeInForce.IOC, "ioc"),
        (TimeInForce.FOK, "fok"),
        (TimeInForce.POST_ONLY, "poc"),
    ],
)
def test_times_in_force(catalogue: InstrumentCatalogue, time_in_force: TimeInForce, word: str) -> None:
    assert spot_order(order(time_in_force=time_in_force), catalogue[BTC], "spot")["time_in_force"] == word
    assert futures_order(order(PERP, time_in_force=time_in_force), catalogue[PERP], is_dual=False)["tif"] == word


def test_a_market_buy_of_spot_spends_quote_and_a_sale_sells_base(catalogue: InstrumentCatalogue) -> None:
    buy = spot_order(market(quantity=None, quote_quantity=Decimal("12.50")), catalogue[BTC], "spot")
    assert (buy["type"], buy["amount"], buy["time_in_force"]) == ("market", "12.50", "ioc")
    assert "price" not in buy
    sale = spot_order(market(side=Side.SELL, time_in_force=TimeInForce.FOK), catalogue[BTC], "spot")
    assert (sale["amount"], sale["time_in_force"]) == ("0.001", "fok")


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (market(), "market buys of a base quantity; it offers quote_quantity"),
        (market(side=Side.SELL, quantity=None, quote_quantity=Decimal(5)), "market sales for a quote quantity"),
        (order(reduce_only=True), "reduce-only orders of spot"),
        (market(quantity=None, close_position=True, side=Side.SELL), "reduce-only orders of spot"),
    ],
)
def test_what_spot_does_not_offer(catalogue: InstrumentCatalogue, request_: OrderRequest, said: str) -> None:
    with pytest.raises(NotOfferedException, match=said):
        spot_order(request_, catalogue[BTC], "spot")


def test_triggers_of_spot(catalogue: InstrumentCatalogue) -> None:
    stop = order(side=Side.SELL, order_type=OrderType.STOP_LOSS, trigger_price=Decimal(60000))
    assert spot_trigger(stop, catalogue[BTC], "normal") == {
        "trigger": {"price": "60000", "rule": "<=", "expiration": 30 * 86400},
        "put": {
            "type": "limit",
            "side": "sell",
            "price": "65000",
            "amount": "0.001",
            "account": "normal",
            "time_in_force": "gtc",
            "text": "t-abc123",
        },
        "market": "BTC_USDT",
    }
    profit = stop.replaced(order_type=OrderType.TAKE_PROFIT, price=None)
    body: Any = spot_trigger(profit, catalogue[BTC], "unified")
    assert body["trigger"]["rule"] == ">="
    assert (body["put"]["type"], body["put"]["price"], body["put"]["time_in_force"]) == ("market", "0", "ioc")
    with pytest.raises(NotOfferedException, match="trigger orders that buy at market"):
        spot_trigger(profit.replaced(side=Side.BUY), catalogue[BTC], "normal")
    with pytest.raises(NotOfferedException, match="post-only or fill-or-kill"):
        spot_trigger(stop.replaced(time_in_force=TimeInForce.POST_ONLY), catalogue[BTC], "normal")


def test_a_futures_order_counts_contracts(catalogue: InstrumentCatalogue) -> None:
    assert list(futures_order(order(PERP), catalogue[PERP], is_dual=False).items()) == [
        ("contract", "BTC_USDT"),
        ("size", 10),
        ("price", "65000"),
        ("tif", "gtc"),
        ("text", "t-abc123"),
    ]
    sale = futures_order(market(PERP, side=Side.SELL), catalogue[PERP], is_dual=False)
    assert (sale["size"], sale["price"], sale["tif"]) == (-10, "0", "ioc")
    parts = futures_order(order(DOGE, quantity=Decimal(13)), catalogue[DOGE], is_dual=False)
    assert parts["size"] == "1.3"
    reducing = futures_order(order(PERP, reduce_only=True), catalogue[PERP], is_dual=False)
    assert reducing["reduce_only"] is True
    fok = futures_order(market(PERP, time_in_force=TimeInForce.FOK), catalogue[PERP], is_dual=False)
    assert fok["tif"] == "fok"


def test_a_quantity_between_contracts_is_refused(catalogue: InstrumentCatalogue) -> None:
    with pytest.raises(InvalidOrderException, match="no whole number of steps") as caught:
        contracts(Decimal("0.00015"), catalogue[PERP])
    assert caught.value.rule == "quantity 0.00015 is not a multiple of the step 0.0001"
    with pytest.raises(NotOfferedException, match="by quote quantity"):
        futures_order(market(PERP, quantity=None, quote_quantity=Decimal(5)), catalogue[PERP], is_dual=False)


@given(st.integers(1, 10**12))
def test_contracts_become_base_units_and_back(count: int) -> None:
    from cex.exchanges.gateio.symbols import perpetual

    listed = perpetual(contract="PEPE_USDT", kind="direct", multiplier=Decimal(10_000_000), tick=Decimal("1e-10"))
    assert contracts(count * listed.contract_size, listed) == count


def test_closing_a_position(catalogue: InstrumentCatalogue) -> None:
    closing = market(PERP, quantity=None, close_position=True, side=Side.SELL)
    single = futures_order(closing, catalogue[PERP], is_dual=False)
    assert (single["size"], single["close"], single["price"]) == (0, True, "0")
    assert "reduce_only" not in single
    dual = futures_order(closing, catalogue[PERP], is_dual=True)
    assert (dual["size"], dual["auto_size"], dual["reduce_only"]) == (0, "close_long", True)
    short = futures_order(closing.replaced(side=Side.BUY), catalogue[PERP], is_dual=True)
    assert short["auto_size"] == "close_short"


@pytest.mark.parametrize(
    ("side", "position", "reduces"),
    [
        (Side.BUY, PositionSide.LONG, False),
        (Side.SELL, PositionSide.LONG, True),
        (Side.SELL, PositionSide.SHORT, False),
        (Side.BUY, PositionSide.SHORT, True),
        (Side.SELL, PositionSide.BOTH, False),
    ],
)
def test_positions_that_are_held_apart(
    catalogue: InstrumentCatalogue, side: Side, position: PositionSide, reduces: bool
) -> None:
    asked = order(PERP, side=side, position_side=position)
    assert ("reduce_only" in futures_order(asked, catalogue[PERP], is_dual=True)) is reduces
    if position is not PositionSide.BOTH:
        with pytest.raises(InvalidOrderException, match="single mode"):
            futures_order(asked, catalogue[PERP], is_dual=False)


def test_triggers_of_futures(catalogue: InstrumentCatalogue) -> None:
    stop = order(PERP, side=Side.BUY, order_type=OrderType.STOP_LOSS, trigger_price=Decimal(70000), reduce_only=True)
    assert futures_trigger(stop, catalogue[PERP], is_dual=False) == {
        "initial": {
            "contract": "BTC_USDT",
            "size": 10,
            "price": "65000",
            "tif": "gtc",
            "reduce_only": True,
            "text": "t-abc123",
        },
        "trigger": {"strategy_type": 0, "price_type": 0, "price": "70000", "rule": 1, "expiration": 30 * 86400},
    }


def test_amendments(catalogue: InstrumentCatalogue) -> None:
    assert spot_amendment(Decimal("1.50"), None) == {"price": "1.50"}
    assert spot_amendment(None, Decimal("1E+3")) == {"amount": "1000"}
    assert futures_amendment(Decimal(5), Decimal("0.002"), Side.SELL, catalogue[PERP]) == {"price": "5", "size": -20}
    with pytest.raises(ValueError, match="the sign of its side"):
        futures_amendment(None, Decimal("0.002"), None, catalogue[PERP])


@pytest.mark.parametrize("text", ["t-a", "t-" + "x" * 28, "t-A.b_c-9"])
def test_client_order_ids(text: str) -> None:
    check_client_id(text)


@pytest.mark.parametrize("text", ["", "t-", "abc", "t-" + "x" * 29, "t-ä", "t-a b", "T-a", "t-a\n"])
def test_what_is_no_client_order_id(text: str) -> None:
    with pytest.raises(ValueError, match="a client order id of gateio is 't-' and 1 to 28"):
        check_client_id(text)


def test_exactly_one_id() -> None:
    assert one_id("1", None) == "1"
    assert one_id(None, "t-1") == "t-1"
    for ids in ((None, None), ("1", "t-1")):
        with pytest.raises(ValueError, match="exactly one"):
            one_id(*ids)


def test_what_goes_together() -> None:
    stop = order(order_type=OrderType.STOP_LOSS, trigger_price=Decimal(1))
    assert batches([order(), order(PERP), stop, order(), order(PERP)]) == [[0, 3], [1, 4], [2]]
    assert [len(batch) for batch in batches([order()] * 23)] == [10, 10, 3]
    assert [len(batch) for batch in batches([order(PERP)] * 11)] == [10, 1]
    six = [order(Symbol(f"C{number}/USDT")) for number in range(6)]
    assert [len(batch) for batch in batches(six)] == [4, 2]
    assert batches([]) == []
