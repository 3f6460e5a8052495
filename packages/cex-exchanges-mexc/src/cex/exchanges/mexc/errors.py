"""MEXC's refusals as typed exceptions. https://www.mexc.com/api-docs/spot-v3/general-info (error codes)"""

from __future__ import annotations

from enum import Enum, auto
from http import HTTPStatus
from typing import Final, TypedDict

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
from cex.exchanges.mexc.constants import EXCHANGE, FIREWALL_PAUSE_S

__all__ = ["CODES", "Kind", "RequestFacts", "is_success", "rejection"]


class Kind(Enum):
    """What a code asks of the caller."""

    REJECTED = auto()
    """The request is wrong or not allowed: change it, do not repeat it."""
    TEMPORARY = auto()
    """Not now: the same request may succeed later."""
    INVALID = auto()
    """The order breaks a rule of its market."""
    AUTHENTICATION = auto()
    """Key, signature, permission or address."""
    CLOCK = auto()
    """The timestamp was refused: measure the server's time and sign anew."""
    BALANCE = auto()
    NOT_FOUND = auto()
    RATE_LIMIT = auto()
    SERVER = auto()
    """The exchange failed or is not done yet; of an order or a transfer, whether it took effect is not known."""


CODES: Final[dict[int, tuple[Kind, str]]] = {
    -2011: (Kind.NOT_FOUND, "unknown order sent"),
    -2013: (Kind.NOT_FOUND, "order does not exist"),
    -1121: (Kind.REJECTED, "invalid symbol"),
    -1127: (Kind.REJECTED, "more than one hour between startTime and endTime"),
    26: (Kind.AUTHENTICATION, "operation not allowed"),
    400: (Kind.REJECTED, "bad request"),
    401: (Kind.AUTHENTICATION, "no authority"),
    403: (Kind.AUTHENTICATION, "access denied"),
    418: (Kind.RATE_LIMIT, "banned after too many requests"),
    429: (Kind.RATE_LIMIT, "too many requests"),
    500: (Kind.SERVER, "internal error"),
    503: (Kind.SERVER, "service not available"),
    504: (Kind.SERVER, "gateway time-out"),
    602: (Kind.AUTHENTICATION, "signature verification failed"),
    10001: (Kind.AUTHENTICATION, "user does not exist"),
    10007: (Kind.REJECTED, "bad symbol, or one that is not open to the API"),
    10015: (Kind.REJECTED, "user id cannot be null"),
    10072: (Kind.AUTHENTICATION, "invalid access key"),
    10073: (Kind.CLOCK, "invalid Request-Time"),
    10095: (Kind.REJECTED, "amount cannot be null"),
    10096: (Kind.REJECTED, "amount has too many decimals"),
    10097: (Kind.REJECTED, "amount is wrong"),
    10098: (Kind.REJECTED, "risk control detected something abnormal"),
    10099: (Kind.REJECTED, "sub-account is not open"),
    10100: (Kind.REJECTED, "this currency transfer is not supported"),
    10101: (Kind.BALANCE, "insufficient balance"),
    10102: (Kind.REJECTED, "amount cannot be zero or negative"),
    10103: (Kind.REJECTED, "this account transfer is not supported"),
    10200: (Kind.SERVER, "transfer operation is processing"),
    10201: (Kind.SERVER, "transfer in failed"),
    10202: (Kind.REJECTED, "transfer out failed"),
    10206: (Kind.REJECTED, "transfer is disabled"),
    10211: (Kind.REJECTED, "transfer is forbidden"),
    10212: (Kind.REJECTED, "withdrawal address is not on the list in use, or was invalidated"),
    10216: (Kind.TEMPORARY, "no address available"),
    10219: (Kind.TEMPORARY, "asset flow writing failed"),
    10222: (Kind.REJECTED, "currency cannot be null"),
    10232: (Kind.REJECTED, "currency does not exist"),
    10259: (Kind.REJECTED, "intermediate account is not configured"),
    10265: (Kind.REJECTED, "withdrawal is unavailable due to risk control"),
    10268: (Kind.REJECTED, "remark is too long"),
    20001: (Kind.REJECTED, "subsystem is not supported"),
    20002: (Kind.SERVER, "internal system error"),
    22222: (Kind.REJECTED, "record does not exist"),
    30000: (Kind.REJECTED, "trading of the symbol is suspended"),
    30001: (Kind.INVALID, "orders in this direction are not allowed now"),
    30002: (Kind.INVALID, "below the minimum transaction volume"),
    30003: (Kind.INVALID, "above the maximum transaction volume"),
    30004: (Kind.BALANCE, "insufficient position"),
    30005: (Kind.BALANCE, "oversold"),
    30010: (Kind.INVALID, "price is outside the allowed band"),
    30014: (Kind.REJECTED, "invalid symbol"),
    30016: (Kind.REJECTED, "trading is disabled"),
    30018: (Kind.INVALID, "market orders are disabled"),
    30019: (Kind.INVALID, "market orders by API are disabled"),
    30020: (Kind.REJECTED, "no permission for the symbol"),
    30021: (Kind.REJECTED, "invalid symbol"),
    30025: (Kind.REJECTED, "no opposite order exists"),
    30026: (Kind.REJECTED, "invalid order ids"),
    30027: (Kind.REJECTED, "maximum position of the currency reached, buying is suspended"),
    30028: (Kind.REJECTED, "risk control of the platform, selling is suspended"),
    30029: (Kind.REJECTED, "maximum number of orders reached"),
    30032: (Kind.REJECTED, "maximum position reached"),
    30041: (Kind.INVALID, "this type of order cannot be placed"),
    33333: (Kind.REJECTED, "a parameter is wrong"),
    44444: (Kind.REJECTED, "a parameter cannot be null"),
    60005: (Kind.AUTHENTICATION, "the account is abnormal"),
    70011: (Kind.AUTHENTICATION, "the symbol is not enabled for this key"),
    140001: (Kind.REJECTED, "sub-account does not exist"),
    140002: (Kind.REJECTED, "sub-account is forbidden"),
    700001: (Kind.AUTHENTICATION, "API key has a wrong format"),
    700002: (Kind.AUTHENTICATION, "signature is not valid"),
    700003: (Kind.CLOCK, "timestamp is outside of recvWindow"),
    700004: (Kind.REJECTED, "neither origClientOrderId nor orderId was sent"),
    700005: (Kind.REJECTED, "recvWindow must be less than 60000"),
    700006: (Kind.AUTHENTICATION, "address is not on the key's list"),
    700007: (Kind.AUTHENTICATION, "no permission for the endpoint"),
    700008: (Kind.REJECTED, "illegal characters in a parameter"),
    700011: (Kind.REJECTED, "this interface is not allowed"),
    700013: (Kind.REJECTED, "invalid Content-Type"),
    730000: (Kind.SERVER, "request failed, contact support"),
    730001: (Kind.REJECTED, "pair not found, or wrong user information"),
    730002: (Kind.REJECTED, "a parameter is not valid"),
    730003: (Kind.REJECTED, "operation is not supported"),
    730100: (Kind.REJECTED, "unusual user status"),
    730101: (Kind.REJECTED, "user name exists already"),
    730600: (Kind.REJECTED, "sub-account name cannot be null"),
    730601: (Kind.REJECTED, "sub-account name must be 8 to 32 letters and digits"),
    730602: (Kind.REJECTED, "remarks cannot be null"),
    730700: (Kind.REJECTED, "remarks of the API key cannot be null"),
    730701: (Kind.REJECTED, "permission of the API key cannot be null"),
    730702: (Kind.REJECTED, "permission of the API key does not exist"),
    730703: (Kind.REJECTED, "wrong addresses, at most 10"),
    730704: (Kind.REJECTED, "wrong form of address"),
    730705: (Kind.REJECTED, "at most 30 keys"),
    730706: (Kind.REJECTED, "key does not exist"),
    730707: (Kind.REJECTED, "access key cannot be null"),
    730708: (Kind.REJECTED, "the listen key is not valid"),
}
"""Every documented code, and 730708 of https://github.com/mexcdevelop/mexc-api-demo/issues/35.

88xxx belonged to margin trading, which is closed, and are refused like any unknown code.
"""

