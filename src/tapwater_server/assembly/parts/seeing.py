"""What was seen of calls on this node: logs, traces, numbers, groups of errors."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.faults import SqliteFaults
from tapwater_server.model.ids import AppId
from tapwater_server.services.seeing.grouping import Grouping
from tapwater_server.services.seeing.http import SeeingApi
from tapwater_server.services.seeing.http_faults import FaultsApi
from tapwater_server.services.seeing.now import FunctionNow, NodeNow
from tapwater_server.services.seeing.pulse import Pulse
from tapwater_server.services.seeing.reading import Reading
from tapwater_server.services.seeing.series import Series

_DAY_S = 24 * 3600.0


async def open(ground: Ground) -> Part:
    """Build what reads, what counts along, and what groups errors."""
    stores, clock = ground.stores, ground.clock
    pulse = Pulse(
        now=lambda: node_now(ground.top(), instances_max=ground.settings.instances_max),
        clock=clock,
    )
    stores.meter.when_noted(pulse.note)
    database = Database(ground.settings.data / "seeing.db", schema="seeing", synchronous="NORMAL")
    ground.stack.push_async_callback(database.close)
    faults = SqliteFaults(database=database)
    grouping = Grouping(faults=faults, meter=stores.meter, clock=clock)
    pulse.when_beaten(grouping.note)
    kept_s = ground.settings.retention_days * _DAY_S
    api = SeeingApi(
        reading=Reading(meter=stores.meter, clock=clock),
        series=Series(stats=stores.stats, clock=clock),
        pulse=pulse,
    )

    async def erase(app: AppId) -> None:
        pulse.forget(app)
        await faults.erase(app)

    async def sweep() -> None:
        await faults.sweep(before=clock.now() - kept_s)

    return Part(
        name="seeing",
        node=(*api.endpoints(), *FaultsApi(faults=faults, clock=clock).endpoints()),
        loops=(pulse.run(), grouping.run()),
        erase=erase,
        sweep=sweep,
        service=pulse,
    )


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
