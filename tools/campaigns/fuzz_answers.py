"""What the venues may answer by their documentation, and what is wrong with an answer that is not that."""

from __future__ import annotations

import json

from cex.sandbox.venues.mexc.errors import MESSAGES
from raw_clients import RawAnswer

__all__ = ["reading", "reading_frame"]

_MEXC_CODES = frozenset({*MESSAGES, 404, 405, 413, "730708"})
_GATEIO_LABELS = frozenset((
    "INVALID_PARAM_VALUE", "INVALID_PROTOCOL", "INVALID_ARGUMENT", "INVALID_REQUEST_BODY", "MISSING_REQUIRED_PARAM",
    "BAD_REQUEST", "INVALID_CONTENT_TYPE", "NOT_ACCEPTABLE", "METHOD_NOT_ALLOWED", "NOT_FOUND", "TOO_BIG",
    "INVALID_CREDENTIALS", "INVALID_KEY", "IP_FORBIDDEN", "READ_ONLY", "INVALID_SIGNATURE", "MISSING_REQUIRED_HEADER",
    "REQUEST_EXPIRED", "ACCOUNT_LOCKED", "FORBIDDEN", "SUB_ACCOUNT_NOT_FOUND", "SUB_ACCOUNT_LOCKED",
    "MARGIN_BALANCE_EXCEPTION", "MARGIN_TRANSFER_FAILED", "TOO_MUCH_FUTURES_AVAILABLE", "FUTURES_BALANCE_NOT_ENOUGH",
    "ACCOUNT_EXCEPTION", "SUB_ACCOUNT_TRANSFER_FAILED", "ADDRESS_NOT_USED", "TOO_FAST", "WITHDRAWAL_OVER_LIMIT",
    "API_WITHDRAW_DISABLED", "INVALID_WITHDRAW_ID", "INVALID_WITHDRAW_CANCEL_STATUS", "DUPLICATE_REQUEST",
    "ORDER_EXISTS", "INVALID_CLIENT_ORDER_ID", "INVALID_PRECISION", "INVALID_CURRENCY", "INVALID_CURRENCY_PAIR",
    "POC_FILL_IMMEDIATELY", "ORDER_NOT_FOUND", "CLIENT_ID_NOT_FOUND", "ORDER_CLOSED", "ORDER_CANCELLED",
    "QUANTITY_NOT_ENOUGH", "BALANCE_NOT_ENOUGH", "MARGIN_NOT_SUPPORTED", "MARGIN_BALANCE_NOT_ENOUGH",
    "AMOUNT_TOO_LITTLE", "AMOUNT_TOO_MUCH", "REPEATED_CREATION", "NO_CHANGE", "TOO_MANY_CURRENCY_PAIRS",
    "TOO_MANY_ORDERS", "MIXED_ACCOUNT_TYPE", "AUTO_BORROW_TOO_MUCH", "TRADE_RESTRICTED", "FOK_NOT_FILL",
    "INITIAL_MARGIN_TOO_LOW", "ORDER_BOOK_NOT_FOUND", "FAILED_RETRIEVE_ASSETS", "CANCEL_FAIL",
    "PRICE_THRESHOLD_EXCEEDED", "USER_NOT_FOUND", "CONTRACT_NO_COUNTER", "CONTRACT_NOT_FOUND", "RISK_LIMIT_EXCEEDED",
    "INSUFFICIENT_AVAILABLE", "LIQUIDATE_IMMEDIATELY", "LEVERAGE_TOO_HIGH", "LEVERAGE_TOO_LOW", "ORDER_NOT_OWNED",
    "ORDER_FINISHED", "POSITION_CROSS_MARGIN", "POSITION_IN_LIQUIDATION", "POSITION_IN_CLOSE", "POSITION_EMPTY",
    "REMOVE_TOO_MUCH", "RISK_LIMIT_NOT_MULTIPLE", "RISK_LIMIT_TOO_HIGH", "RISK_LIMIT_TOO_LOW", "PRICE_TOO_DEVIATED",
    "SIZE_TOO_LARGE", "SIZE_TOO_SMALL", "PRICE_OVER_LIQUIDATION", "PRICE_OVER_BANKRUPT", "ORDER_POC_IMMEDIATE",
    "INCREASE_POSITION", "CONTRACT_IN_DELISTING", "POSITION_NOT_FOUND", "POSITION_DUAL_MODE", "ORDER_PENDING",
    "POSITION_HOLDING", "REDUCE_EXCEEDED", "AMEND_WITH_STOP", "ORDER_FOK", "USER_LIAB", "USER_PENDING_ORDERS",
    "MODE_SET", "INVALID_UNIFIED_ACCOUNT", "UNIFIED_ACCOUNT_NOT_ACTIVATED", "TOO_MANY_REQUESTS",
))  # fmt: skip
"""The documented labels without those of server errors. https://www.gate.com/docs/developers/apiv4/en/#error-handling"""


def reading(venue: str, method: str, answer: RawAnswer) -> tuple[str, str]:
    """The code or label of an answer, and what is wrong with it."""
    if answer.status >= 500:
        return "", "a server error"
    if method == "HEAD":
        return "", ""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return "", "not JSON"
    if answer.content_type != "application/json":
        return "", f"sent as {answer.content_type}"
    if answer.status < 300:
        return "", ""
    word = body.get("code" if venue == "mexc" else "label") if isinstance(body, dict) else None
    if venue == "mexc":
        known = word in _MEXC_CODES and isinstance(body.get("msg"), str)
    else:
        known = word in _GATEIO_LABELS and set(body) <= {"label", "message", "detail"}
    return str(word), "" if known else "not documented"


def reading_frame(name: str, text: str) -> tuple[str, str]:
    """What a frame says (empty for a push), and what is wrong with it."""
    frame = json.loads(text)
    if name == "mexc":
        is_right = list(frame) == ["id", "code", "msg"] and frame["code"] == 0
        return "answer", "" if is_right else "not as documented"
    if "header" in frame:
        status, errors = frame["header"]["status"], frame["data"].get("errs")
        if errors is None:
            return f"api {status}", "" if status == "200" else "a refusal without a reason"
        label = errors["label"]
        known = label in _GATEIO_LABELS and status in ("400", "401", "403", "404", "429")
        return f"api {status} {label}", "" if known else "not documented"
    if frame.get("error") is not None:
        code = frame["error"]["code"]
        return f"error {code}", "" if code in (1, 2, 4) else "not documented"
    return ("" if frame["event"] in ("update", "all") else str(frame["event"] or frame["channel"])), ""
