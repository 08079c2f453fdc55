"""Buckets as rows."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from tapwater_server.model.blob import Bucket, LifecycleRule, Versioning
from tapwater_server.model.errors import Conflict
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import BUCKETS_MAX

_COLUMNS = "name, created_at, versioning, lifecycle"
_ONE = f"SELECT {_COLUMNS} FROM blob_bucket WHERE app = :app AND name = :name"
_ALL = f"SELECT {_COLUMNS} FROM blob_bucket WHERE app = :app ORDER BY name"
_LIVING = f"SELECT app, {_COLUMNS} FROM blob_bucket WHERE lifecycle <> '[]' ORDER BY app, name"
_COUNT = "SELECT count(*) FROM blob_bucket WHERE app = :app"
_INSERT = """
INSERT INTO blob_bucket (app, name, created_at, versioning, lifecycle)
VALUES (:app, :name, :at, :versioning, :lifecycle)
"""
_UPDATE = """
UPDATE blob_bucket SET versioning = :versioning, lifecycle = :lifecycle
WHERE app = :app AND name = :name
"""
_REMOVE = "DELETE FROM blob_bucket WHERE app = :app AND name = :name"
_HOLDS = """
SELECT EXISTS (SELECT 1 FROM blob WHERE app = :app AND bucket = :name)
    OR EXISTS (SELECT 1 FROM blob_upload WHERE app = :app AND bucket = :name)
"""


def read_bucket(connection: sqlite3.Connection, app: AppId, name: str) -> Bucket | None:
    row = connection.execute(_ONE, {"app": app, "name": name}).fetchone()
    return _bucket(row) if row else None


def read_buckets(connection: sqlite3.Connection, app: AppId) -> Sequence[Bucket]:
    return [_bucket(row) for row in connection.execute(_ALL, {"app": app})]


def read_living(connection: sqlite3.Connection) -> Sequence[tuple[AppId, Bucket]]:
    return [(AppId(row[0]), _bucket(row[1:])) for row in connection.execute(_LIVING)]


def ensure_bucket(
    connection: sqlite3.Connection, app: AppId, name: str, *, at: float
) -> Versioning:
    """Make the bucket if it is not there; say whether it keeps versions."""
    bucket = read_bucket(connection, app, name)
    if bucket is None:
        bucket = Bucket(name=name, created_at=at)
        _insert(connection, app, bucket)
    return bucket.versioning


def put_bucket(connection: sqlite3.Connection, app: AppId, bucket: Bucket) -> bool:
    there = read_bucket(connection, app, bucket.name)
    if there is None:
        _insert(connection, app, bucket)
        return True
    if there.versioning is not Versioning.OFF and bucket.versioning is Versioning.OFF:
        raise Conflict("a bucket that has kept versions can only suspend that")
    connection.execute(_UPDATE, _row(app, bucket))
    return False


def drop_bucket(connection: sqlite3.Connection, app: AppId, name: str) -> bool:
    names = {"app": app, "name": name}
    if connection.execute(_HOLDS, names).fetchone()[0]:
        raise Conflict(f"the bucket {name} still holds blobs, old versions or unfinished uploads")
    return connection.execute(_REMOVE, names).rowcount > 0


def _insert(connection: sqlite3.Connection, app: AppId, bucket: Bucket) -> None:
    if connection.execute(_COUNT, {"app": app}).fetchone()[0] >= BUCKETS_MAX:
        raise Conflict(f"an app has {BUCKETS_MAX} buckets at most")
    connection.execute(_INSERT, _row(app, bucket))


def _row(app: AppId, bucket: Bucket) -> dict[str, Any]:
    return {
        "app": app,
        "name": bucket.name,
        "at": bucket.created_at,
        "versioning": bucket.versioning.value,
        "lifecycle": msgspec.json.encode(bucket.lifecycle).decode(),
    }


def _bucket(row: Sequence[Any]) -> Bucket:
    name, created_at, versioning, lifecycle = row
    return Bucket(
        name=name,
        created_at=created_at,
        versioning=Versioning(versioning),
        lifecycle=msgspec.json.decode(lifecycle, type=tuple[LifecycleRule, ...]),
    )
