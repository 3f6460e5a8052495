"""From wire forms to the vocabulary: golden values of the samples, and nothing senseless gets through."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common import BookDelta, BookSnapshot, BookTicker, Instrument, Symbol, Trade
from cex.common.enums import InstrumentStatus, Side
from cex.common.exceptions import ExchangeDataException
from cex.exchanges.mexc import decode
from cex.exchanges.mexc.wire import rest
from cex.exchanges.mexc.wire.depth import parse_depth
from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper, parse_push

Reader = Callable[[str], bytes]

BTC = Symbol("BTC/USDT")
NOW = 1_790_000_000_000_000_000


# ---- REST ------------------------------------------------------------------------------------------------------------


def test_server_time(sample: Reader) -> None:
    assert decode.parse(rest.server_time_decoder, sample("rest_time"), "/api/v3/time").server_time == 1791570241216


def test_instruments(sample: Reader) -> None:
    assert decode.instruments(sample("rest_exchange_info")) == (
        [
            Instrument(
                symbol=Symbol("BROCK/USDT"),
                exchange="mexc",
                exchange_symbol="BROCKUSDT",
                status=InstrumentStatus.TRADING,
                tick=Decimal("0.00001"),
                step=Decimal("0.01"),
                min_quantity=None,
                min_notional=Decimal(1),
                max_notional=Decimal(2000000),
                maker_fee=Decimal("0.0005"),
                taker_fee=Decimal("0.0005"),
            )
        ],
        [],
    )


def listing(*rows: dict[str, object]) -> bytes:
    return json.dumps({"timezone": "CST", "symbols": rows}).encode()


def row(**changes: object) -> dict[str, object]:
    return {
        "symbol": "BTCUSDT",
        "status": "1",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "baseAssetPrecision": 6,
        "quotePrecision": 2,
        "isSpotTradingAllowed": True,
        "permissions": ["SPOT"],
        "baseSizePrecision": "0.000001",
        "quoteAmountPrecision": "1",
        "makerCommission": "0",
        "takerCommission": "0.0005",
        "tradeSideType": 1,
    } | changes


def test_instrument_of_another_script() -> None:
    ((found,), _) = decode.instruments(listing(row(symbol="龙虾USDT", baseAsset="龙虾")))
    assert (found.symbol, found.exchange_symbol) == ("龙虾/USDT", "龙虾USDT")


def test_descriptive_fields_may_be_absent_null_or_new() -> None:
    bare = {"symbol": "AUSDT", "baseAsset": "A", "quoteAsset": "USDT", "baseAssetPrecision": 1, "quotePrecision": 3}
    nulls = row(permissions=None, tradeSideType=None, baseSizePrecision=None, makerCommission=None)
    (first, second, third), left_out = decode.instruments(
        listing(bare, nulls, row(symbol="X", conceptPlates=["Stocks"]))
    )
    assert left_out == []
    assert (first.status, first.min_notional, first.taker_fee) == (InstrumentStatus.HALTED, None, None)
    assert (second.status, second.min_quantity, second.maker_fee) == (InstrumentStatus.HALTED, None, None)
    assert third.status is InstrumentStatus.TRADING


@pytest.mark.parametrize(
    "changes",
    [
        {"baseAsset": ""},
        {"baseAsset": "A/B"},
        {"quotePrecision": -1},
        {"baseAssetPrecision": 99},
        {"quotePrecision": None},
        {"quoteAmountPrecision": "x"},
        {"symbol": None},
    ],
)
def test_a_strange_row_costs_only_itself(changes: dict[str, object]) -> None:
    found, left_out = decode.instruments(listing(row(**changes), row(symbol="ETHUSDT", baseAsset="ETH")))
    assert [instrument.symbol for instrument in found] == ["ETH/USDT"]
    (reason,) = left_out
    assert "symbol" in reason


@pytest.mark.parametrize("body", [b"[]", b"{}", b"<html>", b'{"symbols":null}', b""])
def test_no_list_of_instruments(body: bytes) -> None:
    with pytest.raises(ExchangeDataException) as caught:
        decode.instruments(body)
    assert caught.value.channel == "/api/v3/exchangeInfo"


def snapshot(body: bytes | str, limit: int = 1000) -> BookSnapshot:
    answer = decode.parse(rest.depth_decoder, body, "/api/v3/depth")
    return decode.book_snapshot(answer, BTC, limit=limit, received_ns=NOW)


def listed_trades(body: bytes | str) -> list[Trade]:
    return decode.recent_trades(decode.parse(rest.trades_decoder, body, "/api/v3/trades"), BTC, NOW)


def test_book_snapshot(sample: Reader) -> None:
    assert snapshot(sample("rest_depth")) == BookSnapshot(
        symbol=BTC,
        last_id=44408969,
        bids=[(0.04901, 40.35), (0.049, 12.0)],
        asks=[(0.04902, 8.1)],
        limit=1000,
        exchange_ts=1791570241216_000_000,
        received_ts=NOW,
    )


def test_the_limit_is_the_servers_where_more_was_asked(sample: Reader) -> None:
    assert snapshot(sample("rest_depth"), limit=5000).limit == 2000


def test_a_side_may_be_null() -> None:
    found = snapshot('{"lastUpdateId":3,"bids":null,"asks":[["2","1"]]}')
    assert (found.bids, found.asks, found.exchange_ts) == ([], [(2.0, 1.0)], 0)


@pytest.mark.parametrize(
    "body",
    [
        '{"lastUpdateId":1,"bids":[["nan","1"]],"asks":[]}',
        '{"lastUpdateId":1,"bids":[],"asks":[["1","inf"]]}',
        '{"lastUpdateId":1,"bids":[["-1","1"]],"asks":[]}',
        '{"lastUpdateId":1,"bids":[["0","1"]],"asks":[]}',
        '{"lastUpdateId":-1,"bids":[],"asks":[]}',
        '{"lastUpdateId":1,"bids":[["x","1"]],"asks":[]}',
        '{"bids":[],"asks":[]}',
        '{"lastUpdateId":1}',
        "<html>",
        "",
    ],
)
def test_senseless_snapshots(body: str) -> None:
    with pytest.raises(ExchangeDataException) as caught:
        snapshot(body)
    assert caught.value.channel == "/api/v3/depth"


def test_recent_trades(sample: Reader) -> None:
    (found,) = listed_trades(sample("rest_trades"))
    assert found == Trade(BTC, "", Side.SELL, 23.0, 0.478468, 1640830579240_000_000, NOW)


def test_recent_trades_come_oldest_first() -> None:
    body = (
        '[{"id":12,"price":"2","qty":"1","time":2000,"tradeType":"BID"},'
        '{"id":"11","price":"1","qty":"1","time":1000,"tradeType":"ASK"}]'
    )
    found = listed_trades(body)
    assert [(trade.trade_id, trade.side, trade.price) for trade in found] == [
        ("11", Side.SELL, 1.0),
        ("12", Side.BUY, 2.0),
    ]


@pytest.mark.parametrize(
    "change", [{"tradeType": "bid"}, {"tradeType": ""}, {"price": "0"}, {"qty": "nan"}, {"price": "-2"}]
)
def test_senseless_trades(change: dict[str, str]) -> None:
    item = {"id": None, "price": "2", "qty": "1", "time": 2000, "tradeType": "BID"} | change
    with pytest.raises(ExchangeDataException):
        listed_trades(json.dumps([item]))


# ---- pushes ----------------------------------------------------------------------------------------------------------


def test_book_delta(frame: Reader) -> None:
    delta = decode.book_delta(parse_depth(frame("push_depth_2026-10-09")), BTC, NOW)
    assert (delta.symbol, delta.first_id, delta.last_id) == (BTC, 83332997012, 83332997062)
    assert (delta.exchange_ts, delta.received_ts, delta.full) == (1791570232499_000_000, NOW, False)
    assert (len(delta.asks), len(delta.bids)) == (13, 30)
    assert delta.asks[0] == (82582.9, 0.12243346)
    assert delta.asks[2] == (82583.26, 0.0)
    assert delta.bids[0] == (82578.19, 0.00128119)


def test_trades(frame: Reader) -> None:
    assert decode.trades(parse_push(frame("push_deals_2026-09-24")), BTC, NOW) == [
        Trade(
            BTC,
            "731901896985399296X0_731901896985399297X0",
            Side.SELL,
            84270.0,
            0.00099829,
            1790281246176_000_000,
            NOW,
        ),
        Trade(
            BTC,
            "731901896985399298X0_731901896985399299X0",
            Side.BUY,
            84270.0,
            0.00019169,
            1790281246177_000_000,
            NOW,
        ),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "push_book_ticker_10ms_2026-09-23",
            BookTicker(BTC, 86503.92, 14.91335308, 86503.93, 0.004965, 81999275445, 1790145447239_000_000, NOW),
        ),
        (
            "push_book_ticker_100ms_2026-09-24",
            BookTicker(BTC, 84270.0, 0.006387, 84270.01, 5.42169969, 82164153436, 1790281243450_000_000, NOW),
        ),
        (
            "push_book_ticker_hype_2026-06-03",
            BookTicker(BTC, 72.29, 7.01, 72.34, 82.1, 1320043356, 1780505866106_000_000, NOW),
        ),
    ],
)
def test_book_ticker(frame: Reader, name: str, expected: BookTicker) -> None:
    assert decode.book_ticker(parse_push(frame(name)), BTC, NOW) == expected


def test_frames_of_the_older_schema_decode(frame: Reader) -> None:
    """Without the fields that came in 2026: lastOrderCreateTime, tradeId, the ticker's version."""
    data = frame("push_depth_2026-10-09")
    whole = decode.book_delta(parse_depth(data), BTC, NOW)
    depth = parse_push(data)
    depth.publicAggreDepths.ClearField("lastOrderCreateTime")
    depth.publicAggreDepths.ClearField("eventType")
    assert decode.book_delta(parse_depth(depth.SerializeToString()), BTC, NOW) == whole

    deals = parse_push(frame("push_deals_2026-09-24"))
    for deal in deals.publicAggreDeals.deals:
        deal.ClearField("tradeId")
    old = decode.trades(parse_push(deals.SerializeToString()), BTC, NOW)
    assert [(trade.trade_id, trade.price) for trade in old] == [("", 84270.0), ("", 84270.0)]

    ticker = parse_push(frame("push_book_ticker_100ms_2026-09-24"))
    ticker.publicAggreBookTicker.ClearField("version")
    ticker.publicAggreBookTicker.ClearField("lastOrderCreateTime")
    assert decode.book_ticker(parse_push(ticker.SerializeToString()), BTC, NOW).sequence == 0


