"""Gate.io's public REST of USDT perpetuals. https://www.gate.com/docs/developers/apiv4/en/#futures"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from cex.common.clock import Clock
from cex.common.enums import Side
from cex.sandbox.accounts.futures.arithmetic import Tier
from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.desk import FuturesDesk
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.decimals import signed
from cex.sandbox.venues.gateio.futures.contracts import (
    FUTURES_INTERVALS,
    candle,
    contract,
    perpetual_of,
    priced,
    size,
    ticker,
    turnover_text,
)
from cex.sandbox.venues.gateio.futures.statistics import FuturesStatistics
from cex.sandbox.venues.gateio.futures.words import text
from cex.sandbox.venues.gateio.gateway import PREFIX, Refused, answer, invalid, number, positive, span, wants_decimals
from cex.sandbox.venues.gateio.options import GateioOptions

__all__ = ["FuturesRest"]

_BELOW = f"{PREFIX}/futures/usdt"
_EMPTY_SETTLES = ("btc", "usd1")
_MOST = 1000
_MOST_LEVELS = 300
_MOST_CANDLES = 2000
_DAY = 86_400
_SECOND = 1_000_000_000


class FuturesRest:
    """The routes below ``/api/v4/futures``. ``books`` is by Gate.io's own names; ``desk`` has the accounts."""

    def __init__(
        self,
        books: Mapping[str, MarketBook],
        *,
        options: GateioOptions,
        clock: Clock,
        rng: random.Random,
        tick: float,
        desk: FuturesDesk | None = None,
    ) -> None:
        self._statistics = FuturesStatistics(books, clock=clock, desk=desk)
        self._books = books
        self._options = options
        self._clock = clock
        self._rng = rng
        self._tick = tick

    def routes(self) -> list[web.RouteDef]:
        """What this venue answers so far."""
        return [
            web.get(f"{_BELOW}/contracts", self.contracts),
            web.get(f"{_BELOW}/contracts_all", self.contracts),
            *self._statistics.routes(),
            web.get(f"{_BELOW}/contracts/{{contract}}", self.contract),
            web.get(f"{_BELOW}/order_book", self.order_book),
            web.get(f"{_BELOW}/trades", self.trades),
            web.get(f"{_BELOW}/candlesticks", self.candlesticks),
            web.get(f"{_BELOW}/tickers", self.tickers),
            web.get(f"{_BELOW}/funding_rate", self.funding_rate),
            web.get(f"{_BELOW}/risk_limit_tiers", self.risk_limit_tiers),
            web.get(f"{PREFIX}/futures/{{settle}}/{{rest:.*}}", self.elsewhere),
        ]

    async def contracts(self, request: web.Request) -> web.Response:
        """All of them, unless a limit cuts the list short without saying so."""
        limit = number(request, "limit", default=len(self._books) or 1, most=_MOST)
        first = number(request, "offset", default=0, most=1 << 40, least=0)
        books = list(self._books.values())[first : first + limit]
        return answer([contract(book, self._now_s(), wants_decimals(request)) for book in books])

    async def contract(self, request: web.Request) -> web.Response:
        book = self._book(request.match_info["contract"])
        return answer(contract(book, self._now_s(), wants_decimals(request)))

    async def order_book(self, request: web.Request) -> web.Response:
        """Levels are objects, times are seconds."""
        book = self._asked_book(request)
        interval = request.query.get("interval", "0")
        if interval != "0":
            raise invalid("interval", interval)
        limit = number(request, "limit", default=10, most=1 << 31)
        if limit > _MOST_LEVELS:
            raise Refused(400, "TOO_BIG", f"limit {_MOST_LEVELS}")
        with_id = request.query.get("with_id", "false").lower()
        if with_id not in ("true", "false"):
            raise invalid("with_id", with_id)
        decimal = wants_decimals(request)
        view = book.view(round(self._rng.uniform(0.0, self._options.rest_lag) / self._tick), limit)
        bids, asks = (
            [{"p": priced(book, price), "s": size(book, lots, decimal)} for price, lots in levels]
            for levels in (view.bids, view.asks)
        )
        body: dict[str, Any] = {"id": view.update_id} if with_id == "true" else {}
        now_ns = self._clock.time_ns()
        return answer(
            body | {"current": _seconds(now_ns), "update": _seconds(book.changed_ns), "asks": asks, "bids": bids}
        )

    async def trades(self, request: web.Request) -> web.Response:
        """Newest first; the sign of a size is the taker's side."""
        book = self._asked_book(request)
        limit = number(request, "limit", default=100, most=_MOST)
        first = number(request, "offset", default=0, most=1 << 40, least=0)
        prints = [*reversed(book.prints)]
        if "last_id" in request.query:
            last_id = number(request, "last_id", default=0, most=1 << 62)
            prints = [printed for printed in prints if printed.fill.id < last_id]
        start, end = positive(request, "from"), positive(request, "to")
        if start is not None:
            prints = [printed for printed in prints if printed.at_ns >= start * _SECOND]
        if end is not None:
            prints = [printed for printed in prints if printed.at_ns < (end + 1) * _SECOND]
        decimal, name = wants_decimals(request), request.query["contract"]
        return answer(
            [
                {
                    "id": fill.id,
                    "create_time": at_ns // _SECOND,
                    "create_time_ms": _seconds(at_ns),
                    "contract": name,
                    "size": size(book, fill.quantity if fill.taker_side is Side.BUY else -fill.quantity, decimal),
                    "price": priced(book, fill.price),
                }
                for fill, at_ns in prints[first : first + limit]
            ]
        )

    async def candlesticks(self, request: web.Request) -> web.Response:
        """Of the trades, of the mark price (``mark_BTC_USDT``) or of the index (``index_BTC_USDT``)."""
        asked = self._asked(request)
        kind = next((prefix for prefix in ("mark_", "index_") if asked.startswith(prefix)), "")
        book = self._book(asked.removeprefix(kind))
        now_s = self._now_s()
        interval, start, end = span(request, FUTURES_INTERVALS, default="5m", now_s=now_s, most=_MOST_CANDLES)
        perpetual, decimal = perpetual_of(book), wants_decimals(request)
        store = {"": book.candles, "mark_": perpetual.mark_candles, "index_": perpetual.index_candles}[kind]
        rows = store.candles(interval, start, end, now_s)
        if kind:
            return answer([candle(book, row, kind, decimal) for row in rows])
        return answer([candle(book, row, kind, decimal) | {"sum": turnover_text(book, row.turnover)} for row in rows])

    async def tickers(self, request: web.Request) -> web.Response:
        books = [self._asked_book(request)] if "contract" in request.query else list(self._books.values())
        return answer([ticker(book, self._now_s(), wants_decimals(request)) for book in books])

    async def funding_rate(self, request: web.Request) -> web.Response:
        """What has applied, newest first: the last 30 days, or 30 days from ``from`` on."""
        book = self._asked_book(request)
        limit = number(request, "limit", default=100, most=_MOST)
        start, end, now_s = positive(request, "from"), positive(request, "to"), self._now_s()
        if start is not None and start < now_s - 180 * _DAY:
            raise Refused(400, "INVALID_PARAM_VALUE", "from time exceeds 180-day limit")
        if start is None:
            start = (now_s if end is None else end) - 30 * _DAY
        end = min(now_s, start + 30 * _DAY if end is None else end)
        perpetual = perpetual_of(book)
        interval = perpetual.contract.funding_interval
        moments = range(end - end % interval, start - 1, -interval)[:limit]
        return answer([{"t": at, "r": signed(perpetual.funding_rate(at), 6)} for at in moments])

    async def risk_limit_tiers(self, request: web.Request) -> web.Response:
        """Of one contract, or of all."""
        books = {request.query["contract"]: self._asked_book(request)} if "contract" in request.query else self._books
        return answer([_tier(tier, name) for name, book in books.items() for tier in Contract(book).tiers])

    async def elsewhere(self, request: web.Request) -> web.Response:
        """Nothing is listed that settles in BTC or USD1; other currencies are answered as if a header was missing."""
        settle, rest = request.match_info["settle"], request.match_info["rest"]
        if settle in _EMPTY_SETTLES:
            if rest in ("contracts", "tickers"):
                return answer([])
            raise Refused(400, "CONTRACT_NOT_FOUND")
        if settle != "usdt":
            raise Refused(400, "MISSING_REQUIRED_HEADER", "Missing required header: Timestamp")
        raise web.HTTPNotFound

    def _asked(self, request: web.Request) -> str:
        name = request.query.get("contract")
        if not name:
            raise Refused(400, "MISSING_REQUIRED_PARAM", "Missing required parameter: contract")
        return name

    def _asked_book(self, request: web.Request) -> MarketBook:
        return self._book(self._asked(request))

    def _book(self, name: str) -> MarketBook:
        book = self._books.get(name)
        if book is None:
            raise Refused(400, "CONTRACT_NOT_FOUND")
        return book

    def _now_s(self) -> int:
        return self._clock.time_ns() // _SECOND


def _seconds(at_ns: int) -> float:
    return at_ns // 1_000_000 / 1000


def _tier(tier: Tier, name: str) -> dict[str, Any]:
    return {
        "tier": tier.number,
        "risk_limit": text(tier.limit),
        "initial_rate": text(tier.initial_rate),
        "maintenance_rate": text(tier.maintenance_rate),
        "leverage_max": text(tier.most_leverage),
        "contract": name,
        "deduction": text(tier.deduction),
    }
