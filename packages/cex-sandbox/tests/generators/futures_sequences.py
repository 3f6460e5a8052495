"""A small market of perpetuals with three accounts, random things to do in it, and everything that must hold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from cex.common.clock import ManualClock
from cex.common.enums import Side, TimeInForce
from cex.sandbox.accounts.directory import Account, Directory
from cex.sandbox.accounts.futures.arithmetic import ZERO
from cex.sandbox.accounts.futures.desk import FuturesDesk
from cex.sandbox.accounts.futures.events import EntryEvent, FuturesFillEvent
from cex.sandbox.accounts.futures.orders import AutoSize, FuturesOrder, FuturesTicket
from cex.sandbox.accounts.futures.portfolio import EntryKind, Portfolio
from cex.sandbox.accounts.futures.positions import PositionMode
from cex.sandbox.accounts.futures.refusals import FuturesRefusal
from cex.sandbox.accounts.futures.waiting import PriceSource, WaitingFinish
from cex.sandbox.accounts.ledger import FUTURES_USDT, SPOT, Ledger
from cex.sandbox.accounts.orders import Refusal
from cex.sandbox.accounts.wallet import Wallet
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.market.simulation import Market
from spot_sequences import check_priority

__all__ = ["FuturesSequence"]

NAMES = ("BTC/USDT:USDT", "SOL/USDT:USDT")
LISTINGS = [
    replace(listing, resting_orders=15, activity=0.0)
    for listing in DEFAULT_LISTINGS
    if str(listing.symbol).split(":")[0] in ("BTC/USDT", "SOL/USDT")
]
SECOND = 1_000_000_000


class FuturesSequence:
    """Three accounts (one in dual mode, two of one STP group) trade with each other and with a crowd that sweeps."""

    def __init__(self, seed: int) -> None:
        self.clock = ManualClock(1_795_003_215 * SECOND)
        self.market = Market(seed=seed, listings=LISTINGS, now_ns=self.clock.time_ns())
        self.ledger = Ledger(clock=self.clock)
        directory = Directory(self.ledger)
        self.accounts = [
            Account(1, "one", stp_group=7),
            Account(2, "two", stp_group=7),
            Account(3, "three", dual_mode=True),
        ]
        for account, funds in zip(self.accounts, ("60", "400", "1500"), strict=True):
            directory.add(account, {(FUTURES_USDT, "USDT"): Decimal(funds), (SPOT, "USDT"): Decimal(100)})
        self.desk = FuturesDesk(self.market, "gateio", directory, self.ledger, clock=self.clock)
        self.wallet = Wallet("gateio", directory, self.ledger, assets=["USDT"], clock=self.clock)
        self.wallet.available[FUTURES_USDT] = lambda account, _: self.desk.withdrawable(account)
        self.wallets = {account.uid: self._portfolio(account).wallet for account in self.accounts}
        self.facts: list[tuple[object, ...]] = []
        self.refused = 0
        self._told_fills = dict.fromkeys(self.wallets, 0)
        self._surprises: list[str] = []
        self._seen_fills = dict.fromkeys(NAMES, 0)
        self.desk.listen(None, self._hear)
        for who, size in enumerate((20, -30, 40)):  # a position for everybody, so that there is something to close
            for symbol in NAMES:
                self.place(who, symbol, size, 0, TimeInForce.IOC, True)

    def step(self, rng: random.Random) -> None:
        """Do one thing at random, what matters most more often than the rest."""
        who, symbol, offset = rng.randrange(3), rng.choice(NAMES), rng.randint(-6, 6)
        size = rng.choice((-1, 1)) * rng.choice((rng.randint(1, 40), rng.randint(1, 400)))
        tif = rng.choice((TimeInForce.GTC, TimeInForce.GTC, *TimeInForce))
        side = rng.choice(tuple(Side))
        actions: list[tuple[float, Callable[[], None]]] = [
            (35, lambda: self.place(who, symbol, size, offset, tif, rng.random() < 0.2)),
            (15, lambda: self.reduce(who, symbol, size, offset, tif)),
            (10, lambda: self.close(who, symbol, offset, rng.random() < 0.5, rng.random() < 0.3)),
            (5, lambda: self.cancel(who, rng.randrange(20))),
            (8, lambda: self.amend(who, rng.randrange(20), rng.randint(-60, 60), rng.choice((None, offset)))),
            (10, lambda: self.sweep(symbol, side, rng.randint(1, 500))),
            (7, lambda: self.rest(symbol, side, rng.randint(1, 500), rng.randint(1, 40))),
            (5, lambda: self.move_mark(symbol, rng.uniform(0.85, 1.18))),
            (3, lambda: self.wait(rng.randrange(20))),
            (4, lambda: self.leverage(who, symbol, rng.randrange(120), rng.random() < 0.5)),
            (3, lambda: self.margin(who, symbol, rng.randint(-50, 50))),
            (5, lambda: self.trigger(who, symbol, size, offset, rng.randint(-40, 40), rng.choice(tuple(PriceSource)))),
            (4, lambda: self.transfer(who, rng.randrange(3), rng.random() < 0.5, rng.randint(1, 2_000))),
        ]
        (act,) = rng.choices([action for _, action in actions], [weight for weight, _ in actions])
        act()

    def check(self) -> None:
        """Raise AssertionError when anything does not hold."""
        assert not self._surprises, self._surprises[0]
        assert all(self.ledger.total(asset) == 0 for asset in self.ledger.assets), "made or lost"
        for account in self.accounts:
            assert self.ledger.holding(account.uid, SPOT, "USDT").free >= 0
            self._check_wallet(account)
            self._check_positions(account)
            self._check_orders(account)
        for symbol in NAMES:
            engine = self.desk.contract(symbol).book.engine
            first, self._seen_fills[symbol] = self._seen_fills[symbol], len(engine.fills)
            check_priority(engine, engine.fills[first:])

    def counts(self) -> Counter[str]:
        """What came of it so far."""
        found: Counter[str] = Counter()
        for account in self.accounts:
            portfolio = self._portfolio(account)
            found.update(f"futures orders {order.finish}" for order in portfolio.orders.values())
            found["futures fills"] += len(portfolio.fills)
            found["liquidations"] += len(portfolio.liquidations)
            found["fundings"] += sum(entry.kind is EntryKind.FUNDING for entry in portfolio.entries)
            found["futures transfers"] += sum(entry.kind is EntryKind.TRANSFER for entry in portfolio.entries) - 1
            found["futures triggers fired"] += sum(
                one.finish is WaitingFinish.SUCCEEDED for one in self.desk.triggers.finished(account)
            )
        found["futures refusals"] = self.refused
        return found

    # --- what can be done

    def trigger(self, who: int, symbol: str, size: int, offset: int, away: int, source: PriceSource) -> None:
        ticket = FuturesTicket(symbol=symbol, size=self._scaled(symbol, size), price=self._price(symbol, offset))
        try:
            self.desk.triggers.add(
                self.accounts[who], ticket, source=source, price=self._price(symbol, away), above=away > 0
            )
        except FuturesRefusal:
            self.refused += 1

    def transfer(self, who: int, whom: int, out: bool, amount: int) -> None:
        """From the futures wallet to somebody's spot wallet, or the other way round."""
        source, target = (FUTURES_USDT, SPOT) if out else (SPOT, FUTURES_USDT)
        account, other = self.accounts[who], self.accounts[whom]
        try:
            self.wallet.transfer(account, "USDT", Decimal(amount) / 16, source, target, to=other)
        except Refusal:
            self.refused += 1
        else:
            assert not out or self._portfolio(account).figures().available >= 0, "a transfer took what is bound"

    def place(self, who: int, symbol: str, size: int, offset: int, tif: TimeInForce, market: bool) -> None:
        price = None if market else self._price(symbol, offset)
        self._try(who, FuturesTicket(symbol=symbol, size=self._scaled(symbol, size), price=price, time_in_force=tif))

    def reduce(self, who: int, symbol: str, size: int, offset: int, tif: TimeInForce) -> None:
        price = self._price(symbol, offset)
        scaled = self._scaled(symbol, size)
        self._try(who, FuturesTicket(symbol=symbol, size=scaled, price=price, time_in_force=tif, reduce_only=True))

    def close(self, who: int, symbol: str, offset: int, long: bool, market: bool) -> None:
        price = None if market else self._price(symbol, offset)
        tif = TimeInForce.IOC if market else TimeInForce.GTC
        if self.accounts[who].dual_mode:
            auto = AutoSize.CLOSE_LONG if long else AutoSize.CLOSE_SHORT
            ticket = FuturesTicket(symbol=symbol, price=price, time_in_force=tif, auto_size=auto, reduce_only=True)
        else:
            ticket = FuturesTicket(symbol=symbol, price=price, time_in_force=tif, close=True)
        self._try(who, ticket)

    def cancel(self, who: int, pick: int) -> None:
        order = self._some_open(who, pick)
        if order is not None:
            assert not self.desk.cancel(self.accounts[who], order_id=order.id).is_open

    def amend(self, who: int, pick: int, change: int, offset: int | None) -> None:
        order = self._some_open(who, pick)
        if order is None:
            return
        size = order.size + change * order.contract.step
        price = None if offset is None else self._price(order.contract.symbol, offset)
        try:
            self.desk.amend(self.accounts[who], order_id=order.id, size=size, price=price)
        except FuturesRefusal:
            assert order.is_open

    def sweep(self, symbol: str, side: Side, lots: int) -> None:
        self.market.book("gateio", symbol).engine.submit("crowd", side, lots)

    def rest(self, symbol: str, side: Side, lots: int, offset: int) -> None:
        engine = self.market.book("gateio", symbol).engine
        price = self.desk.contract(symbol).ticks(self._price(symbol, -offset if side is Side.BUY else offset))
        engine.submit("crowd", side, lots, price)

    def move_mark(self, symbol: str, factor: float) -> None:
        perpetual = self.desk.contract(symbol).perpetual
        perpetual.mark = round(perpetual.mark * factor)
        self.desk.after_tick(self.clock.time_ns())

    def wait(self, hours: int) -> None:
        self.clock.advance(hours * 3600)
        self.desk.after_tick(self.clock.time_ns())

    def leverage(self, who: int, symbol: str, leverage: int, long: bool) -> None:
        mode = PositionMode.SINGLE
        if self.accounts[who].dual_mode:
            mode = PositionMode.LONG if long else PositionMode.SHORT
        try:
            self.desk.set_leverage(self.accounts[who], symbol, mode, Decimal(leverage))
        except FuturesRefusal:
            return
        assert self.desk.position(self.accounts[who], symbol, mode).leverage == leverage

    def margin(self, who: int, symbol: str, change: int) -> None:
        portfolio = self._portfolio(self.accounts[who])
        for mode in portfolio.modes():
            try:
                self.desk.change_margin(self.accounts[who], symbol, mode, Decimal(change))
            except FuturesRefusal:
                continue

    # --- what must hold

    def _check_wallet(self, account: Account) -> None:
        portfolio = self._portfolio(account)
        assert portfolio.wallet == sum(portfolio.history.values(), ZERO) == self.wallets[account.uid]
        fees = [entry.change for entry in portfolio.entries if entry.kind is EntryKind.FEE]
        assert -sum(fees, ZERO) == sum((fill.fee for fill in portfolio.fills), ZERO), "fees are those of the fills"

    def _check_positions(self, account: Account) -> None:
        portfolio = self._portfolio(account)
        assert len(portfolio.fills) == self._told_fills[account.uid], "every fill is told of once"
        for symbol, contract in self.desk.contracts.items():
            fills = [fill for fill in portfolio.fills if fill.contract is contract]
            held = [position for position in portfolio.positions.values() if position.contract is contract]
            assert sum((fill.size for fill in fills), ZERO) == sum((p.size for p in held), ZERO), symbol
            traded = sum((fill.size * fill.price * contract.multiplier for fill in fills), ZERO)
            realised = sum((fill.realised for fill in fills), ZERO)
            assert realised == sum((p.cost for p in held), ZERO) - traded, "results are those of the fills"
            for position in held:
                assert position.margin >= 0
                assert position.mode is not PositionMode.LONG or position.size >= 0
                assert position.mode is not PositionMode.SHORT or position.size <= 0

    def _check_orders(self, account: Account) -> None:
        portfolio = self._portfolio(account)
        filled: dict[int, Decimal] = {}
        for fill in portfolio.fills:
            filled[fill.order_id] = filled.get(fill.order_id, ZERO) + fill.size
            if portfolio.orders[fill.order_id].reduce_only:
                assert fill.close_size == fill.size, "a reduce-only order opened"
        for order in portfolio.orders.values():
            assert order.size - order.left == filled.get(order.id, ZERO)
            resting = order.contract.book.engine.orders.get(order.engine_id or 0)
            assert (resting is None) == (order.working == 0)
            assert order.is_open or resting is None
            if resting is not None:
                assert order.contract.contracts(resting.remaining) == order.working <= abs(order.left)
                assert order.reduce_only or order.working == abs(order.left)

    # --- inside

    def _hear(self, event: Any) -> None:
        self.facts.append(event.facts())
        if isinstance(event, FuturesFillEvent):
            self._told_fills[event.fill.uid] += 1
        elif isinstance(event, EntryEvent):
            entry = event.entry
            if self.wallets[entry.uid] + entry.change != entry.balance:
                self._surprises.append(f"{entry} does not follow a balance of {self.wallets[entry.uid]}")
            self.wallets[entry.uid] = entry.balance

    def _try(self, who: int, ticket: FuturesTicket) -> None:
        before = self._portfolio(self.accounts[who]).figures()
        try:
            self.desk.place(self.accounts[who], ticket)
        except FuturesRefusal:
            self.refused += 1
            assert self._portfolio(self.accounts[who]).figures() == before, "a refusal has changed something"

    def _portfolio(self, account: Account) -> Portfolio:
        return self.desk.portfolio(account)

    def _scaled(self, symbol: str, size: int) -> Decimal:
        return Decimal(size) * self.desk.contract(symbol).step

    def _price(self, symbol: str, offset: int) -> Decimal:
        contract = self.desk.contract(symbol)
        middle = contract.best(Side.BUY) or contract.best(Side.SELL) or contract.mark
        return (middle + offset * contract.tick * 5).quantize(contract.tick)

    def _some_open(self, who: int, pick: int) -> FuturesOrder | None:
        orders = list(self._portfolio(self.accounts[who]).open.values())
        return orders[pick % len(orders)] if orders else None
