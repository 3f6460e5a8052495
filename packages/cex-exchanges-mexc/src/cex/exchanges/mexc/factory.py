"""What MEXC announces in the entry-point group ``cex.exchanges``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.exchanges.base.factory import BaseExchangeFactory
from cex.exchanges.mexc.config import MexcConfig
from cex.exchanges.mexc.constants import EXCHANGE

if TYPE_CHECKING:
    from cex.exchanges.base.interfaces import (
        BasePrivateRestClient,
        BasePrivateWebSocketClient,
        BaseRestClient,
        BaseWebSocketClient,
    )
    from cex.exchanges.mexc.private import MexcPrivateExchange
    from cex.exchanges.mexc.public import MexcPublicExchange
    from cex.exchanges.mexc.rest import MexcPrivateRestClient, MexcRestClient
    from cex.exchanges.mexc.websocket import MexcPrivateWebSocketClient, MexcWebSocketClient

__all__ = ["MexcExchangeFactory"]


class MexcExchangeFactory(BaseExchangeFactory[MexcConfig]):
    """Builds MEXC's public side, and the private side of an account."""

    exchange = EXCHANGE
    config_type = MexcConfig

    def build_rest_client(self, config: MexcConfig) -> MexcRestClient:
        from cex.exchanges.mexc.rest import MexcRestClient

        return MexcRestClient.from_config(config, tap=self.tap)

    def build_websocket_client(self, config: MexcConfig) -> MexcWebSocketClient:
        from cex.exchanges.mexc.websocket import MexcWebSocketClient

        return MexcWebSocketClient.from_config(config, tap=self.tap)

    def build_public_exchange(
        self, *, config: MexcConfig, rest_client: BaseRestClient, websocket_client: BaseWebSocketClient
    ) -> MexcPublicExchange:
        from cex.exchanges.mexc.public import MexcPublicExchange

        return MexcPublicExchange(
            config=config, rest_client=rest_client, websocket_client=websocket_client, owns_clients=True
        )

    def build_private_rest_client(self, config: MexcConfig, *, account: str) -> MexcPrivateRestClient:
        from cex.exchanges.mexc.rest import MexcPrivateRestClient

        return MexcPrivateRestClient.from_config(config, account, tap=self.tap)

    def build_private_websocket_client(
        self, config: MexcConfig, *, account: str, rest_client: BasePrivateRestClient | None
    ) -> MexcPrivateWebSocketClient:
        from cex.exchanges.mexc.private import private_streams

        return private_streams(config, account, rest_client, tap=self.tap)

    def build_private_exchange(
        self,
        *,
        config: MexcConfig,
        account: str,
        rest_client: BasePrivateRestClient,
        websocket_client: BasePrivateWebSocketClient,
    ) -> MexcPrivateExchange:
        from cex.exchanges.mexc.private import MexcPrivateExchange

        return MexcPrivateExchange(
            config=config,
            account=account,
            rest_client=rest_client,
            websocket_client=websocket_client,
            owns_clients=True,
        )
