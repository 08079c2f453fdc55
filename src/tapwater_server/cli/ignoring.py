"""Which files do not belong into a bundle: the patterns of .gitignore, read as git reads them.

Pure: text and paths in, verdicts out.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

# What no function needs, or what must not leave the machine, whatever the ignore files say.
DEFAULTS = """
.git/
.hg/
.svn/
.venv/
venv/
node_modules/
__pycache__/
*.py[cod]
.tapwater/
.mypy_cache/
.ruff_cache/
.pytest_cache/
.hypothesis/
.tox/
.nox/
.idea/
.vscode/
.DS_Store
.gitignore
.tapwaterignore
"""

# Left out too, and said so: these hold passwords. Secrets have a place of their own.
SECRETS = """
.env
.env.*
!.env.example
!.env.sample
id_rsa
id_ed25519
.netrc
.pypirc
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One line of an ignore file."""

    matches: re.Pattern[str]
    folders_only: bool
    again: bool  # "!": what was left out above is taken after all


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """The patterns of one file, which hold below ``base`` ("" for the top, else "lib/")."""

    base: str
    patterns: tuple[Pattern, ...]

    @classmethod
    def read(cls, text: str, *, base: str = "") -> Self:
        """Read an ignore file's text."""
        found = (_read_line(line) for line in text.splitlines())
        return cls(base=base, patterns=tuple(each for each in found if each is not None))

    def verdict(self, path: str, *, folder: bool) -> bool | None:
        """Say whether ``path`` (from the top) is left out; None: no pattern speaks of it."""
        if not path.startswith(self.base):
            return None
        below, said = path[len(self.base) :], None
        for pattern in self.patterns:
            if (folder or not pattern.folders_only) and pattern.matches.fullmatch(below):
                said = not pattern.again
        return said


def is_ignored(path: str, *, folder: bool, ignores: Sequence[Ignore]) -> bool:
    """Say whether ``path`` is left out; later files win over earlier ones.

    Ask for folders before what is in them: nothing below a folder that is left out can come back.

    >>> rules = [Ignore.read("*.log\\n!kept.log\\nbuild/")]
    >>> [is_ignored(p, folder=False, ignores=rules) for p in ("a/x.log", "kept.log", "build")]
    [True, False, False]
    >>> is_ignored("lib/build", folder=True, ignores=rules)
    True
    """
    verdict = False
    for ignore in ignores:
        said = ignore.verdict(path, folder=folder)
        if said is not None:
            verdict = said
    return verdict


def _read_line(line: str) -> Pattern | None:
    text = _strip(line)
    if not text or text.startswith("#"):
        return None
    again = text.startswith("!")
    text = text.removeprefix("!")
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    if not text:
        return None
    # A slash at the start or inside ties the pattern to its file's folder.
    anchored = "/" in text
    regex = "".join(_regex(text.removeprefix("/")))
    prefix = "" if anchored else "(?:.*/)?"
    return Pattern(
        matches=re.compile(prefix + regex, re.DOTALL), folders_only=folders_only, again=again
    )


def _strip(line: str) -> str:
    """Drop spaces at the end, unless the last one is written with a backslash."""
    stripped = line.rstrip(" \t\r")
    return stripped + " " if stripped.endswith("\\") and stripped != line else stripped


_TOKEN = re.compile(
    r"(?P<inner>/\*\*/)|(?P<first>^\*\*/)|(?P<last>/\*\*$)|(?P<stars>\*+)|(?P<one>\?)"
    r"|(?P<set>\[[!^]?\]?[^\]]*\])|\\(?P<escaped>.)|(?P<plain>.)",
    re.DOTALL,
)
_FIXED = {
    "inner": "/(?:.*/)?",
    "first": "(?:.*/)?",
    "last": "/.*",
    "stars": "[^/]*",
    "one": "[^/]",
}


def _regex(text: str) -> Iterable[str]:
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        assert kind is not None
        if kind in _FIXED:
            yield _FIXED[kind]
        elif kind == "set":
            yield _set(token[kind])
        else:
            yield re.escape(token[kind])


def _set(text: str) -> str:
    inner = text[1:-1]
    negated = inner[:1] in {"!", "^"}
    inner = (inner[1:] if negated else inner).replace("\\", "\\\\").replace("[", "\\[")
    candidate = f"[{'^/' if negated else ''}{inner}]"
    try:
        re.compile(candidate)
    except re.error:
        return re.escape(text)  # A set git would not understand either: take it as it stands.
    return candidate
