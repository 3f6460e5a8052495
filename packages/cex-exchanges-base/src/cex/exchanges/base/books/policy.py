"""How hard books try to become LIVE, and how long they wait between tries."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["Backoff", "ResyncPolicy"]


@dataclass(frozen=True, slots=True)
class ResyncPolicy:
    """How hard books try to become LIVE; all times in seconds.

    ``concurrency``: snapshot requests in flight for all books together (one a book at most). ``first_delta_wait``: how
    long a fresh subscription waits for its first update before it asks for the snapshot, so that the snapshot is not
    older than the stream; a quiet pair costs this once. ``too_old_first``: first wait after a snapshot that was older
    than the stream. ``failure_first``: first wait after a failed request. Both double up to ``most`` and are jittered.
    ``full_wait``: how long a fresh subscription waits for the whole book that its stream begins with, where the stream
    seeds the book; then it is subscribed anew.
    ``spacing``: a book that is lost again so soon after becoming LIVE waits for the rest of that time, so that a stream
    that gaps with every update does not become a storm of requests. ``slow_handler_s``: a handler that takes longer is
    counted and named.
    """

    concurrency: int = 8
    first_delta_wait: float = 0.25
    full_wait: float = 10.0
    too_old_first: float = 0.1
    failure_first: float = 0.5
    most: float = 30.0
    spacing: float = 0.5
    slow_handler_s: float = 0.005


class Backoff:
    """Doubling waits with jitter: ``first``, 2 x ``first``, ... up to ``most`` seconds, each times 0.75 to 1.25."""

    __slots__ = ("_first", "_most", "_next", "_rng")

    def __init__(self, first: float, most: float, rng: random.Random) -> None:
        self._first = self._next = first
        self._most = most
        self._rng = rng

    def next(self) -> float:
        wait, self._next = self._next, min(self._next * 2, self._most)
        return wait * self._rng.uniform(0.75, 1.25)

    def reset(self) -> None:
        self._next = self._first
