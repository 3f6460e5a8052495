from __future__ import annotations

import contextlib
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common.clock import ManualClock
from cex.common.enums import InstrumentStatus, OrderStatus, OrderType, Side, TimeInForce
from cex.common.types.symbols import Symbol
from cex.sandbox.accounts.directory import Account, Directory
from cex.sandbox.accounts.events import BalanceEvent, Cause, FillEvent, OrderEvent
from cex.sandbox.accounts.ledger import FEES, SPOT, Holding, Ledger
from cex.sandbox.accounts.options import DeskOptions
from cex.sandbox.accounts.orders import AccountOrder, Finish, Reason, Refusal, SelfTrade, Ticket
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.market.listings import Listing, Rules
from cex.sandbox.market.simulation import Market

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
IOC, FOK, POST = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.POST_ONLY
RULES = Rules(
    price_decimals=2,
    quantity_decimals=3,
    min_quantity=D("0.002"),
    min_notional=D(1),
    max_notional=D(100_000),
    maker_fee=D("0.001"),
    taker_fee=D("0.002"),
    max_quantity=D(900),
)


class Room:
    """A desk of two accounts over an empty book that nobody else touches; 100.00 is the first price."""

    def __init__(self, rules: Rules = RULES, **options: Any) -> None:
        listings = [
            Listing(symbol=Symbol(name), name=name, price=100.0, activity=0.0, venues={"mexc": rules})
            for name in ("AAA/USDT", "BBB/USDT")
        ]
        self.clock = ManualClock(5_000)
        self.market = Market(listings=listings)
        self.book = self.market.book("mexc", "AAA/USDT")
        for order_id in list(self.book.engine.orders):
            self.book.engine.cancel(order_id)
        self.ledger = Ledger(clock=self.clock)
        self.directory = Directory(self.ledger)
        funds = {(SPOT, "USDT"): D(10_000), (SPOT, "AAA"): D(100)}
        self.ann = self.directory.add(Account(11, "ann"), funds)
        self.bob = self.directory.add(Account(12, "bob"), funds)
        self.desk = SpotDesk(
            self.market, "mexc", self.directory, self.ledger, clock=self.clock, options=DeskOptions(**options)
        )

    def crowd(self, side: Side, quantity: str, price: str) -> None:
        self.market.submit("mexc", "AAA/USDT", side, D(quantity), D(price), owner="crowd")

    def place(self, account: Account, side: Side, quantity: str, price: str, **more: Any) -> AccountOrder:
        return self.desk.place(
            account, Ticket(symbol="AAA/USDT", side=side, quantity=D(quantity), price=D(price), **more)
        )

    def market_order(self, account: Account, side: Side, **amount: Any) -> AccountOrder:
        return self.desk.place(account, Ticket(symbol="AAA/USDT", side=side, kind=OrderType.MARKET, **amount))

    def has(self, account: Account, asset: str) -> Holding:
        return self.ledger.holding(account.uid, SPOT, asset)

    def is_whole(self) -> bool:
        return all(self.ledger.total(asset) == 0 for asset in self.ledger.assets)


@pytest.fixture
def room() -> Room:
    return Room()


def refusal(room: Room, account: Account, **ticket: Any) -> Refusal:
    asked: dict[str, Any] = {"symbol": "AAA/USDT", "side": BUY, "quantity": D(1), "price": D(90)} | ticket
    before = room.ledger.holdings(account.uid, SPOT), room.book.update_id, len(room.desk.orders(account))
    with pytest.raises(Refusal) as caught:
        room.desk.place(account, Ticket(**asked))
    with pytest.raises(Refusal) as checked:
        room.desk.check(account, Ticket(**asked))
    assert checked.value.reason is caught.value.reason
    assert (room.ledger.holdings(account.uid, SPOT), room.book.update_id, len(room.desk.orders(account))) == before
    return caught.value


# --- limit orders ----------------------------------------------------------------------------------------------------


def test_resting_buy_binds_quote_and_resting_sell_binds_base(room: Room) -> None:
    buy, sell = room.place(room.ann, BUY, "2", "90.5"), room.place(room.ann, SELL, "3", "110")
    assert room.has(room.ann, "USDT") == Holding(D(9819), D(181))
    assert room.has(room.ann, "AAA") == Holding(D(97), D(3))
    assert (buy.status, buy.finish, buy.is_open, buy.remaining) == (OrderStatus.NEW, Finish.OPEN, True, D(2))
    assert room.desk.open_orders(room.ann) == [buy, sell]
    assert room.book.engine.levels(BUY) == [(9050, 2000)]
    assert buy.average_price is None


