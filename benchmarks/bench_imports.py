"""What importing costs in a fresh process: each package against the bare interpreter, one exchange against ccxt.pro."""

from __future__ import annotations

from ccxt_environment import ccxt_python
from cex.factory import ComponentRegistry
from harness import Case, Result, compare_processes, run_process

__all__ = ["CASES"]

PACKAGES = {
    "common": "import cex.common",
    "config": "from cex.config import ConfigManager",
    "networking": "from cex.networking import RestClient, WebSocketClient",
    "factory": "from cex.factory import FactoryManager",
}
THEIRS = "import ccxt.pro"


def packages(rounds: int) -> list[Result]:
    uses = dict(PACKAGES)
    for name in ComponentRegistry().names():
        uses[f"{name}-package"] = f"import cex.exchanges.{name}"
        uses[f"{name}-exchange"] = f"from cex.exchanges.{name} import {name.capitalize()}PublicExchange"
    results = []
    for name, code in uses.items():
        found = compare_processes(code, "pass", rounds).cpu
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
    """The package as it is imported (its parts come at their first use), and with everything that a session needs."""
    python, reason = ccxt_python()
    results = []
    for name in ComponentRegistry().names():
        package = f"import cex.exchanges.{name}"
        ready = f"from cex.exchanges.{name} import {name.capitalize()}PublicExchange"
        for case, ours, times, memory in (("import", package, 0.25, 0.33), ("ready", ready, None, None)):
            what = f"`{ours}` / `{THEIRS}`"
            if python is None:
                results.append(Result(f"ccxt-{case}-{name}", what, skipped=reason))
                continue
            cpu, peak = compare_processes(ours, THEIRS, rounds, python=python)
            cpu_details: dict[str, object] = {"ours_ms": cpu.ours * 1e3, "ccxt_ms": cpu.theirs * 1e3}
            peak_details: dict[str, object] = {"ours_mb": peak.ours, "ccxt_mb": peak.theirs}
            results += [
                Result(f"ccxt-{case}-{name}", what, cpu.ratio, target=times, details=cpu_details),
                Result(f"ccxt-{case}-memory-{name}", f"{what}, peak", peak.ratio, target=memory, details=peak_details),
            ]
    return results


CASES = [Case("import", packages), Case("ccxt", against_ccxt)]
