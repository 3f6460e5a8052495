"""Why the futures desk says no, in the words that Gate.io has for it.

https://www.gate.com/docs/developers/apiv4/en/#error-handling
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["FuturesReason", "FuturesRefusal"]


class FuturesReason(StrEnum):
    """The labels of refusals."""

    CONTRACT_IN_DELISTING = "CONTRACT_IN_DELISTING"
    CONTRACT_NO_COUNTER = "CONTRACT_NO_COUNTER"
    CONTRACT_NOT_FOUND = "CONTRACT_NOT_FOUND"
    DUPLICATE_TEXT = "REPEATED_CREATION"
    INCREASE_POSITION = "INCREASE_POSITION"
    INSUFFICIENT_AVAILABLE = "INSUFFICIENT_AVAILABLE"
    INVALID = "INVALID_PARAM_VALUE"
    LEVERAGE_TOO_HIGH = "LEVERAGE_TOO_HIGH"
    LEVERAGE_TOO_LOW = "LEVERAGE_TOO_LOW"
    LIQUIDATE_IMMEDIATELY = "LIQUIDATE_IMMEDIATELY"
    NO_CHANGE = "NO_CHANGE"
    ORDER_FINISHED = "ORDER_FINISHED"
    ORDER_FOK = "ORDER_FOK"
    ORDER_NOT_FOUND = "ORDER_NOT_FOUND"
    ORDER_NOT_OWNED = "ORDER_NOT_OWNED"
    ORDER_PENDING = "ORDER_PENDING"
    ORDER_POC_IMMEDIATE = "ORDER_POC_IMMEDIATE"
    POSITION_CROSS_MARGIN = "POSITION_CROSS_MARGIN"
    POSITION_DUAL_MODE = "POSITION_DUAL_MODE"
    POSITION_EMPTY = "POSITION_EMPTY"
    POSITION_HOLDING = "POSITION_HOLDING"
    POSITION_IN_CLOSE = "POSITION_IN_CLOSE"
    POSITION_IN_LIQUIDATION = "POSITION_IN_LIQUIDATION"
    POSITION_NOT_FOUND = "POSITION_NOT_FOUND"
    PRICE_TOO_DEVIATED = "PRICE_TOO_DEVIATED"
    REDUCE_EXCEEDED = "REDUCE_EXCEEDED"
    REMOVE_TOO_MUCH = "REMOVE_TOO_MUCH"
    RISK_LIMIT_EXCEEDED = "RISK_LIMIT_EXCEEDED"
    RISK_LIMIT_NOT_MULTIPLE = "RISK_LIMIT_NOT_MULTIPLE"
    RISK_LIMIT_TOO_HIGH = "RISK_LIMIT_TOO_HIGH"
    RISK_LIMIT_TOO_LOW = "RISK_LIMIT_TOO_LOW"
    SIZE_TOO_LARGE = "SIZE_TOO_LARGE"
    SIZE_TOO_SMALL = "SIZE_TOO_SMALL"
    TOO_MANY_ORDERS = "TOO_MANY_ORDERS"
    USER_NOT_FOUND = "USER_NOT_FOUND"


class FuturesRefusal(Exception):
    """Nothing was done. ``detail`` is what the venue adds, often nothing."""

    def __init__(self, reason: FuturesReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail
