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
from cex.sandbox.matching import Fill
from cex.sandbox.venues.decimals import padded, trimmed
from cex.sandbox.venues.limits import FixedWindows
from cex.sandbox.venues.mexc.days import REST_INTERVALS, average_price, best, kline_row, mexc_name, ticker_24hr
from cex.sandbox.venues.mexc.options import MexcOptions

__all__ = ["MexcRest"]

_MOST_LEVELS = 2000
_MOST_TRADES = 1000
_MOST_KLINES = 1000
_AVERAGED_MINUTES = 5
_HOUR_MS = 3_600_000
_WEIGHTS = {"/api/v3/exchangeInfo": 10, "/api/v3/trades": 5}
_WEIGHTS_OF_ALL = {"/api/v3/ticker/24hr": 40, "/api/v3/ticker/price": 2}
_STATUS = {InstrumentStatus.TRADING: "1", InstrumentStatus.DELISTED: "3"}
_SIDES = {InstrumentStatus.BUY_ONLY: 2, InstrumentStatus.SELL_ONLY: 3}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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
            web.get("/api/v3/aggTrades", self.aggregated_trades),
            web.get("/api/v3/klines", self.klines),
            web.get("/api/v3/avgPrice", self.average_price),
            web.get("/api/v3/ticker/24hr", self.ticker_24hr),
            web.get("/api/v3/ticker/price", self.ticker_price),
            web.get("/api/v3/ticker/bookTicker", self.book_ticker),
        ]

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Charge the weight to the caller's IP, and put every refusal in MEXC's words."""
        if "Upgrade" in request.headers:
            return await handler(request)
        allowance = self.limits.spend(request.remote or "", _weight(request))
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

    async def aggregated_trades(self, request: web.Request) -> web.Response:
        """Newest first: what one taker got at one price is one trade, of a whole second, without ids."""
        book = self._asked_book(request)
        limit = _limit(request, default=500, most=_MOST_TRADES)
        start, end = _time(request, "startTime"), _time(request, "endTime")
        if (start is None) != (end is None):
            raise _Refused(400, 33333, "startTime and endTime must be sent together")
        prints: list[Print] = list(book.prints)
        if start is not None and end is not None:
            if end - start > _HOUR_MS:
                raise _Refused(400, -1127, "More than 1 hours between startTime and endTime.")
            prints = [printed for printed in prints if start <= printed.at_ns // 1_000_000 <= end]
        together: list[list[Print]] = []
        for printed in prints:
            before = together[-1][-1].fill if together else None
            if before is not None and _same_taker(before, printed.fill):
                together[-1].append(printed)
            else:
                together.append([printed])
        return _json([_aggregated(book, parts) for parts in islice(reversed(together), limit)])

    async def klines(self, request: web.Request) -> web.Response:
        """Oldest first: the first ones from ``startTime`` on, otherwise the last ones until ``endTime`` or now."""
        book = self._asked_book(request)
        interval = REST_INTERVALS.get(request.query.get("interval", ""))
        if interval is None:
            raise _Refused(400, -1121, "Invalid interval.")
        limit = _limit(request, default=500, most=_MOST_KLINES)
        start, end = _time(request, "startTime"), _time(request, "endTime")
        now_s = self._now_ms() // 1000
        last = now_s if end is None else min(end // 1000, now_s)
        if start is None:
            first = interval.back(interval.start_of(last), limit - 1)
        else:
            first = max(-(-start // 1000), book.candles.earliest(interval))
            if interval.seconds is not None:
                last = min(last, first + limit * interval.seconds)
        rows = book.candles.candles(interval, first, last + 1, now_s)
        return _json([kline_row(book, row) for row in rows[:limit]])

    async def average_price(self, request: web.Request) -> web.Response:
        book = self._asked_book(request)
        price = average_price(book, _AVERAGED_MINUTES, self._now_ms() // 1000)
        return _json({"mins": _AVERAGED_MINUTES, "price": price})

    async def ticker_24hr(self, request: web.Request) -> web.Response:
        return self._of_one_or_all(request, lambda book: ticker_24hr(book, self._now_ms()))

    async def ticker_price(self, request: web.Request) -> web.Response:
        return self._of_one_or_all(
            request,
            lambda book: {
                "symbol": mexc_name(book),
                "price": trimmed(book.candles.last, book.rules.price_decimals),
            },
        )

    async def book_ticker(self, request: web.Request) -> web.Response:
        def told(book: MarketBook) -> dict[str, str]:
            (bid, bid_size), (ask, ask_size) = best(book, Side.BUY), best(book, Side.SELL)
            name = mexc_name(book)
            return {"symbol": name, "bidPrice": bid, "bidQty": bid_size, "askPrice": ask, "askQty": ask_size}

        return self._of_one_or_all(request, told)

    def _of_one_or_all(self, request: web.Request, told: Callable[[MarketBook], object]) -> web.Response:
        """An object when a symbol is asked for, else a list of the same objects."""
        if "symbol" in request.query:
            return _json(told(self._asked_book(request)))
        return _json([told(book) for book in self._books.values()])

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


def _time(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise _Refused(400, 33333, "param is error")
    return int(text)


def _weight(request: web.Request) -> int:
    if "symbol" not in request.query and request.path in _WEIGHTS_OF_ALL:
        return _WEIGHTS_OF_ALL[request.path]
    return _WEIGHTS.get(request.path, 1)


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


def _same_taker(one: Fill, other: Fill) -> bool:
    return (one.taker_order, one.price) == (other.taker_order, other.price)


def _aggregated(book: MarketBook, parts: list[Print]) -> dict[str, Any]:
    rules, (first, at_ns) = book.rules, parts[0]
    return {
        "a": None,
        "f": None,
        "l": None,
        "p": trimmed(first.price, rules.price_decimals),
        "q": trimmed(sum(part.fill.quantity for part in parts), rules.quantity_decimals),
        "T": at_ns // 1_000_000_000 * 1000,
        "m": first.taker_side is Side.SELL,
        "M": True,
    }


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
