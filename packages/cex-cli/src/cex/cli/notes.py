"""What happened lately, in sentences: kept for the live view, counted from the start."""

from __future__ import annotations

from collections import deque

from cex.cli.screen import Note
from cex.common.clock import Clock

__all__ = ["Notebook"]

_KEPT = 50


class Notebook:
    """The newest notes; times count from when it was made, or from the last :meth:`begin`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun_ns = clock.monotonic_ns()
        self._notes: deque[Note] = deque(maxlen=_KEPT)
        self._count = 0

    def begin(self) -> None:
        """Count time from now on."""
        self._begun_ns = self._clock.monotonic_ns()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return (self._clock.monotonic_ns() - self._begun_ns) / 1e9

    @property
    def notes(self) -> tuple[Note, ...]:
        """What is kept, the oldest first."""
        return tuple(self._notes)

    def tell(self, text: str, good: bool | None = None) -> None:
        """Write a sentence down: good news (True), bad news (False) or neither (None)."""
        self._count += 1
        self._notes.append(Note(self._count, self.elapsed_s, text, good))
