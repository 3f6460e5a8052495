"""Both exchange packages pass the conformance kit on the sandbox: a few cases always, all of them slowly."""

from __future__ import annotations

import pytest

from cex.cli.conformance import venue_of
from cex.exchanges.base.conformance import CASES, Report, Verdict, run

QUICK = ("TC-D01", "TC-D04", "TC-D20", "TC-D22", "TC-D31", "TC-D47", "TC-E01", "TC-E08", "TC-E23", "TC-E50", "TC-E55")
NOT_THERE = {
    "mexc": {"TC-E09", "TC-E10", "TC-E35"},  # no perpetuals, no changes of resting orders
    "gateio": {"TC-E63", "TC-E64", "TC-E65"},  # no session keys
}


async def proven(name: str, only: tuple[str, ...] = ()) -> Report:
    async with venue_of(name, 11) as venue:
        return await run(venue, only=only)


@pytest.mark.parametrize("name", ["mexc", "gateio"])
async def test_the_quick_cases_pass(name: str) -> None:
    report = await proven(name, QUICK)
    assert not report.failed, report.table()
    assert report.count(Verdict.PASS) == len(QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mexc", "gateio"])
async def test_every_case_passes_that_applies(name: str) -> None:
    report = await proven(name)
    assert not report.failed, report.table()
    assert len(report.results) == len(CASES)
    assert {result.case.id for result in report.results if result.verdict is Verdict.NOT_APPLICABLE} == NOT_THERE[name]
