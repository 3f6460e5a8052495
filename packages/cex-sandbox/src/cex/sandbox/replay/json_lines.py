"""The form that the recorder of cex writes: JSON lines, a header first; ``docs/recording.md`` specifies it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from cex.sandbox.replay.records import Answered, Closed, Lost, Opened, Received, Record, RecordingError, Sent

__all__ = ["looks_like_json_lines", "read_json_lines"]

_FORMAT = "cex-recording"
_VERSION = 1


class _Header(msgspec.Struct):
    format: str
    version: int


class _Any(msgspec.Struct):
    kind: str


class _Line(msgspec.Struct, tag_field="kind"):
    at: int


class _Opened(_Line, tag="opened"):
    connection: int
    url: str


class _Sent(_Line, tag="sent"):
    connection: int
    text: str


class _Received(_Line, tag="received"):
    connection: int
    text: str | None = None
    base64: str | None = None


class _Closed(_Line, tag="closed"):
    connection: int
    code: int | None = None
    reason: str = ""


class _Answered(_Line, tag="answered"):
    method: str
    url: str
    status: int
    text: str | None = None
    base64: str | None = None


class _Gap(_Line, tag="gap"):
    dropped: int


_header_decoder = msgspec.json.Decoder(_Header)
_any_decoder = msgspec.json.Decoder(_Any)
_decoder = msgspec.json.Decoder(_Opened | _Sent | _Received | _Closed | _Answered | _Gap)
_KINDS = frozenset(("opened", "sent", "received", "closed", "answered", "gap"))


def looks_like_json_lines(line: str) -> bool:
    """Whether the first line of a file is of this form, in any version."""
    try:
        return _header_decoder.decode(line).format == _FORMAT
    except msgspec.DecodeError:
        return False


def read_json_lines(path: Path, lines: Sequence[tuple[int, str]], *, ends_whole: bool) -> list[Record]:
    """Turn the numbered lines of one file into records.

    ``ends_whole``: the file ends with a line break. Without one its last line was cut off and does not count. Kinds of
    lines that are not known do not count either.

    Raises:
        RecordingError: another version, a malformed line, or a frame of a socket that was never opened.
    """
    number, first = lines[0]
    version = _header_decoder.decode(first).version
    if version != _VERSION:
        raise RecordingError(path, number, f"a recording of version {version}", f"version {_VERSION}")
    return list(_records(path, lines[1:] if ends_whole else lines[1:-1]))


def _records(path: Path, lines: Sequence[tuple[int, str]]) -> Iterator[Record]:
    urls: dict[int, str] = {}

    def url(number: int, connection: int) -> str:
        if connection not in urls:
            raise RecordingError(
                path, number, f"connection {connection} was never opened", "an 'opened' line before it"
            )
        return urls[connection]

    for number, text in lines:
        try:
            if _any_decoder.decode(text).kind not in _KINDS:
                continue
            line = _decoder.decode(text)
        except msgspec.DecodeError as error:
            raise RecordingError(path, number, f"not a record ({error})", "one record a line, whole") from None
        match line:
            case _Opened():
                urls[line.connection] = line.url
                yield Opened(line.at, number, line.url)
            case _Sent():
                yield Sent(line.at, number, url(number, line.connection), line.text)
            case _Received():
                data = _payload(path, number, line.text, line.base64)
                yield Received(line.at, number, url(number, line.connection), data)
            case _Closed():
                yield Closed(line.at, number, url(number, line.connection), line.code, line.reason)
            case _Answered():
                data = _payload(path, number, line.text, line.base64)
                body = data.encode() if isinstance(data, str) else data
                yield Answered(line.at, number, line.method, line.url, line.status, body)
            case _Gap():
                yield Lost(line.at, number, line.dropped)


def _payload(path: Path, number: int, text: str | None, encoded: str | None) -> str | bytes:
    if text is not None and encoded is None:
        return text
    if encoded is not None and text is None:
        try:
            return base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise RecordingError(path, number, f"not base64 ({error})", "a payload in base64") from None
    raise RecordingError(path, number, "no single payload", "either 'text' or 'base64'")
