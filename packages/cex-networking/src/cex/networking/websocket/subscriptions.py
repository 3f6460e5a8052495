"""Which streams a connection carries and how far each has got; pure bookkeeping, without sockets or timers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import islice
from typing import NamedTuple, Protocol

from cex.networking.websocket.dialect import Acknowledged, Dialect, Outbound, Refused, Subscription

__all__ = ["Ledger", "Rejection", "Watcher"]

_LONGEST_REST_S = 60.0


class Watcher(Protocol):
    """Waits for the first answer to some subscriptions."""

    def asked(self, subscription: Subscription) -> None: ...

    def settled(self, subscription: Subscription, rejection: Rejection | None) -> None: ...


class Rejection(NamedTuple):
    """Why a subscription is not running; ``code`` is None where the exchange named none or did not answer."""

    subscription: Subscription
    code: str | None
    message: str


class _Stage(Enum):
    QUEUED = "to be asked for"
    PREPARED = "in a request that is not sent yet"
    ASKED = "in a request that is not answered yet"
    ACTIVE = "acknowledged"
    RESTING = "refused or unanswered after it had worked; to be asked for again"


class _Request:
    __slots__ = ("deadline", "outstanding", "request_id")

    def __init__(self, request_id: int | None, subscriptions: Iterable[Subscription], deadline: float) -> None:
        self.request_id = request_id
        self.outstanding = dict.fromkeys(subscriptions)
        self.deadline = deadline


class _Entry:
    __slots__ = (
        "alone",
        "confirmed",
        "failures",
        "interrupted",
        "request",
        "sharers",
        "stage",
        "watchers",
    )

    def __init__(self) -> None:
        self.stage = _Stage.QUEUED
        self.request: _Request | None = None
        self.watchers: list[Watcher] = []
        self.sharers = 0
        self.alone = False
        self.confirmed = False
        self.interrupted = False
        self.failures = 0


class Ledger:
    """The subscriptions of one line. ``timeout`` is how long an answer may take, in seconds; ``now`` is loop time.

    ``cumulative``: on this exchange an unsubscribed stream keeps its slot until the connection ends.
    """

    def __init__(self, dialect: Dialect, request_ids: Iterator[int], *, timeout: float, cumulative: bool) -> None:
        self._dialect = dialect
        self._request_ids = request_ids
        self._timeout = timeout
        self._cumulative = cumulative
        self._entries: dict[Subscription, _Entry] = {}
        self._queue: dict[Subscription, None] = {}
        self._leaving: dict[Subscription, None] = {}
        self._prepared: deque[tuple[Outbound, bool]] = deque()
        self._requests: dict[_Request, None] = {}  # by deadline, which is the order of sending
        self._by_id: dict[int, _Request] = {}
        self._resting: dict[Subscription, float] = {}
        self._carried: set[Subscription] = set()

    # What is wanted

    def __contains__(self, subscription: Subscription) -> bool:
        return subscription in self._entries

    @property
    def wanted(self) -> int:
        return len(self._entries)

    @property
    def active(self) -> int:
        return sum(entry.stage is _Stage.ACTIVE for entry in self._entries.values())

    def free(self, cap: int | None) -> bool:
        """Whether one more stream fits under ``cap``."""
        if cap is None:
            return True
        return len(self._carried.union(self._entries) if self._cumulative else self._entries) < cap

    def is_active(self, subscription: Subscription) -> bool:
        entry = self._entries.get(subscription)
        return entry is not None and entry.stage is _Stage.ACTIVE

    def add(self, subscription: Subscription, watcher: Watcher) -> None:
        """Want ``subscription``, or join those who do; ``watcher`` hears of its first answer from now on."""
        entry = self._entries.get(subscription)
        if entry is None:
            entry = self._entries[subscription] = _Entry()
            self._queue[subscription] = None
        entry.sharers += 1
        if entry.stage is _Stage.ACTIVE:
            watcher.settled(subscription, None)
        else:
            entry.watchers.append(watcher)

    def leave(self, subscription: Subscription, watcher: Watcher) -> bool:
        """``watcher`` gives up on ``subscription``; true where it was the only one that ever asked for it."""
        entry = self._entries.get(subscription)
        if entry is None:
            return False
        if watcher in entry.watchers:
            entry.watchers.remove(watcher)
        entry.sharers -= 1
        return entry.sharers == 0

    def remove(self, subscription: Subscription) -> None:
        """No longer want ``subscription``; where the exchange may know of it, it is told."""
        entry = self._entries.pop(subscription, None)
        if entry is None:
            return
        self._queue.pop(subscription, None)
        self._resting.pop(subscription, None)
        if entry.stage is _Stage.PREPARED:
            self._unprepare()
        if subscription in self._carried:
            self._leaving[subscription] = None
        withdrawn = Rejection(subscription, None, "unsubscribed before it was acknowledged")
        for watcher in entry.watchers:
            watcher.settled(subscription, withdrawn)

    def lost(self) -> tuple[Subscription, ...]:
        """The connection is gone: ask for everything again on the next one. Returns what it carried."""
        interrupted = []
        for subscription, entry in self._entries.items():
            if entry.stage is _Stage.ACTIVE:
                entry.interrupted = True
                interrupted.append(subscription)
            entry.stage = _Stage.QUEUED
            entry.request = None
        self._queue = dict.fromkeys(self._entries)
        self._leaving.clear()
        self._prepared.clear()
        self._requests.clear()
        self._by_id.clear()
        self._resting.clear()
        self._carried.clear()
        return tuple(interrupted)

    # What is to be sent

    @property
    def has_work(self) -> bool:
        return bool(self._prepared or self._leaving or self._queue)

    def next_request(self, now: float) -> str | None:
        """The next frame to send, None when there is nothing to ask or to end."""
        if not self._prepared:
            self._prepare()
        if not self._prepared:
            return None
        outbound, asking = self._prepared.popleft()
        if asking and outbound.subscriptions:
            request = _Request(outbound.request_id, outbound.subscriptions, now + self._timeout)
            self._requests[request] = None
            if request.request_id is not None:
                self._by_id[request.request_id] = request
            self._carried.update(outbound.subscriptions)
            for subscription in outbound.subscriptions:
                entry = self._entries[subscription]
                entry.stage = _Stage.ASKED
                entry.request = request
                for watcher in entry.watchers:
                    watcher.asked(subscription)
        elif not self._cumulative:
            self._carried.difference_update(outbound.subscriptions)
        return outbound.data

    def _prepare(self) -> None:
        if self._leaving:
            leaving, self._leaving = tuple(self._leaving), {}
            self._prepared.extend((out, False) for out in self._dialect.unsubscribe(leaving, self._request_ids))
            return
        queue, self._queue = tuple(self._queue), {}
        together = tuple(subscription for subscription in queue if not self._entries[subscription].alone)
        alone = [(subscription,) for subscription in queue if self._entries[subscription].alone]
        for group in ([together] if together else []) + alone:
            for outbound in self._dialect.subscribe(group, self._request_ids):
                self._prepared.append((outbound, True))
                for subscription in outbound.subscriptions:
                    self._entries[subscription].stage = _Stage.PREPARED

    def _unprepare(self) -> None:
        prepared, self._prepared = self._prepared, deque()
        for outbound, asking in prepared:
            for subscription in outbound.subscriptions:
                if not asking:
                    self._leaving[subscription] = None
                elif subscription in self._entries:
                    self._entries[subscription].stage = _Stage.QUEUED
                    self._queue[subscription] = None

    # What came back

    def acknowledged(self, answer: Acknowledged) -> tuple[Subscription, ...]:
        """The exchange accepted; returns those that had been interrupted and run again now."""
        recovered = []
        for subscription, entry in self._answered(answer):
            entry.stage = _Stage.ACTIVE
            entry.confirmed = True
            entry.failures = 0
            if entry.interrupted:
                entry.interrupted = False
                recovered.append(subscription)
            watchers, entry.watchers = entry.watchers, []
            for watcher in watchers:
                watcher.settled(subscription, None)
        return tuple(recovered)

    def refused(self, answer: Refused, now: float) -> tuple[Rejection, ...]:
        """The exchange refused; returns what is refused for good or for now.

        A refusal of several that names none of them is not final: each is asked for again by itself.
        """
        hit = self._answered(answer)
        if answer.subscriptions is None and len(hit) > 1:
            for subscription, entry in hit:
                entry.alone = True
                entry.stage = _Stage.QUEUED
                self._queue[subscription] = None
            return ()
        self._carried.difference_update(subscription for subscription, _ in hit)
        return tuple(
            self._reject(entry, Rejection(subscription, answer.code, answer.message), now)
            for subscription, entry in hit
        )

    def overdue(self, now: float) -> tuple[Rejection, ...]:
        """Let time act: rested ones are queued again; returns those that worked once and were not answered in time."""
        silent = []
        while (request := next(iter(self._requests), None)) is not None and request.deadline <= now:
            current = [
                (subscription, entry)
                for subscription in request.outstanding
                if (entry := self._entries.get(subscription)) is not None and entry.request is request
            ]
            del self._requests[request]
            if any(not entry.confirmed for _, entry in current):  # who asked for them first decides how long to wait
                request.deadline = now + self._timeout
                self._requests[request] = None
            elif request.request_id is not None:
                del self._by_id[request.request_id]
            for subscription, entry in current:
                if entry.confirmed:
                    del request.outstanding[subscription]
                    message = f"not acknowledged within {self._timeout:g} s"
                    silent.append(self._reject(entry, Rejection(subscription, None, message), now))
        for subscription in [subscription for subscription, until in self._resting.items() if until <= now]:
            del self._resting[subscription]
            self._entries[subscription].stage = _Stage.QUEUED
            self._queue[subscription] = None
        return tuple(silent)

    def next_due(self) -> float | None:
        """Loop time at which :meth:`overdue` has something to do."""
        first = next(iter(self._requests), None)
        times = [*self._resting.values()] if first is None else [first.deadline, *self._resting.values()]
        return min(times, default=None)

    def _reject(self, entry: _Entry, rejection: Rejection, now: float) -> Rejection:
        entry.request = None
        watchers, entry.watchers = entry.watchers, []
        if entry.confirmed:
            entry.stage = _Stage.RESTING
            rest = min(_LONGEST_REST_S, self._timeout * 2.0 ** min(entry.failures, 8))
            self._resting[rejection.subscription] = now + rest
            entry.failures += 1
        else:
            del self._entries[rejection.subscription]
        for watcher in watchers:
            watcher.settled(rejection.subscription, rejection)
        return rejection

    def _answered(self, answer: Acknowledged | Refused) -> list[tuple[Subscription, _Entry]]:
        """Take what ``answer`` answers off its request; returns what of it is still waiting for that answer."""
        hit = []
        for request, subscription in self._concerned(answer):
            del request.outstanding[subscription]
            if not request.outstanding:
                del self._requests[request]
                if request.request_id is not None:
                    del self._by_id[request.request_id]
            entry = self._entries.get(subscription)
            if entry is not None and entry.request is request:
                entry.request = None
                hit.append((subscription, entry))
        return hit

    def _concerned(self, answer: Acknowledged | Refused) -> list[tuple[_Request, Subscription]]:
        requests: Iterable[_Request] = self._requests
        if answer.request_id is not None:
            request = self._by_id.get(answer.request_id)
            requests = () if request is None else (request,)
        elif answer.subscriptions is None:
            oldest = (
                request
                for request in self._requests
                if answer.channel is None or any(s.channel == answer.channel for s in request.outstanding)
            )
            requests = tuple(islice(oldest, 1))
        if answer.subscriptions is None:
            return [(request, subscription) for request in requests for subscription in request.outstanding]
        named: list[tuple[_Request, Subscription]] = []
        for subscription in answer.subscriptions:
            asked = ((request, subscription) for request in requests if subscription in request.outstanding)
            named.extend(islice(asked, 1))
        return named
