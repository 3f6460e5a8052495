"""Gate.io's public spot REST. https://www.gate.com/docs/developers/apiv4/en/#spot"""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from cex.common.clock import Clock
from cex.common.correlation import new_correlation_id
from cex.common.enums import InstrumentStatus
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.decimals import padded, trimmed
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.streams import gateio_name
from cex.sandbox.venues.limits import Allowance, FixedWindows

__all__ = ["GateioRest"]

_PREFIX = "/api/v4"
_MOST = 1000
_LOOK_BACK = 100_000
_LISTED_SINCE = 1_607_313_600
_STATUS = {
    InstrumentStatus.TRADING: "tradable",
    InstrumentStatus.BUY_ONLY: "buyable",
    InstrumentStatus.SELL_ONLY: "sellable",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Refused(Exception):
    """An answer that says no: HTTP status, label and message."""

    def __init__(self, status: int, label: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.label = label
        self.message = message


class GateioRest:
    """The routes below ``/api/v4``. ``books`` is keyed by Gate.io's own pairs."""

    def __init__(
        self,
        books: Mapping[str, MarketBook],
        *,
        options: GateioOptions,
        clock: Clock,
        rng: random.Random,
        tick: float,
    ) -> None:
        self._books = books
        self._options = options
        self._clock = clock
        self._rng = rng
        self._tick = tick
        self.limits = FixedWindows(options.requests, options.window, clock=clock)

    def routes(self) -> list[web.RouteDef]:
        """What this venue answers so far."""
        return [
            web.get(f"{_PREFIX}/spot/time", self.time),
            web.get(f"{_PREFIX}/spot/currencies", self.currencies),
            web.get(f"{_PREFIX}/spot/currencies/{{currency}}", self.currency),
            web.get(f"{_PREFIX}/spot/currency_pairs", self.currency_pairs),
            web.get(f"{_PREFIX}/spot/currency_pairs/{{pair}}", self.currency_pair),
            web.get(f"{_PREFIX}/spot/order_book", self.order_book),
            web.get(f"{_PREFIX}/spot/trades", self.trades),
        ]

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Charge the endpoint's budget for the caller's IP; put refusals in Gate.io's words; add the usual headers."""
        if "Upgrade" in request.headers:
            return await handler(request)
        arrived_us = self._clock.time_ns() // 1000
        resource = request.match_info.route.resource
        endpoint = resource.canonical if resource is not None else "unknown"
        allowance = self.limits.spend(f"{request.remote} {endpoint}")
        try:
            if not allowance.granted:
                raise _Refused(429, "TOO_MANY_REQUESTS", "Request Rate limit Exceeded (211)")
            answer = await handler(request)
        except _Refused as refused:
            answer = _json({"label": refused.label, "message": refused.message}, refused.status)
        except web.HTTPNotFound:
            answer = _json({"label": "NOT_FOUND", "message": "The requested resource was not found"}, 404)
        except web.HTTPMethodNotAllowed as error:
            message = f"Method {error.method} is not allowed"
            answer = _json({"label": "METHOD_NOT_ALLOWED", "message": message}, 405)
        self._add_headers(answer, arrived_us, allowance)
        return answer

    async def time(self, _: web.Request) -> web.Response:
        return _json({"server_time": self._now_ms()})

    async def currencies(self, _: web.Request) -> web.Response:
        return _json([_currency(code, name) for code, name in self._currencies().items()])

    async def currency(self, request: web.Request) -> web.Response:
        code = request.match_info["currency"]
        name = self._currencies().get(code)
        if name is None:
            raise _Refused(400, "INVALID_CURRENCY", f"Invalid currency {code}")
        return _json(_currency(code, name))

    async def currency_pairs(self, _: web.Request) -> web.Response:
        return _json([_pair(book) for book in self._books.values()])

    async def currency_pair(self, request: web.Request) -> web.Response:
        return _json(_pair(self._book(request.match_info["pair"])))

    async def order_book(self, request: web.Request) -> web.Response:
        book = self._asked_book(request)
        interval = request.query.get("interval", "0")
        if interval != "0":
            raise _invalid("interval", interval)
        limit = _number(request, "limit", default=10, most=_MOST)
        with_id = request.query.get("with_id", "false")
        if with_id.lower() not in ("true", "false"):
            raise _invalid("with_id", with_id)
        view = book.view(round(self._rng.uniform(0.0, self._options.rest_lag) / self._tick), limit)
        rules = book.rules
        bids, asks = (
            [(trimmed(price, rules.price_decimals), trimmed(lots, rules.quantity_decimals)) for price, lots in levels]
            for levels in (view.bids, view.asks)
        )
        body: dict[str, Any] = {"id": view.update_id} if with_id.lower() == "true" else {}
        body |= {"current": self._now_ms(), "update": book.changed_ns // 1_000_000, "asks": asks, "bids": bids}
        return _json(body)

    async def trades(self, request: web.Request) -> web.Response:
        book = self._asked_book(request)
        limit = _number(request, "limit", default=100, most=_MOST)
        page = _number(request, "page", default=1, most=_LOOK_BACK)
        if limit * (page - 1) > _LOOK_BACK:
            raise _invalid("page", str(page))
        forward = request.query.get("reverse", "false").lower() == "true"
        prints = [*reversed(book.prints)]
        if "last_id" in request.query:
            last_id = _number(request, "last_id", default=0, most=1 << 63)
            prints = [p for p in prints if (p.fill.id > last_id if forward else p.fill.id < last_id)]
        if "from" in request.query:
            start = _number(request, "from", default=0, most=1 << 40)
            prints = [p for p in prints if p.at_ns >= start * 1_000_000_000]
        if "to" in request.query:
            end = _number(request, "to", default=0, most=1 << 40)
            prints = [p for p in prints if p.at_ns < (end + 1) * 1_000_000_000]
        first = limit * (page - 1)
        rules, name = book.rules, gateio_name(book)
        return _json(
            [
                {
                    "id": str(fill.id),
                    "create_time": str(at_ns // 1_000_000_000),
                    "create_time_ms": padded(at_ns // 1000, 3),
                    "currency_pair": name,
                    "side": fill.taker_side.value,
                    "amount": trimmed(fill.quantity, rules.quantity_decimals),
                    "price": trimmed(fill.price, rules.price_decimals),
                    "sequence_id": str(fill.id),
                }
                for fill, at_ns in prints[first : first + limit]
            ]
        )

    def _add_headers(self, answer: web.StreamResponse, arrived_us: int, allowance: Allowance) -> None:
        now_us = self._clock.time_ns() // 1000
        reset_at = now_us // 1_000_000
        if not allowance.granted:
            reset_at = math.ceil(now_us / 1e6 + allowance.reset_after_s)
        answer.headers["X-In-Time"] = str(arrived_us)
        answer.headers["X-Out-Time"] = str(now_us)
        answer.headers["X-Gate-Trace-Id"] = new_correlation_id() + new_correlation_id()
        answer.headers["X-Gate-RateLimit-Requests-Remain"] = str(allowance.remaining)
        answer.headers["X-Gate-RateLimit-Limit"] = str(self.limits.capacity)
        answer.headers["X-Gate-RateLimit-Reset-Timestamp"] = str(reset_at)

    def _currencies(self) -> dict[str, str]:
        found = {"USDT": "Tether"}
        for book in self._books.values():
            found.setdefault(book.listing.symbol.base, book.listing.name)
            found.setdefault(book.listing.symbol.quote, book.listing.symbol.quote)
        return found

    def _asked_book(self, request: web.Request) -> MarketBook:
        name = request.query.get("currency_pair")
        if not name:
            raise _Refused(400, "MISSING_REQUIRED_PARAM", "Missing required parameter: currency_pair")
        return self._book(name)

    def _book(self, name: str) -> MarketBook:
        book = self._books.get(name)
        if book is None:
            raise _Refused(400, "INVALID_CURRENCY_PAIR", f"Invalid currency pair {name}")
        return book

    def _now_ms(self) -> int:
        return self._clock.time_ns() // 1_000_000


def _invalid(name: str, value: str) -> _Refused:
    return _Refused(400, "INVALID_PARAM_VALUE", f"Invalid parameter `{name}` with value: {value}")


def _number(request: web.Request, name: str, *, default: int, most: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20) or not 1 <= int(text) <= most:
        raise _invalid(name, text)
    return int(text)


def _pair(book: MarketBook) -> dict[str, Any]:
    rules, listing = book.rules, book.listing
    limits = {} if not rules.min_quantity else {"min_base_amount": f"{rules.min_quantity:f}"}
    return {
        "id": gateio_name(book),
        "base": listing.symbol.base,
        "base_name": listing.name,
        "quote": listing.symbol.quote,
        "quote_name": "Tether" if listing.symbol.quote == "USDT" else listing.symbol.quote,
        "fee": f"{(rules.taker_fee * 100).normalize():f}",
        **limits,
        "min_quote_amount": f"{rules.min_notional:f}",
        "max_quote_amount": f"{rules.max_notional:f}",
        "amount_precision": rules.quantity_decimals,
        "precision": rules.price_decimals,
        "trade_status": _STATUS.get(rules.status, "untradable"),
        "sell_start": _LISTED_SINCE,
        "buy_start": _LISTED_SINCE,
        "delisting_time": 0,
        "type": "normal",
        "trade_url": f"https://www.gate.io/trade/{gateio_name(book)}",
        "st_tag": False,
    }


def _currency(code: str, name: str) -> dict[str, Any]:
    flags = {"withdraw_disabled": False, "withdraw_delayed": False, "deposit_disabled": False}
    return {
        "currency": code,
        "name": name,
        "delisted": False,
        **flags,
        "trade_disabled": False,
        "chain": code,
        "chains": [{"name": code, "addr": "", **flags}],
    }


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
