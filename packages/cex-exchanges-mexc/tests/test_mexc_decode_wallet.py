"""Deposits, withdrawals, networks and addresses: golden values of the samples, and every state."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from cex.common import AssetNetwork, Deposit, DepositAddress, Withdrawal
from cex.common.enums import TransferStatus
from cex.common.exceptions import ExchangeDataException
from cex.exchanges.mexc.decode.wallet import asset_networks, deposit, deposit_address, withdrawal
from cex.exchanges.mexc.wire import wallet as wire

Reader = Callable[[str], bytes]

MS = 1_000_000


def first(data: bytes) -> dict[str, object]:
    row: dict[str, object] = json.loads(data)[0]
    return row


def test_networks(sample: Reader) -> None:
    rows = wire.coins_decoder.decode(sample("rest_coins"))
    expected = AssetNetwork(
        currency="EOS",
        network="EOS",
        deposit_enabled=True,
        withdraw_enabled=False,
        contract_address="TN3W4H6rK2ce4vX9YnFQHwKENnHjoxbm9",
        withdraw_fee=Decimal("0.0001"),
        withdraw_min=Decimal("0.001"),
        withdraw_max=Decimal(10000),
        confirmations=0,
    )
    assert asset_networks(rows, "EOS") == [expected]
    assert asset_networks(rows, None) == [expected]
    assert asset_networks(rows, "BTC") == []


def test_a_network_goes_by_the_name_that_a_withdrawal_asks_for() -> None:
    ways = [{"network": "BEP20(BSC)", "netWork": "BSC"}, {"network": "ERC20"}, {"netWork": "ETH"}]
    rows = msgspec.convert([{"coin": "USDT", "networkList": ways}], list[wire.CoinRow])
    assert [way.network for way in asset_networks(rows, "USDT")] == ["BSC", "ERC20", "ETH"]


def test_a_network_that_makes_no_sense() -> None:
    rows = msgspec.convert([{"coin": "X", "networkList": [{"netWork": "X", "withdrawFee": "-1"}]}], list[wire.CoinRow])
    with pytest.raises(ExchangeDataException, match="withdrawFee"):
        asset_networks(rows, "X")


def test_a_deposit(sample: Reader) -> None:
    (row,) = wire.deposits_decoder.decode(sample("rest_deposits"))
    assert deposit(row) == Deposit(
        deposit_id="0139..:0",
        currency="EOS",
        amount=Decimal(50000),
        status=TransferStatus.COMPLETED,
        network="EOS",
        exchange_status="SUCCESS",
        address="0x20..",
        tag="xxyy1122",
        transaction_id="0139..:0",
        created_ts=1659513342000 * MS,
        updated_ts=1659513342000 * MS,
    )


@pytest.mark.parametrize(
    ("number", "word", "status"),
    [
        (1, "SMALL", TransferStatus.PENDING),
        (4, "PENDING", TransferStatus.PENDING),
        (7, "REJECTED", TransferStatus.FAILED),
        (8, "REFUND", TransferStatus.FAILED),
        (9, "PRE_SUCCESS", TransferStatus.PENDING),
        (10, "INVALID", TransferStatus.FAILED),
        ("12", "COMPLETED", TransferStatus.COMPLETED),
        (99, "99", TransferStatus.UNKNOWN),
    ],
)
def test_states_of_deposits(sample: Reader, number: int | str, word: str, status: TransferStatus) -> None:
    told = deposit(msgspec.convert(first(sample("rest_deposits")) | {"status": number}, wire.DepositRow))
    assert (told.exchange_status, told.status) == (word, status)


def test_a_withdrawal(sample: Reader) -> None:
    (row,) = wire.withdrawals_decoder.decode(sample("rest_withdrawals"))
    assert withdrawal(row) == Withdrawal(
        withdrawal_id="bb17..",
        currency="EOS",
        amount=Decimal(10),
        status=TransferStatus.PENDING,
        network="EOS",
        exchange_status="WAIT",
        address="zz..",
        tag="MX10086",
        transaction_id="0x0c..",
        fee=Decimal(0),
        created_ts=1665300874000 * MS,
        updated_ts=1712134082000 * MS,
    )


@pytest.mark.parametrize(
    ("number", "word", "status"),
    [
        (1, "APPLY", TransferStatus.PENDING),
        (7, "SUCCESS", TransferStatus.COMPLETED),
        (8, "FAILED", TransferStatus.FAILED),
        (9, "CANCEL", TransferStatus.CANCELED),
        (11, "11", TransferStatus.UNKNOWN),
    ],
)
def test_states_of_withdrawals(sample: Reader, number: int, word: str, status: TransferStatus) -> None:
    told = withdrawal(msgspec.convert(first(sample("rest_withdrawals")) | {"status": number}, wire.WithdrawalRow))
    assert (told.exchange_status, told.status) == (word, status)


def test_movements_that_make_no_sense(sample: Reader) -> None:
    with pytest.raises(ExchangeDataException, match="amount is missing"):
        deposit(msgspec.convert(first(sample("rest_deposits")) | {"amount": ""}, wire.DepositRow))
    with pytest.raises(ExchangeDataException, match="amount is 'x'"):
        withdrawal(msgspec.convert(first(sample("rest_withdrawals")) | {"amount": "x"}, wire.WithdrawalRow))


def test_an_address() -> None:
    row = wire.AddressRow(coin="USDT", address="0xabc", network="BEP20(BSC)", net_work="BSC", memo=None)
    assert deposit_address(row, "BSC") == DepositAddress(currency="USDT", network="BSC", address="0xabc")


@pytest.mark.parametrize("text", [b'{"tranId":"c45d"}', b'[{"tranId":"c45d"}]'])
def test_the_id_of_a_transfer_with_and_without_a_list(text: bytes) -> None:
    said = wire.transfer_id_decoder.decode(text)
    assert (said[0] if isinstance(said, list) else said).tran_id == "c45d"
