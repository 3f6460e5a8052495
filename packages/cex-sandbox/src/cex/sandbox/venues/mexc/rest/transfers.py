"""Money between the wallets of an account, between main and sub-accounts, and to other users.

https://www.mexc.com/api-docs/spot-v3/wallet-endpoints
"""

from __future__ import annotations

from collections.abc import Callable

from cex.sandbox.accounts.directory import Account, Directory, Permission
from cex.sandbox.accounts.ledger import FUTURES_USDT, SPOT
from cex.sandbox.accounts.orders import Refusal
from cex.sandbox.accounts.wallet import Transfer, TransferStatus, Wallet
from cex.sandbox.venues.mexc.errors import refused
from cex.sandbox.venues.mexc.gateway import Endpoint, Signed
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.rest.wallet import asked_amount, asked_coin, paged, wallet_refusal, window
from cex.sandbox.venues.mexc.words import movement_id, movement_number, plain

__all__ = ["Transfers"]

_WALLETS = {"SPOT": SPOT, "FUTURES": FUTURES_USDT}
_TYPES = {wallet: name for name, wallet in _WALLETS.items()}
_STATUS = {TransferStatus.PENDING: "WAIT", TransferStatus.DONE: "SUCCESS"}
_RECEIVERS = ("EMAIL", "UID", "MOBILE")
_DAYS_KEPT = 180
_INTERNAL = "internal"


