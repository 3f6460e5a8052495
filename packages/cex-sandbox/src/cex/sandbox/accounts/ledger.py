"""Double entry: every movement takes from one owner what it gives to another, so that all owners of an asset sum to 0.

Amounts are exact: a sum that would need more than 60 digits raises instead of being rounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import NamedTuple

from cex.common.clock import SYSTEM_CLOCK, Clock

__all__ = [
    "CROWD",
    "EXACT",
    "FEES",
    "FUTURES_USDT",
    "INSURANCE",
    "OUTSIDE",
    "SPOT",
    "Holding",
    "InsufficientFunds",
    "Ledger",
    "Owner",
    "Posting",
]

SPOT = "spot"
FUTURES_USDT = "futures_usdt"

EXACT = Context(prec=60, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Arithmetic on money: raises :class:`decimal.Inexact` where a result would have to be rounded."""

_ZERO = Decimal(0)
_add = EXACT.add


class Owner(NamedTuple):
    """One wallet of one account (uid above 0), or one of the house's."""

    uid: int
    wallet: str


CROWD = Owner(-1, "house")
"""The other side of every trade; what two accounts trade with each other cancels out here."""
FEES = Owner(-2, "house")
"""Fees that were paid, less rebates."""
OUTSIDE = Owner(-3, "house")
"""Where deposits come from and withdrawals go to."""
INSURANCE = Owner(-4, "house")
"""The insurance fund of futures."""


class Holding(NamedTuple):
    """What an owner has of one asset: at hand, and bound to open orders or withdrawals."""

    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        return _add(self.free, self.locked)


_NOTHING = Holding(_ZERO, _ZERO)


class Posting(NamedTuple):
    """One change of a holding: signed changes, then the amounts after it.

    ``id`` rises with every posting of the ledger. ``reason`` is one of ``deposit withdraw withdraw_fee transfer freeze
    unfreeze trade fee funding pnl liquidation``, ``reference`` the id of the order, transfer, ... it belongs to.
    """

    id: int
    time_ns: int
    uid: int
    wallet: str
    asset: str
    free_change: Decimal
    locked_change: Decimal
    free: Decimal
    locked: Decimal
    reason: str
    reference: str


class InsufficientFunds(Exception):
    """An owner has less of an asset than a movement needs; nothing was booked."""

    def __init__(self, owner: Owner, asset: str, needed: Decimal, available: Decimal) -> None:
        super().__init__(f"uid {owner.uid} has {available} {asset} in {owner.wallet}, which is less than {needed}")
        self.owner = owner
        self.asset = asset
        self.needed = needed
        self.available = available


