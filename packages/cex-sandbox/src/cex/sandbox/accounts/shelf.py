"""Where a desk keeps its orders and fills: everything open, and of what is over as much as a venue would remember."""

from __future__ import annotations

from collections import Counter, deque

from cex.sandbox.accounts.orders import AccountFill, AccountOrder

__all__ = ["OrderShelf"]


class _Records:
    __slots__ = ("by_client", "fills", "finished", "open", "open_by_symbol", "symbols")

    def __init__(self, fills_kept: int) -> None:
        self.open: dict[int, AccountOrder] = {}
        self.open_by_symbol: Counter[str] = Counter()
        self.finished: dict[int, AccountOrder] = {}
        self.by_client: dict[tuple[str, str], AccountOrder] = {}
        self.symbols: dict[str, None] = {}
        self.fills: deque[AccountFill] = deque(maxlen=fills_kept)


class OrderShelf:
    """The orders of every account of one desk.

    ``history`` finished orders of an account are kept, the first to finish is the first to go; open ones always stay.
    """

    def __init__(self, *, history: int = 10_000, fills_kept: int = 10_000) -> None:
        self._history = history
        self._fills_kept = fills_kept
        self._of: dict[int, _Records] = {}

    def add(self, order: AccountOrder) -> None:
        """Take in an open order."""
        records = self._of.get(order.uid)
        if records is None:
            records = self._of[order.uid] = _Records(self._fills_kept)
        records.open[order.id] = order
        records.open_by_symbol[order.symbol] += 1
        if order.client_id:
            records.symbols[order.symbol] = None
            records.by_client[order.client_id, order.symbol] = order

    def finish(self, order: AccountOrder) -> None:
        """The order is over."""
        records = self._of[order.uid]
        del records.open[order.id]
        records.open_by_symbol[order.symbol] -= 1
        records.finished[order.id] = order
        if len(records.finished) > self._history:
            oldest = records.finished.pop(next(iter(records.finished)))
            key = (oldest.client_id, oldest.symbol)
            if records.by_client.get(key) is oldest:
                del records.by_client[key]

    def add_fill(self, fill: AccountFill) -> None:
        """Keep a fill of an order that is here."""
        self._of[fill.uid].fills.append(fill)

    def get(self, uid: int, order_id: int) -> AccountOrder | None:
        """The order of this account with this id."""
        records = self._of.get(uid)
        return None if records is None else records.open.get(order_id) or records.finished.get(order_id)

    def by_client_id(self, uid: int, client_id: str, symbol: str | None = None) -> AccountOrder | None:
        """The newest order with this client id, of ``symbol`` or of any."""
        records = self._of.get(uid)
        if records is None or not client_id:
            return None
        if symbol is not None:
            return records.by_client.get((client_id, symbol))
        found = [order for one in records.symbols if (order := records.by_client.get((client_id, one))) is not None]
        return max(found, key=lambda order: order.id, default=None)

    def open_orders(self, uid: int | None = None, symbol: str | None = None) -> list[AccountOrder]:
        """What is open, oldest first within an account; of every account when ``uid`` is None."""
        if uid is None:
            return [order for one in self._of for order in self.open_orders(one, symbol)]
        records = self._of.get(uid)
        if records is None:
            return []
        return [order for order in records.open.values() if symbol is None or order.symbol == symbol]

    def open_count(self, uid: int, symbol: str | None = None) -> int:
        """How many orders are open."""
        records = self._of.get(uid)
        if records is None:
            return 0
        return len(records.open) if symbol is None else records.open_by_symbol[symbol]

    def orders(self, uid: int, symbol: str | None = None) -> list[AccountOrder]:
        """Everything that is remembered, oldest first."""
        records = self._of.get(uid)
        if records is None:
            return []
        known = (*records.finished.values(), *records.open.values())
        return sorted((o for o in known if symbol is None or o.symbol == symbol), key=lambda order: order.id)

    def fills(self, uid: int, symbol: str | None = None) -> list[AccountFill]:
        """The fills that are remembered, oldest first."""
        records = self._of.get(uid)
        if records is None:
            return []
        return [fill for fill in records.fills if symbol is None or fill.symbol == symbol]
