"""The app a person means: a folder or one file, and the name it goes by."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tapwater_server.cli.failures import CommandFailed, Exit, Problem
from tapwater_server.model.errors import Invalid
from tapwater_server.model.ids import AppId, parse_app_id

MANIFEST = "tapwater.toml"
_SCRIPT = re.compile(r"^# /// script\s*$(?P<toml>(?:\n#(?: .*)?$)+?)\n# ///\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What is to be deployed. ``file`` is set when one file is the whole app."""

    folder: Path
    file: Path | None
    name: AppId
    settings: Mapping[str, Any] = field(default_factory=dict)


def open_project(path: Path, *, name: str | None = None) -> Project:
    """Read which app ``path`` is; ``name`` overrules what it calls itself.

    Raises:
        CommandFailed: there is nothing, or nothing that can be an app.
    """
    place = path.expanduser().absolute()
    if not place.exists():
        raise CommandFailed(
            f"{path}: there is no such folder or file",
            exit=Exit.USAGE,
            code="usage",
            hint="Name the app's folder, or one Python file; `tapwater init NAME` makes a new app.",
        )
    if place.is_dir():
        settings = read_manifest(place)
        called = name or settings.get("name") or place.resolve().name
        return Project(folder=place, file=None, name=_name(str(called)), settings=settings)
    if place.suffix != ".py":
        raise CommandFailed(
            f"{path} is neither a folder nor a Python file", exit=Exit.USAGE, code="usage"
        )
    return Project(folder=place.parent, file=place, name=_name(name or place.stem))


def read_manifest(folder: Path) -> Mapping[str, Any]:
    """Read tapwater.toml; an app need not have one.

    Raises:
        CommandFailed: it is there and is not TOML.
    """
    file = folder / MANIFEST
    try:
        return tomllib.loads(file.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{MANIFEST}:{line[1]}" if line else MANIFEST
        raise CommandFailed(
            f"{file} cannot be read",
            code="invalid",
            problems=[Problem(where=where, what=str(error))],
        ) from error


def normalised(text: str) -> str:
    """Make an app's name of a folder's or file's.

    >>> normalised("My Shop_2"), normalised("_hello_")
    ('my-shop-2', 'hello')
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].rstrip("-")


def _name(text: str) -> AppId:
    try:
        return parse_app_id(normalised(text))
    except Invalid as error:
        raise CommandFailed(
            f"no app name can be made of {text!r}",
            exit=Exit.USAGE,
            code="invalid",
            hint=f'Write name = "..." into {MANIFEST}, or give --name.',
        ) from error


def app_of_folder(folder: Path) -> AppId | None:
    """Say which app a command means that is called from inside an app's folder; None: no app's."""
    for place in (folder, *folder.parents):
        if (place / MANIFEST).is_file():
            return open_project(place).name
    if _looks_like_app(folder):
        return open_project(folder).name
    return None


def _looks_like_app(folder: Path) -> bool:
    kinds = ("restful", "reactive")
    if any((folder / kind).is_dir() for kind in kinds):
        return True
    try:
        tops = [each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()]
    except OSError:
        return False
    return any((top / kind).is_dir() for top in tops for kind in kinds)


def script_dependencies(source: str) -> tuple[str, ...]:
    """Read what one file says it needs: inline script metadata (PEP 723).

    >>> script_dependencies('# /// script\\n# dependencies = ["rich"]\\n# ///\\n')
    ('rich',)

    Raises:
        CommandFailed: the block is there and is not TOML.
    """
    block = _SCRIPT.search(source)
    if block is None:
        return ()
    lines = block["toml"].strip("\n").split("\n")
    try:
        raw = tomllib.loads("\n".join(line.removeprefix("#").removeprefix(" ") for line in lines))
    except tomllib.TOMLDecodeError as error:
        raise CommandFailed(f"the `# /// script` block is not TOML: {error}") from error
    wanted = raw.get("dependencies", [])
    return tuple(str(each) for each in wanted) if isinstance(wanted, list) else ()
