"""Sub-accounts of a main account and their keys. https://www.mexc.com/api-docs/spot-v3/subaccount-endpoints"""

from __future__ import annotations

import ipaddress
import random
import re
from collections.abc import Callable

from cex.sandbox.accounts.directory import Account, ApiKey, Directory, Permission
from cex.sandbox.accounts.ledger import Ledger
from cex.sandbox.venues.mexc.errors import refused
from cex.sandbox.venues.mexc.gateway import Endpoint, Signed
from cex.sandbox.venues.mexc.rest.account import balances

__all__ = ["SubAccounts"]

_NAME = re.compile(r"[0-9A-Za-z]{8,32}")
_MOST_KEYS = 30
_MOST_IPS = 20
_PERMISSIONS = {
    "SPOT_ACCOUNT_READ": Permission.READ,
    "SPOT_ACCOUNT_WRITE": Permission.TRADE,
    "SPOT_DEAL_READ": Permission.READ,
    "SPOT_DEAL_WRITE": Permission.TRADE,
    "SPOT_TRANSFER_READ": Permission.READ,
    "SPOT_TRANSFER_WRITE": Permission.TRADE,
    "SPOT_WITHDRAW_READ": Permission.READ,
    "SPOT_WITHDRAW_WRITE": Permission.WITHDRAW,
}


class SubAccounts:
    """Only a main account may ask."""

    def __init__(self, directory: Directory, ledger: Ledger, *, rng: random.Random) -> None:
        self._directory = directory
        self._ledger = ledger
        self._rng = rng

    def endpoints(self) -> list[Endpoint]:
        """What is answered here."""

        def endpoint(method: str, path: str, answer: Callable[[Signed], object]) -> Endpoint:
            permission = Permission.READ if method == "GET" else Permission.TRADE
            return Endpoint(method=method, path=f"/api/v3/sub-account/{path}", signed=answer, permission=permission)

        return [
            endpoint("POST", "virtualSubAccount", self.create),
            endpoint("GET", "list", self.listed),
            endpoint("POST", "apiKey", self.create_key),
            endpoint("GET", "apiKey", self.keys),
            endpoint("DELETE", "apiKey", self.delete_key),
            endpoint("GET", "asset", self.assets),
        ]

    def create(self, call: Signed) -> object:
        self._check_main(call)
        name, note = call.params.required("subAccount"), call.params.required("note")
        if not _NAME.fullmatch(name):
            raise refused(730601)
        if any(account.name == name for account in self._directory.accounts):
            raise refused(730101)
        uid = max(account.uid for account in self._directory.accounts) + 1
        extra: dict[str, object] = {"note": note, "created_ms": call.now_ms}
        self._directory.add(Account(uid, name, main=call.account.uid, extra=extra))
        return {"subAccount": name, "note": note}

    def listed(self, call: Signed) -> object:
        """``page`` from 1, ``limit`` up to 200."""
        self._check_main(call)
        name, frozen = call.params.text("subAccount"), call.params.flag("isFreeze")
        accounts = [] if frozen else [one for one in self._of(call) if name in (None, one.name)]
        limit = call.params.count("limit", default=10, most=200)
        first = (call.params.count("page", default=1, most=1_000_000) - 1) * limit
        return {
            "subAccounts": [
                {
                    "subAccount": account.name,
                    "isFreeze": False,
                    "createTime": account.extra.get("created_ms", 0),
                    "uid": str(account.uid),
                }
                for account in accounts[first : first + limit]
            ]
        }

    def create_key(self, call: Signed) -> object:
        """The secret is told here and never again."""
        account = self._sub(call)
        note, words = call.params.required("note"), call.params.required("permissions")
        ips = tuple(filter(None, (call.params.text("ip") or "").split(",")))
        if len(account.keys) >= _MOST_KEYS:
            raise refused(730705)
        if len(ips) > _MOST_IPS:
            raise refused(730703)
        if not all(_is_ip(ip) for ip in ips):
            raise refused(730704)
        permissions = {_PERMISSIONS.get(word.strip()) for word in words.split(",")}
        if None in permissions:
            raise refused(730702)
        key = ApiKey(
            f"mx0v{self._rng.getrandbits(56):014x}",
            f"{self._rng.getrandbits(128):032x}",
            permissions=frozenset(permission for permission in permissions if permission is not None),
            ips=ips,
            label=note,
        )
        self._directory.add_key(account, key)
        self._key_notes(account)[key.key] = {"permissions": words, "ip": ",".join(ips), "creatTime": call.now_ms}
        return {"subAccount": account.name, **self._told(account, key), "secretKey": key.secret}

    def keys(self, call: Signed) -> object:
        account = self._sub(call)
        return {"subAccount": [self._told(account, key) for key in account.keys]}

    def delete_key(self, call: Signed) -> object:
        account, text = self._sub(call), call.params.required("apiKey")
        if all(key.key != text for key in account.keys):
            raise refused(730706)
        self._directory.remove_key(text)
        return {"subAccount": account.name}

    def assets(self, call: Signed) -> object:
        account = self._sub(call)
        if call.params.required("accountType") != "SPOT":
            raise refused(10103)
        return {"balances": balances(self._ledger, account.uid)}

    def _told(self, account: Account, key: ApiKey) -> dict[str, object]:
        known = self._key_notes(account).get(key.key, {"permissions": "", "ip": ",".join(key.ips), "creatTime": 0})
        return {"note": key.label, "apiKey": key.key, **known}

    def _key_notes(self, account: Account) -> dict[str, dict[str, object]]:
        notes = account.extra.setdefault("key_notes", {})
        assert isinstance(notes, dict)
        return notes

    def _check_main(self, call: Signed) -> None:
        if call.account.main is not None:
            raise refused(140002)

    def _of(self, call: Signed) -> list[Account]:
        return [account for account in self._directory.accounts if account.main == call.account.uid]

    def _sub(self, call: Signed) -> Account:
        self._check_main(call)
        name = call.params.required("subAccount")
        for account in self._of(call):
            if account.name == name:
                return account
        raise refused(140001)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
