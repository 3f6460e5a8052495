"""What an exchange tells about its streams while they run, and the names of those streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, NamedTuple

from cex.common.enums import BookState
from cex.common.exceptions import ExchangeDataException
from cex.common.types.symbols import Symbol

__all__ = [
    "Channel",
    "Connected",
    "EventHandler",
    "ExchangeEvent",
    "Gap",
    "Interrupted",
    "Overflow",
    "Recovered",
    "Refused",
    "Resynced",
    "Stream",
    "Undecodable",
]


class Channel(StrEnum):
    """The kinds of public streams, under our names."""

    BOOK = "book"
    TRADES = "trades"
    BOOK_TICKER = "book_ticker"
    TICKER = "ticker"
    KLINES = "klines"
    LIMITED_BOOK = "limited_book"


class Stream(NamedTuple):
    """One public stream.

    ``detail`` is what its channel needs beside the symbol: the interval of KLINES (``"1m"``, the text of a
    ``KlineInterval``), the number of levels of LIMITED_BOOK (``"20"``), "" for all others.
    """

    channel: Channel
    symbol: Symbol
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeEvent:
    """Something that happened to a stream; ``at_ns`` is wall-clock nanoseconds. ``kind`` is its name for logs."""

    kind: ClassVar[str] = "event"
    exchange: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected(ExchangeEvent):
    """A connection was opened, for the first time or again."""

    kind: ClassVar[str] = "connected"
    connection: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted(ExchangeEvent):
    """A connection was lost: what it carried stands still, and its books are STALE, until :class:`Recovered`."""

    kind: ClassVar[str] = "interrupted"
    connection: int
    streams: tuple[Stream, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered(ExchangeEvent):
    """The streams of a lost connection are subscribed again; what was sent in between is missing."""

    kind: ClassVar[str] = "recovered"
    connection: int
    streams: tuple[Stream, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap(ExchangeEvent):
    """One book cannot be vouched for any more, by a missing or contradicting update; it is being built anew."""

    kind: ClassVar[str] = "gap"
    symbol: Symbol
    state: BookState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resynced(ExchangeEvent):
    """A book that had been lost is LIVE again, at ``sequence``, ``seconds`` after it was lost."""

    kind: ClassVar[str] = "resynced"
    symbol: Symbol
    sequence: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(ExchangeEvent):
    """The exchange refused a stream, or did not answer in time (``code`` is None then).

    Who asks for the first time gets an exception too. A stream that ran before is asked for again after a pause; it
    carries nothing until :class:`Recovered`.
    """

    kind: ClassVar[str] = "refused"
    channel: Channel
    symbol: Symbol
    code: str | None
    message: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overflow(ExchangeEvent):
    """A reader was too slow and items of its stream were given up.

    Told when it begins (``resumed`` False) and when the reader goes on behind the hole (``resumed`` True); ``dropped``
    is the number given up so far in this hole.
    """

    kind: ClassVar[str] = "overflow"
    channel: Channel
    symbol: Symbol
    dropped: int
    resumed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecodable(ExchangeEvent):
    """A frame did not decode; it was dropped and the connection kept."""

    kind: ClassVar[str] = "undecodable"
    connection: int
    error: ExchangeDataException


EventHandler = Callable[[ExchangeEvent], None]
"""Called synchronously with each event; one that raises harms no other."""
