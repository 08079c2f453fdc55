"""One process, SQLite and files: the wiring diagram. Read this first."""

import os
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tapwater_server.assembly.bindings import AppBindings
from tapwater_server.assembly.errands import Errands
from tapwater_server.assembly.facts import Facts
from tapwater_server.assembly.housekeeping import Housekeeping
from tapwater_server.assembly.images import Images
from tapwater_server.assembly.machine import cores, memory_available_bytes, memory_budget_bytes
from tapwater_server.assembly.settings import Settings, build_environment
from tapwater_server.assembly.warming import Warming
from tapwater_server.backends.files.folders import FileFolders
from tapwater_server.backends.linux.cgroup import Cgroups
from tapwater_server.backends.linux.egress import Egress
from tapwater_server.backends.linux.sandbox import LinuxSandbox
from tapwater_server.backends.sqlite.bus import SqliteBus
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.backends.sqlite.registry import SqliteRegistry
from tapwater_server.backends.sqlite.secrets import SqliteSecrets
from tapwater_server.backends.sqlite.tokens import SqliteTokens
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.control.control import Control
from tapwater_server.control.house import ControlSettings
from tapwater_server.events.dispatcher import Dispatcher
from tapwater_server.events.retry import RetryPolicy
from tapwater_server.gateway.server import Gateway
from tapwater_server.gateway.settings import DoorLimits, GatewaySettings
from tapwater_server.instances.zygotes import Zygotes
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.scheduler.scheduler import Scheduler
from tapwater_server.scheduler.settings import SchedulerSettings
from tapwater_server.services.metering.recorded import Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What is kept on disk. Everything acknowledged is here; everything else can be lost."""

    registry: SqliteRegistry
    secrets: SqliteSecrets
    tokens: SqliteTokens
    meter: SqliteMeter
    bus: SqliteBus
    folders: FileFolders


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A whole node that is ready to open its door."""

    gateway: Gateway
    facts: Facts
    first_token: str | None
    running: Sequence[Coroutine[Any, Any, None]]

    def loops(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What must run while the node serves."""
        return self.running

    def warnings(self) -> tuple[str, ...]:
        """What a person should know before trusting this node."""
        return self.facts.warnings()


@asynccontextmanager
async def assemble(settings: Settings) -> AsyncIterator[Embedded]:
    """Build a node; at the end, stop its parts in reverse order."""
    clock, ids = SystemClock(), SystemIds()
    async with AsyncExitStack() as stack:
        stores = await _open_stores(settings, clock=clock, ids=ids, stack=stack)
        sandbox, cgroups = _open_sandbox(settings, clock=clock, stack=stack)
        images = Images(registry=stores.registry, folders=stores.folders)
        zygotes = Zygotes(sandbox=sandbox, image_of=images.image_of, clock=clock)
        bindings = AppBindings(
            registry=stores.registry,
            secrets=stores.secrets,
            invoker=lambda: invoker,
            clock=clock,
            ids=ids,
        )
        scheduler = Scheduler(
            zygotes=zygotes,
            clock=clock,
            ids=ids,
            bindings=bindings,
            logs=stores.meter.log,
            settings=_scheduling(settings),
            available=memory_available_bytes,
        )
        stack.push_async_callback(zygotes.close)
        stack.push_async_callback(partial(scheduler.stop, drain_s=settings.drain_s))
        invoker = Recorded(scheduler, meter=stores.meter, clock=clock)
        facts = Facts(
            settings=settings,
            sandbox=sandbox,
            scheduler=scheduler,
            zygotes=zygotes,
            meter=stores.meter,
            clock=clock,
        )
        control = Control(
            registry=stores.registry,
            folders=stores.folders,
            secrets=stores.secrets,
            tokens=stores.tokens,
            meter=stores.meter,
            preparer=zygotes,
            invoker=invoker,
            bus=stores.bus,
            clock=clock,
            ids=ids,
            doctor=facts.doctor,
            top=facts.top,
            settings=_controlling(settings),
        )
        await control.start()
        facts.interpreters = await control.interpreters()
        dispatcher = Dispatcher(
            bus=stores.bus,
            invoker=invoker,
            translate=Errands(registry=stores.registry, clock=clock, ids=ids).translate,
            clock=clock,
            ids=ids,
            policy=RetryPolicy(),
        )
        housekeeping = Housekeeping(
            meter=stores.meter, bus=stores.bus, clock=clock, retention_days=settings.retention_days
        )
        warming = Warming(registry=stores.registry, scheduler=scheduler, zygotes=zygotes)
        gateway = Gateway(
            invoker=invoker,
            registry=stores.registry,
            tokens=stores.tokens,
            clock=clock,
            ids=ids,
            internal=control.app,
            public=images.public,
            settings=_door(settings),
        )
        facts.gateway = gateway
        token = await stores.tokens.ensure_admin(settings.data / "admin-token")
        yield Embedded(
            gateway=gateway,
            facts=facts,
            first_token=token,
            running=(
                cgroups.run(),
                scheduler.run(),
                dispatcher.run(),
                warming.run(),
                housekeeping.run(),
            ),
        )


async def _open_stores(
    settings: Settings, *, clock: Clock, ids: IdSource, stack: AsyncExitStack
) -> Stores:
    data = settings.data
    state = Database(data / "state.db", schema="state")
    stack.push_async_callback(state.close)
    errands = Database(data / "bus.db", schema="bus")
    stack.push_async_callback(errands.close)
    records = Database(data / "meter.db", schema="meter", synchronous="NORMAL")
    stack.push_async_callback(records.close)
    meter = SqliteMeter(database=records, clock=clock)
    stack.push_async_callback(meter.close)
    bus = SqliteBus(database=errands, clock=clock)
    await bus.reclaim()
    secrets = SqliteSecrets(database=state, key_file=data / "secret-key")
    tokens = SqliteTokens(database=state, ids=ids)
    return Stores(
        registry=SqliteRegistry(database=state, followers=(secrets, tokens)),
        secrets=secrets,
        tokens=tokens,
        meter=meter,
        bus=bus,
        folders=FileFolders(data),
    )


def _open_sandbox(
    settings: Settings, *, clock: Clock, stack: AsyncExitStack
) -> tuple[LinuxSandbox, Cgroups]:
    cgroups = Cgroups(owner=_owner(settings.data), clock=clock)
    cgroups.sweep()
    stack.callback(cgroups.close)
    sandbox = LinuxSandbox(
        cgroups=cgroups,
        egress=Egress(clock=clock),
        scratch=settings.data / "sandbox",
        allow_weak=settings.allow_weak,
    )
    stack.push_async_callback(sandbox.close)
    return sandbox, cgroups


def _owner(data: Path) -> str:
    """A name for the data directory that stays the same, to know our own leftovers by."""
    stat = os.stat(data)
    return f"{stat.st_dev:x}-{stat.st_ino:x}"


def _scheduling(settings: Settings) -> SchedulerSettings:
    return SchedulerSettings(
        memory_budget_bytes=memory_budget_bytes(settings.memory_budget),
        instances_max=settings.instances_max,
        starts_in_flight_max=settings.starts_max,
        keep_alive_s=settings.keep_alive_s,
    )


def _controlling(settings: Settings) -> ControlSettings:
    return ControlSettings(
        cache=settings.data / "cache",
        scratch=settings.data / "scratch",
        uv=settings.uv,
        home=Path.home(),
        environment=build_environment(),
        default_python=settings.default_python,
        preparing_max=cores(),
    )


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
