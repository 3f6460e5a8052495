"""A session key that an exchange asks for its private stream: made once an account, kept alive, replaced, deleted.

However many clients of an account there are in the process, they share one key, and the last one to leave deletes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote
from weakref import WeakValueDictionary

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.exceptions import ExchangeException, ExchangeRejectedException, RateLimitException, TimestampException
from cex.common.redaction import Secret, redact
from cex.exchanges.base.tasks import OwnedTasks

if TYPE_CHECKING:
    from cex.networking import WebSocketConnection, WebSocketTransport

__all__ = ["KeptAlive", "KeyDoor", "KeyLease", "KeyedTransport", "shared_key"]

logger = logging.getLogger(__name__)

_RENEW_AGAIN_S = 5.0
_RENEW_AGAIN_MOST_S = 60.0
_DELETE_WITHIN_S = 0.5


class KeyDoor(Protocol):
    """The exchange's endpoints for its session keys; each call one request, raising ``ExchangeException``."""

    async def create(self) -> Secret: ...

    async def renew(self, key: Secret) -> None:
        """Extend it. ``ExchangeRejectedException`` says that the key is no good any more."""
        ...

    async def delete(self, key: Secret) -> None: ...


class KeptAlive:
    """One key of one account. Nothing runs until somebody asks for the key, and nothing after the last has left.

    It is renewed every ``every`` seconds, and counts as expired ``validity`` seconds after it was last renewed.
    """

    def __init__(self, exchange: str, *, every: float, validity: float, clock: Clock = SYSTEM_CLOCK) -> None:
        if not 0 < every < validity:
            raise ValueError(f"a key is renewed before it expires: 0 < every < validity, not {every} and {validity}")
        self._exchange = exchange
        self._every = every
        self._validity = validity
        self._clock = clock
        self._leases: list[KeyLease] = []
        self._key: Secret | None = None
        self._renewed_ns = 0
        self._lock = asyncio.Lock()
        self._tasks = OwnedTasks()
        self._keeping: asyncio.Task[None] | None = None
        self.created = 0
        self.lost = 0

    def join(self, door: KeyDoor, on_lost: Callable[[str], None]) -> KeyLease:
        """Take part; ``on_lost(reason)`` tells that the key is no good any more, so what it opened must be renewed."""
        lease = KeyLease(self, door, on_lost)
        self._leases.append(lease)
        return lease

    async def get(self, door: KeyDoor) -> Secret:
        """The key, made if there is none."""
        async with self._lock:
            key = self._key
            if key is None:
                key = self._key = await door.create()
                self.created += 1
                self._renewed_ns = self._clock.monotonic_ns()
                if self._keeping is None or self._keeping.done():
                    self._keeping = self._tasks.spawn(self._keep(), name=f"keep the session key of {self._exchange}")
            return key

    async def verify(self, door: KeyDoor) -> None:
        """Renew the key now; where the exchange does not know it any more, it is lost, and that is told."""
        async with self._lock:
            if self._key is not None:
                await self._renew(self._key, door)

    async def leave(self, lease: KeyLease) -> None:
        if lease not in self._leases:
            return
        self._leases.remove(lease)
        if self._leases:
            return
        try:
            await self._tasks.aclose()
        finally:
            key, self._key = self._key, None
        if key is None:
            return
        try:
            async with asyncio.timeout(_DELETE_WITHIN_S):
                await lease.door.delete(key)
        except (ExchangeException, TimeoutError) as error:
            logger.info("a session key was left to expire: %s", redact(str(error)), extra={"exchange": self._exchange})

    async def _keep(self) -> None:
        failures = 0
        while True:
            again = min(_RENEW_AGAIN_MOST_S, _RENEW_AGAIN_S * 2.0 ** min(failures - 1, 10))
            await asyncio.sleep(min(again, self._every) if failures else self._every)
            async with self._lock:
                key = self._key
                if key is None or not self._leases:
                    failures = 0
                    continue
                failures = 0 if await self._renew(key, self._leases[0].door) else failures + 1

    async def _renew(self, key: Secret, door: KeyDoor) -> bool:
        try:
            await door.renew(key)
        except ExchangeException as error:
            gone = isinstance(error, ExchangeRejectedException) and not isinstance(
                error, (RateLimitException, TimestampException)
            )
            age = (self._clock.monotonic_ns() - self._renewed_ns) / NANOSECONDS
            logger.warning(
                "a session key was not renewed: %s",
                redact(str(error)),
                extra={"exchange": self._exchange, "gone": gone},
            )
            if gone or age >= self._validity:
                self._lose("it was refused" if gone else f"it was not renewed for {age:.0f} s")
            return False
        self._renewed_ns = self._clock.monotonic_ns()
        return True

    def _lose(self, reason: str) -> None:
        self._key = None
        self.lost += 1
        for lease in tuple(self._leases):
            lease.on_lost(reason)


