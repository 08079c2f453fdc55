"""Blocks of the docs that are run by the tests: which they are, and whether an answer fits.

A line before a fenced block says what happens to it:

    <!-- run -->                 `sh` or `console`: every command is run, in the order of the page
    <!-- run: exit 1 -->         the same, and the last command ends with 1
    <!-- background -->          `console`: one command that goes on while the next blocks are run
    <!-- background says -->     what it says next; the test waits until it has
    <!-- file: hello.py -->      the block is written into the folder where the commands run
    <!-- not run: the reason --> nothing

In a `console` block a line `$ command` is run and the lines after it must come out; `…` in them
stands for anything, and a line that is only `…` for any lines. What is measured or made up at
random (times, sizes, ages, digests, ids, tokens, bars) may be another of its kind, and columns as
wide as they like. `cd FOLDER` and `eval "$(…)"` hold for all commands that follow. A block of `sh`
or `console` without such a line is a mistake in pages that promise to be run.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_MARK = r"run(?:: exit (?P<exit>\d+))?|background|background says|file: (?P<file>\S+)"
_BLOCK = re.compile(
    rf"^<!-- (?P<mark>{_MARK}) -->\n+^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)
_ANY_BLOCK = re.compile(
    r"^(?P<said><!-- (?:run|background|file|not run: \S)[^\n]* -->\n+)?"
    r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.M | re.S,
)
# What differs from run to run, and what may stand in its place.
_VARIES = (
    (re.compile(r"\d+(?:\.\d+)? (?:ms|s|B|KB|MB|GB)\b"), r"\d\S* (?:ms|s|B|KB|MB|GB)"),
    (re.compile(r"just now|\d+ (?:s|min|h|d) ago"), r"(?:just now|\d+ (?:s|min|h|d) ago)"),
    (re.compile(r"\d\d:\d\d:\d\d\.\d{3}"), r"\d\d:\d\d:\d\d\.\d{3}"),
    (re.compile(r"\b[0-9a-f]{12}\b"), r"[0-9a-f]{12}"),
    (re.compile(r"\b01[0-9A-Z]{24}\b"), r"01[0-9A-Z]{24}"),
    (re.compile(r"\btap_[\w-]+"), r"tap_[\w-]+"),
    (re.compile(r"\b[0-9a-f]{32}\b"), r"[0-9a-f]{32}"),
    (re.compile(r"[█▉▊▋▌▍▎▏]+"), r"[█▉▊▋▌▍▎▏]+"),
)
_COMMANDS = frozenset({"sh", "console", "bash", "shell"})
_INDENTED = re.compile(r"^\n    (?:\$ )?(?:tapwater|curl|make|pip|python|systemctl|cd) ", re.M)


class Act(StrEnum):
    """What is done with a block."""

    RUN = "run"
    BACKGROUND = "background"
    WAIT = "background says"
    WRITE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One marked block of a page."""

    line: int
    kind: str
    text: str
    act: Act = Act.RUN
    file: str = ""  # to write
    exit: int = 0  # of the last command


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command, and what must come out; None: whatever."""

    text: str
    expected: str | None = None


def read_blocks(page: str) -> list[Block]:
    """Find the marked blocks of a page.

    >>> [block.text for block in read_blocks("<!-- run -->\\n```sh\\necho hi\\n```\\n")]
    ['echo hi\\n']
    """
    return [
        Block(
            line=_line_of(page, match.start()),
            kind=match["kind"],
            text=match["text"],
            act=Act(match["mark"].partition(":")[0]),
            file=match["file"] or "",
            exit=int(match["exit"] or 0),
        )
        for match in _BLOCK.finditer(page)
    ]


def unmarked(page: str) -> list[int]:
    """Give the lines where commands stand of which nobody says whether they are run.

    >>> unmarked("<!-- not run: it needs a printer -->\\n```sh\\nlpr x\\n```\\n")
    []
    >>> unmarked("```sh\\nrm -rf /\\n```\\n")
    [1]
    """
    fenced = [
        _line_of(page, match.start())
        for match in _ANY_BLOCK.finditer(page)
        if match["kind"] in _COMMANDS and not match["said"]
    ]
    return fenced + [_line_of(page, match.start()) + 1 for match in _INDENTED.finditer(page)]


def read_commands(block: Block) -> list[Command]:
    """Cut a block into commands. An `sh` block is one; a line that ends with a backslash goes on.

    Raises:
        ValueError: the block is of another kind, or begins with an answer.
    """
    if block.kind == "sh":
        return [Command(text=block.text)]
    if block.kind != "console":
        raise ValueError(f"line {block.line}: a block to run is sh or console, not {block.kind!r}")
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif not found:
            raise ValueError(f"line {block.line}: a console block begins with a command: $ ...")
        elif found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1] = (found[-1][0] + "\n" + line, [])
        else:
            found[-1][1].append(line)
    return [Command(text=text, expected="\n".join(lines)) for text, lines in found]


def fits(expected: str, actual: str) -> bool:
    """Say whether an answer is what the docs promise.

    >>> fits("ready in … ms\\n…\\nlast", "ready in 12 ms\\na\\nb\\nlast")
    True
    >>> fits("live in 51 ms r2", "live in 3.7 s r2"), fits("one", "two")
    (True, False)
    """
    pattern = "\n".join(_line_pattern(line) for line in _trimmed(expected))
    pattern = pattern.replace("\x00\n", "(?:.*\n)*?").replace("\n\x00", "(?:\n.*)*")
    pattern = pattern.replace("\x00", "(?:.*\n?)*")
    return re.fullmatch(pattern, "\n".join(_trimmed(actual))) is not None


def _line_of(page: str, at: int) -> int:
    return page.count("\n", 0, at) + 1


def _line_pattern(line: str) -> str:
    if line.strip() == "…":
        return "\x00"
    return ".*".join(_part_pattern(part) for part in line.split("…"))


def _part_pattern(part: str) -> str:
    """Escape what is fixed; put a pattern where something varies."""
    for varies, pattern in _VARIES:
        found = varies.search(part)
        if found:
            before, after = part[: found.start()], part[found.end() :]
            return _part_pattern(before) + pattern + _part_pattern(after)
    return re.escape(part)


def _trimmed(text: str) -> Sequence[str]:
    """Columns are as wide as what stands in them: how many spaces are between two means nothing."""
    return [re.sub(" {2,}", "  ", line.rstrip()) for line in text.strip().splitlines()]
