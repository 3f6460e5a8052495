"""Proves on the built wheels that one installs only what is needed: `python3 tools/dev.py build`, then this.

Each exchange goes alone into an empty environment, from dist/ and the package index: every distribution of ours must
come from dist/, the exchange imports and decodes a frame, and nothing else of ours can be imported there. With --tests
each package's tests run where only that package's wheel and what it needs is installed, third parties in the oldest
version that our bounds admit (the newest are what all other tests run on).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.version import Version

from check_deps import Member, find_members

__all__ = ["Bench", "ProofError", "find_ours", "find_test_tools", "main", "run_pytest"]

ROOT = Path(__file__).resolve().parent.parent
TEST_TOOLS = ("pytest", "pytest-asyncio", "hypothesis")

# The frames: Gate.io's documentation of spot.order_book_update; a bookTicker of MEXC captured on 2026-09-24.
PROOFS = {
    "cex-exchanges-gateio": """
from cex.common import Symbol
from cex.exchanges.gateio.decode.spot import book_delta
from cex.exchanges.gateio.decode.values import parse
from cex.exchanges.gateio.wire.spot import push_decoder

frame = (
    '{"time":1606294781,"time_ms":1606294781236,"channel":"spot.order_book_update","event":"update","result":'
    '{"t":1606294781123,"e":"depthUpdate","E":1606294781,"s":"BTC_USDT","U":48776301,"u":48776306,"l":"100",'
    '"b":[["19137.74","0.0001"],["19088.37","0"]],"a":[["19137.75","0.6135"]]}}'
)
delta = book_delta(push_decoder.decode(frame).result, Symbol("BTC/USDT"), 1)
assert (delta.first_id, delta.last_id, delta.full) == (48776301, 48776306, False), delta
assert delta.bids == [(19137.74, 0.0001), (19088.37, 0.0)], delta
assert delta.asks == [(19137.75, 0.6135)], delta
assert delta.exchange_ts == 1606294781123 * 10**6, delta
""",
    "cex-exchanges-mexc": """
from cex.common import Symbol
from cex.exchanges.mexc.decode import book_ticker
from cex.exchanges.mexc.wire.push import parse_push

frame = bytes.fromhex(
    "0a3473706f74407075626c69632e61676772652e626f6f6b5469636b65722e76332e6170692e7062403130306d7340425443555344541a0742"
    "54435553445430bab6cfa88d34da133b0a0538343237301208302e3030363338371a0838343237302e3031220a352e34323136393936392a0b"
    "383231363431353334333630979fcfa88d34"
)
ticker = book_ticker(parse_push(frame), Symbol("BTC/USDT"), 1)
assert (ticker.bid_price, ticker.bid_quantity) == (84270.0, 0.006387), ticker
assert (ticker.ask_price, ticker.ask_quantity) == (84270.01, 5.42169969), ticker
assert ticker.exchange_ts == 1790281243450 * 10**6, ticker
""",
}

ABSENT = """
import importlib.util, sys
def found(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
sys.exit(", ".join(name for name in sys.argv[1:] if found(name)) or 0)
"""


class ProofError(Exception):
    """What does not hold, with the output that shows it."""


class Bench:
    """A folder of environments; what is ours is installed there from the folder `links`."""

    def __init__(self, folder: Path, links: Path) -> None:
        self._folder = folder
        self._links = links

    def environment(self, name: str) -> Path:
        """The interpreter of a new environment in which nothing is installed."""
        self.output([sys.executable, "-m", "venv", "--without-pip", str(self._folder / name)])
        return self._folder / name / "bin" / "python"

    def install(self, python: Path, *requirements: str) -> list[dict[str, object]]:
        """Install wheels only, ours from the folder of links; what was installed, as pip reports it."""
        report = python.parent / "report.json"
        pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "install"]
        links = ["--find-links", str(self._links), "--report", str(report)]
        self.output([*pip, "--quiet", "--no-compile", "--only-binary", ":all:", *links, *requirements])
        installed: list[dict[str, object]] = json.loads(report.read_text(encoding="utf-8"))["install"]
        return installed

    def output(self, command: list[str]) -> str:
        """Run in the folder, where nothing of the tree is importable; raises ProofError with the output."""
        variables = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ProofError(f"{' '.join(command)[:200]}\n{done.stdout.strip()}")
        return done.stdout.strip()


def _closure(member: Member, members: dict[str, Member]) -> set[str]:
    """The distributions of ours that installing this one brings."""
    found: set[str] = set()
    waiting = [member.name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(required for required in members[name].required if required in members)
    return found


def _check_artifacts(members: dict[str, Member]) -> None:
    expected = set()
    for member in members.values():
        stem = f"{member.name.replace('-', '_')}-{member.version}"
        expected |= {f"{stem}-py3-none-any.whl", f"{stem}.tar.gz"}
    present = {path.name for path in (ROOT / "dist").glob("*")}
    if present != expected:
        raise ProofError(
            f"dist/ lacks {sorted(expected - present)} and has besides {sorted(present - expected)}: build again"
        )


def find_ours(installed: list[dict[str, object]], members: Collection[str], links: Path) -> set[str]:
    """The distributions of ours in pip's report; raises ProofError for one that did not come from the links."""
    ours: set[str] = set()
    for item in installed:
        metadata, download = item["metadata"], item["download_info"]
        assert isinstance(metadata, dict)
        assert isinstance(download, dict)
        if metadata["name"] in members:
            ours.add(metadata["name"])
            place = Path(unquote(urlsplit(download["url"]).path)).parent
            if place != links:
                raise ProofError(f"{metadata['name']} came from {download['url']} and not from {links}")
    return ours


def _check_origins(installed: list[dict[str, object]], member: Member, members: dict[str, Member]) -> None:
    """Ours from dist/ and nowhere else, and only what the declared dependencies bring."""
    ours = find_ours(installed, members, ROOT / "dist")
    if ours != _closure(member, members):
        raise ProofError(f"{member.name} brings {sorted(ours)} and not {sorted(_closure(member, members))}")


def _prove_alone(bench: Bench, member: Member, members: dict[str, Member]) -> None:
    """Install one exchange alone and decode a frame with it."""
    python = bench.environment(member.name)
    _check_origins(bench.install(python, f"{member.name}=={member.version}"), member, members)
    allowed = _closure(member, members)
    absent = [portion for other in members.values() if other.name not in allowed for portion in other.portions]
    for needed in ("cex.cli", "cex.sandbox", "cex.trading", "cex.factory"):
        if needed not in absent:
            raise ProofError(f"{member.name} brings {needed}")
    bench.output([str(python), "-I", "-c", ABSENT, *absent])
    bench.output([str(python), "-I", "-c", PROOFS[member.name]])


def find_test_tools() -> list[str]:
    """What tests need besides the package, in the versions of the development environment."""
    group = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]["dev"]
    return [text for text in group if Requirement(text).name in TEST_TOOLS]


