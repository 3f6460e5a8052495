"""An exchange's trading rules for one symbol, and rounding that never increases risk."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Context, Decimal, Inexact
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cex.common.enums import InstrumentStatus, Side
from cex.common.types.symbols import Symbol

__all__ = ["Instrument"]


class Instrument(Struct, frozen=True, kw_only=True):
    """Trading rules as the exchange lists them; Decimal throughout, quantities in base units.

    ``tick`` is the price grid, ``step`` the quantity grid. Limits that are None are not limited. ``contract_size`` is
    base units per contract (1 on spot). Fees are fractions (0.002 = 0.2 %) of the base tier, None where not listed.
    """

    symbol: Symbol
    exchange: str
    exchange_symbol: str
    status: InstrumentStatus
    tick: Decimal
    step: Decimal
    min_quantity: Decimal | None = None
    max_quantity: Decimal | None = None
    min_notional: Decimal | None = None
    max_notional: Decimal | None = None
    contract_size: Decimal = Decimal(1)
    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None

    def __post_init__(self) -> None:
        for name in ("tick", "step", "contract_size"):
            value = getattr(self, name)
            if not (value.is_finite() and value > 0):
                raise ValueError(f"{name} of {self.symbol} must be positive, not {value}")

    def replaced(self, **changes: Any) -> Instrument:
        """A copy in which these fields are different."""
        return replace(self, **changes)

    def round_price(self, price: Decimal, side: Side) -> Decimal:
        """The nearest price on the grid that is no worse for us: a buy never pays more, a sell never gets less."""
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        return _to_grid(_exact("price", price), self.tick, rounding)

    def round_quantity(self, quantity: Decimal) -> Decimal:
        """The largest quantity on the grid that is not larger than asked (base units)."""
        return _to_grid(_exact("quantity", quantity), self.step, ROUND_DOWN)

    def violations(self, *, side: Side, quantity: Decimal, price: Decimal | None = None) -> list[str]:
        """Every rule that such an order would break, as sentences; empty when it may be sent.

        ``price`` None means a market order: its notional cannot be judged here.
        """
        _exact("quantity", quantity)
        found = []
        if self.status is not InstrumentStatus.TRADING and (
            self.status not in _ONE_SIDED or side is not _ONE_SIDED[self.status]
        ):
            found.append(f"{self.symbol} is {self.status} on {self.exchange}")
        if quantity <= 0:
            found.append(f"quantity {quantity} is not positive")
        if _EXACT.remainder(quantity, self.step):
            found.append(f"quantity {quantity} is not a multiple of the step {self.step}")
        if self.min_quantity is not None and quantity < self.min_quantity:
            found.append(f"quantity {quantity} is below the minimum {self.min_quantity}")
        if self.max_quantity is not None and quantity > self.max_quantity:
            found.append(f"quantity {quantity} is above the maximum {self.max_quantity}")
        if price is not None:
            _exact("price", price)
            if price <= 0:
                found.append(f"price {price} is not positive")
            if _EXACT.remainder(price, self.tick):
                found.append(f"price {price} is not a multiple of the tick {self.tick}")
            notional = _EXACT.multiply(price, quantity)
            if self.min_notional is not None and notional < self.min_notional:
                found.append(f"notional {notional} is below the minimum {self.min_notional}")
            if self.max_notional is not None and notional > self.max_notional:
                found.append(f"notional {notional} is above the maximum {self.max_notional}")
        return found


_LARGEST_EXPONENT = 40
_EXACT = Context(prec=200, traps=[Inexact])

_ONE_SIDED = {InstrumentStatus.BUY_ONLY: Side.BUY, InstrumentStatus.SELL_ONLY: Side.SELL}


def _exact(name: str, value: Decimal) -> Decimal:
    if not isinstance(value, Decimal):
        raise TypeError(f"{name} is a {type(value).__name__}; give a Decimal, for example Decimal('0.1')")
    if not value.is_finite():
        raise ValueError(f"{name} must be a finite number, not {value}")
    if abs(value.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError(f"{name} {value} is not a sensible amount")
    return value


def _to_grid(value: Decimal, grid: Decimal, rounding: str) -> Decimal:
    multiple, rest = _EXACT.divmod(value, grid)
    if rest and rounding == ROUND_CEILING and value > 0:
        multiple += 1
    elif rest and rounding == ROUND_FLOOR and value < 0:
        multiple -= 1
    return _EXACT.multiply(multiple, grid)
