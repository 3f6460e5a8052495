from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cex.config.core.toml_lines import toml_lines
from cex.config.core.validation import Path

TEXT = '''# a comment with [brackets] = "and quotes
title = "a \\" b # not a comment" # one
"quoted key" . 'literal' = 1
[exchanges.mexc]   # table
profile = 'live'
endpoints = { rest = "http://a", "stream" = "ws://b", deeper = { x = [1, 2] } }
text = """
[not.a.table]
key = "value"
""""
raw = \'\'\'
x = 1\'\'\'
when = 2024-01-02 03:04:05
numbers = [
  1,
  # between
  { a = 2 },
  [ 3,
    4 ],
]
accounts.main.api_key = "k"
[[list]]
a = 1
[[list]]
a = 2
[list.inner]
b = 3
'''

EXPECTED = {
    ("title",): 2,
    ("quoted key", "literal"): 3,
    ("exchanges", "mexc"): 4,
    ("exchanges", "mexc", "profile"): 5,
    ("exchanges", "mexc", "endpoints", "stream"): 6,
    ("exchanges", "mexc", "endpoints", "deeper", "x", 1): 6,
    ("exchanges", "mexc", "text"): 7,
    ("exchanges", "mexc", "raw"): 11,
    ("exchanges", "mexc", "when"): 13,
    ("exchanges", "mexc", "numbers", 0): 15,
    ("exchanges", "mexc", "numbers", 1, "a"): 17,
    ("exchanges", "mexc", "numbers", 2, 1): 19,
    ("exchanges", "mexc", "accounts", "main", "api_key"): 21,
    ("list", 0, "a"): 23,
    ("list", 1): 24,
    ("list", 1, "a"): 25,
    ("list", 1, "inner", "b"): 27,
}


def test_lines_of_every_kind_of_key() -> None:
    assert tomllib.loads(TEXT)
    lines = toml_lines(TEXT)
    assert {path: lines.get(path) for path in EXPECTED} == EXPECTED


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from ((*path, name), *paths(item, (*path, name)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from ((*path, index), *paths(item, (*path, index)))


def test_every_path_of_the_example_has_a_line() -> None:
    lines = toml_lines(TEXT)
    assert [path for path in paths(tomllib.loads(TEXT)) if path not in lines] == []


KEYS = st.sampled_from(["a", "b-1", "c d", "", 'e"', "é", "f.g", "#", "[x]"])
SCALARS = st.one_of(
    st.integers(-9, 9),
    st.booleans(),
    st.sampled_from(["", "#", "]", '"', "a = 1", "\\", "\n[x]\n", "'''", "}"]),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
        max_leaves=8,
    ),
    max_size=4,
)


def written(tree: dict[str, Any]) -> str:
    """TOML with one top-level key a line; tables are headers where they can be, inline elsewhere."""
    lines = [f"{json.dumps(name)} = {inline(value)}" for name, value in tree.items() if not isinstance(value, dict)]
    for name, value in tree.items():
        if isinstance(value, dict):
            lines.append(f"[ {json.dumps(name)} ] # header")
            lines += [f"{json.dumps(inner)} = {inline(item)}" for inner, item in value.items()]
    return "\n".join(lines)


def inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)}={inline(item)}" for name, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ",\n".join(map(inline, value)) + "\n]"
    return json.dumps(value)


@settings(max_examples=150)
@given(TREES)
def test_every_path_of_any_file_has_a_line(tree: dict[str, Any]) -> None:
    text = written(tree)
    assert tomllib.loads(text) == tree
    lines = toml_lines(text)
    rows = text.split("\n")
    for path in paths(tree):
        assert path in lines, (text, path)
        if isinstance(path[-1], str):
            assert json.dumps(path[-1]) in rows[lines[path] - 1]


@given(st.text(alphabet="ab=[]{}.,'\"# \n\\1"))
@example('"\\1"')
def test_text_that_is_no_toml_ends_quietly(text: str) -> None:
    assert toml_lines(text)[()] == 1
