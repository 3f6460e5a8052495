"""What accounts are told, in the order in which it happened, and who listens."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from cex.sandbox.accounts.ledger import Posting
from cex.sandbox.accounts.orders import AccountFill, AccountOrder, TriggerOrder

__all__ = ["Audience", "BalanceEvent", "Cause", "Event", "FillEvent", "OrderEvent", "TriggerEvent"]

_log = logging.getLogger(__name__)


class Cause(StrEnum):
    """What happened to an order."""

    PUT = "put"
    FILL = "fill"
    CANCEL = "cancel"
    AMEND = "amend"
    TRIGGER = "trigger"


class Event(Protocol):
    """Something that one account is told. ``facts`` is what two equal runs have in common: no wall time."""

    @property
    def uid(self) -> int: ...

    def facts(self) -> tuple[Any, ...]: ...


class OrderEvent(NamedTuple):
    """An order after a change; ``order`` is a copy. ``fill`` is there when a fill was the cause.

    CANCEL is every end but a complete fill; ``order.finish`` says which.
    """

    order: AccountOrder
    cause: Cause
    fill: AccountFill | None = None

    @property
    def uid(self) -> int:
        return self.order.uid

    def facts(self) -> tuple[Any, ...]:
        order = self.order
        return (
            "order",
            order.id,
            order.uid,
            str(self.cause),
            str(order.finish),
            str(order.price),
            str(order.quantity),
            str(order.filled),
            str(order.filled_quote),
        )


class FillEvent(NamedTuple):
    """A fill of one of the account's orders."""

    fill: AccountFill

    @property
    def uid(self) -> int:
        return self.fill.uid

    def facts(self) -> tuple[Any, ...]:
        fill = self.fill
        return (
            "fill",
            fill.trade_id,
            fill.order_id,
            fill.uid,
            str(fill.side),
            str(fill.price),
            str(fill.quantity),
            str(fill.fee),
            fill.fee_asset,
            fill.is_maker,
        )


class BalanceEvent(NamedTuple):
    """A change of one of the account's holdings."""

    posting: Posting

    @property
    def uid(self) -> int:
        return self.posting.uid

    def facts(self) -> tuple[Any, ...]:
        posting = self.posting
        return (
            "balance",
            posting.uid,
            posting.wallet,
            posting.asset,
            str(posting.free),
            str(posting.locked),
            posting.reason,
            posting.reference,
        )


class TriggerEvent(NamedTuple):
    """A trigger order after a change; ``trigger`` is a copy."""

    trigger: TriggerOrder

    @property
    def uid(self) -> int:
        return self.trigger.uid

    def facts(self) -> tuple[Any, ...]:
        trigger = self.trigger
        return ("trigger", trigger.id, trigger.uid, str(trigger.status), trigger.fired_order_id)


Listener = Callable[[Any], None]


class Audience:
    """Tells events to those who listen, one after the other, while nothing else is going on.

    Between :meth:`hold` and :meth:`let_go` events wait, so that a listener never sees books that are half written. A
    listener that raises is logged and harms no other.
    """

    def __init__(self) -> None:
        self._of: dict[int | None, tuple[Listener, ...]] = {}
        self._waiting: deque[Event] = deque()
        self._held = 0
        self._telling = False

    def listen(self, uid: int | None, callback: Listener) -> Callable[[], None]:
        """Be told of one account's events, or with None of everybody's; what is returned ends it."""
        self._of[uid] = (*self._of.get(uid, ()), callback)

        def end() -> None:
            kept = tuple(one for one in self._of.get(uid, ()) if one is not callback)
            if kept:
                self._of[uid] = kept
            else:
                self._of.pop(uid, None)

        return end

    def listens(self, uid: int) -> bool:
        """Whether anyone would hear of this account: spares the making of an event."""
        return uid in self._of or None in self._of

    def tell(self, event: Event) -> None:
        """Tell an event, now or as soon as nothing holds it back."""
        self._waiting.append(event)
        if not self._held:
            self._empty()

    def hold(self) -> None:
        """Let events wait; may be nested."""
        self._held += 1

    def let_go(self) -> None:
        """End one :meth:`hold`; with the last one, tell what has been waiting."""
        self._held -= 1
        if not self._held and self._waiting:
            self._empty()

    def _empty(self) -> None:
        if self._telling:
            return
        self._telling = True
        try:
            while self._waiting:
                event = self._waiting.popleft()
                for callback in (*self._of.get(event.uid, ()), *self._of.get(None, ())):
                    try:
                        callback(event)
                    except Exception:  # noqa: BLE001 - one listener must not silence the others
                        _log.exception("a listener of account events failed", extra={"event": type(event).__name__})
        finally:
            self._telling = False
