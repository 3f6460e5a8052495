"""The benchmarks run, tell figures that belong to their targets, and say when one is missed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_cases_are_listed() -> None:
    listed = bench("--list").stdout.split()
    assert {"config-cold", "config-warm", "config-cached", "factory-discovery", "import", "ccxt", "idle"} <= set(listed)
    assert bench("--list", "--only", "config").stdout.split() == ["config-cold", "config-warm", "config-cached"]


def test_an_unknown_case_is_wrong_usage() -> None:
    done = bench("--only", "nothing")
    assert done.returncode == 2
    assert "no case begins with nothing" in done.stderr


def test_a_case_tells_its_figure_and_its_target() -> None:
    done = bench("--only", "config-cached", "--json")
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)["results"]
    assert result["name"] == "config-cached"
    assert result["unit"] == "us"
    assert 0 < result["figure"] < 1000
    assert result["met"] is (result["figure"] <= result["target"])


def test_idle_exchanges_do_nothing() -> None:
    done = bench("--only", "idle", "--json")
    tasks, cpu = json.loads(done.stdout)["results"]
    assert (tasks["figure"], cpu["details"]["exchanges"]) == (0, 3)


def test_a_missed_target_is_an_error_when_asked(tmp_path: Path) -> None:
    for name in ("run.py", "harness.py"):
        (tmp_path / name).write_text((BENCHMARKS / name).read_text())
    (tmp_path / "bench_planted.py").write_text(
        "from harness import Case, Result\n"
        "CASES = [Case('planted', lambda rounds: Result('planted', 'too slow', 2.0, target=1.0)),\n"
        "         Case('absent', lambda rounds: Result('absent', 'not there', skipped='no peer'))]\n"
    )
    planted = [sys.executable, str(tmp_path / "run.py")]
    done = subprocess.run(planted, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["MISSED", "planted"], ["skipped", "absent"]]
    assert subprocess.run([*planted, "--strict"], capture_output=True, check=False).returncode == 1


def test_the_harness_tells_much_work_from_little(tmp_path: Path) -> None:
    code = (
        "from harness import compare_calls\n"
        "found = compare_calls(lambda: sum(range(40_000)), lambda: sum(range(10_000)), 15)\n"
        "assert 2.0 < found.ratio < 8.0, found\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
