"""What an exchange must offer, as narrow abstract classes, and the words in which it tells what happens to its streams.

Nothing here knows how it is done: no sockets, no event loop, no settings. ``symbol`` is a
:class:`~cex.common.types.symbols.Symbol` or its text wherever a method takes one.
"""

from __future__ import annotations

from cex.exchanges.base.interfaces.clients import BaseRestClient, BaseWebSocketClient, BookFacts, StreamHandlers
from cex.exchanges.base.interfaces.composites import BaseComposite, BookHandler, PublicExchange
from cex.exchanges.base.interfaces.events import (
    Channel,
    Connected,
    EventHandler,
    ExchangeEvent,
    Gap,
    Interrupted,
    Overflow,
    Recovered,
    Refused,
    Resynced,
    Stream,
    Undecodable,
)
from cex.exchanges.base.interfaces.health import (
    BookHealth,
    ConnectionHealth,
    ConnectionState,
    ExchangeHealth,
    StreamHealth,
)
from cex.exchanges.base.interfaces.private import PrivateExchange, PrivateHealth, PrivateStreamHealth
from cex.exchanges.base.interfaces.private_events import (
    AccountEvent,
    OrderConflict,
    OrderResolved,
    OrderUnknown,
    PrivateInterrupted,
    PrivateOverflow,
    PrivateRecovered,
    PrivateRefused,
    PrivateResubscribed,
)
from cex.exchanges.base.interfaces.trading import (
    BasePrivateRestClient,
    BasePrivateWebSocketClient,
    OrderEntry,
    PrivateChannel,
    PrivateHandlers,
    PrivateStream,
)

__all__ = [
    "AccountEvent",
    "BaseComposite",
    "BasePrivateRestClient",
    "BasePrivateWebSocketClient",
    "BaseRestClient",
    "BaseWebSocketClient",
    "BookFacts",
    "BookHandler",
    "BookHealth",
    "Channel",
    "Connected",
    "ConnectionHealth",
    "ConnectionState",
    "EventHandler",
    "ExchangeEvent",
    "ExchangeHealth",
    "Gap",
    "Interrupted",
    "OrderConflict",
    "OrderEntry",
    "OrderResolved",
    "OrderUnknown",
    "Overflow",
    "PrivateChannel",
    "PrivateExchange",
    "PrivateHandlers",
    "PrivateHealth",
    "PrivateInterrupted",
    "PrivateOverflow",
    "PrivateRecovered",
    "PrivateRefused",
    "PrivateResubscribed",
    "PrivateStream",
    "PrivateStreamHealth",
    "PublicExchange",
    "Recovered",
    "Refused",
    "Resynced",
    "Stream",
    "StreamHandlers",
    "StreamHealth",
    "Undecodable",
]
