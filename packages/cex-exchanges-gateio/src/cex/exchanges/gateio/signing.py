"""How Gate.io's requests are signed: REST, private channels, and the login of the WebSocket order API.

https://www.gate.com/docs/developers/apiv4/en/ and https://www.gate.com/docs/developers/apiv4/ws/en/. All three are
HMAC-SHA512 in lower-case hexadecimal over a text that differs.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from cex.common.constants.system_constants import NANOSECONDS
from cex.common.redaction import Secret
from cex.exchanges.gateio.constants import EXPIRY_HEADER
from cex.networking.requests import RestRequest

__all__ = ["API_EVENT", "ChannelAuth", "GateioSigner", "GateioStreamSigner", "Login"]

API_EVENT: Final = "api"
"""The event of every message of the WebSocket order API."""
_MILLISECOND: Final = 1_000_000

ChannelAuth = dict[str, str]
"""The ``auth`` of a subscription to a private channel."""
Login = dict[str, str]
"""The signed part of the ``payload`` that logs a connection in for the WebSocket order API."""


class GateioSigner:
    """Signs REST requests; what is signed is the query as it reads, not as it is percent-encoded.

    ``url`` is the base URL, whose path (``/api/v4``) is signed too. A request that carries ``X-Gate-Exptime`` with a
    number of seconds gets the moment at which they are over, in milliseconds of the server's clock: the exchange
    refuses what reaches it later.
    """

    __slots__ = ("_key", "_prefix", "_secret")

    def __init__(self, key: Secret, secret: Secret, url: str) -> None:
        self._key = key
        self._secret = secret
        self._prefix = urlsplit(url).path.rstrip("/")

    def sign(self, request: RestRequest, timestamp_ns: int) -> RestRequest:
        timestamp = str(timestamp_ns // NANOSECONDS)
        query = "&".join(f"{name}={value}" for name, value in request.params.items())
        body = hashlib.sha512(request.body).hexdigest()
        text = "\n".join((request.method, self._prefix + request.path, query, body, timestamp))
        headers = {
            **request.headers,
            "KEY": self._key.reveal(),
            "Timestamp": timestamp,
            "SIGN": _hmac(self._secret, text),
        }
        if (valid_s := headers.get(EXPIRY_HEADER)) is not None:
            headers[EXPIRY_HEADER] = str(round((timestamp_ns + float(valid_s) * NANOSECONDS) / _MILLISECOND))
        return replace(request, headers=headers)

    def __repr__(self) -> str:
        return f"GateioSigner({self._prefix!r})"


class GateioStreamSigner:
    """Signs what a WebSocket connection asks for; times are whole unix seconds of the server's clock."""

    __slots__ = ("_key", "_secret")

    def __init__(self, key: Secret, secret: Secret) -> None:
        self._key = key
        self._secret = secret

    def auth(self, channel: str, event: str, time_s: int) -> ChannelAuth:
        """The ``auth`` of a ``subscribe`` or ``unsubscribe`` message whose ``time`` is ``time_s``."""
        text = f"channel={channel}&event={event}&time={time_s}"
        return {"method": "api_key", "KEY": self._key.reveal(), "SIGN": _hmac(self._secret, text)}

    def login(self, channel: str, time_s: int, parameters: str = "") -> Login:
        """The signed part of a message of the order API; ``parameters``: its ``req_param`` as JSON, "" for a login."""
        text = f"{API_EVENT}\n{channel}\n{parameters}\n{time_s}"
        return {"api_key": self._key.reveal(), "signature": _hmac(self._secret, text), "timestamp": str(time_s)}

    def __repr__(self) -> str:
        return "GateioStreamSigner()"


def _hmac(secret: Secret, text: str) -> str:
    return hmac.new(secret.reveal().encode(), text.encode(), hashlib.sha512).hexdigest()
