"""Listings of blobs, by key, by version and by age."""

import json
import sqlite3
from collections.abc import Sequence

from tapwater_server.backends.sqlite.blob_rows import COLUMNS, blob_of
from tapwater_server.model.blob import Blob, Page
from tapwater_server.model.blob_paging import beyond, page
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import Aged, Listing

_LAST_KEY = "\U0010ffff"  # No key is above so many of these: keys have a ceiling.
_LAST = _LAST_KEY * 300

_SHOWN = f"""
SELECT {COLUMNS} FROM blob
WHERE app = :app AND bucket = :bucket AND current = 1 AND marker = 0
  AND key >= :start AND key < :end
ORDER BY key LIMIT :count_max
"""
_VERSIONS = f"""
SELECT {COLUMNS} FROM blob
WHERE app = :app AND bucket = :bucket AND key >= :start AND key < :end
  AND (key > :after OR seq < :after_seq)
ORDER BY key, seq DESC LIMIT :count_max
"""
_SEQ = """
SELECT seq FROM blob
WHERE app = :app AND bucket = :bucket AND key = :key AND version = :version
"""
# Of those only that have all the tags, and a size within bounds.
_CHOSEN = """
  AND size > :size_over AND (:size_under = 0 OR size < :size_under)
  AND (:tag_count = 0 OR :tag_count = (
       SELECT count(*) FROM json_each(:tags) AS wanted, json_each(about, '$.tags') AS given
       WHERE wanted.key = given.key AND wanted.value = given.value))
"""
_STORED_BEFORE = f"""
SELECT {COLUMNS} FROM blob
WHERE app = :app AND bucket = :bucket AND current = 1 AND marker = 0
  AND key >= :start AND key < :end AND stored_at < :before {_CHOSEN}
ORDER BY key LIMIT :count_max
"""
_REPLACED_BEFORE = f"""
SELECT {COLUMNS} FROM blob AS old
WHERE app = :app AND bucket = :bucket AND replaced_at < :before
  AND key >= :start AND key < :end
  AND (SELECT count(*) FROM (
       SELECT 1 FROM blob
       WHERE app = old.app AND bucket = old.bucket AND key = old.key AND seq > old.seq
         AND replaced_at IS NOT NULL LIMIT :keep_old_max)) >= :keep_old_max
  {_CHOSEN}
ORDER BY replaced_at LIMIT :count_max
"""
# A marker that hides nothing any more only makes listings of versions longer.
_LONELY_MARKERS = f"""
SELECT {COLUMNS} FROM blob AS old
WHERE app = :app AND bucket = :bucket AND current = 1 AND marker = 1 AND stored_at < :before
  AND key >= :start AND key < :end
  AND NOT EXISTS (SELECT 1 FROM blob
                  WHERE app = old.app AND bucket = old.bucket AND key = old.key
                    AND seq < old.seq)
ORDER BY key LIMIT :count_max
"""
_USAGE = """
SELECT count(*), coalesce(sum(size), 0) FROM blob WHERE app = :app AND bucket = :bucket
"""


def list_shown(connection: sqlite3.Connection, app: AppId, listing: Listing) -> Page:
    def scan(start: str, end: str | None, count_max: int) -> Sequence[Blob]:
        given = {"app": app, "bucket": listing.bucket, "start": start, "end": end or _LAST}
        rows = connection.execute(_SHOWN, {**given, "count_max": count_max})
        return [blob_of(row) for row in rows]

    return page(
        scan,
        prefix=listing.prefix,
        delimiter=listing.delimiter,
        after=listing.after,
        count_max=listing.count_max,
    )


def list_versions(
    connection: sqlite3.Connection, app: AppId, listing: Listing, after_version: str
) -> Page:
    names = {"app": app, "bucket": listing.bucket}
    after_seq = 0
    if after_version:
        place = {"key": listing.after, "version": after_version}
        row = connection.execute(_SEQ, {**names, **place}).fetchone()
        after_seq = row[0] if row else 0
    rows = connection.execute(
        _VERSIONS,
        {
            **names,
            "start": max(listing.prefix, listing.after),
            "end": beyond(listing.prefix) or _LAST,
            "after": listing.after,
            "after_seq": after_seq,
            "count_max": listing.count_max + 1,
        },
    )
    blobs = tuple(blob_of(row) for row in rows)
    if len(blobs) <= listing.count_max:
        return Page(blobs=blobs)
    last = blobs[listing.count_max - 1]
    return Page(blobs=blobs[: listing.count_max], next=f"{last.key}\0{last.version}")


def list_aged(connection: sqlite3.Connection, app: AppId, aged: Aged) -> Sequence[Blob]:
    given = {
        "app": app,
        "bucket": aged.bucket,
        "start": aged.prefix,
        "end": beyond(aged.prefix) or _LAST,
        "keep_old_max": aged.keep_old_max,
        "count_max": aged.count_max,
        "tags": json.dumps(dict(aged.tags)),
        "tag_count": len(aged.tags),
        "size_over": aged.size_over,
        "size_under": aged.size_under,
    }
    if aged.markers_before is not None:
        rows = connection.execute(_LONELY_MARKERS, {**given, "before": aged.markers_before})
        return [blob_of(row) for row in rows]
    if aged.stored_before is not None:
        rows = connection.execute(_STORED_BEFORE, {**given, "before": aged.stored_before})
        return [blob_of(row) for row in rows]
    found = []
    plain = not aged.tags and aged.size_over < 0 and not aged.size_under
    for statement in (_REPLACED_BEFORE, _LONELY_MARKERS) if plain else (_REPLACED_BEFORE,):
        rows = connection.execute(statement, {**given, "before": aged.replaced_before})
        found += [blob_of(row) for row in rows]
    return found[: aged.count_max]


def count_usage(connection: sqlite3.Connection, app: AppId, bucket: str) -> tuple[int, int]:
    count, size = connection.execute(_USAGE, {"app": app, "bucket": bucket}).fetchone()
    return int(count), int(size)
