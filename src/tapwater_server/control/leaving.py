"""How an app goes: from the registry in one step, then from everything that keeps something of it.

A kill in between leaves the app's name in ``registry.leaving()``; the next start, the next removal
or the next deploy of that name goes on where it ended. Nobody can inherit another app's data.
"""

from collections.abc import Awaitable, Callable

from tapwater_server.control.holding import Holding
from tapwater_server.model.errors import NotFound
from tapwater_server.model.ids import AppId
from tapwater_server.ports.preparer import Preparer
from tapwater_server.ports.registry import Registry

Erase = Callable[[AppId], Awaitable[None]]


class Leaving:
    """Removes apps. Who calls holds the app's turn."""

    def __init__(
        self, *, registry: Registry, preparer: Preparer, holding: Holding, erase: Erase
    ) -> None:
        self._registry, self._preparer = registry, preparer
        self._holding, self._erase = holding, erase

    async def remove(self, app: AppId) -> None:
        """Remove an app with everything that is its own.

        Raises:
            NotFound: there is no such app.
        """
        revisions = self._registry.revisions(app)
        if not revisions and app not in self._registry.leaving():
            raise NotFound(f"there is no app {app}")
        if revisions:
            await self._registry.remove_app(app)
            for revision in revisions:
                await self._preparer.forget(revision)
        await self.finish(app)
        await self._holding.sweep_all()

    async def finish(self, app: AppId) -> None:
        """Go on with a removal that did not come to its end, if there is one."""
        if app in self._registry.leaving():
            await self._erase(app)
            await self._registry.forget_app(app)

    async def finish_all(self) -> None:
        """At the start: go on with all of them."""
        for app in self._registry.leaving():
            await self.finish(app)
