"""Toy's own structures, as bytes become them; fields that nothing reads are left out.

Prices and quantities are quoted numbers, so the decoders are lenient about quotes (``strict=False``).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

__all__ = [
    "BookAnswer",
    "BookPush",
    "Control",
    "ErrorBody",
    "FundingAnswer",
    "Push",
    "Row",
    "ServerTime",
    "TickerPush",
    "TradePush",
    "TradeRow",
    "book_decoder",
    "control_decoder",
    "error_decoder",
    "funding_decoder",
    "instruments_decoder",
    "push_decoder",
    "server_time_decoder",
    "trades_decoder",
]

Number = Annotated[float, Meta(ge=0, le=1e300)]
"""A price or a size; the bounds keep ``nan`` and ``inf`` out, which a quoted number could spell."""
Rate = Annotated[float, Meta(ge=-1, le=1)]
Levels = list[tuple[Number, Number]]
Seconds = Annotated[int, Meta(ge=1, le=31_536_000)]
Milliseconds = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]
UpdateId = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class ServerTime(Struct):
    """``GET /time``."""

    ms: Milliseconds


class Row(Struct):
    """A row of ``GET /instruments``.

    Only a perpetual has ``settle``, and ``contract``: the base units of one contract. Its ``step`` and every size of it
    on the wire are numbers of contracts.
    """

    name: str
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    settle: str | None = None
    contract: Decimal = Decimal(1)
    trading: bool = True


class BookAnswer(Struct):
    """``GET /book``."""

    id: UpdateId
    bids: Levels
    asks: Levels
    ms: Milliseconds = 0


class TradeRow(Struct):
    """A row of ``GET /trades``; ``side`` is the taker's."""

    id: str
    side: str
    price: Number
    size: Number
    ms: Milliseconds = 0


class FundingAnswer(Struct):
    """``GET /funding``: the fraction that longs pay shorts at ``ms``, and again after so many ``seconds``."""

    rate: Rate
    ms: Milliseconds
    seconds: Seconds


class ErrorBody(Struct):
    """What comes with a status other than 2xx."""

    code: str
    message: str = ""


class BookPush(Struct, gc=False, tag_field="op", tag="book"):
    """Updates ``first`` to ``last`` of the book of ``name``; a size of 0 deletes a price."""

    name: str
    first: UpdateId
    last: UpdateId
    bids: Levels
    asks: Levels
    ms: Milliseconds = 0


class TradePush(Struct, gc=False, tag_field="op", tag="trade"):
    name: str
    id: str
    side: str
    price: Number
    size: Number
    ms: Milliseconds = 0


class TickerPush(Struct, gc=False, tag_field="op", tag="ticker"):
    """Best bid and ask of ``name`` at book update ``id``."""

    name: str
    id: UpdateId
    bid: tuple[Number, Number]
    ask: tuple[Number, Number]
    ms: Milliseconds = 0


Push = BookPush | TradePush | TickerPush


class Control(Struct):
    """Everything else on the socket: ``op`` is ``done``, ``refused``, ``pong`` or something that nobody here reads."""

    op: str
    id: int | None = None
    streams: list[str] | None = None
    code: str | None = None
    message: str = ""


push_decoder: msgspec.json.Decoder[Push] = msgspec.json.Decoder(Push, strict=False)
control_decoder = msgspec.json.Decoder(Control)
server_time_decoder = msgspec.json.Decoder(ServerTime)
instruments_decoder = msgspec.json.Decoder(list[Row], strict=False)
book_decoder = msgspec.json.Decoder(BookAnswer, strict=False)
trades_decoder = msgspec.json.Decoder(list[TradeRow], strict=False)
funding_decoder = msgspec.json.Decoder(FundingAnswer, strict=False)
error_decoder = msgspec.json.Decoder(ErrorBody)
