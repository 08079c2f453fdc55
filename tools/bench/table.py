"""Writes what was measured: docs/performance.md between its markers, and docs/performance.json.

The JSON has every row as it was found last, so that some rows can be measured anew by themselves.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from tools.bench.machine import Machine
from tools.bench.results import Result, Table, Verdict

DOCS = Path(__file__).resolve().parents[2] / "docs"
_BETWEEN = re.compile(r"(<!-- bench -->\n).*?(<!-- /bench -->)", re.S)
_MARKS = {True: "kept", False: "**missed**", None: "not measured"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One row, with the day and the load of the machine when it was measured."""

    result: Result
    day: str
    load: str


class _Kept(msgspec.Struct):
    machine: dict[str, Any] = {}
    rows: dict[str, Found] = {}


def write(found: Mapping[str, Found], machine: Machine, *, order: Sequence[str]) -> str:
    """Write both files, with these rows and those that were found before; give the text."""
    rows = {**_found_before(), **found}
    ordered = {name: rows[name] for name in order if name in rows}
    text = render(ordered, machine)
    page = DOCS / "performance.md"
    before = page.read_text()
    after, count = _BETWEEN.subn(lambda match: match[1] + text + match[2], before)
    if count != 1:
        raise ValueError("docs/performance.md has lost its markers <!-- bench --> <!-- /bench -->")
    page.write_text(after)
    kept = {
        "machine": asdict(machine),
        "rows": {name: asdict(one) for name, one in ordered.items()},
    }
    (DOCS / "performance.json").write_text(json.dumps(rounded(kept), indent=1) + "\n")
    return text


def _found_before() -> Mapping[str, Found]:
    try:
        return msgspec.json.decode((DOCS / "performance.json").read_bytes(), type=_Kept).rows
    except (FileNotFoundError, msgspec.DecodeError):
        return {}  # Nothing that we could show beside what is new.


def rounded(value: object) -> object:
    """Drop digits that mean nothing.

    >>> rounded({"a": [1.23456, 2]})
    {'a': [1.235, 2]}
    """
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(inner) for inner in value]
    return value


def render(found: Mapping[str, Found], machine: Machine) -> str:
    """Write the promises first, then the tables."""
    results = [one.result for one in found.values()]
    verdicts = [verdict for result in results for verdict in result.verdicts]
    tables = [table for result in results for table in result.tables]
    where = (
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_gb} GB, Linux "
        f"{machine.kernel}, Python {machine.python}, {machine.wrk}."
    )
    when = "; ".join(
        f"{name} {one.day} (load average before it {one.load})" for name, one in found.items()
    )
    return "\n".join(
        [
            "",
            where,
            "",
            f"Measured: {when}. A run loads the machine by itself.",
            "",
            *promises(verdicts),
            *(line for table in tables for line in shown(table)),
            "",
        ]
    )


def promises(verdicts: Sequence[Verdict]) -> list[str]:
    """Show each promise with what came of it."""
    head = ["promise", "wanted", "measured", ""]
    rows = [[one.promise, one.wanted, one.found, _MARKS[one.kept]] for one in verdicts]
    return ["### Promises", "", *lines(head, rows), ""]


def shown(table: Table) -> list[str]:
    """Show one table."""
    note = [table.note, ""] if table.note else []
    return [f"### {table.title}", "", *note, *lines(table.head, table.rows), ""]


def lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Write a table in Markdown.

    >>> lines(["a"], [["b|c"]])
    ['| a |', '|---|', '| b/c |']
    """
    every = [head, *rows]
    written = [
        "| " + " | ".join(" ".join(cell.replace("|", "/").split()) for cell in row) + " |"
        for row in every
    ]
    return [written[0], "|" + "---|" * len(head), *written[1:]]