def test_check_places_nothing(room: Room) -> None:
    room.desk.check(room.ann, Ticket(symbol="AAA/USDT", side=BUY, quantity=D(1), price=D(90)))
    assert room.desk.orders(room.ann) == []
    assert room.has(room.ann, "USDT").locked == 0


def test_taker_pays_the_makers_price_and_gets_the_difference_back(room: Room) -> None:
    room.crowd(SELL, "1", "99.5")
    room.crowd(SELL, "1", "100")
    order = room.place(room.ann, BUY, "3", "101")
    assert (order.filled, order.filled_quote, order.average_price) == (D(2), D("199.5"), D("99.75"))
    assert (order.status, order.locked) == (OrderStatus.PARTIALLY_FILLED, D(101))
    assert room.has(room.ann, "USDT") == Holding(D("9699.5"), D(101))
    assert room.has(room.ann, "AAA").free == D("101.996")
    assert order.fees == {"AAA": D("0.004")}
    assert room.is_whole()


def test_maker_is_told_and_pays_the_makers_fee(room: Room) -> None:
    order = room.place(room.ann, SELL, "2", "100", client_id="c-1")
    room.clock.advance(1)
    room.crowd(BUY, "0.5", "100")
    room.crowd(BUY, "5", "101")
    assert (order.status, order.finish, order.locked) == (OrderStatus.FILLED, Finish.FILLED, D(0))
    assert (order.created_ns, order.updated_ns) == (5_000, 1_000_005_000)
    first, second = room.desk.fills(room.ann)
    assert (first.quantity, first.fee, first.fee_asset, first.is_maker) == (D("0.5"), D("0.05"), "USDT", True)
    assert (second.quote_quantity, second.client_id, second.is_self_trade) == (D(150), "c-1", False)
    assert room.has(room.ann, "USDT").free == D(10_000) + D(200) - D("0.2")
    assert room.ledger.holding(FEES.uid, FEES.wallet, "USDT").free == D("0.2")
    assert room.desk.open_orders(room.ann) == []


def test_two_accounts_trade_with_each_other(room: Room) -> None:
    ask = room.place(room.ann, SELL, "2", "100")
    bid = room.place(room.bob, BUY, "2", "100")
    (sold,), (bought,) = room.desk.fills(room.ann), room.desk.fills(room.bob)
    assert sold.trade_id == bought.trade_id
    assert (sold.is_maker, bought.is_maker) == (True, False)
    assert (ask.finish, bid.finish) == (Finish.FILLED, Finish.FILLED)
    assert room.has(room.ann, "USDT").free == D("10199.8")
    assert room.has(room.bob, "AAA").free == D("101.996")
    assert not sold.is_self_trade
    assert room.is_whole()


def test_price_improvement_of_a_rebate(room: Room) -> None:
    room = Room(replace(RULES, maker_fee=D("-0.0005")))
    room.place(room.ann, SELL, "2", "100")
    room.crowd(BUY, "2", "100")
    assert room.has(room.ann, "USDT").free == D("10200.1")
    assert room.desk.fills(room.ann)[0].fee == D("-0.1")
    assert room.is_whole()


def test_accounts_may_have_rates_of_their_own(room: Room) -> None:
    room.ann.fee_rates[""] = (D(0), D("0.0001"))
    room.ann.fee_rates["BBB/USDT"] = (D(1), D(1))
    room.crowd(SELL, "1", "100")
    room.place(room.ann, BUY, "1", "100")
    assert room.desk.fills(room.ann)[0].fee == D("0.0001")
    assert room.desk.fee_rates(room.ann, "BBB/USDT") == (D(1), D(1))
    assert room.desk.fee_rates(room.bob, "AAA/USDT") == (D("0.001"), D("0.002"))


def test_fees_are_rounded_as_the_venue_does() -> None:
    room = Room(replace(RULES, taker_fee=D("0.00033")), fee_places=4)
    room.crowd(SELL, "1", "100")
    room.place(room.ann, BUY, "0.5", "100")
    assert str(room.desk.fills(room.ann)[0].fee) == "0.0002"
    assert room.is_whole()


