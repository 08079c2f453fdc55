"""Uploads in parts as rows."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from tapwater_server.backends.sqlite.blob_rows import Change, encoded, let_go, store
from tapwater_server.model.blob import About, Blob, Draft, Part, Piece, Upload
from tapwater_server.model.blob_conditions import Condition
from tapwater_server.model.errors import Conflict, Overloaded
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import UPLOADS_MAX, Completion

_COLUMNS = "id, bucket, key, begun_at, about"
_ONE = f"SELECT {_COLUMNS} FROM blob_upload WHERE app = :app AND id = :id"
_LIST = f"""
SELECT {_COLUMNS} FROM blob_upload
WHERE app = :app AND bucket = :bucket AND id > :after
  AND substr(key, 1, length(:prefix)) = :prefix
ORDER BY id LIMIT :count_max
"""
_STALE = f"""
SELECT app, {_COLUMNS} FROM blob_upload WHERE begun_at < :before ORDER BY begun_at LIMIT :count_max
"""
_COUNT = "SELECT count(*) FROM blob_upload WHERE app = :app"
_INSERT = """
INSERT INTO blob_upload (app, id, bucket, key, begun_at, about)
VALUES (:app, :id, :bucket, :key, :begun_at, :about)
"""
_REMOVE = "DELETE FROM blob_upload WHERE app = :app AND id = :id"
_PARTS = """
SELECT number, size, etag, stored_at, checksums, piece, data FROM blob_part
WHERE app = :app AND upload = :upload ORDER BY number
"""
_INSERT_PART = """
INSERT INTO blob_part (app, upload, number, size, etag, stored_at, checksums, piece, data)
VALUES (:app, :upload, :number, :size, :etag, :stored_at, :checksums, :piece, :data)
"""
_REMOVE_PART = """
DELETE FROM blob_part WHERE app = :app AND upload = :upload AND number = :number RETURNING piece
"""
_REMOVE_PARTS = "DELETE FROM blob_part WHERE app = :app AND upload = :upload RETURNING piece"


def begin(connection: sqlite3.Connection, app: AppId, upload: Upload) -> None:
    if connection.execute(_COUNT, {"app": app}).fetchone()[0] >= UPLOADS_MAX:
        raise Overloaded(f"an app has {UPLOADS_MAX} unfinished uploads at most", retry_after_s=60)
    connection.execute(
        _INSERT,
        {
            "app": app,
            "id": upload.id,
            "bucket": upload.bucket,
            "key": upload.key,
            "begun_at": upload.begun_at,
            "about": encoded(upload.about),
        },
    )


def read_upload(connection: sqlite3.Connection, app: AppId, id: str) -> Upload | None:
    row = connection.execute(_ONE, {"app": app, "id": id}).fetchone()
    return _upload(row) if row else None


def read_uploads(connection: sqlite3.Connection, given: dict[str, Any]) -> Sequence[Upload]:
    return [_upload(row) for row in connection.execute(_LIST, given)]


def read_stale(
    connection: sqlite3.Connection, *, before: float, count_max: int
) -> Sequence[tuple[AppId, Upload]]:
    rows = connection.execute(_STALE, {"before": before, "count_max": count_max})
    return [(AppId(row[0]), _upload(row[1:])) for row in rows]


def read_parts(connection: sqlite3.Connection, app: AppId, upload: str) -> Sequence[Part]:
    return [_part(row) for row in connection.execute(_PARTS, {"app": app, "upload": upload})]


def put_part(
    connection: sqlite3.Connection, app: AppId, upload: str, part: Part, *, at: float
) -> bool:
    if read_upload(connection, app, upload) is None:
        return False
    names = {"app": app, "upload": upload, "number": part.number}
    before = [piece for (piece,) in connection.execute(_REMOVE_PART, names).fetchall()]
    connection.execute(
        _INSERT_PART,
        {
            **names,
            "size": part.size,
            "etag": part.etag,
            "stored_at": at,
            "checksums": encoded(part.checksums),
            "piece": part.piece.name,
            "data": part.piece.data,
        },
    )
    let_go(connection, before, at=at)
    return True


def complete(
    connection: sqlite3.Connection, change: Change, completion: Completion, condition: Condition
) -> tuple[Blob | None, Sequence[Event]]:
    upload = read_upload(connection, change.app, completion.upload)
    if upload is None:
        return None, ()
    there = {part.number: part for part in read_parts(connection, change.app, completion.upload)}
    chosen = [_chosen(there, number, etag) for number, etag in completion.parts]
    draft = Draft(
        bucket=upload.bucket,
        key=upload.key,
        size=sum(part.size for part in chosen),
        etag=completion.etag,
        pieces=tuple(part.piece for part in chosen),
        about=upload.about if completion.about is None else completion.about,
        checksums=completion.checksums,
    )
    blob, events = store(connection, change, draft, condition)
    end(connection, change.app, upload.id, at=change.at)
    return blob, events


def end(connection: sqlite3.Connection, app: AppId, upload: str, *, at: float) -> bool:
    """Forget an upload and its parts; what a blob has taken over stays."""
    names = {"app": app, "upload": upload}
    pieces = [piece for (piece,) in connection.execute(_REMOVE_PARTS, names).fetchall()]
    let_go(connection, pieces, at=at)
    return connection.execute(_REMOVE, {"app": app, "id": upload}).rowcount > 0


def _chosen(there: dict[int, Part], number: int, etag: str) -> Part:
    part = there.get(number)
    if part is None or part.etag != etag:
        raise Conflict(f"part {number} is not there, or not the one that is named")
    return part


def _upload(row: Sequence[Any]) -> Upload:
    id, bucket, key, begun_at, about = row
    return Upload(
        id=id,
        bucket=bucket,
        key=key,
        begun_at=begun_at,
        about=msgspec.json.decode(about, type=About),
    )


def _part(row: Sequence[Any]) -> Part:
    number, size, etag, stored_at, checksums, piece, data = row
    return Part(
        number=number,
        size=size,
        etag=etag,
        piece=Piece(size=size, name=piece, data=data),
        stored_at=stored_at,
        checksums=msgspec.json.decode(checksums, type=dict[str, str]),
    )
