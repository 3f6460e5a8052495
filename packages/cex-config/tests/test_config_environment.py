from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.config.core.environment import (
    Environment,
    detect_environment,
    is_plain_text,
    parse_dotenv,
    referenced_names,
    resolve_references,
    variables_source,
)


def test_the_environment_is_development_unless_named() -> None:
    assert detect_environment({}) == (Environment.DEVELOPMENT, [])
    assert detect_environment({"CEX_ENVIRONMENT": ""}) == (Environment.DEVELOPMENT, [])
    assert detect_environment({"CEX_ENVIRONMENT": " Production "}) == (Environment.PRODUCTION, [])
    assert detect_environment({"CEX_ENVIRONMENT": "test"}) == (Environment.TEST, [])


def test_an_unknown_environment_is_a_fault_and_counts_as_the_strictest() -> None:
    environment, (fault,) = detect_environment({"CEX_ENVIRONMENT": "prodution"})
    assert environment is Environment.PRODUCTION
    assert str(fault) == (
        "variable CEX_ENVIRONMENT - expected one of development, test, production; did you mean 'production'?"
    )


def test_dotenv_lines() -> None:
    text = (
        "\ufeff# keys\nA=1\nexport B = two words # and a comment\nC='$x # \\n'\r\n"
        'D="a\\"b\\n\\\\" # c\n\nE=\nF=a#b\nG= # c'
    )
    parsed = parse_dotenv(text)
    assert parsed.faults == []
    assert parsed.values == {
        "A": "1",
        "B": "two words",
        "C": "$x # \\n",
        "D": 'a"b\n\\',
        "E": "",
        "F": "a#b",
        "G": "",
    }
    assert parsed.lines == {"A": 2, "B": 3, "C": 4, "D": 5, "E": 7, "F": 8, "G": 9}


def test_a_quoted_dotenv_value_may_have_several_lines() -> None:
    parsed = parse_dotenv("A='one\n # two\n'\nB=\"x\n=\" # c\n my.prop-x =3")
    assert parsed.faults == []
    assert parsed.values == {"A": "one\n # two\n", "B": "x\n=", "my.prop-x": "3"}
    assert parsed.lines == {"A": 1, "B": 4, "my.prop-x": 6}


def test_a_quote_that_never_closes_costs_one_line() -> None:
    parsed = parse_dotenv("A='canary\nB=2")
    assert parsed.values == {"B": "2"}
    assert [fault.place for fault in parsed.faults] == [".env:1"]


@pytest.mark.parametrize("line", ["canary", "1A=canary", "A='canary", 'A="canary', "A='canary' canary", "A B=canary"])
def test_a_dotenv_line_that_is_none_is_a_fault_without_its_text(line: str) -> None:
    parsed = parse_dotenv(f"\n{line}", "dir/.env")
    assert [fault.place for fault in parsed.faults] == ["dir/.env:2"]
    assert "canary" not in str(parsed.faults)


def test_a_dotenv_name_twice_is_a_fault() -> None:
    parsed = parse_dotenv("A=1\nA=2")
    assert parsed.values == {"A": "1"}
    assert [str(fault) for fault in parsed.faults] == [".env:2 - A is set twice, first in line 1"]


@given(st.text(alphabet=string.printable))
def test_a_single_quoted_dotenv_value_is_taken_as_it_is(value: str) -> None:
    value = value.replace("'", "")
    assert parse_dotenv(f"A='{value}'").values == {"A": value}


def test_variables_become_a_tree() -> None:
    source, faults = variables_source(
        "environment",
        {"CEX__EXCHANGES__MEXC__PROFILE": "live", "cex__network__read_timeout": "3", "HOME": "/", "CEX_X": "1"},
    )
    assert faults == []
    assert source.tree == {"exchanges": {"mexc": {"profile": "live"}}, "network": {"read_timeout": "3"}}
    assert source.place(("exchanges", "mexc", "profile")) == "variable CEX__EXCHANGES__MEXC__PROFILE"
    assert source.place(("exchanges", "mexc")) == "variable CEX__EXCHANGES__MEXC__PROFILE"
    assert source.place(("logging",)) is None


def test_variables_that_contradict_or_are_malformed_are_faults() -> None:
    _, faults = variables_source(
        "environment",
        {"CEX__A": "canary", "CEX__A__B": "canary", "CEX__": "canary", "CEX__A____B": "canary", "cex__a": "canary"},
    )
    assert {fault.place for fault in faults} == {
        "variable CEX__A__B",
        "variable CEX__",
        "variable CEX__A____B",
        "variable cex__a",
    }
    assert "canary" not in str(faults)


def test_references_are_replaced_after_parsing() -> None:
    tree = {
        "a": "${A}",
        "b": "x-${A}-${B:none}-${C:}",
        "c": "$${A} $A 5$",
        "d": {"e": ["${B:1}", 2, None]},
        "f": "${WEIRD}",
    }
    resolved = resolve_references(tree, {"A": "one", "WEIRD": "${A}$${"})
    assert resolved.faults == []
    assert resolved.tree == {
        "a": "one",
        "b": "x-one-none-",
        "c": "${A} $A 5$",
        "d": {"e": ["1", 2, None]},
        "f": "${A}$${",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("${NAME}", "variable NAME is not set"),
        ("${NAME", "not closed"),
        ("${}", "expected ${NAME}"),
        ("${a b}", "expected ${NAME}"),
        ("${A:${B}}", "not nested"),
    ],
)
def test_a_reference_that_cannot_be_resolved_is_a_fault_and_leaves_its_setting_out(text: str, told: str) -> None:
    resolved = resolve_references({"a": {"b": text, "c": 1}, "l": [text, 2]}, {})
    assert resolved.tree == {"a": {"c": 1}, "l": [2]}
    assert [fault.path for fault in resolved.faults] == [("a", "b"), ("l", 0)]
    assert all(told in fault.problem for fault in resolved.faults)


def test_both_references_of_one_text_are_reported() -> None:
    assert len(resolve_references({"a": "${A}${B}"}, {}).faults) == 2


def test_references_do_not_expand_without_bound() -> None:
    (fault,) = resolve_references({"a": "${A}" * 10_000}, {"A": "x" * 100}).faults
    assert "65536 characters" in fault.problem


@given(st.text(), st.dictionaries(st.sampled_from("AB"), st.text()))
def test_any_text_resolves_or_gives_a_fault(text: str, variables: dict[str, str]) -> None:
    resolved = resolve_references({"a": text}, variables)
    assert bool(resolved.faults) != ("a" in resolved.tree)
    if "${" not in text:
        assert resolved.tree == {"a": text}


@pytest.mark.parametrize(
    ("text", "plain"),
    [("abc", True), ("${A}", False), ("${A:}", False), ("${A:abc}", True), ("", False), ("$${A}", True)],
)
def test_plain_text_is_text_with_a_value_of_its_own(text: str, plain: bool) -> None:
    assert is_plain_text(text) is plain


def test_referenced_names() -> None:
    assert referenced_names("${A}-${B:canary}-$${C}") == ["A", "B"]
