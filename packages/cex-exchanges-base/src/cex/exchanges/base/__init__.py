"""What an exchange must offer, what all exchanges have in common, and how one is put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.exchanges.base.books import BookKeeper, BookKeepers, ResyncPolicy
    from cex.exchanges.base.catalogue import InstrumentCatalogue, UnknownSymbolException
    from cex.exchanges.base.factory import BaseExchangeFactory
    from cex.exchanges.base.interfaces import (
        BaseComposite,
        BasePrivateRestClient,
        BasePrivateWebSocketClient,
        BaseRestClient,
        BaseWebSocketClient,
        BookFacts,
        Channel,
        ExchangeEvent,
        ExchangeHealth,
        OrderEntry,
        PrivateChannel,
        PrivateExchange,
        PrivateHandlers,
        PrivateStream,
        PublicExchange,
        Stream,
        StreamHandlers,
    )
    from cex.exchanges.base.offers import NotOfferedException
    from cex.exchanges.base.orders import OrderPolicy
    from cex.exchanges.base.private import ComposedPrivateExchange
    from cex.exchanges.base.public import ComposedPublicExchange
    from cex.exchanges.base.streams import ChannelWebSocketClient, MarketsWebSocketClient

__all__ = [
    "BaseComposite",
    "BaseExchangeFactory",
    "BasePrivateRestClient",
    "BasePrivateWebSocketClient",
    "BaseRestClient",
    "BaseWebSocketClient",
    "BookFacts",
    "BookKeeper",
    "BookKeepers",
    "Channel",
    "ChannelWebSocketClient",
    "ComposedPrivateExchange",
    "ComposedPublicExchange",
    "ExchangeEvent",
    "ExchangeHealth",
    "InstrumentCatalogue",
    "MarketsWebSocketClient",
    "NotOfferedException",
    "OrderEntry",
    "OrderPolicy",
    "PrivateChannel",
    "PrivateExchange",
    "PrivateHandlers",
    "PrivateStream",
    "PublicExchange",
    "ResyncPolicy",
    "Stream",
    "StreamHandlers",
    "UnknownSymbolException",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "books": ["BookKeeper", "BookKeepers", "ResyncPolicy"],
        "catalogue": ["InstrumentCatalogue", "UnknownSymbolException"],
        "factory": ["BaseExchangeFactory"],
        "interfaces": [
            "BaseComposite",
            "BasePrivateRestClient",
            "BasePrivateWebSocketClient",
            "BaseRestClient",
            "BaseWebSocketClient",
            "BookFacts",
            "Channel",
            "ExchangeEvent",
            "ExchangeHealth",
            "OrderEntry",
            "PrivateChannel",
            "PrivateExchange",
            "PrivateHandlers",
            "PrivateStream",
            "PublicExchange",
            "Stream",
            "StreamHandlers",
        ],
        "offers": ["NotOfferedException"],
        "orders": ["OrderPolicy"],
        "private": ["ComposedPrivateExchange"],
        "public": ["ComposedPublicExchange"],
        "streams": ["ChannelWebSocketClient", "MarketsWebSocketClient"],
    },
)
