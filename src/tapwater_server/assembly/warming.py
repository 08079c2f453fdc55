"""Keeps warm what is live: tells the scheduler which revisions serve, and opens their zygotes."""

import asyncio
from collections.abc import Iterator

from tapwater_server.instances.zygotes import Zygotes
from tapwater_server.model.errors import TapwaterError
from tapwater_server.model.function import Function, Revision
from tapwater_server.model.ids import AppId
from tapwater_server.ports.registry import Registry
from tapwater_server.scheduler.scheduler import Scheduler

AT_A_TIME = 2  # Zygotes opened side by side: calls that come meanwhile need the cores too.


class Warming:
    """Follows the registry. A zygote that does not come up is left to the call that needs it,
    which then says why."""

    def __init__(self, *, registry: Registry, scheduler: Scheduler, zygotes: Zygotes) -> None:
        self._registry, self._scheduler, self._zygotes = registry, scheduler, zygotes
        self._changed = asyncio.Event()
        self._changed.set()
        registry.watch(self._told)

    def _told(self, app: AppId) -> None:
        self._scheduler.serve(live(self._registry))
        self._changed.set()

    async def run(self) -> None:
        """Warm up after every change, until cancelled."""
        self._scheduler.serve(live(self._registry))
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self.step()

    async def step(self) -> None:
        """Open the zygotes that are missing, a few at a time."""
        room = asyncio.Semaphore(AT_A_TIME)
        async with asyncio.TaskGroup() as group:
            for revision in live(self._registry):
                for function in revision.functions:
                    group.create_task(self._warm(revision, function, room))

    async def _warm(self, revision: Revision, function: Function, room: asyncio.Semaphore) -> None:
        async with room:
            try:
                await self._zygotes.get(revision.id, function)
            except TapwaterError:
                return


def live(registry: Registry) -> Iterator[Revision]:
    """Every revision that some alias of some app gives traffic."""
    for app in registry.apps():
        weighted = {
            id
            for alias in registry.aliases(app)
            for id, weight in alias.weights.items()
            if weight > 0
        }
        for id in weighted:
            revision = registry.revision(app, id)
            if revision is not None:
                yield revision
