"""Write down what an exchange said, so that it can be replayed: the tap that both clients feed, and its recorder.

The format is specified in ``docs/recording.md``; its reader shares no code with this module.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import IO, NamedTuple, Protocol, Self

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.redaction import redact

__all__ = ["Recorder", "RecorderStats", "Tap"]

_log = logging.getLogger(__name__)

_FORMAT = "cex-recording"
_VERSION = 1
_LINE_BYTES = 128
"""Counted for a record besides its payload."""


class Tap(Protocol):
    """Hears everything that passes; called in the data path, so an implementation returns at once and never blocks.

    ``at_ns`` is wall time in nanoseconds since the epoch. ``connection`` numbers one socket: it is given once by
    :meth:`opened` and not used again after :meth:`closed`.
    """

    def opened(self, connection: int, url: str, at_ns: int) -> None: ...

    def sent(self, connection: int, data: str, at_ns: int) -> None: ...

    def received(self, connection: int, data: bytes | str, at_ns: int) -> None: ...

    def closed(self, connection: int, code: int | None, reason: str, at_ns: int) -> None: ...

    def answered(self, method: str, url: str, status: int, body: bytes, at_ns: int) -> None:
        """A REST answer arrived. ``url`` is the whole URL as it was requested; the tap redacts it."""
        ...


@dataclass(frozen=True, slots=True)
class RecorderStats:
    """``records`` and ``bytes`` are on disk; ``dropped`` found no room in memory, ``late`` came outside the block."""

    records: int
    bytes: int
    dropped: int
    late: int


class _Opened(NamedTuple):
    at_ns: int
    connection: int
    url: str

    def line(self) -> dict[str, object]:
        return {"at": self.at_ns, "kind": "opened", "connection": self.connection, "url": redact(self.url)}


class _Frame(NamedTuple):
    at_ns: int
    kind: str
    connection: int
    data: bytes | str

    def line(self) -> dict[str, object]:
        return {"at": self.at_ns, "kind": self.kind, "connection": self.connection, **_payload(self.data)}


class _Closed(NamedTuple):
    at_ns: int
    connection: int
    code: int | None
    reason: str

    def line(self) -> dict[str, object]:
        reason = redact(self.reason)
        return {"at": self.at_ns, "kind": "closed", "connection": self.connection, "code": self.code, "reason": reason}


class _Answer(NamedTuple):
    at_ns: int
    method: str
    url: str
    status: int
    body: bytes

    def line(self) -> dict[str, object]:
        try:
            payload = _payload(self.body.decode())
        except UnicodeDecodeError:
            payload = _payload(self.body)
        url = redact(self.url)
        return {
            "at": self.at_ns,
            "kind": "answered",
            "method": self.method,
            "url": url,
            "status": self.status,
            **payload,
        }


class _Gap:
    """Records that found no room, one after the other; takes the place where they would stand."""

    def __init__(self, at_ns: int) -> None:
        self.at_ns = at_ns
        self.until_ns = at_ns
        self.dropped = 0
        self.connections: set[int] = set()

    def line(self) -> dict[str, object]:
        return {
            "at": self.at_ns,
            "kind": "gap",
            "until": self.until_ns,
            "dropped": self.dropped,
            "connections": sorted(self.connections),
        }


class _End(NamedTuple):
    at_ns: int

    def line(self) -> dict[str, object]:
        return {"at": self.at_ns, "kind": "end"}


_Record = _Opened | _Frame | _Closed | _Answer | _Gap | _End


class Recorder:
    """Writes a recording to ``path`` while its block runs; a :class:`Tap` for any number of clients at once.

    Nothing here touches the disk in the data path: records are kept in memory and a task of the recorder's own hands
    them to a thread, which redacts, encodes and writes them every ``flush_every`` seconds. A crash of the process
    therefore loses what is younger than that. At most ``most_buffered`` bytes wait in memory; frames and answers beyond
    are dropped, and a gap marker says so where they are missing.

    Clients that share a recorder share their connection numbers' source too, which they do unless they are given
    connect budgets of their own.

    Raises FileExistsError where the file exists. When the disk fails, recording stops (logged), the clients go on, and
    the end of the block raises the OSError.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        clock: Clock = SYSTEM_CLOCK,
        most_buffered: int = 16 * 1024 * 1024,
        flush_every: float = 0.5,
    ) -> None:
        if most_buffered < 1 or flush_every <= 0:
            raise ValueError("a recorder needs room for at least one byte and a positive flush interval")
        self.path = Path(path)
        self._clock = clock
        self._most_buffered = most_buffered
        self._flush_every = flush_every
        self._file: IO[bytes] | None = None
        self._lock = Lock()
        self._records: list[_Record] = []
        self._outgoing: list[_Record] = []
        self._buffered = 0
        self._gap: _Gap | None = None
        self._running = False
        self._stop = asyncio.Event()
        self._half_full = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._written = 0
        self._written_bytes = 0
        self._dropped = 0
        self._late = 0

    @property
    def stats(self) -> RecorderStats:
        return RecorderStats(self._written, self._written_bytes, self._dropped, self._late)

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise RuntimeError(f"the recorder of {self.path} has been used already; a recording is one block")
        header = {"format": _FORMAT, "version": _VERSION, "created": self._clock.time_ns()}
        await asyncio.to_thread(self._create, _encoded(header))
        self._running = True
        self._task = asyncio.create_task(self._write_all(), name="cex-recorder")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._half_full.set()
        if self._task is not None:
            await asyncio.wait((self._task,))  # cancelled here, the task still ends by itself
            if error is None:
                self._task.result()

    # The tap

    def opened(self, connection: int, url: str, at_ns: int) -> None:
        self._keep(_Opened(at_ns, connection, url))

    def sent(self, connection: int, data: str, at_ns: int) -> None:
        self._keep_if_room(_Frame(at_ns, "sent", connection, data), len(data), connection)

    def received(self, connection: int, data: bytes | str, at_ns: int) -> None:
        self._keep_if_room(_Frame(at_ns, "received", connection, data), len(data), connection)

    def closed(self, connection: int, code: int | None, reason: str, at_ns: int) -> None:
        self._keep(_Closed(at_ns, connection, code, reason))

    def answered(self, method: str, url: str, status: int, body: bytes, at_ns: int) -> None:
        self._keep_if_room(_Answer(at_ns, method, url, status, body), len(body), None)

    def _keep(self, record: _Record) -> None:
        """Openings and closings always find room: they are few, and nothing can be understood without them."""
        if self._running:
            self._gap = None
            self._records.append(record)
        else:
            self._late += 1

    def _keep_if_room(self, record: _Frame | _Answer, size: int, connection: int | None) -> None:
        size += _LINE_BYTES
        if not self._running:
            self._late += 1
        elif self._buffered + size <= self._most_buffered:
            self._gap = None
            self._buffered += size
            self._records.append(record)
            if 2 * self._buffered > self._most_buffered:
                self._half_full.set()
        else:
            if self._gap is None:
                self._gap = _Gap(record.at_ns)
                self._records.append(self._gap)
            self._gap.until_ns = record.at_ns
            self._gap.dropped += 1
            if connection is not None:
                self._gap.connections.add(connection)
            self._dropped += 1

    # The writing task

    async def _write_all(self) -> None:
        try:
            while not self._stop.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._flush_every):
                        await self._half_full.wait()
                self._half_full.clear()
                await self._flush()
            self._running = False
            self._records.append(_End(self._clock.time_ns()))
            await self._flush()
        except asyncio.CancelledError:
            self._hand_over()
            self._write()
            raise
        except OSError:
            _log.exception("recording to %s has stopped", self.path)
            raise
        finally:
            self._running = False
            self._records.clear()
            self._close()

    async def _flush(self) -> None:
        taken = self._buffered
        self._hand_over()
        if self._outgoing:
            await asyncio.to_thread(self._write)
        self._buffered -= taken

    def _hand_over(self) -> None:
        with self._lock:
            self._outgoing.extend(self._records)
        self._records.clear()
        self._gap = None

    def _create(self, header: bytes) -> None:
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise FileExistsError(
                error.errno, "a recording never replaces a file: name another or move it away", str(self.path)
            ) from None
        self._file = os.fdopen(descriptor, "wb")
        self._file.write(header)
        self._file.flush()

    def _write(self) -> None:
        with self._lock:
            records, self._outgoing = self._outgoing, []
            if self._file is not None and records:
                data = b"".join(_encoded(record.line()) for record in records)
                self._file.write(data)
                self._file.flush()
                self._written += len(records)
                self._written_bytes += len(data)

    def _close(self) -> None:
        with self._lock, contextlib.suppress(OSError):  # a disk that failed has been told already
            if self._file is not None:
                file, self._file = self._file, None
                file.close()


def _payload(data: bytes | str) -> dict[str, object]:
    if isinstance(data, str):
        return {"text": redact(data)}
    return {"base64": base64.b64encode(data).decode("ascii")}


def _encoded(line: dict[str, object]) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode("ascii") + b"\n"
