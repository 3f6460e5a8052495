from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common.clock import ManualClock
from cex.common.enums import Side
from cex.common.exceptions import ExchangeDataException
from cex.common.types.market import BookTicker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.gateio.decode.spot import book_delta, book_ticker, instruments, trade
from cex.exchanges.gateio.decode.values import parse
from cex.exchanges.gateio.wire.control import control_decoder, error_decoder
from cex.exchanges.gateio.wire.spot import (
    BookPush,
    BookResult,
    BookTickerResult,
    TradePush,
    TradeResult,
    order_book_decoder,
    push_decoder,
    server_time_decoder,
    trades_decoder,
)

BTC = Symbol("BTC/USDT")
NOW = ManualClock().time_ns()
BOOK: dict[str, Any] = {"s": "BTC_USDT", "U": 5, "u": 6, "t": 1606294781123, "b": [["1.5", "2"]], "a": []}
TRADE: dict[str, Any] = {
    "id": 1,
    "currency_pair": "BTC_USDT",
    "side": "buy",
    "amount": "1",
    "price": "2",
    "create_time_ms": "1606292218213.4578",
}


@st.composite
def decimal_texts(draw: st.DrawFn) -> str:
    """Texts of up to 15 significant digits, as exchanges write prices: no exponent, zeros at either end or none."""
    digits = draw(st.integers(1, 10**15 - 1))
    point = draw(st.integers(0, 18))
    text = f"{Decimal(digits).scaleb(-point):f}"
    return text + "0" * draw(st.integers(0, 3)) if "." in text else text


def push(channel: str, result: object, **others: object) -> bytes:
    return json.dumps({"time": 1, "channel": channel, "event": "update", **others, "result": result}).encode()


@given(price=decimal_texts(), amount=decimal_texts())
def test_text_to_float_and_back_loses_nothing(price: str, amount: str) -> None:
    decoded = push_decoder.decode(push("spot.order_book_update", {**BOOK, "b": [[price, amount]]}))
    assert isinstance(decoded, BookPush)
    (level,) = book_delta(decoded.result, BTC, 1).bids
    assert isinstance(level, tuple)
    as_float, quantity = level
    assert Decimal(repr(as_float)) == Decimal(price)
    assert Decimal(repr(quantity)) == Decimal(amount)

    decoded = push_decoder.decode(push("spot.trades", {**TRADE, "price": price, "amount": amount}))
    assert isinstance(decoded, TradePush)
    as_trade = trade(decoded.result, BTC, 1)
    assert Decimal(repr(as_trade.price)) == Decimal(price)
    assert Decimal(repr(as_trade.quantity)) == Decimal(amount)

    as_ticker = book_ticker(BookTickerResult("BTC_USDT", 1, price, amount, price, amount), BTC, 1)
    assert Decimal(repr(as_ticker.bid_price)) == Decimal(price)
    assert Decimal(repr(as_ticker.ask_quantity)) == Decimal(amount)


@pytest.mark.parametrize(
    "wrong",
    [
        {"s": 5},
        {"s": None},
        {"U": "x"},
        {"U": 1.5},
        {"U": True},
        {"u": -1},
        {"u": None},
        {"t": "soon"},
        {"t": -1},
        {"full": "maybe"},
        {"full": 7},
        {"b": {"1.5": "2"}},
        {"b": "[]"},
        {"b": [["1.5"]]},
        {"b": [["1.5", "2", "3"]]},
        {"b": [["", "2"]]},
        {"b": [["nan", "2"]]},
        {"b": [["1.5", "inf"]]},
        {"b": [["1.5", "-2"]]},
        {"b": [["1e999", "2"]]},
        {"b": [[None, "2"]]},
        {"b": [[True, "2"]]},
        {"a": 5},
    ],
    ids=str,
)
def test_only_numbers_may_be_quoted_everything_else_is_strict(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        push_decoder.decode(push("spot.order_book_update", {**BOOK, **wrong}))


@pytest.mark.parametrize("missing", ["s", "U", "u"])
def test_what_identifies_an_update_must_be_there(missing: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        push_decoder.decode(push("spot.order_book_update", {k: v for k, v in BOOK.items() if k != missing}))


def test_sides_may_be_absent_or_null_and_unknown_fields_are_ignored() -> None:
    decoded = push_decoder.decode(
        push("spot.order_book_update", {"s": "BTC_USDT", "U": 1, "u": 2, "b": None, "new": {"x": [1]}}, more=[1])
    )
    assert isinstance(decoded, BookPush)
    delta = book_delta(decoded.result, BTC, 9)
    assert (delta.bids, delta.asks, delta.exchange_ts, delta.full) == ([], [], 0, False)


def test_a_full_push_is_told() -> None:
    assert book_delta(BookResult("BTC_USDT", 1, 2, full=True), BTC, 9).full


@pytest.mark.parametrize("side", ["", "Buy", "BUY", "none", "short"])
def test_a_side_that_is_none_is_no_side(side: str) -> None:
    with pytest.raises(ExchangeDataException, match="side is") as caught:
        trade(TradeResult(1, "BTC_USDT", side, 1.0, 2.0, "1"), BTC, 1)
    assert caught.value.channel == "spot.trades"


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        ("1606292218213.4578", 1606292218213457800),
        ("1606292218213", 1606292218213000000),
        ("1619093546958.116", 1619093546958116000),
        ("1548000000123.4567891", 1548000000123456789),
        ("0", 0),
        (1606292218213, 1606292218213000000),
        (1606292218213.5, 1606292218213500000),
    ],
)
def test_times_keep_every_digit(written: str | float, nanoseconds: int) -> None:
    assert trade(TradeResult(1, "BTC_USDT", "buy", 1.0, 2.0, written), BTC, 1).exchange_ts == nanoseconds


