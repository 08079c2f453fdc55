"""A cache that holds over restarts: decided and read in memory, with a copy in SQLite.

A write is decided at once and in one step, in memory; its caller goes on when the copy has it.
The database does not wait for the disk (synchronous NORMAL), so a copy costs no fsync.
"""

import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.failing import Damaged
from tapwater_server.model.ids import AppId
from tapwater_server.model.shelf import Change, Kept, Shelf, ShelfStats, select
from tapwater_server.ports.clock import Clock

_ALL = "SELECT app, key, value, json, version, expires_at FROM cached ORDER BY version"
_PUT = """
INSERT INTO cached (app, key, value, json, version, expires_at)
VALUES (:app, :key, :value, :json, :version, :expires_at)
ON CONFLICT (app, key) DO UPDATE SET
    value = :value, json = :json, version = :version, expires_at = :expires_at
"""
_DROP = "DELETE FROM cached WHERE app = :app AND key = :key"

_log = logging.getLogger(__name__)


async def open_cache(path: Path, *, clock: Clock) -> "tuple[Database, SqliteCache]":
    """Open the file. One that is damaged is put aside, and the cache begins empty: a cache may be
    lost, and must not keep a node from starting.
    """
    try:
        return await _open(path, clock)
    except Damaged as error:
        _log.error("the cache is damaged and begins empty", extra={"reason": error.message})
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        if file.exists():
            file.replace(file.with_name(f"damaged-{file.name}"))
    return await _open(path, clock)


async def _open(path: Path, clock: Clock) -> "tuple[Database, SqliteCache]":
    database = Database(path, schema="cache", synchronous="NORMAL")
    try:
        return database, SqliteCache(database=database, clock=clock)
    except BaseException:
        await database.close()
        raise


class SqliteCache:
    """See the promises of ``ports/cache.py``."""

    def __init__(self, *, database: Database, clock: Clock, shelf: Shelf | None = None) -> None:
        self._database, self._clock = database, clock
        self._shelf = shelf or Shelf()
        database.load(self._load)

    def get(self, app: AppId, key: str) -> Kept | None:
        return self._shelf.get(app, key, now=self._clock.now())

    async def put(
        self,
        app: AppId,
        key: str,
        value: bytes,
        *,
        json: bool,
        ttl_s: float | None,
        if_version: int | None = None,
    ) -> Kept:
        now = self._clock.now()
        ends = now + ttl_s if ttl_s is not None else 0.0
        kept, changes = self._shelf.put(
            app, key, value, json=json, expires_at=ends, now=now, if_version=if_version
        )
        await self._copy(changes)
        return kept

    async def add_to(self, app: AppId, key: str, by: float, *, ttl_s: float | None) -> Kept:
        now = self._clock.now()
        ends = now + ttl_s if ttl_s is not None else None
        kept, changes = self._shelf.add_to(app, key, by, expires_at=ends, now=now)
        await self._copy(changes)
        return kept

    async def touch(
        self, app: AppId, key: str, *, ttl_s: float | None, if_version: int | None = None
    ) -> Kept | None:
        now = self._clock.now()
        ends = now + ttl_s if ttl_s is not None else 0.0
        kept, changes = self._shelf.touch(app, key, expires_at=ends, now=now, if_version=if_version)
        await self._copy(changes)
        return kept

    async def drop(self, app: AppId, key: str, *, if_version: int | None = None) -> bool:
        was, changes = self._shelf.drop(app, key, now=self._clock.now(), if_version=if_version)
        await self._copy(changes)
        return was

    async def clear(self, app: AppId) -> int:
        count, changes = self._shelf.clear(app)
        await self._copy(changes)
        return count

    def keys(
        self, app: AppId, *, prefix: str = "", after: str = "", count_max: int = 100
    ) -> Sequence[Kept]:
        found = self._shelf.keys(app, now=self._clock.now())
        return select(found, prefix=prefix, after=after, count_max=count_max)

    def stats(self, app: AppId) -> ShelfStats:
        return self._shelf.stats(app)

    async def sweep(self) -> None:
        await self._copy(self._shelf.sweep(now=self._clock.now()))

    async def _copy(self, changes: Sequence[Change]) -> None:
        """Write changes down. Where that fails, memory forgets the values too: a cache may."""
        if not changes:
            return
        kept = [_row(one.app, one.kept) for one in changes if one.kept is not None]
        gone = [{"app": one.app, "key": key} for one in changes for key in one.gone]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_PUT, kept)
            connection.executemany(_DROP, gone)

        try:
            await self._database.write(work)
        except Exception:
            for one in changes:
                if one.kept is not None:
                    self._shelf.drop(one.app, one.kept.key, now=self._clock.now())
            raise

    def _load(self, connection: sqlite3.Connection) -> None:
        now = self._clock.now()
        for app, key, value, json, version, expires_at in connection.execute(_ALL):
            kept = Kept(
                key=key,
                value=bytes(value),
                json=bool(json),
                version=version,
                expires_at=expires_at,
            )
            if not kept.is_over(now):
                self._shelf.restore(AppId(app), kept)


def _row(app: AppId, kept: Kept) -> dict[str, Any]:
    return {
        "app": app,
        "key": kept.key,
        "value": kept.value,
        "json": kept.json,
        "version": kept.version,
        "expires_at": kept.expires_at,
    }
