"""``cex config``: check a settings file, show what is in force and where it came from, print a file to begin with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cex.cli.options import JsonOption
from cex.config.config_manager import ConfigManager
from cex.config.core.validation import dotted
from cex.config.example import example_file
from cex.factory.component_registry import ComponentRegistry

__all__ = ["app"]

app = typer.Typer(name="config", help="Check, explain and begin a settings file.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A settings file, TOML or YAML.")]
OptionalFileArgument = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="A settings file; without one: environment and defaults.")
]


@app.command()
def check(file: FileArgument) -> None:
    """Say whether a settings file is good; list every fault if not."""
    settings = _manager(file)
    settings.load()
    exchanges = ", ".join(settings.exchange_names()) or "none"
    typer.echo(f"{file} is good (environment {settings.environment}; exchanges: {exchanges})")


@app.command()
def show(file: OptionalFileArgument = None, as_json: JsonOption = False) -> None:
    """Show every setting in force, secrets masked, and where it came from."""
    rows = [(dotted(item.path), item.value, item.origin) for item in _manager(file).explain()]
    if as_json:
        typer.echo(json.dumps({name: {"value": value, "origin": origin} for name, value, origin in rows}, indent=2))
        return
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, origin in rows:
        typer.echo(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}")


@app.command()
def example() -> None:
    """Print a commented settings file with every setting of the installed exchanges; it validates as it is."""
    typer.echo(example_file(ComponentRegistry().config_types), nl=False)


def _manager(file: Path | None) -> ConfigManager:
    return ConfigManager(file, exchange_types=ComponentRegistry().config_types)
