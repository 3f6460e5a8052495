"""ccxt by REST: `python ccxt_rest.py CLIENT ANNOUNCEMENT MARKET`."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any

import ccxt
from ccxt_settings import MARKETS, settings
from steps import Teller, Truth, check, end_with_input, same_book
from trading import SeenFill, SeenOrder, trade

__all__ = ["main"]


class CcxtAccount:
    """An account through ccxt's unified methods."""

    def __init__(self, exchange: Any, symbol: str) -> None:
        self.exchange = exchange
        self.symbol = symbol
        self.is_futures = ":" in symbol

    def place(self, side: str, quantity: Decimal, price: Decimal) -> str:
        return str(self.exchange.create_order(self.symbol, "limit", side, float(quantity), float(price))["id"])

    def buy(self, amount: Decimal) -> str:
        if self.is_futures:
            return str(self.exchange.create_order(self.symbol, "market", "buy", float(amount))["id"])
        return str(self.exchange.create_market_buy_order_with_cost(self.symbol, float(amount))["id"])

    def sell(self, amount: Decimal) -> str:
        return str(self.exchange.create_order(self.symbol, "market", "sell", float(amount))["id"])

    def cancel(self, order_id: str) -> None:
        self.exchange.cancel_order(order_id, self.symbol)

    def order(self, order_id: str) -> SeenOrder:
        order = self.exchange.fetch_order(order_id, self.symbol)
        return SeenOrder(order["status"], order["filled"])

    def open_ids(self) -> set[str]:
        return {order["id"] for order in self.exchange.fetch_open_orders(self.symbol)}

    def finished_ids(self) -> set[str]:
        orders = self.exchange.fetch_closed_orders(self.symbol)
        if self.exchange.has["fetchCanceledOrders"]:
            orders += self.exchange.fetch_canceled_orders(self.symbol)
        return {order["id"] for order in orders}

    def fills(self) -> list[SeenFill]:
        return [
            SeenFill(fill["id"], fill["order"], fill["price"], fill["amount"], (fill["fee"] or {}).get("cost"))
            for fill in self.exchange.fetch_my_trades(self.symbol)
        ]

    def balances(self) -> dict[str, tuple[float, float]]:
        balance = self.exchange.fetch_balance()
        held = {asset: balance[asset] for asset, total in balance["total"].items() if total}
        if self.is_futures:
            return {asset: (one["total"], 0.0) for asset, one in held.items()}
        return {asset: (one["free"], one["used"]) for asset, one in held.items()}

    def position(self) -> float:
        position = self.exchange.fetch_position(self.symbol)
        return float(position["contracts"]) * (-1 if position["side"] == "short" else 1)


def main(client: str, announcement: dict[str, Any], name: str) -> None:
    end_with_input()
    teller = Teller(client, ccxt.__version__)
    place = MARKETS[name]
    exchange = getattr(ccxt, place.exchange)(settings(name, announcement))
    truth = Truth(announcement, place.venue, place.symbol)
    with teller.step("markets") as step:
        markets = exchange.load_markets()
        check(place.symbol in markets, f"no {place.symbol} among {sorted(markets)}")
        step.detail = f"{len(markets)} markets"
    with teller.step("book") as step:
        book = exchange.fetch_order_book(place.symbol, 50)
        step.detail = same_book(book["bids"], book["asks"], truth.book(book["nonce"]), 50)
    with teller.step("trades") as step:
        trades = exchange.fetch_trades(place.symbol, limit=20)
        check(trades and all(one["price"] and one["amount"] and one["side"] for one in trades), f"{trades[:1]}")
        step.detail = f"{len(trades)} trades"
    with teller.step("ticker and candles") as step:
        ticker = exchange.fetch_ticker(place.symbol)
        candles = exchange.fetch_ohlcv(place.symbol, "1m", limit=30)
        check(ticker["bid"] < ticker["ask"] and len(candles) == 30, f"{ticker}, {len(candles)} candles")
        step.detail = f"{len(candles)} candles"
    trade(teller, truth, CcxtAccount(exchange, place.symbol), place.amounts)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3])
