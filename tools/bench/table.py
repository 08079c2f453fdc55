"""Writes what was measured: docs/performance.md between its markers, and docs/performance.json."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tools.bench.machine import Machine
from tools.bench.results import Result, Table, Verdict

DOCS = Path(__file__).resolve().parents[2] / "docs"
_BETWEEN = re.compile(r"(<!-- bench -->\n).*?(<!-- /bench -->)", re.S)
_MARKS = {True: "kept", False: "**missed**", None: "not measured"}


def write(results: Mapping[str, Result], machine: Machine, *, day: str) -> str:
    """Write both files; give the text."""
    text = render(results, machine, day=day)
    page = DOCS / "performance.md"
    before = page.read_text()
    after, count = _BETWEEN.subn(lambda match: match[1] + text + match[2], before)
    if count != 1:
        raise ValueError("docs/performance.md has lost its markers <!-- bench --> <!-- /bench -->")
    page.write_text(after)
    numbers = {
        "day": day,
        "machine": asdict(machine),
        "rows": {name: result.numbers for name, result in results.items()},
    }
    (DOCS / "performance.json").write_text(json.dumps(rounded(numbers), indent=1) + "\n")
    return text


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


def render(results: Mapping[str, Result], machine: Machine, *, day: str) -> str:
    """Write the promises first, then the tables."""
    verdicts = [verdict for result in results.values() for verdict in result.verdicts]
    tables = [table for result in results.values() for table in result.tables]
    where = (
        f"{day}, {machine.cpu}, {machine.cores} cores, {machine.memory_gb} GB, Linux "
        f"{machine.kernel}, Python {machine.python}, {machine.wrk}. Load average before the run: "
        f"{machine.load}; after: {os.getloadavg()[0]:.2f} (a run loads the machine by itself)."
    )
    return "\n".join(
        [
            "",
            where,
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
