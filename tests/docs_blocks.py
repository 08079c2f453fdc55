"""Blocks of the docs that are run by the tests: which they are, and whether an answer fits.

A line before a fenced block says what happens to it:

    <!-- run -->              `sh` or `console`: every command is run, in the order of the page
    <!-- file: hello.py -->   the block is written into the folder where the commands run

In a `console` block a line `$ command` is run and the lines after it must come out; `…` in them
stands for anything, and a line that is only `…` for any lines.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_BLOCK = re.compile(
    r"^<!-- (?P<mark>run|file: (?P<file>\S+)) -->\n+^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.M | re.S,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One marked block: a file to write (``file``), or commands of a kind to run."""

    line: int
    kind: str
    text: str
    file: str = ""


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
            line=page.count("\n", 0, match.start()) + 1,
            kind=match["kind"],
            text=match["text"],
            file=match["file"] or "",
        )
        for match in _BLOCK.finditer(page)
    ]


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
    >>> fits("one", "two")
    False
    """
    pattern = "\n".join(_line_pattern(line) for line in _trimmed(expected))
    pattern = pattern.replace("\x00\n", "(?:.*\n)*?").replace("\n\x00", "(?:\n.*)*")
    pattern = pattern.replace("\x00", "(?:.*\n?)*")
    return re.fullmatch(pattern, "\n".join(_trimmed(actual))) is not None


def _line_pattern(line: str) -> str:
    if line.strip() == "…":
        return "\x00"
    return ".*".join(re.escape(part) for part in line.split("…"))


def _trimmed(text: str) -> Sequence[str]:
    return [line.rstrip() for line in text.strip().splitlines()]
