"""The seam between the replay, which knows no protocol, and the modules that know one each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, MutableSet
from enum import StrEnum
from typing import NamedTuple, Protocol

from cex.common.enums import MarketType

__all__ = ["Offer", "Stream", "StreamKind", "Traded", "Venue"]


class StreamKind(StrEnum):
    """What a stream tells."""

    BOOK = "book"
    TRADES = "trades"
    OTHER = "other"


class Traded(NamedTuple):
    """What is traded: the market and the exchange's own name there, since a spot pair and a contract may share one."""

    market: MarketType
    name: str


class Stream(NamedTuple):
    """One stream of one symbol; ``name`` is the exchange's own."""

    kind: StreamKind
    traded: Traded
    name: str


class Offer(NamedTuple):
    """What a recording holds of one exchange: its streams, each with the variants (``100ms``) that were subscribed."""

    streams: Mapping[Stream, frozenset[str]]

    def objection(self, stream: Stream, variant: str) -> str | None:
        """Why a subscription cannot be served; None when it can, perhaps by a stream in which nothing happened."""
        variants = self.streams.get(stream)
        if variants is not None:
            if variants and variant not in variants:
                return f"{stream.name} was recorded as {' or '.join(sorted(variants))}, not as {variant or 'plain'}"
            return None
        others = sorted(other.name for other in self.streams if other[:2] == stream[:2])
        if others and stream.kind is not StreamKind.OTHER:
            return f"the recording holds {' and '.join(others)}, not {stream.name}"
        if all(other.traded != stream.traded for other in self.streams):
            return f"the recording holds nothing of {stream.traded.name} on the {stream.traded.market} market"
        return None


class Venue(Protocol):
    """One exchange's protocol, as far as a replay takes part in it."""

    @property
    def name(self) -> str: ...

    @property
    def domains(self) -> tuple[str, ...]:
        """The exchange's own host names; hosts below them count too."""
        ...

    @property
    def paths(self) -> tuple[str, ...]:
        """How the exchange's paths begin, for recordings of a local host."""
        ...

    def endpoints(self, address: str, sockets: Collection[str]) -> dict[str, str]:
        """URLs of a server at ``address`` (``host:port``) by endpoint name, as the exchange's client is configured.

        ``sockets`` are the paths of the recorded sockets: a market of which there was none has no endpoint.
        """
        ...

    def is_book(self, path: str) -> bool:
        """Whether a REST path answers with a book, which fits the streams only at its place between the frames."""
        ...

    def settings(self, offer: Offer, book_queries: Iterable[Mapping[str, str]]) -> dict[str, object]:
        """How the exchange's client must be set to ask for what was recorded, where the recording is of one mind.

        ``book_queries`` are the parameters of the recorded requests for books.
        """
        ...

    def streams(self, data: str | bytes) -> frozenset[Stream] | None:
        """The streams of a recorded frame: empty when it cannot be told, None when it concerns the connection alone."""
        ...

    def asked(self, data: str) -> tuple[tuple[Stream, str], ...]:
        """The streams that a recorded request of a client subscribes, each with its variant."""
        ...

    def reply(self, data: str, subscribed: MutableSet[Stream], offer: Offer, now_ns: int) -> tuple[str, ...]:
        """Take a client's frame: change what it has subscribed and return the exchange's answers."""
        ...
