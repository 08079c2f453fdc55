"""The request line behind the door: who counts, who lets in, who records, who runs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tapwater_server.assembly import machine
from tapwater_server.assembly.bindings import AppBindings
from tapwater_server.assembly.confinement import Confinement, note_sent, open_confinement
from tapwater_server.assembly.footing import Footing
from tapwater_server.assembly.furnishing import Furnished
from tapwater_server.assembly.images import Images
from tapwater_server.assembly.parts.replay import replay_settings
from tapwater_server.assembly.service_asks import ServiceAsks
from tapwater_server.assembly.warming import live
from tapwater_server.backends.system.memory import memory_available_bytes
from tapwater_server.instances.bindings import Bindings
from tapwater_server.instances.zygotes import Zygotes
from tapwater_server.ports.invoker import Invoker
from tapwater_server.scheduler.scheduler import Scheduler
from tapwater_server.scheduler.settings import SchedulerSettings
from tapwater_server.services.billing.costing import Costed
from tapwater_server.services.budgets.accounts import Accounts
from tapwater_server.services.budgets.admitted import Admitted
from tapwater_server.services.idempotency.budget import Budget
from tapwater_server.services.idempotency.repeats import Repeats
from tapwater_server.services.metering.recorded import Recorded
from tapwater_server.services.replay.asking import TapedBindings
from tapwater_server.services.replay.recorder import Recorder
from tapwater_server.web.dispatch import Table
from tapwater_server.web.using import Using


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLine:
    """Its parts, from the outside in."""

    front: Invoker  # for requests: those that come again are not run again, answers say their cost
    invoker: Invoker  # for deliveries and calls between functions
    recorder: Recorder
    scheduler: Scheduler
    bindings: TapedBindings
    zygotes: Zygotes
    images: Images
    confinement: Confinement
    furnished: Furnished


def open_request_line(
    footing: Footing, *, accounts: Accounts, services: Callable[[], Table]
) -> RequestLine:
    """Metering, budgets, recording around the scheduler around the zygotes around the sandbox.

    ``services``: a function asks them, and they are opened on top of the line it runs on.
    """
    settings, stores, clock = footing.settings, footing.stores, footing.clock
    confinement = open_confinement(
        settings.data,
        clock=clock,
        allow_weak=settings.allow_weak,
        stack=footing.stack,
        sent=partial(note_sent, stores.meter, clock),
    )
    confinement.sandbox.prepare({revision.python for revision in live(stores.registry)})
    images = Images(registry=stores.registry, folders=stores.folders)
    furnished = Furnished(confinement.sandbox)
    zygotes = Zygotes(
        sandbox=furnished,
        image_of=images.image_of,
        clock=clock,
        logs=stores.masked.log,
    )
    real = _bindings(footing, services, invoker=lambda: invoker)
    bindings = TapedBindings(real, holding=lambda: recorder, clock=clock)
    scheduler = _scheduler(footing, zygotes, bindings)
    furnished.runs = scheduler.runs
    recorder = Recorder(scheduler, clock=clock, ids=footing.ids, settings=replay_settings(settings))
    admitted = Admitted(recorder, accounts=accounts)
    invoker = Recorded(admitted, meter=stores.masked, clock=clock, fresh=footing.tracer.fresh)
    costed = Costed(invoker, tariff=footing.tariff)
    front = Repeats(costed, once=stores.once, budget=Budget(clock=clock))
    footing.stack.push_async_callback(front.close)
    footing.stack.push_async_callback(zygotes.close)
    footing.stack.push_async_callback(partial(scheduler.stop, drain_s=settings.drain_s))
    return RequestLine(
        front=front,
        invoker=invoker,
        recorder=recorder,
        scheduler=scheduler,
        bindings=bindings,
        zygotes=zygotes,
        images=images,
        confinement=confinement,
        furnished=furnished,
    )


def _bindings(
    footing: Footing, services: Callable[[], Table], *, invoker: Callable[[], Invoker]
) -> AppBindings:
    using = Using(meter=footing.stores.meter, clock=footing.clock)
    return AppBindings(
        registry=footing.stores.registry,
        secrets=footing.stores.secrets,
        invoker=invoker,
        services=ServiceAsks(table=services, exists=footing.exists, using=using),
        tracer=footing.tracer,
        clock=footing.clock,
        ids=footing.ids,
    )


def _scheduler(footing: Footing, zygotes: Zygotes, bindings: Bindings) -> Scheduler:
    settings, stores = footing.settings, footing.stores
    return Scheduler(
        zygotes=zygotes,
        clock=footing.clock,
        ids=footing.ids,
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
