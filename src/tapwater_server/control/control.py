"""The control plane put together: what assembly makes, starts, and hands to the gateway."""

import os
from collections.abc import Sequence

from tapwater_server.control.api.table import endpoints
from tapwater_server.control.apply import Deploying
from tapwater_server.control.holding import Holding
from tapwater_server.control.house import ControlSettings, Examined, Facts, House
from tapwater_server.control.indexes import build_environment
from tapwater_server.control.interpreters import Interpreter, find
from tapwater_server.control.layers import Layers
from tapwater_server.control.leaving import Erase, Leaving
from tapwater_server.control.reading import Reading
from tapwater_server.control.releasing import Releasing
from tapwater_server.control.turns import Turns
from tapwater_server.ports.bus import Bus
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.folders import Folders
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Invoker
from tapwater_server.ports.preparer import Preparer
from tapwater_server.ports.registry import Registry
from tapwater_server.ports.secrets import Secrets
from tapwater_server.ports.tokens import Tokens
from tapwater_server.web.endpoint import Endpoint


class Control:
    """Deploying and all around it. ``start()`` first; ``endpoints`` are what it serves."""

    def __init__(
        self,
        *,
        registry: Registry,
        folders: Folders,
        secrets: Secrets,
        tokens: Tokens,
        preparer: Preparer,
        invoker: Invoker,
        bus: Bus,
        clock: Clock,
        ids: IdSource,
        doctor: Examined,
        top: Facts,
        erase: Erase,
        settings: ControlSettings,
    ) -> None:
        self._settings = settings
        self._found: tuple[Interpreter, ...] = ()
        self._holding = Holding(registry=registry, folders=folders)
        self._leaving = Leaving(
            registry=registry, preparer=preparer, holding=self._holding, erase=erase
        )
        self._turns = Turns()
        self.releases = Releasing(
            registry=registry,
            folders=folders,
            preparer=preparer,
            holding=self._holding,
            leaving=self._leaving,
            turns=self._turns,
            interpreters=self.interpreters,
            default_python=settings.default_python,
            clock=clock,
            ids=ids,
        )
        deploying = self._deploying(registry, folders, preparer, clock, ids)
        self.house = House(
            registry=registry,
            folders=folders,
            secrets=secrets,
            tokens=tokens,
            preparer=preparer,
            invoker=invoker,
            bus=bus,
            clock=clock,
            ids=ids,
            doctor=doctor,
            top=top,
            deploying=deploying,
            holding=self._holding,
            leaving=self._leaving,
            turns=self._turns,
            settings=settings,
        )
        self.endpoints: Sequence[Endpoint] = endpoints(self.house)

    def _deploying(
        self, registry: Registry, folders: Folders, preparer: Preparer, clock: Clock, ids: IdSource
    ) -> Deploying:
        settings = self._settings
        return Deploying(
            registry=registry,
            folders=folders,
            preparer=preparer,
            reading=self._reading(folders),
            holding=self._holding,
            clock=clock,
            ids=ids,
            domain=settings.domain,
            preparing_max=settings.preparing_max,
            revisions_max=settings.revisions_max,
        )

    def _reading(self, folders: Folders) -> Reading:
        settings = self._settings
        environment = build_environment(settings.environment, settings.home)
        layers = Layers(
            folders=folders, uv=settings.uv, cache=settings.cache, environment=environment
        )
        return Reading(
            layers=layers,
            interpreters=self.interpreters,
            default_python=settings.default_python,
        )

    async def start(self) -> None:
        """Clean away what a kill left behind. Nothing is deployed before this has ended."""
        os.makedirs(self._settings.scratch, mode=0o700, exist_ok=True)
        os.makedirs(self._settings.cache, mode=0o700, exist_ok=True)
        await self._leaving.finish_all()
        await self._holding.sweep_all()

    async def interpreters(self) -> Sequence[Interpreter]:
        """The Pythons of this machine; looked for once."""
        if not self._found:
            search = self._settings.environment.get("PATH", os.defpath)
            self._found = await find(search, self._settings.home)
        return self._found
