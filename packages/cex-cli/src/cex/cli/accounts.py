"""The same question to one account of every exchange at once; one that fails keeps no other from answering."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Generic, NamedTuple, TypeVar

import typer

from cex.cli.opening import chosen_names, settings_of
from cex.cli.running import Trouble
from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.common.exceptions import CexArbitrageException
from cex.factory import ComponentRegistry, FactoryManager

if TYPE_CHECKING:
    from cex.config import BaseExchangeConfig
    from cex.exchanges.base.interfaces import PrivateExchange
    from cex.sandbox import Sandbox

__all__ = ["AccountOption", "Answer", "ask_accounts", "tell_failures"]

T = TypeVar("T")

AccountOption = Annotated[str, typer.Option("--account", metavar="NAME", help="The account, as in the settings.")]


class Answer(NamedTuple, Generic[T]):
    """What one account said, or why it did not; exactly one of both."""

    exchange: str
    said: T | None
    error: CexArbitrageException | None


async def ask_accounts(
    ask: Callable[[PrivateExchange], Awaitable[T]],
    names: Sequence[str] | None,
    account: str = DEFAULT_ACCOUNT,
    *,
    sandbox: Sandbox | None = None,
    config: Path | None = None,
    registry: ComponentRegistry | None = None,
) -> list[Answer[T]]:
    """Open the account of each of these exchanges (None: all that have it), ask it, close it.

    Raises:
        Trouble: there is no such exchange, or none of them has the account.
        ConfigurationException: the settings have faults, or an exchange that was named has no such account.
    """
    async with FactoryManager({} if sandbox is not None else config, registry) as factory:
        chosen = []
        for name in chosen_names(factory, names, sandbox):
            settings = settings_of(factory, name, sandbox)
            if names:
                settings.account(account)  # raises with what to set
            if names or (settings.enabled and account in settings.accounts):
                chosen.append((name, settings))
        if not chosen:
            prefix = f"CEX__EXCHANGES__NAME__ACCOUNTS__{account.upper()}__"
            raise Trouble(
                f"no exchange has an account {account!r}: set the environment variables {prefix}API_KEY and "
                f"{prefix}SECRET_KEY, or exchanges.NAME.accounts.{account} in a file that --config names, or use "
                "--sandbox"
            )

        async def one(name: str, settings: BaseExchangeConfig) -> Answer[T]:
            try:
                async with factory.create_private_exchange(name, settings, account) as exchange:
                    return Answer(name, await ask(exchange), None)
            except CexArbitrageException as error:
                return Answer(name, None, error)

        return await asyncio.gather(*(one(name, settings) for name, settings in chosen))


def tell_failures(answers: Sequence[Answer[T]]) -> None:
    """Say on standard error who did not answer, and end with exit code 1 where somebody did not."""
    failed = [answer for answer in answers if answer.error is not None]
    for answer in failed:
        assert answer.error is not None
        sys.stderr.write(f"cex: {answer.exchange}: {answer.error.message}; `cex doctor {answer.exchange}` tells more\n")
    if failed:
        raise typer.Exit(1)
