"""Listen keys: who may hear what happens to an account, and for how long.

https://www.mexc.com/api-docs/spot-v3/websocket-user-data-streams
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from cex.common.clock import Clock
from cex.sandbox.venues.mexc.errors import Refused, refused
from cex.sandbox.venues.mexc.options import MexcOptions

__all__ = ["ListenKeys"]


@dataclass(slots=True)
class _Key:
    uid: int
    ends_ns: int


class ListenKeys:
    """The keys of one venue. ``on_end`` is told of every key that was deleted or has run out."""

    def __init__(
        self,
        options: MexcOptions,
        *,
        clock: Clock,
        rng: random.Random,
        on_end: Callable[[str, bool], None] | None = None,
    ) -> None:
        self._options = options
        self._clock = clock
        self._rng = rng
        self._keys: dict[str, _Key] = {}
        self.on_end = on_end

    def create(self, uid: int) -> str:
        """A new key, whatever others there are; code 26 beyond the most an account may have."""
        if len(self.of(uid)) >= self._options.most_listen_keys:
            raise refused(26)
        key = f"{self._rng.getrandbits(256):064x}"
        self._keys[key] = _Key(uid, self._end())
        return key

    def of(self, uid: int) -> list[str]:
        """The valid keys of an account, oldest first."""
        self.forget_expired()
        return [text for text, key in self._keys.items() if key.uid == uid]

    def extend(self, uid: int, text: str) -> None:
        """Valid for the whole time from now on; 730708 when it is not a valid key of the account."""
        self._own(uid, text).ends_ns = self._end()

    def delete(self, uid: int, text: str) -> None:
        """No longer valid; 730708 when it was not a valid key of the account."""
        self._own(uid, text)
        self._end_key(text, deleted=True)

    def owner(self, text: str) -> int | None:
        """Whose valid key this is."""
        self.forget_expired()
        key = self._keys.get(text)
        return None if key is None else key.uid

    def forget_expired(self) -> None:
        """Let go of the keys that have run out."""
        now = self._clock.monotonic_ns()
        for text in [text for text, key in self._keys.items() if key.ends_ns <= now]:
            self._end_key(text, deleted=False)

    def expire_all(self, uid: int | None = None) -> int:
        """Let every key run out now, or those of one account; how many there were."""
        ending = [text for text, key in self._keys.items() if uid in (None, key.uid)]
        for text in ending:
            self._end_key(text, deleted=False)
        return len(ending)

    def _own(self, uid: int, text: str) -> _Key:
        self.forget_expired()
        key = self._keys.get(text)
        if key is None or key.uid != uid:
            # MEXC sends this code as text: https://github.com/mexcdevelop/mexc-api-demo/issues/35
            raise Refused(400, "730708", "listen key information error")
        return key

    def _end_key(self, text: str, *, deleted: bool) -> None:
        del self._keys[text]
        if self.on_end is not None:
            self.on_end(text, deleted)

    def _end(self) -> int:
        return self._clock.monotonic_ns() + round(self._options.listen_key_seconds * 1e9)
