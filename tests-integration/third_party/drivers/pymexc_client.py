"""pymexc's spot clients: `python pymexc_client.py CLIENT ANNOUNCEMENT`.

Its addresses are built in, so that it runs behind a front. Where a module is missing from its wheel, an empty one
stands in for it, and the table says so.
"""

from __future__ import annotations

import importlib
import json
import sys
import types
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import trading
from front import Front
from steps import ClientAtFault, Teller, Truth, check, end_with_input, same_book, until
from trading import SeenFill, SeenOrder, equal, trade

__all__ = ["main"]

PAIR = "BTCUSDT"
AMOUNTS = trading.AMOUNTS["spot"]
STATUSES = {
    "NEW": "open",
    "PARTIALLY_FILLED": "open",
    "FILLED": "closed",
    "CANCELED": "canceled",
    "PARTIALLY_CANCELED": "canceled",
}
BOOKS = 60
BOUGHT = 1
PUSHED = {1: "open", 2: "closed", 3: "open", 4: "canceled", 5: "canceled"}
MISSING = "pymexc._async.web"


class Account:
    """An account through `pymexc.spot.HTTP`."""

    def __init__(self, http: Any) -> None:
        self.http = http

    def place(self, side: str, quantity: Decimal, price: Decimal) -> str:
        order = self.http.order(PAIR, side.upper(), "LIMIT", quantity=str(quantity), price=str(price))
        return str(order["orderId"])

    def buy(self, amount: Decimal) -> str:
        return str(self.http.order(PAIR, "BUY", "MARKET", quote_order_qty=str(amount))["orderId"])

    def sell(self, amount: Decimal) -> str:
        return str(self.http.order(PAIR, "SELL", "MARKET", quantity=str(amount))["orderId"])

    def cancel(self, order_id: str) -> None:
        self.http.cancel_order(PAIR, order_id=order_id)

    def order(self, order_id: str) -> SeenOrder:
        order = self.http.query_order(PAIR, order_id=order_id)
        return SeenOrder(STATUSES[order["status"]], order["executedQty"])

    def open_ids(self) -> set[str]:
        return {order["orderId"] for order in self.http.current_open_orders(PAIR)}

    def finished_ids(self) -> set[str]:
        return {order["orderId"] for order in self.http.all_orders(PAIR) if STATUSES[order["status"]] != "open"}

    def fills(self) -> list[SeenFill]:
        return [
            SeenFill(fill["id"], fill["orderId"], fill["price"], fill["qty"], fill["commission"])
            for fill in self.http.account_trade_list(PAIR)
        ]

    def balances(self) -> dict[str, tuple[str, str]]:
        balances = self.http.account_information()["balances"]
        return {one["asset"]: (one["free"], one["locked"]) for one in balances}

    def position(self) -> str:
        raise NotImplementedError


def imported(teller: Teller) -> Any:
    """Its spot clients, after showing whether its wheel is whole."""
    with teller.step("import as installed"):
        try:
            importlib.import_module("pymexc")
        except ImportError as error:
            raise ClientAtFault(f"{error}: the wheel lacks it; an empty module stands in from here on") from error
    if "pymexc" not in sys.modules:
        sys.modules[MISSING] = types.ModuleType(MISSING)
    return importlib.import_module("pymexc.spot")


def streams(teller: Teller, truth: Truth, spot: Any, http: Any) -> None:
    socket = spot.WebSocket()
    try:
        with teller.step("streamed book") as step:
            step.detail = _streamed_book(truth, socket, http)
        with teller.step("streamed trades") as step:
            trades: list[Any] = []
            socket.deals_stream(lambda message: trades.extend(message.deals), PAIR, interval="100ms")
            until(lambda: trades, what="a trade")
            check(all(float(one.price) and float(one.quantity) for one in trades), f"{trades}")
            step.detail = f"{len(trades)} trades"
    finally:
        socket.exit()


