"""``cex sandbox serve`` with what can be set about it, as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

Cex = Callable[..., Any]

RUN = [sys.executable, "-X", "dev", "-W", "error", "-c", "from cex.cli.app import main; main()", "sandbox", "serve"]
PARENT = """
import subprocess, sys, time
with subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as child:
    sys.stdout.write(f"{child.pid}\\n{child.stdout.readline()}")
    sys.stdout.flush()
    import os
    os._exit(0)
"""


@contextmanager
def serving(*arguments: object, **settings: Any) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    command = [*RUN, *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            yield process, json.loads(line)
        finally:
            process.kill()


def test_keys_faults_and_the_control_api(tmp_path: Path) -> None:
    (tmp_path / "scenario.toml").write_text(
        'seed = 12\nlistings = ["BTC/USDT"]\n[[faults]]\nkind = "reset"\nafter = 1000\n', encoding="utf-8"
    )
    journal = tmp_path / "journal.jsonl"
    options = (
        "--scenario",
        tmp_path / "scenario.toml",
        "--journal",
        journal,
        "--control-port",
        0,
        "--exit-with-parent",
    )
    with serving(*options, "--fault", "server_error:count=1,endpoint=GET */time") as (process, said):
        assert said["seed"] == 12
        assert said["mexc"]["credentials"]["key"].startswith("mx0v")
        assert len(said["gateio"]["credentials"]["secret"]) == 64
        with pytest.raises(urllib.error.HTTPError, match="500"):
            urllib.request.urlopen(f"{said['mexc']['rest']}/api/v3/time", timeout=5)
        with urllib.request.urlopen(f"{said['control']}/faults", timeout=5) as answer:
            listed = json.load(answer)
        assert [(fault["kind"], fault["state"]) for fault in listed["faults"]] == [
            ("reset", "waiting"),
            ("server_error", "over"),
        ]
        begun = time.monotonic()
        out, err = process.communicate(input="", timeout=10)  # closes its standard input
        assert time.monotonic() - begun < 5
        assert (process.returncode, out) == (0, "")
        assert [line for line in err.splitlines() if "asyncio: Executing" not in line] == []
    events = [json.loads(line)["event"] for line in journal.read_text(encoding="utf-8").splitlines()]
    assert events == ["fault", "request"]


def test_it_ends_with_the_process_that_started_it() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PARENT, *RUN, "--exit-with-parent"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    _, line = ended.stdout.splitlines()
    url = f"{json.loads(line)['mexc']['rest']}/api/v3/ping"
    for _ in range(100):
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("it outlived its parent")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--fault", "explode"), "there is no fault 'explode'; there are drop_delta"),
        (("--fault", "drop_delta:venue=kraken"), "drop_delta: no venue 'kraken'; there are mexc, gateio"),
        (("--scenario", "none.toml"), "cannot read none.toml: No such file or directory"),
        (("--journal", "none/journal"), "cannot write none/journal: No such file or directory"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(cex: Cex, arguments: tuple[str, ...], message: str) -> None:
    ended = cex("sandbox", "serve", *arguments)
    assert (ended.code, ended.out) == (1, "")
    assert message in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_scenario_is_told_its_fault(cex: Cex, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("sed = 1\n", encoding="utf-8")
    ended = cex("sandbox", "serve", "--scenario", tmp_path / "bad.toml")
    assert ended.code == 1
    assert "nothing is called 'sed' here; there are seed" in ended.err
