"""The command line as a user meets it: help, wrong usage, errors in one line."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cex = Callable[..., Any]


def test_help_names_every_command(cex: Cex) -> None:
    done = cex("--help")
    assert done.code == 0
    for command in ("demo", "watch", "record", "replay", "sandbox", "doctor", "balances", "orders", "conformance"):
        assert command in done.out
    assert cex("sandbox", "--help").code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["replay"], "Missing argument"),
        (["replay", "x", "--speed", "fast"], "neither a number nor max"),
        (["replay", "x", "--speed", "0"], "not a positive number"),
        (["replay", "x", "--speed", "nan"], "not a positive number"),
        (["watch", "BTCUSDT"], "not a symbol"),
        (["watch", "BTC/USDT", "--seconds", "-1"], "not a positive number"),
        (["watch", "BTC/USDT", "--cut-every", "5"], "add --sandbox"),
        (["record", "BTC/USDT"], "Missing option '--out'"),
        (["sandbox", "serve", "--mexc-port", "70000"], "65535"),
        (["nope"], "No such command"),
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(cex: Cex, arguments: list[str], told: str) -> None:
    done = cex(*arguments)
    assert done.code == 2, done.err
    assert told in " ".join(done.err.replace("│", "").split())
    assert done.out == ""


def test_an_error_is_one_line_and_exit_code_1(cex: Cex, tmp_path: Path) -> None:
    done = cex("config", "show", str(tmp_path / "missing.toml"))
    assert done.code == 1
    assert done.err.startswith("cex: ")
    assert "missing.toml" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("before", ["SIG_DFL", "SIG_IGN", "default_int_handler"])
def test_an_interrupt_while_modules_are_imported_is_no_traceback(before: str) -> None:
    program = (
        "import os, signal, sys\n"
        f"signal.signal(signal.SIGINT, signal.{before})\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from cex.cli.app import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, "", "")
