"""The endpoints of perpetual futures that settle in USDT. https://www.gate.com/docs/developers/apiv4/en/#futures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import KlineInterval, MarketType
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookSnapshot, FundingRate, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.gateio.constants import (
    DEFAULT_DEPTH,
    FUTURES_INTERVALS,
    FUTURES_MAX_DEPTH,
    FUTURES_MAX_KLINES,
    MAX_FUNDING_RATES,
    MAX_TRADES,
    SIZE_DECIMAL,
)
from cex.exchanges.gateio.decode import futures
from cex.exchanges.gateio.decode.contracts import ContractSize
from cex.exchanges.gateio.decode.values import parse
from cex.exchanges.gateio.rest.connection import Connection
from cex.exchanges.gateio.rest.market import bounded, no_row
from cex.exchanges.gateio.wire.futures import (
    contract_decoder,
    funding_decoder,
    klines_decoder,
    order_book_decoder,
    tickers_decoder,
    trades_decoder,
)
from cex.networking import Priority, RestResponse

__all__ = ["FuturesRest"]

_CONTRACTS: Final = "/futures/usdt/contracts"
_ONE_CONTRACT: Final = "/futures/usdt/contracts/{contract}"
_BOOK: Final = "/futures/usdt/order_book"
_TRADES: Final = "/futures/usdt/trades"
_TICKERS: Final = "/futures/usdt/tickers"
_KLINES: Final = "/futures/usdt/candlesticks"
_FUNDING: Final = "/futures/usdt/funding_rate"


class FuturesRest:
    """Asks about contracts; sizes leave here in base units."""

    intervals = FUTURES_INTERVALS
    kline_page = FUTURES_MAX_KLINES

    def __init__(self, connection: Connection, catalogue: InstrumentCatalogue) -> None:
        self._connection = connection
        self._catalogue = catalogue

    async def instruments(self) -> tuple[list[Instrument], list[str]]:
        answer = await self._get(_CONTRACTS, "load_instruments")  # a limit would cut the list without a word
        return futures.instruments(answer.body)

    async def order_book(self, listed: Instrument, depth: int | None, *, resync: bool) -> BookSnapshot:
        limit = DEFAULT_DEPTH if depth is None else depth
        params = {
            "contract": listed.exchange_symbol,
            "limit": bounded(limit, FUTURES_MAX_DEPTH, "levels a side"),
            "with_id": "true",
        }
        priority = Priority.SNAPSHOT if resync else Priority.QUERY
        answer = await self._get(_BOOK, "order_book_snapshot", params, priority=priority)
        book = parse(order_book_decoder, answer.body, _BOOK)
        return futures.book_snapshot(book, listed.symbol, _size(listed), limit=limit, received_ns=answer.received_ns)

    async def trades(self, listed: Instrument, limit: int) -> list[Trade]:
        params = {"contract": listed.exchange_symbol, "limit": bounded(limit, MAX_TRADES, "recent trades")}
        answer = await self._get(_TRADES, "recent_trades", params)
        rows, size = parse(trades_decoder, answer.body, _TRADES), _size(listed)
        return [futures.trade(row, listed.symbol, size, answer.received_ns) for row in reversed(rows)]

    async def ticker(self, listed: Instrument) -> Ticker:
        answer = await self._get(_TICKERS, "ticker", {"contract": listed.exchange_symbol})
        for row in parse(tickers_decoder, answer.body, _TICKERS):
            if row.contract == listed.exchange_symbol:
                return futures.ticker(row, listed.symbol, _size(listed), answer.received_ns, channel=_TICKERS)
        raise no_row(_TICKERS, listed, answer.body)

    async def tickers(self) -> dict[Symbol, Ticker]:
        answer = await self._get(_TICKERS, "all_tickers")
        found = {}
        for row in parse(tickers_decoder, answer.body, _TICKERS):
            symbol = self._catalogue.by_native(row.contract, MarketType.FUTURES)
            if symbol is not None:
                size = _size(self._catalogue[symbol])
                found[symbol] = futures.ticker(row, symbol, size, answer.received_ns, channel=_TICKERS)
        return found

    async def klines(
        self, listed: Instrument, interval: KlineInterval, params: Mapping[str, str], operation: str
    ) -> list[Kline]:
        asked = {"contract": listed.exchange_symbol, "interval": FUTURES_INTERVALS[interval], **params}
        answer = await self._get(_KLINES, operation, asked)
        rows, size = parse(klines_decoder, answer.body, _KLINES), _size(listed)
        return [futures.kline(row, listed.symbol, size, interval, answer.received_ns) for row in rows]

    async def funding_rate(self, listed: Instrument) -> FundingRate:
        """The rate of the running period, from the contract's own page."""
        path = _ONE_CONTRACT.format(contract=listed.exchange_symbol)
        answer = await self._get(path, "funding_rate", pool=_ONE_CONTRACT)
        contract = parse(contract_decoder, answer.body, _ONE_CONTRACT)
        return futures.current_funding(contract, listed.symbol, answer.received_ns)

    async def funding_history(self, listed: Instrument, start_ts: int, end_ts: int) -> list[FundingRate]:
        """The settled rates, asked for from the newest back, because an answer is cut at its old end."""
        found: dict[int, FundingRate] = {}
        start_s, until_s = max(0, -(-start_ts // NANOSECONDS)), -(-end_ts // NANOSECONDS) - 1
        while until_s >= start_s:
            params = {
                "contract": listed.exchange_symbol,
                "from": str(start_s),
                "to": str(until_s),
                "limit": str(MAX_FUNDING_RATES),
            }
            answer = await self._get(_FUNDING, "funding_history", params)
            rows = [row for row in parse(funding_decoder, answer.body, _FUNDING) if start_s <= row.t <= until_s]
            for row in rows:
                rate = futures.funding(row, listed.symbol, answer.received_ns)
                found[rate.funding_ts] = rate
            if len(rows) < MAX_FUNDING_RATES:
                break
            until_s = min(row.t for row in rows) - 1
        return [found[settled_ns] for settled_ns in sorted(found)]

    async def _get(
        self,
        path: str,
        operation: str,
        params: Mapping[str, str] | None = None,
        *,
        pool: str | None = None,
        priority: Priority = Priority.QUERY,
    ) -> RestResponse:
        return await self._connection.get(path, operation, params, pool=pool, headers=SIZE_DECIMAL, priority=priority)


def _size(listed: Instrument) -> ContractSize:
    return ContractSize(listed.contract_size)
