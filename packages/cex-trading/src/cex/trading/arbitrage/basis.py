"""Spot against perpetual: how far the future trades from the coin, and what funding pays for waiting."""

from __future__ import annotations

from msgspec import Struct

from cex.common.constants.trading_constants import BASIS_POINT
from cex.common.enums import MarketType
from cex.common.types.market import FundingRate
from cex.common.types.symbols import Symbol
from cex.trading.arbitrage.market import Market

__all__ = ["Basis", "measure_basis"]

_YEAR_S = 365 * 24 * 3600


class Basis(Struct, frozen=True, kw_only=True):
    """The distance between the mids, in basis points of the spot mid: positive when the perpetual is dearer.

    ``carry_bps`` is what buying spot and selling the perpetual locks in at the touch after both taker fees;
    ``reverse_bps`` the other way round (selling spot takes coins one has or borrows). ``funding_bps`` is one funding
    interval's payment to the short side (negative: the short pays), None where no rate was given; ``funding_bps_year``
    is the same rate over a year, None where the interval is not known either.
    """

    spot: Symbol
    perpetual: Symbol
    basis_bps: float
    carry_bps: float
    reverse_bps: float
    funding_bps: float | None
    funding_bps_year: float | None


def measure_basis(spot: Market, perpetual: Market, funding: FundingRate | None = None) -> Basis | None:
    """The basis as the books stand; None where a market is not usable or a side is empty.

    Raises:
        ValueError: the markets are not spot and perpetual of one pair, or the funding is another market's.
    """
    coin, future = spot.book.symbol, perpetual.book.symbol
    if coin.market_type is not MarketType.SPOT or future.market_type is not MarketType.FUTURES:
        raise ValueError(f"give a spot market and a perpetual, not {coin} and {future}")
    if (coin.base, coin.quote) != (future.base, future.quote):
        raise ValueError(f"not the same pair: {coin} and {future}")
    if funding is not None and funding.symbol != future:
        raise ValueError(f"the funding rate is of {funding.symbol}, not of {future}")
    if not (spot.usable and perpetual.usable):
        return None
    bid, ask = spot.book.best_bid, spot.book.best_ask
    future_bid, future_ask = perpetual.book.best_bid, perpetual.book.best_ask
    if bid is None or ask is None or future_bid is None or future_ask is None:
        return None
    mid = (bid.price + ask.price) / 2
    future_mid = (future_bid.price + future_ask.price) / 2
    rate = None if funding is None else funding.rate / BASIS_POINT
    interval = 0 if funding is None else funding.interval_s
    return Basis(
        spot=coin,
        perpetual=future,
        basis_bps=(future_mid / mid - 1) / BASIS_POINT,
        carry_bps=_net_bps(ask.price * (1 + spot.taker_fee), future_bid.price * (1 - perpetual.taker_fee)),
        reverse_bps=_net_bps(future_ask.price * (1 + perpetual.taker_fee), bid.price * (1 - spot.taker_fee)),
        funding_bps=rate,
        funding_bps_year=rate * _YEAR_S / interval if rate is not None and interval else None,
    )


def _net_bps(cost: float, proceeds: float) -> float:
    return (proceeds / cost - 1) / BASIS_POINT
