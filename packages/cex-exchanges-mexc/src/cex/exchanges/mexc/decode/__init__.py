"""MEXC's structures become ours; pure functions. Whatever does not fit is an ``ExchangeDataException``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.exchanges.mexc.decode.market import (
        aggregated_trades,
        book_snapshot,
        instruments,
        klines,
        recent_trades,
        ticker,
        tickers,
    )
    from cex.exchanges.mexc.decode.parsing import NOT_DECODABLE, parse, undecodable
    from cex.exchanges.mexc.decode.pushes import book_delta, book_ticker, kline, limited_book, mini_ticker, trades

__all__ = [
    "NOT_DECODABLE",
    "aggregated_trades",
    "book_delta",
    "book_snapshot",
    "book_ticker",
    "instruments",
    "kline",
    "klines",
    "limited_book",
    "mini_ticker",
    "parse",
    "recent_trades",
    "ticker",
    "tickers",
    "trades",
    "undecodable",
]

if not TYPE_CHECKING:
    __getattr__ = lazy_exports(
        __name__,
        {
            "market": [
                "aggregated_trades",
                "book_snapshot",
                "instruments",
                "klines",
                "recent_trades",
                "ticker",
                "tickers",
            ],
            "parsing": ["NOT_DECODABLE", "parse", "undecodable"],
            "pushes": ["book_delta", "book_ticker", "kline", "limited_book", "mini_ticker", "trades"],
        },
    )
