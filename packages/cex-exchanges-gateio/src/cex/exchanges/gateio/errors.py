"""What Gate.io's refusals mean. ``label`` decides; https://www.gate.com/docs/developers/apiv4/en/, label list."""

from __future__ import annotations

from typing import TypedDict

from cex.common.exceptions import (
    AuthenticationException,
    ExchangeConnectionException,
    ExchangeException,
    ExchangeRejectedException,
    InsufficientBalanceException,
    OrderNotFoundException,
    RateLimitException,
    UnknownOutcomeException,
)
from cex.exchanges.gateio.constants import EXCHANGE

__all__ = ["RequestFacts", "rejection"]

_TOO_MANY = 429
_SERVER_FAULT = 500

_AUTHENTICATION = frozenset(
    {
        "ACCOUNT_LOCKED",
        "FORBIDDEN",
        "INVALID_CREDENTIALS",
        "INVALID_KEY",
        "INVALID_SIGNATURE",
        "IP_FORBIDDEN",
        "MISSING_REQUIRED_HEADER",
        "READ_ONLY",
        "REQUEST_EXPIRED",
    }
)
_BALANCE = frozenset(
    {
        "BALANCE_NOT_ENOUGH",
        "FUTURES_BALANCE_NOT_ENOUGH",
        "INSUFFICIENT_AVAILABLE",
        "MARGIN_BALANCE_NOT_ENOUGH",
    }
)
_ORDER_NOT_FOUND = frozenset({"CLIENT_ID_NOT_FOUND", "ORDER_NOT_FOUND"})
_RATE = frozenset({"TOO_FAST", "TOO_MANY_REQUESTS"})
_SERVER = frozenset({"INTERNAL", "INTERNAL_SERVER_ERROR", "SERVER_ERROR", "TOO_BUSY"})


class RequestFacts(TypedDict, total=False):
    """Where it happened, as every error carries it."""

    correlation_id: str | None
    operation: str | None
    endpoint: str | None
    attempt: int | None


def rejection(
    *,
    status: int,
    label: str | None,
    message: str,
    is_read: bool,
    retry_after: float | None = None,
    facts: RequestFacts,
) -> ExchangeException:
    """The typed error for an answer with this HTTP ``status`` and error ``label`` (None where the body has none).

    ``is_read`` says that the request cannot have had an effect; a server fault on any other request leaves its outcome
    unknown. ``retry_after`` is in seconds. Labels that are not documented become a plain ExchangeRejectedException.
    """
    code = label or str(status)
    text = f"{message} ({EXCHANGE} answered {code})" if message else f"{EXCHANGE} answered {code}"
    if label in _RATE or status == _TOO_MANY:
        return RateLimitException(text, EXCHANGE, retry_after=retry_after, exchange_code=code, **facts)
    if label in _SERVER or status >= _SERVER_FAULT:
        if is_read:
            return ExchangeConnectionException(text, EXCHANGE, exchange_code=code, **facts)
        return UnknownOutcomeException(text, EXCHANGE, exchange_code=code, **facts)
    if label in _AUTHENTICATION:
        return AuthenticationException(
            text, EXCHANGE, exchange_code=code, retryable=label == "REQUEST_EXPIRED", **facts
        )
    if label in _BALANCE:
        return InsufficientBalanceException(text, EXCHANGE, exchange_code=code, **facts)
    if label in _ORDER_NOT_FOUND:
        return OrderNotFoundException(text, EXCHANGE, exchange_code=code, **facts)
    return ExchangeRejectedException(text, EXCHANGE, exchange_code=code, **facts)
