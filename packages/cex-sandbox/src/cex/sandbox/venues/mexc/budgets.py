"""How much a caller may ask: weights by IP and by account, actions a second, and what happens to those who go on.

https://www.mexc.com/api-docs/spot-v3/general-info
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cex.common.clock import Clock
from cex.sandbox.venues.limits import Allowance, FixedWindows
from cex.sandbox.venues.mexc.options import MexcOptions

__all__ = ["Budgets", "PerSecond", "TooMany"]

_LONGEST_BAN = 3 * 86_400.0
_MOST_CALLERS = 10_000


class PerSecond(StrEnum):
    """What is counted a second and account."""

    ORDER = "order"
    BATCH = "batch"
    ACCOUNT = "account"


class TooMany(Exception):
    """A request beyond a budget. ``kind`` is rate_limited, banned or forbidden; ``seconds`` until it is over."""

    def __init__(self, kind: str, seconds: float) -> None:
        super().__init__(f"{kind} for {seconds:.3f} s")
        self.kind = kind
        self.seconds = seconds


@dataclass(slots=True)
class _Caller:
    """What the guard remembers of an IP. Times in monotonic ns."""

    tokens: float
    seen_ns: int
    blocked_until_ns: int = 0
    banned_until_ns: int = 0
    bans: int = 0
    refused: int = 0


class Budgets:
    """Every pool of one venue; :attr:`weights` is the one by IP."""

    def __init__(self, options: MexcOptions, *, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self.weights = FixedWindows(options.weight_limit, options.weight_window, clock=clock)
        self._of_accounts = FixedWindows(options.uid_weight_limit, options.weight_window, clock=clock)
        self._per_second = {
            PerSecond.ORDER: FixedWindows(options.order_limit, 1.0, clock=clock),
            PerSecond.BATCH: FixedWindows(options.batch_limit, 1.0, clock=clock),
            PerSecond.ACCOUNT: FixedWindows(options.account_limit, 1.0, clock=clock),
        }
        self._callers: dict[str, _Caller] = {}
        self._watches = options.waf or options.ban_after is not None

    def charge_ip(self, ip: str, path: str, weight: int) -> None:
        """Charge a request before anything else is looked at."""
        if self._watches:
            self._guard(ip)
        key = f"{ip} {path}" if self._options.independent_weights else ip
        self._spend(self.weights, key, weight, ip)

    def charge_account(self, uid: int, ip: str, path: str, weight: int, per_second: tuple[PerSecond, ...]) -> None:
        """Charge a request whose signature is right."""
        key = f"{uid} {path}" if self._options.independent_weights else str(uid)
        self._spend(self._of_accounts, key, weight, ip)
        for kind in per_second:
            self._spend(self._per_second[kind], str(uid), 1, ip)

    def _spend(self, pool: FixedWindows, key: str, weight: int, ip: str) -> None:
        allowance: Allowance = pool.spend(key, weight)
        if not allowance.granted:
            if self._options.ban_after is not None:
                self._count_refusal(ip, self._options.ban_after)
            raise TooMany("rate_limited", allowance.reset_after_s)

    def _guard(self, ip: str) -> None:
        now, options = self._clock.monotonic_ns(), self._options
        caller = self._caller(ip, now)
        if now < caller.banned_until_ns:
            raise TooMany("banned", (caller.banned_until_ns - now) / 1e9)
        if not options.waf:
            return
        if now < caller.blocked_until_ns:
            raise TooMany("forbidden", (caller.blocked_until_ns - now) / 1e9)
        elapsed = (now - caller.seen_ns) / 1e9
        caller.seen_ns = now
        caller.tokens = min(options.waf_burst, caller.tokens + elapsed * options.waf_rate) - 1
        if caller.tokens < 0:
            caller.blocked_until_ns = now + round(options.waf_seconds * 1e9)
            caller.tokens = float(options.waf_burst)
            raise TooMany("forbidden", options.waf_seconds)

    def _count_refusal(self, ip: str, most: int) -> None:
        now, options = self._clock.monotonic_ns(), self._options
        caller = self._caller(ip, now)
        caller.refused += 1
        if caller.refused > most:
            seconds = min(options.ban_seconds * 2**caller.bans, _LONGEST_BAN)
            caller.refused, caller.bans = 0, min(caller.bans + 1, 30)
            caller.banned_until_ns = now + round(seconds * 1e9)
            raise TooMany("banned", seconds)

    def _caller(self, ip: str, now: int) -> _Caller:
        caller = self._callers.get(ip)
        if caller is None:
            if len(self._callers) >= _MOST_CALLERS:
                del self._callers[next(iter(self._callers))]
            caller = self._callers[ip] = _Caller(float(self._options.waf_burst), now)
        return caller
