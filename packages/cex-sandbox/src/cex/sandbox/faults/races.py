"""Fills that come first: before the answer to the order, or before the cancel that was on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol
from urllib.parse import unquote_plus

from aiohttp import web

from cex.common.enums import Side, TimeInForce
from cex.sandbox.accounts.directory import Account, Directory
from cex.sandbox.accounts.events import FillEvent
from cex.sandbox.accounts.futures.events import FuturesFillEvent
from cex.sandbox.accounts.futures.orders import FuturesOrder
from cex.sandbox.accounts.orders import AccountOrder
from cex.sandbox.market.simulation import Market

__all__ = ["Desk", "Races", "fill_by_crowd"]

_KEY_HEADERS = ("X-MEXC-APIKEY", "KEY")


class Desk(Protocol):
    """What holds the orders of a venue's accounts."""

    def open_orders(self, account: Account) -> Sequence[AccountOrder | FuturesOrder]:
        """Every order that can still be filled."""
        ...

    def listen(self, uid: int | None, callback: Callable[[Any], None]) -> Callable[[], None]:
        """Be told of one account's events, or of everybody's."""
        ...


class Races:
    """Knows of every fill of one venue's accounts, and can wait for one.

    ``spelled`` is how an order's number stands in the requests about it.
    """

    def __init__(
        self,
        venue: str,
        market: Market,
        directory: Directory,
        desks: Iterable[Desk],
        *,
        spelled: Callable[[int], str] = str,
    ) -> None:
        self._venue = venue
        self._market = market
        self._directory = directory
        self._desks = tuple(desks)
        self._spelled = spelled
        self._fills = 0
        self._waiting: list[asyncio.Future[None]] = []
        for desk in self._desks:
            desk.listen(None, self._on_event)

    @property
    def fills(self) -> int:
        """How many fills there have been."""
        return self._fills

    async def wait(self, since: int, seconds: float) -> None:
        """Until there have been more fills than ``since``, but no longer than ``seconds``."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._fills <= since and loop.time() < deadline:
            fill: asyncio.Future[None] = loop.create_future()
            self._waiting.append(fill)
            try:
                await asyncio.wait([fill], timeout=deadline - loop.time())
            finally:
                self._waiting.remove(fill)

    async def let_fill(self, request: web.Request, seconds: float, *, force: bool) -> None:
        """Wait until an order of the caller's is filled; ``force`` has the crowd fill the one that is named."""
        since = self._fills
        if force:
            order = await self._named(request)
            if order is not None:
                fill_by_crowd(self._market, self._venue, order)
        await self.wait(since, seconds)

    async def _named(self, request: web.Request) -> AccountOrder | FuturesOrder | None:
        """The open order whose id, or client's id, the request has somewhere; the caller's oldest where it has none."""
        key = next((request.headers[name] for name in _KEY_HEADERS if name in request.headers), "")
        caller = self._directory.by_key(key)
        if caller is None:
            return None
        said = (
            f"{request.path}?{unquote_plus(request.query_string)} {(await request.read()).decode('utf-8', 'replace')}"
        )
        orders = [order for desk in self._desks for order in desk.open_orders(caller[0])]
        for order in orders:
            own = order.client_id if isinstance(order, AccountOrder) else order.text
            if self._spelled(order.id) in said or (own and own in said):
                return order
        return orders[0] if orders else None

    def _on_event(self, event: object) -> None:
        if isinstance(event, (FillEvent, FuturesFillEvent)):
            self._fills += 1
            for waiting in self._waiting:
                if not waiting.done():
                    waiting.set_result(None)


def fill_by_crowd(market: Market, venue: str, order: AccountOrder | FuturesOrder) -> None:
    """Let the crowd trade through the price of a resting order, so that it is filled to the end."""
    if order.price is None:
        return
    symbol = order.symbol if isinstance(order, AccountOrder) else order.contract.symbol
    book = market.book(venue, symbol)
    limit, sign = book.ticks_of(order.price), 1 if order.side is Side.BUY else -1
    lots = sum(total for price, total in book.engine.levels(order.side) if (price - limit) * sign >= 0)
    if lots:
        quantity = book.quantity_of(lots)
        market.submit(venue, symbol, order.side.opposite, quantity, order.price, TimeInForce.IOC, owner="crowd")
