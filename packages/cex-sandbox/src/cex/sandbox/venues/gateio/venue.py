"""The simulated Gate.io, put together."""

from __future__ import annotations

import random

from aiohttp import web

from cex.common.clock import Clock
from cex.sandbox.market.simulation import Market
from cex.sandbox.venues.feeds import Hub
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.rest import GateioRest
from cex.sandbox.venues.gateio.socket import GateioSocket
from cex.sandbox.venues.gateio.streams import gateio_name

__all__ = ["GateioVenue"]


class GateioVenue:
    """REST and WebSocket of one simulated Gate.io on one port."""

    name = "gateio"

    def __init__(self, market: Market, *, options: GateioOptions, clock: Clock, rng: random.Random) -> None:
        books = {gateio_name(book): book for book in market.books.get(self.name, {}).values()}
        self.hub = Hub()
        self.rest = GateioRest(books, options=options, clock=clock, rng=rng, tick=market.tick)
        self.socket = GateioSocket(books, self.hub, options=options, clock=clock, tick=market.tick)

    def application(self) -> web.Application:
        """What its port serves."""
        application = web.Application(middlewares=[self.rest.middleware])
        sockets = [web.get(path, self.socket.handle) for path in ("/ws/v4/", "/v4/ws/spot")]
        application.add_routes([*self.rest.routes(), *sockets])
        return application

    def endpoints(self, authority: str) -> dict[str, str]:
        """Its URLs at ``authority`` (``host:port``)."""
        return {"rest": f"http://{authority}/api/v4", "ws_spot": f"ws://{authority}/ws/v4/"}

    def publish(self, tick: int, now_ms: int) -> None:
        """After a tick of the market."""
        self.hub.publish(tick, now_ms)
        self.socket.close_overdue()
