"""``cex conformance``: which cases, which venue, what is printed and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from cex.cli.conformance import chosen_cases, venue_under_test
from cex.cli.running import Trouble
from cex.exchanges.base.conformance import CASES

Cex = Callable[..., Any]

VENUE = '''
"""A venue with nothing but a public side that is broken, and one that works a little."""
from contextlib import asynccontextmanager
from cex.exchanges.base.conformance import Evidence


class Venue:
    exchange = "toy"
    evidence = Evidence.UNIT
    symbol = "BTC/USDT"
    perpetual = None
    offers = faults = secrets = ()

    def public_exchange(self):
        from cex_cli_toy import Factory, Config
        return Factory().create_public_exchange(Config())


@asynccontextmanager
async def venue():
    yield Venue()


class Nested:
    made = staticmethod(venue)


number = 7
list_of_none = list
'''


@pytest.fixture
def proving(toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_config: type) -> Any:
    """A module ``toy_proving`` in the working directory, which is not on the path."""
    import sys

    sys.modules["cex_cli_toy"].Config = make_config  # type: ignore[attr-defined]
    (tmp_path / "toy_proving.py").write_text(VENUE)
    monkeypatch.delitem(sys.modules, "toy_proving", raising=False)
    yield toy
    sys.modules.pop("toy_proving", None)


def test_a_third_party_exchange_is_run_against_its_own_venue(cex: Cex, proving: Any) -> None:
    ended = cex("conformance", "toy", "--venue", "toy_proving:venue", "--only", "TC-D01", "--only", "tc-e01", "--json")
    told = json.loads(ended.out)
    assert (told["exchange"], told["evidence"]) == ("toy", "unit")
    assert [one["id"] for one in told["cases"]] == ["TC-D01", "TC-E01"]
    assert told["cases"][1]["verdict"] == "n/a"
    assert ended.code == (1 if told["counts"]["fail"] else 0)


def test_a_failed_case_is_shown_with_its_reason_and_exit_code_1(cex: Cex, proving: Any) -> None:
    proving.failures["instruments"] = RuntimeError("broken on purpose")
    ended = cex("conformance", "toy", "--venue", "toy_proving:Nested.made", "--only", "TC-D01", "--only", "TC-E01")
    assert ended.code == 1
    first, failed, reason, skipped, why, sums = ended.out.splitlines()
    assert first == "conformance of toy, evidence: unit"
    assert failed.split()[:2] == ["TC-D01", "fail"]
    assert reason.strip() == "raised RuntimeError: broken on purpose"
    assert skipped.split()[:2] == ["TC-E01", "n/a"]
    assert "an account" in why
    assert sums == "2 cases: 0 pass, 1 fail, 1 n/a"


def test_a_venue_of_another_exchange_is_told(cex: Cex, proving: Any) -> None:
    ended = cex("conformance", "mexc", "--venue", "toy_proving:venue", "--only", "TC-D01")
    assert ended.code == 1
    assert "is a venue of 'toy', not of 'mexc'" in ended.err


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("toy_proving", "is module:object"),
        ("toy_proving:", "is module:object"),
        ("toy_provin:venue", "No module named 'toy_provin'"),
        ("toy_proving:nope", "has no attribute 'nope'"),
        ("toy_proving:number", "must give an asynchronous context manager"),
        ("toy_proving:list_of_none", "must give an asynchronous context manager"),
    ],
)
def test_what_makes_no_venue_is_told(proving: Any, path: str, told: str) -> None:
    with pytest.raises(Trouble, match=told):
        venue_under_test(path)


def test_cases_are_chosen_by_the_beginning_of_their_ids() -> None:
    assert chosen_cases([]) == CASES
    assert {case.id[:4] for case in chosen_cases(["tc-e"])} == {"TC-E"}
    with pytest.raises(typer.BadParameter, match="no case begins with 'TC-X'"):
        chosen_cases(["TC-D", "TC-X"])


def test_an_unknown_case_is_wrong_usage(cex: Cex, toy: Any) -> None:
    assert cex("conformance", "toy", "--only", "nonsense").code == 2
