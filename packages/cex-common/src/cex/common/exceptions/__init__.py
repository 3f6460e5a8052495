"""Every error we raise; the tree is drawn in :mod:`cex.common.exceptions.base`."""

from __future__ import annotations

from cex.common.exceptions.base import CexArbitrageException
from cex.common.exceptions.config import ConfigurationException
from cex.common.exceptions.exchange import (
    AuthenticationException,
    BookNotLive,
    ExchangeConnectionException,
    ExchangeDataException,
    ExchangeException,
    ExchangeRejectedException,
    InsufficientBalanceException,
    OrderNotFoundException,
    RateLimitException,
    UnknownOutcomeException,
)

__all__ = [
    "AuthenticationException",
    "BookNotLive",
    "CexArbitrageException",
    "ConfigurationException",
    "ExchangeConnectionException",
    "ExchangeDataException",
    "ExchangeException",
    "ExchangeRejectedException",
    "InsufficientBalanceException",
    "OrderNotFoundException",
    "RateLimitException",
    "UnknownOutcomeException",
]
