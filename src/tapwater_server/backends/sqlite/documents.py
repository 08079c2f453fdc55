"""Documents in SQLite: rows of JSON, one table of index entries, and events in the same commit."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from tapwater_server.backends.sqlite import documents_indexing as indexing
from tapwater_server.backends.sqlite import documents_ttl as expiring
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.documents_finding import Search
from tapwater_server.backends.sqlite.documents_rows import (
    Kept,
    document_of,
    read_document,
    read_several,
)
from tapwater_server.backends.sqlite.documents_writing import Commit
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.model.document.document import Document
from tapwater_server.model.document.expiry import Ttl
from tapwater_server.model.document.happened import Cause, event_of
from tapwater_server.model.document.index import Index, IndexState
from tapwater_server.model.document.paths import DocPath
from tapwater_server.model.document.query import Query
from tapwater_server.model.document.write import Write
from tapwater_server.model.errors import TapwaterError
from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.documents import (
    LOOKED_AT_MAX,
    PAGE_BYTES_MAX,
    Counted,
    DocumentStats,
    Page,
)
from tapwater_server.ports.ids import IdSource

ERASED_MAX = 500  # Documents in one step of erasing.
T = TypeVar("T")
Answered = TypeVar("Answered", Page, Counted)
_NO_CAUSE = Cause()

_LAST_SEQ = "SELECT coalesce(max(seq), 0) FROM event"
_COLLECTIONS = """
SELECT path FROM doc_collection c
WHERE app = :app AND path > :after AND path >= :low AND path < :high
  AND (:deep OR instr(substr(path, length(:under) + 1), '/') = 0)
  AND EXISTS (SELECT 1 FROM document d WHERE d.cid = c.cid
              AND (d.expires_at = 0 OR d.expires_at > :now))
ORDER BY path LIMIT :count_max
"""
_EXPIRED = """
SELECT c.app, c.path, d.id, d.version, d.created_at, d.updated_at, d.expires_at, d.raw,
       d.rid, d.cid
FROM document d CROSS JOIN doc_collection c ON c.cid = d.cid
WHERE d.expires_at > 0 AND d.expires_at <= :now ORDER BY d.expires_at LIMIT :count_max
"""
_ERASE = """
DELETE FROM document WHERE rid IN (
    SELECT d.rid FROM doc_collection c CROSS JOIN document d ON d.cid = c.cid
    WHERE c.app = :app LIMIT :count_max)
"""
# Only those that nothing was written into meanwhile: their numbers are used again.
_ERASE_COLLECTIONS = """
DELETE FROM doc_collection WHERE app = :app
  AND NOT EXISTS (SELECT 1 FROM document d WHERE d.cid = doc_collection.cid)
