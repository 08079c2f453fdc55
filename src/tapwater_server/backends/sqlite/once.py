"""What was done once already, in SQLite. One writer: whoever begins first is the first."""

import sqlite3
from typing import Any

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.once import Already, Begun, Busy, First

CHUNK_MAX = 500  # Rows removed in one write: others wait for no more than that.

_BEGIN = """
INSERT INTO once (app, scope, key, token, until) VALUES (:app, :scope, :key, :token, :until)
ON CONFLICT (app, scope, key) DO UPDATE SET token = :token, until = :until, result = x''
WHERE once.until <= :now
"""
_HELD = """
SELECT token, until, result FROM once WHERE app = :app AND scope = :scope AND key = :key
"""
_COMMIT = """
UPDATE once SET token = '', until = :until, result = :result
WHERE app = :app AND scope = :scope AND key = :key AND token = :token AND token != ''
"""
_RELEASE = """
DELETE FROM once
WHERE app = :app AND scope = :scope AND key = :key AND token = :token AND token != ''
"""
_RECLAIM = "DELETE FROM once WHERE token != ''"
_SWEEP = """
DELETE FROM once WHERE (app, scope, key) IN (
    SELECT app, scope, key FROM once WHERE until <= :now LIMIT :count_max)
"""
_ERASE = """
DELETE FROM once WHERE (app, scope, key) IN (
    SELECT app, scope, key FROM once WHERE app = :app LIMIT :count_max)
"""


class SqliteOnce:
    """See the promises of ``ports/once.py``."""

    def __init__(self, *, database: Database, clock: Clock, ids: IdSource) -> None:
        self._database, self._clock, self._ids = database, clock, ids

    async def begin(self, app: AppId, scope: str, key: str, *, lease_s: float) -> Begun:
        now, token = self._clock.now(), self._ids.fresh()
        row = {
            "app": app,
            "scope": scope,
            "key": key,
            "token": token,
            "now": now,
            "until": now + lease_s,
        }

        def work(connection: sqlite3.Connection) -> Begun:
            if connection.execute(_BEGIN, row).rowcount:
                return First(token)
            held, until, result = connection.execute(_HELD, row).fetchone()
            return Busy(until) if held else Already(result)

        return await self._database.write(work)

    async def commit(
        self,
        app: AppId,
        scope: str,
        key: str,
        token: str,
        *,
        keep_s: float,
        result: bytes = b"",
    ) -> bool:
        row = {
            "app": app,
            "scope": scope,
            "key": key,
            "token": token,
            "result": result,
            "until": self._clock.now() + keep_s,
        }
        return await self._database.write(lambda c: c.execute(_COMMIT, row).rowcount > 0)

    async def release(self, app: AppId, scope: str, key: str, token: str) -> bool:
        row = {"app": app, "scope": scope, "key": key, "token": token}
        return await self._database.write(lambda c: c.execute(_RELEASE, row).rowcount > 0)

    async def reclaim(self) -> int:
        return await self._database.write(lambda c: c.execute(_RECLAIM).rowcount)

    async def sweep(self) -> int:
        return await self._in_chunks(_SWEEP, {"now": self._clock.now()})

    async def erase(self, app: AppId) -> None:
        await self._in_chunks(_ERASE, {"app": app})

    async def _in_chunks(self, sql: str, values: dict[str, Any]) -> int:
        row, removed = {**values, "count_max": CHUNK_MAX}, 0
        while chunk := await self._database.write(lambda c: c.execute(sql, row).rowcount):
            removed += chunk
        return removed
