"""Shows a problem where it is: the line of the person's own file, with its neighbours."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tapwater_server.cli.failures import Problem

if TYPE_CHECKING:
    from rich.text import Text

Local = Callable[[str], Path | None]

_WHERE = re.compile(r"(?P<file>[^:\n]+\.[A-Za-z0-9]+):(?P<line>\d+)(?::(?P<column>\d+))?")
_AROUND = 2  # lines before and after
_FILE_BYTES_MAX = 4 << 20


def render(problems: Sequence[Problem], *, local: Local) -> Iterator["Text"]:
    """Give each problem as text: where, what, and the lines around it where the file is here."""
    from rich.text import Text

    for problem in problems:
        text = Text()
        head, _, rest = problem.what.partition("\n")
        if problem.where:
            text.append(problem.where, style="bold cyan").append("  ")
        text.append(head)
        for number, line, here in excerpt(problem.where, local=local):
            style = "bold" if here else "dim"
            text.append(f"\n  {'>' if here else ' '} {number:>4} │ {line}", style=style)
        if rest:
            text.append("\n" + "\n".join(f"    {line}" for line in rest.splitlines()), style="dim")
        yield text


def excerpt(where: str, *, local: Local) -> list[tuple[int, str, bool]]:
    """Give the numbered lines around a place such as ``users/restful/register.py:12``."""
    place = _WHERE.fullmatch(where.strip())
    source = local(place["file"]) if place else None
    if place is None or source is None:
        return []
    try:
        lines = source.read_bytes()[:_FILE_BYTES_MAX].decode(errors="replace").splitlines()
    except OSError:
        return []  # Gone meanwhile; the sentence stands without it.
    at = int(place["line"])
    first, last = max(1, at - _AROUND), min(len(lines), at + _AROUND)
    return [(n, lines[n - 1].expandtabs(4), n == at) for n in range(first, last + 1)]
