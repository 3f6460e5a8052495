"""JSON answers about money that moves; fields that nothing reads are left out.

https://www.mexc.com/api-docs/spot-v3/wallet-endpoints. Amounts are decimal text, times milliseconds.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

__all__ = [
    "AddressRow",
    "CoinRow",
    "DepositRow",
    "NetworkRow",
    "TransferId",
    "WithdrawalId",
    "WithdrawalRow",
    "addresses_decoder",
    "coins_decoder",
    "deposits_decoder",
    "transfer_id_decoder",
    "withdrawal_id_decoder",
    "withdrawals_decoder",
]

Amount = str | int | float | None
Id = str | int
Name = Annotated[str, Meta(min_length=1)]
Milliseconds = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]


class NetworkRow(Struct, rename="camel"):
    """A way in and out. ``netWork`` is what a withdrawal asks for, ``network`` the name that is shown; either can be
    missing.
    """

    network: str | None = None
    net_work: str | None = None
    deposit_enable: bool = False
    withdraw_enable: bool = False
    min_confirm: int | None = None
    withdraw_fee: Amount = None
    withdraw_max: Amount = None
    withdraw_min: Amount = None
    contract: str | None = None


class CoinRow(Struct, rename="camel"):
    """A row of ``GET /api/v3/capital/config/getall``."""

    coin: Name
    network_list: list[NetworkRow]


class AddressRow(Struct, rename="camel"):
    """A row of ``GET`` and ``POST /api/v3/capital/deposit/address``."""

    coin: Name
    address: Name
    network: str | None = None
    net_work: str | None = None
    memo: str | None = None


class DepositRow(Struct, rename="camel"):
    """A row of ``GET /api/v3/capital/deposit/hisrec``."""

    coin: Name
    amount: Amount
    status: int | str
    insert_time: Milliseconds
    network: str | None = None
    address: str | None = None
    tx_id: str | None = None
    memo: str | None = None


class WithdrawalRow(Struct, rename="camel"):
    """A row of ``GET /api/v3/capital/withdraw/history``."""

    id: Name
    coin: Name
    amount: Amount
    status: int | str
    apply_time: Milliseconds
    network: str | None = None
    address: str | None = None
    memo: str | None = None
    tx_id: str | None = None
    trans_hash: str | None = None
    withdraw_order_id: str | None = None
    transaction_fee: Amount = None
    update_time: Milliseconds | None = None


class WithdrawalId(Struct):
    """``POST /api/v3/capital/withdraw``."""

    id: Name


class TransferId(Struct, rename="camel"):
    """``POST /api/v3/capital/transfer``; some answers put it into a list."""

    tran_id: Id


coins_decoder = msgspec.json.Decoder(list[CoinRow])
addresses_decoder = msgspec.json.Decoder(list[AddressRow])
deposits_decoder = msgspec.json.Decoder(list[DepositRow])
withdrawals_decoder = msgspec.json.Decoder(list[WithdrawalRow])
withdrawal_id_decoder = msgspec.json.Decoder(WithdrawalId)
transfer_id_decoder: msgspec.json.Decoder[TransferId | list[TransferId]] = msgspec.json.Decoder(
    TransferId | list[TransferId]
)
