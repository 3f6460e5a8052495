"""Each import contract of `.importlinter` is kept by the tree and broken by a violation planted in a copy of it."""

from __future__ import annotations

import configparser
import json
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / ".importlinter"

# Runs without the site module, so that the editable installs of this environment stay out of sight of the linter.
WORKER = """
import contextlib, io, json, sys
tree, libraries, config, cache = sys.argv[1:]
sys.path[:0] = [tree]
sys.path.append(libraries)
from importlinter.application import use_cases
from importlinter.configuration import configure
configure()
options = use_cases.read_user_options(config)
use_cases._register_contract_types(options)
names = [contract["id"] for contract in options.contracts_options]
for line in sys.stdin:
    sys.modules.pop("cex", None)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            report = use_cases.create_report(options, cache_dir=cache)
        checks = [check.kept for _, check in report.get_contracts_and_checks()]
        answer = {"broken": [name for name, kept in zip(names, checks, strict=True) if not kept]}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
"""


@dataclass
class Linter:
    """The linter at work on a copy of the tree, in which modules are changed and put back."""

    tree: Path
    process: subprocess.Popen[str]
    before: set[str] = field(default_factory=set)
    """What the untouched tree breaks; it has a test of its own and does not fail all the others."""

    def broken(self) -> set[str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("again\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return set(answer["broken"])

    def broken_with(self, plants: dict[str, str]) -> set[str]:
        """What is broken while each named module ends with the given lines; a module that is not there is made."""
        before: dict[Path, str | None] = {}
        try:
            for module, text in plants.items():
                path = self._path(module)
                before[path] = path.read_text(encoding="utf-8") if path.exists() else None
                path.parent.mkdir(exist_ok=True)
                path.write_text(f"{before[path] or ''}\n{text}\n", encoding="utf-8")
            return self.broken()
        finally:
            for path, text_before in before.items():
                if text_before is not None:
                    path.write_text(text_before, encoding="utf-8")
                elif path.name == "__init__.py":
                    shutil.rmtree(path.parent)
                else:
                    path.unlink()

    def _path(self, module: str) -> Path:
        base = self.tree.joinpath(*module.removesuffix("/").split("."))
        return base / "__init__.py" if base.is_dir() or module.endswith("/") else base.with_suffix(".py")


@pytest.fixture(scope="module")
def linter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linter]:
    folder = tmp_path_factory.mktemp("contracts")
    tree = folder / "tree"
    for source in sorted(ROOT.glob("packages/*/src")):
        shutil.copytree(source, tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    arguments = [str(tree), sysconfig.get_path("purelib"), str(CONFIG), str(folder / "cache")]
    with subprocess.Popen(
        [sys.executable, "-S", "-c", WORKER, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
    ) as process:
        linter = Linter(tree, process)
        linter.before = linter.broken()
        yield linter


def test_the_tree_keeps_every_contract(linter: Linter) -> None:
    assert linter.before == set()


TYPED = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import "
EXCHANGES = ("mexc", "gateio")

# (the contract that is meant, what is planted, which others break with it)
VIOLATIONS: list[tuple[str, dict[str, str], set[str]]] = [
    ("rooms", {"cex.config.planted": "import cex.networking"}, set()),
    ("rooms", {"cex.trading.planted": "import cex.sandbox"}, set()),
    ("rooms", {"cex.sandbox.planted": "import cex.trading"}, set()),
    ("rooms", {"cex.factory.planted": "import cex.cli"}, {"cycles"}),
    ("rooms", {"cex.networking.planted": "from cex.exchanges import base"}, {"cycles"}),
    ("rooms", {"cex.homeless/": "homeless = True"}, set()),
    ("exchanges", {"cex.exchanges.mexc.constants": "import cex.exchanges.gateio.constants"}, set()),
    ("exchanges", {"cex.exchanges.gateio.constants": "import cex.exchanges.mexc.constants"}, set()),
    ("exchanges", {"cex.exchanges.base.planted": "import cex.exchanges.mexc.constants"}, {"cycles"}),
    ("exchanges", {"cex.exchanges.homeless/": "homeless = True"}, set()),
    *[
        ("exchange-rooms", {f"cex.exchanges.{exchange}.{room}": f"import cex.exchanges.{exchange}.{other}"}, others)
        for exchange in EXCHANGES
        for room, other, others in [
            ("errors", "wire", set[str]()),
            ("wire", "symbols", set[str]()),
            ("websocket", "rest", set[str]()),
            ("constants", "errors", {"cycles"}),
        ]
    ],
    *[("exchange-rooms", {f"cex.exchanges.{exchange}.homeless": "homeless = True"}, set()) for exchange in EXCHANGES],
    *[
        ("discovery", {f"cex.{room}.planted": f"import cex.exchanges.{exchange}"}, set[str]())
        for exchange in EXCHANGES
        for room in ("factory", "trading", "cli")
    ],
    ("discovery", {"cex.cli.planted": f"{TYPED}cex.exchanges.gateio.public"}, set()),
    ("discovery", {"cex.sandbox.planted": "import cex.exchanges.mexc.constants"}, {"sandbox"}),
    ("sandbox", {"cex.sandbox.planted": "from cex.common import OrderBook"}, set()),
    ("sandbox", {"cex.sandbox.planted": "from cex.common.book import order_book"}, set()),
    ("sandbox", {"cex.sandbox.planted": "import cex.common.exceptions.base"}, set()),
    ("sandbox", {"cex.sandbox.planted": f"{TYPED}cex.common.book.synchronizer"}, set()),
    ("sandbox", {"cex.sandbox.planted": "import cex.networking.recording"}, set()),
    ("sandbox", {"cex.sandbox.planted": "import cex.exchanges.base.interfaces"}, set()),
    ("sandbox", {"cex.sandbox.planted": "import cex.config"}, {"settings"}),
    ("pure", {"cex.common.planted": "import asyncio"}, set()),
    ("pure", {"cex.common.planted": f"{TYPED}asyncio"}, set()),
    ("pure", {"cex.common.planted": "import aiohttp"}, {"aiohttp"}),
    ("pure", {"cex.common.planted": f"{TYPED}pydantic"}, {"pydantic"}),
    ("pure", {"cex.exchanges.base.interfaces": "import cex.networking.rest.client"}, set()),
    *[
        ("pure", {f"cex.exchanges.{exchange}.{room}": "import asyncio"}, set[str]())
        for exchange in EXCHANGES
        for room in ("wire", "decode", "symbols", "errors")
    ],
    ("aiohttp", {"cex.trading.planted": "import aiohttp"}, set()),
    ("aiohttp", {"cex.exchanges.mexc.rest": f"{TYPED}aiohttp"}, set()),
    ("pydantic", {"cex.factory.planted": "import pydantic"}, set()),
    ("pydantic", {"cex.exchanges.gateio.public": f"{TYPED}pydantic"}, set()),
    ("pydantic", {"cex.cli.planted": "from pydantic_core import PydanticCustomError"}, set()),
    ("settings", {"cex.exchanges.mexc.rest": "import cex.config"}, set()),
    ("settings", {"cex.exchanges.base.planted": f"{TYPED}cex.config"}, set()),
    (
        "cycles",
        {
            "cex.trading.planted": "import cex.trading.planted_too",
            "cex.trading.planted_too": "import cex.trading.planted",
        },
        set(),
    ),
]


@pytest.mark.parametrize(
    ("contract", "plants", "others"),
    VIOLATIONS,
    ids=[f"{contract}: {' and '.join(plants)}: {number}" for number, (contract, plants, _) in enumerate(VIOLATIONS)],
)
def test_a_planted_violation_breaks_its_contract(
    linter: Linter, contract: str, plants: dict[str, str], others: set[str]
) -> None:
    assert linter.broken_with(plants) == {contract, *others, *linter.before}


@pytest.mark.parametrize(
    "plants",
    [
        {"cex.sandbox.planted": "import cex.common.types.symbols, cex.common.enums, cex.common.clock"},
        {"cex.sandbox.planted": "from cex.common import correlation, types"},
        {"cex.exchanges.mexc.config": "import pydantic, pydantic_core"},
        {"cex.trading.planted": "import cex.exchanges.base, cex.factory"},
    ],
    ids=["sandbox takes types", "sandbox takes modules", "config takes pydantic", "trading takes the base"],
)
def test_what_is_meant_to_be_allowed_is_allowed(linter: Linter, plants: dict[str, str]) -> None:
    assert linter.broken_with(plants) == linter.before


def read_contracts() -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser()
    parser.read(CONFIG, encoding="utf-8")
    prefix = "importlinter:contract:"
    return {name.removeprefix(prefix): dict(parser[name]) for name in parser.sections() if name.startswith(prefix)}


def test_every_contract_has_a_planted_violation() -> None:
    assert set(read_contracts()) == {contract for contract, _, _ in VIOLATIONS}


def announced_exchanges() -> set[str]:
    announced: set[str] = set()
    for path in ROOT.glob("packages/*/pyproject.toml"):
        project: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        targets = project.get("entry-points", {}).get("cex.exchanges", {}).values()
        announced.update(".".join(target.split(":")[0].split(".")[:3]) for target in targets)
    return announced


def test_every_announced_exchange_is_named_in_the_contracts() -> None:
    announced = announced_exchanges()
    contracts = read_contracts()
    layers = contracts["exchanges"]["layers"].replace("|", " ").split()
    assert announced == {f"cex.exchanges.{exchange}" for exchange in EXCHANGES}
    assert announced == set(contracts["exchange-rooms"]["containers"].split())
    assert announced == {f"cex.exchanges.{layer}" for layer in layers} - {"cex.exchanges.base"}
    assert announced == set(contracts["discovery"]["forbidden_modules"].split())
