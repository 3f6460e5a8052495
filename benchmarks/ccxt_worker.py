"""ccxt.pro with the frames of a sample, in an environment of its own: `python ccxt_worker.py SAMPLE.json`.

Offline: the markets are set, the book is loaded from the sample's snapshot, and each frame goes to the client's own
``handle_text_or_binary_message``, from where ccxt decodes and routes it. Nobody awaits a future of ccxt's, which costs
it more than what is measured here. For each line on standard input, which says how often to take all frames, it answers
with the CPU seconds and the checksum. Only the standard library and ccxt may be imported.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["main"]

CONTRACTS_A_UNIT = 10_000


class CcxtPro:
    def __init__(self, sample: dict[str, Any]) -> None:
        name, _, market = sample["market"].partition("-")
        self._is_futures = market == "futures"
        self._symbol = "BTC/USDT:USDT" if self._is_futures else "BTC/USDT"
        self._sample = sample
        self._frames = [bytes.fromhex(frame) if name == "mexc" else frame for frame in sample["frames"]]
        exchange = getattr(importlib.import_module("ccxt.pro"), "gate" if name == "gateio" else name)()
        exchange.set_markets([self._market(exchange, "BTC_USDT" if name == "gateio" else "BTCUSDT")])
        self.exchange = exchange
        self._client = exchange.client("ws://127.0.0.1")
        self._read = getattr(self, f"_read_{sample['kind']}")
        self.reset()

    def _market(self, exchange: Any, market_id: str) -> dict[str, Any]:
        futures = self._is_futures
        market: dict[str, Any] = exchange.safe_market_structure(
            {
                "id": market_id,
                "symbol": self._symbol,
                "base": "BTC",
                "quote": "USDT",
                "baseId": "BTC",
                "quoteId": "USDT",
                "settle": "USDT" if futures else None,
                "settleId": "usdt" if futures else None,
                "type": "swap" if futures else "spot",
                "spot": not futures,
                "swap": futures,
                "future": False,
                "option": False,
                "contract": futures,
                "linear": True if futures else None,
                "inverse": False if futures else None,
                "contractSize": 1 / CONTRACTS_A_UNIT if futures else None,
                "precision": {"amount": 1.0 if futures else 1e-8, "price": 0.1},
                "active": True,
            }
        )
        return market

    def reset(self) -> None:
        self.checksum = 0
        exchange, sample = self.exchange, self._sample
        exchange.trades, exchange.tickers, exchange.bidsasks = {}, {}, {}
        sides = {side: [[float(price), float(amount)] for price, amount in sample[side]] for side in ("bids", "asks")}
        book = exchange.order_book({}, len(sample["bids"]) or None)
        book.reset({**sides, "nonce": sample["last_id"], "timestamp": None, "symbol": self._symbol})
        exchange.orderbooks = {self._symbol: book}
        self._client.subscriptions = {f"orderbook:{self._symbol}": {"limit": None}}

    def feed(self) -> None:
        take, read = self._client.handle_text_or_binary_message, self._read
        for frame in self._frames:
            take(frame)
            read()

    def _read_depth(self) -> None:
        book = self.exchange.orderbooks[self._symbol]
        bid_price, bid_amount = book["bids"][0]
        ask_price, ask_amount = book["asks"][0]
        if self._is_futures:
            bid_amount, ask_amount = bid_amount / CONTRACTS_A_UNIT, ask_amount / CONTRACTS_A_UNIT
        self.checksum = hash((self.checksum, bid_price, bid_amount, ask_price, ask_amount))

    def _read_ticker(self) -> None:
        exchange = self.exchange
        top = (exchange.bidsasks or exchange.tickers)[self._symbol]
        bid_amount, ask_amount = top["bidVolume"], top["askVolume"]
        if self._is_futures:
            bid_amount, ask_amount = bid_amount / CONTRACTS_A_UNIT, ask_amount / CONTRACTS_A_UNIT
        self.checksum = hash((self.checksum, top["bid"], bid_amount, top["ask"], ask_amount))

    def _read_trade(self) -> None:
        trade = self.exchange.trades[self._symbol][-1]
        amount = trade["amount"] / CONTRACTS_A_UNIT if self._is_futures else trade["amount"]
        self.checksum = hash((self.checksum, trade["price"], amount))


def timed(contender: CcxtPro, repeats: int) -> tuple[float, int]:
    """CPU seconds of all frames ``repeats`` times over, each time from the snapshot on; the checksum of the last."""
    spent = 0.0
    gc.collect()
    gc.disable()
    for _ in range(repeats):
        contender.reset()
        started = time.process_time()
        contender.feed()
        spent += time.process_time() - started
    gc.enable()
    return spent, contender.checksum


async def main(sample: dict[str, Any]) -> None:
    contender = CcxtPro(sample)
    try:
        print("ready", flush=True)
        for line in sys.stdin:
            print(json.dumps(timed(contender, int(line))), flush=True)
    finally:
        await contender.exchange.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
