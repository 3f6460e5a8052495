"""Any file gives settings, or an error that lists at least one fault, and nothing else.

A small number of examples by default; ``CEX_FUZZ_EXAMPLES=100000 pytest -k fuzz`` runs as many as one likes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cex.config import BaseExchangeConfig, ConfigManager, InvalidSettings

EXAMPLES = int(os.environ.get("CEX_FUZZ_EXAMPLES", "150"))
FUZZ = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)

NAMES = [
    "exchanges",
    "venue",
    "mexc",
    "network",
    "read_timeout",
    "retry_most",
    "accounts",
    "default",
    "api_key",
    "secret_key",
    "profile",
    "endpoints",
    "rest",
    "stream",
    "logging",
    "level",
    "levels",
    "database",
    "url",
    "connections",
    "security",
    "enabled",
    "depth",
    "x",
]
PIECES = [
    *NAMES,
    "live",
    "allow_plaintext_secrets",
    "proxy",
    "${A}",
    "${B:x}",
    "${",
    "$${",
    "}",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ":",
    "-",
    "'",
    '"',
    "#",
    "&",
    "*",
    "<<",
    "!",
    "!!float",
    "!!set",
    "0x1F",
    "0b2",
    "1_0",
    "1:30",
    "2020-01-01",
    "1979-05-27T07:32:00Z",
    "nan",
    ".inf",
    "inf",
    ".",
    "..",
    "\\",
    "\\u12",
    "|",
    ">",
    "?",
    "---",
    "...",
    "null",
    "~",
    "true",
    "off",
    "1",
    "1e9",
    "-1",
    "😀",
    ",",
    "https://x",
    "@",
    "%YAML",
    "\u2028",
    "\x85",
    "\ufeff",
    "\n",
    "\n  ",
    " ",
    "\t",
    "'''",
    '"""',
    "\x00",
]
TEXTS = st.lists(
    st.one_of(st.sampled_from(PIECES), st.text(max_size=4)),
    max_size=50,
).map("".join)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["live", "${A}", "${", "INFO", "https://h", "http://u:p@h:1"]),
)
TREES = st.recursive(
    VALUES,
    lambda inner: st.one_of(st.dictionaries(st.sampled_from(NAMES), inner, max_size=5), st.lists(inner, max_size=3)),
    max_leaves=25,
)


def check(venue_type: type[BaseExchangeConfig], path: Path, data: bytes, variables: dict[str, str]) -> None:
    path.write_bytes(data)
    manager = ConfigManager(path, exchange_types={"venue": venue_type}, variables=variables)
    error = failure(manager)
    if error is None:
        assert manager.explain()
        assert manager.get_exchange_config("venue").profile
    else:
        assert error.faults


def failure(manager: ConfigManager) -> InvalidSettings | None:
    try:
        manager.load()
    except InvalidSettings as error:
        return error
    return None


@pytest.mark.parametrize("ending", ["toml", "yaml"])
@FUZZ
@given(text=TEXTS)
def test_fuzz_text(venue_type: type[BaseExchangeConfig], tmp_path: Path, ending: str, text: str) -> None:
    check(venue_type, tmp_path / f"cex.{ending}", text.encode("utf-8", "surrogatepass"), {"A": "3"})


@pytest.mark.parametrize("ending", ["toml", "yaml"])
@FUZZ
@given(data=st.binary(max_size=60))
def test_fuzz_bytes(venue_type: type[BaseExchangeConfig], tmp_path: Path, ending: str, data: bytes) -> None:
    check(venue_type, tmp_path / f"cex.{ending}", data, {})


@FUZZ
@given(tree=TREES)
def test_fuzz_well_formed(venue_type: type[BaseExchangeConfig], tmp_path: Path, tree: Any) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True)
    check(venue_type, tmp_path / "cex.yaml", text.encode("utf-8", "surrogatepass"), {"A": "3"})


@FUZZ
@given(
    variables=st.dictionaries(
        st.lists(st.sampled_from(NAMES) | st.text(max_size=3), max_size=5).map(
            lambda parts: "CEX__" + "__".join(parts)
        ),
        st.text(max_size=8),
        max_size=5,
    ),
    dotenv=TEXTS,
)
def test_fuzz_variables(
    venue_type: type[BaseExchangeConfig], tmp_path: Path, variables: dict[str, str], dotenv: str
) -> None:
    (tmp_path / ".env").write_bytes(dotenv.encode("utf-8", "surrogatepass"))
    check(venue_type, tmp_path / "cex.toml", b"[exchanges.venue]\nprofile = 'live'", variables)
