"""The simulated Gate.io, put together: public markets always, accounts and orders when it is given any.

The private side of a market is a :class:`PrivateSide`: signed endpoints, methods of the order API, private channels.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from aiohttp import web

from cex.common.clock import Clock
from cex.sandbox.accounts.directory import Directory
from cex.sandbox.accounts.futures.desk import FuturesDesk
from cex.sandbox.accounts.ledger import FUTURES_USDT
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.accounts.wallet import Wallet
from cex.sandbox.market.simulation import Market
from cex.sandbox.venues.feeds import Hub, StreamMaker
from cex.sandbox.venues.gateio.auth import Authenticator
from cex.sandbox.venues.gateio.futures.rest import FuturesRest
from cex.sandbox.venues.gateio.futures.side import FuturesSide
from cex.sandbox.venues.gateio.futures.statistic_streams import STATISTIC_CHANNELS, statistic_stream_makers
from cex.sandbox.venues.gateio.futures.streams import futures_stream_makers
from cex.sandbox.venues.gateio.gateway import Gateway, refusal
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.order_api import Method, OrderApi
from cex.sandbox.venues.gateio.pools import Pools
from cex.sandbox.venues.gateio.private import Endpoint
from cex.sandbox.venues.gateio.pushes import PrivateFeed
from cex.sandbox.venues.gateio.rest import GateioRest
from cex.sandbox.venues.gateio.socket import GateioSocket
from cex.sandbox.venues.gateio.spot.side import SpotSide
from cex.sandbox.venues.gateio.streams import stream_makers
from cex.sandbox.venues.gateio.tickers import gateio_name
from cex.sandbox.venues.gateio.wallet import GateioWallet

__all__ = ["GateioVenue", "PrivateSide"]


class PrivateSide(Protocol):
    """What the accounts of one market can do."""

    def endpoints(self) -> Sequence[Endpoint]:
        """The signed REST endpoints."""

    def methods(self) -> Sequence[Method]:
        """The channels of the WebSocket order API."""

    def offer(self, feed: PrivateFeed) -> None:
        """Let clients subscribe to the private channels."""


class GateioVenue:
    """REST and WebSockets of one simulated Gate.io, spot and USDT perpetuals, on one port.

    ``directory`` None is a venue without accounts: every key is unknown.
    """

    name = "gateio"

    def __init__(
        self,
        market: Market,
        *,
        options: GateioOptions,
        clock: Clock,
        rng: random.Random,
        directory: Directory | None = None,
        desk: SpotDesk | None = None,
        wallet: Wallet | None = None,
        futures_desk: FuturesDesk | None = None,
    ) -> None:
        books = market.books.get(self.name, {}).values()
        self._pairs = {gateio_name(book): book for book in books if book.perpetual is None}
        self._contracts = {gateio_name(book): book for book in books if book.perpetual is not None}
        self._tick_ms = market.tick * 1000
        self._full_update = options.full_update
        self.hub = Hub()
        self.pools = Pools(options, clock)
        self.authenticator = Authenticator(directory, options=options, clock=clock)
        self.gateway = Gateway(options, clock, authenticator=self.authenticator, pools=self.pools)
        self.feed = PrivateFeed(self.hub, clock)
        self._guests: Counter[str] = Counter()
        self.rest = GateioRest(self._pairs, options=options, clock=clock, rng=rng, tick=market.tick)
        self._futures_desk = futures_desk
        self.futures = FuturesRest(
            self._contracts, options=options, clock=clock, rng=rng, tick=market.tick, desk=futures_desk
        )
        self._sides: list[PrivateSide] = []
        spot_methods: Sequence[Method] = ()
        self._wallet: GateioWallet | None = None
        if directory is not None and wallet is not None:
            self._wallet = GateioWallet(wallet, directory.ledger, self._pairs, options=options, clock=clock)
            if futures_desk is not None:
                wallet.available[FUTURES_USDT] = lambda account, _: futures_desk.withdrawable(account)
        if directory is not None and desk is not None:
            spot = SpotSide(desk, directory.ledger, self._pairs, self._contracts, options=options, clock=clock)
            self._sides.append(spot)
            spot_methods = spot.methods()
        futures_methods: Sequence[Method] = ()
        if directory is not None and futures_desk is not None:
            futures = FuturesSide(futures_desk, options=options)
            self._sides.append(futures)
            futures_methods = futures.methods()
        for side in self._sides:
            side.offer(self.feed)
        self.socket = self._socket("spot", self._spot_streams, spot_methods, options, clock)
        self.futures_socket = self._socket("futures", self._futures_streams, futures_methods, options, clock)

    def application(self) -> web.Application:
        """What its port serves."""
        application = web.Application(middlewares=[self.gateway.middleware])
        sockets = [web.get(path, self.socket.handle) for path in ("/ws/v4/", "/v4/ws/spot")]
        sockets += [web.get(path, self.futures_socket.handle) for path in ("/v4/ws/usdt", "/v4/ws/futures/usdt")]
        signed = [endpoint for side in self._sides for endpoint in side.endpoints()]
        open_to_all = self.rest.routes()
        if self._wallet is not None:
            signed += self._wallet.endpoints()
            open_to_all += self._wallet.routes()
        application.add_routes([*open_to_all, *self.gateway.private(signed), *self.futures.routes(), *sockets])
        return application

    def endpoints(self, authority: str) -> dict[str, str]:
        """Its URLs at ``authority`` (``host:port``)."""
        return {
            "rest": f"http://{authority}/api/v4",
            "ws_spot": f"ws://{authority}/ws/v4/",
            "ws_futures_usdt": f"ws://{authority}/v4/ws/usdt",
        }

    def refusal(self, kind: str, retry_after: float | None = None) -> web.Response:
        """How it turns a request away: ``rate_limited banned forbidden unavailable maintenance gateway_timeout``.

        Raises:
            KeyError: no such kind.
        """
        return refusal(kind, retry_after)

    def announce_upgrade(self) -> None:
        """Tell every socket that it will be closed soon."""
        self.socket.announce_upgrade()
        self.futures_socket.announce_upgrade()

    def publish(self, tick: int, now_ms: int) -> None:
        """After a tick of the market."""
        self.hub.publish(tick, now_ms)
        self.socket.close_overdue()
        self.futures_socket.close_overdue()

    def _socket(
        self,
        market: str,
        streams: Callable[[str, Sequence[str], bool], dict[str, StreamMaker]],
        methods: Sequence[Method],
        options: GateioOptions,
        clock: Clock,
    ) -> GateioSocket:
        return GateioSocket(
            market,
            streams,
            self.hub,
            feed=self.feed,
            guests=self._guests,
            order_api=OrderApi(
                market,
                methods,
                self.hub,
                authenticator=self.authenticator,
                pools=self.pools,
                options=options,
                clock=clock,
            ),
            authenticator=self.authenticator,
            options=options,
            clock=clock,
        )

    def _spot_streams(self, channel: str, payload: Sequence[str], _: bool) -> dict[str, StreamMaker]:
        return stream_makers(channel, payload, self._pairs, self._tick_ms, full_update=self._full_update)

    def _futures_streams(self, channel: str, payload: Sequence[str], decimal: bool) -> dict[str, StreamMaker]:
        if channel in STATISTIC_CHANNELS:
            return statistic_stream_makers(
                channel, payload, self._contracts, self._tick_ms, desk=self._futures_desk, decimal=decimal
            )
        return futures_stream_makers(
            channel, payload, self._contracts, self._tick_ms, decimal=decimal, full_update=self._full_update
        )
