"""Versions of blobs as rows: what store, delete and copy do within one transaction."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from tapwater_server.backends.sqlite.blob_buckets import ensure_bucket, read_bucket
from tapwater_server.model.blob import UNVERSIONED, About, Blob, Cause, Draft, Piece, Versioning
from tapwater_server.model.blob_conditions import Condition, check_write
from tapwater_server.model.blob_events import blob_event, visible_change
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import Deleted, Naming, check_unlocked

COLUMNS = "seq, bucket, key, version, current, marker, size, etag, stored_at, about, checksums"

_SHOWN = f"""
SELECT {COLUMNS} FROM blob
WHERE app = :app AND bucket = :bucket AND key = :key AND current = 1 AND marker = 0
"""
_VERSION = f"""
SELECT {COLUMNS} FROM blob
WHERE app = :app AND bucket = :bucket AND key = :key AND version = :version
"""
_NEWEST = f"""
SELECT {COLUMNS} FROM blob WHERE app = :app AND bucket = :bucket AND key = :key
ORDER BY seq DESC LIMIT 1
"""
_PIECES = "SELECT size, piece, data FROM blob_piece WHERE seq = :seq ORDER BY number"
_REPLACE = """
UPDATE blob SET current = 0, replaced_at = :at
WHERE app = :app AND bucket = :bucket AND key = :key AND replaced_at IS NULL
"""
_SHOW = "UPDATE blob SET current = 1, replaced_at = NULL WHERE seq = :seq"
_INSERT = """
INSERT INTO blob (app, bucket, key, version, current, marker, size, etag, stored_at, about,
                  checksums)
VALUES (:app, :bucket, :key, :version, 1, :marker, :size, :etag, :stored_at, :about, :checksums)
RETURNING seq
"""
_INSERT_PIECE = """
INSERT INTO blob_piece (seq, number, size, piece, data)
VALUES (:seq, :number, :size, :piece, :data)
"""
_DESCRIBE = "UPDATE blob SET about = :about WHERE seq = :seq"
_REMOVE = "DELETE FROM blob WHERE seq = :seq"
_REMOVE_PIECES = "DELETE FROM blob_piece WHERE seq = :seq RETURNING piece"
_LET_GO = """
INSERT INTO blob_garbage (piece, at)
SELECT :piece, :at
WHERE NOT EXISTS (SELECT 1 FROM blob_piece WHERE piece = :piece AND piece <> '')
  AND NOT EXISTS (SELECT 1 FROM blob_part WHERE piece = :piece AND piece <> '')
