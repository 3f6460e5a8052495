from __future__ import annotations

from pathlib import Path

import pytest

from cex.common.exceptions import (
    AuthenticationException,
    DuplicateOrderException,
    ExchangeConnectionException,
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
from cex.exchanges.gateio.errors import LABELS, RequestFacts, label_table, rejection

FACTS = RequestFacts(correlation_id="c1", operation="place_order", endpoint="POST /spot/orders", attempt=2)

DOCUMENTED: dict[type[ExchangeException], str] = {
    ExchangeRejectedException: """
        INVALID_PARAM_VALUE INVALID_PROTOCOL INVALID_ARGUMENT INVALID_REQUEST_BODY MISSING_REQUIRED_PARAM BAD_REQUEST
        INVALID_CONTENT_TYPE NOT_ACCEPTABLE METHOD_NOT_ALLOWED NOT_FOUND TOO_BIG
        SUB_ACCOUNT_NOT_FOUND SUB_ACCOUNT_LOCKED MARGIN_BALANCE_EXCEPTION MARGIN_TRANSFER_FAILED
        TOO_MUCH_FUTURES_AVAILABLE ACCOUNT_EXCEPTION SUB_ACCOUNT_TRANSFER_FAILED ADDRESS_NOT_USED
        WITHDRAWAL_OVER_LIMIT API_WITHDRAW_DISABLED INVALID_WITHDRAW_ID INVALID_WITHDRAW_CANCEL_STATUS
        DUPLICATE_REQUEST ORDER_EXISTS INVALID_CLIENT_ORDER_ID RISK_ERROR NEGATIVE_ASSETS RECEIVE_ERROR
        DEDUCTION_ERROR FINANCE_ERROR
        INVALID_CURRENCY INVALID_CURRENCY_PAIR POC_FILL_IMMEDIATELY MARGIN_NOT_SUPPORTED NO_CHANGE
        TOO_MANY_CURRENCY_PAIRS TOO_MANY_ORDERS MIXED_ACCOUNT_TYPE AUTO_BORROW_TOO_MUCH TRADE_RESTRICTED FOK_NOT_FILL
        INITIAL_MARGIN_TOO_LOW ORDER_BOOK_NOT_FOUND FAILED_RETRIEVE_ASSETS CANCEL_FAIL
        USER_NOT_FOUND CONTRACT_NO_COUNTER CONTRACT_NOT_FOUND RISK_LIMIT_EXCEEDED LIQUIDATE_IMMEDIATELY
        LEVERAGE_TOO_HIGH LEVERAGE_TOO_LOW ORDER_NOT_OWNED POSITION_EMPTY RISK_LIMIT_TOO_lOW
        ORDER_POC_IMMEDIATE CONTRACT_IN_DELISTING
        POSITION_CROSS_MARGIN POSITION_IN_LIQUIDATION POSITION_IN_CLOSE REMOVE_TOO_MUCH RISK_LIMIT_NOT_MULTIPLE
        RISK_LIMIT_TOO_HIGH RISK_LIMIT_TOO_LOW
        POSITION_NOT_FOUND POSITION_DUAL_MODE ORDER_PENDING POSITION_HOLDING AMEND_WITH_STOP
        ORDER_FOK USER_LIAB USER_PENDING_ORDERS MODE_SET INVALID_UNIFIED_ACCOUNT UNIFIED_ACCOUNT_NOT_ACTIVATED""",
    AuthenticationException: """
        INVALID_CREDENTIALS INVALID_KEY IP_FORBIDDEN READ_ONLY INVALID_SIGNATURE MISSING_REQUIRED_HEADER
        ACCOUNT_LOCKED FORBIDDEN""",
    TimestampException: "REQUEST_EXPIRED",
    InsufficientBalanceException: """
        BALANCE_NOT_ENOUGH MARGIN_BALANCE_NOT_ENOUGH FUTURES_BALANCE_NOT_ENOUGH INSUFFICIENT_AVAILABLE""",
    InvalidOrderException: """
        INVALID_PRECISION QUANTITY_NOT_ENOUGH AMOUNT_TOO_LITTLE AMOUNT_TOO_MUCH PRICE_THRESHOLD_EXCEEDED
        PRICE_TOO_DEVIATED SIZE_TOO_LARGE SIZE_TOO_SMALL PRICE_OVER_LIQUIDATION PRICE_OVER_BANKRUPT INCREASE_POSITION
        REDUCE_EXCEEDED""",
    OrderFinishedException: "ORDER_CLOSED ORDER_CANCELLED ORDER_FINISHED",
    OrderNotFoundException: "ORDER_NOT_FOUND CLIENT_ID_NOT_FOUND",
    DuplicateOrderException: "REPEATED_CREATION",
    RateLimitException: "TOO_MANY_REQUESTS TOO_FAST",
    UnknownOutcomeException: "INTERNAL SERVER_ERROR INTERNAL_SERVER_ERROR TOO_BUSY",
}


def told(
    label: str | None, status: int = 400, *, is_read: bool = False, message: str = "so it is"
) -> ExchangeException:
    return rejection(status=status, label=label, message=message, is_read=is_read, facts=FACTS)


@pytest.mark.parametrize("kind", DOCUMENTED, ids=lambda kind: kind.__name__)
def test_documented_labels(kind: type[ExchangeException]) -> None:
    for label in DOCUMENTED[kind].split():
        error = told(label)
        assert type(error) is kind, label
        assert error.exchange_code == label
        assert error.exchange == "gateio"
        assert error.operation == "place_order"
        assert error.endpoint == "POST /spot/orders"
        assert error.attempt == 2
        assert error.correlation_id == "c1"
        assert error.message == f"so it is (gateio answered {label})"


def test_every_documented_label_has_a_meaning_and_no_other() -> None:
    assert set(LABELS) == {label for labels in DOCUMENTED.values() for label in labels.split()}


def test_a_label_of_next_year_is_a_refusal() -> None:
    error = told("A_LABEL_OF_NEXT_YEAR")
    assert type(error) is ExchangeRejectedException
    assert (error.exchange_code, error.safe_to_resubmit, error.retryable) == ("A_LABEL_OF_NEXT_YEAR", True, False)
    assert type(told("A_LABEL_OF_NEXT_YEAR", 403)) is AuthenticationException


def test_the_table_in_the_readme_is_the_mapping() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    assert label_table() in readme, "replace the table of labels in README.md by what label_table() gives"


def test_what_may_have_moved_money_is_not_safe_to_repeat() -> None:
    unsafe = {label for label, meaning in LABELS.items() if not meaning.safe}
    money = {"DUPLICATE_REQUEST", "ORDER_EXISTS", "RECEIVE_ERROR", "DEDUCTION_ERROR", "FINANCE_ERROR"}
    assert unsafe == money | {"REPEATED_CREATION"} | set(DOCUMENTED[UnknownOutcomeException].split())


@pytest.mark.parametrize("label", DOCUMENTED[UnknownOutcomeException].split())
def test_a_server_fault_on_a_read_may_be_tried_again(label: str) -> None:
    error = told(label, is_read=True)
    assert type(error) is ExchangeConnectionException
    assert error.retryable


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_fault_without_a_label(status: int) -> None:
    assert type(told(None, status)) is UnknownOutcomeException
    error = told(None, status, is_read=True)
    assert type(error) is ExchangeConnectionException
    assert error.exchange_code == str(status)


def test_what_was_refused_may_be_sent_again_and_what_is_unknown_may_not() -> None:
    assert told("BALANCE_NOT_ENOUGH").safe_to_resubmit
    assert not told("TOO_BUSY").safe_to_resubmit


def test_an_expired_request_may_be_signed_again() -> None:
    assert told("REQUEST_EXPIRED", 403).retryable
    assert not told("INVALID_SIGNATURE", 401).retryable


def test_the_limit_says_how_long() -> None:
    error = rejection(status=429, label=None, message="", is_read=True, retry_after=1.5, facts=FACTS)
    assert isinstance(error, RateLimitException)
    assert error.retry_after == 1.5
    assert error.message == "gateio answered 429"
    assert error.retryable
