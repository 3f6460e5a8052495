"""What Gate.io's refusals mean. ``label`` decides; https://www.gate.com/docs/developers/apiv4/en/, label list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypedDict

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
from cex.exchanges.gateio.constants import EXCHANGE

__all__ = ["LABELS", "Meaning", "RequestFacts", "label_table", "rejection"]

_TOO_MANY = 429
_SERVER_FAULT = 500
_DENIED = (401, 403)


class RequestFacts(TypedDict, total=False):
    """Where it happened, as every error carries it."""

    correlation_id: str | None
    operation: str | None
    endpoint: str | None
    attempt: int | None


class Meaning(NamedTuple):
    """What a label becomes. ``retryable``: the same may succeed later; ``safe``: it is known to have had no effect."""

    raises: type[ExchangeException]
    text: str
    retryable: bool = False
    safe: bool = True


def _all(
    raises: type[ExchangeException], *, retryable: bool = False, safe: bool = True, **said: str
) -> dict[str, Meaning]:
    return {label: Meaning(raises, text, retryable, safe) for label, text in said.items()}


LABELS: Final[Mapping[str, Meaning]] = {
    **_all(
        ExchangeRejectedException,
        INVALID_PARAM_VALUE="a parameter has a wrong value; the message says which (also orders below the minimum)",
        INVALID_PROTOCOL="the parameters are of the wrong kind",
        INVALID_ARGUMENT="a parameter is wrong",
        INVALID_REQUEST_BODY="the body is no JSON object of the expected form",
        MISSING_REQUIRED_PARAM="a parameter is missing",
        BAD_REQUEST="the request makes no sense",
        INVALID_CONTENT_TYPE="the body is not declared as JSON",
        NOT_ACCEPTABLE="the wanted kind of answer does not exist",
        METHOD_NOT_ALLOWED="the endpoint has no such method",
        NOT_FOUND="there is no such endpoint or object",
        TOO_BIG="more was asked for than one answer holds",
    ),
    **_all(
        AuthenticationException,
        INVALID_CREDENTIALS="the credentials are not valid",
        INVALID_KEY="there is no such key (a key of the testnet does not work on the live market)",
        IP_FORBIDDEN="the key may not be used from this address",
        READ_ONLY="the key may only read",
        INVALID_SIGNATURE="the signature does not match",
        MISSING_REQUIRED_HEADER="a header is missing",
        ACCOUNT_LOCKED="the account is locked",
        FORBIDDEN="the key has no permission for this",
    ),
    **_all(
        TimestampException,
        retryable=True,
        REQUEST_EXPIRED="the request reached the exchange too late, or the clocks are apart",
    ),
    **_all(
        ExchangeRejectedException,
        SUB_ACCOUNT_NOT_FOUND="there is no such sub-account",
        SUB_ACCOUNT_LOCKED="the sub-account is locked",
        MARGIN_BALANCE_EXCEPTION="the margin account is in a state that forbids this",
        MARGIN_TRANSFER_FAILED="the transfer with the margin account failed",
        TOO_MUCH_FUTURES_AVAILABLE="the futures account holds too much for this",
        ACCOUNT_EXCEPTION="the account is in a state that forbids this",
        SUB_ACCOUNT_TRANSFER_FAILED="the transfer with the sub-account failed",
        ADDRESS_NOT_USED="the address was never used in the web interface",
        WITHDRAWAL_OVER_LIMIT="the withdrawal is above the daily limit",
        API_WITHDRAW_DISABLED="withdrawals by API are not enabled",
        INVALID_WITHDRAW_ID="there is no such withdrawal",
        INVALID_WITHDRAW_CANCEL_STATUS="the withdrawal can no longer be cancelled",
        INVALID_CLIENT_ORDER_ID="the client id of the transfer or withdrawal is not valid",
        RISK_ERROR="the transfer is refused by risk control",
        NEGATIVE_ASSETS="the account would hold less than nothing",
    ),
    **_all(
        ExchangeRejectedException,
        safe=False,
        DUPLICATE_REQUEST="the same transfer or withdrawal was asked for before: look it up",
        ORDER_EXISTS="a withdrawal with this client id exists: look it up",
        RECEIVE_ERROR="the receiving account failed: look the transfer up",
        DEDUCTION_ERROR="the paying account failed: look the transfer up",
        FINANCE_ERROR="the transfer failed inside the exchange: look it up",
    ),
    **_all(
        ExchangeRejectedException,
        INVALID_CURRENCY="there is no such currency",
        INVALID_CURRENCY_PAIR="there is no such pair",
        MARGIN_NOT_SUPPORTED="the pair has no margin market",
        NO_CHANGE="it is so already",
        TOO_MANY_CURRENCY_PAIRS="a batch has too many pairs",
        TOO_MANY_ORDERS="too many orders are open, or in one batch",
        MIXED_ACCOUNT_TYPE="a batch mixes kinds of account",
        AUTO_BORROW_TOO_MUCH="more would be borrowed than is allowed",
        TRADE_RESTRICTED="trading is restricted for this account or pair",
        INITIAL_MARGIN_TOO_LOW="the unified account's initial margin is too low",
    ),
    **_all(
        ExchangeRejectedException,
        retryable=True,
        POC_FILL_IMMEDIATELY="a post-only order would have taken",
        FOK_NOT_FILL="a fill-or-kill order could not be filled whole",
        ORDER_BOOK_NOT_FOUND="there is not enough liquidity",
        FAILED_RETRIEVE_ASSETS="the account's assets could not be read",
        CANCEL_FAIL="the order could not be cancelled",
    ),
    **_all(
        ExchangeRejectedException,
        USER_NOT_FOUND="the futures account was never funded: transfer to it first",
        CONTRACT_NOT_FOUND="there is no such contract",
        RISK_LIMIT_EXCEEDED="the position would exceed its risk limit",
        LIQUIDATE_IMMEDIATELY="the position would be liquidated at once",
        LEVERAGE_TOO_HIGH="the leverage is above the maximum",
        LEVERAGE_TOO_LOW="the leverage is below the minimum",
        ORDER_NOT_OWNED="the order belongs to another account",
        POSITION_CROSS_MARGIN="not for a position in cross margin",
        POSITION_EMPTY="there is no position to reduce or close",
        REMOVE_TOO_MUCH="more margin would be removed than is free",
        RISK_LIMIT_NOT_MULTIPLE="the risk limit is not a multiple of its step",
        RISK_LIMIT_TOO_HIGH="the risk limit is above the maximum",
        RISK_LIMIT_TOO_lOW="the risk limit is below the minimum",
        RISK_LIMIT_TOO_LOW="the risk limit is below the minimum",
        CONTRACT_IN_DELISTING="the contract is being delisted: positions can only be reduced",
        POSITION_NOT_FOUND="there is no such position",
        POSITION_DUAL_MODE="the account holds long and short positions apart (dual mode)",
        POSITION_HOLDING="not while a position is held",
        AMEND_WITH_STOP="an order with stop or take profit cannot be amended",
    ),
    **_all(
        ExchangeRejectedException,
        retryable=True,
        CONTRACT_NO_COUNTER="there is nobody to trade with",
        POSITION_IN_LIQUIDATION="the position is being liquidated",
        POSITION_IN_CLOSE="the position is being closed",
        ORDER_PENDING="an order is still being handled",
        ORDER_POC_IMMEDIATE="a post-only order would have taken",
        ORDER_FOK="a fill-or-kill order could not be filled whole",
    ),
    **_all(
        ExchangeRejectedException,
        USER_LIAB="not while something is borrowed",
        USER_PENDING_ORDERS="not while orders are open",
        MODE_SET="the account is in this mode already",
        INVALID_UNIFIED_ACCOUNT="the account is no unified account",
        UNIFIED_ACCOUNT_NOT_ACTIVATED="the unified account is not activated",
    ),
    **_all(
        InvalidOrderException,
        INVALID_PRECISION="price or amount has too many decimals",
        QUANTITY_NOT_ENOUGH="the amount is below the minimum",
        AMOUNT_TOO_LITTLE="the amount is below the minimum",
        AMOUNT_TOO_MUCH="the amount is above the maximum",
        PRICE_THRESHOLD_EXCEEDED="the price is outside the band around the market",
        PRICE_TOO_DEVIATED="the price is too far from the mark price",
        SIZE_TOO_LARGE="the size is above the maximum",
        SIZE_TOO_SMALL="the size is below the minimum",
        PRICE_OVER_LIQUIDATION="the price lies beyond the liquidation price",
        PRICE_OVER_BANKRUPT="the price lies beyond the bankruptcy price",
        INCREASE_POSITION="a reduce-only order would increase the position",
        REDUCE_EXCEEDED="the order reduces more than is held",
    ),
    **_all(
        OrderFinishedException,
        ORDER_CLOSED="the order is filled",
        ORDER_CANCELLED="the order is cancelled already",
        ORDER_FINISHED="the order is finished already",
    ),
    **_all(
        DuplicateOrderException,
        safe=False,
        REPEATED_CREATION="an order with this client id exists: look it up",
    ),
    **_all(
        InsufficientBalanceException,
        BALANCE_NOT_ENOUGH="the spot account does not hold enough",
        MARGIN_BALANCE_NOT_ENOUGH="the margin account does not hold enough",
        FUTURES_BALANCE_NOT_ENOUGH="the futures account does not hold enough",
        INSUFFICIENT_AVAILABLE="the free margin does not suffice",
    ),
    **_all(
        OrderNotFoundException,
        ORDER_NOT_FOUND="there is no such order (any more)",
        CLIENT_ID_NOT_FOUND="no order has this client id (any more)",
    ),
    **_all(
        RateLimitException,
        retryable=True,
        TOO_MANY_REQUESTS="a rate limit is exceeded",
        TOO_FAST="withdrawals follow each other too fast",
    ),
    **_all(
        UnknownOutcomeException,
        safe=False,
        INTERNAL="the exchange failed inside",
        SERVER_ERROR="the exchange failed inside",
        INTERNAL_SERVER_ERROR="the exchange failed inside",
        TOO_BUSY="the exchange is overloaded",
    ),
}
"""Every documented label. A server's own fault on a read becomes an ExchangeConnectionException, which is retryable."""


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
    known = LABELS.get(label or "")
    raises = known.raises if known is not None else None
    if raises is RateLimitException or status == _TOO_MANY:
        return RateLimitException(text, EXCHANGE, retry_after=retry_after, exchange_code=code, **facts)
    if raises is UnknownOutcomeException or status >= _SERVER_FAULT:
        if is_read:
            return ExchangeConnectionException(text, EXCHANGE, exchange_code=code, **facts)
        return UnknownOutcomeException(text, EXCHANGE, exchange_code=code, **facts)
    if known is None and status in _DENIED:
        return AuthenticationException(text, EXCHANGE, exchange_code=code, **facts)
    if known is None:
        return ExchangeRejectedException(text, EXCHANGE, exchange_code=code, **facts)
    return known.raises(
        text, EXCHANGE, exchange_code=code, retryable=known.retryable, safe_to_resubmit=known.safe, **facts
    )


def label_table() -> str:
    """The table of all labels as it stands in the README, in Markdown."""
    rows = ["| label | what it means | raised as | retryable | safe to resubmit |", "|---|---|---|---|---|"]
    for label in sorted(LABELS, key=str.upper):
        meaning = LABELS[label]
        raised = f"`{meaning.raises.__name__}`"
        retryable = _yes(meaning.retryable)
        if meaning.raises is UnknownOutcomeException:
            raised, retryable = f"{raised}, of a read `ExchangeConnectionException`", "a read"
        rows.append(f"| `{label}` | {meaning.text} | {raised} | {retryable} | {_yes(meaning.safe)} |")
    return "\n".join(rows)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
