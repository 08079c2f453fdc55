"""The log of events in SQLite: beside the data, so that a change and its event are one commit."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.errors import Overloaded
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import READ_BYTES_MAX, Logged
from tapwater_server.ports.noticing import Changes

GATHERED_MAX = 5_000  # Calls in one write: beyond this the disk is not keeping up.
CHUNK_MAX = 500  # Rows removed in one write: others wait for no more than that.

_COLUMNS = """
id, app, type, source, subject, at, data, content_type, key, root, depth, trace, extensions
"""
_DATA = 7  # The column, after seq.
_RECORD = f"""
INSERT INTO event ({_COLUMNS}, recorded_at)
VALUES (:id, :app, :type, :source, :subject, :at, :data, :content_type, :key, :root, :depth,
        :trace, :extensions, :recorded_at)
ON CONFLICT (app, id) DO NOTHING
"""
_READ = f"""
SELECT seq, {_COLUMNS} FROM event WHERE seq > :after ORDER BY seq LIMIT :count_max
"""
_READ_APP = f"""
SELECT seq, {_COLUMNS} FROM event
WHERE app = :app AND seq > :after AND (:source = '' OR source = :source)
AND substr(type, 1, length(:type_prefix)) = :type_prefix ORDER BY seq LIMIT :count_max
"""
_READ_SOME = f"""
SELECT seq, {_COLUMNS} FROM event
WHERE seq > :after AND (:source = '' OR source = :source)
AND substr(type, 1, length(:type_prefix)) = :type_prefix ORDER BY seq LIMIT :count_max
"""
_BARE = """
id, app, type, source, subject, at, x'' AS data, content_type, key, root, depth, trace, extensions
"""
_LIST = f"""
SELECT seq, {_BARE} FROM event
WHERE seq > :after AND (:source = '' OR source = :source)
AND substr(type, 1, length(:type_prefix)) = :type_prefix ORDER BY seq LIMIT :count_max
"""
_LIST_APP = f"""
SELECT seq, {_BARE} FROM event
WHERE app = :app AND seq > :after AND (:source = '' OR source = :source)
AND substr(type, 1, length(:type_prefix)) = :type_prefix ORDER BY seq LIMIT :count_max
"""
_FIND = f"SELECT seq, {_COLUMNS} FROM event WHERE app = :app AND id = :id"
_SEQ_AT = "SELECT min(seq) FROM event WHERE at >= :at"
_LAST = "SELECT coalesce(max(seq), 0) FROM event"
_CURSOR = "SELECT seq FROM event_cursor WHERE name = :name"
_MOVE = """
INSERT INTO event_cursor (name, seq) VALUES (:name, :seq)
ON CONFLICT (name) DO UPDATE SET seq = max(seq, excluded.seq)
"""
_SWEEP = """
DELETE FROM event WHERE seq IN (
    SELECT seq FROM event WHERE recorded_at < :until
    AND seq <= (SELECT min(seq) FROM event_cursor) LIMIT :count_max)
