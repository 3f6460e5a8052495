"""The root of every error we raise. The tree:

CexArbitrageException
├── ConfigurationException               a setting is missing, malformed or contradicts another
└── ExchangeException                    something about one exchange
    ├── ExchangeConnectionException      the request or stream did not get through
    ├── ExchangeDataException            an answer or frame that does not decode
    ├── ExchangeRejectedException        the exchange said no, with its code
    │   ├── AuthenticationException      key, signature, permission
    │   │   └── TimestampException       the clocks disagree
    │   ├── RateLimitException           too many requests; ``retry_after`` in seconds
    │   ├── InsufficientBalanceException
    │   ├── InvalidOrderException        a rule of the market, named; also before sending
    │   ├── DuplicateOrderException      the client order id was used already
    │   ├── OrderFinishedException       too late to cancel or change
    │   └── OrderNotFoundException
    ├── UnknownOutcomeException          an order request whose result is not known; never resend blindly
    └── BookNotLive                      prices were asked of a book that is not LIVE
"""

from __future__ import annotations

import copyreg
from datetime import UTC, datetime
from typing import Any

from cex.common.clock import SYSTEM_CLOCK
from cex.common.correlation import ensure_correlation_id
from cex.common.redaction import redact

__all__ = ["CexArbitrageException"]


class CexArbitrageException(Exception):
    """Base of every error; carries the facts that a bot or a log needs.

    Every error has these fields, also after pickling:

    - ``message``: redacted text;
    - ``correlation_id``: of the operation it happened in, the same as in the log lines;
    - ``timestamp``: aware UTC ``datetime``;
    - ``operation``: what we were doing, for instance ``"order_book_snapshot"``;
    - ``endpoint``: method and path or channel, never a signed URL;
    - ``attempt``: 1 for the first try; None where nothing is tried;
    - ``exchange_code``: the exchange's own code or label, as text;
    - ``retryable``: the same call may succeed later without a change;
    - ``safe_to_resubmit``: it is known that nothing took effect, so repeating cannot duplicate an order.
    """

    default_retryable = False
    default_safe_to_resubmit = False

    def __init__(
        self,
        message: str,
        correlation_id: str | None = None,
        *,
        operation: str | None = None,
        endpoint: str | None = None,
        attempt: int | None = None,
        exchange_code: str | int | None = None,
        retryable: bool | None = None,
        safe_to_resubmit: bool | None = None,
    ) -> None:
        self.message = redact(message)
        super().__init__(self.message)
        self.correlation_id = correlation_id or ensure_correlation_id()
        self.timestamp = datetime.fromtimestamp(SYSTEM_CLOCK.time_ns() / 1e9, UTC)
        self.operation = operation
        self.endpoint = None if endpoint is None else redact(endpoint)
        self.attempt = attempt
        self.exchange_code = None if exchange_code is None else str(exchange_code)
        self.retryable = self.default_retryable if retryable is None else retryable
        self.safe_to_resubmit = self.default_safe_to_resubmit if safe_to_resubmit is None else safe_to_resubmit

    def facts(self) -> dict[str, object]:
        """Every field except the message, for structured logs; JSON-ready."""
        facts = {name: value for name, value in vars(self).items() if name not in ("message", "__notes__")}
        facts["timestamp"] = self.timestamp.isoformat()
        return facts

    def __str__(self) -> str:
        shown = [
            f"{name}={value}"
            for name in ("operation", "endpoint", "attempt", "exchange_code", "correlation_id")
            if (value := getattr(self, name)) is not None
        ]
        return f"{self.message} [{' '.join(shown)}]"

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self), self.message), dict(vars(self))  # type: ignore[attr-defined]
