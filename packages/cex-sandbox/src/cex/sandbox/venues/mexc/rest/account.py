"""The account itself: balances, fees, what it may trade, and the groups that keep it from trading with itself.

https://www.mexc.com/api-docs/spot-v3/spot-account-trade
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from cex.sandbox.accounts.directory import Account, Directory, Permission
from cex.sandbox.accounts.ledger import SPOT, Ledger
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.mexc.budgets import PerSecond
from cex.sandbox.venues.mexc.errors import refused
from cex.sandbox.venues.mexc.gateway import Endpoint, Signed
from cex.sandbox.venues.mexc.words import plain

__all__ = ["Accounts", "Groups"]

_MOST_GROUPS = 10
_FEE_DECIMALS = 18


class Accounts:
    """Queries about an account. ``books`` is keyed by MEXC's own symbols."""

    def __init__(self, books: Mapping[str, MarketBook], ledger: Ledger, desk: SpotDesk) -> None:
        self._books = books
        self._ledger = ledger
        self._desk = desk

    def endpoints(self) -> list[Endpoint]:
        """What is answered here."""

        def get(path: str, answer: Callable[[Signed], object], weight: int = 1) -> Endpoint:
            return Endpoint(method="GET", path=f"/api/v3/{path}", signed=answer, weight=weight)

        return [
            Endpoint(
                method="GET",
                path="/api/v3/account",
                signed=self.account,
                weight=10,
                per_second=(PerSecond.ACCOUNT,),
            ),
            get("tradeFee", self.trade_fee, 20),
            get("selfSymbols", self.self_symbols),
            get("kyc/status", self.kyc),
            get("uid", self.uid),
            get("mxDeduct/enable", self.fee_deduction),
            Endpoint(
                method="POST",
                path="/api/v3/mxDeduct/enable",
                signed=self.set_fee_deduction,
                permission=Permission.TRADE,
            ),
        ]

    def account(self, call: Signed) -> object:
        """Only coins that are held."""
        allows = call.key.allows
        return {
            "canTrade": allows(Permission.TRADE),
            "canWithdraw": allows(Permission.WITHDRAW),
            "canDeposit": True,
            "updateTime": None,
            "accountType": "SPOT",
            "balances": balances(self._ledger, call.account.uid),
            "permissions": ["SPOT"],
        }

    def trade_fee(self, call: Signed) -> object:
        book = self._books.get(call.params.required("symbol"))
        if book is None:
            raise refused(-1121)
        maker, taker = self._desk.fee_rates(call.account, book.listing.symbol)
        data = {"makerCommission": _number(maker), "takerCommission": _number(taker)}
        return {"data": data, "code": 0, "msg": "success", "timestamp": call.now_ms}

    def self_symbols(self, call: Signed) -> object:
        """What this key may trade."""
        names = [
            name
            for name, book in self._books.items()
            if book.rules.api_trading and (not call.key.scopes or name in call.key.scopes)
        ]
        return {"code": 200, "data": names, "msg": None}

    def kyc(self, call: Signed) -> object:
        return {"status": str(call.account.extra.get("kyc", "3"))}

    def uid(self, call: Signed) -> object:
        return {"uid": str(call.account.uid)}

    def fee_deduction(self, call: Signed) -> object:
        data = {"mxDeductEnable": call.account.fee_deduction}
        return {"data": data, "code": 0, "msg": "success", "timestamp": call.now_ms}

    def set_fee_deduction(self, call: Signed) -> object:
        call.params.required("mxDeductEnable")
        call.account.fee_deduction = bool(call.params.flag("mxDeductEnable"))
        return self.fee_deduction(call)


@dataclass(slots=True)
class _Group:
    """Accounts that do not trade with each other when they ask for it."""

    id: int
    name: str
    main: int
    created_ms: int
    updated_ms: int
    uids: list[int] = field(default_factory=list)

    def told(self, *, uids: bool = True) -> dict[str, object]:
        members = {"tradeGroupUid": ",".join(map(str, self.uids))} if uids else {}
        return {
            "tradeGroupName": self.name,
            "tradeGroupId": self.id,
            **members,
            "createTime": self.created_ms,
            "updateTime": self.updated_ms,
        }


