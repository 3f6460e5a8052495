"""The sandbox as a venue under test: an installed exchange's own clients against it, with faults and the truth."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from cex.cli.opening import settings_of
from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.common.enums import Liquidity, MarketType, OrderStatus, OrderType, Side
from cex.common.types.account import Balance
from cex.common.types.market import BookSnapshot
from cex.common.types.orders import Fill, Order
from cex.common.types.symbols import Symbol
from cex.exchanges.base.conformance import Evidence, Need

if TYPE_CHECKING:
    from cex.exchanges.base.interfaces import PrivateExchange, PublicExchange
    from cex.factory import FactoryManager
    from cex.sandbox import Sandbox
    from cex.sandbox.accounts.futures.orders import FuturesFill, FuturesOrder
    from cex.sandbox.accounts.orders import AccountFill, AccountOrder

__all__ = ["SandboxVenue"]

_SPOT, _PERPETUAL = Symbol("BTC/USDT"), Symbol("BTC/USDT:USDT")
_ENDPOINTS = {
    "place": "POST */{order,orders,batchOrders,batch_orders}",
    "cancel": "DELETE */{order,orders/*,openOrders,orders}",
}
_OF_ONE_VENUE = {
    "listen_key_expired": "mexc",
    "listen_key_deleted": "mexc",
    "listen_key_renewal_fails": "mexc",
    "upgrade_notice": "gateio",
}
"""Faults that only this venue has what it takes for."""


class SandboxVenue:
    """The exchange ``name`` and its venue in a running sandbox, with the account that the sandbox begins with."""

    evidence = Evidence.SANDBOX

    def __init__(self, sandbox: Sandbox, factory: FactoryManager, name: str) -> None:
        from cex.sandbox import KINDS

        self.exchange = name
        self.symbol: str = _SPOT
        self._sandbox = sandbox
        self._settings = settings_of(factory, name, sandbox)
        self._builder = factory.factory(name)
        self._desks = sandbox.desks[name]
        credentials = sandbox.credentials[name]
        account = sandbox.accounts[name].by_uid(credentials.uid)
        assert account is not None
        self._account = account
        self._words = _spelling(name)
        has_perpetual = self._desks.futures is not None
        self.perpetual: str | None = _PERPETUAL if has_perpetual else None
        self.offers: Collection[Need] = (Need.ACCOUNT, Need.TRUTH, *((Need.FUTURES,) if has_perpetual else ()))
        self.faults: Collection[str] = [kind for kind in KINDS if _OF_ONE_VENUE.get(kind, name) == name]
        self.secrets: Sequence[str] = (credentials.key, credentials.secret)

    def public_exchange(self) -> PublicExchange:
        """A fresh public side."""
        return self._builder.create_public_exchange(self._settings)

    def private_exchange(self) -> PrivateExchange:
        """A fresh private side."""
        return self._builder.create_private_exchange(self._settings, DEFAULT_ACCOUNT)

    @asynccontextmanager
    async def inject(self, fault: str, **settings: object) -> AsyncIterator[None]:
        """Switch a fault of the sandbox on as long as the block lasts."""
        what = settings.pop("what", None)
        flat: dict[str, Any] = {**settings, "venue": self.exchange}
        if what is not None:
            flat["endpoint"] = _ENDPOINTS[str(what)]
        number = self._sandbox.faults.add(fault, **flat)
        try:
            yield
        finally:
            self._sandbox.faults.remove(number)

    async def true_book(self, symbol: str, sequence: int) -> BookSnapshot | None:
        """The book right after ``sequence``, as long as the sandbox remembers it."""
        try:
            book = self._sandbox.truth_at(self.exchange, symbol, sequence)
        except LookupError:
            return None
        bids, asks = (
            [(float(price), float(size * book.multiplier)) for price, size in side] for side in (book.bids, book.asks)
        )
        return BookSnapshot(Symbol(symbol), book.update_id, bids, asks)

    async def true_orders(self) -> list[Order]:
        """Every order that the account ever placed here and that is still kept."""
        spell, _ = self._words
        futures = self._desks.futures
        orders = [_order(order, spell) for order in self._desks.spot.orders(self._account)]
        if futures is not None:
            orders += [_futures_order(order) for order in futures.orders(self._account)]
        return orders

    async def true_fills(self) -> list[Fill]:
        """Every execution of the account that is still kept."""
        spell, spell_trade = self._words
        futures = self._desks.futures
        fills = [_fill(fill, spell, spell_trade) for fill in self._desks.spot.fills(self._account)]
        if futures is not None:
            fills += [_futures_fill(fill) for fill in futures.portfolio(self._account).fills]
        return fills

    async def true_balances(self) -> list[Balance]:
        """What the account's wallets hold."""
        from cex.sandbox.accounts.ledger import FUTURES_USDT, SPOT

        ledger = self._sandbox.ledgers[self.exchange]
        return [
            Balance(currency=asset, free=held.free, locked=held.locked, market=market)
            for wallet, market in ((SPOT, MarketType.SPOT), (FUTURES_USDT, MarketType.FUTURES))
            for asset, held in ledger.holdings(self._account.uid, wallet).items()
            if held.free or held.locked
        ]


