"""Money that moves becomes ours, in ``Decimal``. https://www.mexc.com/api-docs/spot-v3/wallet-endpoints"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cex.common.enums import MarketType, TransferStatus
from cex.common.types.wallet import AssetNetwork, Deposit, DepositAddress, Withdrawal
from cex.exchanges.mexc.constants import COINS_PATH, DEPOSITS_PATH, WITHDRAWALS_PATH
from cex.exchanges.mexc.decode.amounts import amount, given
from cex.exchanges.mexc.decode.parsing import MS, undecodable
from cex.exchanges.mexc.wire.wallet import AddressRow, CoinRow, DepositRow, WithdrawalRow

__all__ = ["WALLETS", "asset_networks", "deposit", "deposit_address", "withdrawal"]

WALLETS: Final = {MarketType.SPOT: "SPOT", MarketType.FUTURES: "FUTURES"}

_PENDING, _COMPLETED, _FAILED = TransferStatus.PENDING, TransferStatus.COMPLETED, TransferStatus.FAILED
_DEPOSITS: Final[Mapping[str, tuple[str, TransferStatus]]] = {
    "1": ("SMALL", _PENDING),
    "2": ("TIME_DELAY", _PENDING),
    "3": ("LARGE_DELAY", _PENDING),
    "4": ("PENDING", _PENDING),
    "5": ("SUCCESS", _COMPLETED),
    "6": ("AUDITING", _PENDING),
    "7": ("REJECTED", _FAILED),
    "8": ("REFUND", _FAILED),
    "9": ("PRE_SUCCESS", _PENDING),
    "10": ("INVALID", _FAILED),
    "11": ("RESTRICTED", _PENDING),
    "12": ("COMPLETED", _COMPLETED),
}
_WITHDRAWALS: Final[Mapping[str, tuple[str, TransferStatus]]] = {
    "1": ("APPLY", _PENDING),
    "2": ("AUDITING", _PENDING),
    "3": ("WAIT", _PENDING),
    "4": ("PROCESSING", _PENDING),
    "5": ("WAIT_PACKAGING", _PENDING),
    "6": ("WAIT_CONFIRM", _PENDING),
    "7": ("SUCCESS", _COMPLETED),
    "8": ("FAILED", _FAILED),
    "9": ("CANCEL", TransferStatus.CANCELED),
    "10": ("MANUAL", _PENDING),
}


def asset_networks(rows: list[CoinRow], currency: str | None) -> list[AssetNetwork]:
    """The ways in and out of one coin (None: of all), by the names that a withdrawal asks for."""
    found = []
    for row in rows:
        if currency not in (None, row.coin):
            continue
        for way in row.network_list:
            try:
                found.append(
                    AssetNetwork(
                        currency=row.coin,
                        network=way.net_work or way.network or "",
                        deposit_enabled=way.deposit_enable,
                        withdraw_enabled=way.withdraw_enable,
                        contract_address=way.contract or "",
                        withdraw_fee=amount(way.withdraw_fee, "withdrawFee"),
                        withdraw_min=amount(way.withdraw_min, "withdrawMin"),
                        withdraw_max=amount(way.withdraw_max, "withdrawMax"),
                        confirmations=way.min_confirm,
                    )
                )
            except ValueError as error:
                raise undecodable(COINS_PATH, repr(way), error) from error
    return found


def deposit_address(row: AddressRow, network: str) -> DepositAddress:
    """A row of ``/api/v3/capital/deposit/address``, under the name of the network that was asked for."""
    return DepositAddress(currency=row.coin, network=network, address=row.address, tag=row.memo or "")


def deposit(row: DepositRow) -> Deposit:
    """A row of the deposit history, which has no ids: the transaction's is the nearest to one."""
    word, status = _DEPOSITS.get(str(row.status), (str(row.status), TransferStatus.UNKNOWN))
    try:
        return Deposit(
            deposit_id=row.tx_id or "",
            currency=row.coin,
            amount=given(row.amount, "amount"),
            status=status,
            network=row.network or "",
            exchange_status=word,
            address=row.address or "",
            tag=row.memo or "",
            transaction_id=row.tx_id or "",
            created_ts=row.insert_time * MS,
            updated_ts=row.insert_time * MS,
        )
    except ValueError as error:
        raise undecodable(DEPOSITS_PATH, repr(row), error) from error


def withdrawal(row: WithdrawalRow) -> Withdrawal:
    """A row of the withdrawal history."""
    word, status = _WITHDRAWALS.get(str(row.status), (str(row.status), TransferStatus.UNKNOWN))
    try:
        return Withdrawal(
            withdrawal_id=row.id,
            currency=row.coin,
            amount=given(row.amount, "amount"),
            status=status,
            network=row.network or "",
            exchange_status=word,
            address=row.address or "",
            tag=row.memo or "",
            transaction_id=row.trans_hash or row.tx_id or "",
            client_withdrawal_id=row.withdraw_order_id or "",
            fee=amount(row.transaction_fee, "transactionFee"),
            created_ts=row.apply_time * MS,
            updated_ts=max(row.update_time or 0, row.apply_time) * MS,
        )
    except ValueError as error:
        raise undecodable(WITHDRAWALS_PATH, repr(row), error) from error