class Groups:
    """Groups for self-trade prevention: up to ten of a main account."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._groups: dict[int, _Group] = {}
        self._last_id = 90

    def endpoints(self) -> list[Endpoint]:
        """What is answered here."""

        def endpoint(method: str, path: str, answer: Callable[[Signed], object]) -> Endpoint:
            permission = Permission.READ if method == "GET" else Permission.TRADE
            return Endpoint(
                method=method, path=f"/api/v3/strategy/{path}", signed=answer, permission=permission, weight=20
            )

        return [
            endpoint("POST", "group", self.create),
            endpoint("GET", "group", self.listed),
            endpoint("DELETE", "group", self.delete),
            endpoint("POST", "group/uid", self.add),
            endpoint("DELETE", "group/uid", self.remove),
        ]

    def create(self, call: Signed) -> object:
        uid, name = _main(call), call.params.required("tradeGroupName")
        groups = [group for group in self._groups.values() if group.main == uid]
        if len(groups) >= _MOST_GROUPS or any(group.name == name for group in groups):
            raise refused(26)
        self._last_id += 1
        group = self._groups[self._last_id] = _Group(self._last_id, name, uid, call.now_ms, call.now_ms)
        return _success(call, group.told(uids=False))

    def listed(self, call: Signed) -> object:
        uid, name = _main(call), call.params.text("tradeGroupName")
        groups = [group for group in self._groups.values() if group.main == uid and name in (None, group.name)]
        return _success(call, [group.told() for group in groups])

    def delete(self, call: Signed) -> object:
        group = self._asked(call)
        for uid in group.uids:
            self._member(call, str(uid)).stp_group = 0
        del self._groups[group.id]
        return _success(call, True)

    def add(self, call: Signed) -> object:
        """``uid`` may be several, separated by commas."""
        group = self._asked(call)
        for account in self._members(call):
            account.stp_group = group.id
            if account.uid not in group.uids:
                group.uids.append(account.uid)
        group.updated_ms = call.now_ms
        return _success(call, group.told())

    def remove(self, call: Signed) -> object:
        group = self._asked(call)
        for account in self._members(call):
            if account.uid in group.uids:
                group.uids.remove(account.uid)
                account.stp_group = 0
        group.updated_ms = call.now_ms
        return _success(call, True)

    def _asked(self, call: Signed) -> _Group:
        # The documentation's own example misspells the name of this parameter.
        number = call.params.integer("tradeGroupId") or call.params.integer("ttradeGroupId")
        if number is None:
            raise refused(44444)
        group = self._groups.get(number)
        if group is None or group.main != _main(call):
            raise refused(22222)
        return group

    def _members(self, call: Signed) -> list[Account]:
        return [self._member(call, text.strip()) for text in call.params.required("uid").split(",")]

    def _member(self, call: Signed, text: str) -> Account:
        account = self._directory.by_uid(int(text)) if text.isascii() and text.isdigit() and len(text) < 16 else None
        if account is None or call.account.uid not in (account.uid, account.main):
            raise refused(140001)
        return account


def balances(ledger: Ledger, uid: int) -> list[dict[str, str]]:
    """The coins that an account holds in its spot wallet."""
    return [
        {"asset": asset, "free": plain(holding.free), "locked": plain(holding.locked)}
        for asset, holding in ledger.holdings(uid, SPOT).items()
        if holding.free or holding.locked
    ]


def _main(call: Signed) -> int:
    if call.account.main is not None:
        raise refused(140002)
    return call.account.uid


def _success(call: Signed, data: object) -> dict[str, object]:
    return {"data": data, "code": 200, "msg": "success", "timestamp": call.now_ms}


def _number(rate: Decimal) -> msgspec.Raw:
    return msgspec.Raw(f"{rate:.{_FEE_DECIMALS}f}".encode())
