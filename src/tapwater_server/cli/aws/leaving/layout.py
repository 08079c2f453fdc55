"""Which files of an app are functions and where they answer, as the export needs it. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_PARAMETER = re.compile(r"\[(?P<rest>\.\.\.)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\]")
_MAINS = ("main.py", "app.py", "index.py", "application.py", "asgi.py", "wsgi.py", "server.py")
_KINDS = ("restful", "reactive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One function's file."""

    file: str
    name: str  # "users/profile/[id]"
    path: str  # "/users-api/profile/{id}", "{rest+}"; "" for reactive functions

    @property
    def id(self) -> str:
        """Its name as a logical id: letters and digits.

        >>> Place(file="", name="users/profile/[id]", path="").id
        'UsersProfileId'
        """
        words = re.findall(r"[A-Za-z0-9]+", self.name)
        return "".join(word[:1].upper() + word[1:] for word in words)

    @property
    def module(self) -> str:
        """Its name as a module's: ``users_profile_id``."""
        return "_".join(re.findall(r"[A-Za-z0-9]+", self.name)).lower()


def places(files: Iterable[str], main: str = "") -> list[Place]:
    """Find the functions.

    >>> [p.path for p in places(["users/restful/files/[...rest].py", "restful/index.py"])]
    ['/', '/users-api/files/{rest+}']
    """
    names = sorted(files)
    if not main:
        found = sorted(_places(names), key=lambda one: one.name)
        if found:
            return found
        main = _main(names)
    return [Place(file=main, name=main.rpartition("/")[2][:-3], path="/")] if main else []


def _places(names: Iterable[str]) -> Iterator[Place]:
    for file in names:
        parts = file.split("/")
        if not file.endswith(".py") or any(part.startswith(("_", ".")) for part in parts):
            continue
        at = 0 if parts[0] in _KINDS else 1
        if len(parts) < at + 2 or parts[at] not in _KINDS:
            continue
        inner = [*parts[at + 1 : -1], parts[-1][:-3]]
        path = _path(parts[:at], inner) if parts[at] == "restful" else ""
        yield Place(file=file, name="/".join([*parts[:at], *inner]), path=path)


def _path(group: list[str], inner: list[str]) -> str:
    shown = inner[:-1] if inner[-1] == "index" else inner
    return "/" + "/".join([*(f"{one}-api" for one in group), *map(_segment, shown)])


def _segment(part: str) -> str:
    match = _PARAMETER.fullmatch(part)
    if match is None:
        return part
    return f"{{{match['name']}{'+' if match['rest'] else ''}}}"


def _main(names: list[str]) -> str:
    top = [name for name in names if "/" not in name and name.endswith(".py")]
    top = [name for name in top if not name.startswith(("_", ".", "test_", "conftest", "setup."))]
    known = next((name for name in _MAINS if name in top), "")
    return known or (top[0] if len(top) == 1 else "")
