"""Gate.io's own structures, as bytes become them; fields that nothing reads are left out.

REST: https://www.gate.com/docs/developers/apiv4/en/. WebSocket:
https://www.gate.com/docs/developers/apiv4/ws/en/. Prices and amounts are quoted numbers, so the
decoders of messages that carry them are lenient about quotes (``strict=False``); the rest is strict.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from cex.exchanges.gateio.constants import BOOK_CHANNEL, BOOK_TICKER_CHANNEL, TRADES_CHANNEL

__all__ = [
    "BookPush",
    "BookResult",
    "BookTickerPush",
    "BookTickerResult",
    "ControlFrame",
    "ErrorBody",
    "OrderBookAnswer",
    "Pair",
    "Push",
    "ServerTime",
    "SystemNotice",
    "TradePush",
    "TradeResult",
    "TradeRow",
    "WireError",
    "control_decoder",
    "error_decoder",
    "order_book_decoder",
    "pair_decoder",
    "pairs_decoder",
    "push_decoder",
    "server_time_decoder",
    "system_decoder",
    "trades_decoder",
]

Number = Annotated[float, Meta(ge=0, le=1e300)]
"""A price or amount; the bounds keep ``nan`` and ``inf`` out, which a quoted number could spell."""
FineMilliseconds = str | int | float
"""Milliseconds with digits behind the point, quoted by default."""
Levels = list[tuple[Number, Number]]
Milliseconds = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]
UpdateId = Annotated[int, Meta(ge=0, le=2**63 - 1)]


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
    create_time_ms: FineMilliseconds


class ErrorBody(Struct):
    """What comes with a status other than 2xx; some endpoints say ``detail`` instead of ``message``, some neither."""

    label: str
    message: str = ""
    detail: str = ""


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


class TradeResult(Struct, gc=False):
    id: int | str
    currency_pair: str
    side: str
    amount: Number
    price: Number
    create_time_ms: FineMilliseconds


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


Push = BookPush | TradePush | BookTickerPush


# ---- everything else on the socket -----------------------------------------------------------------------------------


class WireError(Struct):
    code: int | str | None = None
    message: str = ""


class ControlFrame(Struct):
    """Acknowledgement, refusal, pong, notice, or a push of a channel that nobody here reads.

    ``error`` alone tells a refusal. Acknowledgements of 2021 have neither ``id`` nor ``payload``.
    """

    channel: str = ""
    event: str = ""
    id: Any = None
    payload: Any = None
    error: WireError | None = None
    result: Raw = Raw()


class SystemNotice(Struct):
    type: str = ""
    msg: str = ""


push_decoder: msgspec.json.Decoder[Push] = msgspec.json.Decoder(Push, strict=False)
control_decoder = msgspec.json.Decoder(ControlFrame)
system_decoder = msgspec.json.Decoder(SystemNotice)
server_time_decoder = msgspec.json.Decoder(ServerTime)
pairs_decoder = msgspec.json.Decoder(list[Raw])
pair_decoder = msgspec.json.Decoder(Pair, strict=False)
order_book_decoder = msgspec.json.Decoder(OrderBookAnswer, strict=False)
trades_decoder = msgspec.json.Decoder(list[TradeRow], strict=False)
error_decoder = msgspec.json.Decoder(ErrorBody)
