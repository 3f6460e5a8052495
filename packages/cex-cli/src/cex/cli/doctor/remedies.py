"""What a user can do about an error, in one line. Nothing here knows an exchange: types and our own words decide."""

from __future__ import annotations

from typing import Final

from cex.common.exceptions import (
    AuthenticationException,
    CexArbitrageException,
    ConfigurationException,
    ExchangeConnectionException,
    ExchangeDataException,
    ExchangeRejectedException,
    RateLimitException,
    TimestampException,
)
from cex.common.redaction import redact
from cex.exchanges.base.catalogue import UnknownSymbolException

__all__ = ["CLOCK_REMEDY", "credentials_remedy", "remedy_for"]

CLOCK_REMEDY = "switch on the time synchronisation of this machine (timedatectl set-ntp true, or the like)"

_ADDRESS: Final = (
    "the key is bound to other addresses: add the address of this machine, or of its proxy, to the key's list at the "
    "exchange, or send from one that is on it (proxy of the account)"
)
_PERMISSION: Final = "give the key the permission for this (and, where keys have them, the symbol) at the exchange"
_SECRET: Final = "the secret does not belong to the key: copy both anew into the settings, without blanks"
_LOCKED: Final = "the exchange holds the account back: log in there and read its messages, or ask its support"
_UNKNOWN_KEY: Final = (
    "the exchange does not know the key: is it of this exchange and of this profile (live, testnet), was it deleted, "
    "did it expire? Keys that are bound to no address often end after 90 days: make a new one, bound to the address of "
    "this machine"
)
_ABOUT_KEYS: Final = (
    (("not on the key's list", "from this address", "ip white", "whitelist", "ip_forbidden"), _ADDRESS),
    (("signature",), _SECRET),
    (("permission", "read-only", "only read", "not enabled for this key", "denied", "not allowed"), _PERMISSION),
    (("locked", "abnormal"), _LOCKED),
    (("access key", "no such key", "invalid key", "api key", "api-key", "credentials"), _UNKNOWN_KEY),
    (("forbidden",), _PERMISSION),
)
"""The first row with a word that the error says. Exchanges share no codes; what theirs mean is said in words."""
_KEY_AT_ALL: Final = "look at the key at the exchange: does it exist, what may it do, which addresses is it bound to?"


def remedy_for(error: CexArbitrageException | TimeoutError, exchange: str, proxy: str | None = None) -> str:
    """The line that says what to do; ``proxy`` is what the traffic goes through."""
    if isinstance(error, TimestampException):
        return CLOCK_REMEDY
    notes = [note for note in getattr(error, "__notes__", ()) if not note.startswith("attempt ")]
    if isinstance(error, AuthenticationException):
        said = error.message.casefold()
        fix = next((fix for words, fix in _ABOUT_KEYS if any(word in said for word in words)), _KEY_AT_ALL)
        if not (notes and fix in (_PERMISSION, _KEY_AT_ALL)):
            return fix
    if notes:  # by who raised it, and closer to the matter than anything below
        return redact("; ".join(notes))
    if isinstance(error, RateLimitException):
        wait = "a few minutes" if error.retry_after is None else f"{error.retry_after:.0f} s"
        return f"wait {wait}; other programs at this address or with this key use up the same limits"
    if isinstance(error, ConfigurationException):
        return "change the setting that is named; `cex config show` tells where each one comes from"
    if isinstance(error, UnknownSymbolException):
        return "spell the symbol as the exchange lists it: BTC/USDT for spot, BTC/USDT:USDT for a perpetual"
    if isinstance(error, ExchangeDataException):
        return f"is something between us and the exchange (a proxy, a portal)? If not, update cex-exchanges-{exchange}"
    if isinstance(error, (ExchangeConnectionException, TimeoutError)):
        if proxy:
            return f"does the proxy {proxy} run, and does it let this through? (network.proxy in the settings)"
        return (
            f"is the network up, and may this machine reach the address? A proxy is set as "
            f"exchanges.{exchange}.network.proxy, other addresses as exchanges.{exchange}.endpoints"
        )
    if isinstance(error, ExchangeRejectedException):
        return "the exchange says why; its status page tells of maintenance"
    return "run it again with -vv, which tells every step"


def credentials_remedy(exchange: str, account: str) -> str:
    """How a key is given to us."""
    prefix = f"CEX__EXCHANGES__{exchange}__ACCOUNTS__{account}__".upper()
    return (
        f"set the environment variables {prefix}API_KEY and {prefix}SECRET_KEY, or "
        f"exchanges.{exchange}.accounts.{account} in a file that --config names (`cex config example` shows how)"
    )