"""
_ERASE = """
DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE app = :app LIMIT :count_max)
"""


@dataclass(slots=True)
class _Gathered:
    """Calls of append() that share one write."""

    writing: "asyncio.Future[Sequence[int]]" = field(init=False)
    calls: list[list[dict[str, Any]]] = field(default_factory=list)
    taken: bool = False  # The write has begun: later calls need another.


class SqliteEventLog:
    """See the promises of ``ports/eventlog.py``.

    A service on the same database calls ``record()`` inside its own write, and gives
    ``recorded`` as that write's ``then``.
    """

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._changes = Changes()
        self._lock = threading.Lock()  # The writing thread takes what the loop has gathered.
        self._gathered: _Gathered | None = None

    def record(self, connection: sqlite3.Connection, events: Sequence[Event]) -> int:
        """Write events within a write that is under way; say how many were new."""
        return record_events(connection, events, self._clock.now())

    def recorded(self, result: object = None) -> None:
        """Wake whoever waits for events; fits ``then``, whatever the write gives."""
        self._changes.note()

    async def append(self, events: Sequence[Event]) -> int:
        """Write events. Calls that come while the disk is busy share one write."""
        now = self._clock.now()
        rows = [_row(event, now) for event in events]
        for row in rows:
            _check_text(row)
        with self._lock:
            gathered = self._gathered
            if gathered is None or gathered.taken or gathered.writing.done():
                gathered = self._gathered = self._gather()
            if len(gathered.calls) >= GATHERED_MAX:
                raise Overloaded("the event log has too many writes waiting")
            place = len(gathered.calls)
            gathered.calls.append(rows)
        return (await asyncio.shield(gathered.writing))[place]

    def _gather(self) -> "_Gathered":
        """Begin a write that takes, when its turn comes, all calls that have come by then."""
        gathered = _Gathered()
        work = partial(self._write, gathered=gathered)
        gathered.writing = self._database.submit(work, then=self.recorded)
        return gathered

    def _write(self, connection: sqlite3.Connection, *, gathered: "_Gathered") -> Sequence[int]:
        with self._lock:
            gathered.taken = True
        return [connection.executemany(_RECORD, rows).rowcount for rows in gathered.calls]

    async def read(
        self,
        *,
        after: int,
        count_max: int,
        app: AppId | None = None,
        type_prefix: str = "",
        source: str = "",
        data: bool = True,
        bytes_max: int = READ_BYTES_MAX,
    ) -> Sequence[Logged]:
        values = {
            "after": after,
            "count_max": count_max,
            "app": app,
            "type_prefix": type_prefix,
            "source": source,
        }
        some = _READ_SOME if type_prefix or source else _READ
        sql = some if app is None else _READ_APP
        if not data:
            sql = _LIST if app is None else _LIST_APP
        work = partial(_read, sql=sql, values=values, bytes_max=bytes_max)
        return [_logged(row) for row in await self._database.read(work)]

    async def find(self, app: AppId, id: str) -> Logged | None:
        values = {"app": app, "id": id}
        row = await self._database.read(lambda c: c.execute(_FIND, values).fetchone())
        return None if row is None else _logged(row)

    async def seq_at(self, at: float) -> int:
        return await self._database.read(partial(_seq_at, at=at))

    async def last(self) -> int:
        return await self._database.read(_last)

    async def cursor(self, name: str) -> int:
        row = await self._database.read(lambda c: c.execute(_CURSOR, {"name": name}).fetchone())
        return row[0] if row else 0

    async def move_cursor(self, name: str, seq: int) -> None:
        values = {"name": name, "seq": seq}
        await self._database.write(lambda c: c.execute(_MOVE, values).rowcount)

    async def wait_appended(self, after: int) -> None:
        while True:
            seen = self._changes.count
            if await self.last() > after:
                return
            while self._changes.count == seen:
                await self._changes.wait_stirred(clock=self._clock, seconds=None)

    async def sweep(self, *, older_than_s: float) -> int:
        values = {"until": self._clock.now() - older_than_s, "count_max": CHUNK_MAX}
        return await self._in_chunks(_SWEEP, values)

    async def erase(self, app: AppId) -> None:
        await self._in_chunks(_ERASE, {"app": app, "count_max": CHUNK_MAX})

    async def _in_chunks(self, sql: str, values: dict[str, Any]) -> int:
        removed = 0
        while chunk := await self._database.write(lambda c: c.execute(sql, values).rowcount):
            removed += chunk
        return removed


def record_events(connection: sqlite3.Connection, events: Sequence[Event], now: float) -> int:
    """Write events within a write that is under way; say how many were new."""
    return connection.executemany(_RECORD, [_row(event, now) for event in events]).rowcount


def _check_text(row: dict[str, Any]) -> None:
    """Refuse here what SQLite would refuse later, to the harm of those who share the write.

    Raises:
        UnicodeEncodeError: a text has half a surrogate pair.
    """
    "".join(value for value in row.values() if isinstance(value, str)).encode()


def _row(event: Event, now: float) -> dict[str, Any]:
    return {
        "id": event.id,
        "app": event.app,
        "type": event.type,
        "source": event.source,
        "subject": event.subject,
        "at": event.at,
        "data": event.data,
        "content_type": event.content_type,
        "key": event.key,
        "root": event.root,
        "depth": event.depth,
        "trace": event.trace,
        "extensions": json.dumps(dict(event.extensions)) if event.extensions else "",
        "recorded_at": now,
    }


def _logged(row: tuple[Any, ...]) -> Logged:
    seq, id, app, type, source, subject, at, data, content_type, key, root, depth, trace, more = row
    event = Event(
        id=id,
        app=app,
        type=type,
        source=source,
        subject=subject,
        at=at,
        data=data,
        content_type=content_type,
        key=key,
        root=root,
        depth=depth,
        trace=trace,
        extensions=json.loads(more) if more else {},
    )
    return Logged(seq=seq, event=event)


def _read(
    connection: sqlite3.Connection, *, sql: str, values: dict[str, Any], bytes_max: int
) -> Sequence[tuple[Any, ...]]:
    """Take row by row what fits, at least one: SQLite loads a row when it is asked for."""
    rows, size = list[tuple[Any, ...]](), 0
    with closing(connection.execute(sql, values)) as found:
        for row in found:
            size += len(row[_DATA])
            if rows and size > bytes_max:
                break
            rows.append(row)
    return rows


def _seq_at(connection: sqlite3.Connection, at: float) -> int:
    first: int | None = connection.execute(_SEQ_AT, {"at": at}).fetchone()[0]
    return _last(connection) if first is None else first - 1


def _last(connection: sqlite3.Connection) -> int:
    last: int = connection.execute(_LAST).fetchone()[0]
    return last
