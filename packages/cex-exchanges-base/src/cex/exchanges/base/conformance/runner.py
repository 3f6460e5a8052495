"""Runs cases one after the other; whatever a case does, the next one begins with nothing of it left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from contextlib import AsyncExitStack

from cex.common.redaction import redact
from cex.exchanges.base.conformance.bench import Bench
from cex.exchanges.base.conformance.cases import CASES
from cex.exchanges.base.conformance.checks import CaseFailed
from cex.exchanges.base.conformance.results import Case, Report, Result, Verdict
from cex.exchanges.base.conformance.venue import VenueUnderTest
from cex.exchanges.base.offers import NotOfferedException

__all__ = ["run"]

CASE_TIMEOUT_S = 90.0


async def run(
    venue: VenueUnderTest,
    *,
    cases: Iterable[Case] = CASES,
    only: Collection[str] = (),
    timeout: float = CASE_TIMEOUT_S,
    on_result: Callable[[Result], None] | None = None,
) -> Report:
    """Run ``cases`` against a venue, of these only those whose ids begin with one of ``only`` where that is given.

    A case that takes longer than ``timeout`` seconds fails. ``on_result`` hears each result as it comes.
    """
    results = []
    for one in cases:
        if only and not one.id.startswith(tuple(only)):
            continue
        result = await _result(one, venue, timeout)
        results.append(result)
        if on_result is not None:
            on_result(result)
    return Report(venue.exchange, venue.evidence, tuple(results))


async def _result(one: Case, venue: VenueUnderTest, timeout: float) -> Result:
    missing = [f"there is not {need}" for need in sorted(one.needs - set(venue.offers))]
    missing += [f"the venue cannot inject {fault}" for fault in sorted(one.faults - set(venue.faults))]
    if missing:
        return Result(one, Verdict.NOT_APPLICABLE, "; ".join(missing), 0.0)
    loop = asyncio.get_running_loop()
    began = loop.time()
    verdict, reason = await _ended(one, venue, timeout)
    return Result(one, verdict, redact(reason), loop.time() - began)


async def _ended(one: Case, venue: VenueUnderTest, timeout: float) -> tuple[Verdict, str]:
    before = asyncio.all_tasks()
    try:
        async with asyncio.timeout(timeout) as limit:
            async with AsyncExitStack() as stack:
                await one.run(Bench(venue, stack))
    except NotOfferedException as error:
        return Verdict.NOT_APPLICABLE, error.message
    except CaseFailed as error:
        return Verdict.FAIL, str(error)
    except TimeoutError as error:
        return Verdict.FAIL, f"not done within {timeout:g} s" if limit.expired() else f"raised TimeoutError: {error}"
    except Exception as error:  # noqa: BLE001 (whatever it is, it is what came of the case)
        return Verdict.FAIL, f"raised {type(error).__name__}: {error}"
    await asyncio.sleep(0)
    left = [task.get_name() for task in asyncio.all_tasks() - before if task.get_name().startswith("cex-")]
    if left:
        return Verdict.FAIL, f"left tasks behind: {', '.join(sorted(left))}"
    return Verdict.PASS, ""
