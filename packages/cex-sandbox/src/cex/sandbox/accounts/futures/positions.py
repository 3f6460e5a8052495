"""One position: what fills, margin changes and funding make of it, and the record that it leaves when it is closed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from cex.sandbox.accounts.futures.arithmetic import (
    ZERO,
    Booking,
    Tier,
    bankruptcy_price,
    book_fill,
    entry_price,
    funding_payment,
    initial_margin,
    liquidation_price,
    maintenance_margin,
    notional,
    rounded,
    tier_of,
    unrealised,
)
from cex.sandbox.accounts.futures.contracts import Contract

__all__ = ["DEFAULT_LEVERAGE", "Position", "PositionClose", "PositionMode"]

DEFAULT_LEVERAGE = Decimal(10)


class PositionMode(StrEnum):
    """Which of an account's positions in a contract this is."""

    SINGLE = "single"
    LONG = "dual_long"
    SHORT = "dual_short"


@dataclass(frozen=True, slots=True)
class PositionClose:
    """A position's life from its first contract to its last; results are in quote."""

    time_ns: int
    uid: int
    contract: Contract
    is_long: bool
    pnl: Decimal
    pnl_pnl: Decimal
    pnl_fund: Decimal
    pnl_fee: Decimal
    text: str
    most: Decimal
    accumulated: Decimal
    opened_ns: int
    long_price: Decimal
    short_price: Decimal


@dataclass(slots=True, eq=False)
class Position:
    """Signed ``size`` in contracts and the signed ``cost`` of what is open, in quote.

    ``leverage`` 0 is cross margin, where ``cross_leverage`` (0: the default of 10, or less where less is allowed) says
    what an open value ties up; above 0 the position is isolated and ``margin`` is what it has been given. ``pnl_*`` is
    what this position has realised since it was opened.
    """

    uid: int
    contract: Contract
    mode: PositionMode
    risk_limit: Decimal
    size: Decimal = ZERO
    cost: Decimal = ZERO
    margin: Decimal = ZERO
    leverage: Decimal = ZERO
    cross_leverage: Decimal = ZERO
    pnl_pnl: Decimal = ZERO
    pnl_fund: Decimal = ZERO
    pnl_fee: Decimal = ZERO
    history_pnl: Decimal = ZERO
    last_close_pnl: Decimal = ZERO
    opened_ns: int = 0
    updated_ns: int = 0
    update_id: int = 0
    most: Decimal = ZERO
    accumulated: Decimal = ZERO
    opened_total: Decimal = ZERO
    opened_value: Decimal = ZERO
    closed_value: Decimal = ZERO

    def copy(self) -> Position:
        """As it is now."""
        return replace(self)

    # --- figures -----------------------------------------------------------------------------------------------------

    @property
    def is_cross(self) -> bool:
        return not self.leverage

    @property
    def tier(self) -> Tier:
        """Of its risk limit."""
        return tier_of(self.risk_limit, self.contract.tiers)

    @property
    def effective_leverage(self) -> Decimal:
        """What an open value is divided by to get what it ties up."""
        if self.leverage:
            return self.leverage
        return self.cross_leverage or min(DEFAULT_LEVERAGE, self.tier.most_leverage)

    @property
    def entry(self) -> Decimal:
        return entry_price(self.size, self.cost, self.contract.multiplier)

    @property
    def value(self) -> Decimal:
        """At the mark price, not negative."""
        return abs(notional(self.size, self.contract.mark, self.contract.multiplier))

    @property
    def unrealised(self) -> Decimal:
        return unrealised(self.size, self.cost, self.contract.mark, self.contract.multiplier)

    @property
    def realised(self) -> Decimal:
        return self.pnl_pnl + self.pnl_fund + self.pnl_fee

    @property
    def initial_margin(self) -> Decimal:
        """What it ties up: the margin it was given, or (cross) its share of the wallet at the mark price."""
        return initial_margin(self.value, self.effective_leverage) if self.is_cross else self.margin

    @property
    def maintenance_margin(self) -> Decimal:
        return maintenance_margin(self.value, self.contract.tiers) if self.size else ZERO

    def liquidation_price(self, margin: Decimal) -> Decimal | None:
        """Where ``margin`` (its own, or what the cross account has left for it) no longer suffices."""
        return liquidation_price(self.size, self.cost, margin, self.contract.multiplier, self.contract.tiers)

    def bankruptcy_price(self, margin: Decimal) -> Decimal:
        """Where closing uses up ``margin``."""
        return bankruptcy_price(self.size, self.cost, margin, self.contract.multiplier) if self.size else ZERO

    def funding(self, rate: Decimal) -> Decimal:
        """What it receives (negative: pays) at a rate of funding."""
        return funding_payment(self.size, self.contract.mark, rate, self.contract.multiplier)

    # --- changes -----------------------------------------------------------------------------------------------------

    def touch(self, now_ns: int) -> None:
        """Note that something has changed."""
        self.update_id += 1
        self.updated_ns = now_ns

    def take(self, fill: Decimal, price: Decimal, now_ns: int, text: str) -> tuple[Booking, PositionClose | None]:
        """Book signed contracts at ``price``; the second is the record of the position that this has closed.

        An isolated position is given the margin of what is opened and gives back the share of what is closed.
        """
        before = self.size
        booking = book_fill(self.size, self.cost, fill, price, self.contract.multiplier)
        if booking.closed:
            given_back = self.margin if booking.closed == abs(before) else self._share(booking.closed, abs(before))
            self.margin -= given_back
            self.pnl_pnl += booking.realised
            self.accumulated += booking.closed
            self.closed_value += booking.closed * price
        self.size, self.cost = booking.size, booking.cost
        closed = None
        if booking.closed and booking.closed == abs(before):
            closed = self.close(before > 0, now_ns, text)
        if booking.opened:
            if not self.opened_total:
                self.opened_ns = now_ns
            self.opened_total += booking.opened
            self.opened_value += booking.opened * price
            if not self.is_cross:
                opened = notional(booking.opened, price, self.contract.multiplier)
                self.margin += initial_margin(opened, self.leverage)
        self.most = max(self.most, abs(self.size))
        self.touch(now_ns)
        return booking, closed

    def charge_fee(self, fee: Decimal) -> None:
        """Count a fee (negative: a rebate) among the results."""
        self.pnl_fee -= fee

    def close(self, was_long: bool, now_ns: int, text: str) -> PositionClose:
        """The record of what has come to its end; the counters begin anew."""
        entry = rounded(self.opened_value / self.opened_total)
        out = rounded(self.closed_value / self.accumulated)
        record = PositionClose(
            now_ns,
            self.uid,
            self.contract,
            was_long,
            self.realised,
            self.pnl_pnl,
            self.pnl_fund,
            self.pnl_fee,
            text,
            self.most,
            self.accumulated,
            self.opened_ns,
            entry if was_long else out,
            out if was_long else entry,
        )
        self.last_close_pnl = self.realised
        self.history_pnl += self.realised
        self.pnl_pnl = self.pnl_fund = self.pnl_fee = ZERO
        self.most = self.accumulated = self.opened_total = self.opened_value = self.closed_value = ZERO
        self.opened_ns = 0
        return record

    def _share(self, closed: Decimal, whole: Decimal) -> Decimal:
        return rounded(self.margin * closed / whole)
