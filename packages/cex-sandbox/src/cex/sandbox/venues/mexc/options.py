"""What can be set about the simulated MEXC; the defaults are the documented or measured behaviour."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MexcOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MexcOptions:
    """Times in seconds. https://www.mexc.com/api-docs/spot-v3/general-info

    ``rest_lag`` is how far the REST book may be behind the stream (drawn anew for each request). ``retry_after`` adds
    the documented, never observed header to a 429. ``answer_pings`` concerns pings of RFC 6455.
    """

    weight_limit: int = 300
    weight_window: float = 10.0
    retry_after: bool = False
    rest_lag: float = 0.0
    max_subscriptions: int = 30
    idle_without_subscription: float = 30.0
    idle_without_data: float = 60.0
    lifetime: float = 86_400.0
    answer_pings: bool = False
