"""Gate.io's streams, public and private, and orders by WebSocket. https://www.gate.com/docs/developers/apiv4/."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.exchanges.gateio.websocket.client import GateioWebSocketClient
    from cex.exchanges.gateio.websocket.futures import GateioFuturesDialect
    from cex.exchanges.gateio.websocket.order_entry import GateioOrderEntry
    from cex.exchanges.gateio.websocket.private import GateioPrivateWebSocketClient
    from cex.exchanges.gateio.websocket.spot import GateioSpotDialect

__all__ = [
    "GateioFuturesDialect",
    "GateioOrderEntry",
    "GateioPrivateWebSocketClient",
    "GateioSpotDialect",
    "GateioWebSocketClient",
]

if not TYPE_CHECKING:
    __getattr__ = lazy_exports(
        __name__,
        {
            "client": ["GateioWebSocketClient"],
            "futures": ["GateioFuturesDialect"],
            "order_entry": ["GateioOrderEntry"],
            "private": ["GateioPrivateWebSocketClient"],
            "spot": ["GateioSpotDialect"],
        },
    )