def test_frames_of_a_newer_schema_decode(frame: Reader) -> None:
    """Unknown fields in the wrapper, in a body and in a level change nothing."""
    data = frame("push_depth_2026-10-09")
    whole = decode.book_delta(parse_depth(data), BTC, NOW)
    unknown = bytes.fromhex("f2061e") + b"a field that is not known here"
    push = parse_push(data)
    push.MergeFromString(unknown)
    push.publicAggreDepths.MergeFromString(unknown)
    for level in push.publicAggreDepths.asks:
        level.MergeFromString(unknown)
    newer = push.SerializeToString()
    assert len(newer) == len(data) + 15 * len(unknown)
    assert decode.book_delta(parse_depth(newer), BTC, NOW) == whole


def test_a_times_absence_is_0(frame: Reader) -> None:
    push = parse_push(frame("push_depth_2026-10-09"))
    push.ClearField("sendTime")
    assert decode.book_delta(parse_depth(push.SerializeToString()), BTC, NOW).exchange_ts == 0


def test_an_empty_side_of_a_ticker_is_0(frame: Reader) -> None:
    push = parse_push(frame("push_book_ticker_100ms_2026-09-24"))
    push.publicAggreBookTicker.ClearField("askPrice")
    push.publicAggreBookTicker.ClearField("askQuantity")
    found = decode.book_ticker(push, BTC, NOW)
    assert (found.ask_price, found.ask_quantity, found.bid_price) == (0.0, 0.0, 84270.0)


