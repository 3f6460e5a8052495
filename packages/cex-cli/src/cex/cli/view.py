"""The live view of replay, watch and demo: a table in a terminal, plain lines elsewhere, nothing beside JSON."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.live import Live

from cex.cli.drawing import Canvas
from cex.cli.figures import price_text
from cex.cli.screen import BookRow, Screen
from cex.common.enums import BookState

__all__ = ["PlainView", "SilentView", "TerminalView", "View", "choose_view", "refreshed"]

_REFRESHES_PER_SECOND = 8
_PLAIN_LINE_EVERY_S = 5.0


class View(Protocol):
    """Something that shows screens."""

    def show(self, screen: Screen) -> None:
        """Show this screen in place of the one before."""
        ...

    def close(self) -> None:
        """Leave the last screen behind and give the terminal back."""
        ...


class SilentView:
    """Shows nothing."""

    def show(self, screen: Screen) -> None:
        pass

    def close(self) -> None:
        pass


class TerminalView:
    """A table that is redrawn in place; the last one stays."""

    def __init__(self, console: Console) -> None:
        # auto_refresh would start a thread.
        self._live = Live(console=console, auto_refresh=False, transient=False, vertical_overflow="crop")
        self._canvas = Canvas()
        self._live.start()

    def show(self, screen: Screen) -> None:
        self._live.update(self._canvas.draw(screen), refresh=True)

    def close(self) -> None:
        self._live.stop()


class PlainView:
    """One line for every change of a book's state, every note, and from time to time and at the end for every book."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._states: dict[tuple[str, str], BookState] = {}
        self._said: dict[tuple[str, str], str] = {}
        self._last: Screen | None = None
        self._said_at_s = 0.0
        self._notes = 0

    def show(self, screen: Screen) -> None:
        due = screen.elapsed_s - self._said_at_s >= _PLAIN_LINE_EVERY_S
        if due:
            self._said_at_s = screen.elapsed_s
        for note in screen.notes:
            if note.number > self._notes:
                self._notes = note.number
                self._say(note.at_s, note.text)
        for row in screen.rows:
            key = (row.exchange, row.symbol)
            if due or self._states.get(key) is not row.state:
                self._states[key] = row.state
                self._said[key] = _line(row)
                self._say(screen.elapsed_s, self._said[key])
        self._last = screen

    def close(self) -> None:
        if self._last is not None:
            for row in self._last.rows:
                if self._said.get((row.exchange, row.symbol)) != _line(row):
                    self._say(self._last.elapsed_s, _line(row))
        self._out.flush()

    def _say(self, at_s: float, text: str) -> None:
        self._out.write(f"{at_s:8.3f} s  {text}\n")


def _line(row: BookRow) -> str:
    name = f"{row.exchange} {row.symbol} {row.state.upper()}"
    if row.state is not BookState.LIVE:
        return f"{name}: {row.reason}"
    bid, ask = (price_text(level.price if level else None, row.price_decimals) for level in (row.bid, row.ask))
    return f"{name} bid {bid} ask {ask} sequence {row.sequence} deltas {row.deltas} trades {row.trades}"


def choose_view(*, json: bool, out: TextIO | None = None) -> View:
    """Nothing beside JSON, a table where somebody looks, plain lines elsewhere."""
    if json:
        return SilentView()
    console = Console(file=out)
    return (
        TerminalView(console) if console.is_terminal and not console.is_dumb_terminal else PlainView(out or sys.stdout)
    )


@asynccontextmanager
async def refreshed(view: View, screen: Callable[[], Screen]) -> AsyncIterator[None]:
    """Show ``screen()`` again and again inside of the block, and a last time at its end.

    A view that cannot show any more, because nobody reads it, ends the block with its error.
    """

    async def refresh() -> None:
        while True:
            view.show(screen())
            await asyncio.sleep(1 / _REFRESHES_PER_SECOND)

    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(refresh(), name="live view")
            try:
                yield
                view.show(screen())
            finally:
                task.cancel()
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    finally:
        view.close()
