"""A small spot market with a crowd and three accounts, random things to do in it, and everything that must hold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from cex.common.clock import ManualClock
from cex.common.enums import OrderType, Side, TimeInForce
from cex.common.types.symbols import Symbol
from cex.sandbox.accounts.directory import Account, Directory
from cex.sandbox.accounts.ledger import FUTURES_USDT, SPOT, Ledger
from cex.sandbox.accounts.options import DeskOptions
from cex.sandbox.accounts.orders import AccountOrder, Refusal, SelfTrade, Ticket, Trigger
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.accounts.wallet import Wallet
from cex.sandbox.market.listings import Listing, Rules
from cex.sandbox.market.simulation import Market
from cex.sandbox.matching import Fill, MatchingEngine

__all__ = ["SpotSequence", "check_priority"]

D = Decimal
SYMBOL = "AAA/USDT"

RULES = Rules(
    price_decimals=3,
    quantity_decimals=4,
    min_quantity=D("0.0005"),
    min_notional=D("0.05"),
    max_notional=D(100_000),
    maker_fee=D("0.00073"),
    taker_fee=D("0.00191"),
)
VARIANTS = (
    (RULES, DeskOptions()),
    (replace(RULES, maker_fee=D("-0.00025")), DeskOptions(refuse_post_only=False, refuse_fok=False)),
    (replace(RULES, tick=D("0.005"), step=D("0.0005")), DeskOptions(fee_places=6, max_open_orders=4, history=5)),
)


_TIFS = (TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.POST_ONLY)
_STPS = (None, *SelfTrade)


class SpotSequence:
    """One market, three accounts (two of them one trader's) and a crowd, by one of three sets of rules."""

    def __init__(self, seed: int) -> None:
        rules, options = VARIANTS[seed % len(VARIANTS)]
        listing = Listing(
            symbol=Symbol(SYMBOL),
            name="A",
            price=20.0,
            volatility=20.0,
            order_notional=30.0,
            resting_orders=8,
            venues={"mexc": rules},
        )
        self.clock = ManualClock(0)
        self.market = Market(seed=seed, listings=[listing])
        self.book = self.market.book("mexc", SYMBOL)
        self.ledger = Ledger(clock=self.clock)
        self.directory = Directory(self.ledger)
        self.start = {(SPOT, "USDT"): D("1000.123456789"), (SPOT, "AAA"): D("50.00012345")}
        self.accounts = [self.directory.add(Account(uid, f"a{uid}"), self.start) for uid in (1, 2, 3)]
        self.accounts[2].stp_group = self.accounts[1].stp_group = 9
        self.desk = SpotDesk(self.market, "mexc", self.directory, self.ledger, clock=self.clock, options=options)
        self.wallet = Wallet("mexc", self.directory, self.ledger, assets=["USDT", "AAA"], clock=self.clock)
        self.given = {(account.uid, asset): Fraction(0) for account in self.accounts for asset in ("USDT", "AAA")}
        self.refused = 0

    def step(self, rng: random.Random) -> None:
        """Do one thing at random: place, amend, cancel, transfer, or let a tick pass."""
        who, side = rng.randrange(3), rng.choice((Side.BUY, Side.SELL))
        dice = rng.random()
        if dice < 0.4:
            self.limit(who, side, rng.randint(-12, 12), rng.randint(1, 4_000), rng.choice(_TIFS), rng.choice(_STPS))
        elif dice < 0.5:
            self.market_order(who, side, rng.randint(1, 6_000), rng.random() < 0.5, rng.choice(_STPS))
        elif dice < 0.62:
            away = rng.choice((None, rng.randint(-12, 12)))
            self.amend(who, rng.randrange(9), away, rng.choice((None, rng.randint(1, 4_000))))
        elif dice < 0.72:
            self.cancel(who, rng.randrange(9))
        elif dice < 0.74:
            self.cancel_all(who)
        elif dice < 0.78:
            self.trigger(who, side, rng.randint(-8, 8), rng.randint(1, 2_000))
        elif dice < 0.82:
            self.transfer(who, rng.randrange(3), rng.randint(1, 2_000))
        else:
            self.tick()

    def counts(self) -> Counter[str]:
        """What came of it so far."""
        orders = [order for account in self.accounts for order in self.desk.orders(account)]
        found = Counter(f"spot orders {order.finish}" for order in orders)
        found["spot fills"] = sum(len(self.desk.fills(account)) for account in self.accounts)
        found["spot refusals"] = self.refused
        found["spot triggers fired"] = sum(
            one.fired_order_id is not None
            for account in self.accounts
            for one in self.desk.triggers.finished_orders(account)
        )
        found["spot transfers"] = sum(len(self.wallet.transfers(account)) for account in self.accounts)
        return found

    # --- what can be done

    def limit(self, who: int, side: Side, away: int, lots: int, tif: TimeInForce, stp: SelfTrade | None) -> None:
        price = self._near(side, away)
        ticket = Ticket(symbol=SYMBOL, side=side, price=price, quantity=self._lots(lots), time_in_force=tif, stp=stp)
        self._try(lambda: self.desk.place(self.accounts[who], ticket))

    def market_order(self, who: int, side: Side, amount: int, by_quote: bool, stp: SelfTrade | None) -> None:
        quote, base = (D(amount) / 64, None) if by_quote else (None, self._lots(amount))
        ticket = Ticket(symbol=SYMBOL, side=side, kind=OrderType.MARKET, quantity=base, quote_quantity=quote, stp=stp)
        self._try(lambda: self.desk.place(self.accounts[who], ticket))

    def amend(self, who: int, which: int, away: int | None, lots: int | None) -> None:
        order = self._open(who, which)
        if order is not None:
            price = None if away is None else self._near(order.side, away)
            quantity = None if lots is None else self._lots(lots)
            self._try(lambda: self.desk.amend(self.accounts[who], order_id=order.id, price=price, quantity=quantity))

    def cancel(self, who: int, which: int) -> None:
        order = self._open(who, which)
        if order is not None:
            self.desk.cancel(self.accounts[who], order_id=order.id)

    def cancel_all(self, who: int) -> None:
        self.desk.cancel_all(self.accounts[who])

    def trigger(self, who: int, side: Side, away: int, lots: int) -> None:
        last = self.book.last_price
        rule = Trigger(self._near(side, away) or last, ">=" if away > 0 else "<=", 1.0, locks=lots % 2 == 0)
        ticket = Ticket(symbol=SYMBOL, side=side, price=last, quantity=self._lots(lots), trigger=rule)
        self._try(lambda: self.desk.place_trigger(self.accounts[who], ticket))

    def transfer(self, who: int, whom: int, amount: int) -> None:
        giver, taker, sum_ = self.accounts[who], self.accounts[whom], D(amount) / 8
        target = FUTURES_USDT if who == whom else SPOT
        if self._try(lambda: self.wallet.transfer(giver, "USDT", sum_, SPOT, target, to=taker)):
            self.given[giver.uid, "USDT"] -= Fraction(sum_)
            if target == SPOT:
                self.given[taker.uid, "USDT"] += Fraction(sum_)

    def tick(self) -> None:
        self.clock.advance(0.02)
        self.market.step(self.clock.time_ns())
        self.desk.after_tick(self.clock.time_ns())
        check_priority(self.book.engine, [*self.book.fills, *self.book.engine.fills])

    # --- what must hold

    def check(self) -> None:
        for asset in self.ledger.assets:
            assert self.ledger.total(asset) == 0, asset
        for account in self.accounts:
            self._check_account(account)
            self._check_orders(account)
        self._check_book()

    def _check_account(self, account: Account) -> None:
        waiting = self.desk.triggers.open_orders(account)
        for asset, own in (("USDT", Side.BUY), ("AAA", Side.SELL)):
            holding = self.ledger.holding(account.uid, SPOT, asset)
            open_orders = [order for order in self.desk.open_orders(account) if order.side is own]
            for order in open_orders:
                price = D(1) if own is Side.SELL else order.price
                assert price is not None
                assert order.locked == price * order.remaining
                assert order.remaining > 0
            bound = sum((o.locked for o in open_orders), D(0))
            bound += sum((o.locked for o in waiting if o.locked_asset == asset), D(0))
            assert holding.locked == bound
            assert holding.free >= 0
            assert Fraction(holding.free) + Fraction(holding.locked) == self._worth(account, asset)

    def _check_orders(self, account: Account) -> None:
        fills = self.desk.fills(account)
        for order in self.desk.orders(account):
            own = [fill for fill in fills if fill.order_id == order.id]
            assert order.filled == sum(fill.quantity for fill in own)
            assert order.filled_quote == sum(fill.quote_quantity for fill in own)
            assert sum(order.fees.values()) == sum(fill.fee for fill in own)
            assert order.is_open or order.locked == 0

    def _worth(self, account: Account, asset: str) -> Fraction:
        """What the account must have by its own fills, in arithmetic that knows no rounding."""
        worth = Fraction(self.start[SPOT, asset]) + self.given[account.uid, asset]
        for fill in self.desk.fills(account):
            sign = 1 if (fill.side is Side.BUY) == (asset == "AAA") else -1
            worth += sign * Fraction(fill.quantity if asset == "AAA" else fill.quote_quantity)
            assert Fraction(fill.quote_quantity) == Fraction(fill.price) * Fraction(fill.quantity)
            if fill.fee_asset == asset:
                worth -= Fraction(fill.fee)
        return worth

    def _check_book(self) -> None:
        engine = self.book.engine
        bid, ask = engine.best(Side.BUY), engine.best(Side.SELL)
        assert bid is None or ask is None or bid < ask
        for side in Side:
            for index, (price, total) in enumerate(engine.levels(side), 1):
                at, orders = engine.resting(side, -index)
                assert (at, sum(order.remaining for order in orders)) == (price, total)
        resting = {order.id: order for order in engine.orders.values() if order.owner != "crowd"}
        for mine in self.desk.open_orders():
            order = resting.pop(mine.engine_id)
            assert (order.owner, order.side) == (str(mine.uid), mine.side)
            assert self.book.quantity_of(order.remaining) == mine.remaining
            assert order.price is not None
            assert self.book.price_of(order.price) == mine.price
        assert not resting

    # --- inside

    def _try(self, act: Callable[[], object]) -> bool:
        first = len(self.book.engine.fills)
        try:
            act()
        except Refusal:
            self.refused += 1
            return False
        if len(self.book.engine.fills) > first:
            check_priority(self.book.engine, self.book.engine.fills[first:])
        return True

    def _near(self, side: Side, away: int) -> Decimal:
        best = self.book.engine.best(side.opposite) or self.book.candles.last
        ticks = best + away * 3
        return self.book.price_of(max(1, ticks - ticks % self.book.tick_units))

    def _lots(self, lots: int) -> Decimal:
        return self.book.quantity_of(lots * self.book.step_units * 10)

    def _open(self, who: int, which: int) -> AccountOrder | None:
        orders = self.desk.open_orders(self.accounts[who])
        return orders[which % len(orders)] if orders else None


def check_priority(engine: MatchingEngine, fills: Sequence[Fill]) -> None:
    """No order still rests that should have been filled before the makers of these fills."""
    for fill in fills:
        sign = 1 if fill.taker_side is Side.SELL else -1
        for order in engine.orders.values():
            if order.side is fill.taker_side or order.id >= fill.taker_order or order.price is None:
                continue
            assert order.price * sign <= fill.price * sign, "a better price was passed over"
            assert order.price != fill.price or order.id >= fill.maker_order, "an older order was passed over"