class KeyLease:
    """One client's part in a key."""

    def __init__(self, kept: KeptAlive, door: KeyDoor, on_lost: Callable[[str], None]) -> None:
        self._kept = kept
        self.door = door
        self.on_lost = on_lost

    async def get(self) -> Secret:
        return await self._kept.get(self.door)

    async def verify(self) -> None:
        await self._kept.verify(self.door)

    async def aclose(self) -> None:
        """Leave; the last one deletes the key. May be called again."""
        await self._kept.leave(self)


class KeyedTransport:
    """Opens websockets with the key in their address, and only there: ``url?<parameter>=<key>``.

    A connection that ended makes the key doubtful, so it is renewed before it is used again. When the key is lost, the
    connections that it opened are closed, so that they are opened again with a new one.
    """

    def __init__(self, transport: WebSocketTransport, kept: KeptAlive, door: KeyDoor, *, parameter: str) -> None:
        self._transport = transport
        self._parameter = parameter
        self._lease = kept.join(door, self._on_lost)
        self._tasks = OwnedTasks()
        self._open: set[_Watched] = set()
        self._doubtful = False

    async def connect(
        self, url: str, *, headers: Mapping[str, str], timeout: float, max_size: int
    ) -> WebSocketConnection:
        from cex.networking import ConnectFailed

        try:
            if self._doubtful:
                await self._lease.verify()
                self._doubtful = False
            key = await self._lease.get()
        except ExchangeException as error:
            raise ConnectFailed(f"no session key was given: {error.message}") from error
        joint = "&" if "?" in url else "?"
        self._doubtful = True
        connection = await self._transport.connect(
            f"{url}{joint}{self._parameter}={quote(key.reveal(), safe='')}",
            headers=headers,
            timeout=timeout,
            max_size=max_size,
        )
        watched = _Watched(connection, self._open.discard)
        self._open.add(watched)
        return watched

    async def verify(self) -> None:
        """Ask the exchange whether the key is still good; where not, everything is opened again with a new one."""
        await self._lease.verify()

    async def aclose(self) -> None:
        await self._tasks.aclose()
        await self._lease.aclose()

    def _on_lost(self, reason: str) -> None:
        self._doubtful = False
        for connection in tuple(self._open):
            self._tasks.spawn(connection.aclose(), name=f"close what a lost session key opened ({reason})")


class _Watched:
    """A connection that tells when it has been closed."""

    def __init__(self, connection: WebSocketConnection, on_closed: Callable[[_Watched], None]) -> None:
        self._connection = connection
        self._on_closed = on_closed
        self.send = connection.send
        self.receive = connection.receive

    async def aclose(self, code: int = 1000) -> None:
        self._on_closed(self)
        await self._connection.aclose(code)


_shared: WeakValueDictionary[tuple[str, str, Clock], KeptAlive] = WeakValueDictionary()


def shared_key(exchange: str, scope: str, *, every: float, validity: float, clock: Clock = SYSTEM_CLOCK) -> KeptAlive:
    """The key holder of this process for one account; ``scope`` names host and account, and holds no secret."""
    place = exchange, scope, clock
    kept = _shared.get(place)
    if kept is None:
        kept = _shared[place] = KeptAlive(exchange, every=every, validity=validity, clock=clock)
    return kept
