"""A screen as a picture for the terminal; nothing here knows where the figures come from."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from rich import box
from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cex.cli.figures import age_text, bps_text, count_text, price_text, quantity_text
from cex.cli.screen import BookRow, Note, OpportunityRow, Screen
from cex.common.enums import BookState
from cex.common.types.market import PriceLevel

__all__ = ["Canvas"]

Trail = deque[float | None]
"""The middle prices of one book on the last screens, None where it had none."""

_STATES = {
    BookState.LIVE: ("●", "bold green"),
    BookState.SYNCING: ("○", "yellow"),
    BookState.STALE: ("◌", "magenta"),
    BookState.GAPPED: ("✕", "bold red"),
}
_BARS = "▁▂▃▄▅▆▇█"
_NOTES_SHOWN = 6
_PADDING = 3
_TRAIL_WIDTH = 32
_LEAST_TRAIL_WIDTH = 10


class Canvas:
    """Draws one screen after another and remembers the middle prices in between."""

    def __init__(self) -> None:
        self._trails: dict[tuple[str, str], Trail] = {}

    def draw(self, screen: Screen) -> RenderableType:
        """The whole view: title, books, opportunities, notes, figures."""
        for row in screen.rows:
            trail = self._trails.setdefault((row.exchange, row.symbol), deque(maxlen=_TRAIL_WIDTH))
            trail.append(None if row.bid is None or row.ask is None else (row.bid.price + row.ask.price) / 2)
        parts: list[RenderableType] = [_title(screen), _Books(screen.rows, self._trails)]
        if screen.opportunities:
            parts.append(_opportunities(screen.opportunities))
        if screen.notes:
            parts.append(_notes(screen.notes[-_NOTES_SHOWN:]))
        if screen.figures:
            parts.append(_figures(screen.figures))
        return Group(*parts)


def _title(screen: Screen) -> RenderableType:
    live = sum(row.state is BookState.LIVE for row in screen.rows)
    line = Table.grid(expand=True, padding=(0, 1))
    line.add_column()
    line.add_column(ratio=1)
    line.add_column(justify="right")
    state = Text(f"{live} of {len(screen.rows)} books live", style="green" if live == len(screen.rows) else "yellow")
    middle: RenderableType = ""
    if screen.progress is not None:
        middle = ProgressBar(total=1.0, completed=screen.progress, complete_style="cyan", finished_style="green")
    line.add_row(Text(screen.title, style="bold"), middle, Text.assemble(state, f"  {screen.elapsed_s:6.1f} s"))
    return line


class _Books:
    """The table of books with as many columns as the terminal has room for, in the order of their importance."""

    def __init__(self, rows: tuple[BookRow, ...], trails: Mapping[tuple[str, str], Trail]) -> None:
        self._rows = sorted(rows, key=lambda row: (row.symbol, row.exchange))
        self._trails = trails

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        left = options.max_width - _PADDING
        chosen: dict[str, list[Text]] = {}
        trail_width = 0
        for column in sorted(self._columns(), key=lambda column: column.rank):
            if column.rank > _TRAIL_RANK and not trail_width and left >= _LEAST_TRAIL_WIDTH + _PADDING:
                trail_width = _LEAST_TRAIL_WIDTH
                left -= trail_width + _PADDING
            cells = [column.cell(row) for row in self._rows]
            needed = max([cell_len(column.heading), *(cell.cell_len for cell in cells)]) + _PADDING
            if column.rank > _INDISPENSABLE and needed > left:
                break
            left -= needed
            chosen[column.key] = cells
        yield self._table(chosen, min(trail_width + max(0, left), _TRAIL_WIDTH) if trail_width else 0)

    def _columns(self) -> list[_Column]:
        one_exchange = len({row.exchange for row in self._rows}) == 1
        return [column for column in _COLUMNS if not (one_exchange and column.key == "exchange")]

    def _table(self, chosen: Mapping[str, list[Text]], trail_width: int) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
        shown = [column for column in _COLUMNS if column.key in chosen]
        for column in shown:
            table.add_column(column.heading, justify=column.justify, no_wrap=True)
        if trail_width:
            table.add_column("middle", no_wrap=True)
        for index, row in enumerate(self._rows):
            repeated = index > 0 and self._rows[index - 1].symbol == row.symbol
            last = index + 1 < len(self._rows) and self._rows[index + 1].symbol != row.symbol
            cells = [Text("") if repeated and column.key == "symbol" else chosen[column.key][index] for column in shown]
            if trail_width:
                cells.append(_sparkline(self._trails.get((row.exchange, row.symbol), deque()), trail_width))
            table.add_row(*cells, end_section=last and repeated)
        return table


class _Column(NamedTuple):
    key: str
    heading: str
    rank: int
    justify: Literal["left", "right"]
    cell: Callable[[BookRow], Text]


def _state(row: BookRow) -> Text:
    sign, style = _STATES[row.state]
    return Text(f"{sign} {row.state.upper()}", style=style)


def _price(row: BookRow, level: PriceLevel | None, style: str) -> Text:
    live = row.state is BookState.LIVE
    return Text(price_text(level.price if level else None, row.price_decimals) if live else "", style=style)


def _quantity(row: BookRow, level: PriceLevel | None) -> Text:
    live = row.state is BookState.LIVE
    return Text(quantity_text(level.quantity if level else None) if live else "", style="dim")


def _spread(row: BookRow) -> Text:
    return Text(bps_text(row.spread_bps) if row.state is BookState.LIVE else "")


_COLUMNS = (
    _Column("symbol", "symbol", 0, "left", lambda row: Text(row.symbol, style="bold")),
    _Column("exchange", "exchange", 1, "left", lambda row: Text(row.exchange, style="cyan")),
    _Column("state", "state", 2, "left", _state),
    _Column("bid size", "size", 10, "right", lambda row: _quantity(row, row.bid)),
    _Column("bid", "bid", 3, "right", lambda row: _price(row, row.bid, "green")),
    _Column("ask", "ask", 4, "right", lambda row: _price(row, row.ask, "red")),
    _Column("ask size", "size", 11, "right", lambda row: _quantity(row, row.ask)),
    _Column("spread", "spread bps", 5, "right", _spread),
    _Column("age", "age", 9, "right", lambda row: Text(age_text(row.age_s))),
    _Column("sequence", "sequence", 6, "right", lambda row: Text(str(row.sequence or "-"), style="dim")),
    _Column("deltas", "deltas", 7, "right", lambda row: Text(count_text(row.deltas))),
    _Column("gaps", "gaps", 12, "right", lambda row: Text(count_text(row.gaps), style="red" if row.gaps else "dim")),
    _Column("trades", "trades", 8, "right", lambda row: Text(count_text(row.trades))),
)
_INDISPENSABLE = 4
_TRAIL_RANK = 9


def _sparkline(trail: Trail, width: int) -> Text:
    shown = list(trail)[-width:]
    known = [middle for middle in shown if middle is not None]
    if not known:
        return Text("")
    low, high = min(known), max(known)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    line = "".join(" " if middle is None else _BARS[int((middle - low) * scale)] for middle in shown)
    style = "green" if known[-1] > known[0] else "red" if known[-1] < known[0] else "dim"
    return Text(line, style=style)


def _opportunities(rows: tuple[OpportunityRow, ...]) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("arbitrage after fees", no_wrap=True, style="bold")
    table.add_column("buy on", no_wrap=True)
    table.add_column("sell on", no_wrap=True)
    for heading in ("net bps", "size", "profit", "seen"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in rows:
        earns = row.net_bps > 0
        style = "yellow" if row.suspect else "bold green" if earns else "dim"
        table.add_row(
            row.symbol,
            Text(row.buy_on, style="green" if earns else "dim"),
            Text(row.sell_on, style="red" if earns else "dim"),
            Text(bps_text(row.net_bps, signed=True), style=style),
            quantity_text(row.quantity) if earns else "",
            f"{row.profit:,.2f} {row.quote}" if earns and row.profit is not None else "",
            count_text(row.seen),
            Text("suspect: too good to be true", style="yellow") if row.suspect else "",
        )
    return table


def _notes(notes: tuple[Note, ...]) -> RenderableType:
    lines = [
        Text.assemble(
            (f"{note.at_s:7.2f} s  ", "dim"),
            (note.text, {True: "green", False: "red", None: ""}[note.good]),
            no_wrap=True,
            overflow="ellipsis",
        )
        for note in notes
    ]
    return Panel(Group(*lines), box=box.ROUNDED, border_style="dim", title="events", title_align="left")


def _figures(figures: tuple[tuple[str, str], ...]) -> RenderableType:
    return Columns([Text.assemble((f"{label} ", "dim"), value) for label, value in figures], padding=(0, 3))
