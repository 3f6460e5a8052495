"""Three markets of one exchange that close a circle of currencies: convert around it, and see what is left after fees.

Pure functions over live books. A circle with a book that is not LIVE and fresh gives no result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

from msgspec import Struct

from cex.common.constants.trading_constants import BASIS_POINT, SUSPECT_SPREAD_BPS
from cex.common.enums import MarketType, Side
from cex.common.types.symbols import Symbol
from cex.trading.arbitrage.market import Market

__all__ = ["Circle", "Conversion", "find_circles"]


class Conversion(Struct, frozen=True, kw_only=True):
    """One trade of a circle: ``spent`` of one currency became ``received`` of the next, after the taker fee."""

    symbol: Symbol
    side: Side
    spent: float
    received: float


class Circle(Struct, frozen=True, kw_only=True):
    """Three conversions that begin and end in ``currency``; the size is the one that earns most.

    ``suspect`` says why the profit is too good to be believed, None where it is plausible.
    """

    exchange: str
    currency: str
    conversions: tuple[Conversion, Conversion, Conversion]
    suspect: str | None

    @property
    def spent(self) -> float:
        return self.conversions[0].spent

    @property
    def received(self) -> float:
        return self.conversions[-1].received

    @property
    def net_profit(self) -> float:
        """In ``currency``, after the three fees."""
        return self.received - self.spent

    @property
    def net_bps(self) -> float:
        """Profit in basis points of what was spent."""
        return self.net_profit / self.spent / BASIS_POINT


def find_circles(
    markets: Sequence[Market],
    currency: str,
    *,
    max_spent: float = float("inf"),
    suspect_bps: float = SUSPECT_SPREAD_BPS,
) -> list[Circle]:
    """Every profitable circle through three of ``markets`` from ``currency`` back to it, the most profitable first.

    ``max_spent`` limits the size, in ``currency``. Each circle is priced as if it were the only one; sizes are not
    rounded to the instruments' steps, and what rounding leaves over stays in the currency it is in.

    Raises:
        ValueError: the markets are not all spot markets of one exchange.
    """
    if len({market.exchange for market in markets}) > 1:
        raise ValueError(f"a circle stays on one exchange, not on {sorted({m.exchange for m in markets})}")
    for market in markets:
        if market.book.symbol.market_type is not MarketType.SPOT:
            raise ValueError(f"{market.book.symbol} is not a spot market: nothing is converted there")
    usable = [market for market in markets if market.usable]
    found = []
    for first, second, third in permutations(usable, 3):
        steps = _steps(currency, (first, second, third))
        if steps is not None:
            circle = _best_size(currency, steps, max_spent, suspect_bps)
            if circle is not None:
                found.append(circle)
    return sorted(found, key=lambda circle: circle.net_profit, reverse=True)


class _Step(Struct):
    """One market in one direction: what one unit spent yields, level by level, and how much a level takes."""

    market: Market
    side: Side
    levels: Iterator[tuple[float, float]]
    rate: float = 0.0
    room: float = 0.0
    spent: float = 0.0
    received: float = 0.0

    def refill(self) -> bool:
        """Go on to the next level when this one is used up; False at the end of the book."""
        while self.room <= 0:
            level = next(self.levels, None)
            if level is None:
                return False
            self.rate, self.room = level
        return True

    def convert(self, amount: float, *, to_the_end: bool) -> float:
        """Spend ``amount`` at this level, the last of it when ``to_the_end``, and return what comes back."""
        received = amount * self.rate
        self.spent += amount
        self.received += received
        self.room = 0.0 if to_the_end else self.room - amount
        return received


def _steps(currency: str, markets: tuple[Market, Market, Market]) -> tuple[_Step, _Step, _Step] | None:
    have, steps = currency, []
    for market in markets:
        symbol = market.book.symbol
        if have == symbol.quote:
            have, side = symbol.base, Side.BUY
        elif have == symbol.base:
            have, side = symbol.quote, Side.SELL
        else:
            return None
        steps.append(_Step(market=market, side=side, levels=_rates(market, side)))
    if have != currency:
        return None
    return steps[0], steps[1], steps[2]


def _rates(market: Market, side: Side) -> Iterator[tuple[float, float]]:
    kept = 1 - market.taker_fee
    if side is Side.BUY:
        return ((kept / price, price * quantity) for price, quantity in market.book.asks())
    return ((kept * price, quantity) for price, quantity in market.book.bids())


def _best_size(currency: str, steps: tuple[_Step, _Step, _Step], max_spent: float, suspect_bps: float) -> Circle | None:
    """Walk the three books together while the next unit still comes back as more than itself."""
    first, second, third = steps
    left = max_spent
    while left > 0 and first.refill() and second.refill() and third.refill():
        if first.rate * second.rate * third.rate <= 1:
            break
        limits = (first.room, second.room / first.rate, third.room / first.rate / second.rate, left)
        amount = least = min(limits)
        for step, limit in zip(steps, limits, strict=False):
            amount = step.convert(amount, to_the_end=limit == least)
        left -= least
    if first.spent <= 0:
        return None
    net_bps = (third.received - first.spent) / first.spent / BASIS_POINT
    made = [
        Conversion(symbol=step.market.book.symbol, side=step.side, spent=step.spent, received=step.received)
        for step in steps
    ]
    return Circle(
        exchange=first.market.exchange,
        currency=currency,
        conversions=(made[0], made[1], made[2]),
        suspect=f"{net_bps:.0f} bps is above {suspect_bps:.0f} bps" if net_bps > suspect_bps else None,
    )
