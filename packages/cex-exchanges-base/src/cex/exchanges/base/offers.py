"""What an exchange does not have is said by one error, whatever it is and whoever is asked."""

from __future__ import annotations

from collections.abc import Collection

from cex.common.exceptions import ExchangeException

__all__ = ["NotOfferedException", "not_offered"]


class NotOfferedException(ExchangeException):
    """The exchange, or our translation of it, has no such endpoint, stream, interval or depth; nothing was asked."""

    default_safe_to_resubmit = True


def not_offered(exchange: str, what: str, served: Collection[str] = (), *, operation: str) -> NotOfferedException:
    """The error that says so: ``what`` is a plural noun, ``served`` names what there is instead."""
    instead = f"; it offers {', '.join(served)}" if served else ""
    return NotOfferedException(f"{exchange} does not offer {what}{instead}", exchange, operation=operation)
