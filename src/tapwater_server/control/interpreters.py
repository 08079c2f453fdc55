"""Which Pythons this machine has, and which one an app gets."""

import asyncio
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tapwater_server.model.errors import DeployFailed

VERSIONS = ("3.11", "3.12", "3.13", "3.14")  # What the guest's side runs on.
_ASK = "import sys; print('%d.%d.%d' % sys.version_info[:3], sys.base_prefix)"
_ASK_S_MAX = 10.0
_SPECIFIER = re.compile(r"(>=|<=|>|<|==|!=|~=)\s*(\d+(?:\.\d+)*)(?:\.\*)?")
_FOLDER = re.compile(r"(?:cpython-)?(3\.\d+)(?:\.\d+)?(?:-.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """One Python: where it is, and its version."""

    path: str
    version: str  # "3.12.1"

    @property
    def minor(self) -> str:
        return ".".join(self.version.split(".")[:2])


def own() -> Interpreter:
    """The platform's own Python, outside its virtual environment."""
    version = "{}.{}.{}".format(*sys.version_info[:3])
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    real = Path(sys.base_prefix, "bin", name)
    return Interpreter(path=str(real if real.exists() else sys.executable), version=version)


def candidates(search: str, home: Path) -> Iterable[Path]:
    """Where a Python may be: on the path, kept by pyenv, kept by uv."""
    for folder in search.split(os.pathsep):
        if folder and not folder.endswith("shims"):  # A shim is a script, not an interpreter.
            yield from (Path(folder, f"python{version}") for version in VERSIONS)
    for kept in (".pyenv/versions", ".local/share/uv/python"):
        folders = sorted((home / kept).glob("*"), reverse=True)
        for place in folders:
            match = _FOLDER.fullmatch(place.name)
            if match is not None and match[1] in VERSIONS:
                yield place / "bin" / f"python{match[1]}"


async def find(search: str, home: Path) -> tuple[Interpreter, ...]:
    """Ask every candidate for its version; the platform's own comes first."""
    found: dict[str, Interpreter] = {own().path: own()}
    for path in dict.fromkeys(candidates(search, home)):
        if not os.access(path, os.X_OK):
            continue
        interpreter = await _ask(path)
        if interpreter is not None and interpreter.minor in VERSIONS:
            found.setdefault(interpreter.path, interpreter)
    return tuple(found.values())


async def _ask(path: Path) -> Interpreter | None:
    """Run a candidate once. What cannot be run is no interpreter of ours."""
    try:
        process = await asyncio.create_subprocess_exec(
            str(path), "-I", "-S", "-c", _ASK, stdin=-3, stdout=-1, stderr=-3
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(_ASK_S_MAX):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    return _read(path, said) if process.returncode == 0 else None


def _read(path: Path, said: bytes) -> Interpreter | None:
    version, _, prefix = said.decode("utf-8", "replace").strip().partition(" ")
    minor = ".".join(version.split(".")[:2])
    real = Path(prefix, "bin", f"python{minor}")
    if not prefix:
        return None
    return Interpreter(path=str(real if real.exists() else path), version=version)


def satisfies(version: str, requires: str) -> bool:
    """Say whether a version is one that a specifier (PEP 440, without the rare parts) allows.

    >>> satisfies("3.12.1", ">=3.11, <3.13"), satisfies("3.12.1", "==3.11.*")
    (True, False)
    """
    have = _numbers(version)
    for part in filter(None, (part.strip() for part in requires.split(","))):
        match = _SPECIFIER.fullmatch(part)
        if match is None:
            return False
        wanted = _numbers(match[2])
        start = have[: len(wanted)]
        allowed = {
            ">=": have >= wanted,
            "<=": start <= wanted,
            ">": start > wanted,
            "<": have < wanted,
            "==": start == wanted,
            "!=": start != wanted,
            "~=": have >= wanted and have[: len(wanted) - 1] == wanted[:-1],
        }
        if not allowed[match[1]]:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def choose(
    wanted: str, found: Iterable[Interpreter], *, requires: str = "", default: str = ""
) -> Interpreter:
    """Give an app the Python it asks for, or the default, or the platform's own.

    ``requires`` is what pyproject.toml or a script says (``>=3.12``); ``wanted`` is stronger.

    Raises:
        DeployFailed: this machine has no such Python; the message lists what it has.
    """
    have = list(found)
    asked = wanted or ("" if requires else default)
    for interpreter in have:
        names = (interpreter.version, interpreter.minor, interpreter.path)
        if asked in names or (not asked and satisfies(interpreter.version, requires)):
            return interpreter
    asked = asked or requires
    listed = ", ".join(f"{one.version} ({one.path})" for one in have)
    raise DeployFailed(
        f"This machine has no Python {asked}. It has: {listed}.",
        problems=[{"where": "tapwater.toml", "what": f"python: there is no Python {asked} here"}],
    )
