"""What a recording consists of, whichever form it was written in, and the error that names the line that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, TypeAlias

__all__ = ["Answered", "Closed", "Lost", "Opened", "Received", "Record", "RecordingError", "Sent"]


class RecordingError(ValueError):
    """A file that cannot be played; the message says where (``file:line``), what is wrong and what was expected."""

    def __init__(self, path: Path, line: int | None, problem: str, expected: str = "") -> None:
        self.path = path
        self.line = line
        self.problem = problem
        self.expected = expected
        where = f"{path}:{line}" if line else str(path)
        super().__init__(f"{where}: {problem}" + (f"; expected {expected}" if expected else ""))


class Opened(NamedTuple):
    """A socket to ``url`` was opened. ``at_ns`` is wall time in nanoseconds since the epoch, here and below."""

    at_ns: int
    line: int
    url: str


class Sent(NamedTuple):
    """The recorded client sent ``data`` over its socket to ``url``."""

    at_ns: int
    line: int
    url: str
    data: str


class Received(NamedTuple):
    """The exchange sent ``data`` over the socket to ``url``: ``str`` for a text frame, ``bytes`` for a binary one."""

    at_ns: int
    line: int
    url: str
    data: str | bytes


class Closed(NamedTuple):
    """The socket to ``url`` was closed."""

    at_ns: int
    line: int
    url: str
    code: int | None
    reason: str


class Answered(NamedTuple):
    """The exchange answered a REST request."""

    at_ns: int
    line: int
    method: str
    url: str
    status: int
    body: bytes


class Lost(NamedTuple):
    """The recorder could not write everything down here: ``missing`` records are not there."""

    at_ns: int
    line: int
    missing: int


Record: TypeAlias = Opened | Sent | Received | Closed | Answered | Lost
