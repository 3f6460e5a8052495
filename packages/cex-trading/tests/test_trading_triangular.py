from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common import BookSnapshot, Symbol, Synchronizer
from cex.common.enums import BookState, Side
from cex.trading import Market, find_circles

Levels = list[tuple[float, float]]
FEE = Fraction(1, 1000)


def market(symbol: str, bids: Levels, asks: Levels, *, fresh: bool = True, exchange: str = "x") -> Market:
    known = Symbol(symbol)
    synchronizer = Synchronizer(known, window=None, windowed_stream=False)
    synchronizer.on_snapshot(BookSnapshot(known, 1, bids, asks))
    return Market(exchange=exchange, book=synchronizer.book, taker_fee=float(FEE), fresh=fresh)


BTC = market("BTC/USDT", [(9_990.0, 5.0)], [(10_000.0, 0.1), (10_020.0, 5.0)])
ETH = market("ETH/USDT", [(510.0, 3.0), (500.0, 90.0)], [(511.0, 90.0)])
CROSS = market("ETH/BTC", [(0.0499, 90.0)], [(0.05, 1.0), (0.0502, 90.0)])


def test_a_circle_is_found_with_its_three_trades_and_its_best_size() -> None:
    found = find_circles([BTC, ETH, CROSS], "USDT")
    assert len(found) == 1
    circle = found[0]
    assert [(c.symbol, c.side) for c in circle.conversions] == [
        ("BTC/USDT", Side.BUY),
        ("ETH/BTC", Side.BUY),
        ("ETH/USDT", Side.SELL),
    ]
    assert circle.conversions[1].spent == pytest.approx(circle.conversions[0].received)
    assert circle.conversions[2].spent == pytest.approx(circle.conversions[1].received)
    assert circle.conversions[2].spent == pytest.approx(3.0), "the bids at 500 would not pay"
    assert circle.net_profit == pytest.approx(circle.received - circle.spent)
    assert circle.net_bps == pytest.approx(circle.net_profit / circle.spent * 1e4)
    assert circle.net_profit > 0
    assert circle.suspect is None


def test_the_size_can_be_limited_and_any_currency_of_the_circle_can_begin() -> None:
    assert find_circles([BTC, ETH, CROSS], "USDT", max_spent=100.0)[0].spent == pytest.approx(100.0)
    assert find_circles([BTC, ETH, CROSS], "ETH")[0].currency == "ETH"
    assert find_circles([BTC, ETH, CROSS], "XRP") == []


def test_books_that_cannot_be_believed_give_no_circle() -> None:
    stale = market("ETH/BTC", [(0.0499, 90.0)], [(0.05, 1.0)], fresh=False)
    assert find_circles([BTC, ETH, stale], "USDT") == []
    lost = Synchronizer(Symbol("ETH/BTC"), window=None, windowed_stream=False)
    lost.reset("lost", BookState.STALE)
    assert find_circles([BTC, ETH, Market(exchange="x", book=lost.book, taker_fee=0.0, fresh=True)], "USDT") == []


def test_a_circle_too_good_to_be_true_is_labelled() -> None:
    cheap = market("ETH/BTC", [], [(0.01, 90.0)])
    assert "bps is above 500" in str(find_circles([BTC, ETH, cheap], "USDT")[0].suspect)


def test_markets_that_make_no_circle_are_refused() -> None:
    with pytest.raises(ValueError, match="stays on one exchange"):
        find_circles([BTC, market("ETH/BTC", [], [], exchange="y")], "USDT")
    with pytest.raises(ValueError, match="not a spot market"):
        find_circles([market("BTC/USDT:USDT", [], [])], "USDT")


side = st.dictionaries(st.integers(90, 110), st.integers(1, 9), min_size=1, max_size=4)
Steps = list[tuple[Fraction, Fraction]]


def convert(steps: Steps, amount: Fraction) -> Fraction | None:
    """Exactly what ``amount`` becomes, taking the best rate first; None where the levels end before."""
    received = Fraction(0)
    for rate, room in steps:
        taken = min(room, amount)
        received += taken * rate
        amount -= taken
    return None if amount else received


@given(side, side, side)
def test_the_best_size_equals_brute_force_over_every_breakpoint(
    first: dict[int, int], second: dict[int, int], third: dict[int, int]
) -> None:
    """A/USDT is bought, B/A is bought, B/USDT is sold: the profit bends only where some level ends."""
    kept = 1 - FEE
    buy_first: Steps = [(kept / p, Fraction(p * q)) for p, q in sorted(first.items())]
    buy_second: Steps = [(kept * 100 / p, Fraction(p * q, 100)) for p, q in sorted(second.items())]
    sell_third: Steps = [(kept * p, Fraction(q)) for p, q in sorted(third.items(), reverse=True)]
    chain = [buy_first, buy_second, sell_third]

    def inverse(steps: Steps, wanted: Fraction) -> Fraction | None:
        spent = Fraction(0)
        for rate, room in steps:
            taken = min(room, wanted / rate)
            spent += taken
            wanted -= taken * rate
        return None if wanted else spent

    best = Fraction(0)
    for position, steps in enumerate(chain):
        edge = Fraction(0)
        for _, room in steps:
            edge += room
            amount: Fraction | None = edge
            for earlier in reversed(chain[:position]):
                amount = None if amount is None else inverse(earlier, amount)
            received = amount
            for step in chain:
                received = None if received is None else convert(step, received)
            if amount is not None and received is not None:
                best = max(best, received - amount)
    found = find_circles(
        [
            market("A/USDT", [], [(float(p), float(q)) for p, q in first.items()]),
            market("B/A", [], [(p / 100, float(q)) for p, q in second.items()]),
            market("B/USDT", [(float(p), float(q)) for p, q in third.items()], []),
        ],
        "USDT",
        suspect_bps=float("inf"),
    )
    assert (found[0].net_profit if found else 0.0) == pytest.approx(float(best), rel=1e-9, abs=1e-6)
