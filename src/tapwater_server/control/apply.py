"""Carries a deploy out: all of it, or nothing.

Read the bundle, resolve and build the dependencies, run each module once in confinement to
learn what it is, and only then write the revision down and move the alias, in one step. A
failure, a cancellation or a kill before that step leaves the app as it was.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from tapwater_server.control import bundle
from tapwater_server.control.holding import BUNDLES, Holding
from tapwater_server.control.plan import LIVE, Desired, Plan, expendable, plan, refused_hosts
from tapwater_server.control.preparing import Preparation, Ready
from tapwater_server.control.progress import Progress, Said
from tapwater_server.control.reading import Base, Reading
from tapwater_server.model.errors import DeployFailed
from tapwater_server.model.function import Revision
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.folders import Folders
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.preparer import Preparer
from tapwater_server.ports.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody asks for: this bundle, as that app, under an alias."""

    app: AppId
    archive: BinaryIO
    alias: str = LIVE
    traffic: bool = True
    note: str = ""


class Deploying:
    """Runs deploys."""

    def __init__(
        self,
        *,
        registry: Registry,
        folders: Folders,
        preparer: Preparer,
        reading: Reading,
        holding: Holding,
        clock: Clock,
        ids: IdSource,
        domain: str,
        preparing_max: int,
        revisions_max: int,
    ) -> None:
        self._registry = registry
        self._folders = folders
        self._preparer = preparer
        self._reading = reading
        self._holding = holding
        self._clock = clock
        self._ids = ids
        self._domain = domain
        self._preparing_max = preparing_max
        self._revisions_max = revisions_max

    async def deploy(self, order: Order, *, said: Said) -> Revision:
        """Deploy an app, and give the revision that now exists.

        Raises:
            Invalid, TooLarge: the bundle itself is refused.
            DeployFailed: what is in it cannot be deployed; ``problems`` say where and why.
        """
        progress = Progress(clock=self._clock, said=said)
        try:
            with self._holding.during() as held:
                revision = await self._deploy(order, progress, held.add)
        except BaseException:
            await asyncio.shield(self._holding.sweep(BUNDLES))
            raise
        await self._prune(order.app)
        return revision

    async def _deploy(
        self, order: Order, progress: Progress, hold: Callable[[str], None]
    ) -> Revision:
        with progress.step("bundle") as step:
            contents = await asyncio.to_thread(bundle.inspect, order.archive)
            hold(contents.digest)
            fill = partial(bundle.unpack, order.archive, contents)
            code = await self._folders.put(BUNDLES, contents.digest, fill)
            step.detail = f"{len(contents.files)} files, {contents.digest[:12]}"
        base = await self._reading.read(
            order.app, sorted(contents.files), code, progress=progress, hold=hold
        )
        self._check_hosts(order.app, base.desired.file.hosts)
        steps = self._plan(order, base.desired)
        async with Preparation(
            preparer=self._preparer,
            base=base,
            revision=steps.revision,
            at_a_time_max=self._preparing_max,
        ) as preparation:
            with progress.step("functions") as step:
                ready = await preparation.run(steps.preparing, step)
            with progress.step("switch") as step:
                revision = await self._revision(order, contents.digest, base, steps, ready)
                await self._switch(revision, steps, preparation, ready)
                step.detail = f"revision {revision.number}"
        return revision

    def _plan(self, order: Order, desired: Desired) -> Plan:
        return plan(
            desired,
            revision=RevisionId(self._ids.fresh()),
            alias=order.alias,
            traffic=order.traffic,
            aliases=self._registry.aliases(order.app),
            default_app=self._registry.default_app(),
        )

    def _check_hosts(self, app: AppId, hosts: Sequence[str]) -> None:
        others = [other for other in self._registry.apps() if other != app] if hosts else []
        taken = {
            host: other
            for other in others
            for revision in self._registry.revisions(other)
            for host in revision.hosts
        }
        problems = refused_hosts(hosts, domain=self._domain, taken=taken)
        if problems:
            raise DeployFailed("The app cannot have its hosts.", problems=problems)

    async def _revision(
        self, order: Order, digest: str, base: Base, steps: Plan, ready: Sequence[Ready]
    ) -> Revision:
        return Revision(
            id=steps.revision,
            app=order.app,
            number=await self._registry.next_number(order.app),
            created_at=self._clock.now(),
            bundle=digest,
            layer=base.layer,
            python=base.python.path,
            functions=tuple(one.function for one in ready),
            hosts=base.desired.file.hosts,
            note=order.note,
            settings=revision_settings(base, ready),
        )

    async def _switch(
        self, revision: Revision, steps: Plan, preparation: Preparation, ready: Sequence[Ready]
    ) -> None:
        """Warm zygotes first, then the one durable step that makes the revision real."""
        preparation.adopt(revision, ready)
        try:
            await to_the_end(self._registry.add_revision(revision, aliases=steps.aliases))
        except BaseException:
            if self._registry.revision(revision.app, revision.id) is None:
                await asyncio.shield(self._preparer.forget(revision))
            raise
        if steps.becomes_default:
            await self._registry.set_default_app(revision.app)

    async def _prune(self, app: AppId) -> None:
        """Keep the number of revisions below its ceiling."""
        gone = expendable(
            self._registry.revisions(app),
            self._registry.aliases(app),
            kept_max=self._revisions_max,
        )
        for revision in gone:
            await self._registry.remove_revision(app, revision.id)
            await self._preparer.forget(revision)
        if gone:
            await self._holding.sweep(BUNDLES)


async def to_the_end(writing: Coroutine[Any, Any, None]) -> None:
    """Wait for a write even when cancelled: whether it happened decides what is swept away."""
    task = asyncio.ensure_future(writing)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


def revision_settings(base: Base, ready: Sequence[Ready]) -> Mapping[str, Any]:
    """Gather what is kept with a revision besides its functions; empty parts are left out."""
    file = base.desired.file
    schemas: dict[str, dict[str, Any]] = {}
    for one in ready:
        schemas.setdefault(one.function.group, {}).update(one.schemas)
    parts = {
        "cors": file.cors,
        "function_cors": {
            one.function.id.name: one.extra["cors"] for one in ready if "cors" in one.extra
        },
        "schemas": {group: table for group, table in schemas.items() if table},
        "warnings": {one.function.id.name: list(one.warnings) for one in ready if one.warnings},
        "settings": file.settings,
        "rules": base.desired.rules,
        "users": file.users,
        "mqtt": file.mqtt,
        "indexes": list(file.indexes),
        "ttl": list(file.ttl),
        "lock": base.lock,
        "python": base.python.version,
    }
    return {name: part for name, part in parts.items() if part}
