"""What an answer means: fine, or which exception. The exchange's own translation is heard first."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from cex.common.exceptions import (
    AuthenticationException,
    ExchangeConnectionException,
    ExchangeException,
    ExchangeRejectedException,
    RateLimitException,
    UnknownOutcomeException,
)
from cex.common.redaction import redact
from cex.networking.requests import RestResponse
from cex.networking.rest.retry import retry_after_seconds

__all__ = ["Reject", "bans_address", "failure_of"]

Reject = Callable[[RestResponse], ExchangeException | None]

_SHOWN_BODY = 200
_SERVER_TIMEOUT = 408
_PROXY_AUTHENTICATION = 407


def failure_of(
    response: RestResponse, exchange: str, reject: Reject | None, server_now_ns: int
) -> ExchangeException | None:
    """The exception for an answer, or None for one that is fine.

    ``reject`` decides first, with one exception: behind a 5xx nobody knows what was done, whatever the body says. A
    request that must not be repeated then ends as unknown, and a repeatable one as a failed connection, unless
    ``reject`` puts it in a way that can be retried; its code and itself are kept as code and cause.
    """
    said = None if reject is None else reject(response)
    failure = _judge(response, exchange, said)
    if failure is None:
        return None
    request = response.request
    failure.operation = failure.operation or request.operation
    failure.endpoint = failure.endpoint or redact(request.endpoint)
    failure.attempt = failure.attempt or response.attempt
    if isinstance(failure, RateLimitException) and failure.retry_after is None:
        failure.retry_after = retry_after_seconds(response.headers.get("retry-after"), server_now_ns)
    return failure


def bans_address(response: RestResponse) -> bool:
    """Whether the answer says that this address is shut out of the whole host, not of one budget."""
    return response.status == 418 or (response.status == 403 and _is_html(response))


def _judge(response: RestResponse, exchange: str, said: ExchangeException | None) -> ExchangeException | None:
    status = response.status
    if status >= 500 or (status == _SERVER_TIMEOUT and said is None):
        return _server_failure(response, exchange, said)
    if said is not None or 200 <= status < 300:
        return said
    text = f"HTTP {status}: {_excerpt(response)}"
    if status in (429, 418) or bans_address(response):
        return RateLimitException(text, exchange)
    if status in (401, 403):
        return AuthenticationException(text, exchange)
    if status == _PROXY_AUTHENTICATION:
        return ExchangeConnectionException(
            "HTTP 407: the proxy asks for a user and password", exchange, retryable=False, safe_to_resubmit=True
        )
    if status < 400:
        return _redirected(response, exchange)
    return ExchangeRejectedException(text, exchange)


def _server_failure(response: RestResponse, exchange: str, said: ExchangeException | None) -> ExchangeException:
    text = f"HTTP {response.status}: {_excerpt(response) if said is None else said.message}"
    code = None if said is None else said.exchange_code
    failure: ExchangeException
    if response.request.repeatable:
        if said is not None and said.retryable:
            return said
        failure = ExchangeConnectionException(text, exchange, exchange_code=code, safe_to_resubmit=True)
    else:
        if isinstance(said, UnknownOutcomeException):
            return said
        failure = UnknownOutcomeException(text, exchange, exchange_code=code)
    failure.__cause__ = said
    return failure


def _redirected(response: RestResponse, exchange: str) -> ExchangeException:
    target = urlsplit(response.headers.get("location", ""))
    where = f"{target.scheme}://{target.netloc}" if target.netloc else "elsewhere"
    text = f"HTTP {response.status} points {redact(where)}; redirects are not followed: check the base URL"
    if response.request.repeatable:
        return ExchangeConnectionException(text, exchange, retryable=False, safe_to_resubmit=True)
    return UnknownOutcomeException(text, exchange)


def _is_html(response: RestResponse) -> bool:
    return "html" in response.headers.get("content-type", "").lower() or response.body.lstrip()[:1] == b"<"


def _excerpt(response: RestResponse) -> str:
    """The beginning of the body, bounded; a page of HTML is only named."""
    if not response.body:
        return "no body"
    if _is_html(response):
        return f"{len(response.body)} bytes of HTML"
    return redact(response.body[: 4 * _SHOWN_BODY].decode("utf-8", "backslashreplace"))[:_SHOWN_BODY]
