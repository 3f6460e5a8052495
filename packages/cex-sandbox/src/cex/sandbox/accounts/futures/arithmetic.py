"""The arithmetic of linear perpetuals, exact to the last decimal: what is rounded once is carried on, never lost.

A position is a signed ``size`` in contracts and its signed ``cost`` in quote currency, what its open contracts were
bought for (negative: sold for). The entry price is derived from the two, so that a division can never make or lose
money. ``multiplier`` is base units a contract.
https://www.gate.com/docs/developers/apiv4/en/#futures
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import NamedTuple

__all__ = [
    "ZERO",
    "Booking",
    "Tier",
    "bankruptcy_price",
    "book_fill",
    "entry_price",
    "funding_payment",
    "initial_margin",
    "liquidation_price",
    "maintenance_margin",
    "notional",
    "rounded",
    "tier_of",
    "tiers_for",
    "unrealised",
]

ZERO = Decimal(0)
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_PLACES = Decimal("1E-12")
_TIERS = 8
_RISK_STEP = Decimal(1_000_000)


class Tier(NamedTuple):
    """Up to ``limit`` (quote) of position value: the rates as fractions, and what makes the maintenance continuous."""

    number: int
    limit: Decimal
    initial_rate: Decimal
    maintenance_rate: Decimal
    most_leverage: Decimal
    deduction: Decimal


class Booking(NamedTuple):
    """A position after a fill: what it realised (quote), and how many contracts it closed and opened (not negative)."""

    size: Decimal
    cost: Decimal
    realised: Decimal
    closed: Decimal
    opened: Decimal
    closed_cost: Decimal


def rounded(value: Decimal, places: Decimal = _PLACES) -> Decimal:
    """``value`` to twelve decimals, without trailing zeros."""
    found = value.quantize(places, context=_EXACT)
    return found.normalize(_EXACT) if found else ZERO


def notional(size: Decimal, price: Decimal, multiplier: Decimal) -> Decimal:
    """Signed value in quote currency."""
    return size * multiplier * price


def book_fill(size: Decimal, cost: Decimal, fill: Decimal, price: Decimal, multiplier: Decimal) -> Booking:
    """A position after ``fill`` signed contracts at ``price``; a fill may close it and open the other side.

    The share of the cost that leaves with a part of a position is rounded to twelve decimals; what stays is the exact
    rest, so that realised results always add up to what was received minus what was paid.
    """
    value = notional(fill, price, multiplier)
    if not size or (size > 0) == (fill > 0):
        return Booking(size + fill, cost + value, ZERO, ZERO, abs(fill), ZERO)
    closed = min(abs(size), abs(fill))
    leaving = cost if closed == abs(size) else _EXACT.divide(cost * closed, abs(size)).quantize(_PLACES, context=_EXACT)
    closing = closed if fill > 0 else -closed
    realised = -notional(closing, price, multiplier) - leaving
    rest = fill - closing
    if rest:
        return Booking(rest, notional(rest, price, multiplier), realised, closed, abs(rest), leaving)
    return Booking(size + fill, cost - leaving, realised, closed, ZERO, leaving)


def entry_price(size: Decimal, cost: Decimal, multiplier: Decimal) -> Decimal:
    """The average price of the open contracts to twelve decimals, 0 without any."""
    return rounded(_EXACT.divide(cost, size * multiplier)) if size else ZERO


def unrealised(size: Decimal, cost: Decimal, mark: Decimal, multiplier: Decimal) -> Decimal:
    """What closing at ``mark`` would realise."""
    return notional(size, mark, multiplier) - cost


def initial_margin(value: Decimal, leverage: Decimal) -> Decimal:
    """What a value (either sign) ties up at ``leverage``."""
    return _EXACT.divide(abs(value), leverage).quantize(_PLACES, context=_EXACT) if value else ZERO


@lru_cache(maxsize=1_000)
def tiers_for(maintenance_rate: Decimal, most_leverage: Decimal) -> tuple[Tier, ...]:
    """The risk limit tiers of a contract: each step of a million doubles nothing but asks half the base rates more."""
    tiers: list[Tier] = []
    deduction = ZERO
    for number in range(1, _TIERS + 1):
        factor = Decimal(number + 1) / 2
        rate = maintenance_rate * factor
        if tiers:
            deduction += (rate - tiers[-1].maintenance_rate) * tiers[-1].limit
        leverage = _EXACT.divide(most_leverage, factor).quantize(Decimal("0.01"), context=_EXACT)
        initial = _EXACT.divide(factor, most_leverage).quantize(Decimal("0.000001"), context=_EXACT)
        tiers.append(Tier(number, _RISK_STEP * number, initial, rate, leverage, deduction))
    return tuple(tiers)


def tier_of(value: Decimal, tiers: Sequence[Tier]) -> Tier:
    """The tier of a position value; what is beyond the last tier belongs to it."""
    for tier in tiers:
        if abs(value) <= tier.limit:
            return tier
    return tiers[-1]


def maintenance_margin(value: Decimal, tiers: Sequence[Tier]) -> Decimal:
    """Below this a position of ``value`` is liquidated."""
    tier = tier_of(value, tiers)
    return abs(value) * tier.maintenance_rate - tier.deduction


def liquidation_price(
    size: Decimal, cost: Decimal, margin: Decimal, multiplier: Decimal, tiers: Sequence[Tier]
) -> Decimal | None:
    """The mark at which ``margin`` and the unrealised result just make the maintenance margin.

    None when there is no such price: no position, or a long one that nothing can liquidate.
    """
    if not size:
        return None
    units = abs(size) * multiplier
    for tier in tiers:
        if size > 0:
            price = _EXACT.divide(cost - margin - tier.deduction, units * (1 - tier.maintenance_rate))
        else:
            price = _EXACT.divide(margin - cost + tier.deduction, units * (1 + tier.maintenance_rate))
        if tier_of(price * units, tiers) is tier:
            return rounded(price) if price > 0 else None
    return None


def bankruptcy_price(size: Decimal, cost: Decimal, margin: Decimal, multiplier: Decimal) -> Decimal:
    """The price at which closing uses up ``margin`` exactly, not below 0."""
    price = _EXACT.divide(cost - margin, size * multiplier)
    return rounded(max(price, ZERO))


def funding_payment(size: Decimal, mark: Decimal, rate: Decimal, multiplier: Decimal) -> Decimal:
    """What a holder receives (negative: pays) when funding is exchanged; at a positive rate longs pay."""
    return -notional(size, mark, multiplier) * rate
