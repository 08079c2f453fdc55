"""Sizes, names and opening sentences: taste that a machine can hold."""

import ast
import re

import pytest

from tests.architecture.tree import ROOT, functions, sources, texts

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
POSITIONAL_MAX = 5
DECISION_LINES_MAX = 70  # A page.
BYTES_MAX = 512 << 10  # Of any file in the tree; data comes in packages, binaries in wheels.

BANNED = {"utils", "util", "common", "helpers", "helper", "base", "core", "misc", "manager"}
CODE = ("src", "tests", "tools")
ALL = (*CODE, "examples")


def test_files_are_short() -> None:
    long = [
        f"{source.name}: {count} lines"
        for source in sources(*ALL)
        if (count := len(source.text.splitlines())) > FILE_LINES_MAX
    ]
    assert not long, f"more than {FILE_LINES_MAX} lines (cut between deciding and doing): {long}"


def test_functions_are_short() -> None:
    long = [
        f"{source.name}:{node.lineno} {node.name}: {count} lines"
        for source in sources(*ALL)
        for node in functions(source)
        if (count := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert not long, f"more than {FUNCTION_LINES_MAX} lines: {long}"


def test_arguments_are_few_or_named() -> None:
    many = [
        f"{source.name}:{node.lineno} {node.name}"
        for source in sources("src", "tools")
        for node in functions(source)
        if len([a for a in node.args.args if a.arg not in {"self", "cls"}]) > POSITIONAL_MAX
    ]
    assert not many, f"more than {POSITIONAL_MAX} arguments that are not keyword-only: {many}"


def test_no_module_has_a_vague_name() -> None:
    vague = [
        source.name for source in sources(*ALL) if BANNED & set(re.split(r"[/._]", source.name))
    ]
    assert not vague, f"say what lives there: {vague}"


def test_every_module_opens_with_a_sentence() -> None:
    silent = []
    for source in sources(*ALL):
        first = (ast.get_docstring(source.tree) or "").partition("\n\n")[0].strip()
        if source.text.strip() and not first.endswith((".", "!", "?", ":", ".)")):
            silent.append(f"{source.name}: {first[:60]!r}")
    assert not silent, f"the first line says what lives here, in a sentence: {silent}"


def test_worker_is_not_a_word_of_ours() -> None:
    # What other projects call so may be named: Web Workers, Cloudflare Workers, gunicorn's.
    theirs = re.compile(
        r"cloudflare|workerd|gunicorn|uvicorn|xdist|numworkers|(web |shared|service ?)worker", re.I
    )
    said = [
        f"{source.name}:{number}"
        for source in sources("src", "examples")
        for number, line in enumerate(source.text.splitlines(), 1)
        if re.search(r"worker", line, re.I) and not theirs.search(line)
    ]
    assert not said, f"instance, zygote or thread? {said}"


def test_nothing_is_left_to_do() -> None:
    mark = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    left = [
        f"{source.name}:{number}"
        for source in sources(*ALL)
        if source.name != "tests/architecture/test_tidy.py"
        for number, line in enumerate(source.text.splitlines(), 1)
        if mark.search(line)
    ]
    assert not left, f"do it, or write an issue: {left}"


def test_no_one_is_mocked() -> None:
    mocked = [
        source.name
        for source in sources(*CODE)
        if re.search(r"^[ \t]*(from|import) unittest(\.mock| import mock)", source.text, re.M)
    ]
    assert not mocked, f"script a fake backend instead: {mocked}"


def test_the_tree_names_no_machine() -> None:
    # Built from parts, so that this file does not name them itself.
    homes = "|".join(("work", "root", "home", "Users"))
    hosts = "|".join(
        (r"files\.pythonhosted", r"pypi\.org/simple", r"registry\.np" + r"mjs", r"artifac" + "tory")
    )
    machine = re.compile(rf"""(?<![\w.$}}~*-])/({homes})/[a-z]|{hosts}""")
    named = [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in texts()
        if name != "tests/architecture/test_tidy.py"
        for number, line in enumerate(text.splitlines(), 1)
        if machine.search(line)
    ]
    assert not named, "paths or hosts of somebody's machine:\n" + "\n".join(named)


def test_no_file_is_heavy() -> None:
    heavy = [name for name, text in texts() if len(text.encode()) > BYTES_MAX]
    assert not heavy, f"more than {BYTES_MAX} bytes: {heavy}"


def test_decisions_fit_on_a_page() -> None:
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert records, "docs/decisions is where we say why"
    for record in records:
        lines = record.read_text().splitlines()
        assert lines[0].startswith("# "), f"{record.name} begins with its title"
        assert len(lines) <= DECISION_LINES_MAX, f"{record.name} is longer than a page"
        text = record.read_text().lower()
        for part in ("context", "decision", "consequences"):
            assert re.search(rf"^(## |\*\*){part}\b", text, re.M), f"{record.name} lacks {part!r}"


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "CONTRIBUTING.md", "requirements.lock"])
def test_the_front_door_is_complete(name: str) -> None:
    assert (ROOT / name).read_text().strip()
