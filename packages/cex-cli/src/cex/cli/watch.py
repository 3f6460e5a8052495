"""``cex watch``: live books of several exchanges side by side, and what lies between them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cex.cli.figures import bps_text
from cex.cli.logs import LogFormat, configure_logging
from cex.cli.opening import (
    ConfigOption,
    ExchangeOption,
    SandboxOption,
    SeedOption,
    SymbolsArgument,
    opened_exchanges,
    running_sandbox,
)
from cex.cli.options import JsonOption, LogFormatOption, SecondsOption, VerboseOption, positive
from cex.cli.results import results_json
from cex.cli.running import run
from cex.cli.screen import BasisRow
from cex.cli.session import Session, following, parsed_symbols
from cex.cli.view import View, choose_view, refreshed
from cex.common.clock import SYSTEM_CLOCK
from cex.common.types.symbols import Symbol

__all__ = ["watch"]

CutOption = Annotated[
    float | None,
    typer.Option("--cut-every", callback=positive, metavar="S", help="Sandbox: cut all connections each S seconds."),
]


def watch(
    symbols: SymbolsArgument,
    exchange: ExchangeOption = None,
    sandbox: SandboxOption = False,
    seed: SeedOption = 7,
    cut_every: CutOption = None,
    seconds: SecondsOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = 0,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Watch the books of these symbols, live, on every exchange that lists them, and what an arbitrage would bring.

    Ends with Ctrl-C or after --seconds, and then sums up.
    """
    if cut_every is not None and not sandbox:
        raise typer.BadParameter("only the sandbox's connections can be cut: add --sandbox", param_hint="--cut-every")
    wanted = parsed_symbols(symbols)
    configure_logging(verbose, log_format)
    session = Session("cex watch", SYSTEM_CLOCK)
    view = choose_view(json=as_json)
    try:
        run(lambda: _watch(session, view, wanted, exchange, sandbox, seed, cut_every, seconds, config))
    finally:
        if session.observers:
            sys.stdout.write((json.dumps(_summary(session)) if as_json else _sentence(session)) + "\n")


async def _watch(
    session: Session,
    view: View,
    symbols: Sequence[Symbol],
    names: Sequence[str] | None,
    sandboxed: bool,
    seed: int,
    cut_every: float | None,
    seconds: float | None,
    config: Path | None,
) -> None:
    async with (
        running_sandbox(sandboxed, seed, cut_every) as sandbox,
        opened_exchanges(names, sandbox=sandbox, config=config) as exchanges,
        following(session, exchanges, symbols),
        refreshed(view, session.screen),
    ):
        if seconds is None:
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(seconds)


def _summary(session: Session) -> dict[str, object]:
    return {
        "seconds": round(session.seconds, 3),
        "messages": session.messages,
        "symbols": results_json(session.results),
        "books_live": session.books_live,
        "interruptions": session.interruptions,
        "resyncs": session.resyncs,
        "slowest_resync_s": round(session.slowest_resync_s, 3),
        "crossed_live_reads": session.crossed_live_reads,
        "bases": [_basis_json(row) for row in session.bases],
        "opportunities": session.opportunities,
        "best_net_bps": None if session.best_net_bps is None else round(session.best_net_bps, 4),
        "errors": session.errors,
    }


def _basis_json(row: BasisRow) -> dict[str, object]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(row).items()}


def _sentence(session: Session) -> str:
    best = f", the best at {bps_text(session.best_net_bps, signed=True)} bps" if session.opportunities else ""
    return (
        f"{session.seconds:.1f} s: {session.messages} messages, "
        f"{session.books_live} of {len(session.rows)} books live, "
        f"{session.interruptions} connections lost, {session.resyncs} books live again, "
        f"{session.opportunities} opportunities{best}, {session.errors} errors"
    )
