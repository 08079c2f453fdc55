"""A server that keeps the contract, a home of one's own, and a way to run the command."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tapwater_server.cli.main import build
from tests.functional.cli.control_stand_in import TOKEN, Script, serving, usual

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the command away from the real home, and in an empty folder."""
    for name in ("TAPWATER_URL", "TAPWATER_TOKEN", "TAPWATER_DATA"):
        monkeypatch.delenv(name, raising=False)
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("HOME", str(tmp_path))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return tmp_path


@pytest.fixture
def control() -> Iterator[Script]:
    """A server with the app `hello`."""
    with serving(Script(answers=usual())) as script:
        yield script


@pytest.fixture
def bare() -> Run:
    """Run the command as it is called in a shell."""

    def run(*arguments: str, input: str | None = None) -> Result:
        return CliRunner().invoke(build(), list(arguments), input=input, prog_name="tapwater")

    return run


@pytest.fixture
def tap(control: Script, bare: Run) -> Run:
    """Run the command against the server, with the right token."""

    def run(*arguments: str, input: str | None = None) -> Result:
        return bare("--url", control.url, "--token", TOKEN, *arguments, input=input)

    return run
