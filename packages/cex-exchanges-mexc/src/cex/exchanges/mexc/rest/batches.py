"""Several orders at once, with an outcome for each. https://www.mexc.com/api-docs/spot-v3/spot-account-trade#batch-orders"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from cex.common.exceptions import ExchangeException, UnknownOutcomeException
from cex.common.types.orders import Order, OrderRequest
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.mexc.constants import BATCH_PATH, BATCH_POOL, EXCHANGE, ORDER_POOL
from cex.exchanges.mexc.decode.parsing import parse
from cex.exchanges.mexc.decode.trading import new_order
from cex.exchanges.mexc.errors import RequestFacts, rejection
from cex.exchanges.mexc.rest.orders import batch_order, by_symbol
from cex.exchanges.mexc.rest.signed import SignedCalls
from cex.exchanges.mexc.wire.trading import BatchOrder, BatchRow, Placed, batch_decoder, encode_batch
from cex.networking import Priority, RestResponse

__all__ = ["Batches"]

Outcome = Order | ExchangeException


class Batches:
    """Places orders in batches; ``order_wait_s`` as for single orders."""

    def __init__(self, call: SignedCalls, instruments: InstrumentCatalogue, order_wait_s: float) -> None:
        self._call = call
        self._instruments = instruments
        self._order_wait_s = order_wait_s

    async def place(
        self, requests: Sequence[OrderRequest], place_one: Callable[[OrderRequest], Awaitable[Order]]
    ) -> list[Outcome]:
        """An outcome for each request, in their order; one that fits into no batch goes through ``place_one``."""
        outcomes: dict[int, Outcome] = {}
        orders: dict[int, BatchOrder] = {}
        for position, request in enumerate(requests):
            try:
                orders[position] = batch_order(request, self._instruments.native(request.symbol))
            except ExchangeException as error:
                outcomes[position] = error
        for part in by_symbol(requests, orders):
            group = [requests[position] for position in part]
            if len(part) == 1:
                outcomes[part[0]] = await _outcome(place_one(group[0]))
            else:
                told = await self._place(group, [orders[position] for position in part])
                outcomes.update(zip(part, told, strict=True))
        return [outcomes[position] for position in range(len(requests))]

    async def _place(self, group: Sequence[OrderRequest], orders: Sequence[BatchOrder]) -> list[Outcome]:
        try:
            answer = await self._call(
                "POST",
                BATCH_PATH,
                "place_orders",
                {"batchOrders": encode_batch(orders)},
                priority=Priority.PLACE,
                pools=(ORDER_POOL, BATCH_POOL),
                max_wait=self._order_wait_s,
            )
            rows = parse(batch_decoder, answer.body, BATCH_PATH)
        except ExchangeException as error:
            if error.safe_to_resubmit:
                return [error for _ in group]
            return [_unknown(request, error.message, error) for request in group]
        if len(rows) != len(group):
            return [_unknown(request, f"{len(rows)} outcomes of {len(group)} orders", None) for request in group]
        return [_told(row, request, answer) for row, request in zip(rows, group, strict=True)]


async def _outcome(placing: Awaitable[Order]) -> Outcome:
    try:
        return await placing
    except ExchangeException as error:
        return error


def _told(row: BatchRow, request: OrderRequest, answer: RestResponse) -> Outcome:
    if row.order_id is not None:
        return new_order(Placed(order_id=row.order_id), request)
    if row.code is None:
        return _unknown(request, "the answer has neither an order id nor a code", None)
    error = rejection(
        status=answer.status,
        code=row.code,
        message=row.msg or "",
        is_read=False,
        facts=RequestFacts(
            correlation_id=answer.correlation_id,
            operation=answer.request.operation,
            endpoint=answer.request.endpoint,
            attempt=answer.attempt,
        ),
    )
    if isinstance(error, UnknownOutcomeException):
        error.client_order_id = request.client_order_id
    return error


def _unknown(request: OrderRequest, text: str, cause: ExchangeException | None) -> UnknownOutcomeException:
    """What became of one order of a batch: each has its own, with its own id."""
    error = UnknownOutcomeException(
        f"one of a batch: {text}",
        EXCHANGE,
        None if cause is None else cause.correlation_id,
        operation="place_orders",
        endpoint=f"POST {BATCH_PATH}",
        attempt=None if cause is None else cause.attempt,
        exchange_code=None if cause is None else cause.exchange_code,
        client_order_id=request.client_order_id,
        sent_ts=cause.sent_ts if isinstance(cause, UnknownOutcomeException) else None,
    )
    error.__cause__ = cause
    return error