# --- time in force ---------------------------------------------------------------------------------------------------


def test_ioc_takes_what_is_there_and_ends(room: Room) -> None:
    room.crowd(SELL, "1", "100")
    order = room.place(room.ann, BUY, "3", "100", time_in_force=IOC)
    assert (order.status, order.finish, order.filled, order.locked) == (OrderStatus.CANCELED, Finish.IOC, D(1), D(0))
    assert room.has(room.ann, "USDT") == Holding(D(9900), D(0))
    assert room.book.engine.best(BUY) is None


def test_fok_fills_whole_or_is_refused(room: Room) -> None:
    room.crowd(SELL, "1", "100")
    assert refusal(room, room.ann, quantity=D(2), price=D(100), time_in_force=FOK).reason is Reason.FOK_UNFILLABLE
    assert room.place(room.ann, BUY, "1", "100", time_in_force=FOK).finish is Finish.FILLED


def test_post_only_never_takes(room: Room) -> None:
    room.crowd(SELL, "1", "100")
    assert refusal(room, room.ann, price=D(100), time_in_force=POST).reason is Reason.WOULD_TAKE
    assert room.place(room.ann, BUY, "1", "99.99", time_in_force=POST).is_open


@pytest.mark.parametrize(("tif", "finish"), [(POST, Finish.POST_ONLY), (FOK, Finish.FOK)])
def test_a_venue_may_accept_and_cancel_at_once(tif: TimeInForce, finish: Finish) -> None:
    room = Room(refuse_post_only=False, refuse_fok=False)
    room.crowd(SELL, "1", "100")
    order = room.place(room.ann, BUY, "2", "100", time_in_force=tif)
    assert (order.status, order.finish, order.filled) == (OrderStatus.CANCELED, finish, D(0))
    assert room.has(room.ann, "USDT") == Holding(D(10_000), D(0))
    assert room.desk.orders(room.ann) == [order]


# --- market orders ---------------------------------------------------------------------------------------------------


def test_market_buy_by_quote_keeps_the_rest_exactly(room: Room) -> None:
    room.crowd(SELL, "0.3", "99.99")
    room.crowd(SELL, "5", "100.01")
    order = room.market_order(room.ann, BUY, quote_quantity=D(100))
    assert (order.filled, order.filled_quote) == (D("0.999"), D("29.997") + D("0.699") * D("100.01"))
    assert (order.status, order.finish) == (OrderStatus.FILLED, Finish.FILLED)
    assert room.has(room.ann, "USDT") == Holding(D(10_000) - order.filled_quote, D(0))
    assert order.left == D(100) - order.filled_quote
    assert order.remaining == 0


def test_market_buy_by_base_binds_just_what_it_costs(room: Room) -> None:
    room.crowd(SELL, "1", "99")
    room.crowd(SELL, "1", "101")
    seen: list[Any] = []
    room.desk.listen(11, seen.append)
    order = room.market_order(room.ann, BUY, quantity=D("1.5"))
    assert order.filled_quote == D("149.5")
    assert seen[0].posting.locked_change == D("149.5")
    assert order.finish is Finish.FILLED


def test_market_sell_by_quantity_and_by_quote(room: Room) -> None:
    room.crowd(BUY, "1", "100")
    room.crowd(BUY, "1", "99")
    assert room.market_order(room.ann, SELL, quantity=D("0.5")).filled_quote == D(50)
    order = room.market_order(room.ann, SELL, quote_quantity=D("99.5"))
    assert (order.filled, order.filled_quote) == (D(1), D("99.5"))
    assert room.is_whole()


def test_market_order_with_too_little_on_the_other_side(room: Room) -> None:
    room.crowd(SELL, "1", "100")
    order = room.market_order(room.ann, BUY, quantity=D(3))
    assert (order.status, order.finish, order.filled) == (OrderStatus.CANCELED, Finish.DEPTH, D(1))
    empty = room.market_order(room.ann, BUY, quote_quantity=D(50))
    assert (empty.finish, empty.filled) == (Finish.DEPTH, D(0))
    assert room.has(room.ann, "USDT") == Holding(D(9900), D(0))


def test_a_venue_may_refuse_a_market_order_that_nobody_answers() -> None:
    room = Room(refuse_empty=True)
    asked = refusal(room, room.ann, kind=OrderType.MARKET, price=None)
    assert asked.reason is Reason.NO_COUNTERPARTY


