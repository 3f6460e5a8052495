"""The private side of perpetuals, put together: which endpoint, method and channel is whose."""

from __future__ import annotations

from collections.abc import Sequence

from cex.sandbox.accounts.futures.desk import FuturesDesk
from cex.sandbox.venues.gateio.auth import Access
from cex.sandbox.venues.gateio.futures import rendering
from cex.sandbox.venues.gateio.futures.account_pushes import FuturesPushes
from cex.sandbox.venues.gateio.futures.orders import FuturesOrders
from cex.sandbox.venues.gateio.futures.positions import FuturesPositions
from cex.sandbox.venues.gateio.futures.price_orders import FuturesPriceOrders
from cex.sandbox.venues.gateio.futures.records import FuturesRecords
from cex.sandbox.venues.gateio.futures.refusing import translating
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.order_api import Method
from cex.sandbox.venues.gateio.pools import FUTURES_CANCEL, FUTURES_OTHER, FUTURES_PLACE
from cex.sandbox.venues.gateio.private import Endpoint
from cex.sandbox.venues.gateio.pushes import PrivateFeed

__all__ = ["FuturesSide"]


class FuturesSide:
    """USDT perpetuals for those who have an account."""

    def __init__(self, desk: FuturesDesk, *, options: GateioOptions) -> None:
        self._desk = desk
        self._contracts = {rendering.name_of(contract): contract for contract in desk.contracts.values()}
        self._orders = FuturesOrders(desk, self._contracts)
        self._records = FuturesRecords(desk, self._contracts)
        self._positions = FuturesPositions(desk, self._contracts, untouched=options.untouched_position)
        self._price_orders = FuturesPriceOrders(desk, self._contracts)

    def endpoints(self) -> Sequence[Endpoint]:
        """The signed REST endpoints."""
        found = [
            *self._orders.endpoints(),
            *self._records.endpoints(),
            *self._positions.endpoints(),
            *self._price_orders.endpoints(),
        ]
        return [endpoint._replace(handler=translating(endpoint.handler)) for endpoint in found]

    def methods(self) -> Sequence[Method]:
        """The channels of the WebSocket order API."""
        orders = self._orders
        found = [
            Method("futures.order_place", orders.place, FUTURES_PLACE, acknowledged=True, tells_budget=True),
            Method(
                "futures.order_batch_place", orders.place_batch, FUTURES_PLACE, acknowledged=True, tells_budget=True
            ),
            Method("futures.order_amend", orders.amend_named, FUTURES_PLACE, tells_budget=True),
            Method("futures.order_cancel", orders.cancel_named, FUTURES_CANCEL, tells_budget=True),
            Method("futures.order_cancel_ids", orders.cancel_batch, FUTURES_CANCEL, tells_budget=True),
            Method("futures.order_cancel_cp", orders.cancel_contract, FUTURES_CANCEL, tells_budget=True),
            Method("futures.order_status", orders.status_named, FUTURES_OTHER, Access.READ, timed=False),
            Method("futures.order_list", orders.list_named, FUTURES_OTHER, Access.READ, timed=False),
        ]
        return [method._replace(handler=translating(method.handler)) for method in found]

    def offer(self, feed: PrivateFeed) -> None:
        """Let clients subscribe to the private channels."""
        FuturesPushes(self._desk, self._contracts, feed)
