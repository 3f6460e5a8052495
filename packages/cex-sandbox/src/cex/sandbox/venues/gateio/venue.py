"""The simulated Gate.io, put together."""

from __future__ import annotations

import random
from collections.abc import Sequence

from aiohttp import web

from cex.common.clock import Clock
from cex.sandbox.market.simulation import Market
from cex.sandbox.venues.feeds import Hub, StreamMaker
from cex.sandbox.venues.gateio.futures.rest import FuturesRest
from cex.sandbox.venues.gateio.futures.streams import futures_stream_makers
from cex.sandbox.venues.gateio.gateway import Gateway
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.rest import GateioRest
from cex.sandbox.venues.gateio.socket import GateioSocket
from cex.sandbox.venues.gateio.streams import stream_makers
from cex.sandbox.venues.gateio.tickers import gateio_name

__all__ = ["GateioVenue"]


class GateioVenue:
    """REST and WebSockets of one simulated Gate.io, spot and USDT perpetuals, on one port."""

    name = "gateio"

    def __init__(self, market: Market, *, options: GateioOptions, clock: Clock, rng: random.Random) -> None:
        books = market.books.get(self.name, {}).values()
        self._pairs = {gateio_name(book): book for book in books if book.perpetual is None}
        self._contracts = {gateio_name(book): book for book in books if book.perpetual is not None}
        self._tick_ms = market.tick * 1000
        self.hub = Hub()
        self.gateway = Gateway(options, clock)
        self.rest = GateioRest(self._pairs, options=options, clock=clock, rng=rng, tick=market.tick)
        self.futures = FuturesRest(self._contracts, options=options, clock=clock, rng=rng, tick=market.tick)
        self.socket = GateioSocket("spot", self._spot_streams, self.hub, options=options, clock=clock)
        self.futures_socket = GateioSocket("futures", self._futures_streams, self.hub, options=options, clock=clock)

    def application(self) -> web.Application:
        """What its port serves."""
        application = web.Application(middlewares=[self.gateway.middleware])
        sockets = [web.get(path, self.socket.handle) for path in ("/ws/v4/", "/v4/ws/spot")]
        sockets += [web.get(path, self.futures_socket.handle) for path in ("/v4/ws/usdt", "/v4/ws/futures/usdt")]
        application.add_routes([*self.rest.routes(), *self.futures.routes(), *sockets])
        return application

    def endpoints(self, authority: str) -> dict[str, str]:
        """Its URLs at ``authority`` (``host:port``)."""
        return {
            "rest": f"http://{authority}/api/v4",
            "ws_spot": f"ws://{authority}/ws/v4/",
            "ws_futures_usdt": f"ws://{authority}/v4/ws/usdt",
        }

    def publish(self, tick: int, now_ms: int) -> None:
        """After a tick of the market."""
        self.hub.publish(tick, now_ms)
        self.socket.close_overdue()

    def _spot_streams(self, channel: str, payload: Sequence[str], _: bool) -> dict[str, StreamMaker]:
        return stream_makers(channel, payload, self._pairs, self._tick_ms)

    def _futures_streams(self, channel: str, payload: Sequence[str], decimal: bool) -> dict[str, StreamMaker]:
        return futures_stream_makers(channel, payload, self._contracts, self._tick_ms, decimal=decimal)
