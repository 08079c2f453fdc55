"""Warm parents: prepared at deploy, kept per function of a revision, rebuilt on demand."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tapwater_server.instances.eviction import Candidate, choose
from tapwater_server.model.errors import StartFailed
from tapwater_server.model.function import Function, Revision
from tapwater_server.model.ids import RevisionId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import LogLine
from tapwater_server.ports.preparer import Prepared
from tapwater_server.ports.sandbox import Died, Image, Sandbox, Zygote

Key = tuple[RevisionId, str]  # a revision and the name of a function in it

OPENS_MAX = 4  # Imports at a time: they are hungry for CPU, and requests are served meanwhile.


@dataclass(slots=True, kw_only=True)
class Warm:
    """A zygote that is open: what making it cost, and how it was used. Keeps ``Prepared``."""

    zygote: Zygote
    manifest: Mapping[str, Any]
    warnings: tuple[str, ...]
    import_s: float
    uses: int = 0
    age: float = 0.0
    dead: bool = False

    def died(self, _: Died) -> None:
        """Its process has ended: it cannot be forked any more."""
        self.dead = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ZygoteStats:
    """What is warm, and what that took."""

    open: int
    memory_bytes: int
    rebuilt: int
    evicted: int


class Zygotes:
    """All zygotes of this node. Keeps ``Preparer``."""

    def __init__(
        self,
        *,
        sandbox: Sandbox,
        image_of: Callable[[RevisionId, Function], Image],
        clock: Clock,
        logs: Callable[[LogLine], None] | None = None,  # takes what modules print when imported
    ) -> None:
        self._sandbox = sandbox
        self._logs = logs
        self._image_of = image_of
        self._clock = clock
        self._warm: dict[Key, Warm] = {}
        self._opening: dict[Key, asyncio.Task[Warm]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._opens = asyncio.Semaphore(OPENS_MAX)
        self._forgotten: Callable[[RevisionId], None] = _nobody
        self._age = 0.0
        self._rebuilt = 0
        self._evicted = 0

    # For control.

    async def prepare(self, image: Image) -> Warm:
        """Run the module in confinement; give its zygote, which belongs to no revision yet.

        Raises:
            StartFailed: the module did not come up.
        """
        warm = await self._open(image)
        reasons = _unforkable(warm.manifest)
        if not reasons or image.after_fork_import:
            return warm
        await warm.zygote.close()
        late = await self._open(replace(image, after_fork_import=True))
        warning = (
            f"importing {image.module or image.function} {' and '.join(reasons)}, which a fork "
            "does not survive: each instance imports it again, so cold starts take as long as "
            "the import; start such things on first use, or in an after_fork hook"
        )
        late.manifest = {**warm.manifest, "after_fork_import": True}
        late.warnings = (*warm.warnings, *late.warnings, warning)
        late.import_s = warm.import_s
        return late

    def adopt(self, revision: Revision, function: Function, prepared: Prepared) -> None:
        """Make a prepared zygote that of ``function`` in ``revision``."""
        assert isinstance(prepared, Warm)
        self._keep((revision.id, function.id.name), prepared)

    async def discard(self, prepared: Sequence[Prepared]) -> None:
        """End zygotes that were prepared for nothing."""
        for warm in prepared:
            assert isinstance(warm, Warm)
            await warm.zygote.close()

    async def forget(self, revision: Revision) -> None:
        """The revision is gone: end its zygotes, and its instances when they are idle."""
        self._forgotten(revision.id)
        for function in revision.functions:
            warm = self._warm.pop((revision.id, function.id.name), None)
            if warm is not None:
                await warm.zygote.close()

    # For the scheduler.

    def when_forgotten(self, told: Callable[[RevisionId], None]) -> None:
        """Whom to tell that a revision is gone."""
        self._forgotten = told

    async def get(self, revision: RevisionId, function: Function) -> Zygote:
        """Give the function's zygote; open it if there is none. Once, however many ask.

        Raises:
            StartFailed: the module did not come up.
        """
        key = (revision, function.id.name)
        warm = self._warm.get(key)
        if warm is not None and not warm.dead:
            warm.uses += 1
            warm.age = self._age
            return warm.zygote
        opening = self._opening.get(key)
        if opening is None:
            opening = asyncio.get_running_loop().create_task(self._rebuild(key, function))
            self._opening[key] = opening
            opening.add_done_callback(lambda _: self._opening.pop(key, None))
        return (await asyncio.shield(opening)).zygote

    def import_s(self, revision: RevisionId, function: Function) -> float:
        """Say how long its zygote took to come up; 0: not known."""
        warm = self._warm.get((revision, function.id.name))
        return warm.import_s if warm is not None else 0.0

    async def relieve(self, wanted_bytes: int) -> int:
        """Close the zygotes least worth keeping; say how many bytes that gives back."""
        verdict = choose(
            (
                Candidate(
                    key=key,
                    age=warm.age,
                    uses=warm.uses + 1,
                    cost_s=warm.import_s,
                    size_bytes=warm.zygote.memory_bytes(),
                )
                for key, warm in self._warm.items()
                if not warm.dead
            ),
            wanted_bytes=wanted_bytes,
            age=self._age,
        )
        self._age = verdict.age
        for key in verdict.victims:
            self._evicted += 1
            await self._warm.pop(key).zygote.close()
        return verdict.freed_bytes

    def stats(self) -> ZygoteStats:
        """Say what is warm."""
        alive = [warm for warm in self._warm.values() if not warm.dead]
        return ZygoteStats(
            open=len(alive),
            memory_bytes=sum(warm.zygote.memory_bytes() for warm in alive),
            rebuilt=self._rebuilt,
            evicted=self._evicted,
        )

    async def close(self) -> None:
        """End all of them."""
        for opening in tuple(self._opening.values()):
            opening.cancel()
        await asyncio.gather(*self._opening.values(), *self._closing, return_exceptions=True)
        while self._warm:
            _, warm = self._warm.popitem()
            await warm.zygote.close()

    async def _rebuild(self, key: Key, function: Function) -> Warm:
        warm = await self._open(self._image_of(key[0], function))
        self._rebuilt += 1
        warm.uses, warm.age = 1, self._age
        self._keep(key, warm)
        return warm

    async def _open(self, image: Image) -> Warm:
        async with self._opens:
            began = self._clock.monotonic()
            zygote = await self._sandbox.open(image)
            import_s = self._clock.monotonic() - began
        warm = Warm(
            zygote=zygote, manifest=zygote.manifest, warnings=zygote.warnings, import_s=import_s
        )
        zygote.when_died(warm.died)
        self._tell(image, zygote.said())
        return warm

    def _tell(self, image: Image, said: str) -> None:
        """What was printed during the import is of no call and of no instance."""
        if self._logs is None:
            return
        app, _, function = image.function.rpartition(":")
        for text in said.splitlines():
            line = LogLine(
                at=self._clock.now(),
                app=app,
                function=function,
                invocation="",
                instance="",
                level="info",
                text=text,
                stream="import",
            )
            self._logs(line)

    def _keep(self, key: Key, warm: Warm) -> None:
        before = self._warm.get(key)
        self._warm[key] = warm
        if before is not None and before is not warm:
            closing = asyncio.get_running_loop().create_task(before.zygote.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


def _unforkable(manifest: Mapping[str, Any]) -> list[str]:
    """Say what the import left behind that a fork would break. The manifest is a guest's word."""
    threads, connections = manifest.get("threads"), manifest.get("connections")
    reasons: list[str] = []
    if isinstance(threads, list) and threads:
        names = ", ".join(str(name)[:60] for name in threads[:5])
        reasons.append(f"starts threads ({names})")
    if isinstance(connections, int) and connections > 0:
        reasons.append(f"opens {connections} connections")
    return reasons


def _nobody(_: RevisionId) -> None:
    """Nobody wants to hear."""


def start_failed(error: Exception) -> str:
    """The sentence for callers when no instance could be made."""
    return error.message if isinstance(error, StartFailed) else "no instance could be started"
