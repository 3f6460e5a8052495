"""What an exchange supplies to the websocket client: how to ask, how to stay alive, what a frame means. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, TypeAlias

__all__ = [
    "Acknowledged",
    "Advice",
    "Control",
    "ControlItem",
    "Dialect",
    "Outbound",
    "Pong",
    "Refused",
    "Subscription",
]


class Subscription(NamedTuple):
    """One stream, usually of one symbol, in the exchange's own words; hashable.

    For instance ``("spot.order_book_update", ("BTC_USDT", "100ms"))`` or
    ``("spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT", ())``.
    """

    channel: str
    params: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((self.channel, *self.params))


class Outbound(NamedTuple):
    """A text frame to send, the subscriptions that it asks for, and the id by which its answer can be told.

    ``request_id`` is None where the exchange does not echo one.
    """

    data: str
    subscriptions: tuple[Subscription, ...]
    request_id: int | None = None


class Acknowledged(NamedTuple):
    """The exchange accepted a request.

    The request is found by ``request_id``, else by the ``subscriptions`` named, else it is the oldest one pending of
    ``channel`` (of any channel, when that is None too). Where both id and subscriptions are given, only those of the
    request's subscriptions are accepted; the rest still waits for its answer.
    """

    request_id: int | None = None
    channel: str | None = None
    subscriptions: tuple[Subscription, ...] | None = None


class Refused(NamedTuple):
    """The exchange refused a request, or those ``subscriptions`` of it that it named; found as for Acknowledged.

    Name subscriptions only where the exchange says which ones it refuses. A refusal that names none concerns the whole
    request; when that asked for several, each is asked for again by itself before it counts as refused.
    """

    request_id: int | None = None
    channel: str | None = None
    subscriptions: tuple[Subscription, ...] | None = None
    code: str | None = None
    message: str = ""


class Pong(NamedTuple):
    """The answer to our heartbeat."""


class Advice(NamedTuple):
    """The server is going away and asks us to reconnect soon."""

    message: str = ""


ControlItem: TypeAlias = Acknowledged | Refused | Pong | Advice
Control: TypeAlias = ControlItem | tuple[ControlItem, ...]
"""One frame can carry several verdicts: MEXC accepts some of a request and refuses others in one answer."""


class Dialect(Protocol):
    """The one door of an exchange's endpoint. It knows no socket and holds no connection state.

    - ``exchange``: the name that errors and logs carry;
    - ``url``: read at every connect, so it may change (a listenKey);
    - ``max_subscriptions``: the most streams one connection carries, None for no cap;
    - ``ping_interval``: seconds between our heartbeats, which are always sent;
    - ``silence_timeout``: seconds without any inbound frame after which a connection counts as dead; more than
      ``ping_interval`` and at most twice as much.
    """

    @property
    def exchange(self) -> str: ...

    @property
    def url(self) -> str: ...

    @property
    def max_subscriptions(self) -> int | None: ...

    @property
    def ping_interval(self) -> float: ...

    @property
    def silence_timeout(self) -> float: ...

    def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        """The requests for ``subscriptions``, each of which appears in exactly one of them.

        Called when the frames are about to be sent, so they may carry the time and a signature.
        """
        ...

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        """The requests that end ``subscriptions``. Their answers need not be reported by :meth:`on_frame`."""
        ...

    def ping(self) -> str:
        """The heartbeat in the exchange's own form, as a text frame."""
        ...

    def on_frame(self, data: bytes | str, received_ns: int) -> Control | None:
        """Handle one whole frame; ``received_ns`` is wall time. The data path comes first and calls its handlers.

        Returns None when it was data (handled) or of no interest, otherwise what the frame means for the connection.
        Raises ExchangeDataException for a frame that does not decode: it is counted and told, the connection stays.
        """
        ...
