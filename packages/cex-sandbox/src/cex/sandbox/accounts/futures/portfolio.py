"""One account's perpetuals: its positions and orders, what they tie up, and its history.

Margins are not bound in the ledger: the wallet holds the whole balance, and what is free of it is worked out from
positions, open orders and mark prices, as the venue does.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from cex.sandbox.accounts.directory import Account
from cex.sandbox.accounts.futures.arithmetic import ZERO, initial_margin
from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.orders import FuturesFill, FuturesOrder
from cex.sandbox.accounts.futures.positions import Position, PositionClose, PositionMode
from cex.sandbox.accounts.ledger import FUTURES_USDT, Ledger

__all__ = ["BookEntry", "Deleverage", "EntryKind", "Figures", "Liquidation", "Opening", "Portfolio"]

_KEPT_FILLS = 10_000
_KEPT_ORDERS = 10_000
_KEPT = 1_000
_LONG, _SHORT = Decimal(1), Decimal(-1)


class EntryKind(StrEnum):
    """What changed a wallet: transfers, realised results, fees, funding."""

    TRANSFER = "dnw"
    PNL = "pnl"
    FEE = "fee"
    FUNDING = "fund"


class BookEntry(NamedTuple):
    """One change of the wallet, in quote. ``contract`` None and ``order_id`` 0 are a transfer's."""

    id: int
    time_ns: int
    uid: int
    kind: EntryKind
    change: Decimal
    balance: Decimal
    contract: Contract | None
    order_id: int
    trade_id: int


@dataclass(frozen=True, slots=True)
class Liquidation:
    """A forced sale: the position as it was, and what its order got."""

    time_ns: int
    uid: int
    contract: Contract
    size: Decimal
    leverage: Decimal
    margin: Decimal
    entry: Decimal
    liq_price: Decimal
    mark: Decimal
    order_id: int
    order_price: Decimal
    fill_price: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class Deleverage:
    """A position that was reduced because the other side of the market could not pay."""

    time_ns: int
    uid: int
    contract: Contract
    order_id: int
    leverage: Decimal
    cross_leverage: Decimal
    entry: Decimal
    fill_price: Decimal
    trade_size: Decimal
    position_size: Decimal


class Figures(NamedTuple):
    """What an account's balance consists of, in quote. ``available`` may be below 0 after a loss."""

    wallet: Decimal
    unrealised: Decimal
    isolated_margin: Decimal
    isolated_maintenance: Decimal
    cross_initial: Decimal
    cross_maintenance: Decimal
    cross_unrealised: Decimal
    order_margin: Decimal
    cross_order_margin: Decimal

    @property
    def cross_balance(self) -> Decimal:
        """What stands behind all cross positions together."""
        return self.wallet - self.isolated_margin + self.cross_unrealised

    @property
    def available(self) -> Decimal:
        return self.cross_balance - self.cross_initial - self.order_margin

    @property
    def withdrawable(self) -> Decimal:
        """What may leave the wallet: profits that are not realised do not count."""
        return max(min(self.available, self.available - self.cross_unrealised), ZERO)


class Opening(NamedTuple):
    """Values (quote) of what the open orders of a contract would open, by side.

    ``closing`` is the side that closes the position (1 buys, -1 sells, 0: there is none), ``closable`` how many
    contracts of it no order is there for yet.
    """

    bought: Decimal
    sold: Decimal
    closing: int
    closable: Decimal


