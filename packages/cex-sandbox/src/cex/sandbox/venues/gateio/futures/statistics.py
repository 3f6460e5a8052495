"""Public figures of perpetuals beside their market: premium, liquidations, insurance fund, what an index is made of.

https://www.gate.com/docs/developers/apiv4/en/#futures
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from cex.common.clock import Clock
from cex.sandbox.accounts.futures.desk import FuturesDesk
from cex.sandbox.accounts.futures.portfolio import Liquidation
from cex.sandbox.market.intervals import Interval
from cex.sandbox.market.listings import GATEIO
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.decimals import signed, trimmed
from cex.sandbox.venues.gateio.futures.contracts import FUTURES_INTERVALS, perpetual_of, size
from cex.sandbox.venues.gateio.futures.rendering import name_of
from cex.sandbox.venues.gateio.futures.words import sized, text
from cex.sandbox.venues.gateio.gateway import PREFIX, Refused, answer, number, positive, span, wants_decimals
from cex.sandbox.venues.gateio.tickers import gateio_name

__all__ = ["FuturesStatistics", "contract_stats", "public_liquidation"]

_BELOW = f"{PREFIX}/futures/usdt"
_MOST = 1000
_SECOND = 1_000_000_000
_PREMIUM_DECIMALS = 6


class FuturesStatistics:
    """``books`` is keyed by Gate.io's own contracts. Without a ``desk`` nobody is ever liquidated."""

    def __init__(self, books: Mapping[str, MarketBook], *, clock: Clock, desk: FuturesDesk | None) -> None:
        self._books = books
        self._clock = clock
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Its part of the public endpoints."""
        return [
            web.get(f"{_BELOW}/premium_index", self.premium_index),
            web.get(f"{_BELOW}/contract_stats", self.stats),
            web.get(f"{_BELOW}/liq_orders", self.liquidations),
            web.get(f"{_BELOW}/insurance", self.insurance),
            web.get(f"{_BELOW}/index_constituents/{{index}}", self.constituents),
            web.post(f"{_BELOW}/funding_rates", self.funding_rates),
        ]

    async def premium_index(self, request: web.Request) -> web.Response:
        """Candles of how far the mark price is from the index, as a fraction."""
        book, now_s = self._asked_book(request), self._now_s()
        interval, start, end = span(request, FUTURES_INTERVALS, default="1m", now_s=now_s, most=_MOST)
        perpetual = perpetual_of(book)
        marks = perpetual.mark_candles.candles(interval, start, end, now_s)
        indices = {row.start: row for row in perpetual.index_candles.candles(interval, start, end, now_s)}
        rows = []
        for mark in marks:
            index = indices.get(mark.start)
            if index is None:
                continue
            first, last = (_premium(*pair) for pair in ((mark.open, index.open), (mark.close, index.close)))
            spelled = {"o": first, "c": last, "h": max(first, last), "l": min(first, last)}
            rows.append({"t": mark.start} | {name: signed(value, _PREMIUM_DECIMALS) for name, value in spelled.items()})
        return answer(rows)

    async def stats(self, request: web.Request) -> web.Response:
        """One row an interval; what was never recorded is told as it is now."""
        book, now_s = self._asked_book(request), self._now_s()
        name = request.query.get("interval", "5m")
        if name not in FUTURES_INTERVALS:
            raise Refused(400, "INVALID_PARAM_VALUE", f"Invalid parameter `interval` with value: {name}")
        interval: Interval = FUTURES_INTERVALS[name]
        limit = number(request, "limit", default=30, most=100)
        start = positive(request, "from")
        if start is None:
            start = interval.back(interval.start_of(now_s), limit - 1)
        rows = perpetual_of(book).mark_candles.candles(interval, start, now_s + 1, now_s)[:limit]
        decimal = wants_decimals(request)
        return answer([contract_stats(book, row.start, row.close, decimal) for row in rows])

    async def liquidations(self, request: web.Request) -> web.Response:
        """Of everybody, newest first; of one contract, or of all."""
        contract = request.query.get("contract", "")
        if contract:
            self._asked_book(request)
        limit = number(request, "limit", default=100, most=_MOST)
        start, end = positive(request, "from") or 0, positive(request, "to") or 1 << 40
        rows = [] if self._desk is None else self._desk.liquidations
        decimal = wants_decimals(request)
        found = [
            public_liquidation(row, decimal)
            for row in reversed(rows)
            if (not contract or name_of(row.contract) == contract) and start <= row.time_ns // _SECOND <= end
        ]
        return answer(found[:limit])

    async def insurance(self, request: web.Request) -> web.Response:
        """The insurance fund as it is today."""
        number(request, "limit", default=100, most=_MOST)
        today = self._now_s() // 86_400 * 86_400
        return answer([{"t": today, "b": "0" if self._desk is None else text(self._desk.insurance_fund)}])

    async def constituents(self, request: web.Request) -> web.Response:
        """Where the prices of an index come from."""
        book = self._book(request.match_info["index"])
        venues = ["Gate.io", *(venue.upper() for venue in book.listing.venues if venue != GATEIO)]
        name = gateio_name(book)
        return answer({"index": name, "constituents": [{"exchange": venue, "symbols": [name]} for venue in venues]})

    async def funding_rates(self, request: web.Request) -> web.Response:
        """The latest rates of several contracts: ``{"contracts": ["BTC_USDT"]}``."""
        try:
            asked = msgspec.json.decode(await request.read(), type=dict[str, list[str]]).get("contracts", [])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Refused(400, "INVALID_REQUEST_BODY", "Invalid request body") from None
        told: list[dict[str, Any]] = []
        for name in asked:
            perpetual = perpetual_of(self._book(name))
            interval, now_s = perpetual.contract.funding_interval, self._now_s()
            last = now_s - now_s % interval
            moments = range(last, last - 10 * interval, -interval)
            rates = [{"t": at, "r": signed(perpetual.funding_rate(at), 6)} for at in moments]
            told.append({"contract": name, "data": rates})
        return answer(told)

    def _asked_book(self, request: web.Request) -> MarketBook:
        name = request.query.get("contract")
        if not name:
            raise Refused(400, "MISSING_REQUIRED_PARAM", "Missing required parameter: contract")
        return self._book(name)

    def _book(self, name: str) -> MarketBook:
        book = self._books.get(name)
        if book is None:
            raise Refused(400, "CONTRACT_NOT_FOUND")
        return book

    def _now_s(self) -> int:
        return self._clock.time_ns() // _SECOND


def contract_stats(book: MarketBook, at_s: int, mark: int, decimal: bool) -> dict[str, Any]:
    """Open interest and ratios; the simulated crowd has as many longs as shorts."""
    perpetual = perpetual_of(book)
    price = trimmed(mark, perpetual.mark_decimals)
    units = perpetual.units(perpetual.open_interest, book.rules.quantity_decimals)
    none = size(book, 0, decimal)
    return {
        "time": at_s,
        "lsr_taker": 1,
        "lsr_account": 1,
        "long_liq_size": none,
        "long_liq_amount": 0,
        "long_liq_usd": 0,
        "short_liq_size": none,
        "short_liq_amount": 0,
        "short_liq_usd": 0,
        "open_interest": size(book, perpetual.open_interest, decimal),
        "open_interest_usd": round(float(units) * float(price), 2),
        "top_lsr_account": 1,
        "top_lsr_size": "1" if decimal else 1,
        "mark_price": float(price),
    }


def public_liquidation(row: Liquidation, decimal: bool) -> dict[str, Any]:
    """A forced sale as everybody is told of it."""
    return {
        "time": row.time_ns // _SECOND,
        "contract": name_of(row.contract),
        "size": sized(row.size, decimal),
        "order_size": sized(-row.size, decimal),
        "order_price": text(row.order_price),
        "fill_price": text(row.fill_price),
        "left": sized(row.left, decimal),
    }


def _premium(mark: int, index: int) -> int:
    return round((mark - index) * 10.0**_PREMIUM_DECIMALS / index)
