from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cex.cli.config import app
from cex.config import InvalidSettings


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_example_is_good(directory: Path) -> None:
    (directory / "cex.toml").write_text(run("example"))
    assert run("check", "cex.toml").startswith("cex.toml is good (environment development; exchanges: ")


def test_check_lists_every_fault(directory: Path) -> None:
    (directory / "cex.toml").write_text("[network]\nread_timout = 3\nproxy = 'canary'\n[loging]\nlevel = 'INFO'")
    with pytest.raises(InvalidSettings) as caught:
        run("check", "cex.toml")
    assert "3 faults in cex.toml:" in caught.value.message
    assert "network.read_timout (cex.toml:2) - unknown name" in caught.value.message
    assert "did you mean 'read_timeout'?" in caught.value.message
    assert "canary" not in str(caught.value)


def test_show_tells_every_value_and_its_origin(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEX__NETWORK__TOTAL_TIMEOUT", "9")
    (directory / ".env").write_text("PASSWORD=canary")
    (directory / "cex.toml").write_text("[network]\nread_timeout = 3\nproxy = 'http://me:${PASSWORD}@h:1'")
    shown = run("show", "cex.toml")
    lines = {line.split()[0]: line.split(maxsplit=2)[1:] for line in shown.splitlines()}
    assert lines["network.read_timeout"] == ["3.0", "cex.toml:2"]
    assert lines["network.total_timeout"] == ["9.0", "variable CEX__NETWORK__TOTAL_TIMEOUT"]
    assert lines["network.connect_timeout"] == ["5.0", "default"]
    assert lines["network.proxy"] == ["http://me:***@h:1", "cex.toml:3 from PASSWORD"]
    assert "canary" not in shown


def test_show_as_json_without_a_file(directory: Path) -> None:
    shown = json.loads(run("show", "--json"))
    assert shown["network.read_timeout"] == {"value": "10.0", "origin": "default"}
