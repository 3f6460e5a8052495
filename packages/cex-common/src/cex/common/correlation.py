"""One id through request, log line, error and order record; and the one door to randomness."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = [
    "correlation",
    "current_correlation_id",
    "ensure_correlation_id",
    "new_correlation_id",
    "new_random",
    "seed_ids",
]

_current: ContextVar[str | None] = ContextVar("cex_correlation_id", default=None)
_ids: random.Random = random.SystemRandom()


def new_correlation_id() -> str:
    """A fresh id of 16 hexadecimal digits."""
    return f"{_ids.getrandbits(64):016x}"


def current_correlation_id() -> str | None:
    """The id of the operation that we are in, or None outside of one."""
    return _current.get()


def ensure_correlation_id() -> str:
    """The id of the operation that we are in, or a fresh one outside of one."""
    return _current.get() or new_correlation_id()


@contextmanager
def correlation(correlation_id: str | None = None) -> Iterator[str]:
    """Run a block under ``correlation_id``, under the one already set, or under a fresh one."""
    chosen = correlation_id or ensure_correlation_id()
    token = _current.set(chosen)
    try:
        yield chosen
    finally:
        _current.reset(token)


def seed_ids(seed: int | None) -> None:
    """Make ids repeatable from ``seed``; None returns to the system's randomness."""
    global _ids  # noqa: PLW0603 (the one seam that a test seeds)
    _ids = random.SystemRandom() if seed is None else random.Random(seed)


def new_random(seed: int | None = None) -> random.Random:
    """A generator of one's own (for jitter, for instance), repeatable when given a seed."""
    return random.Random(seed)
