"""What a websocket client tells its owner, so that a bot can stop quoting on a loss and start again on recovery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from cex.common.exceptions import ExchangeDataException
from cex.networking.websocket.dialect import Subscription

__all__ = [
    "Connected",
    "FrameFault",
    "Interrupted",
    "Recovered",
    "StreamEvent",
    "SubscriptionRefused",
    "Undecodable",
]


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection is open; ``connection`` numbers this one socket and is never used again."""

    connection: int
    url: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A connection was lost or replaced; ``subscriptions`` are those that it carried and that now carry nothing.

    Each of them is answered by exactly one Recovered, unless it is unsubscribed first. ``heard_ns`` is the monotonic
    time of the last inbound frame on it: what was sent after that may be lost.
    """

    connection: int
    subscriptions: tuple[Subscription, ...]
    reason: str
    heard_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Recovered:
    """These subscriptions, interrupted before, are acknowledged again. What was missed in between was not received."""

    connection: int
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class SubscriptionRefused:
    """The exchange refused a stream, or did not answer in time (``code`` is None then).

    At the first subscribe the caller gets an exception too and the stream is given up. A stream that worked before an
    interruption stays wanted and is asked for again after a growing pause.
    """

    connection: int
    subscription: Subscription
    code: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A frame did not decode; it was counted and dropped, the connection stays."""

    connection: int
    error: ExchangeDataException


@dataclass(frozen=True, slots=True)
class FrameFault:
    """Handling a frame failed as it never should (a bug); logged with its traceback, the connection stays."""

    connection: int
    error: Exception


StreamEvent: TypeAlias = Connected | Interrupted | Recovered | SubscriptionRefused | Undecodable | FrameFault
