"""Streams between the socket and those who read them: bounded readers, shared subscriptions, the websocket client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.exchanges.base.streams.client import ChannelWebSocketClient, MarketDialect
    from cex.exchanges.base.streams.kept_alive import KeptAlive, KeyDoor, KeyedTransport, shared_key
    from cex.exchanges.base.streams.leases import Leases
    from cex.exchanges.base.streams.markets import MarketsWebSocketClient
    from cex.exchanges.base.streams.outlets import Outlets
    from cex.exchanges.base.streams.private_client import (
        ChannelPrivateWebSocketClient,
        MarketsPrivateWebSocketClient,
        PrivateDialect,
    )
    from cex.exchanges.base.streams.readers import Fanout, Reader

__all__ = [
    "ChannelPrivateWebSocketClient",
    "ChannelWebSocketClient",
    "Fanout",
    "KeptAlive",
    "KeyDoor",
    "KeyedTransport",
    "Leases",
    "MarketDialect",
    "MarketsPrivateWebSocketClient",
    "MarketsWebSocketClient",
    "Outlets",
    "PrivateDialect",
    "Reader",
    "shared_key",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "client": ["ChannelWebSocketClient", "MarketDialect"],
        "kept_alive": ["KeptAlive", "KeyDoor", "KeyedTransport", "shared_key"],
        "leases": ["Leases"],
        "markets": ["MarketsWebSocketClient"],
        "outlets": ["Outlets"],
        "private_client": ["ChannelPrivateWebSocketClient", "MarketsPrivateWebSocketClient", "PrivateDialect"],
        "readers": ["Fanout", "Reader"],
    },
)
