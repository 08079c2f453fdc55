"""Recordings in a SQLite file of their own, each packed and compressed."""

import logging
import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec
import zstandard

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.ids import AppId
from tapwater_server.model.recording import Glance, Recording, Why
from tapwater_server.ports.recordings import Wanted

UNPACKED_BYTES_MAX = 8 << 20  # Far above the sum of a recording's ceilings.
_LEVEL = 3
_log = logging.getLogger(__name__)

_PUT = """
INSERT OR REPLACE INTO recording (id, app, function, revision, at, why, method, path, ending,
                                  status, replay_of, size, packed)
VALUES (:id, :app, :function, :revision, :at, :why, :method, :path, :ending,
        :status, :replay_of, :size, :packed)
"""
_GET = "SELECT packed FROM recording WHERE id = :id"
_FIND = """
SELECT id, at, why, app, function, revision, method, path, ending, status, replay_of, size
FROM recording
WHERE (:app IS NULL OR app = :app) AND (:function IS NULL OR function = :function)
      AND (:before IS NULL OR id < :before)
ORDER BY id DESC LIMIT :count_max
"""
_OLD = "DELETE FROM recording WHERE at < :older_than"
_MANY = """
DELETE FROM recording WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY app, function ORDER BY id DESC) AS place
        FROM recording
    ) WHERE place > :each_max
)
"""
_LARGE = """
DELETE FROM recording WHERE id <= (
    SELECT id FROM (
        SELECT id, sum(size) OVER (ORDER BY id DESC ROWS UNBOUNDED PRECEDING) AS so_far
        FROM recording
    ) WHERE so_far > :bytes_max ORDER BY id DESC LIMIT 1
)
"""
_ERASE = "DELETE FROM recording WHERE app = :app"


class SqliteRecordings:
    """See the promises of ``ports/recordings.py``."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def put(self, recordings: Sequence[Recording]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_PUT, _rows(recordings))

        await self._database.write(work)

    async def get(self, id: str) -> Recording | None:
        def work(connection: sqlite3.Connection) -> Recording | None:
            row = connection.execute(_GET, {"id": id}).fetchone()
            return _unpack(row[0]) if row is not None else None

        return await self._database.read(work)

    async def find(self, wanted: Wanted) -> Sequence[Glance]:
        asked = {
            "app": wanted.app,
            "function": wanted.function,
            "before": wanted.before,
            "count_max": wanted.count_max,
        }

        def work(connection: sqlite3.Connection) -> Sequence[Glance]:
            return [_glance(row) for row in connection.execute(_FIND, asked)]

        return await self._database.read(work)

    async def sweep(self, *, older_than: float, bytes_max: int, each_max: int) -> int:
        def work(connection: sqlite3.Connection) -> int:
            gone = connection.execute(_OLD, {"older_than": older_than}).rowcount
            gone += connection.execute(_MANY, {"each_max": each_max}).rowcount
            return gone + connection.execute(_LARGE, {"bytes_max": bytes_max}).rowcount

        return await self._database.write(work)

    async def erase(self, app: AppId) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_ERASE, {"app": app})

        await self._database.write(work)


def _rows(recordings: Sequence[Recording]) -> list[dict[str, Any]]:
    packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    return [_row(one, packer.compress(msgspec.msgpack.encode(one))) for one in recordings]


def _row(one: Recording, packed: bytes) -> dict[str, Any]:
    return {
        "id": one.id,
        "app": one.app,
        "function": one.function,
        "revision": one.revision,
        "at": one.at,
        "why": one.why.value,
        "method": one.method,
        "path": one.root_path + one.path,
        "ending": one.ending,
        "status": one.status,
        "replay_of": one.replay_of,
        "size": len(packed),
        "packed": packed,
    }


def _unpack(packed: bytes) -> Recording | None:
    """Read a recording; None: the disk has spoilt it."""
    try:
        raw = zstandard.ZstdDecompressor().decompress(packed, max_output_size=UNPACKED_BYTES_MAX)
        return msgspec.msgpack.decode(raw, type=Recording)
    except (zstandard.ZstdError, msgspec.MsgspecError):
        _log.error("a recording is damaged, and cannot be read")
        return None


def _glance(row: tuple[Any, ...]) -> Glance:
    id, at, why, app, function, revision, method, path, ending, status, replay_of, size = row
    return Glance(
        id=id,
        at=at,
        why=Why(why),
        app=AppId(app),
        function=function,
        revision=revision,
        method=method,
        path=path,
        ending=ending,
        status=status,
        replay_of=replay_of,
        size_bytes=size,
    )