def test_slippage_bounds_a_market_order(room: Room) -> None:
    room.crowd(SELL, "1", "100")
    room.crowd(SELL, "1", "103")
    room.crowd(BUY, "1", "99")
    room.crowd(BUY, "1", "95")
    assert room.market_order(room.ann, BUY, quantity=D(2), slippage=D("0.02")).filled == D(1)
    assert room.market_order(room.ann, SELL, quantity=D(2), slippage=D("0.02")).filled == D(1)


# --- checks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ticket", "reason"),
    [
        ({"symbol": "CCC/USDT"}, Reason.UNKNOWN_SYMBOL),
        ({"price": D("90.001")}, Reason.PRICE_PRECISION),
        ({"price": D("90.0000000000000000000000000000000000000001")}, Reason.PRICE_PRECISION),
        ({"price": D("1E-999999")}, Reason.PRICE_PRECISION),
        ({"price": D("1E+999999")}, Reason.PRICE_OUT_OF_BAND),
        ({"price": D("NaN")}, Reason.INVALID_TICKET),
        ({"price": D(0)}, Reason.INVALID_TICKET),
        ({"price": None}, Reason.INVALID_TICKET),
        ({"quantity": None}, Reason.INVALID_TICKET),
        ({"quantity": D(-1)}, Reason.INVALID_TICKET),
        ({"quantity": D("0.0025")}, Reason.QUANTITY_PRECISION),
        ({"quantity": D("0.001")}, Reason.QUANTITY_TOO_SMALL),
        ({"quantity": D("900.001")}, Reason.QUANTITY_TOO_LARGE),
        ({"quantity": D("1E+999999")}, Reason.QUANTITY_TOO_LARGE),
        ({"quantity": D("0.002")}, Reason.NOTIONAL_TOO_SMALL),
        ({"quantity": D(900), "price": D(1_000)}, Reason.NOTIONAL_TOO_LARGE),
        ({"quantity": D("112")}, Reason.INSUFFICIENT_BALANCE),
        ({"side": SELL, "quantity": D("100.001")}, Reason.INSUFFICIENT_BALANCE),
        ({"quote_quantity": D(1)}, Reason.INVALID_TICKET),
        ({"kind": OrderType.STOP_LOSS}, Reason.INVALID_TICKET),
        ({"kind": OrderType.MARKET}, Reason.INVALID_TICKET),
        ({"kind": OrderType.MARKET, "price": None, "quote_quantity": D(5)}, Reason.INVALID_TICKET),
        ({"kind": OrderType.MARKET, "quantity": None, "quote_quantity": D(5)}, Reason.INVALID_TICKET),
        ({"kind": OrderType.MARKET, "price": None, "slippage": D(1)}, Reason.INVALID_TICKET),
        ({"kind": OrderType.MARKET, "price": None, "time_in_force": POST}, Reason.INVALID_TICKET),
        ({"kind": OrderType.MARKET, "price": None, "quantity": D("0.002")}, Reason.NOTIONAL_TOO_SMALL),
    ],
)
def test_what_breaks_a_rule_is_refused(room: Room, ticket: dict[str, Any], reason: Reason) -> None:
    room.crowd(SELL, "5", "100")
    assert refusal(room, room.ann, **ticket).reason is reason


@pytest.mark.parametrize(
    ("quote", "reason"),
    [
        (D("0.5"), Reason.NOTIONAL_TOO_SMALL),
        (D("1.000000001"), Reason.QUANTITY_PRECISION),
        (D("1E+50"), Reason.NOTIONAL_TOO_LARGE),
        (D("10000.00000001"), Reason.INSUFFICIENT_BALANCE),
        (D(f"1.{1:0>90}"), Reason.QUANTITY_PRECISION),
        (D("NaN"), Reason.INVALID_TICKET),
    ],
)
def test_quote_amounts_are_checked(room: Room, quote: Decimal, reason: Reason) -> None:
    room.crowd(SELL, "5", "100")
    ticket: dict[str, Any] = {"kind": OrderType.MARKET, "price": None, "quantity": None, "quote_quantity": quote}
    assert refusal(room, room.ann, **ticket).reason is reason
    assert refusal(room, room.ann, **ticket | {"slippage": D("NaN")}).reason is Reason.INVALID_TICKET


