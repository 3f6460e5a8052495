"""Every Python example in a README runs as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
READMES = [ROOT / "README.md", *sorted(ROOT.glob("packages/*/README.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    pytest.param(block, id=f"{readme.relative_to(ROOT)}-{number}")
    for readme in READMES
    if readme.exists()
    for number, block in enumerate(BLOCK.findall(readme.read_text()), 1)
]


def test_every_distribution_has_a_readme_and_a_changelog() -> None:
    for package in sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml")):
        assert (package / "README.md").is_file(), package.name
        assert (package / "CHANGELOG.md").is_file(), package.name


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_readme_example_runs(example: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{example}\n{done.stderr}"
