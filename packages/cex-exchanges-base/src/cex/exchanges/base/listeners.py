"""Who hears the events of an exchange: told in order, and one that raises harms no other."""

from __future__ import annotations

import logging
from collections.abc import Callable

from cex.exchanges.base.interfaces import EventHandler, ExchangeEvent

__all__ = ["Listeners"]

logger = logging.getLogger(__name__)


class Listeners:
    """The event handlers of one exchange; ``errors`` counts those that raised."""

    def __init__(self, exchange: str) -> None:
        self._exchange = exchange
        self._handlers: tuple[EventHandler, ...] = ()
        self.errors = 0

    def add(self, handler: EventHandler) -> Callable[[], None]:
        """Tell ``handler`` every event from now on; the returned function ends that."""
        self._handlers = (*self._handlers, handler)

        def forget() -> None:
            self._handlers = tuple(known for known in self._handlers if known is not handler)

        return forget

    def tell(self, event: ExchangeEvent) -> None:
        for handler in self._handlers:
            try:
                handler(event)
            except Exception:
                self.errors += 1
                logger.exception("event handler failed", extra={"exchange": self._exchange, "event": event.kind})
