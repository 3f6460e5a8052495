"""Every book of one exchange: they share the budget for snapshots and nothing else."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.correlation import new_random
from cex.common.types.market import BookDelta
from cex.common.types.symbols import Symbol
from cex.exchanges.base.books.keeper import BookKeeper, FetchSnapshot, Resubscribe
from cex.exchanges.base.books.policy import ResyncPolicy
from cex.exchanges.base.interfaces import BookFacts, BookHealth, EventHandler
from cex.exchanges.base.tasks import OwnedTasks

__all__ = ["BookKeepers"]


class BookKeepers:
    """Every book of one exchange; they share the budget for snapshots and nothing else.

    ``facts(symbol)`` says what holds for a book. ``resubscribe`` is used only
    where a stream seeds its book.
    """

    def __init__(
        self,
        *,
        exchange: str,
        facts: Callable[[Symbol], BookFacts],
        fetch: FetchSnapshot,
        resubscribe: Resubscribe,
        emit: EventHandler,
        policy: ResyncPolicy | None = None,
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
    ) -> None:
        self._exchange = exchange
        self._facts = facts
        self._fetch = fetch
        self._resubscribe = resubscribe
        self._emit = emit
        self._policy = policy or ResyncPolicy()
        self._clock = clock
        self._rng = rng or new_random()
        self._slots = asyncio.Semaphore(self._policy.concurrency)
        self._tasks = OwnedTasks()
        self._keepers: dict[str, BookKeeper] = {}

    def __iter__(self) -> Iterator[BookKeeper]:
        return iter(tuple(self._keepers.values()))

    def __len__(self) -> int:
        return len(self._keepers)

    def add(self, symbol: Symbol) -> BookKeeper:
        """The keeper of ``symbol``, made now where there is none; it collects updates and waits for ``start``."""
        keeper = self._keepers.get(symbol)
        if keeper is None:
            keeper = self._keepers[symbol] = BookKeeper(
                symbol,
                self._facts(symbol),
                exchange=self._exchange,
                fetch=self._fetch,
                resubscribe=self._resubscribe,
                emit=self._emit,
                slots=self._slots,
                tasks=self._tasks,
                policy=self._policy,
                clock=self._clock,
                rng=self._rng,
            )
        return keeper

    def get(self, symbol: str) -> BookKeeper | None:
        return self._keepers.get(symbol)

    def remove(self, symbol: str, reason: str = "unsubscribed") -> None:
        """End one book; unknown symbols are ignored."""
        keeper = self._keepers.pop(symbol, None)
        if keeper is not None:
            keeper.close(reason)

    def on_delta(self, delta: BookDelta) -> None:
        """Hand an update to its book; one that nobody keeps (any more) is ignored."""
        keeper = self._keepers.get(delta.symbol)
        if keeper is not None:
            keeper.on_delta(delta)

    def interrupt(self, symbols: Iterable[Symbol], reason: str) -> None:
        """The connection that carried these is lost."""
        for symbol in symbols:
            if (keeper := self._keepers.get(symbol)) is not None:
                keeper.interrupt(reason)

    def resume(self, symbols: Iterable[Symbol]) -> None:
        """These are subscribed again after an interruption."""
        for symbol in symbols:
            if (keeper := self._keepers.get(symbol)) is not None:
                keeper.resume()

    def health(self) -> tuple[BookHealth, ...]:
        return tuple(keeper.health() for keeper in self)

    async def aclose(self, reason: str = "the exchange was closed") -> None:
        """End every book and wait for the tasks; may be called again."""
        for symbol in tuple(self._keepers):
            self.remove(symbol, reason)
        await self._tasks.aclose()
