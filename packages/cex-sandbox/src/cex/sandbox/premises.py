"""What a venue needs to open: a clock, accounts with money, desks, and the protocol in front of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from aiohttp import web

from cex.common.clock import Clock
from cex.common.correlation import new_random
from cex.sandbox.accounts.directory import Account, Directory
from cex.sandbox.accounts.futures.desk import FuturesDesk
from cex.sandbox.accounts.futures.orders import FuturesOrder
from cex.sandbox.accounts.futures.positions import Position
from cex.sandbox.accounts.ledger import FUTURES_USDT, SPOT, Ledger
from cex.sandbox.accounts.orders import AccountOrder
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.accounts.wallet import Wallet
from cex.sandbox.credentials import AccountPlan, Credentials, open_account
from cex.sandbox.faults.clocks import ShiftedClock
from cex.sandbox.faults.races import Desk
from cex.sandbox.faults.venues import Action
from cex.sandbox.market.seeds import derived
from cex.sandbox.market.simulation import Market
from cex.sandbox.venues.feeds import Hub
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.venue import GateioVenue
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.venue import MexcVenue
from cex.sandbox.venues.mexc.words import order_id

__all__ = ["Desks", "Premises", "gateio_premises", "mexc_premises"]

MAIN = "main"


class Venue(Protocol):
    """One exchange's protocol over the market and the desks."""

    @property
    def name(self) -> str: ...

    @property
    def hub(self) -> Hub: ...

    def application(self) -> web.Application:
        """What its port serves."""

    def endpoints(self, authority: str) -> dict[str, str]:
        """Its URLs at ``host:port``."""

    def publish(self, tick: int, now_ms: int) -> None:
        """Push what is due after a tick."""

    def refusal(self, kind: str, retry_after: float | None) -> web.Response:
        """A refusal in its words; see ``cex.sandbox.faults.venues``."""


@dataclass(frozen=True, slots=True)
class Desks:
    """Where a venue's accounts trade, ``futures`` where it has perpetuals, and where they pay in and out."""

    spot: SpotDesk
    wallet: Wallet
    futures: FuturesDesk | None = None

    def after_tick(self, now_ns: int) -> None:
        """Timers, triggers, funding, liquidations, deposits."""
        self.spot.after_tick(now_ns)
        self.wallet.after_tick(now_ns)
        if self.futures is not None:
            self.futures.after_tick(now_ns)


@dataclass(slots=True)
class Premises:
    """A venue with everything behind it: ``actions`` are its own faults, ``spelled`` how it writes an order's number.

    ``credentials`` are by the name of the account.
    """

    venue: Venue
    clock: ShiftedClock
    rng: random.Random
    directory: Directory
    ledger: Ledger
    desks: Desks
    actions: Mapping[str, Action]
    spelled: Callable[[int], str] = str
    credentials: dict[str, Credentials] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.venue.name

    @property
    def every_desk(self) -> tuple[Desk, ...]:
        """Its desks as one who only looks sees them."""
        spot, futures = self.desks.spot, self.desks.futures
        return (spot,) if futures is None else (spot, _FuturesOrders(futures))

    def open_accounts(self, market: Market, plans: Iterable[AccountPlan]) -> None:
        """Open the main account, unless one of that name is planned, and the planned ones.

        Raises:
            ValueError: a name or a key is given twice.
        """
        here = [plan for plan in plans if plan.venue == self.name]
        if all(plan.name != MAIN for plan in here):
            here.insert(0, AccountPlan(venue=self.name, name=MAIN))
        for plan in here:
            if plan.name in self.credentials:
                raise ValueError(f"{self.name} has two accounts {plan.name!r}")
            self.credentials[plan.name] = open_account(plan, self.directory, market)

    def account_states(self) -> list[dict[str, Any]]:
        """Balances, open orders and positions of every account, as plain values; no keys."""
        return [self._state(account) for account in self.directory.accounts]

    def _state(self, account: Account) -> dict[str, Any]:
        balances = {
            wallet: {
                asset: {"free": f"{held.free:f}", "locked": f"{held.locked:f}"}
                for asset, held in self.ledger.holdings(account.uid, wallet).items()
            }
            for wallet in (SPOT, FUTURES_USDT)
        }
        orders = [_order(order) for desk in self.every_desk for order in desk.open_orders(account)]
        futures = self.desks.futures
        held = [] if futures is None else futures.positions(account)
        return {
            "uid": account.uid,
            "name": account.name,
            "balances": balances,
            "open_orders": orders,
            "positions": [_position(position) for position in held],
        }


