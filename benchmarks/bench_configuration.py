"""Settings: a fresh process, a full load of a large file, and a read from the cache."""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml

import samples
from cex.config import ConfigManager
from cex.factory import ComponentRegistry
from harness import Case, Result, compare_calls, compare_processes, time_calls

__all__ = ["CASES"]

PYDANTIC = """
import pydantic

class Model(pydantic.BaseModel):
    number: int = 1

Model(number=2)
"""

LOAD = """
from cex.config import ConfigManager
from cex.exchanges.gateio.config import GateioConfig
from cex.exchanges.mexc.config import MexcConfig

types = {{"gateio": GateioConfig, "mexc": MexcConfig}}
manager = ConfigManager({path!r}, exchange_types=types, variables={{"GATE_KEY": "key", "GATE_SECRET": "secret"}})
assert manager.get_exchange_config("gateio").account()
"""

LOAD_INSTALLED = """
from cex.config import ConfigManager
from cex.factory import ComponentRegistry

types = ComponentRegistry().config_types
manager = ConfigManager({path!r}, exchange_types=types, variables={{"GATE_KEY": "key", "GATE_SECRET": "secret"}})
assert manager.get_exchange_config("gateio").account()
"""


def _written(text: str, name: str) -> Path:
    path = Path(tempfile.mkdtemp(prefix="cex-bench-")) / name
    path.write_text(text, encoding="utf-8")
    return path


def cold(rounds: int) -> list[Result]:
    results = []
    for name, code, text, ending, target in (
        ("toml", LOAD, samples.small_toml(), "toml", 1.25),
        ("yaml", LOAD, samples.small_yaml(), "yaml", None),
        ("installed", LOAD_INSTALLED, samples.small_toml(), "toml", None),
    ):
        path = _written(text, f"cex.{ending}")
        found = compare_processes(code.format(path=str(path)), PYDANTIC, rounds).cpu
        results.append(
            Result(
                f"config-cold-{name}",
                "a fresh process that loads settings / one that imports pydantic and builds one model",
                found.ratio,
                target=target,
                details={"ours_ms": found.ours * 1e3, "pydantic_ms": found.theirs * 1e3},
            )
        )
    return results


def _large() -> tuple[ConfigManager, Path]:
    path = _written(samples.large_yaml(), "cex.yaml")
    types = ComponentRegistry().config_types
    return ConfigManager(path, exchange_types=types, variables=samples.variables()), path


def warm(rounds: int) -> Result:
    manager, path = _large()
    manager.load()
    found = compare_calls(manager.load, lambda: yaml.load(path.read_text("utf-8"), Loader=yaml.SafeLoader), rounds)
    return Result(
        "config-warm",
        "a full load of a 16 kB YAML file / yaml.safe_load of it by the pure-Python loader",
        found.ratio,
        target=0.5,
        details={"ours_ms": found.ours * 1e3, "yaml_ms": found.theirs * 1e3, "bytes": path.stat().st_size},
    )


def cached(rounds: int) -> Result:
    manager, _ = _large()
    manager.load()
    seconds = time_calls(lambda: manager.get_exchange_config("gateio"), rounds)
    return Result("config-cached", "settings of an exchange from the cache", seconds * 1e6, "us", 2.0)


CASES = [Case("config-cold", cold), Case("config-warm", warm), Case("config-cached", cached)]
