"""Structures of the wallet and of the account as a whole; fields that nothing reads are left out.

https://www.gate.com/docs/developers/apiv4/en/#wallet, #account and #unified.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Struct

from cex.exchanges.gateio.wire.numbers import Figure, FineTime

__all__ = [
    "AccountDetail",
    "AccountKey",
    "AddressAnswer",
    "AddressRow",
    "ChainRow",
    "CurrencyChain",
    "CurrencyRow",
    "TransferAnswer",
    "TransferStatusAnswer",
    "UnifiedAccounts",
    "UnifiedBalance",
    "UnifiedMode",
    "WithdrawStatusRow",
    "WithdrawalRow",
    "account_detail_decoder",
    "address_decoder",
    "chains_decoder",
    "currencies_decoder",
    "transfer_decoder",
    "transfer_status_decoder",
    "unified_decoder",
    "unified_mode_decoder",
    "withdraw_status_decoder",
    "withdrawal_decoder",
    "withdrawals_decoder",
]


class AccountKey(Struct):
    """``mode`` 1 is a classic account, 2 a unified one."""

    mode: int = 1


class AccountDetail(Struct):
    """``GET /account/detail``."""

    user_id: int
    ip_whitelist: list[str] | None = None
    key: AccountKey = msgspec.field(default_factory=AccountKey)
    tier: Figure = None


class UnifiedMode(Struct):
    """``GET /unified/unified_mode``: ``classic`` or a kind of unified account."""

    mode: str


class UnifiedBalance(Struct):
    """One currency of a unified account; ``freeze`` is bound by orders."""

    available: Decimal
    freeze: Decimal = Decimal(0)
    borrowed: Figure = None
    total_liab: Figure = None


class UnifiedAccounts(Struct):
    """``GET /unified/accounts``."""

    balances: dict[str, UnifiedBalance]
    mode: str = ""


class ChainRow(Struct):
    """A row of ``GET /wallet/currency_chains``; the flags are 0 or 1."""

    chain: str
    contract_address: str | None = ""
    is_disabled: int = 0
    is_deposit_disabled: int = 0
    is_withdraw_disabled: int = 0


class CurrencyChain(Struct):
    name: str
    addr: str | None = ""
    withdraw_disabled: bool = False
    deposit_disabled: bool = False


class CurrencyRow(Struct):
    """A row of ``GET /spot/currencies``; its own flags are deprecated, those of its chains count."""

    currency: str
    chains: list[CurrencyChain] | None = None


class WithdrawStatusRow(Struct):
    """A row of ``GET /wallet/withdraw_status``."""

    currency: str
    withdraw_fix: Figure = None
    withdraw_amount_mini: Figure = None
    withdraw_eachtime_limit: Figure = None
    withdraw_fix_on_chains: dict[str, Figure] | None = None


class AddressRow(Struct):
    chain: str
    address: str
    payment_id: str | None = ""
    obtain_failed: int = 0


class AddressAnswer(Struct):
    """``GET /wallet/deposit_address``; a fresh address may say in words that it is being made."""

    currency: str
    address: str = ""
    multichain_addresses: list[AddressRow] | None = None


class WithdrawalRow(Struct):
    """A deposit or withdrawal; deposits leave out what concerns withdrawals only. Times are in seconds."""

    id: int | str
    currency: str
    amount: Decimal
    status: str
    timestamp: FineTime = 0
    timestamp2: FineTime | None = None
    address: str | None = ""
    memo: str | None = ""
    txid: str | None = ""
    chain: str | None = ""
    fee: Figure = None
    withdraw_order_id: str | None = ""


class TransferAnswer(Struct):
    """``POST /wallet/transfers``."""

    tx_id: int | str = ""


class TransferStatusAnswer(Struct):
    """``GET /wallet/order_status``."""

    status: str


account_detail_decoder = msgspec.json.Decoder(AccountDetail, strict=False)
unified_mode_decoder = msgspec.json.Decoder(UnifiedMode)
unified_decoder = msgspec.json.Decoder(UnifiedAccounts, strict=False)
chains_decoder = msgspec.json.Decoder(list[ChainRow], strict=False)
withdraw_status_decoder = msgspec.json.Decoder(list[WithdrawStatusRow], strict=False)
address_decoder = msgspec.json.Decoder(AddressAnswer, strict=False)
withdrawal_decoder = msgspec.json.Decoder(WithdrawalRow, strict=False)
withdrawals_decoder = msgspec.json.Decoder(list[WithdrawalRow], strict=False)
transfer_decoder = msgspec.json.Decoder(TransferAnswer)
transfer_status_decoder = msgspec.json.Decoder(TransferStatusAnswer)
currencies_decoder = msgspec.json.Decoder(list[CurrencyRow])
