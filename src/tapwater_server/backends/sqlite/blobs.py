"""The facts of blobs in SQLite: a change and its event are one transaction."""

import sqlite3
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TypeVar

from tapwater_server.backends.sqlite import blob_buckets, blob_listing, blob_rows, blob_uploads
from tapwater_server.backends.sqlite.blob_rows import Change
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.model.blob import About, Blob, Bucket, Cause, Draft, Page, Part, Upload
from tapwater_server.model.blob_conditions import ALWAYS, Condition
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import (
    Aged,
    Completion,
    Deleted,
    Held,
    Listing,
    Naming,
    draft_of_copy,
)
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource

T = TypeVar("T")
_NOBODY = Cause()
_ERASED_AT_ONCE_MAX = 500  # Rows in one write: others want to write too.

_GARBAGE = "SELECT piece FROM blob_garbage WHERE at < :before ORDER BY at LIMIT :count_max"
_FORGET = "DELETE FROM blob_garbage WHERE piece = :piece"
_KNOWN = """
SELECT EXISTS (SELECT 1 FROM blob_piece WHERE piece = :piece AND piece <> '')
    OR EXISTS (SELECT 1 FROM blob_part WHERE piece = :piece AND piece <> '')
    OR EXISTS (SELECT 1 FROM blob_garbage WHERE piece = :piece)
"""
_SOME_BLOBS = "SELECT seq FROM blob WHERE app = :app LIMIT :count_max"
_SOME_UPLOADS = "SELECT id FROM blob_upload WHERE app = :app LIMIT :count_max"
_ERASE_BLOB = "DELETE FROM blob WHERE seq = :seq"
_ERASE_PIECES = "DELETE FROM blob_piece WHERE seq = :seq RETURNING piece"
_ERASE_BUCKETS = "DELETE FROM blob_bucket WHERE app = :app"


