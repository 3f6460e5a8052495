"""``cex demo``: what all this is for, without a network: simulated exchanges, the real clients, lost books healed."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cex.cli.figures import bps_text, count_text
from cex.cli.logs import LogFormat, configure_logging
from cex.cli.opening import SeedOption, opened_exchanges, running_sandbox
from cex.cli.options import JsonOption, LogFormatOption, VerboseOption, positive
from cex.cli.running import require_sandbox, run
from cex.cli.session import Session, following
from cex.cli.view import View, choose_view, refreshed
from cex.common.clock import SYSTEM_CLOCK
from cex.common.enums import MarketType
from cex.common.types.symbols import Symbol

if TYPE_CHECKING:
    from cex.sandbox import Sandbox

__all__ = ["DemoResult", "demo", "run_demo"]

_SYMBOLS = tuple(
    Symbol(text) for text in ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT")
)
_INJECTIONS = ((0.3, "mexc", _SYMBOLS[0]), (0.55, "gateio", _SYMBOLS[1]))
"""When (as a part of the run), where and of which symbol a delta is lost on purpose."""
_GRACE_S = 5.0
"""For a lost book that is not healed when the time is over."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What a demonstration came to. ``best_net_bps`` is 0 where two books were never LIVE together."""

    seed: int
    session: Session
    gaps_injected: int

    def as_json(self) -> dict[str, object]:
        session = self.session
        return {
            "seed": self.seed,
            "seconds": round(session.seconds, 3),
            "messages": session.messages,
            "books_live": session.books_live,
            "spot_books_live": session.live_of(MarketType.SPOT),
            "futures_books_live": session.live_of(MarketType.FUTURES),
            "gaps_injected": self.gaps_injected,
            "gaps_healed": session.resyncs,
            "crossed_live_reads": session.crossed_live_reads,
            "opportunities": session.opportunities,
            "best_net_bps": round(session.best_net_bps or 0.0, 4),
            "errors": session.errors + session.interruptions,
        }

    def sentence(self) -> str:
        session = self.session
        best = bps_text(session.best_net_bps, signed=True)
        return (
            f"{session.seconds:.1f} s on the sandbox's market (seed {self.seed}): "
            f"{count_text(session.messages)} messages, {session.books_live} of {len(session.rows)} books live, "
            f"{session.crossed_live_reads} crossed reads; "
            f"{self.gaps_injected} gaps injected, {session.resyncs} healed; "
            f"{session.opportunities} opportunities after fees, the best at {best} bps; "
            f"{session.errors + session.interruptions} errors"
        )


def demo(
    seconds: Annotated[
        float, typer.Option("--seconds", callback=positive, metavar="N", help="How long it goes on.")
    ] = 20.0,
    seed: SeedOption = 7,
    as_json: JsonOption = False,
    verbose: VerboseOption = 0,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """See it work, without a network: two simulated exchanges, the real clients, and arbitrage between them.

    The exchanges run in this process and speak MEXC's and Gate.io's own protocols over loopback. On the way updates are
    lost on purpose, and you see the book notice and heal.
    """
    configure_logging(verbose, log_format)
    if not verbose:
        # The view tells of the books that are lost on purpose; the log need not.
        logging.getLogger("cex.exchanges.base.books").setLevel(logging.ERROR)
    require_sandbox()
    result = run(lambda: run_demo(choose_view(json=as_json), seconds=seconds, seed=seed))
    sys.stdout.write((json.dumps(result.as_json()) if as_json else result.sentence()) + "\n")


async def run_demo(view: View, *, seconds: float, seed: int) -> DemoResult:
    """Show the demonstration on ``view`` for so many seconds."""
    session = Session(f"cex demo  two simulated exchanges, seed {seed}", SYSTEM_CLOCK)
    async with (
        running_sandbox(True, seed) as sandbox,
        opened_exchanges(None, sandbox=sandbox) as exchanges,
        following(session, exchanges, _SYMBOLS),
        refreshed(view, session.screen),
    ):
        assert sandbox is not None
        sabotage = asyncio.create_task(_lose_deltas(sandbox, session, seconds), name="demo faults")
        try:
            await asyncio.sleep(seconds)
            await sabotage
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_S):
                    await asyncio.gather(*(observer.wait_all_live() for observer in session.observers))
        finally:
            sabotage.cancel()
            with suppress(asyncio.CancelledError):
                await sabotage
        session.conclude()
        return DemoResult(seed, session, sandbox.faults.injected["deltas_dropped"])


async def _lose_deltas(sandbox: Sandbox, session: Session, seconds: float) -> None:
    begun = session.seconds
    for part, venue, symbol in _INJECTIONS:
        await asyncio.sleep(max(0.0, begun + part * seconds - session.seconds))
        sandbox.faults.drop_delta(venue, symbol)
        session.notebook.tell(f"{venue} {symbol}: one update is kept back on purpose")
