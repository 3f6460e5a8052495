"""The lists of an account's orders and fills: by state, by time, in pages.

https://www.gate.com/docs/developers/apiv4/en/#spot
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from cex.common.clock import Clock
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.gateio.private import Call
from cex.sandbox.venues.gateio.refusals import Refused, invalid, missing
from cex.sandbox.venues.gateio.spot.orders import SpotOrders
from cex.sandbox.venues.gateio.spot.tickets import book_of, check_account, choice, side_of
from cex.sandbox.venues.gateio.spot.words import fill_body, pair_of

__all__ = ["SpotLists", "paged", "within"]

_MOST = 1000
_MOST_OPEN = 100
_MOST_PAGES = 100_000
_LATEST = 1 << 40
_DAY = 86_400
_SECOND = 1_000_000_000
_T = TypeVar("_T")


class SpotLists:
    """What an account's orders and fills have been. ``books`` is keyed by Gate.io's own pairs."""

    def __init__(self, desk: SpotDesk, orders: SpotOrders, books: Mapping[str, MarketBook], *, clock: Clock) -> None:
        self._desk = desk
        self._orders = orders
        self._books = books
        self._clock = clock

    def orders(self, call: Call) -> object:
        """GET ``/spot/orders``: newest first; what has finished by the time of its end."""
        fields = call.query
        for name in ("currency_pair", "status"):
            if not fields.get(name):
                raise missing(name)
        finished = choice(fields, "status", {"open": False, "finished": True}, "")
        symbol = book_of(self._books, fields["currency_pair"]).listing.symbol
        check_account(fields.get("account") or "spot", call.account)
        side = side_of(fields) if fields.get("side") else None
        if not finished:
            found = self._desk.open_orders(call.account, symbol)
            return [
                self._orders.body(order)
                for order in paged(call, [o for o in reversed(found) if side in (None, o.side)], most=_MOST_OPEN)
            ]
        start, end = within(call, now_s=self._now_s(), default_days=None)
        over = [
            order
            for order in self._desk.orders(call.account, symbol)
            if not order.is_open and side in (None, order.side) and start <= order.updated_ns // _SECOND <= end
        ]
        over.sort(key=lambda order: (order.updated_ns, order.id), reverse=True)
        return [self._orders.body(order) for order in paged(call, over)]

    def open_orders(self, call: Call) -> object:
        """GET ``/spot/open_orders``: by pair; a page is of orders."""
        check_account(call.query.get("account") or "spot", call.account)
        found = self._desk.open_orders(call.account)
        totals: dict[str, int] = {}
        for order in found:
            totals[order.symbol] = totals.get(order.symbol, 0) + 1
        shown: dict[str, list[dict[str, Any]]] = {}
        for order in paged(call, list(reversed(found)), most=_MOST_OPEN):
            shown.setdefault(order.symbol, []).append(self._orders.body(order))
        return [
            {"currency_pair": pair_of(symbol), "total": totals[symbol], "orders": orders}
            for symbol, orders in shown.items()
        ]

    def my_trades(self, call: Call) -> object:
        """GET ``/spot/my_trades``: newest first, of the last 7 days unless asked otherwise, 30 days at most."""
        pair, name = call.query.get("currency_pair"), call.query.get("order_id")
        symbol = book_of(self._books, pair).listing.symbol if pair else None
        check_account(call.query.get("account") or "spot", call.account)
        start, end = within(call, now_s=self._now_s(), default_days=7)
        fills = [fill for fill in self._desk.fills(call.account, symbol) if start <= fill.time_ns // _SECOND <= end]
        if name:
            if not symbol:
                raise missing("currency_pair")
            fills = [fill for fill in fills if name in (str(fill.order_id), fill.client_id)]
        rows = paged(call, fills[::-1])
        return [fill_body(fill, self._desk.order(call.account, order_id=fill.order_id)) for fill in rows]

    def _now_s(self) -> int:
        return self._clock.time_ns() // _SECOND


def paged(call: Call, rows: Sequence[_T], *, most: int = _MOST, default: int = 100) -> Sequence[_T]:
    """The page that is asked for by ``page`` and ``limit``, or by ``limit`` and ``offset``; headers tell the total."""
    limit = call.number("limit", default=min(default, most), most=most)
    page = call.number("page", default=1, most=_MOST_PAGES)
    if limit * (page - 1) > _MOST_PAGES:
        raise invalid("page", str(page))
    first = call.number("offset", default=limit * (page - 1), most=_LATEST, least=0)
    call.reply_headers |= {
        "X-Pagination-Limit": str(limit),
        "X-Pagination-Offset": str(first),
        "X-Pagination-Total": str(len(rows)),
    }
    return rows[first : first + limit]


def within(call: Call, *, now_s: int, default_days: int | None, most_days: int = 30) -> tuple[int, int]:
    """First and last second of ``from`` and ``to``; without ``default_days`` the beginning is open.

    Raises:
        Refused: the times are none, or are further apart than ``most_days``.
    """
    start = call.number("from", default=-1, most=_LATEST, least=0)
    end = call.number("to", default=now_s, most=_LATEST, least=0)
    if start < 0:
        return (0 if default_days is None else end - default_days * _DAY), end
    if start > end:
        raise invalid("from", str(start))
    if end - start > most_days * _DAY:
        raise Refused(400, "INVALID_PARAM_VALUE", f"The time range must not exceed {most_days} days")
    return start, end
