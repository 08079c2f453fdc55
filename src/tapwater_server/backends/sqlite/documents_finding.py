"""Queries inside one read transaction: the plan's stretches, judged document by document."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from heapq import merge, nsmallest
from typing import Any

from tapwater_server.backends.sqlite.documents_rows import (
    KeptIndex,
    collection_id,
    document_of,
    has_expired,
    read_document,
    read_indexes,
)
from tapwater_server.model.document.document import Document
from tapwater_server.model.document.index import State
from tapwater_server.model.document.paths import DocPath, name_of
from tapwater_server.model.document.plan import Branch, Plan, plan
from tapwater_server.model.document.query import (
    Cursor,
    Query,
    Standing,
    keys_of,
    matches,
    read_cursor,
    selected,
    standing,
    write_cursor,
)
from tapwater_server.model.errors import NeedsIndex
from tapwater_server.ports.documents import Counted, Page

_COLUMNS = """
SELECT c.path, d.id, d.version, d.created_at, d.updated_at, d.expires_at, d.raw
"""
_ENTRIES = (
    _COLUMNS
    + """
FROM doc_entry e CROSS JOIN document d ON d.rid = e.rid
                 CROSS JOIN doc_collection c ON c.cid = d.cid
WHERE e.iid = :iid AND e.cid = :cid AND e.key >= :low AND e.key < :high
ORDER BY e.key
"""
)
_ENTRIES_BACK = _ENTRIES.rstrip() + " DESC"
_ALL = (
    _COLUMNS
    + """
FROM doc_collection c CROSS JOIN document d ON d.cid = c.cid
WHERE c.cid = :cid AND d.id > :id
ORDER BY d.id
"""
)
_ALL_BACK = (
    _COLUMNS
    + """
FROM doc_collection c CROSS JOIN document d ON d.cid = c.cid
WHERE c.cid = :cid AND d.id < :id
ORDER BY d.id DESC
"""
)
_GROUP = (
    _COLUMNS
    + """
FROM doc_collection c CROSS JOIN document d ON d.cid = c.cid
WHERE c.app = :app AND c.name = :name AND c.path >= :path AND (c.path > :path OR d.id > :id)
ORDER BY c.path, d.id
"""
)
_GROUP_BACK = (
    _COLUMNS
    + """
