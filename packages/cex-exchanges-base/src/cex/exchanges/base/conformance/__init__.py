"""The kit that proves an exchange package: numbered cases, run against any venue that one can hand to it.

It knows neither a test framework nor a particular venue: who runs it gives a :class:`VenueUnderTest`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cex.common.lazy import lazy_exports

if TYPE_CHECKING:
    from cex.exchanges.base.conformance.cases import CASES
    from cex.exchanges.base.conformance.results import Case, Report, Result, Verdict
    from cex.exchanges.base.conformance.runner import run
    from cex.exchanges.base.conformance.venue import Evidence, Need, VenueUnderTest

__all__ = ["CASES", "Case", "Evidence", "Need", "Report", "Result", "VenueUnderTest", "Verdict", "run"]

__getattr__ = lazy_exports(
    __name__,
    {
        "cases": ["CASES"],
        "results": ["Case", "Report", "Result", "Verdict"],
        "runner": ["run"],
        "venue": ["Evidence", "Need", "VenueUnderTest"],
    },
)
