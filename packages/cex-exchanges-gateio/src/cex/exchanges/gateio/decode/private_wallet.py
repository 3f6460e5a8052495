"""The wallet's structures become ours; statuses here describe, so a new word is UNKNOWN and not an error."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from cex.common.enums import MarketType, TransferStatus
from cex.common.types.account import Balance
from cex.common.types.wallet import AssetNetwork, Deposit, DepositAddress, Withdrawal
from cex.exchanges.gateio.decode.private_values import amount, exact, positive, when
from cex.exchanges.gateio.wire.private_wallet import (
    AddressAnswer,
    ChainRow,
    CurrencyRow,
    UnifiedAccounts,
    WithdrawalRow,
    WithdrawStatusRow,
)

__all__ = ["deposit", "deposit_address", "listed_networks", "networks", "unified_balances", "withdrawal"]

_COMPLETED, _PENDING = TransferStatus.COMPLETED, TransferStatus.PENDING
_FAILED, _CANCELED = TransferStatus.FAILED, TransferStatus.CANCELED
_DEPOSITS: Mapping[str, TransferStatus] = {
    "DONE": _COMPLETED,
    "REVIEW": _PENDING,
    "PEND": _PENDING,
    "TRACK": _PENDING,
    "MANUAL": _PENDING,
    "DEP_CREDITED": _PENDING,
    "INVALID": _FAILED,
    "BLOCKED": _FAILED,
}
_WITHDRAWALS: Mapping[str, TransferStatus] = {
    "DONE": _COMPLETED,
    "CANCEL": _CANCELED,
    "FAIL": _FAILED,
    "INVALID": _FAILED,
    "REJECT": _FAILED,
    **dict.fromkeys(
        (
            "REQUEST",
            "MANUAL",
            "BCODE",
            "EXTPEND",
            "VERIFY",
            "PROCES",
            "PEND",
            "DMOVE",
            "REVIEW",
            "CANCELPEND",
            "FVERIFY",
            "LOCKED",
        ),
        _PENDING,
    ),
}


def deposit(row: WithdrawalRow) -> Deposit:
    """A row of ``GET /wallet/deposits``. ``DEP_CREDITED`` can be traded with and not yet be withdrawn: PENDING."""
    channel = "/wallet/deposits"
    return Deposit(
        deposit_id=str(row.id),
        currency=row.currency,
        amount=exact(row.amount, channel),
        status=_DEPOSITS.get(row.status, TransferStatus.UNKNOWN),
        network=row.chain or "",
        exchange_status=row.status,
        address=row.address or "",
        tag=row.memo or "",
        transaction_id=row.txid or "",
        created_ts=when(channel, row.timestamp),
        updated_ts=when(channel, row.timestamp2, row.timestamp),
    )


def withdrawal(row: WithdrawalRow) -> Withdrawal:
    """A row of ``GET /wallet/withdrawals``, or the answer to a withdrawal."""
    channel = "/wallet/withdrawals"
    return Withdrawal(
        withdrawal_id=str(row.id),
        currency=row.currency,
        amount=exact(row.amount, channel),
        status=_WITHDRAWALS.get(row.status, TransferStatus.UNKNOWN),
        network=row.chain or "",
        exchange_status=row.status,
        address=row.address or "",
        tag=row.memo or "",
        transaction_id=row.txid or "",
        client_withdrawal_id=row.withdraw_order_id or "",
        fee=amount(row.fee, channel),
        created_ts=when(channel, row.timestamp),
        updated_ts=when(channel, row.timestamp2, row.timestamp),
    )


def deposit_address(answer: AddressAnswer, network: str) -> DepositAddress | None:
    """The address on ``network``; None where there is none (yet)."""
    for row in answer.multichain_addresses or ():
        if row.chain == network and row.address and not row.obtain_failed:
            return DepositAddress(
                currency=answer.currency, network=row.chain, address=row.address, tag=row.payment_id or ""
            )
    return None


def networks(currency: str, chains: list[ChainRow], limits: WithdrawStatusRow | None) -> list[AssetNetwork]:
    """The ways in and out of one currency; fees and limits where ``GET /wallet/withdraw_status`` told them."""
    channel = "/wallet/withdraw_status"
    by_chain = (limits.withdraw_fix_on_chains if limits else None) or {}

    def fee(chain: str) -> Decimal | None:
        if chain in by_chain:
            return amount(by_chain[chain], channel)
        return amount(limits.withdraw_fix, channel) if limits else None

    return [
        AssetNetwork(
            currency=currency,
            network=row.chain,
            deposit_enabled=not (row.is_disabled or row.is_deposit_disabled),
            withdraw_enabled=not (row.is_disabled or row.is_withdraw_disabled),
            contract_address=row.contract_address or "",
            withdraw_fee=fee(row.chain),
            withdraw_min=positive(limits.withdraw_amount_mini, channel) if limits else None,
            withdraw_max=positive(limits.withdraw_eachtime_limit, channel) if limits else None,
        )
        for row in chains
    ]


def listed_networks(row: CurrencyRow) -> list[AssetNetwork]:
    """The ways in and out of a currency as the list of all currencies tells them, without fees and limits."""
    return [
        AssetNetwork(
            currency=row.currency,
            network=chain.name,
            deposit_enabled=not chain.deposit_disabled,
            withdraw_enabled=not chain.withdraw_disabled,
            contract_address=chain.addr or "",
        )
        for chain in row.chains or ()
    ]


def unified_balances(answer: UnifiedAccounts) -> list[Balance]:
    """``GET /unified/accounts``: one pool for all markets, told as SPOT; what holds and owes nothing is left out."""
    channel = "/unified/accounts"
    found = []
    for currency, row in answer.balances.items():
        held = Balance(
            currency=currency,
            free=exact(row.available, channel),
            locked=exact(row.freeze, channel),
            market=MarketType.SPOT,
            borrowed=amount(row.total_liab, channel) or amount(row.borrowed, channel) or Decimal(0),
        )
        if held.free or held.locked or held.borrowed:
            found.append(held)
    return found
