"""The accounts that a sandbox begins with: keys that look like each exchange's own, and money to trade with.

Everything is derived from the seed, so that a client's settings stay good from run to run.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from cex.common.correlation import new_random
from cex.sandbox.accounts.directory import Account, ApiKey, Directory, Permission
from cex.sandbox.accounts.ledger import FUTURES_USDT, SPOT
from cex.sandbox.market.seeds import derived
from cex.sandbox.market.simulation import Market

__all__ = ["AccountPlan", "Credentials", "first_funds", "open_account"]

_ALPHANUMERIC = string.ascii_letters + string.digits
_SPOT_USDT = Decimal(200_000)
_FUTURES_USDT = Decimal(20_000)
_WORTH_OF_EACH = 50_000.0


class Credentials(NamedTuple):
    """How a client signs for an account."""

    key: str
    secret: str
    uid: int

    def __repr__(self) -> str:
        return f"Credentials(key={self.key!r}, uid={self.uid})"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """One account to open on ``venue``. Without ``key`` and ``secret`` they are derived from the seed and the name.

    ``funds`` are amounts by wallet (``spot``, ``futures_usdt``) and asset; None gives what the first account gets.
    """

    venue: str
    name: str
    key: str | None = None
    secret: str | None = field(default=None, repr=False)
    permissions: frozenset[Permission] = frozenset(Permission)
    ips: tuple[str, ...] = ()
    funds: Mapping[str, Mapping[str, Decimal]] | None = None


def open_account(plan: AccountPlan, directory: Directory, market: Market) -> Credentials:
    """Open an account with one key.

    Raises:
        ValueError: the key is taken already.
    """
    derived_key, derived_secret, uid = _derived(plan.venue, plan.name, market.seed)
    key, secret = plan.key or derived_key, plan.secret or derived_secret
    api_key = ApiKey(key, secret, permissions=plan.permissions, ips=plan.ips, label=plan.name)
    funds = first_funds(market, plan.venue) if plan.funds is None else plan.funds
    amounts = {(wallet, asset): amount for wallet, assets in funds.items() for asset, amount in assets.items()}
    directory.add(Account(uid, plan.name, (api_key,)), amounts)
    return Credentials(key, secret, uid)


def first_funds(market: Market, venue: str) -> dict[str, dict[str, Decimal]]:
    """200,000 USDT, of every coin about as much as 50,000 USDT buy, and 20,000 USDT for perpetuals where there are any.

    Nothing is for free on an exchange, but selling needs something to sell.
    """
    spot: dict[str, Decimal] = {"USDT": _SPOT_USDT}
    futures: dict[str, Decimal] = {}
    for book in market.books.get(venue, {}).values():
        base = book.listing.symbol.base
        if book.perpetual is not None:
            futures.setdefault("USDT", _FUTURES_USDT)
        elif base not in spot:
            decimals = min(4, book.rules.quantity_decimals)
            spot[base] = round(Decimal(_WORTH_OF_EACH / book.listing.price), decimals)
    return {SPOT: spot, FUTURES_USDT: futures}


def _derived(venue: str, name: str, seed: int) -> tuple[str, str, int]:
    rng = new_random(derived(seed, venue, name, "credentials"))
    uid = rng.randrange(10_000_000, 100_000_000)
    if venue == "mexc":
        key = "mx0v" + "".join(rng.choice(_ALPHANUMERIC) for _ in range(14))
        return key, f"{rng.getrandbits(128):032x}", uid
    return f"{rng.getrandbits(128):032x}", f"{rng.getrandbits(256):064x}", uid
