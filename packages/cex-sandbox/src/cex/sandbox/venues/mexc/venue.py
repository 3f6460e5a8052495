"""The simulated MEXC, put together."""

from __future__ import annotations

import random

from aiohttp import web

from cex.common.clock import Clock
from cex.sandbox.accounts.directory import Directory
from cex.sandbox.accounts.ledger import Ledger
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.accounts.wallet import Wallet
from cex.sandbox.market.simulation import Market
from cex.sandbox.venues.feeds import Hub
from cex.sandbox.venues.mexc.days import mexc_name
from cex.sandbox.venues.mexc.gateway import Endpoint, Gateway, refusal
from cex.sandbox.venues.mexc.listen_keys import ListenKeys
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.rest.account import Accounts, Groups
from cex.sandbox.venues.mexc.rest.history import History
from cex.sandbox.venues.mexc.rest.listening import Listening
from cex.sandbox.venues.mexc.rest.market import MarketData
from cex.sandbox.venues.mexc.rest.orders import Orders
from cex.sandbox.venues.mexc.rest.subaccounts import SubAccounts
from cex.sandbox.venues.mexc.rest.transfers import Transfers
from cex.sandbox.venues.mexc.rest.wallet import WalletOffice
from cex.sandbox.venues.mexc.socket import MexcSocket
from cex.sandbox.venues.mexc.user_data import UserData

__all__ = ["MexcVenue"]


class MexcVenue:
    """REST and WebSocket of one simulated MEXC on one port; what belongs to no account only, unless there are some.

    ``scopes`` of an API key are the symbols that it may trade (``BTCUSDT``), none meaning all.
    """

    name = "mexc"

    def __init__(
        self,
        market: Market,
        *,
        options: MexcOptions,
        clock: Clock,
        rng: random.Random,
        directory: Directory | None = None,
        ledger: Ledger | None = None,
        desk: SpotDesk | None = None,
        wallet: Wallet | None = None,
    ) -> None:
        books = {mexc_name(book): book for book in market.books.get(self.name, {}).values() if book.perpetual is None}
        names = {str(book.listing.symbol): name for name, book in books.items()}
        self.hub = Hub()
        self.listen_keys = ListenKeys(options, clock=clock, rng=rng)
        endpoints: list[Endpoint] = []
        endpoints += MarketData(books, options=options, rng=rng, tick=market.tick).endpoints()
        endpoints += Listening(self.listen_keys, options=options).endpoints()
        if directory is not None and ledger is not None:
            endpoints += Groups(directory).endpoints()
            endpoints += SubAccounts(directory, ledger, rng=rng).endpoints()
        if desk is not None:
            endpoints += Accounts(books, desk.ledger, desk).endpoints()
            endpoints += Orders(books, desk, options=options).endpoints()
            endpoints += History(books, desk, options=options).endpoints()
        if wallet is not None and directory is not None:
            endpoints += WalletOffice(wallet, options=options).endpoints()
            endpoints += Transfers(wallet, directory, options=options).endpoints()
        self.gateway = Gateway(endpoints, options=options, clock=clock, directory=directory)
        self.user_data = UserData(self.hub, self.listen_keys, desk, names=names, options=options, clock=clock)
        self.socket = MexcSocket(books, self.hub, self.user_data, options=options, clock=clock, tick=market.tick)

    def application(self) -> web.Application:
        """What its port serves."""
        application = web.Application(middlewares=[self.gateway.middleware])
        application.add_routes([*self.gateway.routes(), web.get("/ws", self.socket.handle)])
        return application

    def endpoints(self, authority: str) -> dict[str, str]:
        """Its URLs at ``authority`` (``host:port``)."""
        return {"rest": f"http://{authority}", "ws": f"ws://{authority}/ws"}

    def publish(self, tick: int, now_ms: int) -> None:
        """After a tick of the market."""
        self.hub.publish(tick, now_ms)
        self.socket.close_overdue()

    def refusal(self, kind: str, retry_after: float | None) -> web.Response:
        """The whole answer to a request that is not let in: see :func:`cex.sandbox.venues.mexc.gateway.refusal`."""
        return refusal(kind, retry_after)
