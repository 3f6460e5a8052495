"""Our own private client and ccxt on the same account: `python cex_beside.py CLIENT ANNOUNCEMENT MARKET PYTHON`.

Both place, cancel and trade, and both must then tell the same orders, fills and money.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from steps import Teller, Truth, check, end_with_input
from trading import AMOUNTS, Amounts, equal

from cex.common import OrderRequest, Symbol
from cex.common.enums import MarketType, OrderStatus, OrderType, Side

__all__ = ["main"]

EARLIER_NS = 600 * 10**9
STATUSES = {OrderStatus.FILLED: "closed", OrderStatus.CANCELED: "canceled"}


class Ccxt:
    """ccxt's view of the account, asked from a process in its own environment."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, method: str, *arguments: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([method, *map(str, arguments)]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        check(line, "ccxt's process has ended")
        return json.loads(line)


@contextlib.contextmanager
def ccxt_beside(python: str, announcement: str, name: str) -> Iterator[Ccxt]:
    script = Path(__file__).with_name("ccxt_beside.py")
    command = [python, str(script), announcement, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Ccxt(process)
        finally:
            process.kill()


def opened(name: str, announcement: dict[str, Any], symbol: str) -> Any:
    """Our exchange, not entered yet."""
    exchange = "mexc" if name == "mexc" else "gateio"
    module = import_module(f"cex.exchanges.{exchange}")
    urls = dict(announcement[exchange])
    credentials = urls.pop("credentials")
    accounts = {"default": {"api_key": credentials["key"], "secret_key": credentials["secret"]}}
    kind = exchange.capitalize()
    config = getattr(module, f"{kind}Config").model_validate({"endpoints": urls, "accounts": accounts})
    return getattr(module, f"{kind}PrivateExchange")(config=config, watch=(Symbol(symbol),))


async def compare(teller: Teller, truth: Truth, ours: Any, ccxt: Ccxt, amounts: Amounts) -> None:
    symbol = Symbol(truth.symbol)
    unit = Decimal(truth.book()["multiplier"])  # base units of one contract
    market = MarketType.FUTURES if symbol.settle else MarketType.SPOT

    async def place(quantity: Decimal, price: Decimal | None = None) -> str:
        kind = OrderType.MARKET if price is None else OrderType.LIMIT
        request = OrderRequest(symbol=symbol, side=Side.BUY, order_type=kind, quantity=quantity * unit, price=price)
        return str((await ours.place_order(request)).order_id)

    placed: list[str] = []
    with teller.step("open orders of both, seen by both") as step:
        placed.append(await place(amounts.order / 2, truth.aside("buy")))
        placed.append(ccxt.ask("place", "sell", amounts.sell, truth.aside("sell")))
        seen = {order.order_id for order in await ours.open_orders(symbol)}
        check(seen == set(ccxt.ask("open_ids")) == set(placed), f"{seen}, in truth {truth.open_ids()}")
        step.detail = f"{len(seen)} open"
    with teller.step("each cancels the other's order"):
        await ours.cancel_order(symbol, order_id=placed[1])
        ccxt.ask("cancel", placed[0])
        check(not truth.open_ids(), "in truth some are still open")
        check(not await ours.open_orders(symbol) and not ccxt.ask("open_ids"), "one of them does not see it")
    with teller.step("trades of both"):
        placed.append(await place(amounts.order, truth.near("buy")))
        truth.fill_partly(placed[-1], "buy", amounts.taken)
        await ours.cancel_order(symbol, order_id=placed[-1])
        if symbol.settle is None:
            spend = OrderRequest(symbol=symbol, side=Side.BUY, order_type=OrderType.MARKET, quote_quantity=amounts.buy)
            placed.append((await ours.place_order(spend)).order_id)
        else:
            placed.append(await place(amounts.buy))
        placed.append(ccxt.ask("sell", amounts.sell))
        if symbol.settle is not None:  # what an open position is worth changes from one question to the next
            held = [position.quantity / unit for position in await ours.positions() if position.symbol == symbol]
            check(len(held) == 1 and equal(ccxt.ask("position"), held[0]), f"{held}, ccxt says something else")
            placed.append((await ours.close_position(symbol)).order_id)
    now = time.time_ns()
    with teller.step("same orders") as step:
        history = await ours.order_history(symbol, now - EARLIER_NS, now + EARLIER_NS)
        check({order.order_id for order in history} == set(ccxt.ask("finished_ids")) == set(placed), f"{history}")
        for order in history:
            status, filled = ccxt.ask("order", order.order_id)
            check(STATUSES[order.status] == status, f"{order}, and ccxt says {status}")
            check(equal(filled, order.filled / unit), f"{order}, and ccxt says {filled}")
            check(
                equal(order.filled / unit, truth.filled(order.order_id)),
                f"{order}, in truth {truth.order(order.order_id)}",
            )
        step.detail = f"{len(history)} orders, state and filled"
    with teller.step("same fills") as step:
        fills = {fill.trade_id: fill for fill in await ours.fill_history(symbol, now - EARLIER_NS, now + EARLIER_NS)}
        theirs = {fill[0]: fill for fill in ccxt.ask("fills")}
        check(fills.keys() == theirs.keys(), f"{sorted(fills)}, ccxt says {sorted(theirs)}")
        for key, fill in fills.items():
            _, order_id, price, quantity, fee = theirs[key]
            check(fill.order_id == order_id and equal(price, fill.price), f"{fill}, ccxt says {theirs[key]}")
            check(equal(quantity, fill.quantity / unit) and equal(fee, fill.fee), f"{fill}, ccxt says {theirs[key]}")
        step.detail = f"{len(fills)} fills, prices, quantities and fees"
    with teller.step("same balances") as step:
        balances = {one.currency: one.total for one in await ours.balances(market) if one.total}
        told = {asset: free + locked for asset, (free, locked) in ccxt.ask("balances").items()}
        true = {asset: free + locked for asset, (free, locked) in truth.balances().items()}
        check(balances.keys() == told.keys(), f"{sorted(balances)}, ccxt says {sorted(told)}")
        for asset, total in true.items():
            check(equal(told[asset], total), f"{asset} is {total}, ccxt says {told[asset]}")
            check(balances[asset] == total, f"{asset} is {total}, ours says {balances[asset]}")
        step.detail = f"{len(balances)} assets"


async def main(client: str, text: str, name: str, python: str) -> None:
    end_with_input()
    announcement = json.loads(text)
    venue, symbol = ("mexc" if name == "mexc" else "gateio"), ("BTC/USDT:USDT" if "futures" in name else "BTC/USDT")
    truth = Truth(announcement, venue, symbol)
    teller = Teller(client, version(f"cex-exchanges-{venue}"))
    with ccxt_beside(python, text, name) as ccxt:
        async with opened(name, announcement, symbol) as ours:
            await compare(teller, truth, ours, ccxt, AMOUNTS["futures" if "futures" in name else "spot"])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
