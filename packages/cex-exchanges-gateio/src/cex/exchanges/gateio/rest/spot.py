"""The spot market's endpoints. https://www.gate.com/docs/developers/apiv4/en/#spot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cex.common.clock import Clock
from cex.common.enums import KlineInterval
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookSnapshot, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.gateio.constants import DEFAULT_DEPTH, MAX_DEPTH, MAX_KLINES, MAX_TRADES, SPOT_INTERVALS
from cex.exchanges.gateio.decode import spot
from cex.exchanges.gateio.decode.values import parse
from cex.exchanges.gateio.rest.connection import Connection
from cex.exchanges.gateio.rest.market import bounded, no_row
from cex.exchanges.gateio.wire.spot import (
    klines_decoder,
    order_book_decoder,
    server_time_decoder,
    tickers_decoder,
    trades_decoder,
)
from cex.networking import Priority

__all__ = ["SpotRest"]

_TIME: Final = "/spot/time"
_PAIRS: Final = "/spot/currency_pairs"
_BOOK: Final = "/spot/order_book"
_TRADES: Final = "/spot/trades"
_TICKERS: Final = "/spot/tickers"
_KLINES: Final = "/spot/candlesticks"


class SpotRest:
    """Asks about pairs."""

    intervals = SPOT_INTERVALS
    kline_page = MAX_KLINES

    def __init__(self, connection: Connection, catalogue: InstrumentCatalogue, clock: Clock) -> None:
        self._get = connection.get
        self._server_time = connection.server_time
        self._catalogue = catalogue
        self._clock = clock

    async def server_time(self) -> int:
        """``GET /spot/time``, in nanoseconds; exact to a millisecond."""
        answer = await self._get(_TIME, "server_time")
        server_ns = parse(server_time_decoder, answer.body, _TIME).server_time * 1_000_000
        self._server_time.update(server_ns, answer.sent_ns, answer.received_ns)
        return server_ns

    async def instruments(self) -> tuple[list[Instrument], list[str]]:
        answer = await self._get(_PAIRS, "load_instruments")
        return spot.instruments(answer.body, self._clock.time_ns())

    async def order_book(self, listed: Instrument, depth: int | None, *, resync: bool) -> BookSnapshot:
        limit = DEFAULT_DEPTH if depth is None else depth
        params = {
            "currency_pair": listed.exchange_symbol,
            "limit": bounded(limit, MAX_DEPTH, "levels a side"),
            "with_id": "true",
        }
        priority = Priority.SNAPSHOT if resync else Priority.QUERY
        answer = await self._get(_BOOK, "order_book_snapshot", params, priority=priority)
        book = parse(order_book_decoder, answer.body, _BOOK)
        return spot.book_snapshot(book, listed.symbol, limit=limit, received_ns=answer.received_ns)

    async def trades(self, listed: Instrument, limit: int) -> list[Trade]:
        params = {"currency_pair": listed.exchange_symbol, "limit": bounded(limit, MAX_TRADES, "recent trades")}
        answer = await self._get(_TRADES, "recent_trades", params)
        rows = parse(trades_decoder, answer.body, _TRADES)
        return [spot.trade(row, listed.symbol, answer.received_ns) for row in reversed(rows)]

    async def ticker(self, listed: Instrument) -> Ticker:
        answer = await self._get(_TICKERS, "ticker", {"currency_pair": listed.exchange_symbol})
        for row in parse(tickers_decoder, answer.body, _TICKERS):
            if row.currency_pair == listed.exchange_symbol:
                return spot.ticker(row, listed.symbol, answer.received_ns, channel=_TICKERS)
        raise no_row(_TICKERS, listed, answer.body)

    async def tickers(self) -> dict[Symbol, Ticker]:
        answer = await self._get(_TICKERS, "all_tickers")
        found = {}
        for row in parse(tickers_decoder, answer.body, _TICKERS):
            symbol = self._catalogue.by_native(row.currency_pair)
            if symbol is not None:
                found[symbol] = spot.ticker(row, symbol, answer.received_ns, channel=_TICKERS)
        return found

    async def klines(
        self, listed: Instrument, interval: KlineInterval, params: Mapping[str, str], operation: str
    ) -> list[Kline]:
        asked = {"currency_pair": listed.exchange_symbol, "interval": SPOT_INTERVALS[interval], **params}
        answer = await self._get(_KLINES, operation, asked)
        rows = parse(klines_decoder, answer.body, _KLINES)
        return [spot.kline(row, listed.symbol, interval, answer.received_ns) for row in rows]
