"""``cex watch``, ``cex record`` and ``cex sandbox`` against the sandbox, with the clients found by entry point."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

Cex = Callable[..., Any]

_SOON_S = 2.0
"""A second, and one for the interpreter's own end on a busy machine."""
RUN = [sys.executable, "-X", "dev", "-W", "error", "-c", "from cex.cli.app import main; main()"]


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, which does not outlive the block."""
    with subprocess.Popen(
        [*RUN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def complaints(err: str) -> list[str]:
    """Standard error without what asyncio says about slow steps, such as importing an exchange."""
    return [line for line in err.splitlines() if "WARNING asyncio: Executing" not in line and "took" not in line]


def test_what_was_recorded_is_replayed_to_the_same_books(cex: Cex, tmp_path: Path) -> None:
    out = tmp_path / "market.jsonl"
    ended = cex("record", "BTC/USDT", "SOL/USDT", "--sandbox", "--seconds", "2", "--out", out, "--json")
    assert ended.code == 0, ended.err
    recorded = json.loads(ended.out)
    assert recorded["errors"] == recorded["dropped"] == 0
    assert sorted(recorded["symbols"]) == ["gateio:BTC/USDT", "gateio:SOL/USDT", "mexc:BTC/USDT", "mexc:SOL/USDT"]
    for figures in recorded["symbols"].values():
        assert figures["state"] == "LIVE"
        assert figures["applied"] > 5

    first, second = cex("replay", out, "--json"), cex("replay", out, "--json")
    assert first.code == 0, first.err
    assert first.out == second.out
    replayed = json.loads(first.out)
    assert replayed["errors"] == 0
    assert replayed["symbols"] == recorded["symbols"]


def test_one_exchange_alone_is_recorded_under_plain_symbols(cex: Cex, tmp_path: Path) -> None:
    out = tmp_path / "market.jsonl"
    arguments = ("--exchange", "mexc", "--sandbox", "--seed", "3", "--seconds", "1.5", "--out", out)
    ended = cex("record", "ETH/USDT", *arguments)
    assert ended.code == 0, ended.err
    assert f"{out}: " in ended.out
    assert "1 of 1 books live at the last frame; 0 errors" in ended.out
    replayed = json.loads(cex("replay", out, "--json").out)
    assert list(replayed["symbols"]) == ["ETH/USDT"]
    assert replayed["symbols"]["ETH/USDT"]["state"] == "LIVE"
    again = cex("record", "ETH/USDT", *arguments)
    assert again.code == 1
    assert "exists already" in again.err
    assert again.out == ""


def test_watching_survives_cut_connections(cex: Cex) -> None:
    ended = cex("watch", "BTC/USDT", "ETH/USDT", "--sandbox", "--cut-every", "2.5", "--seconds", "6", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["interruptions"] in (4, 5, 6), "two connections, cut twice; perhaps again at the very end"
    lost = 2 * found["interruptions"]
    assert found["resyncs"] == lost - (4 - found["books_live"]), "whatever was lost was live again"
    assert 0 < found["slowest_resync_s"] < 2.5
    assert found["crossed_live_reads"] == found["errors"] == 0
    assert found["messages"] > 50


def test_watching_in_plain_lines(cex: Cex) -> None:
    ended = cex("watch", "BTC/USDT", "--sandbox", "--seconds", "1", "--exchange", "gateio")
    assert ended.code == 0, ended.err
    assert "gateio BTC/USDT LIVE bid " in ended.out
    assert "1 of 1 books live, 0 connections lost" in ended.out.splitlines()[-1]


def test_symbols_and_exchanges_that_are_not_there_are_told(cex: Cex) -> None:
    ended = cex("watch", "NOPE/USDT", "--sandbox")
    assert (ended.code, ended.out) == (1, "")
    assert "NOPE/USDT is listed on none of: gateio, mexc" in ended.err
    ended = cex("watch", "BTC/USDT", "--sandbox", "--exchange", "nope")
    assert (ended.code, ended.out) == (1, "")
    assert "there is no exchange 'nope' here; there are: gateio, mexc" in ended.err


def test_an_interrupted_watch_sums_up_and_leaves_nothing_behind() -> None:
    with running("watch", "BTC/USDT", "--sandbox") as process:
        assert process.stdout is not None
        while " LIVE bid" not in (line := process.stdout.readline()):
            assert line, "it ended before a book was live"
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        assert time.monotonic() - begun < _SOON_S
    assert process.returncode == 130
    assert "books live" in out.splitlines()[-1]
    assert complaints(err) == []


def test_the_sandbox_serves_until_it_is_interrupted() -> None:
    with running("sandbox", "serve", "--seed", "11") as process:
        assert process.stdout is not None
        announced = json.loads(process.stdout.readline())
        assert announced["seed"] == 11
        assert {"rest", "ws"} <= set(announced["mexc"])
        assert {"rest", "ws_spot"} <= set(announced["gateio"])
        with urllib.request.urlopen(f"{announced['mexc']['rest']}/api/v3/ping", timeout=5) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert out == ""
    assert complaints(err) == []


def test_a_port_that_is_taken_is_told(cex: Cex) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = cex("sandbox", "serve", "--mexc-port", taken.getsockname()[1])
    assert (ended.code, ended.out) == (1, "")
    assert "cannot listen" in ended.err


@pytest.mark.parametrize("seed", [7, 8])
def test_the_demonstration_proves_what_it_promises(cex: Cex, seed: int) -> None:
    ended = cex("demo", "--seconds", "6", "--seed", seed, "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert list(found) == [
        "seed",
        "seconds",
        "messages",
        "books_live",
        "spot_books_live",
        "futures_books_live",
        "gaps_injected",
        "gaps_healed",
        "crossed_live_reads",
        "opportunities",
        "best_net_bps",
        "errors",
    ]
    assert found["seed"] == seed
    assert 6 <= found["seconds"] < 12
    assert found["messages"] > 100
    assert (found["books_live"], found["spot_books_live"], found["futures_books_live"]) == (10, 8, 2)
    assert found["gaps_healed"] == found["gaps_injected"] == 2
    assert found["crossed_live_reads"] == found["errors"] == 0
    assert isinstance(found["best_net_bps"], float)


def test_the_demonstration_in_plain_lines(cex: Cex) -> None:
    ended = cex("demo", "--seconds", "4")
    assert ended.code == 0, ended.err
    assert "one update is kept back on purpose" in ended.out
    assert " lost: updates " in ended.out
    assert " live again after " in ended.out
    assert "2 gaps injected, 2 healed" in ended.out.splitlines()[-1]
