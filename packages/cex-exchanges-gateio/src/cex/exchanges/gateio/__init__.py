"""Gate.io: its facts and its language, translated into ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.exchanges.gateio.config import GateioConfig
    from cex.exchanges.gateio.factory import GateioExchangeFactory
    from cex.exchanges.gateio.private import GateioPrivateExchange
    from cex.exchanges.gateio.public import GateioPublicExchange
    from cex.exchanges.gateio.rest import GateioPrivateRestClient, GateioRestClient
    from cex.exchanges.gateio.signing import GateioSigner
    from cex.exchanges.gateio.websocket import (
        GateioFuturesDialect,
        GateioOrderEntry,
        GateioPrivateWebSocketClient,
        GateioSpotDialect,
        GateioWebSocketClient,
    )

__all__ = [
    "GateioConfig",
    "GateioExchangeFactory",
    "GateioFuturesDialect",
    "GateioOrderEntry",
    "GateioPrivateExchange",
    "GateioPrivateRestClient",
    "GateioPrivateWebSocketClient",
    "GateioPublicExchange",
    "GateioRestClient",
    "GateioSigner",
    "GateioSpotDialect",
    "GateioWebSocketClient",
]

if not TYPE_CHECKING:
    __getattr__ = lazy_exports(
        __name__,
        {
            "config": ["GateioConfig"],
            "factory": ["GateioExchangeFactory"],
            "private": ["GateioPrivateExchange"],
            "public": ["GateioPublicExchange"],
            "rest": ["GateioPrivateRestClient", "GateioRestClient"],
            "signing": ["GateioSigner"],
            "websocket": [
                "GateioFuturesDialect",
                "GateioOrderEntry",
                "GateioPrivateWebSocketClient",
                "GateioSpotDialect",
                "GateioWebSocketClient",
            ],
        },
    )
