"""What an app depends on, wherever it says so. Pure: texts in, requirements out.

The first of these that is there counts: ``dependencies`` in tapwater.toml, requirements.txt,
``[project] dependencies`` in pyproject.toml, the inline metadata (PEP 723) of a single file.
"""

import hashlib
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from tapwater_server.control.layout import Problem
from tapwater_server.control.tomltext import read_toml

REQUIREMENTS_MAX = 2_000
INCLUDES_MAX = 32
PROBLEMS_MAX = 50
_INLINE_BEGIN, _INLINE_END = "# /// script", "# ///"
_INDEX = re.compile(r"(-i|--index-url|--extra-index-url)[ =]+(https?://\S+)")
_INCLUDE = re.compile(r"(-r|-c|--requirement|--constraint)[ =]+(\S+)")
_HASH = re.compile(r"--hash[ =]sha256:[0-9a-f]{64}")
_HASHES = re.compile(r"(?: --hash[ =]sha256:[0-9a-f]{64})+$")
_PINNED = re.compile(r"[A-Za-z0-9._-]+(\[[^\]]*\])?\s*==")
_VERSION = r"[<>=!~]{1,3}\s*[A-Za-z0-9][A-Za-z0-9.*+!_-]*\s*"
_PACKAGE = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*"
    r"(?:\[[A-Za-z0-9._, -]*\]\s*)?"  # extras
    rf"\(?\s*(?:{_VERSION}(?:,\s*{_VERSION})*,?\s*)?\)?\s*"
    r"(?:;[^@$\\]*)?"  # markers
)
_ARCHIVES = (".whl", ".zip", ".gz", ".bz2", ".xz", ".tar", ".tgz", ".egg", ".txt")
# Not --no-binary: it would have uv build packages, and so run their code as the platform.
_PLAIN = re.compile(r"--pre|--prefer-binary|--require-hashes|--only-binary[ =](?:[\w.,-]+|:all:)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Requirements, and where they stand."""

    source: str  # "requirements.txt"
    text: str  # what uv is given
    locked: bool = False  # each has a version and a hash: used as it is


Read = Callable[[str], str]  # the text of a file of the bundle


def gather(
    files: Iterable[str], read: Read, *, listed: Sequence[str] | None, single: str
) -> tuple[Wanted | None, list[Problem]]:
    """Find the requirements of an app; ``single`` is its file when it is only one."""
    names = set(files)
    if listed is not None:
        wanted = Wanted(source="tapwater.toml", text="\n".join(listed))
    elif "requirements.txt" in names:
        text, problems = _whole(names, read, "requirements.txt", seen=set())
        if problems:
            return None, problems
        wanted = Wanted(source="requirements.txt", text=text, locked=is_locked(text))
    elif "pyproject.toml" in names:
        return _from_toml("pyproject.toml", read("pyproject.toml"), project=True)
    elif single:
        return _from_toml(single, _inline(read(single)), project=False)
    else:
        return None, []
    return _checked(wanted)


def requires_python(files: Iterable[str], read: Read, *, single: str) -> str:
    """Say which Pythons an app runs on (``>=3.12``), where it says so; "" where it does not.

    Mistakes in these places are complained of by ``gather``, where they matter.
    """
    try:
        if "pyproject.toml" in set(files):
            project = read_toml(read("pyproject.toml")).get("project", {})
            return str(project.get("requires-python", "")) if isinstance(project, dict) else ""
        if single:
            return str(read_toml(_inline(read(single))).get("requires-python", ""))
    except tomllib.TOMLDecodeError:
        return ""
    return ""


def _inline(source: str) -> str:
    """Give the TOML of a script's metadata block (PEP 723), without its comment signs."""
    lines = source.splitlines()
    if _INLINE_BEGIN not in lines:
        return ""
    block: list[str] = []
    for line in lines[lines.index(_INLINE_BEGIN) + 1 :]:
        if line == _INLINE_END:
            return "\n".join(block)
        if line != "#" and not line.startswith("# "):
            break
        block.append(line[2:])
    return ""


def is_locked(text: str) -> bool:
    """Say whether every requirement has its version and its hashes.

    >>> is_locked("six==1.16.0")
    False
    """
    found = list(_logical(text))
    lines = [line for _, line in found if not line.startswith("-")]
    return bool(lines) and all(_HASH.search(line) and _PINNED.match(line) for line in lines)


def layer_digest(lock: str, *, python: str, platform: str) -> str:
    """Name a layer by what goes into it."""
    lines = sorted(line for _, line in _logical(lock))
    text = "\n".join(["tapwater layer 1", python, platform, *lines])
    return hashlib.sha256(text.encode()).hexdigest()


def lock_key(wanted: Wanted, *, python: str, platform: str) -> str:
    """Name the answer to "what does this resolve to", so that it is asked once."""
    lines = [line for _, line in _logical(wanted.text)]
    text = "\n".join(["tapwater lock 1", python, platform, *lines])
    return hashlib.sha256(text.encode()).hexdigest()


def _from_toml(file: str, text: str, *, project: bool) -> tuple[Wanted | None, list[Problem]]:
    try:
        raw = read_toml(text)
    except tomllib.TOMLDecodeError as error:
        return None, [{"where": file, "what": str(error)}]
    table = raw.get("project", {}) if project else raw
    if not isinstance(table, dict):
        return None, [{"where": file, "what": "[project] must be a table"}]
    if "dependencies" in table.get("dynamic", ()):
        what = "dynamic dependencies would have to be computed by running code: list them"
        return None, [{"where": file, "what": what}]
    listed = table.get("dependencies", [])
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        return None, [{"where": file, "what": "dependencies must be a list of requirements"}]
    return _checked(Wanted(source=file, text="\n".join(listed)))


def _checked(wanted: Wanted) -> tuple[Wanted | None, list[Problem]]:
    problems: list[Problem] = []
    lines: list[str] = []
    for number, line in _logical(wanted.text):
        lines.append(line)
        what = refusal(line)
        if what and len(problems) < PROBLEMS_MAX:
            where = f"{wanted.source}:{number}" if wanted.source.endswith(".txt") else wanted.source
            problems.append({"where": where, "what": what})
    if len(lines) > REQUIREMENTS_MAX:
        what = f"{len(lines)} requirements; an app may have {REQUIREMENTS_MAX}"
        problems.append({"where": wanted.source, "what": what})
    # What uv is given is what was judged here, line by line, and not what it reads out of the text.
    judged = replace(wanted, text="\n".join(lines))
    return (judged if lines and not problems else None), problems


def _logical(text: str) -> Iterable[tuple[int, str]]:
    """Go through the lines that say something, continued ones joined, without comments."""
    joined, first = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        first = first if joined else number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        joined += line
        if joined.strip():
            yield first, " ".join(joined.split())
        joined = ""
    if joined.strip():
        yield first, " ".join(joined.split())


def refusal(line: str) -> str:
    """Say why a line may not be built from, or nothing. Only wheels from an index are.

    >>> refusal("requests>=2")
    ''
    """
    if "$" in line:
        return "'$' cannot be used in a deploy: it would name a variable of the server"
    if line.startswith("-"):
        known = _INDEX.fullmatch(line) or _PLAIN.fullmatch(line)
        return "" if known else f"{line.split()[0][:100]!r} cannot be used in a deploy"
    requirement = _HASHES.sub("", line)
    match = _PACKAGE.fullmatch(requirement)
    if match is None or match["name"].lower().endswith(_ARCHIVES):
        return (
            f"{requirement[:100]!r} is not a package of an index: only wheels from an index can "
            "be installed; put other code into the app itself"
        )
    return ""


def _whole(names: set[str], read: Read, file: str, *, seen: set[str]) -> tuple[str, list[Problem]]:
    """Put a requirements file together with those it includes from the same bundle, each once."""
    seen.add(file)
    lines: list[str] = []
    problems: list[Problem] = []
    for number, raw in enumerate(read(file).splitlines(), 1):
        match = _INCLUDE.fullmatch(raw.strip())
        if match is None:
            lines.append(raw)
            continue
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file), match[2]))
        deep = target not in seen and len(seen) >= INCLUDES_MAX
        if target not in names or deep or match[1] in ("-c", "--constraint"):
            what = f"{raw.strip()[:200]!r} cannot be followed: include files of the app with -r"
            problems.append({"where": f"{file}:{number}", "what": what})
        elif target not in seen:
            text, more = _whole(names, read, target, seen=seen)
            lines.append(text)
            problems += more
    return "\n".join(lines), problems[:PROBLEMS_MAX]
