"""``cex replay``: recorded traffic through the unmodified client, found by entry point, into proven books.

The whole recording lies in the folder that the environment variable CEX_RECORDINGS names; without it the tests that
need it are skipped. A short one (tests-integration/recordings) is always played.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cex = Callable[..., Any]
Summary = dict[str, Any]

SHORT = Path(__file__).parent / "recordings" / "gateio-spot-short"
WHOLE = "gateio-spot-2021-04-22"
SUFFIXES = (".ws", ".http", ".rest")
_SOON_S = 2.0
"""A second, and one for the interpreter's own end on a busy machine."""
RUN = [sys.executable, "-X", "dev", "-W", "error", "-c", "from cex.cli.app import main; main()"]


@pytest.fixture
def whole() -> list[Path]:
    folder = os.environ.get("CEX_RECORDINGS")
    if not folder:
        pytest.skip("CEX_RECORDINGS names no folder with recordings")
    return [Path(folder) / f"{WHOLE}{suffix}" for suffix in SUFFIXES]


@pytest.fixture
def short() -> list[Path]:
    return [SHORT.with_suffix(suffix) for suffix in SUFFIXES]


def copied(files: list[Path], folder: Path, change: Callable[[list[str]], list[str]]) -> list[Path]:
    """A copy of a recording whose WebSocket lines are changed."""
    copies = [Path(shutil.copy(file, folder / file.name)) for file in files]
    lines = copies[0].read_text(encoding="utf-8").splitlines()
    copies[0].write_text("\n".join(change(lines)) + "\n", encoding="utf-8")
    return copies


def updates(lines: list[str], pair: str) -> list[int]:
    """Where the book updates of a pair stand."""
    return [number for number, line in enumerate(lines) if '"depthUpdate"' in line and f'"s":"{pair}"' in line]


def summary(ended: Any) -> Summary:
    assert ended.code == 0, ended.err
    found: Summary = json.loads(ended.out)
    assert ended.out.count("\n") == 1, "standard output holds one object and nothing else"
    return found


def sums(symbols: dict[str, Summary]) -> dict[str, int]:
    names = ("deltas", "applied", "stale", "gaps", "trades")
    return {name: sum(figures[name] for figures in symbols.values()) for name in names}


def test_the_whole_recording(cex: Cex, whole: list[Path]) -> None:
    first = cex("replay", *whole, "--json")
    found = summary(first)
    assert sums(found["symbols"]) == {"deltas": 172, "applied": 159, "stale": 13, "gaps": 0, "trades": 9}
    assert len(found["symbols"]) == 10
    assert {figures["state"] for figures in found["symbols"].values()} == {"LIVE"}
    assert found["errors"] == 0
    for figures in found["symbols"].values():
        assert figures["bids"][0][0] < figures["asks"][0][0]
        assert len(figures["bids"]) == len(figures["asks"]) == 5
    assert found["symbols"]["NANO/USDT"]["last_id"] == 8008166
    assert cex("replay", *reversed(whole), "--json").out == first.out, "the same again, in whatever order"


def test_a_lost_line_of_the_whole_recording_is_noticed(cex: Cex, whole: list[Path], tmp_path: Path) -> None:
    before = summary(cex("replay", *whole, "--json"))["symbols"]

    def lose(lines: list[str]) -> list[str]:
        missing = updates(lines, "OMG_USDT")[25]
        return [line for number, line in enumerate(lines) if number != missing]

    after = summary(cex("replay", *copied(whole, tmp_path, lose), "--json"))["symbols"]
    lost = after.pop("OMG/USDT")
    assert lost["state"] != "LIVE"
    assert re.search(r"updates \d+ to \d+ are missing", lost["reason"])
    assert lost["bids"] == lost["asks"] == []
    assert lost["gaps"] == 1
    before.pop("OMG/USDT")
    assert after == before


