"""What clears away must not be ended by the disk it makes room on."""

from pathlib import Path
from typing import Any, cast

from tapwater_server.assembly.housekeeping import Housekeeping
from tapwater_server.assembly.parts.ground import Part
from tapwater_server.assembly.services import Services
from tapwater_server.assembly.steady import SteadyClock
from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.model.errors import StorageFull
from tapwater_server.testing.clock import ManualClock
from tapwater_server.web.dispatch import Table


class FullMeter:
    async def prune(self, *, older_than_s: float) -> int:
        raise StorageFull("the disk is full")


async def test_one_store_that_cannot_does_not_stop_the_others(tmp_path: Path) -> None:
    clock, swept = ManualClock(), list[str]()

    async def fails() -> None:
        raise StorageFull("the disk is full")

    async def works() -> None:
        swept.append("works")

    parts = [Part(name="full", sweep=fails), Part(name="none"), Part(name="fine", sweep=works)]
    housekeeping = Housekeeping(
        meter=cast(Any, FullMeter()),
        bus=MemoryBus(clock=clock),
        eventlog=MemoryEventLog(clock=clock),
        spare=lambda line: False,
        sweep=Services(parts=parts, table=Table(())).sweep,
        clock=SteadyClock(clock, file=tmp_path / "clock"),
        retention_days=7.0,
    )
    assert await housekeeping.step() == 1
    assert swept == ["works"]
