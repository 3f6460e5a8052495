"""Figures of what an exchange runs at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from cex.common.enums import BookState
from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces.events import Channel
from cex.networking.websocket.health import ConnectionHealth, ConnectionState

__all__ = ["BookHealth", "ConnectionHealth", "ConnectionState", "ExchangeHealth", "StreamHealth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookHealth:
    """One book: seconds since its last update and between exchange and receipt of it (None where there is none yet).

    A book that its own stream seeds counts as ``snapshot_requests`` how often it was subscribed anew.
    """

    symbol: Symbol
    state: BookState
    reason: str
    since_ns: int
    sequence: int
    age_s: float | None
    lag_s: float | None
    deltas: int
    applied: int
    stale: int
    gaps: int
    resyncs: int
    snapshot_requests: int
    snapshot_failures: int
    handler_errors: int
    slow_handlers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHealth:
    """All readers of one stream, past ones included; ``detail`` as in :class:`Stream`.

    Of the items ``offered`` to them, so many were ``delivered``, ``conflated`` into a newer one, or ``dropped`` by
    overflow; the rest still waits.
    """

    channel: Channel
    symbol: Symbol
    readers: int
    offered: int
    delivered: int
    conflated: int
    dropped: int
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeHealth:
    """Figures of everything that an exchange runs at this moment; ``handler_errors``: event handlers that raised."""

    exchange: str
    connections: tuple[ConnectionHealth, ...]
    books: tuple[BookHealth, ...]
    streams: tuple[StreamHealth, ...]
    handler_errors: int
