"""Where a desk meets one book: which of the orders resting there are whose, and what a match means in money."""

from __future__ import annotations

from decimal import Decimal

from cex.common.clock import Clock
from cex.common.enums import OrderStatus, Side
from cex.sandbox.accounts.directory import Directory
from cex.sandbox.accounts.events import Audience, Cause, FillEvent, OrderEvent
from cex.sandbox.accounts.ledger import CROWD, EXACT, FEES, SPOT, Ledger, Owner
from cex.sandbox.accounts.options import DeskOptions
from cex.sandbox.accounts.orders import AccountFill, AccountOrder, Finish
from cex.sandbox.accounts.shelf import OrderShelf
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.matching import Fill, Order

__all__ = ["Floor"]

_ZERO = Decimal(0)
_add, _subtract, _multiply = EXACT.add, EXACT.subtract, EXACT.multiply


class Floor:
    """One book and the desk's orders that rest in it, by engine id. Told by the engine when one of them is filled."""

    def __init__(
        self,
        book: MarketBook,
        *,
        directory: Directory,
        ledger: Ledger,
        shelf: OrderShelf,
        audience: Audience,
        options: DeskOptions,
        clock: Clock,
    ) -> None:
        self.book = book
        self.resting: dict[int, AccountOrder] = {}
        self.base: str = book.listing.symbol.base
        self.quote: str = book.listing.symbol.quote
        self._symbol = str(book.listing.symbol)
        self._directory = directory
        self._ledger = ledger
        self._shelf = shelf
        self._audience = audience
        self._options = options
        self._clock = clock
        self._self_trades: set[int] = set()

    def on_maker_fill(self, maker: Order, fill: Fill, taker: Order) -> None:
        """A resting order was filled, wholly or in part."""
        order = self.resting[maker.id]
        is_self_trade = maker.owner == taker.owner
        if is_self_trade:
            self._self_trades.add(fill.id)
        if not maker.remaining:
            del self.resting[maker.id]
        self._audience.hold()
        try:
            self.settle(order, fill, is_maker=True, is_self_trade=is_self_trade, is_last=not maker.remaining)
        finally:
            self._audience.let_go()

    def settle_taker(self, order: AccountOrder, fill: Fill, *, is_last: bool) -> None:
        """Book a match of an order that has just come."""
        is_self_trade = fill.id in self._self_trades
        if is_self_trade:
            self._self_trades.remove(fill.id)
        self.settle(order, fill, is_maker=False, is_self_trade=is_self_trade, is_last=is_last)

    def settle(self, order: AccountOrder, fill: Fill, *, is_maker: bool, is_self_trade: bool, is_last: bool) -> None:
        """Move the money of one match and take it into the order; the last one ends the order as filled."""
        book = self.book
        price, quantity = book.price_of(fill.price), book.quantity_of(fill.quantity)
        amount = _multiply(price, quantity)
        received, asset = (quantity, self.base) if order.side is Side.BUY else (amount, self.quote)
        reference = str(order.id)
        self._pay(order, price, quantity, amount, reference)
        self._ledger.move(CROWD, Owner(order.uid, SPOT), asset, received, reason="trade", reference=reference)
        fee = self._charge(order, received, asset, is_maker, reference)
        order.filled = _add(order.filled, quantity)
        order.filled_quote = _add(order.filled_quote, amount)
        order.fees[asset] = _add(order.fees.get(asset, _ZERO), fee)
        order.version += 1
        order.updated_ns = now_ns = self._clock.time_ns()
        record = AccountFill(
            fill.id,
            order.id,
            order.uid,
            self._symbol,
            order.side,
            price,
            quantity,
            amount,
            fee,
            asset,
            is_maker,
            is_self_trade,
            order.client_id,
            now_ns,
        )
        self._shelf.add_fill(record)
        if is_last:
            self._release(order, reference)
            order.status, order.finish = OrderStatus.FILLED, Finish.FILLED
            self._shelf.finish(order)
        else:
            order.status = OrderStatus.PARTIALLY_FILLED
        if self._audience.listens(order.uid):
            self._audience.tell(FillEvent(record))
            self._audience.tell(OrderEvent(order.copied(), Cause.FILL, record))

    def end(self, order: AccountOrder, finish: Finish) -> None:
        """The order is over without (further) fills: what it still binds is set free."""
        self._release(order, str(order.id))
        order.status, order.finish = OrderStatus.CANCELED, finish
        order.version += 1
        order.updated_ns = self._clock.time_ns()
        self._shelf.finish(order)
        self.tell(order, Cause.CANCEL)

    def tell(self, order: AccountOrder, cause: Cause) -> None:
        """Tell the owner how the order stands."""
        if self._audience.listens(order.uid):
            self._audience.tell(OrderEvent(order.copied(), cause))

    def fee_rates(self, uid: int) -> tuple[Decimal, Decimal]:
        """(maker, taker) as fractions: the account's own, or the venue's."""
        account = self._directory.by_uid(uid)
        own = account.fee_rates if account is not None else {}
        if own:
            rates = own.get(self._symbol) or own.get("")
            if rates is not None:
                return rates
        return self.book.rules.maker_fee, self.book.rules.taker_fee

    def _pay(self, order: AccountOrder, price: Decimal, quantity: Decimal, amount: Decimal, reference: str) -> None:
        released = _ZERO
        if order.side is Side.SELL:
            paid = quantity
        else:
            paid = amount
            if order.price is not None and order.price != price:
                released = _multiply(_subtract(order.price, price), quantity)
        self._ledger.spend_locked(
            order.uid,
            SPOT,
            order.locked_asset,
            paid,
            CROWD,
            reason="trade",
            reference=reference,
            release=released,
        )
        order.locked = _subtract(order.locked, _add(paid, released)) or _ZERO

    def _charge(self, order: AccountOrder, received: Decimal, asset: str, is_maker: bool, reference: str) -> Decimal:
        maker, taker = self.fee_rates(order.uid)
        rate = maker if is_maker else taker
        if not rate:
            return _ZERO
        fee = self._options.fee(received, rate)
        owner = Owner(order.uid, SPOT)
        if fee > 0:
            self._ledger.move(owner, FEES, asset, fee, reason="fee", reference=reference)
        else:
            self._ledger.move(FEES, owner, asset, fee.copy_negate(), reason="fee", reference=reference)
        return fee

    def _release(self, order: AccountOrder, reference: str) -> None:
        if order.locked:
            amount, order.locked = order.locked, _ZERO
            self._ledger.release(order.uid, SPOT, order.locked_asset, amount, reference=reference)