class _FuturesOrders:
    """The futures desk as one who only looks sees it."""

    def __init__(self, desk: FuturesDesk) -> None:
        self._desk = desk
        self.listen = desk.listen

    def open_orders(self, account: Account) -> list[FuturesOrder]:
        """Every order that can still be filled."""
        return self._desk.open_orders(account)


def mexc_premises(market: Market, *, options: MexcOptions, clock: Clock) -> Premises:
    """A MEXC without accounts yet."""
    own, rng = ShiftedClock(clock), new_random(derived(market.seed, "mexc", "venue"))
    ledger = Ledger(clock=own)
    directory = Directory(ledger)
    desk = SpotDesk(market, "mexc", directory, ledger, clock=own, options=options.desk())
    wallet = Wallet("mexc", directory, ledger, assets=_assets(market, "mexc"), clock=own)
    venue = MexcVenue(
        market, options=options, clock=own, rng=rng, directory=directory, ledger=ledger, desk=desk, wallet=wallet
    )

    def delete_listen_keys() -> int:
        keys = [(account.uid, key) for account in directory.accounts for key in venue.listen_keys.of(account.uid)]
        for uid, key in keys:
            venue.listen_keys.delete(uid, key)
        return len(keys)

    def spelled(number: int) -> str:
        return order_id(number).partition("__")[2]

    actions: dict[str, Action] = {
        "listen_key_expired": venue.listen_keys.expire_all,
        "listen_key_deleted": delete_listen_keys,
    }
    return Premises(venue, own, rng, directory, ledger, Desks(desk, wallet), actions, spelled)


def gateio_premises(market: Market, *, options: GateioOptions, clock: Clock) -> Premises:
    """A Gate.io without accounts yet."""
    own, rng = ShiftedClock(clock), new_random(derived(market.seed, "gateio", "venue"))
    ledger = Ledger(clock=own)
    directory = Directory(ledger)
    spot = SpotDesk(market, "gateio", directory, ledger, clock=own, options=options.desk)
    futures = FuturesDesk(
        market,
        "gateio",
        directory,
        ledger,
        clock=own,
        first_order_id=options.futures_first_order_id,
        text_lookup=options.futures_text_lookup,
        manners=options.futures_manners,
    )
    assets = _assets(market, "gateio")
    wallet = Wallet("gateio", directory, ledger, assets=assets, clock=own, options=options.wallet)
    venue = GateioVenue(
        market,
        options=options,
        clock=own,
        rng=rng,
        directory=directory,
        desk=spot,
        wallet=wallet,
        futures_desk=futures,
    )

    def announce_upgrade() -> int:
        venue.announce_upgrade()
        return len(venue.hub.subscriptions)

    return Premises(
        venue, own, rng, directory, ledger, Desks(spot, wallet, futures), {"upgrade_notice": announce_upgrade}
    )


def _assets(market: Market, venue: str) -> list[str]:
    symbols = [book.listing.symbol for book in market.books.get(venue, {}).values()]
    return ["USDT", *(asset for symbol in symbols for asset in (symbol.base, symbol.quote))]


def _position(position: Position) -> dict[str, Any]:
    return {
        "symbol": str(position.contract.symbol),
        "mode": position.mode,
        "size": f"{position.size:f}",
        "cost": f"{position.cost:f}",
        "margin": f"{position.margin:f}",
        "leverage": f"{position.leverage:f}",
    }


def _order(order: AccountOrder | FuturesOrder) -> dict[str, Any]:
    if isinstance(order, AccountOrder):
        symbol, quantity, client_id = order.symbol, order.quantity, order.client_id
    else:
        symbol, quantity, client_id = order.contract.symbol, abs(order.size), order.text
    return {
        "id": str(order.id),
        "client_id": client_id,
        "symbol": str(symbol),
        "side": order.side,
        "price": _text(order.price),
        "quantity": _text(quantity),
        "filled": _text(order.filled),
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