_KEY_MISSING: Final = "api key"
_TOO_PRECISE: Final = "scale is invalid"
_SUCCESS: Final = frozenset({"", "0", "200"})


def is_success(code: int | str | None) -> bool:
    """Whether a body with this code (None where it has none) says that all went well."""
    return code is None or str(code) in _SUCCESS


class RequestFacts(TypedDict, total=False):
    """Where it happened, as every error carries it."""

    correlation_id: str | None
    operation: str | None
    endpoint: str | None
    attempt: int | None


def rejection(
    *,
    status: int,
    code: int | str | None,
    message: str,
    is_page: bool = False,
    is_read: bool,
    retry_after: float | None = None,
    facts: RequestFacts,
) -> ExchangeException:
    """The typed error for a refusal with this HTTP ``status`` and body ``code`` (None where the body has none).

    ``is_page`` says that the body is not JSON: with status 403 that is the firewall, which counts requests. ``is_read``
    says that the request cannot have had an effect; a server fault on any other request leaves its outcome unknown.
    ``retry_after`` is in seconds. Codes that are not documented become a plain ExchangeRejectedException.
    """
    kind, meaning = _judge(status, _number(code), message, is_page=is_page)
    said = "" if is_page else message.strip()
    shown = status if code is None else code
    text = f"{EXCHANGE} answered {shown}: {said or meaning}"
    if said and meaning.casefold() not in said.casefold():
        text = f"{text} ({meaning})"
    if kind is Kind.RATE_LIMIT:
        if retry_after is None and is_page:
            retry_after = FIREWALL_PAUSE_S
        return RateLimitException(text, EXCHANGE, retry_after=retry_after, exchange_code=shown, **facts)
    if kind is Kind.SERVER and not is_read:
        return UnknownOutcomeException(text, EXCHANGE, exchange_code=shown, **facts)
    retryable = True if kind is Kind.TEMPORARY else None
    return _CLASSES[kind](text, EXCHANGE, exchange_code=shown, retryable=retryable, **facts)


