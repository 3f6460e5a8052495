"""Every error we raise; the tree is drawn in :mod:`cex.common.exceptions.base`."""

from __future__ import annotations

from cex.common.exceptions.base import CexArbitrageException
from cex.common.exceptions.config import ConfigurationException
from cex.common.exceptions.exchange import (
    AuthenticationException,
    BookNotLive,
    DuplicateOrderException,
    ExchangeConnectionException,
    ExchangeDataException,
    ExchangeException,
    ExchangeRejectedException,
    InsufficientBalanceException,
    InvalidOrderException,
    OrderFinishedException,
    OrderNotFoundException,
    RateLimitException,
    TimestampException,
    UnknownOutcomeException,
)

__all__ = [
    "AuthenticationException",
    "BookNotLive",
    "CexArbitrageException",
    "ConfigurationException",
    "DuplicateOrderException",
    "ExchangeConnectionException",
    "ExchangeDataException",
    "ExchangeException",
    "ExchangeRejectedException",
    "InsufficientBalanceException",
    "InvalidOrderException",
    "OrderFinishedException",
    "OrderNotFoundException",
    "RateLimitException",
    "TimestampException",
    "UnknownOutcomeException",
]
