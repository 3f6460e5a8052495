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
        BaseRestClient,
        BaseWebSocketClient,
        BookFacts,
        Channel,
        ExchangeEvent,
        ExchangeHealth,
        PublicExchange,
        Stream,
        StreamHandlers,
    )
    from cex.exchanges.base.offers import NotOfferedException
    from cex.exchanges.base.public import ComposedPublicExchange
    from cex.exchanges.base.streams import ChannelWebSocketClient, MarketsWebSocketClient

__all__ = [
    "BaseComposite",
    "BaseExchangeFactory",
    "BaseRestClient",
    "BaseWebSocketClient",
    "BookFacts",
    "BookKeeper",
    "BookKeepers",
    "Channel",
    "ChannelWebSocketClient",
    "ComposedPublicExchange",
    "ExchangeEvent",
    "ExchangeHealth",
    "InstrumentCatalogue",
    "MarketsWebSocketClient",
    "NotOfferedException",
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
            "BaseRestClient",
            "BaseWebSocketClient",
            "BookFacts",
            "Channel",
            "ExchangeEvent",
            "ExchangeHealth",
            "PublicExchange",
            "Stream",
            "StreamHandlers",
        ],
        "offers": ["NotOfferedException"],
        "public": ["ComposedPublicExchange"],
        "streams": ["ChannelWebSocketClient", "MarketsWebSocketClient"],
    },
)
