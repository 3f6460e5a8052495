"""Coins and their networks, deposits and withdrawals. https://www.mexc.com/api-docs/spot-v3/wallet-endpoints"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from cex.sandbox.accounts.directory import Permission
from cex.sandbox.accounts.orders import Reason, Refusal
from cex.sandbox.accounts.wallet import (
    Coin,
    Deposit,
    DepositAddress,
    DepositStatus,
    Network,
    Wallet,
    Withdrawal,
    WithdrawalStatus,
)
from cex.sandbox.venues.mexc.errors import MESSAGES, Refused
from cex.sandbox.venues.mexc.gateway import Endpoint, Signed
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.words import asset_id, movement_id, movement_number, plain

__all__ = ["WalletOffice", "asked_amount", "asked_coin", "paged", "wallet_refusal", "window"]

_DAY_MS = 86_400_000
_DAYS_KEPT = 90
_DAYS_AT_ONCE = 7
_MOST_RECORDS = 1000
_MONEY_DECIMALS = 18

_CODES = {
    Reason.UNKNOWN_ASSET: 10232,
    Reason.UNKNOWN_NETWORK: 33333,
    Reason.NETWORK_SUSPENDED: 26,
    Reason.ADDRESS_NOT_ALLOWED: 10212,
    Reason.AMOUNT_PRECISION: 10096,
    Reason.AMOUNT_TOO_SMALL: 10097,
    Reason.AMOUNT_TOO_LARGE: 10097,
    Reason.INSUFFICIENT_BALANCE: 10101,
    Reason.TRANSFER_NOT_ALLOWED: 10100,
    Reason.MOVEMENT_NOT_FOUND: 22222,
    Reason.MOVEMENT_FINISHED: 26,
}
_DEPOSITS = {DepositStatus.PENDING: 4, DepositStatus.DONE: 5}
_WITHDRAWALS = {
    WithdrawalStatus.REQUESTED: 1,
    WithdrawalStatus.PROCESSING: 4,
    WithdrawalStatus.SENT: 6,
    WithdrawalStatus.DONE: 7,
    WithdrawalStatus.FAILED: 8,
    WithdrawalStatus.CANCELLED: 9,
}


class WalletOffice:
    """What comes from outside and goes there."""

    def __init__(self, wallet: Wallet, *, options: MexcOptions) -> None:
        self._wallet = wallet
        self._options = options

    def endpoints(self) -> list[Endpoint]:
        """What is answered here."""

        def endpoint(method: str, path: str, answer: Callable[[Signed], object], weight: int = 1) -> Endpoint:
            permission = Permission.READ if method == "GET" else Permission.WITHDRAW
            return Endpoint(
                method=method, path=f"/api/v3/capital/{path}", signed=answer, permission=permission, weight=weight
            )

        return [
            endpoint("GET", "config/getall", self.coins, 10),
            endpoint("POST", "withdraw", self.withdraw),
            endpoint("POST", "withdraw/apply", self.apply),
            endpoint("DELETE", "withdraw", self.cancel),
            endpoint("GET", "withdraw/history", self.withdrawals),
            endpoint("GET", "withdraw/address", self.withdraw_addresses, 10),
            endpoint("POST", "deposit/address", self.make_address),
            endpoint("GET", "deposit/address", self.addresses, 10),
            endpoint("GET", "deposit/hisrec", self.deposits),
        ]

    def coins(self, call: Signed) -> object:
        return [
            {
                "coin": coin.asset,
                "name": coin.name,
                "networkList": [_network(coin, network) for network in coin.networks],
            }
            for coin in self._wallet.coins.values()
        ]

    def withdraw(self, call: Signed) -> object:
        return {"id": movement_id(self._withdrawn(call, call.params.text("netWork")).id)}

    def apply(self, call: Signed) -> object:
        """The old form: another name for the network, and a list for an answer."""
        return [{"id": movement_id(self._withdrawn(call, call.params.text("network")).id)}]

    def cancel(self, call: Signed) -> object:
        text = call.params.required("id")
        number = movement_number(text)
        try:
            self._wallet.cancel_withdrawal(call.account, -1 if number is None else number)
        except Refusal as error:
            raise wallet_refusal(error, self._options) from None
        return {"id": text}

    def withdrawals(self, call: Signed) -> object:
        found = self._wallet.withdrawals(call.account, call.params.text("coin"))
        return self._history(call, found, _withdrawal, lambda record: _WITHDRAWALS[record.status])

    def deposits(self, call: Signed) -> object:
        found = self._wallet.deposits(call.account, call.params.text("coin"))
        return self._history(call, found, self._deposit, lambda record: _DEPOSITS[record.status])

    def withdraw_addresses(self, call: Signed) -> object:
        coin = call.params.text("coin")
        found: list[object] = [
            {
                "coin": asset,
                "network": self._wallet.coin(asset).network(network).label,
                "address": address,
                "addressTag": None,
                "memo": None,
            }
            for asset, network, address in self._wallet.allowed_addresses(call.account)
            if coin in (None, asset)
        ]
        return paged(call, found)

    def make_address(self, call: Signed) -> object:
        coin = asked_coin(call, self._options)
        return [self._address(call, coin, call.params.required("network"))]

    def addresses(self, call: Signed) -> object:
        asset, network = asked_coin(call, self._options), call.params.text("network")
        if network is not None:
            return [self._address(call, asset, network)]
        networks = self._coin(asset).networks
        return [self._address(call, asset, network.name) for network in networks if network.deposits]

    def _withdrawn(self, call: Signed, network: str | None) -> Withdrawal:
        params = call.params
        try:
            return self._wallet.withdraw(
                call.account,
                asked_coin(call, self._options),
                asked_amount(call, self._options),
                params.required("address"),
                network=network,
                memo=params.text("memo") or "",
                client_id=params.text("withdrawOrderId") or "",
                remark=params.text("remark") or "",
            )
        except Refusal as error:
            raise wallet_refusal(error, self._options) from None

    def _address(self, call: Signed, asset: str, network: str) -> dict[str, object]:
        try:
            found: DepositAddress = self._wallet.deposit_address(call.account, asset, network)
        except Refusal as error:
            raise wallet_refusal(error, self._options) from None
        return {
            "coin": asset,
            "network": self._coin(asset).network(found.network).label,
            "address": found.address,
            "memo": found.memo or None,
            "netWork": found.network,
        }

    def _coin(self, asset: str) -> Coin:
        try:
            return self._wallet.coin(asset)
        except Refusal as error:
            raise wallet_refusal(error, self._options) from None

    def _history(
        self, call: Signed, found: list[Any], told: Callable[[Any], object], status: Callable[[Any], int]
    ) -> object:
        asked = call.params.integer("status")
        limit = call.params.count("limit", default=_MOST_RECORDS, most=_MOST_RECORDS)
        start, end = window(call, self._options, days_kept=_DAYS_KEPT)
        kept = [
            record
            for record in reversed(found)
            if start <= record.created_ns // 1_000_000 <= end and asked in (None, status(record))
        ]
        return [told(record) for record in kept[:limit]]

    def _deposit(self, deposit: Deposit) -> dict[str, object]:
        return {
            "amount": plain(deposit.amount),
            "coin": deposit.asset,
            "network": self._coin(deposit.asset).network(deposit.network).label,
            "status": _DEPOSITS[deposit.status],
            "address": deposit.address,
            "txId": f"{deposit.tx_id}:0",
            "insertTime": deposit.created_ns // 1_000_000,
            "unlockConfirm": str(deposit.required),
            "confirmTimes": str(deposit.confirmations),
            "memo": deposit.memo,
        }


def _withdrawal(withdrawal: Withdrawal) -> dict[str, object]:
    return {
        "id": movement_id(withdrawal.id),
        "txId": withdrawal.tx_id or None,
        "coin": withdrawal.asset,
        "network": withdrawal.network,
        "address": withdrawal.address,
        "amount": plain(withdrawal.amount),
        "transferType": 0,
        "status": _WITHDRAWALS[withdrawal.status],
        "transactionFee": plain(withdrawal.fee),
        "confirmNo": None,
        "applyTime": withdrawal.created_ns // 1_000_000,
        "remark": withdrawal.remark,
        "memo": withdrawal.memo,
        "transHash": withdrawal.tx_id,
        "updateTime": withdrawal.updated_ns // 1_000_000,
        "coinId": asset_id(withdrawal.asset),
        "vcoinId": asset_id(withdrawal.asset),
        "withdrawOrderId": withdrawal.client_id or None,
    }


def _network(coin: Coin, network: Network) -> dict[str, object]:
    tips = "Both a MEMO and an Address are required." if network.memo else None
    return {
        "coin": coin.asset,
        "depositDesc": None,
        "depositEnable": network.deposits,
        "minConfirm": network.confirmations,
        "name": coin.name,
        "network": network.label or network.name,
        "withdrawEnable": network.withdrawals,
        "withdrawFee": _money(network.withdraw_fee),
        "withdrawIntegerMultiple": None,
        "withdrawMax": _money(network.withdraw_max),
        "withdrawMin": _money(network.withdraw_min),
        "sameAddress": False,
        "contract": network.contract,
        "withdrawTips": tips,
        "depositTips": tips,
        "netWork": network.name,
    }


def asked_coin(call: Signed, options: MexcOptions, name: str = "coin") -> str:
    """The coin that is asked for; 10222 without one."""
    text = call.params.text(name)
    if text is None:
        raise _refused(10222, options)
    return text


def asked_amount(call: Signed, options: MexcOptions) -> Decimal:
    """The amount that is asked for; 10095 without one, 10102 when it is not positive."""
    amount = call.params.decimal("amount")
    if amount is None:
        raise _refused(10095, options)
    if amount <= 0:
        raise _refused(10102, options)
    return amount


def window(call: Signed, options: MexcOptions, *, days_kept: int) -> tuple[int, int]:
    """Start and end (ms): the last 7 days unless asked otherwise, 7 days at most, not before what is kept."""
    start, end = call.params.integer("startTime"), call.params.integer("endTime")
    last = call.now_ms if end is None else end
    first = last - _DAYS_AT_ONCE * _DAY_MS if start is None else start
    if first < call.now_ms - days_kept * _DAY_MS:
        raise _refused(400, options, f"The start time cannot be earlier than {days_kept} days")
    if last - first > _DAYS_AT_ONCE * _DAY_MS:
        raise _refused(33333, options)
    return first, last


def paged(call: Signed, found: list[object], *, limit: int = 10) -> dict[str, object]:
    """One page (``page`` from 1, ``limit`` on each) of what was found."""
    size = call.params.count("limit", default=limit, most=_MOST_RECORDS)
    page = call.params.count("page", default=1, most=1_000_000)
    return {
        "data": found[(page - 1) * size : page * size],
        "totalRecords": len(found),
        "page": page,
        "totalPageNum": -(-len(found) // size),
    }


def wallet_refusal(error: Refusal, options: MexcOptions) -> Refused:
    """What MEXC says when the exchange core refuses a movement."""
    return _refused(_CODES.get(error.reason, 33333), options)


def _refused(code: int, options: MexcOptions, message: str | None = None) -> Refused:
    status = 200 if options.wallet_refusals_with_200 else 400
    return Refused(status, code, MESSAGES[code] if message is None else message)


def _money(amount: Decimal) -> str:
    return f"{amount:.{_MONEY_DECIMALS}f}"
