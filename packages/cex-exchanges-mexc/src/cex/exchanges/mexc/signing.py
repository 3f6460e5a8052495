"""How MEXC wants a request signed. https://www.mexc.com/api-docs/spot-v3/general-info#signed"""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Final

from cex.common.redaction import Secret
from cex.exchanges.mexc.constants import MAX_RECV_WINDOW_MS, RECV_WINDOW_MS
from cex.networking import RestRequest

__all__ = ["MexcSigner", "signature"]

_KEY_HEADER: Final = "X-MEXC-APIKEY"


class MexcSigner:
    """Signs the requests of one key: ``recvWindow``, ``timestamp`` and ``signature`` go behind the other parameters.

    ``recv_window_ms`` is how long the exchange may take a request, by the timestamp in it, 1 to 60000 milliseconds;
    None leaves it to the exchange, which then takes 5000.
    """

    __slots__ = ("_api_key", "_recv_window_ms", "_secret_key")

    def __init__(self, api_key: Secret, secret_key: Secret, *, recv_window_ms: int | None = RECV_WINDOW_MS) -> None:
        if recv_window_ms is not None and not 1 <= recv_window_ms <= MAX_RECV_WINDOW_MS:
            raise ValueError(f"recvWindow is 1 to {MAX_RECV_WINDOW_MS} milliseconds, not {recv_window_ms}")
        self._api_key = api_key
        self._secret_key = secret_key
        self._recv_window_ms = recv_window_ms

    def sign(self, request: RestRequest, timestamp_ns: int) -> RestRequest:
        params = dict(request.params)
        if self._recv_window_ms is not None:
            params["recvWindow"] = str(self._recv_window_ms)
        params["timestamp"] = str(timestamp_ns // 1_000_000)
        headers = {**request.headers, _KEY_HEADER: self._api_key.reveal(), "Content-Type": "application/json"}
        dated = replace(request, params=params, headers=headers)
        params["signature"] = signature(self._secret_key, dated.query, request.body)
        return dated


def signature(secret_key: Secret, query: str, body: bytes = b"") -> str:
    """HMAC-SHA256 in lower-case hex over the query, as it is sent, and the body behind it, with nothing in between."""
    return hmac.digest(secret_key.reveal().encode(), query.encode() + body, "sha256").hex()
