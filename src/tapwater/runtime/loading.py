"""Import a function's module and find out what it is. Its errors are told as the user sees them."""

import importlib.util
import os
import re
import site
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from tapwater import hooks
from tapwater.options import forget as forget_options
from tapwater.options import given as given_options
from tapwater.runtime import logs, manifest, threads
from tapwater.runtime.context import Identity
from tapwater.runtime.discovery import Unusable, discover
from tapwater.runtime.failing import trace_of
from tapwater.runtime.program import Program

_PATH_NAME = re.compile(r"\[(?:\.\.\.)?([A-Za-z_][A-Za-z0-9_]*)\]")


class LoadError(Exception):
    """The module cannot be used. The text is for the person who wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A module that was imported, ready to be run in this process or a fork of it."""

    module: ModuleType
    program: Program
    manifest: Mapping[str, Any]
    hooks: tuple[hooks.Hooks, hooks.Hooks]  # before the snapshot, after the fork


def load(image: Mapping[str, Any]) -> Loaded:
    """Import the module that ``image`` names, in the process that will run it or be forked.

    Raises:
        LoadError: it fails, or is no function.
    """
    if image.get("foreign"):
        from tapwater.clouds.aws.loading import load as load_foreign

        return load_foreign(image)
    logs.install()
    threads.inherit()
    return load_here(image)


def load_here(image: Mapping[str, Any]) -> Loaded:
    """As ``load``, but leaves the standard streams alone: for tests in one's own process."""
    file = str(image["module"])
    if not file:
        raise LoadError("the image names no module")
    code = os.path.abspath(str(image.get("code") or "."))
    _extend_path(code, str(image.get("layer") or ""))
    os.environ.update({str(k): str(v) for k, v in dict(image.get("environment") or {}).items()})
    before = manifest.surroundings()
    hooks.forget()
    forget_options()
    module = _imported(os.path.join(code, file), file)
    return _described(module, file, image, before)


def _described(
    module: ModuleType, file: str, image: Mapping[str, Any], before: manifest.Surroundings
) -> Loaded:
    settings = dict(image.get("settings") or {})
    given = given_options()
    try:
        program = discover(
            module,
            file=file,
            identity=read_identity(image),
            path_names=path_names(file),
            concurrency=_concurrency(
                given.get("concurrency", image.get("concurrency", settings.get("concurrency", 1)))
            ),
        )
    except Unusable as error:
        raise LoadError(str(error)) from error
    registered = hooks.registered()
    _run_hooks(registered[0], file)
    described = manifest.describe(
        module, program, file=file, options=given, hooks=registered, before=before
    )
    return Loaded(module=module, program=program, manifest=described, hooks=registered)


def path_names(file: str) -> frozenset[str]:
    """The parts of the path that are parameters.

    >>> sorted(path_names("users/restful/[id]/posts/[...rest].py"))
    ['id', 'rest']
    """
    return frozenset(_PATH_NAME.findall(file))


def _concurrency(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Unusable(f"options(concurrency=…) is a whole number from 1, not {value!r}")
    return value


def read_identity(image: Mapping[str, Any]) -> Identity:
    """Which function this is: ``shop:users/register``."""
    app, _, function = str(image.get("function", "")).rpartition(":")
    return Identity(app=app, function=function, revision=str(image.get("revision", "")))


def _extend_path(code: str, layer: str) -> None:
    if code not in sys.path:
        sys.path.insert(0, code)
    if layer and layer not in sys.path:
        # Its .pth files count too: some packages do not work without.
        site.addsitedir(layer)
    importlib.invalidate_caches()


def _imported(path: str, file: str) -> ModuleType:
    name = file.removesuffix(".py").replace("/", ".")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not os.path.isfile(path):
        raise LoadError(f"there is no Python file {file}")
    module = importlib.util.module_from_spec(spec)
    # Relative imports look for their parents here, pickles and dataclasses for the module.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        sys.modules.pop(name, None)
        raise LoadError(_told(error, path, file)) from error
    return module


def _told(error: BaseException, path: str, file: str) -> str:
    """What went wrong, from the user's file on; our own frames say nothing to them."""
    if isinstance(error, SyntaxError) and error.filename == path:
        line = (error.text or "").strip()
        return f"{file}:{error.lineno}: {type(error).__name__}: {error.msg}\n    {line}".rstrip()
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != path:
        frames = frames.tb_next
    where = f"{file}:{frames.tb_lineno}: " if frames is not None else f"{file}: "
    text = "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))
    return f"{where}{type(error).__name__}: {error}\n{text}".rstrip()


def _run_hooks(before_snapshot: hooks.Hooks, file: str) -> None:
    for hook in before_snapshot:
        try:
            hook()
        except Exception as error:
            raise LoadError(
                f"{file}: before_snapshot {getattr(hook, '__name__', hook)} failed: "
                f"{type(error).__name__}: {error}\n{trace_of(error)}"
            ) from error
