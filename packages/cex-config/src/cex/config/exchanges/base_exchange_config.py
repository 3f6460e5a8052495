"""Settings that every exchange has: which endpoints, which accounts, which network behaviour."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT, LIVE_PROFILE
from cex.common.exceptions import ConfigurationException
from cex.common.redaction import Secret
from cex.config.core.base_config import BaseConfig, FrozenDict
from cex.config.core.validation import nearest
from cex.config.infrastructure.network_config import NetworkConfig, Proxy

__all__ = ["CUSTOM_PROFILE", "AccountConfig", "BaseExchangeConfig"]

CUSTOM_PROFILE = "custom"
"""The profile without an address of its own: what ``endpoints`` does not name, does not exist."""

_LONGEST_LABEL = 32
_FAMILIES = {"http": "REST", "https": "REST", "ws": "WebSocket", "wss": "WebSocket"}


def _credential(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text or re.search(r"\s", text) or not text.isprintable():
        raise PydanticCustomError("credential", "Input should be a credential without blanks or line breaks, not empty")
    return value


Credential = Annotated[SecretStr, AfterValidator(_credential)]


def _label(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", value) or len(value) > _LONGEST_LABEL:
        raise PydanticCustomError(
            "label", "a label is lower-case letters and digits, with single underscores between, 32 at most"
        )
    return value


Label = Annotated[str, AfterValidator(_label)]


class AccountConfig(BaseConfig):
    """One API key of an exchange, and how it is used.

    Keep both halves out of the file: use ``${NAME}`` or the environment.
    """

    api_key: Credential = Field(description="the key's public half; a credential all the same")
    secret_key: Credential = Field(description="the half that signs")
    proxy: Proxy = Field(default=None, description="HTTP proxy of this account alone, instead of the exchange's")
    withdrawals: bool = Field(default=False, description="true: this account may withdraw; nothing else allows it")

    _secrets: tuple[Secret, Secret] = PrivateAttr()

    def model_post_init(self, _context: Any) -> None:
        # While these settings live, cex.common.redaction masks both texts wherever they turn up.
        self._secrets = (Secret(self.api_key.get_secret_value()), Secret(self.secret_key.get_secret_value()))

    def credentials(self) -> tuple[Secret, Secret]:
        """API key and secret key, for the signer; neither prints."""
        return self._secrets

    def __deepcopy__(self, _memo: dict[int, Any] | None = None) -> AccountConfig:
        return self


class BaseExchangeConfig(BaseConfig):
    """Settings of one exchange. A subclass names the exchange and the addresses of its profiles, as class variables::

    class GateioConfig(BaseExchangeConfig):
        exchange = "gateio"
        profiles = {"live": {"rest": "https://api.gateio.ws", ...}, "testnet": {...}}
    """

    exchange: ClassVar[str] = ""
    """The exchange's name, for messages."""
    profiles: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """Addresses by profile and endpoint name."""

    enabled: bool = Field(
        default=True, description="false: the exchange is skipped wherever all configured ones are used"
    )
    profile: str = Field(default=LIVE_PROFILE, description="which set of addresses: live, custom, ...")
    endpoints: dict[str, str] = Field(
        default_factory=FrozenDict, description="other addresses, by endpoint name; with profile custom, all of them"
    )
    accounts: dict[Label, AccountConfig] = Field(
        default_factory=FrozenDict, description="API keys by label; 'default' is used where none is named"
    )
    network: NetworkConfig = Field(
        default_factory=NetworkConfig, description="timeouts, proxy, retries, reconnects of this exchange"
    )

    @classmethod
    def endpoint_names(cls) -> tuple[str, ...]:
        """Every endpoint name that one of the profiles knows."""
        return tuple(dict.fromkeys(name for addresses in cls.profiles.values() for name in addresses))

    def endpoint(self, name: str) -> str:
        """The URL of an endpoint: the override, or the profile's. Unknown or unset: ConfigurationException."""
        url = self.endpoints.get(name) or self.profiles.get(self.profile, {}).get(name)
        if url is None:
            known = self.endpoint_names()
            if name in known:
                raise ConfigurationException(
                    f"{self._subject()}: profile {self.profile!r} has no endpoint {name!r}; "
                    f"give its URL as endpoints.{name}"
                )
            raise ConfigurationException(
                f"{self._subject()}: there is no endpoint {name!r}; known: {', '.join(known)}{nearest(name, known)}"
            )
        return url

    def account(self, name: str = DEFAULT_ACCOUNT) -> AccountConfig:
        """The account of that label; ConfigurationException with what to set when there is none."""
        account = self.accounts.get(name)
        if account is None:
            known = ", ".join(self.accounts) or "none"
            prefix = f"CEX__EXCHANGES__{self.exchange or 'NAME'}__ACCOUNTS__{name}__".upper()
            raise ConfigurationException(
                f"{self._subject()}: no account {name!r} (configured: {known}{nearest(name, self.accounts)}); set the "
                f"environment variables {prefix}API_KEY and {prefix}SECRET_KEY, or accounts.{name} in the file"
            )
        return account

    @classmethod
    def _subject(cls) -> str:
        return cls.exchange or cls.__name__

    @field_validator("profile")
    @classmethod
    def _known_profile(cls, value: str) -> str:
        known = (*cls.profiles, CUSTOM_PROFILE)
        if value not in known:
            raise PydanticCustomError(
                "profile",
                "Input should be one of {known}{hint}",
                {"known": ", ".join(known), "hint": nearest(value, known)},
            )
        return value

    @field_validator("endpoints")
    @classmethod
    def _sound_endpoints(cls, value: dict[str, str]) -> dict[str, str]:
        faults = [
            InitErrorDetails(type=fault, loc=(name,), input=url)
            for name, url in value.items()
            if (fault := cls._endpoint_fault(name, url)) is not None
        ]
        if faults:
            raise ValidationError.from_exception_data(cls.__name__, faults, hide_input=True)
        return FrozenDict(value)

    @classmethod
    def _endpoint_fault(cls, name: str, url: str) -> PydanticCustomError | None:
        known = cls.endpoint_names()
        if name not in known:
            facts = {"known": ", ".join(known) or "none", "hint": nearest(name, known)}
            return PydanticCustomError("endpoint_name", "there is no such endpoint; known: {known}{hint}", facts)
        published = next(addresses[name] for addresses in cls.profiles.values() if name in addresses)
        family = _FAMILIES.get(urlsplit(published).scheme, "REST")
        schemes = [scheme for scheme, kind in _FAMILIES.items() if kind == family]
        try:
            parts = urlsplit(url)
            sound = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
            clean = "@" not in parts.netloc and not re.search(r"\s", url) and url.isprintable()
        except ValueError:
            sound = clean = False
        if not sound or not clean:
            facts = {"schemes": " or ".join(f"{scheme}://host" for scheme in schemes), "family": family}
            return PydanticCustomError(
                "endpoint_url", "Input should be a {family} address, {schemes}, without user name or blanks", facts
            )
        return None

    @field_validator("accounts")
    @classmethod
    def _frozen_accounts(cls, value: dict[str, AccountConfig]) -> dict[str, AccountConfig]:
        return FrozenDict(value)
