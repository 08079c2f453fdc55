"""Versions of blobs as rows: what store, delete and copy do within one transaction."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tapwater_server.backends.sqlite.blob_buckets import ensure_bucket
from tapwater_server.model.blob import (
    UNVERSIONED,
    About,
    Blob,
    Cause,
    Draft,
    Piece,
    Versioning,
)
from tapwater_server.model.blob_conditions import Condition, check_write
from tapwater_server.model.blob_events import blob_event, visible_change
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import Deleted, Naming

COLUMNS = """seq, bucket, key, version, current, marker, size, etag, stored_at, about, checksums"""

_SHOWN = f"""
SELECT {COLUMNS} FROM blob
WHERE app = :app AND bucket = :bucket AND key = :key AND current = 1 AND marker = 0
"""
_VERSION = f"""
SELECT {COLUMNS} FROM blob
WHERE app = :app AND bucket = :bucket AND key = :key AND version = :version
"""
_NEWEST = """
SELECT max(seq) FROM blob WHERE app = :app AND bucket = :bucket AND key = :key
"""
_PIECES = "SELECT size, piece, data FROM blob_piece WHERE seq = :seq ORDER BY number"
_REPLACE = """
UPDATE blob SET current = 0, replaced_at = :at
WHERE app = :app AND bucket = :bucket AND key = :key AND current = 1
"""
_SHOW_NEWEST = """
UPDATE blob SET current = 1, replaced_at = NULL WHERE seq = :seq
"""
_INSERT = """
INSERT INTO blob (app, bucket, key, version, current, marker, size, etag, stored_at, about,
                  checksums)
VALUES (:app, :bucket, :key, :version, 1, :marker, :size, :etag, :at, :about, :checksums)
"""
_INSERT_PIECE = """
INSERT INTO blob_piece (seq, number, size, piece, data) VALUES (?, ?, ?, ?, ?)
"""
_DESCRIBE = "UPDATE blob SET about = :about WHERE seq = :seq"
_REMOVE = "DELETE FROM blob WHERE seq = :seq"
_NAMED_OF = "SELECT piece FROM blob_piece WHERE seq = :seq AND piece <> ''"
_REMOVE_PIECES = "DELETE FROM blob_piece WHERE seq = :seq"
_LET_GO = """
INSERT INTO blob_garbage (piece, at)
SELECT :piece, :at
WHERE NOT EXISTS (SELECT 1 FROM blob_piece WHERE piece = :piece)
  AND NOT EXISTS (SELECT 1 FROM blob_part WHERE piece = :piece)
ON CONFLICT (piece) DO NOTHING
"""
Row = Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What every change is given from outside the transaction."""

    app: AppId
    at: float
    version: str  # fresh, for a bucket that keeps versions
    event: str  # fresh
    cause: Cause

    def event_of(self, before: Blob | None, after: Blob | None) -> Sequence[Event]:
        seen = visible_change(before, after)
        if seen is None:
            return ()
        type, blob = seen
        return (blob_event(type, self.app, blob, self.cause, id=self.event, at=self.at),)


@dataclass(frozen=True, slots=True)
class Changed[T]:
    """What came of a change, and the events it raises."""

    result: T
    events: Sequence[Event] = ()
