"""Schedules of this node: those of functions that are live, and those made by the API."""

from collections.abc import Iterator, Sequence
from functools import partial

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.assembly.places import open_places
from tapwater_server.backends.sqlite.schedules import SqliteSchedules
from tapwater_server.events.sources.schedule import Ticker
from tapwater_server.model.function import Function
from tapwater_server.model.ids import AppId
from tapwater_server.ports.registry import Registry, live_revision
from tapwater_server.services.schedules.http import SchedulesApi
from tapwater_server.services.schedules.service import ScheduleService


async def open(ground: Ground) -> Part:
    """Build the loop and the service; both know the same schedules."""
    stores = ground.stores
    schedules = SqliteSchedules(database=stores.data)
    ticker = Ticker(
        schedules=schedules,
        functions=partial(_all_functions, stores.registry),
        log=stores.eventlog,
        bus=stores.bus,
        places=open_places(stores, clock=ground.clock, ids=ground.ids),
        clock=ground.clock,
        ids=ground.ids,
        timetables=ground.timetables,
    )
    stores.registry.watch(lambda _: ticker.look_again())
    service = ScheduleService(
        schedules=schedules,
        runs=ticker,
        functions=partial(_functions, stores.registry),
        clock=ground.clock,
        ids=ground.ids,
    )
    return Part(
        name="schedules",
        endpoints=SchedulesApi(service=service).endpoints(),
        loops=(ticker.run(),),
        erase=schedules.erase,
        service=service,
    )


def _functions(registry: Registry, app: AppId) -> Sequence[Function]:
    revision = live_revision(registry, app)
    return revision.functions if revision is not None else ()


def _all_functions(registry: Registry) -> Iterator[Function]:
    for app in registry.apps():
        yield from _functions(registry, app)
