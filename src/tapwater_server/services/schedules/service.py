"""Schedules of an app: made, listed, paused, resumed, run at once, removed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from tapwater_server.model.cron import next_after, parse, zone_named
from tapwater_server.model.errors import NotFound
from tapwater_server.model.function import Function
from tapwater_server.model.ids import AppId
from tapwater_server.model.schedule import Schedule
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.schedules import Schedules, schedule_key
from tapwater_server.services.schedules.drafting import (
    ScheduleAsked,
    check_times,
    schedule_of,
    zone_of,
)

PREVIEW_MAX = 100
Functions = Callable[[AppId], Sequence[Function]]


class Runs(Protocol):
    """Of the loop that tells of times: what is needed to run one besides them."""

    async def run_now(self, schedule: Schedule) -> str: ...

    async def run_function_now(self, function: Function) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a schedule stands. Times are seconds since the epoch; 0.0 stands for never."""

    next_at: float
    last_due_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggered:
    """A schedule that a function's file says: it can be looked at, and changed by a deploy."""

    function: str
    times: str
    zone: str
    next_at: float


class ScheduleService:
    """What an app may do with its schedules. ``functions`` gives those that are live."""

    def __init__(
        self,
        *,
        schedules: Schedules,
        runs: Runs,
        functions: Functions,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._schedules, self._runs, self._functions = schedules, runs, functions
        self._clock, self._ids = clock, ids

    async def put(self, app: AppId, name: str, asked: ScheduleAsked) -> Schedule:
        """Make a schedule, or change one. Times of before the change are not made up for, unless
        what changed is only what is told.
        """
        now, before = self._clock.now(), self._schedules.get(app, name)
        made = schedule_of(asked, app=app, name=name, id=self._ids.fresh(), now=now)
        if before is not None and _same_times(before, made):
            made = replace(made, id=before.id, since=before.since)
        await self._schedules.put(made)
        return made

    def get(self, app: AppId, name: str) -> Schedule:
        """Find one.

        Raises:
            NotFound: there is none of that name.
        """
        found = self._schedules.get(app, name)
        if found is None:
            raise NotFound(f"the app has no schedule {name[:80]!r}")
        return found

    def all(self, app: AppId) -> Sequence[Schedule]:
        return self._schedules.of_app(app)

    def triggered(self, app: AppId) -> Sequence[Triggered]:
        """List what the app's live functions say in their files."""
        return [
            Triggered(
                function=function.id.name,
                times=trigger.arguments["cron"],
                zone=trigger.arguments.get("tz", "UTC"),
                next_at=self._next(trigger.arguments["cron"], trigger.arguments.get("tz", "UTC")),
            )
            for function in self._functions(app)
            for trigger in function.triggers
            if trigger.source == "schedule"
        ]

    async def remove(self, app: AppId, name: str) -> None:
        """Remove one.

        Raises:
            NotFound: there is none of that name.
        """
        if not await self._schedules.remove(app, name):
            raise NotFound(f"the app has no schedule {name[:80]!r}")

    async def pause(self, app: AppId, name: str) -> Schedule:
        return await self._change(app, name, paused=True)

    async def resume(self, app: AppId, name: str) -> Schedule:
        """Let it go on from now: what came meanwhile was not wanted."""
        return await self._change(app, name, paused=False)

    async def run(self, app: AppId, name: str) -> str:
        """Run one now, besides its times; give the id of what was told."""
        return await self._runs.run_now(self.get(app, name))

    async def run_function(self, app: AppId, name: str) -> str:
        """Run a function that says its times in its file once, now, besides them.

        Raises:
            NotFound: no live function of that name does.
        """
        for function in self._functions(app):
            if function.id.name == name and any(
                trigger.source == "schedule" for trigger in function.triggers
            ):
                return await self._runs.run_function_now(function)
        raise NotFound(f"the app has no function {name[:200]!r} with a schedule in its file")

    def standing(self, schedule: Schedule) -> Standing:
        mark = self._schedules.marks().get((schedule.app, schedule_key(schedule.name)))
        next_at = 0.0
        if not schedule.paused:
            next_at = schedule.at or self._next(schedule.times, schedule.zone)
        ran = mark is not None and mark.run_at > 0
        return Standing(next_at=next_at, last_due_at=mark.run_at if ran and mark else 0.0)

    def preview(self, times: str, zone: str, count: int) -> Sequence[float]:
        """Say when times would be due from now on.

        Raises:
            Invalid: they or the zone mean nothing.
        """
        check_times(times)
        where, parsed = zone_of(zone), parse(times)
        found: list[float] = []
        at: float | None = self._clock.now()
        while at is not None and len(found) < min(count, PREVIEW_MAX):
            at = next_after(parsed, at, where)
            if at is not None:
                found.append(at)
        return found

    async def _change(self, app: AppId, name: str, *, paused: bool) -> Schedule:
        before = self.get(app, name)
        if before.paused == paused:
            return before
        changed = replace(before, paused=paused)
        if not paused:
            now = self._clock.now()
            since = min(now, before.at - 1) if before.at else now
            changed = replace(changed, id=self._ids.fresh(), since=since)
        await self._schedules.put(changed)
        return changed

    def _next(self, times: str, zone: str) -> float:
        try:
            return next_after(parse(times), self._clock.now(), zone_named(zone)) or 0.0
        except ValueError:
            return 0.0  # It was read once: its zone is gone.


def _same_times(before: Schedule, made: Schedule) -> bool:
    return not before.paused and (before.times, before.at, before.zone) == (
        made.times,
        made.at,
        made.zone,
    )
