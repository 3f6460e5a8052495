"""MEXC's spot REST: the public client and an account's. https://www.mexc.com/api-docs/spot-v3/introduction"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.exchanges.mexc.rest.client import MexcRestClient
    from cex.exchanges.mexc.rest.connection import account_limiter, public_limiter
    from cex.exchanges.mexc.rest.private import MexcPrivateRestClient

__all__ = ["MexcPrivateRestClient", "MexcRestClient", "account_limiter", "public_limiter"]

if not TYPE_CHECKING:
    __getattr__ = lazy_exports(
        __name__,
        {
            "client": ["MexcRestClient"],
            "connection": ["account_limiter", "public_limiter"],
            "private": ["MexcPrivateRestClient"],
        },
    )