def _spelling(name: str) -> tuple[Callable[[int], str], Callable[[AccountFill], str]]:
    """How a venue writes the numbers of orders and of fills."""
    if name == "mexc":
        from cex.sandbox.venues.mexc.words import order_id, trade_id

        return order_id, trade_id
    return str, lambda fill: str(fill.trade_id)


def _order(order: AccountOrder, spell: Callable[[int], str]) -> Order:
    return Order(
        symbol=Symbol(order.symbol),
        order_id=spell(order.id),
        client_order_id=order.client_id or None,
        side=order.side,
        order_type=order.kind,
        status=OrderStatus.PARTIALLY_FILLED if order.is_open and order.filled else order.status,
        quantity=order.quantity,
        filled=order.filled,
        price=order.price,
        average_price=order.average_price,
        time_in_force=order.time_in_force,
        created_ts=order.created_ns,
        updated_ts=order.updated_ns,
        quote_quantity=order.quote_quantity,
        filled_quote=order.filled_quote,
        fees=dict(order.fees),
    )


def _fill(fill: AccountFill, spell: Callable[[int], str], spell_trade: Callable[[AccountFill], str]) -> Fill:
    return Fill(
        symbol=Symbol(fill.symbol),
        trade_id=spell_trade(fill),
        order_id=spell(fill.order_id),
        client_order_id=fill.client_id or None,
        side=fill.side,
        price=fill.price,
        quantity=fill.quantity,
        fee=fill.fee,
        fee_currency=fill.fee_asset,
        liquidity=Liquidity.MAKER if fill.is_maker else Liquidity.TAKER,
        exchange_ts=fill.time_ns,
    )


def _futures_order(order: FuturesOrder) -> Order:
    contract = order.contract
    if order.is_open:
        status = OrderStatus.PARTIALLY_FILLED if order.filled else OrderStatus.NEW
    else:
        status = OrderStatus.CANCELED if order.left else OrderStatus.FILLED
    return Order(
        symbol=Symbol(contract.symbol),
        order_id=str(order.id),
        client_order_id=order.text or None,
        side=order.side,
        order_type=OrderType.MARKET if order.price is None else OrderType.LIMIT,
        status=status,
        quantity=abs(order.size) * contract.multiplier,
        filled=order.filled * contract.multiplier,
        price=order.price,
        average_price=order.average_price if order.filled else None,
        time_in_force=order.time_in_force,
        reduce_only=order.reduce_only,
        created_ts=order.created_ns,
        updated_ts=order.updated_ns,
    )


def _futures_fill(fill: FuturesFill) -> Fill:
    symbol = Symbol(fill.contract.symbol)
    return Fill(
        symbol=symbol,
        trade_id=str(fill.trade_id),
        order_id=str(fill.order_id),
        client_order_id=fill.text or None,
        side=Side.BUY if fill.size > 0 else Side.SELL,
        price=fill.price,
        quantity=abs(fill.size) * fill.contract.multiplier,
        fee=fill.fee,
        fee_currency=symbol.settle or symbol.quote,
        liquidity=Liquidity.MAKER if fill.is_maker else Liquidity.TAKER,
        exchange_ts=fill.time_ns,
    )