ON CONFLICT (piece) DO NOTHING
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a change is given from outside the transaction."""

    app: AppId
    at: float
    version: str  # fresh, for a bucket that keeps versions
    event: str  # fresh
    cause: Cause


def find(connection: sqlite3.Connection, app: AppId, naming: Naming) -> tuple[int, Blob] | None:
    """Look up the version that is named, or what is shown."""
    statement = _VERSION if naming.version else _SHOWN
    row = connection.execute(statement, _key(app, naming) | {"version": naming.version}).fetchone()
    return (row[0], blob_of(row)) if row else None


def pieces_of(connection: sqlite3.Connection, seq: int) -> tuple[Piece, ...]:
    rows = connection.execute(_PIECES, {"seq": seq})
    return tuple(Piece(size=size, name=piece, data=data) for size, piece, data in rows)


def store(
    connection: sqlite3.Connection, change: Change, draft: Draft, condition: Condition
) -> tuple[Blob, Sequence[Event]]:
    """Make a draft the current version of its key."""
    naming = Naming(bucket=draft.bucket, key=draft.key)
    keeps = ensure_bucket(connection, change.app, draft.bucket, at=change.at)
    before = _shown(connection, change.app, naming)
    check_write(condition, before)
    blob = Blob(
        bucket=draft.bucket,
        key=draft.key,
        version=change.version if keeps is Versioning.ON else UNVERSIONED,
        size=draft.size,
        etag=draft.etag,
        stored_at=change.at,
        about=draft.about,
        checksums=draft.checksums,
    )
    seq, freed = _put_on_top(connection, change, blob)
    for number, piece in enumerate(draft.pieces):
        given = {"size": piece.size, "piece": piece.name, "data": piece.data}
        connection.execute(_INSERT_PIECE, {"seq": seq, "number": number, **given})
    # Last: a copy onto itself holds again what it has just let go.
    let_go(connection, freed, at=change.at)
    return blob, _events(change, before, blob)


def delete(
    connection: sqlite3.Connection,
    change: Change,
    naming: Naming,
    condition: Condition,
    *,
    force: bool = False,
) -> tuple[Deleted | None, Sequence[Event]]:
    """Delete a version, or whatever is shown; in a bucket that keeps versions by a marker."""
    bucket = read_bucket(connection, change.app, naming.bucket)
    if bucket is None:
        return None, ()
    before = _shown(connection, change.app, naming)
    meant = find(connection, change.app, naming)
    check_write(condition, meant[1] if meant else None)
    if naming.version or bucket.versioning is Versioning.OFF:
        version = naming.version or UNVERSIONED
        if meant is not None:
            check_unlocked(meant[1], at=change.at, force=force)
        deleted = _remove_version(connection, change, replace(naming, version=version))
    else:
        deleted = _mark(connection, change, naming, bucket.versioning)
    after = _shown(connection, change.app, naming)
    marked = "" if deleted is None or not deleted.marker or naming.version else deleted.version
    return deleted, _events(change, before, after, marker=marked)


def describe(
    connection: sqlite3.Connection, app: AppId, naming: Naming, about: About, condition: Condition
) -> Blob | None:
    found = find(connection, app, naming)
    if found is None or found[1].marker:
        return None
    seq, blob = found
    check_write(condition, blob)
    connection.execute(_DESCRIBE, {"seq": seq, "about": encoded(about)})
    return replace(blob, about=about)


def let_go(connection: sqlite3.Connection, pieces: Sequence[str], *, at: float) -> None:
    """Whatever of these nothing holds any more is garbage."""
    for piece in pieces:
        if piece:
            connection.execute(_LET_GO, {"piece": piece, "at": at})


def blob_of(row: Sequence[Any]) -> Blob:
    """Read a row of ``COLUMNS``."""
    _, bucket, key, version, current, marker, size, etag, stored_at, about, checksums = row
    return Blob(
        bucket=bucket,
        key=key,
        version=version,
        size=size,
        etag=etag,
        stored_at=stored_at,
        about=msgspec.json.decode(about, type=About),
        checksums=msgspec.json.decode(checksums, type=dict[str, str]),
        marker=bool(marker),
        current=bool(current),
    )


def encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _mark(
    connection: sqlite3.Connection, change: Change, naming: Naming, keeps: Versioning
) -> Deleted:
    marker = Blob(
        bucket=naming.bucket,
        key=naming.key,
        version=change.version if keeps is Versioning.ON else UNVERSIONED,
        size=0,
        etag="",
        stored_at=change.at,
        marker=True,
    )
    _, freed = _put_on_top(connection, change, marker)
    let_go(connection, freed, at=change.at)
    return Deleted(version=marker.version, marker=True)


def _put_on_top(
    connection: sqlite3.Connection, change: Change, blob: Blob
) -> tuple[int, Sequence[str]]:
    """Insert the newest version of a key; what has no version of its own makes room for it.

    Gives the new row, and the pieces of the one that went.
    """
    naming = Naming(bucket=blob.bucket, key=blob.key, version=blob.version)
    freed: Sequence[str] = ()
    if blob.version == UNVERSIONED:
        _, freed = _take_out(connection, change.app, naming)
    connection.execute(_REPLACE, _key(change.app, naming) | {"at": change.at})
    row = connection.execute(
        _INSERT,
        {
            **_key(change.app, naming),
            "version": blob.version,
            "marker": blob.marker,
            "size": blob.size,
            "etag": blob.etag,
            "stored_at": blob.stored_at,
            "about": encoded(blob.about),
            "checksums": encoded(blob.checksums),
        },
    ).fetchone()
    return int(row[0]), freed


def _remove_version(
    connection: sqlite3.Connection, change: Change, naming: Naming
) -> Deleted | None:
    gone, freed = _take_out(connection, change.app, naming)
    if gone is None:
        return None
    let_go(connection, freed, at=change.at)
    newest = connection.execute(_NEWEST, _key(change.app, naming)).fetchone()
    if newest:
        connection.execute(_SHOW, {"seq": newest[0]})
    return Deleted(version=gone.version, marker=gone.marker)


def _take_out(
    connection: sqlite3.Connection, app: AppId, naming: Naming
) -> tuple[Blob | None, Sequence[str]]:
    found = find(connection, app, naming)
    if found is None:
        return None, ()
    seq, blob = found
    connection.execute(_REMOVE, {"seq": seq})
    rows = connection.execute(_REMOVE_PIECES, {"seq": seq}).fetchall()
    return blob, [piece for (piece,) in rows]


def _shown(connection: sqlite3.Connection, app: AppId, naming: Naming) -> Blob | None:
    found = find(connection, app, Naming(bucket=naming.bucket, key=naming.key))
    return found[1] if found else None


def _events(
    change: Change, before: Blob | None, after: Blob | None, *, marker: str = ""
) -> Sequence[Event]:
    seen = visible_change(before, after)
    if seen is None:
        return ()
    type, blob = seen
    event = blob_event(
        type, change.app, blob, change.cause, id=change.event, at=change.at, marker=marker
    )
    return (event,)


def _key(app: AppId, naming: Naming) -> dict[str, Any]:
    return {"app": app, "bucket": naming.bucket, "key": naming.key}
