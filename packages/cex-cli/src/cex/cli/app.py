"""The ``cex`` command: its subcommands, and the way from an error to an exit code."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

__all__ = ["build_app", "main"]

_INTERRUPTED = 130


def build_app() -> typer.Typer:
    """The command line as a typer application."""
    import typer

    from cex.cli.balances import balances
    from cex.cli.config import app as config
    from cex.cli.conformance import conformance
    from cex.cli.demo import demo
    from cex.cli.doctor import doctor
    from cex.cli.orders import orders
    from cex.cli.record import record
    from cex.cli.replay import replay
    from cex.cli.sandbox import serve
    from cex.cli.watch import watch

    app = typer.Typer(
        name="cex",
        help="Proven order books of cryptocurrency exchanges: watch, record and replay them, and find arbitrage.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )
    app.callback()(_all_commands)
    for command in (demo, watch, record, replay, doctor, balances, orders, conformance):
        app.command()(command)
    sandbox = typer.Typer(name="sandbox", help="Simulated exchanges on this machine.", no_args_is_help=True)
    sandbox.callback()(_all_commands)
    sandbox.command()(serve)
    app.add_typer(sandbox)
    app.add_typer(config)
    return app


def main() -> None:
    """Run the command line; exit code 0 done, 1 an error told in one line, 2 wrong usage, 130 interrupted."""
    # A shell that starts us in the background has us ignore interrupts; whoever sends one means it all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _run()
    except KeyboardInterrupt:  # before a command could take it, while its modules were being imported
        sys.exit(_INTERRUPTED)


def _run() -> None:
    from cex.cli.running import Trouble
    from cex.common.exceptions import CexArbitrageException

    try:
        build_app()()
    except (Trouble, CexArbitrageException, OSError) as error:
        message = error.message if isinstance(error, CexArbitrageException) else str(error)
        sys.stderr.write(f"cex: {message}\n")
        sys.exit(1)


def _all_commands() -> None:
    pass
