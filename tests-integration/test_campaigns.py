"""Each campaign in a short form: it finds nothing, tells its seed and counts, and would find what is broken."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import fuzz_answers
from campaign import main
from market_campaign import MarketPlan, compare_loops, run_market
from raw_clients import RawAnswer
from sequence_campaign import SequencePlan, play_sequences

CAMPAIGN = Path(__file__).resolve().parent.parent / "tools" / "campaigns" / "campaign.py"


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What a campaign that finds nothing prints."""
    code = main([*arguments, "--json"])
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert code == 0, report
    return report


def test_the_market_goes_the_same_way_on_both_loops(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("uvloop")
    report = told(capsys, "market", "--events", "4000", "--seed", "11")
    assert report["seed"] == 11
    assert report["identical"] is True
    assert report["events"] >= 4000
    assert set(report["hashes"]) == {"asyncio", "uvloop"}
    assert set(report["hashes"].values()) == {report["hash"]}
    assert report["answers"]["gateio 201"] > 0
    assert report["answers"]["mexc 200"] > 0


async def test_another_seed_is_another_market() -> None:
    first, again, other = [await run_market(MarketPlan(seed=seed, events=2000)) for seed in (1, 1, 2)]
    assert first == again
    assert first["hash"] != other["hash"]
    assert first["hash_of_answers"] != other["hash_of_answers"]


def test_a_loop_that_is_missing_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_loop is not installed here"):
        compare_loops(MarketPlan(events=10), ("asyncio", "no_such_loop"))


def test_sequences(capsys: pytest.CaptureFixture[str]) -> None:
    report = told(capsys, "sequences", "--count", "12", "--seed", "3")
    assert (report["seed"], report["sequences"], report["steps"]) == (3, 24, 720)
    assert min(report["seen"][name] for name in ("spot fills", "futures fills", "fundings")) > 10


class Thief:
    """A sequence that loses a cent at the third step when its seed is 4."""

    def __init__(self, seed: int) -> None:
        self.seed, self.steps = seed, 0

    def step(self, rng: random.Random) -> None:
        self.steps += 1

    def check(self) -> None:
        assert self.seed != 4 or self.steps < 3, "a cent is missing"

    def counts(self) -> Counter[str]:
        return Counter(played=1)


def test_a_sequence_that_breaks_something_is_told() -> None:
    report = play_sequences(SequencePlan(count=3, steps=5, seed=3), markets={"spot": Thief})
    assert (report["sequences"], report["steps"], report["failed"]) == (3, 12, 1)
    assert report["seen"] == {"played": 2}
    (failure,) = report["failures"]
    assert "spot sequence of seed 4, step 2" in failure
    assert "a cent is missing" in failure


def test_fuzz(capsys: pytest.CaptureFixture[str]) -> None:
    report = told(capsys, "fuzz", "--requests", "2000", "--seed", "5")
    assert report["seed"] == 5
    assert report["requests_and_frames"] >= 2000
    assert set(report["sent"]) == {
        "bytes",
        "futures frames",
        "gateio futures signed",
        "gateio spot signed",
        "mexc frames",
        "mexc signed",
        "spot frames",
        "unsigned",
        "wrongly signed",
    }
    assert report["orders"] > 10
    assert report["changes"] > 100
    assert min(report["answers"]["mexc 200"], report["answers"]["gateio 200"]) > 20


def test_the_same_seed_fuzzes_in_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (told(capsys, "fuzz", "--requests", "600", "--seed", "9") for _ in range(2))
    assert {**one, "real_seconds": 0} == {**other, "real_seconds": 0}


@pytest.mark.parametrize(
    ("venue", "status", "body", "problem"),
    [
        ("mexc", 400, b'{"code":33333,"msg":"param is error"}', ""),
        ("mexc", 400, b'{"code":12345,"msg":"x"}', "not documented"),
        ("mexc", 400, b'{"code":33333}', "not documented"),
        ("gateio", 400, b'{"label":"NO_CHANGE"}', ""),
        ("gateio", 400, b'{"label":"OOPS"}', "not documented"),
        ("gateio", 400, b"Bad Request", "not JSON"),
        ("gateio", 503, b'{"label":"SERVER_ERROR"}', "a server error"),
    ],
)
def test_an_answer_that_is_not_documented_is_a_finding(venue: str, status: int, body: bytes, problem: str) -> None:
    assert fuzz_answers.reading(venue, "POST", RawAnswer(status, "application/json", body))[1] == problem


@pytest.mark.parametrize(
    "arguments", [["fuzz", "--requests", "0"], ["sequences", "--steps", "0"], ["market", "--events", "0"]]
)
def test_nothing_to_do_is_refused(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(arguments) == 2
    assert "at least" in capsys.readouterr().err


def test_progress_and_seed_are_printed_as_lines() -> None:
    command = [sys.executable, str(CAMPAIGN), "market", "--events", "25000", "--loop", "asyncio"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("asyncio ")
    assert lines[0].endswith(" of 25,000 events")
    assert any(line.split() == ["seed", "7"] for line in lines)
    assert any(line.split()[0] == "hash" for line in lines)
