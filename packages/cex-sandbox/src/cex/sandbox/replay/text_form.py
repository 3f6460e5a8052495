"""The text form that cryptofeed writes: one record a line, REST and WebSocket in separate files.

``<url> <-> <s>`` opened, ``<url> <- <s>: <frame>`` sent, ``<s>: <frame>`` received, ``<url> -> <s>: <body>`` answered;
``<s>`` is Unix time in seconds. https://github.com/bmoscon/cryptofeed (``cryptofeed/util/async_file.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import msgspec

from cex.sandbox.replay.records import Answered, Opened, Received, Record, RecordingError, Sent

__all__ = ["looks_like_text_form", "read_text_form"]

_LINE = re.compile(
    r"(?:(?P<url>[a-z]+://\S+) (?P<mark><->|<-|->) )?(?P<at>\d{9,11}(?:\.\d{1,9})?)(?:: (?P<text>.+))?", re.DOTALL
)
_CONFIGURATION = "configuration:"
_EXPECTED = (
    "'<url> <-> <unix s>', '<url> <- <unix s>: <json>', '<unix s>: <json>' (WebSocket) "
    "or '<url> -> <unix s>: <json>' (REST)"
)


def looks_like_text_form(line: str) -> bool:
    """Whether the first line of a file is of this form."""
    return line.startswith(_CONFIGURATION) or _LINE.fullmatch(line) is not None


def read_text_form(path: Path, lines: Iterable[tuple[int, str]]) -> list[Record]:
    """Turn the numbered lines of one file into records.

    Raises:
        RecordingError: a line is not of this form, a frame or body is not JSON, or a frame was received before any line
            that names a socket.
    """
    records: list[Record] = []
    socket = ""
    for number, line in lines:
        if line.startswith(_CONFIGURATION):
            continue
        found = _LINE.fullmatch(line)
        if found is None or (found["mark"] == "<->") == (found["text"] is not None):
            raise RecordingError(path, number, f"not a record: {line[:80]!r}", _EXPECTED)
        url, mark, text = found["url"], found["mark"], found["text"]
        at_ns = int(Decimal(found["at"]).scaleb(9))
        if text is not None:
            _require_json(path, number, text)
        if mark == "->":
            records.append(Answered(at_ns, number, "GET", url, 200, text.encode()))
            continue
        socket = url or socket
        if not socket:
            raise RecordingError(
                path, number, "a frame of no known socket", "a line '<url> <-> <unix s>' before the first frame"
            )
        if mark == "<->":
            records.append(Opened(at_ns, number, socket))
        elif mark == "<-":
            records.append(Sent(at_ns, number, socket, text))
        else:
            records.append(Received(at_ns, number, socket, text))
    return records


def _require_json(path: Path, number: int, text: str) -> None:
    try:
        msgspec.json.decode(text.encode(), type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise RecordingError(path, number, f"not JSON ({error}): {text[-80:]!r}", "a whole JSON value") from None
