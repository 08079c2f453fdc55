"""Makes revisions of what other clouds' tools brought: no folder of ours, no manifest to read.

As with a deploy, everything is prepared first and written down last, in one step.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from tapwater_server.control import zipped
from tapwater_server.control.apply import to_the_end
from tapwater_server.control.holding import BUNDLES, Holding
from tapwater_server.control.interpreters import Interpreter, choose
from tapwater_server.control.layers import LAYERS
from tapwater_server.control.leaving import Leaving
from tapwater_server.control.preparing import guest_settings
from tapwater_server.control.turns import Turns
from tapwater_server.model.errors import Conflict, DeployFailed, TapwaterError
from tapwater_server.model.function import Alias, Function, Revision
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.folders import Folders
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.preparer import Prepared, Preparer
from tapwater_server.ports.registry import Registry
from tapwater_server.ports.releases import Release
from tapwater_server.ports.sandbox import Image

HELD_S_MAX = 900.0  # What was unpacked waits so long for its release.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What the functions of one release stand on."""

    id: RevisionId
    code: Path
    layer: Path | None
    python: Interpreter


class Releasing:
    """Keeps ``ports/releases.py``."""

    def __init__(
        self,
        *,
        registry: Registry,
        folders: Folders,
        preparer: Preparer,
        holding: Holding,
        leaving: Leaving,
        turns: Turns,
        interpreters: Callable[[], Awaitable[Sequence[Interpreter]]],
        default_python: str,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._registry, self._folders, self._preparer = registry, folders, preparer
        self._holding, self._leaving, self._turns = holding, leaving, turns
        self._interpreters, self._default_python = interpreters, default_python
        self._clock, self._ids = clock, ids
        self._unpacked: list[tuple[float, ExitStack]] = []

    async def pythons(self) -> Sequence[str]:
        return list(dict.fromkeys(one.minor for one in await self._interpreters()))

    async def unpack(
        self, archives: Sequence[BinaryIO], *, beside: bool = False
    ) -> tuple[str, int]:
        contents = await asyncio.to_thread(zipped.inspect, archives)
        self._hold(contents.digest)
        fill = partial(zipped.unpack, archives, contents)
        await self._folders.put(LAYERS if beside else BUNDLES, contents.digest, fill)
        return contents.digest, contents.size

    async def release(self, release: Release) -> Revision:
        async with self._turns.of(release.app):
            await self._leaving.finish(release.app)
            with self._holding.during() as held:
                held.add(release.bundle)
                held.add(release.layer)
                ground = await self._ground(release)
                prepared: list[Prepared] = []
                try:
                    return await self._release(release, ground, prepared)
                finally:
                    await asyncio.shield(self._preparer.discard(prepared))

    async def point(self, alias: Alias) -> None:
        async with self._turns.of(alias.app):
            await self._registry.set_alias(alias)

    async def unpoint(self, app: AppId, name: str) -> None:
        async with self._turns.of(app):
            await self._registry.remove_alias(app, name)

    async def drop(self, app: AppId, revision: RevisionId) -> None:
        async with self._turns.of(app):
            known = self._registry.revision(app, revision)
            await self._registry.remove_revision(app, revision)
            if known is not None:
                await self._preparer.forget(known)
        await self._sweep()

    async def remove(self, app: AppId) -> None:
        async with self._turns.of(app):
            await self._leaving.remove(app)

    def _hold(self, digest: str) -> None:
        """Keep what was unpacked from being swept away for a while."""
        now = self._clock.monotonic()
        for until, held in [one for one in self._unpacked if one[0] <= now]:
            held.close()
            self._unpacked.remove((until, held))
        with ExitStack() as stack:
            stack.enter_context(self._holding.during()).add(digest)
            self._unpacked.append((now + HELD_S_MAX, stack.pop_all()))

    async def _ground(self, release: Release) -> _Ground:
        code = self._folders.path(BUNDLES, release.bundle)
        layer = self._folders.path(LAYERS, release.layer) if release.layer else None
        if code is None or (release.layer and layer is None):
            raise Conflict(f"the code of {release.app} is not there any more: send it again")
        python = choose(release.python, await self._interpreters(), default=self._default_python)
        return _Ground(id=RevisionId(self._ids.fresh()), code=code, layer=layer, python=python)

    async def _release(
        self, release: Release, ground: _Ground, prepared: list[Prepared]
    ) -> Revision:
        functions, problems = [], []
        for function in release.functions:
            try:
                ready = await self._preparer.prepare(image_of(function, ground))
            except TapwaterError as error:
                problems.append({"where": function.id.name, "what": error.message})
                continue
            prepared.append(ready)
            late = bool(ready.manifest.get("after_fork_import"))
            functions.append(replace(function, after_fork_import=late) if late else function)
        if problems:
            raise DeployFailed(f"{release.app} does not come up.", problems=problems)
        revision = await self._revision(release, ground, tuple(functions), prepared)
        await self._switch(release, revision, prepared)
        return revision

    async def _revision(
        self,
        release: Release,
        ground: _Ground,
        functions: tuple[Function, ...],
        prepared: Sequence[Prepared],
    ) -> Revision:
        warnings = {
            function.id.name: list(ready.warnings)
            for function, ready in zip(functions, prepared, strict=True)
            if ready.warnings
        }
        settings: Mapping[str, Any] = {**release.settings, "python": ground.python.version}
        return Revision(
            id=ground.id,
            app=release.app,
            number=await self._registry.next_number(release.app),
            created_at=self._clock.now(),
            bundle=release.bundle,
            layer=release.layer,
            python=ground.python.path,
            functions=functions,
            note=release.note,
            settings={**settings, "warnings": warnings} if warnings else settings,
        )

    async def _switch(self, release: Release, revision: Revision, prepared: list[Prepared]) -> None:
        """Give the zygotes to the revision, then write it down with its names, in one step."""
        for function, ready in zip(revision.functions, prepared, strict=True):
            self._preparer.adopt(revision, function, ready)
        prepared.clear()
        aliases = [
            Alias(app=revision.app, name=name, weights={revision.id: 100})
            for name in release.aliases
        ]
        try:
            await to_the_end(self._registry.add_revision(revision, aliases=aliases))
        except BaseException:
            if self._registry.revision(revision.app, revision.id) is None:
                await asyncio.shield(self._preparer.forget(revision))
            raise

    async def _sweep(self) -> None:
        for kind in (BUNDLES, LAYERS):
            await self._holding.sweep(kind)


def image_of(function: Function, ground: _Ground) -> Image:
    """Say what a function's zygote is made of."""
    return Image(
        function=str(function.id),
        code=str(ground.code),
        layer=str(ground.layer or ""),
        python=ground.python.path,
        module=function.file,
        limits=function.limits,
        environment=function.environment,
        egress=function.egress,
        after_fork_import=function.after_fork_import,
        revision=ground.id,
        settings=guest_settings({}, function.limits),
        foreign=function.foreign,
    )
