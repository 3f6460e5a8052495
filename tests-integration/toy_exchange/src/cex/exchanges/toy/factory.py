"""What Toy announces in the entry-point group ``cex.exchanges``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.exchanges.base.factory import BaseExchangeFactory
from cex.exchanges.toy.config import ToyConfig
from cex.exchanges.toy.constants import EXCHANGE

if TYPE_CHECKING:
    from cex.exchanges.base.interfaces import BaseRestClient, BaseWebSocketClient
    from cex.exchanges.toy.public import ToyPublicExchange
    from cex.exchanges.toy.rest import ToyRestClient
    from cex.exchanges.toy.websocket import ToyWebSocketClient

__all__ = ["ToyExchangeFactory"]


class ToyExchangeFactory(BaseExchangeFactory[ToyConfig]):
    """Builds Toy's public side; its private side is not offered yet."""

    exchange = EXCHANGE
    config_type = ToyConfig

    def build_rest_client(self, config: ToyConfig) -> ToyRestClient:
        from cex.exchanges.toy.rest import ToyRestClient

        return ToyRestClient.from_config(config, tap=self.tap)

    def build_websocket_client(self, config: ToyConfig) -> ToyWebSocketClient:
        from cex.exchanges.toy.websocket import ToyWebSocketClient

        return ToyWebSocketClient.from_config(config, tap=self.tap)

    def build_public_exchange(
        self, *, config: ToyConfig, rest_client: BaseRestClient, websocket_client: BaseWebSocketClient
    ) -> ToyPublicExchange:
        from cex.exchanges.toy.public import ToyPublicExchange

        return ToyPublicExchange(
            config=config, rest_client=rest_client, websocket_client=websocket_client, owns_clients=True
        )
