"""Writes the Python modules of every .proto under packages/*/src beside it; with --check says which are out of date.

    python3 tools/dev.py run python tools/generate_protobuf.py

Paths are taken below src, so that two schemas of one file name stay apart in a process that imports both.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["generate", "main", "outdated"]

ROOT = Path(__file__).resolve().parent.parent


def generate(source: Path, target: Path) -> list[Path]:
    """Compile all schemas below one src folder into target, in the same folders; what was written, below target."""
    schemas = sorted(str(path.relative_to(source)) for path in source.rglob("*.proto"))
    if not schemas:
        return []
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--python_out={target}", f"--pyi_out={target}"]
    subprocess.run([*command, *schemas], cwd=source, check=True)
    names = [schema.removesuffix(".proto").replace("-", "_") for schema in schemas]
    return [Path(f"{name}_pb2{suffix}") for name in names for suffix in (".py", ".pyi")]


def outdated(source: Path) -> list[Path]:
    """The generated modules of one src folder that are missing, differ from their schema, or have lost it."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        written = generate(source, fresh)
        wrong = [path for path in written if not _equal(source / path, fresh / path)]
    present = {path.relative_to(source) for path in source.rglob("*_pb2.py*") if path.suffix in (".py", ".pyi")}
    return sorted({*wrong, *(present - set(written))})


def _equal(one: Path, other: Path) -> bool:
    return one.is_file() and one.read_bytes() == other.read_bytes()


def main(arguments: list[str]) -> int:
    """Generate, or check, in this tree or in the root that is given; --check exits 1 and names what differs."""
    check = "--check" in arguments
    folders = [argument for argument in arguments if argument != "--check"]
    root = Path(folders[0]).resolve() if folders else ROOT
    if importlib.util.find_spec("grpc_tools") is None:
        print("not possible here: the pinned grpcio-tools has no wheel for this Python (docs/decisions/0005)")
        return 0 if check else 1
    wrong: list[Path] = []
    for source in sorted(root.glob("packages/*/src")):
        try:
            if check:
                wrong.extend((source / path).relative_to(root) for path in outdated(source))
            else:
                for path in generate(source, source):
                    print((source / path).relative_to(root))
        except subprocess.CalledProcessError as error:
            print(f"{source.relative_to(root)}: protoc failed with exit code {error.returncode}", file=sys.stderr)
            return 1
    for path in wrong:
        print(f"{path} is not what its schema gives: run tools/generate_protobuf.py")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
