"""MEXC's public spot REST. https://www.mexc.com/api-docs/spot-v3/market-data-endpoints"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from typing import Any

import msgspec
from aiohttp import web

from cex.common.clock import Clock
from cex.common.enums import InstrumentStatus, Side
from cex.sandbox.market.simulation import MarketBook, Print
from cex.sandbox.venues.decimals import padded, trimmed
from cex.sandbox.venues.limits import FixedWindows
from cex.sandbox.venues.mexc.options import MexcOptions

__all__ = ["MexcRest", "mexc_name"]

_MOST_LEVELS = 2000
_MOST_TRADES = 1000
_WEIGHTS = {"/api/v3/exchangeInfo": 10, "/api/v3/trades": 5}
_STATUS = {InstrumentStatus.TRADING: "1", InstrumentStatus.DELISTED: "3"}
_SIDES = {InstrumentStatus.BUY_ONLY: 2, InstrumentStatus.SELL_ONLY: 3}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def mexc_name(book: MarketBook) -> str:
    """``BTCUSDT``."""
    symbol = book.listing.symbol
    return f"{symbol.base}{symbol.quote}"


class _Refused(Exception):
    """An answer that says no: HTTP status, code and message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class MexcRest:
    """The routes below ``/api/v3``. ``books`` is keyed by MEXC's own symbols."""

    def __init__(
        self,
        books: Mapping[str, MarketBook],
        *,
        options: MexcOptions,
        clock: Clock,
        rng: random.Random,
        tick: float,
    ) -> None:
        self._books = books
        self._options = options
        self._clock = clock
        self._rng = rng
        self._tick = tick
        self.limits = FixedWindows(options.weight_limit, options.weight_window, clock=clock)

    def routes(self) -> list[web.RouteDef]:
        """What this venue answers so far."""
        return [
            web.get("/api/v3/ping", self.ping),
            web.get("/api/v3/time", self.time),
            web.get("/api/v3/defaultSymbols", self.default_symbols),
            web.get("/api/v3/symbol/offline", self.offline),
            web.get("/api/v3/exchangeInfo", self.exchange_info),
            web.get("/api/v3/depth", self.depth),
            web.get("/api/v3/trades", self.trades),
        ]

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Charge the weight to the caller's IP, and put every refusal in MEXC's words."""
        if "Upgrade" in request.headers:
            return await handler(request)
        allowance = self.limits.spend(request.remote or "", _WEIGHTS.get(request.path, 1))
        try:
            if not allowance.granted:
                raise _Refused(429, 429, "Too Many Requests")
            return await handler(request)
        except _Refused as refused:
            answer = _json({"code": refused.code, "msg": refused.message}, refused.status)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
            answer = _json({"code": error.status, "msg": error.reason}, error.status)
        if answer.status == 429 and self._options.retry_after:
            answer.headers["Retry-After"] = str(max(1, round(allowance.reset_after_s)))
        return answer

    async def ping(self, _: web.Request) -> web.Response:
        return _json({})

    async def time(self, _: web.Request) -> web.Response:
        return _json({"serverTime": self._now_ms()})

    async def default_symbols(self, _: web.Request) -> web.Response:
        names = [name for name, book in self._books.items() if book.rules.api_trading]
        return _json({"data": names, "code": 0, "msg": "success", "timestamp": self._now_ms()})

    async def offline(self, _: web.Request) -> web.Response:
        gone = [
            {"symbol": name, "state": 3, "offlineTime": book.changed_ns // 1_000_000}
            for name, book in self._books.items()
            if book.rules.status is InstrumentStatus.DELISTED
        ]
        return _json({"code": 0, "msg": "success", "data": gone})

    async def exchange_info(self, request: web.Request) -> web.Response:
        names = list(self._books)
        if "symbol" in request.query:
            names = [request.query["symbol"]]
        elif "symbols" in request.query:
            names = request.query["symbols"].split(",")
        return _json(
            {
                "timezone": "CST",
                "serverTime": self._now_ms(),
                "rateLimits": [],
                "exchangeFilters": [],
                "symbols": [_info(self._book(name)) for name in names],
            }
        )

    async def depth(self, request: web.Request) -> web.Response:
        book = self._asked_book(request)
        limit = min(_limit(request, default=100, most=5000), _MOST_LEVELS)
        lag = round(self._rng.uniform(0.0, self._options.rest_lag) / self._tick)
        view = book.view(lag, limit)
        rules = book.rules
        bids, asks = (
            [[padded(price, rules.price_decimals), padded(lots, rules.quantity_decimals)] for price, lots in levels]
            for levels in (view.bids, view.asks)
        )
        return _json({"lastUpdateId": view.update_id, "bids": bids, "asks": asks, "timestamp": self._now_ms()})

    async def trades(self, request: web.Request) -> web.Response:
        book = self._asked_book(request)
        limit = _limit(request, default=500, most=_MOST_TRADES)
        return _json([_trade(book, printed) for printed in islice(reversed(book.prints), limit)])

    def _asked_book(self, request: web.Request) -> MarketBook:
        name = request.query.get("symbol")
        if not name:
            raise _Refused(400, 44444, "param cannot be null")
        return self._book(name)

    def _book(self, name: str) -> MarketBook:
        book = self._books.get(name)
        if book is None:
            raise _Refused(400, -1121, "Invalid symbol.")
        return book

    def _now_ms(self) -> int:
        return self._clock.time_ns() // 1_000_000


def _limit(request: web.Request, *, default: int, most: int) -> int:
    text = request.query.get("limit")
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise _Refused(400, 33333, "param is error")
    return min(int(text), most)


def _info(book: MarketBook) -> dict[str, Any]:
    rules, symbol = book.rules, book.listing.symbol
    return {
        "symbol": mexc_name(book),
        "status": _STATUS.get(rules.status, "2" if rules.status is InstrumentStatus.HALTED else "1"),
        "baseAsset": symbol.base,
        "baseAssetPrecision": rules.quantity_decimals,
        "quoteAsset": symbol.quote,
        "quotePrecision": rules.price_decimals,
        "quoteAssetPrecision": rules.price_decimals,
        "baseCommissionPrecision": rules.quantity_decimals,
        "quoteCommissionPrecision": rules.price_decimals,
        "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER"],
        "isSpotTradingAllowed": rules.api_trading,
        "isMarginTradingAllowed": False,
        "quoteAmountPrecision": f"{rules.min_notional:f}",
        "baseSizePrecision": f"{rules.min_quantity:f}",
        "permissions": ["SPOT"],
        "filters": [],
        "maxQuoteAmount": f"{rules.max_notional:f}",
        "makerCommission": f"{rules.maker_fee:f}",
        "takerCommission": f"{rules.taker_fee:f}",
        "quoteAmountPrecisionMarket": f"{rules.min_notional:f}",
        "maxQuoteAmountMarket": f"{rules.max_notional / 20:f}",
        "fullName": book.listing.name,
        "tradeSideType": _SIDES.get(rules.status, 1),
    }


def _trade(book: MarketBook, printed: Print) -> dict[str, Any]:
    fill, at_ns = printed
    rules = book.rules
    sells = fill.taker_side is Side.SELL
    return {
        "id": None,
        "price": trimmed(fill.price, rules.price_decimals),
        "qty": trimmed(fill.quantity, rules.quantity_decimals),
        "quoteQty": trimmed(fill.price * fill.quantity, rules.price_decimals + rules.quantity_decimals),
        "time": at_ns // 1_000_000,
        "isBuyerMaker": sells,
        "isBestMatch": True,
        "tradeType": "ASK" if sells else "BID",
    }


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
