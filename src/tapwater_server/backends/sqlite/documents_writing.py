"""A commit inside one transaction: conditions, documents, index entries, versions, events."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tapwater_server.backends.sqlite.documents_rows import (
    Kept,
    KeptIndex,
    collection_id,
    make_collection,
    read_indexes,
    read_kept,
)
from tapwater_server.backends.sqlite.documents_ttl import ttl_of
from tapwater_server.model.document import write as writing
from tapwater_server.model.document.document import Document
from tapwater_server.model.document.expiry import Ttl
from tapwater_server.model.document.happened import Change
from tapwater_server.model.document.index import State, keys
from tapwater_server.model.document.paths import DocPath, name_of
from tapwater_server.model.document.write import Write

_NEXT_VERSION = "UPDATE doc_version SET version = version + 1 RETURNING version"
_ADD = """
INSERT INTO document (cid, id, version, created_at, updated_at, expires_at, raw)
VALUES (:cid, :id, :version, :created_at, :updated_at, :expires_at, :raw)
"""
_CHANGE = """
UPDATE document SET version = :version, updated_at = :updated_at, expires_at = :expires_at,
                    raw = :raw
WHERE rid = :rid
"""
_REMOVE = "DELETE FROM document WHERE rid = :rid"
_ADD_ENTRY = """
INSERT OR REPLACE INTO doc_entry (iid, cid, key, rid) VALUES (:iid, :cid, :key, :rid)
"""
_REMOVE_ENTRY = "DELETE FROM doc_entry WHERE iid = :iid AND cid = :cid AND key = :key"


@dataclass(slots=True)
class Commit:
    """One commit in progress, on the writer's connection."""

    connection: sqlite3.Connection
    app: str
    now: float
    changes: list[Change] = field(default_factory=list)
    _indexes: dict[str, Sequence[KeptIndex]] = field(default_factory=dict)
    _ttls: dict[str, Ttl | None] = field(default_factory=dict)

    def check_reads(self, reads: Mapping[DocPath, int]) -> None:
        """Refuse to go on if something that was read has changed.

        Raises:
            Moved: it has.
        """
        now = dict.fromkeys(reads, 0)
        for path in reads:
            cid = collection_id(self.connection, self.app, path.collection)
            kept = cid is not None and read_kept(self.connection, cid, path, now=self.now)[0]
            if kept:
                now[path] = kept.document.version
        problem = writing.moved(reads, now)
        if problem is not None:
            raise problem

    def write(self, write: Write) -> Document | None:
        """Do one write; the document as it is now."""
        if write.kind is writing.Kind.DELETE:
            self._delete(write)
            return None
        cid = make_collection(self.connection, self.app, write.path.collection)
        kept, expired = read_kept(self.connection, cid, write.path, now=self.now)
        old = kept.document if kept else None
        writing.check_condition(write, old)
        data = writing.apply(write, old.data if old and _needs_old(write) else None, now=self.now)
        if expired is not None:
            self.remove(cid, expired)  # It was gone for everybody; now it is.
        assert data is not None, "only a delete leaves nothing"
        version = self._next_version()
        ttl = self._ttl_of(name_of(write.path.collection))
        new = writing.draft(write, old, data, now=self.now, version=version, ttl=ttl)
        rid = self._put(cid, kept, new)
        self._enter(cid, rid, kept, new)
        self.changes.append(Change(path=write.path, before=old, after=new))
        return new

    def _delete(self, write: Write) -> None:
        kept: Kept | None = None
        cid = collection_id(self.connection, self.app, write.path.collection)
        if cid is not None:  # What was never there leaves no collection behind.
            kept, expired = read_kept(self.connection, cid, write.path, now=self.now)
            gone = kept or expired
            if gone is not None:
                writing.check_condition(write, kept.document if kept else None)
                self.remove(cid, gone)
                return
        writing.check_condition(write, None)

    def remove(self, cid: int, kept: Kept) -> None:
        """Take a document away, with its entries."""
        self._next_version()
        self.connection.execute(_REMOVE, {"rid": kept.rid})
        self._enter(cid, kept.rid, kept, None)
        document = kept.document
        self.changes.append(Change(path=document.path, before=document, after=None))

    def _next_version(self) -> int:
        return int(self.connection.execute(_NEXT_VERSION).fetchone()[0])

    def _put(self, cid: int, kept: Kept | None, new: Document) -> int:
        row = {
            "cid": cid,
            "id": new.path.id,
            "version": new.version,
            "created_at": new.created_at,
            "updated_at": new.updated_at,
            "expires_at": new.expires_at,
            "raw": new.raw,
        }
        if kept is None:
            added = self.connection.execute(_ADD, row).lastrowid
            assert added is not None
            return added
        self.connection.execute(_CHANGE, {**row, "rid": kept.rid})
        return kept.rid

    def _enter(self, cid: int, rid: int, kept: Kept | None, new: Document | None) -> None:
        """Bring the indexes' entries from what was to what is."""
        path = new.path if new else kept.document.path if kept else None
        assert path is not None
        indexes = self._indexes_of(name_of(path.collection))
        if not indexes:
            return
        before = kept.document.data if kept else None
        after = new.data if new else None
        for each in indexes:
            old = frozenset(keys(each.index, path, before)) if before is not None else frozenset()
            now = frozenset(keys(each.index, path, after)) if after is not None else frozenset()
            at = {"iid": each.iid, "cid": 0 if each.index.group else cid, "rid": rid}
            for key in old - now:
                self.connection.execute(_REMOVE_ENTRY, {**at, "key": key})
            for key in now - old if each.held.state is State.READY else now:
                self.connection.execute(_ADD_ENTRY, {**at, "key": key})

    def _ttl_of(self, name: str) -> Ttl | None:
        if name not in self._ttls:
            self._ttls[name] = ttl_of(self.connection, self.app, name)
        return self._ttls[name]

    def _indexes_of(self, name: str) -> Sequence[KeptIndex]:
        found = self._indexes.get(name)
        if found is None:
            found = self._indexes[name] = [
                each
                for each in read_indexes(self.connection, self.app, name)
                if each.held.state is not State.FAILED
            ]
        return found


def _needs_old(write: Write) -> bool:
    return write.kind in {writing.Kind.MERGE, writing.Kind.UPDATE}
