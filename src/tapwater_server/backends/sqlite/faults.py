"""Groups of errors in SQLite."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.fault import Fault, FaultState, in_state, joined
from tapwater_server.model.ids import AppId
from tapwater_server.ports.faults import FAULTS_MAX, TRACE_CHARS_MAX, Stirred

_FIND = "SELECT body FROM fault WHERE id = :id"
_PUT = """
INSERT INTO fault (id, app, last_at, body) VALUES (:id, :app, :last_at, :body)
ON CONFLICT (id) DO UPDATE SET last_at = :last_at, body = :body
"""
_CROWD_OUT = """
DELETE FROM fault WHERE id IN (
    SELECT id FROM fault WHERE app = :app ORDER BY last_at DESC, id LIMIT -1 OFFSET :count_max
)
"""
_LIST = """
SELECT body FROM fault
WHERE (:app IS NULL OR app = :app)
AND (:function IS NULL OR body ->> 'function' = :function)
AND (:state IS NULL OR body ->> 'state' = :state)
ORDER BY last_at DESC, id LIMIT :count_max
"""
_ERASE = "DELETE FROM fault WHERE app = :app"
_SWEEP = "DELETE FROM fault WHERE last_at < :before"
_REOPENED = (FaultState.RESOLVED, FaultState.OPEN)
_reader = msgspec.json.Decoder(Fault)


class SqliteFaults:
    """See the promises of ``ports/faults.py``."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def note(self, came: Sequence[Fault]) -> Sequence[Stirred]:
        return await self._database.write(lambda connection: _note(connection, came))

    async def list(
        self,
        *,
        app: AppId | None = None,
        function: str | None = None,
        state: FaultState | None = None,
        count_max: int = 100,
    ) -> Sequence[Fault]:
        wanted = {"app": app, "function": function, "state": state, "count_max": count_max}

        def work(connection: sqlite3.Connection) -> Sequence[Fault]:
            return [_reader.decode(body) for (body,) in connection.execute(_LIST, wanted)]

        return await self._database.read(work)

    async def find(self, id: str) -> Fault | None:
        return await self._database.read(lambda connection: _find(connection, id))

    async def set_state(self, id: str, state: FaultState, *, now: float) -> Fault | None:
        def work(connection: sqlite3.Connection) -> Fault | None:
            fault = _find(connection, id)
            if fault is not None:
                fault = in_state(fault, state, now=now)
                _put(connection, fault)
            return fault

        return await self._database.write(work)

    async def keep_trace(self, id: str, trace: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            fault = _find(connection, id)
            if fault is not None:
                _put(connection, replace(fault, trace=trace[-TRACE_CHARS_MAX:]))

        await self._database.write(work)

    async def erase(self, app: AppId) -> None:
        await self._database.write(lambda connection: _count(connection, _ERASE, {"app": app}))

    async def sweep(self, *, before: float) -> int:
        wanted = {"before": before}
        return await self._database.write(lambda connection: _count(connection, _SWEEP, wanted))


def _note(connection: sqlite3.Connection, came: Sequence[Fault]) -> Sequence[Stirred]:
    stirred: dict[str, Stirred] = {}
    for one in came:
        known = _find(connection, one.id)
        fault = one if known is None else joined(known, one)
        _put(connection, fault)
        if known is None or (known.state, fault.state) == _REOPENED:
            stirred[fault.id] = Stirred(fault=fault, new=known is None)
    for app in {one.app for one in came}:
        connection.execute(_CROWD_OUT, {"app": app, "count_max": FAULTS_MAX})
    return [one for id, one in stirred.items() if _find(connection, id) is not None]


def _find(connection: sqlite3.Connection, id: str) -> Fault | None:
    row = connection.execute(_FIND, {"id": id}).fetchone()
    return None if row is None else _reader.decode(row[0])


def _put(connection: sqlite3.Connection, fault: Fault) -> None:
    row = {
        "id": fault.id,
        "app": fault.app,
        "last_at": fault.last_at,
        "body": msgspec.json.encode(fault).decode(),
    }
    connection.execute(_PUT, row)


def _count(connection: sqlite3.Connection, statement: str, row: Mapping[str, object]) -> int:
    return connection.execute(statement, row).rowcount
