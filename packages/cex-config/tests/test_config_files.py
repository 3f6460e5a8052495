from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cex.config.core import files
from cex.config.core.files import LARGEST_FILE, Source, leaves, parse_toml, parse_yaml, read_source, read_text


def test_toml_values_and_lines() -> None:
    source, faults = parse_toml("a = 1\n\n[b]\nc = 'x'\n\n[b.d]\ne = [1,\n 2]\n", "f.toml")
    assert faults == []
    assert source.tree == {"a": 1, "b": {"c": "x", "d": {"e": [1, 2]}}}
    assert source.place(("b", "c")) == "f.toml:4"
    assert source.place(("b", "d", "e", 1)) == "f.toml:8"
    assert source.place(("b", "d", "unknown")) == "f.toml:6"
    assert source.holds(("b", "d", "e", 1))
    assert not source.holds(("b", "d", "e", 2))
    assert not source.holds(("a", "x"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = \n", 2),
        ("a = 1\na = 2", 2),
        ("[a]\n[a]\n", 2),
        ("a = 1\n\nb", 3),
        ("x = 2020-99-99", 1),
        ("canary-secret", 1),
        ("secret = 'canary", 1),
    ],
)
def test_a_toml_error_names_the_line_and_quotes_nothing(text: str, line: int) -> None:
    source, (fault,) = parse_toml(text, "f.toml")
    assert fault.place == f"f.toml:{line}"
    assert fault.problem.startswith("not TOML: ")
    assert "canary" not in str(fault)
    assert source.tree == {}


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "1" * 5_000], ids=["deep", "long number"])
def test_toml_that_overwhelms_the_parser_is_a_fault(text: str) -> None:
    _, (fault,) = parse_toml(text, "f.toml")
    assert fault.problem.startswith("not TOML: ")


def test_yaml_values_and_lines() -> None:
    text = "a: 1\nb:\n  c: 'x'\n  d:\n    - 1.5\n    - yes\ne: ~\nf: 2024-01-02\n1: one\non: two\ng: 0x1F\n"
    source, faults = parse_yaml(text, "f.yaml")
    assert faults == []
    assert source.tree == {
        "a": 1,
        "b": {"c": "x", "d": [1.5, True]},
        "e": None,
        "f": "2024-01-02",
        "1": "one",
        "on": "two",
        "g": 31,
    }
    assert source.place(("b", "c")) == "f.yaml:3"
    assert source.place(("b", "d", 1)) == "f.yaml:6"
    assert source.place(("b", "unknown")) == "f.yaml:2"
    assert source.place(("unknown",)) == "f.yaml:1"


def test_yaml_anchors_and_merge_keys() -> None:
    text = "base: &b {x: 1, y: 2}\na:\n  <<: *b\n  y: 3\nc:\n  <<: [*b, {z: 4}]\nd: *b\n"
    source, faults = parse_yaml(text, "f.yaml")
    assert faults == []
    assert source.tree["a"] == {"x": 1, "y": 3}
    assert source.tree["c"] == {"x": 1, "y": 2, "z": 4}
    assert source.tree["d"] == {"x": 1, "y": 2}
    assert source.place(("a", "y")) == "f.yaml:4"
    assert source.place(("a", "x")) == "f.yaml:1"


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "stands twice, first in line 1"),
        ("a: !!binary canary\n", 1, "tags are not supported"),
        ("a: !!python/object:os.system {x: 1}\n", 1, "tags are not supported"),
        ("a: !!set {x}\n", 1, "tags are not supported"),
        ("? [a, b]\n: 1\n", 1, "expected a name as key"),
        ("a:\n  <<: 3\n", 2, "expected a table to merge"),
        ("a: &a\n  <<: *a\n", 2, "expected a table to merge, and not one around this"),
        ("- a\n- b\n", 1, "expected sections"),
        ("canary", 1, "expected sections"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML: "),
        ("a: [1\nb: 2\n", 2, "not YAML: "),
        ("a: *canary\n", 1, "not YAML: "),
        ("a: @canary\n", 1, "not YAML: "),
        ("\ta: canary\n", 1, "not YAML: "),
        ("a: " + "1" * 5_000, 1, "expected a number that fits"),
        ("a: &a [*a]\n", 1, "too much"),
        ("a: !!float\n", 1, "expected a number that fits"),
        ("a: !!bool canary\n", 1, "tags are not supported"),
    ],
)
def test_a_yaml_fault_names_the_line_and_quotes_nothing(text: str, line: int, told: str) -> None:
    _, faults = parse_yaml(text, "f.yaml")
    assert [fault.place for fault in faults] == [f"f.yaml:{line}"]
    assert told in faults[0].problem
    assert "canary" not in str(faults)


