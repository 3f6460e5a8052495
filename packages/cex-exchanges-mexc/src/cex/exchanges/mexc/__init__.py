"""MEXC: its facts and its language, translated into ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.exchanges.mexc.config import MexcConfig
    from cex.exchanges.mexc.factory import MexcExchangeFactory
    from cex.exchanges.mexc.private import MexcPrivateExchange
    from cex.exchanges.mexc.public import MexcPublicExchange
    from cex.exchanges.mexc.rest import MexcPrivateRestClient, MexcRestClient
    from cex.exchanges.mexc.websocket import (
        MexcPrivateDialect,
        MexcPrivateWebSocketClient,
        MexcSpotDialect,
        MexcWebSocketClient,
    )

__all__ = [
    "MexcConfig",
    "MexcExchangeFactory",
    "MexcPrivateDialect",
    "MexcPrivateExchange",
    "MexcPrivateRestClient",
    "MexcPrivateWebSocketClient",
    "MexcPublicExchange",
    "MexcRestClient",
    "MexcSpotDialect",
    "MexcWebSocketClient",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "config": ["MexcConfig"],
        "factory": ["MexcExchangeFactory"],
        "private": ["MexcPrivateExchange"],
        "public": ["MexcPublicExchange"],
        "rest": ["MexcPrivateRestClient", "MexcRestClient"],
        "websocket": [
            "MexcPrivateDialect",
            "MexcPrivateWebSocketClient",
            "MexcSpotDialect",
            "MexcWebSocketClient",
        ],
    },
)
