"""Money that moves: between wallets of one account, in, and out. Amounts are ``Decimal``, times ``int`` nanoseconds."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from cex.common.enums import MarketType, TransferStatus

__all__ = ["AssetNetwork", "Deposit", "DepositAddress", "Transfer", "Withdrawal"]


class Transfer(Struct, frozen=True, kw_only=True):
    """A transfer between two wallets of the same account."""

    transfer_id: str
    currency: str
    amount: Decimal
    source: MarketType
    target: MarketType
    status: TransferStatus
    exchange_status: str = ""
    created_ts: int = 0


class AssetNetwork(Struct, frozen=True, kw_only=True):
    """One way in and out of the exchange for one currency.

    ``network`` is the exchange's own name of it. ``contract_address`` tells whether two exchanges mean the same coin;
    "" where the exchange publishes none. None is a figure that the exchange does not publish.
    """

    currency: str
    network: str
    deposit_enabled: bool
    withdraw_enabled: bool
    contract_address: str = ""
    withdraw_fee: Decimal | None = None
    withdraw_min: Decimal | None = None
    withdraw_max: Decimal | None = None
    confirmations: int | None = None


class DepositAddress(Struct, frozen=True, kw_only=True):
    """Where to send ``currency`` on ``network``; ``tag`` (memo, payment id) must be given with it unless it is ""."""

    currency: str
    network: str
    address: str
    tag: str = ""


class Deposit(Struct, frozen=True, kw_only=True):
    """Money that came in, or is about to."""

    deposit_id: str
    currency: str
    amount: Decimal
    status: TransferStatus
    network: str = ""
    exchange_status: str = ""
    address: str = ""
    tag: str = ""
    transaction_id: str = ""
    created_ts: int = 0
    updated_ts: int = 0


class Withdrawal(Struct, frozen=True, kw_only=True):
    """Money that goes out; ``fee`` is what the exchange takes beside ``amount``, None where it does not say."""

    withdrawal_id: str
    currency: str
    amount: Decimal
    status: TransferStatus
    network: str = ""
    exchange_status: str = ""
    address: str = ""
    tag: str = ""
    transaction_id: str = ""
    client_withdrawal_id: str = ""
    fee: Decimal | None = None
    created_ts: int = 0
    updated_ts: int = 0
