"""Records of money on its way, before any venue's spelling."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

__all__ = ["Deposit", "DepositStatus", "Transfer", "TransferStatus", "Withdrawal", "WithdrawalStatus"]


class DepositStatus(StrEnum):
    """PENDING: seen on the network, not credited yet."""

    PENDING = "pending"
    DONE = "done"


class WithdrawalStatus(StrEnum):
    """REQUESTED can still be cancelled; PROCESSING is being prepared; SENT is on the network; the others are final."""

    REQUESTED = "requested"
    PROCESSING = "processing"
    SENT = "sent"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self in (WithdrawalStatus.DONE, WithdrawalStatus.CANCELLED, WithdrawalStatus.FAILED)


class TransferStatus(StrEnum):
    """Where a transfer stands."""

    PENDING = "pending"
    DONE = "done"


@dataclass(eq=False, kw_only=True)
class Deposit:
    """Money from outside; credited when ``confirmations`` has reached ``required``."""

    id: int
    uid: int
    asset: str
    network: str
    address: str
    memo: str
    amount: Decimal
    tx_id: str
    required: int
    created_ns: int
    updated_ns: int
    confirmations: int = 0
    status: DepositStatus = DepositStatus.PENDING


@dataclass(eq=False, kw_only=True)
class Withdrawal:
    """Money to the outside. ``amount`` arrives there, ``fee`` stays; ``tx_id`` is empty until it is sent."""

    id: int
    uid: int
    asset: str
    network: str
    address: str
    memo: str
    amount: Decimal
    fee: Decimal
    client_id: str
    remark: str
    created_ns: int
    updated_ns: int
    tx_id: str = ""
    status: WithdrawalStatus = WithdrawalStatus.REQUESTED
    fail_reason: str = ""


@dataclass(eq=False, kw_only=True)
class Transfer:
    """Money from one wallet to another, of the same account or of another one."""

    id: int
    uid: int
    to_uid: int
    asset: str
    amount: Decimal
    source: str
    target: str
    client_id: str
    created_ns: int
    updated_ns: int
    status: TransferStatus = TransferStatus.DONE
