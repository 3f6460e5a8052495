"""What the kit asks of a venue: clients for it, faults on demand, and the truth to compare with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol

from cex.common.types.account import Balance
from cex.common.types.market import BookSnapshot
from cex.common.types.orders import Fill, Order
from cex.exchanges.base.interfaces import PrivateExchange, PublicExchange

__all__ = ["Evidence", "Need", "VenueUnderTest"]


class Evidence(StrEnum):
    """What a passed case rests on, the weakest first."""

    READ = "read"
    UNIT = "unit"
    SANDBOX = "sandbox"
    RECORDED = "recorded"
    LIVE = "live"


class Need(StrEnum):
    """What a case needs beside a symbol to watch."""

    ACCOUNT = "an account"
    TRUTH = "the venue's own truth"
    FUTURES = "a perpetual"


class VenueUnderTest(Protocol):
    """One exchange package with the venue that it talks to.

    ``symbol`` is a liquid spot pair that the account may buy and sell; ``perpetual`` a contract, None where there is
    none. ``secrets`` are the texts that must never show up anywhere. Cases run one after the other.
    """

    @property
    def exchange(self) -> str: ...

    @property
    def evidence(self) -> Evidence: ...

    @property
    def symbol(self) -> str: ...

    @property
    def perpetual(self) -> str | None: ...

    @property
    def offers(self) -> Collection[Need]: ...

    @property
    def faults(self) -> Collection[str]:
        """The kinds of faults that can be injected, by the names that the cases use, such as ``"answer_lost"``."""
        ...

    @property
    def secrets(self) -> Sequence[str]: ...

    def public_exchange(self) -> PublicExchange:
        """A fresh public side, not open yet; whoever asked opens and closes it."""
        ...

    def private_exchange(self) -> PrivateExchange:
        """A fresh private side of the same account, not open yet."""
        ...

    def inject(self, fault: str, **settings: object) -> AbstractAsyncContextManager[None]:
        """Make something go wrong as long as the block lasts.

        ``settings`` say how: ``count`` (times in all), ``symbol``, and what the kind takes, such as ``seconds``. Faults
        of requests to the order endpoint take ``what="place"`` or ``what="cancel"``.
        """
        ...

    async def true_book(self, symbol: str, sequence: int) -> BookSnapshot | None:
        """The whole book as it was right after ``sequence``; None where nobody remembers."""
        ...

    async def true_orders(self) -> list[Order]:
        """Every order of the account as the venue has it; it is known by its client order id."""
        ...

    async def true_fills(self) -> list[Fill]:
        """Every execution of the account as the venue has it, with the client order ids of the orders."""
        ...

    async def true_balances(self) -> list[Balance]:
        """What the account holds."""
        ...
