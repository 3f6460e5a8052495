"""Every endpoint and channel of perpetual futures, as it was on the wire: golden decodes, in base units."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from cex.common.clock import ManualClock
from cex.common.enums import InstrumentStatus, KlineInterval, Side
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, FundingRate, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import StreamHandlers
from cex.exchanges.gateio.constants import PROFILES
from cex.exchanges.gateio.decode import futures
from cex.exchanges.gateio.decode.contracts import ContractSize
from cex.exchanges.gateio.decode.values import parse
from cex.exchanges.gateio.symbols import perpetual
from cex.exchanges.gateio.websocket import GateioFuturesDialect
from cex.exchanges.gateio.wire.futures import (
    Level,
    contract_decoder,
    funding_decoder,
    klines_decoder,
    order_book_decoder,
    tickers_decoder,
    trades_decoder,
)
from cex.networking.websocket.dialect import Acknowledged, Control, Pong, Subscription

Sample = Callable[[str], bytes]
RECEIVED = 1_700_000_000_123_456_789
BTC = Symbol("BTC/USDT:USDT")
BTC_SIZE = ContractSize(Decimal("0.0001"))


class Ear:
    """A dialect and what it hands on; contracts by name with their size."""

    def __init__(self, **sizes: str) -> None:
        self.heard: list[BookDelta | Trade | BookTicker | Ticker | Kline | BookSnapshot] = []
        hear = self.heard.append
        listed = [
            perpetual(contract=name, kind="direct", multiplier=Decimal(size), tick=Decimal("0.1"))
            for name, size in sizes.items()
        ]
        handlers = StreamHandlers(hear, hear, hear, hear, hear, hear, lambda event: None)
        url, catalogue = PROFILES["live"]["ws_futures_usdt"], InstrumentCatalogue("gateio", listed)
        self.dialect = GateioFuturesDialect(url, catalogue, handlers, clock=ManualClock())

    def frame(self, data: bytes | str) -> Control | None:
        return self.dialect.on_frame(data, RECEIVED)


def test_contracts(sample: Sample) -> None:
    found, left_out = futures.instruments(sample("rest_futures_contracts"))
    assert left_out == []
    assert found == [
        Instrument(
            symbol=BTC,
            exchange="gateio",
            exchange_symbol="BTC_USDT",
            status=InstrumentStatus.TRADING,
            tick=Decimal("0.1"),
            step=Decimal("0.0001"),
            min_quantity=Decimal("0.0001"),
            max_quantity=Decimal(100),
            contract_size=Decimal("0.0001"),
            maker_fee=Decimal("-0.00025"),
            taker_fee=Decimal("0.00075"),
        )
    ]


def test_the_current_funding_rate_stands_with_its_contract(sample: Sample) -> None:
    contract = parse(contract_decoder, sample("rest_futures_contract"), "contract")
    assert futures.current_funding(contract, BTC, RECEIVED) == FundingRate(
        BTC, 0.002053, 1610035200000000000, 28800, RECEIVED
    )


def test_funding_history(sample: Sample) -> None:
    (row,) = parse(funding_decoder, sample("rest_futures_funding_rate"), "funding_rate")
    assert futures.funding(row, BTC, RECEIVED) == FundingRate(BTC, 0.000157, 1543968000000000000, 0, RECEIVED)


def test_order_book(sample: Sample) -> None:
    answer = parse(order_book_decoder, sample("rest_futures_order_book"), "order_book")
    assert futures.book_snapshot(answer, BTC, BTC_SIZE, limit=100, received_ns=RECEIVED) == BookSnapshot(
        symbol=BTC,
        last_id=123456,
        bids=[(1.17, 0.015), (1.16, 0.0203)],
        asks=[(1.52, 0.01), (1.53, 0.004)],
        limit=100,
        exchange_ts=1623898993123000000,
        received_ts=RECEIVED,
    )


def test_order_book_with_sizes_as_strings(sample: Sample) -> None:
    answer = parse(order_book_decoder, sample("rest_futures_order_book_decimal"), "order_book")
    book = futures.book_snapshot(answer, BTC, BTC_SIZE, limit=100, received_ns=RECEIVED)
    assert book.bids == [(1.17, 0.015), (1.16, 0.00001)]
    assert book.asks == [(1.52, 0.01), (1.53, 0.00123)]


def test_recent_trades(sample: Sample) -> None:
    (row,) = parse(trades_decoder, sample("rest_futures_trades"), "trades")
    assert futures.trade(row, BTC, BTC_SIZE, RECEIVED) == Trade(
        BTC, "121234231", Side.SELL, 100.123, 0.01, 1514764800123000000, RECEIVED
    )


def test_tickers_of_rest(sample: Sample) -> None:
    (row,) = parse(tickers_decoder, sample("rest_futures_tickers"), "tickers")
    assert futures.ticker(row, BTC, BTC_SIZE, RECEIVED) == Ticker(
        symbol=BTC,
        last=6432.0,
        bid=34089.7,
        ask=34217.9,
        high=6790.0,
        low=6278.0,
        base_volume=18404023.3284,
        quote_volume=184040233284.0,
        change=0.0443,
        mark_price=6534.0,
        index_price=6531.0,
        funding_rate=0.0001,
        received_ts=RECEIVED,
    )


def test_candles_of_rest(sample: Sample) -> None:
    (row,) = parse(klines_decoder, sample("rest_futures_candlesticks"), "candlesticks")
    assert futures.kline(row, BTC, BTC_SIZE, KlineInterval.M5, RECEIVED) == Kline(
        symbol=BTC,
        interval=KlineInterval.M5,
        open_ts=1539852480000000000,
        close_ts=1539852780000000000,
        open=1.032,
        high=1.032,
        low=1.032,
        close=1.032,
        base_volume=9.7151,
        quote_volume=3580.0,
        closed=True,
        received_ts=RECEIVED,
    )


def test_order_book_update(sample: Sample) -> None:
    ear = Ear(BTC_USDT="0.0001")
    assert ear.frame(sample("ws_futures_order_book_update")) is None
    assert ear.heard == [
        BookDelta(
            symbol=BTC,
            first_id=125033668137,
            last_id=125033668232,
            bids=[Level(77230.0, 11364.0)],
            asks=[Level(77232.2, 2100.0), Level(77233.3, 0.0)],
            exchange_ts=1789455569062000000,
            received_ts=RECEIVED,
            lots=10_000.0,
        )
    ]


def test_frames_recorded_in_2023(sample: Sample) -> None:
    ear = Ear(PHB_USDT="10")
    assert ear.frame(sample("ws_futures_order_book_update_2023").decode()) is None
    assert ear.frame(sample("ws_futures_book_ticker_2023").decode()) is None
    phb = Symbol("PHB/USDT:USDT")
    assert ear.heard == [
        BookDelta(phb, 6159979, 6159979, [(0.7377, 530.0)], [], 1684930167452000000, RECEIVED),
        BookTicker(phb, 0.7379, 1360.0, 0.7392, 650.0, 6160056, 1684930174010000000, RECEIVED),
    ]


def test_book_ticker(sample: Sample) -> None:
    ear = Ear(BTC_USDT="0.0001")
    assert ear.frame(sample("ws_futures_book_ticker")) is None
    assert ear.heard == [
        BookTicker(BTC, 54696.6, 3.7, 54696.7, 4.7061, 2517661076, 1615366379123000000, RECEIVED),
    ]


def test_trades(sample: Sample) -> None:
    ear = Ear(BTC_USDT="0.0001")
    assert ear.frame(sample("ws_futures_trades")) is None
    assert ear.heard == [Trade(BTC, "27753479", Side.SELL, 96.4, 0.0108, 1545136464123000000, RECEIVED)]


def test_a_ticker_and_then_what_changed_of_it(sample: Sample) -> None:
    ear = Ear(BTC_USDT="0.0001")
    assert ear.frame(sample("ws_futures_tickers")) is None
    assert ear.frame(sample("ws_futures_tickers_partial")) is None
    whole = Ticker(
        symbol=BTC,
        last=118.4,
        high=132.5,
        low=99.2,
        base_volume=74548.7577,
        quote_volume=1665006.0,
        change=0.0077,
        mark_price=118.35,
        index_price=118.36,
        funding_rate=-0.000114,
        exchange_ts=1541659086123000000,
        received_ts=RECEIVED,
    )
    assert ear.heard == [
        whole,
        Ticker(
            symbol=BTC,
            last=77175.1,
            high=132.5,
            low=99.2,
            base_volume=74548.7577,
            quote_volume=1665006.0,
            change=0.0077,
            mark_price=77183.5,
            index_price=118.36,
            funding_rate=0.000072,
            exchange_ts=1789456337802000000,
            received_ts=RECEIVED,
        ),
    ]


def test_candles(sample: Sample) -> None:
    ear = Ear(BTC_USDT="0.0001")
    assert ear.frame(sample("ws_futures_candlesticks")) is None
    assert ear.heard == [
        Kline(
            symbol=BTC,
            interval=KlineInterval.M1,
            open_ts=1545129300000000000,
            close_ts=1545129360000000000,
            open=94.3,
            high=96.9,
            low=89.5,
            close=95.4,
            base_volume=2752.5555,
            quote_volume=None,
            closed=False,
            received_ts=RECEIVED,
        )
    ]


def test_books_that_begin_with_a_snapshot(sample: Sample) -> None:
    ear = Ear(BTC_USDT="0.0001", ETH_USDT="0.01")
    assert ear.frame(sample("ws_futures_obu_full")) is None
    assert ear.frame(sample("ws_futures_obu_ids_only")) is None
    whole = 108552472643
    assert ear.heard == [
        BookDelta(
            Symbol("ETH/USDT:USDT"),
            whole,
            whole,
            [(2480.27, 2781.6)],
            [(2480.28, 8292.0)],
            1789456334981000000,
            RECEIVED,
            True,
            100.0,
        ),
        BookDelta(BTC, 125033676004, 125033676011, [], [], 1789455580300000000, RECEIVED, lots=10_000.0),
    ]


def test_what_is_no_market_data(sample: Sample) -> None:
    ear = Ear(BTC_USDT="0.0001")
    obu = Subscription("futures.obu", ("ob.BTC_USDT.50",))
    assert ear.frame(sample("ws_futures_obu_ack")) == Acknowledged(None, "futures.obu", (obu,))
    assert ear.frame(sample("ws_futures_ack_2023")) == Acknowledged(None, "futures.trades", None)
    assert ear.frame(sample("ws_futures_pong")) == Pong()
    assert ear.heard == []
