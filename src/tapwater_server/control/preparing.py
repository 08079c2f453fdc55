"""Runs each module of a deploy once in confinement, and reads what it says of itself."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from tapwater_server.control import options, triggers
from tapwater_server.control.layout import Problem
from tapwater_server.control.manifest import read_manifest
from tapwater_server.control.plan import Preparing
from tapwater_server.control.progress import Step
from tapwater_server.control.reading import Base
from tapwater_server.model.errors import DeployFailed, TapwaterError
from tapwater_server.model.function import Function, FunctionLimits, Kind, Revision, Style
from tapwater_server.model.ids import FunctionId, RevisionId
from tapwater_server.ports.preparer import Prepared, Preparer
from tapwater_server.ports.sandbox import Image

MANIFESTS_BYTES_MAX = 32 << 20  # They are kept with the revision, in memory too.
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

    def __init__(
        self, *, preparer: Preparer, base: Base, revision: RevisionId, at_a_time_max: int
    ) -> None:
        self._preparer = preparer
        self._base = base
        self._revision = revision
        self._seats = asyncio.Semaphore(at_a_time_max)
        self._open: list[Prepared] = []
        self._problems: list[Problem] = []
        self._manifest_bytes = 0

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
        self._problems += triggers.complain_together([one.function for one in ready])
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
            image = image_for(self._base, _guess(self._base, one), revision=self._revision)
            try:
                return await self._settle(one, image, step)
            except TapwaterError as error:
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
            self._manifest_bytes += read.size
            if self._manifest_bytes > MANIFESTS_BYTES_MAX:
                what = f"the manifests of all functions have more than {MANIFESTS_BYTES_MAX} bytes"
                self._problems.append({"where": one.found.file, "what": what})
                return None
            asked = image_for(self._base, read.function, revision=self._revision)
            if _alike(image, asked, late=read.late):
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


def image_for(base: Base, function: Function, *, revision: RevisionId) -> Image:
    """Say what a function's zygote is made of."""
    return Image(
        function=str(function.id),
        code=str(base.code),
        layer=base.layer_path,
        python=base.python.path,
        module=function.file,
        limits=function.limits,
        environment=function.environment,
        egress=function.egress,
        after_fork_import=function.after_fork_import,
        revision=revision,
        settings=guest_settings(base.desired.file.settings, function.limits),
        foreign=function.foreign,
    )


def guest_settings(settings: Mapping[str, Any], limits: FunctionLimits) -> Mapping[str, Any]:
    """What the guest is told besides its own code's words."""
    return {**settings, "concurrency": limits.concurrency}


def _guess(base: Base, one: Preparing) -> Function:
    """The function as far as it can be known before its module ran."""
    chosen = options.choose([*one.sources, one.peeked])
    return Function(
        id=FunctionId(base.desired.app, one.found.name),
        kind=Kind.RESTFUL,
        style=Style.VERBS,
        file=one.found.file,
        group=one.found.group,
        limits=chosen.limits,
        environment=chosen.environment,
        egress=chosen.egress,
        after_fork_import=chosen.after_fork_import,
    )


def _alike(image: Image, asked: Image, *, late: bool) -> bool:
    """Compare what matters while a module is imported. ``late``: the preparer itself saw that
    the module must be imported after the fork, and has done so.
    """

    def facts(one: Image) -> tuple[object, ...]:
        limits = one.limits
        sizes = (limits.memory_bytes, limits.pids_max, limits.tmp_bytes, limits.concurrency)
        return (*sizes, dict(one.environment), one.egress, late or one.after_fork_import)

    return facts(image) == facts(asked)
