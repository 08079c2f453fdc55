"""Runs each module of a deploy once in confinement, and reads what it says of itself."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

from tapwater_server.control import options
from tapwater_server.control.layout import Problem
from tapwater_server.control.manifest import read_manifest
from tapwater_server.control.plan import Preparing
from tapwater_server.control.progress import Step
from tapwater_server.control.reading import Base
from tapwater_server.model.errors import DeployFailed, StartFailed
from tapwater_server.model.function import Function, FunctionLimits, Revision
from tapwater_server.ports.preparer import Prepared, Preparer
from tapwater_server.ports.sandbox import Image

IMPORT_MEMORY_BYTES_MIN = 512 << 20  # Importing may need more than running does.
FAILURES_MAX = 20  # Enough to mend before the next attempt.


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A function that has been prepared."""

    function: Function
    prepared: Prepared
    warnings: tuple[str, ...] = ()
    schemas: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


class Preparation:
    """The zygotes of one deploy: adopted all together, or none is left."""

    def __init__(self, *, preparer: Preparer, base: Base, at_a_time_max: int) -> None:
        self._preparer = preparer
        self._base = base
        self._seats = asyncio.Semaphore(at_a_time_max)
        self._open: list[Prepared] = []
        self._problems: list[Problem] = []

    async def __aenter__(self) -> "Preparation":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        left, self._open = self._open, []
        if left:
            await asyncio.shield(self._preparer.discard(left))

    async def run(self, wanted: Sequence[Preparing], step: Step) -> list[Ready]:
        """Prepare all of them, some at a time, and gather what is wrong with any.

        Raises:
            DeployFailed: at least one module cannot be imported, or is not what it must be.
        """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._one(one, step)) for one in wanted]
        ready = [one for task in tasks if (one := task.result()) is not None]
        if self._problems:
            count = len({problem["where"] for problem in self._problems})
            what = "A function" if count == 1 else f"{count} functions"
            raise DeployFailed(f"{what} cannot be deployed.", problems=self._problems)
        step.detail = ", ".join(one.function.id.name for one in ready[:20])
        return ready

    def adopt(self, revision: Revision, ready: Sequence[Ready]) -> None:
        """Give the zygotes to a revision: from now on they are not ours to end."""
        for one in ready:
            self._preparer.adopt(revision, one.function, one.prepared)
        self._open.clear()

    async def _one(self, one: Preparing, step: Step) -> Ready | None:
        async with self._seats:
            if len(self._problems) >= FAILURES_MAX:
                return None
            image = self._image(one, options.choose([*one.sources, one.peeked]))
            try:
                return await self._settle(one, image, step)
            except StartFailed as error:
                problem = {"where": one.found.file, "what": error.message}
                self._problems.append(problem)
                return None

    async def _settle(self, one: Preparing, image: Image, step: Step) -> Ready | None:
        """Prepare, and once more if the manifest asks for another image than this one."""
        for _ in range(2):
            prepared = await self._preparer.prepare(image)
            self._open.append(prepared)
            app = self._base.desired.app
            read = read_manifest(prepared.manifest, app=app, found=one.found, sources=one.sources)
            if read.function is None:
                self._problems.extend(read.problems)
                return None
            asked = self._asked(one, read.function)
            if asked == image:
                break
            self._open.remove(prepared)
            await self._preparer.discard([prepared])
            image = asked
        else:
            what = "its options differ from one import to the next"
            self._problems.append({"where": one.found.file, "what": what})
            return None
        step.note(read.function.id.name)
        return Ready(
            function=read.function,
            prepared=prepared,
            warnings=(*prepared.warnings, *read.warnings),
            schemas=read.schemas,
            extra=read.extra,
        )

    def _asked(self, one: Preparing, function: Function) -> Image:
        chosen = options.Chosen(
            limits=function.limits,
            egress=function.egress,
            environment=function.environment,
            after_fork_import=function.after_fork_import,
        )
        return self._image(one, chosen)

    def _image(self, one: Preparing, chosen: options.Chosen) -> Image:
        base = self._base
        return Image(
            function=f"{base.desired.app}:{one.found.name}",
            code=str(base.code),
            layer=base.layer_path,
            python=base.python.path,
            module=one.found.file,
            limits=_while_importing(chosen.limits),
            environment=dict(chosen.environment),
            egress=chosen.egress,
            after_fork_import=chosen.after_fork_import,
            settings=base.desired.file.settings,
        )


def _while_importing(limits: FunctionLimits) -> FunctionLimits:
    """Only the limits that matter for the zygote itself, so that the others may change freely."""
    memory = max(limits.memory_bytes, IMPORT_MEMORY_BYTES_MIN)
    return replace(
        FunctionLimits(), memory_bytes=memory, pids_max=limits.pids_max, tmp_bytes=limits.tmp_bytes
    )
