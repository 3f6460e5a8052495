"""Errors about one exchange; the tree stands in :mod:`cex.common.exceptions.base`."""

from __future__ import annotations

from typing import TypedDict, Unpack

from cex.common.enums import BookState
from cex.common.exceptions.base import CexArbitrageException
from cex.common.redaction import redact
from cex.common.types.symbols import Symbol

__all__ = [
    "AuthenticationException",
    "BookNotLive",
    "ExchangeConnectionException",
    "ExchangeDataException",
    "ExchangeException",
    "ExchangeRejectedException",
    "InsufficientBalanceException",
    "OrderNotFoundException",
    "RateLimitException",
    "UnknownOutcomeException",
]

_SHOWN_PAYLOAD = 256


class _Facts(TypedDict, total=False):
    operation: str | None
    endpoint: str | None
    attempt: int | None
    exchange_code: str | int | None
    retryable: bool | None
    safe_to_resubmit: bool | None


class ExchangeException(CexArbitrageException):
    """Anything that concerns one exchange, named in ``exchange``."""

    def __init__(self, message: str, exchange: str, correlation_id: str | None = None, **facts: Unpack[_Facts]) -> None:
        super().__init__(message, correlation_id, **facts)
        self.exchange = exchange


class ExchangeConnectionException(ExchangeException):
    """The request or the stream did not get through: DNS, TLS, refused, reset, timeout, HTTP 5xx on a read."""

    default_retryable = True


class ExchangeDataException(ExchangeException):
    """An answer or frame that does not decode as documented.

    ``channel`` names the stream or endpoint; ``payload`` is a redacted excerpt of what came, at most 256 characters.
    """

    def __init__(
        self,
        message: str,
        exchange: str,
        correlation_id: str | None = None,
        *,
        channel: str | None = None,
        payload: bytes | str | None = None,
        **facts: Unpack[_Facts],
    ) -> None:
        super().__init__(message, exchange, correlation_id, **facts)
        self.channel = channel
        if isinstance(payload, bytes):
            payload = payload[: 4 * _SHOWN_PAYLOAD].decode("utf-8", "backslashreplace")
        self.payload = None if payload is None else redact(payload[: 4 * _SHOWN_PAYLOAD])[:_SHOWN_PAYLOAD]


class ExchangeRejectedException(ExchangeException):
    """The exchange understood and refused; ``exchange_code`` is its own code or label. Nothing took effect."""

    default_safe_to_resubmit = True


class AuthenticationException(ExchangeRejectedException):
    """The key, its signature, its permissions, its address list or the timestamp was refused."""


class RateLimitException(ExchangeRejectedException):
    """Too many requests. ``retry_after`` is in seconds, None where the exchange gives no hint."""

    default_retryable = True

    def __init__(
        self,
        message: str,
        exchange: str,
        correlation_id: str | None = None,
        *,
        retry_after: float | None = None,
        **facts: Unpack[_Facts],
    ) -> None:
        super().__init__(message, exchange, correlation_id, **facts)
        self.retry_after = retry_after


class InsufficientBalanceException(ExchangeRejectedException):
    """The account does not hold what the order or transfer needs."""


class OrderNotFoundException(ExchangeRejectedException):
    """The exchange knows no such order (any more)."""


class UnknownOutcomeException(ExchangeException):
    """A request that may have taken effect: timeout, HTTP 5xx or a lost connection after it was sent.

    Never resend it blindly: look ``client_order_id`` up first.
    """

    def __init__(
        self,
        message: str,
        exchange: str,
        correlation_id: str | None = None,
        *,
        client_order_id: str | None = None,
        **facts: Unpack[_Facts],
    ) -> None:
        super().__init__(message, exchange, correlation_id, **facts)
        self.client_order_id = client_order_id


class BookNotLive(ExchangeException):
    """A price was asked of a book that cannot vouch for it; ``state`` and ``reason`` say why."""

    default_retryable = True
    default_safe_to_resubmit = True

    def __init__(self, symbol: Symbol, state: BookState, reason: str, exchange: str = "") -> None:
        super().__init__(f"the book of {symbol} is {state}: {reason}", exchange, operation="order_book")
        self.symbol = symbol
        self.state = state
        self.reason = reason
