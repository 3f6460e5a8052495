from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cex.common.clock import ManualClock
from cex.sandbox.accounts.directory import Account, Directory
from cex.sandbox.accounts.ledger import FEES, FUTURES_USDT, OUTSIDE, SPOT, Holding, Ledger
from cex.sandbox.accounts.orders import Reason, Refusal
from cex.sandbox.accounts.wallet import (
    Coin,
    DepositStatus,
    Network,
    TransferStatus,
    Wallet,
    WalletOptions,
    WithdrawalStatus,
)

D = Decimal
HOME = "T" + "a" * 33
NET = Network(
    name="NET",
    label="The Net",
    withdraw_fee=D("0.5"),
    withdraw_min=D(2),
    withdraw_max=D(500),
    decimals=4,
    confirmations=3,
    block_s=10.0,
)


class Room:
    def __init__(self, **options: Any) -> None:
        self.clock = ManualClock(0)
        self.ledger = Ledger(clock=self.clock)
        self.directory = Directory(self.ledger)
        self.ann = self.directory.add(Account(1, "ann"), {(SPOT, "AAA"): D(100), (SPOT, "USDT"): D(100)})
        self.bob = self.directory.add(Account(2, "bob"))
        self.wallet = Wallet(
            "gateio",
            self.directory,
            self.ledger,
            assets=["AAA", "USDT", "BTC", "XRP", "ETH", "QQQ"],
            coins={"AAA": Coin(asset="AAA", networks=(NET, Network(name="OLD", deposits=False, withdrawals=False)))},
            clock=self.clock,
            options=WalletOptions(**options),
        )

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.wallet.after_tick(self.clock.time_ns())

    def has(self, account: Account, asset: str = "AAA", wallet: str = SPOT) -> Holding:
        return self.ledger.holding(account.uid, wallet, asset)

    def is_whole(self) -> bool:
        return all(self.ledger.total(asset) == 0 for asset in self.ledger.assets)


@pytest.fixture
def room() -> Room:
    return Room()


# --- deposits --------------------------------------------------------------------------------------------------------


def test_deposit_is_credited_when_it_is_confirmed(room: Room) -> None:
    deposit = room.wallet.deposit(room.bob, "AAA", D("7.5"))
    assert (deposit.status, deposit.confirmations, deposit.required) == (DepositStatus.PENDING, 0, 3)
    room.pass_time(20)
    assert (deposit.confirmations, room.has(room.bob).free) == (2, D(0))
    room.pass_time(10)
    assert (deposit.status, deposit.confirmations, deposit.updated_ns) == (DepositStatus.DONE, 3, 30_000_000_000)
    room.pass_time(100)
    assert room.has(room.bob).free == D("7.5")
    assert [posting.reason for posting in room.ledger.postings(2)] == ["deposit"]
    assert room.wallet.deposits(room.bob) == [deposit]
    assert room.wallet.deposits(room.bob, "USDT") == room.wallet.deposits(room.ann) == []
    assert room.is_whole()


def test_pace_hurries_the_networks() -> None:
    room = Room(pace=30.0)
    deposit = room.wallet.deposit(room.bob, "AAA", D(1))
    room.pass_time(1)
    assert deposit.status is DepositStatus.DONE


def test_addresses_are_the_same_every_time_and_different_for_each(room: Room) -> None:
    usual = room.wallet.deposit_address(room.ann, "USDT")
    assert usual == Room().wallet.deposit_address(room.ann, "USDT", "TRX")
    assert usual == room.wallet.deposit_address(room.ann, "USDT", "Tron(TRC20)")
    assert (usual.address[0], len(usual.address), usual.memo) == ("T", 34, "")
    ether = room.wallet.deposit_address(room.ann, "USDT", "ETH")
    assert (ether.address[:2], len(ether.address)) == ("0x", 42)
    assert ether.address == room.wallet.deposit_address(room.ann, "ETH").address
    assert usual.address != room.wallet.deposit_address(room.bob, "USDT").address
    assert room.wallet.deposit_address(room.ann, "XRP").memo.isdigit()
    assert room.wallet.deposit_address(room.ann, "QQQ").network == "QQQ"


