"""An account of perpetuals by REST: its balance, and lists of what has happened to it.

https://www.gate.com/docs/developers/apiv4/en/#futures
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.desk import FuturesDesk
from cex.sandbox.accounts.futures.orders import FuturesFill
from cex.sandbox.accounts.futures.portfolio import EntryKind
from cex.sandbox.venues.gateio.futures import rendering
from cex.sandbox.venues.gateio.futures.paging import asked_contract, page, within
from cex.sandbox.venues.gateio.futures.words import text
from cex.sandbox.venues.gateio.pools import FUTURES_OTHER
from cex.sandbox.venues.gateio.private import Call, Endpoint
from cex.sandbox.venues.gateio.refusals import invalid

__all__ = ["FuturesRecords"]

_BELOW = "/futures/usdt"
_KINDS = {kind.value: kind for kind in EntryKind}
_OTHER_KINDS = ("refr", "point_dnw", "point_fee", "point_refr", "bonus_offset")


class FuturesRecords:
    """``contracts`` is keyed by Gate.io's names. Every handler may raise Refused or FuturesRefusal."""

    def __init__(self, desk: FuturesDesk, contracts: Mapping[str, Contract]) -> None:
        self._desk = desk
        self._contracts = contracts

    def endpoints(self) -> Sequence[Endpoint]:
        return [
            Endpoint("GET", f"{_BELOW}/{name}", handler, FUTURES_OTHER)
            for name, handler in {
                "accounts": self.account,
                "account_book": self.account_book,
                "fee": self.fee,
                "my_trades": self.my_trades,
                "my_trades_timerange": self.my_trades_by_time,
                "position_close": self.closes,
                "liquidates": self.liquidations,
                "auto_deleverages": self.deleverages,
            }.items()
        ]

    def account(self, call: Call) -> object:
        """Balance, margins and history sums."""
        return rendering.account(self._desk.portfolio(call.account))

    def account_book(self, call: Call) -> object:
        """Every change of the balance, newest first."""
        contract, kind = asked_contract(call, self._contracts), call.query.get("type", "")
        if kind and kind not in _KINDS and kind not in _OTHER_KINDS:
            raise invalid("type", kind)
        rows = [
            row
            for row in reversed(self._desk.portfolio(call.account).entries)
            if (contract is None or row.contract is contract) and (not kind or row.kind.value == kind)
        ]
        return [rendering.entry(row) for row in page(call, within(call, rows, lambda row: row.time_ns))]

    def fee(self, call: Call) -> object:
        """The account's own rates by contract."""
        asked = asked_contract(call, self._contracts)
        self._desk.portfolio(call.account)
        told = {}
        for name, contract in self._contracts.items():
            if asked is None or contract is asked:
                maker, taker = contract.fees(call.account)
                told[name] = {"taker_fee": text(taker), "maker_fee": text(maker)}
        return told

    def my_trades(self, call: Call) -> object:
        """Newest first; of one contract, of one order."""
        rows = self._fills(call)
        if call.query.get("order"):
            order_id = call.number("order", default=0, most=1 << 62)
            rows = [row for row in rows if row.order_id == order_id]
        last = call.number("last_id", default=0, most=1 << 62, least=0)
        rows = [row for row in rows if not last or row.trade_id < last]
        return [rendering.fill(row, call.decimal) for row in page(call, rows)]

    def my_trades_by_time(self, call: Call) -> object:
        rows = within(call, self._fills(call), lambda row: row.time_ns)
        role = call.query.get("role", "")
        if role not in ("", "maker", "taker"):
            raise invalid("role", role)
        rows = [row for row in rows if not role or row.is_maker is (role == "maker")]
        return [rendering.fill(row, call.decimal, by_range=True) for row in page(call, rows)]

    def closes(self, call: Call) -> object:
        """Positions that have come to their end, newest first."""
        contract, side, pnl = (
            asked_contract(call, self._contracts),
            call.query.get("side", ""),
            call.query.get("pnl", ""),
        )
        if side not in ("", "long", "short"):
            raise invalid("side", side)
        if pnl not in ("", "profit", "loss"):
            raise invalid("pnl", pnl)
        rows = [
            row
            for row in reversed(self._desk.portfolio(call.account).closes)
            if (contract is None or row.contract is contract)
            and (not side or row.is_long is (side == "long"))
            and (not pnl or (row.pnl > 0) is (pnl == "profit"))
        ]
        return [rendering.close(row, call.decimal) for row in page(call, within(call, rows, lambda row: row.time_ns))]

    def liquidations(self, call: Call) -> object:
        """Forced sales, newest first."""
        contract = asked_contract(call, self._contracts)
        rows = [
            row
            for row in reversed(self._desk.portfolio(call.account).liquidations)
            if contract is None or row.contract is contract
        ]
        at = call.number("at", default=0, most=1 << 40, least=0)
        rows = [row for row in rows if not at or row.time_ns // 1_000_000_000 == at]
        return [
            rendering.liquidation(row, call.decimal) for row in page(call, within(call, rows, lambda row: row.time_ns))
        ]

    def deleverages(self, call: Call) -> object:
        """Reductions for the sake of others, newest first."""
        contract = asked_contract(call, self._contracts)
        rows = [
            row
            for row in reversed(self._desk.portfolio(call.account).deleverages)
            if contract is None or row.contract is contract
        ]
        return [
            rendering.deleverage(row, call.decimal) for row in page(call, within(call, rows, lambda row: row.time_ns))
        ]

    def _fills(self, call: Call) -> list[FuturesFill]:
        contract = asked_contract(call, self._contracts)
        fills = reversed(self._desk.portfolio(call.account).fills)
        return [row for row in fills if contract is None or row.contract is contract]
