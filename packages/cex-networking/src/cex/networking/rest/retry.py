"""When a failed try is worth another: how long to wait, and how much repeating an outage may cause."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from cex.common.constants.system_constants import NANOSECONDS

__all__ = ["RetryBudget", "RetryPolicy", "retry_after_seconds"]

_LONGEST_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a repeatable request is tried again.

    ``attempts`` counts the first try. Waits double from ``first`` up to ``most`` seconds, each drawn evenly from the
    upper half of that. A wait that the exchange asks for (``Retry-After``) is kept to; if it is longer than
    ``patience`` seconds, the error goes to the caller instead. ``budget`` retries may be spent at once by all requests
    of a client together; an answer earns ``earned`` of one back, so an outage is met with few more requests than none.
    """

    attempts: int = 3
    first: float = 0.25
    most: float = 5.0
    patience: float = 30.0
    budget: float = 10.0
    earned: float = 0.1

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 < self.first <= self.most:
            raise ValueError(f"a retry policy has attempts >= 1 and 0 < first <= most, not {self}")
        if min(self.patience, self.budget, self.earned) < 0:
            raise ValueError(f"patience, budget and earned are not negative, unlike in {self}")

    def delay(self, attempt: int, rng: random.Random, asked: float | None = None) -> float:
        """Seconds to wait after try number ``attempt`` failed; at least ``asked`` where the exchange asked for that."""
        longest = min(self.most, self.first * 2.0 ** min(attempt - 1, 60))
        return max(longest * (0.5 + 0.5 * rng.random()), asked or 0.0)


class RetryBudget:
    """The retries that a client may still spend; shared by all its requests."""

    __slots__ = ("_earned", "_left", "_most")

    def __init__(self, policy: RetryPolicy) -> None:
        self._most = self._left = policy.budget
        self._earned = policy.earned

    @property
    def left(self) -> float:
        """How many retries could be spent now."""
        return self._left

    def spend(self) -> bool:
        """Take one retry if there is one."""
        if self._left < 1 - 1e-9:
            return False
        self._left -= 1
        return True

    def earn(self) -> None:
        """An answer came: the exchange is there."""
        self._left = min(self._most, self._left + self._earned)


def retry_after_seconds(value: str | None, now_ns: int) -> float | None:
    """The seconds that a ``Retry-After`` header asks for, given as seconds or as an HTTP date; at most a week.

    None for what is missing, malformed, zero or past: it says nothing about how long to wait. ``now_ns`` is the
    server's time, nanoseconds since the epoch (RFC 9110, section 10.2.3).
    """
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text, re.ASCII):
        seconds = float(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        seconds = aware.timestamp() - now_ns / NANOSECONDS
    return min(seconds, _LONGEST_S) if seconds > 0 else None
