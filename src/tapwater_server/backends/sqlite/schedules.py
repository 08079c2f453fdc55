"""Schedules and their marks in SQLite, answered from memory."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.ids import AppId
from tapwater_server.model.schedule import Missed, Overlap, Schedule, TargetKind
from tapwater_server.ports.schedules import Mark, MarkKey, schedule_key
from tapwater_server.ports.schedules_held import Held

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
        self._database, self._held = database, Held()
        self.get, self.of_app, self.all = self._held.get, self._held.of_app, self._held.all
        self.marks, self.watch = self._held.marks, self._held.watch
        database.load(self._load)

    async def put(self, schedule: Schedule) -> None:
        self._held.check_room_for(schedule)
        row = _row(schedule)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_PUT, row)

        await self._database.write(work, then=lambda _: self._held.put(schedule))

    async def remove(self, app: AppId, name: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            connection.execute(_FORGET, {"app": app, "key": schedule_key(name)})
            return connection.execute(_REMOVE, {"app": app, "name": name}).rowcount > 0

        def then(_: bool) -> None:
            self._held.remove(app, name)

        return await self._database.write(work, then=then)

    async def mark(self, marks: Sequence[Mark], *, forget: Sequence[MarkKey] = ()) -> None:
        rows = [_mark_row(one) for one in marks]
        gone = [{"app": app, "key": key} for app, key in forget]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_FORGET, gone)
            connection.executemany(_MARK, rows)

        await self._database.write(work, then=lambda _: self._held.mark(marks, forget=forget))

    async def erase(self, app: AppId) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_ERASE, {"app": app})
            connection.execute(_ERASE_MARKS, {"app": app})

        await self._database.write(work, then=lambda _: self._held.erase(app))

    def _load(self, connection: sqlite3.Connection) -> None:
        for row in connection.execute(_ALL):
            self._held.put(_schedule(row))
        self._held.mark(
            [
                Mark(app=AppId(app), key=key, said=said, due_at=due_at, run_at=run_at)
                for app, key, said, due_at, run_at in connection.execute(_MARKS)
            ]
        )


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
