"""Reads an unpacked bundle: settings, functions, dependencies, the Python it runs on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tapwater_server.control import requirements, toml
from tapwater_server.control.interpreters import Interpreter, choose
from tapwater_server.control.layers import Layers
from tapwater_server.control.layout import Layout, Problem, hints, looked_for, read_layout
from tapwater_server.control.peeking import peek
from tapwater_server.control.plan import Desired
from tapwater_server.control.progress import Progress, Step
from tapwater_server.control.ruling import read_rules
from tapwater_server.model.errors import DeployFailed, Invalid
from tapwater_server.model.ids import AppId

_SOURCE_BYTES_MAX = 4 << 20  # More than that is no settings or source file anyone wrote.


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What all functions of a revision stand on."""

    desired: Desired
    code: Path
    python: Interpreter
    layer: str = ""  # digest
    layer_path: str = ""
    lock: str = ""  # the key of the lock, to keep it


class Reading:
    """Makes a ``Base`` from a bundle."""

    def __init__(
        self,
        *,
        layers: Layers,
        interpreters: Callable[[], Awaitable[Sequence[Interpreter]]],
        default_python: str,
    ) -> None:
        self._layers = layers
        self._interpreters = interpreters
        self._default_python = default_python

    async def read(
        self,
        app: AppId,
        files: Sequence[str],
        code: Path,
        *,
        progress: Progress,
        hold: Callable[[str], None],
    ) -> Base:
        """Read everything that can be known without running the app's code.

        Raises:
            DeployFailed: with all problems found.
        """
        desired, wanted = await asyncio.to_thread(_desired, app, files, code)
        python = choose(
            desired.file.python,
            await self._interpreters(),
            requires=desired.requires_python,
            default=self._default_python,
        )
        if wanted is None:
            return Base(desired=desired, code=code, python=python)
        with progress.step("dependencies") as step:
            base = Base(desired=desired, code=code, python=python)
            return await self._with_layer(base, wanted, step, hold)

    async def _with_layer(
        self,
        base: Base,
        wanted: requirements.Wanted,
        step: Step,
        hold: Callable[[str], None],
    ) -> Base:
        python = base.python
        loop = asyncio.get_running_loop()

        def said(line: str) -> None:
            loop.call_soon_threadsafe(step.note, line)

        key = self._layers.key(wanted, python)
        hold(key)
        lock = await self._layers.lock(wanted, python, said=said)
        layer = self._layers.digest(lock, python)
        hold(layer)
        path = await self._layers.build(lock, python, source=wanted.source, said=said)
        step.detail = f"{wanted.source} for Python {python.version}, {layer[:12]}"
        return replace(base, layer=layer, layer_path=str(path), lock=key)


def _desired(
    app: AppId, files: Sequence[str], code: Path
) -> tuple[Desired, requirements.Wanted | None]:
    """Read settings, layout and requirements, and complain of all of them together."""

    def read(name: str) -> str:
        return _text(code / name, name)

    file = toml.AppFile()
    problems: list[Problem] = []
    if toml.FILE in files:
        file, problems = toml.parse(read(toml.FILE))
    rules, wrong = read_rules(files, read, written=file.rules)
    problems = [*problems, *wrong]
    layout = read_layout(files, main=file.main)
    problems = [*problems, *layout.problems, *_strangers(file, layout)]
    single = layout.functions[0].file if _is_single(layout) else ""
    wanted, more = requirements.gather(files, read, listed=file.dependencies, single=single)
    problems += more
    if problems:
        count = len(problems)
        what = "a problem" if count == 1 else f"{count} problems"
        raise DeployFailed(f"The app has {what}.", problems=problems)
    if not layout.functions:
        found = [{"where": "the app", "what": hint} for hint in hints(files)]
        raise DeployFailed(looked_for(files), problems=found)
    peeked: Mapping[str, Mapping[str, Any]] = {
        function.name: peek(read(function.file)) for function in layout.functions
    }
    desired = Desired(
        app=app,
        functions=layout.functions,
        file=file,
        requires_python=requirements.requires_python(files, read, single=single),
        peeked=peeked,
        rules=rules,
    )
    return desired, wanted


def _is_single(layout: Layout) -> bool:
    return len(layout.functions) == 1 and layout.functions[0].kind is None


def _strangers(file: toml.AppFile, layout: Layout) -> list[Problem]:
    """Complain of settings for functions that are not there."""
    names = {function.name for function in layout.functions}
    return [
        {"where": toml.FILE, "what": f'functions."{name}": there is no such function'}
        for name in file.functions
        if names and name not in names
    ]


def _text(path: Path, name: str) -> str:
    if path.stat().st_size > _SOURCE_BYTES_MAX:
        raise Invalid(f"{name} has more than {_SOURCE_BYTES_MAX >> 20} MiB")
    return path.read_text("utf-8", errors="replace")
