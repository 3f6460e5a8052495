"""MEXC's spot streams: the public ones and an account's. https://www.mexc.com/api-docs/spot-v3/websocket-market-streams"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.exchanges.mexc.websocket.client import MexcWebSocketClient
    from cex.exchanges.mexc.websocket.dialect import MexcSpotDialect
    from cex.exchanges.mexc.websocket.private import MexcPrivateDialect, MexcPrivateWebSocketClient

__all__ = ["MexcPrivateDialect", "MexcPrivateWebSocketClient", "MexcSpotDialect", "MexcWebSocketClient"]

if not TYPE_CHECKING:
    __getattr__ = lazy_exports(
        __name__,
        {
            "client": ["MexcWebSocketClient"],
            "dialect": ["MexcSpotDialect"],
            "private": ["MexcPrivateDialect", "MexcPrivateWebSocketClient"],
        },
    )
