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


def run_here(code: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` among the modules of the benchmarks."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, timeout=120, check=False)


def test_the_cases_are_listed() -> None:
    listed = bench("--list").stdout.split()
    assert {"depth-10-gateio-spot", "depth-40-gateio-futures", "ticker-mexc-spot", "trade-mexc-spot"} <= set(listed)
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


def test_samples_are_the_same_each_time_and_without_a_gap() -> None:
    done = run_here(
        "import json\n"
        "from market_frames import MARKETS, make_sample\n"
        "for market in MARKETS:\n"
        "    for kind, levels in (('depth', 10), ('depth', 40), ('ticker', 0), ('trade', 0)):\n"
        "        assert make_sample(market, kind, levels) == make_sample(market, kind, levels)\n"
        "sample = make_sample('gateio-spot', 'depth', 10)\n"
        "updates = [json.loads(frame)['result'] for frame in sample.frames]\n"
        "last = sample.last_id\n"
        "for update in updates:\n"
        "    assert (update['U'], len(update['b']), len(update['a'])) == (last + 1, 5, 5)\n"
        "    last = update['u']\n"
        "amounts = [amount for update in updates for _, amount in update['b'] + update['a']]\n"
        "print(amounts.count('0') / len(amounts), len(sample.bids), len(sample.asks))\n"
    )
    assert done.returncode == 0, done.stderr
    deletes, bids, asks = map(float, done.stdout.split())
    assert 0.1 < deletes < 0.3
    assert (bids, asks) == (100, 100)


def test_the_product_and_the_plain_reference_read_the_same() -> None:
    done = run_here(
        "from dataclasses import replace\n"
        "from market_contenders import Plain, Product\n"
        "from market_frames import MARKETS, make_sample\n"
        "def checksum(contender):\n"
        "    contender.feed()\n"
        "    return contender.checksum\n"
        "for market in MARKETS:\n"
        "    for kind, levels in (('depth', 10), ('depth', 40), ('ticker', 0), ('trade', 0)):\n"
        "        sample = make_sample(market, kind, levels)\n"
        "        whole = checksum(Product(sample))\n"
        "        assert whole == checksum(Plain(sample)) != 0, (market, kind)\n"
        "        less = replace(sample, frames=sample.frames[:-1])\n"
        "        assert checksum(Product(less)) != whole, (market, kind)\n"
    )
    assert done.returncode == 0, done.stderr


CONTENDERS = """
import time
from harness import InProcess, UnequalWork, compare_contenders

class Sums:
    def __init__(self, numbers, checksum=1):
        self.numbers, self.result, self.checksum = numbers, checksum, 0
    def reset(self):
        time.sleep(0.001)
        self.checksum = 0
    def feed(self):
        sum(range(self.numbers))
        self.checksum = self.result
"""


def test_contenders_are_compared_by_their_work_alone() -> None:
    done = run_here(
        CONTENDERS + "found = compare_contenders(InProcess(Sums(200_000)), {'half': InProcess(Sums(100_000))}, 15)\n"
        "assert 1.5 < found['half'].ratio < 2.7, found\n"
    )
    assert done.returncode == 0, done.stderr


def test_unequal_work_is_no_figure() -> None:
    done = run_here(CONTENDERS + "compare_contenders(InProcess(Sums(10)), {'other': InProcess(Sums(10, 2))}, 15)\n")
    assert done.returncode == 1
    assert "UnequalWork: other came to 2, ours to 1" in done.stderr


def test_a_worker_answers_and_one_that_fails_says_why(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(
        "import sys\n"
        "print('ready', flush=True)\n"
        "for line in sys.stdin:\n"
        "    if line == '3\\n':\n"
        "        raise SystemExit('three is too much')\n"
        "    print(f'[{int(line) / 10}, 77]', flush=True)\n"
    )
    done = run_here(
        "import sys\n"
        "from harness import Worker\n"
        f"with Worker([sys.executable, {str(script)!r}]) as worker:\n"
        "    assert worker.run(2) == (0.2, 77)\n"
        "    worker.run(3)\n"
    )
    assert done.returncode == 1
    assert "a benchmark's process failed:\nthree is too much" in done.stderr


def test_without_ccxt_its_cases_are_skipped(tmp_path: Path) -> None:
    for path in BENCHMARKS.glob("*.py"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "ccxt_environment.py").write_text("def ccxt_python():\n    return None, 'there is no ccxt'\n")
    command = [sys.executable, str(tmp_path / "run.py"), "--only", "ticker-gateio-spot", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    plain, ccxt = json.loads(done.stdout)["results"]
    assert (plain["name"], plain["skipped"]) == ("ticker-gateio-spot-plain", "")
    assert plain["figure"] > 0
    assert (ccxt["figure"], ccxt["skipped"]) == (None, "there is no ccxt")
