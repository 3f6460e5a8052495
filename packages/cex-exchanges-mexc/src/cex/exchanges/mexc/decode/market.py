"""Public REST answers become ours. Prices and quantities are floats of the same digits, times nanoseconds."""

from __future__ import annotations

from collections.abc import Callable

from cex.common.enums import KlineInterval, Side
from cex.common.exceptions import ExchangeDataException
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookSnapshot, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.klines import close_of
from cex.exchanges.mexc.constants import EXCHANGE_INFO_PATH, MAX_DEPTH, TICKER_PATH, TRADES_PATH
from cex.exchanges.mexc.decode.parsing import MS, NOT_DECODABLE, figure, parse, undecodable
from cex.exchanges.mexc.symbols import spot_instrument
from cex.exchanges.mexc.wire.rest import (
    AggregatedTradeRow,
    DepthAnswer,
    KlineRow,
    ListedSymbol,
    TickerRow,
    TradeRow,
    exchange_info_decoder,
    listed_symbol_decoder,
    ticker_decoder,
    tickers_decoder,
)

__all__ = [
    "aggregated_trades",
    "book_snapshot",
    "instruments",
    "klines",
    "recent_trades",
    "ticker",
    "tickers",
]

_REST_TAKER_SIDES = {"BID": Side.BUY, "ASK": Side.SELL}


def instruments(data: bytes | str) -> tuple[list[Instrument], list[str]]:
    """The answer of ``GET /api/v3/exchangeInfo`` as trading rules, and why rows had to be left out.

    One unusable row (currencies that make no symbol, a field of the wrong kind) does not cost the others.
    """
    found: list[Instrument] = []
    left_out: list[str] = []
    for row in parse(exchange_info_decoder, data, EXCHANGE_INFO_PATH).symbols:
        try:
            found.append(_instrument(listed_symbol_decoder.decode(row)))
        except (*NOT_DECODABLE, ValueError) as error:
            left_out.append(f"{bytes(row)[:80].decode('utf-8', 'backslashreplace')}: {error}")
    return found, left_out


def _instrument(row: ListedSymbol) -> Instrument:
    return spot_instrument(
        name=row.symbol,
        base=row.base_asset,
        quote=row.quote_asset,
        price_decimals=row.quote_precision,
        quantity_decimals=row.base_asset_precision,
        status=row.status,
        api_allowed=row.is_spot_trading_allowed,
        permissions=row.permissions or (),
        sides=row.trade_side_type,
        min_quantity=row.base_size_precision,
        min_notional=row.quote_amount_precision,
        max_notional=row.max_quote_amount,
        maker_fee=row.maker_commission,
        taker_fee=row.taker_commission,
    )


def book_snapshot(answer: DepthAnswer, symbol: Symbol, *, limit: int, received_ns: int) -> BookSnapshot:
    """A REST book; ``limit`` is the number of levels asked for, of which the server gives ``MAX_DEPTH`` at most."""
    return BookSnapshot(
        symbol=symbol,
        last_id=answer.last_update_id,
        bids=answer.bids or [],
        asks=answer.asks or [],
        limit=min(limit, MAX_DEPTH),
        exchange_ts=answer.timestamp * MS,
        received_ts=received_ns,
    )


def recent_trades(rows: list[TradeRow], symbol: Symbol, received_ns: int) -> list[Trade]:
    """The answer of ``GET /api/v3/trades``, which comes newest first, as oldest first; it gives no ids."""
    found = []
    for row in rows:
        side = _REST_TAKER_SIDES.get(row.trade_type)
        if side is None:
            raise undecodable(TRADES_PATH, repr(row), f"tradeType is {row.trade_type!r}")
        trade_id = "" if row.id is None else str(row.id)
        found.append(Trade(symbol, trade_id, side, row.price, row.qty, row.time * MS, received_ns))
    found.reverse()
    return found


def aggregated_trades(rows: list[AggregatedTradeRow], symbol: Symbol, received_ns: int) -> list[Trade]:
    """The answer of ``GET /api/v3/aggTrades`` as oldest first; times are whole seconds, and there are no ids."""
    found = [
        Trade(
            symbol,
            "" if row.id is None else str(row.id),
            Side.SELL if row.is_buyer_maker else Side.BUY,
            row.price,
            row.quantity,
            row.time * MS,
            received_ns,
        )
        for row in rows
    ]
    if rows and rows[0].time >= rows[-1].time:
        found.reverse()
    return found


def klines(
    rows: list[KlineRow], symbol: Symbol, interval: KlineInterval, *, now_ns: int, received_ns: int
) -> list[Kline]:
    """The answer of ``GET /api/v3/klines``; a candle is closed when it ended before ``now_ns``.

    That is the exchange's time when it was asked: what ended while the answer came was still open in it.
    """
    found = []
    for row in rows:
        open_ts = row.open_time * MS
        close_ts = close_of(interval, open_ts)
        found.append(
            Kline(
                symbol=symbol,
                interval=interval,
                open_ts=open_ts,
                close_ts=close_ts,
                open=row.open,
                high=row.high,
                low=row.low,
                close=row.close,
                base_volume=row.base_volume,
                quote_volume=row.quote_volume,
                closed=close_ts <= now_ns,
                received_ts=received_ns,
            )
        )
    return found


def ticker(row: TickerRow, symbol: Symbol, received_ns: int) -> Ticker:
    """A row of ``GET /api/v3/ticker/24hr``; a price of 0 is none.

    Raises:
        ExchangeDataException: there is no last price, or a figure is no number.
    """
    try:
        last = figure(row.last_price)
        if not last:
            raise ValueError(f"lastPrice is {row.last_price!r}")
        return Ticker(
            symbol=symbol,
            last=last,
            bid=figure(row.bid_price) or None,
            ask=figure(row.ask_price) or None,
            high=figure(row.high_price) or None,
            low=figure(row.low_price) or None,
            base_volume=figure(row.volume),
            quote_volume=figure(row.quote_volume),
            change=figure(row.price_change_percent, least=-1.0),
            exchange_ts=(row.close_time or 0) * MS,
            received_ts=received_ns,
        )
    except ValueError as error:
        raise undecodable(TICKER_PATH, repr(row), error) from error


def tickers(
    data: bytes | str, by_native: Callable[[str], Symbol | None], received_ns: int
) -> tuple[dict[Symbol, Ticker], list[str]]:
    """The tickers of all listed symbols, and why rows of listed ones had to be left out."""
    found: dict[Symbol, Ticker] = {}
    left_out: list[str] = []
    for raw in parse(tickers_decoder, data, TICKER_PATH):
        try:
            row = ticker_decoder.decode(raw)
            symbol = by_native(row.symbol)
            if symbol is not None:
                found[symbol] = ticker(row, symbol, received_ns)
        except (*NOT_DECODABLE, ExchangeDataException) as error:
            left_out.append(f"{bytes(raw)[:80].decode('utf-8', 'backslashreplace')}: {error}")
    return found, left_out
