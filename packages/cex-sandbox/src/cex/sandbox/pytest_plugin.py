"""The fixture ``cex_sandbox``: a fresh exchange for each test that asks for it, and nothing for those that do not.

Nothing of the sandbox is imported before the first test asks. Settings come from the marker ``cex_sandbox(...)``, which
takes what :class:`cex.sandbox.Sandbox` takes, and ``scenario=`` a file; the seed also from ``--cex-sandbox-seed``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cex.sandbox.background import BackgroundSandbox

__all__ = ["cex_sandbox", "pytest_addoption", "pytest_configure"]

_SEED = "--cex-sandbox-seed"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--cex-sandbox-seed`` and the ini settings ``cex_sandbox_seed`` and ``cex_sandbox_scenario``."""
    group = parser.getgroup("cex-sandbox", "the simulated exchanges")
    group.addoption(_SEED, metavar="N", help="seed of the sandbox in every test; 'random' draws one for each")
    parser.addini("cex_sandbox_seed", "seed of the sandbox, or 'random'", default="7")
    parser.addini("cex_sandbox_scenario", "scenario file of the sandbox, below the root directory", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "cex_sandbox(seed=..., scenario=..., faults=[...], ...): settings of the cex_sandbox fixture"
    )


@pytest.fixture
def cex_sandbox(request: pytest.FixtureRequest) -> Iterator[BackgroundSandbox]:
    """A running sandbox on ports of its own, in a thread of its own: ``endpoints``, ``credentials``, ``inject(kind)``.

    When the test fails, its report has the seed.
    """
    from cex.sandbox.background import BackgroundSandbox

    settings = _settings(request)
    seed = settings["seed"]
    again = f"cex_sandbox: seed {seed}; the same again with {_SEED}={seed}"
    request.node.add_report_section("setup", "cex_sandbox", again)
    with BackgroundSandbox(**settings) as sandbox:
        yield sandbox


def _settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    from cex.sandbox.scenario import read_scenario

    config = request.config
    settings: dict[str, Any] = {}
    # A test of its own wishes stands over the project's.
    marker = request.node.get_closest_marker("cex_sandbox")
    wishes: dict[str, Any] = dict(marker.kwargs) if marker is not None else {}
    scenario = wishes.pop("scenario", None) or config.getini("cex_sandbox_scenario")
    if scenario:
        settings |= read_scenario(Path(config.rootpath, scenario)).settings()
    settings |= wishes
    chosen = config.getoption(_SEED)
    if chosen is None and "seed" not in settings:
        chosen = config.getini("cex_sandbox_seed")
    if chosen is not None:
        settings["seed"] = _seed(str(chosen))
    return settings


def _seed(text: str) -> int:
    if text == "random":
        return random.SystemRandom().getrandbits(32)
    try:
        return int(text)
    except ValueError:
        raise pytest.UsageError(f"{_SEED} is a whole number or 'random', not {text!r}") from None
