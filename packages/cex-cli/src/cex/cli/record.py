"""``cex record``: write down what the exchanges say, as ``cex replay`` plays it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

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
from cex.cli.options import JsonOption, LogFormatOption, SecondsOption, VerboseOption
from cex.cli.results import results_json, results_sentence
from cex.cli.running import Trouble, run
from cex.cli.session import Session, following, parsed_symbols
from cex.cli.view import View, choose_view, refreshed
from cex.common.clock import SYSTEM_CLOCK
from cex.common.types.symbols import Symbol
from cex.networking import Recorder, RecorderStats, Tap

__all__ = ["Gate", "record"]


def record(
    symbols: SymbolsArgument,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The file to write; it must not exist.")],
    exchange: ExchangeOption = None,
    sandbox: SandboxOption = False,
    seed: SeedOption = 7,
    seconds: SecondsOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = 0,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Record the books and trades of these symbols, as `cex replay` plays them.

    Ends with Ctrl-C or after --seconds. The books in the summary are those at the last recorded frame.
    """
    wanted = parsed_symbols(symbols)
    configure_logging(verbose, log_format)
    session = Session(f"cex record  {out}", SYSTEM_CLOCK)
    recorder = Recorder(out)
    view = choose_view(json=as_json)
    try:
        run(lambda: _record(session, recorder, view, wanted, exchange, sandbox, seed, seconds, config))
    except FileExistsError as error:
        raise Trouble(f"{out} exists already, and a recording never replaces a file: name another") from error
    finally:
        if session.observers:
            summary = json.dumps(_summary(session, recorder)) if as_json else _sentence(session, recorder)
            sys.stdout.write(summary + "\n")


async def _record(
    session: Session,
    recorder: Recorder,
    view: View,
    symbols: Sequence[Symbol],
    names: Sequence[str] | None,
    sandboxed: bool,
    seed: int,
    seconds: float | None,
    config: Path | None,
) -> None:
    tap = Gate(recorder)
    async with (
        running_sandbox(sandboxed, seed) as sandbox,
        recorder,
        opened_exchanges(names, sandbox=sandbox, config=config, tap=tap) as exchanges,
        following(session, exchanges, symbols, scouting=False),
        refreshed(view, session.screen),
    ):
        try:
            async with asyncio.timeout(seconds):
                await asyncio.Event().wait()
        except TimeoutError:
            pass
        finally:
            # Both in one step, so that the summary tells the books at the last recorded frame.
            tap.shut = True
            session.conclude()


class Gate:
    """Lets frames and answers through to the recorder until it is shut, and the ends of connections always."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self.shut = False

    def opened(self, connection: int, url: str, at_ns: int) -> None:
        self._tap.opened(connection, url, at_ns)

    def sent(self, connection: int, data: str, at_ns: int) -> None:
        if not self.shut:
            self._tap.sent(connection, data, at_ns)

    def received(self, connection: int, data: bytes | str, at_ns: int) -> None:
        if not self.shut:
            self._tap.received(connection, data, at_ns)

    def closed(self, connection: int, code: int | None, reason: str, at_ns: int) -> None:
        self._tap.closed(connection, code, reason, at_ns)

    def answered(self, method: str, url: str, status: int, body: bytes, at_ns: int) -> None:
        if not self.shut:
            self._tap.answered(method, url, status, body, at_ns)


def _summary(session: Session, recorder: Recorder) -> dict[str, object]:
    stats: RecorderStats = recorder.stats
    return {
        "file": str(recorder.path),
        "seconds": round(session.seconds, 3),
        "records": stats.records,
        "bytes": stats.bytes,
        "dropped": stats.dropped,
        "symbols": results_json(session.results),
        "errors": session.errors,
    }


def _sentence(session: Session, recorder: Recorder) -> str:
    stats = recorder.stats
    dropped = f", {stats.dropped} dropped" if stats.dropped else ""
    return (
        f"{recorder.path}: {stats.records} records, {stats.bytes} bytes{dropped} in {session.seconds:.1f} s\n"
        f"{results_sentence(session.results)} at the last frame; {session.errors} errors"
    )
