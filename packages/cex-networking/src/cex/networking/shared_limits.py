"""One budget for all who share it: an exchange counts everything that comes from one address or account together."""

from __future__ import annotations

from weakref import WeakValueDictionary

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.networking.rate_limit import RateLimiter

__all__ = ["shared_limiter"]

_limiters: WeakValueDictionary[tuple[str, str, Clock], RateLimiter] = WeakValueDictionary()


def shared_limiter(host: str, origin: str = "", *, clock: Clock = SYSTEM_CLOCK) -> RateLimiter:
    """The limiter of this process for ``host``, as long as anybody holds it; without pools until somebody adds them.

    ``origin`` is what the exchange sees us as: "" for our own address, otherwise the proxy. Pools of an account carry
    the account in their name. A limiter belongs to one event loop, like everything that waits in it.
    """
    key = host.lower(), origin, clock
    limiter = _limiters.get(key)
    if limiter is None:
        limiter = _limiters[key] = RateLimiter((), clock)
    return limiter
