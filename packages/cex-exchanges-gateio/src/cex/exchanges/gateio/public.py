"""Gate.io's public side as one object."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Self

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.exchanges.base.books import ResyncPolicy
from cex.exchanges.base.interfaces import BaseRestClient, BaseWebSocketClient
from cex.exchanges.base.public import LIVE_TIMEOUT_S, TRADES_WAITING, ComposedPublicExchange
from cex.exchanges.gateio.config import GateioConfig
from cex.exchanges.gateio.rest import GateioRestClient
from cex.exchanges.gateio.websocket import GateioWebSocketClient

if TYPE_CHECKING:
    from cex.networking import Tap

__all__ = ["GateioPublicExchange"]


class GateioPublicExchange(ComposedPublicExchange):
    """Everything of Gate.io that needs no account: spot, and perpetuals that settle in USDT, told apart by the symbol.

    A client that is not passed in is made from ``config`` and closed with the exchange. A client that is passed in is
    closed by whoever made it, unless ``owns_clients`` hands it over. ``tap`` hears all traffic of the clients that are
    made here, for recordings.
    """

    def __init__(
        self,
        *,
        config: GateioConfig | None = None,
        rest_client: BaseRestClient | None = None,
        websocket_client: BaseWebSocketClient | None = None,
        owns_clients: bool = False,
        tap: Tap | None = None,
        resync: ResyncPolicy | None = None,
        live_timeout: float = LIVE_TIMEOUT_S,
        trades_waiting: int = TRADES_WAITING,
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
    ) -> None:
        settings = config or GateioConfig()
        super().__init__(
            rest_client=rest_client or GateioRestClient.from_config(settings, tap=tap),
            websocket_client=websocket_client or GateioWebSocketClient.from_config(settings, tap=tap),
            owns_rest=owns_clients or rest_client is None,
            owns_websocket=owns_clients or websocket_client is None,
            resync=resync,
            live_timeout=live_timeout,
            trades_waiting=trades_waiting,
            clock=clock,
            rng=rng,
        )

    @classmethod
    def from_config(cls, config: GateioConfig, *, tap: Tap | None = None) -> Self:
        """The exchange at the endpoints of these settings; it makes and closes its own clients."""
        return cls(config=config, tap=tap)
