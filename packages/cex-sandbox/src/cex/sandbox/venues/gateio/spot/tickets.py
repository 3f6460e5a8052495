"""A client's order in Gate.io's words becomes a ticket, or is refused with the documented label.

https://www.gate.com/docs/developers/apiv4/en/#create-an-order
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

from cex.common.enums import OrderType, Side, TimeInForce
from cex.sandbox.accounts.directory import Account
from cex.sandbox.accounts.orders import SelfTrade, Ticket
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.gateio.refusals import Refused, invalid, missing

__all__ = [
    "amount",
    "book_of",
    "check_account",
    "choice",
    "client_text",
    "required",
    "side_of",
    "ticket",
]

_TEXT = re.compile(r"t-[0-9A-Za-z_.\-]{1,28}", re.ASCII)
_AMOUNT = re.compile(r"\d{1,20}(\.\d{1,30})?|\d(\.\d{1,20})?[eE][+-]?\d{1,2}", re.ASCII)
_TIMES_IN_FORCE = {
    "gtc": TimeInForce.GTC,
    "ioc": TimeInForce.IOC,
    "poc": TimeInForce.POST_ONLY,
    "fok": TimeInForce.FOK,
}
_SELF_TRADE = {"cn": SelfTrade.CANCEL_NEWEST, "co": SelfTrade.CANCEL_OLDEST, "cb": SelfTrade.CANCEL_BOTH}
_ACTION_MODES = ("ACK", "RESULT", "FULL")
_T = TypeVar("_T")


def ticket(fields: Mapping[str, Any], books: Mapping[str, MarketBook], account: Account, *, source: str) -> Ticket:
    """The ticket of an order's fields; ``source`` is the text of an order without one (``apiv4``).

    Raises:
        Refused: something is missing or not allowed.
    """
    pair = required(fields, "currency_pair")
    book = book_of(books, pair)
    side = side_of(fields)
    kind = choice(fields, "type", {"limit": OrderType.LIMIT, "market": OrderType.MARKET}, "limit")
    wallet = check_account(fields.get("account") or "spot", account)
    time_in_force = choice(fields, "time_in_force", _TIMES_IN_FORCE, "gtc")
    quantity = amount(fields, "amount")
    price = slippage = None
    if kind is OrderType.LIMIT:
        price = amount(fields, "price")
    else:
        if time_in_force not in (TimeInForce.IOC, TimeInForce.FOK):
            raise invalid("time_in_force", fields.get("time_in_force") or "gtc")
        if _given(fields, "slippage"):
            slippage = amount(fields, "slippage")
    by_quote = kind is OrderType.MARKET and side is Side.BUY
    return Ticket(
        symbol=book.listing.symbol,
        side=side,
        kind=kind,
        time_in_force=time_in_force,
        price=price,
        quantity=None if by_quote else quantity,
        quote_quantity=quantity if by_quote else None,
        client_id=client_text(fields) or "",
        stp=_self_trade(fields, account),
        slippage=slippage,
        iceberg=_iceberg(fields, quantity),
        text=source,
        extra=_extra(fields) | {"account": wallet, "stp_id": account.stp_group},
    )


def client_text(fields: Mapping[str, Any]) -> str | None:
    """The custom id, None when there is none.

    Raises:
        Refused: it does not start with ``t-``, or has more than 28 further characters, or others than allowed.
    """
    if not _given(fields, "text"):
        return None
    text = fields["text"]
    if not isinstance(text, str) or not _TEXT.fullmatch(text):
        raise invalid("text", text)
    return text


def required(fields: Mapping[str, Any], name: str) -> str:
    """A text that must be there."""
    value = fields.get(name)
    if value is None or value == "":
        raise missing(name)
    if not isinstance(value, str):
        raise invalid(name, value)
    return value


def choice(fields: Mapping[str, Any], name: str, known: Mapping[str, _T], default: str) -> _T:
    """One of the ``known`` words."""
    value = fields.get(name) or default
    if not isinstance(value, str) or value not in known:
        raise invalid(name, value)
    return known[value]


def amount(fields: Mapping[str, Any], name: str, *, zero: bool = False) -> Decimal:
    """A positive amount, as text or as a number."""
    value = fields.get(name)
    if value is None or value == "":
        raise missing(name)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 64:
        value = str(value)
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise invalid(name, value)
    number = Decimal(value)
    if not number and not zero:
        raise invalid(name, value)
    return number


def side_of(fields: Mapping[str, Any], name: str = "side") -> Side:
    """Whether it buys or sells."""
    required(fields, name)
    return choice(fields, name, {"buy": Side.BUY, "sell": Side.SELL}, "")


def book_of(books: Mapping[str, MarketBook], pair: str) -> MarketBook:
    """The book of a pair."""
    book = books.get(pair)
    if book is None:
        raise Refused(400, "INVALID_CURRENCY_PAIR", f"Invalid currency pair {pair[:40]}")
    return book


def check_account(value: object, account: Account) -> str:
    """The account that an order is for: ``spot``, or ``unified`` where the account is unified.

    Raises:
        Refused: margin is not offered, or the account is not unified.
    """
    if value not in ("spot", "margin", "cross_margin", "unified"):
        raise invalid("account", value)
    unified = account.unified_mode != "classic"
    if value == "margin" or (value == "cross_margin" and not unified):
        raise Refused(400, "MARGIN_NOT_SUPPORTED", "Margin trading is not supported")
    if value == "unified" and not unified:
        raise Refused(400, "UNIFIED_ACCOUNT_NOT_ACTIVATED", "The unified account is not activated")
    return "unified" if unified else "spot"


def _self_trade(fields: Mapping[str, Any], account: Account) -> SelfTrade | None:
    value = fields.get("stp_act")
    if value in (None, "", "-"):
        return SelfTrade.CANCEL_NEWEST if account.stp_group else None
    if not isinstance(value, str) or value not in _SELF_TRADE or not account.stp_group:
        raise invalid("stp_act", value)
    return _SELF_TRADE[value]


def _iceberg(fields: Mapping[str, Any], quantity: Decimal) -> Decimal:
    if not _given(fields, "iceberg"):
        return Decimal(0)
    visible = amount(fields, "iceberg", zero=True)
    if visible > quantity:
        raise invalid("iceberg", fields["iceberg"])
    return visible


def _extra(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What is only echoed."""
    flags = {}
    for name in ("auto_borrow", "auto_repay"):
        value = fields.get(name)
        if value not in (None, True, False):
            raise invalid(name, value)
        flags[name] = bool(value)
    if flags["auto_borrow"] and flags["auto_repay"]:
        raise invalid("auto_repay", "true")
    choice(fields, "action_mode", {mode: mode for mode in _ACTION_MODES}, "FULL")
    return {**flags, "stp_act": fields.get("stp_act") or "-", "slippage": fields.get("slippage")}


def _given(fields: Mapping[str, Any], name: str) -> bool:
    return fields.get(name) not in (None, "")