def test_quote_amount_is_spent_whole_or_not_at_all_when_fill_or_kill(room: Room) -> None:
    room.crowd(SELL, "1", "100")
    ticket: dict[str, Any] = {"kind": OrderType.MARKET, "price": None, "quantity": None, "time_in_force": FOK}
    assert refusal(room, room.ann, **ticket, quote_quantity=D("100.001")).reason is Reason.FOK_UNFILLABLE
    order = room.market_order(room.ann, BUY, quote_quantity=D("99.99"), time_in_force=FOK)
    assert (order.finish, order.filled_quote) == (Finish.FILLED, D("99.9"))


def test_quote_amount_that_buys_no_lot() -> None:
    room = Room(replace(RULES, min_notional=D(0)))
    room.crowd(SELL, "5", "100")
    ticket: dict[str, Any] = {"kind": OrderType.MARKET, "price": None, "quantity": None, "quote_quantity": D("0.05")}
    assert refusal(room, room.ann, **ticket).reason is Reason.QUANTITY_TOO_SMALL


@pytest.mark.parametrize(
    ("changes", "side", "reason"),
    [
        ({"status": InstrumentStatus.HALTED}, BUY, Reason.HALTED),
        ({"status": InstrumentStatus.REDUCE_ONLY}, BUY, Reason.HALTED),
        ({"status": InstrumentStatus.BUY_ONLY}, SELL, Reason.SIDE_NOT_ALLOWED),
        ({"status": InstrumentStatus.SELL_ONLY}, BUY, Reason.SIDE_NOT_ALLOWED),
        ({"api_trading": False}, BUY, Reason.NOT_API_TRADABLE),
        ({"price_band": D("0.05")}, BUY, Reason.PRICE_OUT_OF_BAND),
    ],
)
def test_instruments_that_are_closed(room: Room, changes: dict[str, Any], side: Side, reason: Reason) -> None:
    room.place(room.ann, BUY, "1", "90")
    room.book.change_rules(**changes)
    assert refusal(room, room.ann, side=side).reason is reason
    room.desk.cancel_all(room.ann)
    assert room.has(room.ann, "USDT").locked == 0


def test_market_orders_can_be_switched_off(room: Room) -> None:
    room.book.change_rules(market_orders=False)
    assert refusal(room, room.ann, kind=OrderType.MARKET, price=None).reason is Reason.MARKET_ORDERS_DISABLED


def test_there_is_a_limit_to_open_orders() -> None:
    room = Room(max_open_orders=3, max_open_orders_a_symbol=2)
    kept = [room.place(room.ann, BUY, "1", "90") for _ in range(2)]
    assert refusal(room, room.ann).facts == {"most": 2, "symbol": "AAA/USDT"}
    room.desk.place(room.ann, Ticket(symbol="BBB/USDT", side=BUY, quantity=D(1), price=D(90)))
    assert refusal(room, room.ann).facts == {"most": 3}
    room.desk.cancel(room.ann, order_id=kept[0].id)
    assert room.place(room.ann, BUY, "1", "90").is_open


@pytest.mark.parametrize(
    ("unique", "while_open", "afterwards"), [("", False, False), ("open", True, False), ("known", True, True)]
)
def test_client_ids_may_have_to_be_unique(unique: str, while_open: bool, afterwards: bool) -> None:
    room = Room(unique_client_ids=unique)

    def refused() -> bool:
        try:
            room.place(room.ann, BUY, "1", "90", client_id="x")
        except Refusal as caught:
            return caught.reason is Reason.DUPLICATE_CLIENT_ID
        return False

    room.place(room.ann, BUY, "1", "90", client_id="x")
    room.place(room.bob, BUY, "1", "90", client_id="x")
    assert refused() is while_open
    room.desk.cancel_all(room.ann)
    assert refused() is afterwards


_ANY_NUMBER = st.none() | st.sampled_from([D("sNaN"), D("1E+999999"), D("1E-999999"), D("-0")]) | st.decimals()


