"""Looking at the market as it was a while ago, for one request and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["looking_back", "ticks_back"]

_ticks: ContextVar[int] = ContextVar("cex_sandbox_ticks_back", default=0)


def ticks_back() -> int:
    """How many ticks ago the market is looked at here; 0 is now."""
    return _ticks.get()


@contextmanager
def looking_back(ticks: int) -> Iterator[None]:
    """Within the block, views of books are at least ``ticks`` old."""
    token = _ticks.set(ticks)
    try:
        yield
    finally:
        _ticks.reset(token)
