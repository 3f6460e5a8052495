"""Coins, the networks that they travel on, and addresses: made up, but always the same for the same account."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from cex.sandbox.accounts.ledger import EXACT
from cex.sandbox.accounts.orders import Reason, Refusal

__all__ = ["Coin", "DepositAddress", "Network", "address_of", "check_amount", "default_coin"]

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One network of a coin.

    ``name`` is the short name (``TRX``), ``label`` what people read (``Tron(TRC20)``). Amounts are in the coin, with at
    most ``decimals`` decimals. A deposit is credited after ``confirmations`` blocks of ``block_s`` seconds.
    """

    name: str
    label: str = ""
    deposits: bool = True
    withdrawals: bool = True
    withdraw_fee: Decimal = Decimal(0)
    withdraw_min: Decimal = Decimal(0)
    withdraw_max: Decimal = Decimal(1_000_000_000)
    decimals: int = 8
    confirmations: int = 12
    block_s: float = 3.0
    contract: str = ""
    memo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """A coin and its networks, the usual one first."""

    asset: str
    name: str = ""
    networks: tuple[Network, ...] = field(default=())

    def network(self, name: str | None) -> Network:
        """The network of this name (short or long), or the usual one. Raises Refusal: UNKNOWN_NETWORK."""
        for network in self.networks:
            if name is None or name in (network.name, network.label):
                return network
        raise Refusal(Reason.UNKNOWN_NETWORK, asset=self.asset, network=name)


class DepositAddress(NamedTuple):
    """Where an account receives a coin on a network; ``memo`` is empty where none is needed."""

    asset: str
    network: str
    address: str
    memo: str


_NETWORKS = {
    "BTC": (
        Network(
            name="BTC",
            label="Bitcoin",
            withdraw_fee=Decimal("0.0002"),
            withdraw_min=Decimal("0.001"),
            confirmations=2,
            block_s=600.0,
        ),
    ),
    "USDT": (
        Network(
            name="TRX",
            label="Tron(TRC20)",
            withdraw_fee=Decimal(1),
            withdraw_min=Decimal(10),
            decimals=6,
            contract="TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        ),
        Network(
            name="ETH",
            label="Ethereum(ERC20)",
            withdraw_fee=Decimal(3),
            withdraw_min=Decimal(20),
            decimals=6,
            block_s=12.0,
            contract="0xdac17f958d2ee523a2206206994597c13d831ec7",
        ),
    ),
    "ETH": (
        Network(
            name="ETH",
            label="Ethereum(ERC20)",
            withdraw_fee=Decimal("0.001"),
            withdraw_min=Decimal("0.01"),
            block_s=12.0,
        ),
    ),
    "XRP": (
        Network(
            name="XRP", label="Ripple", withdraw_fee=Decimal("0.2"), withdraw_min=Decimal(10), decimals=6, memo=True
        ),
    ),
}


def default_coin(asset: str, name: str = "") -> Coin:
    """The coin with the networks that it usually has, or with one of its own name."""
    networks = _NETWORKS.get(asset, (Network(name=asset, label=asset, withdraw_min=Decimal("0.001")),))
    return Coin(asset=asset, name=name or asset, networks=networks)


def address_of(seed: str, uid: int, asset: str, network: Network) -> DepositAddress:
    """The address of an account: a function of ``seed`` (the venue, say) and of what it is for."""
    path = f"{seed} {uid} {network.name}".encode()
    digest = hashlib.blake2b(path, digest_size=32).digest()
    if network.name in ("ETH", "BSC", "ARB", "OP"):
        address = "0x" + digest[:20].hex()
    else:
        first = {"TRX": "T", "BTC": "1", "XRP": "r"}.get(network.name, "")
        address = first + "".join(_BASE58[byte % 58] for byte in (*digest, *digest[:1]))
    memo = str(int.from_bytes(digest[:4], "big")) if network.memo else ""
    return DepositAddress(asset, network.name, address, memo)


def check_amount(amount: Decimal, decimals: int) -> None:
    """Refuse AMOUNT_TOO_SMALL, AMOUNT_TOO_LARGE, AMOUNT_PRECISION."""
    if not amount.is_finite() or amount <= 0:
        raise Refusal(Reason.AMOUNT_TOO_SMALL, amount=amount)
    if amount.adjusted() > 20:
        raise Refusal(Reason.AMOUNT_TOO_LARGE, amount=amount)
    try:
        whole = EXACT.scaleb(amount, decimals) % 1 == 0
    except ArithmeticError:
        whole = False
    if not whole:
        raise Refusal(Reason.AMOUNT_PRECISION, amount=amount, precision=decimals)
