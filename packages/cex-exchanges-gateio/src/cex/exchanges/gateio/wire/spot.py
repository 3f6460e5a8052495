"""Structures of the spot market; fields that nothing reads are left out.

REST: https://www.gate.com/docs/developers/apiv4/en/. WebSocket: https://www.gate.com/docs/developers/apiv4/ws/en/.
Prices and amounts are quoted numbers, so the decoders of messages that carry them are lenient about quotes
(``strict=False``); the rest is strict.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from cex.exchanges.gateio.constants import (
    BOOK_CHANNEL,
    BOOK_TICKER_CHANNEL,
    KLINE_CHANNEL,
    LIMITED_BOOK_CHANNEL,
    OBU_CHANNEL,
    TICKER_CHANNEL,
    TRADES_CHANNEL,
)
from cex.exchanges.gateio.wire.numbers import Figure, FineTime, Levels, Milliseconds, Number, Seconds, UpdateId

__all__ = [
    "BookPush",
    "BookResult",
    "BookTickerPush",
    "BookTickerResult",
    "KlinePush",
    "KlineResult",
    "KlineRow",
    "LimitedBookPush",
    "LimitedBookResult",
    "ObuPush",
    "ObuResult",
    "OrderBookAnswer",
    "Pair",
    "Push",
    "ServerTime",
    "TickerPush",
    "TickerRow",
    "TradePush",
    "TradeResult",
    "TradeRow",
    "klines_decoder",
    "order_book_decoder",
    "pair_decoder",
    "push_decoder",
    "server_time_decoder",
    "tickers_decoder",
    "trades_decoder",
]


# ---- REST ------------------------------------------------------------------------------------------------------------


class ServerTime(Struct):
    """``GET /spot/time``."""

    server_time: Milliseconds


class Pair(Struct):
    """A row of ``GET /spot/currency_pairs``; limits that are null or absent do not exist, ``fee`` is in percent."""

    id: str
    base: str
    quote: str
    precision: Annotated[int, Meta(ge=0, le=30)]
    amount_precision: Annotated[int, Meta(ge=0, le=30)]
    trade_status: str
    fee: Decimal | None = None
    min_base_amount: Decimal | None = None
    max_base_amount: Decimal | None = None
    min_quote_amount: Decimal | None = None
    max_quote_amount: Decimal | None = None
    buy_start: int = 0
    sell_start: int = 0
    delisting_time: int = 0


class OrderBookAnswer(Struct):
    """``GET /spot/order_book`` with ``with_id=true``; ``current`` is when it was answered."""

    id: UpdateId
    asks: Levels | None
    bids: Levels | None
    current: Milliseconds = 0


class TradeRow(Struct):
    """A row of ``GET /spot/trades``; ``side`` is the taker's, ``create_time_ms`` has digits behind the point."""

    id: str
    currency_pair: str
    side: str
    amount: Number
    price: Number
    create_time_ms: FineTime


class TickerRow(Struct):
    """A row of ``GET /spot/tickers`` and the result of ``spot.tickers``; an empty side is ""."""

    currency_pair: str
    last: Figure = None
    lowest_ask: Figure = None
    highest_bid: Figure = None
    change_percentage: Figure = None
    base_volume: Figure = None
    quote_volume: Figure = None
    high_24h: Figure = None
    low_24h: Figure = None


class KlineRow(Struct, array_like=True):
    """A row of ``GET /spot/candlesticks``; mind the order: close comes before open."""

    t: Seconds
    quote_volume: Number
    close: Number
    high: Number
    low: Number
    open: Number
    base_volume: Number
    window_closed: bool | None = None


# ---- pushes ----------------------------------------------------------------------------------------------------------


class BookResult(Struct, gc=False):
    """Updates ``U`` to ``u`` of pair ``s`` at ``t``; ``full``: the levels are the whole book."""

    s: str
    U: UpdateId
    u: UpdateId
    b: Levels | None = None
    a: Levels | None = None
    t: Milliseconds = 0
    full: bool = False


class BookPush(Struct, gc=False, tag_field="channel", tag=BOOK_CHANNEL):
    result: BookResult


class ObuResult(Struct, gc=False):
    """Updates ``U`` to ``u`` of the stream ``s`` (``ob.BTC_USDT.50``); a ``full`` one is a whole book and has no ``U``.

    A side that did not change is absent.
    """

    s: str
    u: UpdateId
    U: UpdateId | None = None
    b: Levels | None = None
    a: Levels | None = None
    t: Milliseconds = 0
    full: bool = False


class ObuPush(Struct, gc=False, tag_field="channel", tag=OBU_CHANNEL):
    result: ObuResult


class LimitedBookResult(Struct, gc=False):
    """The best ``l`` levels a side of pair ``s`` as of ``lastUpdateId``."""

    s: str
    lastUpdateId: UpdateId  # noqa: N815 (the exchange's name)
    l: Annotated[int, Meta(ge=1)]  # noqa: E741 (the exchange's name)
    bids: Levels | None = None
    asks: Levels | None = None
    t: Milliseconds = 0


class LimitedBookPush(Struct, gc=False, tag_field="channel", tag=LIMITED_BOOK_CHANNEL):
    result: LimitedBookResult


class TradeResult(Struct, gc=False):
    id: int | str
    currency_pair: str
    side: str
    amount: Number
    price: Number
    create_time_ms: FineTime


class TradePush(Struct, gc=False, tag_field="channel", tag=TRADES_CHANNEL):
    result: TradeResult


class BookTickerResult(Struct, gc=False):
    """Best bid ``b`` of amount ``B`` and best ask ``a`` of amount ``A`` at book update ``u``; an empty side is ""."""

    s: str
    u: UpdateId
    b: str
    B: str
    a: str
    A: str
    t: Milliseconds = 0


class BookTickerPush(Struct, gc=False, tag_field="channel", tag=BOOK_TICKER_CHANNEL):
    result: BookTickerResult


class TickerPush(Struct, gc=False, tag_field="channel", tag=TICKER_CHANNEL):
    result: TickerRow
    time_ms: Milliseconds = 0


class KlineResult(Struct, gc=False):
    """A candle from ``t`` on: ``v`` is in quote, ``a`` in base, ``n`` is ``1m_BTC_USDT``, ``w``: closed."""

    t: Seconds
    n: str
    o: Number
    h: Number
    l: Number  # noqa: E741 (the exchange's name)
    c: Number
    v: Number
    a: Number
    w: bool = False


class KlinePush(Struct, gc=False, tag_field="channel", tag=KLINE_CHANNEL):
    result: KlineResult


Push = BookPush | ObuPush | LimitedBookPush | TradePush | BookTickerPush | TickerPush | KlinePush

push_decoder: msgspec.json.Decoder[Push] = msgspec.json.Decoder(Push, strict=False)
server_time_decoder = msgspec.json.Decoder(ServerTime)
pair_decoder = msgspec.json.Decoder(Pair, strict=False)
order_book_decoder = msgspec.json.Decoder(OrderBookAnswer, strict=False)
trades_decoder = msgspec.json.Decoder(list[TradeRow], strict=False)
tickers_decoder = msgspec.json.Decoder(list[TickerRow])
klines_decoder = msgspec.json.Decoder(list[KlineRow], strict=False)
