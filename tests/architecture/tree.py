"""The source tree as the architecture tests see it: files, their syntax trees and imports."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SRC = ROOT / "src"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One Python file: where it is (from the root, with slashes) and what it says."""

    name: str
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        """The dotted name of a file under src/.

        >>> Source(name="src/tapwater/on.py", text="", tree=ast.parse("")).module
        'tapwater.on'
        """
        return self.name.removeprefix("src/").removesuffix(".py").replace("/", ".")


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Give every Python file under these folders, in order of name."""
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(_read(file) for file in files if "__pycache__" not in file.parts)


@cache
def _read(file: Path) -> Source:
    text = file.read_text()
    name = file.relative_to(ROOT).as_posix()
    return Source(name=name, text=text, tree=ast.parse(text, name))


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """Give name and text of every file that belongs to the project and is text."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    found: list[tuple[str, str]] = []
    for name in sorted(set(listed)):
        file = ROOT / name
        if not file.is_file():  # Removed and not yet committed.
            continue
        data = file.read_bytes()
        if b"\0" not in data:
            found.append((name, data.decode()))
    return tuple(found)


def imports(source: Source) -> Iterator[tuple[str, int]]:
    """Give the full names that a file imports anywhere in it, and their lines."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module, node.lineno


def functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give every function of a file, inner ones and methods too."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
