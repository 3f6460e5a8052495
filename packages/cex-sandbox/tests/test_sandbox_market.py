from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from cex.common.correlation import new_random
from cex.common.enums import InstrumentStatus, OrderStatus, Side, TimeInForce
from cex.common.types.symbols import Symbol
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.market.participants import Crowd
from cex.sandbox.market.prices import PriceModel, PriceProcess
from cex.sandbox.market.simulation import Fingerprint, Market, MarketBook
from cex.sandbox.matching import MatchingEngine

BTC = "BTC/USDT"


def fingerprint(market: Market, ticks: int) -> Fingerprint:
    taken = Fingerprint()
    for _ in range(ticks):
        market.step()
        taken.add(market.books)
    return taken


def tops(book: MarketBook) -> tuple[float, float, float]:
    bid, ask = book.engine.best(Side.BUY), book.engine.best(Side.SELL)
    assert bid is not None
    assert ask is not None
    unit = 10.0**-book.rules.price_decimals
    return bid * unit, ask * unit, float(book.rules.taker_fee)


def net(buy_at: tuple[float, float, float], sell_at: tuple[float, float, float]) -> float:
    _, ask, buy_fee = buy_at
    bid, _, sell_fee = sell_at
    return bid * (1 - sell_fee) - ask * (1 + buy_fee)


def test_same_seed_goes_the_same_way() -> None:
    one, other = fingerprint(Market(seed=7), 300), fingerprint(Market(seed=7), 300)
    assert one.hexdigest() == other.hexdigest()
    assert one.events == other.events > 10_000
    assert fingerprint(Market(seed=8), 300).hexdigest() != one.hexdigest()


