"""The command itself: its options, and which exchanges are looked at."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cex.cli.doctor.findings import Examination, Finding
from cex.cli.doctor.report import Report
from cex.cli.doctor.rounds import Rounds
from cex.cli.logs import LogFormat, configure_logging
from cex.cli.opening import ConfigOption, SandboxOption, SeedOption, chosen_names, running_sandbox, settings_of
from cex.cli.options import JsonOption, LogFormatOption, VerboseOption, positive
from cex.cli.running import run
from cex.cli.session import parsed_symbols
from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.exceptions import ConfigurationException
from cex.common.types.symbols import Symbol
from cex.factory import ComponentRegistry, FactoryManager

if TYPE_CHECKING:
    from cex.sandbox import Sandbox

__all__ = ["doctor", "examine"]

ExchangesArgument = Annotated[list[str] | None, typer.Argument(metavar="EXCHANGE", help="Default: all.")]
SymbolOption = Annotated[
    list[str] | None, typer.Option("--symbol", metavar="SYMBOL", help="Tell its rules and fees too; repeatable.")
]
AccountOption = Annotated[
    str | None, typer.Option("--account", metavar="NAME", help="Only this one. Default: all in the settings.")
]
LimitOption = Annotated[
    float, typer.Option("--limit", callback=positive, metavar="S", help="Seconds that one check may take.")
]


def doctor(
    exchanges: ExchangesArgument = None,
    account: AccountOption = None,
    symbol: SymbolOption = None,
    sandbox: SandboxOption = False,
    seed: SeedOption = 7,
    limit: LimitOption = 20.0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = 0,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Check settings, network, clock, streams and keys; every failure has a line that says what to do.

    Places no order and moves no money. Exit code 0 when all is well, otherwise 1.
    """
    symbols = parsed_symbols(symbol or ())
    configure_logging(verbose, log_format)
    report = Report(sys.stdout, as_lines=not as_json)

    async def look() -> None:
        async with running_sandbox(sandbox, seed) as running:
            await examine(report.add, exchanges, account, symbols, sandbox=running, config=config, limit=limit)

    run(look)
    if as_json:
        sys.stdout.write(json.dumps(report.json()) + "\n")
    else:
        report.sum_up()
    raise typer.Exit(0 if report.is_well else 1)


async def examine(
    tell: Callable[[Finding], None],
    names: Sequence[str] | None,
    account: str | None = None,
    symbols: Sequence[Symbol] = (),
    *,
    sandbox: Sandbox | None = None,
    config: Path | None = None,
    registry: ComponentRegistry | None = None,
    limit: float = 20.0,
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Look at these exchanges (None: all that are switched on), one after the other.

    Raises:
        Trouble: there is no such exchange or none at all.
    """
    async with FactoryManager({} if sandbox is not None else config, registry) as factory:
        rounds = Rounds(factory, tell, account=account, symbols=symbols, limit=limit, clock=clock)
        for name in chosen_names(factory, names, sandbox):
            about = Examination(name, tell, limit=limit)
            try:
                settings = settings_of(factory, name, sandbox)
            except ConfigurationException as error:
                about.failed("configuration", error)
                continue
            if names or settings.enabled:
                await rounds.exchange(name, settings)
            else:
                about.skipped("configuration", "switched off in the settings (enabled)")