@pytest.mark.parametrize(
    ("asset", "network", "amount", "reason"),
    [
        ("ZZZ", None, D(1), Reason.UNKNOWN_ASSET),
        ("AAA", "XXX", D(1), Reason.UNKNOWN_NETWORK),
        ("AAA", "OLD", D(1), Reason.NETWORK_SUSPENDED),
        ("AAA", None, D(0), Reason.AMOUNT_TOO_SMALL),
        ("AAA", None, D("NaN"), Reason.AMOUNT_TOO_SMALL),
        ("AAA", None, D("1E+30"), Reason.AMOUNT_TOO_LARGE),
        ("AAA", None, D("1.00001"), Reason.AMOUNT_PRECISION),
        ("AAA", None, D("1E-999999"), Reason.AMOUNT_PRECISION),
    ],
)
def test_refused_deposit(room: Room, asset: str, network: str | None, amount: Decimal, reason: Reason) -> None:
    with pytest.raises(Refusal) as caught:
        room.wallet.deposit(room.ann, asset, amount, network)
    assert caught.value.reason is reason
    assert room.wallet.deposits(room.ann) == []


# --- withdrawals -----------------------------------------------------------------------------------------------------


def test_withdrawal_goes_its_way(room: Room) -> None:
    asked = room.wallet.withdraw(room.ann, "AAA", D(10), HOME, client_id="w1", remark="rent")
    assert (asked.status, asked.fee, room.has(room.ann)) == (
        WithdrawalStatus.REQUESTED,
        D("0.5"),
        Holding(D("89.5"), D("10.5")),
    )
    room.pass_time(5)
    assert (asked.status, asked.tx_id) == (WithdrawalStatus.PROCESSING, "")
    room.pass_time(5)
    assert (asked.status, len(asked.tx_id)) == (WithdrawalStatus.SENT, 64)
    assert room.has(room.ann) == Holding(D("89.5"), D(0))
    assert room.ledger.holding(FEES.uid, FEES.wallet, "AAA").free == D("0.5")
    assert room.ledger.holding(OUTSIDE.uid, OUTSIDE.wallet, "AAA").free == D(-90)
    room.pass_time(29)
    assert not asked.status.is_final
    room.pass_time(1)
    assert (asked.status, asked.status.is_final) == (WithdrawalStatus.DONE, True)
    assert room.wallet.withdrawals(room.ann, "AAA") == [asked]
    assert room.wallet.withdrawal(room.bob, asked.id) is None
    assert room.is_whole()


def test_all_stages_may_pass_in_one_tick(room: Room) -> None:
    asked = room.wallet.withdraw(room.ann, "AAA", D(10), HOME)
    room.pass_time(1_000)
    assert asked.status is WithdrawalStatus.DONE
    assert room.has(room.ann) == Holding(D("89.5"), D(0))


def test_fee_may_come_out_of_the_amount() -> None:
    room = Room(fee_on_top=False)
    asked = room.wallet.withdraw(room.ann, "AAA", D(10), HOME)
    assert (asked.amount, room.has(room.ann).locked) == (D("9.5"), D(10))


def test_withdrawal_is_cancelled_in_time_or_not_at_all(room: Room) -> None:
    early, late = (room.wallet.withdraw(room.ann, "AAA", D(10), HOME) for _ in range(2))
    assert room.wallet.cancel_withdrawal(room.ann, early.id).status is WithdrawalStatus.CANCELLED
    assert room.has(room.ann) == Holding(D("89.5"), D("10.5"))
    room.pass_time(5)
    for number, reason in (
        (early.id, Reason.MOVEMENT_FINISHED),
        (late.id, Reason.MOVEMENT_FINISHED),
        (99, Reason.MOVEMENT_NOT_FOUND),
    ):
        with pytest.raises(Refusal) as caught:
            room.wallet.cancel_withdrawal(room.ann, number)
        assert caught.value.reason is reason
    assert early.status is WithdrawalStatus.CANCELLED


