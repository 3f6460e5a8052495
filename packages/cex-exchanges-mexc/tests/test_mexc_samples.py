"""Every sample says where it is from and when it was taken."""

from __future__ import annotations

from pathlib import Path

import pytest

_SAMPLES = sorted((Path(__file__).parent / "samples").iterdir())


@pytest.mark.parametrize("path", _SAMPLES, ids=lambda path: path.name)
def test_sample_names_its_source_and_date(path: Path) -> None:
    source, date, body = path.read_text(encoding="utf-8").split("\n", 2)
    assert source.startswith("# ")
    assert len(source) > 20
    assert date.startswith("# date: ")
    assert body.strip()


def test_there_are_samples() -> None:
    assert len(_SAMPLES) >= 17
