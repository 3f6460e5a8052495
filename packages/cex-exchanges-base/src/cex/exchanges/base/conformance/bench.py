"""What a case works with: exchanges that are closed after it, what they told, and patience with a bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any, TypeVar

from cex.common.book.order_book import BookView, OrderBook
from cex.common.enums import OrderType, Side, TimeInForce
from cex.common.types.instruments import Instrument
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.common.types.symbols import Symbol
from cex.exchanges.base.conformance.checks import CaseFailed, check
from cex.exchanges.base.conformance.venue import VenueUnderTest
from cex.exchanges.base.interfaces import ExchangeEvent, PrivateExchange, PublicExchange

__all__ = ["Bench", "same_book"]

T = TypeVar("T")

PATIENCE_S = 15.0
_LOOK_EVERY_S = 0.02
_COMPARED_LEVELS = 20


class Bench:
    """The workplace of one case."""

    def __init__(self, venue: VenueUnderTest, stack: AsyncExitStack) -> None:
        self.venue = venue
        self.symbol = Symbol(venue.symbol)
        self.events: list[ExchangeEvent] = []
        self._stack = stack

    async def public(self) -> PublicExchange:
        """An open public side; its events are in :attr:`events`."""
        exchange = await self._stack.enter_async_context(self.venue.public_exchange())
        exchange.on_event(self.events.append)
        return exchange

    async def private(self) -> PrivateExchange:
        """An open private side; its events are in :attr:`events`."""
        exchange = await self._stack.enter_async_context(self.venue.private_exchange())
        exchange.on_event(self.events.append)
        return exchange

    def told(self, kind: str) -> list[ExchangeEvent]:
        """The events of one kind so far."""
        return [event for event in self.events if event.kind == kind]

    async def eventually(self, holds: Callable[[], T], otherwise: str, seconds: float = PATIENCE_S) -> T:
        """Wait until ``holds()`` is truthy and return that; fail with ``otherwise`` after ``seconds``."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not (found := holds()):
            if loop.time() >= deadline:
                raise CaseFailed(f"{otherwise} (within {seconds:g} s)")
            await asyncio.sleep(_LOOK_EVERY_S)
        return found

    @asynccontextmanager
    async def collecting(self, stream: AsyncGenerator[T, None]) -> AsyncIterator[list[T]]:
        """Everything that a stream gives while the block runs."""
        got: list[T] = []

        async def read() -> None:
            async for item in stream:
                got.append(item)  # noqa: PERF401 (looked at while it grows)

        task = asyncio.get_running_loop().create_task(read(), name="conformance reader")
        try:
            yield got
            if task.done():
                task.result()
        finally:
            task.cancel()
            await asyncio.wait({task})
            await stream.aclose()

    # ---- books -----------------------------------------------------------------------------------------------------

    async def require_true(self, book: OrderBook) -> bool:
        """Fail where a live book is not what the venue has at its sequence; whether that could be compared."""
        if not book.is_live:
            return False
        view = book.snapshot()
        truth = await self.venue.true_book(view.symbol, view.sequence)
        if truth is None:
            return False
        difference = same_book(view, truth.bids, truth.asks)
        check(difference is None, f"a live book is wrong at {view.sequence}: {difference}")
        return True

    # ---- orders ----------------------------------------------------------------------------------------------------

    async def top(self, exchange: PublicExchange, symbol: str) -> tuple[Decimal, Decimal]:
        """Best bid and best ask, by REST."""
        book = await exchange.order_book_snapshot(symbol, 5)
        check(book.bids and book.asks, f"the book of {symbol} has an empty side")
        return Decimal(str(book.bids[0][0])), Decimal(str(book.asks[0][0]))

    def resting(self, instrument: Instrument, bid: Decimal, **facts: Any) -> OrderRequest:
        """A buy a fifth below the market: it rests, and nobody fills it."""
        price = instrument.round_price(bid * Decimal("0.8"), Side.BUY)
        return self.asked(instrument, Side.BUY, price, **facts)

    def taking(self, instrument: Instrument, ask: Decimal, **facts: Any) -> OrderRequest:
        """A buy some way above the market: it fills at once."""
        price = instrument.round_price(ask * Decimal("1.02"), Side.BUY)
        return self.asked(instrument, Side.BUY, price, **facts)

    def asked(
        self,
        instrument: Instrument,
        side: Side,
        price: Decimal,
        *,
        notional: Decimal = Decimal(30),
        time_in_force: TimeInForce = TimeInForce.GTC,
        **facts: Any,
    ) -> OrderRequest:
        """A limit order of about ``notional``, which is raised to what the market's minima ask."""
        worth = max(notional, 2 * (instrument.min_notional or Decimal(0)))
        quantity = instrument.round_quantity(worth / price)
        quantity = max(quantity, instrument.step, instrument.min_quantity or instrument.step)
        return OrderRequest(
            symbol=instrument.symbol,
            side=side,
            order_type=OrderType.LIMIT,
            quantity=quantity,
            price=price,
            time_in_force=time_in_force,
            **facts,
        )

    async def true_order(self, order: Order) -> Order:
        """The venue's own record of an order, found by its client order id."""
        for known in await self.venue.true_orders():
            if known.client_order_id == order.client_order_id:
                return known
        raise CaseFailed(f"the venue has no order {order.client_order_id}")

    async def true_fills(self, order: Order) -> list[Fill]:
        """The venue's own record of what filled of an order."""
        return [fill for fill in await self.venue.true_fills() if fill.client_order_id == order.client_order_id]

    async def true_count(self, client_order_id: str) -> int:
        """How many orders the venue has under a client order id."""
        return sum(order.client_order_id == client_order_id for order in await self.venue.true_orders())


def same_book(
    view: BookView, bids: list[tuple[float, float]], asks: list[tuple[float, float]], levels: int = _COMPARED_LEVELS
) -> str | None:
    """What first differs within the best ``levels`` of a side; None where nothing does."""
    for name, mine, theirs in (("bids", view.bids, bids), ("asks", view.asks, asks)):
        for position, (level, true) in enumerate(zip(mine[:levels], theirs[:levels], strict=False)):
            if tuple(level) != tuple(true):
                return f"{name}[{position}] is {tuple(level)}, and in truth {tuple(true)}"
        if len(theirs) >= levels > len(mine):
            return f"{len(mine)} {name} where there are at least {levels}"
    return None
