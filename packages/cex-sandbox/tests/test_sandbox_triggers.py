from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cex.common.clock import ManualClock
from cex.common.enums import OrderType, Side
from cex.common.types.symbols import Symbol
from cex.sandbox.accounts.countdown import Countdowns
from cex.sandbox.accounts.directory import Account, Directory
from cex.sandbox.accounts.events import TriggerEvent
from cex.sandbox.accounts.ledger import SPOT, Holding, Ledger
from cex.sandbox.accounts.orders import Finish, Reason, Refusal, Ticket, Trigger, TriggerOrder, TriggerStatus
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.market.listings import Listing, Rules
from cex.sandbox.market.simulation import Market

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
SYMBOL = "AAA/USDT"
SECOND = 1_000_000_000


class Room:
    """A desk over a book whose last price is what the test makes it."""

    def __init__(self) -> None:
        rules = Rules(
            price_decimals=2,
            quantity_decimals=3,
            min_quantity=D(0),
            min_notional=D(0),
            max_notional=D(10**6),
            maker_fee=D(0),
            taker_fee=D(0),
        )
        listing = Listing(symbol=Symbol(SYMBOL), name="A", price=100.0, activity=0.0, venues={"gateio": rules})
        self.market = Market(listings=[listing])
        engine = self.market.book("gateio", SYMBOL).engine
        for order_id in list(engine.orders):
            engine.cancel(order_id)
        self.clock = ManualClock(0)
        self.ledger = Ledger(clock=self.clock)
        directory = Directory(self.ledger)
        self.ann = directory.add(Account(1, "ann"), {(SPOT, "USDT"): D(1_000), (SPOT, "AAA"): D(10)})
        self.bob = directory.add(Account(2, "bob"))
        self.desk = SpotDesk(self.market, "gateio", directory, self.ledger, clock=self.clock)
        self.told: list[Any] = []
        self.desk.listen(1, self.told.append)

    def trade(self, price: str) -> None:
        """Something is traded at this price, and a second passes."""
        for side in (SELL, BUY):
            self.market.submit("gateio", SYMBOL, side, D(1), D(price), owner="crowd")
        self.second()

    def second(self, count: int = 1) -> None:
        self.clock.advance(count)
        self.market.step(self.clock.time_ns())
        self.desk.after_tick(self.clock.time_ns())

    def wait(self, price: str, rule: Any, side: Side = BUY, **trigger: Any) -> TriggerOrder:
        ticket = Ticket(
            symbol=SYMBOL, side=side, price=D(90), quantity=D(2), trigger=Trigger(D(price), rule, **trigger)
        )
        return self.desk.place_trigger(self.ann, ticket)

    def usdt(self) -> Holding:
        return self.ledger.holding(1, SPOT, "USDT")


@pytest.fixture
def room() -> Room:
    return Room()


def reason_of(caught: pytest.ExceptionInfo[Refusal]) -> Reason:
    return caught.value.reason


@pytest.mark.parametrize(("rule", "short", "far"), [(">=", "104.99", "105"), ("<=", "105.01", "105")])
def test_fires_when_the_last_price_gets_there(room: Room, rule: str, short: str, far: str) -> None:
    room.trade(short)
    waiting = room.wait("105", rule)
    room.trade(short)
    assert (waiting.status, room.desk.open_orders(room.ann)) == (TriggerStatus.OPEN, [])
    room.trade(far)
    (fired,) = room.desk.open_orders(room.ann)
    assert (waiting.status, waiting.fired_order_id) == (TriggerStatus.FIRED, fired.id)
    assert (fired.price, fired.quantity, fired.created_ns) == (D(90), D(2), waiting.updated_ns)
    room.trade(far)
    assert len(room.desk.orders(room.ann)) == 1
    assert room.desk.triggers.finished_orders(room.ann) == [waiting]
    assert room.desk.triggers.get(room.ann, waiting.id) is waiting


def test_binds_nothing_until_it_fires_unless_it_locks(room: Room) -> None:
    room.wait("105", ">=")
    assert room.usdt() == Holding(D(1_000), D(0))
    locking = room.wait("105", ">=", locks=True)
    assert room.usdt() == Holding(D(820), D(180))
    with pytest.raises(Refusal) as caught:
        room.desk.place(room.ann, Ticket(symbol=SYMBOL, side=BUY, price=D(90), quantity=D(10)))
    assert reason_of(caught) is Reason.INSUFFICIENT_BALANCE
    room.desk.triggers.cancel(room.ann, locking.id, 0)
    assert room.usdt() == Holding(D(1_000), D(0))


def test_locked_funds_become_the_orders(room: Room) -> None:
    ticket = Ticket(symbol=SYMBOL, side=BUY, price=D(90), quantity=D(10), trigger=Trigger(D(105), ">=", locks=True))
    room.desk.place_trigger(room.ann, ticket)
    assert room.usdt() == Holding(D(100), D(900))
    room.trade("106")
    assert room.usdt() == Holding(D(100), D(900))
    assert len(room.desk.open_orders(room.ann)) == 1
    assert room.ledger.total("USDT") == 0


def test_fails_when_its_order_is_refused_then(room: Room) -> None:
    first, second = (room.wait("105", ">=", side=SELL) for _ in range(2))
    room.desk.place(room.ann, Ticket(symbol=SYMBOL, side=SELL, price=D(200), quantity=D(7)))
    room.trade("105")
    assert (first.status, second.status) == (TriggerStatus.FIRED, TriggerStatus.FAILED)
    assert second.refusal is not None
    assert second.refusal.reason is Reason.INSUFFICIENT_BALANCE


