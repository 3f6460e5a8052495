"""The rate pools of one account, as Gate.io counts them. https://www.gate.com/docs/developers/apiv4/en/#frequency-limit-rule."""

from __future__ import annotations

from collections.abc import Mapping

from cex.exchanges.gateio.constants import (
    ACCOUNT_LIMIT,
    FUTURES_CANCEL_LIMIT,
    FUTURES_ORDER_LIMIT,
    ORDER_WINDOW_S,
    PRIVATE_LIMIT,
    PRIVATE_WINDOW_S,
    SPOT_CANCEL_LIMIT,
    SPOT_ORDER_LIMIT,
    TRANSFER_LIMIT,
    WITHDRAWAL_WINDOW_S,
)
from cex.networking import RateLimiter, RatePool

__all__ = ["AccountLimits"]

_GROUPS = ("/spot/", "/futures/", "/wallet/")


class AccountLimits:
    """Names the pool that a request is counted in, and makes it known to the limiter.

    Orders that go in by WebSocket count in the same pools as by REST. ``scope`` marks the account in the names, for the
    limiter may be shared with other accounts and with what is counted by address.
    """

    def __init__(self, limiter: RateLimiter, scope: str = "") -> None:
        self.limiter = limiter
        self._mark = f" @{scope}" if scope else ""
        self._known: set[str] = set()

    def endpoint(self, method: str, path: str) -> str:
        """The pool of an endpoint; ``path`` with its variable parts as in the documentation."""
        limit = PRIVATE_LIMIT if path.startswith(_GROUPS) else ACCOUNT_LIMIT
        return self._pool(f"{method} {path}", limit, PRIVATE_WINDOW_S)

    def spot_orders(self, pair: str) -> str:
        """Placing and amending, each pair apart."""
        return self._pool(f"spot orders {pair}", SPOT_ORDER_LIMIT, ORDER_WINDOW_S)

    def spot_cancels(self) -> str:
        return self._pool("spot cancels", SPOT_CANCEL_LIMIT, ORDER_WINDOW_S)

    def futures_orders(self) -> str:
        return self._pool("futures orders", FUTURES_ORDER_LIMIT, ORDER_WINDOW_S)

    def futures_cancels(self) -> str:
        return self._pool("futures cancels", FUTURES_CANCEL_LIMIT, ORDER_WINDOW_S)

    def transfers(self) -> str:
        return self._pool("transfers", TRANSFER_LIMIT, PRIVATE_WINDOW_S)

    def withdrawals(self) -> str:
        return self._pool("withdrawals", 1, WITHDRAWAL_WINDOW_S)

    def left(self) -> Mapping[str, int]:
        """What each pool that was used so far would let through at once; named without the account's mark."""
        return {name.removesuffix(self._mark): self.limiter.budget_left(name) for name in sorted(self._known)}

    def _pool(self, name: str, capacity: int, window_s: float) -> str:
        marked = name + self._mark
        if marked not in self._known:
            self.limiter.add(RatePool(marked, capacity, window_s))
            self._known.add(marked)
        return marked
