"""What Gate.io announces in the entry-point group ``cex.exchanges``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.exchanges.base.factory import BaseExchangeFactory
from cex.exchanges.gateio.config import GateioConfig
from cex.exchanges.gateio.constants import EXCHANGE

if TYPE_CHECKING:
    from cex.exchanges.base.interfaces import BaseRestClient, BaseWebSocketClient
    from cex.exchanges.gateio.public import GateioPublicExchange
    from cex.exchanges.gateio.rest import GateioRestClient
    from cex.exchanges.gateio.websocket import GateioWebSocketClient

__all__ = ["GateioExchangeFactory"]


class GateioExchangeFactory(BaseExchangeFactory[GateioConfig]):
    """Builds Gate.io's public side; its private side is not offered yet."""

    exchange = EXCHANGE
    config_type = GateioConfig

    def build_rest_client(self, config: GateioConfig, *, is_private: bool) -> GateioRestClient:
        from cex.exchanges.gateio.rest import GateioRestClient

        return GateioRestClient.from_config(config, tap=self.tap)

    def build_websocket_client(self, config: GateioConfig, *, is_private: bool) -> GateioWebSocketClient:
        from cex.exchanges.gateio.websocket import GateioWebSocketClient

        return GateioWebSocketClient.from_config(config, tap=self.tap)

    def build_public_exchange(
        self, *, config: GateioConfig, rest_client: BaseRestClient, websocket_client: BaseWebSocketClient
    ) -> GateioPublicExchange:
        from cex.exchanges.gateio.public import GateioPublicExchange

        return GateioPublicExchange(
            config=config, rest_client=rest_client, websocket_client=websocket_client, owns_clients=True
        )