class Portfolio:
    """Everything of one account: ``open`` has its open orders by id, oldest first, ``orders`` all that are kept."""

    def __init__(self, account: Account, ledger: Ledger, asset: str) -> None:
        self.account = account
        self.uid = account.uid
        self.asset = asset
        self.positions: dict[tuple[str, PositionMode], Position] = {}
        self.open: dict[int, FuturesOrder] = {}
        self.orders: dict[int, FuturesOrder] = {}
        self.by_text: dict[str, FuturesOrder] = {}
        self.fills: deque[FuturesFill] = deque(maxlen=_KEPT_FILLS)
        self.entries: deque[BookEntry] = deque(maxlen=_KEPT_FILLS)
        self.closes: deque[PositionClose] = deque(maxlen=_KEPT)
        self.snapshots: deque[Position] = deque(maxlen=_KEPT)
        self.liquidations: deque[Liquidation] = deque(maxlen=_KEPT)
        self.deleverages: deque[Deleverage] = deque(maxlen=_KEPT)
        self.history: dict[EntryKind, Decimal] = dict.fromkeys(EntryKind, ZERO)
        self.funded = False
        self._ledger = ledger

    def __repr__(self) -> str:
        return f"Portfolio({self.uid} {len(self.positions)} positions, {len(self.open)} open orders)"

    @property
    def dual(self) -> bool:
        """Whether it holds a long and a short position of a contract at the same time."""
        return self.account.dual_mode

    @property
    def wallet(self) -> Decimal:
        return self._ledger.holding(self.uid, FUTURES_USDT, self.asset).total

    def modes(self) -> tuple[PositionMode, ...]:
        """The positions that a contract may have."""
        return (PositionMode.LONG, PositionMode.SHORT) if self.dual else (PositionMode.SINGLE,)

    def mode_for(self, size: Decimal, reduces: bool) -> PositionMode:
        """Which position an order of this signed size works on."""
        if not self.dual:
            return PositionMode.SINGLE
        return PositionMode.LONG if (size > 0) != reduces else PositionMode.SHORT

    def of_order(self, order: FuturesOrder) -> Position:
        """The position that an order works on."""
        return self.position(order.contract, self.mode_for(order.size, order.reduce_only))

    def matchable(self, order: FuturesOrder) -> Decimal:
        """How many contracts of an order may be matched now: a reduce-only one not more than there are to close."""
        if not order.reduce_only:
            return abs(order.left)
        position = self.of_order(order)
        if not position.size or (position.size > 0) == (order.size > 0):
            return ZERO
        return min(abs(order.left), abs(position.size))

    def known(self, contract: Contract, mode: PositionMode) -> Position | None:
        """A position, None when nothing was ever filled or set."""
        position = self.positions.get((contract.symbol, mode))
        return position if position is not None and position.update_id else None

    def position(self, contract: Contract, mode: PositionMode) -> Position:
        """A position, flat when there was none."""
        position = self.positions.get((contract.symbol, mode))
        if position is None:
            position = Position(self.uid, contract, mode, risk_limit=contract.tiers[0].limit)
            self.positions[contract.symbol, mode] = position
        return position

    def held(self) -> list[Position]:
        """Every position that is not flat."""
        return [position for position in self.positions.values() if position.size]

    def remember(self, order: FuturesOrder) -> None:
        """Keep a new order; the oldest that are over are forgotten beyond ten thousand."""
        self.orders[order.id] = order
        self.open[order.id] = order
        if order.text.startswith("t-"):
            self.by_text[order.text] = order
        while len(self.orders) > _KEPT_ORDERS + len(self.open):
            oldest = next(order for order in self.orders.values() if not order.is_open)
            self.forget(oldest)

    def forget(self, order: FuturesOrder) -> None:
        """Keep an order no longer."""
        self.orders.pop(order.id, None)
        self.open.pop(order.id, None)
        if self.by_text.get(order.text) is order:
            del self.by_text[order.text]

    # --- figures -----------------------------------------------------------------------------------------------------

    def opening(self, contract: Contract) -> Opening:
        """What the open orders of a contract would open; where a position is to be closed, the oldest close first."""
        orders = [order for order in self.open.values() if order.contract is contract]
        closable, closing = ZERO, 0
        if not self.dual:
            position = self.known(contract, PositionMode.SINGLE)
            if position is not None and position.size:
                closing = -1 if position.size > 0 else 1
                closable = abs(position.size) - sum((order.working for order in orders if order.reduce_only), ZERO)
        bought = sold = ZERO
        for order in orders:
            if order.reduce_only or order.price is None:
                continue
            buys = order.size > 0
            opens = abs(order.left)
            if closable > 0 and buys is (closing > 0):
                closes = min(closable, opens)
                closable -= closes
                opens -= closes
            if buys:
                bought += opens * order.price
            else:
                sold += opens * order.price
        return Opening(bought * contract.multiplier, sold * contract.multiplier, closing, max(closable, ZERO))

    def order_margin(self, contract: Contract) -> tuple[Decimal, Decimal]:
        """What the open orders of a contract tie up, fees included: of isolated positions, and of cross ones."""
        opening, fee = self.opening(contract), max(contract.fees(self.account)[1], ZERO)
        isolated = cross = ZERO
        for value, side in ((opening.bought, _LONG), (opening.sold, _SHORT)):
            if not value:
                continue
            position = self.position(contract, self.mode_for(side, reduces=False))
            margin = initial_margin(value, position.effective_leverage) + fee * value
            if position.is_cross:
                cross += margin
            else:
                isolated += margin
        return isolated, cross

    def figures(self) -> Figures:
        """Everything at the present mark prices."""
        unrealised = isolated = isolated_maintenance = ZERO
        cross_initial = cross_maintenance = cross_unrealised = ZERO
        for position in self.positions.values():
            if not position.size:
                continue
            result = position.unrealised
            unrealised += result
            if position.is_cross:
                cross_initial += position.initial_margin
                cross_maintenance += position.maintenance_margin
                cross_unrealised += result
            else:
                isolated += position.margin
                isolated_maintenance += position.maintenance_margin
        order_margin = cross_order_margin = ZERO
        for contract in {order.contract.symbol: order.contract for order in self.open.values()}.values():
            of_isolated, of_cross = self.order_margin(contract)
            order_margin += of_isolated + of_cross
            cross_order_margin += of_cross
        return Figures(
            self.wallet,
            unrealised,
            isolated,
            isolated_maintenance,
            cross_initial,
            cross_maintenance,
            cross_unrealised,
            order_margin,
            cross_order_margin,
        )

    def margin_behind(self, position: Position, figures: Figures | None = None) -> Decimal:
        """What a position can lose before nothing is left: its own margin, or the cross balance without its result."""
        if not position.is_cross:
            return position.margin
        figures = figures or self.figures()
        others = figures.cross_maintenance - position.maintenance_margin
        return figures.cross_balance - position.unrealised - others

    def liquidation_price(self, position: Position, figures: Figures | None = None) -> Decimal | None:
        """The mark at which it is liquidated, None when there is none."""
        return position.liquidation_price(self.margin_behind(position, figures)) if position.size else None
