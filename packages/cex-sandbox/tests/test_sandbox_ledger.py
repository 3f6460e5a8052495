from __future__ import annotations

from decimal import Decimal, Inexact
from functools import partial

import pytest

from cex.common.clock import ManualClock
from cex.sandbox.accounts.ledger import (
    CROWD,
    FEES,
    FUTURES_USDT,
    OUTSIDE,
    SPOT,
    Holding,
    InsufficientFunds,
    Ledger,
    Owner,
    Posting,
)

D = Decimal
ME = Owner(7, SPOT)


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger(clock=ManualClock(1_000))
    ledger.move(OUTSIDE, ME, "USDT", D("100.5"), reason="deposit", reference="d1")
    return ledger


def test_money_moves_and_the_sum_stays_zero(ledger: Ledger) -> None:
    ledger.freeze(7, SPOT, "USDT", D(60), reference="o1")
    assert ledger.holding(7, SPOT, "USDT") == Holding(D("40.5"), D(60))
    ledger.spend_locked(7, SPOT, "USDT", D(50), CROWD, reason="trade", release=D(4))
    ledger.release(7, SPOT, "USDT", D(6))
    ledger.move(ME, FEES, "USDT", D("0.5"), reason="fee")
    assert ledger.holding(7, SPOT, "USDT") == Holding(D(50), D(0))
    assert ledger.holding(FEES.uid, FEES.wallet, "USDT").free == D("0.5")
    assert ledger.total("USDT") == 0
    assert ledger.holding(7, SPOT, "USDT").total == D(50)


def test_every_change_of_an_account_is_posted_with_the_amounts_after_it(ledger: Ledger) -> None:
    ledger.freeze(7, SPOT, "USDT", D(60), reference="o1")
    ledger.spend_locked(7, SPOT, "USDT", D(50), CROWD, reason="trade", reference="o1", release=D(10))
    deposit, frozen, traded = ledger.postings(7)
    assert (deposit.reason, deposit.reference, deposit.time_ns, deposit.free) == ("deposit", "d1", 1_000, D("100.5"))
    assert frozen[5:10] == (D(-60), D(60), D("40.5"), D(60), "freeze")
    assert traded[5:11] == (D(10), D(-60), D("50.5"), D(0), "trade", "o1")
    assert deposit.id < frozen.id < traded.id == ledger.revision(7, SPOT, "USDT")


@pytest.mark.parametrize("what", ["freeze", "move"])
def test_nobody_spends_what_is_not_there(ledger: Ledger, what: str) -> None:
    before = ledger.holdings(7, SPOT), list(ledger.postings(7))
    spend = {
        "freeze": partial(ledger.freeze, 7, SPOT, "USDT", D("100.500001")),
        "move": partial(ledger.move, ME, CROWD, "USDT", D("100.500001"), reason="trade"),
    }[what]
    with pytest.raises(InsufficientFunds) as caught:
        spend()
    assert (caught.value.needed, caught.value.available, caught.value.asset) == (D("100.500001"), D("100.5"), "USDT")
    assert (ledger.holdings(7, SPOT), list(ledger.postings(7))) == before
    assert ledger.total("USDT") == 0


def test_one_who_never_had_anything_has_nothing(ledger: Ledger) -> None:
    with pytest.raises(InsufficientFunds):
        ledger.freeze(8, SPOT, "BTC", D(1))
    assert ledger.holdings(8, SPOT) == {}
    assert ledger.revision(8, SPOT, "BTC") == 0
    assert Owner(8, SPOT) not in ledger.owners


def test_what_is_not_bound_cannot_be_released_or_spent(ledger: Ledger) -> None:
    ledger.freeze(7, SPOT, "USDT", D(1))
    with pytest.raises(ValueError, match="bound"):
        ledger.release(7, SPOT, "USDT", D(2))
    with pytest.raises(ValueError, match="bound"):
        ledger.spend_locked(7, SPOT, "USDT", D(1), CROWD, reason="trade", release=D(1))
    assert ledger.holding(7, SPOT, "USDT").locked == 1
    assert ledger.total("USDT") == 0


def test_overdraft_is_for_those_who_ask(ledger: Ledger) -> None:
    ledger.move(Owner(7, FUTURES_USDT), CROWD, "USDT", D(3), reason="pnl", overdraft=True)
    assert ledger.holding(7, FUTURES_USDT, "USDT").free == -3
    ledger.move(CROWD, Owner(7, FUTURES_USDT), "USDT", D(1), reason="pnl")
    assert ledger.holding(7, FUTURES_USDT, "USDT").free == -2
    assert ledger.total("USDT") == 0


@pytest.mark.parametrize("amount", [D(-1), D("NaN"), D("Infinity")])
def test_amounts_are_positive_numbers(ledger: Ledger, amount: Decimal) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        ledger.move(CROWD, ME, "USDT", amount, reason="trade")
    assert ledger.holding(7, SPOT, "USDT").free == D("100.5")


def test_nothing_moved_is_nothing_posted(ledger: Ledger) -> None:
    ledger.freeze(7, SPOT, "USDT", D(0))
    ledger.spend_locked(7, SPOT, "USDT", D(0), CROWD, reason="trade")
    ledger.move(ME, CROWD, "USDT", D(0), reason="trade")
    assert len(ledger.postings(7)) == 1


def test_a_sum_that_would_be_rounded_raises(ledger: Ledger) -> None:
    ledger.move(OUTSIDE, ME, "X", D("1E+40"), reason="deposit")
    with pytest.raises(Inexact):
        ledger.move(OUTSIDE, ME, "X", D("1E-40"), reason="deposit")


def test_history_is_bounded_and_the_newest_is_kept() -> None:
    ledger = Ledger(postings_kept=3)
    for number in range(1, 6):
        ledger.move(OUTSIDE, ME, "USDT", D(number), reason="deposit")
    assert [posting.free_change for posting in ledger.postings(7)] == [3, 4, 5]
    ledger.move(ME, Owner(7, FUTURES_USDT), "USDT", D(1), reason="transfer")
    assert [posting.wallet for posting in ledger.postings(7, FUTURES_USDT)] == [FUTURES_USDT]


def test_listeners_hear_both_sides_after_both_are_booked(ledger: Ledger) -> None:
    heard: list[tuple[Posting, Decimal]] = []
    end = ledger.listen(lambda posting: heard.append((posting, ledger.total("USDT"))))
    ledger.move(ME, Owner(9, SPOT), "USDT", D(1), reason="transfer")
    end()
    ledger.move(ME, Owner(9, SPOT), "USDT", D(1), reason="transfer")
    assert [(posting.uid, total) for posting, total in heard] == [(7, D(0)), (9, D(0))]


def test_zero_is_plain_zero(ledger: Ledger) -> None:
    ledger.freeze(7, SPOT, "USDT", D("0.00000001"))
    ledger.release(7, SPOT, "USDT", D("0.00000001"))
    assert str(ledger.holding(7, SPOT, "USDT").locked) == "0"


def test_assets_and_owners_are_listed(ledger: Ledger) -> None:
    ledger.move(OUTSIDE, ME, "BTC", D(1), reason="deposit")
    assert ledger.assets == ("USDT", "BTC")
    assert ledger.owners == (OUTSIDE, ME)
