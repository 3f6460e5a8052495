"""What a check found, and the one place where an error becomes a finding with something to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from cex.cli.doctor.remedies import remedy_for
from cex.common.exceptions import CexArbitrageException
from cex.common.redaction import redact

__all__ = ["Examination", "Failure", "Finding", "Said", "Status"]

T = TypeVar("T")


class Status(StrEnum):
    """SKIPPED was not looked at, and does not count against the rest."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of a report. ``account`` is None for what needs none; ``fix`` is empty unless something failed.

    ``facts`` are the figures behind ``summary``, ready for JSON.
    """

    exchange: str
    account: str | None
    check: str
    status: Status
    summary: str
    fix: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Without the exchange, which the report is sorted by."""
        return {
            "check": self.check,
            "account": self.account,
            "status": str(self.status),
            "summary": self.summary,
            "fix": self.fix or None,
            "facts": dict(self.facts),
        }


class Said(NamedTuple):
    """What a check that went well says."""

    summary: str
    facts: Mapping[str, Any] = {}


class Failure(Exception):
    """Something is not as it should be, although nothing raised an error; ``fix`` says what to do."""

    def __init__(self, summary: str, fix: str, **facts: Any) -> None:
        super().__init__(summary)
        self.fix = fix
        self.facts = facts


class Examination:
    """The checks of one exchange, or of one account of it; ``tell`` gets each finding as soon as there is one.

    ``proxy`` is the address that its traffic goes through, for the remedies. ``limit`` is the seconds that one check
    may take.
    """

    def __init__(
        self,
        exchange: str,
        tell: Callable[[Finding], None],
        *,
        account: str | None = None,
        proxy: str | None = None,
        limit: float = 20.0,
    ) -> None:
        self.exchange = exchange
        self.account = account
        self.proxy = proxy
        self._tell = tell
        self._limit = limit

    async def check(self, name: str, work: Callable[[], Awaitable[Said]]) -> bool:
        """Do one check and tell what it found; whether it went well."""
        try:
            async with asyncio.timeout(self._limit):
                said = await work()
        except (CexArbitrageException, Failure, TimeoutError) as error:
            self.failed(name, error)
            return False
        self.ok(name, said.summary, **said.facts)
        return True

    def ok(self, name: str, summary: str, **facts: Any) -> None:
        """Tell of something that is as it should be."""
        self._add(name, Status.OK, summary, "", facts)

    def skipped(self, name: str, summary: str, **facts: Any) -> None:
        """Tell of something that was not looked at, and why."""
        self._add(name, Status.SKIPPED, summary, "", facts)

    def failed(self, name: str, error: CexArbitrageException | Failure | TimeoutError) -> None:
        """Tell of an error, with what to do about it."""
        if isinstance(error, Failure):
            self._add(name, Status.FAILED, str(error), error.fix, error.facts)
        elif isinstance(error, TimeoutError):
            fix = remedy_for(error, self.exchange, self.proxy)
            self._add(name, Status.FAILED, f"no answer within {self._limit:g} s", fix, {})
        else:
            facts = {"error": type(error).__name__, "exchange_code": error.exchange_code}
            self._add(name, Status.FAILED, error.message, remedy_for(error, self.exchange, self.proxy), facts)

    def _add(self, name: str, status: Status, summary: str, fix: str, facts: Mapping[str, Any]) -> None:
        self._tell(
            Finding(
                exchange=self.exchange,
                account=self.account,
                check=name,
                status=status,
                summary=redact(summary),
                fix=fix,
                facts=facts,
            )
        )
