"""From the fields of a request to what the futures desk understands; anything else is refused by the field's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from cex.common.enums import TimeInForce
from cex.sandbox.accounts.futures.arithmetic import ZERO, rounded
from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.orders import AutoSize, FuturesTicket
from cex.sandbox.venues.gateio.refusals import Refused, invalid, missing

__all__ = ["amount", "contract_of", "flag", "order_key", "query_flag", "size_of", "ticket", "whole"]

_TIF = {"gtc": TimeInForce.GTC, "ioc": TimeInForce.IOC, "fok": TimeInForce.FOK, "poc": TimeInForce.POST_ONLY}
_AUTO = {"": None, **{auto.value: auto for auto in AutoSize}}
_TEXT = re.compile(r"t-[0-9A-Za-z_.\-]{1,28}")
_SOURCES = ("web", "api", "app", "")
_STP = ("-", "cn", "co", "cb", "")
_MOST_DIGITS = 30
_BIG = Decimal(1 << 62)
_FINEST = Decimal("1E-18")


def amount(name: str, value: object) -> Decimal:
    """A finite decimal of reasonable length, given as text or as a number.

    Raises:
        Refused
    """
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise invalid(name, value)
    spelled = str(value)
    try:
        found = Decimal(spelled) if len(spelled) <= _MOST_DIGITS and spelled.isascii() else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite() or abs(found) > _BIG or found != rounded(found, _FINEST):
        raise invalid(name, value)
    return found


def size_of(name: str, value: object, contract: Contract, *, decimal: bool) -> Decimal:
    """A signed number of contracts; parts of one only for clients that ask for decimals.

    Raises:
        Refused
    """
    found = amount(name, value)
    if not decimal and found != int(found):
        raise invalid(name, value)
    if found % contract.step:
        raise invalid(name, value)
    return found


def whole(name: str, value: object, *, least: int, most: int) -> int:
    """An integer, given as a number or as text. Raises Refused."""
    found = amount(name, value)
    if found != int(found) or not least <= found <= most:
        raise invalid(name, value)
    return int(found)


def flag(fields: Mapping[str, Any], name: str) -> bool:
    """A truth value that is false when it is left out. Raises Refused."""
    value = fields.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise invalid(name, value)
    return value


def query_flag(query: Mapping[str, str], name: str) -> bool:
    """A truth value of a query. Raises Refused."""
    value = query.get(name, "false")
    if value.lower() not in ("true", "false"):
        raise invalid(name, value)
    return value.lower() == "true"


def contract_of(contracts: Mapping[str, Contract], fields: Mapping[str, Any], name: str = "contract") -> Contract:
    """The contract that a request names.

    Raises:
        Refused
    """
    value = fields.get(name)
    if value is None or value == "":
        raise missing(name)
    found = contracts.get(value) if isinstance(value, str) else None
    if found is None:
        raise Refused(400, "CONTRACT_NOT_FOUND")
    return found


def order_key(value: object) -> tuple[int | None, str]:
    """An order's id, or its custom id: (id, "") or (None, text).

    Raises:
        Refused
    """
    spelled = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if spelled.startswith("t-"):
        return None, spelled
    if spelled.isascii() and spelled.isdigit() and len(spelled) < 20:
        return int(spelled), ""
    raise invalid("order_id", value)


def ticket(
    fields: Mapping[str, Any], contract: Contract, *, decimal: bool, source: str, initial: bool = False
) -> FuturesTicket:
    """What a request for an order asks for; ``source`` is the text of one that has none of its own.

    ``initial`` is the order of a price-triggered one, which may leave out its size.

    Raises:
        Refused
    """
    close, reduce_only = flag(fields, "close"), flag(fields, "reduce_only")
    auto = fields.get("auto_size")
    auto = "" if auto is None else auto
    if not isinstance(auto, str) or auto not in _AUTO:
        raise invalid("auto_size", auto)
    size = fields.get("size")
    if size is None:
        if not (close or auto or initial):
            raise missing("size")
        size = 0
    tif = fields.get("tif") or "gtc"
    if not isinstance(tif, str) or tif not in _TIF:
        raise invalid("tif", tif)
    given = fields.get("price")
    price = ZERO if given is None or given == "" else amount("price", given)
    if price < 0:
        raise invalid("price", given)
    stp = fields.get("stp_act") or "-"
    if not isinstance(stp, str) or stp not in _STP:
        raise invalid("stp_act", stp)
    iceberg = size_of("iceberg", fields.get("iceberg") or 0, contract, decimal=decimal)
    if iceberg < 0:
        raise invalid("iceberg", fields.get("iceberg"))
    return FuturesTicket(
        symbol=contract.symbol,
        size=size_of("size", size, contract, decimal=decimal),
        price=price or None,
        time_in_force=_TIF[tif],
        reduce_only=reduce_only,
        close=close,
        auto_size=_AUTO[auto],
        text=_text(fields.get("text"), source),
        iceberg=iceberg,
        stp_act=stp,
    )


def _text(value: object, source: str) -> str:
    if value is None:
        return source
    if not isinstance(value, str) or not (value in _SOURCES or _TEXT.fullmatch(value)):
        raise invalid("text", value)
    return value or source
