"""Rows of documents, collections and indexes, and what they are as values."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from tapwater_server.model.document.document import Document
from tapwater_server.model.document.index import Index, IndexField, IndexState, State
from tapwater_server.model.document.paths import DocPath, name_of
from tapwater_server.ports.documents import check_together

_COLLECTION = "SELECT cid FROM doc_collection WHERE app = :app AND path = :path"
_ADD_COLLECTION = """
INSERT INTO doc_collection (app, path, name) VALUES (:app, :path, :name) RETURNING cid
"""
_DOCUMENT = """
SELECT rid, version, created_at, updated_at, expires_at, raw
FROM document WHERE cid = :cid AND id = :id
"""
_PLACED = """
SELECT d.version, d.created_at, d.updated_at, d.expires_at, d.raw
FROM doc_collection c CROSS JOIN document d ON d.cid = c.cid
WHERE c.app = :app AND c.path = :path AND d.id = :id
"""
_INDEXES = """
SELECT iid, definition, state, built, reason FROM doc_index WHERE app = :app ORDER BY id
"""
_INDEXES_OF = """
SELECT iid, definition, state, built, reason FROM doc_index
WHERE app = :app AND name = :name ORDER BY id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A document and its row."""

    rid: int
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptIndex:
    """An index and its number in the table of entries."""

    iid: int
    held: IndexState

    @property
    def index(self) -> Index:
        return self.held.index


class _Definition(msgspec.Struct, array_like=True):
    name: str
    group: bool
    fields: list[tuple[list[str], bool, bool]]


def collection_id(connection: sqlite3.Connection, app: str, path: str) -> int | None:
    """Find the number of a collection."""
    row = connection.execute(_COLLECTION, {"app": app, "path": path}).fetchone()
    return row[0] if row else None


def make_collection(connection: sqlite3.Connection, app: str, path: str) -> int:
    """Find the number of a collection, or give it one."""
    found = collection_id(connection, app, path)
    if found is not None:
        return found
    row = connection.execute(_ADD_COLLECTION, {"app": app, "path": path, "name": name_of(path)})
    return int(row.fetchone()[0])


def read_kept(
    connection: sqlite3.Connection, cid: int, path: DocPath, *, now: float
) -> tuple[Kept | None, Kept | None]:
    """Read the document at a path, and the one that has expired there: one of both at most."""
    row = connection.execute(_DOCUMENT, {"cid": cid, "id": path.id}).fetchone()
    if row is None:
        return None, None
    kept = Kept(rid=row[0], document=document_of(path, row[1:]))
    return (None, kept) if has_expired(kept.document, now) else (kept, None)


def read_document(
    connection: sqlite3.Connection, app: str, path: DocPath, *, now: float
) -> Document | None:
    """Read one document."""
    row = connection.execute(
        _PLACED, {"app": app, "path": path.collection, "id": path.id}
    ).fetchone()
    document = document_of(path, row) if row else None
    return None if document is None or has_expired(document, now) else document


def read_several(
    connection: sqlite3.Connection, app: str, paths: Sequence[DocPath], *, now: float
) -> Sequence[Document | None]:
    """Read several.

    Raises:
        TooLarge: they are too large together.
    """
    found, size = [], 0
    for path in paths:
        document = read_document(connection, app, path, now=now)
        size += len(document.raw) if document else 0
        check_together(size)
        found.append(document)
    return found


def document_of(path: DocPath, row: Sequence[Any]) -> Document:
    """Make a document of version, created, updated, expires and raw."""
    return Document(
        path=path,
        version=row[0],
        created_at=row[1],
        updated_at=row[2],
        expires_at=row[3],
        raw=bytes(row[4]),
    )


def has_expired(document: Document, now: float) -> bool:
    """Say whether nobody may see a document any more."""
    return 0.0 < document.expires_at <= now


def read_indexes(
    connection: sqlite3.Connection, app: str, name: str | None = None
) -> Iterator[KeptIndex]:
    """Read an app's indexes, of one collection name if given."""
    sql = _INDEXES if name is None else _INDEXES_OF
    for iid, definition, state, built, reason in connection.execute(
        sql, {"app": app, "name": name}
    ):
        held = IndexState(
            index=read_definition(definition), state=State(state), built=built, reason=reason
        )
        yield KeptIndex(iid=iid, held=held)


def write_definition(index: Index) -> bytes:
    """Write an index for its row."""
    fields = [(list(each.field), each.descending, each.each) for each in index.fields]
    return msgspec.msgpack.encode(_Definition(index.name, index.group, fields))


@lru_cache(maxsize=1000)
def read_definition(raw: bytes) -> Index:
    """Read an index from its row; each commit does, so they are remembered."""
    read = msgspec.msgpack.decode(raw, type=_Definition)
    return Index(
        name=read.name,
        group=read.group,
        fields=tuple(IndexField(tuple(place), falls, each) for place, falls, each in read.fields),
    )
