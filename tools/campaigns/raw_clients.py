"""Clients of the sandbox that know nothing but HTTP and how to sign: what campaigns ask with, right or wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

import aiohttp
import yarl

from cex.common.clock import Clock
from cex.sandbox.credentials import Credentials
from cex.sandbox.venues.gateio.auth import rest_signature
from cex.sandbox.venues.mexc.signing import signature_of

__all__ = ["RawAnswer", "RawGateio", "RawMexc"]


class RawAnswer(NamedTuple):
    """What came back; ``content_type`` without its parameters."""

    status: int
    content_type: str
    body: bytes


class RawMexc:
    """MEXC's REST as one account. ``url`` is scheme and authority."""

    def __init__(self, http: aiohttp.ClientSession, url: str, credentials: Credentials, clock: Clock) -> None:
        self._http = http
        self._url = url
        self._credentials = credentials
        self._clock = clock

    async def signed(self, method: str, path: str, params: Mapping[str, str]) -> RawAnswer:
        """A request with everything in its query, signed as documented; ``path`` begins with ``/api``."""
        return await self.signed_text(method, path, "&".join(f"{n}={quote(v, safe='')}" for n, v in params.items()))

    async def signed_text(self, method: str, path: str, query: str) -> RawAnswer:
        """The same for a query that is percent-encoded already, well or badly."""
        total = f"{query}{'&' if query else ''}timestamp={self._clock.time_ns() // 1_000_000}"
        signature = signature_of(self._credentials.secret, total.encode())
        headers = {"X-MEXC-APIKEY": self._credentials.key, "Content-Type": "application/json"}
        return await self.raw(method, f"{path}?{total}&signature={signature}", headers=headers)

    async def raw(
        self, method: str, target: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> RawAnswer:
        """Exactly this; ``target`` is path and query."""
        return await _ask(self._http, method, self._url + target, headers, body)


class RawGateio:
    """Gate.io's REST as one account. ``url`` is scheme and authority."""

    def __init__(self, http: aiohttp.ClientSession, url: str, credentials: Credentials, clock: Clock) -> None:
        self._http = http
        self._url = url
        self._credentials = credentials
        self._clock = clock

    async def signed(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> RawAnswer:
        """A signed request below ``/api/v4``; ``path`` is percent-encoded, ``query`` is not."""
        pairs = (query or {}).items()
        plain = "&".join(f"{name}={value}" for name, value in pairs)
        sent = "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)
        timestamp, path = str(self._clock.time_ns() // 1_000_000_000), f"/api/v4{path}"
        signature = rest_signature(self._credentials.secret, method, path, plain, body, timestamp)
        auth = {"KEY": self._credentials.key, "Timestamp": timestamp, "SIGN": signature}
        target = f"{path}?{sent}" if sent else path
        auth |= {"Content-Type": "application/json", **(headers or {})}
        return await self.raw(method, target, headers=auth, body=body)

    async def raw(
        self, method: str, target: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> RawAnswer:
        """Exactly this; ``target`` is path and query."""
        return await _ask(self._http, method, self._url + target, headers, body)


async def _ask(
    http: aiohttp.ClientSession, method: str, url: str, headers: Mapping[str, str] | None, body: bytes
) -> RawAnswer:
    async with asyncio.timeout(60):
        async with http.request(method, yarl.URL(url, encoded=True), data=body or None, headers=headers) as answer:
            return RawAnswer(answer.status, answer.content_type, await answer.read())
