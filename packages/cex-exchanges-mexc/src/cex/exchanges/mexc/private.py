"""One account on MEXC's spot market as one object."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.exchanges.base.interfaces import BasePrivateRestClient, BasePrivateWebSocketClient
from cex.exchanges.base.orders import OrderPolicy
from cex.exchanges.base.private import ComposedPrivateExchange
from cex.exchanges.mexc.config import MexcConfig
from cex.exchanges.mexc.rest import MexcPrivateRestClient
from cex.exchanges.mexc.websocket import MexcPrivateWebSocketClient

if TYPE_CHECKING:
    from cex.networking import Tap

__all__ = ["MexcPrivateExchange", "private_streams"]


class MexcPrivateExchange(ComposedPrivateExchange):
    """Everything of one account of MEXC's spot market; ``account`` is its label in ``config``.

    A client that is not passed in is made from ``config`` and closed with the exchange. A client that is passed in is
    closed by whoever made it, unless ``owns_clients`` hands it over. ``tap`` hears all traffic of the clients that are
    made here, for recordings. ``policy`` and ``watch`` are those of ``ComposedPrivateExchange``.
    """

    def __init__(
        self,
        *,
        config: MexcConfig | None = None,
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
        settings = config or MexcConfig()
        rest = rest_client or MexcPrivateRestClient.from_config(settings, account, tap=tap)
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
    def from_config(cls, config: MexcConfig, account: str = DEFAULT_ACCOUNT, *, tap: Tap | None = None) -> Self:
        """The account of that label at the endpoints of these settings; it makes and closes its own clients."""
        return cls(config=config, account=account, tap=tap)


def private_streams(
    config: MexcConfig, account: str, rest_client: BasePrivateRestClient | None = None, *, tap: Tap | None = None
) -> MexcPrivateWebSocketClient:
    """The streams of an account. Its listen keys come from ``rest_client``, or from one that is closed with them."""
    if isinstance(rest_client, MexcPrivateRestClient):
        return MexcPrivateWebSocketClient.from_config(config, account, door=rest_client.listen_keys, tap=tap)
    own = MexcPrivateRestClient.from_config(config, account, tap=tap)
    return MexcPrivateWebSocketClient.from_config(config, account, door=own.listen_keys, on_closed=own.aclose, tap=tap)
