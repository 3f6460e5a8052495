"""Futures, and what both markets read alike: whatever comes is decoded or an ExchangeDataException."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common.enums import KlineInterval, Side
from cex.common.exceptions import ExchangeDataException
from cex.common.types.symbols import Symbol
from cex.exchanges.gateio.decode import futures, spot
from cex.exchanges.gateio.decode.contracts import ContractSize
from cex.exchanges.gateio.decode.values import MILLISECOND, SECOND, figure, fraction, moment, parse
from cex.exchanges.gateio.wire import futures as futures_wire
from cex.exchanges.gateio.wire import spot as spot_wire
from cex.exchanges.gateio.wire.futures import (
    BookTickerResult,
    Contract,
    FundingRow,
    ObuResult,
    TickerRow,
    TradeRow,
)

BTC, PAIR = Symbol("BTC/USDT:USDT"), Symbol("BTC/USDT")
SIZE = ContractSize(Decimal("0.0001"))
M1, DAY = KlineInterval.M1, KlineInterval.D1
FOLDER = Path(__file__).parent / "samples"

DECODERS: list[msgspec.json.Decoder[Any]] = [
    futures_wire.push_decoder,
    futures_wire.contract_decoder,
    futures_wire.order_book_decoder,
    futures_wire.trades_decoder,
    futures_wire.tickers_decoder,
    futures_wire.klines_decoder,
    futures_wire.funding_decoder,
    spot_wire.tickers_decoder,
    spot_wire.klines_decoder,
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: str(decoder.type)[:60])
@given(data=st.binary(max_size=64) | st.text(max_size=64) | JSON.map(json.dumps))
def test_anything_decodes_or_is_a_data_error(decoder: msgspec.json.Decoder[Any], data: bytes | str) -> None:
    refused: ExchangeDataException | None = None
    try:
        parse(decoder, data, "somewhere")
    except ExchangeDataException as error:
        refused = error
    assert refused is None or (refused.channel, refused.exchange) == ("somewhere", "gateio")


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, "\ud800", b"\xff\xfe", b"", b"9" * 5000])
@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: str(decoder.type)[:60])
def test_hostile_bytes_are_data_errors(decoder: msgspec.json.Decoder[Any], data: bytes | str) -> None:
    with pytest.raises(ExchangeDataException):
        parse(decoder, data, "somewhere")


# ---- every answer of REST, damaged ---------------------------------------------------------------------------------


def rows(decoder: msgspec.json.Decoder[Any], decode: Callable[[Any], object]) -> Callable[[str], object]:
    return lambda data: [decode(row) for row in parse(decoder, data, "somewhere")]


ANSWERS: dict[str, Callable[[str], object]] = {
    "rest_spot_currency_pairs": lambda data: spot.instruments(data, 1),
    "rest_spot_order_book": lambda data: spot.book_snapshot(
        parse(spot_wire.order_book_decoder, data, "x"), PAIR, limit=10, received_ns=1
    ),
    "rest_spot_trades": rows(spot_wire.trades_decoder, lambda row: spot.trade(row, PAIR, 1)),
    "rest_spot_tickers": rows(spot_wire.tickers_decoder, lambda row: spot.ticker(row, PAIR, 1)),
    "rest_spot_candlesticks": rows(spot_wire.klines_decoder, lambda row: spot.kline(row, PAIR, M1, 1)),
    "rest_futures_contracts": futures.instruments,
    "rest_futures_contract": lambda data: futures.current_funding(
        parse(futures_wire.contract_decoder, data, "x"), BTC, 1
    ),
    "rest_futures_order_book": lambda data: futures.book_snapshot(
        parse(futures_wire.order_book_decoder, data, "x"), BTC, SIZE, limit=10, received_ns=1
    ),
    "rest_futures_trades": rows(futures_wire.trades_decoder, lambda row: futures.trade(row, BTC, SIZE, 1)),
    "rest_futures_tickers": rows(futures_wire.tickers_decoder, lambda row: futures.ticker(row, BTC, SIZE, 1)),
    "rest_futures_candlesticks": rows(
        futures_wire.klines_decoder, lambda row: futures.kline(row, BTC, SIZE, KlineInterval.MO1, 1)
    ),
    "rest_futures_funding_rate": rows(futures_wire.funding_decoder, lambda row: futures.funding(row, BTC, 1)),
}
DAMAGE = ["", "null", "1e400", '"', "[[", "{}", "-1", "true", "\x00", "NaN", ",", '"\\ud800"', "9" * 30, '""', "1e-400"]


@pytest.mark.parametrize("name", list(ANSWERS))
@given(start=st.integers(0, 900), length=st.integers(0, 12), instead=st.sampled_from(DAMAGE))
def test_any_damaged_answer_is_read_or_a_data_error(name: str, start: int, length: int, instead: str) -> None:
    whole = (FOLDER / f"{name}.json").read_text().strip()
    start %= len(whole)
    refused: ExchangeDataException | None = None
    try:
        ANSWERS[name](whole[:start] + instead + whole[start + length :])
    except ExchangeDataException as error:
        refused = error
    assert refused is None or refused.exchange == "gateio"


@given(
    contracts=st.lists(
        st.fixed_dictionaries(
            {
                "name": st.text(max_size=6).map(lambda base: f"{base}_USDT") | JSON,
                "quanto_multiplier": st.sampled_from(["0.0001", "0", "1e99999", "nan", "-1"]) | JSON,
                "order_price_round": st.sampled_from(["0.1", "0", "1e99999"]) | JSON,
            },
            optional={
                "order_size_min": st.sampled_from([1, "0.1", "1e999999", "-inf"]) | JSON,
                "order_size_max": st.sampled_from([10**6, "1e999999"]) | JSON,
                "enable_decimal": st.booleans() | JSON,
                "maker_fee_rate": st.sampled_from(["-0.0002", "nan"]) | JSON,
                "status": st.sampled_from(["trading", "delisting", "new"]) | JSON,
            },
        ),
        max_size=4,
    )
)
def test_any_list_of_contracts_is_read_or_left_out_row_by_row(contracts: list[dict[str, object]]) -> None:
    found, left_out = futures.instruments(json.dumps(contracts))
    assert len(found) + len(left_out) == len(contracts)


# ---- single facts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        (1514764800.123, 1514764800123000000),
        (1545136464123, 1545136464123000000),
        ("1545136464123.5", 1545136464123500000),
        ("1545136464.5", 1545136464500000000),
        (1545136464, 1545136464000000000),
    ],
)
def test_a_trade_knows_whether_its_time_is_in_seconds(written: str | float, nanoseconds: int) -> None:
    assert futures.trade(TradeRow(1, "BTC_USDT", 5, 1.5, written), BTC, SIZE, 1).exchange_ts == nanoseconds


@pytest.mark.parametrize("written", ["", "soon", "nan", -1, "1e12", "1.2.3"])
def test_a_time_that_is_none_is_an_error(written: str | float) -> None:
    with pytest.raises(ExchangeDataException, match="not a time"):
        futures.trade(TradeRow(1, "BTC_USDT", 5, 1.5, written), BTC, SIZE, 1)


@pytest.mark.parametrize(("size", "side"), [(100, Side.BUY), (-100, Side.SELL), (0.5, Side.BUY), (-0.5, Side.SELL)])
def test_the_sign_of_a_size_is_the_takers_side(size: float, side: Side) -> None:
    trade = futures.trade(TradeRow("7", "BTC_USDT", size, 1.5, 1), BTC, SIZE, 1)
    assert (trade.side, trade.quantity) == (side, abs(size) / 10_000)


@pytest.mark.parametrize("size", [0, 0.0])
def test_a_trade_of_nothing_has_no_side(size: float) -> None:
    with pytest.raises(ExchangeDataException, match="no side"):
        futures.trade(TradeRow("7", "BTC_USDT", size, 1.5, 1), BTC, SIZE, 1)


@pytest.mark.parametrize(
    "decode",
    [
        lambda: futures.obu_delta(ObuResult("ob.BTC_USDT.50", 7), BTC, SIZE, 1),
        lambda: spot.obu_delta(spot_wire.ObuResult("ob.BTC_USDT.50", 7), PAIR, 1),
    ],
)
def test_a_change_must_say_where_it_begins(decode: Callable[[], object]) -> None:
    with pytest.raises(ExchangeDataException, match="without its first update id"):
        decode()


@pytest.mark.parametrize("written", ["x", "nan", "inf", "-1"])
def test_a_book_ticker_that_is_no_price_is_an_error(written: str) -> None:
    with pytest.raises(ExchangeDataException, match=r"futures\.book_ticker"):
        futures.book_ticker(BookTickerResult("BTC_USDT", 4, written, 1, "2.5", 1), BTC, SIZE, 3)


def test_an_empty_side_of_a_book_ticker_is_zero() -> None:
    ticker = futures.book_ticker(BookTickerResult("BTC_USDT", 4, "", 0, "2.5", 1), BTC, SIZE, 3)
    assert (ticker.bid_price, ticker.bid_quantity, ticker.ask_quantity) == (0.0, 0.0, 0.0001)


def test_a_perpetual_without_a_funding_rate_is_an_error() -> None:
    with pytest.raises(ExchangeDataException, match="without a funding rate"):
        futures.current_funding(Contract("BTC_USDT", Decimal(1), Decimal(1)), BTC, 1)
    with pytest.raises(ExchangeDataException, match="without a rate"):
        futures.funding(FundingRow(1, ""), BTC, 1)


def test_what_a_push_leaves_out_is_as_it_was() -> None:
    before = TickerRow("BTC_USDT", last="1", mark_price="2", t=5)
    assert futures.merged(TickerRow("BTC_USDT", mark_price="3"), before) == TickerRow(
        "BTC_USDT", last="1", mark_price="3", t=0
    )
    assert futures.merged(before, None) is before


@pytest.mark.parametrize(("value", "read"), [("1.5", 1.5), (2, 2.0), (0.5, 0.5), ("", None), (None, None), ("0", 0.0)])
def test_figures(value: str | float | None, read: float | None) -> None:
    assert figure(value, "x") == read


@pytest.mark.parametrize("value", ["x", "nan", "-inf", 10**400, "1e999", "1e201"])
def test_what_is_no_figure_is_an_error(value: str | float) -> None:
    with pytest.raises(ExchangeDataException):
        figure(value, "x")


@given(basis_points=st.integers(-10_000, 10_000))
def test_a_percentage_is_shifted_and_not_divided(basis_points: int) -> None:
    percent = Decimal(basis_points).scaleb(-2)
    assert fraction(str(percent), "x") == float(str(Decimal(basis_points).scaleb(-4)))


def test_moments_in_both_units() -> None:
    assert moment("1623898993.123", SECOND, "x") == moment(1623898993123, MILLISECOND, "x") == 1623898993123000000


def test_a_month_closes_when_the_next_begins() -> None:
    row = spot_wire.KlineRow(1706745600, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)  # 2024-02-01
    february = spot.kline(row, PAIR, KlineInterval.MO1, 1706745600 * SECOND)
    assert february.close_ts == 1709251200 * SECOND
    assert not february.closed
    assert spot.kline(row, PAIR, DAY, 1706832000 * SECOND).closed