def test_withdrawal_may_fail_before_it_is_sent(room: Room) -> None:
    asked, sent = (room.wallet.withdraw(room.ann, "AAA", D(10), HOME) for _ in range(2))
    room.wallet.fail_withdrawal(room.ann, asked.id, "risk")
    assert (asked.status, asked.fail_reason) == (WithdrawalStatus.FAILED, "risk")
    room.pass_time(10)
    assert room.has(room.ann) == Holding(D("89.5"), D(0))
    for number, reason in ((sent.id, Reason.MOVEMENT_FINISHED), (99, Reason.MOVEMENT_NOT_FOUND)):
        with pytest.raises(Refusal) as caught:
            room.wallet.fail_withdrawal(room.ann, number, "risk")
        assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"asset": "ZZZ"}, Reason.UNKNOWN_ASSET),
        ({"network": "XXX"}, Reason.UNKNOWN_NETWORK),
        ({"network": "OLD"}, Reason.NETWORK_SUSPENDED),
        ({"address": ""}, Reason.ADDRESS_NOT_ALLOWED),
        ({"asset": "XRP", "amount": D(20)}, Reason.ADDRESS_NOT_ALLOWED),
        ({"amount": D("1.9999")}, Reason.AMOUNT_TOO_SMALL),
        ({"amount": D("500.0001")}, Reason.AMOUNT_TOO_LARGE),
        ({"amount": D("2.00001")}, Reason.AMOUNT_PRECISION),
        ({"amount": D("99.6")}, Reason.INSUFFICIENT_BALANCE),
        ({"client_id": "taken"}, Reason.DUPLICATE_CLIENT_ID),
    ],
)
def test_refused_withdrawal(room: Room, asked: dict[str, Any], reason: Reason) -> None:
    room.wallet.cancel_withdrawal(room.ann, room.wallet.withdraw(room.ann, "AAA", D(2), HOME, client_id="taken").id)
    request: dict[str, Any] = {"asset": "AAA", "amount": D(10), "address": HOME} | asked
    with pytest.raises(Refusal) as caught:
        room.wallet.withdraw(room.ann, **request)
    assert caught.value.reason is reason
    assert room.has(room.ann) == Holding(D(100), D(0))
    assert len(room.wallet.withdrawals(room.ann)) == 1


def test_nothing_is_left_of_an_amount_below_the_fee() -> None:
    room = Room(fee_on_top=False)
    room.wallet.coins["AAA"] = Coin(asset="AAA", networks=(Network(name="NET", withdraw_fee=D(3)),))
    with pytest.raises(Refusal, match="amount_too_small"):
        room.wallet.withdraw(room.ann, "AAA", D(3), HOME)


def test_addresses_may_have_to_be_allowed_first() -> None:
    room = Room(only_allowed_addresses=True)
    with pytest.raises(Refusal, match="address_not_allowed"):
        room.wallet.withdraw(room.ann, "AAA", D(10), HOME)
    room.wallet.allow_address(room.ann, "AAA", "The Net", HOME)
    assert room.wallet.allowed_addresses(room.ann) == [("AAA", "NET", HOME)]
    assert room.wallet.withdraw(room.ann, "AAA", D(10), HOME).address == HOME


# --- transfers -------------------------------------------------------------------------------------------------------


