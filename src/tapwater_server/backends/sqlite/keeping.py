"""How much each app keeps, added up where documents and blobs lie."""

import sqlite3
from collections.abc import Sequence

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.ids import AppId
from tapwater_server.ports.keeping import Kept

# The length of a BLOB stands in front of it: its pages are not read.
_DOCUMENTS = """
SELECT doc_collection.app, SUM(LENGTH(document.raw))
FROM document JOIN doc_collection ON doc_collection.cid = document.cid
GROUP BY doc_collection.app
"""
_BLOBS = "SELECT app, SUM(size) FROM blob GROUP BY app"
_PARTS = "SELECT app, SUM(size) FROM blob_part GROUP BY app"
_BEFORE = "SELECT at FROM kept_looked WHERE one = 1"
_LOOKED = """
INSERT INTO kept_looked (one, at) VALUES (1, :at) ON CONFLICT (one) DO UPDATE SET at = :at
"""


class SqliteKeeping:
    """See the promises of ``ports/keeping.py``."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def kept(self) -> Sequence[Kept]:
        return await self._database.read(_kept)

    async def looked(self, at: float) -> float | None:
        def work(connection: sqlite3.Connection) -> float | None:
            before = connection.execute(_BEFORE).fetchone()
            connection.execute(_LOOKED, {"at": at})
            return float(before[0]) if before else None

        return await self._database.write(work)


def _kept(connection: sqlite3.Connection) -> Sequence[Kept]:
    documents = _sums(connection, _DOCUMENTS)
    blobs = _sums(connection, _BLOBS)
    for app, size in _sums(connection, _PARTS).items():
        blobs[app] = blobs.get(app, 0) + size
    found = (
        Kept(app=AppId(app), doc_bytes=documents.get(app, 0), blob_bytes=blobs.get(app, 0))
        for app in sorted({*documents, *blobs})
    )
    return [one for one in found if one.doc_bytes or one.blob_bytes]


def _sums(connection: sqlite3.Connection, statement: str) -> dict[str, int]:
    return {app: int(size or 0) for app, size in connection.execute(statement)}
