"""A cancel ends with the order as it ended: a cancel may be repeated, and one that comes too late is no failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from cex.common.exceptions import (
    ExchangeConnectionException,
    ExchangeException,
    ExchangeRejectedException,
    OrderFinishedException,
    OrderNotFoundException,
    UnknownOutcomeException,
)
from cex.common.types.orders import Order
from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces import BasePrivateRestClient, OrderEntry
from cex.exchanges.base.orders.policy import OrderPolicy
from cex.exchanges.base.orders.record import OrderRecord
from cex.exchanges.base.orders.tracker import OrderTracker

__all__ = ["Cancels"]

logger = logging.getLogger(__name__)

_TOO_LATE = (OrderFinishedException, OrderNotFoundException)


class Cancels:
    """Cancels by id, and follows the order until it has ended."""

    def __init__(
        self,
        *,
        rest: BasePrivateRestClient,
        entry: Callable[[Symbol], OrderEntry],
        tracker: OrderTracker,
        policy: OrderPolicy,
    ) -> None:
        self._rest = rest
        self._entry = entry
        self._tracker = tracker
        self._policy = policy

    async def cancel(self, symbol: Symbol, order_id: str | None, client_order_id: str | None) -> Order:
        """As told by ``PrivateExchange.cancel_order``; exactly one of the ids is given."""
        record = self._tracker.find(order_id=order_id, client_order_id=client_order_id)
        if record is not None:
            if record.is_settled:
                return record.order
            if record.order.order_id:  # the exchange's own id is the one that it always knows
                order_id, client_order_id = record.order.order_id, None
        deadline = asyncio.get_running_loop().time() + self._policy.cancel_within
        pause = self._policy.query_first
        while True:
            try:
                await self._asked(symbol, order_id, client_order_id)
            except _TOO_LATE as error:
                return await self._ended(symbol, order_id, client_order_id, error)
            order = await self._followed(symbol, order_id, client_order_id, pause)
            if order.status.is_final or asyncio.get_running_loop().time() >= deadline:
                return order
            pause = min(self._policy.query_most, 2 * pause)
            logger.info(
                "a cancel has not taken effect yet",
                extra={"exchange": self._rest.exchange, "order_id": order.order_id},
            )

    async def cancel_all(self, symbols: Sequence[Symbol], resting: Sequence[Order]) -> list[Order]:
        """Cancel whatever rests of ``symbols``; the orders of ``resting`` and those that the answers name, as ended."""
        concerned = {_key(order): order for order in resting}
        for symbol in symbols:
            for said in await self._rest.cancel_all_orders(symbol):
                concerned[_key(said)] = self._tracker.on_order(said).order
        ended = []
        for order in concerned.values():
            by_id, by_client_id = (order.order_id, None) if order.order_id else (None, order.client_order_id)
            followed = await self._followed(order.symbol, by_id, by_client_id, self._policy.query_first)
            if not followed.status.is_final:
                followed = await self.cancel(order.symbol, by_id, by_client_id)
            ended.append(followed)
        return ended

    async def _asked(self, symbol: Symbol, order_id: str | None, client_order_id: str | None) -> None:
        """Ask once; what the answer says of the order is merged. Where none comes, it is left to the query."""
        entry = self._entry(symbol)
        try:
            try:
                said = await entry.cancel_order(symbol, order_id=order_id, client_order_id=client_order_id)
            except (ExchangeConnectionException, UnknownOutcomeException):
                if entry is self._rest:
                    raise
                said = await self._rest.cancel_order(symbol, order_id=order_id, client_order_id=client_order_id)
        except UnknownOutcomeException as error:
            logger.info("a cancel was not answered: %s", error, extra={"exchange": self._rest.exchange})
            return
        if said is not None:
            self._tracker.on_order(said)

    async def _followed(
        self, symbol: Symbol, order_id: str | None, client_order_id: str | None, patience: float
    ) -> Order:
        """The order once it has ended; after ``patience`` seconds without a word, as a query tells it."""
        record = self._tracker.find(order_id=order_id, client_order_id=client_order_id)
        if record is not None and not record.order.status.is_final:
            await self._heard(record, patience)
        if record is not None and record.order.status.is_final:
            return record.order
        said = await self._rest.order(symbol, order_id=order_id, client_order_id=client_order_id)
        return self._tracker.on_order(said).order

    async def _ended(
        self,
        symbol: Symbol,
        order_id: str | None,
        client_order_id: str | None,
        late: ExchangeRejectedException,
    ) -> Order:
        """Too late, the exchange says: then a query tells how it ended."""
        try:
            said = await self._rest.order(symbol, order_id=order_id, client_order_id=client_order_id)
        except OrderNotFoundException:
            record = self._tracker.find(order_id=order_id, client_order_id=client_order_id)
            if record is not None and record.order.status.is_final:
                return record.order
            raise late from None
        except ExchangeException as error:
            raise error from late
        order = self._tracker.on_order(said).order
        if not order.status.is_final:
            raise late
        return order

    async def _heard(self, record: OrderRecord, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not record.order.status.is_final:
                    await self._tracker.changed(record)
        except TimeoutError:
            pass


def _key(order: Order) -> str:
    """What tells an order from others; one that waits for a price may have no id of the exchange yet."""
    return order.order_id or order.client_order_id or ""
