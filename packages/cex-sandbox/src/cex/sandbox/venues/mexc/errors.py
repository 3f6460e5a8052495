"""MEXC's refusals: HTTP status, code and message, and which of its codes stands for what the exchange core refuses.

https://www.mexc.com/api-docs/spot-v3/general-info
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["MESSAGES", "Refused", "refused"]

MESSAGES: Mapping[int, str] = {
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -1127: "More than 1 hours between startTime and endTime.",
    -1121: "Invalid symbol.",
    26: "operation not allowed",
    400: "api key required",
    418: "Too Many Requests",
    429: "Too Many Requests",
    500: "Internal error",
    503: "service not available, please try again",
    504: "Gateway Time-out",
    10001: "user does not exist",
    10007: "bad symbol",
    10072: "invalid access key",
    10095: "amount cannot be null",
    10096: "amount decimal places is too long",
    10097: "amount is error",
    10100: "this currency transfer is not supported",
    10101: "Insufficient balance",
    10102: "amount cannot be zero or negative",
    10103: "this account transfer is not supported",
    10212: "this withdrawal address is not on the commonly used address list or has been invalidated",
    10222: "currency cannot be null",
    10232: "currency does not exist",
    22222: "record does not exist",
    30000: "suspended transaction for the symbol",
    30001: "current transaction direction not allowed to place an order",
    30002: "The minimum transaction volume cannot be less than:",
    30003: "The maximum transaction volume cannot be greater than:",
    30004: "Insufficient position",
    30005: "Oversold",
    30010: "no valid trade price",
    30019: "api market order is disabled",
    30025: "no exist opponent order",
    30029: "Cannot exceed the maximum order limit",
    30041: "current order type can not place order",
    33333: "param is error",
    44444: "param cannot be null",
    140001: "sub account does not exist",
    140002: "sub account is forbidden",
    70011: "Pair user ban trade apikey.",
    700001: "API-key format invalid.",
    700002: "Signature for this request is not valid.",
    700003: "Timestamp for this request is outside of the recvWindow.",
    700004: "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
    700005: "recvWindow must less than 60000",
    700006: "IP non white list",
    700007: "No permission to access the endpoint.",
    700008: "Illegal characters found in parameter.",
    700013: "Invalid content Type.",
    730101: "The user Name already exists",
    730601: "Sub-account Name must be a combination of 8-32 letters and numbers",
    730702: "API KEY permission does not exist",
    730703: "The IP information is incorrect, and a maximum of 10 IPs are allowed to be bound only",
    730704: "The bound IP format is incorrect, please refill",
    730705: "At most 30 groups of Api Keys are allowed to be created only",
    730706: "API KEY information does not exist",
}
"""What goes with a code when nothing more particular is known."""

_FORBIDDEN = frozenset({700007})


class Refused(Exception):
    """An answer that says no. ``code`` is text where MEXC sends it as text."""

    def __init__(self, status: int, code: int | str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> dict[str, object]:
        """As it is on the wire."""
        return {"code": self.code, "msg": self.message}


def refused(code: int, message: str | None = None) -> Refused:
    """The documented refusal with this code: HTTP 400, or 403 where a permission is missing."""
    return Refused(403 if code in _FORBIDDEN else 400, code, MESSAGES[code] if message is None else message)
