"""Write docs/promises.md: every numbered promise of the ports, and the tests that carry its number.

python -m tools.promises            write the page
python -m tools.promises --check    end with 1 when the page is not current
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PORTS = ROOT / "src/tapwater_server/ports"
PAGE = ROOT / "docs/promises.md"
_PROMISE = re.compile(r"\b([A-Z]{3}-\d+) +")
_TEST = re.compile(r"^(?:async )?def test_([a-z]{3})_(\d+)_", re.M)
_HEAD = """\
# Promises

What each port promises, and which tests hold it to that. Every backend of a port is under the
same tests. Written by `python -m tools.promises` from the docstrings in
`src/tapwater_server/ports`; do not edit it here.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One port: its file, what it is for, and its promises by number."""

    file: str
    what: str
    promises: Mapping[str, str]


def read_port(name: str, source: str) -> Port:
    """Take a port's docstring apart.

    >>> port = read_port("clock.py", '\\"\\"\\"Time. CLK-1 It goes on.\\\\n   Always.\\"\\"\\"')
    >>> port.what, port.promises
    ('Time.', {'CLK-1': 'It goes on. Always.'})
    """
    doc = ast.get_docstring(ast.parse(source)) or ""
    pieces = _PROMISE.split(doc)
    promises = dict(zip(pieces[1::2], map(_first_paragraph, pieces[2::2]), strict=True))
    return Port(file=name, what=_first_paragraph(pieces[0]), promises=promises)


def _first_paragraph(text: str) -> str:
    return " ".join(text.strip().split("\n\n")[0].split())


def ports() -> Iterator[Port]:
    """Read every port that promises something."""
    for file in sorted(PORTS.glob("*.py")):
        port = read_port(file.name, file.read_text())
        if port.promises:
            yield port


def holding() -> Mapping[str, list[str]]:
    """Find the test files that carry each promise's number."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        name = file.relative_to(ROOT).as_posix()
        for word, number in _TEST.findall(file.read_text()):
            carried = found[f"{word.upper()}-{number}"]
            if name not in carried:
                carried.append(name)
    return found


def page() -> str:
    """Write the page."""
    carried = holding()
    parts = [_HEAD]
    for port in ports():
        parts.append(f"## `ports/{port.file}`\n\n{port.what}\n")
        rows = [
            f"| {number} | {_cell(text)} | {', '.join(f'`{test}`' for test in carried[number])} |"
            for number, text in port.promises.items()
        ]
        parts.append("\n".join(["| | promise | tested in |", "|---|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


def main() -> int:
    """Write or check."""
    text = page()
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.exists() and PAGE.read_text() == text else 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
