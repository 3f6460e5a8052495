"""What became of orders: queries by id, open ones, all of a week, fills. Newest first.

https://www.mexc.com/api-docs/spot-v3/spot-account-trade
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cex.sandbox.accounts.directory import Account
from cex.sandbox.accounts.orders import AccountFill, AccountOrder
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.mexc.days import mexc_name
from cex.sandbox.venues.mexc.errors import refused
from cex.sandbox.venues.mexc.gateway import Endpoint, Signed
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.rest.orders import find_order, symbols
from cex.sandbox.venues.mexc.words import order_number, order_object, trade_object

__all__ = ["History"]

_DAY_MS = 86_400_000
_MOST_OPEN = 1000


class History:
    """Queries about orders. ``books`` is keyed by MEXC's own symbols."""

    def __init__(self, books: Mapping[str, MarketBook], desk: SpotDesk, *, options: MexcOptions) -> None:
        self._books = books
        self._desk = desk
        self._options = options

    def endpoints(self) -> list[Endpoint]:
        """What is answered here."""

        def get(path: str, answer: Callable[[Signed], object], weight: int) -> Endpoint:
            return Endpoint(method="GET", path=f"/api/v3/{path}", signed=answer, weight=weight)

        return [
            get("order", self.order, 2),
            get("openOrders", self.open_orders, 3),
            get("allOrders", self.all_orders, 10),
            get("myTrades", self.my_trades, 10),
        ]

    def order(self, call: Signed) -> object:
        book = self._book(call.params.required("symbol"))
        order = find_order(self._desk, call, book, self._options)
        if order is None:
            raise refused(-2013)
        return self._told(order, book)

    def open_orders(self, call: Signed) -> object:
        """Of up to five symbols, or of all."""
        asked = call.params.text("symbol")
        books = [self._book(name) for name in symbols(asked)] if asked else list(self._books.values())
        orders = [
            (order, book) for book in books for order in self._desk.open_orders(call.account, book.listing.symbol)
        ]
        orders.sort(key=lambda entry: entry[0].id, reverse=True)
        return [self._told(order, book) for order, book in orders[:_MOST_OPEN]]

    def all_orders(self, call: Signed) -> object:
        """Of the last 24 hours unless asked otherwise, of the last 7 days at most."""
        book = self._book(call.params.required("symbol"))
        limit = call.params.count("limit", default=500, most=1000)
        start, end = self._window(call, default_days=1, most_days=7)
        found = [
            order
            for order in self._desk.orders(call.account, book.listing.symbol)
            if start <= self._shown_ms(order.created_ns) <= end
        ]
        return [self._told(order, book) for order in reversed(found[-limit:])]

    def my_trades(self, call: Signed) -> object:
        """Of the last month."""
        book = self._book(call.params.required("symbol"))
        most = self._options.most_trades
        limit = call.params.count("limit", default=min(100, most), most=most)
        start, end = self._window(call, default_days=30, most_days=30)
        found = [fill for fill in self._fills(call, book) if start <= self._shown_ms(fill.time_ns) <= end]
        name, whole = mexc_name(book), self._options.whole_seconds
        return [trade_object(fill, name, whole_seconds=whole) for fill in reversed(found[-limit:])]

    def _fills(self, call: Signed, book: MarketBook) -> list[AccountFill]:
        fills = fills_of(self._desk, call.account, book)
        asked = call.params.text("orderId")
        if asked is None:
            return fills
        number = order_number(asked)
        return [fill for fill in fills if fill.order_id == number]

    def _window(self, call: Signed, *, default_days: int, most_days: int) -> tuple[int, int]:
        end = call.params.integer("endTime")
        start = call.params.integer("startTime")
        last = call.now_ms + 1000 if end is None else end
        if start is None:
            start = min(last, call.now_ms) - default_days * _DAY_MS
        return max(start, call.now_ms - most_days * _DAY_MS), last

    def _told(self, order: AccountOrder, book: MarketBook) -> dict[str, object]:
        return order_object(order, mexc_name(book), whole_seconds=self._options.whole_seconds)

    def _shown_ms(self, time_ns: int) -> int:
        return time_ns // 1_000_000_000 * 1000 if self._options.whole_seconds else time_ns // 1_000_000

    def _book(self, name: str) -> MarketBook:
        book = self._books.get(name)
        if book is None:
            raise refused(-1121)
        return book


def fills_of(desk: SpotDesk, account: Account, book: MarketBook) -> list[AccountFill]:
    """The fills of an account on one symbol, oldest first."""
    return list(desk.fills(account, book.listing.symbol))