def run_pytest(bench: Bench, python: Path, member: Member) -> str:
    """Run one package's own tests in an environment; what pytest says last."""
    options = ["-q", "--no-header", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    return bench.output([str(python), "-m", "pytest", *options, str(member.folder / "tests")]).splitlines()[-1]


def _prepare_tests(bench: Bench, member: Member, members: dict[str, Member]) -> Path:
    """An environment with one package, the oldest third parties it admits, and pytest."""
    python = bench.environment(f"{member.name}-oldest")
    bench.install(python, f"{member.name}=={member.version}", *_oldest(member, members), *find_test_tools())
    return python


def _oldest(member: Member, members: dict[str, Member]) -> list[str]:
    """For each third party the oldest version that every bound in this installation admits, as a pin."""
    floors: dict[str, Version] = {}
    for name in _closure(member, members):
        for party, requirement in members[name].required.items():
            if party not in members:
                below = [Version(clause.version) for clause in requirement.specifier if clause.operator in (">=", "~=")]
                if not below:
                    raise ProofError(f"{name}: {requirement} has no lower bound")
                floors[party] = max([*below, floors.get(party, below[0])])
    return [f"{party}=={version}" for party, version in sorted(floors.items())]


def main(arguments: list[str]) -> int:
    """Prove; exit code 1 with what does not hold."""
    if arguments not in ([], ["--tests"]):
        print("usage: check_wheels.py [--tests]", file=sys.stderr)
        return 2
    members = {member.name: member for member in find_members(ROOT / "packages")}
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:5.1f} s  {text}", flush=True)

    with tempfile.TemporaryDirectory(prefix="cex-wheels-") as folder:
        try:
            _check_artifacts(members)
            bench = Bench(Path(folder).resolve(), ROOT / "dist")
            for name in PROOFS:
                _prove_alone(bench, members[name], members)
                say(f"{name} alone: installs, imports, decodes a frame, and brings nothing else")
            if arguments:
                with ThreadPoolExecutor(1) as pool:  # the next environment is made while the tests of one run
                    pythons = pool.map(lambda member: _prepare_tests(bench, member, members), members.values())
                    for member, python in zip(members.values(), pythons, strict=True):
                        oldest = ", ".join(_oldest(member, members))
                        say(f"{member.name} alone, with {oldest}: {run_pytest(bench, python, member)}")
        except ProofError as error:
            print(f"check_wheels: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
