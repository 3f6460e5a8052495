"""Every static check of the repository, each with a line of its own: `python3 tools/dev.py check [--json]`.

A failed step does not keep the others from running; what it printed follows the table. Exit code 1 when any has failed.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Step", "main", "run_step", "steps"]

ROOT = Path(__file__).resolve().parent.parent
TREES = ("packages", "tests-integration", "tools", "benchmarks", "examples", "docs")


@dataclass(frozen=True)
class Step:
    """One check: its name and the commands that all have to succeed."""

    name: str
    commands: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Outcome:
    name: str
    passed: bool
    seconds: float
    output: str


def steps(root: Path = ROOT) -> list[Step]:
    """What is checked, in the order in which it is told."""
    python = sys.executable
    tools = root / "tools"
    return [
        Step("format", ((python, "-m", "ruff", "format", "--check", "--output-format=concise", "."),)),
        Step("lint", ((python, "-m", "ruff", "check", "--output-format=concise", "."),)),
        Step("types", tuple((python, "-m", "mypy", *group) for group in _typed(root))),
        Step("contracts", ((str(Path(python).parent / "lint-imports"), "--no-logo"),)),
        Step("dependencies", ((python, str(tools / "check_deps.py")),)),
        Step("layout", ((python, str(tools / "check_layout.py")),)),
        Step("generated code", ((python, str(tools / "generate_protobuf.py"), "--check"),)),
    ]


def _typed(root: Path) -> list[list[str]]:
    """The runs of mypy: everything together, then each further conftest.py, as their module names are all the same."""
    sources = [str(path) for path in sorted(root.glob("packages/*/src"))]
    scripts = [path for tree in TREES[1:] for path in sorted((root / tree).rglob("*.py"))]
    tests = sorted(root.glob("packages/*/tests/**/*.py"))
    together = [str(path) for path in [*tests, *scripts] if path.name != "conftest.py"]
    conftests = [str(path) for path in [*tests, *scripts] if path.name == "conftest.py"]
    return [[*sources, *together], *([path] for path in conftests)]


def run_step(step: Step, root: Path = ROOT) -> Outcome:
    """Run the commands of one step; never raises for a failure, also not for a command that is not there."""
    started = time.monotonic()
    passed, printed = True, []
    for command in step.commands:
        try:
            done = subprocess.run(
                command,
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        except OSError as error:
            passed = False
            printed.append(f"{command[0]}: {error.strerror}")
            continue
        passed = passed and done.returncode == 0
        if done.returncode != 0:
            printed.append(done.stdout.strip())
    return Outcome(step.name, passed, round(time.monotonic() - started, 1), "\n".join(printed))


def main(arguments: list[str]) -> int:
    """Run all steps and print the table, or with --json one object."""
    if arguments not in ([], ["--json"]):
        print("usage: check [--json]", file=sys.stderr)
        return 2
    as_json = bool(arguments)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # a running child ends with us
    outcomes = []
    for step in steps():
        outcome = run_step(step)
        outcomes.append(outcome)
        if not as_json:
            print(
                f"{'ok    ' if outcome.passed else 'FAILED'}  {outcome.name:<15} {outcome.seconds:5.1f} s", flush=True
            )
    failed = [outcome for outcome in outcomes if not outcome.passed]
    if as_json:
        print(json.dumps({"passed": not failed, "steps": [asdict(outcome) for outcome in outcomes]}), flush=True)
    else:
        for outcome in failed:
            print(f"\n--- {outcome.name}\n{outcome.output}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
