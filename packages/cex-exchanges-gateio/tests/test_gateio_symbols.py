from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cex.common.clock import ManualClock
from cex.common.enums import InstrumentStatus
from cex.exchanges.gateio.symbols import new_catalogue, perpetual, spot_instrument

NOW = ManualClock().time_ns()
NOW_S = NOW // 10**9
ROW: dict[str, Any] = {
    "pair": "BTC_USDT",
    "base": "BTC",
    "quote": "USDT",
    "price_decimals": 1,
    "amount_decimals": 5,
    "trade_status": "tradable",
    "now_ns": NOW,
}


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, InstrumentStatus.TRADING),
        ({"trade_status": "buyable"}, InstrumentStatus.BUY_ONLY),
        ({"trade_status": "sellable"}, InstrumentStatus.SELL_ONLY),
        ({"trade_status": "untradable"}, InstrumentStatus.HALTED),
        ({"trade_status": "something new"}, InstrumentStatus.HALTED),
        ({"starts_s": NOW_S + 60}, InstrumentStatus.PRE_LAUNCH),
        ({"starts_s": NOW_S}, InstrumentStatus.TRADING),
        ({"starts_s": NOW_S + 60, "trade_status": "untradable"}, InstrumentStatus.HALTED),
        ({"delisting_s": NOW_S + 60}, InstrumentStatus.TRADING),
        ({"delisting_s": NOW_S}, InstrumentStatus.DELISTED),
    ],
    ids=str,
)
def test_status(changed: dict[str, Any], status: InstrumentStatus) -> None:
    assert spot_instrument(**{**ROW, **changed}).status is status


def test_grids_are_powers_of_ten() -> None:
    listed = spot_instrument(**ROW)
    assert (listed.tick, listed.step) == (Decimal("0.1"), Decimal("0.00001"))
    assert spot_instrument(**{**ROW, "price_decimals": 0}).tick == 1


@pytest.mark.parametrize("text", ["0", "-1", "NaN", "Infinity"])
def test_a_limit_that_is_none_does_not_limit(text: str) -> None:
    listed = spot_instrument(**ROW, min_base=Decimal(text), max_quote=Decimal(text))
    assert listed.min_quantity is None
    assert listed.max_notional is None


@pytest.mark.parametrize(("percent", "fraction"), [("0.2", "0.002"), ("0", "0"), ("-1", None), ("101", None)])
def test_fees_are_listed_in_percent(percent: str, fraction: str | None) -> None:
    listed = spot_instrument(**ROW, fee_percent=Decimal(percent))
    assert listed.taker_fee == listed.maker_fee == (None if fraction is None else Decimal(fraction))


def test_what_makes_no_symbol_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a symbol"):
        spot_instrument(**{**ROW, "base": "B/C"})


def test_the_catalogue_names_the_exchange() -> None:
    catalogue = new_catalogue()
    assert catalogue.exchange == "gateio"
    assert len(catalogue) == 0


CONTRACT: dict[str, Any] = {
    "contract": "BTC_USDT",
    "kind": "direct",
    "multiplier": Decimal("0.0001"),
    "tick": Decimal("0.1"),
}


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, InstrumentStatus.TRADING),
        ({"status": "trading"}, InstrumentStatus.TRADING),
        ({"in_delisting": True}, InstrumentStatus.REDUCE_ONLY),
        ({"status": "trading", "in_delisting": True}, InstrumentStatus.REDUCE_ONLY),
        ({"status": "delisting"}, InstrumentStatus.REDUCE_ONLY),
        ({"status": "delisted", "in_delisting": True}, InstrumentStatus.DELISTED),
        ({"status": "prelaunch"}, InstrumentStatus.PRE_LAUNCH),
        ({"status": "circuit_breaker"}, InstrumentStatus.HALTED),
        ({"status": "something new"}, InstrumentStatus.HALTED),
    ],
    ids=str,
)
def test_status_of_a_contract(changed: dict[str, Any], status: InstrumentStatus) -> None:
    assert perpetual(**{**CONTRACT, **changed}).status is status


def test_quantities_of_a_contract_are_in_base_units() -> None:
    listed = perpetual(**CONTRACT, min_contracts=Decimal(1), max_contracts=Decimal(1_000_000))
    assert (listed.symbol, listed.exchange_symbol) == ("BTC/USDT:USDT", "BTC_USDT")
    assert listed.step == listed.min_quantity == listed.contract_size == Decimal("0.0001")
    assert listed.max_quantity == 100
    assert listed.min_notional is None


def test_a_contract_that_can_be_split_has_a_step_of_a_tenth() -> None:
    listed = perpetual(**CONTRACT, takes_parts=True, min_contracts=Decimal(0))
    assert listed.step == Decimal("0.00001")
    assert listed.min_quantity is None


@pytest.mark.parametrize(
    ("fee", "read"), [("-0.00025", Decimal("-0.00025")), ("0", Decimal(0)), ("NaN", None), ("1", None)]
)
def test_a_maker_may_be_paid(fee: str, read: Decimal | None) -> None:
    assert perpetual(**CONTRACT, maker_fee=Decimal(fee)).maker_fee == read


@pytest.mark.parametrize(
    "changed",
    [
        {"contract": "BTC_USD"},
        {"contract": "USDT"},
        {"contract": "_USDT"},
        {"kind": "inverse"},
        {"multiplier": Decimal(0)},
        {"multiplier": Decimal("NaN")},
        {"multiplier": Decimal("1e-99")},
        {"multiplier": Decimal("1e99")},
        {"tick": Decimal(0)},
    ],
    ids=str,
)
def test_what_is_no_linear_contract_in_usdt_is_an_error(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"contract|tick|not a symbol"):
        perpetual(**{**CONTRACT, **changed})


def test_a_name_with_underscores_ends_with_what_it_settles_in() -> None:
    assert perpetual(**{**CONTRACT, "contract": "币安_人生_USDT"}).symbol == "币安_人生/USDT:USDT"
