"""ccxt.pro, ccxt's streams: `python ccxt_pro.py CLIENT ANNOUNCEMENT MARKET`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt.pro
from ccxt_settings import MARKETS, Place, settings
from steps import Teller, Truth, check, end_with_input, same_book
from trading import equal

__all__ = ["main"]

BOOKS = 60
BOOK_PARAMS = {"mexc": {"frequency": "10ms"}}
"""ccxt drops an update whole when the snapshot has a part of it already; in the faster stream none is like that."""
DEPTHS = {"mexc": 20, "gate-spot": 50, "gate-futures": 100}
"""How many levels are sure: on MEXC ccxt takes a snapshot of 100 and does not forget what moves in behind them."""
SECONDS = 15
FINISHED = ("canceled", "closed")  # on MEXC a stream of ccxt's calls what was partly filled and then cancelled closed


class Heard:
    """Everything that the user streams tell, read side by side."""

    def __init__(self, exchange: Any, symbol: str) -> None:
        self.orders: list[dict[str, Any]] = []
        self.fills: list[dict[str, Any]] = []
        self.balance: dict[str, Any] = {}
        self.positions: list[dict[str, Any]] = []
        readers: list[Callable[[], Awaitable[None]]] = [
            lambda: self._collect(lambda: exchange.watch_orders(symbol), self.orders),
            lambda: self._collect(lambda: exchange.watch_my_trades(symbol), self.fills),
            lambda: self._keep_balance(exchange),
        ]
        if ":" in symbol:
            readers.append(lambda: self._collect(lambda: exchange.watch_positions([symbol]), self.positions))
        self.tasks = [asyncio.ensure_future(reader()) for reader in readers]

    async def _collect(self, watch: Callable[[], Awaitable[list[Any]]], into: list[dict[str, Any]]) -> None:
        while True:
            into.extend([dict(one) for one in await watch()])

    async def _keep_balance(self, exchange: Any) -> None:
        while True:
            self.balance = dict(await exchange.watch_balance())

    def check(self) -> None:
        """Raise what a reader ended with."""
        for task in self.tasks:
            if task.done():
                task.result()

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + SECONDS
        while not condition():
            self.check()
            check(loop.time() < end, f"{what} did not come within {SECONDS} s: {self.orders[-1:]}, {self.fills[-1:]}")
            await asyncio.sleep(0.05)

    async def aclose(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class Mexc(ccxt.pro.mexc):  # type: ignore[misc]
    """Notes up to which id the book is: ccxt itself keeps the first id of the newest update as its nonce."""

    updated_to = 0

    def handle_order_book(self, client: Any, message: dict[str, Any]) -> None:
        super().handle_order_book(client, message)
        self.updated_to = int(message["publicAggreDepths"]["toVersion"])


async def public(teller: Teller, truth: Truth, exchange: Any, symbol: str, depth: int) -> None:
    with teller.step("streamed book") as step:
        ids: set[int] = set()
        async with asyncio.timeout(60):
            while len(ids) < BOOKS:
                book = await exchange.watch_order_book(symbol, params=BOOK_PARAMS.get(exchange.id, {}))
                update_id = exchange.updated_to if isinstance(exchange, Mexc) else book["nonce"]
                step.detail = same_book(book["bids"], book["asks"], truth.book(update_id), depth, depth)
                ids.add(update_id)
        step.detail = f"{len(ids)} states, the last {step.detail}"
    with teller.step("streamed trades") as step:
        async with asyncio.timeout(SECONDS):
            trades = await exchange.watch_trades(symbol)
        check(trades and all(one["price"] and one["amount"] and one["side"] for one in trades), f"{trades}")
        step.detail = f"{len(trades)} trades"
    with teller.step("streamed ticker"):
        async with asyncio.timeout(SECONDS):
            ticker = await exchange.watch_ticker(symbol)
        check(ticker["last"] or ticker["bid"] < ticker["ask"], f"{ticker}")


async def private(teller: Teller, truth: Truth, exchange: Any, place: Place) -> None:
    heard = Heard(exchange, place.symbol)
    try:
        await asyncio.sleep(3)  # the subscriptions; ccxt does not tell when they stand
        heard.check()
        with teller.step("user stream: orders") as step:
            price = truth.near("buy")
            order = (
                await exchange.create_order(place.symbol, "limit", "buy", float(place.amounts.order), float(price))
            )["id"]
            truth.fill_partly(order, "buy", place.amounts.taken)
            await exchange.cancel_order(order, place.symbol)
            filled = truth.filled(order)
            await heard.until(
                lambda: any(
                    one["id"] == order and one["status"] in FINISHED and equal(one["filled"], filled)
                    for one in heard.orders
                ),
                f"the cancel of {order} with {filled} filled",
            )
            statuses = [one["status"] for one in heard.orders if one["id"] == order]
            check(statuses[0] == "open", f"{statuses}")
            step.detail = f"{len(statuses)} updates, {filled} of {place.amounts.order} filled"
        with teller.step("user stream: fills") as step:
            sell = (await exchange.create_order(place.symbol, "market", "sell", float(place.amounts.sell)))["id"]
            true = {fill["id"]: fill for fill in [*truth.fills(order), *truth.fills(sell)]}
            await heard.until(
                lambda: {one["id"] for one in heard.fills} >= true.keys(), f"every fill of {sorted(true)}"
            )
            for one in heard.fills:
                fill = true[one["id"]]
                check(equal(one["price"], fill["price"]) and equal(one["amount"], fill["quantity"]), f"{one}, {fill}")
            step.detail = f"{len(true)} fills"
        with teller.step("user stream: balances") as step:
            total = sum(truth.balances()["USDT"])
            await heard.until(
                lambda: equal(heard.balance.get("USDT", {}).get("total") or 0.0, total),
                f"a balance of {total} (the last is {heard.balance.get('USDT')})",
            )
            step.detail = f"{total} USDT"
        if truth.wallet != "spot":
            with teller.step("user stream: positions") as step:
                size = sum(float(one["size"]) for one in truth.account()["positions"] if one["symbol"] == place.symbol)
                await heard.until(
                    lambda: heard.positions and equal(float(heard.positions[-1]["contracts"]), abs(size)),
                    f"a position of {size} (there are {heard.positions[-1:]})",
                )
                step.detail = f"{size:g} contracts"
    finally:
        await heard.aclose()


async def orders_by_socket(teller: Teller, truth: Truth, exchange: Any, place: Place) -> None:
    with teller.step("orders by WebSocket") as step:
        price = truth.aside("buy")
        quantity = float(place.amounts.order)
        order = (await exchange.create_order_ws(place.symbol, "limit", "buy", quantity, float(price)))["id"]
        check(equal(price, truth.order(order)["price"]), f"{truth.order(order)}")
        price = truth.aside("buy") - 10
        await exchange.edit_order_ws(order, place.symbol, "limit", "buy", quantity, float(price))
        check(equal(price, truth.order(order)["price"]), f"after the edit {truth.order(order)}")
        if truth.wallet != "spot":  # on spot ccxt has none
            check(
                [one["id"] for one in await exchange.fetch_open_orders_ws(place.symbol)] == [order], "not its only one"
            )
        seen = await exchange.fetch_order_ws(order, place.symbol)
        check(seen["status"] == "open", f"{seen}")
        await exchange.cancel_order_ws(order, place.symbol)
        check(not truth.open_ids(), "in truth it is still open")
        step.detail = "place, edit, query, cancel"


async def main(client: str, announcement: dict[str, Any], name: str) -> None:
    end_with_input()
    teller = Teller(client, ccxt.__version__)
    place = MARKETS[name]
    truth = Truth(announcement, place.venue, place.symbol)
    kind = Mexc if name == "mexc" else ccxt.pro.gate
    exchange = kind(settings(name, announcement))
    try:
        with teller.step("markets") as step:
            step.detail = f"{len(await exchange.load_markets())} markets"
        await public(teller, truth, exchange, place.symbol, DEPTHS[name])
        await private(teller, truth, exchange, place)
        if exchange.has["createOrderWs"]:
            await orders_by_socket(teller, truth, exchange, place)
    finally:
        await exchange.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]))
