"""Positions and their settings; what is set comes in the query of a POST without a body, but for the margin mode.

https://www.gate.com/docs/developers/apiv4/en/#futures
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from cex.sandbox.accounts.futures.arithmetic import ZERO
from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.desk import FuturesDesk
from cex.sandbox.accounts.futures.portfolio import Portfolio
from cex.sandbox.accounts.futures.positions import Position, PositionMode
from cex.sandbox.accounts.futures.refusals import FuturesReason, FuturesRefusal
from cex.sandbox.venues.gateio.futures import rendering
from cex.sandbox.venues.gateio.futures.paging import asked_contract, page, within
from cex.sandbox.venues.gateio.futures.parsing import amount, contract_of, query_flag
from cex.sandbox.venues.gateio.futures.words import text
from cex.sandbox.venues.gateio.pools import FUTURES_OTHER
from cex.sandbox.venues.gateio.private import Call, Endpoint
from cex.sandbox.venues.gateio.refusals import invalid, missing

__all__ = ["FuturesPositions", "Untouched"]

_BELOW = "/futures/usdt"
_DUAL = {mode.value: mode for mode in (PositionMode.LONG, PositionMode.SHORT)}
_POSITION_MODES = {"single": False, "dual": True}

Untouched = Literal["refused", "flat"]
"""What a position that was never touched gets: POSITION_NOT_FOUND, or a row of zeros."""


class FuturesPositions:
    """``contracts`` is keyed by Gate.io's names. Every handler may raise Refused or FuturesRefusal."""

    def __init__(self, desk: FuturesDesk, contracts: Mapping[str, Contract], *, untouched: Untouched) -> None:
        self._desk = desk
        self._contracts = contracts
        self._untouched = untouched

    def endpoints(self) -> Sequence[Endpoint]:
        one, dual = f"{_BELOW}/positions/{{contract}}", f"{_BELOW}/dual_comp/positions/{{contract}}"
        posts: dict[str, Callable[[Call], object]] = {
            f"{_BELOW}/positions/cross_mode": self.cross_mode,
            f"{_BELOW}/dual_comp/positions/cross_mode": self.cross_mode_dual,
            f"{one}/margin": self.margin,
            f"{one}/leverage": self.leverage,
            f"{one}/set_leverage": self.set_leverage,
            f"{one}/risk_limit": self.risk_limit,
            f"{dual}/margin": self.margin_dual,
            f"{dual}/leverage": self.leverage_dual,
            f"{dual}/risk_limit": self.risk_limit_dual,
            f"{_BELOW}/dual_mode": self.dual_mode,
            f"{_BELOW}/set_position_mode": self.position_mode,
        }
        gets: dict[str, Callable[[Call], object]] = {
            f"{_BELOW}/positions": self.positions,
            f"{_BELOW}/positions_timerange": self.positions_by_time,
            one: self.position,
            dual: self.position_dual,
            f"{_BELOW}/get_leverage/{{contract}}": self.get_leverage,
        }
        return [
            *(Endpoint("GET", path, handler, FUTURES_OTHER) for path, handler in gets.items()),
            *(Endpoint("POST", path, handler, FUTURES_OTHER) for path, handler in posts.items()),
        ]

    # --- looking -----------------------------------------------------------------------------------------------------

    def positions(self, call: Call) -> object:
        """Every position that was touched, or with ``holding=true`` only those that are not flat."""
        portfolio, holding = self._desk.portfolio(call.account), query_flag(call.query, "holding")
        asked = asked_contract(call, self._contracts)
        rows = [
            position
            for position in portfolio.positions.values()
            if position.mode in portfolio.modes()
            and position.update_id
            and (position.size or not holding)
            and (asked is None or position.contract is asked)
        ]
        return [rendering.position(row, portfolio, call.decimal) for row in page(call, rows)]

    def positions_by_time(self, call: Call) -> object:
        """What a contract's positions have been, newest first."""
        contract, portfolio = contract_of(self._contracts, call.query), self._desk.portfolio(call.account)
        rows = [position for position in reversed(portfolio.snapshots) if position.contract is contract]
        within_time = within(call, rows, lambda row: row.updated_ns)
        return [rendering.snapshot(row, portfolio, call.decimal) for row in page(call, within_time)]

    def position(self, call: Call) -> object:
        """In single mode."""
        portfolio, contract = self._single(call), contract_of(self._contracts, call.path)
        return self._told(call, self._looked_at(portfolio, contract, PositionMode.SINGLE))

    def position_dual(self, call: Call) -> object:
        """Both of dual mode, or the one of single mode, as an array."""
        portfolio, contract = self._desk.portfolio(call.account), contract_of(self._contracts, call.path)
        modes = portfolio.modes()
        if not any(portfolio.known(contract, mode) for mode in modes) and self._untouched == "refused":
            raise FuturesRefusal(FuturesReason.POSITION_NOT_FOUND, "position not found")
        return [self._told(call, portfolio.position(contract, mode)) for mode in modes]

    def get_leverage(self, call: Call) -> object:
        """The leverage of a position in its margin mode."""
        portfolio, contract = self._desk.portfolio(call.account), contract_of(self._contracts, call.path)
        side = call.query.get("dual_side", "")
        mode = _DUAL.get(side, portfolio.modes()[0])
        position = portfolio.known(contract, mode)
        if position is None:
            position = Position(call.uid, contract, mode, risk_limit=contract.tiers[0].limit)
        return {
            "lever": text(position.effective_leverage),
            "pos_margin_mode": "cross" if position.is_cross else "isolated",
            "contract": rendering.name_of(contract),
        }

    # --- setting -----------------------------------------------------------------------------------------------------

    def margin(self, call: Call) -> object:
        """Add to an isolated margin, or take from it."""
        self._single(call)
        symbol = contract_of(self._contracts, call.path).symbol
        change = self._asked(call, "change")
        return self._told(call, self._desk.change_margin(call.account, symbol, PositionMode.SINGLE, change))

    def margin_dual(self, call: Call) -> object:
        """Of ``dual_side``."""
        contract, change = contract_of(self._contracts, call.path), self._asked(call, "change")
        side = call.query.get("dual_side", "")
        if side not in _DUAL:
            raise invalid("dual_side", side)
        self._desk.change_margin(call.account, contract.symbol, _DUAL[side], change)
        return self._both(call, contract)

    def leverage(self, call: Call) -> object:
        """Above 0: isolated; 0: cross margin, with ``cross_leverage_limit``."""
        self._single(call)
        contract = contract_of(self._contracts, call.path)
        return self._told(call, self._set_leverage(call, contract, [PositionMode.SINGLE])[0])

    def leverage_dual(self, call: Call) -> object:
        """Of both positions."""
        contract = contract_of(self._contracts, call.path)
        self._set_leverage(call, contract, self._desk.portfolio(call.account).modes())
        return self._both(call, contract)

    def set_leverage(self, call: Call) -> object:
        """The newer form: leverage and ``margin_mode``; of one side of dual mode, where ``dual_side`` names one."""
        contract, portfolio = contract_of(self._contracts, call.path), self._desk.portfolio(call.account)
        leverage = self._asked(call, "leverage")
        margin_mode, side = call.query.get("margin_mode", "isolated").lower(), call.query.get("dual_side", "")
        if margin_mode not in ("isolated", "cross"):
            raise invalid("margin_mode", margin_mode)
        if side and (side not in _DUAL or not portfolio.dual):
            raise invalid("dual_side", side)
        cross = margin_mode == "cross"
        for mode in (_DUAL[side],) if side else portfolio.modes():
            self._desk.set_leverage(
                call.account, contract.symbol, mode, ZERO if cross else leverage, leverage if cross else ZERO
            )
        told = self._both(call, contract)
        return told if portfolio.dual else told[0]

    def risk_limit(self, call: Call) -> object:
        """The limit of one of the tiers."""
        self._single(call)
        symbol, limit = contract_of(self._contracts, call.path).symbol, self._asked(call, "risk_limit")
        return self._told(call, self._desk.set_risk_limit(call.account, symbol, PositionMode.SINGLE, limit))

    def risk_limit_dual(self, call: Call) -> object:
        """Of both positions."""
        contract, limit = contract_of(self._contracts, call.path), self._asked(call, "risk_limit")
        for mode in self._desk.portfolio(call.account).modes():
            self._desk.set_risk_limit(call.account, contract.symbol, mode, limit)
        return self._both(call, contract)

    def cross_mode(self, call: Call) -> object:
        """By a body, unlike all the others."""
        contract, cross = self._asked_cross(call)
        self._single(call)
        return self._told(call, self._desk.set_cross(call.account, contract.symbol, PositionMode.SINGLE, cross=cross))

    def cross_mode_dual(self, call: Call) -> object:
        """Of both positions; refused when neither changes."""
        contract, cross = self._asked_cross(call)
        portfolio = self._desk.portfolio(call.account)
        positions = [portfolio.position(contract, mode) for mode in portfolio.modes()]
        changing = [position for position in positions if position.is_cross is not cross]
        if not changing:
            raise FuturesRefusal(FuturesReason.NO_CHANGE)
        for position in changing:
            self._desk.set_cross(call.account, contract.symbol, position.mode, cross=cross)
        return self._both(call, contract)

    def dual_mode(self, call: Call) -> object:
        """One position a contract, or two."""
        if "dual_mode" not in call.query:
            raise missing("dual_mode")
        self._desk.set_dual(call.account, dual=query_flag(call.query, "dual_mode"))
        return rendering.account(self._desk.portfolio(call.account))

    def position_mode(self, call: Call) -> object:
        """The newer form, by name."""
        mode = call.query.get("position_mode", "")
        if not mode:
            raise missing("position_mode")
        if mode not in _POSITION_MODES:
            raise invalid("position_mode", mode)
        self._desk.set_dual(call.account, dual=_POSITION_MODES[mode])
        return rendering.account(self._desk.portfolio(call.account))

    # --- parts -------------------------------------------------------------------------------------------------------

    def _single(self, call: Call) -> Portfolio:
        portfolio = self._desk.portfolio(call.account)
        if portfolio.dual:
            raise FuturesRefusal(FuturesReason.POSITION_DUAL_MODE)
        return portfolio

    def _looked_at(self, portfolio: Portfolio, contract: Contract, mode: PositionMode) -> Position:
        position = portfolio.known(contract, mode)
        if position is not None:
            return position
        if self._untouched == "refused":
            raise FuturesRefusal(FuturesReason.POSITION_NOT_FOUND, "position not found")
        return Position(portfolio.uid, contract, mode, risk_limit=contract.tiers[0].limit)

    def _told(self, call: Call, position: Position) -> dict[str, Any]:
        return rendering.position(position, self._desk.portfolio(call.account), call.decimal)

    def _both(self, call: Call, contract: Contract) -> list[dict[str, Any]]:
        portfolio = self._desk.portfolio(call.account)
        return [self._told(call, portfolio.position(contract, mode)) for mode in portfolio.modes()]

    def _asked(self, call: Call, name: str) -> Decimal:
        if not call.query.get(name):
            raise missing(name)
        return amount(name, call.query[name])

    def _asked_cross(self, call: Call) -> tuple[Contract, bool]:
        fields = call.fields()
        contract, mode = contract_of(self._contracts, fields), fields.get("mode")
        if mode not in ("ISOLATED", "CROSS"):
            raise invalid("mode", mode)
        return contract, mode == "CROSS"

    def _set_leverage(self, call: Call, contract: Contract, modes: Sequence[PositionMode]) -> list[Position]:
        leverage = self._asked(call, "leverage")
        limit = call.query.get("cross_leverage_limit", "")
        cross = amount("cross_leverage_limit", limit) if limit else ZERO
        return [self._desk.set_leverage(call.account, contract.symbol, mode, leverage, cross) for mode in modes]
