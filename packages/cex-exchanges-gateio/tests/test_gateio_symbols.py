from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cex.common.clock import ManualClock
from cex.common.enums import InstrumentStatus
from cex.exchanges.gateio.symbols import new_catalogue, spot_instrument

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
