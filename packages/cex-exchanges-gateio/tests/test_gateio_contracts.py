"""Contracts become base units, and no decimal digit is lost or made up."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common.types.market import LevelChange
from cex.exchanges.gateio.decode.contracts import ContractSize
from cex.exchanges.gateio.wire.futures import Level, OrderBookAnswer, order_book_decoder

SIZES = ["1", "0.1", "0.01", "0.001", "0.0001", "0.00001", "10", "1000", "10000000", "0.5", "0.025"]


@given(
    size=st.sampled_from(SIZES) | st.decimals("0.000001", "100000", places=6).map(str), contracts=st.integers(0, 10**9)
)
def test_whole_contracts_become_the_float_that_the_exact_product_is_written_as(size: str, contracts: int) -> None:
    exact = Decimal(size) * contracts
    assert ContractSize(Decimal(size)).quantity(contracts) == float(str(exact))


@given(size=st.sampled_from(SIZES), tenths=st.integers(0, 10**9), places=st.integers(1, 3))
def test_parts_of_a_contract_too(size: str, tenths: int, places: int) -> None:
    contracts = Decimal(tenths).scaleb(-places)
    assert ContractSize(Decimal(size)).quantity(float(contracts)) == float(str(Decimal(size) * contracts))


@given(contracts=st.integers(1, 10**7), size=st.sampled_from(SIZES))
def test_the_text_of_a_quantity_has_no_noise(contracts: int, size: str) -> None:
    quantity = ContractSize(Decimal(size)).quantity(contracts)
    assert Decimal(repr(quantity)) == Decimal(size) * contracts


@given(contracts=st.integers(0, 10**9), size=st.sampled_from(SIZES))
def test_a_size_in_quotes_is_the_same_size(contracts: int, size: str) -> None:
    def read(written: str) -> list[tuple[float, float]]:
        answer = order_book_decoder.decode(f'{{"id":1,"asks":[],"bids":[{{"p":"1.5","s":{written}}}]}}')
        assert isinstance(answer, OrderBookAnswer)
        return ContractSize(Decimal(size)).base_levels(answer.bids or [])

    assert read(f"{contracts}") == read(f'"{contracts}"') == read(f'"{contracts}.0"')


@pytest.mark.parametrize(("size", "contracts", "quantity"), [("0.0001", 11364, 1.1364), ("0.0001", 3, 0.0003)])
def test_where_a_product_of_floats_would_be_off(size: str, contracts: int, quantity: float) -> None:
    assert ContractSize(Decimal(size)).quantity(contracts) == quantity
    assert ContractSize(Decimal(size)).base_levels([Level(2.5, contracts)]) == [(2.5, quantity)]


@given(contracts=st.integers(0, 10**9), size=st.sampled_from(SIZES))
def test_the_lots_of_a_book_are_the_very_base_units_when_they_are_divided(contracts: int, size: str) -> None:
    contract, known = ContractSize(Decimal(size)), float(str(Decimal(size) * contracts))
    (change,) = contract.book_levels([Level(2.5, float(contracts))])
    lots = change.quantity if isinstance(change, LevelChange) else change[1]
    assert lots / contract.lots == known
    ((_, pushed),) = contract.book_pairs([(2.5, float(contracts))])
    assert pushed / contract.lots == known


def test_a_contract_of_several_units_or_of_an_odd_part_is_counted_in_base_units() -> None:
    assert [ContractSize(Decimal(size)).lots for size in ("10", "1", "0.5", "0.0001", "0.025")] == [1, 1, 2, 10_000, 40]
    assert ContractSize(Decimal("1.5")).book_levels([Level(2.5, 3.0)]) == [(2.5, 4.5)]


def test_nothing_stays_nothing() -> None:
    size = ContractSize(Decimal("0.0001"))
    assert size.quantity(0) == size.quantity(0.0) == 0.0
