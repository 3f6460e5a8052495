"""Trading rules as MEXC states them: decimals, "0" for no limit, and four fields for one status."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

import pytest

from cex.common import Instrument, Symbol
from cex.common.enums import InstrumentStatus
from cex.exchanges.mexc.symbols import new_catalogue, spot_instrument


def instrument(
    *,
    name: str = "BTCUSDT",
    base: str = "BTC",
    status: str | int = "1",
    api_allowed: bool = True,
    permissions: Collection[str] = ("SPOT",),
    sides: int | None = 1,
    price_decimals: int = 2,
    min_quantity: str | float | None = "0.000001",
    taker_fee: str | float | None = "0.0005",
) -> Instrument:
    return spot_instrument(
        name=name,
        base=base,
        quote="USDT",
        price_decimals=price_decimals,
        quantity_decimals=6,
        status=status,
        api_allowed=api_allowed,
        permissions=permissions,
        sides=sides,
        min_quantity=min_quantity,
        min_notional="1",
        max_notional="2000000",
        maker_fee="0",
        taker_fee=taker_fee,
    )


def test_every_rule() -> None:
    assert instrument() == Instrument(
        symbol=Symbol("BTC/USDT"),
        exchange="mexc",
        exchange_symbol="BTCUSDT",
        status=InstrumentStatus.TRADING,
        tick=Decimal("0.01"),
        step=Decimal("0.000001"),
        min_quantity=Decimal("0.000001"),
        min_notional=Decimal(1),
        max_notional=Decimal(2000000),
        maker_fee=Decimal(0),
        taker_fee=Decimal("0.0005"),
    )


@pytest.mark.parametrize(
    ("status", "api_allowed", "permissions", "sides", "expected"),
    [
        ("1", True, ["SPOT"], 1, InstrumentStatus.TRADING),
        ("ENABLED", True, ["SPOT"], None, InstrumentStatus.TRADING),
        (1, True, ["MARGIN", "SPOT"], 1, InstrumentStatus.TRADING),
        ("1", True, ["SPOT"], 2, InstrumentStatus.BUY_ONLY),
        ("1", True, ["SPOT"], 3, InstrumentStatus.SELL_ONLY),
        ("1", True, ["SPOT"], 4, InstrumentStatus.HALTED),
        ("1", True, ["SPOT"], 9, InstrumentStatus.HALTED),
        ("1", False, ["SPOT"], 1, InstrumentStatus.HALTED),
        ("1", True, [], 1, InstrumentStatus.HALTED),
        ("2", True, ["SPOT"], 1, InstrumentStatus.HALTED),
        ("3", True, ["SPOT"], 1, InstrumentStatus.DELISTED),
        ("a new word", True, ["SPOT"], 1, InstrumentStatus.HALTED),
    ],
)
def test_status(
    status: str | int, api_allowed: bool, permissions: list[str], sides: int | None, expected: InstrumentStatus
) -> None:
    found = instrument(status=status, api_allowed=api_allowed, permissions=permissions, sides=sides)
    assert found.status is expected


@pytest.mark.parametrize(("decimals", "tick"), [(0, "1"), (2, "0.01"), (8, "0.00000001"), (18, "1E-18")])
def test_ticks_are_powers_of_ten(decimals: int, tick: str) -> None:
    assert instrument(price_decimals=decimals).tick == Decimal(tick)


@pytest.mark.parametrize(
    ("text", "amount"),
    [("0", None), ("0.000", None), ("", None), (None, None), ("0.01", "0.01"), (5.0, "5"), ("1", "1")],
)
def test_a_limit_of_0_does_not_limit(text: str | float | None, amount: str | None) -> None:
    assert instrument(min_quantity=text).min_quantity == (None if amount is None else Decimal(amount))


def test_a_fee_of_0_is_a_fee() -> None:
    assert instrument(taker_fee="0").taker_fee == Decimal(0)
    assert instrument(taker_fee="").taker_fee is None


@pytest.mark.parametrize("text", ["abc", "-1", "NaN", "Infinity"])
def test_figures_that_cannot_be(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        instrument(min_quantity=text)


@pytest.mark.parametrize("base", ["", "A/B", "A B", "A:B"])
def test_currencies_that_make_no_symbol(base: str) -> None:
    with pytest.raises(ValueError, match="not a symbol"):
        instrument(base=base)


def test_names_resolve_by_the_list_alone() -> None:
    catalogue = new_catalogue()
    catalogue.replace([instrument(), instrument(name="龙虾USDT", base="龙虾"), instrument(name="AUSDTX", base="AUSD")])
    assert catalogue.native("龙虾/USDT") == "龙虾USDT"
    assert catalogue.by_native("AUSDTX") == "AUSD/USDT"
    assert catalogue.by_native("ETHUSDT") is None
