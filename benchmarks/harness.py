"""What every benchmark needs: passes of a fair length, rounds in turns, processes weighed by their CPU seconds."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median
from typing import NamedTuple

__all__ = ["Case", "Cost", "Result", "compare_calls", "compare_processes", "run_process", "time_calls"]

ROOT = Path(__file__).resolve().parent.parent
LEAST_ROUNDS = 15
PASS_S = 0.02
"""Length of a pass: long enough to be timed, short enough that both sides meet the same phase of the machine."""

MEMORY = """
import sys as _sys
_modules = len(_sys.modules)
try:
    _peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
except (OSError, StopIteration):
    _peak = 0
print(f"\\n#cost {_modules} {_peak}")
"""


@dataclass(frozen=True)
class Result:
    """One figure: ``target`` is what it should not exceed, ``details`` are further figures, ``skipped`` says why."""

    name: str
    what: str
    figure: float | None = None
    unit: str = "x"
    target: float | None = None
    details: dict[str, object] = field(default_factory=dict)
    skipped: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is no figure or no target."""
        return None if self.figure is None or self.target is None else self.figure <= self.target


@dataclass(frozen=True)
class Case:
    """A benchmark: ``run(rounds)`` gives one result or several."""

    name: str
    run: Callable[[int], Result | Sequence[Result]]


class Cost(NamedTuple):
    """What one process cost: CPU seconds, peak memory in MB (0 where it cannot be told), loaded modules, its output."""

    cpu_s: float
    peak_mb: float
    modules: int
    output: str


@cache
def _environment() -> dict[str, str]:
    """Children keep compiled modules, as installed packages do, but not inside the source tree."""
    kept = tempfile.mkdtemp(prefix="cex-bench-")
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**variables, "PYTHONPYCACHEPREFIX": kept}


def run_process(code: str, python: str = sys.executable) -> Cost:
    """Run ``code`` in a fresh interpreter. RuntimeError with what it printed where it fails."""
    process = subprocess.Popen(
        [python, "-c", code + MEMORY],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
        cwd=tempfile.gettempdir(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    output, errors = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    if process.returncode != 0:
        raise RuntimeError(f"a benchmark's process failed:\n{errors[-2000:]}")
    printed, _, cost = output.rpartition("\n#cost ")
    modules, peak_kb = cost.split()
    return Cost(usage.ru_utime + usage.ru_stime, int(peak_kb) / 1024, int(modules), printed)


class Comparison(NamedTuple):
    """The median of the rounds' ratios, and the median of each side by itself."""

    ratio: float
    ours: float
    theirs: float


def compare_processes(
    ours: str,
    theirs: str,
    rounds: int,
    *,
    python: str = sys.executable,
    of: Callable[[Cost], float] = lambda c: c.cpu_s,
) -> Comparison:
    """Fresh processes in turns; ``python`` runs ``theirs``, ``of`` says what of a cost is compared (CPU seconds)."""
    run_process(ours)
    run_process(theirs, python)
    pairs = [(of(run_process(ours)), of(run_process(theirs, python))) for _ in range(max(rounds, LEAST_ROUNDS))]
    return _comparison(pairs)


def compare_calls(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> Comparison:
    """Calls within this process, in turns; both figures are seconds a call."""
    pass_ours, pass_theirs = _pass(ours), _pass(theirs)
    with _no_collector():
        pairs = [(pass_ours(), pass_theirs()) for _ in range(max(rounds, LEAST_ROUNDS))]
    return _comparison(pairs)


def time_calls(call: Callable[[], object], rounds: int) -> float:
    """Seconds a call, the median of the rounds."""
    one_pass = _pass(call)
    with _no_collector():
        return median(one_pass() for _ in range(max(rounds, LEAST_ROUNDS)))


def _comparison(pairs: Sequence[tuple[float, float]]) -> Comparison:
    return Comparison(
        median(ours / theirs for ours, theirs in pairs), median(p[0] for p in pairs), median(p[1] for p in pairs)
    )


def _pass(call: Callable[[], object]) -> Callable[[], float]:
    """A pass of about 20 ms (one call where that takes longer), which returns seconds a call."""
    call()
    started = time.perf_counter()
    calls = 0
    while time.perf_counter() - started < PASS_S:
        call()
        calls += 1

    def one_pass() -> float:
        started = time.perf_counter()
        for _ in range(calls):
            call()
        return (time.perf_counter() - started) / calls

    return one_pass


class _no_collector:  # noqa: N801 - reads as a word
    """Garbage is collected between rounds, not within one side of them."""

    def __enter__(self) -> None:
        gc.collect()
        gc.disable()

    def __exit__(self, *_exception: object) -> None:
        gc.enable()
