"""What the account's structures of both markets have in common: exact amounts, times in many units, ids, words."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from cex.common.enums import Liquidity, OrderStatus, OrderType, Side, TimeInForce
from cex.exchanges.gateio.constants import ORDER_TEXT_PREFIX
from cex.exchanges.gateio.decode.values import MILLISECOND, SECOND, moment, undecodable
from cex.exchanges.gateio.wire.numbers import Figure, FineTime

__all__ = [
    "POINTS",
    "amount",
    "client_id",
    "ended_why",
    "exact",
    "fired_id",
    "liquidity",
    "order_type",
    "positive",
    "seconds_of",
    "side",
    "time_in_force",
    "trigger_id",
    "trigger_number",
    "triggered_type",
    "when",
    "without_fill",
]

POINTS = "POINT"
"""The currency of fees that were paid in points."""
_TRIGGER_PREFIX = "trigger-"
"""Begins our ids of trigger orders, which Gate.io numbers apart from orders."""

_LARGEST_EXPONENT = 40
_MILLISECONDS_FROM = 10**11
"""A time from here on counts milliseconds: as seconds it would lie beyond the year 5000."""

_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_ROLES = {"maker": Liquidity.MAKER, "taker": Liquidity.TAKER}
_TIMES_IN_FORCE = {
    "gtc": TimeInForce.GTC,
    "ioc": TimeInForce.IOC,
    "fok": TimeInForce.FOK,
    "poc": TimeInForce.POST_ONLY,
}
_BY_ITS_OWN_TERMS = frozenset({"ioc", "fok", "poc"})


def exact(value: Decimal, channel: str) -> Decimal:
    """``value`` itself; ExchangeDataException for what is no sensible amount (``NaN``, ``1e999``)."""
    if not value.is_finite() or abs(value.adjusted()) > _LARGEST_EXPONENT:
        raise undecodable(channel, str(value)[:64], "not an amount")
    return value


def amount(value: Figure | Decimal, channel: str) -> Decimal | None:
    """An amount, in quotes or not; None where there is none (absent or ``""``)."""
    if value is None or value == "":
        return None
    try:
        return exact(value if isinstance(value, Decimal) else Decimal(str(value)), channel)
    except InvalidOperation as error:
        raise undecodable(channel, repr(value)[:64], "not an amount") from error


def positive(value: Figure | Decimal, channel: str) -> Decimal | None:
    """An amount, or None where it is absent or 0, by which Gate.io says that there is none (a market order's price)."""
    read = amount(value, channel)
    return read or None


def when(channel: str, *times: FineTime | None) -> int:
    """Nanoseconds of the first of ``times`` that is given, whether it counts seconds or milliseconds; 0 for none."""
    for value in times:
        if value is None or value in ("", 0, "0"):
            continue
        try:
            unit = MILLISECOND if float(value) >= _MILLISECONDS_FROM else SECOND
        except ValueError as error:
            raise undecodable(channel, repr(value)[:64], "not a time") from error
        return moment(value, unit, channel)
    return 0


def seconds_of(value: FineTime | None, channel: str) -> int:
    """The whole unix seconds of a time, 0 where there is none."""
    return when(channel, value) // SECOND


def side(word: str, channel: str) -> Side:
    """ExchangeDataException for a word that is neither ``buy`` nor ``sell``."""
    known = _SIDES.get(word)
    if known is None:
        raise undecodable(channel, word[:64], f"side is {word[:64]!r}")
    return known


def liquidity(role: str) -> Liquidity | None:
    return _ROLES.get(role)


def time_in_force(word: str) -> TimeInForce:
    """Descriptive: a word that is not documented counts as good till cancelled."""
    return _TIMES_IN_FORCE.get(word, TimeInForce.GTC)


def order_type(word: str) -> OrderType:
    """``limit`` and ``market`` with what borrowing and repaying adds to them, such as ``market_borrow``."""
    return OrderType.MARKET if word.startswith("market") else OrderType.LIMIT


def client_id(text: str) -> str | None:
    """The client order id in ``text``; None where the exchange has put its own word there (``web``, ``apiv4``)."""
    return text if text.startswith(ORDER_TEXT_PREFIX) else None


def trigger_id(number: int | str, client_order_id: str | None) -> str:
    """Our id of the trigger order of this number: none where it has a client order id.

    A trigger order becomes an order with a number of its own and the same client order id. By that one they are one
    order, whose id is given when it fires.
    """
    return "" if client_order_id else f"{_TRIGGER_PREFIX}{number}"


def triggered_type(direction: Side, rises: bool | None, rule: object, channel: str) -> OrderType:
    """What a trigger order is for: it stops a loss when it sells below or buys above, otherwise it takes a profit.

    ``rises`` tells whether it waits for a price at or above its own; None for a ``rule`` that is not documented.
    """
    if rises is None:
        raise undecodable(channel, repr(rule)[:64], "not a rule of a trigger")
    return OrderType.STOP_LOSS if rises is (direction is Side.BUY) else OrderType.TAKE_PROFIT


def fired_id(number: int | str | None) -> str | None:
    """The id of the order that a trigger order became; None where that is 0 or absent: it has not fired."""
    return None if number in (None, 0, "", "0") else str(number)


def ended_why(became: str | None, word: str) -> str:
    """Why a trigger order ended: it became an order, or what the exchange says."""
    return f"fired as {became}" if became else word


def trigger_number(order_id: str) -> str | None:
    """The number of the trigger order that has this id of ours; None where it is the id of an order."""
    return order_id.removeprefix(_TRIGGER_PREFIX) if order_id.startswith(_TRIGGER_PREFIX) else None


def without_fill(finish_as: str) -> OrderStatus:
    """How an order ended that did not fill whole: by its own time in force, or by somebody."""
    return OrderStatus.EXPIRED if finish_as in _BY_ITS_OWN_TERMS else OrderStatus.CANCELED
