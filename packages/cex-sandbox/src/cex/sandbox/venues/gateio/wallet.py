"""Deposits, withdrawals, transfers and what it is all worth. https://www.gate.com/docs/developers/apiv4/en/#wallet"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from aiohttp import web

from cex.common.clock import Clock
from cex.sandbox.accounts.ledger import FUTURES_USDT, SPOT, Ledger
from cex.sandbox.accounts.orders import Reason, Refusal
from cex.sandbox.accounts.wallet import (
    Coin,
    Deposit,
    DepositStatus,
    TransferStatus,
    Wallet,
    Withdrawal,
    WithdrawalStatus,
)
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.gateio.auth import Access
from cex.sandbox.venues.gateio.gateway import PREFIX
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.pools import TRANSFER, WALLET_OTHER, WITHDRAWAL
from cex.sandbox.venues.gateio.private import Call, Endpoint, answer
from cex.sandbox.venues.gateio.refusals import Refused, invalid, missing
from cex.sandbox.venues.gateio.spot.lists import paged, within
from cex.sandbox.venues.gateio.spot.tickets import amount, choice, required
from cex.sandbox.venues.gateio.spot.words import text

__all__ = ["GateioWallet"]

_SECOND = 1_000_000_000
_MOST = 500
_CLIENT_ID = re.compile(r"[0-9A-Za-z_.\-]{1,32}", re.ASCII)
_GENERATING = "New address is being generated for you, please wait a few seconds and refresh this page."
_ZERO = Decimal(0)
_T = TypeVar("_T")
_DEPOSITS = {DepositStatus.PENDING: "TRACK", DepositStatus.DONE: "DONE"}
_WITHDRAWALS = {
    WithdrawalStatus.REQUESTED: "REQUEST",
    WithdrawalStatus.PROCESSING: "PROCES",
    WithdrawalStatus.SENT: "EXTPEND",
    WithdrawalStatus.DONE: "DONE",
    WithdrawalStatus.CANCELLED: "CANCEL",
    WithdrawalStatus.FAILED: "FAIL",
}
_WALLETS = {"spot": SPOT, "futures": FUTURES_USDT}
_OTHER_WALLETS = ("margin", "delivery", "cross_margin", "options")
_REASONS: Mapping[Reason, tuple[str, str]] = {
    Reason.UNKNOWN_ASSET: ("INVALID_CURRENCY", "Invalid currency"),
    Reason.UNKNOWN_NETWORK: ("INVALID_PARAM_VALUE", "Invalid parameter `chain`"),
    Reason.NETWORK_SUSPENDED: ("API_WITHDRAW_DISABLED", "The chain is suspended"),
    Reason.ADDRESS_NOT_ALLOWED: ("ADDRESS_NOT_USED", "The address is not in the withdrawal whitelist"),
    Reason.AMOUNT_TOO_SMALL: ("AMOUNT_TOO_LITTLE", "The amount is too small"),
    Reason.AMOUNT_TOO_LARGE: ("WITHDRAWAL_OVER_LIMIT", "The amount is over the limit"),
    Reason.AMOUNT_PRECISION: ("INVALID_PRECISION", "Invalid amount precision"),
    Reason.DUPLICATE_CLIENT_ID: ("ORDER_EXISTS", "The order exists already"),
    Reason.INSUFFICIENT_BALANCE: ("BALANCE_NOT_ENOUGH", "Not enough balance"),
    Reason.MOVEMENT_NOT_FOUND: ("INVALID_WITHDRAW_ID", "Invalid withdrawal id"),
    Reason.MOVEMENT_FINISHED: ("INVALID_WITHDRAW_CANCEL_STATUS", "The withdrawal can no longer be cancelled"),
}


class GateioWallet:
    """The wallet's endpoints. ``books`` are the spot pairs, which tell what a coin is worth."""

    def __init__(
        self,
        wallet: Wallet,
        ledger: Ledger,
        books: Mapping[str, MarketBook],
        *,
        options: GateioOptions,
        clock: Clock,
    ) -> None:
        self._wallet = wallet
        self._ledger = ledger
        self._books = books
        self._options = options
        self._clock = clock
        self._asked_ns: dict[tuple[int, str], int] = {}

    def routes(self) -> list[web.RouteDef]:
        """What everybody may ask."""
        return [web.get(f"{PREFIX}/wallet/currency_chains", self.currency_chains)]

    def endpoints(self) -> list[Endpoint]:
        """What is asked for an account."""
        return [
            Endpoint("GET", "/wallet/deposit_address", self.deposit_address, WALLET_OTHER),
            Endpoint("GET", "/wallet/deposits", self.deposits, WALLET_OTHER),
            Endpoint("GET", "/wallet/withdrawals", self.withdrawals, WALLET_OTHER),
            Endpoint("GET", "/wallet/withdraw_status", self.withdraw_status, WALLET_OTHER),
            Endpoint("GET", "/wallet/saved_address", self.saved_address, WALLET_OTHER),
            Endpoint("POST", "/wallet/transfers", self.transfer, TRANSFER),
            Endpoint("GET", "/wallet/order_status", self.transfer_status, WALLET_OTHER),
            Endpoint("GET", "/wallet/total_balance", self.total_balance, TRANSFER),
            Endpoint("POST", "/withdrawals", self.withdraw, WITHDRAWAL, Access.WITHDRAW),
            Endpoint("DELETE", "/withdrawals/{id}", self.cancel_withdrawal, WALLET_OTHER, Access.WITHDRAW, status=202),
        ]

    # --- chains and addresses ----------------------------------------------------------------------------------------

    async def currency_chains(self, request: web.Request) -> web.Response:
        """The networks of a currency."""
        coin = self._coin(required(request.query, "currency"))
        return answer(
            [
                {
                    "chain": network.name,
                    "name_cn": network.label,
                    "name_en": network.label,
                    "contract_address": network.contract,
                    "is_disabled": int(not (network.deposits or network.withdrawals)),
                    "is_deposit_disabled": int(not network.deposits),
                    "is_withdraw_disabled": int(not network.withdrawals),
                    "decimal": network.decimals,
                    "is_tag": int(network.memo),
                }
                for network in coin.networks
            ]
        )

    def deposit_address(self, call: Call) -> object:
        """The addresses of a currency; one that was never asked for may take a moment to be generated."""
        asset = required(call.query, "currency")
        coin, now_ns = self._coin(asset), self._clock.time_ns()
        asked_ns = self._asked_ns.setdefault((call.uid, asset), now_ns)
        if now_ns - asked_ns < self._options.address_generation * _SECOND:
            return {"currency": asset, "address": _GENERATING, "multichain_addresses": []}
        chains = []
        for network in coin.networks:
            if network.deposits:
                address = self._wallet.deposit_address(call.account, asset, network.name)
                chains.append(
                    {
                        "chain": network.name,
                        "address": address.address,
                        "payment_id": address.memo,
                        "payment_name": "Tag" if address.memo else "",
                        "obtain_failed": 0,
                    }
                )
        return {"currency": asset, "address": chains[0]["address"] if chains else "", "multichain_addresses": chains}

    def saved_address(self, call: Call) -> object:
        asset = required(call.query, "currency")
        return [
            {"currency": known, "chain": chain, "address": address, "name": "", "tag": "", "verified": "1"}
            for known, chain, address in self._wallet.allowed_addresses(call.account)
            if known == asset
        ]

    # --- deposits and withdrawals ------------------------------------------------------------------------------------

    def deposits(self, call: Call) -> object:
        return [_deposit(one) for one in self._recent(call, self._wallet.deposits(call.account, self._asset(call)))]

    def withdrawals(self, call: Call) -> object:
        found = self._wallet.withdrawals(call.account, self._asset(call))
        name = call.query.get("withdraw_order_id")
        return [_withdrawal(one) for one in self._recent(call, [w for w in found if not name or w.client_id == name])]

    def withdraw(self, call: Call) -> object:
        """POST ``/withdrawals``."""
        fields = call.fields()
        client_id = fields.get("withdraw_order_id") or ""
        if client_id and not (isinstance(client_id, str) and _CLIENT_ID.fullmatch(client_id)):
            raise Refused(400, "INVALID_CLIENT_ORDER_ID", "Invalid withdraw_order_id")
        memo = fields.get("memo") or ""
        if not isinstance(memo, str):
            raise invalid("memo", memo)
        asset, quantity = required(fields, "currency"), amount(fields, "amount")
        chain, address = required(fields, "chain"), required(fields, "address")
        return _withdrawal(
            _told(
                lambda: self._wallet.withdraw(
                    call.account, asset, quantity, address, network=chain, memo=memo, client_id=client_id
                )
            )
        )

    def cancel_withdrawal(self, call: Call) -> object:
        """DELETE ``/withdrawals/{id}``, as long as it is only a request."""
        name = call.path["id"].removeprefix("w")
        if not (name.isascii() and name.isdigit() and len(name) < 20):
            raise Refused(400, "INVALID_WITHDRAW_ID", "Invalid withdrawal id")
        return _withdrawal(_told(lambda: self._wallet.cancel_withdrawal(call.account, int(name))))

    def withdraw_status(self, call: Call) -> object:
        """Fees and limits."""
        asked = self._asset(call)
        return [_limits(coin) for asset, coin in self._wallet.coins.items() if asked in (None, asset)]

    # --- transfers ---------------------------------------------------------------------------------------------------

    def transfer(self, call: Call) -> object:
        """POST ``/wallet/transfers`` between spot and futures."""
        fields = call.fields()
        asset, quantity = required(fields, "currency"), amount(fields, "amount")
        source, target = self._side(fields, "from"), self._side(fields, "to")
        client_id = fields.get("client_order_id") or ""
        if client_id and not (isinstance(client_id, str) and _CLIENT_ID.fullmatch(client_id)):
            raise Refused(400, "INVALID_CLIENT_ORDER_ID", "Invalid client_order_id")
        try:
            moved = self._wallet.transfer(call.account, asset, quantity, source, target, client_id=client_id)
        except Refusal as refusal:
            if refusal.reason is Reason.INSUFFICIENT_BALANCE and source == FUTURES_USDT:
                raise Refused(400, "FUTURES_BALANCE_NOT_ENOUGH", "Not enough futures balance") from refusal
            raise _refused(refusal) from refusal
        return {"tx_id": moved.id}

    def transfer_status(self, call: Call) -> object:
        """GET ``/wallet/order_status``."""
        client_id, number = call.query.get("client_order_id"), call.query.get("tx_id")
        if not client_id and not number:
            raise missing("tx_id")
        for one in self._wallet.transfers(call.account):
            if str(one.id) == number if number else one.client_id == client_id:
                status = "SUCCESS" if one.status is TransferStatus.DONE else "PENDING"
                return {"tx_id": str(one.id), "status": status}
        raise invalid("tx_id" if number else "client_order_id", number or client_id)

    def total_balance(self, call: Call) -> object:
        """What all wallets are worth in one currency, at the last prices."""
        unit = call.query.get("currency") or "USDT"
        worth = self._price(unit)
        if not worth:
            raise Refused(400, "INVALID_CURRENCY", f"Invalid currency {unit[:20]}")
        amounts = {
            name: sum(
                (held.total * self._price(asset) for asset, held in self._ledger.holdings(call.uid, wallet).items()),
                _ZERO,
            )
            / worth
            for name, wallet in _WALLETS.items()
        }
        details: dict[str, dict[str, str]] = {
            name: {"currency": unit, "amount": "0"}
            for name in ("spot", "futures", "margin", "finance", "quant", "options", "delivery", "cross_margin")
        }
        for name, value in amounts.items():
            details[name]["amount"] = f"{value:.8f}"
        for name in ("futures", "options", "delivery"):
            details[name]["unrealised_pnl"] = "0.00"
        for name in ("margin", "cross_margin"):
            details[name]["borrowed"] = "0.00"
        total = f"{sum(amounts.values(), _ZERO):.2f}"
        nothing = {"unrealised_pnl": "0.00", "borrowed": "0.00"}
        return {"total": {"currency": unit, "amount": total, **nothing}, "details": details}

    # --- inside ------------------------------------------------------------------------------------------------------

    def _coin(self, asset: str) -> Coin:
        return _told(lambda: self._wallet.coin(asset))

    def _asset(self, call: Call) -> str | None:
        asset = call.query.get("currency") or None
        if asset is not None:
            self._coin(asset)
        return asset

    def _recent(self, call: Call, movements: Iterable[Any]) -> Iterable[Any]:
        start, end = within(call, now_s=self._clock.time_ns() // _SECOND, default_days=7)
        rows = [one for one in movements if start <= one.created_ns // _SECOND <= end]
        return paged(call, rows[::-1], most=_MOST)

    def _side(self, fields: Mapping[str, Any], name: str) -> str:
        if required(fields, name) in _OTHER_WALLETS:
            raise Refused(400, "MARGIN_TRANSFER_FAILED", f"There is no {fields[name]} account")
        wallet = choice(fields, name, _WALLETS, "")
        if wallet == FUTURES_USDT:
            required(fields, "settle")
            choice(fields, "settle", {"usdt": FUTURES_USDT, "USDT": FUTURES_USDT}, "")
        return wallet

    def _price(self, asset: str) -> Decimal:
        if asset == "USDT":
            return Decimal(1)
        book = self._books.get(f"{asset}_USDT")
        return _ZERO if book is None else book.last_price


def _deposit(deposit: Deposit) -> dict[str, Any]:
    return {
        "id": str(deposit.id),
        "timestamp": str(deposit.created_ns // _SECOND),
        "currency": deposit.asset,
        "address": deposit.address,
        "txid": deposit.tx_id,
        "amount": text(deposit.amount),
        "memo": deposit.memo,
        "status": _DEPOSITS[deposit.status],
        "chain": deposit.network,
    }


def _withdrawal(withdrawal: Withdrawal) -> dict[str, Any]:
    over = withdrawal.status.is_final
    return {
        "id": f"w{withdrawal.id}",
        "withdraw_order_id": withdrawal.client_id,
        "timestamp": str(withdrawal.created_ns // _SECOND),
        "timestamp2": str(withdrawal.updated_ns // _SECOND) if over else "",
        "currency": withdrawal.asset,
        "address": withdrawal.address,
        "txid": withdrawal.tx_id,
        "block_number": "",
        "amount": text(withdrawal.amount),
        "fee": text(withdrawal.fee),
        "memo": withdrawal.memo,
        "status": _WITHDRAWALS[withdrawal.status],
        "chain": withdrawal.network,
        "fail_reason": withdrawal.fail_reason,
    }


def _limits(coin: Coin) -> dict[str, Any]:
    first = coin.networks[0]
    return {
        "currency": coin.asset,
        "name": coin.name,
        "name_cn": coin.name,
        "deposit": "0",
        "withdraw_percent": "0%",
        "withdraw_fix": text(first.withdraw_fee),
        "withdraw_day_limit": text(first.withdraw_max),
        "withdraw_day_limit_remain": text(first.withdraw_max),
        "withdraw_amount_mini": text(first.withdraw_min),
        "withdraw_eachtime_limit": text(first.withdraw_max),
        "withdraw_fix_on_chains": {network.name: text(network.withdraw_fee) for network in coin.networks},
        "withdraw_percent_on_chains": {network.name: "0%" for network in coin.networks},
    }


def _told(act: Callable[[], _T]) -> _T:
    try:
        return act()
    except Refusal as refusal:
        raise _refused(refusal) from refusal


def _refused(refusal: Refusal) -> Refused:
    label, message = _REASONS.get(refusal.reason, ("INVALID_PARAM_VALUE", str(refusal)))
    return Refused(400, label, message)
