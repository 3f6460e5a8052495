"""What a case is, what came of it, and the table of all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from cex.exchanges.base.conformance.bench import Bench
from cex.exchanges.base.conformance.venue import Evidence, Need

__all__ = ["Case", "Report", "Result", "Verdict", "case"]


class Verdict(StrEnum):
    """How a case ended; NOT_APPLICABLE where the exchange has no such thing or the venue cannot show it."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "n/a"


@dataclass(frozen=True, slots=True)
class Case:
    """One numbered case: TC-D.. are about data, TC-E.. about execution. ``faults`` are the kinds that it injects."""

    id: str
    title: str
    run: Callable[[Bench], Awaitable[None]]
    needs: frozenset[Need]
    faults: frozenset[str]


def case(
    number: str, title: str, *needs: Need, faults: Iterable[str] = ()
) -> Callable[[Callable[[Bench], Awaitable[None]]], Case]:
    """Make a case of a coroutine function."""

    def make(run: Callable[[Bench], Awaitable[None]]) -> Case:
        return Case(number, title, run, frozenset(needs), frozenset(faults))

    return make


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one case; ``reason`` says why it failed or does not apply, "" where it passed."""

    case: Case
    verdict: Verdict
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """Every result of one run; ``evidence`` is what its passes rest on."""

    exchange: str
    evidence: Evidence
    results: tuple[Result, ...]

    @property
    def failed(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.verdict is Verdict.FAIL)

    def count(self, verdict: Verdict) -> int:
        return sum(result.verdict is verdict for result in self.results)

    def table(self) -> str:
        """Plain text, a line a case, and the sums below."""
        lines = [f"conformance of {self.exchange} (evidence: {self.evidence})"]
        for result in self.results:
            reason = f"  {result.reason}" if result.reason else ""
            lines.append(f"{result.case.id}  {result.verdict:<4}  {result.seconds:6.2f} s  {result.case.title}{reason}")
        sums = ", ".join(f"{self.count(verdict)} {verdict}" for verdict in Verdict)
        return "\n".join((*lines, f"{len(self.results)} cases: {sums}"))

    def as_dict(self) -> dict[str, object]:
        """The same for machines; JSON-ready."""
        return {
            "exchange": self.exchange,
            "evidence": str(self.evidence),
            "counts": {str(verdict): self.count(verdict) for verdict in Verdict},
            "cases": [
                {
                    "id": result.case.id,
                    "title": result.case.title,
                    "verdict": str(result.verdict),
                    "reason": result.reason,
                    "seconds": round(result.seconds, 3),
                }
                for result in self.results
            ],
        }
