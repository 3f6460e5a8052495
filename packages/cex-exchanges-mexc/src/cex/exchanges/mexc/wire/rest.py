"""JSON answers of the spot REST API; fields that nothing reads are left out.

https://www.mexc.com/api-docs/spot-v3/market-data-endpoints. Decimals are quoted, so the decoders of answers that carry
them are lenient about quotes (``strict=False``); times are milliseconds.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

__all__ = [
    "AggregatedTradeRow",
    "AveragePrice",
    "DepthAnswer",
    "ErrorBody",
    "ExchangeInfo",
    "KlineRow",
    "ListedSymbol",
    "ServerTime",
    "TickerRow",
    "TradeRow",
    "aggregated_trades_decoder",
    "average_price_decoder",
    "depth_decoder",
    "error_decoder",
    "exchange_info_decoder",
    "klines_decoder",
    "listed_symbol_decoder",
    "server_time_decoder",
    "ticker_decoder",
    "tickers_decoder",
    "trades_decoder",
]

Number = Annotated[float, Meta(ge=0, le=1e300)]
"""A price or quantity; the bounds keep ``nan`` and ``inf`` out, which a quoted number could spell."""
Positive = Annotated[float, Meta(gt=0, le=1e300)]
Levels = list[tuple[Positive, Number]]
Milliseconds = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]
Version = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Decimals = Annotated[int, Meta(ge=0, le=30)]
Amount = str | float | None
"""Read by ``symbols`` and ``decode``; some rows hold "" or null where there is no figure."""


class ServerTime(Struct, rename="camel"):
    """``GET /api/v3/time``."""

    server_time: Milliseconds


class ExchangeInfo(Struct):
    """``GET /api/v3/exchangeInfo``; the rows are decoded one by one, so that a strange one does not cost the others."""

    symbols: list[Raw]


class ListedSymbol(Struct, rename="camel"):
    """A row of exchangeInfo. ``...Precision`` is a number of decimals, except ``baseSizePrecision`` (minimum quantity)
    and ``quoteAmountPrecision`` (minimum notional), which are amounts; "0" there means not limited.
    """

    symbol: str
    base_asset: str
    quote_asset: str
    base_asset_precision: Decimals
    quote_precision: Decimals
    status: str | int = ""
    is_spot_trading_allowed: bool = False
    permissions: list[str] | None = None
    trade_side_type: int | None = None
    base_size_precision: Amount = None
    quote_amount_precision: Amount = None
    max_quote_amount: Amount = None
    maker_commission: Amount = None
    taker_commission: Amount = None


class DepthAnswer(Struct, rename="camel"):
    """``GET /api/v3/depth``; ``lastUpdateId`` is the counter of the stream's versions and includes that version."""

    last_update_id: Version
    bids: Levels | None
    asks: Levels | None
    timestamp: Milliseconds = 0


class TradeRow(Struct, rename="camel"):
    """A row of ``GET /api/v3/trades``, newest first; ``tradeType`` is the taker's side: BID buys, ASK sells."""

    price: Positive
    qty: Positive
    time: Milliseconds
    trade_type: str
    id: str | int | None = None


class AggregatedTradeRow(Struct):
    """A row of ``GET /api/v3/aggTrades``. Its ids are null; ``T`` is milliseconds of a whole second; ``m`` says that
    the buyer was the maker.
    """

    price: Positive = msgspec.field(name="p")
    quantity: Positive = msgspec.field(name="q")
    time: Milliseconds = msgspec.field(name="T")
    is_buyer_maker: bool = msgspec.field(name="m")
    id: str | int | None = msgspec.field(name="a", default=None)


class KlineRow(Struct, array_like=True):
    """A row of ``GET /api/v3/klines``, ascending: times in milliseconds, the volume in base and in quote units."""

    open_time: Milliseconds
    open: Positive
    high: Positive
    low: Positive
    close: Positive
    base_volume: Number
    close_time: Milliseconds
    quote_volume: Number | None = None


class AveragePrice(Struct):
    """``GET /api/v3/avgPrice``, of the last ``mins`` minutes."""

    price: Positive


class TickerRow(Struct, rename="camel"):
    """``GET /api/v3/ticker/24hr``. ``priceChangePercent`` is a fraction; what there is no figure of is null or "".

    ``volume`` is in base units; in pushed tickers a field of that name is in quote units.
    """

    symbol: str
    last_price: Amount = None
    bid_price: Amount = None
    ask_price: Amount = None
    high_price: Amount = None
    low_price: Amount = None
    volume: Amount = None
    quote_volume: Amount = None
    price_change_percent: Amount = None
    close_time: Milliseconds | None = None


class ErrorBody(Struct):
    """``{"code":-1121,"msg":"Invalid symbol."}``; newer services also say code 0 or 200 with a success."""

    code: int | str
    msg: str | None = None


server_time_decoder = msgspec.json.Decoder(ServerTime)
exchange_info_decoder = msgspec.json.Decoder(ExchangeInfo)
listed_symbol_decoder = msgspec.json.Decoder(ListedSymbol, strict=False)
depth_decoder = msgspec.json.Decoder(DepthAnswer, strict=False)
trades_decoder = msgspec.json.Decoder(list[TradeRow], strict=False)
aggregated_trades_decoder = msgspec.json.Decoder(list[AggregatedTradeRow], strict=False)
klines_decoder = msgspec.json.Decoder(list[KlineRow], strict=False)
average_price_decoder = msgspec.json.Decoder(AveragePrice, strict=False)
ticker_decoder = msgspec.json.Decoder(TickerRow)
tickers_decoder = msgspec.json.Decoder(list[Raw])
error_decoder = msgspec.json.Decoder(ErrorBody)
