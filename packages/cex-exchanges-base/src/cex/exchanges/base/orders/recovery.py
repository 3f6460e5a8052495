"""From the loss of a private stream to the moment at which nothing is missing of it any more."""

from __future__ import annotations

import asyncio
import logging
import random

from cex.common.clock import Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.correlation import correlation, new_correlation_id
from cex.common.exceptions import ExchangeException
from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces import (
    BasePrivateRestClient,
    BasePrivateWebSocketClient,
    EventHandler,
    PrivateInterrupted,
    PrivateRecovered,
    PrivateResubscribed,
    PrivateStream,
)
from cex.exchanges.base.orders.backfill import Backfill, Found
from cex.exchanges.base.orders.policy import OrderPolicy
from cex.exchanges.base.orders.tracker import OrderTracker
from cex.exchanges.base.tasks import OwnedTasks

__all__ = ["Recovery"]

logger = logging.getLogger(__name__)

_UNHEARD_S = 120.0
"""How far back is looked where nobody can say when the stream was heard last."""
_REMEMBERED_S = 3600.0


class Recovery:
    """Knows which streams are lost and since when, fills the hole when they are back, and audits in between."""

    def __init__(
        self,
        *,
        rest: BasePrivateRestClient,
        websocket: BasePrivateWebSocketClient,
        backfill: Backfill,
        tracker: OrderTracker,
        emit: EventHandler,
        tasks: OwnedTasks,
        policy: OrderPolicy,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._rest = rest
        self._websocket = websocket
        self._backfill = backfill
        self._tracker = tracker
        self._emit = emit
        self._tasks = tasks
        self._policy = policy
        self._clock = clock
        self._rng = rng
        self._lost: dict[PrivateStream, None] = {}
        self._hole: dict[PrivateStream, None] = {}
        self._lost_ns = 0
        """Monotonic time since which something may be missing, while there is a hole."""
        self._hole_ns = 0
        """When the hole began; what was missing at first may have been fetched since."""
        self._found = Found()
        self._traded: dict[Symbol, int] = {}
        self._losses = 0
        self._task: asyncio.Task[None] | None = None
        self.holes = 0
        self.fills = 0
        self.audits = 0
        self.audit_finds = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing of what the streams told so far."""
        return not self._hole

    def touched(self, symbol: Symbol) -> None:
        """Something was traded there; its fills are asked for after a loss."""
        self._traded[symbol] = self._clock.monotonic_ns()

    def interrupted(self, event: PrivateInterrupted) -> None:
        self._losses += 1
        now = self._clock.monotonic_ns()
        heard = now - round(_UNHEARD_S * NANOSECONDS) if event.heard_ns is None else event.heard_ns
        if not self._hole:
            self._lost_ns = self._hole_ns = heard
            self._found = Found()
        self._lost_ns, self._hole_ns = min(self._lost_ns, heard), min(self._hole_ns, heard)
        self._lost.update(dict.fromkeys(event.streams))
        self._hole.update(dict.fromkeys(event.streams))

    def resubscribed(self, event: PrivateResubscribed) -> None:
        for stream in event.streams:
            self._lost.pop(stream, None)
        if self._hole and not self._lost and (self._task is None or self._task.done()):
            self._task = self._tasks.spawn(self._recover(), name=f"backfill of {self._rest.exchange}")

    async def keep_auditing(self) -> None:
        """Compare with the exchange's lists now and then, until cancelled."""
        while True:
            await asyncio.sleep(self._policy.audit_every)
            if not self.is_whole or not self._tracker.live():
                continue
            try:
                with correlation(new_correlation_id()):
                    found = await self._backfill.audit()
                    self.audits += 1
                    if found.fills or found.orders:
                        self.audit_finds += found.fills + found.orders
                        logger.warning(
                            "an audit found what the private stream had not told",
                            extra={"exchange": self._rest.exchange, "fills": found.fills, "orders": found.orders},
                        )
                        await self._websocket.verify()
            except ExchangeException as error:
                logger.info("an audit failed: %s", error, extra={"exchange": self._rest.exchange})

    async def _recover(self) -> None:
        pause = self._policy.backfill_first
        while self._hole:
            if self._lost:
                return  # lost again; the next resubscription begins anew, from the first loss on
            streams, since, losses = tuple(self._hole), self._lost_ns, self._losses
            began = self._clock.monotonic_ns()
            try:
                with correlation(new_correlation_id()):
                    found = await self._backfill.since(self._exchange_ts(since), self._symbols(since))
            except ExchangeException as error:
                logger.warning(
                    "a backfill failed and is tried again: %s", error, extra={"exchange": self._rest.exchange}
                )
                await asyncio.sleep(pause * (0.5 + 0.5 * self._rng.random()))
                pause = min(self._policy.backfill_most, 2 * pause)
                continue
            self.fills += found.fills
            self._found.fills += found.fills
            self._found.orders += found.orders
            if losses != self._losses:
                if self._lost_ns == since:
                    self._lost_ns = began  # lost again meanwhile; what happened before has been fetched
                continue
            now = self._clock.monotonic_ns()
            self._hole.clear()
            self.holes += 1
            self._emit(
                PrivateRecovered(
                    exchange=self._rest.exchange,
                    account=self._rest.account,
                    at_ns=self._clock.time_ns(),
                    streams=streams,
                    fills=self._found.fills,
                    orders=self._found.orders,
                    seconds=(now - self._hole_ns) / NANOSECONDS,
                )
            )

    def _exchange_ts(self, monotonic_ns: int) -> int:
        return self._rest.exchange_now_ns() - (self._clock.monotonic_ns() - monotonic_ns)

    def _symbols(self, since: int) -> list[Symbol]:
        oldest = since - round(_REMEMBERED_S * NANOSECONDS)
        return [symbol for symbol, at in self._traded.items() if at >= oldest]
