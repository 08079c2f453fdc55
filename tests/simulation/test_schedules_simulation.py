"""Schedules in a world where the node dies between any two writes and the clock jumps: by seed."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.memory.schedules import MemorySchedules
from tapwater_server.events.ends import PlainPlaces
from tapwater_server.events.sources.schedule import Ticker
from tapwater_server.model.cron import next_after, parse, zone_named
from tapwater_server.model.event import Event
from tapwater_server.model.function import Function, Kind, Style, Trigger
from tapwater_server.model.ids import AppId, FunctionId
from tapwater_server.ports.bus import Errand
from tapwater_server.ports.schedules import Mark, MarkKey
from tapwater_server.testing.clock import CountingIds, ManualClock

SHOP = AppId("shop")
BEGAN = 1_774_700_000.0  # 28 March 2026: the clocks of Berlin change within the story.
TIMES = {
    "all": ("*/7 * * * *", "Europe/Berlin", "all"),
    "once": ("*/5 * * * *", "UTC", "once"),
    "skip": ("every 90s", "UTC", "skip"),
    "night": ("30 2 * * *", "Europe/Berlin", "once"),
}


class Killed(Exception):
    """The node died here."""


class Story:
    """One seed: what is stored outlives the node, which dies before or after any write."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.clock = ManualClock(now=BEGAN)
        self.deadly = 0.15
        story = self

        class Log(MemoryEventLog):
            async def append(self, events: Sequence[Event]) -> int:
                story.perhaps_die()
                new = await super().append(events)
                story.perhaps_die()
                return new

        class Bus(MemoryBus):
            async def publish(self, errands: Sequence[Errand]) -> int:
                story.perhaps_die()
                return await super().publish(errands)

        class Schedules(MemorySchedules):
            async def mark(self, marks: Sequence[Mark], *, forget: Sequence[MarkKey] = ()) -> None:
                story.perhaps_die()
                await super().mark(marks, forget=forget)
                story.perhaps_die()

        self.log, self.bus = Log(clock=self.clock), Bus(clock=self.clock)
        self.schedules = Schedules()

    def perhaps_die(self) -> None:
        if self.random.random() < self.deadly:
            raise Killed

    def start(self) -> Ticker:
        places = PlainPlaces(bus=self.bus, log=self.log, clock=self.clock)
        return Ticker(
            schedules=self.schedules,
            functions=lambda: [function(name) for name in TIMES],
            log=self.log,
            bus=self.bus,
            places=places,
            clock=self.clock,
            ids=CountingIds(),
        )

    async def live(self, steps: int) -> None:
        """Let time pass in small and large pieces, up and down."""
        deadly, self.deadly = self.deadly, 0.0
        assert await self.start().step() == 0  # What is due counts from here.
        self.deadly = deadly
        ticker: Ticker | None = None
        for _ in range(steps):
            await self._pass()
            try:
                ticker = ticker or self.start()
                while await ticker.step():
                    pass
            except Killed:
                ticker = None
        self.deadly = 0.0
        await self.clock.advance(1)
        ticker = self.start()
        while await ticker.step():
            pass

    async def _pass(self) -> None:
        chance = self.random.random()
        if chance < 0.05:
            self.clock.jump(-self.random.uniform(0, 4 * 3600))
        elif chance < 0.1:
            self.clock.jump(self.random.uniform(0, 4 * 3600))
        else:
            await self.clock.advance(self.random.choice([1.0, 20.0, 60.0, 600.0, 7000.0]))

    async def dues(self, name: str) -> list[float]:
        events = await self.log.read(after=0, count_max=100_000)
        mine = [one.event for one in events if one.event.source == f"/schedules/{name}"]
        return [due_of(one) for one in mine]


def function(name: str) -> Function:
    cron, zone, missed = TIMES[name]
    said: dict[str, Any] = {"cron": cron, "tz": zone, "missed": missed, "overlap": "allow"}
    return Function(
        id=FunctionId(SHOP, name),
        kind=Kind.REACTIVE,
        style=Style.EVENT,
        file=f"{name}.py",
        group="",
        triggers=(Trigger(source="schedule", arguments=said),),
    )


def due_of(event: Event) -> float:
    text = msgspec.json.decode(event.data)["due"]
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def all_dues(name: str, until: float) -> list[float]:
    cron, zone, _ = TIMES[name]
    times, where, found = parse(cron), zone_named(zone), []
    at = next_after(times, BEGAN, where)
    while at is not None and at <= until:
        found.append(at)
        at = next_after(times, at, where)
    return found


@pytest.mark.parametrize("seed", range(25))
async def test_each_time_once_none_lost_none_made_up(seed: int) -> None:
    story = Story(seed)
    await story.live(steps=120)
    marks = [one.due_at for one in story.schedules.marks().values()]
    latest = max([*marks, *[due for name in TIMES for due in await story.dues(name)]])
    for name in TIMES:
        told = await story.dues(name)
        due = all_dues(name, latest)
        assert len(told) == len(set(told)), f"{name}: twice for one time"
        assert set(told) <= set(due), f"{name}: a time that never was due"
    everything = all_dues("all", max(await story.dues("all")))
    assert await story.dues("all") == everything, "a time was lost"
    assert len(await story.dues("night")) >= len(all_dues("night", latest)) - 1
