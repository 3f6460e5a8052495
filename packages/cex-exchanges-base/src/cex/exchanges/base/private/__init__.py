"""A whole account on an exchange, put together from its private clients."""

from __future__ import annotations

from cex.exchanges.base.private.exchange import ComposedPrivateExchange

__all__ = ["ComposedPrivateExchange"]
