"""The private side of spot, put together: which endpoint, method and channel is whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cex.common.clock import Clock
from cex.sandbox.accounts.ledger import Ledger
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.gateio.auth import Access
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.order_api import Method
from cex.sandbox.venues.gateio.pools import SPOT_CANCEL, SPOT_OTHER, SPOT_PLACE
from cex.sandbox.venues.gateio.private import Call, Endpoint, Handler
from cex.sandbox.venues.gateio.pushes import PrivateFeed
from cex.sandbox.venues.gateio.refusals import Refused, invalid, missing
from cex.sandbox.venues.gateio.spot.accounts import SpotAccounts
from cex.sandbox.venues.gateio.spot.lists import SpotLists
from cex.sandbox.venues.gateio.spot.orders import SpotOrders
from cex.sandbox.venues.gateio.spot.pushes import SpotPushes
from cex.sandbox.venues.gateio.spot.tickets import book_of, required
from cex.sandbox.venues.gateio.spot.triggers import SpotTriggers

__all__ = ["SpotSide"]

_ORDERS = "/spot/orders"
_SHORTEST_COUNTDOWN = 5
_LONGEST_COUNTDOWN = 1 << 31


class SpotSide:
    """Spot for those who have an account. ``books`` and ``contracts`` are keyed by Gate.io's own names."""

    def __init__(
        self,
        desk: SpotDesk,
        ledger: Ledger,
        books: Mapping[str, MarketBook],
        contracts: Mapping[str, MarketBook],
        *,
        options: GateioOptions,
        clock: Clock,
    ) -> None:
        self._desk = desk
        self._books = books
        self._clock = clock
        self._orders = SpotOrders(desk, books, options=options, clock=clock)
        self._lists = SpotLists(desk, self._orders, books, clock=clock)
        self._triggers = SpotTriggers(desk, books, clock=clock)
        self._accounts = SpotAccounts(desk, ledger, books, contracts, clock=clock)

    def endpoints(self) -> Sequence[Endpoint]:
        orders, lists = self._orders, self._lists
        return [
            Endpoint("POST", _ORDERS, orders.place, SPOT_PLACE, timed=True, status=201),
            Endpoint("GET", _ORDERS, lists.orders, SPOT_OTHER),
            Endpoint("DELETE", _ORDERS, orders.cancel_all, SPOT_CANCEL, timed=True),
            Endpoint("GET", f"{_ORDERS}/{{id}}", orders.status, SPOT_OTHER),
            Endpoint("PATCH", f"{_ORDERS}/{{id}}", orders.amend, SPOT_PLACE, timed=True),
            Endpoint("DELETE", f"{_ORDERS}/{{id}}", orders.cancel, SPOT_CANCEL, timed=True),
            Endpoint("GET", "/spot/open_orders", lists.open_orders, SPOT_OTHER),
            Endpoint("POST", "/spot/batch_orders", orders.place_batch, SPOT_PLACE, timed=True),
            Endpoint("POST", "/spot/cancel_batch_orders", orders.cancel_batch, SPOT_CANCEL, timed=True),
            Endpoint("POST", "/spot/amend_batch_orders", orders.amend_batch, SPOT_PLACE, timed=True),
            Endpoint("POST", "/spot/countdown_cancel_all", self.countdown, SPOT_OTHER),
            Endpoint("GET", "/spot/my_trades", lists.my_trades, SPOT_OTHER),
            *self._triggers.endpoints(),
            *self._accounts.endpoints(),
        ]

    def methods(self) -> Sequence[Method]:
        return [
            Method("spot.order_place", self.place, SPOT_PLACE, acknowledged=True, tells_budget=True),
            Method("spot.order_amend", _named(self._orders.amend), SPOT_PLACE, tells_budget=True),
            Method("spot.order_cancel", _named(self._orders.cancel), SPOT_CANCEL),
            Method("spot.order_cancel_ids", self._orders.cancel_batch, SPOT_CANCEL),
            Method("spot.order_cancel_cp", self.cancel_pair, SPOT_CANCEL),
            Method("spot.order_status", _named(self._orders.status), SPOT_OTHER, Access.READ, timed=False),
            Method("spot.order_list", self._listed, SPOT_OTHER, Access.READ, timed=False),
        ]

    def offer(self, feed: PrivateFeed) -> None:
        SpotPushes(self._desk, feed, self._books).offer()

    def place(self, call: Call) -> object:
        """``spot.order_place``: one order, or an array of them."""
        asked = call.raw()
        if isinstance(asked, list):
            return self._orders.place_batch(call)
        if isinstance(asked, dict):
            return self._orders.place(call)
        raise Refused(400, "INVALID_ARGUMENT", "OrderPlace request params error")

    def cancel_pair(self, call: Call) -> object:
        """``spot.order_cancel_cp``: the pair must be named."""
        fields = call.fields()
        required(fields, "currency_pair")
        return self._orders.cancel_matching(call.account, fields)

    def countdown(self, call: Call) -> object:
        """POST ``/spot/countdown_cancel_all``: at the end of the countdown everything is cancelled, or one pair's."""
        fields = call.fields()
        timeout = fields.get("timeout")
        if timeout is None:
            raise missing("timeout")
        if isinstance(timeout, bool) or not isinstance(timeout, int):
            raise invalid("timeout", timeout)
        if timeout and not _SHORTEST_COUNTDOWN <= timeout <= _LONGEST_COUNTDOWN:
            raise invalid("timeout", timeout)
        pair = fields.get("currency_pair")
        symbol = book_of(self._books, required(fields, "currency_pair")).listing.symbol if pair else None
        due_ns = self._desk.countdowns.set(call.account, symbol, timeout, self._clock.time_ns())
        return {"triggerTime": str(due_ns // 1_000_000)}

    def _listed(self, call: Call) -> object:
        call.query = _words(call.fields())
        return self._lists.orders(call)


def _named(handler: Handler) -> Handler:
    """A REST handler for the order API, where the id stands among the other parameters."""

    def handle(call: Call) -> object:
        words = _words(call.fields())
        call.path = {"id": required(words, "order_id")}
        call.query = words
        return handler(call)

    return handle


def _words(fields: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as a query would have them."""
    for name, value in fields.items():
        if isinstance(value, bool) or not isinstance(value, str | int | None):
            raise invalid(name, value)
    return {name: str(value) for name, value in fields.items() if value is not None}
