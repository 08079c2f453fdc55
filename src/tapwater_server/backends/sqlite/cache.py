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
from tapwater_server.model.shelf import Change, Kept, Shelf
from tapwater_server.ports.cache_held import HeldCache
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


async def open_cache(path: Path, *, clock: Clock) -> tuple[Database, HeldCache]:
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


async def _open(path: Path, clock: Clock) -> tuple[Database, HeldCache]:
    database = Database(path, schema="cache", synchronous="NORMAL")
    try:
        return database, sqlite_cache(database=database, clock=clock)
    except BaseException:
        await database.close()
        raise


def sqlite_cache(*, database: Database, clock: Clock, shelf: Shelf | None = None) -> HeldCache:
    """Keeps the promises of ``ports/cache.py``."""
    shelf = shelf or Shelf()
    copy = _Copy(database=database, clock=clock, shelf=shelf)
    database.load(copy.load)
    return HeldCache(clock=clock, shelf=shelf, copy=copy.write)


class _Copy:
    """The rows of what is on the shelf."""

    def __init__(self, *, database: Database, clock: Clock, shelf: Shelf) -> None:
        self._database, self._clock, self._shelf = database, clock, shelf

    async def write(self, changes: Sequence[Change]) -> None:
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

    def load(self, connection: sqlite3.Connection) -> None:
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