def test_transfer_between_wallets_and_back(room: Room) -> None:
    there = room.wallet.transfer(room.ann, "USDT", D(60), SPOT, FUTURES_USDT, client_id="t1")
    assert there.status is TransferStatus.DONE
    assert room.has(room.ann, "USDT", FUTURES_USDT) == Holding(D(60), D(0))
    back = room.wallet.transfer(room.ann, "USDT", D(10), FUTURES_USDT, SPOT)
    assert room.has(room.ann, "USDT") == Holding(D(50), D(0))
    assert room.wallet.transfers(room.ann) == [there, back]
    assert room.wallet.transfer_by_id(room.ann, there.id) is there
    assert room.wallet.transfer_by_id(room.bob, there.id) is None
    assert room.is_whole()


def test_transfer_to_another_account_is_known_to_both(room: Room) -> None:
    given = room.wallet.transfer(room.ann, "AAA", D(1), SPOT, SPOT, to=room.bob)
    assert room.has(room.bob).free == 1
    assert room.wallet.transfers(room.bob, "AAA") == room.wallet.transfers(room.ann) == [given]


def test_transfer_may_take_its_time() -> None:
    room = Room(transfer_s=2.0)
    given = room.wallet.transfer(room.ann, "AAA", D(1), SPOT, SPOT, to=room.bob)
    assert (given.status, room.has(room.ann).locked, room.has(room.bob).free) == (TransferStatus.PENDING, D(1), D(0))
    room.pass_time(1)
    assert room.wallet.transfers(room.bob)[0].status is TransferStatus.PENDING
    room.pass_time(1)
    assert (given.status, room.has(room.ann).locked, room.has(room.bob).free) == (TransferStatus.DONE, D(0), D(1))


@pytest.mark.parametrize(
    ("asset", "amount", "source", "target", "reason"),
    [
        ("ZZZ", D(1), SPOT, FUTURES_USDT, Reason.UNKNOWN_ASSET),
        ("AAA", D(1), SPOT, FUTURES_USDT, Reason.TRANSFER_NOT_ALLOWED),
        ("USDT", D(1), SPOT, "moon", Reason.TRANSFER_NOT_ALLOWED),
        ("USDT", D(1), SPOT, SPOT, Reason.TRANSFER_NOT_ALLOWED),
        ("USDT", D(0), SPOT, FUTURES_USDT, Reason.AMOUNT_TOO_SMALL),
        ("USDT", D("100.01"), SPOT, FUTURES_USDT, Reason.INSUFFICIENT_BALANCE),
    ],
)
def test_refused_transfer(room: Room, asset: str, amount: Decimal, source: str, target: str, reason: Reason) -> None:
    with pytest.raises(Refusal) as caught:
        room.wallet.transfer(room.ann, asset, amount, source, target)
    assert caught.value.reason is reason
    assert room.wallet.transfers(room.ann) == []


def test_nothing_goes_to_an_account_that_is_not_here(room: Room) -> None:
    with pytest.raises(Refusal, match="no such account"):
        room.wallet.transfer(room.ann, "AAA", D(1), SPOT, SPOT, to=Account(2, "not bob"))


def test_a_wallet_may_give_away_less_than_is_free(room: Room) -> None:
    room.wallet.transfer(room.ann, "USDT", D(60), SPOT, FUTURES_USDT)
    room.wallet.available[FUTURES_USDT] = lambda account, asset: D(20)
    with pytest.raises(Refusal, match="insufficient_balance"):
        room.wallet.transfer(room.ann, "USDT", D(21), FUTURES_USDT, SPOT)
    room.wallet.transfer(room.ann, "USDT", D(20), FUTURES_USDT, SPOT)


def test_history_is_bounded_but_what_moves_stays() -> None:
    room = Room(kept=2)
    moving = room.wallet.withdraw(room.ann, "AAA", D(2), HOME)
    for _ in range(3):
        last = room.wallet.withdraw(room.ann, "AAA", D(2), HOME)
        room.wallet.cancel_withdrawal(room.ann, last.id)
    assert room.wallet.withdrawals(room.ann) == [moving, last]
