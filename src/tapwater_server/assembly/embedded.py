"""One process, SQLite and files: the wiring diagram. Read this first.

Then ``eventline.py`` (what happened becomes calls) and ``parts/``: a page for each service.
"""

from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tapwater_server.assembly import machine
from tapwater_server.assembly.bindings import AppBindings
from tapwater_server.assembly.confinement import Confinement, open_confinement
from tapwater_server.assembly.eventline import open_event_line
from tapwater_server.assembly.facts import Facts
from tapwater_server.assembly.housekeeping import Housekeeping
from tapwater_server.assembly.images import Images
from tapwater_server.assembly.parts.ground import Ground
from tapwater_server.assembly.parts.replay import replay_settings
from tapwater_server.assembly.parts.rules import open_rules
from tapwater_server.assembly.parts.users import open_identities
from tapwater_server.assembly.service_asks import ServiceAsks
from tapwater_server.assembly.services import Services, open_services
from tapwater_server.assembly.settings import Settings, build_environment
from tapwater_server.assembly.stores import Stores, open_stores
from tapwater_server.assembly.warming import Warming, live
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.backends.system.memory import memory_available_bytes
from tapwater_server.control.control import Control
from tapwater_server.control.house import ControlSettings
from tapwater_server.control.leaving import Erase
from tapwater_server.events.audience import Audience
from tapwater_server.gateway.server import Gateway
from tapwater_server.gateway.settings import DoorLimits, GatewaySettings
from tapwater_server.instances.zygotes import Zygotes
from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Invoker
from tapwater_server.ports.registry import live_revision
from tapwater_server.ports.tracing import Tracer
from tapwater_server.scheduler.profiling import Profiler
from tapwater_server.scheduler.scheduler import Scheduler
from tapwater_server.scheduler.settings import SchedulerSettings
from tapwater_server.services.idempotency.budget import Budget
from tapwater_server.services.idempotency.repeats import Repeats
from tapwater_server.services.metering.recorded import Recorded
from tapwater_server.services.replay.asking import TapedBindings
from tapwater_server.services.replay.recorder import Recorder
from tapwater_server.web.callers import Callers
from tapwater_server.web.dispatch import Table
from tapwater_server.web.http import ServicesApp
from tapwater_server.web.node_app import NodeApp
from tapwater_server.web.using import Using


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A whole node that is ready to open its door."""

    gateway: Gateway
    facts: Facts
    first_token: str | None
    tables: tuple[Table, Table]  # the APIs it serves: of an app's services, and its own
    loops: Sequence[Coroutine[Any, Any, None]]  # what must run while it serves

    async def warnings(self) -> tuple[str, ...]:
        """What a person should know before trusting this node."""
        return await self.facts.warnings()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """The request line behind the door."""

    invoker: Invoker
    front: Invoker  # the same for requests: those that come again are not run again
    scheduler: Scheduler
    zygotes: Zygotes
    recorder: Recorder
    bindings: TapedBindings


@asynccontextmanager
async def assemble(settings: Settings) -> AsyncIterator[Embedded]:
    """Build a node; at the end, stop its parts in reverse order."""
    clock, ids = SystemClock(), SystemIds()
    async with AsyncExitStack() as stack:
        stores = await open_stores(settings.data, clock=clock, ids=ids, stack=stack)
        confinement = open_confinement(
            settings.data, clock=clock, allow_weak=settings.allow_weak, stack=stack
        )
        confinement.sandbox.prepare({revision.python for revision in live(stores.registry)})
        images = Images(registry=stores.registry, folders=stores.folders)
        # A function asks services that are opened below, on top of the line it runs on.
        tracer = Tracer(spans=stores.masked.span, clock=clock, ids=ids)
        using = Using(meter=stores.meter, clock=clock)
        asks = ServiceAsks(
            table=lambda: services.table, exists=partial(_exists, stores), using=using
        )
        line = _request_line(
            settings,
            stores,
            confinement,
            images,
            asks,
            tracer,
            clock=clock,
            ids=ids,
            stack=stack,
        )
        ground = Ground(
            settings=settings,
            stores=stores,
            invoker=line.invoker,
            recorder=line.recorder,
            bindings=line.bindings,
            profiling=Profiler(instances_of=line.scheduler.instances_of, clock=clock),
            identities=open_identities(stores, clock=clock, ids=ids),
            rules=open_rules(stores, clock=clock),
            clock=clock,
            ids=ids,
            tracer=tracer,
            stack=stack,
            top=lambda: facts.top(),  # It is made below, of what stands here.
        )
        services = await open_services(ground)
        facts = Facts(
            settings=settings,
            confinement=confinement,
            scheduler=line.scheduler,
            zygotes=line.zygotes,
            meter=stores.meter,
            clock=clock,
        )
        control = _control(ground, line, facts, erase=services.erase)
        await control.start()
        facts.interpreters = control.interpreters
        node = NodeApp((*services.node, *control.endpoints), callers=_callers(ground))
        gateway = Gateway(
            invoker=line.front,
            registry=stores.registry,
            tokens=stores.tokens,
            identities=ground.identities,
            clock=clock,
            ids=ids,
            internal=_internal(ground, services, node),
            public=images.public,
            settings=_door(settings),
        )
        facts.gateway = gateway
        yield Embedded(
            gateway=gateway,
            facts=facts,
            tables=(services.table, node.table),
            first_token=await stores.tokens.ensure_admin(settings.data / "admin-token"),
            loops=(
                confinement.cgroups.run(),
                line.scheduler.run(),
                *services.loops,
                *_loops(ground, services, line),
            ),
        )


def _request_line(
    settings: Settings,
    stores: Stores,
    confinement: Confinement,
    images: Images,
    asks: ServiceAsks,
    tracer: Tracer,
    *,
    clock: Clock,
    ids: IdSource,
    stack: AsyncExitStack,
) -> _Line:
    """Metering around recording around the scheduler around the zygotes around the sandbox."""
    zygotes = Zygotes(sandbox=confinement.sandbox, image_of=images.image_of, clock=clock)
    real = AppBindings(
        registry=stores.registry,
        secrets=stores.secrets,
        invoker=lambda: invoker,
        services=asks,
        tracer=tracer,
        clock=clock,
        ids=ids,
    )
    bindings = TapedBindings(real, holding=lambda: recorder, clock=clock)
    scheduler = Scheduler(
        zygotes=zygotes,
        clock=clock,
        ids=ids,
        bindings=bindings,
        logs=stores.masked.log,
        spans=stores.masked.span,
        settings=SchedulerSettings(
            memory_budget_bytes=machine.memory_budget_bytes(settings.memory_budget),
            instances_max=settings.instances_max,
            starts_in_flight_max=settings.starts_max,
            cores=machine.cores(),
            keep_alive_s=settings.keep_alive_s,
        ),
        available=memory_available_bytes,
    )
    recorder = Recorder(scheduler, clock=clock, ids=ids, settings=replay_settings(settings))
    invoker = Recorded(recorder, meter=stores.masked, clock=clock)
    front = Repeats(invoker, once=stores.once, budget=Budget(clock=clock))
    stack.push_async_callback(front.close)
    stack.push_async_callback(zygotes.close)
    stack.push_async_callback(partial(scheduler.stop, drain_s=settings.drain_s))
    return _Line(
        invoker=invoker,
        front=front,
        scheduler=scheduler,
        zygotes=zygotes,
        recorder=recorder,
        bindings=bindings,
    )


def _control(ground: Ground, line: _Line, facts: Facts, *, erase: Erase) -> Control:
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
            default_python=settings.default_python,
            preparing_max=machine.cores(),
        ),
    )


def _callers(ground: Ground) -> Callers:
    return Callers(tokens=ground.stores.tokens, identities=ground.identities)


def _internal(ground: Ground, services: Services, node: NodeApp) -> ServicesApp:
    """What answers below ``/_/``: the services, and behind them what is about the node."""
    stores = ground.stores
    return ServicesApp(
        table=services.table,
        callers=_callers(ground),
        exists=partial(_exists, stores),
        hosts=partial(_hosts, stores),
        otherwise=node,
        using=Using(meter=stores.meter, clock=ground.clock),
        clock=ground.clock,
    )


def _hosts(stores: Stores, app: AppId) -> Sequence[str]:
    revision = live_revision(stores.registry, app)
    return revision.hosts if revision is not None else ()


def _exists(stores: Stores, app: AppId) -> bool:
    return bool(stores.registry.revisions(app))


def _loops(
    ground: Ground, services: Services, line: _Line
) -> tuple[Coroutine[Any, Any, None], ...]:
    """The event line, what keeps live functions warm, and what clears away."""
    stores, clock, ids = ground.stores, ground.clock, ground.ids
    event_line = open_event_line(stores, line.invoker, clock=clock, ids=ids)
    warming = Warming(registry=stores.registry, scheduler=line.scheduler, zygotes=line.zygotes)
    housekeeping = Housekeeping(
        meter=stores.meter,
        bus=stores.bus,
        eventlog=stores.eventlog,
        sweep=services.sweep,
        spare=Audience(registry=stores.registry).hears_failures,
        clock=clock,
        retention_days=ground.settings.retention_days,
    )
    return *event_line.loops(), warming.run(), housekeeping.run()


def _door(settings: Settings) -> GatewaySettings:
    return GatewaySettings(
        host=settings.host,
        port=settings.port,
        tls_certificate=str(settings.tls_cert or ""),
        tls_key=str(settings.tls_key or ""),
        trusted_proxies=settings.trusted_proxies,
        reuse_port=settings.reuse_port,
        dev=settings.dev,
        limits=DoorLimits(drain_s_max=settings.drain_s),
    )
