"""MEXC's public market data by REST. https://www.mexc.com/api-docs/spot-v3/market-data-endpoints"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from cex.common.enums import InstrumentStatus, Side
from cex.sandbox.market.simulation import MarketBook, Print
from cex.sandbox.matching import Fill
from cex.sandbox.venues.decimals import padded, trimmed
from cex.sandbox.venues.mexc.days import (
    REST_INTERVALS,
    average_price,
    best,
    kline_row,
    market_maximum,
    mexc_name,
    ticker_24hr,
)
from cex.sandbox.venues.mexc.errors import refused
from cex.sandbox.venues.mexc.gateway import Call, Endpoint
from cex.sandbox.venues.mexc.options import MexcOptions

__all__ = ["MarketData"]

_MOST_LEVELS = 2000
_MOST_TRADES = 1000
_MOST_KLINES = 1000
_AVERAGED_MINUTES = 5
_HOUR_MS = 3_600_000
_STATUS = {InstrumentStatus.TRADING: "1", InstrumentStatus.DELISTED: "3"}
_SIDES = {InstrumentStatus.BUY_ONLY: 2, InstrumentStatus.SELL_ONLY: 3}


class MarketData:
    """The endpoints that need no key. ``books`` is keyed by MEXC's own symbols."""

    def __init__(
        self, books: Mapping[str, MarketBook], *, options: MexcOptions, rng: random.Random, tick: float
    ) -> None:
        self._books = books
        self._options = options
        self._rng = rng
        self._tick = tick

    def endpoints(self) -> list[Endpoint]:
        """What is answered here."""

        def get(path: str, answer: Callable[[Call], object], weight: int = 1, of_all: int | None = None) -> Endpoint:
            return Endpoint(method="GET", path=f"/api/v3/{path}", public=answer, weight=weight, weight_of_all=of_all)

        return [
            get("ping", self.ping),
            get("time", self.time),
            get("defaultSymbols", self.default_symbols),
            get("symbol/offline", self.offline),
            get("exchangeInfo", self.exchange_info, 10),
            get("depth", self.depth),
            get("trades", self.trades, 5),
            get("aggTrades", self.aggregated_trades),
            get("klines", self.klines),
            get("avgPrice", self.average_price),
            get("ticker/24hr", self.ticker_24hr, 1, 40),
            get("ticker/price", self.ticker_price, 1, 2),
            get("ticker/bookTicker", self.book_ticker),
            Endpoint(method="GET", path="/api/v1/contract/detail", public=self.contracts),
        ]

    def ping(self, call: Call) -> object:
        return {}

    def time(self, call: Call) -> object:
        return {"serverTime": call.now_ms}

    def contracts(self, call: Call) -> object:
        """Of MEXC's futures market, which clients ask for together with the spot one: none is listed here.

        https://www.mexc.com/api-docs/futures/market-endpoints/get-contract-info
        """
        return {"success": True, "code": 0, "data": []}

    def default_symbols(self, call: Call) -> object:
        names = [name for name, book in self._books.items() if book.rules.api_trading]
        return {"data": names, "code": 0, "msg": "success", "timestamp": call.now_ms}

    def offline(self, call: Call) -> object:
        gone = [
            {"symbol": name, "state": 3, "offlineTime": book.changed_ns // 1_000_000}
            for name, book in self._books.items()
            if book.rules.status is InstrumentStatus.DELISTED
        ]
        return {"code": 0, "msg": "success", "data": gone}

    def exchange_info(self, call: Call) -> object:
        names = list(self._books)
        if "symbol" in call.params:
            names = [call.params.required("symbol")]
        elif "symbols" in call.params:
            names = call.params.required("symbols").split(",")
        return {
            "timezone": "CST",
            "serverTime": call.now_ms,
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": [_info(self._book(name)) for name in names],
        }

    def depth(self, call: Call) -> object:
        book = self._asked_book(call)
        limit = min(call.params.count("limit", default=100, most=5000), _MOST_LEVELS)
        lag = round(self._rng.uniform(0.0, self._options.rest_lag) / self._tick)
        view = book.view(lag, limit)
        rules = book.rules
        bids, asks = (
            [[padded(price, rules.price_decimals), padded(lots, rules.quantity_decimals)] for price, lots in levels]
            for levels in (view.bids, view.asks)
        )
        return {"lastUpdateId": view.update_id, "bids": bids, "asks": asks, "timestamp": call.now_ms}

    def trades(self, call: Call) -> object:
        book = self._asked_book(call)
        limit = call.params.count("limit", default=500, most=_MOST_TRADES)
        return [_trade(book, printed) for printed in islice(reversed(book.prints), limit)]

    def aggregated_trades(self, call: Call) -> object:
        """Newest first: what one taker got at one price is one trade, of a whole second, without ids."""
        book = self._asked_book(call)
        limit = call.params.count("limit", default=500, most=_MOST_TRADES)
        start, end = call.params.integer("startTime"), call.params.integer("endTime")
        if (start is None) != (end is None):
            raise refused(33333, "startTime and endTime must be sent together")
        prints: list[Print] = list(book.prints)
        if start is not None and end is not None:
            if end - start > _HOUR_MS:
                raise refused(-1127)
            prints = [printed for printed in prints if start <= printed.at_ns // 1_000_000 <= end]
        together: list[list[Print]] = []
        for printed in prints:
            before = together[-1][-1].fill if together else None
            if before is not None and _same_taker(before, printed.fill):
                together[-1].append(printed)
            else:
                together.append([printed])
        return [_aggregated(book, parts) for parts in islice(reversed(together), limit)]

    def klines(self, call: Call) -> object:
        """Oldest first: the first ones from ``startTime`` on, otherwise the last ones until ``endTime`` or now."""
        book = self._asked_book(call)
        interval = REST_INTERVALS.get(call.params.text("interval") or "")
        if interval is None:
            raise refused(-1121, "Invalid interval.")
        limit = call.params.count("limit", default=500, most=_MOST_KLINES)
        start, end = call.params.integer("startTime"), call.params.integer("endTime")
        now_s = call.now_ms // 1000
        last = now_s if end is None else min(end // 1000, now_s)
        if start is None:
            first = interval.back(interval.start_of(last), limit - 1)
        else:
            first = max(-(-start // 1000), book.candles.earliest(interval))
            if interval.seconds is not None:
                last = min(last, first + limit * interval.seconds)
        rows = book.candles.candles(interval, first, last + 1, now_s)
        return [kline_row(book, row) for row in rows[:limit]]

    def average_price(self, call: Call) -> object:
        book = self._asked_book(call)
        price = average_price(book, _AVERAGED_MINUTES, call.now_ms // 1000)
        return {"mins": _AVERAGED_MINUTES, "price": price}

    def ticker_24hr(self, call: Call) -> object:
        return self._of_one_or_all(call, lambda book: ticker_24hr(book, call.now_ms))

    def ticker_price(self, call: Call) -> object:
        return self._of_one_or_all(
            call,
            lambda book: {
                "symbol": mexc_name(book),
                "price": trimmed(book.candles.last, book.rules.price_decimals),
            },
        )

    def book_ticker(self, call: Call) -> object:
        def told(book: MarketBook) -> dict[str, str]:
            (bid, bid_size), (ask, ask_size) = best(book, Side.BUY), best(book, Side.SELL)
            name = mexc_name(book)
            return {"symbol": name, "bidPrice": bid, "bidQty": bid_size, "askPrice": ask, "askQty": ask_size}

        return self._of_one_or_all(call, told)

    def _of_one_or_all(self, call: Call, told: Callable[[MarketBook], object]) -> object:
        """An object when a symbol is asked for, else a list of the same objects."""
        if "symbol" in call.params:
            return told(self._asked_book(call))
        return [told(book) for book in self._books.values()]

    def _asked_book(self, call: Call) -> MarketBook:
        return self._book(call.params.required("symbol"))

    def _book(self, name: str) -> MarketBook:
        book = self._books.get(name)
        if book is None:
            raise refused(-1121)
        return book


def _info(book: MarketBook) -> dict[str, Any]:
    rules, symbol = book.rules, book.listing.symbol
    return {
        "symbol": mexc_name(book),
        "status": _STATUS.get(rules.status, "2" if rules.status is InstrumentStatus.HALTED else "1"),
        "baseAsset": symbol.base,
        "baseAssetPrecision": rules.quantity_precision,
        "quoteAsset": symbol.quote,
        "quotePrecision": rules.price_precision,
        "quoteAssetPrecision": rules.price_precision,
        "baseCommissionPrecision": rules.quantity_precision,
        "quoteCommissionPrecision": rules.price_precision,
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
        "maxQuoteAmountMarket": f"{market_maximum(book):f}",
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
