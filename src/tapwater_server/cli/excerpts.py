"""Shows a problem where it is: the line of the person's own file, with its neighbours."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tapwater_server.cli.failures import Problem

if TYPE_CHECKING:
    from rich.text import Text

Local = Callable[[str], Path | None]

_PLACE = re.compile(r"(?P<file>[^:\n]+):(?P<line>\d+)(?::\d+)?")
_AROUND = 2  # lines before and after
_FILE_BYTES_MAX = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A problem, taken apart: the place as exactly as it is known, a sentence, the rest."""

    where: str
    sentence: str
    rest: str = ""


def take_apart(problem: Problem) -> Shown:
    """Take a problem apart; a place that the sentence repeats with its line is the better one.

    >>> take_apart(Problem(where="a.py", what="a.py:3: NameError: x"))
    Shown(where='a.py:3', sentence='NameError: x', rest='')
    """
    head, _, rest = problem.what.partition("\n")
    place, colon, sentence = head.partition(": ")
    match = _PLACE.fullmatch(place)
    if colon and match is not None and match["file"] == problem.where:
        return Shown(where=place, sentence=sentence, rest=rest)
    return Shown(where=problem.where, sentence=head, rest=rest)


def render(problems: Sequence[Problem], *, local: Local) -> Iterator["Text"]:
    """Give each problem as lines: where and what, and the code around it where the file is here.

    Prose may be wrapped; code is cut at the edge of a narrow terminal.
    """
    from rich.text import Text

    for problem in problems:
        shown = take_apart(problem)
        lines = excerpt(shown.where, local=local)
        where = (shown.where, "bold cyan") if shown.where else ""
        yield Text.assemble(where, "  " if shown.where else "", shown.sentence)
        for number, line, here in lines:
            code = f"  {'>' if here else ' '} {number:>4} │ {line}"
            yield Text(code, style="bold" if here else "dim", no_wrap=True, overflow="ellipsis")
        if shown.rest and not (lines and _says_no_more(shown.rest)):
            for line in shown.rest.splitlines():
                yield Text(f"    {line}", style="dim")


def _says_no_more(rest: str) -> bool:
    """Say whether a traceback has one place only: the excerpt shows that one."""
    return rest.count('  File "') <= 1


def excerpt(where: str, *, local: Local) -> list[tuple[int, str, bool]]:
    """Give the numbered lines around a place such as ``users/restful/register.py:12``."""
    place = _PLACE.fullmatch(where.strip())
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
