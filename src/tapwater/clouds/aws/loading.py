"""Makes a Lambda function ready to be served: in its zygote, or in an instance by itself."""

import os
import platform
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from tapwater import hooks
from tapwater.clouds.aws.api import running
from tapwater.clouds.aws.environment import variables
from tapwater.runtime import logs, manifest, threads, wire
from tapwater.runtime.loading import Loaded, read_identity
from tapwater.runtime.program import Program


def load(image: Mapping[str, Any]) -> Loaded:
    """Import what can be imported before the first call. What the function's own code does wrong
    is told to its callers, not here.
    """
    logs.install(root=False)
    threads.inherit()
    return load_here(image)


def load_here(image: Mapping[str, Any]) -> Loaded:
    """As ``load``, but leaves the standard streams alone."""
    foreign = dict(image["foreign"])
    _settle(image, foreign)
    before = manifest.surroundings()
    hooks.forget()
    python = str(foreign.get("runtime", "")).startswith("python")
    if python and not running.wrapped(os.environ):
        program, after_fork = _python(image, foreign)
    else:
        program, after_fork = _by_api(image, foreign)
    return Loaded(
        module=ModuleType("lambda"),
        program=program,
        manifest=_described(before),
        hooks=((), after_fork),
    )


def _settle(image: Mapping[str, Any], foreign: Mapping[str, Any]) -> None:
    """Be where the function expects to be, with its variables; a zygote has done so already."""
    code = str(image["code"])
    home = os.environ.get("HOME", "/tmp")
    os.environ.update(variables(foreign, image["environment"], home=home, task=code))
    os.chdir(code)


def _python(
    image: Mapping[str, Any], foreign: dict[str, Any]
) -> tuple[Program, tuple[Callable[[], object], ...]]:
    from tapwater.clouds.aws import libraries, said, snapshots
    from tapwater.clouds.aws.forked import PythonFunction
    from tapwater.clouds.aws.python import extend_path, provide_builtins

    task, layer = str(image["code"]), str(image["layer"])
    libraries.preload(libraries.folders(task, layer))
    extend_path(task=task, layer=layer)
    provide_builtins()
    snapshots.provide()
    said.install(foreign)
    function = PythonFunction(foreign)
    function.load()
    program = Program(style="foreign", identity=read_identity(image), serve=function.serve)
    return program, (*hooks.registered()[1], function.restore)


def _by_api(
    image: Mapping[str, Any], foreign: dict[str, Any]
) -> tuple[Program, tuple[Callable[[], object], ...]]:
    from tapwater.clouds.aws.api.conducting import Conductor

    conductor = Conductor(foreign, task=str(image["code"]), layer=str(image["layer"]))
    return Program(style="foreign", identity=read_identity(image), conduct=conductor.run), ()


def _described(before: manifest.Surroundings) -> dict[str, Any]:
    """What the platform must know."""
    sys.stdout.flush()
    threads_seen, connections = manifest.grown(before)
    return {
        "wire": wire.VERSION,
        "guest": manifest.GUEST_VERSION,
        "python": platform.python_version(),
        "kind": "reactive",
        "style": "foreign",
        "threads": threads_seen,
        "connections": connections,
        "hooks": {"before_snapshot": False, "after_fork": True},
        "warnings": [],
    }
