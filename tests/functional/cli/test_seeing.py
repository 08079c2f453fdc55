"""`tapwater top`, `doctor`, `init` and the command as a whole."""

import json
import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from tests.functional.cli.conftest import Run
from tests.functional.cli.control_stand_in import REVISION, Script, problem

REPOSITORY = Path(__file__).resolve().parents[3]


def test_top_once(tap: Run) -> None:
    result = tap("top", "--once")
    assert result.exit_code == 0, result.stderr
    assert "up 1 m 15 s · instances 2" in result.stdout
    assert "hello:hello/greet/[name]" in result.stdout
    assert "1.2 ms" in result.stdout
    assert json.loads(tap("--json", "top", "--once").stdout)["instances"] == 2


def test_ls_counts_instances_for_those_who_may_know(control: Script, tap: Run) -> None:
    row = next(line for line in tap("ls").stdout.splitlines() if "greet" in line)
    assert row.split()[-1] == "2"
    control.answers["GET", "/top"] = problem(403, "not_allowed", "this needs an admin token")
    row = next(line for line in tap("ls").stdout.splitlines() if "greet" in line)
    assert row.split()[-1] == "-"


def test_doctor_says_what_is_missing_and_what_that_means(tap: Run) -> None:
    result = tap("doctor")
    assert result.exit_code == 0, result.stderr
    assert "✓  seccomp" in result.stdout
    assert "✗  landlock" in result.stdout
    assert "without it: one layer fewer" in result.stdout
    assert "Python 3.11.7" in result.stdout
    assert "8 GB" in result.stdout
    assert tap("doctor", "--strict").exit_code == 1
    assert json.loads(tap("doctor", "--json").stdout)["layers"][1]["present"] is False


def test_init_makes_an_app_and_overwrites_nothing(bare: Run) -> None:
    result = bare("init", "My Shop")
    assert result.exit_code == 0, result.stderr
    folder = Path("My Shop")
    assert 'name = "my-shop"' in (folder / "tapwater.toml").read_text()
    assert ".tapwater/" in (folder / ".gitignore").read_text()
    assert "__name__" not in "".join(
        file.read_text() for file in folder.rglob("*") if file.is_file()
    )
    before = sorted(folder.rglob("*"))
    again = bare("init", "My Shop")
    assert again.exit_code == 2
    assert "nothing is overwritten" in again.stderr
    assert sorted(folder.rglob("*")) == before


def test_what_init_made_can_be_packed(tap: Run, control: Script) -> None:
    control.deploy = [{"revision": REVISION}]
    assert tap("init", "shop").exit_code == 0
    assert tap("deploy", "shop").exit_code == 0
    files = control.last("POST").files()
    assert "hello/restful/greet/[name].py" in files
    for name, content in files.items():
        if name.endswith(".py"):
            compile(content, name, "exec")


@pytest.mark.slow
def test_what_init_made_passes_its_own_tests(bare: Run) -> None:
    assert bare("init", "shop").exit_code == 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "shop"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_the_starter_is_part_of_the_package() -> None:
    """Files that are not Python are installed only if pyproject.toml names them."""
    folder = resources.files("tapwater_server.cli.starter").joinpath("app")
    assert folder.joinpath("tapwater.toml.txt").is_file()
    raw = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    globs = raw["tool"]["setuptools"]["package-data"]["tapwater_server"]
    assert "**/*.txt" in globs


def test_a_busy_port_and_a_broken_setting_are_told(
    bare: Run, control: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = bare("up", "--data", str(tmp_path / "data"), "--port", "70000")
    assert result.exit_code == 2
    assert "70000" in result.stderr


def run_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tapwater_server", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_process_itself() -> None:
    version = run_process("--version")
    assert version.returncode == 0
    assert version.stdout.startswith("tapwater 0.")
    unreachable = run_process("ls", "--url", "http://127.0.0.1:9")
    assert unreachable.returncode == 3
    assert "\x1b" not in unreachable.stderr


def test_help_imports_nothing_heavy() -> None:
    """What makes `tapwater --help` fast; benchmarks say how fast."""
    code = (
        "import sys; sys.argv = ['tapwater', '--help']\n"
        "from tapwater_server.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'asyncio', 'httpx', 'rich.console', 'uvloop', 'watchfiles', 'starlette',\n"
        "         'msgspec', 'tapwater_server.assembly'}\n"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    done = run_process("--show-completion", shell)
    assert done.returncode == 0, done.stderr
    assert "_TAPWATER_COMPLETE" in done.stdout
