"""``cex conformance``: the numbered cases of an exchange package, against the sandbox or against a venue of yours."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from cex.cli.logs import LogFormat, configure_logging
from cex.cli.opening import SeedOption, chosen_names, running_sandbox
from cex.cli.options import JsonOption, LogFormatOption, VerboseOption
from cex.cli.running import Trouble, run
from cex.exchanges.base.conformance import CASES, Case, Report, Result, VenueUnderTest, Verdict
from cex.exchanges.base.conformance import run as run_cases
from cex.factory import FactoryManager

if TYPE_CHECKING:
    from cex.factory import ComponentRegistry

__all__ = ["chosen_cases", "conformance", "venue_of", "venue_under_test"]

_STYLES = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.NOT_APPLICABLE: "dim"}

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The exchange, as it is installed: mexc, gateio.")]
OnlyOption = Annotated[
    list[str] | None, typer.Option("--only", metavar="TC-..", help="Only cases that begin so; repeatable.")
]
VenueOption = Annotated[
    str | None,
    typer.Option(
        "--venue", metavar="MODULE:OBJECT", help="What makes the venue under test. Default: one of the sandbox."
    ),
]


def conformance(
    name: NameArgument,
    only: OnlyOption = None,
    venue: VenueOption = None,
    seed: SeedOption = 7,
    as_json: JsonOption = False,
    verbose: VerboseOption = 0,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Run the conformance cases of an exchange package, and tell what their passing rests on.

    MODULE:OBJECT is called without arguments and gives an asynchronous context manager of a VenueUnderTest
    (cex.exchanges.base.conformance). Exit code 1 when a case failed.
    """
    cases = chosen_cases(only or ())
    configure_logging(verbose, log_format, warnings_expected=True)
    console = None if as_json else Console(highlight=False, soft_wrap=True)

    async def prove() -> Report:
        async with venue_of(name, seed) if venue is None else venue_under_test(venue) as under_test:
            if under_test.exchange != name:
                raise Trouble(f"{venue} is a venue of {under_test.exchange!r}, not of {name!r}")
            if console is not None:
                console.print(Text(f"conformance of {name}, evidence: {under_test.evidence}", style="bold"))
            return await run_cases(under_test, cases=cases, on_result=None if console is None else _teller(console))

    report = run(prove)
    if console is None:
        sys.stdout.write(json.dumps(report.as_dict()) + "\n")
    else:
        sums = ", ".join(f"{report.count(verdict)} {verdict}" for verdict in Verdict)
        style = "bold red" if report.failed else "bold green"
        console.print(Text(f"{len(report.results)} cases: {sums}", style=style))
    raise typer.Exit(1 if report.failed else 0)


def chosen_cases(only: Sequence[str]) -> tuple[Case, ...]:
    """The cases whose ids begin with one of these texts, all where there are none; wrong usage where none does."""
    for prefix in only:
        if not any(case.id.startswith(prefix.upper()) for case in CASES):
            ids = f"{CASES[0].id} to {CASES[-1].id}"
            raise typer.BadParameter(f"no case begins with {prefix!r}; there are {ids}", param_hint="--only")
    prefixes = tuple(prefix.upper() for prefix in only)
    return tuple(case for case in CASES if not prefixes or case.id.startswith(prefixes))


@asynccontextmanager
async def venue_of(name: str, seed: int, registry: ComponentRegistry | None = None) -> AsyncIterator[VenueUnderTest]:
    """The venue of a sandbox of its own.

    Raises:
        Trouble: there is no such exchange, or the sandbox has no venue for it.
    """
    async with running_sandbox(True, seed) as sandbox, FactoryManager({}, registry) as factory:
        assert sandbox is not None
        chosen_names(factory, [name])
        if name not in sandbox.endpoints:
            raise Trouble(
                f"the sandbox has no venue for {name!r}, only {', '.join(sandbox.endpoints)}: name what makes one with "
                "--venue module:object"
            )
        from cex.cli.sandbox_venue import SandboxVenue

        yield SandboxVenue(sandbox, factory, name)


def venue_under_test(path: str) -> AbstractAsyncContextManager[VenueUnderTest]:
    """What ``module:object`` makes; modules are looked for in the working directory too.

    Raises:
        Trouble: there is no such thing, or it makes something else.
    """
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise Trouble(f"--venue is module:object, such as my_exchange.proving:venue, not {path!r}")
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        make = importlib.import_module(module)
        for part in name.split("."):
            make = getattr(make, part)
    except (ImportError, AttributeError) as error:
        raise Trouble(f"--venue {path}: {error}") from error
    finally:
        sys.path.remove(here)
    made = make() if callable(make) else None
    if not isinstance(made, AbstractAsyncContextManager):
        raise Trouble(f"--venue {path}: called without arguments, it must give an asynchronous context manager")
    return made


def _teller(console: Console) -> Callable[[Result], None]:
    def tell(result: Result) -> None:
        style = _STYLES[result.verdict]
        line = Text.assemble(
            f"{result.case.id}  ",
            (f"{result.verdict:<4}", style),
            f"  {result.seconds:6.2f} s  {result.case.title}",
        )
        console.print(line)
        if result.reason:
            console.print(Text(f"{'':25}{result.reason}", style=style))

    return tell
