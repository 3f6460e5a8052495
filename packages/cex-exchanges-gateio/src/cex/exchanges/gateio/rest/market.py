"""What the REST of each market can be asked, so that the client need not know which market a symbol is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cex.common.enums import KlineInterval
from cex.common.exceptions import ExchangeDataException
from cex.common.types.instruments import Instrument
from cex.common.types.market import BookSnapshot, Kline, Ticker, Trade
from cex.common.types.symbols import Symbol
from cex.exchanges.gateio.constants import EXCHANGE

__all__ = ["MarketRest", "bounded", "no_row"]


class MarketRest(Protocol):
    """The endpoints of one market; ``listed`` is the instrument that is asked about."""

    @property
    def intervals(self) -> Mapping[KlineInterval, str]:
        """The candle widths that are served, by ours, in the exchange's words."""

    @property
    def kline_page(self) -> int:
        """Candles that one request gives at most."""

    async def instruments(self) -> tuple[list[Instrument], list[str]]: ...

    async def order_book(self, listed: Instrument, depth: int | None, *, resync: bool) -> BookSnapshot: ...

    async def trades(self, listed: Instrument, limit: int) -> list[Trade]: ...

    async def ticker(self, listed: Instrument) -> Ticker: ...

    async def tickers(self) -> dict[Symbol, Ticker]: ...

    async def klines(
        self, listed: Instrument, interval: KlineInterval, params: Mapping[str, str], operation: str
    ) -> list[Kline]: ...


def bounded(value: int, most: int, what: str) -> str:
    """``value`` as a parameter; ValueError unless it is 1 to ``most``."""
    if not 1 <= value <= most:
        raise ValueError(f"{EXCHANGE} gives 1 to {most} {what}, not {value}")
    return str(value)


def no_row(path: str, listed: Instrument, body: bytes) -> ExchangeDataException:
    """The error for an answer that says nothing about what was asked."""
    return ExchangeDataException(
        f"{path} says nothing about {listed.exchange_symbol}", EXCHANGE, channel=path, payload=body
    )