def depth_push(first: str = "5", last: str = "7", price: str = "1.5", quantity: str = "2") -> PushDataV3ApiWrapper:
    push = PushDataV3ApiWrapper(channel="spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT", sendTime=1)
    push.publicAggreDepths.fromVersion, push.publicAggreDepths.toVersion = first, last
    push.publicAggreDepths.bids.add(price=price, quantity=quantity)
    return push


def test_a_level_of_0_deletes() -> None:
    assert decode.book_delta(parse_depth(depth_push(quantity="0").SerializeToString()), BTC, NOW) == BookDelta(
        BTC, 5, 7, [(1.5, 0.0)], [], 1_000_000, NOW
    )


@pytest.mark.parametrize(
    "push",
    [
        depth_push(first=""),
        depth_push(last="x"),
        depth_push(first="8"),
        depth_push(first="-2"),
        depth_push(price=""),
        depth_push(price="0"),
        depth_push(price="nan"),
        depth_push(price="-1"),
        depth_push(quantity="inf"),
        depth_push(quantity="-1"),
        depth_push(quantity="two"),
        PushDataV3ApiWrapper(channel="spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"),
    ],
)
def test_senseless_deltas(push: PushDataV3ApiWrapper) -> None:
    with pytest.raises(ExchangeDataException) as caught:
        parse_depth(push.SerializeToString())
    assert caught.value.channel == "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"
    assert caught.value.payload is not None


