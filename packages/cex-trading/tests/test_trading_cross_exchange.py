from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cex.common import BookDelta, BookSnapshot, Instrument, Symbol, Synchronizer
from cex.common.enums import BookState, InstrumentStatus
from cex.trading import Market, find_arbitrage, find_arbitrages, price_arbitrage

BTC = Symbol("BTC/USDT")
Levels = list[tuple[float, float]]


def synchronizer(bids: Levels, asks: Levels, symbol: Symbol = BTC) -> Synchronizer:
    made = Synchronizer(symbol, window=None, windowed_stream=False)
    made.on_snapshot(BookSnapshot(symbol, 7, bids, asks))
    return made


def market(bids: Levels, asks: Levels, **fields: Any) -> Market:
    defaults: dict[str, Any] = {
        "exchange": "here",
        "book": synchronizer(bids, asks).book,
        "taker_fee": 0.001,
        "fresh": True,
    }
    return Market(**defaults | fields)


def rules(**fields: Any) -> Instrument:
    defaults: dict[str, Any] = {
        "symbol": BTC,
        "exchange": "x",
        "exchange_symbol": "BTC_USDT",
        "status": InstrumentStatus.TRADING,
        "tick": Decimal("0.1"),
        "step": Decimal("0.1"),
    }
    return Instrument(**defaults | fields)


CHEAP: tuple[Levels, Levels] = ([(99.0, 5.0)], [(100.0, 1.0), (101.0, 2.0), (104.0, 9.0)])
DEAR: tuple[Levels, Levels] = ([(103.0, 1.5), (102.0, 1.0), (99.0, 4.0)], [(105.0, 5.0)])


def test_a_given_size_is_priced_with_both_fees() -> None:
    found = price_arbitrage(market(*CHEAP), market(*DEAR, exchange="there", taker_fee=0.002), 2.0)
    assert found is not None
    assert (found.buy_exchange, found.sell_exchange) == ("here", "there")
    assert (found.buy_symbol, found.sell_symbol) == (BTC, BTC)
    assert found.buy_price == pytest.approx(100.5)
    assert found.sell_price == pytest.approx((103 * 1.5 + 102 * 0.5) / 2)
    assert found.cost == pytest.approx(201 * 1.001)
    assert found.proceeds == pytest.approx(205.5 * 0.998)
    assert found.net_profit == pytest.approx(205.5 * 0.998 - 201 * 1.001)
    assert found.net_bps == pytest.approx((205.5 * 0.998 / (201 * 1.001) - 1) * 10_000)
    assert (found.buy_sequence, found.sell_sequence, found.suspect) == (7, 7, None)


def test_a_loss_is_priced_too_but_never_found() -> None:
    loss = price_arbitrage(market(*DEAR), market(*CHEAP), 1.0)
    assert loss is not None
    assert loss.net_profit < 0
    assert find_arbitrage(market(*DEAR), market(*CHEAP)) is None


def test_a_size_that_the_book_does_not_hold_has_no_price() -> None:
    assert price_arbitrage(market(*CHEAP), market(*DEAR), 6.6) is None
    for bad in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="positive"):
            price_arbitrage(market(*CHEAP), market(*DEAR), bad)


def test_the_best_size_stops_where_the_next_unit_no_longer_earns() -> None:
    found = find_arbitrage(market(*CHEAP), market(*DEAR))
    assert found is not None
    assert found.quantity == pytest.approx(2.5)
    limited = find_arbitrage(market(*CHEAP), market(*DEAR), max_quantity=0.7)
    assert limited is not None
    assert limited.quantity == 0.7


def test_both_directions_of_every_pair_are_looked_at_best_first() -> None:
    far = market([(110.0, 1.0)], [(111.0, 1.0)], exchange="far")
    found = find_arbitrages([market(*DEAR, exchange="dear"), far, market(*CHEAP, exchange="cheap")])
    assert [(o.buy_exchange, o.sell_exchange) for o in found] == [
        ("cheap", "far"),
        ("dear", "far"),
        ("cheap", "dear"),
    ]
    assert found[0].net_profit > found[1].net_profit > found[2].net_profit > 0


@pytest.mark.parametrize("state", [BookState.SYNCING, BookState.STALE, BookState.GAPPED])
def test_a_book_that_is_not_live_gives_nothing(state: BookState) -> None:
    lost = synchronizer(*CHEAP)
    lost.reset("lost", state)
    assert find_arbitrage(market([], [], book=lost.book), market(*DEAR)) is None
    assert price_arbitrage(market(*CHEAP), market([], [], book=lost.book), 1.0) is None


def test_a_book_that_is_not_fresh_gives_nothing() -> None:
    assert find_arbitrage(market(*CHEAP, fresh=False), market(*DEAR)) is None
    assert price_arbitrage(market(*CHEAP), market(*DEAR, fresh=False), 1.0) is None