"""


class SqliteDocuments:
    """See the promises of ``ports/documents.py``."""

    def __init__(
        self,
        *,
        database: Database,
        log: SqliteEventLog,
        clock: Clock,
        ids: IdSource,
        removing: Clock | None = None,  # what has expired is removed by this one
    ) -> None:
        self._database, self._log = database, log
        self._clock, self._ids = clock, ids
        self._removing = removing or clock
        self._commits = self._writes = self._refused = self._queries = self._advised = 0

    async def commit(
        self,
        app: AppId,
        writes: Sequence[Write],
        *,
        reads: Mapping[DocPath, int] | None = None,
        cause: Cause = _NO_CAUSE,
    ) -> Sequence[Document | None]:
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> Sequence[Document | None]:
            commit = Commit(connection, app, now)
            commit.check_reads(reads or {})
            written = [commit.write(each) for each in writes]
            self._record(commit, cause)
            return written

        try:
            written = await self._database.write(work, then=self._log.recorded)
        except TapwaterError:
            self._refused += 1
            raise
        self._commits += 1
        self._writes += len(writes)
        return written

    def _record(self, commit: Commit, cause: Cause) -> None:
        app, now = AppId(commit.app), commit.now
        events = [
            event_of(app, change, id=self._ids.fresh(), at=now, cause=cause)
            for change in commit.changes
        ]
        if events:
            self._log.record(commit.connection, events)

    async def get(self, app: AppId, paths: Sequence[DocPath]) -> Sequence[Document | None]:
        now = self._clock.now()
        if len(paths) == 1:
            work = partial(read_document, app=app, path=paths[0], now=now)
            return [await self._database.read(work)]
        return await self._read(partial(read_several, app=app, paths=paths, now=now))

    async def find(
        self,
        app: AppId,
        query: Query,
        *,
        looked_at_max: int = LOOKED_AT_MAX,
        bytes_max: int = PAGE_BYTES_MAX,
    ) -> Page:
        search = partial(self._search, app=app, query=query, looked_at_max=looked_at_max)
        return self._noted(await self._read(lambda c: search(c).page(bytes_max)))

    async def count(
        self, app: AppId, query: Query, *, looked_at_max: int = LOOKED_AT_MAX
    ) -> Counted:
        search = partial(self._search, app=app, query=query, looked_at_max=looked_at_max)
        return self._noted(await self._read(lambda c: search(c).count()))

    async def snapshot(
        self, app: AppId, query: Query, *, looked_at_max: int = LOOKED_AT_MAX
    ) -> tuple[Page, int]:
        def work(connection: sqlite3.Connection) -> tuple[Page, int]:
            search = self._search(connection, app=app, query=query, looked_at_max=looked_at_max)
            return search.page(PAGE_BYTES_MAX), int(connection.execute(_LAST_SEQ).fetchone()[0])

        page, seq = await self._read(work)
        return self._noted(page), seq

    def _search(
        self, connection: sqlite3.Connection, *, app: AppId, query: Query, looked_at_max: int
    ) -> Search:
        return Search(
            connection=connection,
            app=app,
            query=query,
            now=self._clock.now(),
            looked_at_max=looked_at_max,
        )

    def _noted(self, answer: Answered) -> Answered:
        self._queries += 1
        self._advised += answer.advice is not None
        return answer

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Read several things as of one moment."""
        return await self._database.read(partial(_at_one_moment, work=work))

    async def collections(
        self,
        app: AppId,
        *,
        under: str = "",
        deep: bool = False,
        after: str = "",
        count_max: int = 100,
    ) -> Sequence[str]:
        prefix = f"{under}/" if under else ""
        values = {
            "app": app,
            "under": prefix,
            "deep": deep,
            "after": after,
            "low": prefix,
            "high": f"{under}0" if under else b"",  # "0" comes right behind "/".
            "now": self._clock.now(),
            "count_max": count_max,
        }
        rows = await self._database.read(lambda c: c.execute(_COLLECTIONS, values).fetchall())
        return [path for (path,) in rows]

    async def put_index(self, app: AppId, index: Index) -> IndexState:
        return await self._database.write(partial(indexing.put_index, app=app, index=index))

    async def drop_index(self, app: AppId, id: str) -> bool:
        return await self._database.write(partial(indexing.drop_index, app=app, id=id))

    async def indexes(self, app: AppId) -> Sequence[IndexState]:
        kept = await self._database.read(partial(indexing.all_indexes, app=app))
        return [each.held for each in kept]

    async def build_step(self, *, count_max: int = 500) -> bool:
        return await self._database.write(partial(indexing.step, count_max=count_max))

    async def sweep(self, *, count_max: int = 50) -> int:
        now, expired_by = self._clock.now(), self._removing.now()

        def work(connection: sqlite3.Connection) -> int:
            at = {"now": min(now, expired_by), "count_max": count_max}
            rows = connection.execute(_EXPIRED, at).fetchall()
            for app, collection, id, *columns, rid, cid in rows:
                commit = Commit(connection, app, now)
                document = document_of(DocPath(collection, id), columns)
                commit.remove(cid, Kept(rid=rid, document=document))
                self._record(commit, _NO_CAUSE)
            return len(rows)

        return await self._database.write(work, then=self._log.recorded)

    async def put_ttl(self, app: AppId, ttl: Ttl) -> None:
        await self._database.write(partial(expiring.put_ttl, app=app, ttl=ttl))

    async def declare_ttls(self, app: AppId, ttls: Sequence[Ttl]) -> None:
        await self._database.write(partial(expiring.declare_ttls, app=app, ttls=ttls))

    async def drop_ttl(self, app: AppId, name: str) -> bool:
        return await self._database.write(partial(expiring.drop_ttl, app=app, name=name))

    async def ttls(self, app: AppId) -> Sequence[Ttl]:
        return await self._database.read(partial(expiring.all_ttls, app=app))

    async def erase(self, app: AppId) -> None:
        await self._database.write(partial(indexing.drop_all, app=app))
        await self._database.write(partial(expiring.drop_ttls, app=app))
        values = {"app": app, "count_max": ERASED_MAX}
        while await self._database.write(lambda c: c.execute(_ERASE, values).rowcount):
            pass  # Others write between the steps.
        await self._database.write(lambda c: c.execute(_ERASE_COLLECTIONS, values).rowcount)

    def stats(self) -> DocumentStats:
        return DocumentStats(
            commits=self._commits,
            writes=self._writes,
            refused=self._refused,
            queries=self._queries,
            advised=self._advised,
        )


def _at_one_moment(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        connection.execute("COMMIT")
