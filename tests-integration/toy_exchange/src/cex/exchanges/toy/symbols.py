"""How Toy describes what it trades; a name is taken apart by its own list, never by guessing."""

from __future__ import annotations

from decimal import Decimal

from cex.common.enums import InstrumentStatus
from cex.common.types.instruments import Instrument
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.toy.constants import EXCHANGE

__all__ = ["instrument", "new_catalogue"]


_SMALLEST = Decimal("1e-12")


def new_catalogue() -> InstrumentCatalogue:
    """A catalogue that waits for the exchange's list."""
    return InstrumentCatalogue(EXCHANGE)


def instrument(
    *,
    name: str,
    base: str,
    quote: str,
    settle: str | None,
    tick: Decimal,
    step: Decimal,
    contract: Decimal,
    is_trading: bool,
) -> Instrument:
    """The trading rules of one row of ``GET /instruments``, with the step in base units.

    ``contract`` is base units per contract, 1 on spot.

    Raises:
        ValueError: the currencies do not make a symbol, or a grid or the contract is no sensible size.
        ArithmeticError: a number is none.
    """
    if not _SMALLEST <= contract <= 1 / _SMALLEST:
        raise ValueError(f"{contract} base units a contract")
    return Instrument(
        symbol=Symbol.of(base, quote, settle),
        exchange=EXCHANGE,
        exchange_symbol=name,
        status=InstrumentStatus.TRADING if is_trading else InstrumentStatus.HALTED,
        tick=tick,
        step=step * contract,
        contract_size=contract,
    )
