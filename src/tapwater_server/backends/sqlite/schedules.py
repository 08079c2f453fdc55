"""Schedules and their marks in SQLite, answered from memory."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.ids import AppId
from tapwater_server.model.schedule import Missed, Overlap, Schedule, TargetKind
from tapwater_server.ports.schedules import Mark, MarkKey, check_room, schedule_key

_ALL = """
SELECT id, app, name, times, at, zone, kind, target, payload, missed, overlap, paused, since
FROM schedule
"""
_MARKS = "SELECT app, key, said, due_at, run_at FROM schedule_mark"
_PUT = """
INSERT INTO schedule (id, app, name, times, at, zone, kind, target, payload, missed, overlap,
                      paused, since)
VALUES (:id, :app, :name, :times, :at, :zone, :kind, :target, :payload, :missed, :overlap,
        :paused, :since)
ON CONFLICT (app, name) DO UPDATE SET
    id = :id, times = :times, at = :at, zone = :zone, kind = :kind, target = :target,
    payload = :payload, missed = :missed, overlap = :overlap, paused = :paused,
    since = :since
"""
_REMOVE = "DELETE FROM schedule WHERE app = :app AND name = :name"
_MARK = """
INSERT INTO schedule_mark (app, key, said, due_at, run_at)
VALUES (:app, :key, :said, :due_at, :run_at)
ON CONFLICT (app, key) DO UPDATE SET said = :said, due_at = :due_at, run_at = :run_at
"""
_FORGET = "DELETE FROM schedule_mark WHERE app = :app AND key = :key"
_ERASE = "DELETE FROM schedule WHERE app = :app"
_ERASE_MARKS = "DELETE FROM schedule_mark WHERE app = :app"


class SqliteSchedules:
    """See the promises of ``ports/schedules.py``."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._held: dict[AppId, dict[str, Schedule]] = {}
        self._marks: dict[MarkKey, Mark] = {}
        self._watchers: list[Callable[[AppId, str], None]] = []
        database.load(self._load)

    def get(self, app: AppId, name: str) -> Schedule | None:
        return self._held.get(app, {}).get(name)

    def of_app(self, app: AppId) -> Sequence[Schedule]:
        return [one for _, one in sorted(self._held.get(app, {}).items())]

    def all(self) -> Sequence[Schedule]:
        return [one for held in self._held.values() for one in held.values()]

    async def put(self, schedule: Schedule) -> None:
        held = self._held.get(schedule.app, {})
        if schedule.name not in held:
            check_room(len(held))
        row = _row(schedule)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_PUT, row)

        def then(_: None) -> None:
            self._held.setdefault(schedule.app, {})[schedule.name] = schedule
            self._tell(schedule.app, schedule.name)

        await self._database.write(work, then=then)

    async def remove(self, app: AppId, name: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            connection.execute(_FORGET, {"app": app, "key": schedule_key(name)})
            return connection.execute(_REMOVE, {"app": app, "name": name}).rowcount > 0

        def then(_: bool) -> None:
            self._held.get(app, {}).pop(name, None)
            self._marks.pop((app, schedule_key(name)), None)
            self._tell(app, name)

        return await self._database.write(work, then=then)

    def marks(self) -> Mapping[MarkKey, Mark]:
        return self._marks

    async def mark(self, marks: Sequence[Mark], *, forget: Sequence[MarkKey] = ()) -> None:
        rows = [_mark_row(one) for one in marks]
        gone = [{"app": app, "key": key} for app, key in forget]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_FORGET, gone)
            connection.executemany(_MARK, rows)

        def then(_: None) -> None:
            for place in forget:
                self._marks.pop(place, None)
            for one in marks:
                self._marks[one.place] = one

        await self._database.write(work, then=then)

    def watch(self, told: Callable[[AppId, str], None]) -> None:
        self._watchers.append(told)

    async def erase(self, app: AppId) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_ERASE, {"app": app})
            connection.execute(_ERASE_MARKS, {"app": app})

        def then(_: None) -> None:
            gone = self._held.pop(app, {})
            self._marks = {place: one for place, one in self._marks.items() if place[0] != app}
            self._tell(app, *gone)

        await self._database.write(work, then=then)

    def _tell(self, app: AppId, *names: str) -> None:
        for told in self._watchers:
            for name in names:
                told(app, name)

    def _load(self, connection: sqlite3.Connection) -> None:
        for row in connection.execute(_ALL):
            schedule = _schedule(row)
            self._held.setdefault(schedule.app, {})[schedule.name] = schedule
        for app, key, said, due_at, run_at in connection.execute(_MARKS):
            mark = Mark(app=AppId(app), key=key, said=said, due_at=due_at, run_at=run_at)
            self._marks[mark.place] = mark


def _schedule(row: tuple[Any, ...]) -> Schedule:
    id, app, name, times, at, zone, kind, target, payload, missed, overlap, paused, made = row
    return Schedule(
        id=id,
        app=AppId(app),
        name=name,
        times=times,
        at=at,
        zone=zone,
        kind=TargetKind(kind),
        target=target,
        payload=bytes(payload),
        missed=Missed(missed),
        overlap=Overlap(overlap),
        paused=bool(paused),
        since=made,
    )


def _row(schedule: Schedule) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "app": schedule.app,
        "name": schedule.name,
        "times": schedule.times,
        "at": schedule.at,
        "zone": schedule.zone,
        "kind": schedule.kind.value,
        "target": schedule.target,
        "payload": schedule.payload,
        "missed": schedule.missed.value,
        "overlap": schedule.overlap.value,
        "paused": schedule.paused,
        "since": schedule.since,
    }


def _mark_row(mark: Mark) -> dict[str, Any]:
    return {
        "app": mark.app,
        "key": mark.key,
        "said": mark.said,
        "due_at": mark.due_at,
        "run_at": mark.run_at,
    }
