"""A ticker on memory backends, for its tests."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.memory.schedules import MemorySchedules
from tapwater_server.events.ends import PlainPlaces
from tapwater_server.events.sources.schedule import Ticker
from tapwater_server.model.event import Event
from tapwater_server.model.function import Function, Kind, Style, Trigger
from tapwater_server.model.ids import AppId, FunctionId
from tapwater_server.model.schedule import Schedule, TargetKind
from tapwater_server.ports.timetables import Timetables
from tapwater_server.testing.clock import CountingIds, ManualClock

SHOP = AppId("shop")
NOON = 1_800_014_400.0  # 2027-01-15 12:00 UTC
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def function(*crons: str, name: str = "jobs/clean", **said: str) -> Function:
    return Function(
        id=FunctionId(SHOP, name),
        kind=Kind.REACTIVE,
        style=Style.EVENT,
        file=f"{name}.py",
        group="jobs",
        triggers=tuple(
            Trigger(source="schedule", arguments={"cron": cron, **said}) for cron in crons
        ),
    )


class House:
    """A ticker on memory backends, which can be killed and started anew."""

    def __init__(self, *functions: Function, now: float = NOON) -> None:
        self.clock = ManualClock(now=now)
        self.functions: Sequence[Function] = functions
        self.schedules = MemorySchedules()
        self.bus, self.log = MemoryBus(clock=self.clock), MemoryEventLog(clock=self.clock)
        self.timetables = Timetables()
        self.ticker = self.start()

    def start(self) -> Ticker:
        """Start (anew): everything but what is stored is forgotten."""
        places = PlainPlaces(bus=self.bus, log=self.log, clock=self.clock)
        self.ticker = Ticker(
            schedules=self.schedules,
            functions=lambda: self.functions,
            log=self.log,
            bus=self.bus,
            places=places,
            clock=self.clock,
            ids=CountingIds(),
            timetables=self.timetables,
        )
        return self.ticker

    async def until(self, seconds: float, *, step_s: float = 10.0) -> None:
        """Let time pass, and the loop do what it would."""
        while await self.ticker.step():
            pass
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            await self.clock.advance(min(step_s, end - self.clock.now()))
            while await self.ticker.step():
                pass

    async def events(self) -> list[Event]:
        return [one.event for one in await self.log.read(after=0, count_max=10_000)]

    async def dues(self) -> list[str]:
        return [msgspec.json.decode(one.data)["due"] for one in await self.events()]

    async def put(self, kind: TargetKind, target: str, **more: Any) -> Schedule:
        said = {"id": f"made-{more.get('name', 'it')}", "name": "it", "since": self.clock.now()}
        schedule = Schedule(app=SHOP, kind=kind, target=target, **{**said, **more})
        await self.schedules.put(schedule)
        return schedule
