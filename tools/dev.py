"""Every task of this repository, from a bare Python 3.11 or newer: `python3 tools/dev.py` tells them.

Builds the environment in `.tools/` when it is missing or out of date, then becomes the asked command, so that signals,
the exit code and standard output are the command's own. Nothing here may need more than the standard library, and this
file must stay readable for Python 3.6, whose users are told what they need.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the very message for those who start it with an older one
    have = f"{sys.version_info[0]}.{sys.version_info[1]}"
    sys.exit(f"dev.py: Python 3.11 or newer is needed, this is {have}: install it and run python3.11 tools/dev.py")

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
PINS = ("uv==0.13.9", "hatch==1.18.2")
HOME = ROOT / ".tools" / f"py{sys.version_info[0]}.{sys.version_info[1]}"
HATCH = HOME / "hatch"
ENVIRONMENT = HOME / "env"
LOG = HOME / "setup.log"

USAGE = """usage: python3 tools/dev.py COMMAND [ARGUMENT...]

  demo [ARGUMENT...]    the demonstration on the local sandbox: `cex demo ...`
  test [ARGUMENT...]    all tests, or what pytest is told, from the root folder
  check [--json]        format, lint, types, contracts, dependencies, layout, generated code
  format                bring the code into form and mend what lint can mend
  build                 every wheel and source distribution into dist/
  bench [ARGUMENT...]   the benchmarks: `benchmarks/run.py ...`, compiled where there is a compiler
  third-party [ARGUMENT...]
                        clients of others against the sandbox, each in an environment of its own (--only NAME, --json)
  campaign KIND...      long proofs against the sandbox: orders, market, sequences, fuzz (--seed N, --json)
  compile [--remove]    the sides of order books, compiled in place (needs a C compiler)
  run COMMAND...        any command inside the environment, in the current folder

