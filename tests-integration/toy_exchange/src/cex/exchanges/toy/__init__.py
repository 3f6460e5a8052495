"""Toy: its facts and its language, translated into ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.exchanges.toy.config import ToyConfig
    from cex.exchanges.toy.factory import ToyExchangeFactory
    from cex.exchanges.toy.public import ToyPublicExchange
    from cex.exchanges.toy.rest import ToyRestClient
    from cex.exchanges.toy.websocket import ToyDialect, ToyWebSocketClient

__all__ = [
    "ToyConfig",
    "ToyDialect",
    "ToyExchangeFactory",
    "ToyPublicExchange",
    "ToyRestClient",
    "ToyWebSocketClient",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "config": ["ToyConfig"],
        "factory": ["ToyExchangeFactory"],
        "public": ["ToyPublicExchange"],
        "rest": ["ToyRestClient"],
        "websocket": ["ToyDialect", "ToyWebSocketClient"],
    },
)
