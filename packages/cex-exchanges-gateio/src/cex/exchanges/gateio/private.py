"""One account on Gate.io as one object."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.exchanges.base.interfaces import BasePrivateRestClient, BasePrivateWebSocketClient
from cex.exchanges.base.orders import OrderPolicy
from cex.exchanges.base.private import ComposedPrivateExchange
from cex.exchanges.gateio.config import GateioConfig
from cex.exchanges.gateio.rest import GateioPrivateRestClient
from cex.exchanges.gateio.websocket import GateioPrivateWebSocketClient

if TYPE_CHECKING:
    from cex.networking import Tap

__all__ = ["GateioPrivateExchange", "private_streams"]


class GateioPrivateExchange(ComposedPrivateExchange):
    """Everything of one account on Gate.io: spot, and perpetuals that settle in USDT, told apart by the symbol.

    ``account`` is its label in ``config``. A client that is not passed in is made from ``config`` and closed with the
    exchange. A client that is passed in is closed by whoever made it, unless ``owns_clients`` hands it over. ``tap``
    hears all traffic of the clients that are made here, for recordings. ``policy`` and ``watch`` are those of
    ``ComposedPrivateExchange``.
    """

    def __init__(
        self,
        *,
        config: GateioConfig | None = None,
        account: str = DEFAULT_ACCOUNT,
        rest_client: BasePrivateRestClient | None = None,
        websocket_client: BasePrivateWebSocketClient | None = None,
        owns_clients: bool = False,
        tap: Tap | None = None,
        policy: OrderPolicy | None = None,
        watch: Sequence[str] = (),
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
    ) -> None:
        settings = config or GateioConfig()
        rest = rest_client or GateioPrivateRestClient.from_config(settings, account, tap=tap)
        super().__init__(
            rest_client=rest,
            websocket_client=websocket_client or private_streams(settings, account, rest, tap=tap),
            owns_rest=owns_clients or rest_client is None,
            owns_websocket=owns_clients or websocket_client is None,
            policy=policy,
            watch=watch,
            clock=clock,
            rng=rng,
        )

    @classmethod
    def from_config(cls, config: GateioConfig, account: str = DEFAULT_ACCOUNT, *, tap: Tap | None = None) -> Self:
        """The account of that label at the endpoints of these settings; it makes and closes its own clients."""
        return cls(config=config, account=account, tap=tap)


def private_streams(
    config: GateioConfig, account: str, rest_client: BasePrivateRestClient | None = None, *, tap: Tap | None = None
) -> GateioPrivateWebSocketClient:
    """The streams of an account. They ask ``rest_client``, or one of their own that is closed with them."""
    if isinstance(rest_client, GateioPrivateRestClient):
        return GateioPrivateWebSocketClient.from_config(config, account, rest=rest_client, tap=tap)
    own = GateioPrivateRestClient.from_config(config, account, tap=tap)
    return GateioPrivateWebSocketClient.from_config(config, account, rest=own, owns_rest=True, tap=tap)
