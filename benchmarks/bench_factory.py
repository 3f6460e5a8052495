"""Finding exchanges and building them: nothing is connected."""

from __future__ import annotations

from statistics import median

from cex.factory import ComponentRegistry, FactoryManager
from harness import LEAST_ROUNDS, Case, Result, run_process, time_calls

__all__ = ["CASES"]

DISCOVER = """
import time
import importlib.metadata
from cex.factory.discovery import discover
started = time.perf_counter()
found = discover()
print(time.perf_counter() - started, len(found), len(list(importlib.metadata.distributions())))
"""

FIRST = """
import time
from cex.factory import FactoryManager
manager = FactoryManager({{}})
manager.names()
started = time.perf_counter()
manager.create_public_exchange({name!r})
print(time.perf_counter() - started)
"""


def discovery(rounds: int) -> Result:
    answers = [run_process(DISCOVER).output.split() for _ in range(max(rounds, LEAST_ROUNDS) + 1)][1:]
    seconds = median(float(answer[0]) for answer in answers)
    return Result(
        "factory-discovery",
        "finding the installed exchanges in a fresh process, importlib.metadata imported before",
        seconds * 1e3,
        "ms",
        5.0,
        {"exchanges": int(answers[0][1]), "distributions": int(answers[0][2])},
    )


def creation(rounds: int) -> list[Result]:
    results = []
    for name in ComponentRegistry().names():
        code = FIRST.format(name=name)
        run_process(code)
        first = median(float(run_process(code).output) for _ in range(5))
        manager = FactoryManager({})
        config = manager.config(name)
        factory = manager.factory(name)
        seconds = time_calls(lambda: factory.create_public_exchange(config), rounds)  # noqa: B023 (called at once)
        results.append(
            Result(
                f"factory-{name}",
                f"building {name}'s public exchange, once its module is loaded",
                seconds * 1e3,
                "ms",
                1.0,
                {"first_ms_with_imports": first * 1e3},
            )
        )
    return results


CASES = [Case("factory-discovery", discovery), Case("factory-creation", creation)]
