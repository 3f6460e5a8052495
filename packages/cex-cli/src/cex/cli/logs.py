"""The only place that configures logging: to standard error, redacted, for people or as one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

from cex.common.redaction import RedactingFilter, is_sensitive, redact

__all__ = ["LogFormat", "configure_logging"]

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "exc_text"}


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


def configure_logging(
    verbosity: int = 0, log_format: LogFormat = LogFormat.TEXT, *, warnings_expected: bool = False
) -> None:
    """Log from WARNING on, from INFO with ``verbosity`` 1, from DEBUG with 2. Replaces what was configured before.

    ``warnings_expected``, for a command that breaks things on purpose: from CRITICAL on, and WARNING is the next level.
    """
    handler = _StandardError()
    handler.addFilter(RedactingFilter())
    handler.setFormatter(_JsonFormatter() if log_format is LogFormat.JSON else _TextFormatter())
    root = logging.getLogger()
    for old in [known for known in root.handlers if isinstance(known, _StandardError)]:
        root.removeHandler(old)
    root.addHandler(handler)
    levels = (logging.CRITICAL, *_LEVELS) if warnings_expected else _LEVELS
    root.setLevel(levels[min(verbosity, len(levels) - 1)])
    handler.setLevel(root.level)  # who lowers the root's level, to listen for himself, does not make this one talk
    # asyncio says at DEBUG which selector it uses, and nothing else that concerns us.
    logging.getLogger("asyncio").setLevel(max(root.level, logging.INFO))


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what ``sys.stderr`` is at the moment: a live display puts itself in between."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {
        name: "***" if is_sensitive(name) else value
        for name, value in vars(record).items()
        if name not in _OWN_FIELDS and not name.startswith("_")
    }


class _TextFormatter(logging.Formatter):
    """``12:34:56.789 WARNING cex.networking: message (name=value ...)``"""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        extra = " ".join(f"{name}={value}" for name, value in _extra(record).items())
        line = f"{at} {record.levelname} {record.name}: {record.getMessage()}" + (
            f" ({redact(extra)})" if extra else ""
        )
        return f"{line}\n{_traceback(self, record)}" if record.exc_info else line


class _JsonFormatter(logging.Formatter):
    """One JSON object a line; structured fields stand beside ``at``, ``level``, ``logger`` and ``message``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in _extra(record).items():
            line.setdefault(name, redact(value) if isinstance(value, str) else value)
        if record.exc_info:
            line["traceback"] = _traceback(self, record)
        return json.dumps(line, default=lambda value: redact(str(value)), ensure_ascii=False)


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    # The redacting filter has put a masked text here already.
    return record.exc_text or (redact(formatter.formatException(record.exc_info)) if record.exc_info else "")
