"""The written side of the house is whole and current: decisions, promises, settings, commands."""

import re
from dataclasses import fields

from tapwater_server.assembly.settings import Settings
from tests.architecture.tree import ROOT
from tests.docs_blocks import unmarked
from tools.promises import PAGE, page

DECISIONS = ROOT / "docs/decisions"


def test_decisions_are_numbered_and_have_one_form() -> None:
    records = sorted(DECISIONS.glob("0*.md"))
    others = [file.name for file in DECISIONS.iterdir() if file not in records]
    assert others == ["README.md"], f"a decision takes the next number: {others}"
    numbers = [int(file.name[:4]) for file in records]
    assert numbers == list(range(1, len(records) + 1)), "numbers have a gap, or come twice"
    for file in records:
        text = file.read_text()
        assert text.startswith(f"# {file.name[:4]}. "), f"{file.name}: its number is in its title"
        parts = re.findall(r"^\*\*(Status|Context|Decision|Consequences)\.\*\*", text, re.M)
        assert parts == ["Status", "Context", "Decision", "Consequences"], file.name


def test_the_index_of_decisions_has_them_all() -> None:
    index = (DECISIONS / "README.md").read_text()
    for file in DECISIONS.glob("0*.md"):
        title = file.read_text().partition("\n")[0].partition(". ")[2]
        assert f"[{title}]({file.name})" in index


def test_the_page_of_promises_is_current() -> None:
    assert PAGE.read_text() == page(), "Run: python -m tools.promises"


def test_every_setting_is_described_with_its_default() -> None:
    text = (ROOT / "docs/guides/server.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.M))
    said = {name: value.strip().strip("`") for name, value in rows.items()}
    real = {field.name: shown(field.default) for field in fields(Settings) if field.name != "data"}
    assert said.pop("data"), "the data directory's default depends on the reader's home"
    assert said == real


def shown(default: object) -> str:
    """Write a default as the guide does.

    >>> shown(None), shown(60.0), shown(False), shown(())
    ('none', '60', 'false', 'none')
    """
    if default is None or default in ((), ""):
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_every_command_of_the_guides_is_run_or_says_why_not() -> None:
    pages = [
        ROOT / "README.md",
        *sorted((ROOT / "docs/guides").glob("*.md")),
        *sorted((ROOT / "examples").glob("*/README.md")),
    ]
    wrong = {
        file.relative_to(ROOT).as_posix(): lines
        for file in pages
        if (lines := unmarked(file.read_text()))
    }
    assert not wrong, f"commands without a mark (see tests/docs_blocks.py), by line: {wrong}"


def test_the_indexes_of_the_docs_name_every_page() -> None:
    index = (ROOT / "docs/README.md").read_text()
    pages = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("[gw]*/*.md")]
    names = [file.relative_to(ROOT / "docs").as_posix() for file in pages]
    missing = [name for name in names if name != "README.md" and f"({name})" not in index]
    assert not missing, f"docs/README.md does not lead to: {sorted(missing)}"