def test_two_yaml_faults_are_both_reported() -> None:
    _, faults = parse_yaml("a: 1\na: 2\nb: !!x 1\n", "f.yaml")
    assert len(faults) == 2


@pytest.mark.parametrize("text", ["[" * 200_000, "- " * 200_000, "{a: " * 50_000, "? " * 50_000])
def test_yaml_that_nests_without_end_is_a_fault(text: str) -> None:
    _, faults = parse_yaml(text, "f.yaml")
    assert len(faults) == 1
    assert faults[0].problem.startswith("not YAML: ")


def test_yaml_that_multiplies_itself_is_a_fault() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    _, faults = parse_yaml("\n".join(lines), "f.yaml")
    assert ["too much" in fault.problem for fault in faults] == [True]


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "---\n", "~"])
def test_an_empty_yaml_file_says_nothing(text: str) -> None:
    source, faults = parse_yaml(text, "f.yaml")
    assert (source.tree, faults) == ({}, [])


def test_yaml_without_the_compiled_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    monkeypatch.delattr(yaml, "CSafeLoader")
    source, faults = parse_yaml("a:\n  b: 1\n", "f.yaml")
    assert (source.tree, faults, source.place(("a", "b"))) == ({"a": {"b": 1}}, [], "f.yaml:2")
    _, (fault,) = parse_yaml("a: *canary\n", "f.yaml")
    assert "canary" not in str(fault)
    _, (fault,) = parse_yaml("a: \x00\n", "f.yaml")
    assert fault.problem == "not YAML: special characters are not allowed"


def test_a_file_is_read_by_its_ending(tmp_path: Path) -> None:
    for name, text in (("a.toml", "x = 1"), ("a.yaml", "x: 1"), ("a.YML", "x: 1")):
        (tmp_path / name).write_text(text)
        source, faults = read_source(tmp_path / name)
        assert (source.tree, faults, source.kind) == ({"x": 1}, [], "file")
    _, (fault,) = read_source(tmp_path / "a.ini")
    assert fault.problem == "expected a file that ends in .toml, .yaml or .yml"


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    _, (fault,) = read_text(tmp_path / "none.toml")
    assert str(fault) == f"{tmp_path / 'none.toml'} - there is no such file"
    _, (fault,) = read_text(tmp_path)
    assert fault.problem == "Is a directory" or sys.platform == "win32"
    (tmp_path / "latin.toml").write_bytes(b"a = 1\nb = '\xe4'\n")
    _, (fault,) = read_text(tmp_path / "latin.toml")
    assert str(fault) == f"{tmp_path / 'latin.toml'}:2 - expected UTF-8 text; byte 11 is not"
    (tmp_path / "large.toml").write_bytes(b"#" * (LARGEST_FILE + 1))
    _, (fault,) = read_text(tmp_path / "large.toml")
    assert "larger than" in fault.problem


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1")
    assert read_source(tmp_path / "a.toml")[0].tree == {"a": 1}


def test_leaves_are_what_is_no_table() -> None:
    assert list(leaves({"a": 1, "b": {"c": [2], "d": {}}})) == [(("a",), 1), (("b", "c"), [2])]


def test_a_source_prints_without_values() -> None:
    assert repr(Source("file", {"a": "canary"}, lambda _path: None)) == "<Source file: 1 sections>"
    assert files.LARGEST_FILE >= 16_384
