"""Gate.io's official SDK, gate-api: `python gate_sdk.py CLIENT ANNOUNCEMENT (spot | futures)`."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from importlib.metadata import version
from typing import Any, Protocol

import gate_api
from steps import Teller, Truth, check, end_with_input, same_book
from trading import AMOUNTS, Account, SeenFill, SeenOrder, trade

__all__ = ["main"]

PAIR = "BTC_USDT"
STATUSES = {"open": "open", "closed": "closed", "cancelled": "canceled", "filled": "closed"}


class Market(Account, Protocol):
    """An account, and what is public."""

    def listed(self) -> list[str]: ...

    def book(self) -> Any: ...

    def trades(self) -> list[tuple[str, str]]:
        """(price, size) of the newest."""

    def candles(self) -> int: ...


class Spot:
    """Everything of the spot market."""

    def __init__(self, client: Any) -> None:
        self.api = gate_api.SpotApi(client)

    def listed(self) -> list[str]:
        return [pair.id for pair in self.api.list_currency_pairs()]

    def book(self) -> Any:
        book = self.api.list_order_book(PAIR, limit=50, with_id=True)
        return book.id, book.bids, book.asks

    def trades(self) -> list[tuple[str, str]]:
        return [(one.price, one.amount) for one in self.api.list_trades(PAIR, limit=20)]

    def candles(self) -> int:
        return len(self.api.list_candlesticks(PAIR, interval="1m", limit=30))

    def _create(self, **of: Any) -> str:
        return str(self.api.create_order(gate_api.Order(currency_pair=PAIR, account="spot", **of)).id)

    def place(self, side: str, quantity: Decimal, price: Decimal) -> str:
        return self._create(type="limit", side=side, amount=str(quantity), price=str(price), time_in_force="gtc")

    def buy(self, amount: Decimal) -> str:
        return self._create(type="market", side="buy", amount=str(amount), time_in_force="ioc")

    def sell(self, amount: Decimal) -> str:
        return self._create(type="market", side="sell", amount=str(amount), time_in_force="ioc")

    def cancel(self, order_id: str) -> None:
        self.api.cancel_order(order_id, PAIR)

    def order(self, order_id: str) -> SeenOrder:
        order = self.api.get_order(order_id, PAIR)
        return SeenOrder(STATUSES[order.status], order.filled_amount)

    def open_ids(self) -> set[str]:
        return {order.id for order in self.api.list_orders(PAIR, "open")}

    def finished_ids(self) -> set[str]:
        return {order.id for order in self.api.list_orders(PAIR, "finished")}

    def fills(self) -> list[SeenFill]:
        fills = self.api.list_my_trades(currency_pair=PAIR)
        return [SeenFill(fill.id, fill.order_id, fill.price, fill.amount, fill.fee) for fill in fills]

    def balances(self) -> dict[str, tuple[str, str]]:
        accounts = self.api.list_spot_accounts()
        return {
            one.currency: (one.available, one.locked) for one in accounts if float(one.available) + float(one.locked)
        }

    def position(self) -> str:
        raise NotImplementedError


class Futures:
    """Everything of the USDT perpetuals. Sizes are signed texts: the SDK asks for decimals."""

    def __init__(self, client: Any) -> None:
        self.api = gate_api.FuturesApi(client)

    def listed(self) -> list[str]:
        return [contract.name for contract in self.api.list_futures_contracts("usdt")]

    def book(self) -> Any:
        book = self.api.list_futures_order_book("usdt", PAIR, limit=50, with_id=True)
        return book.id, [(one.p, one.s) for one in book.bids], [(one.p, one.s) for one in book.asks]

    def trades(self) -> list[tuple[str, str]]:
        return [(one.price, one.size) for one in self.api.list_futures_trades("usdt", PAIR, limit=20)]

    def candles(self) -> int:
        return len(self.api.list_futures_candlesticks("usdt", PAIR, interval="1m", limit=30))

    def _create(self, size: Decimal, price: str, tif: str) -> str:
        order = gate_api.FuturesOrder(contract=PAIR, size=str(size), price=price, tif=tif)
        return str(self.api.create_futures_order("usdt", order).id)

    def place(self, side: str, quantity: Decimal, price: Decimal) -> str:
        return self._create(quantity if side == "buy" else -quantity, str(price), "gtc")

    def buy(self, amount: Decimal) -> str:
        return self._create(amount, "0", "ioc")

    def sell(self, amount: Decimal) -> str:
        return self._create(-amount, "0", "ioc")

    def cancel(self, order_id: str) -> None:
        self.api.cancel_futures_order("usdt", order_id)

    def order(self, order_id: str) -> SeenOrder:
        order = self.api.get_futures_order("usdt", order_id)
        status = "open" if order.status == "open" else STATUSES[order.finish_as]
        return SeenOrder(status, abs(Decimal(order.size)) - abs(Decimal(order.left)))

    def open_ids(self) -> set[str]:
        return {str(order.id) for order in self.api.list_futures_orders("usdt", "open", contract=PAIR)}

    def finished_ids(self) -> set[str]:
        return {str(order.id) for order in self.api.list_futures_orders("usdt", "finished", contract=PAIR)}

    def fills(self) -> list[SeenFill]:
        fills = self.api.get_my_trades("usdt", contract=PAIR)
        return [SeenFill(str(fill.id), fill.order_id, fill.price, abs(Decimal(fill.size)), fill.fee) for fill in fills]

    def balances(self) -> dict[str, tuple[str, str]]:
        account = self.api.list_futures_accounts("usdt")
        return {account.currency: (account.total, "0")}

    def position(self) -> str:
        return str(self.api.get_position("usdt", PAIR).size)


def main(client: str, announcement: dict[str, Any], kind: str) -> None:
    end_with_input()
    teller = Teller(client, version("gate-api"))
    urls = announcement["gateio"]
    credentials = urls["credentials"]
    settings = gate_api.Configuration(host=urls["rest"], key=credentials["key"], secret=credentials["secret"])
    api = gate_api.ApiClient(settings)
    market: Market = Spot(api) if kind == "spot" else Futures(api)
    truth = Truth(announcement, "gateio", "BTC/USDT" if kind == "spot" else "BTC/USDT:USDT")
    with teller.step("markets") as step:
        listed = market.listed()
        check(PAIR in listed, f"no {PAIR} among {listed}")
        step.detail = f"{len(listed)} markets"
    with teller.step("book") as step:
        update_id, bids, asks = market.book()
        step.detail = same_book(bids, asks, truth.book(update_id), 50)
    with teller.step("trades") as step:
        trades = market.trades()
        check(trades and all(float(price) and float(size) for price, size in trades), f"{trades}")
        step.detail = f"{len(trades)} trades"
    with teller.step("candles") as step:
        count = market.candles()
        check(count == 30, f"{count} candles")
        step.detail = f"{count} candles"
    trade(teller, truth, market, AMOUNTS[kind])


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3])
