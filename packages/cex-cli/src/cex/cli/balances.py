"""``cex balances``: what the accounts hold."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from cex.cli.accounts import AccountOption, Answer, ask_accounts, tell_failures
from cex.cli.logs import LogFormat, configure_logging
from cex.cli.opening import ConfigOption, ExchangeOption, SandboxOption, SeedOption, running_sandbox
from cex.cli.options import JsonOption, LogFormatOption, VerboseOption
from cex.cli.running import run
from cex.cli.tables import amount_text, print_table
from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.common.enums import MarketType
from cex.common.types.account import Balance
from cex.exchanges.base.offers import NotOfferedException

if TYPE_CHECKING:
    from cex.exchanges.base.interfaces import PrivateExchange

__all__ = ["balances"]

MarketOption = Annotated[
    MarketType | None, typer.Option("--market", help="Only the wallet of this market. Default: all.")
]
_COLUMNS = ("exchange", "wallet", "currency", "free", "locked", "total")


def balances(
    exchange: ExchangeOption = None,
    account: AccountOption = DEFAULT_ACCOUNT,
    market: MarketOption = None,
    sandbox: SandboxOption = False,
    seed: SeedOption = 7,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = 0,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Show what an account holds, on every exchange where the settings have it.

    Amounts in JSON are texts, exact to the last digit.
    """
    configure_logging(verbose, log_format)

    async def ask() -> list[Answer[list[Balance]]]:
        async with running_sandbox(sandbox, seed) as running:
            return await ask_accounts(
                partial(_held, market=market, named=bool(exchange)), exchange, account, sandbox=running, config=config
            )

    answers = run(ask)
    held = [(answer.exchange, balance) for answer in answers for balance in answer.said or ()]
    if as_json:
        rows = [{"exchange": name, "account": account, **_json(balance)} for name, balance in held]
        errors = {answer.exchange: answer.error.message for answer in answers if answer.error is not None}
        sys.stdout.write(json.dumps({"balances": rows, "errors": errors}) + "\n")
    elif held:
        rows_of_text = [
            (
                name,
                str(balance.market),
                balance.currency,
                amount_text(balance.free),
                amount_text(balance.locked),
                amount_text(balance.total),
            )
            for name, balance in held
        ]
        print_table(_COLUMNS, rows_of_text, right=("free", "locked", "total"))
    elif any(answer.said is not None for answer in answers):
        sys.stdout.write("nothing is held\n")
    tell_failures(answers)


async def _held(exchange: PrivateExchange, market: MarketType | None, *, named: bool) -> list[Balance]:
    """Nothing where an exchange without such a market was not asked for by name."""
    try:
        found = await exchange.balances(market)
    except NotOfferedException:
        if named:
            raise
        return []
    return sorted(found, key=lambda balance: (balance.market is not MarketType.SPOT, balance.currency))


def _json(balance: Balance) -> dict[str, object]:
    return {
        "market": str(balance.market),
        "currency": balance.currency,
        "free": format(balance.free, "f"),
        "locked": format(balance.locked, "f"),
        "total": format(balance.total, "f"),
        "borrowed": format(balance.borrowed, "f"),
    }
