"""Files become one conversation: read in whichever form, merged by time, sorted out by exchange."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from cex.sandbox.replay.json_lines import looks_like_json_lines, read_json_lines
from cex.sandbox.replay.records import Answered, Lost, Opened, Received, Record, RecordingError, Sent
from cex.sandbox.replay.text_form import looks_like_text_form, read_text_form
from cex.sandbox.replay.venues import Offer, Stream, StreamKind, Traded, Venue, venue_of

__all__ = ["AnswerStep", "FrameStep", "Recording", "Resource", "VenuePart", "read_recording"]


class Resource(NamedTuple):
    """What a REST request asks for; the order of its parameters is of no consequence."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, method: str, path: str, query: str) -> Resource:
        """Read from the parts of a URL; ``query`` is percent-encoded."""
        return cls(method.upper(), path, tuple(sorted(parse_qsl(query, keep_blank_values=True))))

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.query)
        return f"{self.method} {self.path}" + (f"?{query}" if query else "")


class FrameStep(NamedTuple):
    """A frame to send: to those who subscribed one of ``streams``, or to all when that is empty."""

    at_ns: int
    venue: str
    streams: frozenset[Stream]
    data: str | bytes


class AnswerStep(NamedTuple):
    """The place where the next answer of ``resource`` becomes available."""

    at_ns: int
    venue: str
    resource: Resource


@dataclass(frozen=True, slots=True)
class VenuePart:
    """What the recording holds of one exchange.

    ``answers``: per resource in the recorded order, the first ``at_start[resource]`` of them from before the first
    socket was opened. ``passed_over``: frames that concern the recorded connection alone, such as acknowledgements.
    ``sockets``: the paths of the sockets.
    """

    venue: Venue
    offer: Offer
    answers: Mapping[Resource, Sequence[Answered]]
    at_start: Mapping[Resource, int]
    passed_over: int
    sockets: frozenset[str]

    def traded(self, *kinds: StreamKind) -> tuple[Traded, ...]:
        """What these kinds of streams were recorded of, sorted."""
        return tuple(sorted({stream.traded for stream in self.offer.streams if stream.kind in kinds}))

    def endpoints(self, address: str) -> dict[str, str]:
        """URLs by endpoint name of a server at ``address``, for the markets that were recorded."""
        return self.venue.endpoints(address, self.sockets)

    def settings(self) -> dict[str, object]:
        """How the exchange's client must be set to ask for what was recorded: ``{"book_interval": "100ms"}``."""
        books = [dict(resource.query) for resource in self.answers if self.venue.is_book(resource.path)]
        return self.venue.settings(self.offer, books)


@dataclass(frozen=True, slots=True)
class Recording:
    """A conversation ready to be played. ``lost`` are the places where the recorder says that records are missing."""

    files: tuple[Path, ...]
    parts: Mapping[str, VenuePart]
    steps: tuple[FrameStep | AnswerStep, ...]
    lost: tuple[tuple[Path, Lost], ...]

    @property
    def frames(self) -> int:
        """How many frames will be sent, if somebody subscribes their streams."""
        return sum(isinstance(step, FrameStep) for step in self.steps)

    @property
    def seconds(self) -> float:
        """Recorded seconds from the first step to the last."""
        return (self.steps[-1].at_ns - self.steps[0].at_ns) / 1e9 if self.steps else 0.0


def read_recording(paths: Iterable[str | Path]) -> Recording:
    """Read the files of one recording, in any order; each is recognised by its content.

    Raises:
        RecordingError: a file cannot be read, a line is malformed, or a URL is of no exchange that can be replayed.
    """
    files = [Path(path) for path in paths]
    seen: dict[Path, Path] = {}
    for path in files:
        if path.resolve() in seen:
            raise RecordingError(path, None, "given twice", "every file once")
        seen[path.resolve()] = path
    histories = [(path, records) for path in files if (records := _read(path))]
    if not histories:
        raise RecordingError(files[0] if files else Path(), None, "nothing to play", "a recorded conversation")
    histories.sort(key=lambda history: (history[1][0].at_ns, history[0].name))
    return _assemble(tuple(files), list(_merge(histories)))


