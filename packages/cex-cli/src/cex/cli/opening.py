"""Which exchanges a command works with: the live ones of the settings, or the sandbox's of this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cex.cli.running import Trouble, require_sandbox
from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.common.exceptions import ExchangeConnectionException
from cex.config import CUSTOM_PROFILE
from cex.factory import ComponentRegistry, FactoryManager

if TYPE_CHECKING:
    from cex.config import BaseExchangeConfig
    from cex.exchanges.base.interfaces import PublicExchange
    from cex.networking import Tap
    from cex.sandbox import Sandbox

__all__ = [
    "ConfigOption",
    "ExchangeOption",
    "SandboxOption",
    "SeedOption",
    "SymbolsArgument",
    "addressed",
    "chosen_names",
    "opened_exchanges",
    "running_sandbox",
    "settings_of",
]

SymbolsArgument = Annotated[list[str], typer.Argument(metavar="SYMBOL", help="For example BTC/USDT ETH/USDT.")]
ExchangeOption = Annotated[
    list[str] | None,
    typer.Option("--exchange", metavar="NAME", help="Only this one; repeatable. Default: all."),
]
SandboxOption = Annotated[bool, typer.Option("--sandbox", help="Use a simulated market in this process.")]
SeedOption = Annotated[int, typer.Option("--seed", help="What the sandbox's market depends on.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings of the live exchanges.")]


def addressed(factory: FactoryManager, name: str, endpoints: dict[str, str], **settings: object) -> BaseExchangeConfig:
    """Settings of an exchange whose addresses are these and no others; what it has no setting for is left out."""
    config_type = factory.factory(name).config_type
    known = {key: url for key, url in endpoints.items() if key in config_type.endpoint_names()}
    wanted = {key: value for key, value in settings.items() if key in config_type.model_fields}
    return config_type.model_validate({"profile": CUSTOM_PROFILE, "endpoints": known, **wanted})


def chosen_names(
    factory: FactoryManager, names: Sequence[str] | None, sandbox: Sandbox | None = None
) -> tuple[str, ...]:
    """The exchanges that were asked for, each once (None: all that are installed, or all of the sandbox).

    Raises:
        Trouble: one of them is not there, or none is.
    """
    available = factory.names()
    if sandbox is not None:
        available = tuple(name for name in available if name in sandbox.endpoints)
    if not available:
        raise Trouble("no exchange is installed: pip install 'cex-cli[all]'")
    for name in names or ():
        if name not in available:
            raise Trouble(f"there is no exchange {name!r} here; there are: {', '.join(available)}")
    return tuple(dict.fromkeys(names or available))


def settings_of(factory: FactoryManager, name: str, sandbox: Sandbox | None = None) -> BaseExchangeConfig:
    """The settings of an exchange; those of the sandbox have its addresses and its account ``main`` as ``default``."""
    if sandbox is None:
        return factory.config(name)
    credentials = sandbox.credentials[name]
    account = {"api_key": credentials.key, "secret_key": credentials.secret}
    return addressed(factory, name, sandbox.endpoints[name], accounts={DEFAULT_ACCOUNT: account})


@asynccontextmanager
async def opened_exchanges(
    names: Sequence[str] | None,
    *,
    sandbox: Sandbox | None = None,
    config: Path | None = None,
    tap: Tap | None = None,
    registry: ComponentRegistry | None = None,
) -> AsyncIterator[list[PublicExchange]]:
    """Open these exchanges (None: all there are), at the addresses of a running ``sandbox`` where one is given.

    ``tap`` hears all their traffic. ``registry`` tells what there is, by default what is installed.

    Raises:
        Trouble: there is no such exchange or none at all, or one cannot be reached.
        CexArbitrageException: the settings have faults, or an exchange answers with an error.
    """
    async with AsyncExitStack() as stack:
        factory = await stack.enter_async_context(FactoryManager({} if sandbox is not None else config, registry))
        chosen = chosen_names(factory, names, sandbox)
        exchanges = []
        for name in chosen:
            settings = settings_of(factory, name, sandbox)
            if names or settings.enabled:
                try:
                    exchanges.append(await factory.open_public_exchange(name, settings, tap=tap))
                except ExchangeConnectionException as error:
                    remedy = "look at the network and the proxy settings, or use --sandbox"
                    raise Trouble(f"{name} cannot be reached: {error.message}; {remedy}") from error
        if not exchanges:
            raise Trouble(
                f"every exchange is switched off in the settings: name one with --exchange ({', '.join(chosen)})"
            )
        yield exchanges


@asynccontextmanager
async def running_sandbox(wanted: bool, seed: int, cut_every: float | None = None) -> AsyncIterator[Sandbox | None]:
    """The sandbox while the block runs, if it is wanted; it cuts all connections every ``cut_every`` seconds."""
    if not wanted:
        yield None
        return
    require_sandbox()
    from cex.sandbox import Sandbox

    async with Sandbox(seed=seed) as sandbox:
        if cut_every is not None:
            sandbox.faults.cut_every(cut_every)
        yield sandbox
