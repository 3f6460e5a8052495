"""How MEXC names and describes what it trades. ``BTCUSDT`` is split by the exchange's own list, never by guessing."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from typing import Final

from cex.common.enums import InstrumentStatus
from cex.common.types.instruments import Instrument
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.mexc.constants import EXCHANGE

__all__ = ["new_catalogue", "spot_instrument"]

_ONLINE: Final = ("1", "ENABLED")
_OFFLINE: Final = "3"
_SPOT: Final = "SPOT"
_BY_SIDES: Final = {
    None: InstrumentStatus.TRADING,
    1: InstrumentStatus.TRADING,
    2: InstrumentStatus.BUY_ONLY,
    3: InstrumentStatus.SELL_ONLY,
}


def new_catalogue() -> InstrumentCatalogue:
    """A catalogue that waits for the exchange's list."""
    return InstrumentCatalogue(EXCHANGE)


def spot_instrument(
    *,
    name: str,
    base: str,
    quote: str,
    price_decimals: int,
    quantity_decimals: int,
    status: str | int,
    api_allowed: bool,
    permissions: Collection[str],
    sides: int | None = None,
    min_quantity: str | float | None = None,
    min_notional: str | float | None = None,
    max_notional: str | float | None = None,
    maker_fee: str | float | None = None,
    taker_fee: str | float | None = None,
) -> Instrument:
    """The trading rules of one row of ``GET /api/v3/exchangeInfo``.

    Tick and step are powers of ten. A limit that is absent, "" or "0" does not limit; fees are fractions. ``sides`` is
    ``tradeSideType``. A status or side that is not documented counts as halted: nothing is traded on a guess.

    Raises:
        ValueError: the currencies do not make a symbol, or a figure is none.
    """
    return Instrument(
        symbol=Symbol.of(base, quote),
        exchange=EXCHANGE,
        exchange_symbol=name,
        status=_status(str(status), api_allowed=api_allowed, permissions=permissions, sides=sides),
        tick=Decimal(1).scaleb(-price_decimals),
        step=Decimal(1).scaleb(-quantity_decimals),
        min_quantity=_figure(min_quantity) or None,
        min_notional=_figure(min_notional) or None,
        max_notional=_figure(max_notional) or None,
        maker_fee=_figure(maker_fee),
        taker_fee=_figure(taker_fee),
    )


def _status(status: str, *, api_allowed: bool, permissions: Collection[str], sides: int | None) -> InstrumentStatus:
    if status == _OFFLINE:
        return InstrumentStatus.DELISTED
    if status not in _ONLINE or not api_allowed or _SPOT not in permissions:
        return InstrumentStatus.HALTED
    return _BY_SIDES.get(sides, InstrumentStatus.HALTED)


def _figure(text: str | float | None) -> Decimal | None:
    if text is None or text == "":
        return None
    try:
        figure = Decimal(str(text))
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    if not (figure.is_finite() and figure >= 0):
        raise ValueError(f"{text!r} cannot be a limit or fee")
    return figure
