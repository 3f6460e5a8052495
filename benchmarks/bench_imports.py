"""What importing costs in a fresh process: each package against the bare interpreter, one exchange against ccxt.pro."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cex.factory import ComponentRegistry
from harness import ROOT, Case, Result, compare_processes, run_process

__all__ = ["CASES"]

PACKAGES = {
    "common": "import cex.common",
    "config": "from cex.config import ConfigManager",
    "networking": "from cex.networking import RestClient, WebSocketClient",
    "factory": "from cex.factory import FactoryManager",
}
CCXT = "ccxt==4.5.90"
CCXT_HOME = ROOT / ".tools" / "bench-ccxt"
INSTALL_WITHIN_S = 300


def packages(rounds: int) -> list[Result]:
    uses = dict(PACKAGES)
    for name in ComponentRegistry().names():
        uses[f"{name}-package"] = f"import cex.exchanges.{name}"
        uses[f"{name}-exchange"] = f"from cex.exchanges.{name} import {name.capitalize()}PublicExchange"
    results = []
    for name, code in uses.items():
        found = compare_processes(code, "pass", rounds)
        cost = run_process(code)
        results.append(
            Result(
                f"import-{name}",
                f"`{code}` / the bare interpreter",
                found.ratio,
                details={"ours_ms": found.ours * 1e3, "peak_mb": cost.peak_mb, "modules": cost.modules},
            )
        )
    return results


def against_ccxt(rounds: int) -> list[Result]:
    python, reason = _ccxt()
    results = []
    for name in ComponentRegistry().names():
        ours, theirs = f"from cex.exchanges.{name} import {name.capitalize()}PublicExchange", "import ccxt.pro"
        what = f"`{ours}` / `{theirs}`"
        if python is None:
            results.append(Result(f"ccxt-import-{name}", what, skipped=reason))
            continue
        found = compare_processes(ours, theirs, rounds, python=python)
        memory = compare_processes(ours, theirs, 1, python=python, of=lambda cost: cost.peak_mb)
        results += [
            Result(
                f"ccxt-import-{name}",
                what,
                found.ratio,
                target=0.25,
                details={"ours_ms": found.ours * 1e3, "ccxt_ms": found.theirs * 1e3},
            ),
            Result(
                f"ccxt-memory-{name}",
                f"{what}, peak memory",
                memory.ratio,
                target=0.33,
                details={"ours_mb": memory.ours, "ccxt_mb": memory.theirs},
            ),
        ]
    return results


def _ccxt() -> tuple[str | None, str]:
    """The interpreter of an environment with ccxt, or why there is none."""
    python = CCXT_HOME / "bin" / "python"
    try:
        if not _has_ccxt(python):
            print(f"installing {CCXT} into {CCXT_HOME}", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(CCXT_HOME)], check=True, capture_output=True)
            subprocess.run(
                [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", CCXT],
                check=True,
                capture_output=True,
                timeout=INSTALL_WITHIN_S,
            )
    except (OSError, subprocess.SubprocessError) as error:
        return None, f"{CCXT} could not be installed ({type(error).__name__})"
    return str(python), ""


def _has_ccxt(python: Path) -> bool:
    return python.exists() and subprocess.run([str(python), "-c", "import ccxt.pro"], check=False).returncode == 0


CASES = [Case("import", packages), Case("ccxt", against_ccxt)]
