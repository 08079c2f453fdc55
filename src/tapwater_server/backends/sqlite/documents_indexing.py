"""Indexes in steps: wanted, built some rows at a time while others write, dropped the same way."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.backends.sqlite.documents_rows import (
    KeptIndex,
    document_of,
    read_definition,
    read_indexes,
    write_definition,
)
from tapwater_server.model.document.index import INDEXES_MAX, Index, IndexState, State, keys
from tapwater_server.model.document.paths import DocPath
from tapwater_server.model.errors import Invalid

STEP_BYTES_MAX = 2 << 20  # Of documents looked at in one step: others wait for it.

_ADD = """
INSERT INTO doc_index (app, id, name, definition, state, built, reached, reason)
VALUES (:app, :id, :name, :definition, 'building', 0, 0, '')
"""
_DROP = "DELETE FROM doc_index WHERE app = :app AND id = :id RETURNING iid"
_DROP_ALL = "DELETE FROM doc_index WHERE app = :app RETURNING iid"
_NOTE_DROPPED = "INSERT INTO doc_dropped (iid) VALUES (:iid)"
_DROPPED = "SELECT iid FROM doc_dropped ORDER BY iid LIMIT 1"
_FORGET_DROPPED = "DELETE FROM doc_dropped WHERE iid = :iid"
_REMOVE_ENTRIES = """
DELETE FROM doc_entry WHERE iid = :iid AND (cid, key) IN (
    SELECT cid, key FROM doc_entry WHERE iid = :iid LIMIT :count_max)
"""
_BUILDING = """
SELECT iid, app, name, definition, built, reached FROM doc_index
WHERE state = 'building' ORDER BY iid LIMIT 1
"""
_NEXT = """
SELECT c.path, d.id, d.version, d.created_at, d.updated_at, d.expires_at, d.raw, d.rid, d.cid
FROM document d CROSS JOIN doc_collection c ON c.cid = d.cid
WHERE d.rid > :reached AND d.rid <= :until AND c.app = :app AND c.name = :name
ORDER BY d.rid
"""
_AHEAD = "SELECT min(rid), (SELECT max(rid) FROM document) FROM document WHERE rid > :reached"
_ADD_ENTRY = """
INSERT OR REPLACE INTO doc_entry (iid, cid, key, rid) VALUES (:iid, :cid, :key, :rid)
"""
_STEPPED = """
UPDATE doc_index SET state = :state, built = :built, reached = :reached, reason = :reason
WHERE iid = :iid
"""


def put_index(connection: sqlite3.Connection, app: str, index: Index) -> IndexState:
    """Want an index."""
    kept = list(read_indexes(connection, app, index.name))
    for each in kept:
        if each.index.id == index.id:
            if each.held.state is not State.FAILED:
                return each.held
            drop_index(connection, app, index.id)
            kept.remove(each)
            break
    if len(kept) >= INDEXES_MAX:
        raise Invalid(f"{index.name} has {len(kept)} indexes already; the most is {INDEXES_MAX}")
    row = {"app": app, "id": index.id, "name": index.name, "definition": write_definition(index)}
    connection.execute(_ADD, row)
    return IndexState(index=index, state=State.BUILDING)


def drop_index(connection: sqlite3.Connection, app: str, id: str) -> bool:
    """Forget an index at once; its entries go in steps."""
    rows = connection.execute(_DROP, {"app": app, "id": id}).fetchall()
    _note_dropped(connection, rows)
    return bool(rows)


def drop_all(connection: sqlite3.Connection, app: str) -> None:
    """Forget all indexes of an app."""
    _note_dropped(connection, connection.execute(_DROP_ALL, {"app": app}).fetchall())


def _note_dropped(connection: sqlite3.Connection, rows: Sequence[tuple[int]]) -> None:
    for (iid,) in rows:
        connection.execute(_NOTE_DROPPED, {"iid": iid})


def step(connection: sqlite3.Connection, *, count_max: int) -> bool:
    """Remove some entries of a dropped index, or build some of a wanted one."""
    dropped = connection.execute(_DROPPED).fetchone()
    if dropped is not None:
        at = {"iid": dropped[0], "count_max": count_max}
        if connection.execute(_REMOVE_ENTRIES, at).rowcount < count_max:
            connection.execute(_FORGET_DROPPED, at)
        return True
    building = connection.execute(_BUILDING).fetchone()
    if building is None:
        return False
    _build(connection, building, count_max=count_max)
    return True


def _build(
    connection: sqlite3.Connection,
    building: tuple[int, str, str, bytes, int, int],
    *,
    count_max: int,
) -> None:
    iid, app, name, definition, built, reached = building
    index = read_definition(definition)
    stepped: dict[str, Any] = {
        "iid": iid,
        "state": "ready",
        "built": built,
        "reached": reached,
        "reason": "",
    }
    nearest, last = connection.execute(_AHEAD, {"reached": reached}).fetchone()
    if nearest is not None:
        # A stretch of rows, whoever's they are: the step takes no longer in a crowd.
        until = nearest + count_max
        at = {"reached": reached, "until": until, "app": app, "name": name}
        try:
            count, until = _enter(connection, iid, index, at)
            stepped["built"] += count
            stepped |= {"reached": until, "state": "building" if until < last else "ready"}
        except Invalid as error:
            stepped |= {"state": "failed", "reason": error.message}
    connection.execute(_STEPPED, stepped)


def _enter(
    connection: sqlite3.Connection, iid: int, index: Index, at: Mapping[str, Any]
) -> tuple[int, int]:
    """Enter a stretch of documents; say how many, and how far this got."""
    count = size = 0
    for row in connection.execute(_NEXT, at):
        path = DocPath(row[0], row[1])
        *_, rid, cid = row
        document = document_of(path, row[2:7])
        try:
            found = keys(index, path, document.data)
        except Invalid as error:
            raise Invalid(f"{path}: {error.message}") from None
        entry = {"iid": iid, "cid": 0 if index.group else cid, "rid": rid}
        connection.executemany(_ADD_ENTRY, [{**entry, "key": key} for key in found])
        count, size = count + 1, size + len(document.raw)
        if size > STEP_BYTES_MAX:
            return count, rid
    return count, at["until"]


def all_indexes(connection: sqlite3.Connection, app: str) -> Sequence[KeptIndex]:
    """List an app's indexes."""
    return list(read_indexes(connection, app))
