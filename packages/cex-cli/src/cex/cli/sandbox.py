"""``cex sandbox``: the simulated exchanges as a server of its own, for any client."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from cex.cli.logs import LogFormat, configure_logging
from cex.cli.opening import SeedOption
from cex.cli.options import LogFormatOption, VerboseOption, positive
from cex.cli.running import Trouble, require_sandbox, run

__all__ = ["serve"]

PortOption = Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")]


def serve(
    seed: SeedOption = 7,
    mexc_port: PortOption = 0,
    gateio_port: PortOption = 0,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    cut_every: Annotated[
        float | None,
        typer.Option("--cut-every", callback=positive, metavar="S", help="Cut all connections each S seconds."),
    ] = None,
    verbose: VerboseOption = 0,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Serve a simulated MEXC and Gate.io in their own protocols until interrupted.

    Prints one line of JSON with the addresses as soon as they answer.
    """
    configure_logging(verbose, log_format)
    require_sandbox()
    from cex.sandbox import Sandbox
    from cex.sandbox import serve as serve_sandbox

    sandbox = Sandbox(seed=seed, host=host, mexc_port=mexc_port, gateio_port=gateio_port)
    if cut_every is not None:
        sandbox.faults.cut_every(cut_every)

    def announce(announcement: dict[str, object]) -> None:
        sys.stdout.write(json.dumps(announcement) + "\n")
        sys.stdout.flush()

    try:
        run(lambda: serve_sandbox(sandbox, announce))
    except OSError as error:
        raise Trouble(f"cannot listen: {error.strerror or error}; name other ports, or 0 for free ones") from error