class Ledger:
    """All holdings of one venue. ``postings_kept`` bounds the history of each account, newest kept."""

    def __init__(self, *, clock: Clock = SYSTEM_CLOCK, postings_kept: int = 10_000) -> None:
        self._clock = clock
        self._kept = postings_kept
        self._holdings: dict[Owner, dict[str, Holding]] = {}
        self._revisions: dict[tuple[int, str, str], int] = {}
        self._history: dict[int, deque[Posting]] = {}
        self._listeners: tuple[Callable[[Posting], None], ...] = ()
        self._last_id = 0

    # --- reading -----------------------------------------------------------------------------------------------------

    def holding(self, uid: int, wallet: str, asset: str) -> Holding:
        """What an account has of ``asset``; zeros when it never had any."""
        holdings = self._holdings.get(Owner(uid, wallet))
        return _NOTHING if holdings is None else holdings.get(asset, _NOTHING)

    def holdings(self, uid: int, wallet: str) -> dict[str, Holding]:
        """Everything that was ever held there, in the order of first use."""
        return dict(self._holdings.get(Owner(uid, wallet), {}))

    def revision(self, uid: int, wallet: str, asset: str) -> int:
        """The id of the newest posting of this holding, 0 when there was none."""
        return self._revisions.get((uid, wallet, asset), 0)

    def total(self, asset: str) -> Decimal:
        """The sum over every owner, the house included: 0, or something was made or lost."""
        total = _ZERO
        for holdings in self._holdings.values():
            if asset in holdings:
                total = _add(total, holdings[asset].total)
        return total

    @property
    def assets(self) -> tuple[str, ...]:
        """Every asset that was ever booked, in the order of first use by each owner."""
        return tuple(dict.fromkeys(asset for holdings in self._holdings.values() for asset in holdings))

    @property
    def owners(self) -> tuple[Owner, ...]:
        """Every owner that was ever booked."""
        return tuple(self._holdings)

    def postings(self, uid: int, wallet: str | None = None) -> Sequence[Posting]:
        """The newest postings of an account, oldest first; of one wallet, or of all."""
        history = self._history.get(uid, ())
        return [posting for posting in history if wallet is None or posting.wallet == wallet]

    def listen(self, callback: Callable[[Posting], None]) -> Callable[[], None]:
        """Be told of every posting of every account, at once; what is returned ends it."""
        self._listeners = (*self._listeners, callback)

        def end() -> None:
            self._listeners = tuple(kept for kept in self._listeners if kept is not callback)

        return end

    # --- writing -----------------------------------------------------------------------------------------------------

    def freeze(
        self, uid: int, wallet: str, asset: str, amount: Decimal, *, reason: str = "freeze", reference: str = ""
    ) -> None:
        """Bind an amount. Raises InsufficientFunds."""
        if _is_something(amount):
            self._tell(self._book(Owner(uid, wallet), asset, amount.copy_negate(), amount, reason, reference))

    def release(
        self, uid: int, wallet: str, asset: str, amount: Decimal, *, reason: str = "unfreeze", reference: str = ""
    ) -> None:
        """Set a bound amount free. Raises ValueError when less is bound."""
        if _is_something(amount):
            self._tell(self._book(Owner(uid, wallet), asset, amount, amount.copy_negate(), reason, reference))

    def spend_locked(
        self,
        uid: int,
        wallet: str,
        asset: str,
        amount: Decimal,
        to: Owner,
        *,
        reason: str,
        reference: str = "",
        release: Decimal = _ZERO,
    ) -> None:
        """Pay a bound amount to ``to``, and in the same posting set ``release`` more of it free.

        Raises:
            ValueError: less is bound.
        """
        released = _is_something(release)
        if not _is_something(amount) and not released:
            return
        unlocked = _add(amount, release).copy_negate()
        paid = self._book(Owner(uid, wallet), asset, release, unlocked, reason, reference)
        received = self._book(to, asset, amount, _ZERO, reason, reference)
        self._tell(paid)
        self._tell(received)

    def move(
        self,
        source: Owner,
        to: Owner,
        asset: str,
        amount: Decimal,
        *,
        reason: str,
        reference: str = "",
        overdraft: bool = False,
    ) -> None:
        """Pay a free amount; the house always can, an account only with ``overdraft`` beyond what it has.

        Raises:
            InsufficientFunds: nothing was booked.
        """
        if _is_something(amount):
            paid = self._book(source, asset, amount.copy_negate(), _ZERO, reason, reference, overdraft=overdraft)
            received = self._book(to, asset, amount, _ZERO, reason, reference)
            self._tell(paid)
            self._tell(received)

    def _book(
        self,
        owner: Owner,
        asset: str,
        free_change: Decimal,
        locked_change: Decimal,
        reason: str,
        reference: str,
        *,
        overdraft: bool = False,
    ) -> Posting | None:
        holdings = self._holdings.get(owner)
        if holdings is None:
            holdings = self._holdings[owner] = {}
        before = holdings.get(asset, _NOTHING)
        free = (_add(before.free, free_change) or _ZERO) if free_change else before.free
        locked = (_add(before.locked, locked_change) or _ZERO) if locked_change else before.locked
        uid, wallet = owner
        if uid <= 0:
            holdings[asset] = Holding(free, locked)
            return None
        if free < 0 and free_change < 0 and not overdraft:
            if not holdings:
                del self._holdings[owner]
            raise InsufficientFunds(owner, asset, free_change.copy_negate(), before.free)
        if locked < 0:
            raise ValueError(f"uid {uid} has only {before.locked} {asset} bound in {wallet}, which is less")
        holdings[asset] = Holding(free, locked)
        self._last_id += 1
        self._revisions[uid, wallet, asset] = self._last_id
        posting = Posting(
            self._last_id,
            self._clock.time_ns(),
            uid,
            wallet,
            asset,
            free_change,
            locked_change,
            free,
            locked,
            reason,
            reference,
        )
        history = self._history.get(uid)
        if history is None:
            history = self._history[uid] = deque(maxlen=self._kept)
        history.append(posting)
        return posting

    def _tell(self, posting: Posting | None) -> None:
        if posting is not None:
            for listener in self._listeners:
                listener(posting)


def _is_something(amount: Decimal) -> bool:
    if amount < 0 or not amount.is_finite():
        raise ValueError(f"an amount is zero or more, not {amount}")
    return bool(amount)
