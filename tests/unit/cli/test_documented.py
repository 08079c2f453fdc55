"""Every code an error can carry stands in docs/errors.md, every command in docs/guides/cli.md."""

import re
from pathlib import Path

import typer

from tapwater_server.cli.failures import HINTS, Exit
from tapwater_server.cli.main import build
from tapwater_server.gateway.errors import STATUS as GATEWAY
from tapwater_server.model.invocation import Ending
from tapwater_server.web.problems import STATUS as CONTROL

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_every_code_has_its_line() -> None:
    page = (DOCS / "errors.md").read_text()
    described = set(re.findall(r"^\| `(\w+)` \|", page, re.M))
    endings = {str(each) for each in Ending} - {"ok"}
    missing = {*endings, *HINTS, *CONTROL, *GATEWAY} - described
    assert not missing, f"docs/errors.md does not say what to do: {sorted(missing)}"


def test_codes_that_the_command_line_makes_up_have_theirs() -> None:
    page = (DOCS / "errors.md").read_text()
    source = Path(__file__).resolve().parents[3] / "src" / "tapwater_server" / "cli"
    made = {
        code
        for file in source.rglob("*.py")
        for code in re.findall(r'\bcode="(\w+)"', file.read_text())
    }
    assert not {code for code in made if f"`{code}`" not in page}


def test_every_command_and_exit_code_is_in_the_guide() -> None:
    page = (DOCS / "guides" / "cli.md").read_text()
    group = typer.main.get_command(build())
    names = list(group.commands)  # type: ignore[attr-defined]
    assert not [name for name in names if f"`tapwater {name}" not in page]
    assert not [code for code in Exit if f"| {int(code)} |" not in page]
