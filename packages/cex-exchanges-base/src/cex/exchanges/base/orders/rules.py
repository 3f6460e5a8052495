"""The exchange's list of instruments, read again when an order was refused and now and then: rules change live."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from cex.common.clock import Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.correlation import correlation, new_correlation_id
from cex.common.exceptions import (
    AuthenticationException,
    DuplicateOrderException,
    ExchangeException,
    ExchangeRejectedException,
    InsufficientBalanceException,
    OrderFinishedException,
    OrderNotFoundException,
    RateLimitException,
)
from cex.exchanges.base.catalogue import UnknownSymbolException
from cex.exchanges.base.interfaces import BasePrivateRestClient
from cex.exchanges.base.orders.policy import OrderPolicy
from cex.exchanges.base.tasks import OwnedTasks

__all__ = ["Rules"]

logger = logging.getLogger(__name__)

_OTHER_REASONS = (
    AuthenticationException,
    DuplicateOrderException,
    InsufficientBalanceException,
    OrderFinishedException,
    OrderNotFoundException,
    RateLimitException,
)


class Rules:
    """Has the list read again, once at a time; a refusal may mean that it is out of date, ours as well as theirs."""

    def __init__(self, *, rest: BasePrivateRestClient, tasks: OwnedTasks, policy: OrderPolicy, clock: Clock) -> None:
        self._rest = rest
        self._tasks = tasks
        self._policy = policy
        self._clock = clock
        self._read_ns = 0
        self._reading: asyncio.Task[None] | None = None

    async def load(self) -> None:
        """Read the list for the first time."""
        await self._rest.load_instruments()
        self._read_ns = self._clock.monotonic_ns()

    @contextmanager
    def doubted(self) -> Iterator[None]:
        """Run a block that sends or prepares an order, and heed how it is refused."""
        try:
            yield
        except ExchangeException as error:
            self.heed(error)
            raise

    def heed(self, outcome: object) -> None:
        """Take note of the outcome of an order: a refusal by a rule has the list read again, unless that is recent."""
        if not isinstance(outcome, (ExchangeRejectedException, UnknownSymbolException)):
            return
        age = self._clock.monotonic_ns() - self._read_ns
        if isinstance(outcome, _OTHER_REASONS) or age < self._policy.rules_trusted * NANOSECONDS:
            return
        if self._reading is None or self._reading.done():
            self._reading = self._tasks.spawn(self._read(), name=f"instruments of {self._rest.exchange}")

    async def keep_fresh(self) -> None:
        """Read the list every now and then, until cancelled."""
        while True:
            await asyncio.sleep(self._policy.rules_every)
            await self._read()

    async def _read(self) -> None:
        self._read_ns = self._clock.monotonic_ns()
        try:
            with correlation(new_correlation_id()):
                await self._rest.load_instruments()
        except ExchangeException as error:
            logger.warning(
                "the list of instruments could not be read again: %s", error, extra={"exchange": self._rest.exchange}
            )
