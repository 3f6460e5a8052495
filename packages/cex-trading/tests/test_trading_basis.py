from __future__ import annotations

import pytest

from cex.common import BookSnapshot, FundingRate, Symbol, Synchronizer
from cex.trading import Market, measure_basis

SPOT, PERPETUAL = Symbol("BTC/USDT"), Symbol("BTC/USDT:USDT")


def market(symbol: Symbol, bid: float | None, ask: float | None, *, fresh: bool = True, fee: float = 0.001) -> Market:
    synchronizer = Synchronizer(symbol, window=None, windowed_stream=False)
    bids = [] if bid is None else [(bid, 1.0)]
    asks = [] if ask is None else [(ask, 1.0)]
    synchronizer.on_snapshot(BookSnapshot(symbol, 1, bids, asks))
    return Market(exchange="x", book=synchronizer.book, taker_fee=fee, fresh=fresh)


def test_the_basis_and_what_each_direction_locks_in() -> None:
    basis = measure_basis(
        market(SPOT, 99.0, 101.0), market(PERPETUAL, 102.0, 104.0, fee=0.0005), FundingRate(PERPETUAL, 0.0001, 0, 28800)
    )
    assert basis is not None
    assert basis.basis_bps == pytest.approx(300)
    assert basis.carry_bps == pytest.approx((102 * 0.9995 / (101 * 1.001) - 1) * 1e4)
    assert basis.reverse_bps == pytest.approx((99 * 0.999 / (104 * 1.0005) - 1) * 1e4)
    assert basis.funding_bps == pytest.approx(1.0)
    assert basis.funding_bps_year == pytest.approx(3 * 365)


def test_funding_is_not_invented() -> None:
    basis = measure_basis(market(SPOT, 99.0, 101.0), market(PERPETUAL, 99.0, 101.0))
    assert basis is not None
    assert (basis.basis_bps, basis.funding_bps, basis.funding_bps_year) == (0.0, None, None)
    known = measure_basis(market(SPOT, 99.0, 101.0), market(PERPETUAL, 99.0, 101.0), FundingRate(PERPETUAL, 0.0001, 0))
    assert known is not None
    assert known.funding_bps_year is None


@pytest.mark.parametrize(
    "lame", [market(SPOT, 1.0, 2.0, fresh=False), market(SPOT, None, 2.0), market(SPOT, 1.0, None)]
)
def test_what_cannot_be_believed_or_has_an_empty_side_gives_nothing(lame: Market) -> None:
    assert measure_basis(lame, market(PERPETUAL, 1.0, 2.0)) is None


def test_markets_that_do_not_belong_together_are_refused() -> None:
    spot, perpetual = market(SPOT, 1.0, 2.0), market(PERPETUAL, 1.0, 2.0)
    with pytest.raises(ValueError, match="spot market and a perpetual"):
        measure_basis(perpetual, spot)
    with pytest.raises(ValueError, match="not the same pair"):
        measure_basis(spot, market(Symbol("ETH/USDT:USDT"), 1.0, 2.0))
    with pytest.raises(ValueError, match="funding rate is of ETH"):
        measure_basis(spot, perpetual, FundingRate(Symbol("ETH/USDT:USDT"), 0.1, 0))
