"""``cex sandbox``: the simulated exchanges as a server of its own, for any client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cex.cli.logs import LogFormat, configure_logging
from cex.cli.options import LogFormatOption, VerboseOption, positive
from cex.cli.running import Trouble, require_sandbox, run

if TYPE_CHECKING:
    from cex.sandbox import Sandbox

__all__ = ["serve"]

PortOption = Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one.")]

_LOOK_FOR_PARENT_EVERY = 0.5


def serve(
    seed: Annotated[int | None, typer.Option("--seed", help="What the market depends on; default 7.")] = None,
    mexc_port: PortOption = 0,
    gateio_port: PortOption = 0,
    control_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="A port for the control API alone; 0 takes a free one.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    scenario: Annotated[
        Path | None, typer.Option("--scenario", metavar="FILE", help="Market, accounts, faults from a TOML file.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault", metavar="KIND[:K=V,...]", help="Switch a fault on, e.g. drop_delta:probability=0.01; repeatable."
        ),
    ] = None,
    cut_every: Annotated[
        float | None,
        typer.Option("--cut-every", callback=positive, metavar="S", help="Cut all connections each S seconds."),
    ] = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", metavar="FILE", help="Record what happens as JSON lines.")
    ] = None,
    exit_with_parent: Annotated[
        bool,
        typer.Option(
            "--exit-with-parent", help="End when the process that started this one ends, or closes our input pipe."
        ),
    ] = False,
    verbose: VerboseOption = 0,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Serve a simulated MEXC and Gate.io in their own protocols until interrupted.

    Prints one line of JSON with the addresses and the keys of the accounts as soon as they answer.
    """
    configure_logging(verbose, log_format)
    require_sandbox()
    from cex.sandbox import Sandbox, read_scenario
    from cex.sandbox import serve as serve_sandbox

    parent = os.getppid()
    try:
        settings: dict[str, Any] = {} if scenario is None else read_scenario(scenario).settings()
        if seed is not None:
            settings["seed"] = seed
        settings["faults"] = [*settings.get("faults", ()), *(fault or ())]
        sandbox = Sandbox(
            host=host,
            mexc_port=mexc_port or 0,
            gateio_port=gateio_port or 0,
            control_port=control_port,
            journal=journal,
            **settings,
        )
        if cut_every is not None:
            sandbox.faults.cut_every(cut_every)
    except ValueError as error:
        raise Trouble(str(error)) from error
    except OSError as error:
        raise Trouble(f"cannot read {scenario}: {error.strerror or error}") from error

    def announce(announcement: dict[str, object]) -> None:
        sys.stdout.write(json.dumps(announcement) + "\n")
        sys.stdout.flush()

    async def serve_until_the_end() -> None:
        if exit_with_parent:
            await _until_parent_ends(sandbox, announce, parent)
        else:
            await serve_sandbox(sandbox, announce)

    try:
        run(serve_until_the_end)
    except OSError as error:
        what = f"write {error.filename}" if error.filename else "listen"
        remedy = "" if error.filename else "; name other ports, or 0 for free ones"
        raise Trouble(f"cannot {what}: {error.strerror or error}{remedy}") from error


async def _until_parent_ends(sandbox: Sandbox, announce: Callable[[dict[str, object]], None], parent: int) -> None:
    """Run it as long as the process that started us lives and, where our input is a pipe of its, holds that open."""
    async with sandbox, contextlib.AsyncExitStack() as stack:
        announce(sandbox.announcement())
        closed = asyncio.Event()
        mode = os.fstat(sys.stdin.fileno()).st_mode if sys.stdin is not None else 0
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            loop = asyncio.get_running_loop()
            pipe, _ = await loop.connect_read_pipe(lambda: _Input(closed), sys.stdin)
            stack.callback(pipe.close)
        while os.getppid() == parent and not closed.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(closed.wait(), _LOOK_FOR_PARENT_EVERY)


class _Input(asyncio.Protocol):
    """Notices the end of an input that nobody reads."""

    def __init__(self, closed: asyncio.Event) -> None:
        self._closed = closed

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()
