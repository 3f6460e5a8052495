"""Every documented code as a typed exception, and what the statuses mean without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from cex.common.exceptions import (
    AuthenticationException,
    ExchangeConnectionException,
    ExchangeException,
    ExchangeRejectedException,
    InsufficientBalanceException,
    InvalidOrderException,
    OrderNotFoundException,
    RateLimitException,
    TimestampException,
    UnknownOutcomeException,
)
from cex.exchanges.mexc.errors import CODES, RequestFacts, rejection

_DOCUMENTED = """
-2011 -2013 -1121 -1127 26 400 401 403 429 500 503 504 602 10001 10007 10015 10072 10073 10095 10096 10097 10098 10099
10100 10101 10102 10103 10200 10201 10202 10206 10211 10212 10216 10219 10222 10232 10259 10265 10268 20001 20002 22222
30000 30001 30002 30003 30004 30005 30010 30014 30021 30016 30018 30019 30020 30025 30026 30027 30028 30029 30032 30041
33333 44444 60005 70011 700001 700002 700003 700004 700005 700006 700007 700008 700011 700013 730000 730001 730002
730003 730100 730101 730600 730601 730602 730700 730701 730702 730703 730704 730705 730706 730707 140001 140002
"""


def rejected(
    status: int,
    code: int | str | None,
    message: str = "",
    *,
    is_page: bool = False,
    is_read: bool = True,
    retry_after: float | None = None,
) -> ExchangeException:
    error = rejection(
        status=status,
        code=code,
        message=message,
        is_page=is_page,
        is_read=is_read,
        retry_after=retry_after,
        facts=RequestFacts(
            operation="recent_trades", endpoint="GET /api/v3/trades", attempt=2, correlation_id="c0ffee"
        ),
    )
    assert error.exchange == "mexc"
    assert (error.operation, error.endpoint, error.attempt) == ("recent_trades", "GET /api/v3/trades", 2)
    assert error.correlation_id == "c0ffee"
    return error


def test_the_table_is_complete() -> None:
    assert {int(code) for code in _DOCUMENTED.split()} <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_every_code_becomes_an_exception_that_names_it(code: int) -> None:
    error = rejected(400, code, "said by the exchange")
    assert error.exchange_code == str(code)
    assert "said by the exchange" in error.message
    assert CODES[code][1] in error.message


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "retryable", "safe"),
    [
        (400, -1121, "Invalid symbol.", ExchangeRejectedException, False, True),
        (400, 10007, "symbol not support api", ExchangeRejectedException, False, True),
        (
            400,
            30002,
            "The minimum transaction volume cannot be less than:0.5USDT",
            InvalidOrderException,
            False,
            True,
        ),
        (400, 30004, "Insufficient position", InsufficientBalanceException, False, True),
        (400, 30005, "Oversold", InsufficientBalanceException, False, True),
        (400, 10101, "Insufficient balance", InsufficientBalanceException, False, True),
        (400, -2011, "Unknown order sent.", OrderNotFoundException, False, True),
        (400, -2013, "Order does not exist.", OrderNotFoundException, False, True),
        (400, 700002, "Signature for this request is not valid.", AuthenticationException, False, True),
        (400, 700003, "Timestamp for this request is outside of the recvWindow.", TimestampException, True, True),
        (400, 700006, "IP non white list", AuthenticationException, False, True),
        (401, 10072, "Api key info invalid", AuthenticationException, False, True),
        (400, 400, "api key required", AuthenticationException, False, True),
        (400, 400, " amount scale is invalid", InvalidOrderException, False, True),
        (401, None, "", AuthenticationException, False, True),
        (403, None, "", AuthenticationException, False, True),
        (404, None, "", ExchangeRejectedException, False, True),
        (429, 429, "Too Many Requests", RateLimitException, True, True),
        (418, None, "", RateLimitException, True, True),
        (200, 429, "Too Many Requests", RateLimitException, True, True),
        (400, 500, "internal error", ExchangeConnectionException, True, False),
        (500, None, "", ExchangeConnectionException, True, False),
        (503, 503, "service not available, please try again", ExchangeConnectionException, True, False),
        (504, 700003, "Gateway Time-out", ExchangeConnectionException, True, False),
        (200, 88001, "something", ExchangeRejectedException, False, True),
        (400, "-1121", "Invalid symbol.", ExchangeRejectedException, False, True),
        (400, 10216, "no address available", ExchangeRejectedException, True, True),
        (400, 10200, "transfer operation processing", ExchangeConnectionException, True, False),
        (400, "odd", "", ExchangeRejectedException, False, True),
    ],
)
def test_what_an_answer_means(
    status: int, code: int | str | None, message: str, kind: type[ExchangeException], retryable: bool, safe: bool
) -> None:
    error = rejected(status, code, message)
    assert type(error) is kind
    assert (error.retryable, error.safe_to_resubmit) == (retryable, safe)
    assert error.exchange_code == str(status if code is None else code)


@pytest.mark.parametrize(
    ("status", "code"), [(500, None), (502, 10007), (200, 500), (503, 503), (400, 10200), (400, 730000)]
)
def test_a_server_fault_leaves_the_outcome_of_a_write_unknown(status: int, code: int | None) -> None:
    error = rejected(status, code, is_read=False)
    assert type(error) is UnknownOutcomeException
    assert (error.retryable, error.safe_to_resubmit) == (False, False)


def test_the_firewall_is_a_rate_limit_with_a_long_pause() -> None:
    error = rejected(403, None, "<html>403 Forbidden</html>", is_page=True)
    assert isinstance(error, RateLimitException)
    assert error.retry_after == 90.0
    assert error.retryable
    assert "firewall" in error.message
    assert "<html>" not in error.message


def test_retry_after_is_kept() -> None:
    limited = rejected(429, 429, "Too Many Requests", retry_after=7.0)
    assert isinstance(limited, RateLimitException)
    assert limited.retry_after == 7.0
    silent = rejected(429, 429, "Too Many Requests")
    assert isinstance(silent, RateLimitException)
    assert silent.retry_after is None
    page = rejected(403, None, "", is_page=True, retry_after=120.0)
    assert isinstance(page, RateLimitException)
    assert page.retry_after == 120.0


def readme_table() -> str:
    """The table of the README, as the mapping gives it."""
    lines = ["| code | meaning | exception | retryable | safe to resubmit |", "| --- | --- | --- | --- | --- |"]
    for code, (_, meaning) in sorted(CODES.items()):
        read, write = rejected(400, code), rejected(400, code, is_read=False)
        kinds = [type(read).__name__] if type(read) is type(write) else [type(write).__name__, type(read).__name__]
        retryable, safe = ("yes" if flag else "no" for flag in (write.retryable, write.safe_to_resubmit))
        name = f"{kinds[0]}; of a read {kinds[1]}" if len(kinds) > 1 else kinds[0]
        lines.append(f"| {code} | {meaning} | {name} | {retryable} | {safe} |")
    return "\n".join(lines)


def test_the_readme_has_the_mapping() -> None:
    """Where it differs, put what this test expects between the marks."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    begin, end = "<!-- error codes -->\n", "\n<!-- end of error codes -->"
    assert readme.partition(begin)[2].partition(end)[0] == readme_table()