def test_a_doubled_line_of_the_whole_recording_changes_no_book(cex: Cex, whole: list[Path], tmp_path: Path) -> None:
    before = summary(cex("replay", *whole, "--json"))["symbols"]

    def double(lines: list[str]) -> list[str]:
        number = updates(lines, "NEO_BTC")[20]
        return [*lines[:number], lines[number], *lines[number:]]

    found = summary(cex("replay", *copied(whole, tmp_path, double), "--json"))
    after = found["symbols"]
    assert found["errors"] == 0
    assert after["NEO/BTC"].pop("deltas") == before["NEO/BTC"].pop("deltas") + 1
    assert after["NEO/BTC"].pop("stale") == before["NEO/BTC"].pop("stale") + 1
    assert after == before


def test_the_short_recording(cex: Cex, short: list[Path]) -> None:
    first = cex("replay", *short, "--json")
    found = summary(first)
    assert sums(found["symbols"]) == {"deltas": 25, "applied": 20, "stale": 5, "gaps": 0, "trades": 2}
    assert {name: (s["state"], s["last_id"], s["trades"]) for name, s in found["symbols"].items()} == {
        "BTC/USDC": ("LIVE", 13035634, 0),
        "HAI/ETH": ("LIVE", 2691456, 0),
        "NANO/USDT": ("LIVE", 8008166, 1),
        "ZKS/ETH": ("LIVE", 11077674, 1),
    }
    assert found["symbols"]["BTC/USDC"]["bids"][0] == [54272.19, 0.0589]
    assert found["errors"] == 0
    assert cex("replay", *short, "--json").out == first.out


@pytest.mark.parametrize("position", [1, 3, 5])
def test_any_lost_line_is_noticed_and_nothing_else_is_touched(
    cex: Cex, short: list[Path], tmp_path: Path, position: int
) -> None:
    before = summary(cex("replay", *short, "--json"))["symbols"]

    def lose(lines: list[str]) -> list[str]:
        missing = updates(lines, "ZKS_ETH")[position]
        return [line for number, line in enumerate(lines) if number != missing]

    files = copied(short, tmp_path, lose)
    first = cex("replay", *files, "--json")
    after = summary(first)["symbols"]
    assert after["ZKS/ETH"]["state"] != "LIVE"
    assert after["ZKS/ETH"]["reason"]
    for name in ("BTC/USDC", "HAI/ETH", "NANO/USDT"):
        assert after[name] == before[name]


def test_a_truncated_book_is_told_by_the_client(cex: Cex, short: list[Path], tmp_path: Path) -> None:
    def spoil(lines: list[str]) -> list[str]:
        number = updates(lines, "HAI_ETH")[3]
        return [*lines[:number], lines[number].replace('"u":', '"v":'), *lines[number + 1 :]]

    found = summary(cex("replay", *copied(short, tmp_path, spoil), "--json"))
    assert found["errors"] == 1, "a frame that does not decode is an error"
    assert found["symbols"]["HAI/ETH"]["state"] != "LIVE"
    assert found["symbols"]["ZKS/ETH"]["state"] == "LIVE"


def test_plain_lines_tell_what_happens(cex: Cex, short: list[Path]) -> None:
    ended = cex("replay", *short)
    assert ended.code == 0
    assert re.search(r"gateio NANO/USDT LIVE bid 8\.7411 ask 8\.8542 sequence 8008166 deltas 5 trades 1", ended.out)
    assert ended.out.splitlines()[-1] == (
        "25 deltas, 20 applied, 5 stale, 0 gaps, 2 trades; 4 of 4 books live at the last frame; 0 errors"
    )


