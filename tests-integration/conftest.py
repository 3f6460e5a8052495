"""The command line in this process, with what it printed and how it ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from cex.cli.app import main


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def cex(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Ended]]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def call(*arguments: object) -> Ended:
        monkeypatch.setattr("sys.argv", ["cex", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0, *capsys.readouterr())

    yield call
    root.handlers[:] = handlers
    root.setLevel(level)
