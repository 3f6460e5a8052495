"""The one way in: finds the endpoint, charges the budgets, authenticates, and puts every refusal in MEXC's words.

https://www.mexc.com/api-docs/spot-v3/general-info
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import msgspec
from aiohttp import web

from cex.common.clock import Clock
from cex.sandbox.accounts.directory import Account, ApiKey, Directory, Permission
from cex.sandbox.venues.mexc.budgets import Budgets, PerSecond, TooMany
from cex.sandbox.venues.mexc.errors import MESSAGES, Refused, refused
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.params import Params
from cex.sandbox.venues.mexc.signing import authenticate

__all__ = ["Call", "Endpoint", "Gateway", "Signed", "refusal"]

_JSON = "application/json"
_WAF_PAGE = (
    "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n"
    "</body>\r\n</html>\r\n"
)
_STATUS = {"rate_limited": 429, "banned": 418, "unavailable": 503, "maintenance": 503, "gateway_timeout": 504}
_UNDER_MAINTENANCE = "Under maintenance, please try again later"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Call(NamedTuple):
    """A request as the endpoints see it; ``now_ms`` is the venue's wall time."""

    params: Params
    now_ms: int
    ip: str


class Signed(NamedTuple):
    """A request of which is known who signed it."""

    params: Params
    now_ms: int
    ip: str
    account: Account
    key: ApiKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path. Either ``public`` or ``signed`` answers it; what they return goes out as JSON.

    ``weight_of_all`` counts in place of ``weight`` when no symbol is asked for.
    """

    method: str
    path: str
    public: Callable[[Call], object] | None = None
    signed: Callable[[Signed], object] | None = None
    permission: Permission = Permission.READ
    weight: int = 1
    weight_of_all: int | None = None
    per_second: tuple[PerSecond, ...] = ()


class Gateway:
    """Serves endpoints. Without a ``directory`` nobody has an account, and every key is unknown."""

    def __init__(
        self, endpoints: Iterable[Endpoint], *, options: MexcOptions, clock: Clock, directory: Directory | None
    ) -> None:
        self._endpoints = tuple(endpoints)
        self._options = options
        self._clock = clock
        self._directory = directory
        self.budgets = Budgets(options, clock=clock)

    def routes(self) -> list[web.RouteDef]:
        """What aiohttp serves."""
        return [
            web.route(endpoint.method, endpoint.path, partial(self._serve, endpoint)) for endpoint in self._endpoints
        ]

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer every refusal as MEXC does, that of an unknown path included."""
        if "Upgrade" in request.headers:
            return await handler(request)
        try:
            if request.match_info.http_exception is not None:
                self.budgets.charge_ip(request.remote or "", "", 1)
            return await handler(request)
        except Refused as no:
            return _json(no.body(), no.status)
        except TooMany as no:
            return refusal(no.kind, no.seconds if self._options.retry_after else None)
        except web.HTTPException as error:
            return _json({"code": error.status, "msg": error.reason}, error.status)

    async def _serve(self, endpoint: Endpoint, request: web.Request) -> web.Response:
        ip = request.remote or ""
        query = request.raw_path.partition("?")[2].encode("utf-8", "surrogateescape")
        of_all = endpoint.weight_of_all
        self.budgets.charge_ip(ip, endpoint.path, endpoint.weight if of_all is None or b"symbol=" in query else of_all)
        if endpoint.public is not None:
            return _json(endpoint.public(Call(Params(query), self._now_ms(), ip)))
        if endpoint.signed is None:
            raise refused(26)
        body = await request.read() if request.can_read_body else b""
        if request.method != "GET" and request.headers.get("Content-Type", _JSON).partition(";")[0].strip() != _JSON:
            raise refused(700013)
        params, now_ms = Params(query, body), self._now_ms()
        account, key = self._authenticate(endpoint, request, query, body, params, now_ms)
        self.budgets.charge_account(account.uid, ip, endpoint.path, endpoint.weight, endpoint.per_second)
        return _json(endpoint.signed(Signed(params, now_ms, ip, account, key)))

    def _authenticate(
        self, endpoint: Endpoint, request: web.Request, query: bytes, body: bytes, params: Params, now_ms: int
    ) -> tuple[Account, ApiKey]:
        key = request.headers.get("X-MEXC-APIKEY")
        if self._directory is None:
            raise refused(10072 if key else 400)
        return authenticate(
            self._directory,
            key=key,
            ip=request.remote or "",
            query=query,
            body=body,
            params=params,
            now_ms=now_ms,
            permission=endpoint.permission,
            options=self._options,
        )

    def _now_ms(self) -> int:
        return self._clock.time_ns() // 1_000_000


def refusal(kind: str, retry_after: float | None) -> web.Response:
    """The whole answer to a request that is not let in.

    ``kind`` is ``rate_limited``, ``banned``, ``forbidden`` (the guard's HTML page), ``unavailable``, ``maintenance`` or
    ``gateway_timeout``; ``retry_after`` adds the header (seconds).

    Raises:
        ValueError: another kind.
    """
    if kind == "forbidden":
        answer = web.Response(text=_WAF_PAGE, status=403, content_type="text/html")
    elif kind in _STATUS:
        status = _STATUS[kind]
        message = _UNDER_MAINTENANCE if kind == "maintenance" else MESSAGES[status]
        answer = _json({"code": 429 if kind == "banned" else status, "msg": message}, status)
    else:
        raise ValueError(f"MEXC has no refusal {kind!r}; it has forbidden, {', '.join(_STATUS)}")
    if retry_after is not None:
        answer.headers["Retry-After"] = str(max(1, round(retry_after)))
    return answer


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type=_JSON)
