"""What everything stands on: the settings, the clock, the stores, and what closes them."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from tapwater_server.assembly.settings import Settings
from tapwater_server.assembly.steady import SteadyClock
from tapwater_server.assembly.stores import Stores, open_stores
from tapwater_server.assembly.tariffs import open_shelf
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.model.ids import AppId
from tapwater_server.model.tariff import Tariff
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.tracing import Tracer
from tapwater_server.services.billing.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """``stores`` has the databases, the log and the bus. What opens is closed with ``stack``."""

    settings: Settings
    stores: Stores
    clock: Clock
    steady: SteadyClock  # what is removed for its age is as old as this one says
    ids: IdSource
    tracer: Tracer
    shelf: Shelf
    stack: AsyncExitStack

    def tariff(self) -> Tariff:
        """Give our own, as it holds this month."""
        return self.shelf.own(f"{datetime.fromtimestamp(self.clock.now(), UTC):%Y-%m}")

    def exists(self, app: AppId) -> bool:
        """Say whether anything of this app is deployed."""
        return bool(self.stores.registry.revisions(app))


async def open_footing(settings: Settings, stack: AsyncExitStack) -> Footing:
    """Open the stores, on this machine's clock."""
    clock, ids = SystemClock(), SystemIds()
    steady = SteadyClock(clock, file=settings.data / "clock")
    stores = await open_stores(settings, clock=clock, steady=steady, ids=ids, stack=stack)
    return Footing(
        settings=settings,
        stores=stores,
        clock=clock,
        steady=steady,
        ids=ids,
        tracer=Tracer(spans=stores.masked.span, clock=clock, ids=ids),
        shelf=open_shelf(settings),
        stack=stack,
    )
