from __future__ import annotations

import copy
import json
import pickle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common import Symbol
from cex.common.enums import MarketType
from cex.common.types.serialization import decode_hook, encode_hook

currencies = st.text(st.characters(categories=["L", "N"], exclude_characters="/:"), min_size=1, max_size=12)


@given(currencies, currencies, st.none() | currencies)
def test_what_is_printed_is_parsed_to_the_same_object(base: str, quote: str, settle: str | None) -> None:
    symbol = Symbol.of(base, quote, settle)
    assert Symbol(str(symbol)) is symbol
    assert (symbol.base, symbol.quote, symbol.settle) == (base, quote, settle)
    assert symbol.market_type is (MarketType.SPOT if settle is None else MarketType.FUTURES)


@pytest.mark.parametrize("text", ["BTC/USDT", "BTC/USDT:USDT"])
def test_a_symbol_is_interned_and_survives_every_kind_of_copy(text: str) -> None:
    symbol = Symbol(text)
    assert str(symbol) == text
    assert Symbol(text) is symbol
    assert pickle.loads(pickle.dumps(symbol)) is symbol
    assert copy.copy(symbol) is symbol
    assert copy.deepcopy([symbol])[0] is symbol
    assert json.loads(json.dumps({symbol: symbol})) == {text: text}
    encoded = msgspec.json.encode([symbol], enc_hook=encode_hook)
    assert msgspec.json.decode(encoded, type=list[Symbol], dec_hook=decode_hook) == [symbol]


def test_symbols_are_hashable_ordered_and_equal_to_their_text() -> None:
    assert sorted([Symbol("ETH/USDT"), Symbol("BTC/USDT:USDT"), Symbol("BTC/USDT")]) == [
        "BTC/USDT",
        "BTC/USDT:USDT",
        "ETH/USDT",
    ]
    assert {Symbol("BTC/USDT"): 1}["BTC/USDT"] == 1  # type: ignore[index]
    assert repr(Symbol("BTC/USDT")) == "Symbol('BTC/USDT')"


@pytest.mark.parametrize(
    "text", ["", "BTC", "BTCUSDT", "/USDT", "BTC/", "BTC/USDT:", "BTC/USDT/X", "BTC/US DT", "BTC/USDT:A:B", "B\nC/USDT"]
)
def test_what_is_not_a_symbol_is_refused_with_the_expected_form(text: str) -> None:
    with pytest.raises(ValueError, match="BASE/QUOTE"):
        Symbol(text)


def test_the_hooks_refuse_what_they_do_not_know() -> None:
    with pytest.raises(NotImplementedError, match="complex"):
        encode_hook(1j)
    with pytest.raises(NotImplementedError, match="complex"):
        decode_hook(complex, "1j")
