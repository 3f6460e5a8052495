"""``cex orders``: what rests on the exchanges now, and what ended lately."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from cex.cli.accounts import AccountOption, Answer, ask_accounts, tell_failures
from cex.cli.logs import LogFormat, configure_logging
from cex.cli.opening import ConfigOption, ExchangeOption, SandboxOption, SeedOption, running_sandbox
from cex.cli.options import JsonOption, LogFormatOption, VerboseOption
from cex.cli.running import run
from cex.cli.session import parsed_symbols
from cex.cli.tables import amount_text, print_table, time_text
from cex.common.clock import SYSTEM_CLOCK
from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.types.orders import Order
from cex.common.types.symbols import Symbol

if TYPE_CHECKING:
    from cex.exchanges.base.interfaces import PrivateExchange

__all__ = ["moment", "orders"]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_COLUMNS = (
    *("exchange", "created", "symbol", "side", "type", "in force", "price", "quantity", "filled", "average", "status"),
    *("order id", "client order id"),
)
_AMOUNTS = ("price", "quantity", "filled", "average")

SymbolOption = Annotated[
    list[str] | None, typer.Option("--symbol", metavar="SYMBOL", help="Only this one; repeatable. Default: all.")
]
HistoryOption = Annotated[
    bool, typer.Option("--history/--open", help="What has ended, instead of what is open; needs --symbol.")
]
SinceOption = Annotated[
    str,
    typer.Option("--since", metavar="TIME", help="With --history: how long ago, as 90m 24h 7d, or a time in UTC."),
]


def orders(
    exchange: ExchangeOption = None,
    symbol: SymbolOption = None,
    account: AccountOption = DEFAULT_ACCOUNT,
    history: HistoryOption = False,
    since: SinceOption = "24h",
    sandbox: SandboxOption = False,
    seed: SeedOption = 7,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = 0,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Show the open orders of an account, or those that have ended, on every exchange where the settings have it.

    Amounts in JSON are texts, exact to the last digit; times are nanoseconds since the epoch.
    """
    symbols = parsed_symbols(symbol or ())
    if history and not symbols:
        raise typer.BadParameter("exchanges tell what has ended symbol by symbol: add --symbol", param_hint="--history")
    now_ts = SYSTEM_CLOCK.time_ns()
    start_ts = moment(since, now_ts)
    configure_logging(verbose, log_format)
    question = (
        partial(_ended, symbols=symbols, start_ts=start_ts, end_ts=now_ts)
        if history
        else partial(_resting, symbols=symbols)
    )

    async def ask() -> list[Answer[list[Order]]]:
        async with running_sandbox(sandbox, seed) as running:
            return await ask_accounts(question, exchange, account, sandbox=running, config=config)

    answers = run(ask)
    told = [(answer.exchange, order) for answer in answers for order in answer.said or ()]
    if as_json:
        rows = [{"exchange": name, "account": account, **_json(order)} for name, order in told]
        errors = {answer.exchange: answer.error.message for answer in answers if answer.error is not None}
        sys.stdout.write(json.dumps({"orders": rows, "errors": errors}) + "\n")
    elif told:
        print_table(_COLUMNS, [_row(name, order) for name, order in told], right=_AMOUNTS)
    elif any(answer.said is not None for answer in answers):
        sys.stdout.write("no order has ended since then\n" if history else "no order is open\n")
    tell_failures(answers)


def moment(text: str, now_ts: int) -> int:
    """A time in nanoseconds from ``90m``, ``24h``, ``7d`` before ``now_ts``, or from an ISO time in UTC."""
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if ago:
        return now_ts - int(ago[1]) * _SECONDS[ago[2]] * NANOSECONDS
    try:
        told = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a duration such as 24h nor a time such as 2026-01-31T12:00", param_hint="--since"
        ) from None
    in_utc = told.replace(tzinfo=UTC) if told.tzinfo is None else told
    return round(in_utc.timestamp()) * NANOSECONDS


async def _resting(exchange: PrivateExchange, symbols: Sequence[Symbol]) -> list[Order]:
    if not symbols:
        return _sorted(await exchange.open_orders())
    listed = [symbol for symbol in symbols if symbol in exchange.instruments]
    return _sorted([order for symbol in listed for order in await exchange.open_orders(symbol)])


async def _ended(exchange: PrivateExchange, symbols: Sequence[Symbol], start_ts: int, end_ts: int) -> list[Order]:
    listed = [symbol for symbol in symbols if symbol in exchange.instruments]
    return _sorted([order for symbol in listed for order in await exchange.order_history(symbol, start_ts, end_ts)])


def _sorted(found: list[Order]) -> list[Order]:
    return sorted(found, key=lambda order: (order.created_ts, order.order_id))


def _row(exchange: str, order: Order) -> tuple[str, ...]:
    return (
        exchange,
        time_text(order.created_ts),
        order.symbol,
        str(order.side),
        str(order.order_type),
        str(order.time_in_force),
        amount_text(order.price),
        amount_text(order.quantity),
        amount_text(order.filled),
        amount_text(order.average_price),
        str(order.status),
        order.order_id,
        order.client_order_id or "-",
    )


def _json(order: Order) -> dict[str, object]:
    amounts = ("price", "quantity", "quote_quantity", "filled", "filled_quote", "average_price", "trigger_price")
    return {
        "symbol": str(order.symbol),
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "side": str(order.side),
        "type": str(order.order_type),
        "time_in_force": str(order.time_in_force),
        "status": str(order.status),
        **{name: None if (value := getattr(order, name)) is None else format(value, "f") for name in amounts},
        "fees": {currency: format(fee, "f") for currency, fee in order.fees.items()},
        "reduce_only": order.reduce_only,
        "position_side": str(order.position_side),
        "created_ts": order.created_ts,
        "updated_ts": order.updated_ts,
        "finish_reason": order.finish_reason,
    }
