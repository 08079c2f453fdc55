"""Which files of an app are functions, and where they answer. Pure: names in, functions out."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tapwater_server.model.function import Kind
from tapwater_server.model.limits import FUNCTIONS_MAX

MAINS = ("main.py", "app.py", "index.py", "application.py", "asgi.py", "wsgi.py", "server.py")
_FOLDERS: Mapping[str, Kind] = {"restful": Kind.RESTFUL, "reactive": Kind.REACTIVE}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_PARAMETER = re.compile(r"\[(\.\.\.)?([A-Za-z_][A-Za-z0-9_]*)\]")
_NAME_LENGTH_MAX = 200

Problem = dict[str, str]  # {"where": file, "what": sentence}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One function, as its place in the app describes it."""

    name: str  # "users/profile/[id]"
    group: str  # "users", or "" where the app has no groups
    file: str  # "users/restful/profile/[id].py"
    kind: Kind | None  # None: a single file; its manifest says
    path: str  # "/users-api/profile/{id}"; "" for reactive functions


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What was found. With problems, nothing may be deployed."""

    functions: tuple[Found, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_layout(files: Iterable[str], *, main: str = "") -> Layout:
    """Find the functions among the files of a bundle.

    >>> read_layout(["users/restful/profile/[id].py"]).functions[0].path
    '/users-api/profile/{id}'
    """
    names = sorted(files)
    if main:
        return _single(main, names, "tapwater.toml", "main")
    found: list[Found] = []
    problems: list[Problem] = []
    for file in names:
        place = _place(file)
        if place is None:
            continue
        group, kind, inner = place
        what = _refusal(group, inner)
        if what:
            problems.append({"where": file, "what": what})
        else:
            found.append(_function(group, kind, inner, file))
    if not found and not problems:
        return _alone(names)
    problems += _conflicts(found)
    if len(found) > FUNCTIONS_MAX:
        what = f"{len(found)} functions; an app may have {FUNCTIONS_MAX}"
        problems.append({"where": "the app", "what": what})
    return Layout(functions=tuple(found), problems=tuple(problems))


def _place(file: str) -> tuple[str, Kind, list[str]] | None:
    """Split ``users/restful/a/b.py`` into its group, its kind and what is below, if it is one."""
    parts = file.split("/")
    if not file.endswith(".py") or any(part.startswith(("_", ".")) for part in parts):
        return None
    parts[-1] = parts[-1].removesuffix(".py")
    if len(parts) > 1 and parts[0] in _FOLDERS:
        return "", _FOLDERS[parts[0]], parts[1:]
    if len(parts) > 2 and parts[1] in _FOLDERS:
        return parts[0], _FOLDERS[parts[1]], parts[2:]
    return None


def _refusal(group: str, inner: Sequence[str]) -> str:
    """Say what is wrong with a function's names, or nothing."""
    if len("/".join((group, *inner))) > _NAME_LENGTH_MAX:
        return f"the name is longer than {_NAME_LENGTH_MAX} characters"
    parameters: list[str] = []
    for place, part in enumerate(inner):
        match = _PARAMETER.fullmatch(part)
        if match is None and not _NAME.fullmatch(part):
            return (
                f"{part!r} cannot be part of a URL: use letters, digits, '-' and '_', "
                "or [name] for a parameter"
            )
        if match is not None and match[1] and place < len(inner) - 1:
            return f"{part} takes the rest of the path, so it must be the last part"
        if match is not None:
            parameters.append(match[2])
    if len(set(parameters)) < len(parameters):
        return "two parameters have the same name"
    if group and not _NAME.fullmatch(group):
        return f"{group!r} cannot be a resource group: use letters, digits, '-' and '_'"
    return ""


def _function(group: str, kind: Kind, inner: Sequence[str], file: str) -> Found:
    name = "/".join((group, *inner) if group else inner)
    path = route_path(group, inner) if kind is Kind.RESTFUL else ""
    return Found(name=name, group=group, file=file, kind=kind, path=path)


def route_path(group: str, inner: Sequence[str]) -> str:
    """Write the URL pattern of a function.

    >>> route_path("users", ["files", "[...rest]"])
    '/users-api/files/{...rest}'
    >>> route_path("", ["index"])
    '/'
    """
    parts = [*inner]
    if parts[-1] == "index":
        parts.pop()
    head = [f"{group}-api"] if group else []
    return "/" + "/".join([*head, *(_segment(part) for part in parts)])


def _segment(part: str) -> str:
    match = _PARAMETER.fullmatch(part)
    if match is None:
        return part
    return f"{{...{match[2]}}}" if match[1] else f"{{{match[2]}}}"


def _conflicts(found: Sequence[Found]) -> list[Problem]:
    """Name both files of every two that want the same name or the same URL."""
    problems: list[Problem] = []
    names: dict[str, Found] = {}
    paths: dict[str, Found] = {}
    for function in found:
        first = names.setdefault(function.name, function)
        if first is not function:
            what = f"has the name {function.name!r}, as {first.file} has: rename one of them"
            problems.append({"where": function.file, "what": what})
        if not function.path:
            continue
        pattern = re.sub(r"(\{\.*)[^}.]+", r"\1", function.path)
        first = paths.setdefault(pattern, function)
        if first is not function:
            what = f"answers at {function.path}, as {first.file} does: remove one of them"
            problems.append({"where": function.file, "what": what})
    return problems


def _alone(names: Sequence[str]) -> Layout:
    """Read an app that is one file: the only one, or the one with a well-known name."""
    top = [name for name in names if "/" not in name and name.endswith(".py")]
    top = [name for name in top if not name.startswith(("_", ".", "test_", "conftest", "setup."))]
    chosen = next((name for name in MAINS if name in top), top[0] if len(top) == 1 else "")
    return _single(chosen, names, "the app", "") if chosen else Layout()


def _single(file: str, names: Sequence[str], where: str, key: str) -> Layout:
    if file not in names or not file.endswith(".py"):
        what = f"{key} = {file!r}: there is no such Python file in the app"
        return Layout(problems=({"where": where, "what": what},))
    name = file.rsplit("/", 1)[-1].removesuffix(".py")
    if not _NAME.fullmatch(name):
        return Layout(problems=({"where": file, "what": "the name cannot be part of a URL"},))
    return Layout(functions=(Found(name=name, group="", file=file, kind=None, path="/"),))


def hints(files: Iterable[str]) -> list[str]:
    """Guess why nothing was found: folders with nearly the right name, files in the wrong place."""
    said: dict[str, None] = {}
    for file in sorted(files):
        folders = file.split("/")[:-1]
        for folder in folders[:2]:
            near = difflib.get_close_matches(folder.lower(), _FOLDERS, n=1, cutoff=0.75)
            if near and folder not in _FOLDERS:
                said[f"is the folder {folder!r} in {file} meant to be {near[0]!r}?"] = None
        if any(folder in _FOLDERS for folder in folders[2:]):
            said[f"{file} is too deep: write GROUP/restful/… or GROUP/reactive/…"] = None
    return list(said)[:10]


def looked_for(files: Sequence[str]) -> str:
    """Say what a deploy that found no function has looked for."""
    count = len(files)
    return (
        f"No functions among {count} file{'s' if count != 1 else ''}. Looked for "
        "GROUP/restful/NAME.py, GROUP/reactive/NAME.py, restful/NAME.py, reactive/NAME.py, "
        f"a single Python file, or one of {', '.join(MAINS)} at the top."
    )
