"""Where fills become positions and money: the portfolios, the orders in the engines, the ledger, and who is told.

What an account wins or loses by trading, the house's crowd loses or wins, so that the ledger stays at zero.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from cex.common.clock import Clock
from cex.common.enums import OrderStatus, Side, TimeInForce
from cex.sandbox.accounts.directory import Account, Directory
from cex.sandbox.accounts.events import Audience, Cause, Event
from cex.sandbox.accounts.futures.arithmetic import ZERO, rounded
from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.events import (
    EntryEvent,
    FuturesFillEvent,
    FuturesOrderEvent,
    PositionCloseEvent,
    PositionEvent,
)
from cex.sandbox.accounts.futures.orders import FuturesFill, FuturesFinish, FuturesOrder
from cex.sandbox.accounts.futures.portfolio import BookEntry, EntryKind, Liquidation, Portfolio
from cex.sandbox.accounts.futures.positions import Position
from cex.sandbox.accounts.futures.refusals import FuturesReason, FuturesRefusal
from cex.sandbox.accounts.ledger import CROWD, FEES, FUTURES_USDT, Ledger, Owner, Posting
from cex.sandbox.market.book import MarketBook
from cex.sandbox.market.listings import Rules
from cex.sandbox.market.simulation import Market
from cex.sandbox.matching import Execution, Fill, Order, SelfTrade

__all__ = ["Core"]

_KINDS = {
    "pnl": EntryKind.PNL,
    "liquidation": EntryKind.PNL,
    "fee": EntryKind.FEE,
    "funding": EntryKind.FUNDING,
}
_FIRST_HOUSE_TRADE = 1 << 52
_KEPT_LIQUIDATIONS = 1_000
_SELF_TRADE = {
    "cn": SelfTrade.CANCEL_NEWEST,
    "co": SelfTrade.CANCEL_OLDEST,
    "cb": SelfTrade.CANCEL_BOTH,
}


class _About(NamedTuple):
    contract: Contract | None = None
    order_id: int = 0
    trade_id: int = 0


class _Ear:
    """Hears of fills of resting orders of one contract."""

    def __init__(self, contract: Contract, heard: Callable[[Contract, Order, Fill], None]) -> None:
        self._contract = contract
        self._heard = heard

    def on_maker_fill(self, maker: Order, fill: Fill, taker: Order) -> None:
        """Pass it on with the contract."""
        self._heard(self._contract, maker, fill)


class Core:
    """The state of all accounts' perpetuals on one venue, and its elementary changes."""

    def __init__(
        self, market: Market, venue: str, directory: Directory, ledger: Ledger, *, clock: Clock, first_order_id: int
    ) -> None:
        books = market.books.get(venue, {}).values()
        self.contracts = {str(book.listing.symbol): Contract(book) for book in books if book.perpetual is not None}
        self.audience = Audience()
        self.portfolios: dict[int, Portfolio] = {}
        self.ledger = ledger
        self.clock = clock
        self._directory = directory
        self._last_order_id = first_order_id
        self._last_entry_id = 0
        self._about = _About()
        self._working: dict[tuple[str, int], FuturesOrder] = {}
        self._ears = {symbol: _Ear(contract, self._on_maker_fill) for symbol, contract in self.contracts.items()}
        self._last_house_trade_id = _FIRST_HOUSE_TRADE
        self.unsettled: dict[tuple[int, str], None] = {}
        self.liquidations: deque[Liquidation] = deque(maxlen=_KEPT_LIQUIDATIONS)
        self._multipliers = {symbol: contract.multiplier for symbol, contract in self.contracts.items()}
        for contract in self.contracts.values():
            contract.book.watchers.append(self._on_terms)
        for account in directory.accounts:
            for posting in ledger.postings(account.uid, FUTURES_USDT):
                self._posted(posting)
        ledger.listen(self._posted)

    def _on_terms(self, book: MarketBook, _: Rules) -> None:
        """Other base units a contract: positions keep their number of contracts and their entry price."""
        contract = self.contracts[str(book.listing.symbol)]
        before, now = self._multipliers[contract.symbol], contract.multiplier
        if before == now:
            return
        self._multipliers[contract.symbol] = now
        for portfolio in self.portfolios.values():
            for mode in portfolio.modes():
                position = portfolio.known(contract, mode)
                if position is not None and position.size:
                    position.cost = rounded(position.cost * now / before)
                    position.touch(self.now_ns())
                    self.tell_position(position)

    # --- finding -----------------------------------------------------------------------------------------------------

    def now_ns(self) -> int:
        return self.clock.time_ns()

    def next_order_id(self) -> int:
        self._last_order_id += 1
        return self._last_order_id

    def next_house_trade_id(self) -> int:
        """The id of a trade that the house makes outside the book."""
        self._last_house_trade_id += 1
        return self._last_house_trade_id

    def contract(self, symbol: str) -> Contract:
        """Raises FuturesRefusal."""
        contract = self.contracts.get(symbol)
        if contract is None:
            raise FuturesRefusal(FuturesReason.CONTRACT_NOT_FOUND)
        return contract

    def portfolio(self, account: Account) -> Portfolio:
        """What a funded account has.

        Raises:
            FuturesRefusal: nothing was ever transferred to its futures wallet.
        """
        portfolio = self.portfolios.get(account.uid)
        if portfolio is None or not portfolio.funded:
            detail = "please transfer funds first to create futures account"
            raise FuturesRefusal(FuturesReason.USER_NOT_FOUND, detail)
        return portfolio

    # --- telling -----------------------------------------------------------------------------------------------------

    def tell(self, uid: int, make: Callable[[], Event]) -> None:
        """Tell what ``make`` makes, if anyone listens."""
        if self.audience.listens(uid):
            self.audience.tell(make())

    def tell_order(self, order: FuturesOrder, cause: Cause, fill: FuturesFill | None = None) -> None:
        """Tell of an order after a change."""
        self.tell(order.uid, lambda: FuturesOrderEvent(order.copy(), cause, fill))

    def tell_position(self, position: Position) -> None:
        """Tell of a position after a change."""
        portfolio = self.portfolios[position.uid]
        portfolio.snapshots.append(position.copy())
        self.tell(position.uid, lambda: PositionEvent(position.copy(), portfolio.liquidation_price(position)))

    # --- money -------------------------------------------------------------------------------------------------------

    def pay(
        self, uid: int, amount: Decimal, house: Owner, reason: str, contract: Contract, order_id: int, trade_id: int = 0
    ) -> None:
        """Move a signed amount from the house to the account; a loss may take the wallet below zero."""
        if not amount:
            return
        wallet = Owner(uid, FUTURES_USDT)
        reference = f"{contract.symbol}:{order_id}"
        self._about = _About(contract, order_id, trade_id)
        try:
            if amount > 0:
                self.ledger.move(house, wallet, contract.settle, amount, reason=reason, reference=reference)
            else:
                self.ledger.move(
                    wallet, house, contract.settle, -amount, reason=reason, reference=reference, overdraft=True
                )
        finally:
            self._about = _About()

    def _posted(self, posting: Posting) -> None:
        change = posting.free_change + posting.locked_change
        if posting.wallet != FUTURES_USDT or not change:
            return
        portfolio = self.portfolios.get(posting.uid)
        if portfolio is None:
            account = self._directory.by_uid(posting.uid)
            if account is None:
                return
            portfolio = self.portfolios[posting.uid] = Portfolio(account, self.ledger, posting.asset)
        kind = _KINDS.get(posting.reason, EntryKind.TRANSFER)
        about = self._about
        self._last_entry_id += 1
        entry = BookEntry(
            self._last_entry_id,
            posting.time_ns,
            posting.uid,
            kind,
            change,
            posting.free + posting.locked,
            about.contract,
            about.order_id,
            about.trade_id,
        )
        portfolio.funded = True
        portfolio.history[kind] += change
        portfolio.entries.append(entry)
        self.tell(posting.uid, lambda: EntryEvent(entry))

    # --- orders in the engines ---------------------------------------------------------------------------------------

    def group(self, order: FuturesOrder) -> tuple[str, SelfTrade | None]:
        """Which orders may not meet this one, and what gives way then."""
        account = self.portfolios[order.uid].account
        if not account.stp_group:
            return "", None
        return f"stp:{account.stp_group}", _SELF_TRADE.get(order.stp_act, SelfTrade.CANCEL_NEWEST)

    def takeable(self, order: FuturesOrder, size: Decimal) -> tuple[Decimal, Decimal]:
        """How many of ``size`` contracts the order would get at once, and what they are worth in quote."""
        contract = order.contract
        group, self_trade = self.group(order)
        limit = None if order.price is None else contract.ticks(order.price)
        engine = contract.book.engine
        lots, cost = engine.takeable(order.side, contract.lots(size), limit, group=group, self_trade=self_trade)
        decimals = contract.book.rules.price_decimals + contract.book.rules.quantity_decimals
        return contract.contracts(lots), Decimal(cost).scaleb(-decimals) * contract.multiplier

    def submit(self, order: FuturesOrder, size: Decimal, time_in_force: TimeInForce) -> Execution:
        """Send ``size`` contracts of an order into the engine and book what they get."""
        contract = order.contract
        self.unsettled[order.uid, contract.symbol] = None
        group, self_trade = self.group(order)
        execution = contract.book.engine.submit(
            f"futures:{order.uid}",
            order.side,
            contract.lots(size),
            None if order.price is None else contract.ticks(order.price),
            time_in_force,
            group=group,
            self_trade=self_trade,
            listener=self._ears[contract.symbol],
        )
        if execution.order.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED):
            order.engine_id = execution.order.id
            order.working = contract.contracts(execution.order.remaining)
            self._working[contract.symbol, execution.order.id] = order
        for fill in execution.fills:
            self.book(order, fill, is_maker=False)
        for displaced in execution.displaced:
            gone = self._working.get((contract.symbol, displaced.id))
            if gone is not None:
                self._leave(gone)
                self.end(gone, FuturesFinish.STP)
        return execution

    def shrink(self, order: FuturesOrder, working: Decimal) -> None:
        """Leave only ``working`` contracts of a resting order in the book; it keeps its place."""
        if not working:
            self.withdraw(order)
        elif order.engine_id is not None and working < order.working:
            order.contract.book.engine.reduce(order.engine_id, order.contract.lots(working))
            order.working = working
            self.unsettled[order.uid, order.contract.symbol] = None

    def withdraw(self, order: FuturesOrder) -> None:
        """Take an order out of the book; harmless when it does not rest."""
        if order.engine_id is not None:
            order.contract.book.engine.cancel(order.engine_id)
            self.unsettled[order.uid, order.contract.symbol] = None
            self._leave(order)

    def end(self, order: FuturesOrder, finish: FuturesFinish, *, told: bool = True) -> None:
        """An order is over, and no longer in the book."""
        order.finish = finish
        order.finished_ns = order.updated_ns = self.now_ns()
        order.revision += 1
        portfolio = self.portfolios[order.uid]
        portfolio.open.pop(order.id, None)
        self.unsettled[order.uid, order.contract.symbol] = None
        if told:
            self.tell_order(order, Cause.CANCEL)

    def _leave(self, order: FuturesOrder) -> None:
        if order.engine_id is not None:
            self._working.pop((order.contract.symbol, order.engine_id), None)
        order.engine_id = None
        order.working = ZERO

    # --- fills -------------------------------------------------------------------------------------------------------

    def _on_maker_fill(self, contract: Contract, maker: Order, fill: Fill) -> None:
        order = self._working[contract.symbol, maker.id]
        self.audience.hold()
        try:
            order.working -= contract.contracts(fill.quantity)
            if not order.working:
                self._leave(order)
            self.book(order, fill, is_maker=True)
        finally:
            self.audience.let_go()

    def book(self, order: FuturesOrder, match: Fill, *, is_maker: bool) -> None:
        """Book a match of an order: its position, its result, its fee."""
        contract, portfolio, now_ns = order.contract, self.portfolios[order.uid], self.now_ns()
        price, quantity = contract.price(match.price), contract.contracts(match.quantity)
        signed = quantity if order.side is Side.BUY else -quantity
        value = quantity * contract.multiplier * price
        fee = value * (order.maker_fee if is_maker else order.taker_fee)
        position = portfolio.of_order(order)
        position.charge_fee(fee)
        booking, close = position.take(signed, price, now_ns, order.text)
        order.left -= signed
        order.priced += quantity * price
        order.fee += fee
        order.updated_ns = now_ns
        order.revision += 1
        fill = FuturesFill(
            match.id,
            order.id,
            order.uid,
            contract,
            signed,
            price,
            value,
            fee,
            booking.realised,
            is_maker,
            booking.closed if signed > 0 else -booking.closed,
            order.text,
            order.amend_text,
            now_ns,
        )
        portfolio.fills.append(fill)
        if not order.left:
            self.end(order, FuturesFinish.FILLED, told=False)
        self.unsettled[order.uid, contract.symbol] = None
        self.tell_order(order, Cause.FILL, fill)
        self.tell(order.uid, partial(FuturesFillEvent, fill))
        self.pay(order.uid, booking.realised, CROWD, "pnl", contract, order.id, match.id)
        self.pay(order.uid, -fee, FEES, "fee", contract, order.id, match.id)
        if close is not None:
            portfolio.closes.append(close)
            self.tell(order.uid, partial(PositionCloseEvent, close))
        self.tell_position(position)
