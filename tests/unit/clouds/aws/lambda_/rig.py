"""Lambda's room with everything in memory, which can be killed at any durable step."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tapwater_server.backends.memory.facts import MemoryFacts
from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.lambda_.archives import Archives
from tapwater_server.clouds.aws.lambda_.changing import Changing
from tapwater_server.clouds.aws.lambda_.records import Version
from tapwater_server.clouds.aws.lambda_.repairing import Repairing
from tapwater_server.clouds.aws.lambda_.resolving import Resolving
from tapwater_server.clouds.aws.lambda_.runtimes import Machine
from tapwater_server.clouds.aws.lambda_.settings import created
from tapwater_server.clouds.aws.lambda_.store import Store
from tapwater_server.clouds.aws.lambda_.tidying import Tidying
from tapwater_server.model.function import Alias, Revision
from tapwater_server.model.ids import AppId, InvocationId, RevisionId
from tapwater_server.model.invocation import Invocation, Verb
from tapwater_server.ports.blobs import Held, Naming
from tapwater_server.ports.facts import Step
from tapwater_server.ports.releases import Release
from tapwater_server.testing.clock import CountingIds, ManualClock
from tests.conformance.releases_kit import Rig, a_function, zipped

ACCOUNT = Account(id="000000000000", home=AppId("aws"))
ROLE = "arn:aws:iam::000000000000:role/lambda"


class Killed(BaseException):
    """The process is no more."""


class Fuse:
    """Burns through at the n-th durable step, before or after it is done."""

    def __init__(self) -> None:
        self.left = -1
        self.after = False

    async def around(self, doing: Any) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            doing.close()
            raise Killed
        done = await doing
        if self.left == 0:
            raise Killed
        return done


class FusedFacts(MemoryFacts):
    """Facts behind a fuse."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse

    async def change(self, space: str, steps: Sequence[Step]) -> None:
        await self._fuse.around(super().change(space, steps))


class FusedReleases:
    """Releases behind a fuse."""

    def __init__(self, rig: Rig, fuse: Fuse) -> None:
        self._inner, self._fuse = rig.releases, fuse
        self.made: list[Release] = []

    async def pythons(self) -> Sequence[str]:
        return await self._inner.pythons()

    async def unpack(
        self, archives: Sequence[BinaryIO], *, beside: bool = False
    ) -> tuple[str, int]:
        return await self._inner.unpack(archives, beside=beside)

    async def release(self, release: Release) -> Revision:
        self.made.append(release)
        revision: Revision = await self._fuse.around(self._inner.release(release))
        return revision

    async def point(self, alias: Alias) -> None:
        await self._fuse.around(self._inner.point(alias))

    async def unpoint(self, app: AppId, name: str) -> None:
        await self._fuse.around(self._inner.unpoint(app, name))

    async def drop(self, app: AppId, revision: RevisionId) -> None:
        await self._fuse.around(self._inner.drop(app, revision))

    async def remove(self, app: AppId) -> None:
        await self._fuse.around(self._inner.remove(app))


class NoBlobs:
    """Nothing is in any bucket."""

    async def stat(self, app: AppId, naming: Naming) -> Held:
        raise AssertionError("no test asks")

    def read(self, held: Held, *, start: int, stop: int) -> AsyncIterator[bytes]:
        raise AssertionError("no test asks")


class Lambda:
    """The room; what is durable outlives ``run()``."""

    def __init__(self, scratch: Path) -> None:
        self.fuse = Fuse()
        self.rig = Rig(scratch)
        self.facts = FusedFacts(self.fuse)
        self.releases = FusedReleases(self.rig, self.fuse)
        self.store = Store(facts=self.facts)
        self.registry = self.rig.registry
        self.ids = CountingIds()
        self._begin()

    def _begin(self) -> None:
        self.archives = Archives(
            folders=self.rig.folders, blobs=NoBlobs(), releases=lambda: self.releases
        )
        tidying = Tidying(store=self.store, registry=self.registry, releases=lambda: self.releases)
        self.changing = Changing(
            store=self.store,
            archives=self.archives,
            releases=lambda: self.releases,
            tidying=tidying,
            taken=lambda label: AppId(label) in self.registry.apps(),
            machine=self._machine,
            clock=ManualClock(),
            ids=self.ids,
        )
        self.resolving = Resolving(store=self.store, registry=self.registry, chance=lambda: 0.5)
        self.repairing = Repairing(
            facts=self.facts,
            store=self.store,
            registry=self.registry,
            changing=self.changing,
            tidying=tidying,
            archives=self.archives,
        )

    async def _machine(self) -> Machine:
        return Machine(["3.11", "3.12"])

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Live until the end of the block, or until the fuse burns through."""
        self._begin()
        ready = asyncio.Event()

        async def repair() -> None:
            await self.repairing.repair()
            ready.set()

        running = asyncio.ensure_future(self.changing.run(repair))
        waiting = asyncio.ensure_future(ready.wait())
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        try:
            yield
        finally:
            waiting.cancel()
            running.cancel()
            await asyncio.gather(running, waiting, return_exceptions=True)

    async def version(self, source: str = "x = 1", **config: Any) -> Version:
        """Make a state of a function from its source."""
        data = zipped({"app.py": source})
        assert isinstance(data, io.BytesIO)
        digest = await self.archives.keep(data.getvalue())
        body: Mapping[str, Any] = {
            "Role": ROLE,
            "Runtime": "python3.12",
            "Handler": "app.handler",
            **config,
        }
        return self.changing.version(created(body), await self.archives.unpack(digest, ()))

    async def create(
        self, name: str = "f", *, publish: bool = False, source: str = "x = 1"
    ) -> None:
        version = await self.version(source)
        await self.changing.create(ACCOUNT, name, version, tags={}, publish=publish)


def an_invocation() -> Invocation:
    return Invocation(
        id=InvocationId("i"), revision=RevisionId("r"), function=a_function(), verb=Verb.EVENT
    )
