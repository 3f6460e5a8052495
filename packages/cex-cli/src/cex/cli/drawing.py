"""A screen as a picture for the terminal; nothing here knows where the figures come from.

Lines are laid out here and not by rich's tables: they are drawn several times a second beside the data path.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.text import Text

from cex.cli.figures import age_text, bps_text, count_text, price_text, quantity_text
from cex.cli.screen import BasisRow, BookRow, Note, OpportunityRow, Screen
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
_GAP = "   "
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
        parts: list[RenderableType] = [_Title(screen), Text(), _Books(screen.rows, self._trails)]
        if screen.opportunities:
            parts += [Text(), _opportunities(screen.opportunities)]
        if screen.bases:
            parts += [Text(), _bases(screen.bases)]
        if screen.notes:
            parts += [Text(), _notes(screen.notes[-_NOTES_SHOWN:])]
        if screen.figures:
            parts.append(_figures(screen.figures))
        return Group(*parts)


class _Title:
    """One line: title, progress where there is some, how many books are live, and the time."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        screen = self._screen
        live = sum(row.state is BookState.LIVE for row in screen.rows)
        state = Text(
            f"{live} of {len(screen.rows)} books live", style="green" if live == len(screen.rows) else "yellow"
        )
        state.append(f"  {screen.elapsed_s:6.1f} s", style="default")
        title = Text(screen.title, style="bold", no_wrap=True, overflow="ellipsis")
        room = max(0, options.max_width - title.cell_len - state.cell_len - 2 * len(_GAP))
        middle = Text(" " * room)
        if screen.progress is not None:
            done = round(room * screen.progress)
            middle = Text.assemble(("━" * done, "cyan"), ("━" * (room - done), "bright_black"))
        yield Text.assemble(title, _GAP, middle, _GAP, state, no_wrap=True, overflow="ellipsis")


class _Cell(NamedTuple):
    """One cell of a line and how it is laid out."""

    text: Text
    width: int
    justify: Literal["left", "right"]


def _line(cells: Sequence[_Cell]) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for number, cell in enumerate(cells):
        blank = " " * (cell.width - cell.text.cell_len)
        line.append((_GAP if number else "") + (blank if cell.justify == "right" else ""))
        line.append_text(cell.text)
        if cell.justify == "left" and number + 1 < len(cells):
            line.append(blank)
    return line


def _headings(cells: Sequence[_Cell]) -> Iterator[Text]:
    yield _line(cells)
    yield Text("─" * (sum(cell.width + len(_GAP) for cell in cells) - len(_GAP)), style="dim", no_wrap=True)


class _Column(NamedTuple):
    heading: str
    rank: int
    justify: Literal["left", "right"]
    cell: Callable[[BookRow], Text]


class _Books:
    """The table of books with as many columns as the terminal has room for, in the order of their importance."""

    def __init__(self, rows: tuple[BookRow, ...], trails: Mapping[tuple[str, str], Trail]) -> None:
        self._rows = sorted(rows, key=lambda row: (row.symbol, row.exchange))
        self._trails = trails

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        left = options.max_width
        chosen: dict[_Column, tuple[int, list[Text]]] = {}
        trail_width = 0
        for column in sorted(self._columns(), key=lambda column: column.rank):
            if column.rank > _TRAIL_RANK and not trail_width and left >= _LEAST_TRAIL_WIDTH:
                trail_width = _LEAST_TRAIL_WIDTH
                left -= trail_width + len(_GAP)
            cells = [column.cell(row) for row in self._rows]
            width = max([cell_len(column.heading), *(cell.cell_len for cell in cells)])
            if column.rank > _INDISPENSABLE and width > left:
                break
            left -= width + len(_GAP)
            chosen[column] = (width, cells)
        shown = [column for column in _COLUMNS if column in chosen]
        trail_width = min(trail_width + max(0, left), _TRAIL_WIDTH) if trail_width else 0
        headings = [_Cell(Text(column.heading, style="dim"), chosen[column][0], column.justify) for column in shown]
        if trail_width:
            headings.append(_Cell(Text("middle", style="dim"), trail_width, "left"))
        yield from _headings(headings)
        above: list[BookRow] = []
        for index, row in enumerate(self._rows):
            repeated = bool(above) and above[-1].symbol == row.symbol
            if not repeated:
                if len(above) > 1:
                    yield Text()  # behind a symbol that several exchanges have
                above = []
            above.append(row)
            line = []
            for column in shown:
                width, cells = chosen[column]
                blank = repeated and column.rank == _SYMBOL_RANK
                line.append(_Cell(Text() if blank else cells[index], width, column.justify))
            if trail_width:
                trail = self._trails.get((row.exchange, row.symbol), deque())
                line.append(_Cell(_sparkline(trail, trail_width), trail_width, "left"))
            yield _line(line)

    def _columns(self) -> list[_Column]:
        one_exchange = len({row.exchange for row in self._rows}) == 1
        return [column for column in _COLUMNS if not (one_exchange and column.rank == _EXCHANGE_RANK)]


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