@pytest.mark.parametrize("written", ["", "-1", "soon", "1e12", "1.2.3", ".5", "1.x", "9" * 16, "١٢٣", float("nan"), -1])
def test_times_that_are_none_are_errors(written: str | float) -> None:
    with pytest.raises(ExchangeDataException, match="not a time"):
        trade(TradeResult(1, "BTC_USDT", "buy", 1.0, 2.0, written), BTC, 1)


def test_trade_ids_are_text_whatever_they_were() -> None:
    first = trade(TradeResult(36028813724316572, "BTC_USDT", "sell", 1.0, 2.0, "1"), BTC, 3)
    assert first == Trade(BTC, "36028813724316572", Side.SELL, 2.0, 1.0, 1_000_000, 3)
    assert trade(TradeResult("x-1", "BTC_USDT", "sell", 1.0, 2.0, "1"), BTC, 3).trade_id == "x-1"


def test_an_empty_side_of_a_book_ticker_is_zero() -> None:
    assert book_ticker(BookTickerResult("BTC_USDT", 4, "", "", "2.5", "1"), BTC, 3) == BookTicker(
        BTC, 0.0, 0.0, 2.5, 1.0, 4, 0, 3
    )


@pytest.mark.parametrize("written", ["x", "nan", "inf", "-1", "1,5"])
def test_a_book_ticker_that_is_no_number_is_an_error(written: str) -> None:
    with pytest.raises(ExchangeDataException, match=r"spot\.book_ticker"):
        book_ticker(BookTickerResult("BTC_USDT", 4, written, "1", "2.5", "1"), BTC, 3)


def test_one_unusable_row_does_not_cost_the_others() -> None:
    good = {
        "id": "BTC_USDT",
        "base": "BTC",
        "quote": "USDT",
        "precision": 1,
        "amount_precision": 5,
        "trade_status": "tradable",
    }
    rows: list[object] = [
        good,
        {**good, "id": "A_B", "base": "A/", "quote": "B"},
        {**good, "precision": 99},
        {**good, "precision": None},
        {**good, "fee": "much"},
        "text",
        {},
        {**good, "id": "币安人生_USDT", "base": "币安人生", "min_base_amount": None, "fee": "0.1"},
    ]
    found, left_out = instruments(json.dumps(rows), NOW)
    assert [row.symbol for row in found] == ["BTC/USDT", "币安人生/USDT"]
    assert found[0].taker_fee is None
    assert found[1].taker_fee == Decimal("0.001")
    assert len(left_out) == 6
    assert "A_B" in left_out[0]


def test_a_list_that_is_none_is_an_error() -> None:
    with pytest.raises(ExchangeDataException, match="/spot/currency_pairs") as caught:
        instruments(b'{"label":"INTERNAL"}', NOW)
    assert caught.value.payload == '{"label":"INTERNAL"}'
    assert isinstance(caught.value.__cause__, msgspec.ValidationError)


DECODERS: list[msgspec.json.Decoder[Any]] = [
    push_decoder,
    control_decoder,
    server_time_decoder,
    order_book_decoder,
    trades_decoder,
    error_decoder,
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: str(decoder.type)[:40])
@given(data=st.binary(max_size=64) | st.text(max_size=64) | JSON.map(json.dumps))
def test_anything_decodes_or_is_a_data_error(decoder: msgspec.json.Decoder[Any], data: bytes | str) -> None:
    refused: ExchangeDataException | None = None
    try:
        parse(decoder, data, "somewhere")
    except ExchangeDataException as error:
        refused = error
    assert refused is None or (refused.channel, refused.exchange) == ("somewhere", "gateio")


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, "\ud800", b"\xff\xfe", b"", b"9" * 5000])
@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: str(decoder.type)[:40])
def test_hostile_bytes_are_data_errors(decoder: msgspec.json.Decoder[Any], data: bytes | str) -> None:
    with pytest.raises(ExchangeDataException) as caught:
        parse(decoder, data, "somewhere")
    assert caught.value.payload is not None
    assert len(caught.value.payload) <= 256


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"id": st.text(max_size=9), "base": st.text(max_size=5), "quote": st.text(max_size=5)},
            optional={
                "precision": st.integers(-3, 40) | JSON,
                "amount_precision": st.integers(-3, 40) | JSON,
                "trade_status": st.sampled_from(["tradable", "buyable", "new"]) | JSON,
                "fee": st.sampled_from(["0.2", "1e99999", "nan", "-1"]) | JSON,
                "min_base_amount": st.sampled_from(["0", "NaN", "1e-9", None]) | JSON,
                "delisting_time": st.integers() | JSON,
            },
        ),
        max_size=4,
    )
)
def test_any_list_of_pairs_is_read_or_left_out_row_by_row(rows: list[dict[str, object]]) -> None:
    found, left_out = instruments(json.dumps(rows), NOW)
    assert len(found) + len(left_out) == len(rows)
