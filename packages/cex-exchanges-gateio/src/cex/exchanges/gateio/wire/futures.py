"""Structures of the perpetual futures that settle in USDT; fields that nothing reads are left out.

REST: https://www.gate.com/docs/developers/apiv4/en/#futures. WebSocket:
https://www.gate.com/docs/developers/futures/ws/en/. Sizes are contracts, as numbers or, where ``X-Gate-Size-Decimal``
was sent, as strings: both are read.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Struct

from cex.common.types.market import LevelChange
from cex.exchanges.gateio.constants import (
    FUTURES_BOOK_CHANNEL,
    FUTURES_BOOK_TICKER_CHANNEL,
    FUTURES_KLINE_CHANNEL,
    FUTURES_OBU_CHANNEL,
    FUTURES_TICKER_CHANNEL,
    FUTURES_TRADES_CHANNEL,
)
from cex.exchanges.gateio.wire.numbers import (
    Figure,
    FineTime,
    Levels,
    Milliseconds,
    Number,
    Seconds,
    SignedSize,
    Size,
    UpdateId,
)

__all__ = [
    "BookPush",
    "BookResult",
    "BookTickerPush",
    "BookTickerResult",
    "Contract",
    "FundingRow",
    "KlinePush",
    "KlineResult",
    "KlineRow",
    "Level",
    "ObuPush",
    "ObuResult",
    "OrderBookAnswer",
    "Push",
    "TickerPush",
    "TickerRow",
    "TradePush",
    "TradeResult",
    "TradeRow",
    "contract_decoder",
    "funding_decoder",
    "klines_decoder",
    "order_book_decoder",
    "push_decoder",
    "tickers_decoder",
    "trades_decoder",
]


class Level(LevelChange, gc=False, rename={"price": "p", "quantity": "s"}):
    """A price ``p`` and the contracts ``s`` at it; whole contracts up to 2 ** 53 are exact."""

    price: Number
    quantity: Number


# ---- REST ------------------------------------------------------------------------------------------------------------


class Contract(Struct):
    """A row of ``GET /futures/usdt/contracts`` and the answer for one; fees are fractions, times unix seconds.

    ``quanto_multiplier`` is the base quantity of one contract. ``enable_decimal``: a part of a contract can be traded.
    """

    name: str
    quanto_multiplier: Decimal
    order_price_round: Decimal
    type: str = "direct"
    order_size_min: Decimal | None = None
    order_size_max: Decimal | None = None
    enable_decimal: bool = False
    maker_fee_rate: Decimal | None = None
    taker_fee_rate: Decimal | None = None
    in_delisting: bool = False
    status: str = ""
    launch_time: int = 0
    delisted_time: int = 0
    funding_rate: Figure = None
    funding_interval: Seconds = 0
    funding_next_apply: FineTime = 0


class OrderBookAnswer(Struct):
    """``GET /futures/usdt/order_book`` with ``with_id=true``; ``current`` is in seconds with a fraction."""

    id: UpdateId
    asks: list[Level] | None
    bids: list[Level] | None
    current: FineTime = 0


class TradeRow(Struct):
    """A row of ``GET /futures/usdt/trades``; in spite of its name ``create_time_ms`` is in seconds here."""

    id: int | str
    contract: str
    size: SignedSize
    price: Number
    create_time_ms: FineTime


class TickerRow(Struct):
    """A row of ``GET /futures/usdt/tickers`` and of ``futures.tickers``, whose pushes leave out what did not change.

    ``volume_24h_base`` and ``volume_24h_quote`` are in those currencies, not in contracts. ``t`` is in milliseconds.
    """

    contract: str
    last: Figure = None
    change_percentage: Figure = None
    high_24h: Figure = None
    low_24h: Figure = None
    volume_24h: Figure = None
    volume_24h_quote: Figure = None
    mark_price: Figure = None
    index_price: Figure = None
    funding_rate: Figure = None
    highest_bid: Figure = None
    lowest_ask: Figure = None
    t: Milliseconds = 0


class KlineRow(Struct):
    """A row of ``GET /futures/usdt/candlesticks``: ``v`` contracts, ``sum`` in quote."""

    t: Seconds
    o: Number
    h: Number
    l: Number  # noqa: E741 (the exchange's name)
    c: Number
    v: Size = 0
    sum: Number | None = None


class FundingRow(Struct):
    """A row of ``GET /futures/usdt/funding_rate``: the rate ``r`` that was settled at ``t``."""

    t: Seconds
    r: str


# ---- pushes ----------------------------------------------------------------------------------------------------------


class BookResult(Struct, gc=False):
    """Updates ``U`` to ``u`` of contract ``s`` at ``t``; ``full``: the levels are the whole book."""

    s: str
    U: UpdateId
    u: UpdateId
    b: list[Level] | None = None
    a: list[Level] | None = None
    t: Milliseconds = 0
    full: bool = False


class BookPush(Struct, gc=False, tag_field="channel", tag=FUTURES_BOOK_CHANNEL):
    result: BookResult


class ObuResult(Struct, gc=False):
    """As on the spot market, with contracts: updates ``U`` to ``u`` of the stream ``s``, or a ``full`` book."""

    s: str
    u: UpdateId
    U: UpdateId | None = None
    b: Levels | None = None
    a: Levels | None = None
    t: Milliseconds = 0
    full: bool = False


class ObuPush(Struct, gc=False, tag_field="channel", tag=FUTURES_OBU_CHANNEL):
    result: ObuResult


class TradeResult(Struct, gc=False):
    """One trade of a push; here ``create_time_ms`` is in milliseconds."""

    id: int | str
    contract: str
    size: SignedSize
    price: Number
    create_time_ms: FineTime


class TradePush(Struct, gc=False, tag_field="channel", tag=FUTURES_TRADES_CHANNEL):
    result: list[TradeResult]


class BookTickerResult(Struct, gc=False):
    """Best bid ``b`` of ``B`` contracts and best ask ``a`` of ``A`` at book update ``u``; an empty side is "" and 0."""

    s: str
    u: UpdateId
    b: str
    B: Size
    a: str
    A: Size
    t: Milliseconds = 0


class BookTickerPush(Struct, gc=False, tag_field="channel", tag=FUTURES_BOOK_TICKER_CHANNEL):
    result: BookTickerResult


class TickerPush(Struct, gc=False, tag_field="channel", tag=FUTURES_TICKER_CHANNEL):
    result: list[TickerRow]
    time_ms: Milliseconds = 0


class KlineResult(Struct, gc=False):
    """A candle from ``t`` on: ``v`` contracts, ``n`` is ``1m_BTC_USDT``, ``w``: it is closed."""

    t: Seconds
    n: str
    o: Number
    h: Number
    l: Number  # noqa: E741 (the exchange's name)
    c: Number
    v: Size = 0
    w: bool = False


class KlinePush(Struct, gc=False, tag_field="channel", tag=FUTURES_KLINE_CHANNEL):
    result: list[KlineResult]


Push = BookPush | ObuPush | TradePush | BookTickerPush | TickerPush | KlinePush

push_decoder: msgspec.json.Decoder[Push] = msgspec.json.Decoder(Push, strict=False)
contract_decoder = msgspec.json.Decoder(Contract, strict=False)
order_book_decoder = msgspec.json.Decoder(OrderBookAnswer, strict=False)
trades_decoder = msgspec.json.Decoder(list[TradeRow], strict=False)
tickers_decoder = msgspec.json.Decoder(list[TickerRow])
klines_decoder = msgspec.json.Decoder(list[KlineRow], strict=False)
funding_decoder = msgspec.json.Decoder(list[FundingRow])
