"""cryptofeed's market data of Gate.io: `python cryptofeed_feed.py CLIENT ANNOUNCEMENT (spot | futures)`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from front import Front
from steps import Teller, Truth, check, end_with_input, same_book

__all__ = ["main"]

BOOKS = 60
TRADES = 5
SECONDS = 30.0
DEPTH = 50
"""The snapshot has 100 levels, and what moves in behind them is not known."""


async def watch(teller: Teller, truth: Truth, exchange: Any, symbol: str) -> None:
    from cryptofeed import defines

    books: list[str] = []
    trades: list[Any] = []
    tickers: list[Any] = []
    wrong: list[str] = []

    async def on_book(book: Any, _: float) -> None:
        raw = book.raw
        update_id = raw["id"] if "id" in raw and "result" not in raw else raw["result"]["u"]
        sides = book.book
        try:
            bids = [(price, sides.bids[price]) for price in list(sides.bids.keys())[:DEPTH]]
            asks = [(price, sides.asks[price]) for price in list(sides.asks.keys())[:DEPTH]]
            books.append(same_book(bids, asks, truth.book(int(update_id)), DEPTH, DEPTH))
        except Exception as error:  # noqa: BLE001 (cryptofeed would begin anew)
            wrong.append(f"{type(error).__name__}: {error}")

    async def on_trade(trade: Any, _: float) -> None:
        trades.append(trade)

    async def on_ticker(ticker: Any, _: float) -> None:
        tickers.append(ticker)

    callbacks: dict[str, Callable[[Any, float], Awaitable[None]]] = {
        defines.L2_BOOK: on_book,
        defines.TRADES: on_trade,
        defines.TICKER: on_ticker,
    }
    with teller.step("markets") as step:
        symbols = exchange.symbols()
        check(symbol in symbols, f"no {symbol} among {symbols}")
        step.detail = f"{len(symbols)} markets"
    feed = exchange(
        symbols=[symbol], channels=list(callbacks), callbacks=callbacks, http_proxy=os.environ["HTTPS_PROXY"]
    )
    feed.start(asyncio.get_running_loop())

    async def enough(what: list[Any], count: int) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + SECONDS
        while len(what) < count and not wrong:
            check(loop.time() < end, f"{len(what)} of {count} within {SECONDS:g} s")
            await asyncio.sleep(0.05)

    try:
        with teller.step("streamed book") as step:
            await enough(books, BOOKS)
            check(not wrong, "; ".join(wrong[:1]))
            step.detail = f"{len(books)} states, the last {books[-1]}"
        wrong.clear()
        with teller.step("streamed trades") as step:
            await enough(trades, TRADES)
            check(all(one.price > 0 and one.amount > 0 and one.side in ("buy", "sell") for one in trades), f"{trades}")
            step.detail = f"{len(trades)} trades"
        with teller.step("streamed ticker"):
            await enough(tickers, 1)
            check(tickers[0].bid < tickers[0].ask, f"{tickers[0]}")
    finally:
        feed.stop()
        await feed.shutdown()


def main(client: str, announcement: dict[str, Any], kind: str) -> None:
    end_with_input()
    os.chdir(tempfile.gettempdir())  # it writes its log where it is started
    urls = announcement["gateio"]
    truth = Truth(announcement, "gateio", "BTC/USDT" if kind == "spot" else "BTC/USDT:USDT")
    with Front({"api.gateio.ws": urls["rest"], "fx-ws.gateio.ws": urls["rest"]}):
        from cryptofeed.exchanges import Gateio, GateioFutures

        teller = Teller(client, version("cryptofeed"))
        exchange, symbol = (Gateio, "BTC-USDT") if kind == "spot" else (GateioFutures, "BTC-USDT-PERP")
        asyncio.run(watch(teller, truth, exchange, symbol))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3])
