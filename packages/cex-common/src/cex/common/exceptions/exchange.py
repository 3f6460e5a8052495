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


class TimestampException(AuthenticationException):
    """The timestamp of a signed request was refused: our clock and the exchange's disagree, or it came too late.

    ``RestClient`` measures the exchange's clock anew and signs once more before anybody sees this.
    """

    default_retryable = True


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


class OrderFinishedException(ExchangeRejectedException):
    """A cancel or a change came too late: the order exists, and it has ended."""


class DuplicateOrderException(ExchangeRejectedException):
    """There is an order with this client order id already; the new one was not placed."""


class InvalidOrderException(ExchangeRejectedException):
    """The order breaks a rule of its market; nothing took effect.

    Said by the exchange, or by ourselves before anything was sent; then there is no ``exchange_code``. ``rule`` is
    the rule in words, for instance ``"quantity 0.1 is below the minimum 1"``.
    """

    def __init__(
        self,
        message: str,
        exchange: str,
        correlation_id: str | None = None,
        *,
        rule: str | None = None,
        **facts: Unpack[_Facts],
    ) -> None:
        super().__init__(message, exchange, correlation_id, **facts)
        self.rule = message if rule is None else rule


class UnknownOutcomeException(ExchangeException):
    """A request that may have taken effect: timeout, HTTP 5xx or a lost connection after it was sent.

    Never resend it blindly: look ``client_order_id`` up first. ``sent_ts`` is when it was signed, by the exchange's
    clock as we knew it (nanoseconds), None where that is not known.
    """

    def __init__(
        self,
        message: str,
        exchange: str,
        correlation_id: str | None = None,
        *,
        client_order_id: str | None = None,
        sent_ts: int | None = None,
        **facts: Unpack[_Facts],
    ) -> None:
        super().__init__(message, exchange, correlation_id, **facts)
        self.client_order_id = client_order_id
        self.sent_ts = sent_ts


class BookNotLive(ExchangeException):
    """A price was asked of a book that cannot vouch for it; ``state`` and ``reason`` say why."""

    default_retryable = True
    default_safe_to_resubmit = True

    def __init__(self, symbol: Symbol, state: BookState, reason: str, exchange: str = "") -> None:
        super().__init__(f"the book of {symbol} is {state}: {reason}", exchange, operation="order_book")
        self.symbol = symbol
        self.state = state
        self.reason = reason
