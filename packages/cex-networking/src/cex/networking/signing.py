"""The door for credentials: how a request is signed is the exchange's fact; that it travels safely is ours."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

from cex.common.exceptions import ConfigurationException
from cex.networking.requests import RestRequest

__all__ = ["Signer", "is_loopback", "require_secure"]


class Signer(Protocol):
    """Signs requests; a pure function of its key, the request and the time."""

    def sign(self, request: RestRequest, timestamp_ns: int) -> RestRequest:
        """The request as it is to be sent, with key, timestamp and signature added; ``request`` itself is unchanged.

        Called anew for every try, with the server's time as far as it is known (nanoseconds since the epoch).
        """
        ...


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    host = host.rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def require_secure(url: str) -> None:
    """Refuse to let a key go to ``url`` in plain text; only this machine itself may be reached without TLS.

    Raises :class:`ConfigurationException`.
    """
    parts = urlsplit(url)
    if parts.scheme in ("https", "wss") or (parts.hostname and is_loopback(parts.hostname)):
        return
    secure = {"http": "https", "ws": "wss"}.get(parts.scheme, "https")
    raise ConfigurationException(
        f"a key is never sent without TLS: the host {parts.hostname or '(none)'} is reached by {parts.scheme}://;"
        f" use {secure}://, or a loopback address"
    )