def test_speed_makes_no_difference_to_the_result(cex: Cex, short: list[Path]) -> None:
    begun = time.monotonic()
    timed = summary(cex("replay", *short, "--json", "--speed", "20"))
    assert time.monotonic() - begun > 1.0, "30 recorded seconds at 20 times the speed"
    assert timed == summary(cex("replay", *short, "--json"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: [*lines[:5], "hello", *lines[5:]], "gateio-spot-short.ws:6: not a record: 'hello'"),
        (lambda lines: [*lines[:-1], lines[-1][:-20]], "gateio-spot-short.ws:38: not JSON"),
        (lambda lines: lines[9:], "gateio-spot-short.ws:1: a frame of no known socket"),
    ],
)
def test_a_bad_line_is_told_in_one_line(
    cex: Cex, short: list[Path], tmp_path: Path, change: Callable[[list[str]], list[str]], told: str
) -> None:
    ended = cex("replay", *copied(short, tmp_path, change), "--json")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("cex: ")
    assert told in ended.err
    assert "expected" in ended.err
    assert ended.err.count("\n") == 1


def test_files_that_are_missing_are_told(cex: Cex, short: list[Path]) -> None:
    ended = cex("replay", "/nowhere/x.ws", *short)
    assert ended.code == 1
    assert "cex: /nowhere/x.ws: cannot be read: No such file or directory" in ended.err
    ended = cex("replay", short[0])
    assert ended.code == 1
    assert "give every file of the recording" in ended.err


def test_a_recording_without_answers_for_a_book_is_told(cex: Cex, short: list[Path], tmp_path: Path) -> None:
    http = tmp_path / "less.http"
    http.write_text("\n".join(line for line in short[1].read_text().splitlines() if "HAI_ETH" not in line) + "\n")
    ended = cex("replay", short[0], http, short[2], "--json")
    found = summary(ended)
    assert found["errors"] == 1
    assert found["symbols"]["HAI/ETH"]["state"] != "LIVE"
    assert "the recording holds no answer to GET /api/v4/spot/order_book?currency_pair=HAI_ETH" in ended.err
    assert found["symbols"]["ZKS/ETH"]["state"] == "LIVE"


def test_a_loss_that_the_recorder_noted_is_told(cex: Cex, short: list[Path], tmp_path: Path) -> None:
    pairs = short[2].read_text().split(": ", 1)[1].strip()
    records = [
        {"format": "cex-recording", "version": 1, "created": 1},
        {
            "at": 2,
            "kind": "answered",
            "method": "GET",
            "url": "https://api.gateio.ws/api/v4/spot/currency_pairs",
            "status": 200,
            "text": pairs,
        },
        {"at": 3, "kind": "gap", "until": 4, "dropped": 7, "connections": []},
    ]
    path = tmp_path / "market.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    ended = cex("replay", path, "--json")
    assert summary(ended) == {"symbols": {}, "errors": 0}
    assert f"{path}:3: 7 records are missing" in ended.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_cleanly_within_a_second(short: list[Path], number: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        [*RUN, "replay", *map(str, short), "--speed", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            while "HAI/ETH LIVE" not in (line := process.stdout.readline()):
                assert line, "it ended before a book was live"
            begun = time.monotonic()
            process.send_signal(number)
            _, err = process.communicate(timeout=10)
            assert time.monotonic() - begun < _SOON_S
        finally:
            process.kill()
    assert process.returncode == code
    complaints = [line for line in err.splitlines() if "WARNING asyncio: Executing" not in line]
    assert complaints == [], "no traceback, no pending task, no open socket"


def test_the_golden_file_of_the_format_is_read() -> None:
    from cex.sandbox.replay import read_recording

    golden = Path(__file__).parent.parent / "packages/cex-networking/tests/golden/recording-v1.jsonl"
    recording = read_recording([golden])
    assert sorted(recording.parts) == ["gateio", "mexc"]
    assert [lost.missing for _, lost in recording.lost] == [2, 1]
    assert recording.frames == 1
    answers = [str(resource) for part in recording.parts.values() for resource in part.answers]
    assert "GET /api/v4/spot/order_book?currency_pair=BTC_USDT&limit=1&with_id=true" in answers
