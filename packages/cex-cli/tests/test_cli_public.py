"""What the package offers to a program."""

from __future__ import annotations

import pytest

import cex.cli


def test_every_public_name_is_there() -> None:
    assert sorted(cex.cli.__all__) == ["build_app", "main"]
    for name in cex.cli.__all__:
        assert callable(getattr(cex.cli, name))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = cex.cli.nonsense
