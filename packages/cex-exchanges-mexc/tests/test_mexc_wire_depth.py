"""Levels are read together, and whatever that cannot read is read one by one: with the same result or an error."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from cex.common.exceptions import ExchangeDataException
from cex.exchanges.mexc.wire.depth import parse_depth, read_together
from cex.exchanges.mexc.wire.levels import read_levels
from cex.exchanges.mexc.wire.schema.push_pb2 import PublicDepthV3ApiItem


def level(price: str, quantity: str) -> bytes:
    return PublicDepthV3ApiItem(price=price, quantity=quantity).SerializeToString()


numbers = st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False, places=None).map(
    lambda number: f"{number:f}"
)
texts = st.one_of(numbers, st.text(alphabet='0123456789.,-+eE[]" \nain', max_size=60))
items = st.lists(st.builds(level, texts, texts), max_size=6)


def one_by_one(encoded: list[bytes]) -> object:
    try:
        return read_levels(map(PublicDepthV3ApiItem.FromString, encoded))
    except (ValueError, DecodeError):
        return "refused"


def together(encoded: list[bytes]) -> object:
    try:
        return read_together(encoded)
    except (ValueError, DecodeError):
        return "refused"


@given(items)
def test_together_is_as_one_by_one(encoded: list[bytes]) -> None:
    assert together(encoded) == one_by_one(encoded)


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_any_bytes_are_read_alike(encoded: list[bytes]) -> None:
    assert together(encoded) == one_by_one(encoded)


@pytest.mark.parametrize(
    "encoded",
    [
        b"\n\x041.50\x12\x012",
        b"\x12\x012\n\x041.50",  # the quantity first
        b"\n\x041.50\x12\x017\x12\x012",  # told twice: the last counts
        b"\n\x041.50\x12\x012\x18\x01",  # a field of a later schema
        b"\n\x041.50\x12\x012\x18\x35",  # and one that looks like a digit
        b"\n\x121.5000000000000000\x12\x012",  # a length that looks like the name of a field
        b"\n\x311.50000000000000000000000000000000000000000000000\x12\x012",  # one that looks like a digit
    ],
)
def test_forms_of_one_level(encoded: bytes) -> None:
    assert read_together([encoded]) == [(1.5, 2.0)]


def test_one_level_is_not_read_as_two() -> None:
    with pytest.raises(ValueError, match="5,1],"):
        read_together([level("5,1],[6", "2")])


def test_no_protobuf_at_all() -> None:
    with pytest.raises(ExchangeDataException, match="push sent what is not documented"):
        parse_depth(b"\xff\xff")
