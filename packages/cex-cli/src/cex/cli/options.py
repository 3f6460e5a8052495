"""Options that several commands share, spelled once."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from cex.cli.logs import LogFormat

__all__ = ["JsonOption", "LogFormatOption", "SecondsOption", "VerboseOption", "positive"]


def positive(value: float | None) -> float | None:
    """Let finite numbers above 0 pass; for options."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise typer.BadParameter(f"{value} is not a positive number")
    return value


JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object to standard output, and nothing else.")]
VerboseOption = Annotated[
    int, typer.Option("--verbose", "-v", count=True, help="Log more to standard error; -vv for everything.")
]
LogFormatOption = Annotated[LogFormat, typer.Option("--log-format", help="How log lines are written.")]
SecondsOption = Annotated[
    float | None, typer.Option("--seconds", callback=positive, metavar="N", help="End after this many seconds.")
]