class Transfers:
    """Every ``tranId`` is good for its own history only."""

    def __init__(self, wallet: Wallet, directory: Directory, *, options: MexcOptions) -> None:
        self._wallet = wallet
        self._directory = directory
        self._options = options

    def endpoints(self) -> list[Endpoint]:
        """What is answered here."""

        def endpoint(
            method: str, path: str, answer: Callable[[Signed], object], permission: Permission = Permission.READ
        ) -> Endpoint:
            return Endpoint(method=method, path=f"/api/v3/capital/{path}", signed=answer, permission=permission)

        return [
            endpoint("POST", "transfer", self.transfer, Permission.TRADE),
            endpoint("GET", "transfer", self.transfers),
            endpoint("GET", "transfer/tranId", self.by_id),
            endpoint("POST", "transfer/internal", self.pay, Permission.WITHDRAW),
            endpoint("GET", "transfer/internal", self.payments),
            endpoint("POST", "sub-account/universalTransfer", self.between_accounts, Permission.TRADE),
            endpoint("GET", "sub-account/universalTransfer", self.between_accounts_history),
        ]

    def transfer(self, call: Signed) -> object:
        """Between the wallets of one account."""
        transfer = self._moved(call, call.account, call.account)
        answer = {"tranId": movement_id(transfer.id)}
        return answer if self._options.bare_transfer_reply else [answer]

    def transfers(self, call: Signed) -> object:
        """Newest first, a page of ``size``."""
        source, target = self._wallets(call)
        start, end = window(call, self._options, days_kept=_DAYS_KEPT)
        size = call.params.count("size", default=10, most=100)
        page = call.params.count("page", default=1, most=1_000_000)
        rows = [
            _row(transfer)
            for transfer in self._own(call, start, end)
            if transfer.uid == transfer.to_uid and (transfer.source, transfer.target) == (source, target)
        ]
        return {"rows": rows[(page - 1) * size : page * size], "total": len(rows)}

    def by_id(self, call: Signed) -> object:
        number = movement_number(call.params.required("tranId"))
        transfer = None if number is None else self._wallet.transfer_by_id(call.account, number)
        if transfer is None:
            raise refused(22222)
        row = _row(transfer)
        return {
            **{name: row[name] for name in ("tranId", "clientTranId", "asset", "amount")},
            "fromAccountType": row["fromAccountType"],
            "toAccountType": row["toAccountType"],
            "symbol": None,
            "status": row["status"],
            "timestamp": row["timestamp"],
        }

    def pay(self, call: Signed) -> object:
        """To another user of the exchange, found by uid, or by the e-mail address or number in the account's facts."""
        kind, text = call.params.required("toAccountType"), call.params.required("toAccount")
        if kind not in _RECEIVERS:
            raise refused(33333)
        receiver = self._receiver(kind, text)
        if receiver is None or receiver is call.account:
            raise refused(10001)
        transfer = self._book(call, call.account, receiver, SPOT, SPOT, client_id=f"{_INTERNAL} {kind} {text}")
        return {"tranId": movement_id(transfer.id)}

    def payments(self, call: Signed) -> object:
        start, end = window(call, self._options, days_kept=_DAYS_KEPT)
        asked = call.params.text("tranId")
        found: list[object] = []
        for transfer in self._own(call, start, end):
            word, _, receiver = transfer.client_id.partition(" ")
            if word != _INTERNAL or asked not in (None, movement_id(transfer.id)):
                continue
            kind, _, text = receiver.partition(" ")
            found.append(
                {
                    "tranId": movement_id(transfer.id),
                    "asset": transfer.asset,
                    "amount": plain(transfer.amount),
                    "toAccountType": kind,
                    "toAccount": text,
                    "fromAccount": str(transfer.uid),
                    "status": _STATUS[transfer.status],
                    "timestamp": transfer.created_ns // 1_000_000,
                }
            )
        return paged(call, found)

    def between_accounts(self, call: Signed) -> object:
        """A name that is left out is the main account."""
        source, target = self._party(call, "fromAccount"), self._party(call, "toAccount")
        return [{"tranId": movement_id(self._moved(call, source, target).id)}]

    def between_accounts_history(self, call: Signed) -> object:
        source, target = self._party(call, "fromAccount"), self._party(call, "toAccount")
        wallets = self._wallets(call)
        start, end = window(call, self._options, days_kept=_DAYS_KEPT)
        limit = call.params.count("limit", default=500, most=500)
        page = call.params.count("page", default=1, most=1_000_000)
        rows = []
        for transfer in self._wallet.transfers(source)[::-1]:
            if not start <= transfer.created_ns // 1_000_000 <= end or transfer.client_id.startswith(_INTERNAL):
                continue
            if (transfer.uid, transfer.to_uid) == (source.uid, target.uid) and (
                transfer.source,
                transfer.target,
            ) == wallets:
                rows.append({**_row(transfer), "fromAccount": source.name, "toAccount": target.name})
        return rows[(page - 1) * limit : page * limit]

    def _own(self, call: Signed, start: int, end: int) -> list[Transfer]:
        found = self._wallet.transfers(call.account)
        return [transfer for transfer in reversed(found) if start <= transfer.created_ns // 1_000_000 <= end]

    def _wallets(self, call: Signed) -> tuple[str, str]:
        source = _WALLETS.get(call.params.required("fromAccountType"))
        target = _WALLETS.get(call.params.required("toAccountType"))
        if source is None or target is None:
            raise refused(10103)
        return source, target

    def _moved(self, call: Signed, source: Account, target: Account) -> Transfer:
        wallets = self._wallets(call)
        if source is target and wallets[0] == wallets[1]:
            raise refused(10103)
        return self._book(call, source, target, *wallets)

    def _book(
        self, call: Signed, source: Account, target: Account, wallet: str, to_wallet: str, client_id: str = ""
    ) -> Transfer:
        asset, amount = asked_coin(call, self._options, "asset"), asked_amount(call, self._options)
        try:
            return self._wallet.transfer(source, asset, amount, wallet, to_wallet, to=target, client_id=client_id)
        except Refusal as error:
            raise wallet_refusal(error, self._options) from None

    def _receiver(self, kind: str, text: str) -> Account | None:
        for account in self._directory.accounts:
            known = str(account.uid) if kind == "UID" else account.extra.get(kind.lower())
            if known == text:
                return account
        return None

    def _party(self, call: Signed, name: str) -> Account:
        if call.account.main is not None:
            raise refused(140002)
        text = call.params.text(name)
        if text is None:
            return call.account
        for account in self._directory.accounts:
            if account.main == call.account.uid and account.name == text:
                return account
        raise refused(140001)


def _row(transfer: Transfer) -> dict[str, object]:
    source, target = _TYPES[transfer.source], _TYPES[transfer.target]
    return {
        "tranId": movement_id(transfer.id),
        "clientTranId": None,
        "asset": transfer.asset,
        "amount": plain(transfer.amount),
        "fromAccountType": source,
        "toAccountType": target,
        "fromSymbol": source,
        "toSymbol": target,
        "status": _STATUS[transfer.status],
        "timestamp": transfer.created_ns // 1_000_000,
    }
