from __future__ import annotations

from decimal import Decimal

import pytest

from cex.sandbox.accounts.directory import Account, ApiKey, Directory, Permission
from cex.sandbox.accounts.ledger import SPOT, Ledger

D = Decimal


def test_account_is_found_by_uid_and_by_each_key() -> None:
    directory = Directory(Ledger())
    first, second = ApiKey("k1", "s1"), ApiKey("k2", "s2", frozenset({Permission.READ}), ("10.0.0.1",), "reader")
    account = directory.add(Account(5, "main", (first, second)), {(SPOT, "USDT"): D(10)})
    assert directory.by_uid(5) is account
    assert directory.by_key("k2") == (account, second)
    assert directory.by_uid(6) is None
    assert directory.by_key("nobody") is None
    assert directory.ledger.holding(5, SPOT, "USDT").free == 10
    assert directory.ledger.total("USDT") == 0
    assert directory.accounts == (account,)


def test_key_says_what_it_is_for() -> None:
    reader = ApiKey("k", "s", frozenset({Permission.READ}), ("10.0.0.1",), scopes=frozenset({"spot"}))
    assert reader.allows(Permission.READ)
    assert reader.allows(Permission.READ, "spot")
    assert not reader.allows(Permission.READ, "futures")
    assert not reader.allows(Permission.TRADE)
    assert reader.allows_ip("10.0.0.1")
    assert not reader.allows_ip("10.0.0.2")
    anyone = ApiKey("k", "secret-text")
    assert anyone.allows(Permission.WITHDRAW, "futures")
    assert anyone.allows_ip("10.0.0.2")
    assert "secret-text" not in repr(anyone)


def test_taken_uids_and_keys_change_nothing() -> None:
    directory = Directory(Ledger())
    account = directory.add(Account(5, "main", (ApiKey("k1", "s"),)))
    with pytest.raises(ValueError, match="uid 5"):
        directory.add(Account(5, "other"))
    with pytest.raises(ValueError, match="in use"):
        directory.add(Account(6, "other", (ApiKey("k2", "s"), ApiKey("k1", "s"))))
    with pytest.raises(ValueError, match="in use"):
        directory.add(Account(6, "other", (ApiKey("k2", "s"), ApiKey("k2", "s"))))
    with pytest.raises(ValueError, match="positive"):
        Account(0, "house")
    assert directory.accounts == (account,)
    assert directory.by_key("k2") is None


def test_keys_come_and_go() -> None:
    directory = Directory(Ledger())
    account = directory.add(Account(5, "main"))
    key = directory.add_key(account, ApiKey("k1", "s"))
    assert directory.by_key("k1") == (account, key)
    assert directory.remove_key("k1") is key
    assert directory.by_key("k1") is None
    assert account.keys == ()
    with pytest.raises(KeyError):
        directory.remove_key("k1")
    with pytest.raises(ValueError, match="not of this directory"):
        directory.add_key(Account(9, "stranger"), key)