@settings(max_examples=50, deadline=None)
@given(_ANY_NUMBER, _ANY_NUMBER, _ANY_NUMBER, _ANY_NUMBER, st.sampled_from(OrderType), st.sampled_from(TimeInForce))
def test_whatever_is_asked_is_done_or_refused(
    price: Decimal | None,
    quantity: Decimal | None,
    quote: Decimal | None,
    slippage: Decimal | None,
    kind: OrderType,
    tif: TimeInForce,
) -> None:
    room = Room()
    room.crowd(SELL, "5", "100")
    resting = room.place(room.ann, BUY, "1", "90")
    for side in Side:
        ticket = Ticket(
            symbol="AAA/USDT",
            side=side,
            kind=kind,
            time_in_force=tif,
            price=price,
            quantity=quantity,
            quote_quantity=quote,
            slippage=slippage,
        )
        with contextlib.suppress(Refusal):
            room.desk.place(room.bob, ticket)
    with contextlib.suppress(Refusal):
        room.desk.amend(room.ann, order_id=resting.id, price=price, quantity=quantity)
    assert room.is_whole()


# --- self-trade ------------------------------------------------------------------------------------------------------


def test_own_order_is_met_and_marked_by_default(room: Room) -> None:
    room.place(room.ann, SELL, "1", "100")
    room.place(room.ann, BUY, "1", "100")
    assert [fill.is_self_trade for fill in room.desk.fills(room.ann)] == [True, True]
    assert room.has(room.ann, "AAA") == Holding(D("99.998"), D(0))
    assert room.is_whole()


@pytest.mark.parametrize(
    ("mode", "newest", "oldest"),
    [
        (SelfTrade.CANCEL_NEWEST, Finish.STP, Finish.OPEN),
        (SelfTrade.CANCEL_OLDEST, Finish.OPEN, Finish.STP),
        (SelfTrade.CANCEL_BOTH, Finish.STP, Finish.STP),
    ],
)
def test_self_trade_prevention(room: Room, mode: SelfTrade, newest: Finish, oldest: Finish) -> None:
    room.ann.stp_group = room.bob.stp_group = 4
    resting = room.place(room.bob, SELL, "1", "100")
    coming = room.place(room.ann, BUY, "1", "100", stp=mode)
    assert (coming.finish, resting.finish) == (newest, oldest)
    assert room.desk.fills(room.ann) == room.desk.fills(room.bob) == []
    assert (room.has(room.bob, "AAA").locked > 0) == (oldest is Finish.OPEN)
    assert (room.has(room.ann, "USDT").locked > 0) == (newest is Finish.OPEN)


# --- cancelling ------------------------------------------------------------------------------------------------------


def test_cancel_by_either_id(room: Room) -> None:
    first = room.place(room.ann, BUY, "1", "90", client_id="a")
    second = room.place(room.ann, BUY, "1", "91", client_id="b")
    assert room.desk.cancel(room.ann, order_id=first.id, symbol="AAA/USDT") is first
    assert room.desk.cancel(room.ann, client_id="b") is second
    assert (first.status, first.finish) == (OrderStatus.CANCELED, Finish.CANCELLED)
    assert room.has(room.ann, "USDT") == Holding(D(10_000), D(0))
    assert room.book.engine.best(BUY) is None


def test_what_cannot_be_cancelled(room: Room) -> None:
    order = room.place(room.ann, BUY, "1", "90")
    wrongs: list[dict[str, Any]] = [
        {"order_id": order.id + 1},
        {"client_id": "x"},
        {"order_id": order.id, "symbol": "BBB/USDT"},
        {},
    ]
    for wrong in wrongs:
        with pytest.raises(Refusal) as caught:
            room.desk.cancel(room.ann, **wrong)
        assert caught.value.reason is Reason.ORDER_NOT_FOUND
    with pytest.raises(Refusal, match="order_not_found"):
        room.desk.cancel(room.bob, order_id=order.id)
    room.crowd(SELL, "1", "90")
    with pytest.raises(Refusal) as caught:
        room.desk.cancel(room.ann, order_id=order.id)
    assert caught.value.reason is Reason.ORDER_FINISHED
    assert caught.value.facts["order"] is order


def test_cancel_all_of_a_symbol_or_side(room: Room) -> None:
    buy, sell = room.place(room.ann, BUY, "1", "90"), room.place(room.ann, SELL, "1", "110")
    other = room.desk.place(room.ann, Ticket(symbol="BBB/USDT", side=BUY, quantity=D(1), price=D(80)))
    theirs = room.place(room.bob, BUY, "1", "90")
    assert room.desk.cancel_all(room.ann, "AAA/USDT", SELL) == [sell]
    assert room.desk.cancel_all(room.ann, "AAA/USDT") == [buy]
    assert room.desk.cancel_all(room.ann) == [other]
    assert room.desk.cancel_all(room.ann) == []
    assert theirs.is_open
    assert room.desk.open_orders() == [theirs]


