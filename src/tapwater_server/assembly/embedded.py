"""One process, SQLite and files: the wiring diagram. Read this first.

What everything stands on is ``footing.py``. Then ``requestline.py`` (a request becomes a call),
``eventline.py`` (what happened becomes calls), ``parts/`` (a page for each service) and
``doors.py`` (what listens).
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapwater_server.assembly import machine
from tapwater_server.assembly.doors import open_doors
from tapwater_server.assembly.eventline import open_event_line
from tapwater_server.assembly.facts import Facts
from tapwater_server.assembly.footing import Footing, open_footing
from tapwater_server.assembly.housekeeping import Housekeeping
from tapwater_server.assembly.parts import dashboard
from tapwater_server.assembly.parts.ground import Ground
from tapwater_server.assembly.parts.rules import open_rules
from tapwater_server.assembly.parts.users import open_identities
from tapwater_server.assembly.requestline import RequestLine, open_request_line
from tapwater_server.assembly.services import Services, open_services
from tapwater_server.assembly.settings import Settings, build_environment
from tapwater_server.assembly.spending import open_spending
from tapwater_server.assembly.warming import Warming
from tapwater_server.control.control import Control
from tapwater_server.control.house import ControlSettings
from tapwater_server.control.leaving import Erase
from tapwater_server.events.audience import Audience
from tapwater_server.gateway.server import Gateway
from tapwater_server.instances.profiling import Profiler
from tapwater_server.ports.listening import Listening
from tapwater_server.ports.releases import Releases
from tapwater_server.ports.timetables import Timetables
from tapwater_server.services.budgets.spending import Spending
from tapwater_server.web.cloud import Cloud
from tapwater_server.web.dispatch import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A whole node that is ready to open its door."""

    gateway: Gateway
    facts: Facts
    first_token: str | None
    tables: tuple[Table, Table]  # the APIs it serves: of an app's services, and its own
    cloud: Cloud | None  # the interface of another cloud, if it has one
    loops: Sequence[Coroutine[Any, Any, None]]  # what must run while it serves

    async def warnings(self) -> tuple[str, ...]:
        """What a person should know before trusting this node."""
        return await self.facts.warnings()


@asynccontextmanager
async def assemble(settings: Settings) -> AsyncIterator[Embedded]:
    """Build a node; at the end, stop its parts in reverse order."""
    async with AsyncExitStack() as stack:
        footing = await open_footing(settings, stack)
        spending = await open_spending(footing)
        line = open_request_line(
            footing, accounts=spending.accounts, services=lambda: services.table
        )
        ground = _ground(
            footing,
            line,
            spending,
            releases=lambda: control.releases,
            top=lambda: facts.top(),
        )
        services = await open_services(ground)
        facts = _facts(ground, line)
        control = _control(ground, line, facts, erase=services.erase)
        await control.start()
        facts.interpreters = control.interpreters
        facts.gateway, node = open_doors(ground, line, services, control.endpoints)
        yield Embedded(
            gateway=facts.gateway,
            facts=facts,
            tables=(services.table, node),
            cloud=next((part.cloud for part in services.parts if part.cloud is not None), None),
            first_token=await ground.stores.tokens.ensure_admin(settings.data / "admin-token"),
            loops=_loops(ground, services, line),
        )


def _ground(
    footing: Footing,
    line: RequestLine,
    spending: Spending,
    *,
    releases: Callable[[], Releases],
    top: Callable[[], Mapping[str, Any]],
) -> Ground:
    stores, clock, ids = footing.stores, footing.clock, footing.ids
    return Ground(
        settings=footing.settings,
        stores=stores,
        clock=clock,
        steady=footing.steady,
        ids=ids,
        tracer=footing.tracer,
        shelf=footing.shelf,
        stack=footing.stack,
        spending=spending,
        invoker=line.invoker,
        recorder=line.recorder,
        bindings=line.bindings,
        profiling=Profiler(instances_of=line.scheduler.instances_of, clock=clock),
        identities=open_identities(stores, clock=clock, ids=ids),
        rules=open_rules(stores, clock=clock),
        listening=Listening(),
        timetables=Timetables(),
        furnished=line.furnished,
        releases=releases,
        top=top,
    )


def _facts(ground: Ground, line: RequestLine) -> Facts:
    return Facts(
        settings=ground.settings,
        confinement=line.confinement,
        scheduler=line.scheduler,
        zygotes=line.zygotes,
        meter=ground.stores.meter,
        clock=ground.clock,
    )


def _control(ground: Ground, line: RequestLine, facts: Facts, *, erase: Erase) -> Control:
    settings, stores = ground.settings, ground.stores
    return Control(
        registry=stores.registry,
        folders=stores.folders,
        secrets=stores.secrets,
        tokens=stores.tokens,
        preparer=line.zygotes,
        invoker=line.invoker,
        bus=stores.bus,
        clock=ground.clock,
        ids=ground.ids,
        doctor=facts.doctor,
        top=facts.top,
        erase=erase,
        settings=ControlSettings(
            cache=settings.data / "cache",
            scratch=settings.data / "scratch",
            uv=settings.uv,
            home=Path.home(),
            environment=build_environment(),
            dashboard_hosts=dashboard.dashboard_hosts(settings),
            default_python=settings.default_python,
            preparing_max=machine.cores(),
        ),
    )


def _loops(
    ground: Ground, services: Services, line: RequestLine
) -> tuple[Coroutine[Any, Any, None], ...]:
    """Limits, egress, the lines, the services; what keeps warm, and what clears away."""
    stores, clock, ids = ground.stores, ground.clock, ground.ids
    event_line = open_event_line(
        stores,
        line.invoker,
        budgets=ground.spending.accounts,
        listening=ground.listening,
        clock=clock,
        ids=ids,
    )
    warming = Warming(registry=stores.registry, scheduler=line.scheduler, zygotes=line.zygotes)
    housekeeping = Housekeeping(
        meter=stores.meter,
        bus=stores.bus,
        eventlog=stores.eventlog,
        sweep=services.sweep,
        spare=Audience(registry=stores.registry).hears_failures,
        clock=ground.steady,
        retention_days=ground.settings.retention_days,
    )
    return (
        line.confinement.cgroups.run(),
        line.confinement.egress.run(),
        line.scheduler.run(),
        *services.loops,
        *event_line.loops(),
        warming.run(),
        housekeeping.run(),
    )