def _read(path: Path) -> list[Record]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordingError(path, None, f"cannot be read: {error.strerror or error}", "a recording") from None
    lines = list(_lines(path, content))
    if not lines:
        raise RecordingError(path, None, "empty", "a recording")
    number, first = lines[0]
    if looks_like_json_lines(first):
        return read_json_lines(path, lines, ends_whole=content.endswith(b"\n"))
    if looks_like_text_form(first):
        return read_text_form(path, lines)
    raise RecordingError(
        path,
        number,
        f"no recording begins like this: {first[:80]!r}",
        "the header of a cex recording, or a text record",
    )


def _lines(path: Path, content: bytes) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            text = line.decode().rstrip("\r")
        except UnicodeDecodeError as error:
            raise RecordingError(path, number, f"not UTF-8 text ({error.reason})", "a recording") from None
        if text.strip():
            yield number, text


def _merge(histories: list[tuple[Path, list[Record]]]) -> Iterator[tuple[Path, Record]]:
    """By time across files, in the written order within one: a clock that was set back does not reorder a file."""

    def timed(path: Path, records: list[Record]) -> Iterator[tuple[tuple[int, bool], tuple[Path, Record]]]:
        latest = 0
        for record in records:
            latest = max(latest, record.at_ns)
            # Where two files say the same moment, the answer was on its way first.
            yield (latest, not isinstance(record, Answered)), (path, record)

    merged = heapq.merge(*(timed(path, records) for path, records in histories), key=itemgetter(0))
    return (item for _, item in merged)


class _Part:
    """A :class:`VenuePart` in the making."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.streams: defaultdict[Stream, set[str]] = defaultdict(set)
        self.answers: defaultdict[Resource, list[Answered]] = defaultdict(list)
        self.at_start: defaultdict[Resource, int] = defaultdict(int)
        self.opened = False
        self.sockets: set[str] = set()
        self.passed_over = 0

    def finished(self) -> VenuePart:
        streams = {stream: frozenset(variants) for stream, variants in self.streams.items()}
        return VenuePart(
            self.venue,
            Offer(streams),
            dict(self.answers),
            dict(self.at_start),
            self.passed_over,
            frozenset(self.sockets),
        )


def _assemble(files: tuple[Path, ...], records: list[tuple[Path, Record]]) -> Recording:
    parts: dict[str, _Part] = {}
    steps: list[FrameStep | AnswerStep] = []
    lost: list[tuple[Path, Lost]] = []
    for path, record in records:
        if isinstance(record, Lost):
            lost.append((path, record))
            continue
        venue = venue_of(record.url)
        if venue is None:
            raise RecordingError(
                path,
                record.line,
                f"{record.url[:80]} belongs to no exchange that can be replayed",
                "Gate.io or MEXC spot",
            )
        part = parts.setdefault(venue.name, _Part(venue))
        if not isinstance(record, Answered):
            part.sockets.add(urlsplit(record.url).path)
        if isinstance(record, Opened):
            part.opened = True
        elif isinstance(record, Sent):
            for stream, variant in venue.asked(record.data):
                part.streams[stream].update((variant,) if variant else ())
        elif isinstance(record, Received):
            streams = venue.streams(record.data)
            if streams is None:
                part.passed_over += 1
                continue
            for stream in streams:
                part.streams[stream].update(())
            steps.append(FrameStep(record.at_ns, venue.name, streams, record.data))
        elif isinstance(record, Answered):
            url = urlsplit(record.url)
            resource = Resource.of(record.method, url.path, url.query)
            part.answers[resource].append(record)
            if part.opened:
                steps.append(AnswerStep(record.at_ns, venue.name, resource))
            else:
                part.at_start[resource] += 1
    return Recording(files, {name: part.finished() for name, part in parts.items()}, tuple(steps), tuple(lost))
