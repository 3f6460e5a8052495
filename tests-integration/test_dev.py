"""`tools/dev.py` becomes the command it is told, and builds its environment only when it has to.

The environment of these tests is given in CEX_DEV_ENV; where the building itself is tested, a stand-in plays hatch.
"""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT / "tools" / "dev.py"
VERSION = f"py{sys.version_info[0]}.{sys.version_info[1]}"


def variables(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CEX_DEV", "COV_", "PIP_", "UV_"))}
    return {**kept, **more}


def dev(*arguments: str, script: Path = DEV, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        env=variables(**more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return dev("run", *command, CEX_DEV_ENV=sys.prefix)


def test_the_exit_code_is_the_commands() -> None:
    assert run("python", "-c", "raise SystemExit(7)").returncode == 7


def test_standard_output_is_the_commands_and_nothing_else() -> None:
    done = run("python", "-c", "print('{\"a\": 1}')")
    assert (done.stdout, done.stderr) == ('{"a": 1}\n', "")


def test_the_command_runs_in_the_environment_and_in_the_current_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(DEV), "run", "python", "-c", "import os, sys; print(sys.prefix, os.getcwd())"],
        env=variables(CEX_DEV_ENV=sys.prefix),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == [sys.prefix, str(tmp_path.resolve())]


WAITING = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(21))
try:
    print(os.getpid(), flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    sys.exit(22)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 21), (signal.SIGINT, 22)])
def test_a_signal_reaches_the_command_and_no_child_is_left(number: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, str(DEV), "run", "python", "-c", WAITING],
        env=variables(CEX_DEV_ENV=sys.prefix),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid  # nobody stands between
        process.send_signal(number)
        assert process.wait(timeout=10) == code
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_signals_that_python_ignores_are_not_ignored_in_the_command() -> None:
    assert run("sh", "-c", "kill -s PIPE $$; echo still here").returncode == -signal.SIGPIPE


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "usage: python3 tools/dev.py COMMAND"),
        (["run"], 2, "dev.py: run needs a command"),
        (["tset"], 2, "dev.py: unknown command 'tset'"),
        (["run", "no-such-command"], 127, "dev.py: no-such-command: no such command in the environment"),
    ],
)
def test_a_wrong_call_is_told_what_is_wrong(arguments: list[str], code: int, message: str) -> None:
    done = dev(*arguments, CEX_DEV_ENV=sys.prefix)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(message)