# --- amending --------------------------------------------------------------------------------------------------------


def test_reducing_keeps_the_place_and_sets_free(room: Room) -> None:
    order = room.place(room.ann, BUY, "3", "90")
    room.place(room.bob, BUY, "1", "90")
    room.crowd(SELL, "0.5", "90")
    room.desk.amend(room.ann, order_id=order.id, quantity=D(1), text="less")
    assert room.has(room.ann, "USDT").locked == D(45)
    assert (order.quantity, order.remaining, order.amend_text) == (D(1), D("0.5"), "less")
    room.crowd(SELL, "0.5", "90")
    assert order.finish is Finish.FILLED
    assert room.has(room.ann, "USDT") == Holding(D(9910), D(0))


@pytest.mark.parametrize("change", [{"quantity": D(4)}, {"price": D(91)}, {"price": D(89), "quantity": D(1)}])
def test_anything_else_goes_to_the_end(room: Room, change: dict[str, Any]) -> None:
    order = room.place(room.ann, BUY, "2", "90", client_id="x")
    for level in ("89", "90", "91"):
        room.place(room.bob, BUY, "1", level)
    room.desk.amend(room.ann, client_id="x", **change)
    price, quantity = change.get("price", D(90)), change.get("quantity", D(2))
    assert (order.price, order.quantity, order.is_open) == (price, quantity, True)
    assert room.has(room.ann, "USDT").locked == price * quantity
    room.desk.cancel_all(room.bob)
    for level in ("89", "90", "91"):
        room.place(room.bob, BUY, "1", level)
    room.crowd(SELL, "1", str(price))
    assert room.is_whole()


def test_increase_loses_priority(room: Room) -> None:
    mine, theirs = room.place(room.ann, BUY, "1", "90"), room.place(room.bob, BUY, "1", "90")
    room.desk.amend(room.ann, order_id=mine.id, quantity=D(2))
    room.crowd(SELL, "1", "90")
    assert (mine.filled, theirs.filled) == (D(0), D(1))


def test_amended_price_may_match_at_once(room: Room) -> None:
    room.crowd(SELL, "1", "95")
    order = room.place(room.ann, BUY, "2", "90")
    seen: list[Any] = []
    room.desk.listen(11, seen.append)
    room.desk.amend(room.ann, order_id=order.id, price=D(96))
    assert (order.filled, order.filled_quote, order.locked) == (D(1), D(95), D(96))
    assert [event.cause for event in seen if isinstance(event, OrderEvent)] == [Cause.AMEND, Cause.FILL]
    assert room.has(room.ann, "USDT") == Holding(D(9809), D(96))


def test_amend_to_what_is_filled_ends_the_order(room: Room) -> None:
    order = room.place(room.ann, BUY, "2", "90")
    room.crowd(SELL, "1", "90")
    assert room.desk.amend(room.ann, order_id=order.id, quantity=D(1)).finish is Finish.CANCELLED
    assert room.has(room.ann, "USDT") == Holding(D(9910), D(0))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, Reason.NO_CHANGE),
        ({"price": D(90)}, Reason.NO_CHANGE),
        ({"price": D("90.005")}, Reason.PRICE_PRECISION),
        ({"quantity": D(-1)}, Reason.INVALID_TICKET),
        ({"quantity": D("0.0005")}, Reason.QUANTITY_PRECISION),
        ({"quantity": D(200)}, Reason.INSUFFICIENT_BALANCE),
        ({"price": D(95)}, Reason.WOULD_TAKE),
    ],
)
def test_refused_amendment_leaves_the_order(room: Room, change: dict[str, Any], reason: Reason) -> None:
    room.crowd(SELL, "1", "95")
    order = room.place(room.ann, BUY, "2", "90", time_in_force=POST)
    before = (room.has(room.ann, "USDT"), room.book.update_id, order.version)
    with pytest.raises(Refusal) as caught:
        room.desk.amend(room.ann, order_id=order.id, **change)
    assert caught.value.reason is reason
    assert (room.has(room.ann, "USDT"), room.book.update_id, order.version) == before
    assert order.is_open


# --- being told, and remembering -------------------------------------------------------------------------------------