def test_another_process_goes_the_same_way() -> None:
    script = (
        "from cex.sandbox.market.simulation import Fingerprint, Market\n"
        "market, taken = Market(seed=7), Fingerprint()\n"
        "for _ in range(40):\n"
        "    market.step()\n"
        "    taken.add(market.books)\n"
        "print(taken.hexdigest())\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    }
    assert printed == {fingerprint(Market(seed=7), 40).hexdigest()}


def test_wall_time_decides_nothing() -> None:
    one, other = Market(seed=3, now_ns=1), Market(seed=3, now_ns=99)
    taken, other_taken = Fingerprint(), Fingerprint()
    for number in range(50):
        one.step(number)
        other.step(number * 1_000_000)
        taken.add(one.books)
        other_taken.add(other.books)
    assert taken.hexdigest() == other_taken.hexdigest()


def test_orders_at_the_same_ticks_make_the_same_market_and_others_another() -> None:
    def with_order(at: int) -> str:
        market = Market(seed=7)
        taken = Fingerprint()
        for tick in range(60):
            market.step()
            taken.add(market.books)
            if tick == at:
                market.submit("mexc", BTC, Side.BUY, Decimal("0.5"), Decimal("84000.01"))
                market.submit("gateio", BTC, Side.SELL, Decimal(3))
        return taken.hexdigest()

    assert with_order(10) == with_order(10)
    assert with_order(10) != with_order(11)


def test_a_listing_more_leaves_the_others_as_they_were() -> None:
    few, many = Market(listings=DEFAULT_LISTINGS[:1]), Market(listings=DEFAULT_LISTINGS[:3])
    for _ in range(50):
        few.step()
        many.step()
    assert few.book("mexc", BTC).true_book() == many.book("mexc", BTC).true_book()


def test_books_are_deep_and_never_crossed() -> None:
    market = Market(seed=7)
    deepest = 0
    for _ in range(500):
        market.step()
        for of_venue in market.books.values():
            for book in of_venue.values():
                bid, ask = book.engine.best(Side.BUY), book.engine.best(Side.SELL)
                assert bid is not None
                assert ask is not None
                assert bid < ask
        deepest = max(deepest, market.book("gateio", BTC).engine.depth(Side.BUY))
    assert deepest > 100, "the window of the order book stream must have something beyond it"


def test_net_arbitrage_comes_every_few_seconds_and_goes() -> None:
    market = Market(seed=7, listings=DEFAULT_LISTINGS[:1])
    starts: list[float] = []
    on = 0
    before = False
    for tick in range(3000):
        market.step()
        mexc, gateio = tops(market.book("mexc", BTC)), tops(market.book("gateio", BTC))
        now = max(net(mexc, gateio), net(gateio, mexc)) > 0
        on += now
        if now and not before:
            starts.append(tick * market.tick)
        before = now
    assert len(starts) >= 6
    assert max(two - one for one, two in pairwise(starts)) < 20
    assert on / 3000 < 0.3


def test_the_venues_stay_together_in_the_long_run() -> None:
    model = PriceModel()
    prices = PriceProcess(100.0, ["a", "b"], model=model, volatility=2.0, tick=0.02, rng=new_random(1))
    gaps = []
    for _ in range(20_000):
        seen = prices.step()
        gaps.append(abs(seen["a"] / seen["b"] - 1))
        assert 95 < seen["a"] < 105
    assert sum(gaps) / len(gaps) < 20e-4
    assert max(gaps) > 30e-4


def test_jumps_are_never_further_apart_than_promised() -> None:
    model = PriceModel(jump_every=2.0, lag=0.01, skew=0.0)
    prices = PriceProcess(100.0, ["a"], model=model, volatility=0.01, tick=0.02, rng=new_random(5))
    moved: list[int] = []
    before = prices.step()["a"]
    for tick in range(5000):
        now = prices.step()["a"]
        if abs(now / before - 1) > 20e-4:
            moved.append(tick)
        before = now
    assert len(moved) >= 40
    assert max(two - one for one, two in pairwise(moved)) * 0.02 <= 3.05


def test_halted_instruments_have_a_book_that_nobody_touches() -> None:
    market = Market(seed=7)
    book = market.book("mexc", "LUNC/USDT")
    assert book.rules.status is InstrumentStatus.HALTED
    first = book.true_book()
    assert first.bids
    for _ in range(50):
        market.step()
    assert book.true_book() == first


def test_truth_at_recent_ids() -> None:
    market = Market(seed=7, listings=DEFAULT_LISTINGS[:1], history=500)
    book = market.book("mexc", BTC)
    seen = {}
    for _ in range(20):
        market.step()
        seen[book.update_id] = book.true_book()
    for update_id, truth in list(seen.items())[-10:]:
        assert book.true_book(update_id) == truth
    with pytest.raises(LookupError):
        book.true_book(book.update_id + 1)
    with pytest.raises(LookupError):
        book.true_book(book.update_id - 501)
    assert all(one > two for (one, _), (two, _) in pairwise(truth.bids))
    assert all(one < two for (one, _), (two, _) in pairwise(truth.asks))


def test_view_shows_what_the_last_tick_left_and_earlier_ticks() -> None:
    market = Market(seed=7, listings=DEFAULT_LISTINGS[:1])
    book = market.book("mexc", BTC)
    market.step()
    earlier = book.view(limit=5)
    market.step()
    told = book.view()
    market.submit("mexc", BTC, Side.BUY, Decimal("0.00000001"), Decimal("0.01"))
    assert book.view() == told
    assert book.view(ticks_ago=1, limit=5) == earlier
    assert book.view(ticks_ago=10_000).update_id <= earlier.update_id


def test_orders_that_were_submitted_rest_and_are_traded_against() -> None:
    market = Market(seed=7)
    best = market.book("mexc", BTC).true_book().asks[0][0]
    resting = market.submit("mexc", BTC, Side.SELL, Decimal("0.00100000"), best - Decimal("0.01")).order
    assert resting.id in market.book("mexc", BTC).engine.orders
    market.submit("mexc", BTC, Side.BUY, Decimal("0.002"), time_in_force=TimeInForce.IOC)
    assert resting.status is OrderStatus.FILLED


def test_the_crowd_leaves_foreign_orders_alone_but_takes_them_when_they_are_stale() -> None:
    engine = MatchingEngine()
    crowd = Crowd(engine, rng=new_random(1), typical=10.0, resting=20)
    crowd.open_book(10_000.0)
    mine = engine.submit("user", Side.BUY, 5, 9_000).order
    generous = engine.submit("user", Side.BUY, 500, 10_050, TimeInForce.GTC).order
    assert generous.id in engine.orders
    for _ in range(300):
        crowd.act(10_000.0)
    assert generous.status is OrderStatus.FILLED
    assert mine.status is OrderStatus.NEW


def test_quantity_and_price_must_be_on_the_grid() -> None:
    market = Market(seed=7)
    with pytest.raises(ValueError, match="more than 8 decimals"):
        market.submit("mexc", BTC, Side.BUY, Decimal("0.000000001"))
    with pytest.raises(ValueError, match=r"price 1\.001 has more than 2 decimals"):
        market.submit("mexc", BTC, Side.BUY, Decimal(1), Decimal("1.001"))
    with pytest.raises(ValueError, match="more than"):
        market.submit("mexc", BTC, Side.BUY, Decimal("NaN"))


def test_what_is_not_there_is_named() -> None:
    market = Market(seed=7, listings=DEFAULT_LISTINGS[:2])
    with pytest.raises(KeyError, match="no venue 'kraken'; there are mexc, gateio"):
        market.book("kraken", BTC)
    with pytest.raises(KeyError, match="does not list 'XRP/USDT'; it lists BTC/USDT, ETH/USDT"):
        market.book("mexc", "XRP/USDT")


def test_listings_are_checked() -> None:
    bitcoin = DEFAULT_LISTINGS[0]
    with pytest.raises(ValueError, match="perpetual"):
        replace(bitcoin, symbol=Symbol("BTC/USDT:USDT"))
    with pytest.raises(ValueError, match="must be positive"):
        replace(bitcoin, price=0.0)
    with pytest.raises(ValueError, match="listed twice"):
        Market(listings=[bitcoin, bitcoin])
    with pytest.raises(ValueError, match=r"a tick of 0\.0 s"):
        Market(tick=0.0)
    with pytest.raises(ValueError, match="a history of 0 changes"):
        Market(history=0)


def test_reprs_say_what_it_is() -> None:
    book = Market(seed=7).book("mexc", BTC)
    assert isinstance(book, MarketBook)
    assert repr(book).startswith("MarketBook(mexc BTC/USDT at 8")
    assert repr(book.engine.resting(Side.BUY, -1)[1][0]).startswith("Order(")
