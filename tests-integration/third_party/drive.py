"""Clients of others against the sandbox: `python3 tools/dev.py third-party [--only NAME] [--json] [--readme]`.

Each client is driven in an environment of its own against a sandbox of its own, step by step, and every step is told
with what was seen. It fails when a step does; a step that the client itself makes impossible is told with the reason.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from clients import CLIENTS, ROOT, Client, NotInstalled

__all__ = ["Row", "grouped", "main", "run_client"]

SCENARIO = Path(__file__).resolve().parent / "scenario.toml"
README = ROOT / "packages" / "cex-sandbox" / "README.md"
BEGIN, END = "<!-- third-party table -->", "<!-- end of the third-party table -->"
SANDBOX = "from cex.cli.app import main; main()"
SANDBOX_WITHIN_S = 60.0
CLIENT_WITHIN_S = 180.0
PASSED, FAILED, CLIENT = "passed", "FAILED", "client's fault"


@dataclass(frozen=True)
class Row:
    """One step of one client. ``result`` is passed, FAILED or client's fault."""

    client: str
    version: str
    step: str
    result: str
    detail: str


@contextlib.contextmanager
def ended_with_us(command: Sequence[str], **settings: Any) -> Iterator[subprocess.Popen[str]]:
    """A process with pipes, in a group of its own, that is gone afterwards; should we crash, its input ends."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0, **settings
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def lines(process: subprocess.Popen[str], seconds: float) -> Iterator[str]:
    """The lines of its output as they come. Raises TimeoutError when it is not through after ``seconds``."""
    assert process.stdout is not None
    output, arrived = process.stdout, queue.SimpleQueue[str]()

    def read() -> None:
        for line in output:
            arrived.put(line)
        arrived.put("")

    threading.Thread(target=read, daemon=True).start()
    end = time.monotonic() + seconds
    while True:
        try:
            line = arrived.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            raise TimeoutError(f"not through after {seconds:g} s") from None
        if not line:
            return
        yield line


def run_client(client: Client, sandbox: Sequence[str]) -> Generator[Row, None, None]:
    """Drive one client against a sandbox that ``sandbox`` starts; what went wrong with either is a row, too."""
    version = ""
    try:
        for environment in filter(None, (client.environment, client.beside)):
            environment.install()
        command = [client.environment.interpreter(), str(client.driver), client.name]
        more = [*client.arguments, *([client.beside.interpreter()] if client.beside else [])]
        with (
            tempfile.TemporaryDirectory(prefix="third-party-") as scratch,
            ended_with_us(sandbox) as served,
        ):
            announcement = next(lines(served, SANDBOX_WITHIN_S), "")
            if not announcement:
                raise NotInstalled("the sandbox did not start")
            variables = {**os.environ, **client.environment.variables(), "TMPDIR": scratch}
            with ended_with_us([*command, announcement.strip(), *more], env=variables) as driver:
                for line in lines(driver, CLIENT_WITHIN_S):
                    row = _row(line)
                    version = row.version
                    yield row
                code = driver.wait()
        if code != 0:
            yield Row(client.name, version, "end", FAILED, f"the driver ended with {code}")
    except (NotInstalled, TimeoutError, ValueError) as error:
        yield Row(client.name, version, "run", FAILED, str(error))


def _row(line: str) -> Row:
    """Raises ValueError when a driver said something else."""
    try:
        told = json.loads(line)
        result = PASSED if told["ok"] else CLIENT if told["fault"] == "client" else FAILED
        return Row(told["client"], told["version"], told["step"], result, told["detail"])
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"not the line of a step: {line.strip()[:200]!r}") from None


def grouped(rows: Sequence[Row], date: str) -> str:
    """The table of a README: what passed on one line a client, everything else on its own."""
    told = ["| client | version | steps | result |", "| --- | --- | --- | --- |"]
    for name in dict.fromkeys(row.client for row in rows):
        mine = [row for row in rows if row.client == name]
        passed = [row.step for row in mine if row.result == PASSED]
        if passed:
            told.append(f"| {name} | {mine[0].version} | {', '.join(passed)} | passed |")
        for row in mine:
            if row.result != PASSED:
                detail = row.detail.replace("|", "\\|")
                told.append(f"| {name} | {row.version} | {row.step} | {row.result}: {detail} |")
    return "\n".join([*told, "", f"Seen on {date}."])


def write_readme(table: str) -> None:
    """Replace the table between its two marks. Raises ValueError when they are not there."""
    text = README.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{README.name} has no {BEGIN} and {END}")
    README.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


def main(arguments: Sequence[str], clients: Sequence[Client] = CLIENTS) -> int:
    """Run what is asked for; 1 when a step failed, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="third-party", description="Clients of others against the sandbox.")
    parser.add_argument("--only", metavar="NAME", help="the clients whose names begin so")
    parser.add_argument("--json", action="store_true", help="one object at the end instead of lines")
    parser.add_argument("--readme", action="store_true", help="write the table into the sandbox's README")
    asked = parser.parse_args(arguments)
    chosen = [client for client in clients if client.name.startswith(asked.only or "")]
    if not chosen:
        print(
            f"no client begins with {asked.only}; there are {', '.join(one.name for one in clients)}", file=sys.stderr
        )
        return 2
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    sandbox = [sys.executable, "-c", SANDBOX, "sandbox", "serve", "--exit-with-parent", "--scenario", str(SCENARIO)]
    rows: list[Row] = []
    for client in chosen:
        with contextlib.closing(run_client(client, sandbox)) as told:
            for row in told:
                rows.append(row)
                if not asked.json:
                    print(f"{row.result:<15}{row.client:<22}{row.version:<10}{row.step:<38}{row.detail}", flush=True)
    failed = [row for row in rows if row.result == FAILED]
    date = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    if asked.json:
        print(json.dumps({"passed": not failed, "date": date, "rows": [asdict(row) for row in rows]}), flush=True)
    else:
        excused = sum(row.result == CLIENT for row in rows)
        print(f"{len(rows)} steps, {len(failed)} failed, {excused} impossible by the client's own fault", flush=True)
    if asked.readme:
        write_readme(grouped(rows, date))
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
