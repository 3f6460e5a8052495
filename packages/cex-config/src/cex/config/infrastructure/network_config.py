"""How sockets behave towards one exchange: timeouts, proxy, pool, retries and reconnects."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, Secret, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from cex.common.constants import network_constants as defaults
from cex.common.redaction import redact
from cex.config.core.base_config import EMPTY_IS_NONE, BaseConfig, Count, Seconds

__all__ = ["NetworkConfig", "Proxy", "ProxyUrl"]


class ProxyUrl(Secret[str]):
    """A proxy's address, which may hold a password; prints with the password masked."""

    def _display(self) -> str:
        return redact(self.get_secret_value())


def _proxy(value: ProxyUrl | None) -> ProxyUrl | None:
    if value is not None:
        try:
            parts = urlsplit(value.get_secret_value())
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if not sound:
            raise PydanticCustomError("proxy_url", "Input should be a URL like http://user:password@host:port")
    return value


Proxy = Annotated[ProxyUrl | None, EMPTY_IS_NONE, AfterValidator(_proxy)]
"""The URL of an HTTP proxy, or none; empty text is none too."""


class NetworkConfig(BaseConfig):
    """Network settings; durations in seconds. ``[network]`` in the file is the default of every exchange's own."""

    connect_timeout: Seconds = Field(
        default=defaults.CONNECT_TIMEOUT_S, description="seconds to open a connection, TLS included"
    )
    read_timeout: Seconds = Field(default=defaults.READ_TIMEOUT_S, description="seconds without a byte of the answer")
    total_timeout: Seconds = Field(
        default=defaults.TOTAL_TIMEOUT_S, description="seconds for one try of a request, all in all"
    )
    proxy: Proxy = Field(
        default=None, description="HTTP proxy for REST and WebSocket, such as http://user:password@host:3128"
    )
    connections_per_host: Count = Field(default=20, description="how many REST connections to one host may be open")
    retry_attempts: Annotated[Count, Field(le=20)] = Field(
        default=3, description="tries of a request that may be repeated; 1 means no retry"
    )
    retry_first: Seconds = Field(
        default=0.25, description="seconds before the first retry; doubles from there, with jitter"
    )
    retry_most: Seconds = Field(
        default=5.0, validate_default=True, description="the longest wait between two tries, in seconds"
    )
    reconnect_first: Seconds = Field(
        default=defaults.RECONNECT_FIRST_S,
        description="seconds before the first reconnect; doubles from there, with jitter",
    )
    reconnect_most: Seconds = Field(
        default=defaults.RECONNECT_MAX_S,
        validate_default=True,
        description="the longest wait between two reconnects, in seconds",
    )
    connects_per_minute: Count = Field(
        default=defaults.MAX_CONNECTS_PER_HOST_PER_MINUTE,
        description="WebSocket connects to a host in any minute; without it, the process shares one budget",
    )
    subscribe_timeout: Seconds = Field(
        default=defaults.SUBSCRIBE_TIMEOUT_S, description="seconds until a subscription must be acknowledged"
    )

    @field_validator("retry_most", "reconnect_most")
    @classmethod
    def _not_below_the_first(cls, value: float, info: ValidationInfo) -> float:
        name = f"{str(info.field_name).removesuffix('_most')}_first"
        first = info.data.get(name)
        if first is not None and value < first:
            facts = {"name": name, "first": first}
            raise PydanticCustomError("below_first", "Input should be at least {name}, which is {first}", facts)
        return value