def test_events_come_in_order_and_as_copies(room: Room) -> None:
    room.crowd(SELL, "1", "100")
    seen: list[Any] = []
    end = room.desk.listen(11, seen.append)
    order = room.place(room.ann, BUY, "2", "100")
    kinds = [event.cause if isinstance(event, OrderEvent) else type(event) for event in seen]
    assert kinds == [BalanceEvent, Cause.PUT, BalanceEvent, BalanceEvent, BalanceEvent, FillEvent, Cause.FILL]
    put, filled = (event for event in seen if isinstance(event, OrderEvent))
    assert (put.order.filled, put.order.fees, put.fill) == (D(0), {}, None)
    assert (filled.order.filled, filled.fill) == (D(1), room.desk.fills(room.ann)[0])
    assert filled.order is not order
    seen.clear()
    room.desk.cancel(room.ann, order_id=order.id)
    assert [type(event) for event in seen] == [BalanceEvent, OrderEvent]
    end()
    room.place(room.ann, BUY, "1", "90")
    assert len(seen) == 2


def test_each_hears_only_of_its_own_and_the_house_of_all(room: Room) -> None:
    ann: list[Any] = []
    everybody: list[Any] = []
    room.desk.listen(11, ann.append)
    room.desk.listen(None, everybody.append)
    room.place(room.ann, SELL, "1", "100")
    room.place(room.bob, BUY, "1", "100")
    assert {event.uid for event in ann} == {11}
    assert {event.uid for event in everybody} == {11, 12}
    assert [event for event in everybody if event.uid == 11] == ann


def test_listener_that_raises_harms_nobody(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Any) -> None:
        raise RuntimeError("no")

    seen: list[Any] = []
    room.desk.listen(11, broken)
    room.desk.listen(11, seen.append)
    assert room.place(room.ann, BUY, "1", "90").is_open
    assert len(seen) == 2
    assert "a listener of account events failed" in caplog.text


def test_listener_may_act_on_what_it_hears(room: Room) -> None:
    def hedge(event: Any) -> None:
        if isinstance(event, FillEvent):
            room.place(room.ann, SELL, "1", "105")
            causes.append("hedged")

    causes: list[Any] = []
    room.desk.listen(11, hedge)
    room.desk.listen(11, lambda event: causes.append(event.cause) if isinstance(event, OrderEvent) else None)
    room.crowd(SELL, "1", "100")
    room.place(room.ann, BUY, "1", "100")
    assert causes == [Cause.PUT, "hedged", Cause.FILL, Cause.PUT]


def test_finished_orders_are_forgotten_oldest_first_and_open_ones_never() -> None:
    room = Room(history=2, fills_kept=1)
    kept = room.place(room.ann, BUY, "1", "80", client_id="kept")
    for number in range(4):
        room.place(room.ann, BUY, "1", "90", client_id=f"c{number}")
        room.crowd(SELL, "1", "90")
    assert [order.client_id for order in room.desk.orders(room.ann)] == ["kept", "c2", "c3"]
    assert room.desk.order(room.ann, client_id="c1") is None
    assert room.desk.order(room.ann, order_id=kept.id) is kept
    assert len(room.desk.fills(room.ann)) == 1


def test_orders_are_found_by_client_id_newest_first(room: Room) -> None:
    room.place(room.ann, BUY, "1", "90", client_id="x")
    other = room.desk.place(room.ann, Ticket(symbol="BBB/USDT", side=BUY, quantity=D(1), price=D(80), client_id="x"))
    second = room.place(room.ann, BUY, "1", "91", client_id="x")
    assert room.desk.order(room.ann, client_id="x") is second
    assert room.desk.order(room.ann, client_id="x", symbol="BBB/USDT") is other
    assert room.desk.order(room.bob, client_id="x") is None
    assert room.desk.order(room.ann, client_id="") is None
    assert room.desk.order(room.ann) is None
    assert room.desk.orders(room.bob) == []
    assert room.desk.fills(room.bob) == []
    assert room.desk.symbols == ("AAA/USDT", "BBB/USDT")


def test_delisting_ends_what_is_open(room: Room) -> None:
    order = room.place(room.ann, BUY, "1", "90")
    room.book.change_rules(status=InstrumentStatus.HALTED)
    assert order.is_open
    room.book.change_rules(status=InstrumentStatus.DELISTED)
    assert order.finish is Finish.DELISTED
    assert room.has(room.ann, "USDT").locked == 0