def test_help_goes_to_standard_output() -> None:
    done = dev("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "CEX_DEV_ENV" in done.stdout


def test_a_given_environment_without_python_is_refused(tmp_path: Path) -> None:
    done = dev("run", "python", CEX_DEV_ENV=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr == f"dev.py: CEX_DEV_ENV={tmp_path} holds no bin/python: name a virtual environment or unset it\n"
    )


# Before there is an environment


def run_after(preparation: str, script: Path) -> subprocess.CompletedProcess[str]:
    """Run dev.py in an interpreter that has first been made to lack something."""
    start = f"sys.argv = ['dev.py', 'run', 'true']; runpy.run_path({str(script)!r}, run_name='__main__')"
    code = f"import runpy, sys; {preparation}; {start}"
    return subprocess.run(
        [sys.executable, "-c", code], env=variables(), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with dev.py, one package and no environment."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "dev.py").write_bytes(DEV.read_bytes())
    (tmp_path / "pyproject.toml").write_text("[tool.hatch.envs.default]\nskip-install = true\n", encoding="utf-8")
    (tmp_path / "packages" / "one").mkdir(parents=True)
    (tmp_path / "packages" / "one" / "pyproject.toml").write_text("[project]\nname = 'one'\n", encoding="utf-8")
    return tmp_path


def test_an_old_python_is_told_in_one_line() -> None:
    done = run_after("sys.version_info = (3, 8, 10, 'final', 0)", DEV)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "dev.py: Python 3.11 or newer is needed, this is 3.8: install it and run python3.11 tools/dev.py\n"
    )


def test_an_old_python_can_read_so_far() -> None:
    module = ast.parse(DEV.read_text(encoding="utf-8"), feature_version=(3, 7))
    first = [type(node).__name__ for node in module.body[:3]]
    assert first == ["Expr", "Import", "If"]  # docstring, import sys, the check: before what an old one cannot run


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_missing_venv_module_is_told_in_one_line(tree: Path, module: str) -> None:
    done = run_after(f"sys.modules[{module!r}] = None", tree / "tools" / "dev.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert "apt install python3-venv" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_an_unreachable_index_is_told_in_one_line(tree: Path) -> None:
    done = dev(
        "run",
        "true",
        script=tree / "tools" / "dev.py",
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_CONFIG_FILE=os.devnull,
        PIP_RETRIES="0",
    )
    assert (done.returncode, done.stdout) == (1, "")
    last = done.stderr.splitlines()[-1]
    assert "no package index is reachable: connect to the network, or name a mirror" in last
    assert f".tools/{VERSION}/setup.log" in last
    assert "Traceback" not in done.stderr


def processes_of(folder: Path) -> list[str]:
    lines = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in lines if str(folder) in line]


def test_an_interrupted_set_up_leaves_no_process(tree: Path) -> None:
    with subprocess.Popen(
        [sys.executable, str(tree / "tools" / "dev.py"), "run", "true"],
        env=variables(),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        while not process.stderr.readline().endswith("  venv\n"):
            pass
        deadline = time.monotonic() + 20
        while len(processes_of(tree)) < 2:
            assert time.monotonic() < deadline
        process.terminate()
        assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert processes_of(tree) == []


# When the environment is built

HATCH = f"""#!{sys.executable}
import os, sys, time
from pathlib import Path
assert sys.argv[1:] == ["--no-color", "env", "create", "default"], sys.argv
with open("created.log", "a") as log:
    log.write("created\\n")
print("chatter")
time.sleep(float(os.environ.get("HATCH_SECONDS", "0")))
if "HATCH_FAILS" in os.environ:
    sys.exit("Error: this package cannot be had")
bin = Path(os.environ["HATCH_ENV_TYPE_VIRTUAL_PATH"]) / "bin"
bin.mkdir(parents=True)
(bin / "python").symlink_to(sys.executable)
"""


@pytest.fixture
def prepared(tree: Path) -> Path:
    """The tree with a stand-in for hatch already installed, which counts how often it makes an environment."""
    tools = tree / ".tools" / VERSION
    (tools / "hatch" / "bin").mkdir(parents=True)
    (tools / "hatch" / "bin" / "python").symlink_to(sys.executable)
    (tools / "hatch" / "bin" / "hatch").write_text(HATCH, encoding="utf-8")
    (tools / "hatch" / "bin" / "hatch").chmod(0o755)
    pins = next(
        ast.literal_eval(node.value)
        for node in ast.parse(DEV.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "PINS"
    )
    (tools / "hatch.stamp").write_text(" ".join(pins), encoding="utf-8")
    return tree


def say(tree: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return dev("run", "echo", "done", script=tree / "tools" / "dev.py", **more)


def times_created(tree: Path) -> int:
    return len((tree / "created.log").read_text(encoding="utf-8").splitlines())


def test_the_environment_is_built_once_and_told_on_standard_error(prepared: Path) -> None:
    first, second = say(prepared), say(prepared)
    assert (first.stdout, second.stdout) == ("done\n", "done\n")
    assert "setting up the environment" in first.stderr
    assert second.stderr == ""
    assert times_created(prepared) == 1


def test_the_environment_is_built_again_when_a_project_file_has_changed(prepared: Path) -> None:
    say(prepared)
    project = prepared / "packages" / "one" / "pyproject.toml"
    project.write_text("[project]\nname = 'one'\nversion = '2'\n", encoding="utf-8")
    assert say(prepared).stdout == "done\n"
    assert times_created(prepared) == 2

    (prepared / "packages" / "two").mkdir()
    (prepared / "packages" / "two" / "pyproject.toml").write_text("[project]\nname = 'two'\n", encoding="utf-8")
    say(prepared)
    assert times_created(prepared) == 3

    project.unlink()
    say(prepared)
    assert times_created(prepared) == 4

    say(prepared)
    assert times_created(prepared) == 4


def test_a_moved_tree_builds_its_own_environment(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    say(prepared)
    moved = tmp_path_factory.mktemp("elsewhere") / "tree"
    prepared.rename(moved)
    assert say(moved).stdout == "done\n"
    assert times_created(moved) == 2


def test_a_failed_set_up_is_told_in_one_line_and_tried_again(prepared: Path) -> None:
    failed = say(prepared, HATCH_FAILS="1")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.splitlines()[-1].startswith(
        "dev.py: the packages and their tools failed: Error: this package cannot be had"
    )
    assert say(prepared).stdout == "done\n"


def test_two_first_runs_build_one_environment(prepared: Path) -> None:
    command = [sys.executable, str(prepared / "tools" / "dev.py"), "run", "echo", "done"]
    both = [
        subprocess.Popen(
            command, env=variables(HATCH_SECONDS="0.5"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [output for output, _ in outputs] == ["done\n", "done\n"]
    assert sum("waiting for another set-up" in errors for _, errors in outputs) == 1
    assert times_created(prepared) == 1


# The check


def test_check_goes_on_after_a_failure_and_tells_all_steps(tree: Path) -> None:
    for name in ("pyproject.toml", "tools/check.py", "tools/check_deps.py", "tools/check_layout.py"):
        (tree / name).write_bytes((ROOT / name).read_bytes())
    (tree / "tools" / "crooked.py").write_text("x  =  1\n", encoding="utf-8")
    expected = {
        "format": False,  # crooked
        "lint": True,
        "types": True,
        "contracts": False,  # there is no .importlinter
        "dependencies": True,
        "layout": False,  # the package is unfinished
        "generated code": False,  # the tool is not there
    }

    told = dev("check", script=tree / "tools" / "dev.py", CEX_DEV_ENV=sys.prefix)
    assert told.returncode == 1
    table = [line[8:].rsplit(maxsplit=2)[0].strip() for line in told.stdout.splitlines() if line[:6].strip() == "ok"]
    assert table == [name for name, passed in expected.items() if passed]
    assert "tools/crooked.py" in told.stdout

    as_json = dev("check", "--json", script=tree / "tools" / "dev.py", CEX_DEV_ENV=sys.prefix)
    assert as_json.returncode == 1
    answer = json.loads(as_json.stdout)
    assert answer["passed"] is False
    assert {step["name"]: step["passed"] for step in answer["steps"]} == expected
