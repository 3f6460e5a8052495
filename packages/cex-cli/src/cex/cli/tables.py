"""Small tables for people: as wide as the terminal, and never cut where there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from cex.common.constants.system_constants import NANOSECONDS

__all__ = ["amount_text", "print_table", "time_text"]

_UNCUT = 400
_NOTHING = "-"


def amount_text(amount: Decimal | None) -> str:
    """An amount in full, without an exponent and without zeros that say nothing."""
    if amount is None:
        return _NOTHING
    return f"{amount.normalize():,f}"


def time_text(nanoseconds: int) -> str:
    """A moment in UTC, to the second; ``-`` for 0, which stands for not known."""
    if not nanoseconds:
        return _NOTHING
    return datetime.fromtimestamp(nanoseconds // NANOSECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S")


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = (), title: str = ""
) -> None:
    """Print rows under these headings; the columns of ``right`` are aligned to the right."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _UNCUT)
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)
