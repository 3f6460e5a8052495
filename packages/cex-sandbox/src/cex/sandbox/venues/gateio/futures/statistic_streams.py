"""The public channels of perpetuals beside their market: liquidations of everybody, and the figures of a contract.

https://www.gate.com/docs/developers/futures/ws/en/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from cex.sandbox.accounts.futures.desk import FuturesDesk
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.feeds import Source, Stream, StreamMaker
from cex.sandbox.venues.gateio.futures.contracts import FUTURES_INTERVALS, perpetual_of
from cex.sandbox.venues.gateio.futures.statistics import contract_stats
from cex.sandbox.venues.gateio.futures.words import bare, sized
from cex.sandbox.venues.gateio.streams import InvalidArgument, fields, update
from cex.sandbox.venues.gateio.tickers import gateio_name

__all__ = ["STATISTIC_CHANNELS", "statistic_stream_makers"]

LIQUIDATES = "futures.public_liquidates"
STATS = "futures.contract_stats"
STATISTIC_CHANNELS = (LIQUIDATES, STATS)
_LIQUIDATES_MS = 1_000
_STATS_MS = 10_000


def statistic_stream_makers(
    channel: str,
    payload: Sequence[str],
    books: Mapping[str, MarketBook],
    tick_ms: float,
    *,
    desk: FuturesDesk | None,
    decimal: bool,
) -> dict[str, StreamMaker]:
    """How to make the streams that a subscription to one of ``STATISTIC_CHANNELS`` asks for. All or none.

    Raises:
        InvalidArgument: a contract or an interval does not exist.
    """
    suffix = ":decimal" if decimal else ""
    if channel == LIQUIDATES:
        source: Callable[[MarketBook], Source] = partial(_PublicLiquidates, desk=desk, decimal=decimal)
        every = round(_LIQUIDATES_MS / tick_ms)
        names = [*books] if "!all" in payload else fields(payload, 1, "contracts")
        return {f"{channel}:{name}{suffix}": _maker(source, books, name, every) for name in names}
    name, *rest = fields(payload, 1, "a contract and an interval")
    interval = rest[0] if rest else "1m"
    if interval not in FUTURES_INTERVALS:
        raise InvalidArgument(f"provided interval not supported: {interval}")
    source = partial(_ContractStats, interval=interval, decimal=decimal)
    return {f"{channel}:{interval}_{name}{suffix}": _maker(source, books, name, round(_STATS_MS / tick_ms))}


def _maker(
    source: Callable[[MarketBook], Source], books: Mapping[str, MarketBook], name: str, every: int
) -> StreamMaker:
    book = books.get(name)
    if book is None:
        raise InvalidArgument(f"unknown contract {name}")
    return lambda: Stream(book.listing.symbol, source(book), every=every)


class _PublicLiquidates:
    """Forced sales of the last second."""

    def __init__(self, book: MarketBook, *, desk: FuturesDesk | None, decimal: bool) -> None:
        self._book = book
        self._desk = desk
        self._decimal = decimal
        self._told = None if desk is None or not desk.liquidations else desk.liquidations[-1]

    def observe(self) -> None:
        """Liquidations are read when the second ends."""

    def render(self, now_ms: int) -> Sequence[str]:
        if self._desk is None or not self._desk.liquidations or self._desk.liquidations[-1] is self._told:
            return ()
        rows: list[dict[str, Any]] = []
        for row in reversed(self._desk.liquidations):
            if row is self._told:
                break
            if row.contract.book is self._book:
                told = {
                    "price": bare(row.fill_price),
                    "size": sized(-row.size - row.left, self._decimal),
                    "time_ms": row.time_ns // 1_000_000,
                    "contract": gateio_name(self._book),
                }
                rows.insert(0, told)
        self._told = self._desk.liquidations[-1]
        return (update(LIQUIDATES, now_ms, rows),) if rows else ()


class _ContractStats:
    """The row of the present interval, every ten seconds."""

    def __init__(self, book: MarketBook, *, interval: str, decimal: bool) -> None:
        self._book = book
        self._interval = FUTURES_INTERVALS[interval]
        self._decimal = decimal

    def observe(self) -> None:
        """The book is read when the interval ends."""

    def render(self, now_ms: int) -> Sequence[str]:
        mark = perpetual_of(self._book).mark_candles.current(self._interval, now_ms // 1000)
        row = contract_stats(self._book, mark.start, mark.close, self._decimal)
        return (update(STATS, now_ms, [row | {"contract": gateio_name(self._book)}]),)
