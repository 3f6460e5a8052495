"""The wallet of one venue: checks movements, books them, and carries them on as time passes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.sandbox.accounts.directory import Account, Directory
from cex.sandbox.accounts.ledger import EXACT, FEES, FUTURES_USDT, OUTSIDE, SPOT, Ledger, Owner
from cex.sandbox.accounts.orders import Reason, Refusal
from cex.sandbox.accounts.wallet.coins import Coin, DepositAddress, Network, address_of, check_amount, default_coin
from cex.sandbox.accounts.wallet.movements import (
    Deposit,
    DepositStatus,
    Transfer,
    TransferStatus,
    Withdrawal,
    WithdrawalStatus,
)

__all__ = ["Wallet", "WalletOptions"]

_SECOND = 1_000_000_000

_M = TypeVar("_M")


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletOptions:
    """Times in seconds.

    A withdrawal can be cancelled for ``review_s``, is sent ``process_s`` later and done when the network has confirmed
    it. ``fee_on_top`` takes the fee besides the amount that is asked for, otherwise out of it. ``pace`` divides the
    block times of all networks. ``kept`` movements of each kind and account are remembered.
    """

    first_id: int = 1
    review_s: float = 5.0
    process_s: float = 5.0
    transfer_s: float = 0.0
    fee_on_top: bool = True
    only_allowed_addresses: bool = False
    pace: float = 1.0
    kept: int = 10_000


class Wallet:
    """Deposits, withdrawals and transfers of every account of one venue.

    ``assets`` are the coins that exist here, with their usual networks unless ``coins`` says otherwise. ``wallets``
    are the wallets of an account and the assets each can hold, None for all. Time passes with :meth:`after_tick`.
    """

    def __init__(
        self,
        venue: str,
        directory: Directory,
        ledger: Ledger,
        *,
        assets: Iterable[str],
        coins: Mapping[str, Coin] | None = None,
        wallets: Mapping[str, frozenset[str] | None] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        options: WalletOptions | None = None,
    ) -> None:
        self.venue = venue
        self.options = options or WalletOptions()
        own = coins or {}
        self.coins = {asset: own.get(asset) or default_coin(asset) for asset in dict.fromkeys(assets)}
        self.wallets = dict(wallets) if wallets is not None else {SPOT: None, FUTURES_USDT: frozenset({"USDT"})}
        self.available: dict[str, Callable[[Account, str], Decimal]] = {}
        """For wallets that may give away less than what is free (open positions): what may leave, by asset."""
        self._directory = directory
        self._ledger = ledger
        self._clock = clock
        self._next_id = self.options.first_id
        self._deposits: dict[int, dict[int, Deposit]] = {}
        self._withdrawals: dict[int, dict[int, Withdrawal]] = {}
        self._transfers: dict[int, dict[int, Transfer]] = {}
        self._moving: dict[int, Deposit | Withdrawal | Transfer] = {}
        self._allowed: dict[int, dict[tuple[str, str, str], None]] = {}

    # --- reading -----------------------------------------------------------------------------------------------------

    def coin(self, asset: str) -> Coin:
        """The coin of this name. Raises Refusal: UNKNOWN_ASSET."""
        coin = self.coins.get(asset)
        if coin is None:
            raise Refusal(Reason.UNKNOWN_ASSET, asset=asset)
        return coin

    def deposit_address(self, account: Account, asset: str, network: str | None = None) -> DepositAddress:
        """Where this account receives the coin. Raises Refusal: UNKNOWN_ASSET, UNKNOWN_NETWORK, NETWORK_SUSPENDED."""
        found = self.coin(asset).network(network)
        if not found.deposits:
            raise Refusal(Reason.NETWORK_SUSPENDED, asset=asset, network=found.name)
        return address_of(self.venue, account.uid, asset, found)

    def deposits(self, account: Account, asset: str | None = None) -> list[Deposit]:
        """Oldest first."""
        return [one for one in self._deposits.get(account.uid, {}).values() if asset is None or one.asset == asset]

    def withdrawals(self, account: Account, asset: str | None = None) -> list[Withdrawal]:
        """Oldest first."""
        return [one for one in self._withdrawals.get(account.uid, {}).values() if asset is None or one.asset == asset]

    def transfers(self, account: Account, asset: str | None = None) -> list[Transfer]:
        """Those that this account made or received, oldest first."""
        return [one for one in self._transfers.get(account.uid, {}).values() if asset is None or one.asset == asset]

    def withdrawal(self, account: Account, withdrawal_id: int) -> Withdrawal | None:
        """The withdrawal of this account with this id."""
        return self._withdrawals.get(account.uid, {}).get(withdrawal_id)

    def transfer_by_id(self, account: Account, transfer_id: int) -> Transfer | None:
        """The transfer that this account made or received, by its id."""
        return self._transfers.get(account.uid, {}).get(transfer_id)

    # --- addresses ---------------------------------------------------------------------------------------------------

    def allow_address(self, account: Account, asset: str, network: str, address: str) -> None:
        """Put an address on the account's list. Raises Refusal: UNKNOWN_ASSET, UNKNOWN_NETWORK."""
        name = self.coin(asset).network(network).name
        self._allowed.setdefault(account.uid, {})[asset, name, address] = None

    def allowed_addresses(self, account: Account) -> list[tuple[str, str, str]]:
        """(asset, network, address), in the order in which they were put."""
        return list(self._allowed.get(account.uid, {}))

    # --- movements ---------------------------------------------------------------------------------------------------

    def deposit(self, account: Account, asset: str, amount: Decimal, network: str | None = None) -> Deposit:
        """Somebody outside sends coins to this account; they are credited when the network has confirmed them.

        Raises:
            Refusal: UNKNOWN_ASSET, UNKNOWN_NETWORK, NETWORK_SUSPENDED, AMOUNT_TOO_SMALL, AMOUNT_PRECISION.
        """
        found = self.coin(asset).network(network)
        address = self.deposit_address(account, asset, found.name)
        check_amount(amount, found.decimals)
        number, now_ns = self._number(), self._clock.time_ns()
        deposit = Deposit(
            id=number,
            uid=account.uid,
            asset=asset,
            network=found.name,
            address=address.address,
            memo=address.memo,
            amount=amount,
            tx_id=self._tx_id(number),
            required=found.confirmations,
            created_ns=now_ns,
            updated_ns=now_ns,
        )
        self._keep(self._deposits, account.uid, number, deposit)
        self._moving[number] = deposit
        return deposit

    def withdraw(
        self,
        account: Account,
        asset: str,
        amount: Decimal,
        address: str,
        *,
        network: str | None = None,
        memo: str = "",
        client_id: str = "",
        remark: str = "",
    ) -> Withdrawal:
        """Ask for coins to be sent; amount and fee are bound from now on.

        Raises:
            Refusal: UNKNOWN_ASSET, UNKNOWN_NETWORK, NETWORK_SUSPENDED, ADDRESS_NOT_ALLOWED, AMOUNT_TOO_SMALL,
                AMOUNT_TOO_LARGE, AMOUNT_PRECISION, DUPLICATE_CLIENT_ID, INSUFFICIENT_BALANCE; nothing has changed.
        """
        found = self.coin(asset).network(network)
        if not found.withdrawals:
            raise Refusal(Reason.NETWORK_SUSPENDED, asset=asset, network=found.name)
        if not address or (found.memo and not memo):
            raise Refusal(Reason.ADDRESS_NOT_ALLOWED, "an address, and a memo where one is needed", address=address)
        allowed = self._allowed.get(account.uid, {})
        if self.options.only_allowed_addresses and (asset, found.name, address) not in allowed:
            raise Refusal(Reason.ADDRESS_NOT_ALLOWED, address=address)
        check_amount(amount, found.decimals)
        if amount < found.withdraw_min:
            raise Refusal(Reason.AMOUNT_TOO_SMALL, amount=amount, least=found.withdraw_min)
        if amount > found.withdraw_max:
            raise Refusal(Reason.AMOUNT_TOO_LARGE, amount=amount, most=found.withdraw_max)
        arrives = amount if self.options.fee_on_top else EXACT.subtract(amount, found.withdraw_fee)
        if arrives <= 0:
            raise Refusal(Reason.AMOUNT_TOO_SMALL, amount=amount, least=found.withdraw_fee)
        if client_id and any(one.client_id == client_id for one in self.withdrawals(account)):
            raise Refusal(Reason.DUPLICATE_CLIENT_ID, client_id=client_id)
        needed, free = EXACT.add(arrives, found.withdraw_fee), self._ledger.holding(account.uid, SPOT, asset).free
        if needed > free:
            raise Refusal(Reason.INSUFFICIENT_BALANCE, asset=asset, needed=needed, available=free)
        number, now_ns = self._number(), self._clock.time_ns()
        withdrawal = Withdrawal(
            id=number,
            uid=account.uid,
            asset=asset,
            network=found.name,
            address=address,
            memo=memo,
            amount=arrives,
            fee=found.withdraw_fee,
            client_id=client_id,
            remark=remark,
            created_ns=now_ns,
            updated_ns=now_ns,
        )
        self._ledger.freeze(account.uid, SPOT, asset, needed, reason="withdraw", reference=f"withdrawal-{number}")
        self._keep(self._withdrawals, account.uid, number, withdrawal)
        self._moving[number] = withdrawal
        return withdrawal

    def cancel_withdrawal(self, account: Account, withdrawal_id: int) -> Withdrawal:
        """Take a request back. Raises Refusal: MOVEMENT_NOT_FOUND, MOVEMENT_FINISHED (also when it is under way)."""
        withdrawal = self.withdrawal(account, withdrawal_id)
        if withdrawal is None:
            raise Refusal(Reason.MOVEMENT_NOT_FOUND, id=withdrawal_id)
        if withdrawal.status is not WithdrawalStatus.REQUESTED:
            raise Refusal(Reason.MOVEMENT_FINISHED, id=withdrawal_id, status=withdrawal.status)
        self._give_back(withdrawal, WithdrawalStatus.CANCELLED)
        return withdrawal

    def fail_withdrawal(self, account: Account, withdrawal_id: int, reason: str) -> Withdrawal:
        """The venue cannot carry a request out. Raises Refusal: MOVEMENT_NOT_FOUND, MOVEMENT_FINISHED (once sent)."""
        withdrawal = self.withdrawal(account, withdrawal_id)
        if withdrawal is None:
            raise Refusal(Reason.MOVEMENT_NOT_FOUND, id=withdrawal_id)
        if withdrawal.status not in (WithdrawalStatus.REQUESTED, WithdrawalStatus.PROCESSING):
            raise Refusal(Reason.MOVEMENT_FINISHED, id=withdrawal_id, status=withdrawal.status)
        withdrawal.fail_reason = reason
        self._give_back(withdrawal, WithdrawalStatus.FAILED)
        return withdrawal

    def transfer(
        self,
        account: Account,
        asset: str,
        amount: Decimal,
        source: str,
        target: str,
        *,
        to: Account | None = None,
        client_id: str = "",
    ) -> Transfer:
        """Move money to another wallet, of this account or of ``to``.

        Raises:
            Refusal: UNKNOWN_ASSET, TRANSFER_NOT_ALLOWED, AMOUNT_TOO_SMALL, INSUFFICIENT_BALANCE; nothing has changed.
        """
        self.coin(asset)
        receiver = account if to is None else to
        for wallet in (source, target):
            holds = self.wallets.get(wallet, frozenset())
            if holds is not None and asset not in holds:
                raise Refusal(Reason.TRANSFER_NOT_ALLOWED, asset=asset, wallet=wallet)
        if receiver is account and source == target:
            raise Refusal(Reason.TRANSFER_NOT_ALLOWED, "source and target are the same", wallet=source)
        if self._directory.by_uid(receiver.uid) is not receiver:
            raise Refusal(Reason.TRANSFER_NOT_ALLOWED, "no such account", uid=receiver.uid)
        check_amount(amount, 8)
        free = self._ledger.holding(account.uid, source, asset).free
        if source in self.available:
            free = min(free, self.available[source](account, asset))
        if amount > free:
            raise Refusal(Reason.INSUFFICIENT_BALANCE, asset=asset, needed=amount, available=free)
        number, now_ns = self._number(), self._clock.time_ns()
        transfer = Transfer(
            id=number,
            uid=account.uid,
            to_uid=receiver.uid,
            asset=asset,
            amount=amount,
            source=source,
            target=target,
            client_id=client_id,
            created_ns=now_ns,
            updated_ns=now_ns,
            status=TransferStatus.PENDING,
        )
        reference = _reference(transfer)
        if self.options.transfer_s:
            self._ledger.freeze(account.uid, source, asset, amount, reason="transfer", reference=reference)
            self._moving[number] = transfer
        else:
            transfer.status = TransferStatus.DONE
            giver, taker = Owner(account.uid, source), Owner(receiver.uid, target)
            self._ledger.move(giver, taker, asset, amount, reason="transfer", reference=reference)
        for uid in dict.fromkeys((account.uid, receiver.uid)):
            self._keep(self._transfers, uid, number, transfer)
        return transfer

    def after_tick(self, now_ns: int) -> None:
        """Carry on what is under way."""
        for movement in list(self._moving.values()):
            if isinstance(movement, Deposit):
                self._confirm(movement, now_ns)
            elif isinstance(movement, Withdrawal):
                self._carry_on(movement, now_ns)
            elif now_ns - movement.created_ns >= self.options.transfer_s * _SECOND:
                self._complete(movement, now_ns)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _confirm(self, deposit: Deposit, now_ns: int) -> None:
        blocks = self._blocks(deposit.asset, deposit.network, now_ns - deposit.created_ns)
        confirmations = min(deposit.required, blocks)
        if confirmations == deposit.confirmations and confirmations < deposit.required:
            return
        deposit.confirmations = confirmations
        deposit.updated_ns = now_ns
        if confirmations >= deposit.required:
            deposit.status = DepositStatus.DONE
            del self._moving[deposit.id]
            self._ledger.move(
                OUTSIDE,
                Owner(deposit.uid, SPOT),
                deposit.asset,
                deposit.amount,
                reason="deposit",
                reference=f"deposit-{deposit.id}",
            )

    def _carry_on(self, withdrawal: Withdrawal, now_ns: int) -> None:
        options, age = self.options, now_ns - withdrawal.created_ns
        if withdrawal.status is WithdrawalStatus.REQUESTED and age >= options.review_s * _SECOND:
            withdrawal.status, withdrawal.updated_ns = WithdrawalStatus.PROCESSING, now_ns
        sent_after = round((options.review_s + options.process_s) * _SECOND)
        if withdrawal.status is WithdrawalStatus.PROCESSING and age >= sent_after:
            withdrawal.status, withdrawal.updated_ns = WithdrawalStatus.SENT, now_ns
            withdrawal.tx_id = self._tx_id(withdrawal.id)
            uid, asset, reference = withdrawal.uid, withdrawal.asset, f"withdrawal-{withdrawal.id}"
            self._ledger.spend_locked(
                uid, SPOT, asset, withdrawal.amount, OUTSIDE, reason="withdraw", reference=reference
            )
            self._ledger.spend_locked(
                uid, SPOT, asset, withdrawal.fee, FEES, reason="withdraw_fee", reference=reference
            )
        if withdrawal.status is WithdrawalStatus.SENT:
            needed = self.coin(withdrawal.asset).network(withdrawal.network).confirmations
            if self._blocks(withdrawal.asset, withdrawal.network, age - sent_after) >= needed:
                withdrawal.status, withdrawal.updated_ns = WithdrawalStatus.DONE, now_ns
                del self._moving[withdrawal.id]

    def _give_back(self, withdrawal: Withdrawal, status: WithdrawalStatus) -> None:
        withdrawal.status, withdrawal.updated_ns = status, self._clock.time_ns()
        del self._moving[withdrawal.id]
        bound = EXACT.add(withdrawal.amount, withdrawal.fee)
        reference = f"withdrawal-{withdrawal.id}"
        self._ledger.release(withdrawal.uid, SPOT, withdrawal.asset, bound, reason="withdraw", reference=reference)

    def _complete(self, transfer: Transfer, now_ns: int) -> None:
        transfer.status, transfer.updated_ns = TransferStatus.DONE, now_ns
        del self._moving[transfer.id]
        self._ledger.spend_locked(
            transfer.uid,
            transfer.source,
            transfer.asset,
            transfer.amount,
            Owner(transfer.to_uid, transfer.target),
            reason="transfer",
            reference=_reference(transfer),
        )

    def _blocks(self, asset: str, network: str, passed_ns: int) -> int:
        found: Network = self.coin(asset).network(network)
        return int(passed_ns * self.options.pace / (found.block_s * _SECOND)) if found.block_s else found.confirmations

    def _number(self) -> int:
        number, self._next_id = self._next_id, self._next_id + 1
        return number

    def _tx_id(self, number: int) -> str:
        return hashlib.blake2b(f"{self.venue} {number}".encode(), digest_size=32).hexdigest()

    def _keep(self, shelf: dict[int, dict[int, _M]], uid: int, number: int, movement: _M) -> None:
        kept = shelf.setdefault(uid, {})
        kept[number] = movement
        if len(kept) > self.options.kept:
            for old in kept:
                if old not in self._moving:
                    del kept[old]
                    break


def _reference(transfer: Transfer) -> str:
    return f"transfer-{transfer.id}"
