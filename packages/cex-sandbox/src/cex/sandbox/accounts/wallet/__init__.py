"""Money that comes and goes: networks, deposits, withdrawals and transfers, which take their simulated time."""

from __future__ import annotations

from cex.sandbox.accounts.wallet.coins import Coin, DepositAddress, Network, default_coin
from cex.sandbox.accounts.wallet.movements import (
    Deposit,
    DepositStatus,
    Transfer,
    TransferStatus,
    Withdrawal,
    WithdrawalStatus,
)
from cex.sandbox.accounts.wallet.wallet import Wallet, WalletOptions

__all__ = [
    "Coin",
    "Deposit",
    "DepositAddress",
    "DepositStatus",
    "Network",
    "Transfer",
    "TransferStatus",
    "Wallet",
    "WalletOptions",
    "Withdrawal",
    "WithdrawalStatus",
    "default_coin",
]
