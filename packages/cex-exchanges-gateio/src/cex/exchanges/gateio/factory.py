"""What Gate.io announces in the entry-point group ``cex.exchanges``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.exchanges.base.factory import BaseExchangeFactory
from cex.exchanges.gateio.config import GateioConfig
from cex.exchanges.gateio.constants import EXCHANGE

if TYPE_CHECKING:
    from cex.exchanges.base.interfaces import (
        BasePrivateRestClient,
        BasePrivateWebSocketClient,
        BaseRestClient,
        BaseWebSocketClient,
    )
    from cex.exchanges.gateio.private import GateioPrivateExchange
    from cex.exchanges.gateio.public import GateioPublicExchange
    from cex.exchanges.gateio.rest import GateioPrivateRestClient, GateioRestClient
    from cex.exchanges.gateio.websocket import GateioPrivateWebSocketClient, GateioWebSocketClient

__all__ = ["GateioExchangeFactory"]


class GateioExchangeFactory(BaseExchangeFactory[GateioConfig]):
    """Builds Gate.io's public side, and the private side of an account."""

    exchange = EXCHANGE
    config_type = GateioConfig

    def build_rest_client(self, config: GateioConfig) -> GateioRestClient:
        from cex.exchanges.gateio.rest import GateioRestClient

        return GateioRestClient.from_config(config, tap=self.tap)

    def build_websocket_client(self, config: GateioConfig) -> GateioWebSocketClient:
        from cex.exchanges.gateio.websocket import GateioWebSocketClient

        return GateioWebSocketClient.from_config(config, tap=self.tap)

    def build_public_exchange(
        self, *, config: GateioConfig, rest_client: BaseRestClient, websocket_client: BaseWebSocketClient
    ) -> GateioPublicExchange:
        from cex.exchanges.gateio.public import GateioPublicExchange

        return GateioPublicExchange(
            config=config, rest_client=rest_client, websocket_client=websocket_client, owns_clients=True
        )

    def build_private_rest_client(self, config: GateioConfig, *, account: str) -> GateioPrivateRestClient:
        from cex.exchanges.gateio.rest import GateioPrivateRestClient

        return GateioPrivateRestClient.from_config(config, account, tap=self.tap)

    def build_private_websocket_client(
        self, config: GateioConfig, *, account: str, rest_client: BasePrivateRestClient | None
    ) -> GateioPrivateWebSocketClient:
        from cex.exchanges.gateio.private import private_streams

        return private_streams(config, account, rest_client, tap=self.tap)

    def build_private_exchange(
        self,
        *,
        config: GateioConfig,
        account: str,
        rest_client: BasePrivateRestClient,
        websocket_client: BasePrivateWebSocketClient,
    ) -> GateioPrivateExchange:
        from cex.exchanges.gateio.private import GateioPrivateExchange

        return GateioPrivateExchange(
            config=config,
            account=account,
            rest_client=rest_client,
            websocket_client=websocket_client,
            owns_clients=True,
        )
