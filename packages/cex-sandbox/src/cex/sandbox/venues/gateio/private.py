"""Signed endpoints: a table of :class:`Endpoint`, each a plain function from a :class:`Call` to an answer.

To add endpoints: write ``def handler(call: Call) -> object`` (synchronous, so that nothing happens in between; what it
returns is the JSON body), list ``Endpoint("POST", "/spot/orders", handler, SPOT_PLACE, status=201)``, and hand the list
to ``Gateway.private(...)``, which authenticates, charges the pool and returns the routes. A handler of a pool that is
kept by pair charges it itself: ``call.charge("BTC_USDT")`` for each order. Saying no is ``raise Refused(...)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from cex.sandbox.accounts.directory import Account
from cex.sandbox.venues.gateio.auth import Access, Caller
from cex.sandbox.venues.gateio.pools import Pool, Pools, Spent, exceeded
from cex.sandbox.venues.gateio.refusals import Refused, invalid

__all__ = ["Call", "Endpoint", "Handler", "answer", "decoded"]

_MOST_DIGITS = 20
# Numbers of a body come as the text that they were written in: amounts are decimals, never floats.
_bodies = msgspec.json.Decoder(float_hook=str)


class Call:
    """One authenticated request, whichever way it came: ``caller``, ``params`` (query, or order API), and the body.

    ``channel`` is where an order says that it came from: ``api`` for REST, ``ws`` for the WebSocket order API.
    ``decimal`` is whether the client wants sizes spelled as text. ``spent`` is the budget as the headers tell it;
    ``reply_headers`` is for further headers of the answer. ``on_charged`` hears of every charge that was granted.
    """

    def __init__(
        self,
        caller: Caller,
        *,
        pool: Pool,
        pools: Pools,
        endpoint: str,
        body: bytes | msgspec.Raw = b"",
        query: Mapping[str, str] | None = None,
        path: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        channel: str = "api",
        decimal: bool = False,
    ) -> None:
        self.caller = caller
        self.query: Mapping[str, str] = query or {}
        self.path: Mapping[str, str] = path or {}
        self.headers: Mapping[str, str] = headers or {}
        self.channel = channel
        self.decimal = decimal
        self.spent: Spent | None = None
        self.reply_headers: dict[str, str] = {}
        self.on_charged: Callable[[], None] | None = None
        self._body = body
        self._pool = pool
        self._pools = pools
        self._endpoint = endpoint

    @property
    def account(self) -> Account:
        return self.caller.account

    @property
    def uid(self) -> int:
        return self.caller.account.uid

    def charge(self, pair: str = "") -> None:
        """Charge one request to the endpoint's pool (of ``pair``, where the pool is kept by pair).

        Raises:
            Refused: TOO_MANY_REQUESTS, and nothing is charged.
        """
        self.spent = self._pools.spend(self._pool, self.uid, pair if self._pool.by == "pair" else self._endpoint)
        if not self.spent.allowance.granted:
            raise exceeded(self._pool)
        if self.on_charged is not None:
            self.on_charged()

    def fields(self) -> dict[str, Any]:
        """The body as an object; numbers with a point come as text.

        Raises:
            Refused: INVALID_REQUEST_BODY when it is none.
        """
        body = decoded(self._body)
        if not isinstance(body, dict):
            raise Refused(400, "INVALID_REQUEST_BODY", "Invalid request body: an object is expected")
        return body

    def items(self) -> list[Any]:
        """The body as an array.

        Raises:
            Refused: INVALID_REQUEST_BODY when it is none.
        """
        body = decoded(self._body)
        if not isinstance(body, list):
            raise Refused(400, "INVALID_REQUEST_BODY", "Invalid request body: an array is expected")
        return body

    def raw(self) -> Any:
        """The body as whatever JSON it is."""
        return decoded(self._body)

    def number(self, name: str, *, default: int, most: int, least: int = 1) -> int:
        """An integer of the query between ``least`` and ``most``."""
        text = self.query.get(name, "")
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < _MOST_DIGITS) or not least <= int(text) <= most:
            raise invalid(name, text)
        return int(text)


def decoded(body: bytes | msgspec.Raw) -> Any:
    """JSON as plain values.

    Raises:
        Refused: INVALID_REQUEST_BODY.
    """
    try:
        return _bodies.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "INVALID_REQUEST_BODY", "Invalid request body") from error


Handler = Callable[[Call], object]


class Endpoint(NamedTuple):
    """A signed endpoint below ``/api/v4``: ``access`` None follows the verb (GET reads, everything else writes).

    ``timed`` endpoints refuse requests that come after their ``X-Gate-Exptime``. ``status`` is that of success.
    """

    method: str
    path: str
    handler: Handler
    pool: Pool
    access: Access | None = None
    timed: bool = False
    status: int = 200

    @property
    def needs(self) -> Access:
        """What a key must be allowed."""
        if self.access is not None:
            return self.access
        return Access.READ if self.method == "GET" else Access.WRITE

    @property
    def scope(self) -> str:
        """The group of permissions that it belongs to."""
        first = self.path.split("/")[1]
        return {"withdrawals": "withdrawal"}.get(first, first)


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A body of JSON."""
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json", headers=headers)
