"""Adding an exchange touches nothing: a distribution that no package knows is installed, and takes part at once."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOY = ROOT / "tests-integration" / "toy_exchange"

USED_LIKE_ANY_OTHER = """
import asyncio, sys
from pathlib import Path

from cex.common.exceptions import ConfigurationException
from cex.config import ConfigManager
from cex.config.example import example_file
from cex.factory import ComponentRegistry, FactoryManager

registry = ComponentRegistry()
assert "toy" in registry.names(), registry.names()
assert not [name for name in sys.modules if name.startswith("cex.exchanges.toy")], "found, not imported"

Path("cex.toml").write_text(example_file(registry.config_types))
ConfigManager("cex.toml", exchange_types=registry.config_types).load()

Path("cex.toml").write_text("[exchanges.toy]\\nprofle = 'live'")
try:
    ConfigManager("cex.toml", exchange_types=registry.config_types).load()
except ConfigurationException as error:
    assert "exchanges.toy.profle (cex.toml:2) - unknown name" in str(error), error
else:
    raise AssertionError("an unknown name was accepted")

Path("cex.toml").write_text("[exchanges.toy]\\nprofile = 'custom'\\nendpoints.rest = 'http://127.0.0.1:9'\\n"
                            "endpoints.ws = 'ws://127.0.0.1:9'")

async def main():
    async with FactoryManager("cex.toml", registry) as exchanges:
        toy = exchanges.create_public_exchange("toy")
        assert toy.exchange == "toy"
        assert exchanges.config("toy").endpoint("rest") == "http://127.0.0.1:9"

asyncio.run(main())
"""


SPOT_AGAINST_FUTURES = """
import asyncio
from pathlib import Path

from cex.cli.opening import opened_exchanges
from cex.cli.session import Session, following
from cex.common.clock import SYSTEM_CLOCK
from cex.common.enums import MarketType
from cex.common.types.symbols import Symbol
from conftest import ToyServer

SPOT, PERPETUAL = Symbol("BTC/USDT"), Symbol("BTC/USDT:USDT")

async def main():
    venue = ToyServer()
    await venue.server.start_server()
    url = str(venue.server.make_url("/")).rstrip("/")
    Path("cex.toml").write_text(f"[exchanges.toy]\\nprofile = 'custom'\\nendpoints.rest = '{url}'\\n"
                                f"endpoints.ws = '{url.replace('http', 'ws', 1)}/stream'")
    session = Session("toy", SYSTEM_CLOCK)
    async with (
        asyncio.timeout(10),
        opened_exchanges(["toy"], config=Path("cex.toml")) as exchanges,
        following(session, exchanges, [SPOT, PERPETUAL]),
    ):
        while not (session.bases and session.bases[0].funding_bps is not None):
            await asyncio.sleep(0.01)
    await venue.server.close()
    assert (session.live_of(MarketType.SPOT), session.live_of(MarketType.FUTURES), session.errors) == (1, 1, 0)
    (row,) = session.bases
    assert (row.spot_on, row.perpetual_on, row.symbol) == ("toy", "toy", PERPETUAL)
    shown = [round(value, 6) for value in (row.basis_bps, row.funding_bps, row.funding_bps_year)]
    assert shown == [100.0, -1.0, -1095.0], shown  # mids of 100 and 101; three payments a day

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds nothing but the installed toy exchange, as its wheel brings it."""
    folder = tmp_path_factory.mktemp("toy")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")],
        cwd=TOY,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (wheel,) = (folder / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def run(installed: Path, folder: Path, *arguments: str, beside: Path | None = None) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(path) for path in (installed, beside) if path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_installed_is_the_distribution_alone(installed: Path) -> None:
    assert sorted(path.name for path in (installed / "cex" / "exchanges").iterdir()) == ["toy"]
    assert not list(installed.glob("cex/__init__.py"))
    (metadata,) = installed.glob("*.dist-info")
    assert "toy = cex.exchanges.toy.factory:ToyExchangeFactory" in (metadata / "entry_points.txt").read_text()


def test_it_is_found_configured_and_built_like_any_other(installed: Path, tmp_path: Path) -> None:
    run(installed, tmp_path, "-W", "error", "-c", USED_LIKE_ANY_OTHER)


def test_its_perpetual_is_shown_against_its_spot(installed: Path, tmp_path: Path) -> None:
    """Found by entry point, followed like any other; the small server is the one of its own tests."""
    run(installed, tmp_path, "-W", "error", "-c", SPOT_AGAINST_FUTURES, beside=TOY / "tests")


def test_it_works(installed: Path) -> None:
    """Its own tests, against a small server on loopback, with the installed distribution."""
    run(installed, ROOT, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(TOY / "tests"))


def test_no_package_knows_it() -> None:
    sources = [path for path in ROOT.glob("packages/*/src/**/*.py") if "exchanges.toy" in path.read_text("utf-8")]
    assert sources == []
