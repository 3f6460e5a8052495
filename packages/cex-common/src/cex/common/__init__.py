"""The words that every room shares: what is traded, what happened, what went wrong. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.common.book.order_book import BookView, OrderBook
    from cex.common.book.synchronizer import Outcome, Synchronizer, SyncStats
    from cex.common.types.account import Balance, FundingPayment, Position, TradingFees
    from cex.common.types.instruments import Instrument
    from cex.common.types.market import (
        BookDelta,
        BookSnapshot,
        BookTicker,
        FundingRate,
        Kline,
        PriceLevel,
        Ticker,
        Trade,
    )
    from cex.common.types.orders import Fill, Order, OrderRequest
    from cex.common.types.symbols import Symbol
    from cex.common.types.wallet import AssetNetwork, Deposit, DepositAddress, Transfer, Withdrawal

__all__ = [
    "AssetNetwork",
    "Balance",
    "BookDelta",
    "BookSnapshot",
    "BookTicker",
    "BookView",
    "Deposit",
    "DepositAddress",
    "Fill",
    "FundingPayment",
    "FundingRate",
    "Instrument",
    "Kline",
    "Order",
    "OrderBook",
    "OrderRequest",
    "Outcome",
    "Position",
    "PriceLevel",
    "Symbol",
    "SyncStats",
    "Synchronizer",
    "Ticker",
    "Trade",
    "TradingFees",
    "Transfer",
    "Withdrawal",
]

if not TYPE_CHECKING:
    __getattr__ = lazy_exports(
        __name__,
        {
            "book.order_book": ["BookView", "OrderBook"],
            "book.synchronizer": ["Outcome", "SyncStats", "Synchronizer"],
            "types.account": ["Balance", "FundingPayment", "Position", "TradingFees"],
            "types.instruments": ["Instrument"],
            "types.market": [
                "BookDelta",
                "BookSnapshot",
                "BookTicker",
                "FundingRate",
                "Kline",
                "PriceLevel",
                "Ticker",
                "Trade",
            ],
            "types.orders": ["Fill", "Order", "OrderRequest"],
            "types.symbols": ["Symbol"],
            "types.wallet": ["AssetNetwork", "Deposit", "DepositAddress", "Transfer", "Withdrawal"],
        },
    )
