"""The perpetual futures' structures become ours; every size is in contracts before and in base units after."""

from __future__ import annotations

from math import isfinite

from msgspec.structs import replace

from cex.common.enums import KlineInterval, Side
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookDelta, BookSnapshot, BookTicker, FundingRate, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.klines import close_of
from cex.exchanges.gateio.constants import (
    FUTURES_BOOK_TICKER_CHANNEL,
    FUTURES_OBU_CHANNEL,
    FUTURES_TICKER_CHANNEL,
    FUTURES_TRADES_CHANNEL,
)
from cex.exchanges.gateio.decode.contracts import ContractSize
from cex.exchanges.gateio.decode.values import MILLISECOND, SECOND, figure, fraction, moment, parse_rows, undecodable
from cex.exchanges.gateio.symbols import perpetual
from cex.exchanges.gateio.wire.futures import (
    BookResult,
    BookTickerResult,
    Contract,
    FundingRow,
    KlineResult,
    KlineRow,
    ObuResult,
    OrderBookAnswer,
    TickerRow,
    TradeResult,
    TradeRow,
    contract_decoder,
)

__all__ = [
    "book_delta",
    "book_snapshot",
    "book_ticker",
    "current_funding",
    "funding",
    "instruments",
    "kline",
    "merged",
    "obu_delta",
    "pushed_kline",
    "ticker",
    "trade",
]

_TOLD_EACH_TIME = ("contract", "t")
_CONTRACTS = "/futures/usdt/contracts"
_FUNDING = "/futures/usdt/funding_rate"
_MILLISECONDS_FROM = 10**11
"""A time from here on counts milliseconds: as seconds it would lie beyond the year 5000."""


def instruments(data: bytes | str) -> tuple[list[Instrument], list[str]]:
    """The answer of ``GET /futures/usdt/contracts`` as trading rules, and why rows had to be left out."""
    return parse_rows(contract_decoder, data, _CONTRACTS, _instrument)


def _instrument(contract: Contract) -> Instrument:
    return perpetual(
        contract=contract.name,
        kind=contract.type,
        multiplier=contract.quanto_multiplier,
        tick=contract.order_price_round,
        takes_parts=contract.enable_decimal,
        min_contracts=contract.order_size_min,
        max_contracts=contract.order_size_max,
        status=contract.status,
        in_delisting=contract.in_delisting,
        maker_fee=contract.maker_fee_rate,
        taker_fee=contract.taker_fee_rate,
    )


def book_snapshot(
    answer: OrderBookAnswer, symbol: Symbol, size: ContractSize, *, limit: int, received_ns: int
) -> BookSnapshot:
    """A REST book; ``limit`` is the number of levels that was asked for."""
    return BookSnapshot(
        symbol=symbol,
        last_id=answer.id,
        bids=size.base_levels(answer.bids or ()),
        asks=size.base_levels(answer.asks or ()),
        limit=limit,
        exchange_ts=_time(answer.current, "/futures/usdt/order_book"),
        received_ts=received_ns,
    )


def book_delta(result: BookResult, symbol: Symbol, size: ContractSize, received_ns: int) -> BookDelta:
    """A push of ``futures.order_book_update``."""
    return BookDelta(
        symbol,
        result.U,
        result.u,
        size.book_levels(result.b or []),
        size.book_levels(result.a or []),
        result.t * MILLISECOND,
        received_ns,
        result.full,
        size.lots,
    )


def obu_delta(result: ObuResult, symbol: Symbol, size: ContractSize, received_ns: int) -> BookDelta:
    """A push of ``futures.obu``; raises ExchangeDataException for a change that does not say where it begins."""
    first = result.u if result.full else result.U
    if first is None:
        raise undecodable(FUTURES_OBU_CHANNEL, repr(result)[:256], "a change without its first update id U")
    return BookDelta(
        symbol,
        first,
        result.u,
        size.book_pairs(result.b or []),
        size.book_pairs(result.a or []),
        result.t * MILLISECOND,
        received_ns,
        result.full,
        size.lots,
    )


def trade(row: TradeResult | TradeRow, symbol: Symbol, size: ContractSize, received_ns: int) -> Trade:
    """A public trade, pushed or listed; the sign of its size is the taker's side.

    REST writes seconds into ``create_time_ms`` and the stream milliseconds: the magnitude decides.
    """
    if not row.size:
        raise undecodable(FUTURES_TRADES_CHANNEL, repr(row), "a trade of nothing has no side")
    side = Side.BUY if row.size > 0 else Side.SELL
    made_ns = _time(row.create_time_ms, FUTURES_TRADES_CHANNEL)
    return Trade(symbol, str(row.id), side, row.price, size.quantity(abs(row.size)), made_ns, received_ns)