_SYMBOL_RANK, _EXCHANGE_RANK, _INDISPENSABLE, _TRAIL_RANK = 0, 1, 4, 9
_COLUMNS = (
    _Column("symbol", _SYMBOL_RANK, "left", lambda row: Text(row.symbol, style="bold")),
    _Column("exchange", _EXCHANGE_RANK, "left", lambda row: Text(row.exchange, style="cyan")),
    _Column("state", 2, "left", _state),
    _Column("size", 10, "right", lambda row: _quantity(row, row.bid)),
    _Column("bid", 3, "right", lambda row: _price(row, row.bid, "green")),
    _Column("ask", 4, "right", lambda row: _price(row, row.ask, "red")),
    _Column("size", 11, "right", lambda row: _quantity(row, row.ask)),
    _Column("spread bps", 5, "right", _spread),
    _Column("age", 9, "right", lambda row: Text(age_text(row.age_s))),
    _Column("sequence", 6, "right", lambda row: Text(str(row.sequence or "-"), style="dim")),
    _Column("deltas", 7, "right", lambda row: Text(count_text(row.deltas))),
    _Column("gaps", 12, "right", lambda row: Text(count_text(row.gaps), style="red" if row.gaps else "dim")),
    _Column("trades", 8, "right", lambda row: Text(count_text(row.trades))),
)


def _sparkline(trail: Trail, width: int) -> Text:
    shown = list(trail)[-width:]
    known = [middle for middle in shown if middle is not None]
    if not known:
        return Text()
    low, high = min(known), max(known)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    line = "".join(" " if middle is None else _BARS[int((middle - low) * scale)] for middle in shown)
    style = "green" if known[-1] > known[0] else "red" if known[-1] < known[0] else "dim"
    return Text(line, style=style)


_OPPORTUNITY_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("arbitrage after fees", "left"),
    ("buy on", "left"),
    ("sell on", "left"),
    ("net bps", "right"),
    ("size", "right"),
    ("profit", "right"),
    ("seen", "right"),
    ("", "left"),
)


def _opportunities(rows: Sequence[OpportunityRow]) -> RenderableType:
    return _table(_OPPORTUNITY_COLUMNS, map(_opportunity_cells, rows))


def _table(columns: Sequence[tuple[str, Literal["left", "right"]]], rows: Iterable[tuple[Text, ...]]) -> RenderableType:
    lines = [tuple(Text(heading, style="dim") for heading, _ in columns), *rows]
    widths = [max(cell.cell_len for cell in column) for column in zip(*lines, strict=True)]
    laid_out = [
        [_Cell(text, width, justify) for text, width, (_, justify) in zip(line, widths, columns, strict=True)]
        for line in lines
    ]
    return Group(*_headings(laid_out[0]), *map(_line, laid_out[1:]))


def _opportunity_cells(row: OpportunityRow) -> tuple[Text, ...]:
    earns = row.net_bps > 0
    style = "yellow" if row.suspect else "bold green" if earns else "dim"
    return (
        Text(row.symbol, style="bold"),
        Text(row.buy_on, style="green" if earns else "dim"),
        Text(row.sell_on, style="red" if earns else "dim"),
        Text(bps_text(row.net_bps, signed=True), style=style),
        Text(quantity_text(row.quantity) if earns else ""),
        Text(f"{row.profit:,.2f} {row.quote}" if earns and row.profit is not None else ""),
        Text(count_text(row.seen)),
        Text("suspect: too good to be true" if row.suspect else "", style="yellow"),
    )


_BASIS_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("perpetual against spot", "left"),
    ("spot on", "left"),
    ("perpetual on", "left"),
    ("basis bps", "right"),
    ("carry net bps", "right"),
    ("reverse net bps", "right"),
    ("funding bps", "right"),
    ("a year", "right"),
)


def _bases(rows: Sequence[BasisRow]) -> RenderableType:
    return _table(_BASIS_COLUMNS, map(_basis_cells, rows))


def _basis_cells(row: BasisRow) -> tuple[Text, ...]:
    def net(bps: float) -> Text:
        return Text(bps_text(bps, signed=True), style="bold green" if bps > 0 else "dim")

    return (
        Text(row.symbol, style="bold"),
        Text(row.spot_on, style="cyan"),
        Text(row.perpetual_on, style="cyan"),
        Text(bps_text(row.basis_bps, signed=True)),
        net(row.carry_bps),
        net(row.reverse_bps),
        Text(bps_text(row.funding_bps, signed=True)),
        Text(bps_text(row.funding_bps_year, signed=True), style="dim"),
    )


def _notes(notes: Sequence[Note]) -> RenderableType:
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


def _figures(figures: Sequence[tuple[str, str]]) -> RenderableType:
    return Text.assemble(*(part for label, value in figures for part in ((f"{label} ", "dim"), value, _GAP)))
