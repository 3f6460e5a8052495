"""The desk's refusals as Gate.io's answers: most say ``detail``, some ``message``, some nothing but the label."""

from __future__ import annotations

from collections.abc import Callable

from cex.sandbox.accounts.futures.refusals import FuturesReason, FuturesRefusal
from cex.sandbox.venues.gateio.private import Call, Handler
from cex.sandbox.venues.gateio.refusals import Refused

__all__ = ["refused", "translating"]

_STATUS = {FuturesReason.ORDER_NOT_FOUND: 404}
_MESSAGES = (FuturesReason.INVALID, FuturesReason.USER_NOT_FOUND)


def refused(refusal: FuturesRefusal) -> Refused:
    """What the client is answered."""
    reason = refusal.reason
    key = "message" if reason in _MESSAGES else "detail"
    return Refused(_STATUS.get(reason, 400), reason.value, refusal.detail, key=key)


def translating(handler: Callable[[Call], object]) -> Handler:
    """The handler, with the desk's refusals in Gate.io's words."""

    def handle(call: Call) -> object:
        try:
            return handler(call)
        except FuturesRefusal as refusal:
            raise refused(refusal) from refusal

    return handle
