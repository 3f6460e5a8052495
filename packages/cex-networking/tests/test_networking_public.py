from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import cex.networking
from cex.networking.rest.client import USER_AGENT

MODULES = [module.name for module in pkgutil.walk_packages(cex.networking.__path__, "cex.networking.")]
PACKAGE = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["cex.networking", *MODULES])
def test_every_announced_name_exists(name: str) -> None:
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", []):
        assert getattr(module, public) is not None


def test_every_public_name_comes_from_a_room_that_announces_it() -> None:
    announced = {public for name in MODULES for public in getattr(importlib.import_module(name), "__all__", [])}
    assert set(cex.networking.__all__) <= announced


def test_the_rooms_announce_everything_that_others_need() -> None:
    for name in ("rate_limit", "recording", "requests", "signing", "metrics", "websocket.dialect", "websocket.events"):
        module = importlib.import_module(f"cex.networking.{name}")
        assert {public for public in module.__all__ if public[0].isupper()} <= set(cex.networking.__all__)


def test_importing_the_package_imports_no_aiohttp() -> None:
    code = (
        "import sys, cex.networking; from cex.networking import Priority, RestRequest, Subscription;"
        "print([m for m in ('aiohttp', 'yarl') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        cex.networking.Nonsense  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.skipif(not (PACKAGE / "pyproject.toml").exists(), reason="installed without its sources")
def test_the_user_agent_tells_the_version() -> None:
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    assert f"{project['name']}/{project['version']}" == USER_AGENT
