from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cex.sandbox.faults import KINDS, Kind
from cex.sandbox.scenario import read_scenario

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_examples_run(number: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", EXAMPLES[number]], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 4


def test_the_scenario_is_one(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "scenario.toml").write_text(example, encoding="utf-8")
    scenario = read_scenario(tmp_path / "scenario.toml")
    assert (scenario.seed, scenario.mexc.listen_key_seconds) == (11, 60)
    assert [fault.kind for fault in scenario.faults] == ["down"]


def row(kind: Kind) -> str:
    told = []
    for name, one in kind.parameters.items():
        default = "yes" if one.default is True else "no" if one.default is False else one.default
        text = f"{default:g}" if isinstance(default, float) else str(default)
        told.append(f"`{name}`" if default in (None, "") else f"`{name}` ({text})")
    return f"| `{kind.name}` | {kind.scope} | {kind.does} | {', '.join(told)} | {kind.covers} |"


def test_the_table_of_faults_is_what_there_is() -> None:
    rows = [line for line in README.splitlines() if re.match(r"\| `[a-z_]+` \| [a-zA-Z ]+ \| .* \| F", line)]
    assert rows == [row(kind) for kind in KINDS.values()]


def test_the_announced_line_is_json() -> None:
    (line,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    assert list(json.loads(line)) == ["seed", "mexc", "gateio", "control"]