class SqliteBlobFacts:
    """See the promises of ``ports/blobs.py``."""

    def __init__(
        self, *, database: Database, log: SqliteEventLog, clock: Clock, ids: IdSource
    ) -> None:
        self._database, self._log = database, log
        self._clock, self._ids = clock, ids

    async def put_bucket(self, app: AppId, bucket: Bucket) -> bool:
        return await self._database.write(partial(blob_buckets.put_bucket, app=app, bucket=bucket))

    async def drop_bucket(self, app: AppId, name: str) -> bool:
        return await self._database.write(partial(blob_buckets.drop_bucket, app=app, name=name))

    async def bucket(self, app: AppId, name: str) -> Bucket | None:
        return await self._database.read(partial(blob_buckets.read_bucket, app=app, name=name))

    async def buckets(self, app: AppId) -> Sequence[Bucket]:
        return await self._database.read(partial(blob_buckets.read_buckets, app=app))

    async def living(self) -> Sequence[tuple[AppId, Bucket]]:
        return await self._database.read(blob_buckets.read_living)

    async def store(
        self, app: AppId, draft: Draft, *, condition: Condition = ALWAYS, cause: Cause
    ) -> Blob:
        change = self._change(app, cause)
        return await self._write(lambda c: blob_rows.store(c, change, draft, condition))

    async def find(self, app: AppId, naming: Naming) -> Held | None:
        def work(connection: sqlite3.Connection) -> Held | None:
            # Both statements must see one state of the file.
            connection.execute("BEGIN")
            try:
                return _held(connection, app, naming)
            finally:
                connection.execute("COMMIT")

        return await self._database.read(work)

    async def list(self, app: AppId, listing: Listing) -> Page:
        return await self._database.read(lambda c: blob_listing.list_shown(c, app, listing))

    async def versions(self, app: AppId, listing: Listing, *, after_version: str = "") -> Page:
        return await self._database.read(
            lambda c: blob_listing.list_versions(c, app, listing, after_version)
        )

    async def delete(
        self,
        app: AppId,
        naming: Naming,
        *,
        condition: Condition = ALWAYS,
        force: bool = False,
        cause: Cause,
    ) -> Deleted | None:
        change = self._change(app, cause)
        return await self._write(
            lambda c: blob_rows.delete(c, change, naming, condition, force=force)
        )

    async def copy(
        self,
        app: AppId,
        source: Naming,
        to: Naming,
        *,
        about: About | None = None,
        source_condition: Condition = ALWAYS,
        condition: Condition = ALWAYS,
        cause: Cause,
    ) -> Blob:
        change = self._change(app, cause)

        def work(connection: sqlite3.Connection) -> tuple[Blob, Sequence[Event]]:
            held = _held(connection, app, source)
            draft = draft_of_copy(held, to, about, source_condition)
            return blob_rows.store(connection, change, draft, condition)

        return await self._write(work)

    async def describe(
        self, app: AppId, naming: Naming, about: About, *, condition: Condition = ALWAYS
    ) -> Blob | None:
        return await self._database.write(
            lambda c: blob_rows.describe(c, app, naming, about, condition)
        )

    async def begin(self, app: AppId, upload: Upload) -> None:
        at = self._clock.now()

        def work(connection: sqlite3.Connection) -> None:
            blob_buckets.ensure_bucket(connection, app, upload.bucket, at=at)
            blob_uploads.begin(connection, app, upload)

        await self._database.write(work)

    async def upload(self, app: AppId, id: str) -> Upload | None:
        return await self._database.read(lambda c: blob_uploads.read_upload(c, app, id))

    async def uploads(
        self, app: AppId, bucket: str, *, prefix: str = "", after: str = "", count_max: int
    ) -> Sequence[Upload]:
        given = {
            "app": app,
            "bucket": bucket,
            "prefix": prefix,
            "after": after,
            "count_max": count_max,
        }
        return await self._database.read(lambda c: blob_uploads.read_uploads(c, given))

    async def stale(self, *, before: float, count_max: int) -> Sequence[tuple[AppId, Upload]]:
        return await self._database.read(
            lambda c: blob_uploads.read_stale(c, before=before, count_max=count_max)
        )

    async def put_part(self, app: AppId, upload: str, part: Part) -> bool:
        at = self._clock.now()
        return await self._database.write(
            lambda c: blob_uploads.put_part(c, app, upload, part, at=at)
        )

    async def parts(self, app: AppId, upload: str) -> Sequence[Part]:
        return await self._database.read(lambda c: blob_uploads.read_parts(c, app, upload))

    async def complete(
        self,
        app: AppId,
        completion: Completion,
        *,
        condition: Condition = ALWAYS,
        cause: Cause,
    ) -> Blob | None:
        change = self._change(app, cause)
        return await self._write(lambda c: blob_uploads.complete(c, change, completion, condition))

    async def abort(self, app: AppId, upload: str) -> bool:
        at = self._clock.now()
        return await self._database.write(lambda c: blob_uploads.end(c, app, upload, at=at))

    async def aged(self, app: AppId, aged: Aged) -> Sequence[Blob]:
        return await self._database.read(lambda c: blob_listing.list_aged(c, app, aged))

    async def usage(self, app: AppId, bucket: str) -> tuple[int, int]:
        return await self._database.read(lambda c: blob_listing.count_usage(c, app, bucket))

    async def garbage(self, *, before: float, count_max: int) -> Sequence[str]:
        def work(connection: sqlite3.Connection) -> Sequence[str]:
            given = {"before": before, "count_max": count_max}
            return [piece for (piece,) in connection.execute(_GARBAGE, given)]

        return await self._database.read(work)

    async def forget(self, pieces: Collection[str]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_FORGET, [{"piece": piece} for piece in pieces])

        await self._database.write(work)

    async def strangers(self, pieces: Collection[str]) -> Sequence[str]:
        def work(connection: sqlite3.Connection) -> Sequence[str]:
            return [
                piece
                for piece in pieces
                if not connection.execute(_KNOWN, {"piece": piece}).fetchone()[0]
            ]

        return await self._database.read(work)

    async def erase(self, app: AppId) -> None:
        at = self._clock.now()
        while await self._database.write(lambda c: _erase_some(c, app, at)):
            pass

    def _change(self, app: AppId, cause: Cause) -> Change:
        return Change(
            app=app,
            at=self._clock.now(),
            version=self._ids.fresh(),
            event=self._ids.fresh(),
            cause=cause,
        )

    async def _write(self, work: Callable[[sqlite3.Connection], tuple[T, Sequence[Event]]]) -> T:
        """Do a change and write its events down in the same transaction."""

        def both(connection: sqlite3.Connection) -> T:
            result, events = work(connection)
            if events:
                self._log.record(connection, events)
            return result

        return await self._database.write(both, then=self._log.recorded)


def _held(connection: sqlite3.Connection, app: AppId, naming: Naming) -> Held | None:
    found = blob_rows.find(connection, app, naming)
    if found is None:
        return None
    seq, blob = found
    return Held(blob=blob, pieces=blob_rows.pieces_of(connection, seq))


def _erase_some(connection: sqlite3.Connection, app: AppId, at: float) -> bool:
    """Remove a portion; False: that was all."""
    some = {"app": app, "count_max": _ERASED_AT_ONCE_MAX}
    seqs = [seq for (seq,) in connection.execute(_SOME_BLOBS, some).fetchall()]
    for seq in seqs:
        connection.execute(_ERASE_BLOB, {"seq": seq})
        pieces = [one for (one,) in connection.execute(_ERASE_PIECES, {"seq": seq}).fetchall()]
        blob_rows.let_go(connection, pieces, at=at)
    uploads = [id for (id,) in connection.execute(_SOME_UPLOADS, some).fetchall()]
    for id in uploads:
        blob_uploads.end(connection, app, id, at=at)
    if seqs or uploads:
        return True
    connection.execute(_ERASE_BUCKETS, {"app": app})
    return False
