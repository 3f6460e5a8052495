"""What the package exposes, and that exposing it costs nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import cex.exchanges.base

ROOMS = [
    "books",
    "books.keeper",
    "books.keepers",
    "books.policy",
    "catalogue",
    "interfaces",
    "interfaces.clients",
    "interfaces.composites",
    "interfaces.events",
    "interfaces.health",
    "public",
    "streams",
    "streams.client",
    "streams.leases",
    "streams.readers",
    "tasks",
]


@pytest.mark.parametrize("room", ["", *ROOMS])
def test_every_name_in_all_exists(room: str) -> None:
    module = import_module(f"cex.exchanges.base.{room}".rstrip("."))
    assert module.__all__
    assert list(module.__all__) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_there_is_nothing_else() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = cex.exchanges.base.nothing


@pytest.mark.parametrize("room", ["interfaces", "catalogue", ""])
def test_interfaces_bring_no_sockets_and_no_settings(room: str) -> None:
    heavy = "{'aiohttp', 'asyncio', 'pydantic'}"
    module = f"cex.exchanges.base.{room}".rstrip(".")
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