The environment is built in .tools/ at the first run (about 20 s) and again when a pyproject.toml has changed.
CEX_DEV_ENV=FOLDER names a ready virtual environment to use instead.
"""

UNREACHABLE = (
    "name resolution",
    "establish a new connection",
    "connection refused",
    "network is unreachable",
    "dns error",
    "error sending request",
    "failed to fetch",
    "timed out",
    "connecttimeout",
)


class SetupError(Exception):
    """The environment could not be built; the message is one line with the remedy."""


def main(arguments: list[str]) -> int:
    """Carry out one command; returns only when there is nothing to become."""
    if not arguments:
        sys.stderr.write(USAGE)
        return 2
    name, *rest = arguments
    if name in ("-h", "--help", "help"):
        sys.stdout.write(USAGE)
        return 0
    if name == "run" and not rest:
        return _complain("run needs a command, for example: python3 tools/dev.py run cex --help", 2)
    if name not in ("demo", "test", "check", "format", "build", "bench", "third-party", "campaign", "compile", "run"):
        return _complain(f"unknown command {name!r}: python3 tools/dev.py --help lists them", 2)
    try:
        if name == "build":
            return _build()
        environment = _ready_environment()
    except SetupError as error:
        return _complain(str(error), 1)
    if name == "run":
        return _become(environment, rest)
    if name == "demo":
        return _become(environment, ["cex", "demo", *rest])
    if name == "bench":
        compiling = f"python '{ROOT}/tools/compile.py' --if-possible >&2"
        return _become(
            environment, ["sh", "-c", f"{compiling} && exec python '{ROOT}/benchmarks/run.py' \"$@\"", "bench", *rest]
        )
    if name == "third-party":
        return _become(environment, ["python", str(ROOT / "tests-integration" / "third_party" / "drive.py"), *rest])
    if name == "campaign":
        return _become(environment, ["python", str(ROOT / "tools" / "campaigns" / "campaign.py"), *rest])
    if name == "compile":
        return _become(environment, ["python", str(ROOT / "tools" / "compile.py"), *rest])
    os.chdir(ROOT)
    if name == "test":
        return _become(environment, ["python", "-m", "pytest", *rest])
    if name == "format":
        return _become(environment, ["sh", "-c", "ruff check --quiet --fix-only . && ruff format .", *rest])
    return _become(environment, ["python", str(ROOT / "tools" / "check.py"), *rest])


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"dev.py: {text}\n")
    return code


def _become(environment: Path, command: list[str]) -> int:
    """Replace this process by the command, so that nobody stands between it and its caller."""
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONHOME"}
    variables["VIRTUAL_ENV"] = str(environment)
    variables["PATH"] = os.pathsep.join([str(environment / "bin"), variables.get("PATH", os.defpath)])
    sys.stdout.flush()
    sys.stderr.flush()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these two; what we become decides for itself
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(command[0], command, variables)
    except FileNotFoundError:
        return _complain(f"{command[0]}: no such command in the environment ({environment / 'bin'}) or on PATH", 127)
    except OSError as error:
        return _complain(f"{command[0]}: {error.strerror}", 126)


def _build() -> int:
    dist = ROOT / "dist"
    with _Setup("what builds") as setup:
        _install_hatch(setup)
        shutil.rmtree(dist, ignore_errors=True)
        command = [str(HATCH / "bin" / "hatch"), "--no-color", "build", "--all"]
        setup.step("every wheel and source distribution", command, _hatch_variables())
    for path in sorted(dist.iterdir()):
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    return 0


# The environment


def _ready_environment() -> Path:
    """Where the packages and their tools are installed, after building that when it is missing or out of date."""
    given = os.environ.get("CEX_DEV_ENV")
    if given:
        if not (Path(given) / "bin" / "python").exists():
            raise SetupError(f"CEX_DEV_ENV={given} holds no bin/python: name a virtual environment or unset it")
        return Path(given).resolve()
    wanted = _fingerprint()
    if not _holds(ENVIRONMENT, wanted):
        with _Setup("the environment (first run or changed pyproject.toml, about 20 s)") as setup:
            if not _holds(ENVIRONMENT, wanted):
                _install_hatch(setup)
                _forget(ENVIRONMENT)
                shutil.rmtree(HOME / "data", ignore_errors=True)
                variables = _hatch_variables()
                variables["HATCH_ENV_TYPE_VIRTUAL_PATH"] = str(ENVIRONMENT)
                command = [str(HATCH / "bin" / "hatch"), "--no-color", "env", "create", "default"]
                setup.step("the packages and their tools", command, variables)
                _remember(ENVIRONMENT, wanted)
    return ENVIRONMENT


def _install_hatch(setup: "_Setup") -> None:
    if _holds(HATCH, _pins()):
        return
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise SetupError(
            f"the venv module of {sys.executable} is missing or incomplete: "
            "install it (Debian, Ubuntu: apt install python3-venv) and run this again"
        )
    _forget(HATCH)
    uv, hatch = PINS
    setup.step("venv", [sys.executable, "-m", "venv", str(HATCH)])
    pip = [str(HATCH / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    setup.step(uv, [*pip, "install", "--retries", "2", uv])
    setup.step(hatch, [str(HATCH / "bin" / "uv"), "pip", "install", "--python", str(HATCH / "bin" / "python"), hatch])
    _remember(HATCH, _pins())


def _hatch_variables() -> dict[str, str]:
    return {
        "HATCH_DATA_DIR": str(HOME / "data"),
        "HATCH_PYTHON": str(HATCH / "bin" / "python"),
        "HATCH_INTERACTIVE": "0",
    }


def _pins() -> str:
    return " ".join(PINS)


def _fingerprint() -> str:
    """What the environment depends on: hatch does not notice new versions, entry points and removed members."""
    digest = hashlib.sha256(f"{ROOT}\n{_pins()}\n".encode())
    for path in [ROOT / "pyproject.toml", *sorted(ROOT.glob("packages/*/pyproject.toml"))]:
        digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _stamp(folder: Path) -> Path:
    return folder.with_suffix(".stamp")


def _holds(folder: Path, wanted: str) -> bool:
    try:
        return _stamp(folder).read_text(encoding="utf-8") == wanted and (folder / "bin" / "python").exists()
    except FileNotFoundError:
        return False


def _forget(folder: Path) -> None:
    _stamp(folder).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _remember(folder: Path, wanted: str) -> None:
    fresh = folder.with_suffix(".fresh")
    fresh.write_text(wanted, encoding="utf-8")
    fresh.replace(_stamp(folder))


class _Setup:
    """One set-up at a time in this tree; its steps end with us, whatever ends us."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._started = time.monotonic()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "_Setup":
        HOME.mkdir(parents=True, exist_ok=True)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, _interrupted)
        self._lock = (HOME / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._say("waiting for another set-up of this tree")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        LOG.write_bytes(b"")
        self._say(f"setting up {self._what}")
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def step(self, what: str, command: list[str], variables: "dict[str, str] | None" = None) -> None:
        """Run one command, its output in the log; raises SetupError with one line when it fails."""
        self._say(f"{time.monotonic() - self._started:3.0f} s  {what}")
        outside = {key: value for key, value in os.environ.items() if key not in ("PYTHONHOME", "PYTHONPATH")}
        with LOG.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**outside, "PIP_USER": "0", "COLUMNS": "1000", **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
            try:
                code = process.wait()
            except BaseException:
                _end_group(process)
                raise
        if code != 0:
            raise SetupError(_diagnosis(what))

    def _say(self, text: str) -> None:
        sys.stderr.write(f"dev.py: {text}\n")
        sys.stderr.flush()


def _interrupted(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=3)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _diagnosis(what: str) -> str:
    lines = [line.strip() for line in LOG.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    where = LOG.relative_to(ROOT)
    if any(sign in line.lower() for line in lines for sign in UNREACHABLE):
        return (
            f"{what} cannot be installed, no package index is reachable: connect to the network, "
            f"or name a mirror in PIP_INDEX_URL and UV_INDEX_URL (details in {where})"
        )
    first = next((at for at, line in enumerate(lines) if re.match(r"\w*error\b|× ", line, re.IGNORECASE)), -1)
    told = " ".join(lines[first:][:2]) or "no output"  # the line after an error tells its cause
    return f"{what} failed: {told} (details in {where})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
