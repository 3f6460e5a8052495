"""How Gate.io says no: a status, a label, and mostly a message. https://www.gate.com/docs/developers/apiv4/en/#error-handling"""

from __future__ import annotations

__all__ = ["Refused", "invalid", "missing"]


class Refused(Exception):
    """An answer that says no: HTTP status, label, and a message where the exchange gives one.

    ``key`` is the name under which the body has the message; futures endpoints often say ``detail``.
    """

    def __init__(self, status: int, label: str, message: str = "", *, key: str = "message") -> None:
        super().__init__(message or label)
        self.status = status
        self.label = label
        self.message = message
        self.key = key

    @property
    def body(self) -> dict[str, str]:
        """The JSON object of the answer."""
        return {"label": self.label, self.key: self.message} if self.message else {"label": self.label}


def invalid(name: str, value: object) -> Refused:
    """The refusal of one parameter's value."""
    return Refused(400, "INVALID_PARAM_VALUE", f"Invalid parameter `{name}` with value: {str(value)[:100]}")


def missing(name: str) -> Refused:
    """The refusal of a request that lacks a parameter."""
    return Refused(400, "MISSING_REQUIRED_PARAM", f"Missing required parameter: {name}")