_CLASSES: Final[dict[Kind, type[ExchangeException]]] = {
    Kind.REJECTED: ExchangeRejectedException,
    Kind.TEMPORARY: ExchangeRejectedException,
    Kind.INVALID: InvalidOrderException,
    Kind.AUTHENTICATION: AuthenticationException,
    Kind.CLOCK: TimestampException,
    Kind.BALANCE: InsufficientBalanceException,
    Kind.NOT_FOUND: OrderNotFoundException,
    Kind.SERVER: ExchangeConnectionException,
}


def _judge(status: int, code: int | None, message: str, *, is_page: bool) -> tuple[Kind, str]:
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.IM_A_TEAPOT):
        return CODES[int(status)]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Kind.SERVER, "the server failed"
    if is_page and status == HTTPStatus.FORBIDDEN:
        return Kind.RATE_LIMIT, "the firewall refuses this address after too many requests; pause for a minute or more"
    if code == HTTPStatus.BAD_REQUEST and _KEY_MISSING in message.casefold():
        return Kind.AUTHENTICATION, "api key required"
    if code == HTTPStatus.BAD_REQUEST and _TOO_PRECISE in message.casefold():
        return Kind.INVALID, "a figure has too many decimals"
    if code is not None and code in CODES:
        return CODES[code]
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return CODES[int(status)]
    return Kind.REJECTED, ""


def _number(code: int | str | None) -> int | None:
    try:
        return None if code is None else int(code)
    except ValueError:
        return None
