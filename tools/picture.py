"""Draws docs/demo.svg for the README, from a real run: `python3 tools/dev.py run python tools/picture.py`."""

from __future__ import annotations

import argparse
import asyncio
import io
import re
import sys
from pathlib import Path

from rich.console import Console, RenderableType

from cex.cli.demo import run_demo
from cex.cli.drawing import Canvas
from cex.cli.screen import Screen

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 126
WEB_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class Picture:
    """Keeps what a view would draw at the moment worth showing: an arbitrage, and a healed book in the events."""

    def __init__(self) -> None:
        self._canvas = Canvas()
        self._drawn: RenderableType = ""
        self._worth = float("-inf")

    def show(self, screen: Screen) -> None:
        drawn = self._canvas.draw(screen)
        healed = sum(note.good is True for note in screen.notes)
        worth = healed * 1_000 + max((row.net_bps for row in screen.opportunities), default=0.0)
        if worth >= self._worth:
            self._worth, self._drawn = worth, drawn

    def close(self) -> None:
        pass

    def svg(self) -> str:
        console = Console(file=io.StringIO(), record=True, width=WIDTH, force_terminal=True, color_system="truecolor")
        console.print(self._drawn)
        # No fonts from elsewhere: a picture in a README must not fetch anything.
        picture = WEB_FONTS.sub("", console.export_svg(title="cex demo"))
        return picture.replace("<svg ", '<svg xml:space="preserve" ', 1)  # some renderers drop leading blanks


def main(arguments: list[str]) -> int:
    """Run the demonstration and write its picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "demo.svg")
    options = parser.parse_args(arguments)
    picture = Picture()
    result = asyncio.run(run_demo(picture, seconds=options.seconds, seed=options.seed))
    options.out.write_text(picture.svg(), encoding="utf-8")
    print(f"{options.out}: {result.sentence()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
