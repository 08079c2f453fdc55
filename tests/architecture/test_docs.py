"""What the docs name exists: files in walks, links, settings, make targets, examples."""

import re
from pathlib import Path

from tests.architecture.tree import ROOT

# `gateway/server.py`, `src/tapwater/on.py`, `tests/unit/...`: a path with a slash and an ending.
_PATH = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|md|toml|sql|html|js|sh))(?:::?[\w.]+)?`")
_LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)")
_BASES = ("", "src", "src/tapwater_server", "src/tapwater", "docs", "tests")


def pages() -> list[Path]:
    """Give every page of the docs, the front door too."""
    return [
        *sorted(ROOT.glob("*.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "examples").rglob("*.md")),
    ]


def exists(name: str) -> bool:
    return any((ROOT / base / name).exists() for base in _BASES)


def test_walks_name_real_files() -> None:
    wrong = [
        f"{walk.name}: {name}"
        for walk in sorted((ROOT / "docs/walks").glob("*.md"))
        for name in _PATH.findall(walk.read_text())
        if not exists(name)
    ]
    assert not wrong, f"walks that lead nowhere: {wrong}"


def test_links_lead_somewhere() -> None:
    wrong = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages()
        for link in _LINK.findall(page.read_text())
        if not (page.parent / link).exists()
    ]
    assert not wrong, f"links that lead nowhere: {wrong}"


def test_make_targets_that_the_docs_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {
        (page.name, target)
        for page in pages()
        for target in re.findall(r"`make ([a-z-]+)[`\s]", page.read_text())
    }
    wrong = sorted((page, target) for page, target in named if target not in targets)
    assert not wrong, f"no such make target: {wrong}"


def examples() -> list[Path]:
    """Give the folders of the examples; those with a dot in front are some tool's."""
    places = (ROOT / "examples", ROOT / "examples/aws")
    folders = [one for place in places for one in sorted(place.iterdir()) if one.is_dir()]
    folders.remove(places[1])
    return [folder for folder in folders if not folder.name.startswith(".")]


def test_every_example_says_what_it_is() -> None:
    assert examples(), "examples/ is the shop window"
    for folder in examples():
        assert (folder / "README.md").is_file(), f"{folder.name} has no README.md"


def test_every_example_is_run_by_a_test() -> None:
    tests = "".join(
        file.read_text()
        for place in ("tests/functional/examples", "tests/functional/aws/examples")
        for file in (ROOT / place).glob("test_*.py")
    )
    idle = [folder.name for folder in examples() if f'"{folder.name}"' not in tests]
    assert not idle, f"examples that no test runs: {idle}"
