"""Gate.io's public spot REST. https://www.gate.com/docs/developers/apiv4/en/#spot"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from cex.common.clock import Clock
from cex.common.enums import InstrumentStatus
from cex.sandbox.accounts.wallet import Network, default_coin
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.decimals import padded, trimmed
from cex.sandbox.venues.gateio.gateway import PREFIX, Refused, answer, invalid, number, span
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.tickers import SPOT_INTERVALS, gateio_name, spot_ticker

__all__ = ["GateioRest"]

_MOST = 1000
_LOOK_BACK = 100_000
_LISTED_SINCE = 1_607_313_600
_STATUS = {
    InstrumentStatus.TRADING: "tradable",
    InstrumentStatus.BUY_ONLY: "buyable",
    InstrumentStatus.SELL_ONLY: "sellable",
}


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

    def routes(self) -> list[web.RouteDef]:
        """What this venue answers so far."""
        return [
            web.get(f"{PREFIX}/spot/time", self.time),
            web.get(f"{PREFIX}/spot/currencies", self.currencies),
            web.get(f"{PREFIX}/spot/currencies/{{currency}}", self.currency),
            web.get(f"{PREFIX}/spot/currency_pairs", self.currency_pairs),
            web.get(f"{PREFIX}/spot/currency_pairs/{{pair}}", self.currency_pair),
            web.get(f"{PREFIX}/spot/order_book", self.order_book),
            web.get(f"{PREFIX}/spot/trades", self.trades),
            web.get(f"{PREFIX}/spot/tickers", self.tickers),
            web.get(f"{PREFIX}/spot/candlesticks", self.candlesticks),
            web.get(f"{PREFIX}/margin/currency_pairs", self.nothing_listed),
            web.get(f"{PREFIX}/delivery/usdt/contracts", self.nothing_listed),
            web.get(f"{PREFIX}/options/underlyings", self.nothing_listed),
        ]

    async def time(self, _: web.Request) -> web.Response:
        return answer({"server_time": self._now_ms()})

    async def nothing_listed(self, _: web.Request) -> web.Response:
        """Margin pairs, delivery contracts and options: there are none."""
        return answer([])

    async def currencies(self, _: web.Request) -> web.Response:
        return answer([_currency(code, name) for code, name in self._currencies().items()])

    async def currency(self, request: web.Request) -> web.Response:
        code = request.match_info["currency"]
        name = self._currencies().get(code)
        if name is None:
            raise Refused(400, "INVALID_CURRENCY", f"Invalid currency {code}")
        return answer(_currency(code, name))

    async def currency_pairs(self, _: web.Request) -> web.Response:
        return answer([_pair(book) for book in self._books.values()])

    async def currency_pair(self, request: web.Request) -> web.Response:
        return answer(_pair(self._book(request.match_info["pair"])))

    async def order_book(self, request: web.Request) -> web.Response:
        book = self._asked_book(request)
        interval = request.query.get("interval", "0")
        if interval != "0":
            raise invalid("interval", interval)
        limit = number(request, "limit", default=10, most=_MOST)
        with_id = request.query.get("with_id", "false")
        if with_id.lower() not in ("true", "false"):
            raise invalid("with_id", with_id)
        view = book.view(round(self._rng.uniform(0.0, self._options.rest_lag) / self._tick), limit)
        rules = book.rules
        bids, asks = (
            [(trimmed(price, rules.price_decimals), trimmed(lots, rules.quantity_decimals)) for price, lots in levels]
            for levels in (view.bids, view.asks)
        )
        body: dict[str, Any] = {"id": view.update_id} if with_id.lower() == "true" else {}
        body |= {"current": self._now_ms(), "update": book.changed_ns // 1_000_000, "asks": asks, "bids": bids}
        return answer(body)

    async def trades(self, request: web.Request) -> web.Response:
        book = self._asked_book(request)
        limit = number(request, "limit", default=100, most=_MOST)
        page = number(request, "page", default=1, most=_LOOK_BACK)
        if limit * (page - 1) > _LOOK_BACK:
            raise invalid("page", str(page))
        forward = request.query.get("reverse", "false").lower() == "true"
        prints = [*reversed(book.prints)]
        if "last_id" in request.query:
            last_id = number(request, "last_id", default=0, most=1 << 63)
            prints = [p for p in prints if (p.fill.id > last_id if forward else p.fill.id < last_id)]
        if "from" in request.query:
            start = number(request, "from", default=0, most=1 << 40)
            prints = [p for p in prints if p.at_ns >= start * 1_000_000_000]
        if "to" in request.query:
            end = number(request, "to", default=0, most=1 << 40)
            prints = [p for p in prints if p.at_ns < (end + 1) * 1_000_000_000]
        first = limit * (page - 1)
        rules, name = book.rules, gateio_name(book)
        return answer(
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

    async def tickers(self, request: web.Request) -> web.Response:
        """Of one pair with the sizes at the touch, or of all without."""
        zone = request.query.get("timezone")
        if zone not in (None, "utc0", "utc8", "all"):
            raise invalid("timezone", zone)
        zones = ("utc0", "utc8") if zone == "all" else () if zone is None else (zone,)
        one = "currency_pair" in request.query
        books = [self._asked_book(request)] if one else list(self._books.values())
        now_s = self._now_ms() // 1000
        return answer([spot_ticker(book, now_s, places=2, sizes=one, zones=zones) for book in books])

    async def candlesticks(self, request: web.Request) -> web.Response:
        """Oldest first; the close stands before the open."""
        book = self._asked_book(request)
        now_s = self._now_ms() // 1000
        interval, start, end = span(request, SPOT_INTERVALS, default="30m", now_s=now_s, most=_MOST)
        rules = book.rules
        rows = []
        for row in book.candles.candles(interval, start, end, now_s):
            open_, high, low, close = (trimmed(ticks, rules.price_decimals) for ticks in row[2:6])
            quote = trimmed(row.turnover, rules.price_decimals + rules.quantity_decimals)
            base = trimmed(row.volume, rules.quantity_decimals)
            rows.append([str(row.start), quote, close, high, low, open_, base, str(row.end <= now_s).lower()])
        return answer(rows)

    def _currencies(self) -> dict[str, str]:
        found = {"USDT": "Tether"}
        for book in self._books.values():
            found.setdefault(book.listing.symbol.base, book.listing.name)
            found.setdefault(book.listing.symbol.quote, book.listing.symbol.quote)
        return found

    def _asked_book(self, request: web.Request) -> MarketBook:
        name = request.query.get("currency_pair")
        if not name:
            raise Refused(400, "MISSING_REQUIRED_PARAM", "Missing required parameter: currency_pair")
        return self._book(name)

    def _book(self, name: str) -> MarketBook:
        book = self._books.get(name)
        if book is None:
            raise Refused(400, "INVALID_CURRENCY_PAIR", f"Invalid currency pair {name}")
        return book

    def _now_ms(self) -> int:
        return self._clock.time_ns() // 1_000_000


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
        "amount_precision": rules.quantity_precision,
        "precision": rules.price_precision,
        "trade_status": _STATUS.get(rules.status, "untradable"),
        "sell_start": _LISTED_SINCE,
        "buy_start": _LISTED_SINCE,
        "delisting_time": 0,
        "type": "normal",
        "trade_url": f"https://www.gate.io/trade/{gateio_name(book)}",
        "st_tag": False,
    }


def _currency(code: str, name: str) -> dict[str, Any]:
    coin = default_coin(code, name)
    flags = {"withdraw_disabled": False, "withdraw_delayed": False, "deposit_disabled": False}
    return {
        "currency": code,
        "name": name,
        "delisted": False,
        **flags,
        "trade_disabled": False,
        "chain": coin.networks[0].name,
        "chains": [_chain(network) for network in coin.networks],
    }


def _chain(network: Network) -> dict[str, Any]:
    return {
        "name": network.name,
        "addr": network.contract,
        "withdraw_disabled": not network.withdrawals,
        "withdraw_delayed": False,
        "deposit_disabled": not network.deposits,
    }
