"""A submit ends as accepted, rejected or unknown, and nothing is ever sent twice to find out which.

Unknown is resolved by what the exchange says about the client order id: a push, a query, its list of open orders.
That it knows of no such order counts only once the request would be refused for its age.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import OrderStatus
from cex.common.exceptions import (
    CexArbitrageException,
    DuplicateOrderException,
    ExchangeException,
    ExchangeRejectedException,
    OrderNotFoundException,
    UnknownOutcomeException,
)
from cex.common.types.orders import Order, OrderRequest
from cex.exchanges.base.interfaces import (
    BasePrivateRestClient,
    EventHandler,
    OrderEntry,
    OrderResolved,
    OrderUnknown,
)
from cex.exchanges.base.orders.policy import OrderPolicy
from cex.exchanges.base.orders.record import OrderRecord
from cex.exchanges.base.orders.tracker import OrderTracker
from cex.exchanges.base.tasks import OwnedTasks

__all__ = ["Submission"]

logger = logging.getLogger(__name__)

_IN_DOUBT = (OrderStatus.PENDING, OrderStatus.UNKNOWN)
_CONFIRMATIONS = 2
"""How often the exchange must say after its validity that it knows of no such order; its lists may lag."""


class Submission:
    """Places orders and finds out what became of them.

    ``rest`` asks about orders and is the road that always exists; ``entry`` says on which road an order goes first.
    """

    def __init__(
        self,
        *,
        rest: BasePrivateRestClient,
        entry: Callable[[OrderRequest], OrderEntry],
        tracker: OrderTracker,
        emit: EventHandler,
        tasks: OwnedTasks,
        policy: OrderPolicy,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._rest = rest
        self._entry = entry
        self._tracker = tracker
        self._emit = emit
        self._tasks = tasks
        self._policy = policy
        self._clock = clock
        self._resolving: dict[int, asyncio.Task[None]] = {}

    # ---- placing ---------------------------------------------------------------------------------------------------

    async def place(self, request: OrderRequest) -> Order:
        """Place a complete and fitted request; as told by ``PrivateExchange.place_order``."""
        record = self._tracker.begin(request, self._rest.exchange_now_ns())
        try:
            answer = await self._sent(request)
        except CexArbitrageException as error:
            return await self._failed(record, error)
        except BaseException as error:
            self._in_doubt(record, f"its submission was interrupted: {type(error).__name__}", None)
            raise
        return self._accepted(record, answer)

    async def place_several(self, requests: Sequence[OrderRequest]) -> list[Order | ExchangeException]:
        """Place complete and fitted requests of one road together; an outcome for each."""
        records: list[OrderRecord] = []
        try:
            for request in requests:
                records.append(self._tracker.begin(request, self._rest.exchange_now_ns()))  # noqa: PERF401 (kept on error)
        except DuplicateOrderException:
            for record in records:
                self._tracker.forget(record)
            raise
        answers: Sequence[Order | CexArbitrageException]
        try:
            answers = await self._entry(requests[0]).place_orders(requests)
        except CexArbitrageException as error:
            answers = [error] * len(records)
        except BaseException as error:
            for record in records:
                self._in_doubt(record, f"its submission was interrupted: {type(error).__name__}", None)
            raise
        outcomes = await asyncio.gather(
            *(self._outcome(record, answer) for record, answer in zip(records, answers, strict=True))
        )
        return list(outcomes)

    async def _outcome(self, record: OrderRecord, answer: Order | CexArbitrageException) -> Order | ExchangeException:
        try:
            return self._accepted(record, answer) if isinstance(answer, Order) else await self._failed(record, answer)
        except ExchangeException as error:
            return error

    async def _sent(self, request: OrderRequest) -> Order:
        """One try; a second one on the other road only where the first provably had no effect and never will."""
        entry = self._entry(request)
        if entry is self._rest:
            return await entry.place_order(request)
        try:
            return await entry.place_order(request)
        except ExchangeRejectedException:
            raise  # the exchange has answered: the other road would be told the same
        except ExchangeException as error:
            if not error.safe_to_resubmit:
                raise
            logger.warning(
                "an order goes by REST, because it could not be sent otherwise: %s",
                error,
                extra={"exchange": self._rest.exchange, "client_order_id": request.client_order_id},
            )
            return await self._rest.place_order(request)

    def _accepted(self, record: OrderRecord, answer: Order) -> Order:
        known = answer
        if not answer.client_order_id:
            known = answer.replaced(client_order_id=record.order.client_order_id)
        self._tracker.on_order(known)
        self._in_doubt(record, "its answer contradicts itself", None)
        return self._answer(record)

    async def _failed(self, record: OrderRecord, error: CexArbitrageException) -> Order:
        if isinstance(error, DuplicateOrderException):
            self._tracker.forget(record)
            raise error
        if error.safe_to_resubmit and not isinstance(error, UnknownOutcomeException):
            record.cause = error
            self._tracker.rejected(record, error.message)
            if record.order.status is not OrderStatus.REJECTED:
                return record.order  # refused in the answer, and yet the stream told that it is there: it is there
            raise error
        self._in_doubt(record, error.message, error)
        return await self.resolve(record)

    def _in_doubt(self, record: OrderRecord, reason: str, error: CexArbitrageException | None) -> None:
        """From here on it is looked for in the background, whoever waits for it or not."""
        if record.order.status not in _IN_DOUBT:
            return
        sent_ts = error.sent_ts if isinstance(error, UnknownOutcomeException) else None
        record.sent_ts = self._rest.exchange_now_ns() if sent_ts is None else sent_ts
        record.cause = error
        self._tracker.unknown(record)
        self._tell_unknown(record, reason, final=self._tasks.is_closed)
        self._begin(record)

    # ---- resolving -------------------------------------------------------------------------------------------------

    async def resolve(self, record: OrderRecord, timeout: float | None = None) -> Order:
        """Wait for the outcome; as told by ``PrivateExchange.resolve_order``."""
        if record.order.status in _IN_DOUBT:
            task = self._resolving.get(id(record)) or self._begin(record)
            await asyncio.wait({task}, timeout=timeout)
        return self._answer(record)

    def _answer(self, record: OrderRecord) -> Order:
        order = record.order
        cause = record.cause if isinstance(record.cause, CexArbitrageException) else None
        if order.status is OrderStatus.REJECTED:
            raise ExchangeRejectedException(
                f"order {order.client_order_id} was not placed: {order.finish_reason or 'refused'}",
                self._rest.exchange,
                operation="place_order",
                exchange_code=None if cause is None else cause.exchange_code,
            ) from cause
        if order.status in _IN_DOUBT:
            raise UnknownOutcomeException(
                f"it is not known whether order {order.client_order_id} was placed; resolve_order() asks again",
                self._rest.exchange,
                client_order_id=order.client_order_id,
                sent_ts=record.sent_ts,
                operation="place_order",
                attempt=1,
                exchange_code=None if cause is None else cause.exchange_code,
            ) from cause
        return order

    def _begin(self, record: OrderRecord) -> asyncio.Task[None]:
        task = self._tasks.spawn(self._found_out(record), name=f"resolve order {record.order.client_order_id}")
        self._resolving[id(record)] = task
        return task

    async def _found_out(self, record: OrderRecord) -> None:
        """Ask until it is known, or until the bound; the bound begins when the exchange would refuse the request."""
        policy, key = self._policy, id(record)
        not_before = record.sent_ts + round((self._rest.order_validity_s + policy.clock_margin) * NANOSECONDS)
        pause, missing = policy.query_first, 0
        how = "stream"
        left_open = self._left(not_before)
        deadline = asyncio.get_running_loop().time() + max(0.0, left_open) + policy.resolve_within
        try:
            while record.order.status in _IN_DOUBT:
                too_late = self._left(not_before) <= 0  # as of the question: the answer may be older than it looks
                said = await self._asked(record)
                if said is not None:
                    how = said
                elif too_late and record.order.status in _IN_DOUBT:
                    missing += 1
                    if missing >= _CONFIRMATIONS:
                        how = "not found after its validity"
                        self._tracker.rejected(record, f"the exchange does not know it: {how}", never_arrived=True)
                if record.order.status not in _IN_DOUBT:
                    break
                now = asyncio.get_running_loop().time()
                if now >= deadline:
                    self._tell_unknown(record, "it could not be found out in time", final=True)
                    return
                wait = min(pause, deadline - now)
                left = self._left(not_before)
                if left > 0:
                    wait = min(wait, left)
                await self._pause(record, wait)
                pause = min(policy.query_most, 2 * pause)
            self._tell_resolved(record, how)
        finally:
            self._resolving.pop(key, None)

    async def _asked(self, record: OrderRecord) -> str | None:
        """Ask the exchange once: how it told, None where it knows of no such order."""
        order = record.order
        asked_ts = self._rest.exchange_now_ns()
        try:
            self._tracker.on_order(await self._rest.order(order.symbol, client_order_id=order.client_order_id))
        except OrderNotFoundException:
            pass
        except ExchangeException as error:
            logger.info("a query for an unknown order failed: %s", error, extra={"exchange": self._rest.exchange})
            return "" if record.order.status in _IN_DOUBT else "stream"
        else:
            return "query"
        if record.order.status not in _IN_DOUBT:
            return "stream"
        return await self._listed(record, asked_ts)

    async def _listed(self, record: OrderRecord, asked_ts: int) -> str | None:
        """Look through what rests and what has ended, where a query by client order id finds nothing."""
        order = record.order
        try:
            for listed in await self._rest.open_orders(order.symbol):
                if listed.client_order_id == order.client_order_id:
                    self._tracker.on_order(listed)
                    return "open orders"
            if self._rest.query_by_client_id_only_open:
                since, until = record.sent_ts - NANOSECONDS, asked_ts + NANOSECONDS
                for listed in await self._rest.order_history(order.symbol, since, until):
                    if listed.client_order_id == order.client_order_id:
                        self._tracker.on_order(listed)
                        return "order history"
        except ExchangeException as error:
            logger.info("a search for an unknown order failed: %s", error, extra={"exchange": self._rest.exchange})
            return ""
        return None if record.order.status in _IN_DOUBT else "stream"

    def _left(self, not_before: int) -> float:
        """Seconds until a missing order counts as one that never arrived."""
        return (not_before - self._rest.exchange_now_ns()) / NANOSECONDS

    async def _pause(self, record: OrderRecord, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._tracker.changed(record)
        except TimeoutError:
            pass

    # ---- telling ---------------------------------------------------------------------------------------------------

    def _tell_unknown(self, record: OrderRecord, reason: str, *, final: bool) -> None:
        order = record.order
        logger.warning(
            "the outcome of an order is unknown: %s",
            reason,
            extra={"exchange": self._rest.exchange, "client_order_id": order.client_order_id, "final": final},
        )
        self._emit(
            OrderUnknown(
                exchange=self._rest.exchange,
                account=self._rest.account,
                at_ns=self._clock.time_ns(),
                symbol=order.symbol,
                client_order_id=order.client_order_id or "",
                reason=reason,
                final=final,
            )
        )

    def _tell_resolved(self, record: OrderRecord, how: str) -> None:
        order = record.order
        self._emit(
            OrderResolved(
                exchange=self._rest.exchange,
                account=self._rest.account,
                at_ns=self._clock.time_ns(),
                symbol=order.symbol,
                client_order_id=order.client_order_id or "",
                status=order.status,
                how=how or "stream",
                seconds=max(0, self._rest.exchange_now_ns() - record.sent_ts) / NANOSECONDS,
            )
        )