def _streamed_book(truth: Truth, socket: Any, http: Any) -> str:
    """Keep a book as MEXC's documentation says, from pymexc's snapshot and updates; it keeps none itself."""
    updates: list[Any] = []
    socket.depth_stream(updates.append, PAIR, interval="10ms")
    until(lambda: updates, what="an update")
    snapshot = http.order_book(PAIR, 1000)
    at = int(snapshot["lastUpdateId"])
    sides = {name: {Decimal(price): Decimal(size) for price, size in snapshot[name]} for name in ("bids", "asks")}
    seen, told = 0, ""
    while seen < BOOKS:
        until(lambda: updates, what="an update")
        update = updates.pop(0)
        if int(update.toVersion) <= at:
            continue
        check(int(update.fromVersion) <= at + 1, f"a hole from {at} to {update.fromVersion}")
        for name in ("bids", "asks"):
            for level in getattr(update, name):
                sides[name][Decimal(level.price)] = Decimal(level.quantity)
                if not Decimal(level.quantity):
                    del sides[name][Decimal(level.price)]
        at = int(update.toVersion)
        told = same_book(sorted(sides["bids"].items(), reverse=True), sorted(sides["asks"].items()), truth.book(at), 50)
        seen += 1
    return f"{seen} states, the last {told}"


def user_streams(teller: Teller, truth: Truth, spot: Any, account: Account, credentials: dict[str, Any]) -> None:
    orders: list[Any] = []
    fills: list[Any] = []
    money: list[Any] = []
    socket = spot.WebSocket(credentials["key"], credentials["secret"])
    try:
        socket.account_orders(orders.append)
        socket.account_deals(fills.append)
        socket.account_update(money.append)
        until(lambda: len(socket.subscriptions) == 3, what="the subscriptions")
        price = truth.near("buy")
        order = account.place("buy", AMOUNTS.order, price)
        truth.fill_partly(order, "buy", AMOUNTS.taken)
        account.cancel(order)
        filled = truth.filled(order)
        with teller.step("user stream: orders") as step:
            mine = until(lambda: [one for one in orders if PUSHED[one.status] == "canceled"], what="the cancel")
            check(mine[0].id == order, f"{mine[0].id} is not {order}")
            check(equal(mine[0].cumulativeQuantity, filled), f"{filled} filled, told {mine[0].cumulativeQuantity}")
            step.detail = f"{len(orders)} updates, {filled} of {AMOUNTS.order} filled"
        with teller.step("user stream: fills") as step:
            true = {fill["id"]: fill for fill in truth.fills(order)}
            until(lambda: {one.tradeId for one in fills} >= true.keys(), what="every fill")
            for one in fills:
                fill = true[one.tradeId]
                check(equal(one.price, fill["price"]) and equal(one.quantity, fill["quantity"]), f"{one}, {fill}")
                check(one.tradeType == BOUGHT, f"{one}")
            step.detail = f"{len(true)} fills"
        with teller.step("user stream: balances") as step:
            free, locked = truth.balances()["USDT"]
            until(
                lambda: (
                    (last := [one for one in money if one.vcoinName == "USDT"][-1:])
                    and equal(last[0].balanceAmount, free)
                    and equal(last[0].frozenAmount, locked)
                ),
                what=f"a balance of {free}",
            )
            step.detail = f"{free} USDT"
    finally:
        socket.exit()


def main(client: str, announcement: dict[str, Any]) -> None:
    end_with_input()
    urls = announcement["mexc"]
    credentials = urls["credentials"]
    truth = Truth(announcement, "mexc", "BTC/USDT")
    teller = Teller(client, version("pymexc"))
    with Front({"api.mexc.com": urls["rest"], "wbs-api.mexc.com": urls["rest"]}):
        spot = imported(teller)
        http = spot.HTTP(credentials["key"], credentials["secret"])
        with teller.step("markets") as step:
            listed = [one["symbol"] for one in http.exchange_info()["symbols"]]
            check(PAIR in listed, f"no {PAIR} among {listed}")
            step.detail = f"{len(listed)} markets"
        with teller.step("book") as step:
            book = http.order_book(PAIR, 50)
            step.detail = same_book(book["bids"], book["asks"], truth.book(book["lastUpdateId"]), 50)
        with teller.step("trades") as step:
            trades = http.trades(PAIR, 20)
            check(trades and all(float(one["price"]) and float(one["qty"]) for one in trades), f"{trades}")
            step.detail = f"{len(trades)} trades"
        account = Account(http)
        trade(teller, truth, account, AMOUNTS)
        streams(teller, truth, spot, http)
        user_streams(teller, truth, spot, account, credentials)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
