"""How Toy describes what it trades; a name is taken apart by its own list, never by guessing."""

from __future__ import annotations

from decimal import Decimal

from cex.common.enums import InstrumentStatus
from cex.common.types.instruments import Instrument
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.toy.constants import EXCHANGE

__all__ = ["instrument", "new_catalogue"]


def new_catalogue() -> InstrumentCatalogue:
    """A catalogue that waits for the exchange's list."""
    return InstrumentCatalogue(EXCHANGE)


def instrument(*, name: str, base: str, quote: str, tick: Decimal, step: Decimal, is_trading: bool) -> Instrument:
    """The trading rules of one row of ``GET /instruments``.

    Raises:
        ValueError: the currencies do not make a symbol, or a grid is not positive.
    """
    return Instrument(
        symbol=Symbol.of(base, quote),
        exchange=EXCHANGE,
        exchange_symbol=name,
        status=InstrumentStatus.TRADING if is_trading else InstrumentStatus.HALTED,
        tick=tick,
        step=step,
    )
