"""What an account did: its ended orders and its fills. https://www.mexc.com/api-docs/spot-v3/spot-account-trade"""

from __future__ import annotations

from collections.abc import Callable

from cex.common.constants.system_constants import NANOSECONDS
from cex.common.types.orders import Fill, Order
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.mexc.constants import (
    ALL_ORDERS_PATH,
    FILLS_KEPT_S,
    FILLS_PATH,
    MAX_FILLS,
    MAX_ORDERS,
    MOST_FILLS,
    ORDERS_KEPT_S,
)
from cex.exchanges.mexc.decode.parsing import parse
from cex.exchanges.mexc.decode.trading import fill, order
from cex.exchanges.mexc.rest.paging import milliseconds, require_kept, rows_between
from cex.exchanges.mexc.rest.signed import SignedCalls
from cex.exchanges.mexc.wire.trading import FillRow, OrderRow, fills_decoder, orders_decoder

__all__ = ["History"]


class History:
    """Reads ranges of one account; ``now`` is the exchange's clock in nanoseconds, ``name`` the exchange's symbol."""

    def __init__(self, call: SignedCalls, instruments: InstrumentCatalogue, now: Callable[[], int]) -> None:
        self._call = call
        self._instruments = instruments
        self._now = now

    async def orders(self, name: str, start_ts: int, end_ts: int) -> list[Order]:
        """``GET /api/v3/allOrders``, as many requests as the range needs; the exchange keeps the last 7 days.

        Raises:
            NotOfferedException: the range begins earlier.
            ExchangeDataException: one millisecond holds more orders than an answer.
        """
        require_kept("orders", start_ts, self._now(), ORDERS_KEPT_S, "order_history")

        async def fetch(first_ms: int, last_ms: int, limit: int) -> list[OrderRow]:
            params = {"symbol": name, **_range(first_ms, last_ms, limit)}
            answer = await self._call("GET", ALL_ORDERS_PATH, "order_history", params)
            return parse(orders_decoder, answer.body, ALL_ORDERS_PATH)

        rows = await rows_between(
            fetch,
            lambda row: row.time or 0,
            lambda row: (str(row.order_id),),
            *milliseconds(start_ts, end_ts),
            limit=MAX_ORDERS,
            channel=ALL_ORDERS_PATH,
        )
        told = [order(row, self._instruments.by_native, ALL_ORDERS_PATH) for row in rows]
        return [one for one in told if one.status.is_final]

    async def fills(self, name: str, start_ts: int, end_ts: int, order_id: str | None) -> list[Fill]:
        """``GET /api/v3/myTrades``, as many requests as the range needs; the exchange keeps the last 30 days.

        A fill can be listed a moment after its order reads as filled. What is stamped with a whole second counts as
        inside when any of that second is: the exchange cuts times. Of one order, what is left of its fills is given.

        Raises:
            NotOfferedException: the range begins earlier, and is not that of one order.
            ExchangeDataException: one millisecond holds more fills than an answer.
        """
        if order_id is None:
            require_kept("fills", start_ts, self._now(), FILLS_KEPT_S, "fills")
        else:
            start_ts = max(start_ts, self._now() - FILLS_KEPT_S * NANOSECONDS)
        received_ns = 0

        async def fetch(first_ms: int, last_ms: int, limit: int) -> list[FillRow]:
            nonlocal received_ns
            params = {"symbol": name, "orderId": order_id, **_range(first_ms, last_ms, limit)}
            answer = await self._call("GET", FILLS_PATH, "fills", params)
            received_ns = answer.received_ns
            return parse(fills_decoder, answer.body, FILLS_PATH)

        rows = await rows_between(
            fetch,
            lambda row: row.time,
            lambda row: (str(row.id), str(row.order_id), str(row.is_buyer)),
            *milliseconds(start_ts, end_ts),
            limit=MAX_FILLS,
            most=MOST_FILLS,
            channel=FILLS_PATH,
        )
        return [fill(row, self._instruments.by_native, FILLS_PATH, received_ns) for row in rows]


def _range(first_ms: int, last_ms: int, limit: int) -> dict[str, str | None]:
    return {"startTime": str(first_ms), "endTime": str(last_ms), "limit": str(limit)}
