"""The simulated MEXC, put together."""

from __future__ import annotations

import random

from aiohttp import web

from cex.common.clock import Clock
from cex.sandbox.market.simulation import Market
from cex.sandbox.venues.feeds import Hub
from cex.sandbox.venues.mexc.days import mexc_name
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.rest import MexcRest
from cex.sandbox.venues.mexc.socket import MexcSocket

__all__ = ["MexcVenue"]


class MexcVenue:
    """REST and WebSocket of one simulated MEXC on one port."""

    name = "mexc"

    def __init__(self, market: Market, *, options: MexcOptions, clock: Clock, rng: random.Random) -> None:
        books = {mexc_name(book): book for book in market.books.get(self.name, {}).values() if book.perpetual is None}
        self.hub = Hub()
        self.rest = MexcRest(books, options=options, clock=clock, rng=rng, tick=market.tick)
        self.socket = MexcSocket(books, self.hub, options=options, clock=clock, tick=market.tick)

    def application(self) -> web.Application:
        """What its port serves."""
        application = web.Application(middlewares=[self.rest.middleware])
        application.add_routes([*self.rest.routes(), web.get("/ws", self.socket.handle)])
        return application

    def endpoints(self, authority: str) -> dict[str, str]:
        """Its URLs at ``authority`` (``host:port``)."""
        return {"rest": f"http://{authority}", "ws": f"ws://{authority}/ws"}

    def publish(self, tick: int, now_ms: int) -> None:
        """After a tick of the market."""
        self.hub.publish(tick, now_ms)
        self.socket.close_overdue()
