"""An environment with ccxt, apart from ours: made below `.tools/` at the first run that needs it."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

from harness import ROOT

__all__ = ["ccxt_python"]

CCXT = "ccxt==4.5.90"
WANTED = (CCXT, "orjson==3.13.0", "protobuf==5.29.5")
"""ccxt decodes by orjson where it is there, and names the protobuf that its MEXC needs."""
PRESENT = "import ccxt.pro, orjson, google.protobuf"
CCXT_HOME = ROOT / ".tools" / f"bench-ccxt-{sys.version_info[0]}.{sys.version_info[1]}"
INSTALL_WITHIN_S = 300


@cache
def ccxt_python() -> tuple[str | None, str]:
    """The interpreter of an environment with ccxt, or why there is none."""
    python = CCXT_HOME / "bin" / "python"
    try:
        if not _has_ccxt(python):
            print(f"installing {CCXT} into {CCXT_HOME}", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(CCXT_HOME)], check=True, capture_output=True)
            subprocess.run(
                [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *WANTED],
                check=True,
                capture_output=True,
                timeout=INSTALL_WITHIN_S,
            )
    except (OSError, subprocess.SubprocessError) as error:
        return None, f"{CCXT} could not be installed ({type(error).__name__})"
    return str(python), ""


def _has_ccxt(python: Path) -> bool:
    if not python.exists():
        return False
    return subprocess.run([str(python), "-c", PRESENT], check=False, capture_output=True).returncode == 0
