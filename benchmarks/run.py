"""Runs the benchmarks of this folder: `python3 tools/dev.py bench [--only NAME] [--json]`."""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from harness import LEAST_ROUNDS, Case, Result

__all__ = ["find_cases", "main"]


def find_cases() -> list[Case]:
    """The cases of every bench_*.py beside this file."""
    modules = [importlib.import_module(path.stem) for path in sorted(Path(__file__).parent.glob("bench_*.py"))]
    return [case for module in modules for case in module.CASES]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench", description="Ratios measured in turns; see benchmarks/README.md.")
    parser.add_argument("--only", action="append", metavar="NAME", help="cases whose name begins so; may be repeated")
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS, help=f"at least {LEAST_ROUNDS}")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    parser.add_argument("--strict", action="store_true", help="exit code 1 when a target is missed")
    chosen = parser.parse_args(arguments)
    cases = [case for case in find_cases() if not chosen.only or case.name.startswith(tuple(chosen.only))]
    if not cases:
        parser.error(f"no case begins with {' or '.join(chosen.only)}; --list names them")
    if chosen.list:
        print("\n".join(case.name for case in cases))
        return 0
    results = []
    for result in _measured(cases, chosen.rounds):
        results.append(result)
        if not chosen.json:
            print(_line(result), flush=True)
    if chosen.json:
        machine = {"python": platform.python_version(), "system": platform.platform()}
        print(
            json.dumps({**machine, "results": [{**asdict(result), "met": result.met} for result in results]}, indent=2)
        )
    return 1 if chosen.strict and any(result.met is False for result in results) else 0


def _measured(cases: list[Case], rounds: int) -> Iterator[Result]:
    for case in cases:
        found = case.run(rounds)
        yield from [found] if isinstance(found, Result) else found


def _line(result: Result) -> str:
    if result.figure is None:
        return f"{'skipped':<8} {result.name:<24} {result.skipped}"
    verdict = {True: "met", False: "MISSED", None: ""}[result.met]
    target = "" if result.target is None else f"(target {result.target:g})"
    details = ", ".join(f"{name} {_figure(value)}" for name, value in result.details.items())
    return f"{verdict:<8} {result.name:<24} {result.figure:8.3f} {result.unit:<2} {target:<14} {result.what}; {details}"


def _figure(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