def deals_push(price: str = "1.5", quantity: str = "2", side: int = 1) -> PushDataV3ApiWrapper:
    push = PushDataV3ApiWrapper(channel="spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT", sendTime=1)
    push.publicAggreDeals.deals.add(price=price, quantity=quantity, tradeType=side, time=3)
    return push


@pytest.mark.parametrize(("wire", "side"), [(1, Side.BUY), (2, Side.SELL)])
def test_the_side_is_the_takers(wire: int, side: Side) -> None:
    assert decode.trades(deals_push(side=wire), BTC, NOW)[0].side is side


@pytest.mark.parametrize(
    "push",
    [
        deals_push(side=0),
        deals_push(side=3),
        deals_push(side=-1),
        deals_push(price=""),
        deals_push(price="0"),
        deals_push(quantity="0"),
        deals_push(quantity="nan"),
        PushDataV3ApiWrapper(channel="spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT"),
    ],
)
def test_senseless_deals(push: PushDataV3ApiWrapper) -> None:
    with pytest.raises(ExchangeDataException):
        decode.trades(push, BTC, NOW)


@pytest.mark.parametrize(
    "change", [{"bidPrice": "x"}, {"askPrice": "-1"}, {"version": "v"}, {"version": "-1"}, {"bidQuantity": "inf"}]
)
def test_senseless_tickers(frame: Reader, change: dict[str, str]) -> None:
    push = parse_push(frame("push_book_ticker_100ms_2026-09-24"))
    for name, value in change.items():
        setattr(push.publicAggreBookTicker, name, value)
    with pytest.raises(ExchangeDataException):
        decode.book_ticker(push, BTC, NOW)


def test_a_ticker_without_a_body_is_no_ticker() -> None:
    with pytest.raises(ExchangeDataException, match="no ticker"):
        decode.book_ticker(PushDataV3ApiWrapper(channel="spot@public.aggre.bookTicker.v3.api.pb@100ms@X"), BTC, NOW)


# ---- properties ------------------------------------------------------------------------------------------------------


@given(
    coefficient=st.integers(min_value=1, max_value=10**15 - 1),
    decimals=st.integers(min_value=0, max_value=12),
)
def test_a_price_of_15_digits_survives(coefficient: int, decimals: int) -> None:
    written = f"{Decimal(coefficient).scaleb(-decimals):f}"
    ((price, _),) = parse_depth(depth_push(price=written).SerializeToString()).bids
    assert Decimal(f"{Decimal(repr(price)):f}") == Decimal(written)


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_any_texts_make_a_sane_delta_or_a_data_error(first: str, last: str, price: str, quantity: str) -> None:
    try:
        depth = parse_depth(depth_push(first, last, price, quantity).SerializeToString())
    except ExchangeDataException:
        return
    delta = decode.book_delta(depth, BTC, NOW)
    assert 0 <= delta.first_id <= delta.last_id
    assert delta.bids is depth.bids
    assert all(0 < level[0] < float("inf") and 0 <= level[1] < float("inf") for level in depth.bids)


@given(st.data())
def test_a_damaged_frame_is_read_or_a_data_error(data: st.DataObject) -> None:
    whole = depth_push("83332997012", "83332997062", "82582.9", "0.12243346").SerializeToString()
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        delta = decode.book_delta(parse_depth(bytes(damaged[: data.draw(st.integers(0, len(damaged)))])), BTC, NOW)
    except ExchangeDataException:
        return
    assert delta.symbol is BTC
