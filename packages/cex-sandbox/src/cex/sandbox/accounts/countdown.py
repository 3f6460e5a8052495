"""Dead man's switch: orders that are cancelled unless their owner keeps saying that it is still there."""

from __future__ import annotations

from collections.abc import Callable

from cex.sandbox.accounts.directory import Account

__all__ = ["Countdowns"]

_SECOND = 1_000_000_000


class Countdowns:
    """One timer for each account and symbol (None: all of its symbols). ``cancel_all`` is what happens at its end."""

    def __init__(self, cancel_all: Callable[[Account, str | None], object]) -> None:
        self._cancel_all = cancel_all
        self._due: dict[tuple[int, str | None], tuple[Account, int]] = {}

    def set(self, account: Account, symbol: str | None, timeout_s: float, now_ns: int) -> int:
        """Start the timer anew, or with 0 disarm it; when it ends, in ns since the epoch (0: never)."""
        if timeout_s < 0:
            raise ValueError(f"a countdown of {timeout_s} s")
        if not timeout_s:
            self._due.pop((account.uid, symbol), None)
            return 0
        due = now_ns + round(timeout_s * _SECOND)
        self._due[account.uid, symbol] = (account, due)
        return due

    def after_tick(self, now_ns: int) -> None:
        """Cancel for those whose time is up."""
        for key, (account, due) in list(self._due.items()):
            if now_ns >= due:
                del self._due[key]
                self._cancel_all(account, key[1])
