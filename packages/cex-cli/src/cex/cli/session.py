"""Several exchanges followed together: their books, what lies between them, and the figures of the whole run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import typer

from cex.cli.basis import BasisWatch
from cex.cli.figures import bps_text, count_text
from cex.cli.notes import Notebook
from cex.cli.observer import FollowedExchange, Observer
from cex.cli.results import Result, results_of
from cex.cli.running import Trouble
from cex.cli.scout import Scout
from cex.cli.screen import BasisRow, BookRow, Screen
from cex.common.clock import Clock
from cex.common.enums import BookState, MarketType
from cex.common.types.symbols import Symbol

__all__ = ["Session", "following", "parsed_symbols"]


def parsed_symbols(texts: Iterable[str]) -> tuple[Symbol, ...]:
    """The symbols of a command line, each once; a wrong usage where one is malformed."""
    try:
        return tuple(dict.fromkeys(Symbol(text) for text in texts))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


class _Figures(NamedTuple):
    """What cannot be asked any more once the exchanges are closed."""

    seconds: float
    messages: int
    errors: int
    results: list[Result]
    bases: tuple[BasisRow, ...]


class Session:
    """What is shown while a command runs and summed up when it is over; also after it was interrupted.

    Once it is over, the figures are those of its last moment, before the connections were closed.
    """

    def __init__(self, title: str, clock: Clock) -> None:
        self.title = title
        self.notebook = Notebook(clock)
        self.observers: list[Observer] = []
        self.scout: Scout | None = None
        self.basis_watch: BasisWatch | None = None
        self.extra_figures: tuple[tuple[str, str], ...] = ()
        self._last: _Figures | None = None

    @property
    def seconds(self) -> float:
        """How long it has run, or did run."""
        return self._last.seconds if self._last else self.notebook.elapsed_s

    @property
    def messages(self) -> int:
        """Frames received on all exchanges."""
        return self._last.messages if self._last else sum(observer.messages for observer in self.observers)

    @property
    def rows(self) -> tuple[BookRow, ...]:
        """All books of all exchanges."""
        if self._last:
            return tuple(result.row for result in self._last.results)
        return tuple(row for observer in self.observers for row in observer.rows())

    @property
    def results(self) -> list[Result]:
        """All books with their best levels."""
        return self._last.results if self._last else results_of(self.observers)

    @property
    def books_live(self) -> int:
        """How many books are LIVE."""
        return sum(row.state is BookState.LIVE for row in self.rows)

    def live_of(self, market: MarketType) -> int:
        """How many books of one kind of market are LIVE."""
        rows = (row for row in self.rows if row.state is BookState.LIVE)
        return sum(Symbol(row.symbol).market_type is market for row in rows)

    @property
    def resyncs(self) -> int:
        """How often a book that was lost became LIVE again."""
        return sum(observer.resyncs for observer in self.observers)

    @property
    def slowest_resync_s(self) -> float:
        """The longest that a book took to become LIVE again, in seconds."""
        return max((observer.slowest_resync_s for observer in self.observers), default=0.0)

    @property
    def crossed_live_reads(self) -> int:
        """How often a LIVE book was seen crossed; anything but 0 is a defect."""
        return sum(observer.crossed_live_reads for observer in self.observers)

    @property
    def interruptions(self) -> int:
        """How often a connection was lost."""
        return sum(observer.interruptions for observer in self.observers)

    @property
    def errors(self) -> int:
        """Streams that could not be had, frames that did not decode, and failures of our own code."""
        return self._last.errors if self._last else sum(observer.errors for observer in self.observers)

    @property
    def bases(self) -> tuple[BasisRow, ...]:
        """Every followed perpetual against the spot markets of its pair."""
        if self._last:
            return self._last.bases
        return self.basis_watch.rows() if self.basis_watch else ()

    @property
    def opportunities(self) -> int:
        """How often an arbitrage began to earn after fees."""
        return self.scout.opportunities if self.scout else 0

    @property
    def best_net_bps(self) -> float | None:
        """The best arbitrage seen, in basis points after fees; None where two books were never LIVE together."""
        return self.scout.best_net_bps if self.scout else None

    def screen(self) -> Screen:
        """Everything as it is now."""
        figures = [
            ("messages", count_text(self.messages)),
            ("opportunities", count_text(self.opportunities)),
            ("best net bps", bps_text(self.best_net_bps, signed=True)),
            ("crossed live reads", count_text(self.crossed_live_reads)),
            ("errors", count_text(self.errors)),
        ]
        return Screen(
            title=self.title,
            rows=self.rows,
            elapsed_s=self.seconds,
            figures=(*figures, *self.extra_figures),
            opportunities=self.scout.rows() if self.scout else (),
            bases=self.bases,
            notes=self.notebook.notes,
        )

    def conclude(self) -> None:
        """Keep the figures as they are now."""
        if self._last is None:
            self._last = _Figures(self.seconds, self.messages, self.errors, self.results, self.bases)


@asynccontextmanager
async def following(
    session: Session, exchanges: Sequence[FollowedExchange], symbols: Sequence[Symbol], *, scouting: bool = True
) -> AsyncIterator[None]:
    """Follow the books and trades of ``symbols`` on every exchange that lists them, while the block runs.

    ``scouting`` looks for arbitrage between the exchanges. The session's time counts from here.

    Raises:
        Trouble: no exchange lists one of them.
    """
    for symbol in symbols:
        if not any(symbol in exchange.instruments for exchange in exchanges):
            names = ", ".join(exchange.exchange for exchange in exchanges)
            raise Trouble(f"{symbol} is listed on none of: {names}; spell it as in BTC/USDT")
    session.notebook.begin()
    async with AsyncExitStack() as stack:
        for exchange in exchanges:
            listed = [symbol for symbol in symbols if symbol in exchange.instruments]
            served = {instrument.symbol.market_type for instrument in exchange.instruments.values()}
            for symbol in symbols:
                if symbol not in listed and symbol.market_type in served:
                    session.notebook.tell(f"{exchange.exchange} does not list {symbol}")
            observer = Observer(exchange, listed, tell=session.notebook.tell)
            session.observers.append(await stack.enter_async_context(observer))
        if scouting and len(session.observers) > 1:
            session.scout = Scout(session.observers)
        if scouting:
            session.basis_watch = await stack.enter_async_context(BasisWatch(session.observers))
        try:
            yield
        finally:
            session.conclude()
