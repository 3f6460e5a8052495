"""Gate.io's REST: a client for the market, one for an account, and how they ask. https://www.gate.com/docs/developers/apiv4/en/."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.exchanges.gateio.rest.client import GateioRestClient
    from cex.exchanges.gateio.rest.connection import public_limiter
    from cex.exchanges.gateio.rest.private import GateioPrivateRestClient

__all__ = ["GateioPrivateRestClient", "GateioRestClient", "public_limiter"]

if not TYPE_CHECKING:
    __getattr__ = lazy_exports(
        __name__,
        {
            "client": ["GateioRestClient"],
            "connection": ["public_limiter"],
            "private": ["GateioPrivateRestClient"],
        },
    )
