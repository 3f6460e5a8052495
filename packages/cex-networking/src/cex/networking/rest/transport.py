"""The seam below the REST client: one request, one answer, nothing decided. Production has aiohttp behind it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from cex.common.constants.network_constants import DNS_CACHE_S
from cex.common.exceptions import ConfigurationException
from cex.networking.failures import TRANSPORT_ERRORS, AnswerTooLarge, NotSent
from cex.networking.requests import Timeouts
from cex.networking.signing import is_loopback

__all__ = ["AiohttpTransport", "HttpAnswer", "HttpTransport"]

MAX_BODY_BYTES = 32 * 1024 * 1024
CONNECTIONS_PER_HOST = 20
KEEPALIVE_S = 15.0


class HttpAnswer(NamedTuple):
    """What came back; ``headers`` have lower-case names, ``body`` is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpTransport(Protocol):
    """Sends requests. A fake one gives tests virtual time."""

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> HttpAnswer:
        """Send once, never again, to exactly ``url`` (already encoded), without following a redirect.

        Keeps to ``timeouts``. Raises :data:`cex.networking.failures.TRANSPORT_ERRORS` for what the network did:
        ``NotSent`` where it is certain that nothing left, ``AnswerTooLarge`` for an answer over its bound.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection; may be called twice."""
        ...


class AiohttpTransport:
    """Pooled keep-alive connections with a DNS cache, made on first use; belongs to one event loop.

    ``proxy`` is an HTTP proxy's URL, which may hold a user and password. A loopback host is reached directly, unless
    the proxy is on loopback too. The environment's proxy variables and ``.netrc`` are not read; cookies are not kept.
    ``tls`` replaces the default TLS settings, for instance to trust a certificate of one's own. An answer of more than
    ``max_body`` bytes, decompressed, is given up. ``connector`` makes what opens connections, in place of TCP: for
    instance one that stays in memory, so that time can be virtual; pool and TLS are then its own business.
    """

    def __init__(
        self,
        *,
        proxy: str | None = None,
        connections_per_host: int = CONNECTIONS_PER_HOST,
        max_body: int = MAX_BODY_BYTES,
        tls: ssl.SSLContext | None = None,
        connector: Callable[[], aiohttp.BaseConnector] | None = None,
    ) -> None:
        if proxy is not None:
            parts = urlsplit(proxy)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ConfigurationException("a proxy is given as a URL such as http://user:password@host:3128")
        self._proxy = proxy
        self._connections_per_host = connections_per_host
        self._max_body = max_body
        self._tls = tls
        self._connector = connector or self._tcp
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> HttpAnswer:
        progress = _Progress()
        try:
            async with self._opened().request(
                method,
                URL(url, encoded=True),
                headers=headers,
                data=body or None,
                allow_redirects=False,
                proxy=self._proxy_for(url),
                timeout=aiohttp.ClientTimeout(
                    total=timeouts.total, sock_connect=timeouts.connect, sock_read=timeouts.read
                ),
                trace_request_ctx=progress,
            ) as response:
                return HttpAnswer(response.status, _lower(response.headers), await self._body(response))
        except TRANSPORT_ERRORS as error:
            if progress.sent:
                raise
            raise NotSent("nothing was sent") from error

    async def aclose(self) -> None:
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise RuntimeError("this transport is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[_trace()],
                middlewares=(_send_once,),
            )
        return self._session

    def _tcp(self) -> aiohttp.BaseConnector:
        return aiohttp.TCPConnector(
            limit=0,
            limit_per_host=self._connections_per_host,
            keepalive_timeout=KEEPALIVE_S,
            ttl_dns_cache=int(DNS_CACHE_S),
            ssl=self._tls or True,
        )

    def _proxy_for(self, url: str) -> str | None:
        if self._proxy is None:
            return None
        direct = is_loopback(urlsplit(url).hostname or "") and not is_loopback(urlsplit(self._proxy).hostname or "")
        return None if direct else self._proxy

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > self._max_body:
                raise AnswerTooLarge(f"HTTP {response.status} with more than {self._max_body} bytes: given up")
        return bytes(body)


class _Progress:
    """How far one request came."""

    __slots__ = ("sent",)

    def __init__(self) -> None:
        self.sent = False


async def _mark_sent(
    session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestHeadersSentParams
) -> None:
    context.trace_request_ctx.sent = True


def _trace() -> aiohttp.TraceConfig:
    """Tells when the first byte of a request is about to leave."""
    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(_mark_sent)
    return config


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Take aiohttp's own second try on a connection that broke out of its hands: PUT and DELETE are not ours to repeat.

    It tries again only on errors of these two kinds; the limiter and the retry budget must see every try.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(str(error) or type(error).__name__) from error


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    lowered: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        lowered[key] = f"{lowered[key]}, {value}" if key in lowered else value
    return lowered
