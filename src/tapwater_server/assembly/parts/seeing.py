"""What was seen of calls on this node: logs, traces, numbers, groups of errors, and alerts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.assembly.parts.notifying import open_notifier
from tapwater_server.backends.sqlite.alerts import SqliteAlerts
from tapwater_server.backends.sqlite.faults import SqliteFaults
from tapwater_server.backends.sqlite.setting_aside import open_or_begin_anew
from tapwater_server.model.errors import TapwaterError
from tapwater_server.model.ids import AppId
from tapwater_server.services.billing.costing import priced
from tapwater_server.services.notifying.notifier import PlainNotifier
from tapwater_server.services.seeing.alarms import Alarms
from tapwater_server.services.seeing.grouping import Grouping
from tapwater_server.services.seeing.http import SeeingApi
from tapwater_server.services.seeing.http_alerts import AlertsApi
from tapwater_server.services.seeing.http_faults import FaultsApi
from tapwater_server.services.seeing.leavings import Leavings
from tapwater_server.services.seeing.metrics import Losses, Metrics
from tapwater_server.services.seeing.now import FunctionNow, NodeNow
from tapwater_server.services.seeing.pulse import Pulse
from tapwater_server.services.seeing.reading import Reading
from tapwater_server.services.seeing.series import Series
from tapwater_server.web.endpoint import Endpoint

_DAY_S = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seeing:
    """What this part is made of."""

    pulse: Pulse  # hears of each call
    faults: SqliteFaults
    grouping: Grouping  # hears of each second
    alerts: SqliteAlerts
    alarms: Alarms  # hears of each second, and of groups of errors
    notifier: PlainNotifier

    async def settled(self) -> None:
        """Wait until the calls that failed so far are in their groups."""
        await self.pulse.failed_told()
        try:
            await self.grouping.step()
        except TapwaterError:
            # A full disk, say: the loop tries again and tells the log. What is known can be read.
            return


async def open(ground: Ground) -> Part:
    """Build what reads, what counts along, what groups errors, and what tells of them."""
    seeing = _seeing(ground)
    kept_s = ground.settings.retention_days * _DAY_S

    async def erase(app: AppId) -> None:
        seeing.pulse.forget(app)
        await seeing.faults.erase(app)
        await seeing.alerts.erase(app)
        await ground.stores.meter.erase(app)

    leavings = Leavings(erase=erase, exists=ground.exists)
    seeing.pulse.when_beaten(leavings.note)

    async def sweep() -> None:
        await leavings.sweep()
        await seeing.faults.sweep(before=ground.steady.now() - kept_s)

    return Part(
        name="seeing",
        node=_endpoints(ground, seeing),
        loops=(
            seeing.pulse.run(),
            seeing.grouping.run(),
            seeing.alarms.run(),
            seeing.notifier.run(),
        ),
        erase=leavings.erase,
        sweep=sweep,
        service=seeing.pulse,
    )


def _seeing(ground: Ground) -> _Seeing:
    stores, clock = ground.stores, ground.clock
    database = open_or_begin_anew(ground.settings.data / "seeing.db", schema="seeing")
    ground.stack.push_async_callback(database.close)
    pulse = Pulse(now=lambda: _now(ground), clock=clock)
    stores.meter.when_noted(pulse.note)
    faults = SqliteFaults(database=database)
    grouping = Grouping(faults=faults, meter=stores.meter, clock=clock, exists=ground.exists)
    pulse.when_beaten(grouping.note)
    notifier, alerts = open_notifier(ground), SqliteAlerts(database=database)
    alarms = Alarms(
        alerts=alerts,
        notifier=notifier,
        bus=stores.bus,
        apps=stores.registry.apps,
        clock=clock,
    )
    pulse.when_beaten(alarms.note)
    grouping.when_stirred(alarms.stirred)
    return _Seeing(
        pulse=pulse,
        faults=faults,
        grouping=grouping,
        alerts=alerts,
        alarms=alarms,
        notifier=notifier,
    )


def _endpoints(ground: Ground, seeing: _Seeing) -> tuple[Endpoint, ...]:
    stores, clock = ground.stores, ground.clock
    api = SeeingApi(
        reading=Reading(meter=stores.meter, clock=clock),
        series=Series(stats=stores.stats, clock=clock),
        pulse=seeing.pulse,
        price=partial(priced, tariff=ground.tariff),
    )
    metrics = Metrics(
        pulse=seeing.pulse,
        now=lambda: _now(ground),
        top=ground.top,
        apps=stores.registry.apps,
        bus=stores.bus,
        log=stores.eventlog,
        budgets=lambda: [one.standing(clock.now(), ()) for one in ground.spending.accounts.all()],
        losses=lambda: _losses(ground, seeing),
        clock=clock,
    )
    return (
        *api.endpoints(),
        *FaultsApi(faults=seeing.faults, clock=clock, settled=seeing.settled).endpoints(),
        *AlertsApi(alerts=seeing.alerts, alarms=seeing.alarms, ids=ground.ids).endpoints(),
        *metrics.endpoints(),
    )


def _losses(ground: Ground, seeing: _Seeing) -> Losses:
    notices = seeing.notifier.stats()
    return Losses(
        recordings_dropped=ground.recorder.dropped,
        recordings_waiting=len(ground.recorder.waiting),
        faults_ungrouped=seeing.grouping.ungrouped,
        notices_failed=notices.failed,
        notices_dropped=notices.dropped,
    )


def _now(ground: Ground) -> NodeNow:
    return node_now(ground.top(), instances_max=ground.settings.instances_max)


def node_now(top: Mapping[str, Any], *, instances_max: int) -> NodeNow:
    """Read what ``tapwater top`` shows: a lane is one revision of a function, add them up."""
    functions: dict[tuple[str, str], FunctionNow] = {}
    for lane in top["functions"]:
        key = (lane["app"], lane["function"])
        now = FunctionNow(
            in_flight=lane["running"],
            instances=lane["idle"] + lane["busy"] + lane["draining"],
            starting=lane["starting"],
            idle=lane["idle"],
            waiting=lane["waiting"],
            memory_bytes=lane["memory_bytes"],
        )
        functions[key] = functions[key] + now if key in functions else now
    return NodeNow(
        functions=functions,
        memory_held_bytes=top["memory_held_bytes"],
        memory_budget_bytes=top["memory_budget_bytes"],
        instances_max=instances_max,
        evicted=top["evicted"],
        hungry=top["hungry"],
    )
