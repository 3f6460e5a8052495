"""What Toy's refusals mean; the code decides, never the wording."""

from __future__ import annotations

from typing import TypedDict

from cex.common.exceptions import (
    ExchangeConnectionException,
    ExchangeException,
    ExchangeRejectedException,
    RateLimitException,
    UnknownOutcomeException,
)
from cex.exchanges.toy.constants import EXCHANGE

__all__ = ["RequestFacts", "rejection"]

_TOO_MANY = 429
_SERVER_FAULT = 500


class RequestFacts(TypedDict, total=False):
    """Where it happened, as every error carries it."""

    correlation_id: str | None
    operation: str | None
    endpoint: str | None
    attempt: int | None


def rejection(
    *,
    status: int,
    code: str | None,
    message: str,
    is_read: bool,
    retry_after: float | None = None,
    facts: RequestFacts,
) -> ExchangeException:
    """The typed error for an answer with this HTTP ``status`` and error ``code`` (None where the body has none).

    ``is_read`` says that the request cannot have had an effect; a server fault on any other request leaves its outcome
    unknown. ``retry_after`` is in seconds.
    """
    known = code or str(status)
    text = f"{message} ({EXCHANGE} answered {known})" if message else f"{EXCHANGE} answered {known}"
    if status == _TOO_MANY:
        return RateLimitException(text, EXCHANGE, retry_after=retry_after, exchange_code=known, **facts)
    if status >= _SERVER_FAULT:
        kind = ExchangeConnectionException if is_read else UnknownOutcomeException
        return kind(text, EXCHANGE, exchange_code=known, **facts)
    return ExchangeRejectedException(text, EXCHANGE, exchange_code=known, **facts)
