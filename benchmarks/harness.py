"""What every benchmark needs: passes of a fair length, rounds in turns, processes weighed by their CPU seconds."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median
from typing import NamedTuple, Protocol

__all__ = [
    "Case",
    "Comparison",
    "Contender",
    "Cost",
    "InProcess",
    "Passes",
    "Result",
    "UnequalWork",
    "Worker",
    "compare_calls",
    "compare_contenders",
    "compare_processes",
    "run_process",
    "time_calls",
]

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


class ProcessComparison(NamedTuple):
    """CPU seconds and peak memory (MB, 1 on both sides where it cannot be told)."""

    cpu: Comparison
    peak: Comparison


def compare_processes(ours: str, theirs: str, rounds: int, *, python: str = sys.executable) -> ProcessComparison:
    """Fresh processes in turns; ``python`` runs ``theirs``. Compares CPU seconds and peak memory (MB)."""
    run_process(ours)
    run_process(theirs, python)
    pairs = [(run_process(ours), run_process(theirs, python)) for _ in range(max(rounds, LEAST_ROUNDS))]
    return ProcessComparison(
        _comparison([(one.cpu_s, other.cpu_s) for one, other in pairs]),
        _comparison([(one.peak_mb or 1.0, other.peak_mb or 1.0) for one, other in pairs]),
    )


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


# ---- contenders that do the same work --------------------------------------------------------------------------------


class UnequalWork(Exception):
    """Two contenders did not come to the same result, so their times say nothing."""


class Contender(Protocol):
    """Does a piece of work again and again; ``checksum`` tells what came of it."""

    checksum: int

    def reset(self) -> None:
        """Begin anew; takes its time and is not measured."""
        ...

    def feed(self) -> None:
        """Do all of it once."""
        ...


class Passes(Protocol):
    """A contender wherever it lives."""

    def run(self, repeats: int) -> tuple[float, int]:
        """CPU seconds of doing the work ``repeats`` times, and the checksum of the last time."""
        ...


class InProcess:
    """A contender of this process."""

    def __init__(self, contender: Contender) -> None:
        self._contender = contender

    def run(self, repeats: int) -> tuple[float, int]:
        contender, spent = self._contender, 0.0
        with _no_collector():
            for _ in range(repeats):
                contender.reset()
                started = time.process_time()
                contender.feed()
                spent += time.process_time() - started
        return spent, contender.checksum


class Worker:
    """A contender in a process of its own, maybe of another environment; a context manager that ends it.

    The process prints a line when it is ready. It then answers each line with a number of repeats by a JSON list of
    CPU seconds and checksum, and ends with its input. RuntimeError with what it printed where it fails.
    """

    def __init__(self, command: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, **(variables or {})},
        )

    def __enter__(self) -> Worker:
        self._answer()
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended by itself
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def run(self, repeats: int) -> tuple[float, int]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{repeats}\n")
        self._process.stdin.flush()
        seconds, checksum = json.loads(self._answer())
        return seconds, checksum

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            raise RuntimeError(f"a benchmark's process failed:\n{self._errors.read()[-2000:]}")
        return line


def compare_contenders(ours: Passes, others: Mapping[str, Passes], rounds: int) -> dict[str, Comparison]:
    """Passes of about 20 ms in turns, each round beginning with the next one; figures are CPU seconds of the work.

    Raises:
        UnequalWork: a checksum differed.
    """
    everyone = {"ours": ours, **others}
    first = {name: contender.run(1) for name, contender in everyone.items()}
    expected = first["ours"][1]
    repeats = {}
    for name, (_, checksum) in first.items():
        _require_equal(name, checksum, expected)
        repeats[name] = max(1, round(PASS_S / everyone[name].run(1)[0]))
    names = list(everyone)
    table = []
    for number in range(max(rounds, LEAST_ROUNDS)):
        turn = number % len(names)
        row = {}
        for name in names[turn:] + names[:turn]:
            seconds, checksum = everyone[name].run(repeats[name])
            _require_equal(name, checksum, expected)
            row[name] = seconds / repeats[name]
        table.append(row)
    return {name: _comparison([(row["ours"], row[name]) for row in table]) for name in others}


def _require_equal(name: str, checksum: int, expected: int) -> None:
    if checksum != expected:
        raise UnequalWork(f"{name} came to {checksum}, ours to {expected}")


class _no_collector:  # noqa: N801 - reads as a word
    """Garbage is collected between rounds, not within one side of them."""

    def __enter__(self) -> None:
        gc.collect()
        gc.disable()

    def __exit__(self, *_exception: object) -> None:
        gc.enable()
