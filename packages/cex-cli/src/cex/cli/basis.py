"""Follows how far perpetuals trade from their coins, on one exchange and between exchanges, and what funding pays."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from cex.cli.observer import Observer
from cex.cli.scout import market_of
from cex.cli.screen import BasisRow
from cex.common.enums import MarketType
from cex.common.exceptions import ExchangeException
from cex.common.types.market import FundingRate
from cex.common.types.symbols import Symbol
from cex.trading import measure_basis

__all__ = ["BasisWatch"]

_FUNDING_EVERY_S = 60.0


class BasisWatch:
    """Knows the funding of every followed perpetual inside of its block, and gives the rows to show."""

    def __init__(self, observers: Sequence[Observer], *, refresh_s: float = _FUNDING_EVERY_S) -> None:
        self._refresh_s = refresh_s
        self._perpetuals = [
            (observer, symbol)
            for observer in observers
            for symbol in observer.with_book
            if symbol.market_type is MarketType.FUTURES
        ]
        self._pairs = [
            (coin, Symbol.of(symbol.base, symbol.quote), future, symbol)
            for future, symbol in self._perpetuals
            for coin in observers
            if Symbol.of(symbol.base, symbol.quote) in coin.with_book
        ]
        self._funding: dict[tuple[str, Symbol], FundingRate] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for observer, symbol in self._perpetuals:
            name = f"{observer.name} funding {symbol}"
            self._tasks.append(asyncio.create_task(self._follow_funding(observer, symbol), name=name))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    def rows(self) -> tuple[BasisRow, ...]:
        """Every perpetual against every followed spot market of its pair, as the books stand."""
        rows = []
        for coin, spot, future, perpetual in self._pairs:
            here, there = market_of(coin, spot), market_of(future, perpetual)
            basis = None
            if here is not None and there is not None:
                basis = measure_basis(here, there, self._funding.get((future.name, perpetual)))
            if basis is not None:
                rows.append(
                    BasisRow(
                        spot_on=coin.name,
                        perpetual_on=future.name,
                        symbol=perpetual,
                        basis_bps=basis.basis_bps,
                        carry_bps=basis.carry_bps,
                        reverse_bps=basis.reverse_bps,
                        funding_bps=basis.funding_bps,
                        funding_bps_year=basis.funding_bps_year,
                    )
                )
        return tuple(rows)

    async def _follow_funding(self, observer: Observer, symbol: Symbol) -> None:
        while True:
            try:
                self._funding[observer.name, symbol] = await observer.exchange.funding_rate(symbol)
            except ExchangeException as error:
                self._funding.pop((observer.name, symbol), None)
                observer.failed(f"{symbol} funding: {error.message}")
            await asyncio.sleep(self._refresh_s)
