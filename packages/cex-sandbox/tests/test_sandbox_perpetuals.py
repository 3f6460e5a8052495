from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from cex.common.enums import InstrumentStatus, Side
from cex.common.types.symbols import Symbol
from cex.sandbox.market.listings import DEFAULT_LISTINGS, FuturesContract
from cex.sandbox.market.perpetuals import Perpetual
from cex.sandbox.market.simulation import Fingerprint, Market, MarketBook

NOW = 1_795_000_000
PERPETUALS = [listing for listing in DEFAULT_LISTINGS if listing.contract is not None]
PAIR = [listing for listing in DEFAULT_LISTINGS if listing.symbol.base == "BTC"]


def perpetual(market: Market, symbol: str = "BTC/USDT:USDT") -> tuple[MarketBook, Perpetual]:
    book = market.book("gateio", symbol)
    assert book.perpetual is not None
    return book, book.perpetual


def middle(book: MarketBook) -> float:
    bid, ask = book.engine.best(Side.BUY), book.engine.best(Side.SELL)
    assert bid is not None
    assert ask is not None
    return (bid + ask) / 2 / 10.0**book.rules.price_decimals


def test_what_is_listed() -> None:
    multipliers = {str(listing.symbol): listing.contract.multiplier for listing in PERPETUALS if listing.contract}
    assert multipliers == {
        "BTC/USDT:USDT": Decimal("0.0001"),
        "ETH/USDT:USDT": Decimal("0.01"),
        "SOL/USDT:USDT": Decimal(1),
        "龙虾/USDT:USDT": Decimal(10),
    }
    assert [str(listing.symbol) for listing in PERPETUALS if listing.venues["gateio"].quantity_decimals] == [
        "SOL/USDT:USDT"
    ]


def test_the_truth_counts_contracts() -> None:
    market = Market(seed=7, listings=PAIR)
    book, _ = perpetual(market)
    truth = book.true_book()
    assert truth.multiplier == Decimal("0.0001")
    assert all(size == int(size) for _, size in truth.bids + truth.asks)
    assert market.book("gateio", "BTC/USDT").true_book().multiplier == 1
    best = truth.asks[0][0]
    execution = market.submit("gateio", "BTC/USDT:USDT", Side.BUY, Decimal(1), best)
    assert execution.fills[0].quantity == 1
    with pytest.raises(ValueError, match="more than 0 decimals"):
        market.submit("gateio", "BTC/USDT:USDT", Side.BUY, Decimal("0.5"), best)


def test_it_stays_near_spot_with_a_basis_that_moves() -> None:
    market = Market(seed=7, listings=PAIR)
    book, _ = perpetual(market)
    spot = market.book("gateio", "BTC/USDT")
    basis = []
    for _ in range(2000):
        market.step()
        basis.append(middle(book) / middle(spot) - 1)
    assert -3e-4 < sum(basis) / len(basis) < 9e-4
    assert max(basis) - min(basis) > 5e-4
    assert max(map(abs, basis)) < 100e-4


def test_index_and_mark_follow_the_books() -> None:
    market = Market(seed=7, listings=PAIR)
    _, state = perpetual(market)
    for _ in range(500):
        market.step()
        unit = 10**state.mark_decimals
        spots = [middle(market.book(venue, "BTC/USDT")) for venue in ("mexc", "gateio")]
        assert state.index / unit == pytest.approx(sum(spots) / 2, abs=0.011)
        assert abs(state.mark / state.index - 1) < 0.01
    assert state.mark_candles.last == state.mark
    assert state.index_candles.last == state.index


def test_without_its_spot_pair_it_has_a_price_of_its_own() -> None:
    market = Market(seed=7, listings=PERPETUALS[:1])
    book, state = perpetual(market)
    first = state.index
    for _ in range(300):
        market.step()
    assert book.prints
    assert state.index == first
    assert middle(book) == pytest.approx(84_295, rel=0.05)


def test_the_order_of_listings_does_not_matter_to_it() -> None:
    one, other = Market(seed=7, listings=PAIR), Market(seed=7, listings=PAIR[::-1])
    for _ in range(50):
        one.step()
        other.step()
    true, too = perpetual(one)[0].true_book(), perpetual(other)[0].true_book()
    assert (true.bids, true.asks) == (too.bids, too.asks)


def test_perpetuals_leave_the_spot_books_as_they_were() -> None:
    spot = [listing for listing in DEFAULT_LISTINGS if listing.contract is None]
    one, other = Market(seed=7, listings=spot), Market(seed=7)
    events, too = Fingerprint(), Fingerprint()
    for _ in range(30):
        one.step()
        other.step()
        events.add(one.books)
        pairs = {
            venue: {symbol: book for symbol, book in books.items() if book.perpetual is None}
            for venue, books in other.books.items()
        }
        too.add(pairs)
    assert events.hexdigest() == too.hexdigest()


def test_funding_is_what_was_announced() -> None:
    market = Market(seed=7, listings=PAIR, now_ns=NOW * 10**9)
    _, state = perpetual(market)
    due = state.funding_due(NOW)
    assert due % 28_800 == 0
    assert NOW < due <= NOW + 28_800
    assert state.funding_due(due) == due + 28_800
    announced = state.funding_rate(due)
    _, again = perpetual(Market(seed=7, listings=PAIR))
    assert again.funding_rate(due) == announced
    rates = [state.funding_rate(due - 28_800 * number) for number in range(3000)]
    assert len(set(rates)) > 100
    assert max(map(abs, rates)) <= 3_000
    assert 50 < sum(rates) / len(rates) < 130


def test_open_interest_moves_with_trades() -> None:
    market = Market(seed=7, listings=PAIR)
    _, state = perpetual(market)
    interest, traded = state.open_interest, state.traded
    for _ in range(500):
        market.step()
    assert state.open_interest != interest
    assert state.traded > traded


def test_contracts_are_checked() -> None:
    with pytest.raises(ValueError, match="needs a contract"):
        replace(PERPETUALS[0], contract=None)
    with pytest.raises(ValueError, match="needs a contract"):
        replace(PERPETUALS[0], symbol=Symbol("BTC/USDT"))
    with pytest.raises(ValueError, match="must be positive"):
        FuturesContract(multiplier=Decimal(0))


def test_halted_contracts_have_a_book_that_nobody_touches() -> None:
    listing = PERPETUALS[0]
    halted = replace(listing, venues={"gateio": replace(listing.venues["gateio"], status=InstrumentStatus.HALTED)})
    market = Market(seed=7, listings=[halted])
    book, _ = perpetual(market)
    first = book.true_book()
    for _ in range(30):
        market.step()
    assert book.true_book() == first