FROM doc_collection c CROSS JOIN document d ON d.cid = c.cid
WHERE c.app = :app AND c.name = :name AND c.path <= :path AND (c.path < :path OR d.id < :id)
ORDER BY c.path DESC, d.id DESC
"""
)
_COUNT_ENTRIES = """
SELECT count(*) FROM doc_entry e
WHERE e.iid = :iid AND e.cid = :cid AND e.key >= :low AND e.key < :high
"""
_COUNT_ALL = "SELECT count(*) FROM document WHERE cid = :cid"
_COUNT_GROUP = """
SELECT count(*) FROM doc_collection c CROSS JOIN document d ON d.cid = c.cid
WHERE c.app = :app AND c.name = :name
"""
_SOME_EXPIRED = """
SELECT EXISTS (SELECT 1 FROM document WHERE expires_at > 0 AND expires_at <= :now)
"""
HELD_BYTES_MAX = 16 << 10  # Of one document that waits to be sorted.
_Found = tuple[Standing, Document | DocPath]
_FIRST, _LAST = "", b""  # In SQLite every text stands between them.


@dataclass(slots=True, kw_only=True)
class Search:
    """One query in progress, on a reader's connection in a transaction."""

    connection: sqlite3.Connection
    app: str
    query: Query
    now: float
    looked_at_max: int
    looked_at: int = 0
    cursor: Cursor | None = None
    _plan: Plan = field(default_factory=partial(Plan, branches=()))
    _indexes: dict[str, KeptIndex] = field(default_factory=dict)

    def prepare(self) -> None:
        """Read the cursor and choose a plan among the indexes that are ready."""
        self.cursor = read_cursor(self.query)
        for each in read_indexes(self.connection, self.app, name_of(self.query.collection)):
            if each.held.state is State.READY:
                self._indexes[each.index.id] = each
        indexes = [each.index for each in self._indexes.values()]
        self._plan = plan(self.query, indexes, self.cursor)

    def page(self, bytes_max: int) -> Page:
        """Find one page, of so many bytes.

        Raises:
            NeedsIndex: it would have to look at too much.
        """
        self.prepare()
        limit = self.query.limit
        found, size, more = list[Document](), 0, False
        for document in self._in_order(count_max=limit + 1):
            size += document.shown_bytes
            if found and (len(found) == limit or size > bytes_max):
                more = True
                break
            found.append(document)
        after = ""
        if more:
            last = found[-1]
            after = write_cursor(self.query, keys_of(self.query, last.data), last.path)
        return Page(
            documents=[selected(each, self.query.select) for each in found],
            after=after,
            advice=self._plan.advice,
            looked_at=self.looked_at,
        )

    def count(self) -> Counted:
        """Count all that match, whatever the limit.

        Raises:
            NeedsIndex: it would have to look at too much.
        """
        self.prepare()
        advice = self._plan.advice
        branches = self._plan.branches
        if len(branches) == 1 and branches[0].exact and not self._some_expired():
            return Counted(count=self._count_rows(branches[0]), advice=advice)
        found = set()
        for branch in branches:
            for document in self._matching(branch, in_vain_only=False):
                found.add(document.path)
        return Counted(count=len(found), advice=advice)

    def _some_expired(self) -> bool:
        return bool(self.connection.execute(_SOME_EXPIRED, {"now": self.now}).fetchone()[0])

    def _count_rows(self, branch: Branch) -> int:
        if branch.index is not None:
            sql = _COUNT_ENTRIES
        else:
            sql = _COUNT_GROUP if self.query.group else _COUNT_ALL
        return int(self.connection.execute(sql, self._bounds(branch)).fetchone()[0])

    def _in_order(self, *, count_max: int) -> Iterator[Document]:
        """Give what matches in the query's order, each once, behind the cursor."""
        branches = self._plan.branches
        if len(branches) == 1 and branches[0].ordered:
            # The rows come as they are wanted, from behind the cursor on.
            yield from self._matching(branches[0], in_vain_only=True)
            return
        last: Standing | None = None
        streams = [self._standing(branch, count_max=count_max) for branch in branches]
        for stands, found in merge(*streams, key=_standing):
            if stands != last:
                last = stands
                document = found if isinstance(found, Document) else self._again(found)
                if document is not None:
                    yield document

    def _again(self, path: DocPath) -> Document | None:
        """Read a large document once more, in the same transaction: it is as it was."""
        return read_document(self.connection, self.app, path, now=self.now)

    def _standing(self, branch: Branch, *, count_max: int) -> Iterator[_Found]:
        behind = standing(self.query, self.cursor.keys, self.cursor.path) if self.cursor else None
        found = (
            (standing(self.query, keys_of(self.query, each.data), each.path), each)
            for each in self._matching(branch, in_vain_only=branch.ordered)
        )
        fresh = (_lightened(*each) for each in found if behind is None or each[0] > behind)
        if branch.ordered:
            yield from fresh
        else:
            yield from nsmallest(count_max, fresh, key=_standing)

    def _matching(self, branch: Branch, *, in_vain_only: bool) -> Iterator[Document]:
        """Read a branch and keep what matches; refuse when too much was looked at."""
        for row in self._rows(branch):
            document = document_of(DocPath(row[0], row[1]), row[2:])
            fits = not has_expired(document, self.now) and (
                branch.exact or matches(self.query.where, document.data)
            )
            if not fits or not in_vain_only:
                self._look()
            if fits:
                yield document

    def _look(self) -> None:
        self.looked_at += 1
        if self.looked_at > self.looked_at_max:
            advice = self._plan.advice
            hint = f"make the index {advice.id}" if advice else "ask for less"
            raise NeedsIndex(
                f"this query would look at more than {self.looked_at_max} documents of "
                f"{self.query.collection}: {hint}",
                problems=({"where": "index", "what": advice.id},) if advice else (),
            )

    def _rows(self, branch: Branch) -> Iterator[Any]:
        if branch.index is not None:
            sql = _ENTRIES_BACK if branch.reverse else _ENTRIES
        elif self.query.group:
            sql = _GROUP_BACK if branch.reverse else _GROUP
        else:
            sql = _ALL_BACK if branch.reverse else _ALL
        return self.connection.execute(sql, self._bounds(branch))

    def _bounds(self, branch: Branch) -> dict[str, Any]:
        cursor = self.cursor if branch.ordered and branch.index is None else None
        end: Any = _LAST if branch.reverse else _FIRST
        given: dict[str, Any] = {
            "app": self.app,
            "name": self.query.collection,
            "path": cursor.path.collection if cursor else end,
            "id": cursor.path.id if cursor else end,
            "cid": 0,
        }
        if not self.query.group:
            given["cid"] = collection_id(self.connection, self.app, self.query.collection)
        if branch.index is not None:
            given["iid"] = self._indexes[branch.index.id].iid
            given["low"], given["high"] = branch.stretch.low, branch.stretch.high
        return given


def _standing(found: _Found) -> Standing:
    return found[0]


def _lightened(stands: Standing, document: Document) -> _Found:
    """Put a large document aside while others are sorted; its path is enough to read it again."""
    return (stands, document.path if len(document.raw) > HELD_BYTES_MAX else document)
