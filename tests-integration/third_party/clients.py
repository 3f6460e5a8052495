"""The clients that have nothing to do with this repository, and the environments that they are driven in."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CLIENTS", "HERE", "Client", "Environment", "NotInstalled"]

ROOT = Path(__file__).resolve().parents[2]
DRIVERS = Path(__file__).resolve().parent / "drivers"
INSTALL_WITHIN_S = 600


class NotInstalled(Exception):
    """An environment could not be made; the message is one line."""


@dataclass(frozen=True)
class Environment:
    """What has to be installed to drive a client; made below ``.tools/`` at the first run, and again when it changes.

    Without packages it is the environment that runs this.
    """

    name: str
    packages: tuple[str, ...] = ()
    npm: bool = False

    @property
    def home(self) -> Path:
        """Its folder."""
        python = "" if self.npm else f"-{sys.version_info[0]}.{sys.version_info[1]}"
        return ROOT / ".tools" / f"third-party-{self.name}{python}"

    def interpreter(self) -> str:
        """What a driver is run with. Raises NotInstalled for npm without Node.js."""
        if not self.packages:
            return sys.executable
        if not self.npm:
            return str(self.home / "bin" / "python")
        node = shutil.which("node")
        if node is None:
            raise NotInstalled("Node.js is missing: install it, and npm with it (Debian, Ubuntu: apt install npm)")
        return node

    def variables(self) -> Mapping[str, str]:
        """What a driver finds its client by."""
        return {"NODE_PATH": str(self.home / "node_modules")} if self.npm else {}

    def install(self) -> None:
        """Make it unless it is there. Raises NotInstalled."""
        stamp, wanted = self.home / "installed.txt", "\n".join(self.packages)
        if not self.packages or (stamp.exists() and stamp.read_text(encoding="utf-8") == wanted):
            return
        print(f"installing {', '.join(self.packages)} into {self.home.relative_to(ROOT)}", file=sys.stderr, flush=True)
        shutil.rmtree(self.home, ignore_errors=True)
        if self.npm:
            self.interpreter()
            npm = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(self.home)]
            self._run([*npm, *self.packages])
        else:
            self._run([sys.executable, "-m", "venv", str(self.home)])
            pip = [str(self.home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
            self._run([*pip, *self.packages])
        stamp.write_text(wanted, encoding="utf-8")

    def _run(self, command: list[str]) -> None:
        """Run a command that ends with us."""
        self.home.parent.mkdir(exist_ok=True)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                process_group=0,
            )
        except OSError as error:
            raise NotInstalled(f"{self.name}: {command[0]}: {error.strerror}") from error
        try:
            output, _ = process.communicate(timeout=INSTALL_WITHIN_S)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise NotInstalled(f"{self.name}: not installed within {INSTALL_WITHIN_S} s") from error
            raise
        if process.returncode != 0:
            told = [line.strip() for line in output.splitlines() if line.strip()] or ["no output"]
            raise NotInstalled(f"{self.name} could not be installed: {told[-1]}")


@dataclass(frozen=True)
class Client:
    """A client, or one market of it: the driver, what that is given besides client and sandbox, and what that needs.

    ``beside`` is an environment whose interpreter is the driver's last argument.
    """

    name: str
    environment: Environment
    driver: Path
    arguments: tuple[str, ...] = ()
    beside: Environment | None = None


HERE = Environment("here")
CCXT = Environment("ccxt", ("ccxt==4.5.90", "protobuf==5.29.5"))
GATE_API = Environment("gate-api", ("gate-api==7.2.161",))
PYMEXC = Environment("pymexc", ("pymexc==1.3.1", "trustme==1.2.1"))
CRYPTOFEED = Environment("cryptofeed", ("cryptofeed==2.4.1", "trustme==1.2.1"))
GATEIO_API = Environment("gateio-api", ("gateio-api@1.6.4",), npm=True)

MARKETS = (("mexc", "mexc"), ("gate spot", "gate-spot"), ("gate futures", "gate-futures"))

CLIENTS: tuple[Client, ...] = (
    *(Client(f"ccxt {name}", CCXT, DRIVERS / "ccxt_rest.py", (market,)) for name, market in MARKETS),
    *(Client(f"ccxt.pro {name}", CCXT, DRIVERS / "ccxt_pro.py", (market,)) for name, market in MARKETS),
    Client("gate-api spot", GATE_API, DRIVERS / "gate_sdk.py", ("spot",)),
    Client("gate-api futures", GATE_API, DRIVERS / "gate_sdk.py", ("futures",)),
    Client("pymexc", PYMEXC, DRIVERS / "pymexc_client.py"),
    Client("cryptofeed spot", CRYPTOFEED, DRIVERS / "cryptofeed_feed.py", ("spot",)),
    Client("cryptofeed futures", CRYPTOFEED, DRIVERS / "cryptofeed_feed.py", ("futures",)),
    Client("gateio-api spot", GATEIO_API, DRIVERS / "gateio_api.mjs", ("spot",)),
    Client("gateio-api futures", GATEIO_API, DRIVERS / "gateio_api.mjs", ("futures",)),
    *(Client(f"cex {name}", HERE, DRIVERS / "cex_beside.py", (market,), beside=CCXT) for name, market in MARKETS),
)