def test_fired_market_order_is_matched_at_once(room: Room) -> None:
    trigger = Trigger(D(99), "<=")
    ticket = Ticket(symbol=SYMBOL, side=BUY, kind=OrderType.MARKET, quote_quantity=D(100), trigger=trigger)
    room.desk.place_trigger(room.ann, ticket)
    room.market.submit("gateio", SYMBOL, SELL, D(5), D(100), owner="crowd")
    room.trade("99")
    (order,) = room.desk.orders(room.ann)
    assert (order.finish, order.filled) == (Finish.FILLED, D(1))


def test_expires(room: Room) -> None:
    waiting = room.wait("105", ">=", expires_after_s=3, locks=True)
    room.second(2)
    assert waiting.status is TriggerStatus.OPEN
    room.second()
    assert (waiting.status, waiting.updated_ns) == (TriggerStatus.EXPIRED, 3 * SECOND)
    assert room.usdt().locked == 0


def test_every_change_is_told(room: Room) -> None:
    waiting = room.wait("105", ">=")
    other = room.wait("105", ">=")
    room.desk.triggers.cancel(room.ann, other.id, 0)
    room.trade("105")
    told = [(e.trigger.id, e.trigger.status) for e in room.told if isinstance(e, TriggerEvent)]
    assert told == [
        (waiting.id, TriggerStatus.OPEN),
        (other.id, TriggerStatus.OPEN),
        (other.id, TriggerStatus.CANCELLED),
        (waiting.id, TriggerStatus.FIRED),
    ]


def test_cancelling(room: Room) -> None:
    one, two, three = (room.wait("105", ">=") for _ in range(3))
    assert room.desk.triggers.open_orders(room.ann, SYMBOL) == [one, two, three]
    room.desk.triggers.cancel(room.ann, one.id, 7)
    assert (one.status, one.updated_ns) == (TriggerStatus.CANCELLED, 7)
    with pytest.raises(Refusal) as caught:
        room.desk.triggers.cancel(room.ann, one.id, 8)
    assert reason_of(caught) is Reason.ORDER_FINISHED
    with pytest.raises(Refusal) as caught:
        room.desk.triggers.cancel(room.bob, two.id, 8)
    assert reason_of(caught) is Reason.ORDER_NOT_FOUND
    assert room.desk.triggers.cancel_all(room.ann, "BBB/USDT", 9) == []
    assert room.desk.triggers.cancel_all(room.ann, None, 9) == [two, three]
    assert room.desk.triggers.finished_orders(room.ann, SYMBOL) == [one, two, three]
    assert room.desk.triggers.finished_orders(room.bob) == []


@pytest.mark.parametrize(
    ("trigger", "reason"),
    [
        (Trigger(D(0), ">="), Reason.INVALID_TICKET),
        (Trigger(D("NaN"), ">="), Reason.INVALID_TICKET),
        (Trigger(D(1), ">"), Reason.INVALID_TICKET),  # type: ignore[arg-type]
        (Trigger(D(1), ">=", 0), Reason.INVALID_TICKET),
        (Trigger(D(1), ">=", source="mark"), Reason.INVALID_TICKET),
        (Trigger(D(1), ">=", locks=True), Reason.INSUFFICIENT_BALANCE),
        (None, Reason.INVALID_TICKET),
    ],
)
def test_what_cannot_wait(room: Room, trigger: Trigger | None, reason: Reason) -> None:
    with pytest.raises(Refusal) as caught:
        room.desk.place_trigger(room.ann, Ticket(symbol=SYMBOL, side=BUY, price=D(90), quantity=D(50), trigger=trigger))
    assert reason_of(caught) is reason
    assert room.desk.triggers.open_orders() == []


def test_there_is_a_limit_to_those_that_wait(room: Room) -> None:
    for _ in range(100):
        room.wait("105", ">=")
    with pytest.raises(Refusal) as caught:
        room.wait("105", ">=")
    assert reason_of(caught) is Reason.TOO_MANY_ORDERS


# --- countdowns ------------------------------------------------------------------------------------------------------


def test_countdown_cancels_unless_it_is_set_again(room: Room) -> None:
    order = room.desk.place(room.ann, Ticket(symbol=SYMBOL, side=BUY, price=D(90), quantity=D(1)))
    assert room.desk.countdowns.set(room.ann, SYMBOL, 5, room.clock.time_ns()) == 5 * SECOND
    room.second(4)
    assert room.desk.countdowns.set(room.ann, SYMBOL, 5, room.clock.time_ns()) == 9 * SECOND
    room.second(4)
    assert order.is_open
    room.second()
    assert order.finish is Finish.CANCELLED
    later = room.desk.place(room.ann, Ticket(symbol=SYMBOL, side=BUY, price=D(90), quantity=D(1)))
    room.second(20)
    assert later.is_open


def test_countdown_is_disarmed_with_zero() -> None:
    cancelled: list[tuple[int, str | None]] = []
    countdowns = Countdowns(lambda account, symbol: cancelled.append((account.uid, symbol)))
    account = Account(3, "ann")
    countdowns.set(account, None, 1, 0)
    countdowns.set(account, SYMBOL, 1, 0)
    assert countdowns.set(account, SYMBOL, 0, 0) == 0
    countdowns.after_tick(SECOND)
    assert cancelled == [(3, None)]
    with pytest.raises(ValueError, match="countdown"):
        countdowns.set(account, None, -1, 0)
