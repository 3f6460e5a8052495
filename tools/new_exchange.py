"""Begins a new exchange: `python3 tools/dev.py run python tools/new_exchange.py NAME [--title TITLE]`.

Writes the distribution packages/cex-exchanges-NAME with every room that an exchange has. It works from the first
minute, with the invented protocol of tests-integration/toy_exchange, whose copy it is; room by room, the real one
replaces that.
"""

from __future__ import annotations

import argparse
import keyword
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["main", "write_exchange"]

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "tests-integration" / "toy_exchange"
LEFT_OUT = {"conftest.py"}  # at the top of the template: it concerns the toy's place among the integration tests
RESERVED = {"base", "toy"}
LONGEST = 20

NEXT = """
It speaks an invented protocol until you replace it. From the bottom to the top:
  constants, config   addresses by profile, limits, heartbeat; settings that only this exchange has
  wire, decode        its messages as structures, and what they mean in our words (pure functions, recorded samples)
  symbols, errors     its list of instruments; its error codes
  rest, websocket     its requests; its subscriptions, acknowledgements and pings
  public, factory     nothing to do, as long as there is one REST and one WebSocket endpoint
  tests               a small server that speaks the real protocol; samples with their source and date
Then make it known to the checks:
  .importlinter       exchanges: in the first of the layers; exchange-rooms: cex.exchanges.{name} as a container;
                      discovery: cex.exchanges.{name} among the forbidden modules
  pyproject.toml      packages/cex-exchanges-{name}/src in mypy_path
"""


def write_exchange(name: str, title: str, root: Path = ROOT) -> Path:
    """Write the distribution below ``root`` and return its folder.

    Raises:
        ValueError: the name or title cannot be used, or the distribution is there already.
    """
    if not re.fullmatch(rf"[a-z][a-z0-9]{{1,{LONGEST - 1}}}", name) or keyword.iskeyword(name) or name in RESERVED:
        raise ValueError(f"{name!r} cannot be used: 2 to {LONGEST} lower-case letters and digits, no word of Python's")
    if not re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9. ]{{0,{LONGEST - 1}}}", title):
        raise ValueError(f"the title {title!r} cannot be used: letters, digits, dots and blanks, {LONGEST} at most")
    folder = root / "packages" / f"cex-exchanges-{name}"
    if folder.exists():
        raise ValueError(f"{folder} is there already")
    for source in _template_files():
        relative = source.relative_to(TEMPLATE)
        target = folder.joinpath(*(_renamed(part, name, title) for part in relative.parts))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_renamed(source.read_text(encoding="utf-8"), name, title), encoding="utf-8")
    return folder


def _template_files() -> Iterator[Path]:
    for path in sorted(TEMPLATE.rglob("*")):
        relative = path.relative_to(TEMPLATE)
        is_cache = any(part.startswith((".", "__pycache__")) for part in relative.parts)
        if path.is_file() and not is_cache and relative.as_posix() not in LEFT_OUT:
            yield path


def _renamed(text: str, name: str, title: str) -> str:
    text = re.sub(r"Toy(?=[A-Z])", name.capitalize(), text)  # class names
    return re.sub(r"\bToy\b", title, text).replace("toy", name)


def main(arguments: list[str], root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(prog="new_exchange.py", description="Write the rooms of a new exchange.")
    parser.add_argument("name", help="as it is imported and configured: lower-case letters and digits, e.g. kraken")
    parser.add_argument("--title", help="as people write it, e.g. Kraken")
    chosen = parser.parse_args(arguments)
    try:
        folder = write_exchange(chosen.name, chosen.title or chosen.name.capitalize(), root)
    except ValueError as error:
        print(f"new_exchange.py: {error}", file=sys.stderr)
        return 1
    # A longer or earlier name moves imports and line breaks; that is the formatter's business.
    for command in (["check", "--quiet", "--fix", "--select=I,RUF022"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, str(folder)], cwd=root, check=True)
    print(f"wrote {folder}", NEXT.format(name=chosen.name), sep="\n", end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
