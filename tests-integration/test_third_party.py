"""The harness that drives clients of others: its table, its exit codes, and that nothing outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

THIRD_PARTY = Path(__file__).resolve().parent / "third_party"

TELL = """
import json
def tell(step, ok, detail="", fault=""):
    line = {"client": "c", "version": "1.0", "step": step, "ok": ok, "detail": detail, "fault": fault}
    print(json.dumps(line), flush=True)
"""
DRIVERS = {
    "good": "tell('book', True, '5 levels')",
    "bad": "tell('book', False, 'AssertionError: wrong')",
    "excused": "tell('book', True); tell('order', False, 'it has | none', 'client')",
    "crashing": "tell('book', True); raise SystemExit(3)",
    "babbling": "print('hello')",
    "announcing": "import sys; tell('announcement', sys.argv[2] == '{\"seed\": 7}' and sys.argv[3:] == ['more'])",
}
SANDBOX = "import sys; print('{\"seed\": 7}', flush=True); sys.stdin.read()"
HARNESS = """
import sys
sys.path.insert(0, {third_party!r})
from pathlib import Path
import drive
from clients import HERE, Client
drive.SANDBOX = {sandbox!r}
drive.CLIENT_WITHIN_S = {within}
clients = [Client(name, HERE, Path({folder!r}) / (name + ".py"), ("more",)) for name in {names!r}]
try:
    code = drive.main(sys.argv[1:], clients)
except KeyboardInterrupt:
    code = 130
sys.exit(code)
"""


def harness(
    folder: Path, *names: str, arguments: tuple[str, ...] = (), sandbox: str = SANDBOX, within: float = 20.0
) -> list[str]:
    """The command that drives these planted clients."""
    for name in names:
        (folder / f"{name}.py").write_text(TELL + DRIVERS.get(name, WAITING), encoding="utf-8")
    script = folder / "harness.py"
    settings = {"third_party": str(THIRD_PARTY), "folder": str(folder), "names": names}
    script.write_text(HARNESS.format(**settings, sandbox=sandbox, within=within), encoding="utf-8")
    return [sys.executable, str(script), *arguments]


def driven(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_table_tells_each_step(tmp_path: Path) -> None:
    done = driven(harness(tmp_path, "good", "excused", "announcing"))
    assert (done.returncode, done.stderr) == (0, "")
    first, *_, last = done.stdout.splitlines()
    assert first.split() == ["passed", "c", "1.0", "book", "5", "levels"]
    assert last == "4 steps, 0 failed, 1 impossible by the client's own fault"


@pytest.mark.parametrize(
    ("name", "step", "detail"),
    [
        ("bad", "book", "AssertionError: wrong"),
        ("crashing", "end", "the driver ended with 3"),
        ("babbling", "run", "not the line of a step: 'hello'"),
    ],
)
def test_what_goes_wrong_is_a_failed_step(tmp_path: Path, name: str, step: str, detail: str) -> None:
    done = driven(harness(tmp_path, name, "good", arguments=("--json",)))
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["passed"] is False
    (failed,) = (row for row in told["rows"] if row["result"] == "FAILED")
    assert (failed["step"], failed["detail"]) == (step, detail)
    assert told["rows"][-1] == {
        "client": "c",
        "version": "1.0",
        "step": "book",
        "result": "passed",
        "detail": "5 levels",
    }


def test_one_client_can_be_asked_for(tmp_path: Path) -> None:
    done = driven(harness(tmp_path, "good", "bad", arguments=("--only", "goo")))
    assert done.returncode == 0
    done = driven(harness(tmp_path, "good", "bad", arguments=("--only", "nobody")))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "no client begins with nobody; there are good, bad\n"


def test_a_sandbox_that_does_not_start_is_told(tmp_path: Path) -> None:
    done = driven(harness(tmp_path, "good", sandbox="raise SystemExit(1)"))
    assert done.returncode == 1
    assert "the sandbox did not start" in done.stdout


def test_the_table_of_the_readme(tmp_path: Path) -> None:
    told = [("book", "passed", ""), ("trades", "passed", ""), ("x", "FAILED", "a|b")]
    code = f"from drive import Row, grouped; print(grouped([Row('c', '1', *one) for one in {told}], '2026-01-02'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=THIRD_PARTY, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "| client | version | steps | result |",
        "| --- | --- | --- | --- |",
        "| c | 1 | book, trades | passed |",
        "| c | 1 | x | FAILED: a\\|b |",
        "",
        "Seen on 2026-01-02.",
    ]


# Nothing outlives it

WAITING = f"""
import os, sys, time
sys.path.insert(0, {str(THIRD_PARTY / "drivers")!r})
from steps import end_with_input
end_with_input()
tell(str(os.getpid()), True)
time.sleep(60)
"""


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_nothing_outlives_a_harness_that_is_ended(tmp_path: Path, number: signal.Signals, code: int) -> None:
    (tmp_path / "scratch").mkdir()
    sandbox = f"open({str(tmp_path / 'sandbox')!r}, 'w').write(str(__import__('os').getpid())); {SANDBOX}"
    environment = {**os.environ, "TMPDIR": str(tmp_path / "scratch")}
    command = harness(tmp_path, "waiting", sandbox=sandbox)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        others = [int(process.stdout.readline().split()[3]), int((tmp_path / "sandbox").read_text())]
        assert all(map(is_running, others))
        process.send_signal(number)
        assert process.wait(timeout=10) == code
    end = time.monotonic() + 10
    while any(map(is_running, others)):
        assert time.monotonic() < end
        time.sleep(0.02)
    if number is not signal.SIGKILL:
        assert list((tmp_path / "scratch").iterdir()) == []


def test_a_driver_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    done = driven(harness(tmp_path, "waiting", within=0.5))
    assert done.returncode == 1
    assert "not through after 0.5 s" in done.stdout
    assert not is_running(int(done.stdout.split()[3]))
