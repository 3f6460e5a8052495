"""What is shown: a table in a terminal, plain lines elsewhere, nothing beside JSON."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from rich.console import Console

from cex.cli.drawing import Canvas
from cex.cli.screen import BookRow, Note, OpportunityRow, Screen
from cex.cli.view import PlainView, SilentView, TerminalView, choose_view, refreshed
from cex.common.enums import BookState
from cex.common.types.market import PriceLevel


def row(exchange: str = "mexc", symbol: str = "BTC/USDT", bid: float | None = 84270.0, **changes: Any) -> BookRow:
    facts: dict[str, Any] = {
        "exchange": exchange,
        "symbol": symbol,
        "state": BookState.LIVE,
        "reason": "in sequence",
        "bid": None if bid is None else PriceLevel(bid, 0.5),
        "ask": PriceLevel(84270.5, 12345.0),
        "age_s": 0.042,
        "sequence": 81999,
        "deltas": 1234,
        "applied": 1230,
        "stale": 4,
        "gaps": 0,
        "resyncs": 0,
        "trades": 88,
        "price_decimals": 2,
    }
    return BookRow(**{**facts, **changes})


GAPPED: dict[str, Any] = {
    "state": BookState.GAPPED,
    "reason": "updates 3 to 4 are missing",
    "bid": None,
    "ask": None,
    "gaps": 1,
}
OPPORTUNITY = OpportunityRow(
    symbol="BTC/USDT",
    buy_on="gateio",
    sell_on="mexc",
    net_bps=12.34,
    quantity=0.5,
    profit=52.1,
    quote="USDT",
    suspect=False,
    seen=3,
)


def screen(*rows: BookRow, **changes: Any) -> Screen:
    facts: dict[str, Any] = {"title": "cex test", "rows": rows, "elapsed_s": 1.5}
    return Screen(**{**facts, **changes})


def drawn(shown: Screen, width: int, canvas: Canvas | None = None) -> str:
    console = Console(file=io.StringIO(), width=width, record=True)
    console.print((canvas or Canvas()).draw(shown))
    return console.export_text()


def test_a_wide_terminal_shows_every_figure() -> None:
    shown = screen(
        row("gateio"),
        row("mexc", **GAPPED),
        row("mexc", "ETH/USDT"),
        opportunities=(OPPORTUNITY,),
        notes=(Note(1, 0.5, "mexc BTC/USDT lost", False),),
        figures=(("messages", "1,234"),),
        progress=0.5,
    )
    text = drawn(shown, 170)
    for expected in (
        "cex test", "2 of 3 books live", "1.5 s", "84,270.00", "84,270.50", "0.5", "12,345", "0.1", "42 ms", "81999",
        "● LIVE", "✕ GAPPED", "12.3", "52.10 USDT", "0.50 s  mexc BTC/USDT lost", "messages 1,234", "━",
    ):  # fmt: skip
        assert expected in text, expected
    gapped = next(line for line in text.splitlines() if "GAPPED" in line)
    assert "84,270" not in gapped, "a book that is not LIVE shows no price"
    assert text.count("BTC/USDT ") == 3, "once in the table, in the arbitrage, in the events"


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140])
def test_a_narrow_terminal_shows_what_matters_whole(width: int) -> None:
    text = drawn(screen(row("gateio"), row("mexc")), width)
    for expected in ("BTC/USDT", "gateio", "● LIVE", "84,270.00", "84,270.50"):
        assert expected in text, expected
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_columns_come_with_the_room_for_them() -> None:
    shown = screen(row("gateio"), row("mexc"))
    assert "sequence" not in drawn(shown, 70)
    assert "sequence" in drawn(shown, 90)
    assert "exchange" not in drawn(screen(row("mexc")), 140), "one exchange need not be told in every line"
    assert "BTC/USDT" in drawn(screen(), 80) or drawn(screen(), 80).strip().startswith("cex test")


def test_the_way_of_the_price_is_drawn() -> None:
    canvas = Canvas()
    for middle in (1.0, 2.0, 3.0):
        canvas.draw(screen(row(bid=middle, ask=PriceLevel(middle + 1, 1.0))))
    text = drawn(screen(row(**GAPPED)), 140, canvas)
    assert "▁▄█ " in text or "▁▄█" in text


def test_an_empty_side_and_a_suspect_spread_are_told() -> None:
    suspect = OpportunityRow(
        symbol="X/Y", buy_on="a", sell_on="b", net_bps=900.0, quantity=1.0, profit=9.0, quote="Y", suspect=True, seen=0
    )
    nothing = OpportunityRow(
        symbol="V/W",
        buy_on="a",
        sell_on="b",
        net_bps=-9.0,
        quantity=None,
        profit=None,
        quote="W",
        suspect=False,
        seen=0,
    )
    text = drawn(screen(row(bid=None), opportunities=(suspect, nothing)), 140)
    assert "suspect" in text
    assert "-9.0" in text
    assert " - " in text


def test_plain_lines_tell_changes_and_from_time_to_time_everything() -> None:
    out = io.StringIO()
    view = PlainView(out)
    live, lost = row(), row(**GAPPED)
    view.show(screen(live, elapsed_s=0.1))
    view.show(screen(live, elapsed_s=0.2))
    view.show(screen(lost, elapsed_s=0.3, notes=(Note(1, 0.25, "it broke", False),)))
    view.show(screen(lost, elapsed_s=0.4, notes=(Note(1, 0.25, "it broke", False),)))
    view.show(screen(live, elapsed_s=6.0, notes=(Note(1, 0.25, "it broke", False), Note(2, 5.9, "mended", True))))
    view.show(screen(live, elapsed_s=11.5))
    view.close()
    live_line = "mexc BTC/USDT LIVE bid 84,270.00 ask 84,270.50 sequence 81999 deltas 1234 trades 88"
    assert [line.split("s  ", 1) for line in out.getvalue().splitlines()] == [
        ["   0.100 ", live_line],
        ["   0.250 ", "it broke"],
        ["   0.300 ", "mexc BTC/USDT GAPPED: updates 3 to 4 are missing"],
        ["   5.900 ", "mended"],
        ["   6.000 ", live_line],
        ["  11.500 ", live_line],
    ]


def test_plain_lines_end_with_the_last_figures() -> None:
    out = io.StringIO()
    view = PlainView(out)
    view.show(screen(row(), elapsed_s=0.1))
    view.show(screen(row(deltas=2000), elapsed_s=0.2))
    assert "deltas 2000" not in out.getvalue()
    view.close()
    assert out.getvalue().splitlines()[-1].endswith("sequence 81999 deltas 2000 trades 88")


def test_a_terminal_gets_the_table_and_keeps_the_last_one() -> None:
    out = io.StringIO()
    view = TerminalView(Console(file=out, force_terminal=True, width=100))
    view.show(screen(row()))
    view.show(screen(row(), elapsed_s=2.5))
    view.close()
    assert "cex test" in out.getvalue()
    assert out.getvalue().rstrip().count("2.5 s") >= 1


def test_the_view_fits_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(choose_view(json=True), SilentView)
    assert isinstance(choose_view(json=False, out=io.StringIO()), PlainView)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    chosen = choose_view(json=False, out=io.StringIO())
    assert isinstance(chosen, TerminalView)
    chosen.close()


class Counting:
    def __init__(self) -> None:
        self.shown: list[float] = []
        self.closed = False

    def show(self, shown: Screen) -> None:
        self.shown.append(shown.elapsed_s)

    def close(self) -> None:
        self.closed = True


async def test_a_view_is_refreshed_and_shows_the_end() -> None:
    view, moment = Counting(), 0.0

    def now() -> Screen:
        nonlocal moment
        moment += 1
        return screen(elapsed_s=moment)

    async with refreshed(view, now):
        await asyncio.sleep(0.3)
    assert len(view.shown) >= 3
    assert view.shown == sorted(view.shown)
    assert view.closed
    silent = SilentView()
    silent.show(screen())
    silent.close()


async def test_a_view_that_fails_ends_the_block_with_its_error() -> None:
    class Failing(Counting):
        def show(self, shown: Screen) -> None:
            raise BrokenPipeError("nobody reads")

    with pytest.raises(BrokenPipeError):
        async with refreshed(Failing(), screen):
            await asyncio.sleep(0.05)