def book_ticker(result: BookTickerResult, symbol: Symbol, size: ContractSize, received_ns: int) -> BookTicker:
    """A push of ``futures.book_ticker``; an empty side becomes 0.0."""
    try:
        bid, ask = float(result.b or 0), float(result.a or 0)
    except ValueError as error:
        raise undecodable(FUTURES_BOOK_TICKER_CHANNEL, repr(result), error) from error
    if not isfinite(bid + ask) or bid < 0 or ask < 0:
        raise undecodable(FUTURES_BOOK_TICKER_CHANNEL, repr(result), "not a price")
    quantity = size.quantity
    return BookTicker(
        symbol, bid, quantity(result.B), ask, quantity(result.A), result.u, result.t * MILLISECOND, received_ns
    )


def ticker(
    row: TickerRow,
    symbol: Symbol,
    size: ContractSize,
    received_ns: int,
    *,
    exchange_ts: int = 0,
    channel: str = FUTURES_TICKER_CHANNEL,
) -> Ticker:
    """The last day of a contract, with its mark and index price and the funding rate of the current period.

    ``last`` is 0.0 for a contract that was never traded.
    """

    def read(name: str) -> float | None:
        return figure(getattr(row, name), channel)

    volume = read("volume_24h")
    return Ticker(
        symbol=symbol,
        last=read("last") or 0.0,
        bid=read("highest_bid"),
        ask=read("lowest_ask"),
        high=read("high_24h"),
        low=read("low_24h"),
        base_volume=None if volume is None else size.quantity(volume),
        quote_volume=read("volume_24h_quote"),
        change=fraction(row.change_percentage, channel),
        mark_price=read("mark_price"),
        index_price=read("index_price"),
        funding_rate=read("funding_rate"),
        exchange_ts=row.t * MILLISECOND if row.t else exchange_ts,
        received_ts=received_ns,
    )


def merged(row: TickerRow, before: TickerRow | None) -> TickerRow:
    """A push of ``futures.tickers`` with what it leaves out, because it did not change, taken from the one before."""
    if before is None:
        return row
    figures = (name for name in TickerRow.__struct_fields__ if name not in _TOLD_EACH_TIME)
    kept = {name: getattr(before, name) for name in figures if getattr(row, name) is None}
    return replace(row, **kept)


def kline(row: KlineRow, symbol: Symbol, size: ContractSize, interval: KlineInterval, now_ns: int) -> Kline:
    """A row of ``GET /futures/usdt/candlesticks``; whether it is closed is judged at ``now_ns``."""
    open_ns = row.t * SECOND
    close_ns = close_of(interval, open_ns)
    return Kline(
        symbol=symbol,
        interval=interval,
        open_ts=open_ns,
        close_ts=close_ns,
        open=row.o,
        high=row.h,
        low=row.l,
        close=row.c,
        base_volume=size.quantity(row.v),
        quote_volume=row.sum,
        closed=close_ns <= now_ns,
        received_ts=now_ns,
    )


def pushed_kline(
    result: KlineResult, symbol: Symbol, size: ContractSize, interval: KlineInterval, received_ns: int
) -> Kline:
    """One candle of a push of ``futures.candlesticks``, which does not tell the volume in quote."""
    open_ns = result.t * SECOND
    return Kline(
        symbol,
        interval,
        open_ns,
        close_of(interval, open_ns),
        result.o,
        result.h,
        result.l,
        result.c,
        size.quantity(result.v),
        None,
        result.w,
        received_ns,
    )


def funding(row: FundingRow, symbol: Symbol, received_ns: int) -> FundingRate:
    """A rate that was settled."""
    rate = figure(row.r, _FUNDING)
    if rate is None:
        raise undecodable(_FUNDING, repr(row), "a settlement without a rate")
    return FundingRate(symbol, rate, row.t * SECOND, 0, received_ns)


def current_funding(contract: Contract, symbol: Symbol, received_ns: int) -> FundingRate:
    """The rate of the running period, when it is settled and how long the period is."""
    rate = figure(contract.funding_rate, _CONTRACTS)
    if rate is None:
        raise undecodable(_CONTRACTS, contract.name, "a perpetual without a funding rate")
    settled_ns = _time(contract.funding_next_apply, _CONTRACTS)
    return FundingRate(symbol, rate, settled_ns, contract.funding_interval, received_ns)


def _time(value: str | float, channel: str) -> int:
    """Nanoseconds of a time that is in seconds or in milliseconds, each with or without digits behind the point."""
    if isinstance(value, str):
        try:
            magnitude = float(value)
        except ValueError:
            magnitude = 0.0
    else:
        magnitude = value
    return moment(value, MILLISECOND if magnitude >= _MILLISECONDS_FROM else SECOND, channel)