def test_a_book_that_gaps_stops_giving_results_at_once() -> None:
    source = synchronizer(*CHEAP)
    here, there = market([], [], book=source.book), market(*DEAR)
    assert find_arbitrage(here, there) is not None
    source.on_delta(BookDelta(BTC, 9, 9, [], []))
    assert find_arbitrage(here, there) is None


def test_a_spread_too_good_to_be_true_is_labelled() -> None:
    found = find_arbitrage(market(*CHEAP), market([(200.0, 1.0)], [(201.0, 1.0)]))
    assert found is not None
    assert found.suspect is not None
    assert "above 500 bps" in found.suspect
    tolerant = find_arbitrage(market(*CHEAP), market([(200.0, 1.0)], [(201.0, 1.0)]), suspect_bps=20_000)
    assert tolerant is not None
    assert tolerant.suspect is None


def test_sizes_obey_the_steps_of_both_instruments() -> None:
    here = market(*CHEAP, instrument=rules(step=Decimal("0.4")))
    there = market(*DEAR, instrument=rules(step=Decimal("0.6")))
    found = find_arbitrage(here, there)
    assert found is not None
    assert found.quantity == pytest.approx(2.4)


@pytest.mark.parametrize(
    ("limits", "quantity"),
    [
        ({"max_quantity": Decimal("1.2")}, 1.2),
        ({"min_quantity": Decimal(3)}, None),
        ({"min_notional": Decimal(300)}, None),
        ({"min_notional": Decimal(200)}, 2.5),
        ({"step": Decimal(5)}, None),
    ],
)
def test_sizes_obey_minima_and_maxima(limits: dict[str, Decimal], quantity: float | None) -> None:
    found = find_arbitrage(market(*CHEAP), market(*DEAR, instrument=rules(**limits)))
    assert (None if found is None else found.quantity) == (None if quantity is None else pytest.approx(quantity))


def test_markets_that_are_not_the_same_are_refused() -> None:
    other = market([], [], book=synchronizer(*DEAR, symbol=Symbol("ETH/USDT")).book)
    with pytest.raises(ValueError, match="BTC/USDT and ETH/USDT"):
        find_arbitrage(market(*CHEAP), other)
    with pytest.raises(ValueError, match="not the same pair"):
        price_arbitrage(market(*CHEAP), other, 1.0)


def test_spot_and_perpetual_of_one_pair_are_compared_too() -> None:
    perpetual = synchronizer(*DEAR, symbol=Symbol("BTC/USDT:USDT")).book
    found = find_arbitrage(market(*CHEAP), market([], [], book=perpetual))
    assert found is not None
    assert (found.buy_symbol, found.sell_symbol) == ("BTC/USDT", "BTC/USDT:USDT")


def test_a_fee_in_percent_is_noticed() -> None:
    with pytest.raises(ValueError, match="fraction"):
        market(*CHEAP, taker_fee=0.2)


prices = st.integers(80, 120)
side = st.dictionaries(prices, st.integers(1, 30), min_size=1, max_size=8)
fees = st.sampled_from([Decimal(f) for f in ("0", "0.0005", "0.001", "0.002", "-0.0002")])


def tenths(levels: dict[int, int]) -> Levels:
    return [(float(price), quantity / 10) for price, quantity in levels.items()]


def walk(levels: list[tuple[int, int]], quantity: int) -> Decimal | None:
    """Exact value of ``quantity`` tenths taken from the best level on; None where there is not that much."""
    value = Decimal(0)
    for price, available in levels:
        taken = min(quantity, available)
        value += Decimal(price) * taken / 10
        quantity -= taken
    return None if quantity else value


@given(side, side, fees, fees)
def test_the_best_size_equals_brute_force_over_every_size(
    asks: dict[int, int], bids: dict[int, int], buy_fee: Decimal, sell_fee: Decimal
) -> None:
    here = market([], tenths(asks), taker_fee=float(buy_fee))
    there = market(tenths(bids), [], taker_fee=float(sell_fee))
    profits: dict[int, Decimal] = {}
    for quantity in range(1, min(sum(asks.values()), sum(bids.values())) + 1):
        cost, proceeds = walk(sorted(asks.items()), quantity), walk(sorted(bids.items(), reverse=True), quantity)
        assert cost is not None
        assert proceeds is not None
        profits[quantity] = proceeds * (1 - sell_fee) - cost * (1 + buy_fee)
        priced = price_arbitrage(here, there, quantity / 10)
        assert priced is not None
        assert priced.net_profit == pytest.approx(float(profits[quantity]), abs=1e-6)
    best = max(profits.values())
    found = find_arbitrage(here, there)
    if best <= 0:
        assert found is None
    else:
        assume(best > Decimal("1e-6"))
        assert found is not None
        assert found.net_profit == pytest.approx(float(best), rel=1e-9, abs=1e-6)
