"""The protobuf schema against frames that were really received; unknown, missing and broken parts of a frame."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common.exceptions import ExchangeDataException
from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper, parse_push
from cex.exchanges.mexc.wire.schema import push_pb2

FrameReader = Callable[[str], bytes]

_FRAMES = sorted(path.stem for path in (Path(__file__).parent / "samples").glob("*.hex"))
_LENGTH_DELIMITED = 2


def field(number: int, wire_type: int, payload: bytes) -> bytes:
    """One protobuf field, encoded by hand."""
    head = varint(number << 3 | wire_type)
    return head + (varint(len(payload)) + payload if wire_type == _LENGTH_DELIMITED else payload)


def varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


@pytest.mark.parametrize("name", _FRAMES)
def test_captured_frames_round_trip(frame: FrameReader, name: str) -> None:
    data = frame(name)
    assert parse_push(data).SerializeToString() == data


def test_every_frame_is_known() -> None:
    assert len(_FRAMES) == 12


def test_kline(frame: FrameReader) -> None:
    push = parse_push(frame("push_kline_2026-09-25"))
    assert push.channel == "spot@public.kline.v3.api.pb@BTCUSDT@Min1"
    assert (push.symbol, push.symbolId) == ("BTCUSDT", "2fb942154ef44a4ab2ef98c8afb6a4a7")
    assert push.createTime == 1790356766179
    assert not push.HasField("sendTime")
    kline = push.publicSpotKline
    assert (kline.interval, kline.windowStart, kline.windowEnd) == ("Min1", 1790356740, 1790356800)
    assert (kline.openingPrice, kline.closingPrice) == ("83958.21", "83961.21")
    assert (kline.highestPrice, kline.lowestPrice) == ("83961.21", "83955.09")
    assert (kline.volume, kline.amount) == ("0.35388633", "29711.41")


def test_second_kline(frame: FrameReader) -> None:
    push = parse_push(frame("push_kline_2026-09-24"))
    assert push.createTime == 1790281249008
    kline = push.publicSpotKline
    assert (kline.windowStart, kline.windowEnd) == (1790281200, 1790281260)
    assert (kline.openingPrice, kline.closingPrice) == ("84300.14", "84270")
    assert (kline.highestPrice, kline.lowestPrice) == ("84300.15", "84270")
    assert (kline.volume, kline.amount) == ("2.84044203", "239393.69")


def test_book_ticker_10ms(frame: FrameReader) -> None:
    push = parse_push(frame("push_book_ticker_10ms_2026-09-23"))
    assert push.channel == "spot@public.aggre.bookTicker.v3.api.pb@10ms@BTCUSDT"
    assert push.sendTime == 1790145447239
    ticker = push.publicAggreBookTicker
    assert (ticker.bidPrice, ticker.bidQuantity) == ("86503.92", "14.91335308")
    assert (ticker.askPrice, ticker.askQuantity) == ("86503.93", "0.004965")
    assert (ticker.version, ticker.lastOrderCreateTime) == ("81999275445", 1790145447233)


def test_book_ticker_100ms(frame: FrameReader) -> None:
    push = parse_push(frame("push_book_ticker_100ms_2026-09-24"))
    assert push.sendTime == 1790281243450
    ticker = push.publicAggreBookTicker
    assert (ticker.bidPrice, ticker.bidQuantity) == ("84270", "0.006387")
    assert (ticker.askPrice, ticker.askQuantity) == ("84270.01", "5.42169969")
    assert (ticker.version, ticker.lastOrderCreateTime) == ("82164153436", 1790281240471)


def test_book_ticker_of_another_symbol(frame: FrameReader) -> None:
    push = parse_push(frame("push_book_ticker_hype_2026-06-03"))
    assert (push.symbol, push.sendTime) == ("HYPEUSDT", 1780505866106)
    ticker = push.publicAggreBookTicker
    assert (ticker.bidPrice, ticker.bidQuantity, ticker.askPrice, ticker.askQuantity) == (
        "72.29",
        "7.01",
        "72.34",
        "82.1",
    )
    assert (ticker.version, ticker.lastOrderCreateTime) == ("1320043356", 1780505866058)


def test_deals(frame: FrameReader) -> None:
    push = parse_push(frame("push_deals_2026-09-24"))
    assert push.sendTime == 1790281246250
    assert push.publicAggreDeals.eventType == "spot@public.aggre.deals.v3.api.pb@100ms"
    first, second = push.publicAggreDeals.deals
    assert (first.price, first.quantity, first.tradeType, first.time) == ("84270", "0.00099829", 2, 1790281246176)
    assert first.tradeId == "731901896985399296X0_731901896985399297X0"
    assert (second.price, second.quantity, second.tradeType, second.time) == ("84270", "0.00019169", 1, 1790281246177)
    assert second.tradeId == "731901896985399298X0_731901896985399299X0"


def test_limit_depth(frame: FrameReader) -> None:
    push = parse_push(frame("push_limit_depth_2026-09-24"))
    assert push.channel == "spot@public.limit.depth.v3.api.pb@BTCUSDT@5"
    assert push.sendTime == 1790281247251
    depth = push.publicLimitDepths
    assert (depth.version, depth.lastOrderCreateTime) == ("82164155643", 1790281247239)
    assert depth.eventType == "spot@public.limit.depth.v3.api.pb"
    assert [(level.price, level.quantity) for level in depth.asks] == [
        ("84270.01", "5.42169969"),
        ("84270.02", "0.00117646"),
        ("84270.03", "0.00124397"),
        ("84270.05", "0.00122284"),
        ("84270.26", "0.00108947"),
    ]
    assert [(level.price, level.quantity) for level in depth.bids] == [
        ("84270.00", "0.00638700"),
        ("84267.03", "0.00234800"),
        ("84264.15", "0.04789506"),
        ("84263.45", "0.04789506"),
        ("84263.40", "2.07853100"),
    ]


def test_depth(frame: FrameReader) -> None:
    data = frame("push_depth_2026-10-09")
    assert len(data) == 979
    push = parse_push(data)
    assert push.sendTime == 1791570232499
    depth = push.publicAggreDepths
    assert depth.ByteSize() == 910
    assert (depth.fromVersion, depth.toVersion) == ("83332997012", "83332997062")
    assert depth.lastOrderCreateTime == 1791570232465
    assert depth.eventType == "spot@public.aggre.depth.v3.api.pb@100ms"
    assert (len(depth.asks), len(depth.bids)) == (13, 30)
    assert (depth.asks[0].price, depth.asks[0].quantity) == ("82582.9", "0.12243346")
    assert (depth.asks[2].price, depth.asks[2].quantity) == ("82583.26", "0")
    assert (depth.bids[0].price, depth.bids[0].quantity) == ("82578.19", "0.00128119")


def test_private_account(frame: FrameReader) -> None:
    push = parse_push(frame("push_private_account"))
    assert push.channel == "spot@private.account.v3.api.pb"
    assert not push.HasField("symbol")
    account = push.privateAccount
    assert (account.vcoinName, account.balanceAmount, account.balanceAmountChange) == (
        "USDT",
        "21.94210356004384",
        "10",
    )
    assert account.type == "CONTRACT_TRANSFER"


def test_private_deal(frame: FrameReader) -> None:
    push = parse_push(frame("push_private_deal"))
    assert push.symbol == "MXUSDT"
    deal = push.privateDeals
    assert (deal.price, deal.quantity, deal.tradeType, deal.isMaker) == ("3.6962", "1", 2, False)
    assert (deal.feeAmount, deal.feeCurrency) == ("0.0003998377369698171", "MX")


def test_private_order(frame: FrameReader) -> None:
    push = parse_push(frame("push_private_order"))
    order = push.privateOrders
    assert (push.symbol, order.avgPrice, order.status) == ("MXUSDT", "3.6962", 2)
    assert (order.orderType, order.tradeType, order.quantity) == (5, 2, "1")
    assert (order.lastDealQuantity, order.remainQuantity) == ("1", "0")
    assert not order.HasField("triggerPrice")


def test_fields_of_a_newer_schema_are_ignored(frame: FrameReader) -> None:
    data = frame("push_book_ticker_100ms_2026-09-24")
    known = parse_push(data)
    later = parse_push(data + field(7, 0, varint(5)) + field(999, _LENGTH_DELIMITED, b"new"))
    assert later.channel == known.channel
    assert later.publicAggreBookTicker == known.publicAggreBookTicker


def test_unknown_bodies_parse_without_one() -> None:
    push = parse_push(field(1, _LENGTH_DELIMITED, b"spot@public.new") + field(316, _LENGTH_DELIMITED, b"\x0a\x011"))
    assert push.channel == "spot@public.new"
    assert push.WhichOneof("body") is None


@pytest.mark.parametrize("data", [b"\x0a\xff", b"\xff" * 12, b"\x0a\x02\xff\xfe"])
def test_broken_frames_are_data_errors(data: bytes) -> None:
    with pytest.raises(ExchangeDataException) as caught:
        parse_push(data)
    assert caught.value.exchange == "mexc"
    assert caught.value.payload == data.hex()


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_data_errors(data: bytes) -> None:
    try:
        push = parse_push(data)
    except ExchangeDataException:
        return
    assert isinstance(push, PushDataV3ApiWrapper)


def test_the_schema_has_its_own_name() -> None:
    assert push_pb2.DESCRIPTOR.package == "cex.exchanges.mexc"
    assert push_pb2.DESCRIPTOR.name == "cex/exchanges/mexc/wire/schema/push.proto"


def test_body_numbers_are_those_of_the_exchange() -> None:
    numbers = {field.name: field.number for field in PushDataV3ApiWrapper.DESCRIPTOR.oneofs_by_name["body"].fields}
    assert numbers["publicLimitDepths"] == 303
    assert numbers["publicAggreDepths"] == 313
    assert numbers["publicAggreDeals"] == 314
    assert numbers["publicAggreBookTicker"] == 315
    assert sorted(numbers.values()) == list(range(301, 316))


def test_the_declared_protobuf_range_starts_at_the_generated_code() -> None:
    """Generated code refuses a runtime that is older than its generator, so the range must not promise one."""
    source = Path(push_pb2.__file__).read_text(encoding="utf-8")
    generated = source.partition("# Protobuf Python Version: ")[2].splitlines()[0]
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (declared,) = [line for line in project["dependencies"] if line.startswith("protobuf")]
    assert f">={generated}" in declared
