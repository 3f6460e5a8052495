"""Who may trade on one venue: accounts, their API keys, and what each key is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from cex.sandbox.accounts.ledger import OUTSIDE, Ledger, Owner

__all__ = ["Account", "ApiKey", "Directory", "Permission"]


class Permission(StrEnum):
    """What an API key may be used for."""

    READ = "read"
    TRADE = "trade"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key of an account.

    ``ips`` are the addresses that it is bound to, none meaning any. ``scopes`` are a venue's own words for the areas
    that the key covers (such as ``spot``), none meaning all of them.
    """

    key: str
    secret: str = field(repr=False)
    permissions: frozenset[Permission] = frozenset(Permission)
    ips: tuple[str, ...] = ()
    label: str = ""
    scopes: frozenset[str] = frozenset()

    def allows(self, permission: Permission, scope: str | None = None) -> bool:
        """Whether the key has ``permission`` and, when one is asked for, covers ``scope``."""
        return permission in self.permissions and (scope is None or not self.scopes or scope in self.scopes)

    def allows_ip(self, ip: str) -> bool:
        """Whether the key may be used from this address."""
        return not self.ips or ip in self.ips


@dataclass(slots=True, eq=False)
class Account:
    """One account of one venue; its settings may be changed while it is used.

    ``main`` is the uid of the account that a sub-account belongs to. Accounts with the same ``stp_group`` (0: none)
    count as one trader for self-trade prevention. ``fee_rates`` are (maker, taker) fractions by symbol, or under ""
    for every other symbol, in place of the venue's own. ``extra`` is for what only one venue knows.
    """

    uid: int
    name: str
    keys: tuple[ApiKey, ...] = ()
    main: int | None = None
    stp_group: int = 0
    unified_mode: str = "classic"
    dual_mode: bool = False
    fee_deduction: bool = False
    fee_rates: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    extra: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.uid < 1:
            raise ValueError(f"account {self.name!r}: a uid is positive, not {self.uid}")


class Directory:
    """The accounts of one venue. ``ledger`` is where their first funds are booked."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._by_uid: dict[int, Account] = {}
        self._by_key: dict[str, tuple[Account, ApiKey]] = {}

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Every account, in the order in which they came."""
        return tuple(self._by_uid.values())

    def add(self, account: Account, funds: Mapping[tuple[str, str], Decimal] | None = None) -> Account:
        """Take an account in; ``funds`` are its first amounts by (wallet, asset).

        Raises:
            ValueError: the uid or one of the keys is taken; nothing has changed then.
        """
        if account.uid in self._by_uid:
            raise ValueError(f"there is already an account with uid {account.uid}")
        names = [key.key for key in account.keys]
        self._check_new(names)
        self._by_uid[account.uid] = account
        for key in account.keys:
            self._by_key[key.key] = (account, key)
        for (wallet, asset), amount in (funds or {}).items():
            self.ledger.move(OUTSIDE, Owner(account.uid, wallet), asset, amount, reason="deposit", reference="initial")
        return account

    def add_key(self, account: Account, key: ApiKey) -> ApiKey:
        """Give an account one more key. Raises ValueError when the key is taken or the account is not of here."""
        if self._by_uid.get(account.uid) is not account:
            raise ValueError(f"account {account.uid} is not of this directory")
        self._check_new([key.key])
        account.keys = (*account.keys, key)
        self._by_key[key.key] = (account, key)
        return key

    def remove_key(self, key: str) -> ApiKey:
        """Make a key unusable. Raises KeyError when there is no such key."""
        account, removed = self._by_key.pop(key)
        account.keys = tuple(kept for kept in account.keys if kept.key != key)
        return removed

    def by_key(self, key: str) -> tuple[Account, ApiKey] | None:
        """Whose key this is."""
        return self._by_key.get(key)

    def by_uid(self, uid: int) -> Account | None:
        """The account with this uid."""
        return self._by_uid.get(uid)

    def _check_new(self, names: Iterable[str]) -> None:
        seen = set(self._by_key)
        for name in names:
            if name in seen:
                raise ValueError("this API key is already in use")
            seen.add(name)
