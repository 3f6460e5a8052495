"""What MEXC announces in the entry-point group ``cex.exchanges``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.exchanges.base.factory import BaseExchangeFactory
from cex.exchanges.mexc.config import MexcConfig
from cex.exchanges.mexc.constants import EXCHANGE

if TYPE_CHECKING:
    from cex.exchanges.base.interfaces import BaseRestClient, BaseWebSocketClient
    from cex.exchanges.mexc.public import MexcPublicExchange
    from cex.exchanges.mexc.rest import MexcRestClient
    from cex.exchanges.mexc.websocket import MexcWebSocketClient

__all__ = ["MexcExchangeFactory"]


class MexcExchangeFactory(BaseExchangeFactory[MexcConfig]):
    """Builds MEXC's public side; its private side is not offered yet."""

    exchange = EXCHANGE
    config_type = MexcConfig

    def build_rest_client(self, config: MexcConfig, *, is_private: bool) -> MexcRestClient:
        from cex.exchanges.mexc.rest import MexcRestClient

        return MexcRestClient.from_config(config, tap=self.tap)

    def build_websocket_client(self, config: MexcConfig, *, is_private: bool) -> MexcWebSocketClient:
        from cex.exchanges.mexc.websocket import MexcWebSocketClient

        return MexcWebSocketClient.from_config(config, tap=self.tap)

    def build_public_exchange(
        self, *, config: MexcConfig, rest_client: BaseRestClient, websocket_client: BaseWebSocketClient
    ) -> MexcPublicExchange:
        from cex.exchanges.mexc.public import MexcPublicExchange

        return MexcPublicExchange(
            config=config, rest_client=rest_client, websocket_client=websocket_client, owns_clients=True
        )
