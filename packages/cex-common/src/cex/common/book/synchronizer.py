"""Snapshot plus numbered changes become a proven book; one implementation for every exchange, without I/O.

An exchange supplies ids, not an algorithm: ``U``/``u`` of Gate.io and ``fromVersion``/``toVersion`` of MEXC number the
same thing. The rules: https://www.gate.com/docs/developers/apiv4/ws/en/#local-order-book-maintenance and
https://www.mexc.com/api-docs/spot-v3/websocket-market-streams (how to maintain a local order book).
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto

from msgspec import Struct

from cex.common.book.order_book import OrderBook
from cex.common.book.side import BookSide, is_uncrossed, top_of
from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.trading_constants import BOOK_BUFFER_DELTAS
from cex.common.enums import BookState
from cex.common.types.market import BookDelta, BookSnapshot, Changes
from cex.common.types.symbols import Symbol

__all__ = ["Outcome", "SyncStats", "Synchronizer"]


class Outcome(Enum):
    """What became of a delta or snapshot."""

    APPLIED = auto()
    """The book advanced."""
    IGNORED = auto()
    """Nothing new in it: older than the book, or a snapshot for a book that is LIVE already."""
    BUFFERED = auto()
    """Kept until a snapshot comes."""
    SEEDED = auto()
    """The book became LIVE."""
    NEED_SNAPSHOT = auto()
    """The book is not LIVE and only a newer snapshot helps."""
    GAP = auto()
    """The book was LIVE and is not any more: fetch a snapshot."""


_APPLIED = Outcome.APPLIED
"""What nearly every update answers; a global is read much faster than a member of an enum."""


class SyncStats(Struct):
    """Counters since the synchronizer was made. Every delta ends as applied, stale, or given up with its book."""

    deltas: int = 0
    applied: int = 0
    stale: int = 0
    gaps: int = 0
    crossed: int = 0
    exhausted: int = 0
    snapshots: int = 0
    seeded: int = 0


class Synchronizer:
    """Keeps one book true to one stream.

    ``window`` is the number of levels a side that are kept (None: all). ``windowed_stream`` says that the exchange's
    stream itself keeps such a window, so that a level entering it is pushed; otherwise the stream tells changes only,
    and what lies beyond a truncated snapshot or a trimmed window is unknown until a new snapshot.
    """

    __slots__ = ("_asks", "_bids", "_buffer", "_cause", "_clock", "_last", "book", "stats", "window", "windowed_stream")

    def __init__(
        self,
        symbol: Symbol,
        *,
        window: int | None,
        windowed_stream: bool,
        exchange: str = "",
        clock: Clock = SYSTEM_CLOCK,
        buffer: int = BOOK_BUFFER_DELTAS,
    ) -> None:
        if window is not None and window < 1:
            raise ValueError(f"window must be at least one level, not {window}")
        if windowed_stream and window is None:
            raise ValueError("a windowed stream has a window: give its number of levels")
        self.window = window
        self.windowed_stream = windowed_stream
        self.stats = SyncStats()
        self._clock = clock
        self._bids = BookSide(descending=True, window=window, windowed_stream=windowed_stream)
        self._asks = BookSide(descending=False, window=window, windowed_stream=windowed_stream)
        self._buffer: deque[BookDelta] = deque(maxlen=buffer)
        self._last: int | None = None
        self.book = OrderBook(symbol, exchange=exchange, bids=self._bids, asks=self._asks)
        self._cause = self.book.reason
        self.book.since_ns = clock.time_ns()

    @property
    def needs_snapshot(self) -> bool:
        """True while no snapshot fits the stream."""
        return self._last is None

    def reset(self, reason: str, state: BookState = BookState.SYNCING) -> None:
        """Start over, for instance because the connection was lost; everything buffered is given up."""
        if state is BookState.LIVE:
            raise ValueError("a book becomes LIVE by a snapshot only")
        self._buffer.clear()
        self._unseed(state, reason)

    def on_delta(self, delta: BookDelta) -> Outcome:
        """Take one push of the stream, in the order of arrival."""
        self.stats.deltas += 1
        last = self._last
        if last is not None and delta.first_id <= last + 1 and last < delta.last_id and not delta.full:
            return _APPLIED if self._apply(delta) else Outcome.GAP
        return self._on_unusual(delta, last)

    def on_snapshot(self, snapshot: BookSnapshot) -> Outcome:
        """Take a snapshot; it may come at any time and in any number.

        Raises:
            ValueError: the snapshot was limited to fewer levels than the window that the stream keeps, so that the
                levels between would stay unknown.
        """
        if self.windowed_stream and self.window is not None and 0 < snapshot.limit < self.window:
            raise ValueError(f"ask for {self.window} levels as the stream keeps them, not for {snapshot.limit}")
        if self._last is not None:
            return Outcome.IGNORED
        self.stats.snapshots += 1
        return self._seed(
            snapshot.bids, snapshot.asks, snapshot.last_id, snapshot.exchange_ts, snapshot.received_ts, snapshot.limit
        )

    def _on_unusual(self, delta: BookDelta, last: int | None) -> Outcome:
        if delta.full:
            return self._on_full(delta)
        if last is None:
            self._buffer.append(delta)
            return Outcome.BUFFERED
        if delta.last_id <= last:
            self.stats.stale += 1
            return Outcome.IGNORED
        self._lose(BookState.GAPPED, _missing(last + 1, delta.first_id - 1))
        self.stats.gaps += 1
        self._buffer.append(delta)
        return Outcome.GAP

    def _on_full(self, delta: BookDelta) -> Outcome:
        was_live = self._last is not None
        if self._last is not None and delta.last_id <= self._last:
            self.stats.stale += 1
            return Outcome.IGNORED
        outcome = self._seed(
            delta.bids, delta.asks, delta.last_id, delta.exchange_ts, delta.received_ts, lots=delta.lots
        )
        if outcome is Outcome.SEEDED:
            self.stats.applied += 1
            return Outcome.APPLIED if was_live else Outcome.SEEDED
        return Outcome.GAP if was_live else outcome

    def _seed(
        self,
        bids: Changes,
        asks: Changes,
        last_id: int,
        exchange_ts: int,
        received_ts: int,
        limit: int = 0,
        lots: float = 1.0,
    ) -> Outcome:
        pending = sorted((delta for delta in self._buffer if delta.last_id > last_id), key=lambda delta: delta.first_id)
        if pending and pending[0].first_id > last_id + 1:
            first = pending[0].first_id
            self.book.reason = (
                f"{self._cause}; the snapshot at {last_id} is older than the first buffered update {first}"
            )
            return Outcome.NEED_SNAPSHOT
        stale = len(self._buffer) - len(pending)
        self._bids.load(bids, limit=limit, lots=lots)
        self._asks.load(asks, limit=limit, lots=lots)
        book = self.book
        self._last = book.sequence = last_id
        book.exchange_ts, book.received_ts = exchange_ts, received_ts
        if not self._vouch():
            self._buffer.extend(pending)
            return Outcome.NEED_SNAPSHOT
        self._buffer.clear()
        self.stats.stale += stale
        for index, delta in enumerate(pending):
            if delta.last_id <= self._last:
                self.stats.stale += 1
            elif delta.first_id > self._last + 1:
                self._lose(BookState.GAPPED, _missing(self._last + 1, delta.first_id - 1))
                self.stats.gaps += 1
                self._buffer.extend(pending[index:])
                return Outcome.NEED_SNAPSHOT
            elif not self._apply(delta):
                self._buffer.extend(pending[index + 1 :])
                return Outcome.NEED_SNAPSHOT
        self.stats.seeded += 1
        if book.state is not BookState.LIVE:
            self._enter(BookState.LIVE, f"in sequence since the snapshot at {last_id}")
        return Outcome.SEEDED

    def _apply(self, delta: BookDelta) -> bool:
        book, bids, asks = self.book, self._bids, self._asks
        if (lots := delta.lots) != bids.lots:
            bids.recount(lots)
            asks.recount(lots)
        if levels := delta.bids:
            bids.update(levels)
        if levels := delta.asks:
            asks.update(levels)
        self._last = book.sequence = delta.last_id
        book.exchange_ts = delta.exchange_ts
        book.received_ts = delta.received_ts
        self.stats.applied += 1
        return is_uncrossed(bids, asks) or self._vouch()

    def _vouch(self) -> bool:
        """Whether the sides as they are can be shown; otherwise give the book up."""
        top = top_of(self._bids, self._asks)
        if top is not None:
            bid, _, ask, _ = top
            if bid < ask:
                return True
            self.stats.crossed += 1
            self._lose(BookState.GAPPED, f"crossed at {self.book.sequence}: best bid {bid} is not below best ask {ask}")
            return False
        if self._bids.is_exhausted or self._asks.is_exhausted:
            self.stats.exhausted += 1
            self._lose(BookState.SYNCING, f"the known levels of a side were used up at {self.book.sequence}")
            return False
        return True

    def _lose(self, state: BookState, reason: str) -> None:
        self._buffer.clear()
        self._unseed(state, reason)

    def _unseed(self, state: BookState, reason: str) -> None:
        self._last = None
        self._bids.clear()
        self._asks.clear()
        self._enter(state, reason)

    def _enter(self, state: BookState, reason: str) -> None:
        self._cause = reason
        self.book.state = state
        self.book.reason = reason
        self.book.since_ns = self._clock.time_ns()


def _missing(first_id: int, last_id: int) -> str:
    return f"update {first_id} is missing" if first_id == last_id else f"updates {first_id} to {last_id} are missing"
